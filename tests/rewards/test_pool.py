import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from r1kit.errors import ConfigError, RewardError
from r1kit.rewards.accuracy import judge_math
from r1kit.rewards.pool import Job, VerifierPool

from . import reward_doubles as doubles

PRELOAD = (doubles.__name__,)


def job(verifier, answer="7", gold="7"):
    return Job(verifier=verifier, problem=doubles.problem(gold), answer=answer)


def workers():
    return [p for p in psutil.Process().children() if "r1kit.rewards.worker" in p.cmdline()]


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # an orphan may have nobody to collect it
    except psutil.NoSuchProcess:
        return False


def wait_until(condition, timeout_s):
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def pool():
    with VerifierPool(2, timeout_s=5.0, preload=PRELOAD) as pool:
        yield pool
    assert workers() == []


def test_verdicts_come_in_order_from_all_workers(pool):
    scores = pool.verify([job(doubles.echo, str(i)) for i in range(50)])
    assert [score.reason for score in scores] == [f"echo {i}" for i in range(50)]
    assert {score.value for score in scores} == {1.0}
    pids = {score.parsed for score in scores}
    assert str(os.getpid()) not in pids
    assert 1 <= len(pids) <= 2


def test_no_process_is_started_without_a_job(pool):
    assert pool.verify([]) == []
    assert workers() == []


def test_any_text_travels(pool):
    texts = ["", "\x00", "\ud800", "等等", '"}', "a" * 300_000, "\n" * 10]
    assert [score.reason[5:] for score in pool.verify([job(doubles.echo, text) for text in texts])] == texts


@pytest.mark.parametrize("hang", [doubles.sleep_forever, doubles.one_long_operation])
def test_a_worker_past_its_time_is_killed_and_the_pool_goes_on(hang):
    with VerifierPool(1, timeout_s=1.0, preload=PRELOAD) as pool:
        pool.verify([job(doubles.echo)])  # start it, so that only the limit is timed
        started = time.monotonic()
        scores = pool.verify([job(doubles.echo, "1"), job(hang), job(doubles.echo, "2")])
        assert 1.0 <= time.monotonic() - started < 5.0
        assert [score.value for score in scores] == [1.0, None, 1.0]
        assert scores[1].reason == "timeout after 1 s"
        assert scores[0].parsed != scores[2].parsed  # the process ids: a fresh worker
    assert workers() == []


def test_a_worker_that_dies_is_replaced(pool):
    scores = pool.verify([job(doubles.die), job(doubles.echo, "1"), job(doubles.die), job(doubles.echo, "2")])
    assert [score.value for score in scores] == [None, 1.0, None, 1.0]
    assert scores[0].reason == "verifier process died (exit status 3)"


def test_a_verifier_that_raises_is_no_verdict_and_keeps_its_worker():
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        before, failed, after = pool.verify([job(doubles.echo), job(doubles.raise_error), job(doubles.echo)])
        assert (failed.value, failed.reason) == (None, "verifier failed: ZeroDivisionError: not our fault")
        assert before.parsed == after.parsed


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is enforced on Linux only")
def test_memory_is_limited():
    with VerifierPool(1, timeout_s=5.0, memory_mb=1024, preload=PRELOAD) as pool:
        (score,) = pool.verify([job(doubles.allocate_3_gib)])
        assert score.value is None
        assert score.reason.startswith("verifier failed: MemoryError")


def test_a_worker_imports_nothing_heavy(pool):
    (score,) = pool.verify([job(doubles.tell_imports)])
    assert (score.value, score.reason) == (1.0, "")


def test_a_verifier_that_cannot_be_imported_is_refused(pool):
    def local(problem, answer): ...

    with pytest.raises(ConfigError, match="cannot be imported by another process"):
        pool.verify([job(local)])
    with pytest.raises(ConfigError, match="cannot be imported by another process"):
        pool.verify([job(lambda problem, answer: None)])


def test_a_worker_that_cannot_start_is_an_error():
    with (
        VerifierPool(1, timeout_s=5.0, preload=("no_such_module",)) as pool,
        pytest.raises(RewardError, match=r"died \(exit status 1\) while it started; it imports no_such_module"),
    ):
        pool.verify([job(doubles.echo)])
    assert workers() == []


def test_an_interrupted_call_leaves_no_stale_verdict(monkeypatch):
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        pool.verify([job(doubles.echo)])

        def interrupt(*args):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("r1kit.rewards.pool.wait", interrupt)
            with pytest.raises(KeyboardInterrupt):
                pool.verify([job(doubles.echo, "old")])
        assert pool.verify([job(doubles.echo, "new")])[0].reason == "echo new"


def test_a_closed_pool_takes_no_jobs():
    pool = VerifierPool(1, timeout_s=5.0, preload=PRELOAD)
    pool.verify([job(doubles.echo)])
    assert len(workers()) == 1
    pool.close()
    pool.close()
    assert workers() == []
    with pytest.raises(RewardError, match="closed"):
        pool.verify([job(doubles.echo)])


def test_a_forgotten_pool_ends_its_workers():
    pool = VerifierPool(1, timeout_s=5.0, preload=PRELOAD)
    pool.verify([job(doubles.echo)])
    assert len(workers()) == 1
    del pool
    assert workers() == []


@pytest.mark.parametrize("verifier", ["echo", "sleep_forever"])
def test_workers_end_when_their_parent_is_killed(verifier):
    # Idle workers see the end of their socket. A busy one (timeout 1 s) sees nothing; its own alarm ends it after 3 s.
    code = f"""
import os, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import reward_doubles as doubles
from r1kit.rewards.pool import Job, VerifierPool
pool = VerifierPool(1, timeout_s=1.0, preload=())
score, = pool.verify([Job(doubles.echo, doubles.problem(), "7")])
print(score.parsed, flush=True)
pool.timeout_s = 60.0
pool.verify([Job(doubles.{verifier}, doubles.problem(), "7")])
sys.stdin.read()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.3)
        assert is_running(worker)
        parent.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not is_running(worker), timeout_s=10)


@pytest.mark.parametrize("answer", ["2^{2^{2^{49}}}", r"\binom{1000000}{500000}"])
def test_hostile_mathematics_is_bounded(answer):
    with VerifierPool(1, timeout_s=1.0) as pool:
        pool.verify([job(judge_math, "x")])
        started = time.monotonic()
        hostile, honest = pool.verify([job(judge_math, answer), job(judge_math, r"\sqrt{49}")])
        assert time.monotonic() - started < 20
        assert hostile.value != 1.0
        assert (honest.value, honest.reason) == (1.0, "correct")
