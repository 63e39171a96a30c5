"""A finished run of the whole pipeline, for those tests that look at one or go on from one."""

import pytest
from small_r1 import build_world, r1_config

from r1kit.pipeline.r1 import run_r1


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """What `build_world` makes, the config, the artifacts of its run in folder / "run", and the run's notes."""
    folder = tmp_path_factory.mktemp("r1")
    build_world(folder)
    config = r1_config(folder)
    notes = []
    artifacts = run_r1(config, folder / "run", device="cpu", note=notes.append)
    return folder, config, artifacts, notes
