"""What a nano base does on its own, and what it could: the table of docs/nano.md.

    .venv/bin/python benchmarks/nano_base.py                        # the shipped base
    .venv/bin/python benchmarks/nano_base.py --model nano-student

For each family of problems: pass@1 and the majority in Table 1's template, as R1-Zero begins; and how many it gets
right when it is prompted as the corpus prints its textbooks, greedily, plainly and with the request for details and a
check. RL can teach it to do of its own what it does there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from r1kit.cli.process import prepare_process
from r1kit.engines.base import Engine
from r1kit.engines.rollout import sample_rollouts
from r1kit.eval.metrics import cons_at_k, pass_at_1
from r1kit.nano.corpus import textbook_question
from r1kit.pipeline.config import RewardConfig
from r1kit.pipeline.judging import accuracy_of
from r1kit.pipeline.r1_stages import open_engine
from r1kit.rewards.base import Reward
from r1kit.tasks.nano import DOMAINS, NanoTask
from r1kit.tasks.templates import TEMPLATES
from r1kit.types import Completion, Problem, Rollout, SamplingParams, groups

CONCLUSIONS = ("The answer is", "答案是")
STOPS = ("\nQuestion", "\n问题")
SAMPLING = SamplingParams(temperature=0.6, top_p=0.95, max_new_tokens=160)
GREEDY = SamplingParams(temperature=0.0, max_new_tokens=240, stop=STOPS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--num-problems", type=int, default=64, help="of each family, at most")
    parser.add_argument("--num-samples", type=int, default=16)
    arguments = parser.parse_args()
    prepare_process()
    engine, tokenizer = open_engine(arguments.model, "auto", 512)
    print("| domain | family | n | pass@1 | majority | prompted, right | prompted to check, right |")
    print("|---|---|---|---|---|---|---|")
    for domain in DOMAINS:
        problems = NanoTask((domain,)).problems("eval")
        with accuracy_of("r1_zero", [f"nano:{domain}"], problems, RewardConfig()) as reward:
            for family in DOMAINS[domain].families:
                chosen = [problem for problem in problems if problem.task == family][: arguments.num_problems]
                rollouts = sample_rollouts(
                    engine, tokenizer, TEMPLATES["r1_zero"], chosen,
                    num_samples=arguments.num_samples, params=SAMPLING, seed=0,
                )  # fmt: skip
                scores = groups(reward.score(rollouts), arguments.num_samples)
                right, majority = pass_at_1(scores), cons_at_k(scores)
                prompted = [textbook(engine, tokenizer, chosen, reward, detail=detail) for detail in (False, True)]
                numbers = (right.mean, majority.mean, *prompted)
                print(
                    f"| {domain} | {family} | {len(chosen)} |", " | ".join(f"{number:.2f}" for number in numbers), "|"
                )


def textbook(engine: Engine, tokenizer, problems: Sequence[Problem], reward: Reward, *, detail: bool) -> float:
    """The share of problems that a greedy textbook answer gets right."""
    texts = [textbook_question(p.prompt, "zh" if p.language == "zh" else "en", detail=detail) for p in problems]
    prompts = [tokenizer.encode(text) for text in texts]
    completions = engine.sample(prompts, num_samples=1, params=GREEDY, seed=0)
    rollouts = [
        Rollout(problem=problem, prompt_text=text, prompt_tokens=tuple(tokens), completion=concluded(completion))
        for problem, text, tokens, completion in zip(problems, texts, prompts, completions, strict=True)
    ]
    return pass_at_1([[score] for score in reward.score(rollouts)]).mean


def concluded(completion: Completion) -> Completion:
    """The completion with its conclusion where the judge of Table 1's template looks for an answer."""
    text = completion.text
    place = max((text.rfind(words) + len(words) for words in CONCLUSIONS if words in text), default=len(text))
    answer = text[place:].lstrip(":： ").rstrip("。").removesuffix(".")
    return replace(completion, text=f" <think> {text[:place]} </think> <answer> {answer} </answer>")


if __name__ == "__main__":
    main()
