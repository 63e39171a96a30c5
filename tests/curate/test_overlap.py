from r1kit.curate.overlap import EvaluationPrompts, jaccard, shingles, words


def test_words_are_runs_of_letters_chinese_characters_and_signs():
    assert words("Tom's 3+5，用Python_3") == ["tom", "'", "s", "3", "+", "5", ",", "用", "python", "_", "3"]


def test_shingles_of_a_text_and_of_one_that_is_too_short():
    assert shingles("a b c d", 3) == {("a", "b", "c"), ("b", "c", "d")}
    assert shingles("a b", 3) == {("a", "b")}
    assert shingles(" \n", 3) == frozenset()


def test_jaccard_by_hand():
    # {ab, bc, cd} and {ab, bc, ce}: two of four
    assert jaccard(shingles("a b c d", 2), shingles("a b c e", 2)) == 0.5
    assert jaccard(frozenset(), frozenset()) == 1.0
    assert jaccard(shingles("a", 2), frozenset()) == 0.0


def test_overlap_with_evaluation_prompts():
    evaluation = EvaluationPrompts(["Compute 3 + 5 - 2", "What is red", "a b c d e f", "d e f g h i"], 4)
    assert evaluation.overlap("compute 3 + 5 - 2") == 1.0
    # compute 3 + 5 | 3 + 5 - | + 5 - 2 | 5 - 2 =: three of four
    assert evaluation.overlap("Compute 3 + 5 - 2 =") == 0.75
    assert evaluation.overlap("Compute 3 - 5 + 2") == 0.0
    assert evaluation.overlap("What is red") == 1.0
    assert evaluation.overlap("What is red and blue") == 0.0  # a short prompt overlaps with itself only
    # six 4-grams, of which one prompt has abcd, bcde, cdef and the other defg, efgh, fghi
    assert evaluation.overlap("a b c d e f g h i") == 0.5
    assert EvaluationPrompts([], 4).overlap("x") == 0.0
    assert evaluation.overlap("") == 0.0


def test_prompts_with_other_numbers_are_other_prompts():
    evaluation = EvaluationPrompts(["Write f in Python with f(0) = 5 and f(1) = 12"], 4)
    assert evaluation.overlap("Write f in Python with f(0) = 5 and f(1) = 14") == 0.0
    # 18 words have 15 4-grams; another second word is in two of them
    assert evaluation.overlap("Write g in Python with f(0) = 5 and f(1) = 12") == 13 / 15
