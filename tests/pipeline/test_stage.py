"""What a stage is given."""

import pytest
from toy_stages import ToyConfig

from r1kit.errors import DataError
from r1kit.pipeline.stage import StageContext


def test_a_file_of_an_input_is_found_or_missed_by_name(tmp_path):
    (tmp_path / "data.jsonl").write_text("{}\n")
    (tmp_path / "model").mkdir()
    context = StageContext(
        config=ToyConfig(), inputs={"raw": tmp_path}, out=tmp_path / "out", device="cpu", note=lambda text: None
    )
    assert context.file("raw", "data.jsonl") == tmp_path / "data.jsonl"
    assert context.file("raw", "model") == tmp_path / "model"
    with pytest.raises(DataError) as caught:
        context.file("raw", "pairs.jsonl")
    assert str(caught.value) == f"its input raw ({tmp_path}) has no pairs.jsonl; it has: data.jsonl, model"
