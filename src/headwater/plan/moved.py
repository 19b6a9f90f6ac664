"""Which inputs of a node hold other rows than when it was last built, and since how many commits.

Commits that only rearrange files (compaction) do not count: the rows are what they were.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.units import format_count
from headwater.plan.draft import Draft
from headwater.plan.inputs import is_view
from headwater.plan.state import DeployedNode, TableState, VersionChange

NAMED_MAX = 3
"""How many inputs a reason names before it counts the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One input that is not what it was.

    Attributes:
        relation: The input.
        text: What happened, for people: ``stg_orders 3 -> 5 (2 commits, 1,204 rows)``; empty for
            what is built first.
        is_built: True when a step of this plan builds it first.
    """

    relation: TableName
    text: str
    is_built: bool = False


def find_moves(draft: Draft, node: NodeId, deployed: DeployedNode) -> tuple[Move, ...]:
    """Return the inputs of ``node`` that moved since its record, or will by earlier decisions."""
    return tuple(_moves(draft, node, deployed))


def move_reason(moves: tuple[Move, ...]) -> str:
    """Say in one line what moved; what this plan builds first is named together."""
    built = [move.relation.name for move in moves if move.is_built]
    others = [move.text for move in moves if not move.is_built]
    named = others[:NAMED_MAX]
    if len(others) > NAMED_MAX:
        named.append(f"and {len(others) - NAMED_MAX} more")
    if built:
        named.append(
            f"reads {_listed(built)}, which change{'' if len(built) > 1 else 's'} in this plan"
        )
    return "; ".join(named)


def _listed(names: list[str]) -> str:
    """Write ``a``, ``a and b``, ``a, b, c and 2 more``."""
    shown = names[:NAMED_MAX]
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def _moves(draft: Draft, node: NodeId, deployed: DeployedNode) -> Iterator[Move]:
    for relation in draft.index.reads[node]:
        move = _move_or_none(draft, relation, deployed)
        if move is not None:
            yield move


def _move_or_none(draft: Draft, relation: TableName, deployed: DeployedNode) -> Move | None:
    producer = draft.index.producers.get(relation)
    if producer is not None and draft.is_built(producer):
        return Move(relation=relation, text="", is_built=True)
    table = draft.state.tables.get(str(relation))
    before = deployed.inputs.get(str(relation))
    if table is None:
        return None if before is None else Move(relation=relation, text=f"{relation.name} is gone")
    held = draft.state.held.get(deployed.node, {}).get(str(relation))
    if held is not None and held.since is None:
        return Move(relation=relation, text=f"{relation.name} was made anew")
    if before == table.version:
        return None
    if producer is not None and is_view(draft.compiled(producer)):
        return _view_move_or_none(draft, producer, relation, deployed)
    if before is None:
        return Move(relation=relation, text=f"{relation.name} was not read before")
    text = describe_versions(table, before)
    return None if text is None else Move(relation=relation, text=text)


def _view_move_or_none(
    draft: Draft, view: NodeId, relation: TableName, deployed: DeployedNode
) -> Move | None:
    """Say whether a view of the project was defined anew after the node was built.

    The rows that it passes on are compared through the tables behind it, where a commit that only
    rearranges files can be told from one that changes rows.
    """
    record = draft.deployed_or_none(view)
    if record is None or record.run_id == deployed.run_id or record.built_at < deployed.built_at:
        return None
    return Move(relation=relation, text=f"view {relation.name} was defined anew")


def describe_versions(table: TableState, before: str) -> str | None:
    """Say how a relation moved from version ``before``; None when its rows are the same."""
    name = table.name.name
    if table.kind == "files":
        return f"the files of {name} changed"
    if table.kind == "view":
        return f"view {name} changed"
    if not (before.isdecimal() and table.version.isdecimal()):
        return f"{name} changed"
    if int(before) > int(table.version):
        return f"{name} was replaced ({before} -> {table.version})"
    between = changes_between(table, int(before))
    if between is None:
        return f"{name} {before} -> {table.version}"
    changing = [change for change in between if change.changes_data]
    if not changing:
        return None
    rows = [change.rows_added for change in changing]
    added = None if None in rows else sum(count or 0 for count in rows)
    commits = f"{len(changing)} commit{'s' if len(changing) > 1 else ''}"
    tail = commits if added is None else f"{commits}, {format_count(added)} rows"
    return f"{name} {before} -> {table.version} ({tail})"


def changes_between(table: TableState, before: int) -> tuple[VersionChange, ...] | None:
    """Return the commits after version ``before``; None when State does not carry them all."""
    between = tuple(change for change in table.changes if change.version > before)
    if not table.version.isdecimal() or len(between) != int(table.version) - before:
        return None
    return between
