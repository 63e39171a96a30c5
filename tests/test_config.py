"""What a config makes of a section that is given in part."""

import pytest

from r1kit.config import parse_config
from r1kit.pipeline.r1_config import R1Config
from r1kit.sft.config import SFTConfig


def test_a_section_that_is_given_in_part_keeps_the_defaults_of_the_rest():
    learner = parse_config(SFTConfig, {"learner": {"max_grad_norm": 0.5}}, where="here").learner
    assert (learner.max_grad_norm, learner.learning_rate, learner.schedule) == (0.5, 1e-5, "cosine")
    assert learner.min_learning_rate_ratio == 0.1


def test_so_does_a_section_in_a_section():
    given = {
        "reasoning_rl": {"grpo": {"num_steps": 3}},
        "cold_start_data": {"few_shot": {"choice": {"choose": "shortest"}}},
    }
    config = parse_config(R1Config, given, where="here")
    assert (config.reasoning_rl.template, config.reasoning_rl.grpo.num_steps) == ("readable", 3)
    assert config.cold_start_data.zero_problems == 512
    assert config.cold_start_data.few_shot.choice.max_per_problem == 1


@pytest.mark.parametrize("given", [{"seed": 3}, {"seed": 3, "zero": {"seed": 5}, "sft": {"num_epochs": 1}}])
def test_the_seed_of_a_pipeline_is_that_of_its_sections(given):
    config = parse_config(R1Config, given, where="here")
    assert config.zero.seed == (5 if "zero" in given else 3)
    assert [config.sft.seed, config.r1.seed, config.helpful.seed] == [3, 3, 3]
    assert parse_config(R1Config, {}, where="here").sft.seed == 0
