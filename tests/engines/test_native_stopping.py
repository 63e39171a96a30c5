"""Stop strings: which token completes them, in byte-level text, in words, over token borders, at the very end."""

import pytest
import torch
from tiny import byte_tokenizer, tiny_llama
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from r1kit.engines.native import NativeEngine
from r1kit.engines.native.stopping import StopStrings
from r1kit.types import SamplingParams, StopReason

PROMPTS = [list(b"one"), list(b"and another")]


def stop_strings(*stop, tokenizer=None):
    tokenizer = tokenizer or byte_tokenizer()
    return StopStrings(stop, tokenizer, vocab_size=len(tokenizer), device=torch.device("cpu"))


def word_tokenizer():
    """Whole words as tokens, joined with spaces when decoded."""
    words = ["<eos>", "so", "the", "answer", "is", "done"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<eos>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", clean_up_tokenization_spaces=False)


@pytest.mark.parametrize(
    ("stop", "text", "kept"),
    [
        (("</answer>",), "4</answer> and", "4</answer>"),
        (("</answer>",), "4</answer", None),
        (("b", "aa"), "xaab", "xaa"),  # the first that is completed, not the first in the list
        (("é",), "née!", "né"),  # two bytes: complete with the second
        (("\n\n",), "a\nb\n\nc", "a\nb\n\n"),
        (("x",), "x", "x"),
    ],
)
def test_cut_at_the_token_that_completes_it(stop, text, kept):
    tokens = list(text.encode())
    strings = stop_strings(*stop)
    assert strings.cut(tokens) == (None if kept is None else len(kept.encode()))
    # What the loop does, token by token, ends at the same place.
    seen = [n for n in range(1, len(tokens) + 1) if strings.may_complete_V[tokens[n - 1]]]
    first = next((n for n in seen if strings.just_completed(tokens[:n])), None)
    assert first == strings.cut(tokens)


def test_only_tokens_that_may_complete_are_looked_at():
    assert stop_strings("</answer>", "ab").may_complete_V.nonzero()[:, 0].tolist() == [ord(">"), ord("b")]
    # A character of several bytes may be completed by any byte that is not a character itself.
    assert stop_strings("é").may_complete_V.nonzero()[:, 0].tolist() == list(range(128, 256))


def test_a_space_that_only_a_following_word_brings():
    tokenizer = word_tokenizer()
    strings = stop_strings("answer ", tokenizer=tokenizer)
    tokens = tokenizer("so the answer is done")["input_ids"]
    assert strings.cut(tokens) == 4  # the space comes with "is"
    assert bool(strings.may_complete_V[tokens[3]])


def piece_tokenizer():
    """Pieces with "▁" for a space and bytes as a fallback; the space before the first piece is dropped."""
    pieces = ["<unk>", "▁so", "▁", "▁b", "b", "<0xC3>", "<0xA9>"]
    tokenizer = Tokenizer(models.BPE(vocab={p: i for i, p in enumerate(pieces)}, merges=[], unk_token="<unk>"))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", clean_up_tokenization_spaces=False)


@pytest.mark.parametrize(
    ("stop", "tokens", "kept"),
    [
        (" b", [3, 1, 3, 4], 3),  # the first " b" loses its space, as in the text
        (" b", [1, 2, 4, 4], 3),
        ("é", [1, 5, 6, 4], 3),
        (" ", [2, 4, 2, 4], 3),
        (" b", [3, 4], None),
    ],
)
def test_pieces_with_bytes_as_a_fallback(stop, tokens, kept):
    strings = stop_strings(stop, tokenizer=piece_tokenizer())
    assert strings.cut(tokens) == kept
    suspects = [n for n in range(1, len(tokens) + 1) if strings.may_complete_V[tokens[n - 1]]]
    assert next((n for n in suspects if strings.just_completed(tokens[:n])), None) == kept


def run(model, stop=(), max_batch_size=64, max_new_tokens=40, tokenizer=None):
    engine = NativeEngine(
        model, tokenizer or byte_tokenizer(), device="cpu", dtype=torch.float32, max_batch_size=max_batch_size
    )
    params = SamplingParams(stop=stop, max_new_tokens=max_new_tokens)
    return engine.sample(PROMPTS, num_samples=12, params=params, seed=3)


@pytest.mark.parametrize("max_batch_size", [5, 64])
@pytest.mark.parametrize("max_new_tokens", [1, 40])
def test_stopped_completions_are_prefixes_of_the_unstopped(max_batch_size, max_new_tokens):
    model = tiny_llama()
    free = run(model, max_new_tokens=max_new_tokens)
    # A character that occurs in many of them, and a pair that occurs in one.
    ascii_texts = ["".join(c for c in completion.text if c.isascii()) for completion in free]
    stop = (max("abcdefghijklmnopqrstuvwxyz", key=lambda c: sum(c in text for text in ascii_texts)), "é")
    stopped = run(model, stop, max_batch_size, max_new_tokens)
    for one, other in zip(free, stopped, strict=True):
        lengths = range(1, len(one.tokens) + 1)
        texts = [bytes(t for t in one.tokens[:n] if t < 256).decode(errors="replace") for n in lengths]
        kept = next((n for n, text in zip(lengths, texts, strict=True) if any(s in text for s in stop)), None)
        assert other.tokens == one.tokens[:kept]
        assert list(other.logprobs) == pytest.approx(one.logprobs[:kept], abs=1e-5)
        assert other.stop_reason is (StopReason.STOP_STRING if kept else one.stop_reason)
        assert other.text == texts[len(other.tokens) - 1]
    if max_new_tokens > 1:
        assert 0 < sum(c.stop_reason is StopReason.STOP_STRING for c in stopped) < len(stopped)


def test_a_stop_string_the_filter_misses_is_cut_at_the_end():
    model = tiny_llama()
    engine = NativeEngine(model, byte_tokenizer(), device="cpu", dtype=torch.float32)
    params = SamplingParams(stop=("e",), max_new_tokens=40)
    expected = engine.sample(PROMPTS, num_samples=12, params=params, seed=3)
    strings = engine._stop_strings[params.stop]
    strings.may_complete_V = torch.zeros_like(strings.may_complete_V)
    late = engine.sample(PROMPTS, num_samples=12, params=params, seed=3)
    assert [(c.tokens, c.stop_reason) for c in late] == [(c.tokens, c.stop_reason) for c in expected]
    assert StopReason.STOP_STRING in {completion.stop_reason for completion in expected}
