"""Five small stages that work in many steps, keep what they have on the disk and go on from it.

As a program, `python toy_stages.py RUN SECONDS_A_STEP` runs them and says when it is ready and when it begins a step:
something to kill.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

from r1kit.config import Config
from r1kit.pipeline.execute import execute
from r1kit.pipeline.run import append_lines, drop_lines_after
from r1kit.pipeline.stage import Stage
from r1kit.report.files import read_json, read_jsonl, write_text_atomic
from r1kit.seeding import seed_for

TIMES = ("started", "finished", "seconds", "num_starts", "peak_memory_gb", "peak_gpu_memory_gb")
"""Of a manifest: what differs between two runs of the same."""


class ToyConfig(Config):
    text: str = "a"
    num_steps: int = 6


def inputs_digest(context):
    digest = hashlib.sha256(context.config.text.encode())
    for name, folder in context.inputs.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != "manifest.json":
                digest.update(f"{name}/{path.relative_to(folder)}".encode() + path.read_bytes())
    return digest.hexdigest()


def write_files(context, pause):
    """A file a step, as someone who writes shards; a shard that is there is not written again."""
    digest = inputs_digest(context)
    (context.out / "shards").mkdir(exist_ok=True)
    for step in range(context.config.num_steps):
        path = context.out / "shards" / f"{step}.txt"
        if not path.exists():
            pause()
            write_text_atomic(path, f"{seed_for(digest, step)}\n")


def write_lines(context, pause):
    """A line a step into one file; a half-written last line is dropped and written again."""
    digest, path = inputs_digest(context), context.out / "data.jsonl"
    drop_lines_after(path, sys.maxsize)
    for step in range(len(read_jsonl(path)) if path.exists() else 0, context.config.num_steps):
        pause()
        append_lines(path, [{"step": step, "value": seed_for(digest, step)}])


def train(context, pause):
    """A checkpoint every third step, a log that is cut back to it, a result at the end."""
    checkpoint, log = context.out / ".checkpoint.json", context.out / "metrics.jsonl"
    state = read_json(checkpoint) if checkpoint.exists() else {"step": 0, "weights": inputs_digest(context)}
    drop_lines_after(log, state["step"])
    for step in range(state["step"] + 1, context.config.num_steps + 1):
        pause()
        state = {"step": step, "weights": hashlib.sha256(state["weights"].encode()).hexdigest()}
        append_lines(log, [{"step": step, "loss": int(state["weights"][:6], 16)}])
        if step % 3 == 0:
            write_text_atomic(checkpoint, json.dumps(state))
    write_text_atomic(context.out / "weights.txt", state["weights"])


def summarise(context, pause):
    pause()
    (context.out / "report.txt").write_text(inputs_digest(context))


def toy_stages(pause=lambda: None, ran=None, **texts):
    """base -> corpus; base, corpus -> model -> scores -> report.

    `pause` is called before each of the 25 steps, `ran` gets the names of the stages that run, `texts` changes configs.
    """

    def stage(name, kind, inputs, work):
        def run(context):
            if ran is not None:
                ran.append(name)
            work(context, pause)

        config = ToyConfig(text=texts.get(name, "a"))
        return Stage(name=name, kind=kind, inputs=inputs, config=config, run=run)

    return [
        stage("base", "model", (), write_files),
        stage("corpus", "dataset", ("base",), write_lines),
        stage("model", "model", ("base", "corpus"), train),
        stage("scores", "evaluation", ("model",), write_files),
        stage("report", "evaluation", ("model", "scores"), summarise),
    ]


def artifacts(run_folder):
    """Every file under RUN/artifacts: path to bytes, or a manifest without what differs from run to run."""
    found = {}
    for path in sorted((run_folder / "artifacts").rglob("*")):
        if path.name == "manifest.json":
            manifest = json.loads(path.read_text())
            found[path.relative_to(run_folder).as_posix()] = {k: v for k, v in manifest.items() if k not in TIMES}
        elif path.is_file():
            found[path.relative_to(run_folder).as_posix()] = path.read_bytes()
    return found


if __name__ == "__main__":

    def step():
        print("step", flush=True)
        time.sleep(float(sys.argv[2]))

    print("ready", flush=True)
    execute(toy_stages(step), Path(sys.argv[1]))
