import pytest

from r1kit.errors import ConfigError
from r1kit.rewards.math import verify_math
from r1kit.rewards.math.policy import MathPolicy


@pytest.mark.parametrize(
    ("switches", "gold", "answer", "right"),
    [
        ({}, "50", r"50\%", True),
        ({}, "0.5", r"50\%", True),
        ({"percent": "fraction"}, "50", r"50\%", False),
        ({"percent": "fraction"}, "0.5", r"50\%", True),
        ({"percent": "number"}, "50", r"50\%", True),
        ({"percent": "number"}, "0.5", r"50\%", False),
        ({}, r"\frac{1}{2}", r"\frac{2}{4}", True),
        ({"unreduced": False}, r"\frac{1}{2}", r"\frac{2}{4}", False),
        ({"unreduced": False}, r"\frac{1}{2}", "0.5", True),
        ({}, "4, 10, -2", "10, 4, -2", True),
        ({"list_order": "fixed"}, "4, 10, -2", "10, 4, -2", False),
        ({"list_order": "fixed"}, "4, 10, -2", "4, 10, -2", True),
        ({"list_order": "fixed"}, r"\{1, 2\}", r"\{2, 1\}", True),
        ({"set_order": "fixed"}, r"\{1, 2\}", r"\{2, 1\}", False),
        ({}, r"x \in [-2, 7]", r"-2 \le x \le 7", True),
        ({"relation_for_interval": False}, r"x \in [-2, 7]", r"-2 \le x \le 7", False),
        ({"relation_for_interval": False}, r"-2 \le x \le 7", r"x \in [-2, 7]", True),
        ({}, "5 km", "5000 m", True),
        ({}, "5 km", "5 cm", False),
        ({}, "5 km", "5", True),
        ({"units": "ignore"}, "5 km", "5 cm", True),
        ({"units": "require"}, "5 km", "5", False),
        ({"units": "require"}, "5 km", "5 km", True),
        ({}, r"60^\circ", "60", True),
        ({"degrees": "radians"}, r"60^\circ", r"\frac{\pi}{3}", True),
        ({"degrees": "radians"}, r"60^\circ", "60", False),
        ({}, "3", "x = 3", True),
        ({"assignment": False}, "3", "x = 3", False),
        ({"assignment": False}, "x = 3", "3", False),
        ({}, "1234", "1,234", True),
        ({"thousands": False}, "1234", "1,234", False),
        ({"thousands": False}, "1, 234", "1,234", True),
        ({}, "1.5", "1,5", True),
        ({"decimal_comma": False}, "1.5", "1,5", False),
        ({}, "12", "十二", True),
        ({"chinese": False}, "12", "十二", False),
        ({}, "7", "It is 6, no, it is 7", False),
        ({"prose": "last"}, "7", "It is 6, no, it is 7", True),
        ({}, "x^2+1", "t^2+1", False),
        ({"any_variable": True}, "x^2+1", "t^2+1", True),
        ({"any_variable": True}, "x^2+1", "t^2-1", False),
        ({}, r"\frac{1}{3}", "0.33", False),
        ({"decimals": 2}, r"\frac{1}{3}", "0.33", True),
        ({"decimals": 2}, r"\frac{1}{3}", "0.34", False),
        ({}, "33.33", "33.3", False),
        ({"rel_tol": 0.01}, "33.33", "33.3", True),
        ({"abs_tol": 0.05}, "33.33", "33.3", True),
        ({"abs_tol": 2.0}, "33", "34", False),  # integers are exact
    ],
)
def test_switches(switches, gold, answer, right):
    score = verify_math(gold=gold, answer=answer, policy=MathPolicy.from_mapping(switches))
    assert score.value == float(right), score.reason


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"percents": "number"}, r"unknown switch 'percents' in math_policy; known: .* Did you mean 'percent'\?"),
        ({"percent": "numbr"}, r"math_policy.percent is 'numbr'; known: .* Did you mean 'number'\?"),
        ({"thousands": "yes"}, "math_policy.thousands is 'yes'; give true or false"),
        ({"decimals": -1}, "math_policy.decimals is -1; give an integer from 0 to 40"),
        ({"decimals": True}, "math_policy.decimals is True; give an integer from 0 to 40"),
        ({"rel_tol": float("nan")}, "math_policy.rel_tol is nan; give a number that is 0 or more"),
    ],
)
def test_a_switch_that_is_not_there_is_refused(switches, message):
    with pytest.raises(ConfigError, match=message):
        MathPolicy.from_mapping(switches)
