"""Inputs that exist nowhere and that the plan does not build: one finding each, with its readers.

A source that was never loaded is one fault, however many models and tests read it.
"""

from collections.abc import Iterable, Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.plan.draft import Draft
from headwater.plan.options import TEST_TYPES

READERS_SHOWN = 3


def missing_inputs(draft: Draft, nodes: Iterable[NodeId]) -> Iterator[Diagnostic]:
    """Report every relation that a step would read and that will not be there.

    Args:
        draft: With the decisions made.
        nodes: Nodes with a step, in order.
    """
    readers: dict[TableName, list[NodeId]] = {}
    for node in nodes:
        if draft.decisions[node].how == "skip":
            continue
        for relation in draft.index.reads[node]:
            producer = draft.index.producers.get(relation)
            if str(relation) not in draft.state.tables and not (
                producer and draft.is_built(producer)
            ):
                readers.setdefault(relation, []).append(node)
    for relation, found in readers.items():
        yield _finding(draft, relation, found)


def _finding(draft: Draft, relation: TableName, readers: list[NodeId]) -> Diagnostic:
    producer = draft.index.producers.get(relation)
    decision = draft.decisions.get(producer) if producer else None
    first = draft.compiled(readers[0]).node
    declared = draft.compiled(producer).node if producer else first
    name = str(relation).lstrip(".")  # a bare name has neither catalog nor schema
    if decision is None:
        fix = "load it, or correct the source's schema, identifier or external_location"
    else:
        fix = f"select it too: `+{first.name}`"
    return Diagnostic(
        code="input-not-built",
        severity="error",
        what=f"`{relation.name}` does not exist, and {_shown(draft, readers)}",
        why=f"no table, view or file `{name}` was found, and this plan builds none"
        + (f": {decision.reason}" if decision else ""),
        fix=fix,
        where=declared.where if decision is None else first.where,
        node=producer if producer and decision is None else first.unique_id,
    )


def _shown(draft: Draft, readers: list[NodeId]) -> str:
    """Name who reads it: models before tests, a few by name."""
    nodes = [draft.compiled(reader).node for reader in readers]
    models = [f"`{node.name}`" for node in nodes if node.resource_type not in TEST_TYPES]
    tests = len(nodes) - len(models)
    named = models[:READERS_SHOWN]
    if len(models) > READERS_SHOWN:
        named.append(f"{len(models) - READERS_SHOWN} more")
    if tests:
        named.append(f"{tests} test{'s' if tests > 1 else ''}")
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{listed} read{'s' if len(nodes) == 1 else ''} it"
