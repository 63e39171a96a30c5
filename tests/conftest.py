"""Fixtures that several test files share."""

import signal
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


def pytest_configure() -> None:
    """A shell without job control starts background jobs with SIGINT ignored; tests that interrupt need it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets that may lie beside the checkout; the test skips where it does not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no public data at {SHARED_DATA.name} beside the checkout")
    return SHARED_DATA.resolve()
