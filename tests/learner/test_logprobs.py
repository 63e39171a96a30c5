"""The packed forward pass against transformers' own, one sequence at a time."""

import pytest
import torch
from tiny import tiny_llama, tiny_qwen2, tiny_qwen3

from r1kit.learner import logprobs as logprobs_module
from r1kit.learner.logprobs import token_logprobs
from r1kit.learner.packing import TokenGroup, pack
from r1kit.models.attention import use_packed_attention

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


@pytest.mark.parametrize("build", [tiny_llama, tiny_qwen2, tiny_qwen3])
def test_values_and_gradients_equal_those_of_separate_sequences(build):
    plain, packed = build(), build()
    rows, entropies = plain_logprobs(plain, TEMPERATURE)
    torch.cat([row * (i + 1) for i, row in enumerate(rows)]).sum().backward()

    use_packed_attention(packed)
    result = token_logprobs(packed, pack(GROUPS), temperature=TEMPERATURE)
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


def test_chunked_logits_give_the_same_values_and_gradients(monkeypatch):
    results = []
    for max_logits in (1 << 25, 258 * 2):  # all at once; two rows of the vocabulary at a time
        monkeypatch.setattr(logprobs_module, "MAX_LOGITS", max_logits)
        model = tiny_llama()
        use_packed_attention(model)
        value = token_logprobs(model, pack(GROUPS)).logprobs_BT
        value.sum().backward()
        results.append((value.detach(), model.lm_head.weight.grad))
    torch.testing.assert_close(results[0], results[1], atol=1e-6, rtol=1e-5)


def test_bfloat16_products_stay_near_float32():
    model = tiny_llama(initializer_range=0.1)
    use_packed_attention(model)
    exact = token_logprobs(model, pack(GROUPS)).logprobs_BT
    rounded = token_logprobs(model, pack(GROUPS), dtype=torch.bfloat16).logprobs_BT
    assert rounded.dtype == torch.float32
    assert 0 < (exact - rounded).abs().max() < 0.1


def test_backward_has_no_operation_whose_sum_depends_on_the_threads():
    # The backward pass of x[index] adds to shared places from several threads, so its rounding differs between runs.
    model = tiny_llama()
    use_packed_attention(model)
    waiting, seen = [token_logprobs(model, pack(GROUPS)).logprobs_BT.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [parent for parent, _ in node.next_functions]
    names = {type(node).__name__ for node in seen}
    assert "IndexSelectBackward0" in names
    assert "IndexBackward0" not in names
