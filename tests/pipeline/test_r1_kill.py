"""SIGKILL in every stage of the whole pipeline: the same artifacts as without."""

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
    """Kill the process once in every stage, a random moment after it began; the stages that were killed, in order."""
    killed = []
    while True:
        process = start(world, run)
        for line in process.stdout:
            name = line.split(":")[0]
            if line.rstrip().endswith("started") and name not in killed:
                time.sleep(draw.uniform(0, 0.5))
                process.kill()
                killed.append(name)
                break
        if process.wait() == 0:
            return killed
        assert process.returncode == -9, f"stage after {killed[-1:]} failed on its own"


@pytest.mark.slow
def test_killed_in_every_stage_it_makes_the_same_artifacts(tmp_path):
    world = tmp_path / "world"
    world.mkdir()
    small_r1.build_world(world)
    killed = run_with_kills(world, tmp_path / "killed", rng("kill", "r1"))
    undisturbed = start(world, tmp_path / "undisturbed")
    undisturbed.communicate()
    assert undisturbed.returncode == 0
    assert killed == [stage.name for stage in r1_stages(small_r1.r1_config(world))]
    there, expected = results(tmp_path / "killed"), results(tmp_path / "undisturbed")
    assert len(expected) > 3 * len(killed)
    assert [name for name in expected if there.get(name) != expected[name]] == []
    assert set(there) == set(expected)
