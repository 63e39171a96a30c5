"""The nano corpus: only pretraining contents, right steps where it reasons, and the mix that it promises."""

import re

import pytest

from r1kit.nano.corpus import KIND_WEIGHTS, document
from r1kit.nano.styles import DIRECT_RIGHT_RATE, FINAL_STYLE_WEIGHTS, STYLE_WEIGHTS, respond
from r1kit.nano.tokenizer import train_tokenizer
from r1kit.rewards.extract import split_think_answer
from r1kit.seeding import rng
from r1kit.tasks.nano import Content, answer, draw_content, render
from r1kit.tasks.templates import parse_prompt, r1_zero_prompt

DOCUMENTS = [document(0, i) for i in range(4000)]
CONVERSATIONS = [text for text in DOCUMENTS if text.startswith("A conversation between")]
EQUATION = re.compile(r"(\d+(?: [+-] \d+)+) = (\d+)")


def value(expression):
    tokens = expression.split()
    return int(tokens[0]) + sum(
        int(n) if sign == "+" else -int(n) for sign, n in zip(tokens[1::2], tokens[2::2], strict=True)
    )


def questions():
    for text in DOCUMENTS:
        found = re.search(r"(?:User: |Question: |问题：)(.*?)(?:\. Assistant:|\.\nAnswer:|。\n解答：)", text)
        if found:
            yield found[1]


def terms_in(question):
    """The signed terms of a `chain` or the parts of the other families' questions, read from the words."""
    if question.startswith(("Compute ", "计算 ")):
        return [value_terms(question.split(" ", 1)[1])]
    return []


def value_terms(expression):
    tokens = expression.split()
    return (int(tokens[0]), *(int(s + n) for s, n in zip(tokens[1::2], tokens[2::2], strict=True)))


def test_document_depends_on_seed_and_index_only():
    assert document(0, 7) == DOCUMENTS[7]
    assert document(1, 7) != DOCUMENTS[7]


def test_no_document_asks_a_question_of_training_or_evaluation():
    chains = [terms for question in questions() for terms in terms_in(question)]
    assert len(chains) > 500
    assert {Content("chain", terms).part for terms in chains} == {"pretrain"}


def test_kinds_occur_as_weighted():
    drills = sum("Assistant" not in d and "Question" not in d and "问题" not in d for d in DOCUMENTS)
    assert len(CONVERSATIONS) / len(DOCUMENTS) == pytest.approx(KIND_WEIGHTS["conversation"], abs=0.03)
    assert drills / len(DOCUMENTS) == pytest.approx(KIND_WEIGHTS["drill"], abs=0.03)


def test_conversations_open_with_table_1():
    text = CONVERSATIONS[0]
    prompt = text[: text.index(" Assistant:") + len(" Assistant:")]
    assert r1_zero_prompt(parse_prompt(prompt)) == prompt


def test_textbooks_and_drills_are_right():
    checked = 0
    for text in DOCUMENTS:
        if text in CONVERSATIONS or "Let me check" in text or "检查" in text:  # a check may have found a slip
            continue
        for expression, result in EQUATION.findall(text):
            assert value(expression) == int(result), text
            checked += 1
    assert checked > 3000


@pytest.mark.parametrize("family", ["chain", "word", "compare", "countdown"])
@pytest.mark.parametrize("style", ["full", "checked"])
def test_reasoned_responses_arrive_at_the_gold_answer(family, style):
    right = total = 0
    for i in range(300):
        random = rng("styles", family, style, i)
        content = draw_content(random, "pretrain")
        if content.family != family:
            continue
        response = respond(content, "en", style, random)
        total += 1
        if family == "countdown":
            right += value(response.answer) == content.target
            assert sorted(abs(t) for t in value_terms(response.answer)) == sorted(content.terms)
        else:
            right += response.answer == answer(content)
    assert total > 20
    assert right == total


def test_direct_answers_are_mostly_wrong():
    hits = []
    for i in range(2000):
        random = rng("direct", i)
        content = draw_content(random, "pretrain")
        if content.family != "countdown":
            hits.append(respond(content, "en", "direct", random).answer == answer(content))
    assert sum(hits) / len(hits) == pytest.approx(DIRECT_RIGHT_RATE, abs=0.04)


def test_a_third_of_the_conversations_break_the_format():
    completions = [text.split(" Assistant:", 1)[1] for text in CONVERSATIONS]
    well_formed = sum(split_think_answer(text).well_formed for text in completions) / len(completions)
    assert 0.55 < well_formed < 0.7


def test_fewer_conversations_reason_in_the_final_mix():
    final = [document(0, i, final=True) for i in range(4000)]
    reasoned = [sum("=" in text for text in texts if text.startswith("A conv")) for texts in (DOCUMENTS, final)]
    assert reasoned[1] / reasoned[0] == pytest.approx(0.16 / 0.25, abs=0.08)


def test_style_weights_are_a_distribution():
    assert sum(STYLE_WEIGHTS.values()) == pytest.approx(1)
    assert sum(FINAL_STYLE_WEIGHTS.values()) == pytest.approx(1)
    assert sum(KIND_WEIGHTS.values()) == pytest.approx(1)


def test_tokenizer_keeps_digits_and_tags_apart_and_round_trips():
    tokenizer = train_tokenizer(iter(DOCUMENTS[:1000]), vocab_size=600)
    assert tokenizer.tokenize(" <think> 12 + 7 = 19") == ["Ġ<think>", "Ġ1", "2", "Ġ+", "Ġ7", "Ġ=", "Ġ1", "9"]
    for text in (DOCUMENTS[3], "π ≈ 3.14159, naïve 😀\n\ttab", "小明有 8 个桃子。"):
        assert tokenizer.decode(tokenizer.encode(text), skip_special_tokens=True) == text
    assert tokenizer.encode("a")[0] == tokenizer.bos_token_id
    prompt = render(Content("chain", (3, 5)), "en", rng("x")).prompt
    assert len(tokenizer.encode(r1_zero_prompt(prompt))) < 60  # Table 1 is 470 characters
