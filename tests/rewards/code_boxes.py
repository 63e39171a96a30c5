"""The sandbox that tests of code rewards run in: a real one where the machine has it, else none at all."""

from functools import cache

from r1kit.sandbox import Sandbox, open_sandbox


@cache
def any_box() -> Sandbox:
    """For programs of these tests' own making, which mean no harm."""
    return open_sandbox(unsafe=True)
