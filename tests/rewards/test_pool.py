import _thread
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from r1kit.errors import ConfigError, RewardError
from r1kit.rewards.accuracy import judge_math
from r1kit.rewards.pool import Job, VerifierPool
from r1kit.rewards.process import Worker

from . import reward_doubles as doubles

PRELOAD = (doubles.__name__,)


def job(verifier, answer="7", gold="7"):
    return Job(verifier=verifier, problem=doubles.problem(gold), answer=answer)


def processes():
    """The nursery and its workers, without those that have ended and wait to be collected."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie too
            if "r1kit.rewards.worker" in process.cmdline():
                found.append(process)
    return found


def workers():
    return [p for p in processes() if p.ppid() != os.getpid()]


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
    assert processes() == []


def test_verdicts_come_in_order_from_all_workers(pool):
    scores = pool.verify([job(doubles.echo, str(i)) for i in range(50)])
    assert [score.reason for score in scores] == [f"echo {i}" for i in range(50)]
    assert {score.value for score in scores} == {1.0}
    pids = {score.parsed for score in scores}
    assert str(os.getpid()) not in pids
    assert 1 <= len(pids) <= 2


def test_no_process_is_started_without_a_job(pool):
    assert pool.verify([]) == []
    assert processes() == []


def test_any_text_travels(pool):
    texts = ["", "\x00", "\ud800", "等等", '"}', "a" * 300_000, "\n" * 10]
    assert [score.reason[5:] for score in pool.verify([job(doubles.echo, text) for text in texts])] == texts


@pytest.mark.parametrize("hang", [doubles.sleep_forever, doubles.one_long_operation])
def test_a_worker_past_its_time_is_killed_and_the_pool_goes_on(hang):
    with VerifierPool(1, timeout_s=1.0, preload=PRELOAD) as pool:
        pool.verify([job(doubles.echo)])  # start it, so that only the limit is timed
        started = time.monotonic()
        scores = pool.verify([job(doubles.echo, "1"), job(hang), job(doubles.echo, "2")])
        assert 1.0 <= time.monotonic() - started < 20.0
        assert [score.value for score in scores] == [1.0, None, 1.0]
        assert scores[1].reason == "timeout after 1 s"
        assert scores[0].parsed != scores[2].parsed  # the process ids: a fresh worker
    assert processes() == []


def test_a_worker_that_dies_is_replaced(pool):
    scores = pool.verify([job(doubles.die), job(doubles.echo, "1"), job(doubles.die, "8"), job(doubles.echo, "2")])
    assert [score.value for score in scores] == [None, 1.0, None, 1.0]
    assert scores[0].reason == "verifier process died (exit status 3)"


def test_a_verifier_that_raises_is_no_verdict_and_keeps_its_worker():
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        before, failed, after = pool.verify([job(doubles.echo, "1"), job(doubles.raise_error), job(doubles.echo, "2")])
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


def test_a_worker_has_the_caches_that_were_filled_before_it_started():
    with VerifierPool(2, timeout_s=5.0, preload=(f"{doubles.__name__}:fill_cache",)) as pool:
        scores = pool.verify([job(doubles.tell_cache, str(i)) for i in range(4)])
        assert {score.reason for score in scores} == {"filled"}


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
    assert processes() == []


def test_an_interrupted_call_leaves_no_stale_verdict():
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        pool.verify([job(doubles.echo)])
        timer = threading.Timer(0.2, _thread.interrupt_main)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            pool.verify([job(doubles.sleep_forever, "old"), job(doubles.echo, "old")])
        timer.join()
        started = time.monotonic()
        assert pool.verify([job(doubles.echo, "new")])[0].reason == "echo new"
        assert time.monotonic() - started < 3.0  # the job that slept was parked


def test_what_is_submitted_is_judged_in_the_background(pool):
    batches = [pool.submit([job(doubles.echo, f"{b}.{i}") for i in range(3)]) for b in range(4)]
    assert wait_until(lambda: all(batch.is_done for batch in batches), timeout_s=20)
    assert [[s.reason for s in batch.result()] for batch in batches] == [
        [f"echo {b}.{i}" for i in range(3)] for b in range(4)
    ]


def test_a_slow_item_does_not_delay_another_batch():
    # One worker, and two jobs before it that would keep it for 20 s each.
    with VerifierPool(1, timeout_s=20.0, preload=PRELOAD) as pool:
        slow = pool.submit([job(doubles.sleep_forever, "1"), job(doubles.sleep_forever, "2")])
        quick = pool.submit([job(doubles.echo, str(i)) for i in range(20)])
        assert [score.reason for score in quick.result()] == [f"echo {i}" for i in range(20)]
        assert not slow.is_done
        assert len(workers()) == 3
    assert processes() == []
    with pytest.raises(RewardError, match="closed before all verdicts were made"):
        slow.result()


def test_a_parked_job_gets_its_verdict_and_its_worker_goes(pool):
    slow = pool.submit([job(doubles.sleep_a_second, str(i)) for i in range(5)])
    assert [score.reason for score in slow.result()] == [f"slept for {i}" for i in range(5)]
    assert wait_until(lambda: len(workers()) <= 2, timeout_s=5)


@pytest.mark.skipif(sys.platform != "linux", reason="how a process spent its time is known on Linux only")
def test_a_parked_job_that_got_no_core_is_started_again(monkeypatch):
    # As if parked workers never ran: each job of the first batch is given to a second worker once nothing waits.
    monkeypatch.setattr("r1kit.rewards.process.Worker.own_s", lambda w: 0.0 if w in parked else w.passed_s())
    monkeypatch.setattr("r1kit.rewards.process.Worker.yield_cpu", lambda worker: parked.append(worker))
    parked: list = []
    with VerifierPool(1, timeout_s=20.0, preload=PRELOAD) as pool:
        slow = pool.submit([job(doubles.sleep_a_second, "1"), job(doubles.echo, "2")])
        assert wait_until(lambda: len(parked) == 1, timeout_s=20)
        assert [score.reason for score in slow.result()] == ["slept for 1", "echo 2"]
        assert wait_until(lambda: parked[0].process_id not in {worker.pid for worker in workers()}, timeout_s=5)


def test_only_so_many_jobs_are_parked(monkeypatch):
    monkeypatch.setattr("r1kit.rewards.pool.MAX_PARKED_PER_WORKER", 2)
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        batch = pool.submit([job(doubles.sleep_a_second, str(i)) for i in range(5)])
        assert wait_until(lambda: len(workers()) == 3, timeout_s=5)
        time.sleep(0.2)
        assert len(workers()) == 3
        assert len(batch.result()) == 5


def test_equal_jobs_are_judged_once(pool):
    scores = pool.verify([job(doubles.tell_moment)] * 5 + [job(doubles.tell_moment, gold="8")])
    assert len({score.reason for score in scores[:5]}) == 1
    assert scores[5].reason != scores[0].reason
    assert pool.verify([job(doubles.tell_moment)])[0].reason != scores[0].reason  # only while it is in flight


def test_a_job_that_ran_into_its_limit_costs_once():
    with VerifierPool(1, timeout_s=1.5, preload=PRELOAD) as pool:
        (first,) = pool.verify([job(doubles.sleep_forever)])
        started = time.monotonic()
        assert pool.verify([job(doubles.sleep_forever)]) == [first]
        assert time.monotonic() - started < 1.2
        assert pool.verify([job(doubles.echo)])[0].value == 1.0


def test_submit_waits_while_too_many_are_in_flight():
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD, max_in_flight=3) as pool:
        pool.verify([job(doubles.echo)])
        first = pool.submit([job(doubles.sleep_a_second, str(i)) for i in range(2)])
        started = time.monotonic()
        second = pool.submit([job(doubles.echo, "1")])
        assert time.monotonic() - started < 0.9
        third = pool.submit([job(doubles.echo, str(i)) for i in range(10)])  # more than fit: when nothing else is left
        assert first.is_done
        assert second.is_done
        assert len(third.result()) == 10


def test_the_loss_of_all_processes_is_an_error_and_the_pool_goes_on():
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        pool.verify([job(doubles.echo)])
        batch = pool.submit([job(doubles.sleep_a_second), job(doubles.echo)])
        for process in processes():
            process.kill()
        outcome = None
        try:
            outcome = [score.value for score in batch.result()]
        except RewardError as error:
            assert "cannot be forked" in str(error)  # noqa: PT017 (either ending is right)
        assert outcome in (None, [None, 1.0], [None, None])
        assert pool.verify([job(doubles.echo, "again")])[0].reason == "echo again"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_of_the_pool_is_an_error_and_never_a_verdict(monkeypatch):
    def fail(*args):
        raise ZeroDivisionError

    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        monkeypatch.setattr("r1kit.rewards.pool.wait", fail)
        with pytest.raises(RewardError, match="closed before all verdicts were made"):
            pool.verify([job(doubles.echo)])
    assert processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="how a process spent its time is known on Linux only")
def test_the_time_of_a_job_is_known_whether_it_sleeps_or_runs():
    with VerifierPool(1, timeout_s=5.0, preload=PRELOAD) as pool:
        pool.verify([job(doubles.echo)])
        (process,) = workers()
        worker = Worker(process.pid, None)
        worker.start_clock()
        slow = pool.submit([job(doubles.sleep_a_second)])
        time.sleep(0.6)
        assert 0.3 < worker.own_s() <= worker.passed_s()
        slow.result()
        worker.start_clock()
        busy = pool.submit([job(doubles.one_long_operation)])
        time.sleep(0.6)
        process.suspend()  # it wants no core now, and has used no more than what has passed
        assert worker.own_s() <= worker.passed_s()
        process.resume()
        assert wait_until(lambda: worker.own_s() > 0.1, timeout_s=20)
        assert not busy.is_done


@pytest.mark.skipif(sys.platform != "linux", reason="how a process spent its time is known on Linux only")
def test_the_limit_is_on_a_jobs_own_time(monkeypatch):
    # As if the worker had been kept waiting for a core all the time: it is killed at MAX_STRETCH times the limit.
    monkeypatch.setattr("r1kit.rewards.process.Worker.own_s", lambda worker: 0.0)
    with VerifierPool(1, timeout_s=0.2, preload=PRELOAD) as pool:
        pool.verify([job(doubles.echo)])
        called = time.monotonic()
        late, slow = pool.verify([job(doubles.sleep_forever), job(doubles.sleep_a_second)])
        assert (late.value, late.reason) == (None, "timeout after 0.2 s")
        assert time.monotonic() - called >= 2.0
        assert slow.reason == "slept for 7"


def test_a_closed_pool_takes_no_jobs():
    pool = VerifierPool(1, timeout_s=5.0, preload=PRELOAD)
    pool.verify([job(doubles.echo)])
    assert len(workers()) == 1
    pool.close()
    pool.close()
    assert processes() == []
    with pytest.raises(RewardError, match="closed"):
        pool.verify([job(doubles.echo)])


def test_a_forgotten_pool_ends_its_workers():
    pool = VerifierPool(1, timeout_s=5.0, preload=PRELOAD)
    pool.verify([job(doubles.echo)])
    assert len(workers()) == 1
    del pool
    assert processes() == []


@pytest.mark.parametrize("verifier", ["echo", "sleep_forever"])
def test_workers_end_when_their_parent_is_killed(verifier):
    # Idle workers see the end of their socket; a busy one is killed by the nursery, which sees the end of its own.
    code = f"""
import os, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import reward_doubles as doubles
from r1kit.rewards.pool import Job, VerifierPool
from r1kit.rewards.process import Worker
pool = VerifierPool(1, timeout_s=60.0, preload=())
score, = pool.verify([Job(doubles.echo, doubles.problem(), "7")])
print(score.parsed, flush=True)
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
