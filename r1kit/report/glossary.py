"""Every metric: key, unit, one line. `python -m r1kit.report.glossary > docs/metrics.md` makes the page.

A key is `area/name`. `<...>` stands for a name that the run decides: a part of the reward, a task family.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from r1kit.errors import suggest


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the glossary."""

    key: str
    unit: str
    """What the number counts; `share` is between 0 and 1."""
    definition: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the whole key has to match."""
        return re.compile(re.sub(r"<\w+>", ".+", re.escape(self.key)))


GLOSSARY: tuple[Metric, ...] = (
    Metric("train/reward_mean", "reward", "Mean reward of the step's judged completions, the parts summed by weight."),
    Metric("train/reward_std", "reward", "Standard deviation (ddof 0) of the same rewards."),
    Metric("reward/accuracy", "share", "Mean accuracy reward before its weight: the share of right answers."),
    Metric("reward/format", "share", "Mean format reward before its weight: the share in the asked-for format."),
    Metric("reward/unjudged_rate", "share", "Completions that could not be judged; they enter no mean and no loss."),
    Metric("reward/<part>", "reward", "Mean of any other part of the reward, before its weight."),
    Metric("train/accuracy/<family>", "share", "Accuracy of the step's completions of one task family."),
    Metric("train/num_tokens", "tokens", "Completion tokens sampled in the step, end tokens included."),
    Metric("train/mean_length_tokens", "tokens", "Mean completion length of the step (Figure 3)."),
    Metric("train/truncated_rate", "share", "Completions cut at sampling.max_new_tokens."),
    Metric("train/reflection_rate", "share", "Completions with a word of second thought, e.g. 'wait' or 're-check'."),
    Metric("train/language_mixing_rate", "share", "Completions whose reasoning is not all in the problem's language."),
    Metric("train/entropy", "nats/token", "Mean entropy of the policy's next-token distribution."),
    Metric("train/kl_to_reference", "nats/token", "KL from the reference, estimator k3 (the KL of Eq. 1, Eq. 2)."),
    Metric(
        "train/kl_to_sampler",
        "nats/token",
        "KL from the policy that sampled, as the engine reported it; 0 but for rounding until the first update.",
    ),
    Metric("train/loss", "1", "What the optimizer minimised: minus Eq. 1, the KL term included."),
    Metric("train/policy_gradient_loss", "1", "The same without the KL term; near 0 on policy, where it says little."),
    Metric("train/grad_norm", "1", "Norm of the whole gradient before clipping."),
    Metric("train/learning_rate", "1", "Learning rate of the step's last update."),
    Metric("train/clip_fraction_low", "share", "Tokens clipped below 1 - epsilon (negative advantage)."),
    Metric("train/clip_fraction_high", "share", "Tokens clipped above 1 + epsilon (positive advantage)."),
    Metric("train/ratio_mean", "1", "Mean probability ratio, policy to sampler; 1 on policy."),
    Metric(
        "train/mean_abs_logprob_gap",
        "nats/token",
        "Mean absolute gap between the learner's and the engine's log-probability of one token before the update.",
    ),
    Metric(
        "train/advantage_mean",
        "1",
        "Weighted mean of the advantages (Eq. 3); about 0 for r1, grpo and gspo, see docs/grpo.md.",
    ),
    Metric("train/zero_variance_rate", "share", "Groups whose rewards are all equal: they teach nothing."),
    Metric("train/all_right_rate", "share", "Groups in which every completion is right: the problem is too easy."),
    Metric("train/all_wrong_rate", "share", "Groups in which none is right: the problem is too hard."),
    Metric("sft/loss", "nats/token", "Mean negative log-likelihood of the step's response tokens."),
    Metric("sft/validation_loss", "nats/token", "The same on held-out examples, at the start and after each epoch."),
    Metric("sft/num_tokens", "tokens", "Tokens computed in the step: responses, and each distinct prompt once."),
    Metric("sft/num_completion_tokens", "tokens", "Response tokens trained on in the step, end tokens included."),
    Metric("reward_model/loss", "nats/pair", "Mean Bradley-Terry loss of the step's pairs, the centering included."),
    Metric("reward_model/accuracy", "share", "Pairs of the step whose chosen response has the higher score."),
    Metric("reward_model/margin", "1", "Mean score of the chosen response less that of the rejected one."),
    Metric("reward_model/score_mean", "1", "Mean score of the step's responses; the centering draws it to 0."),
    Metric("reward_model/eval_accuracy", "share", "Accuracy on held-out pairs, at the start and after each epoch."),
    Metric("reward_model/eval_margin", "1", "Mean margin on held-out pairs."),
    Metric("time/sample_s", "s", "Sampling the step's completions."),
    Metric("time/score_s", "s", "Scoring them."),
    Metric("time/update_s", "s", "Forward, backward and optimizer."),
    Metric("time/step_s", "s", "The whole step, evaluation and checkpoint left out."),
    Metric("time/completion_tokens_per_s", "tokens/s", "train/num_tokens over time/step_s: the whole step's speed."),
    Metric(
        "eval/pass_at_1",
        "share",
        "Share of right answers over k samples of each held-out problem, mean over problems (section 3, Figure 2).",
    ),
    Metric("eval/pass_at_1_stderr", "share", "Its standard error, clustered by problem."),
    Metric("eval/pass_at_1/<family>", "share", "pass@1 on the problems of one task family."),
    Metric("eval/cons_at_k", "share", "Share of problems on which the majority of the k answers is right."),
    Metric("eval/cons_at_k_stderr", "share", "Its standard error over problems."),
    Metric("eval/k", "samples", "Samples a problem, the k of cons@k."),
    Metric("eval/num_problems", "problems", "Held-out problems of this evaluation."),
    Metric("eval/mean_length_tokens", "tokens", "Mean completion length on held-out problems."),
    Metric("eval/format_rate", "share", "Held-out completions in the asked-for format."),
    Metric("eval/reflection_rate", "share", "As train/reflection_rate, on held-out completions."),
    Metric("eval/language_mixing_rate", "share", "As train/language_mixing_rate, on held-out completions."),
    Metric("eval/truncated_rate", "share", "Held-out completions cut at eval.sampling.max_new_tokens."),
)


def find_metric(key: str) -> Metric | None:
    """The glossary's line for a key: the exact one before a pattern; None for an unknown key."""
    exact = next((metric for metric in GLOSSARY if metric.key == key), None)
    return exact or next((metric for metric in GLOSSARY if metric.pattern.fullmatch(key)), None)


def check_keys(row: Iterable[str]) -> None:
    """Hold a row's keys against the glossary; `step` is allowed.

    Raises:
        AssertionError: a key that the glossary does not define, named with the nearest one that it does.
    """
    unknown = [key for key in row if key != "step" and find_metric(key) is None]
    known = [metric.key for metric in GLOSSARY]
    assert not unknown, f"metric {unknown[0]!r} is not in r1kit/report/glossary.py; {suggest(unknown[0], known)}"


def render_page() -> str:
    """docs/metrics.md, one table an area."""
    lines = [
        "# Metrics",
        "",
        "Made by `python -m r1kit.report.glossary > docs/metrics.md`; edit `r1kit/report/glossary.py`.",
        "",
        'Every run writes `metrics.jsonl`, one JSON object a line: `{"step": 3, "train/loss": -0.01, ...}`. `step` is '
        "the number of training steps done, so the base model is evaluated at step 0. A value that is not finite is "
        "null. Training and evaluation write rows of their own.",
    ]
    area = ""
    for metric in sorted(GLOSSARY, key=lambda metric: metric.key.partition("/")[0]):
        if metric.key.partition("/")[0] != area:
            area = metric.key.partition("/")[0]
            lines += ["", f"## {area}", "", "| key | unit | definition |", "|---|---|---|"]
        lines.append(f"| `{metric.key}` | {metric.unit} | {metric.definition} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(render_page(), end="")
