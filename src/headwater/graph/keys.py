"""Which columns tell the rows of a node's table apart, as the project says.

What a merge goes by first, then what a constraint promises, then what a test looks for.
"""

from collections.abc import Iterator

from headwater.base.codec import Json
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode, Graph
from headwater.project.contracts import constraints_of

_COMBINED = "unique_combination_of_columns"


def key_of(graph: Graph, relation: TableName) -> tuple[str, ...]:
    """Return the columns of a table's key; empty when the project does not say."""
    wanted = str(relation).lower()
    for compiled in graph.nodes.values():
        node = compiled.node
        if node.relation is not None and str(node.relation).lower() == wanted:
            return next(_keys(graph, compiled), ())
    return ()


def _keys(graph: Graph, compiled: CompiledNode) -> Iterator[tuple[str, ...]]:
    node = compiled.node
    if key := _names(node.config.get("unique_key")):
        yield key
    for constraint in constraints_of(node):
        if constraint.kind in {"primary_key", "unique"} and constraint.columns:
            yield constraint.columns
    for other in graph.nodes.values():
        test = other.node.test
        if test is None or test.attached_node != node.unique_id or other.node.config.get("where"):
            continue
        if test.name == "unique" and test.column:
            yield (test.column,)
        elif test.name == _COMBINED:
            yield from filter(None, [_names(test.arguments.get("combination_of_columns"))])


def _names(value: Json) -> tuple[str, ...]:
    """Return names of columns; nothing for what is an expression."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        return ()
    names = tuple(each.strip() for each in listed if isinstance(each, str))
    return names if len(names) == len(listed) and all(each.isidentifier() for each in names) else ()
