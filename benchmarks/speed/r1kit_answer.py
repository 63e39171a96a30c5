"""r1kit's side of `same_answer.py`: the gradient of each objective, or a training run, a round each."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))
from cases import MAX_COMPLETION, OBJECTIVES, Case, Objective, perturb, read_cases
from curve import Setting, digest
from protocol import rounds, say
from shapes import load

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from r1kit.learner.learner import Learner


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cases", type=Path, help="answer the gradients of these cases ...")
    parser.add_argument("--gradients", type=Path, help="... into this file")
    parser.add_argument("--curve", type=Path, help="or train as this setting says")
    arguments = parser.parse_args()

    from r1kit.cli.process import prepare_process

    prepare_process()
    if arguments.curve:
        answer_curve(arguments)
    else:
        answer_gradients(arguments)


def answer_gradients(arguments: argparse.Namespace) -> None:
    """A round an objective: its loss, and its gradients as a file, through `update_policy` and `Learner.update`."""
    import torch
    from safetensors.torch import save_file

    from r1kit.grpo.train import frozen_copy
    from r1kit.learner.config import LearnerConfig
    from r1kit.learner.learner import Learner

    model, _ = load(arguments.model)
    learner = Learner(
        model,
        # The weights stay as they are, the gradient is not clipped, and every group is a micro-batch of its own.
        LearnerConfig(learning_rate=1e-30, max_grad_norm=1e30, micro_batch_tokens=1),
        num_steps=10**6,
        device=torch.device(arguments.device),
        dtype=getattr(torch, arguments.dtype),
    )
    reference = perturb(frozen_copy(learner.model))
    cases = read_cases(arguments.cases)
    for number in rounds():
        name = list(OBJECTIVES)[number]
        stats = update(learner, reference, OBJECTIVES[name], cases[name])
        gradients = {key: p.grad for key, p in learner.model.named_parameters() if p.grad is not None}
        save_file({key: gradient.contiguous() for key, gradient in gradients.items()}, arguments.gradients)
        clipped = stats["clip_fraction_low"] + stats["clip_fraction_high"]
        say({"loss": stats["loss"], "clipped": clipped, "tokens": cases[name].num_tokens})


def update(learner: Learner, reference: PreTrainedModel, objective: Objective, case: Case) -> dict[str, float]:
    """One call of `update_policy` on the case."""
    from r1kit.grpo.advantage import group_advantages
    from r1kit.grpo.config import GRPOConfig
    from r1kit.grpo.update import update_policy
    from r1kit.types import Completion, Problem, Rollout, SamplingParams, Score, StopReason

    G = case.group_size
    rollouts_B = [
        Rollout(
            problem=Problem(id="", prompt="", answer="", task=""),
            prompt_text="",
            prompt_tokens=tuple(case.prompts_N[b // G]),
            completion=Completion(
                tokens=tuple(tokens),
                logprobs=tuple(case.sampled_B[b]),
                text="",
                stop_reason=StopReason.LENGTH,
                policy_version=0,
            ),
        )
        for b, tokens in enumerate(case.completions_B)
    ]
    advantages = group_advantages(case.rewards_B, group_size=G, normalization="group_std")
    return update_policy(
        learner,
        reference if objective.kl else None,
        rollouts_B,
        [Score(value=reward, reason="") for reward in case.rewards_B],
        replace(advantages, values_B=tuple(case.advantages_B)),
        GRPOConfig(
            group_size=G,
            problems_per_step=len(case.prompts_N),
            loss=objective.loss,
            clip_epsilon_low=objective.low,
            clip_epsilon_high=objective.high,
            kl_coef=objective.kl,
        ),
        SamplingParams(temperature=objective.temperature, max_new_tokens=MAX_COMPLETION),
        seed=0,
        step=0,
    )


def answer_curve(arguments: argparse.Namespace) -> None:
    """A round a GRPO step of `r1kit.grpo.train`, on the setting's problems."""
    import torch
    from judge import judging, problems

    from r1kit.engines.native import NativeEngine
    from r1kit.grpo.config import GRPOConfig
    from r1kit.grpo.train import Policy, train
    from r1kit.learner.config import LearnerConfig
    from r1kit.learner.learner import Learner
    from r1kit.tasks.mix import ProblemPool
    from r1kit.tasks.templates import TEMPLATES
    from r1kit.types import SamplingParams

    setting = Setting.read(arguments.curve)
    model, tokenizer = load(arguments.model)
    device, dtype = torch.device(arguments.device), getattr(torch, arguments.dtype)
    engine = NativeEngine(model, tokenizer, device=device, dtype=dtype, max_batch_size=setting.rollouts)
    config = LearnerConfig(
        learning_rate=setting.learning_rate, beta1=setting.beta1, beta2=setting.beta2, max_grad_norm=1.0
    )
    learner = Learner(model, config, num_steps=setting.steps, device=device, dtype=dtype)
    with judging(setting.max_new_tokens) as reward:
        steps = train(
            GRPOConfig(num_steps=setting.steps, problems_per_step=setting.problems, group_size=setting.group_size),
            policy=Policy(learner=learner, reference=None),
            engine=engine,
            tokenizer=tokenizer,
            template=TEMPLATES["r1_zero"],
            pools=[ProblemPool(name="nano:math", problems=problems(), share=1.0)],
            reward=reward,
            sampling=SamplingParams(max_new_tokens=setting.max_new_tokens),
            seed=setting.seed,
        )
        for _ in rounds():
            started = time.perf_counter()
            step = next(steps)
            seconds = time.perf_counter() - started
            scores = [score.value or 0.0 for score in step.scores_B]
            lengths = [len(rollout.completion.tokens) for rollout in step.rollouts_B]
            prompts = [list(rollout.prompt_tokens) for rollout in step.rollouts_B[:: setting.group_size]]
            say(
                {
                    "reward": sum(scores) / len(scores),
                    "length": sum(lengths) / len(lengths),
                    "prompts": digest(prompts),
                    "total_s": seconds,
                    "tokens": setting.rollouts * setting.max_new_tokens,
                }
            )


if __name__ == "__main__":
    main()
