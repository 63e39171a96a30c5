"""Judges that say what a script says, in a chat template whose marks are added tokens."""

from tiny import byte_tokenizer

from r1kit.engines.fake import FakeEngine
from r1kit.rewards.generative import Judge
from r1kit.types import SamplingParams

CHAT_TEMPLATE = "{% for m in messages %}<|turn|>{{ m.role }}: {{ m.content }}<eos>{% endfor %}<|turn|>assistant: "


def chat_tokenizer():
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["<|turn|>", "</think>"], special_tokens=False)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def scripted_judge(script, *, num_votes=1, temperature=1.0, max_new_tokens=2000, **options):
    """`script` is called with (message, sample index, seed) and returns the judge's text."""
    tokenizer = chat_tokenizer()

    def say(prompt, sample, seed):
        return script(tokenizer.decode(prompt, clean_up_tokenization_spaces=False), sample, seed)

    params = SamplingParams(temperature=temperature, max_new_tokens=max_new_tokens)
    return Judge(FakeEngine(tokenizer, say), tokenizer, params=params, num_votes=num_votes, **options)
