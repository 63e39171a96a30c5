"""The nano corpus: only pretraining contents, right steps where it reasons, and the mix that it promises."""

import re

import pytest

from r1kit.nano.corpus import (
    DETAIL,
    DOMAIN_WEIGHTS,
    KIND_WEIGHTS,
    SOURCES,
    document,
    reasoning_document,
    textbook_question,
)
from r1kit.nano.styles import FINAL_STYLE_WEIGHTS, STYLE_WEIGHTS, WRITERS
from r1kit.nano.tokenizer import train_tokenizer
from r1kit.rewards.extract import split_think_answer
from r1kit.seeding import rng
from r1kit.tasks.nano import DOMAINS, NanoTask
from r1kit.tasks.nano.base import part_of
from r1kit.tasks.nano.math import Content, render
from r1kit.tasks.templates import parse_prompt, r1_zero_prompt

DOCUMENTS = [reasoning_document(rng("documents", i), False) for i in range(4000)]
"""Of the source with checkable answers; the others have tests of their own."""
CONVERSATIONS = [text for text in DOCUMENTS if text.startswith("A conversation between")]
EQUATION = re.compile(r"(\d+(?: [+-] \d+)+) = (\d+)")


def value(expression):
    tokens = expression.split()
    return int(tokens[0]) + sum(
        int(n) if sign == "+" else -int(n) for sign, n in zip(tokens[1::2], tokens[2::2], strict=True)
    )


QUESTION = re.compile(r"(?:User: |Question: |问题：)(.*?)(?:\. Assistant:|\.\nAnswer:|。\n解答：)")


def questions():
    """Every question, without the sentence that asks for details."""
    for text in DOCUMENTS:
        for found in QUESTION.findall(text):
            yield found.removesuffix(f". {DETAIL['en']}").removesuffix(f"。{DETAIL['zh']}")


def terms_in(question):
    """The signed terms of a `chain` or the parts of the other families' questions, read from the words."""
    if question.startswith(("Compute ", "计算 ")):
        return [value_terms(question.split(" ", 1)[1])]
    return []


def value_terms(expression):
    tokens = expression.split()
    return (int(tokens[0]), *(int(s + n) for s, n in zip(tokens[1::2], tokens[2::2], strict=True)))


def test_document_depends_on_seed_and_index_only():
    assert document(0, 7) == document(0, 7)
    assert len({document(seed, index) for seed in range(3) for index in range(20)}) == 60
    reasoning = sum(document(0, i).startswith("A conversation between") for i in range(1000)) / 1000
    weight = SOURCES["reasoning"][0] / sum(weight for weight, _ in SOURCES.values())
    assert reasoning == pytest.approx(weight * KIND_WEIGHTS["conversation"], abs=0.05)


def test_no_document_asks_a_question_of_training_or_evaluation():
    chains = [terms for question in questions() for terms in terms_in(question)]
    assert len(chains) > 200
    assert {part_of(Content("chain", terms).key) for terms in chains} == {"pretrain"}


def test_no_question_of_the_corpus_is_one_of_the_problem_sets():
    held_out = {
        problem.prompt
        for split in ("train", "eval")
        for problem in NanoTask(num_train=1200, num_eval=200).problems(split)
    }
    asked = set(questions())
    assert len(asked) > 2500
    assert not asked & held_out


def test_kinds_occur_as_weighted():
    drills = sum("Assistant" not in d and "Question:" not in d and "问题：" not in d for d in DOCUMENTS)
    assert len(CONVERSATIONS) / len(DOCUMENTS) == pytest.approx(KIND_WEIGHTS["conversation"], abs=0.03)
    assert drills / len(DOCUMENTS) == pytest.approx(KIND_WEIGHTS["drill"], abs=0.03)


def test_conversations_open_with_table_1():
    text = CONVERSATIONS[0]
    prompt = text[: text.index(" Assistant:") + len(" Assistant:")]
    assert r1_zero_prompt(parse_prompt(prompt)) == prompt


def textbooks():
    return [text for text in DOCUMENTS if text.startswith(("Question: ", "问题："))]


def test_a_third_of_the_textbooks_ask_for_a_check_and_get_one():
    asks = [
        any(f"{DETAIL[language]}{stop}" in text for language, stop in (("en", "."), ("zh", "。")))
        for text in textbooks()
    ]
    checks = ["Let me check." in text or "检查一下。" in text for text in textbooks()]
    assert asks == checks
    assert sum(asks) / len(asks) == pytest.approx(0.35, abs=0.05)


def test_some_textbooks_have_several_questions_in_a_row():
    counts = [len(QUESTION.findall(text)) for text in textbooks()]
    assert set(counts) == {1, 2, 3}
    assert counts.count(1) / len(counts) == pytest.approx(0.65, abs=0.05)


def test_a_textbook_s_question_is_what_a_base_is_prompted_with():
    assert textbook_question("Compute 1 + 2", "en") == "Question: Compute 1 + 2.\nAnswer:"
    assert textbook_question("计算 1 + 2", "zh", detail=True) == "问题：计算 1 + 2。请详细解答并检验结果。\n解答："
    begins = [textbook_question(next(iter(QUESTION.findall(text))), "en") for text in textbooks() if text.isascii()]
    assert all(any(text.startswith(begin) for text in textbooks()) for begin in begins[:50])


def test_drills_of_maths_are_right():
    checked = 0
    for text in DOCUMENTS:
        if text[0].isdigit() and "*" not in text and ":" not in text:
            for expression, result in EQUATION.findall(text):
                assert value(expression) == int(result), text
                checked += 1
    assert checked > 500


def test_a_third_of_the_conversations_break_the_format():
    completions = [text.split(" Assistant:", 1)[1] for text in CONVERSATIONS]
    well_formed = sum(split_think_answer(text).well_formed for text in completions) / len(completions)
    assert 0.55 < well_formed < 0.7


def test_fewer_conversations_reason_in_the_final_mix():
    final = [reasoning_document(rng("documents", i), True) for i in range(4000)]
    checks = [
        sum("Let me check." in text or "检查" in text for text in texts if text.startswith("A conv"))
        for texts in (DOCUMENTS, final)
    ]
    assert checks[1] / checks[0] == pytest.approx(0.03 / 0.10, abs=0.1)


def test_style_weights_are_a_distribution():
    assert sum(STYLE_WEIGHTS.values()) == pytest.approx(1)
    assert sum(FINAL_STYLE_WEIGHTS.values()) == pytest.approx(1)
    assert sum(KIND_WEIGHTS.values()) == pytest.approx(1)
    assert sum(DOMAIN_WEIGHTS.values()) == pytest.approx(1)
    assert set(DOMAIN_WEIGHTS) == set(WRITERS) == set(DOMAINS)


def test_every_document_fits_the_context():
    assert max(map(len, DOCUMENTS)) < 1500  # 300 tokens of the shipped tokenizer; the context is 512


def test_tokenizer_keeps_digits_and_tags_apart_and_round_trips():
    tokenizer = train_tokenizer(iter(DOCUMENTS[:1000]), vocab_size=600)
    assert tokenizer.tokenize(" <think> 12 + 7 = 19") == ["Ġ<think>", "Ġ1", "2", "Ġ+", "Ġ7", "Ġ=", "Ġ1", "9"]
    for text in (DOCUMENTS[3], "π ≈ 3.14159, naïve 😀\n\ttab", "小明有 8 个桃子。"):
        assert tokenizer.decode(tokenizer.encode(text), skip_special_tokens=True) == text
    assert tokenizer.encode("a")[0] == tokenizer.bos_token_id
    prompt = render(Content("chain", (3, 5)), "en", rng("x")).prompt
    assert len(tokenizer.encode(r1_zero_prompt(prompt))) < 60  # Table 1 is 470 characters
