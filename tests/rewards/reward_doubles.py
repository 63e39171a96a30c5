"""Rollouts of given text, and verifiers that misbehave; a worker process imports the latter by name."""

import os
import time

from r1kit.types import Completion, Problem, Rollout, Score, StopReason


def problem(answer="7", verifier="math", **info):
    return Problem(id="p1", prompt="?", answer=answer, task="test", verifier=verifier, info=info)


def rollout(text, answer="7", verifier="math", **info):
    completion = Completion(
        tokens=(1,), logprobs=(-1.0,), text=text, stop_reason=StopReason.END_TOKEN, policy_version=0
    )
    return Rollout(
        problem=problem(answer, verifier, **info), prompt_text="?", prompt_tokens=(1,), completion=completion
    )


def well_formed(answer):
    return f"<think> some thought </think>\n<answer> {answer} </answer>"


def echo(problem, answer):
    return Score(value=1.0, reason=f"echo {answer}", parsed=str(os.getpid()))


def sleep_forever(problem, answer):
    time.sleep(3600)


def sleep_a_second(problem, answer):
    time.sleep(1)
    return Score(value=1.0, reason=f"slept for {answer}")


def tell_moment(problem, answer):
    return Score(value=1.0, reason=str(time.perf_counter_ns()))


_CACHE = []


def fill_cache():
    _CACHE.append("filled")


def tell_cache(problem, answer):
    return Score(value=1.0, reason=",".join(_CACHE))


def one_long_operation(problem, answer):
    return Score(value=1.0, reason=str(len(str(3 ** (3**30)))))  # inside C, where no Python signal handler runs


def die(problem, answer):
    os._exit(3)


def raise_error(problem, answer):
    raise ZeroDivisionError("not our fault")


def allocate_3_gib(problem, answer):
    return Score(value=1.0, reason=str(len(bytearray(3 * 2**30))))


def tell_imports(problem, answer):
    import sys

    return Score(value=1.0, reason=",".join(sorted({"torch", "transformers", "pydantic"} & set(sys.modules))))
