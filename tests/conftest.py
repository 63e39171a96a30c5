"""Fixtures that several test files share."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets that may lie beside the checkout; the test skips where it does not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no public data at {SHARED_DATA.name} beside the checkout")
    return SHARED_DATA.resolve()
