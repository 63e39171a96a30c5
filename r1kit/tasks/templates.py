r"""How a problem becomes the text that the model sees.

    r1_zero   Table 1 of arXiv:2501.12948, plain text for a base model
    boxed     the question and the directive of the DeepSeek-R1 README: reason step by step, answer in \boxed{}
    chat      Table 1's instruction and the question as a user's message in the model's own chat template
    plain     the question alone, in the chat template where there is one; the last number is the answer. Not in the
              paper: for small instruct models that follow no instruction about the format
    readable  the question alone, in the chat template or after "User:"; for models that were taught the readable
              format of section 2.3.1, |special_token|reasoning|special_token|summary, by fine-tuning

Where the answer is found in a completion, and what form it must have, is named by the same names in
`r1kit.rewards.format` (ANSWER_POLICIES, FORMAT_PROBLEMS). The tags here are the ones that are read there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from r1kit.errors import DataError, ModelError
from r1kit.rewards.extract import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, THINK_OPEN
from r1kit.types import Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TemplateName = Literal["r1_zero", "boxed", "chat", "plain", "readable"]

INSTRUCTION = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. "
    "The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. "
    f"The reasoning process and answer are enclosed within {THINK_OPEN} {THINK_CLOSE} and "
    f"{ANSWER_OPEN} {ANSWER_CLOSE} tags, respectively, i.e., "
    f"{THINK_OPEN} reasoning process here {THINK_CLOSE} {ANSWER_OPEN} answer here {ANSWER_CLOSE}."
)
"""Table 1 up to the conversation itself."""

BOXED_DIRECTIVE = "Please reason step by step, and put your final answer within \\boxed{}."

_BEFORE_QUESTION = INSTRUCTION + " User: "
_AFTER_QUESTION = ". Assistant:"


@dataclass(frozen=True, slots=True)
class Template:
    """A named way to ask."""

    name: str
    """Also the key into `r1kit.rewards.format.ANSWER_POLICIES` and `FORMAT_PROBLEMS`."""
    render: Callable[[Problem, PreTrainedTokenizerBase], str]
    """The text of the prompt. Raises ModelError if the tokenizer lacks the chat template that it needs."""


def r1_zero_prompt(question: str) -> str:
    """Table 1, word for word, with the question in the place of "prompt".

    The full stop after "prompt" belongs to the table and stays, also behind a question that ends in its own mark
    ("... how many are left?. Assistant:"). The prompt is therefore the same for all questions but for the question
    itself, and `parse_prompt` gives back exactly what was put in. Nothing follows "Assistant:"; the model writes the
    space and the first tag.
    """
    return f"{_BEFORE_QUESTION}{question}{_AFTER_QUESTION}"


def parse_prompt(text: str) -> str:
    """The question in a prompt made by `r1_zero_prompt`: its exact inverse.

    Raises:
        DataError: the text is not such a prompt.
    """
    if not (text.startswith(_BEFORE_QUESTION) and text.endswith(_AFTER_QUESTION)):
        raise DataError(f"not a prompt of the template r1_zero (Table 1): {text[:80]!r}")
    return text[len(_BEFORE_QUESTION) : -len(_AFTER_QUESTION)]


def encode_prompt(text: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids of a rendered prompt, ready to be continued.

    A begin-of-sequence token that the tokenizer puts before every text stands there once, also where a chat template
    has written it already. An end token that the tokenizer would append is left out: the model is to go on.
    """
    token_ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    added: list[int] = tokenizer.encode("", add_special_tokens=True)
    begin = tokenizer.bos_token_id
    if begin in added[:1] and begin not in token_ids[:1]:
        token_ids.insert(0, added[0])
    return token_ids


def _render_r1_zero(problem: Problem, tokenizer: PreTrainedTokenizerBase) -> str:
    return r1_zero_prompt(problem.prompt)


def _render_boxed(problem: Problem, tokenizer: PreTrainedTokenizerBase) -> str:
    """Plain text for a base model; inside the chat template where the tokenizer has one."""
    message = f"{problem.prompt}\n{BOXED_DIRECTIVE}"
    return _as_chat(message, tokenizer) if tokenizer.chat_template else message


def _render_plain(problem: Problem, tokenizer: PreTrainedTokenizerBase) -> str:
    return _as_chat(problem.prompt, tokenizer) if tokenizer.chat_template else problem.prompt


def _render_chat(problem: Problem, tokenizer: PreTrainedTokenizerBase) -> str:
    """One user's message and no system message, which some chat templates refuse and the R1 README advises against.

    An opened think tag at its end is cut, so that the model writes it: a completion that lacks its first tag would
    never have the format.
    """
    return _without_open_think(_as_chat(f"{INSTRUCTION}\n\n{problem.prompt}", tokenizer))


def _render_readable(problem: Problem, tokenizer: PreTrainedTokenizerBase) -> str:
    """Nothing follows "Assistant:"; as with Table 1, the model writes the space.

    An opened think tag at the end of a chat template is cut, since this format has other marks.
    """
    if tokenizer.chat_template:
        return _without_open_think(_as_chat(problem.prompt, tokenizer))
    return f"User: {problem.prompt}\nAssistant:"


def _without_open_think(text: str) -> str:
    """Templates of reasoning models end in an opened think tag."""
    body = text.rstrip()
    return body.removesuffix(THINK_OPEN) if body.endswith(THINK_OPEN) else text


def _as_chat(message: str, tokenizer: PreTrainedTokenizerBase) -> str:
    if not tokenizer.chat_template:
        raise ModelError(
            f"the tokenizer of {tokenizer.name_or_path or 'this model'} has no chat template, which template = 'chat' "
            "needs; use 'r1_zero' or 'boxed', or an instruct model"
        )
    conversation = [{"role": "user", "content": message}]
    text = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    return text


TEMPLATES: dict[str, Template] = {
    "r1_zero": Template("r1_zero", _render_r1_zero),
    "boxed": Template("boxed", _render_boxed),
    "chat": Template("chat", _render_chat),
    "plain": Template("plain", _render_plain),
    "readable": Template("readable", _render_readable),
}
"""The values of the config key `template`."""
