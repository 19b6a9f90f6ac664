"""What becomes different about a relation, column by column, and how it got there.

The impact pass carries these down the graph: a delta of an input becomes a delta of its reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode
from headwater.plan.plan import ChangeKind, Effect, Hop
from headwater.sql.lineage import ColumnChange

Became = Literal["gone", "retyped", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """One difference of a relation.

    Attributes:
        became: ``gone`` (dropped, renamed, or computed from what is gone), ``retyped``, or
            ``changed`` (other values).
        text: What changes, for people, as said at the origin.
        effect: What it does to a reader that uses it.
        hops: From the origin to the relation that has this delta.
        kind: What happened at the origin.
    """

    became: Became
    text: str
    effect: Effect
    hops: tuple[Hop, ...]
    kind: ChangeKind = "semantics"

    def then(self, compiled: CompiledNode, column: str) -> "Delta":
        """Return this delta one hop further down."""
        return replace(self, hops=(*self.hops, hop_at(compiled, column)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationDeltas:
    """Every difference of one relation.

    Attributes:
        columns: By column name in lower case.
        rows: Other rows than before, if so.
        whole: The relation cannot be built at all, if so.
    """

    columns: Mapping[str, Delta] = field(default_factory=lambda: MappingProxyType({}))
    rows: Delta | None = None
    whole: Delta | None = None

    @property
    def is_empty(self) -> bool:
        """True when nothing is different."""
        return not self.columns and self.rows is None and self.whole is None


def hop_at(compiled: CompiledNode, column: str) -> Hop:
    """Return the hop of a node's column."""
    where = compiled.node.where
    return Hop(
        node=NodeId(compiled.node.unique_id),
        column=column,
        file=where.file if where else compiled.node.original_path,
        line=where.line if where else 0,
    )


def stronger(first: Delta | None, second: Delta | None) -> Delta | None:
    """Return the delta with the worse effect; of equals, the one with the shorter way."""
    if first is None or second is None:
        return first or second
    order: tuple[Effect, ...] = ("breaks", "degrades", "safe")
    return min(first, second, key=lambda delta: (order.index(delta.effect), len(delta.hops)))


def delta_of_change(change: ColumnChange, compiled: CompiledNode, effect: Effect) -> Delta:
    """Turn a column's change in a node's own query into the delta that its readers see."""
    hops = (hop_at(compiled, change.column),)
    match change.change:
        case "dropped":
            text = f"{change.column} is dropped"
            return Delta(became="gone", text=text, effect="breaks", hops=hops, kind=change.change)
        case "renamed":
            text = f"{change.column} is renamed to {change.after}"
            return Delta(became="gone", text=text, effect="breaks", hops=hops, kind=change.change)
        case "retyped":
            text = f"{change.column}: {change.before or '?'} -> {change.after or '?'}"
            return Delta(became="retyped", text=text, effect=effect, hops=hops, kind="retyped")
        case "changed" | "added":
            text = f"{change.column} is computed differently"
            return Delta(became="changed", text=text, effect="degrades", hops=hops)


def with_nulls(delta: Delta | None, compiled: CompiledNode, column: str) -> Delta:
    """Return what else becomes different about a column: it may be null now.

    Args:
        delta: What is known of the column already.
        compiled: Its node.
        column: Its name.
    """
    text = "may be null now"
    if delta is None:
        hops = (hop_at(compiled, column),)
        delta = Delta(became="changed", text=column, effect="degrades", hops=hops)
        return replace(delta, text=f"{column} {text}", kind="nullability")
    if delta.became == "gone":
        return delta
    return replace(delta, text=f"{delta.text} and {text}", kind="nullability")
