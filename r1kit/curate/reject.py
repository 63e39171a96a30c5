"""Rejection sampling, section 2.3.3 of arXiv:2501.12948: many samples a prompt, the correct and readable ones kept.

"We curate reasoning prompts and generate reasoning trajectories by performing rejection sampling from the checkpoint
from the above RL training. [...] some of which use a generative reward model by feeding the ground-truth and model
predictions into DeepSeek-V3 for judgment. Additionally, because the model output is sometimes chaotic and difficult to
read, we have filtered out chain-of-thought with mixed languages, long paragraphs, and code blocks. For each prompt, we
sample multiple responses and retain only the correct ones."
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from r1kit.curate.candidates import Candidate, Rewritten, make_candidates
from r1kit.curate.choose import choose
from r1kit.curate.config import RejectConfig
from r1kit.curate.counts import PROMPTS, DropCounts, StageCounts, check_any_kept
from r1kit.curate.filters import apply_filters
from r1kit.curate.layout import readable_response
from r1kit.engines.base import Engine
from r1kit.engines.rollout import sample_rollouts
from r1kit.errors import DataError, RewardError
from r1kit.rewards.base import Reward, check_unjudged
from r1kit.rewards.generative import Claim, GenerativeVerifier
from r1kit.rewards.readability import is_general, readable_parts, response_parts
from r1kit.seeding import seed_for
from r1kit.sft.data import Example
from r1kit.tasks.templates import TEMPLATES, Template
from r1kit.types import Problem, Rollout, Score

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

JUDGE = "judge"
"""`Problem.verifier` where no rule can check the answer and a model compares it with the gold one."""


def rejection_sample(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    reward: Reward,
    config: RejectConfig,
    *,
    seed: int,
    template: Template = TEMPLATES["readable"],
    judge: GenerativeVerifier | None = None,
    max_unjudged_rate: float = 0.1,
    evaluation_prompts: Sequence[str] = (),
) -> tuple[list[Example], DropCounts]:
    """Sample each prompt k times, keep what is correct and passes the filters, and of that some by `config.choice`.

    The counts have three steps: `rejection` (samples by filter), `rejection_chosen` (samples not chosen) and
    `rejection_prompts` (prompts of which no sample was correct, and of which none of the correct was readable).

    Args:
        engine: The checkpoint of reasoning RL.
        tokenizer: The engine's.
        problems: Reasoning prompts.
        reward: Rules, on completions of `template`.
        config: How many, how drawn, and what is dropped.
        seed: Of the samples and the choice.
        template: How the checkpoint is asked.
        judge: For problems with verifier "judge".
        max_unjudged_rate: Of the judge's verdicts, how many may say nothing.
        evaluation_prompts: What must not become training data.

    Raises:
        DataError: nothing is left, with the counts; a problem needs a judge and there is none; a prompt that does not
            fit the model.
        RewardError: the judge says nothing too often.
    """
    rollouts = sample_rollouts(
        engine,
        tokenizer,
        template,
        problems,
        num_samples=config.num_samples,
        params=config.draw.params(),
        seed=seed_for(seed, "rejection"),
    )
    candidates = make_candidates(
        rollouts, as_sampled, RulesAndJudge(reward, judge, max_unjudged_rate), source="rejection"
    )
    kept, drops = apply_filters(
        candidates,
        config.filters,
        stage="rejection",
        goes_to="rejection_chosen",
        evaluation_prompts=evaluation_prompts,
    )
    chosen, not_chosen = choose(kept, config.choice, seed=seed, stage="rejection_chosen", goes_to="mix_reasoning")
    counts = drops + not_chosen + prompt_counts(problems, candidates, kept, config.filters.min_value)
    fix = "sample more (num_samples), train the checkpoint longer, or give it easier prompts"
    check_any_kept(len(chosen), counts, what="rejection sampling", fix=fix)
    return [candidate.example for candidate in chosen], counts


class RulesAndJudge:
    """The verdict of rules where there are rules; of a generative verifier where `Problem.verifier` is "judge"."""

    name = "accuracy"

    def __init__(self, rules: Reward, judge: GenerativeVerifier | None, max_unjudged_rate: float = 0.1) -> None:
        """Ask `rules`, and `judge` where rules cannot say."""
        self._rules = rules
        self._judge = judge
        self._max_unjudged_rate = max_unjudged_rate

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order. The judge reads the summary, never the reasoning.

        Raises:
            DataError: a problem needs a judge and there is none.
            RewardError: the judge says nothing too often.
        """
        asked = [i for i, rollout in enumerate(rollouts) if rollout.problem.verifier == JUDGE]
        ruled = [i for i, rollout in enumerate(rollouts) if rollout.problem.verifier != JUDGE]
        if asked and self._judge is None:
            problem = rollouts[asked[0]].problem
            raise DataError(
                f"problem {problem.id!r}: verifier 'judge' needs a judge, and none was given ({len(asked)} samples); "
                "name a judge's model, or leave such problems out"
            )
        scores = dict(zip(ruled, self._rules.score([rollouts[i] for i in ruled]), strict=True))
        if self._judge is not None:
            claims = [_claim(rollouts[i]) for i in asked]
            verdicts = self._judge.verify(claims)
            try:
                check_unjudged(verdicts, self._max_unjudged_rate)
            except RewardError as error:
                raise RewardError(f"the judge: {error}") from None
            scores.update(zip(asked, verdicts, strict=True))
        return [scores[i] for i in range(len(rollouts))]


def as_sampled(rollout: Rollout) -> Rewritten:
    """The two parts as the model wrote them, but for the white space around them."""
    text = rollout.completion.text
    parts = (response_parts if is_general(rollout.problem) else readable_parts)(text)
    if parts.problem or parts.summary is None:
        return Rewritten(text)  # the filters say what is wrong with it
    return Rewritten(readable_response(parts.reasoning, parts.summary))


def prompt_counts(
    problems: Sequence[Problem], candidates: Sequence[Candidate], kept: Sequence[Candidate], min_value: float
) -> DropCounts:
    """How many prompts have an example, and why the others have none."""
    values = [(c.problem.id, c.score.value) for c in candidates if c.score is not None]
    num_correct = Counter(problem_id for problem_id, value in values if value is not None and value >= min_value)
    with_example = {candidate.problem.id for candidate in kept}
    without = [problem.id for problem in problems if problem.id not in with_example]
    none_correct = sum(num_correct[problem_id] == 0 for problem_id in without)
    dropped = {"no_correct_sample": none_correct, "no_readable_sample": len(without) - none_correct}
    counts = StageCounts(
        num_in=len(problems), dropped={k: n for k, n in dropped.items() if n}, goes_to="prompts_used", unit=PROMPTS
    )
    return DropCounts({"rejection_prompts": counts})


def _claim(rollout: Rollout) -> Claim:
    summary = response_parts(rollout.completion.text).summary or ""
    return Claim(question=rollout.problem.prompt, gold=rollout.problem.answer, prediction=summary)
