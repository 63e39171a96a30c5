"""Arguments and results of calls: LeetCode's linked lists and trees as JSON has them, and back.

Used outside, to read a problem, and laid into the box beside `r1kit.rewards.code.driver`, so it imports nothing of
this package.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's, which would take 3 ms a box to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

MAX_NODES = 1_000_000
"""A linked list or a tree that goes on longer is taken for a circle."""


class ListNode:
    """LeetCode's linked list."""

    def __init__(self, val: Any = 0, next: ListNode | None = None) -> None:
        self.val, self.next = val, next


class TreeNode:
    """LeetCode's binary tree."""

    def __init__(self, val: Any = 0, left: TreeNode | None = None, right: TreeNode | None = None) -> None:
        self.val, self.left, self.right = val, left, right


def build_list(values: Sequence[Any], node_class: type = ListNode) -> Any:
    """The linked list of these values; None for none."""
    head = None
    for value in reversed(values):
        node = node_class(value)
        node.next, head = head, node
    return head


def build_tree(values: Sequence[Any], node_class: type = TreeNode) -> Any:
    """The tree of these values, level by level, null where a node has no child; None for none."""
    if not values or values[0] is None:
        return None
    root = node_class(values[0])
    parents, rest = [root], iter(values[1:])
    for node in parents:
        for side in ("left", "right"):
            value = next(rest, None)
            if value is not None:
                child = node_class(value)
                setattr(node, side, child)
                parents.append(child)
    return root


def list_values(head: Any) -> list[Any]:
    """The values of a linked list, the inverse of `build_list`."""
    values: list[Any] = []
    while head is not None:
        if len(values) > MAX_NODES:
            raise ValueError(f"a linked list of more than {MAX_NODES} nodes: is it a circle?")
        values.append(head.val)
        head = head.next
    return values


def tree_values(root: Any) -> list[Any]:
    """The values of a tree level by level, without the nulls at the end: the inverse of `build_tree`."""
    values: list[Any] = []
    nodes = [root]
    for node in nodes:
        if len(nodes) > MAX_NODES:
            raise ValueError(f"a tree of more than {MAX_NODES} nodes: is it a circle?")
        values.append(None if node is None else node.val)
        if node is not None:
            nodes += [node.left, node.right]
    while values and values[-1] is None:
        values.pop()
    return values


def plain(value: Any, kind: str | None = None, *, unordered: bool = False) -> Any:
    """A result as values that JSON has: tuples as lists, keys as text, sets only where the order is free.

    Raises:
        TypeError: any other type.
    """
    if kind is not None and kind.startswith("List["):
        return [plain(item, kind[5:-1]) for item in value]
    if kind is not None:
        return plain((list_values if kind == "ListNode" else tree_values)(value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple) or (unordered and isinstance(value, set | frozenset)):
        return [plain(item, unordered=unordered) for item in value]
    if isinstance(value, dict):
        return {key: plain(item, unordered=unordered) for key, item in value.items()}
    if type(value).__module__ == "numpy":
        return plain(value.tolist(), unordered=unordered)
    raise TypeError(f"the call returned a {type(value).__name__}, which is no JSON value")
