from typing import get_args

import pytest
from tiny import byte_tokenizer
from tokenizers import processors

from r1kit.errors import DataError, ModelError
from r1kit.pipeline.config import RLConfig
from r1kit.rewards.format import ANSWER_POLICIES, FORMAT_PROBLEMS
from r1kit.sft.config import SFTConfig
from r1kit.tasks.templates import (
    BOXED_DIRECTIVE,
    INSTRUCTION,
    TEMPLATES,
    TemplateName,
    encode_prompt,
    parse_prompt,
    r1_zero_prompt,
)
from r1kit.types import Problem

PROBLEM = Problem(id="1", prompt="What is 2 + 2?", answer="4", task="t")

# Table 1 of the paper, typed from it and not from the code.
TABLE_1 = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>. User: prompt. Assistant:"
)

CHATML = (
    "{% for m in messages %}<im>{{ m['role'] }}\n{{ m['content'] }}</im>\n{% endfor %}"
    "{% if add_generation_prompt %}<im>assistant\n{% endif %}"
)


def chat_tokenizer(template=CHATML):
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def bos_tokenizer(pattern):
    """A byte tokenizer with <s> (258) and a post-processor, as Llama's are made."""
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    special = [("<s>", tokenizer.bos_token_id), ("<eos>", tokenizer.eos_token_id)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single=pattern, special_tokens=special)
    return tokenizer


def test_rl_is_table_1_word_for_word():
    assert r1_zero_prompt("prompt") == TABLE_1


def test_rl_matches_the_paper_text():
    """The table's words with only the word "prompt" replaced; the full stop after it is kept."""
    rendered = TEMPLATES["r1_zero"].render(PROBLEM, byte_tokenizer())
    assert rendered == TABLE_1.replace("User: prompt.", "User: What is 2 + 2?.")


@pytest.mark.parametrize(
    "question",
    [
        "",
        " ",
        "prompt",
        "3 + 4",
        "Ends in a stop.",
        "Two\nlines\r\n\ttabs ",
        ". Assistant:",
        "x. User: y. Assistant:",
        "{curly} %s $1 \\boxed{} {{jinja}}",
        "<think> </think> <answer>",
        "小明有 3 个苹果？\u2028\u0000🙂",
        TABLE_1,
    ],
)
def test_parse_prompt_inverts_r1_zero(question):
    assert parse_prompt(r1_zero_prompt(question)) == question


@pytest.mark.parametrize("text", ["", "3 + 4", "User: 3. Assistant:", TABLE_1 + " ", TABLE_1[1:], INSTRUCTION])
def test_parse_prompt_refuses_other_text(text):
    with pytest.raises(DataError, match="Table 1"):
        parse_prompt(text)


def test_boxed_is_plain_text_without_a_chat_template():
    rendered = TEMPLATES["boxed"].render(PROBLEM, byte_tokenizer())
    assert rendered == ("What is 2 + 2?\nPlease reason step by step, and put your final answer within \\boxed{}.")


def test_boxed_uses_the_chat_template_where_there_is_one():
    rendered = TEMPLATES["boxed"].render(PROBLEM, chat_tokenizer())
    assert rendered == f"<im>user\nWhat is 2 + 2?\n{BOXED_DIRECTIVE}</im>\n<im>assistant\n"


def test_chat_puts_the_instruction_into_the_users_message():
    rendered = TEMPLATES["chat"].render(PROBLEM, chat_tokenizer())
    instruction = TABLE_1.removesuffix(" User: prompt. Assistant:")
    assert rendered == f"<im>user\n{instruction}\n\nWhat is 2 + 2?</im>\n<im>assistant\n"


def test_chat_cuts_a_think_tag_that_the_chat_template_opens():
    tokenizer = chat_tokenizer(CHATML.replace("assistant\n", "assistant\n<think>\n"))
    rendered = TEMPLATES["chat"].render(PROBLEM, tokenizer)
    assert rendered.endswith("What is 2 + 2?</im>\n<im>assistant\n")
    assert TEMPLATES["boxed"].render(PROBLEM, tokenizer).endswith("<im>assistant\n<think>\n")


def test_plain_is_the_question_alone():
    assert TEMPLATES["plain"].render(PROBLEM, byte_tokenizer()) == "What is 2 + 2?"
    assert TEMPLATES["plain"].render(PROBLEM, chat_tokenizer()) == "<im>user\nWhat is 2 + 2?</im>\n<im>assistant\n"


def test_readable_is_the_question_after_user_without_a_chat_template():
    assert TEMPLATES["readable"].render(PROBLEM, byte_tokenizer()) == "User: What is 2 + 2?\nAssistant:"


def test_readable_is_the_question_as_a_users_message_where_there_is_a_chat_template():
    expected = "<im>user\nWhat is 2 + 2?</im>\n<im>assistant\n"
    assert TEMPLATES["readable"].render(PROBLEM, chat_tokenizer()) == expected
    thinking = chat_tokenizer(CHATML.replace("assistant\n", "assistant\n<think>\n"))
    assert TEMPLATES["readable"].render(PROBLEM, thinking) == expected


def test_chat_needs_a_chat_template():
    with pytest.raises(ModelError, match=r"has no chat template.*r1_zero"):
        TEMPLATES["chat"].render(PROBLEM, byte_tokenizer())


def test_names_agree_with_the_config_and_the_rewards():
    names = set(get_args(TemplateName))
    assert RLConfig.model_fields["template"].annotation == SFTConfig.model_fields["template"].annotation == TemplateName
    assert set(TEMPLATES) == names == set(ANSWER_POLICIES) == set(FORMAT_PROBLEMS)
    assert all(template.name == name for name, template in TEMPLATES.items())


def test_encode_prompt_without_special_tokens_is_the_bytes():
    assert encode_prompt("2+é", byte_tokenizer()) == [50, 43, 0xC3, 0xA9]


@pytest.mark.parametrize("pattern", ["<s> $A", "<s> $A <eos>"])
def test_encode_prompt_begins_once_and_never_ends(pattern):
    tokenizer = bos_tokenizer(pattern)
    assert encode_prompt("2+2", tokenizer) == [258, 50, 43, 50]
    assert encode_prompt("<s>2+2", tokenizer) == [258, 50, 43, 50]


def test_encode_prompt_adds_no_begin_token_that_the_tokenizer_does_not_add():
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    assert encode_prompt("2", tokenizer) == [50]
    assert encode_prompt("<s>2", tokenizer) == [258, 50]
