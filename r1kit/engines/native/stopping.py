"""Stop strings: found in the decoded text, looked for only when a token could have completed one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

REPLACEMENT = "\ufffd"
"""What half a UTF-8 character decodes to."""


def decode(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> str:
    """The text of tokens as the model wrote it: special tokens dropped, spaces untouched."""
    text = tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert isinstance(text, str)
    return text


class StopStrings:
    """Says how many tokens of a completion are kept, if its text contains one of the stop strings.

    `may_complete_V` (bool, V) holds the tokens whose own text has the last character of a stop string, or half a
    character where that one is not ASCII. Only rows that drew such a token are decoded. Where a tokenizer's decoding
    is not local the filter may miss one; `cut` over the finished completion finds it.
    """

    def __init__(
        self, stop: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, vocab_size: int, device: torch.device
    ) -> None:
        self.stop = tuple(stop)
        self.tokenizer = tokenizer
        # A token is at least a byte, so a stop string spans no more tokens than its bytes; one more for context.
        self.tail = max(len(string.encode()) for string in stop) + 1
        last = {string[-1] for string in stop}
        if any(not character.isascii() for character in last):
            last.add(REPLACEMENT)
        # Twice, since many decoders strip the space before the first token of a text.
        may_complete = [not last.isdisjoint(decode(tokenizer, (token, token))) for token in range(vocab_size)]
        self.may_complete_V: Tensor = torch.tensor(may_complete, device=device)

    def cut(self, tokens: Sequence[int]) -> int | None:
        """The number of tokens up to the one that completed the first stop string; None if the text has none."""
        if not self._in_text(tokens):
            return None
        low, high = 1, len(tokens)
        while low < high:  # a text that contains a string still does when it grows
            middle = (low + high) // 2
            low, high = (low, middle) if self._in_text(tokens[:middle]) else (middle + 1, high)
        return high

    def just_completed(self, tokens: Sequence[int]) -> bool:
        """Whether the last token completed a stop string; reads a tail first, the whole text only to confirm."""
        return self._in_text(tokens[-self.tail :]) and self._in_text(tokens)

    def _in_text(self, tokens: Sequence[int]) -> bool:
        text = decode(self.tokenizer, tokens)
        return any(string in text for string in self.stop)
