"""What nodes are called in a plan: short enough to read, with the kind where names alone mislead.

A generic test's own name repeats its model, its column and all its arguments; in front of people
``not_null(revenue_eur)`` says the same.
"""

from collections.abc import Iterable

from headwater.base.ids import NodeId

NAME_MAX = 48
"""Longer names of tests are cut."""

_PLAIN = frozenset({"model", "snapshot", "seed", "source"})
_TESTS = frozenset({"test", "unit_test"})


def kind_of(node: NodeId) -> str:
    """Return the kind of a node for people; empty where the name alone will do."""
    kind = node.partition(".")[0]
    return "" if kind in _PLAIN else kind.replace("_", " ")


def short_label(node: NodeId, name: str, tested: Iterable[str]) -> str:
    """Return a node's name, a test's shortened.

    Args:
        node: unique_id.
        name: Its name.
        tested: Names of the models that it may be a test of; of a source's table, the source's
            name and the table's as one: ``raw_orders``.
    """
    if node.partition(".")[0] not in _TESTS:
        return name
    for model in tested:
        test, middle, rest = name.partition(f"_{model}")
        if middle and test:
            column = rest.strip("_").split("__")[0]
            test = test.removeprefix("source_")
            return _cut(f"{test}({column})" if column else f"{test}({model})")
    return _cut(name)


def full_label(node: NodeId, name: str, tested: Iterable[str]) -> str:
    """Return the kind and the short label: ``test not_null(id)``, ``metric revenue``."""
    return f"{kind_of(node)} {short_label(node, name, tested)}".strip()


def _cut(name: str) -> str:
    return name if len(name) <= NAME_MAX else name[: NAME_MAX - 3] + "..."
