"""The packed forward pass against transformers' own, one sequence at a time."""

import pytest
import torch
from tiny import tiny_llama, tiny_qwen2, tiny_qwen3

from r1kit.learner import logprobs as logprobs_module
from r1kit.learner.logprobs import token_logprobs
from r1kit.learner.packing import TokenGroup, pack
from r1kit.models.decoder import Decoder, embed

GROUPS = [
    TokenGroup(prompt=[5, 9, 17, 33], completions=[[40, 41, 42, 43, 44], [50], [60, 61, 257]]),
    TokenGroup(prompt=[7], completions=[[70, 71]]),
]
TEMPERATURE = 0.7


def plain_logprobs(model, temperature):
    """Log-probabilities and entropies by one forward pass of transformers a sequence."""
    rows, entropies = [], []
    for group in GROUPS:
        for completion in group.completions:
            tokens = torch.tensor([[*group.prompt, *completion]])
            logits = model(input_ids=tokens).logits[0].float() / temperature
            start = len(group.prompt) - 1
            log_softmax = logits[start : start + len(completion)].log_softmax(-1)
            rows.append(log_softmax.gather(-1, torch.tensor(completion)[:, None])[:, 0])
            entropies.append(-(log_softmax.exp() * log_softmax).sum(-1))
    return rows, entropies


def decoder_of(model, dtype=torch.float32):
    decoder = Decoder(model, device=torch.device("cpu"), dtype=dtype)
    decoder.train_into(model)
    return decoder


@pytest.mark.parametrize("build", [tiny_llama, tiny_qwen2, tiny_qwen3])
def test_values_and_gradients_equal_those_of_separate_sequences(build):
    plain, packed = build(), build()
    rows, entropies = plain_logprobs(plain, TEMPERATURE)
    torch.cat([row * (i + 1) for i, row in enumerate(rows)]).sum().backward()

    result = token_logprobs(decoder_of(packed), pack(GROUPS), temperature=TEMPERATURE)
    weights = torch.arange(1, len(rows) + 1)[:, None]
    (result.logprobs_BT * weights).sum().backward()

    for i, (row, entropy) in enumerate(zip(rows, entropies, strict=True)):
        torch.testing.assert_close(result.logprobs_BT[i, : len(row)], row, atol=1e-5, rtol=0)
        torch.testing.assert_close(result.entropy_BT[i, : len(row)], entropy, atol=1e-5, rtol=0)
        assert not result.logprobs_BT[i, len(row) :].any()
    for (name, expected), (_, actual) in zip(plain.named_parameters(), packed.named_parameters(), strict=True):
        scale = expected.grad.abs().max().item()  # sums in another order: equal to rounding at the gradient's scale
        torch.testing.assert_close(
            actual.grad, expected.grad, atol=1e-5 * scale, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("max_logits", [258 * 2, 258 * 10])  # two rows of the vocabulary at a time; nine of 16
def test_chunked_logits_give_the_same_values_and_gradients(monkeypatch, max_logits):
    results = []
    for limit in (1 << 28, max_logits):
        monkeypatch.setattr(logprobs_module, "MAX_LOGITS", limit)
        monkeypatch.setattr(logprobs_module, "_CACHED_LOGITS", limit // 2)
        model = tiny_llama()
        value = token_logprobs(decoder_of(model), pack(GROUPS)).logprobs_BT
        value.sum().backward()
        results.append((value.detach(), model.lm_head.weight.grad))
    torch.testing.assert_close(results[0], results[1], atol=1e-6, rtol=1e-5)


def test_bfloat16_stays_near_float32():
    model = tiny_llama(initializer_range=0.1)
    exact = token_logprobs(decoder_of(model), pack(GROUPS)).logprobs_BT
    exact.sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    rounded = token_logprobs(decoder_of(model, torch.bfloat16), pack(GROUPS)).logprobs_BT
    rounded.sum().backward()
    assert rounded.dtype == torch.float32
    assert 0 < (exact - rounded).abs().max() < 0.1
    for name, parameter in model.named_parameters():
        assert parameter.grad.dtype == torch.float32
        assert 0 < (parameter.grad - gradients[name]).norm() < 0.05 * gradients[name].norm(), name


def test_a_token_that_occurs_often_loses_no_gradient_to_rounding():
    # 700 times the same token, each with the same small gradient: a bfloat16 sum would stop at 256 of them.
    model = tiny_llama()
    decoder = decoder_of(model, torch.bfloat16)
    tokens = torch.full((700,), 5)
    (embed(decoder.embedding, tokens) * 2**-7).sum().backward()
    assert model.model.embed_tokens.weight.grad[5].tolist() == [700 * 2**-7] * model.config.hidden_size


def test_gradients_do_not_depend_on_how_threads_come():
    results = []
    for _ in range(3):
        model = tiny_llama(initializer_range=0.1)
        token_logprobs(decoder_of(model, torch.bfloat16), pack(GROUPS * 4)).logprobs_BT.sum().backward()
        results.append([parameter.grad for parameter in model.parameters()])
    for others in results[1:]:
        assert all(torch.equal(one, other) for one, other in zip(results[0], others, strict=True))
