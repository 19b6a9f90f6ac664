"""Which tests a project declares of a node: what the rules about keys ask.

Tests are recognised by name; what a singular test proves is not known.
"""

from collections.abc import Iterable, Mapping

from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.project.node import TestInfo


def tests_by_node(graph: Graph) -> Mapping[NodeId, list[TestInfo]]:
    """Return the generic tests by the node that declares them."""
    found: dict[NodeId, list[TestInfo]] = {}
    for compiled in graph.nodes.values():
        test = compiled.node.test
        if test is not None and test.attached_node is not None:
            found.setdefault(test.attached_node, []).append(test)
    return found


def columns_tested(tests: Iterable[TestInfo], name: str) -> set[str]:
    """Return the columns, in lower case, that have a test of this name."""
    return {(test.column or "").lower() for test in tests if test.name == name}


def combination_of(test: TestInfo) -> frozenset[str]:
    """Return the columns that a test holds to be a key together, in lower case."""
    listed: Json = test.arguments.get("combination_of_columns")
    return frozenset(str(each).lower() for each in listed) if isinstance(listed, list) else _NONE


_NONE: frozenset[str] = frozenset()


def keys_declared(tests: Iterable[TestInfo]) -> set[frozenset[str]]:
    """Return the keys that tests hold a node to, each as its columns in lower case."""
    known = list(tests)
    single = columns_tested(known, "unique") | columns_tested(known, "primary_key")
    keys = {frozenset({column.strip('"')}) for column in single}
    return (keys | {combination_of(test) for test in known}) - {frozenset(), frozenset({""})}
