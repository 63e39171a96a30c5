"""The objective on packed documents against transformers on each document alone."""

import math

import pytest
import torch
from tiny import VOCAB_SIZE, tiny_llama, tiny_qwen2

from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.learner.logprobs import token_logprobs
from r1kit.learner.packing import TokenGroup, pack
from r1kit.models.decoder import Decoder
from r1kit.sft.batches import Batches, TokenizedExample
from r1kit.sft.loss import next_token_loss
from r1kit.sft.train import train, validation_loss

CPU = torch.device("cpu")
EXAMPLES = [
    TokenizedExample("a", (5, 6, 7, 8), [20, 21, 22, 257]),
    TokenizedExample("b", (9, 10), [30, 31, 257]),
    TokenizedExample("c", (5, 6, 7, 8), [40, 257]),  # a second response to a's prompt
]
NUM_TOKENS = 9


def make_learner(model, micro_batch_tokens=4096, learning_rate=1e-9):
    config = LearnerConfig(
        learning_rate=learning_rate, dtype="float32", micro_batch_tokens=micro_batch_tokens, max_grad_norm=1e9
    )
    return Learner(model, config, num_steps=100, device=CPU, dtype=torch.float32)


def alone(model, example):
    """Summed loss of one document by transformers, the prompt's labels masked; gradients are added to the model's."""
    tokens = torch.tensor([[*example.prompt, *example.completion]])
    labels = tokens.clone()
    labels[:, : len(example.prompt)] = -100
    loss = model(input_ids=tokens, labels=labels).loss * len(example.completion)
    (loss / NUM_TOKENS).backward()
    return loss.item()


@pytest.mark.parametrize("build", [tiny_llama, tiny_qwen2])
@pytest.mark.parametrize("micro_batch_tokens", [4096, 1])
def test_packed_loss_and_gradient_are_the_sum_of_each_document_alone(build, micro_batch_tokens):
    reference = build()
    expected = sum(alone(reference, example) for example in EXAMPLES) / NUM_TOKENS
    learner = make_learner(build(), micro_batch_tokens)
    (step,) = train(learner, Batches(EXAMPLES, batch_size=3, seed=0), num_epochs=1)
    assert step.stats["loss"] == pytest.approx(expected, rel=1e-5)
    assert (step.num_tokens, step.num_completion_tokens) == (4 + 4 + 2 + 2 + 3, NUM_TOKENS)  # a's prompt once
    for (name, mine), theirs in zip(learner.model.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=1e-3, msg=name)


def test_a_document_does_not_see_its_neighbour():
    """Bit for bit: the log-probabilities of one document are the same whatever stands beside it in the row."""
    decoder = Decoder(tiny_llama(), device=CPU, dtype=torch.float32)

    def second(first):
        groups = [
            TokenGroup(prompt=first, completions=[first]),
            TokenGroup(prompt=(9, 10), completions=[(30, 31, 257)]),
        ]
        return token_logprobs(decoder, pack(groups)).logprobs_BT[1].tolist()

    assert second((1, 2, 3)) == second((100, 200, 50))


def test_prompts_carry_no_loss():
    """A model that knows nothing loses ln V on every completion token and on no other."""
    model = tiny_llama()
    torch.nn.init.zeros_(model.lm_head.weight)
    learner = make_learner(model)
    (step,) = train(learner, Batches(EXAMPLES, batch_size=3, seed=0), num_epochs=1)
    assert step.stats["loss"] == pytest.approx(math.log(VOCAB_SIZE), rel=1e-6)
    # The gradient of the mean is -1/3 on each of three completion tokens, and 0 elsewhere.
    leaf = torch.zeros(2, 3, requires_grad=True)
    next_token_loss(leaf, torch.tensor([[True, True, False], [True, False, False]]), num_tokens=3).value.backward()
    assert leaf.grad.flatten().tolist() == pytest.approx([-1 / 3, -1 / 3, 0, -1 / 3, 0, 0])


def test_validation_loss_is_the_mean_over_tokens_and_changes_nothing():
    reference = tiny_llama()
    expected = sum(alone(reference, example) for example in EXAMPLES) / NUM_TOKENS
    learner = make_learner(tiny_llama())
    assert validation_loss(learner, EXAMPLES) == pytest.approx(expected, rel=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(learner.model.parameters(), reference.parameters(), strict=True))


def test_the_loss_falls_and_epochs_are_marked():
    learner = make_learner(tiny_llama(), learning_rate=1e-2)
    steps = list(train(learner, Batches(EXAMPLES, batch_size=2, seed=0), num_epochs=5))
    assert [step.number for step in steps] == list(range(1, 11))
    assert [step.number for step in steps if step.ends_epoch] == [2, 4, 6, 8, 10]
    assert steps[-1].stats["loss"] < steps[0].stats["loss"] - 1
