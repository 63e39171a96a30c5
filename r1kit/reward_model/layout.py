"""What a reward model sees: the question in its template, the judged part of the response, the end token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from r1kit.learner.packing import TokenGroup
from r1kit.rewards.learned import Kind, judged_part
from r1kit.tasks.templates import TEMPLATES, TemplateName, encode_prompt
from r1kit.types import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a question and responses to it become tokens; the same for training and scoring."""

    kind: Kind
    template: TemplateName
    tokenizer: PreTrainedTokenizerBase

    def group(self, question: str, responses: Sequence[str]) -> TokenGroup:
        """The question as the prompt, each response as a completion that ends in the end token.

        White space around the judged part is no part of it: one space divides it from a prompt that does not end in
        white space of its own. The tokenizer's special tokens are spelt out where a response has them as text, so
        that no response can end itself early.
        """
        problem = Problem(id="", prompt=question, answer="", task="")
        prompt = TEMPLATES[self.template].render(problem, self.tokenizer)
        space = "" if prompt[-1:].isspace() else " "
        end = self.tokenizer.eos_token_id
        assert isinstance(end, int)
        texts = [space + judged_part(self.kind, response) for response in responses]
        return TokenGroup(
            prompt=encode_prompt(prompt, self.tokenizer),
            completions=[
                [*self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True), end]
                for text in texts
            ],
        )
