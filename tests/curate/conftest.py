"""What the tests of curation share: problems, a reward that reads the summary, an engine that answers by question."""

import pytest
from tiny import byte_tokenizer

from r1kit.engines.fake import FakeEngine
from r1kit.rewards.extract import READABLE_POLICY, extract_answer
from r1kit.types import Problem, Score


class SummaryReward:
    """1.0 if the answer in the summary is the gold one, None if it is a question mark, else 0.0."""

    name = "accuracy"

    def __init__(self):
        self.judged = []

    def score(self, rollouts):
        self.judged += [rollout.completion.text for rollout in rollouts]
        answers = [extract_answer(rollout.completion.text, READABLE_POLICY) for rollout in rollouts]
        return [
            Score(value=None, reason="no verdict")
            if answer == "?"
            else Score(value=float(answer == rollout.problem.answer), reason="compared", parsed=answer)
            for rollout, answer in zip(rollouts, answers, strict=True)
        ]


@pytest.fixture
def reward():
    return SummaryReward()


@pytest.fixture
def add():
    """Makes the problem of adding two numbers."""

    def make(a, b, *, language="en", **fields):
        words = {"en": "Compute", "zh": "计算"}[language]
        values = {"id": f"{a}+{b}:{language}", "prompt": f"{words} {a} + {b}", "answer": str(a + b), "task": "chain"}
        return Problem(**values | {"language": language} | fields)

    return make


@pytest.fixture
def answering():
    """Makes a tokenizer and an engine that answers the last of the given questions that the prompt holds."""

    def make(answers, *, chat_template=None):
        tokenizer = byte_tokenizer()
        tokenizer.chat_template = chat_template
        prompts = []

        def say(prompt, g, seed):
            text = tokenizer.decode(prompt)
            prompts.append(text)
            question = max(answers, key=lambda question: text.rfind(question))
            assert question in text
            return answers[question][g % len(answers[question])]

        engine = FakeEngine(tokenizer, say)
        engine.prompts = prompts
        return engine, tokenizer

    return make
