"""The nano tokenizer: byte-level BPE whose pieces may be whole phrases, with digits and tags on their own.

Merges may cross spaces inside a clause, so that a small vocabulary writes Table 1's long preamble in a few tokens;
digits, operators, punctuation, tags, names of people and letters of options never merge with anything but a space
before them, and a colon behind a name or a letter.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from r1kit.rewards.extract import READABLE_TOKEN
from r1kit.tasks.nano.base import NAMES

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
_NAMES = "|".join(name for people in NAMES.values() for name, _ in people)
ATOMS = (
    rf" ?(?:{_NAMES})[:：]?| ?[A-D](?![A-Za-z])[:：]?"
    r"| ?</?(?:think|answer)>| ?\d| ?[+\-*/=<>]|[.,:;?!()。，：？！；]|\n"
)
"""What stays a piece of its own or less, because a chain of thought copies it from one place to another.

A name or a letter takes the colon behind it along: what it stands for then follows the piece that says it.
"""


def train_tokenizer(documents: Iterator[str], *, vocab_size: int) -> PreTrainedTokenizerFast:
    """Train on documents; every byte has a token, so any text can be encoded."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(ATOMS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    begin = tokenizer.token_to_id(BEGIN)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A $B", special_tokens=[(BEGIN, begin)]
    )
    # A token of its own that no document has and that decoding keeps: fine-tuning gives it its meaning (2.3.1).
    tokenizer.add_tokens([AddedToken(READABLE_TOKEN, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
    )
