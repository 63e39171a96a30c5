"""The sandboxes that work here; tests of the others skip and say why."""

import pytest

from r1kit.sandbox import SandboxError, open_sandbox


def opened(name):
    try:
        return open_sandbox(name, unsafe=True)
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["bwrap", "namespaces"])
def box(request):
    """A sandbox that makes boxes."""
    return opened(request.param)


@pytest.fixture(scope="session", params=["bwrap", "namespaces", "plain"])
def any_sandbox(request):
    """A sandbox, safe or not."""
    return opened(request.param)


@pytest.fixture(scope="session")
def plain():
    """What lets an attack through that a box must stop."""
    return opened("plain")
