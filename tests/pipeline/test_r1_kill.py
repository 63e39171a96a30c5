"""SIGKILL soon after the begin of every stage of the whole pipeline: the same artifacts as without."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_r1

from r1kit.pipeline.r1 import r1_stages
from r1kit.seeding import rng

RESULTS = ("*.safetensors", "data.jsonl", "drops.json", "evaluation.json", "transcripts.jsonl", "tokenizer.json")
"""What stages are run for; logs tell times too, and manifests how often a stage was started."""


def start(world, run):
    return subprocess.Popen(
        [sys.executable, small_r1.__file__, world, run], stdout=subprocess.PIPE, text=True, errors="replace"
    )


def results(run):
    """Name and content of everything that the artifacts of a run are for."""
    artifacts = Path(run) / "artifacts"
    found = sorted(path for pattern in RESULTS for path in artifacts.rglob(pattern))
    return {path.relative_to(artifacts).as_posix(): path.read_bytes() for path in found}


def run_with_kills(world, run, draw):
    """Kill the process a random moment after each stage began for the first time; the stages that were begun, in order.

    A stage that takes less than that moment is over by then, and it is the next one that is killed.
    """
    killed = []
    while True:
        with start(world, run) as process:
            for line in process.stdout:
                name = line.split(":")[0]
                if line.rstrip().endswith("started") and name not in killed:
                    time.sleep(draw.uniform(0, 0.15))
                    process.kill()
                    killed.append(name)
                    break
        if process.returncode == 0:
            return killed
        assert process.returncode == -9, f"after the kill in {killed[-1:]} it failed on its own"


@pytest.mark.slow
def test_killed_in_its_stages_it_makes_the_same_artifacts(tmp_path):
    world = tmp_path / "world"
    world.mkdir()
    small_r1.build_world(world)
    killed = run_with_kills(world, tmp_path / "killed", rng("kill", "r1"))
    undisturbed = start(world, tmp_path / "undisturbed")
    undisturbed.communicate()
    assert undisturbed.returncode == 0
    stages = [stage.name for stage in r1_stages(small_r1.r1_config(world))]
    assert killed == [name for name in stages if name in killed]
    assert len(killed) > 0.7 * len(stages)
    there, expected = results(tmp_path / "killed"), results(tmp_path / "undisturbed")
    assert len(expected) > 2 * len(stages)
    assert [name for name in expected if there.get(name) != expected[name]] == []
    assert set(there) == set(expected)
