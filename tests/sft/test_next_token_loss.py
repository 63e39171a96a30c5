"""The next-token loss by hand."""

import torch

from r1kit.sft.loss import next_token_loss


def test_mean_over_the_steps_tokens_by_hand():
    logprobs = torch.tensor([[-1.0, -2.0, 9.0], [-3.0, 9.0, 9.0]])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    # (1 + 2 + 3) / 4 tokens of the whole step, of which this micro-batch holds three.
    assert next_token_loss(logprobs, mask, num_tokens=4).value.item() == 1.5
