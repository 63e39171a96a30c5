"""The native engine against transformers: `generate`, a plain forward, and a sampler without cache or batch."""

import math
from functools import partial

import pytest
import torch
from tiny import EOS_ID, byte_tokenizer, tiny_llama, tiny_qwen2, tiny_qwen3
from transformers import GPT2Config, GPT2LMHeadModel

from r1kit.engines import ENGINES, Engine
from r1kit.engines.native import NativeEngine, scheduler
from r1kit.engines.native.cache import columns_for
from r1kit.engines.native.sampler import uniforms
from r1kit.engines.native.scheduler import smallest_fit
from r1kit.errors import ConfigError, DataError, ModelError
from r1kit.types import SamplingParams, StopReason

MODELS = {
    "llama": tiny_llama,
    "llama-tied-one-kv-head": partial(tiny_llama, tie_word_embeddings=True, num_key_value_heads=1),
    "llama-all-heads": partial(tiny_llama, num_key_value_heads=4),
    "qwen2": tiny_qwen2,
    "qwen2-tied": partial(tiny_qwen2, tie_word_embeddings=True),
    "qwen3": tiny_qwen3,
    "qwen3-tied": partial(tiny_qwen3, tie_word_embeddings=True),
}
PROMPTS = [
    list(b"What is 2 + 3?"),
    list(b"a"),
    list("汉字 and more".encode()),
    list(b"The quick brown fox jumps over it"),
]


def make_engine(model, **overrides):
    return NativeEngine(model, byte_tokenizer(), **{"device": "cpu", "dtype": torch.float32} | overrides)


def model_that_ends(seed=0):
    """A Llama for which a tenth of the byte values ends a completion, so that lengths differ widely."""
    model = tiny_llama(seed)
    model.generation_config.eos_token_id = list(range(40, 66))
    return model


def sample(engine, prompts=PROMPTS, num_samples=1, seed=0, **params):
    return engine.sample(prompts, num_samples=num_samples, params=SamplingParams(**params), seed=seed)


def forward_logprobs(model, prompt, tokens, temperature):
    """By one plain forward of transformers over prompt and completion."""
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
    logprobs = (logits / temperature).log_softmax(-1)
    return [float(row[token]) for row, token in zip(logprobs, tokens, strict=True)]


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_greedy_is_what_generate_gives(build):
    model = build()
    completions = sample(make_engine(model), temperature=0, max_new_tokens=24)
    for prompt, completion in zip(PROMPTS, completions, strict=True):
        inputs = torch.tensor([prompt])
        output = model.generate(inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=24, do_sample=False)
        assert list(completion.tokens) == output[0, len(prompt) :].tolist()
        expected = forward_logprobs(model, prompt, completion.tokens, 1.0)
        assert list(completion.logprobs) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_logprobs_of_sample_and_of_score_tokens_are_those_of_a_forward(build):
    model = build()
    engine = make_engine(model)
    completions = sample(engine, num_samples=3, temperature=0.7, max_new_tokens=20, seed=1)
    pairs = [(PROMPTS[i // 3], completion.tokens) for i, completion in enumerate(completions)]
    scored = engine.score_tokens(pairs, temperature=0.7)
    for (prompt, tokens), completion, scores in zip(pairs, completions, scored, strict=True):
        expected = forward_logprobs(model, prompt, tokens, 0.7)
        assert list(completion.logprobs) == pytest.approx(expected, abs=1e-4)
        assert scores == pytest.approx(expected, abs=1e-4)


def test_tokens_are_those_of_a_sampler_without_cache_or_batch():
    model = model_that_ends()
    ends = {EOS_ID, *range(40, 66)}
    completions = sample(
        make_engine(model, max_batch_size=5), num_samples=4, temperature=0.8, max_new_tokens=30, seed=9
    )
    for request, completion in enumerate(completions):
        p, g = divmod(request, 4)
        tokens = []
        for u in uniforms(9, p, g, 30):
            with torch.no_grad():
                logits = model(torch.tensor([[*PROMPTS[p], *tokens]])).logits[0, -1]
            cdf = (logits.double() / 0.8).softmax(-1).cumsum(-1)
            tokens.append(int(torch.searchsorted(cdf, float(u), right=True)))
            if tokens[-1] in ends:
                break
        assert list(completion.tokens) == tokens
        is_end = tokens[-1] in ends
        assert completion.stop_reason is (StopReason.END_TOKEN if is_end else StopReason.LENGTH)


@pytest.mark.parametrize("max_batch_size", [1, 3, 17])
def test_refilling_and_compaction_change_nothing(max_batch_size):
    model = model_that_ends()
    at_once = sample(make_engine(model, max_batch_size=64), num_samples=7, max_new_tokens=40, seed=2)
    refilled = sample(make_engine(model, max_batch_size=max_batch_size), num_samples=7, max_new_tokens=40, seed=2)
    assert len({len(completion.tokens) for completion in at_once}) > 5
    for one, other in zip(at_once, refilled, strict=True):
        assert one.tokens == other.tokens
        assert one.stop_reason is other.stop_reason
        assert list(one.logprobs) == pytest.approx(other.logprobs, abs=3e-5)


@pytest.mark.parametrize("max_batch_size", [6, 64])
def test_the_width_of_the_cache_changes_nothing(monkeypatch, max_batch_size):
    engine = make_engine(model_that_ends(), max_batch_size=max_batch_size)
    monkeypatch.setattr(scheduler, "columns_for", lambda longest: 512)
    roomy = sample(engine, num_samples=5, max_new_tokens=60)
    # Never a column too many: rows that have ended are longer than the cache is wide.
    monkeypatch.setattr(scheduler, "columns_for", lambda longest: longest + 1)
    assert [c.tokens for c in sample(engine, num_samples=5, max_new_tokens=60)] == [c.tokens for c in roomy]


@pytest.mark.parametrize(("longest", "columns"), [(0, 16), (15, 16), (16, 32), (100, 112), (300, 320), (4000, 4464)])
def test_columns_for_leaves_room_for_one_more(longest, columns):
    assert columns_for(longest) == columns


@pytest.mark.parametrize(
    ("num_live", "num_slots", "smallest"), [(512, 512, 512), (385, 512, 512), (384, 512, 384), (1, 512, 1), (3, 4, 3)]
)
def test_compaction_has_few_sizes(num_live, num_slots, smallest):
    assert smallest_fit(num_live, num_slots) == smallest


def test_a_stream_is_the_first_sample_token_by_token():
    engine, texts = make_engine(model_that_ends()), []
    params = SamplingParams(max_new_tokens=20)
    completion = engine.stream(PROMPTS[0], params=params, seed=3, watch=texts.append)
    assert completion == engine.sample([PROMPTS[0]], num_samples=1, params=params, seed=3)[0]
    assert len(texts) == len(completion.tokens) - 1  # the first token comes with the prompt
    assert texts[-1] == completion.text
    assert [len(text) for text in texts] == sorted(len(text) for text in texts)


@pytest.mark.parametrize("prefill_tokens", [1, 40, 8192])
def test_each_prompt_is_prefilled_once_for_its_whole_group(monkeypatch, prefill_tokens):
    engine = make_engine(model_that_ends(), max_batch_size=3)
    expected = sample(engine, num_samples=7, max_new_tokens=10)
    prefilled = []
    prefill = engine._policy.prefill
    monkeypatch.setattr(scheduler, "PREFILL_TOKENS", prefill_tokens)
    monkeypatch.setattr(engine._policy, "prefill", lambda prompts: prefilled.extend(prompts) or prefill(prompts))
    assert [c.tokens for c in sample(engine, num_samples=7, max_new_tokens=10)] == [c.tokens for c in expected]
    assert sorted(prefilled) == sorted(PROMPTS)


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), [(1.0, 0, 1.0), (0.6, 0, 0.9), (1.3, 8, 1.0)])
def test_first_tokens_follow_the_distribution(temperature, top_k, top_p):
    model, count, prompt = tiny_llama(), 4000, list(b"hi")
    completions = sample(
        make_engine(model, max_batch_size=1000), [prompt], count,
        temperature=temperature, top_k=top_k, top_p=top_p, max_new_tokens=1, seed=4,
    )  # fmt: skip
    with torch.no_grad():
        probs = (model(torch.tensor([prompt])).logits[0, -1].double() / temperature).softmax(-1)
    order = probs.argsort(descending=True)
    kept = order[:top_k] if top_k else order
    if top_p < 1:
        kept = kept[: int((probs[kept].cumsum(0) < top_p).sum()) + 1]
    expected = torch.zeros_like(probs).scatter(0, kept, count * probs[kept] / probs[kept].sum())
    drawn = torch.bincount(torch.tensor([c.tokens[0] for c in completions]), minlength=len(probs)).double()

    assert drawn[expected == 0].sum() == 0
    often = expected >= 5
    observed = torch.cat([drawn[often], drawn[~often].sum()[None]])
    expected = torch.cat([expected[often], expected[~often].sum()[None]]).clamp(min=1e-9)
    degrees = int(often.sum())
    chi_square = float(((observed - expected) ** 2 / expected).sum())
    assert chi_square < degrees + 4 * math.sqrt(2 * degrees)  # four standard deviations above its mean


def test_seeds_and_samples():
    engine = make_engine(tiny_llama())
    first = [c.tokens for c in sample(engine, num_samples=4, max_new_tokens=12, seed=1)]
    assert [c.tokens for c in sample(engine, num_samples=4, max_new_tokens=12, seed=1)] == first
    other = [c.tokens for c in sample(engine, num_samples=4, max_new_tokens=12, seed=2)]
    assert all(one != two for one, two in zip(first, other, strict=True))
    assert len(set(first)) == 16  # samples of a group differ
    # More samples, or more tokens, leave those there were.
    assert [c.tokens for c in sample(engine, num_samples=5, max_new_tokens=12, seed=1)][:4] == first[:4]
    longer = sample(engine, num_samples=4, max_new_tokens=15, seed=1)
    assert [c.tokens[:12] for c in longer] == first


def test_the_end_token_is_kept_with_its_logprob():
    model = tiny_llama()
    greedy = sample(make_engine(model), temperature=0, max_new_tokens=8)[0]
    end = greedy.tokens[4]
    first = greedy.tokens.index(end)
    for configured in (end, [EOS_ID, end]):
        model.generation_config.eos_token_id = configured
        ended = sample(make_engine(model), temperature=0, max_new_tokens=8)[0]
        assert ended.tokens == greedy.tokens[: first + 1]
        assert list(ended.logprobs) == pytest.approx(greedy.logprobs[: first + 1], abs=1e-5)
        assert ended.stop_reason is StopReason.END_TOKEN


def test_the_tokenizers_end_token_ends_and_is_not_in_the_text():
    model = tiny_llama()
    model.generation_config.eos_token_id = None
    with torch.no_grad():
        model.lm_head.weight[EOS_ID] = 0
        model.lm_head.weight[:EOS_ID].mul_(1e-3)  # all tokens about equally likely
    completions = sample(make_engine(model), [list(b"x")], 500, max_new_tokens=100)
    ended = [c for c in completions if c.stop_reason is StopReason.END_TOKEN]
    assert 100 < len(ended) < 220  # 1 - (257/258)^100 = 0.32 of 500, give or take 6 standard deviations
    assert all(c.tokens.index(EOS_ID) == len(c.tokens) - 1 and "<eos>" not in c.text for c in ended)
    assert all(len(c.tokens) == 100 and EOS_ID not in c.tokens for c in completions if c not in ended)


def test_length_at_the_end_of_the_context():
    prompts = [list(b"12345"), list(b"1234567"), list(b"1")]
    model = tiny_llama()
    completions = sample(make_engine(model, max_context=8), prompts, temperature=0, max_new_tokens=5)
    assert [len(c.tokens) for c in completions] == [3, 1, 5]
    assert {c.stop_reason for c in completions} == {StopReason.LENGTH}
    unlimited = sample(make_engine(model), prompts, temperature=0, max_new_tokens=5)
    assert [u.tokens[: len(c.tokens)] for u, c in zip(unlimited, completions, strict=True)] == [
        c.tokens for c in completions
    ]
    # And at the model's own 128 positions.
    assert len(sample(make_engine(model), [[65] * 120], temperature=0, max_new_tokens=50)[0].tokens) == 8


def test_the_text_is_the_decoded_tokens():
    for completion in sample(make_engine(tiny_llama()), max_new_tokens=20):
        known = bytes(token for token in completion.tokens if token < 256)
        assert completion.text == known.decode(errors="replace")


def test_the_policy_is_not_touched():
    model = tiny_qwen2().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    implementation = model.config._attn_implementation
    sample(make_engine(model, dtype=torch.bfloat16), max_new_tokens=3)
    assert model.config._attn_implementation == implementation
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    loss = model(torch.tensor([PROMPTS[0]]), labels=torch.tensor([PROMPTS[0]])).loss
    loss.backward()  # it can still be trained


@pytest.mark.parametrize("tied", [False, True])
def test_load_weights(tied):
    old, new = tiny_llama(0, tie_word_embeddings=tied), tiny_llama(1, tie_word_embeddings=tied)
    engine = make_engine(old)
    before = sample(engine, temperature=0, max_new_tokens=10)
    engine.load_weights(new, version=7)
    after = sample(engine, temperature=0, max_new_tokens=10)
    fresh = sample(make_engine(new), temperature=0, max_new_tokens=10)
    assert [c.tokens for c in after] == [c.tokens for c in fresh] != [c.tokens for c in before]
    assert {c.policy_version for c in before} == {0}
    assert {c.policy_version for c in after} == {7}
    with torch.no_grad():
        new.lm_head.weight.zero_()  # the copy is a copy
    assert [c.tokens for c in sample(engine, temperature=0, max_new_tokens=10)] == [c.tokens for c in after]


def test_load_weights_of_another_model_changes_nothing():
    engine = make_engine(tiny_llama())
    before = sample(engine, temperature=0, max_new_tokens=5)
    with pytest.raises(ModelError, match=r"self_attn.*norm.weight"):
        engine.load_weights(tiny_qwen3(), version=1)
    with pytest.raises(ModelError, match=r"has the shape \(64, 32\), the copy in use \(48, 32\)"):
        engine.load_weights(tiny_llama(intermediate_size=64), version=1)
    assert sample(engine, temperature=0, max_new_tokens=5) == before


def test_a_bfloat16_copy_keeps_the_rotary_frequencies():
    model = tiny_llama()
    engine = make_engine(model, dtype=torch.bfloat16)
    copied = engine._policy.decoder
    assert torch.equal(copied._rotary.inv_freq, model.model.rotary_emb.inv_freq)
    completion = sample(engine, num_samples=2, max_new_tokens=10)[1]
    expected = forward_logprobs(model, PROMPTS[0], completion.tokens, 1.0)
    assert list(completion.logprobs) == pytest.approx(expected, abs=0.5)
    engine.load_weights(tiny_llama(1), version=1)
    assert {weight.value.dtype for weight in copied.weights} == {torch.bfloat16, torch.float32}  # matrices, norms


def test_score_tokens_in_chunks(monkeypatch):
    model = tiny_qwen3()
    engine = make_engine(model)
    pairs = [(PROMPTS[0], b"one"), (PROMPTS[1], b""), (PROMPTS[3], b"three and more"), (PROMPTS[1], b"4")]
    pairs = [(prompt, list(completion)) for prompt, completion in pairs]
    whole = engine.score_tokens(pairs, temperature=1.5)
    assert whole[1] == []
    for (prompt, tokens), scores in zip(pairs, whole, strict=True):
        assert scores == pytest.approx(forward_logprobs(model, prompt, tokens, 1.5), abs=1e-4)
    monkeypatch.setattr(scheduler, "PREFILL_TOKENS", 20)
    monkeypatch.setattr("r1kit.engines.native.policy._LOGITS_AT_ONCE", 600)
    for scores, expected in zip(engine.score_tokens(pairs, temperature=1.5), whole, strict=True):
        assert scores == pytest.approx(expected, abs=1e-5)
    at_zero, at_one = (engine.score_tokens(pairs, temperature=t) for t in (0.0, 1.0))
    assert at_zero == at_one
    assert engine.score_tokens([], temperature=1.0) == []


def test_sequences_that_do_not_fit():
    engine = make_engine(tiny_llama(), max_context=8)
    assert sample(engine, []) == []
    with pytest.raises(DataError, match="prompt 1 is empty"):
        sample(engine, [[1], []])
    with pytest.raises(DataError, match="prompt 0 has 8 tokens and at most 7 fit into the context of 8; shorten"):
        sample(engine, [[1] * 8])
    with pytest.raises(DataError, match=r"prompt 1 has a token outside 0\.\.257"):
        sample(engine, [[1], [258]])
    with pytest.raises(DataError, match="prompt 0 is empty"):
        engine.score_tokens([([], [1])], temperature=1.0)
    with pytest.raises(DataError, match="pair 0 has 9 tokens and at most 8 fit"):
        engine.score_tokens([([1] * 4, [1] * 5)], temperature=1.0)
    with pytest.raises(ConfigError, match="num_samples is 0"):
        sample(engine, num_samples=0)


def test_models_that_are_refused():
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=258, n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(ModelError, match=r"model_type 'gpt2'; known: llama, qwen2, qwen3"):
        ENGINES["native"](gpt2, byte_tokenizer(), device="cpu", dtype=torch.float32)
    sliding = tiny_qwen2(use_sliding_window=True, sliding_window=8, max_window_layers=1)
    with pytest.raises(ModelError, match="full attention only"):
        make_engine(sliding)
    with pytest.raises(ConfigError, match="max_context is 129; this model takes 2 to 128"):
        make_engine(tiny_llama(), max_context=129)
    with pytest.raises(ConfigError, match="max_batch_size is 0"):
        make_engine(tiny_llama(), max_batch_size=0)


def test_it_is_an_engine():
    engine = ENGINES["native"](tiny_llama(), byte_tokenizer(), device="cpu", dtype=torch.float32)
    assert isinstance(engine, Engine)
    assert engine.returns_logprobs
    assert engine.updatable
