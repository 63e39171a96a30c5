"""The reward model against transformers' own class, and its place in the learner."""

import json

import pytest
import torch
from tiny import EOS_ID, VOCAB_SIZE, byte_tokenizer, tiny_llama, tiny_qwen2, tiny_qwen3
from transformers import AutoModelForSequenceClassification

from r1kit.errors import ModelError
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.learner.packing import TokenGroup, pack
from r1kit.models.decoder import Decoder
from r1kit.models.load import save_model
from r1kit.reward_model.evaluation import position_bias
from r1kit.reward_model.model import (
    last_token_scores,
    load_reward_model,
    make_reward_model,
    reward_model_parameters,
    score_groups,
)
from r1kit.reward_model.train import pair_objective

CPU = torch.device("cpu")
GROUPS = [
    TokenGroup(prompt=[5, 9, 17, 33], completions=[[40, 41, 42, 43, EOS_ID], [50, EOS_ID]]),
    TokenGroup(prompt=[7], completions=[[70, 71, EOS_ID], [EOS_ID]]),
    TokenGroup(prompt=[7, 8], completions=[[80] * 9 + [EOS_ID], [81] * 20 + [EOS_ID]]),
]
NUM_COMPLETIONS = 6


def reward_model(tmp_path, build=tiny_llama, **changes):
    # transformers reads any tokenizer of a Qwen2 as its own kind, which adds a token
    save_model(build(vocab_size=VOCAB_SIZE + 1, **changes), byte_tokenizer(), tmp_path / "causal")
    return make_reward_model(tmp_path / "causal", seed=3)


def plain_scores(model):
    """By one forward pass of transformers a sequence."""
    rows = [torch.tensor([[*g.prompt, *c]]) for g in GROUPS for c in g.completions]
    return torch.cat([model(input_ids=row).logits[:, 0] for row in rows])


@pytest.mark.parametrize("build", [tiny_llama, tiny_qwen2, tiny_qwen3])
@pytest.mark.parametrize("tied", [False, True])
def test_scores_and_gradients_are_those_of_transformers(tmp_path, build, tied):
    model, _ = reward_model(tmp_path, build, tie_word_embeddings=tied)
    weights = torch.arange(1.0, NUM_COMPLETIONS + 1)
    expected = plain_scores(model)
    (expected * weights).sum().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    decoder = Decoder(model, device=CPU, dtype=torch.float32)
    decoder.train_into(model)
    scores = last_token_scores(decoder, pack(GROUPS))
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    (scores * weights).sum().backward()
    assert gradients["score.weight"].any()
    for name, parameter in model.named_parameters():
        scale = gradients[name].abs().max().item()
        torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-5 * max(scale, 1), rtol=1e-4)


def test_the_body_is_the_language_models_and_the_head_depends_on_the_seed(tmp_path):
    causal = tiny_llama(vocab_size=VOCAB_SIZE + 1)
    model, _ = reward_model(tmp_path)
    for (name, mine), (_, theirs) in zip(
        model.base_model.named_parameters(), causal.base_model.named_parameters(), strict=True
    ):
        assert torch.equal(mine, theirs), name
    assert model.score.weight.shape == (1, 32)
    again, _ = make_reward_model(tmp_path / "causal", seed=3)
    other, _ = make_reward_model(tmp_path / "causal", seed=4)
    assert torch.equal(model.score.weight, again.score.weight)
    assert not torch.equal(model.score.weight, other.score.weight)


def test_a_saved_one_opens_with_plain_transformers(tmp_path):
    model, tokenizer = reward_model(tmp_path)
    save_model(model, tokenizer, tmp_path / "saved")
    opened = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved")
    torch.testing.assert_close(plain_scores(opened), plain_scores(model), atol=0, rtol=0)
    padded = torch.full((2, 6), opened.config.pad_token_id)
    padded[0], padded[1, :4] = torch.tensor([7, 70, 71, 72, 73, EOS_ID]), torch.tensor([7, 70, 71, EOS_ID])
    batch = opened(input_ids=padded, attention_mask=padded != opened.config.pad_token_id).logits[:, 0]
    assert batch[1].item() == pytest.approx(plain_scores(model)[2].item(), abs=1e-5)
    assert reward_model_parameters(tmp_path / "saved") == opened.num_parameters()
    mine, _ = load_reward_model(tmp_path / "saved")
    assert score_groups(Decoder(mine, device=CPU, dtype=torch.float32), GROUPS, max_tokens=64) == pytest.approx(
        plain_scores(model).tolist(), abs=1e-5
    )


def test_a_tokenizer_that_pads_with_its_end_token_leaves_no_pad_token(tmp_path):
    tokenizer = byte_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    save_model(tiny_llama(), tokenizer, tmp_path / "causal")
    model, _ = make_reward_model(tmp_path / "causal", seed=0)
    assert model.config.pad_token_id is None
    decoder = Decoder(model, device=CPU, dtype=torch.float32)
    expected = plain_scores(model).tolist()
    assert score_groups(decoder, GROUPS, max_tokens=64) == pytest.approx(expected, abs=1e-5)


def test_the_head_stays_float32(tmp_path):
    model, _ = reward_model(tmp_path, initializer_range=0.1)
    decoder = Decoder(model, device=CPU, dtype=torch.bfloat16, for_sampling=True)
    assert decoder.head.value.dtype == torch.float32
    assert decoder.head.packed is None
    scores = score_groups(decoder, GROUPS, max_tokens=64)
    assert scores == pytest.approx(plain_scores(model).tolist(), abs=0.05)
    assert any(score != torch.tensor(score).bfloat16().item() for score in scores)


def test_scores_do_not_depend_on_the_batch_or_the_order_in_a_pair(tmp_path):
    model, _ = reward_model(tmp_path)
    decoder = Decoder(model, device=CPU, dtype=torch.float32)
    together = score_groups(decoder, GROUPS, max_tokens=1000)
    assert score_groups(decoder, GROUPS, max_tokens=1) == pytest.approx(together, abs=1e-5)
    assert position_bias(decoder, GROUPS) < 1e-5


def build_learner(tmp_path, micro_batch_tokens):
    model, _ = reward_model(tmp_path)
    config = LearnerConfig(micro_batch_tokens=micro_batch_tokens, dtype="float32", learning_rate=1e-3)
    return Learner(model, config, num_steps=10, device=CPU, dtype=torch.float32)


@pytest.mark.parametrize("micro_batch_tokens", [1, 40])  # the largest pair has 33 tokens: it is not split
def test_a_step_does_not_depend_on_the_micro_batches_and_pairs_stay_together(tmp_path, micro_batch_tokens):
    objective = pair_objective(len(GROUPS), center_coef=0.1)
    whole, cut = build_learner(tmp_path, 1000), build_learner(tmp_path, micro_batch_tokens)
    stats, cut_stats = (
        learner.update_by(last_token_scores, GROUPS, objective, split_groups=False) for learner in (whole, cut)
    )
    assert set(stats) == {"accuracy", "margin", "score_mean", "loss", "grad_norm", "learning_rate"}
    assert cut_stats == pytest.approx(stats, rel=1e-4, abs=1e-6)
    for expected, actual in zip(whole.model.parameters(), cut.model.parameters(), strict=True):
        torch.testing.assert_close(actual.grad, expected.grad, atol=1e-5, rtol=1e-4)


def test_a_pair_that_was_split_is_a_bug_that_shows(tmp_path):
    learner = build_learner(tmp_path, 1)
    with pytest.raises((AssertionError, ValueError)):
        learner.update_by(last_token_scores, GROUPS, pair_objective(3, center_coef=0.0))


def test_what_is_no_reward_model(tmp_path):
    model, tokenizer = reward_model(tmp_path)
    with pytest.raises(ModelError, match=r"is a LlamaForCausalLM with 2 labels, not a reward model"):
        load_reward_model(tmp_path / "causal")
    save_model(model, tokenizer, tmp_path / "saved")
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    (tmp_path / "saved" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match=r"cannot be read: .*get a whole copy"):
        load_reward_model(tmp_path / "saved")
    config["hidden_act"] = "gelu"
    (tmp_path / "saved" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="silu only"):
        load_reward_model(tmp_path / "saved")
