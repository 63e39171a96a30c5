"""Logic, science and code of the scale model: puzzles worked by hand, true facts, gold answers that pass."""

from collections import Counter
from itertools import permutations, product

import pytest
from rewards.code_boxes import any_box

from r1kit.rewards.accuracy import VERIFIERS, code_job
from r1kit.rewards.code import CodeVerifier
from r1kit.seeding import rng
from r1kit.tasks.nano import DOMAINS, LANGUAGES, NanoTask, code, logic, science
from r1kit.tasks.nano.base import part_of

PARTS = ("pretrain", "train", "eval")
NEW = ("logic", "science", "code")
SWAP = logic.Content("swap", (1, 2, 3), ((0, 1), (1, 2)), 1, (0, 2, 5))
ORDER = logic.Content("order", (3, 2, 1, 4), ((1, 2), (3, 2), (0, 1)), 1, (0,))
KNIGHTS = logic.Content("knights", (1, 2, 3), ((1, 2), (0, 1)), 1, truths=(False, False, True))
LEGS = science.Content("legs", "sum", ((2, "spider"), (1, "ant")), (20, 22, 26, 18))
DENSEST = science.Content("density", "most", ((1, "iron"), (1, "gold"), (1, "ice"), (1, "glass")))
FLOATS = science.Content("density", "floats", DENSEST.items, liquid="water")


@pytest.mark.parametrize(
    ("domain", "content", "language", "prompt", "gold"),
    [
        # ball cup pen, cup ball pen, cup pen ball
        (
            "logic",
            SWAP,
            "en",
            "Ann: ball, Ben: cup, Mia: pen. Ann and Ben swap. Ben and Mia swap. Say what Ben has now",
            "pen",
        ),
        (
            "logic",
            SWAP,
            "zh",
            "小红：球，小刚：杯子，小丽：笔。小红和小刚交换。小刚和小丽交换。说出小刚现在有什么",
            "笔",
        ),
        # Mia > Ben > Ann > Sam
        (
            *("logic", ORDER, "en"),
            "Ben is older than Ann. Sam is younger than Ann. Mia is older than Ben. Name the second oldest",
            "Ben",
        ),
        ("logic", ORDER, "zh", "小刚比小红大。小华比小红小。小丽比小刚大。说出第二大的人", "小刚"),
        # Ben lies, so Mia is what he denies; Ann calls Ben, who lies, a knight: she lies
        (
            *("logic", KNIGHTS, "en"),
            "Knights tell the truth, knaves lie. Ben is a knave. Ben says Mia is a knave. Ann says Ben is a knight. "
            "Say who is what",
            "Ann: knave, Ben: knave, Mia: knight",
        ),
        # 2 * 8 + 6 = 22
        ("science", LEGS, "en", "Choose how many legs 2 spiders and 1 ant have. A: 20, B: 22, C: 26, D: 18", "B"),
        ("science", LEGS, "zh", "选出 2 只蜘蛛和 1 只蚂蚁共有几条腿。A：20，B：22，C：26，D：18", "B"),
        ("science", DENSEST, "en", "Choose the densest. A: iron, B: gold, C: ice, D: glass", "B"),
        ("science", FLOATS, "zh", "选出能浮在水上的。A：铁，B：金，C：冰，D：玻璃", "C"),
        (
            *("code", code.Content("examples", (3, 2)), "en"),
            "Write f(x) = a * x + b in Python with f(1) = 5 and f(2) = 8",
            "```python\ndef f(x):\n    return 3 * x + 2\n```",
        ),
        (
            *("code", code.Content("examples", (5, 2, 3)), "zh"),
            "用 Python 写 f(x, y) = a * x + b * y + c，使 f(0, 0) = 3，f(1, 0) = 8，f(0, 1) = 5",
            "```python\ndef f(x, y):\n    return 5 * x + 2 * y + 3\n```",
        ),
        (
            *("code", code.Content("steps", steps=(("+", 3), ("*", 2), ("**", 2))), "en"),
            "Write f(x) in Python: add 3, then double, then square",
            "```python\ndef f(x):\n    x = x + 3\n    x = x * 2\n    x = x * x\n    return x\n```",
        ),
    ],
)
def test_problems_by_hand(domain, content, language, prompt, gold):
    problem = DOMAINS[domain].render(content, language, rng("words"))
    assert (problem.prompt, problem.answer, problem.language) == (prompt, gold, language)


def test_ranks_have_words_at_both_ends():
    youngest = logic.Content("order", (3, 2, 1, 4), ORDER.pairs, 3, (0,))
    prompt, answer = (lambda p: (p.prompt, p.answer))(logic.render(youngest, "en", rng("words")))
    assert prompt.endswith("Name the youngest")
    assert answer == "Sam"
    assert logic.render(youngest, "zh", rng("words")).prompt.endswith("说出最小的人")


def test_a_function_is_called_with_three_values_and_the_outputs_are_right():
    problem = code.render(code.Content("steps", steps=(("+", 3), ("*", 2), ("-", 1))), "en", rng("words"))
    assert [(test["input"], test["output"]) for test in problem.info["tests"]] == [([1], 7), ([3], 11), ([8], 21)]
    plane = code.render(code.Content("examples", (5, 2, 3)), "en", rng("words"))
    # 5 + 6 + 3, 15 + 16 + 3, 40 + 2 + 3
    assert [(test["input"], test["output"]) for test in plane.info["tests"]] == [
        ([1, 3], 14),
        ([3, 8], 34),
        ([8, 1], 45),
    ]


def test_keys_ignore_names_language_and_options_but_not_the_structure():
    others = logic.Content("swap", (0, 4, 5), SWAP.pairs, 1, (3, 1, 4))
    assert others.key == SWAP.key
    assert logic.Content("swap", SWAP.people, ((1, 2), (0, 1)), 1, SWAP.things).key != SWAP.key
    assert science.Content("legs", "sum", ((1, "ant"), (2, "spider")), (22, 24, 26, 28)).key == LEGS.key
    assert science.Content("density", "most", DENSEST.items[::-1]).key == DENSEST.key
    assert len({DENSEST.key, FLOATS.key, LEGS.key}) == 3
    liar = logic.Content("knights", KNIGHTS.people, KNIGHTS.pairs, 1, truths=(True, True, True))
    assert liar.key != KNIGHTS.key


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_parts_of_every_domain_are_disjoint(domain):
    keys = {
        part: {DOMAINS[domain].draw(rng("disjoint", domain, part, i), part).key for i in range(600)} for part in PARTS
    }
    for part in PARTS:
        assert {part_of(key) for key in keys[part]} == {part}
    assert not keys["pretrain"] & keys["train"]
    assert not keys["eval"] & (keys["pretrain"] | keys["train"])


def test_families_belong_to_one_domain_and_say_so():
    families = [family for domain in DOMAINS.values() for family in domain.families]
    assert len(set(families)) == len(families) == 4 + 3 + 3 + 2
    for name, domain in DOMAINS.items():
        assert {p.task for p in NanoTask((name,), num_eval=64).problems("eval")} == set(domain.families)


def test_domains_come_in_turn_and_a_larger_set_begins_with_the_same_problems():
    problems = NanoTask(num_eval=40).problems("eval")
    families = [{family: name for name in DOMAINS for family in DOMAINS[name].families}[p.task] for p in problems]
    assert families == ["math", "logic", "science", "code"] * 10
    assert list(NanoTask(num_eval=80).problems("eval"))[:40] == list(problems)
    assert list(NanoTask(("logic",), num_eval=10).problems("eval")) == list(problems[1::4])
    assert len({p.id for p in problems}) == len({p.prompt for p in problems}) == 40
    assert Counter(p.language for p in NanoTask(num_eval=400).problems("eval"))["zh"] == pytest.approx(200, abs=40)


def solve_knights(problem):
    """All assignments of roles that no statement contradicts, by trying each."""
    words = problem.prompt.replace("，", ", ").replace("。", ". ")
    names, solutions = problem.info["names"], []
    for truths in product((True, False), repeat=len(names)):
        is_knight = dict(zip(names, truths, strict=True))
        good = True
        for sentence in words.split(". ")[1:-1]:
            text = sentence.replace("骑士", " is a knight").replace("无赖", " is a knave")
            said = text.endswith("knight")
            people = [
                text[at : at + len(name)] for at in range(len(text)) for name in names if text.startswith(name, at)
            ]
            holds = is_knight[people[-1]] == said
            good &= holds if len(people) == 1 else is_knight[people[0]] == holds
        if good:
            solutions.append(is_knight)
    return solutions


def test_every_knights_puzzle_has_the_gold_answer_as_its_one_solution():
    problems = [p for p in NanoTask(("logic",), num_eval=120).problems("eval") if p.task == "knights"]
    assert len(problems) > 20
    for problem in problems:
        (solution,) = solve_knights(problem)
        said = ", ".join(f"{name}: {'knight' if truth else 'knave'}" for name, truth in solution.items())
        assert VERIFIERS["knights_and_knaves"](problem, said).value == 1.0


def test_every_order_has_the_gold_answer_by_trying_all_orders():
    problems = [
        p for p in NanoTask(("logic",), num_eval=200).problems("eval") if p.task == "order" and p.language == "en"
    ]
    assert len(problems) > 20
    places = {"second": 1, "third": 2, "fourth": 3}
    for problem in problems:
        *facts, question = problem.prompt.split(". ")
        said = [(text.split()[0], text.split()[2], text.split()[4]) for text in facts]
        more = [(a, b) if word in ("older", "taller", "faster") else (b, a) for a, word, b in said]
        people = sorted({name for pair in more for name in pair})
        (order,) = [o for o in permutations(people) if all(o.index(a) < o.index(b) for a, b in more)]
        last = question.split()[-1] in ("youngest", "shortest", "slowest")
        place = len(order) - 1 if last else places.get(question.split()[2], 0)
        assert problem.answer == order[place]


def test_multiple_choice_has_four_different_options_and_one_is_right():
    for problem in NanoTask(("science",), num_eval=300).problems("eval"):
        assert len(set(problem.info["choices"])) == 4
    for i in range(300):
        content = science.draw_content(rng("options", i), "train")
        if content.ask == "sum":
            assert content.total <= 30
            assert content.numbers.count(content.total) == 1
        elif content.liquid:
            assert [content.fits(value) for value in content.values].count(True) == 1
        else:
            assert len(set(content.values)) == 4  # no ties


def test_facts():
    assert [element.value for element in science.ELEMENTS.values()] == list(range(1, 13))
    assert {name: animal.value for name, animal in science.ANIMALS.items()} == {
        **{"snake": 0, "hen": 2, "duck": 2, "dog": 4, "cat": 4, "frog": 4},
        **{"ant": 6, "bee": 6, "beetle": 6, "spider": 8, "scorpion": 8},
    }
    floating = [name for name, solid in science.SOLIDS.items() if solid.value < science.LIQUIDS["water"].value]
    assert floating == ["cork", "pine", "oak", "ice"]
    sinking = [name for name, solid in science.SOLIDS.items() if solid.value > science.LIQUIDS["mercury"].value]
    assert sinking == ["gold", "platinum"]
    for table in (*science.TABLES.values(), science.LIQUIDS):
        assert len({thing.words["zh"] for thing in table.values()}) == len(table)


@pytest.mark.parametrize("domain", ["math", "logic", "science"])
def test_gold_answers_pass_their_verifiers(domain):
    for problem in NanoTask((domain,), num_eval=200).problems("eval"):
        score = VERIFIERS[problem.verifier](problem, problem.answer)
        assert score.value == 1.0, (problem.prompt, score.reason)


def test_gold_programs_pass_in_both_templates_and_others_do_not():
    problems = NanoTask(("code",), num_eval=6).problems("eval")
    forms = (" <think> x </think> <answer> {} </answer>", " |special_token| x |special_token| The answer is:\n{}")
    jobs = [code_job(problem, form.format(problem.answer)) for problem in problems for form in forms]
    wrong = [code_job(problem, problem.answer.replace("return ", "return 1 + ")) for problem in problems]
    verifier = CodeVerifier(any_box())
    assert [score.value for score in verifier.verify_many(jobs)] == [1.0] * 12
    assert [score.value for score in verifier.verify_many(wrong)] == [0.0] * 6


def test_every_content_renders_in_both_languages():
    for domain in NEW:
        for i in range(100):
            content = DOMAINS[domain].draw(rng("languages", domain, i), "train")
            prompts = {language: DOMAINS[domain].render(content, language, rng("w")).prompt for language in LANGUAGES}
            assert prompts["en"].isascii()
            assert any("\u4e00" <= character <= "\u9fff" for character in prompts["zh"])
