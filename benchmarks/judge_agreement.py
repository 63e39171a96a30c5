"""How far a judge model agrees with labels, beside judges that know nothing.

    .venv/bin/python benchmarks/judge_agreement.py --model runs/smollm2 --num 8

Two sets, each read from DATA:
    pairs    judge_gold: JudgeBench (ScalerLab/JudgeBench), responses of two models, of which one is right. Each pair is
             asked in both orders.
    claims   verifier_gold: answers and gold answers that other projects labelled as equivalent or not; as many of
             either, with the question where the row has one.

Agreement is 0.5 for a judge that knows nothing: an unreadable verdict counts as a coin toss, and pairs are asked in
both orders, claims weighed by class. The rows below a model's are such judges, on the same items: one tosses coins,
one always says the first word that it may say (A, CORRECT), one says nothing that can be read.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1kit.cli.process import prepare_process
from r1kit.engines.base import Engine
from r1kit.errors import DataError
from r1kit.eval.agreement import Agreement, claim_agreement, pair_agreement
from r1kit.report.hardware import describe_hardware, hardware_line
from r1kit.rewards.generative import CORRECT, INCORRECT, Claim, GenerativeVerifier, Judge
from r1kit.rewards.pairwise import Pair, judge_pairs
from r1kit.seeding import rng
from r1kit.types import SamplingParams

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
COLUMNS = ("judge", "set", "n", "agreement", "stderr", "readable", "same in both orders", "chose the first", "reads as")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="an instruct model: a folder or a hub name")
    parser.add_argument("--skip-model", action="store_true", help="only the judges that know nothing")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with judge_gold and verifier_gold")
    parser.add_argument("--num", type=int, default=100, help="pairs, and claims; drawn by the seed")
    parser.add_argument("--votes", type=int, default=1, help="completions a question; more than 1 at temperature 0.6")
    parser.add_argument("--max-new-tokens", type=int, default=512)
    parser.add_argument("--max-chars", type=int, default=4000, help="longest text shown; a longer one loses its middle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    prepare_process()
    from r1kit.engines.fake import FakeEngine

    engine, tokenizer = open_engine(arguments.model, arguments.device)
    temperature = 0.0 if arguments.votes == 1 else 0.6
    params = SamplingParams(temperature=temperature, top_p=0.95, max_new_tokens=arguments.max_new_tokens)
    options = {"params": params, "max_chars": arguments.max_chars, "seed": arguments.seed}
    pairs, winners = draw_pairs(arguments.data, arguments.num, arguments.seed)
    claims, labels = draw_claims(arguments.data, arguments.num, arguments.seed)
    judges: dict[str, Engine] = {} if arguments.skip_model else {Path(arguments.model).name: engine}
    print("\n".join(["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]))
    started = time.perf_counter()
    for name, source in judges.items():
        judge = Judge(source, tokenizer, num_votes=arguments.votes, **options)
        verdicts = judge_pairs(judge, pairs)
        print(row(name, "pairs", pair_agreement(verdicts, winners)), flush=True)
        scores = GenerativeVerifier(judge).verify(claims)
        print(row(name, "claims", claim_agreement(scores, labels)), flush=True)
    wall_s = time.perf_counter() - started
    for name, says in KNOW_NOTHING.items():
        judge = Judge(FakeEngine(tokenizer, know_nothing(says, ("A", "B"))), tokenizer, **options)
        print(row(name, "pairs", pair_agreement(judge_pairs(judge, pairs), winners)))
        judge = Judge(FakeEngine(tokenizer, know_nothing(says, (CORRECT, INCORRECT))), tokenizer, **options)
        print(row(name, "claims", claim_agreement(GenerativeVerifier(judge).verify(claims), labels)))
    print(f"\n{arguments.votes} votes, seed {arguments.seed}, {wall_s:.0f} s for the model's verdicts")
    print(hardware_line(describe_hardware()))


def open_engine(model: str, device: str) -> tuple[Engine, PreTrainedTokenizerBase]:
    from r1kit.engines.native import NativeEngine
    from r1kit.models.device import resolve_device, resolve_dtype
    from r1kit.models.load import load_model

    where = resolve_device(device)
    loaded, tokenizer = load_model(model)
    return NativeEngine(
        loaded, tokenizer, device=where, dtype=resolve_dtype("auto", where), max_batch_size=8
    ), tokenizer


KNOW_NOTHING: dict[str, Callable[[int, Sequence[str]], str]] = {
    "tosses coins": lambda draw, words: words[draw % 2],
    "always the same": lambda draw, words: words[0],
    "says nothing": lambda draw, words: "It depends.",
}
"""Name to what a judge says, given a random number and the words it may choose from."""


def know_nothing(
    says: Callable[[int, Sequence[str]], str], words: Sequence[str]
) -> Callable[[tuple[int, ...], int, int], str]:
    """A script for FakeEngine; the random number depends on the prompt and the seed."""
    return lambda prompt, sample, seed: says(rng(seed, sample, *prompt).randrange(2), words)


def draw_pairs(data: Path, num: int, seed: int) -> tuple[list[Pair], list[str]]:
    """Pairs from both files of JudgeBench in equal numbers, and the better response of each."""
    files = sorted((data / "judge_gold").glob("judgebench_*.jsonl.gz"))
    rows: list[dict[str, Any]] = []
    for index, path in enumerate(files):
        of_file = list(read_lines(path))
        share = num // len(files) + (index < num % len(files))
        rows += rng(seed, "pairs", path.name).sample(of_file, min(share, len(of_file)))
    if not rows:
        raise DataError(f"no judgebench_*.jsonl.gz in {data / 'judge_gold'}; give the folder of data sets with --data")
    pairs = [Pair(question=r["question"], response_A=r["response_A"], response_B=r["response_B"]) for r in rows]
    return pairs, ["A" if r["label"] == "A>B" else "B" for r in rows]


def draw_claims(data: Path, num: int, seed: int) -> tuple[list[Claim], list[bool]]:
    """Bare answers of verifier_gold, half of them equivalent; rows whose label is known to be wrong are left out."""
    folder = data / "verifier_gold"
    wrong = {row["id"] for row in read_lines(folder / "review_flags.jsonl") if row["flag"] == "label-wrong"}
    rows = [r for r in read_lines(folder / "pairs.jsonl") if r["kind"] == "answer" and r["id"] not in wrong]
    chosen: list[dict[str, Any]] = []
    for label in (True, False):
        of_label = [r for r in rows if r["equivalent"] is label and r["gold"].strip() and r["pred"].strip()]
        chosen += rng(seed, "claims", int(label)).sample(of_label, min(num // 2, len(of_label)))
    claims = [Claim(question=r.get("question", ""), gold=r["gold"], prediction=r["pred"]) for r in chosen]
    return claims, [r["equivalent"] for r in chosen]


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def row(name: str, kind: str, result: Agreement) -> str:
    """A line of the table."""
    cells = [
        *(name, kind, str(result.n), f"{result.agreement:.3f}", f"{result.stderr:.3f}", f"{result.readable_rate:.0%}"),
        "" if result.position_consistency is None else f"{result.position_consistency:.0%}",
        "" if result.first_rate is None else f"{result.first_rate:.0%}",
        "better than chance" if result.beats_chance else "no better than chance",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
