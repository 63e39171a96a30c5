"""The configs of data curation: how candidates are drawn, which are dropped, and which of the rest are kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator, model_validator

from r1kit.config import Config
from r1kit.errors import suggest
from r1kit.rewards.language import MIXED_THRESHOLD, PAPER_LANGUAGES
from r1kit.types import SamplingParams

Route = Literal["cot", "no_cot"]

FILTER_NAMES = (
    *("truncated", "bad_format", "missing_summary", "unjudged", "not_correct", "mixed_language", "long_paragraph"),
    *("code_block", "open_delimiter", "not_highlighted", "too_long", "contaminated", "duplicate", "near_duplicate"),
)
"""The filters of `r1kit.curate.filters`, in their usual order: what a sample lacks before what is wrong with it, and
what it says before whether another says the same. A sample is counted under the first that drops it."""

VERDICT_FILTERS = ("unjudged", "not_correct")
"""What is left out where the answers are given and nothing is judged."""


class DrawConfig(Config):
    """How the engine draws candidates."""

    temperature: float = Field(default=1.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)
    max_new_tokens: int = Field(default=256, ge=1)

    def params(self, stop: Sequence[str] = ()) -> SamplingParams:
        """The same as the engine's record."""
        return SamplingParams(**self.model_dump(), stop=tuple(stop))


class FilterConfig(Config):
    """Which samples are dropped (sections 2.3.1 and 2.3.3); the paper names the reasons, the limits are ours."""

    names: list[str] = Field(default=list(FILTER_NAMES))
    """Filters in the order in which they are applied."""
    min_value: float = 1.0
    """A sample is correct from this score on."""
    max_foreign_share: float = Field(default=MIXED_THRESHOLD, ge=0, le=1)
    """Words of the chain of thought that may be in another language than the problem's; a translation has both."""
    languages: list[str] = Field(default=list(PAPER_LANGUAGES))
    """What else it may be written in; see r1kit.rewards.language."""
    max_paragraph_columns: int = Field(default=1600, ge=1)
    """Longest paragraph of the chain of thought; a Chinese character takes two columns."""
    max_response_chars: int = Field(default=40_000, ge=1)
    """Longest response, for too_long."""
    near_duplicate_words: int = Field(default=5, ge=1)
    """Words of the n-grams that near_duplicate compares."""
    near_duplicate_overlap: float = Field(default=0.9, gt=0, le=1)
    """Jaccard overlap with a kept response to the same prompt from which on a response is a near-duplicate."""
    contamination_words: int = Field(default=13, ge=1)
    """Words of the n-grams by which contaminated compares prompts with evaluation prompts of the same numbers."""
    contamination_overlap: float = Field(default=0.5, gt=0, le=1)
    """Share of a prompt's n-grams that one evaluation prompt has, from which on they count as the same prompt."""

    @field_validator("names")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in FILTER_NAMES:
                raise ValueError(f"unknown filter {name!r}; {suggest(name, FILTER_NAMES)}")
        if len(set(names)) < len(names):
            raise ValueError("a filter is named twice; once is enough")
        return names


class ChoiceConfig(Config):
    """Which of a problem's kept samples become examples. The paper keeps all correct ones (2.3.3) and no rule more."""

    max_per_problem: int = Field(default=4, ge=1)
    """So that problems that are easy to solve do not crowd out the others."""
    choose: Literal["random", "shortest", "diverse"] = "random"
    """random leaves lengths and styles as the model has them; shortest prefers brevity; diverse starts with the
    shortest and adds the one that shares the fewest word n-grams with those chosen."""


class WorkedFormat(Config):
    """How a question and its worked solution stand in a prompt, in one language.

    Fields in braces are replaced; any other brace is text. The solution is also how a completion is read back: the
    thought is what stands before the text between {thought} and {answer}, the answer what stands after it.
    """

    question: str = "Question: {question}\nAnswer:"
    """What the model goes on from."""
    solution: str = " {thought} The answer is {answer}."
    separator: str = "\n\n"
    """Between the worked examples, and before the new question."""
    stop: list[str] = Field(default=["\nQuestion:"])
    """Where a completion is cut: the beginning of a next example."""

    @model_validator(mode="after")
    def _check(self) -> WorkedFormat:
        if self.question.count("{question}") != 1:
            raise ValueError(f"question = {self.question!r} needs {{question}} once")
        if re.findall(r"\{(?:thought|answer)\}", self.solution) != ["{thought}", "{answer}"]:
            raise ValueError(f"solution = {self.solution!r} needs {{thought}} and then {{answer}}, each once")
        if not self.between.strip():
            raise ValueError(f"solution = {self.solution!r} needs words between {{thought}} and {{answer}}")
        return self

    @property
    def between(self) -> str:
        """The text between the thought and the answer."""
        return self.solution.partition("{thought}")[2].partition("{answer}")[0]

    @property
    def after(self) -> str:
        """The text after the answer."""
        return self.solution.partition("{answer}")[2]


_CODE = {
    "en": WorkedFormat(solution=" {thought}\n```python\n{answer}\n```"),
    "zh": WorkedFormat(
        question="问题：{question}\n解答：", solution=" {thought}\n```python\n{answer}\n```", stop=["\n问题："]
    ),
}
WORKED_FORMATS = {
    "en": WorkedFormat(),
    "zh": WorkedFormat(question="问题：{question}\n解答：", solution=" {thought} 答案是 {answer}。", stop=["\n问题："]),
    **{f"{language}-code": worked for language, worked in _CODE.items()},
}
"""Text that a base model goes on from, as a textbook has it."""

_DETAILED = {
    "en": "{question}\n\nGive a detailed answer. Reason step by step, reflect on each step, and verify the result "
    "before you conclude; if you find a mistake, correct it. ",
    "zh": "{question}\n\n请详细作答：逐步推理，反思每一步，并在得出结论之前验证结果；如果发现错误，请改正。",
}
DETAILED_FORMATS = {
    "en": WorkedFormat(
        question=_DETAILED["en"] + 'End with "The answer is", the answer and a full stop.',
        solution="{thought} The answer is {answer}.",
        stop=[],
    ),
    "zh": WorkedFormat(
        question=_DETAILED["zh"] + "最后写“答案是”、答案和句号。", solution="{thought} 答案是 {answer}。", stop=[]
    ),
    "en-code": WorkedFormat(
        question=_DETAILED["en"] + "End with the program in one ```python block.",
        solution="{thought}\n```python\n{answer}\n```",
        stop=[],
    ),
    "zh-code": WorkedFormat(
        question=_DETAILED["zh"] + "最后把程序写在一个 ```python 代码块中。",
        solution="{thought}\n```python\n{answer}\n```",
        stop=[],
    ),
}
"""A request to a model that follows requests."""


class CollectConfig(Config):
    """What all collectors of cold-start data share."""

    num_samples: int = Field(default=4, ge=1)
    """Attempts at each problem."""
    draw: DrawConfig = DrawConfig()
    filters: FilterConfig = FilterConfig()
    choice: ChoiceConfig = ChoiceConfig(max_per_problem=1)


class FewShotConfig(CollectConfig):
    """Section 2.3.1: "few-shot prompting with a long CoT as an example"."""

    num_shots: int = Field(default=2, ge=1)
    """Worked examples before the question, in the problem's language and, while they last, of its task."""
    formats: dict[str, WorkedFormat] = Field(default=WORKED_FORMATS)
    """By language; `en-code` is for English problems with verifier code, and so on."""
    as_chat: bool = False
    """Put the prompt into a user's message where the tokenizer has a chat template; off for base models."""


class DirectConfig(CollectConfig):
    """Section 2.3.1: "directly prompting models to generate detailed answers with reflection and verification"."""

    formats: dict[str, WorkedFormat] = Field(default=DETAILED_FORMATS)
    """By language; `en-code` is for English problems with verifier code, and so on."""
    as_chat: bool = True
    """Put the prompt into a user's message where the tokenizer has a chat template."""


class ZeroOutputsConfig(CollectConfig):
    """Section 2.3.1: "gathering DeepSeek-R1-Zero outputs in a readable format"."""


class RejectConfig(Config):
    """Rejection sampling (2.3.3): "for each prompt, we sample multiple responses and retain only the correct ones"."""

    num_samples: int = Field(default=8, ge=1)
    """k."""
    draw: DrawConfig = DrawConfig()
    filters: FilterConfig = FilterConfig()
    choice: ChoiceConfig = ChoiceConfig()


class RouterConfig(Config):
    """Which general prompts get a chain of thought (2.3.3); see `r1kit.curate.router`."""

    tasks: dict[str, Route] = Field(
        default={
            **{"greeting": "no_cot", "self": "no_cot", "fact": "no_cot"},
            **{"translate": "cot", "write": "cot"},
            **{"harm": "no_cot", "benign": "cot"},
        }
    )
    """By family; prompts of other families are told apart by their wording and length."""
    max_simple_words: int = Field(default=8, ge=0)
    """A prompt of so many words, none of which asks for work, is simple; a Chinese character is half a word."""


class ThoughtFormat(Config):
    """How a model is asked for the thought that would come before a given answer, in one language.

    {question}, {answer} and {thought} are replaced; any other brace is text.
    """

    prompt: str = "Question: {question}\nAnswer: {answer}\nThoughts before the answer:"
    """What the model goes on from with the thought. {answer} may be left out."""
    solution: str = " {thought}"
    """How a worked example goes on; may have {answer}. A completion is a thought up to a stop string."""
    separator: str = "\n\n"
    stop: list[str] = Field(default=["\n\n", "\nQuestion:"])

    @model_validator(mode="after")
    def _check(self) -> ThoughtFormat:
        if self.prompt.count("{question}") != 1 or self.prompt.count("{answer}") > 1:
            raise ValueError(f"prompt = {self.prompt!r} needs {{question}} once and {{answer}} at most once")
        if self.solution.count("{thought}") != 1:
            raise ValueError(f"solution = {self.solution!r} needs {{thought}} once")
        return self


THOUGHT_FORMATS = {
    "en": ThoughtFormat(),
    "zh": ThoughtFormat(prompt="问题：{question}\n回答：{answer}\n回答之前的思考：", stop=["\n\n", "\n问题："]),
}


class NonReasoningConfig(Config):
    """Non-reasoning data (2.3.3): given answers, some of them with a potential chain of thought."""

    router: RouterConfig = RouterConfig()
    num_shots: int = Field(default=2, ge=0)
    """Worked examples before the prompt, in its language and, while they last, of its task."""
    num_samples: int = Field(default=2, ge=1)
    """Attempts at a thought; the first that passes the filters is taken."""
    draw: DrawConfig = DrawConfig()
    formats: dict[str, ThoughtFormat] = Field(default=THOUGHT_FORMATS)
    """By language."""
    as_chat: bool = False
    """Put the prompt into a user's message where the tokenizer has a chat template; off for base models."""
    when_thought_fails: Literal["plain", "drop"] = "plain"
    """Without a thought that passes: the answer alone, or no example. Both are counted."""
    filters: FilterConfig = FilterConfig(names=[name for name in FILTER_NAMES if name not in VERDICT_FILTERS])

    @model_validator(mode="after")
    def _check(self) -> NonReasoningConfig:
        for name in VERDICT_FILTERS:
            if name in self.filters.names:
                raise ValueError(f"filters.names has {name!r}, but given answers are not judged; leave it out")
        return self


class MixConfig(Config):
    """The curated set: "about 600k reasoning related training samples" and "approximately 200k" others (2.3.3)."""

    reasoning: int = Field(default=600, ge=1)
    """Parts of the ratio, not counts."""
    non_reasoning: int = Field(default=200, ge=1)
    when_short: Literal["cut", "keep"] = "cut"
    """What becomes of the side that the other is too short for: cut to the ratio, or kept whole with a note."""
