"""Keys by hand, manifests, damage."""

import hashlib
import json
from dataclasses import replace

import pytest
from toy_stages import ToyConfig, toy_stages

from r1kit import __version__
from r1kit.errors import RunError
from r1kit.pipeline.artifact import (
    artifact_keys,
    begin,
    digest,
    finish,
    hash_files,
    is_finished,
    partial_folder,
    read_manifest,
    verify,
)
from r1kit.pipeline.execute import execute


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_key_is_the_hash_of_what_the_artifact_is_made_from():
    base, corpus, *_ = toy_stages(corpus="é")
    keys = artifact_keys([base, corpus])
    assert keys["base"] == sha(
        '{"config":{"num_steps":6,"text":"a"},"given":{},"inputs":[],"kind":"model",'
        f'"r1kit":"{__version__}","reads":[],"stage":"base","version":1}}'
    )
    assert keys["corpus"] == sha(
        f'{{"config":{{"num_steps":6,"text":"é"}},"given":{{}},"inputs":["{keys["base"]}"],"kind":"dataset",'
        f'"r1kit":"{__version__}","reads":[],"stage":"corpus","version":1}}'
    )


def test_everything_in_the_key_counts(monkeypatch):
    base, corpus, model, *_ = toy_stages()
    before = artifact_keys([base, corpus, model])
    for change in (
        {"name": "other"},
        {"kind": "dataset"},
        {"version": 2},
        {"config": ToyConfig(text="b")},
        {"inputs": ("corpus", "base")},
    ):
        changed = replace(model, **change)
        assert artifact_keys([base, corpus, changed])[changed.name] != before["model"]
    monkeypatch.setattr("r1kit.__version__", "9.9")
    assert not set(artifact_keys([base, corpus, model]).values()) & set(before.values())


def test_what_is_read_from_outside_counts_by_its_contents(tmp_path):
    base = toy_stages()[0]
    (tmp_path / "a.jsonl").write_text("abc")
    (tmp_path / "b.jsonl").write_text("abc")
    assert digest(tmp_path / "a.jsonl") == sha(":3:abc")

    def key(*paths):
        return artifact_keys([replace(base, reads=paths)])["base"]

    first = key(tmp_path / "a.jsonl")
    assert first == key(tmp_path / "b.jsonl")
    assert first != key()
    (tmp_path / "a.jsonl").write_text("abd")
    assert first != key(tmp_path / "a.jsonl")


def test_the_digest_of_a_folder_is_of_its_files(tmp_path):
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "blob").write_text("12")
    (tmp_path / "model" / "weights").symlink_to(tmp_path / "blob")  # as the cache of a hub has them
    (tmp_path / "model" / "sub" / "manifest.json").write_text("3")
    (tmp_path / "model" / ".hidden").write_text("4")
    assert digest(tmp_path / "model") == sha("sub/manifest.json:1:3weights:2:12")


def test_of_large_weights_both_ends_are_read_and_data_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("r1kit.pipeline.artifact.SAMPLED_BYTES", 2)
    (tmp_path / "x.safetensors").write_text("abc12")
    (tmp_path / "x.jsonl").write_text("abc12")
    assert digest(tmp_path / "x.safetensors") == sha(":5:ab12")
    assert digest(tmp_path / "x.jsonl") == sha(":5:abc12")


@pytest.fixture
def made(tmp_path):
    """The finished artifact of `model`."""
    return execute(toy_stages(), tmp_path, only="model")["model"]


def test_the_manifest_says_what_it_is(made):
    manifest = verify(made)
    keys = artifact_keys(toy_stages())
    assert (manifest.stage, manifest.kind, manifest.key, manifest.version) == ("model", "model", keys["model"], 1)
    assert manifest.config == {"text": "a", "num_steps": 6}
    assert manifest.inputs == {"base": keys["base"], "corpus": keys["corpus"]}
    assert manifest.r1kit == __version__
    assert manifest.started <= manifest.finished
    assert manifest.started.endswith("+00:00")
    assert (manifest.num_starts, manifest.peak_gpu_memory_gb) == (1, None)
    assert 0.01 < manifest.peak_memory_gb < 100
    assert list(manifest.files) == ["metrics.jsonl", "weights.txt"]  # .checkpoint.json was for the work alone
    weights = (made / "weights.txt").read_text()
    assert (manifest.files["weights.txt"].size, manifest.files["weights.txt"].sha256) == (64, sha(weights))
    assert {path.name for path in made.iterdir()} == {"manifest.json", "metrics.jsonl", "weights.txt"}
    assert made.name == f"model-{keys['model'][:12]}"


def change_a_byte(folder):
    data = bytearray((folder / "weights.txt").read_bytes())
    data[5] ^= 1
    (folder / "weights.txt").write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "weights.txt").unlink(), "artifact {f} is damaged: weights.txt is missing; delete the folder"),
        (lambda f: (f / "weights.txt").write_text("ab"), "is damaged: weights.txt has 2 bytes instead of 64; delete"),
        (change_a_byte, "is damaged: weights.txt has other contents than when it was made; delete the folder"),
        (lambda f: (f / "manifest.json").unlink(), "{f} is no artifact, or a damaged one: it has no manifest.json"),
        (
            lambda f: (f / "manifest.json").write_text("{"),
            "{f}/manifest.json is damaged or of another version of r1kit",
        ),
        (lambda f: (f / "manifest.json").write_text("{}"), "(stage: Field required); delete it and run again"),
    ],
)
def test_damage_is_found(made, damage, message):
    damage(made)
    with pytest.raises(RunError) as caught:
        verify(made)
    assert message.format(f=made) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cached_artifact_is_checked_by_size(made):
    key = artifact_keys(toy_stages())["model"]
    assert is_finished(made, key)
    assert not is_finished(made.with_name("other"), key)
    change_a_byte(made)
    assert is_finished(made, key)  # what only `verify` reads
    (made / "weights.txt").write_text("short")
    with pytest.raises(RunError, match=r"weights.txt has 5 bytes instead of 64"):
        is_finished(made, key)


def test_a_folder_of_another_key_is_not_taken(made):
    key = artifact_keys(toy_stages())["model"]
    with pytest.raises(RunError, match=f"has the key {key}, not {key[:12]}0; move it away"):
        is_finished(made, key[:12] + "0")


def test_an_unfinished_folder_is_no_artifact(tmp_path):
    folder = partial_folder(tmp_path / "sft-0")
    begin(folder)
    with pytest.raises(RunError, match=r"sft-0.partial is unfinished; run its pipeline again to go on"):
        read_manifest(folder)
    with pytest.raises(RunError, match="there is no artifact"):
        read_manifest(tmp_path / "sft-0")


def test_starts_are_counted_from_the_first(tmp_path):
    first = begin(tmp_path / "x.partial")
    (tmp_path / "x.partial" / ".start.json").write_text(json.dumps({"started": "2026-01-01", "num_starts": 1}))
    second = begin(tmp_path / "x.partial")
    assert first.num_starts == 1
    assert (second.started, second.num_starts) == ("2026-01-01", 2)


def test_working_files_and_folders_go_and_nothing_else(tmp_path):
    partial = tmp_path / "x.partial"
    (partial / ".cache" / ".inner").mkdir(parents=True)
    (partial / ".cache" / "file").write_text("")
    (partial / "deep").mkdir()
    (partial / "deep" / ".lock").write_text("17")
    (partial / "deep" / "kept.txt").write_text("kept")
    (partial / "checkpoint.pt").write_text("")
    assert list(hash_files(partial)) == ["deep/kept.txt"]
    finish(partial, tmp_path / "x")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "x",
        "x/deep",
        "x/deep/kept.txt",
    ]


def test_an_artifact_with_a_link_is_a_bug(tmp_path):
    (tmp_path / "x").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "y").symlink_to(tmp_path / "file")
    with pytest.raises(AssertionError, match="y: an artifact holds no links"):
        hash_files(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot make the folder .*: Not a directory; mend its permissions"):
        begin(tmp_path / "file" / "x.partial")
