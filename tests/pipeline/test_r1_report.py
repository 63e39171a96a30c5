"""The pipeline's page, from artifacts with made-up numbers."""

import json
import re
from pathlib import Path

import pytest

from r1kit.pipeline.artifact import MANIFEST
from r1kit.pipeline.r1_comparisons import comparisons, equal_steps, over_seeds
from r1kit.pipeline.r1_report import build_pipeline_report, data_flow, groups, note
from r1kit.pipeline.r1_results import cell, label_of, main_models
from r1kit.pipeline.status import STATE

MODELS = ("base", "zero", "cold_start", "reasoning_rl", "sft", "r1")
STUDENT = ("student_small", "distilled_small", "student_rl_small", "distilled_rl_small")


def row(accuracy, error=0.01, **values):
    """Of evaluation.json, of a reasoning task."""
    return {
        **{"num_problems": 8, "pass_at_1": accuracy, "pass_at_1_stderr": error, "cons_at_k": None},
        **{"language_consistency": 1.0, "refusal_rate": None, **values},
    }


def evaluation(accuracies, **values):
    """Task to its accuracy."""
    tasks = {task: {"all": row(accuracy, **values)} for task, accuracy in accuracies.items()}
    return {"template": "readable", "k": 4, "temperature": 0.6, "tasks": tasks}


def cells(found):
    """Label of a row to its numbers as printed."""
    return {line["label"]: [f"{each.value}{each.error}" for each in line["cells"]] for line in found}


def test_names_of_models_in_words():
    assert [label_of(name) for name in MODELS] == ["base", "Zero", "cold start", "reasoning RL", "SFT", "R1"]
    assert [label_of(name) for name in STUDENT] == [
        *("small, base", "distilled small", "small, RL only", "small, distilled, then RL"),
    ]


def test_the_main_table_has_no_ablations_and_no_further_seeds():
    evaluated = [
        *("base", "student_small", "student_big", "zero", "reasoning_rl", "distilled_small", "student_rl_small"),
        *("distilled_rl_small", "distilled_big", "reasoning_rl_no_language", "sft_from_rl", "reasoning_rl_seed1"),
        *("reasoning_rl_no_language_seed1", "distilled_small_seed1"),
    ]
    assert main_models(evaluated) == [
        *("base", "zero", "reasoning_rl", *STUDENT, "student_big", "distilled_big"),
    ]


def test_a_number_is_printed_with_its_error():
    assert cell(0.5, 0.0125, "pass_at_1").error == "±0.013"
    tokens = cell(81.25, 2.36, "reasoning_tokens")
    assert (tokens.value, tokens.error) == ("81.2", "±2.4")
    assert cell(-0.25, None, "pass_at_1", signed=True).value == "−0.250"
    assert cell(0.25, None, "pass_at_1", signed=True).value == "+0.250"
    assert cell(None, None, "pass_at_1").value == "–"


def test_several_reasoning_tasks_get_their_mean_on_top():
    # (0.2 + 0.6) / 2 = 0.4; its error is hypot(0.03, 0.04) / 2 = 0.025. Zero was not asked about logic.
    base = evaluation({"maths": 0.2, "data/logic.jsonl": 0.6})
    base["tasks"]["maths"]["all"]["pass_at_1_stderr"] = 0.03
    base["tasks"]["data/logic.jsonl"]["all"]["pass_at_1_stderr"] = 0.04
    sections = groups({"base": base, "zero": evaluation({"maths": 0.3})})
    assert [section["title"] for section in sections] == ["mean of 2 reasoning tasks", "maths", "logic"]
    assert cells(sections[0]["rows"])["pass@1"] == ["0.400±0.025", "–"]
    assert cells(sections[2]["rows"])["all, pass@1"] == ["0.600±0.040", "–"]


def test_refusals_are_told_by_what_is_refused():
    rows = {
        "harm": row(0.9, num_problems=12, refusal_rate=0.875),
        "benign": row(0.8, num_problems=10, refusal_rate=0.125),
        "all": row(0.85, num_problems=22, refusal_rate=0.5),
    }
    result = {"template": "readable", "k": 4, "temperature": 0.6, "tasks": {"nano_safety": rows}}
    (section,) = groups({"r1": result})
    table = cells(section["rows"])
    assert table["refuses what is harmful"] == ["0.875"]
    assert table["refuses what is harmless (over-refusal)"] == ["0.125"]
    assert "refuses" not in table  # of both together it says nothing
    assert table["all, score"] == ["0.850±0.010"]
    assert "all, majority" not in table
    assert "Refusals: 12 of the harm family, 10 of the benign family." in note({"r1": result})


def test_the_error_of_several_seeds_is_over_seeds():
    # Means over the two tasks: 0.3, 0.4, 0.5. Their variance (ddof 1) is 0.01, the error sqrt(0.01 / 3) = 0.0577.
    seeds = {"reasoning_rl": (0.2, 0.4), "reasoning_rl_seed1": (0.3, 0.5), "reasoning_rl_seed2": (0.4, 0.6)}
    results = {name: evaluation({"maths": a, "logic": b}) for name, (a, b) in seeds.items()}
    several = over_seeds(results, "reasoning_rl", ["maths", "logic"], "pass_at_1")
    assert (several.value, several.error) == (pytest.approx(0.4), pytest.approx(0.057735, abs=1e-6))
    one = over_seeds({"reasoning_rl": results["reasoning_rl"]}, "reasoning_rl", ["maths", "logic"], "pass_at_1")
    assert (one.value, one.error) == (pytest.approx(0.3), pytest.approx(0.01 * 2**0.5 / 2))
    none = over_seeds(results, "zero", ["maths"], "pass_at_1")
    assert (none.value, none.error) == (None, None)


def test_the_language_reward_with_and_without():
    results = {
        "reasoning_rl": evaluation({"maths": 0.5}, language_consistency=0.98, readable_rate=0.9, reasoning_tokens=40.0),
        "reasoning_rl_seed1": evaluation({"maths": 0.7}, readable_rate=0.9, reasoning_tokens=44),
        "reasoning_rl_no_language": evaluation({"maths": 0.65}, language_consistency=0.8, readable_rate=0.7),
    }
    (found,) = comparisons([*results], results)
    assert found.columns == ("without the reward", "with it (2\u00a0seeds)", "change")
    assert cells(found.rows) == {
        "accuracy (pass@1)": ["0.650±0.010", "0.600±0.100", "−0.050±0.100"],  # hypot(0.01, 0.1) = 0.1005
        "language consistency": ["0.800", "0.990±0.010", "+0.190"],
        "readable": ["0.700", "0.900±0.000", "+0.200"],
        "reasoning, tokens": ["–", "–", "–"],  # not measured without: nothing to compare with
    }
    assert found.note.startswith("8 problems of each task, 4 samples each; mean over seeds")


def test_the_language_reward_from_the_base():
    results = {
        "zero": evaluation({"maths": 0.8}, language_consistency=0.85),
        "zero_language": evaluation({"maths": 0.75}, language_consistency=0.99),
    }
    (found,) = comparisons([*results], results)
    assert found.columns == ("without the reward", "with it", "change")
    rows = cells(found.rows)
    assert rows["accuracy (pass@1)"] == ["0.800±0.010", "0.750±0.010", "−0.050±0.014"]
    assert rows["language consistency"] == ["0.850", "0.990", "+0.140"]


def test_reward_models_are_told_with_their_bias_for_length():
    bias = {"accuracy_chosen_longer": 0.9, "accuracy_chosen_shorter": 0.5, "score_length_correlation": -0.0001}
    seen = {"num_pairs": 1200, "accuracy": 0.82, "accuracy_stderr": 0.012, "length_bias": bias}
    (found,) = comparisons([], {}, held_out={"helpful": seen})
    assert found.title == "Reward models"
    assert cells(found.rows) == {"helpful": ["1,200", "0.820±0.012", "0.900", "0.500", "0.000"]}


def test_a_comparison_needs_its_stages_and_a_number():
    results = {"sft": evaluation({"maths": 0.5}), "base": evaluation({"maths": 0.1})}
    assert comparisons(["base", "sft"], results) == []
    assert comparisons(["base", "sft", "sft_from_rl"], {}) == []
    (found,) = comparisons(["base", "sft", "sft_from_rl"], results)
    assert found.title == "Where fine-tuning starts"
    assert cells(found.rows) == {"maths": ["0.500±0.010", "–", "–"]}


def test_students_are_compared_by_label():
    stages = [*STUDENT, "student_big", "distilled_big", "student_rl_small_seed1"]
    accuracies = dict(zip(stages, (0.1, 0.6, 0.3, 0.7, 0.2, 0.8, 0.5), strict=True))
    results = {name: evaluation({"maths": a, "logic": a}) for name, a in accuracies.items()}
    small, big = comparisons(stages, results)
    assert small.columns == ("base", "distilled", "RL only (2\u00a0seeds)", "distilled, then RL")
    assert cells(small.rows)["maths"] == ["0.100±0.010", "0.600±0.010", "0.400±0.100", "0.700±0.010"]
    assert [line["label"] for line in small.rows] == ["mean of 2 reasoning tasks", "maths", "logic"]
    assert (small.title, big.title) == ("Distillation against RL: small", "Distillation: big")
    assert big.columns == ("base", "distilled", "change")
    assert cells(big.rows)["logic"] == ["0.200±0.010", "0.800±0.010", "+0.600±0.014"]


def training(**accuracies):
    """Rows of metrics.jsonl: step to pass@1."""
    return [
        {
            **{"step": int(step.removeprefix("s")), "eval/pass_at_1": value, "eval/pass_at_1_stderr": 0.03},
            **{"eval/k": 8, "eval/num_problems": 64},
        }
        for step, value in accuracies.items()
    ]


def test_cold_start_and_zero_at_the_steps_that_both_have():
    found = equal_steps(training(s0=0.1, s20=0.3, s40=0.5, s60=0.6), [*training(s0=0.4, s40=0.55), {"step": 1}])
    assert found is not None
    assert cells(found.rows) == {
        "0": ["64", "0.100±0.030", "0.400±0.030", "+0.300±0.042"],
        "40": ["64", "0.500±0.030", "0.550±0.030", "+0.050±0.042"],
    }
    assert found.svg.startswith("<svg")
    assert "8 samples a problem" in found.note
    assert equal_steps(training(s0=0.1), []) is None


def steps(*stages):
    names = ("name", "unit", "in", "kept", "dropped", "goes_to")
    return [dict(zip(names, each, strict=True)) for each in stages]


def write_dataset(folder: Path, *stages):
    folder.mkdir(parents=True)
    (folder / "drops.json").write_text(json.dumps({"stages": steps(*stages)}))


def test_the_flow_joins_the_data_sets_and_counts_samples_only():
    first = steps(
        ("rejection", "samples", 100, 60, {"not_correct": 40}, "mix_reasoning"),
        ("rejection_prompts", "prompts", 25, 20, {"no_correct_sample": 5}, "prompts_used"),
    )
    second = steps(("mix_reasoning", "samples", 60, 45, {"over_ratio": 15}, "sft_data"))
    svg = data_flow({"rejection_data": first, "sft_data": second})
    assert svg is not None
    assert re.findall("<title>(.*?)</title>", svg) == [
        "reasoning → curated data: 45 of 60 samples",
        "reasoning → over ratio: 15 of 60 samples",
        "rejection sampling → reasoning: 60 of 100 samples",
        "rejection sampling → not correct: 40 of 100 samples",
    ]
    assert data_flow({}) is None


def write_run(folder: Path):
    """A run with two models evaluated, one waiting, a data set, and no time spent."""
    artifacts = folder / "artifacts"
    states = []

    def stage(name, kind, state="done", **files):
        states.append(
            {
                **{"name": name, "kind": kind, "inputs": [], "folder": f"artifacts/{name}-0", "state": state},
                **{"started": None, "seconds": 3.0, "error": None},
            }
        )
        if state == "done":
            (artifacts / f"{name}-0").mkdir(parents=True, exist_ok=True)
            for file, text in {**files, MANIFEST: "{}"}.items():
                (artifacts / f"{name}-0" / file.replace("_json", ".json")).write_text(text)

    write_dataset(artifacts / "rejection_data-0", ("rejection", "samples", 10, 6, {"a<b": 4}, "mix_reasoning"))
    stage("rejection_data", "dataset")
    for name, accuracy in (("base", 0.25), ("sft", 0.5)):
        stage(f"eval_{name}", "evaluation", evaluation_json=json.dumps(evaluation({"maths": accuracy})))
    stage("eval_sft_from_rl", "evaluation", state="waiting")
    (folder / STATE).write_text(json.dumps({"process": 1, "stages": states}))


def test_the_page_has_what_is_there_and_a_dash_for_what_is_not(tmp_path):
    write_run(tmp_path)
    page = build_pipeline_report(tmp_path).read_text()
    assert page.startswith("<!doctype html>")
    assert "Not finished: eval_sft_from_rl." in page
    assert '<td>0.250 <span class="error">±0.010</span></td><td>0.500 <span class="error">±0.010</span></td>' in page
    assert "Where fine-tuning starts" in page
    assert '<td>0.500 <span class="error">±0.010</span></td><td>– <span' in page
    assert "rejection sampling → a&lt;b: 4 of 10 samples" in page
    assert '<th scope="row">rejection_data: rejection</th><td>10</td><td>6</td><td class="text">a&lt;b 4</td>' in page
