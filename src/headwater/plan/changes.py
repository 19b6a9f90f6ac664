"""Fourth pass: the plan's head lines, one change a node: what is new, other or gone."""

from collections.abc import Iterator
from dataclasses import replace

from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Difference, Draft
from headwater.plan.inputs import is_test
from headwater.plan.plan import Change
from headwater.plan.state import DeployedNode

NAMED_MAX = 4
"""How many readers of a removed node are named."""


def list_changes(draft: Draft) -> Draft:
    """Fill ``changes``: in the graph's order, removed nodes last."""
    changes = (*_present(draft), *_removed(draft))
    return replace(draft, changes=changes)


def _present(draft: Draft) -> Iterator[Change]:
    for node, difference in draft.differences.items():
        compiled = draft.compiled(node)
        if difference.kind != "formatting" and draft.decisions[node].how == "skip":
            continue  # not asked for: the plan leaves it as it is
        match difference.kind:
            case "new" if not is_test(compiled):
                yield Change(node=node, sign="+", lines=(_new_line(compiled),), breaking=False)
            case "changed":
                yield Change(node=node, sign="~", lines=difference.lines, breaking=False)
            case "formatting":
                lines = ("only formatting or comments changed",)
                yield Change(node=node, sign="~", lines=lines, breaking=False)
            case _:
                pass


def _new_line(compiled: CompiledNode) -> str:
    if compiled.node.resource_type == "model":
        kind = compiled.node.materialized
        return f"new {kind if kind in {'table', 'view'} else f'{kind} table'}"
    return f"new {compiled.node.resource_type}"


def _removed(draft: Draft) -> Iterator[Change]:
    if draft.options.selected is not None:
        return
    for node, deployed in sorted(draft.state.deployed.items()):
        if node in draft.graph.nodes:
            continue
        lines = tuple(_removed_lines(draft, deployed))
        yield Change(node=node, sign="-", lines=lines, breaking=False)


def _removed_lines(draft: Draft, deployed: DeployedNode) -> Iterator[str]:
    relation = deployed.relation
    if relation is None:
        yield "left the project; runs no more"
        return
    kind = "view" if deployed.materialized == "view" else "table"
    yield f"left the project; its {kind} {relation} is kept as it is"
    readers = [
        draft.compiled(node).node.name
        for node, compiled in draft.graph.nodes.items()
        if relation in compiled.reads
    ]
    if readers:
        more = f" and {len(readers) - NAMED_MAX} more" if len(readers) > NAMED_MAX else ""
        yield f"still read by {', '.join(readers[:NAMED_MAX])}{more}"


def is_changed(difference: Difference | None) -> bool:
    """Say whether a node's meaning differs from what is deployed."""
    return difference is not None and difference.kind == "changed"
