import pytest

from r1kit.errors import DataError
from r1kit.rewards.accuracy import FAST_VERIFIERS, VERIFIERS, AccuracyReward, judge_countdown, judge_math
from r1kit.rewards.code import TIME_LIMIT_S, CodeVerdict
from r1kit.rewards.extract import BOXED_POLICY, R1_ZERO_POLICY, think_answer_problem
from r1kit.rewards.ifeval import judge_ifeval
from r1kit.rewards.knights_and_knaves import judge_knights_and_knaves
from r1kit.rewards.multiple_choice import judge_multiple_choice
from r1kit.rewards.pool import VerifierPool

from .reward_doubles import die, echo, problem, rollout, well_formed


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(2, timeout_s=10.0) as pool:
        yield pool


def test_reasons(pool):
    reward = AccuracyReward(pool, R1_ZERO_POLICY, think_answer_problem)
    scores = reward.score(
        [
            rollout(well_formed("9"), answer="9"),
            rollout(well_formed("7"), answer="9"),
            rollout(well_formed("9") + " I hope.", answer="9"),
            rollout("9", answer="9"),
            rollout(well_formed(r"\sqrt{81}"), answer="9"),  # through the pool, and still in its place
            rollout(well_formed("9"), answer=""),
            rollout(well_formed("(" * 2000), answer="9"),
        ]
    )
    assert [(score.value, score.reason) for score in scores] == [
        (1.0, "correct"),
        (0.0, "wrong: 7, not 9"),
        (0.0, "format: text after </answer>"),
        (0.0, "format: no <think>"),
        (1.0, "correct"),
        (None, "gold answer is empty"),
        (0.0, "answer is longer than 1000 characters"),
    ]
    assert [score.parsed for score in scores[:6]] == ["9", "7", "9", None, r"\sqrt{81}", "9"]


def test_without_the_format_the_answer_is_all_that_counts(pool):
    reward = AccuracyReward(pool, R1_ZERO_POLICY)
    texts = [well_formed("9") + " I hope.", "so <answer>9</answer>", "9", "", "<think>9 <answer>9</answer>"]
    assert [(score.value, score.reason) for score in reward.score([rollout(text, answer="9") for text in texts])] == [
        (1.0, "correct"),
        (1.0, "correct"),
        (0.0, "no answer found"),
        (0.0, "no answer found"),
        (0.0, "no answer found"),
    ]


def test_boxed_policy(pool):
    reward = AccuracyReward(pool, BOXED_POLICY)
    right, wrong = reward.score([rollout(r"\boxed{6} no: \boxed{7}"), rollout(r"\boxed{7} no: \boxed{6}")])
    assert (right.value, wrong.value, wrong.reason) == (1.0, 0.0, "wrong: 6, not 7")


def test_countdown(pool):
    reward = AccuracyReward(pool, R1_ZERO_POLICY)
    right, wrong = reward.score(
        [
            rollout(well_formed(text), answer="22", verifier="countdown", numbers=[3, 5, 7], target=22)
            for text in ("3 * 5 + 7", "3 + 5 + 7")
        ]
    )
    assert (right.value, wrong.value, wrong.reason) == (1.0, 0.0, "equals 15, not 22")


def test_countdown_needs_its_numbers(pool):
    with pytest.raises(DataError, match=r"problem 'p1': verifier 'countdown' needs info\['target'\]"):
        AccuracyReward(pool, R1_ZERO_POLICY).score([rollout(well_formed("1"), verifier="countdown", numbers=[1])])


def test_unknown_verifier(pool):
    with pytest.raises(DataError, match=r"unknown verifier 'maths'; known: code, countdown, .*Did you mean 'math'\?"):
        AccuracyReward(pool, R1_ZERO_POLICY).score([rollout(well_formed("1"), verifier="maths")])


def test_a_verifier_of_ones_own_goes_through_the_pool(pool):
    reward = AccuracyReward(pool, R1_ZERO_POLICY, verifiers={"echo": echo, "die": die})
    scores = reward.score([rollout(well_formed("a"), verifier="echo"), rollout(well_formed("b"), verifier="die")])
    assert [score.reason for score in scores] == ["echo a", "verifier process died (exit status 3)"]
    assert [score.value for score in scores] == [1.0, None]
    assert scores[1].parsed == "b"


@pytest.mark.parametrize(
    "text", ["", "None", "{" * 100_000, "().__class__.__bases__", "\x00", "等等", "<answer></answer>"]
)
@pytest.mark.parametrize("needs_format", [True, False])
def test_garbage_is_wrong_without_the_pool(text, needs_format):
    unused = VerifierPool(1, timeout_s=1.0, preload=("no_such_module",))
    reward = AccuracyReward(unused, R1_ZERO_POLICY, think_answer_problem if needs_format else None)
    assert [score.value for score in reward.score([rollout(text)])] == [0.0]


def test_what_is_decided_in_our_own_process_agrees_with_the_verifier():
    assert set(FAST_VERIFIERS) <= set(VERIFIERS.values())
    questions = {
        judge_math: problem("22"),
        judge_countdown: problem("22", numbers=[3, 5, 7], target=22),
        judge_multiple_choice: problem("B", choices=["21", "22", "23"]),
        judge_knights_and_knaves: problem("(1) Zoey is a knave", names=["Zoey"]),
        judge_ifeval: problem("", instructions=[{"id": "punctuation:no_comma", "kwargs": {}}]),
    }
    answers = ("22", "3 * 5 + 7", "", "(((", "22 apples", "B", "Zoey is a knave", "one, two")
    for verifier, question in questions.items():
        verdicts = [(FAST_VERIFIERS[verifier](question, answer), verifier(question, answer)) for answer in answers]
        assert all(fast is None or fast == full for fast, full in verdicts)
        assert 1.0 in {fast.value for fast, _ in verdicts if fast is not None}


def test_a_verifier_named_like_a_shipped_one_is_not_bypassed(pool):
    (score,) = AccuracyReward(pool, R1_ZERO_POLICY, verifiers={"math": echo}).score([rollout(well_formed("7"))])
    assert score.reason == "echo 7"


class FakeCodeVerifier:
    """Says which program it was given."""

    def __init__(self):
        self.jobs = []

    def verify_many(self, jobs):
        self.jobs = list(jobs)
        return [CodeVerdict(value=1.0, reason=f"ran {job.completion[-3:]}", tests_total=1) for job in jobs]


def test_programs_go_to_the_code_verifier_and_every_verdict_to_its_place(pool):
    code, tests = FakeCodeVerifier(), [{"type": "stdio", "input": "", "output": "7"}]
    reward = AccuracyReward(pool, R1_ZERO_POLICY, think_answer_problem, code=code)
    scores = reward.score(
        [
            rollout(well_formed("one"), verifier="code", language="python", tests=tests, time_limit_s=3.0),
            rollout(well_formed(r"\sqrt{49}")),  # through the pool
            rollout("no format", verifier="code", language="python", tests=tests),
            rollout(well_formed("two"), verifier="code", tests=tests, prelude="import math"),
            rollout(well_formed("8")),
        ]
    )
    assert [score.value for score in scores] == [1.0, 1.0, 0.0, 1.0, 0.0]
    assert scores[2].reason == "format: no <think>"
    assert [(job.language, job.time_limit_s, job.prelude) for job in code.jobs] == [
        ("python", 3.0, ""),
        (None, TIME_LIMIT_S, "import math"),
    ]
    assert all(job.tests == tests for job in code.jobs)


def test_a_program_needs_a_sandbox_and_tests(pool):
    with pytest.raises(DataError, match="verifier 'code' needs a sandbox"):
        AccuracyReward(pool, R1_ZERO_POLICY).score([rollout(well_formed("x"), verifier="code", tests=[1])])
    with pytest.raises(DataError, match=r"needs info\['tests'\]; info has \['language'\]"):
        AccuracyReward(pool, R1_ZERO_POLICY, code=FakeCodeVerifier()).score(
            [rollout(well_formed("x"), verifier="code", language="python")]
        )


def test_ifeval_reads_the_whole_visible_response(pool):
    instructions = [{"id": "startend:end_checker", "kwargs": {"end_phrase": "the end."}}]
    reward = AccuracyReward(pool, BOXED_POLICY)
    inside, outside = reward.score(
        [
            rollout("<think>the end.</think> No.", answer="", verifier="ifeval", instructions=instructions),
            rollout("<think>no</think> It is the end.", answer="", verifier="ifeval", instructions=instructions),
        ]
    )
    assert (inside.value, outside.value) == (0.0, 1.0)
