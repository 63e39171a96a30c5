"""Knights and knaves by trying every case: slow, and as close to the rules as can be."""

import ast
from itertools import product


def is_true(statement, is_knight):
    """Whether a statement of the data set holds, e.g. ("<=>", ("lying", 3), ("telling-truth", 6))."""
    kind, *parts = statement
    if kind == "telling-truth":
        return is_knight[parts[0]]
    if kind == "lying":
        return not is_knight[parts[0]]
    truth = [is_true(part, is_knight) for part in parts]
    if kind == "not":
        return not truth[0]
    if kind == "and":
        return all(truth)
    if kind == "or":
        return any(truth)
    if kind == "->":
        return not truth[0] or truth[1]
    assert kind == "<=>", kind
    return truth[0] == truth[1]


def solutions(statements_text):
    """All assignments under which knights, and only knights, say what is true; one statement a person."""
    statements = ast.literal_eval(statements_text)
    return [
        list(is_knight)
        for is_knight in product((False, True), repeat=len(statements))
        if all(is_true(statement, is_knight) == is_knight[i] for i, statement in enumerate(statements))
    ]
