import gzip
import json
from collections import Counter

import pytest

from r1kit.errors import ConfigError, DataError
from r1kit.rewards.ifeval import INSTRUCTIONS, build_checkers, judge_ifeval, judge_ifeval_loose, verify_ifeval
from r1kit.rewards.ifeval.language import language_problem
from r1kit.rewards.ifeval.text import count_sentences, count_words
from r1kit.tasks.ifeval import NO_GOLD, ifeval
from r1kit.types import Problem

NO_COMMA = {"id": "punctuation:no_comma", "kwargs": {}}
TITLE = {"id": "detectable_format:title", "kwargs": {}}


def at_least(words):
    return {"id": "length_constraints:number_words", "kwargs": {"relation": "at least", "num_words": words}}


def less_than(words):
    return {"id": "length_constraints:number_words", "kwargs": {"relation": "less than", "num_words": words}}


def test_all_instructions_must_be_followed_and_each_has_its_part():
    score = verify_ifeval(instructions=[NO_COMMA, at_least(3), TITLE], answer="One, two.")
    assert score.value == 0.0
    assert score.reason == "no_comma: has a comma ','; number_words: 2 words, not at least 3; title: no <<title>>"
    assert score.parts == {
        "punctuation:no_comma": 0.0,
        "length_constraints:number_words": 0.0,
        "detectable_format:title": 0.0,
    }
    score = verify_ifeval(instructions=[NO_COMMA, at_least(3), TITLE], answer="<<One>> two")
    assert (score.value, list(score.parts.values())) == (0.0, [1.0, 0.0, 1.0])
    score = verify_ifeval(instructions=[NO_COMMA, at_least(3), TITLE], answer="<<One>> two three")
    assert (score.value, score.reason, list(score.parts.values())) == (1.0, "correct", [1.0, 1.0, 1.0])


def test_the_same_instruction_twice():
    score = verify_ifeval(instructions=[at_least(2), less_than(4)], answer="one two three four")
    assert score.parts == {"length_constraints:number_words": 1.0, "length_constraints:number_words#2": 0.0}


@pytest.mark.parametrize("answer", ["", " \n "])
def test_an_empty_response_follows_nothing(answer):
    for loose in (False, True):
        score = verify_ifeval(instructions=[NO_COMMA], answer=answer, loose=loose)
        assert (score.value, score.reason) == (0.0, "no_comma: empty")


@pytest.mark.parametrize(
    ("answer", "strict", "loose"),
    [
        ("No commas", 1.0, 1.0),
        ("Sure, here:\nNo commas", 0.0, 1.0),  # without the first line
        ("No commas\nBye, Ann", 0.0, 1.0),  # without the last
        ("Sure, here:\nNo commas\nBye, Ann", 0.0, 1.0),  # without both
        ("Sure, here:\nOne, comma\nBye, Ann", 0.0, 0.0),
        ("Sure, here", 0.0, 0.0),  # nothing is left without its first line
    ],
)
def test_loose_variants(answer, strict, loose):
    problem = Problem(id="1", prompt="?", answer=NO_GOLD, task="t", info={"instructions": [NO_COMMA]})
    assert judge_ifeval(problem, answer).value == strict
    assert judge_ifeval_loose(problem, answer).value == loose


def test_loose_drops_asterisks_and_takes_each_instruction_by_itself():
    end = {"id": "startend:end_checker", "kwargs": {"end_phrase": "The end"}}
    answer = "Sure, here:\nIt was late\n**The end**"
    score = verify_ifeval(instructions=[end, NO_COMMA, TITLE], answer=answer, loose=True)
    assert list(score.parts.values()) == [1.0, 1.0, 0.0]
    assert list(verify_ifeval(instructions=[end, NO_COMMA], answer=answer).parts.values()) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ({"id": "punctuation:no_commas", "kwargs": {}}, "unknown instruction 'punctuation:no_commas'; .*Did you mean"),
        ({"id": "punctuation:no_comma", "kwargs": {"n": 1}}, r"punctuation:no_comma cannot have \{'n': 1\}"),
        ({"id": "length_constraints:number_words", "kwargs": {"num_words": 3}}, "missing 1 required .*'relation'"),
        (
            {"id": "length_constraints:number_words", "kwargs": {"num_words": 3, "relation": "around"}},
            "unknown relation 'around'; known: at least, less than",
        ),
        ({"id": "language:response_language", "kwargs": {"language": "tlh"}}, "unknown language 'tlh'; known: ar, bg"),
    ],
)
def test_a_broken_instruction_is_no_verdict_about_the_response(instruction, message):
    with pytest.raises(DataError, match=message):
        build_checkers([instruction])
    with pytest.raises(DataError, match=r"needs info\['instructions'\]"):
        judge_ifeval(Problem(id="1", prompt="?", answer=NO_GOLD, task="t"), "x")


def test_arguments_that_are_null_are_left_out():
    instruction = {"id": "punctuation:no_comma", "kwargs": {"num_words": None, "relation": None}}
    assert list(build_checkers([instruction])) == ["punctuation:no_comma"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("...", 0),
        ("no mark at the end", 1),
        ("One. Two! Three? Four… Five", 5),
        ('He said "Stop!" He stopped.', 2),
        ('"One." "Two." (Three.)', 3),
        ("Mr. and Mrs. Smith met Dr. No at 10 a.m. on Monday.", 1),
        ("We met at 10 a.m. He left.", 2),
        ("It costs 3.50. See r1kit.dev.", 2),
        ("J. K. Rowling lives in the U.K. today.", 1),
        ("It was I. He knew.", 2),
        ("I said no. She left.", 2),
        ("1. First item.\n2. Second item.", 2),
        ("* a. One.\n* b. Two.", 2),
        ("Really?! Yes!!! Ok...", 3),
        ("wait... what. ok", 2),  # a lower-case word goes on after an ellipsis
        ("all small. as it was asked. plan b. the end.", 4),
        ("wait! what", 2),
        ("A title\n\nA sentence.", 1),  # a line break ends no sentence
        ("**Bold.** Plain.", 2),
        ("我们走吧。好的！真的吗？", 3),
        ("यह एक वाक्य है। यह दूसरा है।", 2),
        ("هل هذا صحيح؟ نعم.", 2),
    ],
)
def test_sentences(text, sentences):
    assert count_sentences(text) == sentences


@pytest.mark.parametrize(("text", "words"), [("", 0), ("a-b c_d don't", 5), ("नमस्ते दुनिया", 2), ("3.14 is π", 4)])
def test_words(text, words):
    assert count_words(text) == words


SENTENCES = {
    "en": "I went to the market this morning and bought some apples for my sister.",
    "de": "Ich bin heute Morgen auf den Markt gegangen und habe Äpfel für meine Schwester gekauft.",
    "fi": "Kävin tänä aamuna torilla ja ostin omenoita, mutta siskoni ei ollut kotona, kun tulin takaisin.",
    "it": "Questa mattina sono andato al mercato e ho comprato delle mele per mia sorella.",
    "pt": "Hoje de manhã fui ao mercado e comprei maçãs para a minha irmã, mas ela não estava em casa.",
    "es": "Esta mañana fui al mercado y compré unas manzanas para mi hermana, pero no estaba en casa.",
    "fr": "Ce matin je suis allé au marché et j'ai acheté des pommes pour ma sœur.",
    "nl": "Vanmorgen ben ik naar de markt gegaan en heb ik appels voor mijn zus gekocht.",
    "sv": "I morse gick jag till torget och köpte äpplen för att ge till min syster.",
    "pl": "Dziś rano poszedłem na targ i kupiłem jabłka dla siostry, ale nie było jej w domu.",
    "tr": "Bu sabah pazara gittim ve kız kardeşim için elma aldım.",
    "id": "Pagi ini saya pergi ke pasar dan membeli apel untuk adik saya.",
    "sw": "Leo asubuhi nilienda sokoni na nikanunua matunda kwa ajili ya dada yangu, lakini hakuwa nyumbani.",
    "vi": "Sáng nay tôi đã đi chợ và mua táo cho em gái của tôi.",
    "ru": "Сегодня утром я пошёл на рынок и купил яблоки для сестры, но её не было дома.",
    "bg": "Тази сутрин отидох на пазара и купих ябълки за сестра си, но тя не беше вкъщи.",
    "uk": "Сьогодні вранці я пішов на ринок і купив яблука для сестри, але її не було вдома.",
    "ar": "ذهبت هذا الصباح إلى السوق واشتريت التفاح من أجل أختي التي كانت في البيت.",
    "fa": "امروز صبح به بازار رفتم و برای خواهرم سیب خریدم که در خانه است.",
    "ur": "آج صبح میں بازار گیا اور اپنی بہن کے لیے سیب خریدے، لیکن وہ گھر پر نہیں تھی۔",
    "hi": "आज सुबह मैं बाज़ार गया और अपनी बहन के लिए सेब खरीदे, लेकिन वह घर पर नहीं थी।",
    "mr": "आज सकाळी मी बाजारात गेलो आणि माझ्या बहिणीसाठी सफरचंद घेतले, पण ती घरी नव्हती.",
    "ne": "आज बिहान म बजार गएँ र मेरो बहिनीको लागि स्याउ किनें, तर उनी घरमा थिइनन्, त्यसैले यो यहाँ छ।",
    "bn": "আজ সকালে আমি বাজারে গিয়েছিলাম।",
    "gu": "આજે સવારે હું બજારમાં ગયો હતો.",
    "kn": "ಇಂದು ಬೆಳಿಗ್ಗೆ ನಾನು ಮಾರುಕಟ್ಟೆಗೆ ಹೋದೆ.",
    "ko": "오늘 아침에 시장에 가서 사과를 샀다.",
    "pa": "ਅੱਜ ਸਵੇਰੇ ਮੈਂ ਬਾਜ਼ਾਰ ਗਿਆ ਸੀ।",
    "ta": "இன்று காலை நான் சந்தைக்குச் சென்றேன்.",
    "te": "ఈ రోజు ఉదయం నేను మార్కెట్‌కు వెళ్లాను.",
    "th": "เมื่อเช้านี้ฉันไปตลาดและซื้อแอปเปิ้ล",
    "ml": "ഇന്ന് രാവിലെ ഞാൻ ചന്തയിൽ പോയി.",
    "el": "Σήμερα το πρωί πήγα στην αγορά.",
    "he": "הבוקר הלכתי לשוק וקניתי תפוחים.",
    "ja": "今朝、市場に行って、妹のためにりんごを買いました。",
    "zh": "今天早上我去了市场，给我妹妹买了苹果，这是她最喜欢的。",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_in_its_language_and_in_no_other(language):
    said_to_be = [other for other in SENTENCES if not language_problem(SENTENCES[language], other)]
    assert said_to_be == [language]


def test_words_that_tell_no_language_are_english_or_chinese():
    assert [code for code in ("en", "de", "it", "fi") if not language_problem("GOODBYE MARS", code)] == ["en"]
    assert [code for code in ("zh", "ja", "ko") if not language_problem("雷霆", code)] == ["zh"]


def test_a_share_of_another_script_is_allowed_up_to_a_half():
    assert language_problem(SENTENCES["hi"] + " [name] from Hollywood", "hi") == ""
    assert language_problem(SENTENCES["ko"] + SENTENCES["en"], "ko").endswith("not more than half")


def test_every_published_row(shared_data):
    """All 541 rows and their 834 instructions build their checkers, and these tell an empty response."""
    problems = ifeval(str(shared_data / "ifeval" / "ifeval.jsonl.gz")).problems("eval")
    ids = Counter(instruction["id"] for problem in problems for instruction in problem.info["instructions"])
    assert (len(problems), ids.total()) == (541, 834)
    assert set(ids) == set(INSTRUCTIONS)
    for problem in problems:
        checkers = build_checkers(problem.info["instructions"])
        assert len(checkers) == len(problem.info["instructions"])
        score = judge_ifeval(problem, "")
        assert (score.value, set(score.parts)) == (0.0, set(checkers))
        assert judge_ifeval_loose(problem, "Sure, here it is.").value in (0.0, 1.0)


ROW = {"prompt": "Write.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": None}]}


def test_the_task(tmp_path):
    path = tmp_path / "ifeval.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROW).encode()))
    (strict,) = ifeval(str(path)).problems("eval")
    assert (strict.id, strict.prompt, strict.answer, strict.verifier) == ("ifeval/1", "Write.", NO_GOLD, "ifeval")
    assert strict.info == {"instructions": [{"id": "punctuation:no_comma", "kwargs": {}}]}
    (loose,) = ifeval(f"{path}?protocol=loose").problems("eval")
    assert loose.verifier == "ifeval_loose"
    with pytest.raises(DataError, match="no problems in its train split"):
        ifeval(str(path)).problems("train")


@pytest.mark.parametrize(
    ("argument", "row", "error", "message"),
    [
        ("", ROW, ConfigError, "needs its file"),
        ("{}?protocol=lose", ROW, ConfigError, "protocol is 'lose'; known: loose, strict. Did you mean 'loose'?"),
        ("{}?mode=loose", ROW, ConfigError, "no parameter 'mode'"),
        ("{}", ROW | {"kwargs": []}, DataError, r"rows\.jsonl:1: .* lists of the same length"),
        ("{}", ROW | {"kwargs": [None]}, DataError, "each of 'kwargs' must be an object"),
        ("{}", ROW | {"instruction_id_list": ["x"]}, DataError, r"rows\.jsonl:1: unknown instruction 'x'"),
        ("{}", ROW | {"prompt": ""}, DataError, "'prompt' is empty"),
    ],
)
def test_a_bad_spec_or_row_says_what_is_allowed(tmp_path, argument, row, error, message):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(error, match=message) as caught:
        ifeval(argument.format(path))
    assert "\n" not in str(caught.value)
