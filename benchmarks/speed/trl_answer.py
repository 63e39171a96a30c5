"""TRL's side of `same_answer.py`: the gradient of each objective, or a training run, a round each.

Both go through `GRPOTrainer.train`. For the gradients its rollouts are replaced by the case's and its learning rate is
0; the batch is cut into two micro-batches of gradient accumulation. The training run is GRPOTrainer as documented.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from cases import MAX_COMPLETION, OBJECTIVES, Case, Objective, read_cases
from curve import Setting, digest
from protocol import rounds, say
from shapes import load

MICRO_BATCHES = 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cases", type=Path, help="answer the gradients of these cases ...")
    parser.add_argument("--gradients", type=Path, help="... into this file")
    parser.add_argument("--curve", type=Path, help="or train as this setting says")
    parser.add_argument("--judge", help="the Python that has r1kit, for the rewards of --curve")
    arguments = parser.parse_args()
    if arguments.curve:
        answer_curve(arguments)
    else:
        answer_gradients(arguments)


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """What both uses have in common: float32 weights, with autocast for bfloat16."""
    return {
        "output_dir": tempfile.mkdtemp(),
        "bf16": arguments.dtype == "bfloat16",
        "use_cpu": arguments.device == "cpu",
        "lr_scheduler_type": "constant",
        "gradient_checkpointing": False,
        "report_to": [],
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
    }


def answer_gradients(arguments: argparse.Namespace) -> None:
    """A round an objective: its loss, and its gradients as a file."""
    cases = read_cases(arguments.cases)
    for number in rounds():
        name = list(OBJECTIVES)[number]
        loss = one_step(OBJECTIVES[name], cases[name], arguments)
        say({"loss": loss, "tokens": cases[name].num_tokens})


def one_step(objective: Objective, case: Case, arguments: argparse.Namespace) -> float:
    """One step of GRPOTrainer on the case; writes the gradients as the optimizer gets them, returns the loss."""
    from datasets import Dataset
    from safetensors.torch import save_file
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    losses: list[float] = []
    inputs = as_inputs(case)

    class Trainer(GRPOTrainer):
        """Trains on the case instead of rollouts of its own."""

        def _generate_and_score_completions(self, _: Any) -> dict[str, Any]:
            return {key: value.to(self.accelerator.device) for key, value in inputs.items()}

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            loss = super()._compute_loss(model, inputs)
            losses.append(loss.item())
            return loss

    class SaveGradients(TrainerCallback):
        """Right before the optimizer's step."""

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            named = kwargs["model"].named_parameters()
            save_file({key: p.grad.contiguous() for key, p in named if p.grad is not None}, arguments.gradients)

    model, tokenizer = load(arguments.model)
    trainer = Trainer(
        model=model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=GRPOConfig(
            **settings(arguments),
            **objective.trl,
            per_device_train_batch_size=len(case.completions_B) // MICRO_BATCHES,
            gradient_accumulation_steps=MICRO_BATCHES,
            num_generations=case.group_size,
            max_completion_length=MAX_COMPLETION,
            beta=0.0,
            epsilon=objective.low,
            epsilon_high=objective.high,
            temperature=objective.temperature,
            optim="sgd",  # no moments to hold: the gradients are what is asked for
            learning_rate=0.0,
            max_grad_norm=0.0,
            max_steps=1,
        ),
        train_dataset=Dataset.from_list([{"prompt": str(n)} for n in range(len(case.prompts_N))]),
        processing_class=tokenizer,
        callbacks=[SaveGradients()],
    )
    trainer.beta = objective.kl  # not by the config, which would load a reference model to no use
    trainer.train()
    return sum(losses)


def as_inputs(case: Case) -> dict[str, Any]:
    """What GRPOTrainer makes of its rollouts: prompts padded on the left, completions on the right."""
    import torch
    from trl.trainer.utils import pad

    def rows(values: list[list[float]]) -> Any:
        return pad([torch.tensor(row) for row in values], padding_value=0, padding_side="right")

    prompts_B = [prompt for prompt in case.prompts_N for _ in range(case.group_size)]
    prompts = [torch.tensor(prompt) for prompt in prompts_B]
    completions = [torch.tensor(completion) for completion in case.completions_B]
    completion_mask = pad([torch.ones_like(row) for row in completions], padding_value=0, padding_side="right")
    inputs = {
        "prompt_ids": pad(prompts, padding_value=0, padding_side="left"),
        "prompt_mask": pad([torch.ones_like(row) for row in prompts], padding_value=0, padding_side="left"),
        "completion_ids": pad(completions, padding_value=0, padding_side="right"),
        "completion_mask": completion_mask,
        "advantages": torch.tensor(case.advantages_B),
        "old_per_token_logps": rows(case.sampled_B),
        "num_items_in_batch": completion_mask.sum(),
    }
    if case.reference_B:
        inputs["ref_per_token_logps"] = rows(case.reference_B)
    return inputs


def answer_curve(arguments: argparse.Namespace) -> None:
    """A round a GRPO step of GRPOTrainer with `generate`, on the setting's prompts."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    setting = Setting.read(arguments.curve)
    model, tokenizer = load(arguments.model)
    judge = Judge(arguments.judge, setting)
    callback = one_round_at_a_time(setting, judge, tokenizer)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=judge.reward,
        args=GRPOConfig(
            **settings(arguments),
            per_device_train_batch_size=setting.rollouts // MICRO_BATCHES,
            gradient_accumulation_steps=MICRO_BATCHES,
            num_generations=setting.group_size,
            max_completion_length=setting.max_new_tokens,
            shuffle_dataset=False,
            loss_type="grpo",
            beta=0.0,
            epsilon=0.2,
            learning_rate=setting.learning_rate,
            adam_beta1=setting.beta1,
            adam_beta2=setting.beta2,
            weight_decay=0.0,
            max_grad_norm=1.0,
            max_steps=setting.steps,
            seed=setting.seed,
        ),
        train_dataset=Dataset.from_list(
            [{"prompt": p, "index": i} for p, i in zip(setting.prompts, setting.indices, strict=True)]
        ),
        processing_class=tokenizer,
        callbacks=[callback],
    )
    trainer.train()


class Judge:
    """Asks judge.py, run by the Python that has r1kit."""

    def __init__(self, python: str, setting: Setting) -> None:
        command = [python, str(Path(__file__).with_name("judge.py")), str(setting.max_new_tokens)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._group_size = setting.group_size
        self.prompts: list[str] = []
        """Of the last batch, once each."""
        self.rewards: list[float | None] = []
        self.lengths: list[int] = []

    def reward(
        self, prompts: list[str], completions: list[str], completion_ids: list[list[int]], index: list[int], **_: Any
    ) -> list[float | None]:
        """One of GRPOTrainer's reward functions."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"problems": index, "texts": completions}) + "\n")
        self._process.stdin.flush()
        self.rewards = json.loads(self._process.stdout.readline())
        self.prompts = prompts[:: self._group_size]
        self.lengths = [len(ids) for ids in completion_ids]
        return self.rewards


def one_round_at_a_time(setting: Setting, judge: Judge, tokenizer: Any) -> Any:
    """A callback that waits before each step until it is asked for, and answers after it."""
    from transformers import TrainerCallback

    class OneRoundAtATime(TrainerCallback):
        """See above."""

        def __init__(self) -> None:
            self.rounds = rounds()
            self.started = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if next(self.rounds, None) is None:
                raise SystemExit(0)
            self.started = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            seconds = time.perf_counter() - self.started
            say(
                {
                    "reward": sum(reward or 0.0 for reward in judge.rewards) / len(judge.rewards),
                    "length": sum(judge.lengths) / len(judge.lengths),
                    "prompts": digest(tokenizer(text=judge.prompts)["input_ids"]),
                    "total_s": seconds,
                    "tokens": setting.rollouts * setting.max_new_tokens,
                }
            )

    return OneRoundAtATime()


if __name__ == "__main__":
    main()
