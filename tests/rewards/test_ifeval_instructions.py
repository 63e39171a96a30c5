"""For each of the 25 instructions: responses that follow it and responses that do not, with the reason."""

import time

import pytest

from r1kit.rewards.ifeval import INSTRUCTIONS

CASES = [
    # id, kwargs, [responses that follow it], [(response that does not, reason)]
    (
        "keywords:existence",
        {"keywords": ["mom", "mother"]},
        ["My MOM is a mother.", "Grandmother and moment"],  # inside longer words too, as published
        [("My mom.", "lacks 'mother'"), ("Dad.", "lacks 'mom', 'mother'"), ("m-o-m mother", "lacks 'mom'")],
    ),
    (
        "keywords:existence",
        {"keywords": ["c++"]},  # no regular expression
        ["I like C++."],
        [("I like ccc.", "lacks 'c++'")],
    ),
    (
        "keywords:frequency",
        {"keyword": "war", "frequency": 2, "relation": "at least"},
        ["War and war.", "Toward war, wary"],
        [("War.", "1 times 'war', not at least 2"), ("w a r", "0 times 'war', not at least 2")],
    ),
    (
        "keywords:frequency",
        {"keyword": "aa", "frequency": 2, "relation": "less than"},
        ["aaa", "a a a", "none"],  # occurrences do not overlap
        [("aa aa", "2 times 'aa', not less than 2")],
    ),
    (
        "keywords:forbidden_words",
        {"forbidden_words": ["rock", "BC"]},
        ["Rocky rocks in bcd", "A stone.", "rock_et"],
        [("It ROCKS, this Rock!", "has the forbidden word 'rock'"), ("In 44 bc.", "has the forbidden word 'BC'")],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "o", "let_frequency": 3, "let_relation": "at least"},
        ["oOo", "Too cool"],
        [("oo", "2 times 'o', not at least 3"), ("0 0 0", "0 times 'o', not at least 3")],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": "less than"},
        ["#one", "none"],
        [("#one #two", "2 times '#', not less than 2")],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 4, "relation": "at least"},
        ["one two three four", "well-known, isn't it", "मैं हिंदी में लिखता हूं"],
        [("one two three", "3 words, not at least 4"), ("... --- ...", "0 words, not at least 4")],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 4, "relation": "less than"},
        ["one two three", "one\n\ntwo * three"],
        [("one two three four", "4 words, not less than 4"), ("don't don't", "4 words, not less than 4")],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "at least"},
        ["One. Two.", "One! Two", "Is it? Yes", "第一句。第二句。"],
        [("One.", "1 sentences, not at least 2"), ("Dr. Who costs 3.50 e.g. here", "1 sentences, not at least 2")],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "less than"},
        ["One.", "1. One item", "J. K. Rowling wrote it...", "a line\nanother line"],
        [("One. Two.", "2 sentences, not less than 2"), ("Hm... Well.", "2 sentences, not less than 2")],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["One\n***\nTwo", "One *** Two", "***\nOne\n\nstill one\n***\nTwo\n***"],
        [
            ("One\n\nTwo", "1 paragraphs between ***, not 2"),
            ("One\n***\n***\nTwo", "an empty paragraph between two ***"),
            ("One\n******\nTwo", "1 paragraphs between ***, not 2"),
            ("One\n***\nTwo\n***\nThree", "3 paragraphs between ***, not 2"),
        ],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "president"},
        ["One.\n\nPresident Ann", 'One.\n\n\n\n"President," he said', "One.\n \n**President** Ann"],
        [
            ("One.\n\nThe president", "paragraph 2 starts with 'The'"),
            ("One.\n\nPresidents", "paragraph 2 starts with 'Presidents'"),
            ("One.\nPresident", "1 paragraphs, not 2"),
            ("One.\n\n*** President", "paragraph 2 starts with ''"),
        ],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["NASA and ESA", "I am A man", "HIGH-END DON'T"],
        [("NASA only", "1 words in capitals, not at least 2"), ("Nasa Esa 123", "0 words in capitals, not at least 2")],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        ["NASA only", "I'm Ann"],
        [("I know NASA", "2 words in capitals, not less than 2")],
    ),
    (
        "change_case:english_capital",
        {},
        ["THIS IS ENGLISH, IN CAPITALS.", "GOODBYE MARS 2!"],
        [
            ("THIS IS ENGLISh", "has the lower-case letter 'h'"),
            ("DAS IST NICHT ENGLISCH UND DAS IST GUT", "reads like 'de', not 'en'"),
            ("123", "has no letters"),
        ],
    ),
    (
        "change_case:english_lowercase",
        {},
        ["this is english, in small letters.", "goodbye mars 2!"],
        [
            ("this Is english", "has the upper-case letter 'I'"),
            ("das ist nicht englisch und das ist gut", "reads like 'de', not 'en'"),
            ("это не английский", "0% of its letters are of the script of 'en', not more than half"),
        ],
    ),
    (
        "punctuation:no_comma",
        {},
        ["No commas; not one.", "1.000"],
        [("Yes, one", "has a comma ','"), ("有，一个", "has a comma '，'"), ("نعم، واحدة", "has a comma '،'")],
    ),
    (
        "language:response_language",
        {"language": "de"},
        ["Das ist ein Satz auf Deutsch.", "Liebe [Name], wir sind sehr froh über den Brief."],
        [
            ("This is a sentence in English.", "reads like 'en', not 'de'"),
            ("Dit is een zin in het Nederlands en niet in het Duits.", "reads like 'nl', not 'de'"),
            ("Это предложение", "0% of its letters are of the script of 'de', not more than half"),
            ("Hmm", "no word tells that it is 'de'"),
        ],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* one\n* two", "Text\n  - one\n- two\nText *x*"],
        [
            ("* one", "1 bullet points, not 2"),
            ("* one\n* two\n* three", "3 bullet points, not 2"),
            ("*one*\n**two**\n---\n*\n", "0 bullet points, not 2"),
            ("1. one\n2. two", "0 bullet points, not 2"),
        ],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*one* and **two words**", "***one*** *two* *three*"],
        [
            ("*one*", "1 highlighted sections, not at least 2"),
            ("* one\n* two", "0 highlighted sections, not at least 2"),
            ("** ** ** **", "0 highlighted sections, not at least 2"),
            ("*one\ntwo* 2 * 3 * 4", "0 highlighted sections, not at least 2"),
        ],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        ["SECTION 1\nOne\nSECTION 2\nTwo", "**SECTION 1:** One\n\n**SECTION 2:** Two\n\n**SECTION 3:** Three"],
        [
            ("SECTION 1\nOne", "1 of 2 sections headed SECTION 1, 2 ..."),
            ("SECTION 1 SECTION 2", "0 of 2 sections headed SECTION 1, 2 ..."),
            ("SECTION 1 x SECTION 1 x", "1 of 2 sections headed SECTION 1, 2 ..."),
            ("Section 1 x Section 2 x", "0 of 2 sections headed SECTION 1, 2 ..."),
        ],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": 1}', '```json\n{"a": [1, 2]}\n```', "```\n[]\n```"],
        [
            ('Here: {"a": 1}', "not JSON: Expecting value at line 1 column 1"),
            ('{"a": 1} done', "not JSON: text after the JSON value at line 1 column 10"),
            ('```json\n{"a": 1}\n```\nDone.', "not JSON: text outside its code block"),
            ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
            ("12", "a lone JSON value, not an object or array"),
        ],
    ),
    (
        "detectable_format:title",
        {},
        ["<<My day>>\nText", "Text <<x>> text"],
        [("<My day>", "no <<title>>"), ("<<  >>", "no <<title>>"), ("<<My\nday>>", "no <<title>>")],
    ),
    (
        "detectable_format:constrained_response",
        {},
        ["My answer is yes.", "Well. My answer is maybe. Really."],
        [
            ("Yes.", "has none of the three answers"),
            ("my answer is yes", "has none of the three answers"),
            (
                "My answer is yes. My answer is no.",
                "has 'My answer is yes.' and 'My answer is no.' of the three answers",
            ),
        ],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["[name], [address line]", "[[name]] and [x] and [y]"],
        [
            ("[name]", "1 placeholders, not at least 2"),
            ("[] [ ] [name]", "1 placeholders, not at least 2"),
            ("[a](b.c) [d](e.f)", "0 placeholders, not at least 2"),
            ("(name) {address}", "0 placeholders, not at least 2"),
        ],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Bye.\n\nP.S. Bring cake.", "Bye. p. s. Bring cake.", "Bye\n**P.S.** Cake"],
        [
            ("Bye.", "no postscript that begins with P.S."),
            ("Bye.\nP.S.", "no postscript that begins with P.S."),
            ("Bye.\nPS Bring cake.", "no postscript that begins with P.S."),
            ("Bye.\nP.P.S. Bring cake.", "no postscript that begins with P.S."),
        ],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["Bye.\nP.P.S Cake", "Bye.\nP.P.S. Cake", "Bye.\np. p. s: cake"],
        [("Bye.\nP.S. Cake", "no postscript that begins with P.P.S")],
    ),
    (
        "combination:two_responses",
        {},
        ["One\n******\nTwo", "******\nOne ****** Two\n******"],
        [
            ("One", "1 responses between ******, not 2"),
            ("One ****** Two ****** Three", "3 responses between ******, not 2"),
            ("One\n******\n one ", "the two responses are the same"),
            ("One *** Two", "1 responses between ******, not 2"),
            ("One ****** ****** Two", "an empty response between two ******"),
        ],
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": "Write a  haiku.\nUse no commas."},
        ["Write a haiku. Use no commas.\n\nStill pond", "WRITE A HAIKU.\nUSE NO COMMAS. STILL POND"],
        [
            ("Still pond", "does not begin with the request"),
            ("Sure! Write a haiku. Use no commas. Still pond", "does not begin with the request"),
            ("Write a haiku. Use no commas.", "nothing after the request"),
            ("Write haiku. Use no commas. Still pond", "does not begin with the request"),
        ],
    ),
    (
        "startend:end_checker",
        {"end_phrase": "Is there anything else I can help with?"},
        ["Done. Is there anything else I can help with?", '"Done. IS THERE ANYTHING ELSE I CAN HELP WITH?"\n'],
        [
            (
                "Is there anything else I can help with? Bye",
                "does not end in 'Is there anything else I can help with?'",
            ),
            ("Is there anything else I can help with", "does not end in 'Is there anything else I can help with?'"),
            ("Anything else?", "does not end in 'Is there anything else I can help with?'"),
        ],
    ),
    (
        "startend:quotation",
        {},
        ['"All of it."', ' "One\n\ntwo" \n', "“All of it.”"],
        [
            ('"Half" of it', "not between double quotation marks"),
            ("'All of it.'", "not between double quotation marks"),
            ('"', "not between double quotation marks"),
            ('""', "not between double quotation marks"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("name", "kwargs", "response"), [(name, kwargs, text) for name, kwargs, good, _ in CASES for text in good]
)
def test_followed(name, kwargs, response):
    assert INSTRUCTIONS[name](**kwargs)(response) == ""


@pytest.mark.parametrize(
    ("name", "kwargs", "response", "reason"),
    [(name, kwargs, text, reason) for name, kwargs, _, bad in CASES for text, reason in bad],
)
def test_not_followed(name, kwargs, response, reason):
    assert INSTRUCTIONS[name](**kwargs)(response) == reason


def test_each_instruction_has_cases():
    assert {name for name, *_ in CASES} == set(INSTRUCTIONS)
    assert len(INSTRUCTIONS) == 25
    for name in INSTRUCTIONS:
        assert sum(len(good) + len(bad) for other, _, good, bad in CASES if other == name) >= 5


@pytest.mark.parametrize("name", INSTRUCTIONS)
@pytest.mark.parametrize(
    "piece", ["*", "[", "<<", "```", "P.", " \n", "******", "SECTION 1", '"', "a", "。", "1. ", "? ", "\t"]
)
def test_hostile_responses_cost_nothing(name, piece):
    kwargs = next(kwargs for other, kwargs, *_ in CASES if other == name)
    check = INSTRUCTIONS[name](**kwargs)
    start = time.perf_counter()
    for response in (piece * (20_000 // len(piece)), piece + "a" * 20_000, piece * (20_000 // len(piece)) + "x"):
        assert isinstance(check(response), str)
    assert time.perf_counter() - start < 20
