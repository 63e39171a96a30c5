"""The files of configs/: each parses as the config of its command, and does what its head and the table say.

No model and no data set is there: graphs are built in an empty folder, where a name is only a name, and sizes are those
of the config.json files on the hub.
"""

import math
import re
from pathlib import Path

import pytest
import torch

from r1kit.config import load_config
from r1kit.models.load import SHIPPED
from r1kit.models.memory import MemoryPlan, ModelSize, estimate_memory
from r1kit.nano.pretrain import PretrainConfig
from r1kit.pipeline import r1, r1_costs, r1_reads
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.estimate import Machine, Product
from r1kit.pipeline.r1_config import R1Config
from r1kit.pipeline.sources import worked_examples
from r1kit.tasks.mix import counts_of_step
from r1kit.tasks.registry import TASKS, build_task
from r1kit.tasks.rows import suffix_of
from r1kit.tasks.splits import same_text

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
FILES = sorted(path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.toml"))
CLASSES = {"zero": RLConfig, "r1": R1Config, "nano pretrain": PretrainConfig}
"""Command to the class of its config."""

_ROW = re.compile(r"\| \[([^]]+)\]\(([^)]+)\) \| `r1kit ([a-z0-9 ]+)` \| .+ \| (run|not run) \|")
ROWS = {match[1]: match for line in (CONFIGS / "README.md").read_text().splitlines() if (match := _ROW.fullmatch(line))}
COMMANDS = {file: match[3] for file, match in ROWS.items()}
PIPELINES = [file for file in FILES if COMMANDS.get(file) == "r1"]

REASONING = ["zero", "cold_start_data", "cold_start", "reasoning_rl", "rejection_data"]
ALL_SCENARIOS = [*REASONING, "non_reasoning_data", "sft_data", "sft", "helpful", "harmless", "r1"]
STAGES = {
    "nano/r1.toml": [*ALL_SCENARIOS, "distilled_small", "student_rl_small", "distilled_rl_small"],
    "cpu/r1-smollm2.toml": [*REASONING, "sft"],
    "gpu/llama-3.1-8b.toml": [*ALL_SCENARIOS, "distilled_llama_1b"],
    "gpu/qwen2.5-32b.toml": [*ALL_SCENARIOS, "distilled_math_1_5b", "distilled_math_7b"],
    "paper/r1.toml": [
        *ALL_SCENARIOS,
        *("distilled_qwen_math_1_5b", "distilled_qwen_math_7b", "distilled_qwen_14b"),
        *("distilled_qwen_32b", "student_rl_qwen_32b", "distilled_rl_qwen_32b"),
        *("distilled_llama_8b", "distilled_llama_70b", "reasoning_rl_no_language"),
    ],
}
"""Without the evaluations."""


def size(num_parameters, num_layers, hidden, intermediate, num_heads, num_kv_heads, vocab):
    return ModelSize(
        num_parameters=num_parameters,
        num_layers=num_layers,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        head_dim=128,
        vocab_size=vocab,
    )


SIZES = {
    "gpu/qwen2.5-1.5b.toml": size(1_543_714_304, 28, 1536, 8960, 12, 2, 151_936),
    "gpu/qwen2.5-math-7b.toml": size(7_615_616_512, 28, 3584, 18_944, 28, 4, 152_064),
    "gpu/llama-3.1-8b.toml": size(8_030_261_248, 32, 4096, 14_336, 32, 8, 128_256),
    "gpu/qwen2.5-32b.toml": size(32_763_876_352, 64, 5120, 27_648, 40, 8, 152_064),
}


def load(file):
    return load_config(CLASSES[COMMANDS[file]], CONFIGS / file)


def head_of(file):
    """The comment before the first key, without line ends."""
    lines = (CONFIGS / file).read_text().splitlines()
    count = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return " ".join(line.lstrip("# ") for line in lines[:count])


def sections_of_rl(file):
    """(section, its tasks) of each RL in a config."""
    config = load(file)
    if isinstance(config, RLConfig):
        return [(config, config.tasks)]
    reasoning, names = config.sources.reasoning, ["zero", "reasoning_rl"]
    if config.students and config.rl_students != []:
        names += ["student_rl", "distilled_rl"]
    found = [(getattr(config, name), reasoning) for name in names]
    return [*found, (config.r1, {**reasoning, **config.sources.general})] if config.sources.general else found


def test_the_table_has_every_config_and_links_to_it():
    assert sorted(ROWS) == FILES
    assert all(match[1] == match[2] for match in ROWS.values())
    assert set(PIPELINES) == set(STAGES)


@pytest.mark.parametrize("file", FILES)
def test_it_parses_as_the_config_of_its_command(file):
    assert isinstance(load(file), CLASSES[COMMANDS[file]])
    for command, path in re.findall(r"r1kit ([a-z0-9 ]+) (configs/\S+\.toml)", head_of(file)):
        assert (command, path) == (COMMANDS[file], f"configs/{file}")


@pytest.mark.parametrize("file", FILES)
def test_what_was_not_run_says_so(file):
    if "Not run" in head_of(file) or file.startswith(("gpu/", "paper/")):
        assert ROWS[file][4] == "not run"
        assert "Not run" in head_of(file)


@pytest.mark.parametrize("file", [file for file in FILES if COMMANDS.get(file) in ("zero", "r1")])
def test_every_task_is_known_and_has_problems_in_every_step(file):
    for rl, tasks in sections_of_rl(file):
        assert all(name.partition(":")[0] in TASKS or suffix_of(Path(name)) for name in tasks)
        assert min(counts_of_step(tasks, rl.grpo.problems_per_step).values()) >= 1


@pytest.mark.parametrize("file", PIPELINES)
def test_the_graph_has_the_stages_of_the_recipe_and_each_has_a_cost(file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(r1_reads, "weights", lambda model: ())  # also where a shipped model is not there
    stages = r1.r1_stages(load(file))
    made = [stage.name for stage in stages if not stage.name.startswith("eval_")]
    assert made == STAGES[file]
    done = set()
    for stage in stages:
        assert done.issuperset(stage.inputs)
        done.add(stage.name)
    monkeypatch.setattr(r1_costs, "_size", lambda model: SIZES["gpu/qwen2.5-1.5b.toml"])
    machine = Machine(name="m", products=(Product(dtype="bfloat16", width=1024, fixed_s=1e-12, row_s=1e-14),))
    costs = [stage.cost(machine) for stage in stages if stage.cost]
    assert len(costs) >= len(stages) - 1  # mixing costs nothing
    assert all(0 < cost.minutes < math.inf and cost.memory_gb > 0 for cost in costs)


@pytest.mark.parametrize("file", SIZES)
def test_the_memory_of_the_head_is_the_estimate(file):
    model, config = SIZES[file], load(file)
    peaks = [estimate_memory(model, rl_plan(rl)).total for rl, _ in sections_of_rl(file)]
    if isinstance(config, R1Config):  # the RL of all scenarios holds two reward models in bfloat16
        peaks[-1] += 2 * 2 * model.num_parameters
    stated = re.search(r"about (\d+) GB of GPU memory", head_of(file))
    assert stated
    assert int(stated[1]) == pytest.approx(max(peaks) / 1e9, rel=0.01)


def rl_plan(rl):
    return MemoryPlan(
        dtype=torch.bfloat16,
        has_reference=rl.grpo.kl_coef > 0,
        micro_batch_tokens=rl.learner.micro_batch_tokens,
        gradient_checkpointing=rl.learner.gradient_checkpointing,
        group_size=rl.grpo.group_size,
        prompt_tokens=256,
        completion_tokens=rl.sampling.max_new_tokens,
        num_slots=min(rl.max_batch_size, rl.grpo.problems_per_step * rl.grpo.group_size),
    )


def test_qwen_math_stays_within_its_context():
    config = load("gpu/qwen2.5-math-7b.toml")
    assert config.max_prompt_tokens + config.sampling.max_new_tokens <= 4096
    assert config.eval.sampling.max_new_tokens == config.sampling.max_new_tokens


def test_the_paper_s_numbers():
    config = load("paper/r1.toml")
    for rl in (config.zero, config.reasoning_rl, config.r1, config.student_rl, config.distilled_rl):
        assert (rl.grpo.loss, rl.grpo.advantage) == ("r1", "group_std")  # Eq. 1 and 3
        assert rl.grpo.kl_coef > 0  # the beta of Eq. 1
        assert (rl.eval.num_samples, rl.eval.sampling.max_new_tokens) == (16, 32_768)  # Figure 2, section 3
    assert config.zero.template == "r1_zero"  # Table 1
    assert config.zero.reward.weights.keys() == {"accuracy", "format"}  # 2.2.2
    assert config.reasoning_rl.reward.weights == {"accuracy": 1.0, "language": 1.0}  # 2.3.2
    assert config.reasoning_rl.grpo.convergence_window > 0  # 2.3.2
    kept = config.rejection_data.reject.choice.max_per_problem * config.rejection_data.num_problems
    assert (kept, config.non_reasoning_data.num_problems) == (600_000, 200_000)  # 2.3.3
    assert (config.mix.reasoning, config.mix.non_reasoning, config.sft.num_epochs) == (600, 200, 2)  # 2.3.3
    assert config.student_rl.grpo.num_steps == 10_000  # 4.1
    sampling = config.evaluation.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_new_tokens) == (0.6, 0.95, 32_768)  # 3
    assert config.evaluation.num_samples == 64  # 3


def result_of(prompt):
    """Of a sum, a difference, a product or a greatest common divisor of two numbers."""
    if numbers := re.search(r"numbers: (\d+), (\d+)\.", prompt):
        return math.gcd(int(numbers[1]), int(numbers[2]))
    left, sign, right = re.search(r": (\d+) ([-+*]) (\d+)", prompt).groups()
    return {"+": int(left) + int(right), "-": int(left) - int(right), "*": int(left) * int(right)}[sign]


def test_the_worked_examples_of_smollm2_are_right_and_none_is_held_out():
    pytest.importorskip("reasoning_gym", exc_type=ImportError)
    config = load("cpu/r1-smollm2.toml")
    shots = worked_examples(str(ROOT / config.sources.shots), seed=0)
    assert len(shots) == 12
    assert [int(shot.answer) for shot in shots] == [result_of(shot.question) for shot in shots]
    tasks = [build_task(name, seed=config.seed) for name in config.sources.reasoning]
    held_out = {same_text(problem.prompt) for task in tasks for problem in task.problems("eval")}
    assert held_out.isdisjoint(same_text(shot.question) for shot in shots)
    families = [problem.task for task in tasks for problem in task.problems("train")]
    assert {shot.task for shot in shots} == set(families)
    assert config.rejection_data.num_problems <= len(families)


def test_smollm2_is_the_folder_that_the_head_makes():
    config = load("cpu/r1-smollm2.toml")
    assert config.base not in SHIPPED
    assert f"r1kit model import smollm2 --out {config.base}" in head_of("cpu/r1-smollm2.toml")
