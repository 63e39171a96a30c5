import pytest

from r1kit.curate.config import MixConfig
from r1kit.curate.mix import mix
from r1kit.errors import DataError
from r1kit.sft.data import Example


def side(name, count):
    return [Example(id=f"{name}{i}", prompt="p", response="r", task=name, source=name) for i in range(count)]


@pytest.mark.parametrize(
    ("num_reasoning", "num_others", "kept"),
    [
        (600, 200, (600, 200)),
        (60, 50, (60, 20)),  # 60 * 200 / 600
        (100, 7, (21, 7)),  # 7 * 600 / 200
        (7, 3, (7, 2)),  # 2.33 rounded down
        (3, 1, (3, 1)),
    ],
)
def test_the_longer_side_is_cut_to_the_ratio(num_reasoning, num_others, kept):
    mixed = mix(side("r", num_reasoning), side("n", num_others), MixConfig(), seed=0)
    tasks = [example.task for example in mixed.examples]
    assert (tasks.count("r"), tasks.count("n")) == kept
    assert mixed.note == ""
    stages = mixed.counts.stages
    assert (stages["mix_reasoning"].num_in, stages["mix_reasoning"].num_kept) == (num_reasoning, kept[0])
    assert stages["mix_non_reasoning"].dropped.get("over_ratio", 0) == num_others - kept[1]
    assert len({example.id for example in mixed.examples}) == sum(kept)


def test_the_order_and_the_cut_follow_the_seed():
    ids = [
        [example.id for example in mix(side("r", 30), side("n", 30), MixConfig(), seed=seed).examples]
        for seed in (0, 0, 1)
    ]
    assert ids[0] == ids[1] != ids[2]
    assert set(ids[0]) != set(ids[2])
    assert [example_id[0] for example_id in ids[0]] != ["r"] * 30 + ["n"] * 10


def test_keep_keeps_all_and_says_the_ratio():
    config = MixConfig(when_short="keep")
    mixed = mix(side("r", 10), side("n", 40), config, seed=0)
    assert len(mixed.examples) == 50
    assert mixed.note == ("10 reasoning and 40 non-reasoning examples, not 600:200; there are too few reasoning ones")
    assert mix(side("r", 90), side("n", 1), config, seed=0).note.endswith("too few non-reasoning ones")
    assert mix(side("r", 10), [], config, seed=0).note.startswith("10 reasoning and 0 non-reasoning")
    assert mix(side("r", 30), side("n", 10), config, seed=0).note == ""
    assert mix(side("r", 31), side("n", 10), config, seed=0).note == ""  # an eleventh would pass the ratio


def test_an_empty_side_and_repeated_ids():
    message = r"^mix: 2 reasoning and 9 non-reasoning examples do not make 600:200; make more, or set when_short"
    with pytest.raises(DataError, match=message):
        mix(side("r", 2), side("n", 9), MixConfig(), seed=0)
    with pytest.raises(DataError, match="mix: 9 reasoning and 0 non-reasoning"):
        mix(side("r", 9), [], MixConfig(), seed=0)
    with pytest.raises(DataError, match="mix: the same example is given twice"):
        mix(side("r", 9), side("r", 3), MixConfig(), seed=0)
