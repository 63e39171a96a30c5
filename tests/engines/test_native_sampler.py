"""The draw: hand examples, a slow float64 reference of top-k and top-p, and exact frequencies from even uniforms."""

import math

import numpy as np
import pytest
import torch

from r1kit.engines.native.sampler import check_params, draw_tokens, truncate, uniforms
from r1kit.errors import ConfigError
from r1kit.types import SamplingParams


def kept_by_reference(probs: list[float], *, top_k: int, top_p: float) -> set[int]:
    """The ids that top-k, then top-p keep: one token at a time, most likely first."""
    order = sorted(range(len(probs)), key=lambda i: -probs[i])
    if top_k:
        order = order[:top_k]
    goal = top_p * math.fsum(probs[i] for i in order)
    kept, reached = set(), 0.0
    for i in order:
        if kept and (top_p < 1 and reached >= goal):
            break
        kept.add(i)
        reached += probs[i]
    return kept


def even_uniforms(count: int) -> torch.Tensor:
    """The middles of `count` equal parts of [0, 1): each token is then drawn count * p times, give or take one."""
    return (torch.arange(count) + 0.5) / count


@pytest.mark.parametrize(
    ("top_k", "top_p", "kept"),
    [
        (0, 0.75, [0.5, 0.25, 0.0, 0.0]),  # 1/2 + 1/4 reaches 3/4 exactly
        (0, 0.76, [0.5, 0.25, 0.125, 0.0]),
        (0, 0.5, [0.5, 0.0, 0.0, 0.0]),
        (0, 1e-9, [0.5, 0.0, 0.0, 0.0]),  # never less than one token
        (3, 1.0, [0.5, 0.25, 0.125]),
        (2, 0.6, [0.5, 0.0]),  # of 1/2 and 1/4, the first has a share of 2/3
        (2, 0.7, [0.5, 0.25]),
        (9, 1.0, [0.5, 0.25, 0.125, 0.125]),  # more than there are
    ],
)
def test_truncate_by_hand(top_k, top_p, kept):
    probs = torch.tensor([[0.125, 0.5, 0.125, 0.25]])
    kept_RK, ids_RK = truncate(probs, top_k=top_k, top_p=top_p)
    assert kept_RK.tolist() == [kept]
    if top_k == 0:
        assert ids_RK.tolist() == [[1, 3, 0, 2]]  # equals in the order of their ids


@pytest.mark.parametrize(("top_k", "top_p"), [(0, 0.9), (0, 0.3), (5, 1.0), (5, 0.8), (1, 0.5), (0, 0.999)])
def test_truncate_agrees_with_the_slow_reference(top_k, top_p):
    probs = (3 * torch.randn(300, 17, generator=torch.Generator().manual_seed(1))).softmax(-1)
    kept_RK, ids_RK = truncate(probs, top_k=top_k, top_p=top_p)
    for row in range(len(probs)):
        ids = {int(i) for i, p in zip(ids_RK[row], kept_RK[row], strict=True) if p > 0}
        assert ids == kept_by_reference(probs[row].double().tolist(), top_k=top_k, top_p=top_p)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (4, 1.0), (0, 0.8), (6, 0.7)])
def test_frequencies_and_logprobs(temperature, top_k, top_p):
    count = 20_000
    logits = 1.5 * torch.randn(11, generator=torch.Generator().manual_seed(3))
    params = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p)
    token_R, logprob_R = draw_tokens(logits.expand(count, -1), even_uniforms(count), params)

    probs = [math.exp(x / temperature) for x in logits.double().tolist()]
    probs = [p / math.fsum(probs) for p in probs]
    kept = kept_by_reference(probs, top_k=top_k, top_p=top_p)
    total = math.fsum(probs[i] for i in kept)
    expected = [count * probs[i] / total if i in kept else 0.0 for i in range(11)]
    assert torch.bincount(token_R, minlength=11).tolist() == pytest.approx(expected, abs=1.1)
    # Before truncation: not renormalised over what was kept.
    assert logprob_R.tolist() == pytest.approx([math.log(probs[i]) for i in token_R.tolist()], abs=1e-5)


def test_greedy_takes_the_first_maximum_and_reports_temperature_one():
    # softmax(0, ln 2, ln 2) = 1/5, 2/5, 2/5
    logits = torch.tensor([[0.0, math.log(2), math.log(2)]])
    token_R, logprob_R = draw_tokens(logits, torch.tensor([0.99]), SamplingParams(temperature=0, top_k=1))
    assert token_R.tolist() == [1]
    assert logprob_R.tolist() == pytest.approx([math.log(0.4)])


@pytest.mark.parametrize("u", [0.0, (2**23 - 1) / 2**23])
@pytest.mark.parametrize("top_p", [1.0, 0.9999])
def test_extreme_uniforms_never_draw_an_impossible_token(u, top_p):
    logits = torch.randn(500, 40, generator=torch.Generator().manual_seed(5))
    logits[:, :7] = -torch.inf
    logits[:, 30:] = -torch.inf
    token_R, logprob_R = draw_tokens(logits, torch.full((500,), u), SamplingParams(top_p=top_p))
    assert ((token_R >= 7) & (token_R < 30)).all()
    assert logprob_R.isfinite().all()


def test_half_precision_logits_are_widened_first():
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(6)).bfloat16()
    token_R, logprob_R = draw_tokens(logits, torch.full((4,), 0.5), SamplingParams(temperature=0.7))
    expected = (logits.double() / 0.7).log_softmax(-1).gather(-1, token_R[:, None])[:, 0]
    assert logprob_R.dtype == torch.float32
    assert logprob_R.tolist() == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("vocab_size", [1, 31, 33, 1000, 70_000])  # less than a block, small blocks, large ones
def test_the_draw_in_two_steps_is_that_of_one_cumulative_sum(vocab_size):
    generator = torch.Generator().manual_seed(vocab_size)
    logits = 4 * torch.randn(300, vocab_size, generator=generator)
    uniform = torch.rand(300, generator=generator)
    token, _ = draw_tokens(logits, uniform, SamplingParams())
    cdf = logits.double().softmax(-1).cumsum(-1)
    # Float32 sums may tip a draw that falls on the border of two tokens.
    below, above = (torch.searchsorted(cdf, (uniform.double() + e)[:, None], right=True)[:, 0] for e in (-3e-6, 3e-6))
    assert ((below <= token) & (token <= above)).all()
    assert (below == above).float().mean() > 0.5


def test_uniforms_are_one_stream_a_request():
    stream = uniforms(7, 2, 3, 1000)
    assert stream.dtype == np.float32
    assert 0 <= stream.min() < 0.01
    assert 0.99 < stream.max() <= (2**23 - 1) / 2**23
    assert stream.mean() == pytest.approx(0.5, abs=3 / math.sqrt(12 * 1000))  # three standard errors
    assert uniforms(7, 2, 3, 10).tolist() == stream[:10].tolist()  # a longer completion goes on with the stream
    others = [uniforms(*labels, 10).tolist() for labels in ((8, 2, 3), (7, 3, 2), (7, 2, 4), (7, 1, 3))]
    assert all(other != stream[:10].tolist() for other in others)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (SamplingParams(temperature=-0.1), "temperature is -0.1"),
        (SamplingParams(top_p=0.0), "top_p is 0.0"),
        (SamplingParams(top_p=1.1), "top_p is 1.1"),
        (SamplingParams(top_k=-1), "top_k is -1"),
        (SamplingParams(max_new_tokens=0), "max_new_tokens is 0"),
        (SamplingParams(stop=("a", "")), "a stop string is empty"),
    ],
)
def test_params_out_of_range(params, message):
    with pytest.raises(ConfigError, match=message):
        check_params(params)
