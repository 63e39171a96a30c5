import pytest

from r1kit.rewards.behaviour import REFLECTION_PHRASES_EN, REFLECTION_PHRASES_ZH, has_reflection

# Table 3 of the paper.
AHA = "Rearrange to isolate the inner square root term ... Wait, wait. Wait. That's an aha moment I can flag here."


@pytest.mark.parametrize(
    "phrase", [*REFLECTION_PHRASES_EN, *REFLECTION_PHRASES_ZH, "No, 7", AHA, "Let’s check", "Hmm..."]
)
def test_reflection(phrase):
    assert has_reflection(f"<think> 3 + 4 = 8. {phrase} </think> <answer> 7 </answer>")
    assert has_reflection(f"<think> 3 + 4 = 8. {phrase.upper()}")  # cut off in the middle of the thinking


@pytest.mark.parametrize(
    "text", ["", "3 + 4 = 7", "The waiter waited.", "I know, 7", "no 7", "a piano, two", "recheckable"]
)
def test_no_reflection(text):
    assert not has_reflection(f"<think> {text} </think> <answer> 7 </answer>")


def test_only_the_think_part_is_read():
    assert not has_reflection("<think> 7 </think> <answer> wait, 8 </answer>")
    assert has_reflection("wait, 8 </think> <answer> 7 </answer>")
    assert has_reflection(r"3 + 4 = 8. Wait, 7. \boxed{7}")  # the boxed template has no tags
