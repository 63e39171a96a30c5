"""The caches by hand: what a resize keeps and moves, which rows share which prompt."""

import torch

from r1kit.engines.native.attention import PromptKV
from r1kit.engines.native.cache import KVCache
from r1kit.engines.native.prompts import PromptCache, sharing


def cache_of_three():
    """Three slots of two heads, one number a head; slot r has written 10 * r + its column into columns 0 to 4."""
    cache = KVCache(num_layers=1, num_slots=3, num_heads=2, head_dim=1, like=torch.zeros(0))
    for column in range(5):
        values = torch.tensor([[[10.0 * row + column], [-10.0 * row - column]] for row in range(3)])
        cache.write(0, cache.flat_columns(torch.full((3,), column)), values, -values)
    return cache


def columns(cache, slot, head):
    """The columns of one head of a slot, and whether the values are their negatives."""
    keys, values = cache.read(0, num_slots=cache.num_slots)
    assert torch.equal(values, -keys)
    return keys[slot * 2 + head, :, 0].tolist()


def test_tokens_lie_in_their_columns():
    cache = cache_of_three()
    assert cache.capacity == 16
    assert columns(cache, 1, 0) == [10, 11, 12, 13, 14] + [0] * 11
    assert columns(cache, 2, 1) == [-20, -21, -22, -23, -24] + [0] * 11


def test_resize_keeps_the_first_slots_and_columns():
    cache = cache_of_three()
    for capacity in (32, 8, 48):  # the memory that one size leaves is used again by the next
        cache.resize(num_slots=3, capacity=capacity)
        assert columns(cache, 1, 0) == [10, 11, 12, 13, 14] + [0] * (capacity - 5)
    cache.resize(num_slots=2, capacity=3)
    assert columns(cache, 1, 1) == [-10, -11, -12]
    cache.resize(num_slots=3, capacity=4)
    assert columns(cache, 2, 0) == [0, 0, 0, 0]


def test_resize_moves_rows_and_clears_what_is_behind_them():
    cache = cache_of_three()
    cache.resize(num_slots=2, capacity=6, moved=(torch.tensor([2]), torch.tensor([0])), used=4)
    assert columns(cache, 0, 0) == [20, 21, 22, 23, 0, 0]
    assert columns(cache, 1, 1) == [-10, -11, -12, -13, 0, 0]


def test_a_column_beyond_the_last_becomes_the_last():
    cache = cache_of_three()
    assert cache.flat_columns(torch.tensor([0, 15, 99])).tolist() == [0, 16, 47, 63, 79, 95]


def prompt_cache():
    """Prompts 7 (three tokens), 2 (one token) and 4 (twenty): a key of prompt p in column t is 100 * p + t."""
    cache = PromptCache()

    def layer(*prompts, size):
        values = [[[[100.0 * p + t] for t in range(size)], [[-100.0 * p - t] for t in range(size)]] for p in prompts]
        return [torch.tensor(values)]

    cache.add([7, 2], [3, 1], layer(7, 2, size=3), layer(7, 2, size=3))
    cache.add([4], [20], layer(4, size=20), layer(4, size=20))
    return cache


def test_prompts_are_held_once_and_padded():
    cache = prompt_cache()
    keys, _ = cache.read(0)
    assert cache.lengths == {7: 3, 2: 1, 4: 20}
    assert keys.shape == (3 * 2, 32, 1)
    assert keys[0, :4, 0].tolist() == [700, 701, 702, 0]
    assert keys[5, 19:21, 0].tolist() == [-419, 0]
    cache.keep([2, 7, 99])
    keys, values = cache.read(0)
    assert cache.lengths == {7: 3, 2: 1}
    assert keys.shape == values.shape == (2 * 2, 16, 1)
    assert keys[3, 0].tolist() == [-200]
    cache.keep([])
    assert (cache.lengths, cache.keys) == ({}, [])


def test_prompts_of_a_prefill_are_contiguous_whatever_their_length():
    for size in (16, 20):
        kv = PromptKV(2, keep=True)
        row = torch.randn(2 * size, 4, 8)
        kv(0, row[:, :2], row[:, 2:3], row[:, 3:])
        cache = PromptCache()
        cache.add([0, 1], [size, size], kv.keys, kv.values)
        assert all(part.is_contiguous() for part in cache.read(0))
        assert kv.keys[0].untyped_storage().nbytes() == 2 * size * 8 * 4  # the keys alone


def test_sharing_by_hand():
    # Rows 0 and 3 go on from prompt 4, row 1 from prompt 7, row 2 has ended.
    shared = sharing(prompt_cache(), [4, 7, None, 4])
    rows = torch.arange(4 * 2)  # row * 2 + head
    by_prompt = shared.by_prompt(rows).view(3, 2, 2)  # prompt, head, row of it
    assert by_prompt[0].tolist() == [[2, 0], [3, 1]]  # the second place is filled with row 0
    assert by_prompt[2].tolist() == [[0, 6], [1, 7]]
    back = shared.by_row(by_prompt.flatten()).view(4, 2)
    assert back[[0, 1, 3]].tolist() == [[0, 1], [2, 3], [6, 7]]
    assert (shared.bias_RS == 0).sum(1).tolist()[:2] == [20, 3]
    assert shared.bias_RS[1, :4].tolist() == [0, 0, 0, -torch.inf]
