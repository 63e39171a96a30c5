"""`r1kit chat`: ask a model and fold its thinking."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from r1kit.cli.options import DeviceOption
from r1kit.cli.process import console, prepare_process
from r1kit.errors import ConfigError, suggest
from r1kit.types import Completion, Problem, SamplingParams, StopReason

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text
    from transformers import PreTrainedTokenizerBase

EXAMPLE = 'Example: echo "Compute 3 + 4" | r1kit chat runs/demo --show-thinking'


def chat(
    model: Annotated[
        str, typer.Argument(metavar="RUN_OR_MODEL", help="A run's folder, a model's, a hub name or nano.")
    ],
    template: Annotated[
        str | None,
        typer.Option(
            help="r1_zero, readable, boxed, chat or plain. Without it the run's; else chat if there is one, or r1_zero."
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, help="0 is greedy.")] = 0.6,
    top_p: Annotated[float, typer.Option(help="Nucleus, above 0 and at most 1.")] = 0.95,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 1024,
    show_thinking: Annotated[
        bool, typer.Option("--show-thinking/--fold", help="Thinking in full, or one line.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and questions give the same answers.")] = 0,
    device: DeviceOption = "auto",
) -> None:
    """Ask a model and fold its thinking.

    One question a line, each on its own. An empty line ends it, and so does Ctrl-D or Ctrl-C.
    """
    screen = console()
    params = SamplingParams(temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens)
    try:
        ask, tokenizer = load_chat(model, template=template, params=params, seed=seed, device=device)
        for question in questions(screen):
            if screen.is_terminal:
                _answer_as_it_comes(screen, partial(ask, question), tokenizer, show_thinking=show_thinking)
            else:
                screen.print(reply(ask(question), tokenizer, show_thinking=show_thinking), soft_wrap=True)
    except KeyboardInterrupt:
        screen.print()


class Ask(Protocol):
    """Asks a model one question."""

    def __call__(self, question: str, watch: Callable[[str], None] = ...) -> Completion:
        """The completion; `watch` gets its text so far after every token."""
        ...


def load_chat(
    name: str, *, template: str | None, params: SamplingParams, seed: int, device: str
) -> tuple[Ask, PreTrainedTokenizerBase]:
    """What asks the model a question, and the model's tokenizer.

    Raises:
        ConfigError: an unknown template or device.
        ModelError: the model cannot be opened, or lacks the chat template that `template` needs.
    """
    from r1kit.tasks.templates import TEMPLATES, encode_prompt

    if template is not None and template not in TEMPLATES:
        raise ConfigError(f"unknown template {template!r}; {suggest(template, TEMPLATES)}")
    prepare_process()
    from r1kit.engines.native import NativeEngine
    from r1kit.models.device import resolve_device, resolve_dtype
    from r1kit.models.load import load_model
    from r1kit.seeding import seed_for

    where = resolve_device(device)
    loaded, tokenizer = load_model(name)
    chosen = TEMPLATES[template or run_template(Path(name)) or ("chat" if tokenizer.chat_template else "r1_zero")]
    engine = NativeEngine(loaded, tokenizer, device=where, dtype=resolve_dtype("auto", where))

    def ask(question: str, watch: Callable[[str], None] = lambda text: None) -> Completion:
        problem = Problem(id="chat", prompt=question, answer="", task="chat")
        prompt = encode_prompt(chosen.render(problem, tokenizer), tokenizer)
        return engine.stream(prompt, params=params, seed=seed_for(seed, "chat", question), watch=watch)

    return ask, tokenizer


def run_template(folder: Path) -> str | None:
    """The template that a run was trained with; None if `folder` is no run's."""
    from r1kit.report.files import read_json

    config = folder / "config.json"
    return read_json(config).get("template") if config.exists() and (folder / "model").is_dir() else None


def questions(screen: Console) -> Iterator[str]:
    """Lines from stdin up to an empty one or the end; in a terminal each after a prompt."""
    while True:
        if sys.stdin.isatty():
            screen.print("> ", end="")
        question = sys.stdin.readline().strip()
        if not question:
            return
        yield question


def _answer_as_it_comes(
    screen: Console, ask: Callable[..., Completion], tokenizer: PreTrainedTokenizerBase, *, show_thinking: bool
) -> None:
    """Show the text while it is drawn, then the reply in its place."""
    from rich.live import Live

    with Live(console=screen, vertical_overflow="visible") as live:
        completion = ask(watch=lambda text: live.update(so_far(text, show_thinking=show_thinking)))
        live.update(reply(completion, tokenizer, show_thinking=show_thinking))


def so_far(text: str, *, show_thinking: bool) -> Text:
    """An unfinished completion: the thinking, dim and folded unless it is to be shown, then the answer so far.

    The answer's closing tag is still to come, so its opening tag and a tag begun at the end are taken off.
    """
    from rich.text import Text

    from r1kit.rewards.extract import ANSWER_OPEN, READABLE_TOKEN, THINK_CLOSE, after_thinking

    shown = Text()
    think = _thinking(text)
    if think is not None:
        is_open = THINK_CLOSE not in text and text.count(READABLE_TOKEN) < 2
        shown.append(f"{think}\n" if show_thinking else "thinking...\n" if is_open else "thought\n", style="dim")
    answer = after_thinking(text).rpartition(ANSWER_OPEN)[2]
    return shown.append(re.sub(r"(<[/\w]*>?|\|\w*)\Z", "", answer).strip())


def reply(completion: Completion, tokenizer: PreTrainedTokenizerBase, *, show_thinking: bool) -> Text:
    """The thinking, dim and folded to a line unless it is to be shown, then the answer."""
    from rich.text import Text

    from r1kit.rewards.extract import after_thinking, split_think_answer

    think, text = _thinking(completion.text), Text()
    if think:
        num_tokens = len(tokenizer.encode(think, add_special_tokens=False))
        text.append(f"{think}\n" if show_thinking else f"thought for {num_tokens} tokens\n", style="dim")
    answer = split_think_answer(completion.text).answer or after_thinking(completion.text).strip()
    if not answer:
        reason = "the length limit came first" if completion.stop_reason is StopReason.LENGTH else "the model stopped"
        text.append(f"(no answer: {reason})", style="dim")
    return text.append(answer)


def _thinking(text: str) -> str | None:
    """What stands in think tags or, in the readable format, around its tokens; None where nothing was thought."""
    from r1kit.rewards.extract import READABLE_TOKEN, chain_of_thought, split_think_answer

    return chain_of_thought(text) if READABLE_TOKEN in text else split_think_answer(text).think
