"""Lists and trees of nodes, and results, as JSON has them."""

import json
from collections import Counter, OrderedDict, namedtuple
from enum import IntEnum

import numpy as np
import pytest

from r1kit.rewards.code.values import TreeNode, build_list, build_tree, list_values, plain, tree_values


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3], [0, 0], [None, 1]])
def test_a_list_of_nodes_and_back(values):
    assert list_values(build_list(values)) == values


@pytest.mark.parametrize(
    ("values", "back"),
    [
        ([], []),
        ([1], [1]),
        ([1, 2, 3], [1, 2, 3]),
        ([1, None, 2, 3], [1, None, 2, 3]),  # the null has no children in the list
        ([5, 4, 7, 3, None, 2, None, -1, None, 9], [5, 4, 7, 3, None, 2, None, -1, None, 9]),
        ([1, 2, None, None, None], [1, 2]),
        ([None], []),
    ],
)
def test_a_tree_and_back(values, back):
    assert tree_values(build_tree(values)) == back


def test_a_tree_by_hand():
    root = TreeNode(1, None, TreeNode(2, TreeNode(3)))
    assert tree_values(root) == [1, None, 2, 3]
    built = build_tree([1, None, 2, 3])
    assert (built.left, built.right.val, built.right.left.val, built.right.right) == (None, 2, 3, None)


def test_circles_end():
    node = build_list([1])
    node.next = node
    with pytest.raises(ValueError, match="circle"):
        list_values(node)
    root = TreeNode(1)
    root.left = root
    with pytest.raises(ValueError, match="circle"):
        tree_values(root)


class Colour(IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, (2, [3])), "[1, [2, [3]]]"),
        ({"a": (1,), 2: None}, '{"a": [1], "2": null}'),
        (True, "true"),
        (Colour.RED, "3"),
        (namedtuple("P", "x y")(1, 2), "[1, 2]"),
        (Counter("aab"), '{"a": 2, "b": 1}'),
        (OrderedDict(b=1), '{"b": 1}'),
        (np.int64(5), "5"),
        (np.array([[1.5], [2.0]]), "[[1.5], [2.0]]"),
    ],
)
def test_results_as_json(value, text):
    assert json.dumps(plain(value)) == text


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x", 1j, iter([1]), [range(3)], {"a": {1}}])
def test_what_json_lacks_is_refused(value):
    with pytest.raises(TypeError, match="which is no JSON value"):
        plain(value)


def test_sets_are_lists_where_the_order_is_free():
    assert sorted(plain({3, 1}, unordered=True)) == [1, 3]
    assert plain([build_list([1, 2]), None], "List[ListNode]") == [[1, 2], []]
    assert plain(None, "TreeNode") == []
