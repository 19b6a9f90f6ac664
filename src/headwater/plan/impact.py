"""Fifth pass: whom the changes touch, column by column, and how badly.

Differences are carried down the graph in topological order. A reader that names a column that
is gone breaks; one that takes all columns (``select *``) only loses it. What a reader used is
read from its deployed trace too, because the new trace of a query over a missing column is
incomplete by nature.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode
from headwater.plan.consumers import trace_consumers, with_owners
from headwater.plan.deltas import (
    Delta,
    RelationDeltas,
    delta_of_change,
    hop_at,
    stronger,
    with_nulls,
)
from headwater.plan.draft import Draft
from headwater.plan.facts import FactBook, open_facts
from headwater.plan.inputs import is_test
from headwater.plan.kinds import change_kinds
from headwater.plan.mentions import mentions
from headwater.plan.nullability import nullable_now
from headwater.plan.plan import ChangeKind, Effect, Impact
from headwater.sql.lineage import ColumnChange, Influence, QueryLineage
from headwater.sql.types import type_change

DECLARED = frozenset({"exposure", "metric", "semantic_model", "saved_query"})
"""Consumers without SQL of their own."""

Used = Mapping[TableName, Mapping[str, None]]
"""Columns by relation; the inner mapping is an ordered set."""

STORED_KEEP = "; rows already stored keep the old values"


def trace_impact(draft: Draft) -> Draft:
    """Fill ``impact`` and mark the changes that break a consumer."""
    carried: dict[str, RelationDeltas] = {}
    used = _columns_used(draft)
    found: list[Impact] = []
    book = open_facts(draft)
    nullable: dict[NodeId, tuple[str, ...]] = {}
    for compiled in draft.graph.nodes.values():
        if compiled.node.resource_type in DECLARED:
            touched = _declared(draft, compiled, carried)
        else:
            touched = _Touched()
            _add_own(draft, compiled, used, touched)
            names = _add_nulls(draft, compiled, book, touched)
            if names:
                nullable[compiled.node.unique_id] = names
            _add_inherited(draft, compiled, carried, touched)
        found.extend(touched.impact)
        if not touched.deltas.is_empty:
            carried[_key(compiled)] = touched.deltas
    found.extend(trace_consumers(draft, carried))
    impact = _deduplicate(with_owners(found, draft.graph), draft)
    breaking = {item.path[0] for item in impact if item.effect == "breaks"}
    changes = tuple(
        replace(
            change,
            breaking=change.node in breaking,
            lines=_with_null_lines(change.lines, nullable.get(change.node, ())),
            kinds=change_kinds(draft, change, has_nulls=change.node in nullable),
        )
        for change in draft.changes
    )
    return replace(draft, impact=impact, changes=changes)


def _with_null_lines(lines: tuple[str, ...], columns: tuple[str, ...]) -> tuple[str, ...]:
    return (*lines, *(f"column {column}: may be null now" for column in columns))


@dataclass(slots=True)
class _Touched:
    """What one node has so far; built up while its inputs are looked through."""

    deltas: RelationDeltas = field(default_factory=RelationDeltas)
    impact: list[Impact] = field(default_factory=list)

    def add_column(self, column: str, delta: Delta) -> None:
        columns = dict(self.deltas.columns)
        kept = stronger(columns.get(column.lower()), delta)
        if kept is not None:
            columns[column.lower()] = kept
        self.deltas = replace(self.deltas, columns=MappingProxyType(columns))

    def put_column(self, column: str, delta: Delta) -> None:
        columns = {**self.deltas.columns, column.lower(): delta}
        self.deltas = replace(self.deltas, columns=MappingProxyType(columns))

    def add_rows(self, delta: Delta) -> None:
        self.deltas = replace(self.deltas, rows=stronger(self.deltas.rows, delta))

    def add_whole(self, delta: Delta) -> None:
        self.deltas = replace(self.deltas, whole=stronger(self.deltas.whole, delta))

    def report(self, delta: Delta, *, column: str, effect: Effect, tail: str = "") -> None:
        self.impact.append(
            Impact(
                node=delta.hops[-1].node,
                column=column,
                change=delta.text + tail,
                effect=effect,
                path=tuple(hop.node for hop in delta.hops),
                hops=delta.hops,
                kind=delta.kind,
            )
        )


def _key(compiled: CompiledNode) -> str:
    """Return the key of a node's deltas: its relation, or itself when it has none."""
    relation = compiled.node.relation
    return str(relation).lower() if relation is not None else compiled.node.unique_id


def _add_own(draft: Draft, compiled: CompiledNode, used: Used, touched: _Touched) -> None:
    """Add what changed in the node itself, and what a source lost."""
    if compiled.node.resource_type == "source":
        for column in _columns_lost(draft, compiled, used):
            change = ColumnChange(column=column, change="dropped")
            touched.add_column(column, delta_of_change(change, compiled, "breaks"))
        return
    difference = draft.differences.get(compiled.node.unique_id)
    if difference is None or difference.kind == "same":
        return
    if difference.kind == "formatting":
        text = "only formatting or comments changed"
        delta = Delta(
            became="changed",
            text=text,
            effect="safe",
            hops=(hop_at(compiled, ""),),
            kind="formatting",
        )
        touched.report(delta, column="", effect="safe")
        return
    if draft.decisions[compiled.node.unique_id].how == "skip":
        return  # not asked for: what is deployed stays as it is
    changes = difference.query.columns if difference.query else _against_stored(draft, compiled)
    for change in changes:
        delta = delta_of_change(change, compiled, retype_effect(change.before, change.after))
        if change.change == "added":
            new = replace(delta, text=f"{change.column} is new", effect="safe", kind="added")
            touched.report(new, column=change.column, effect="safe")
        else:
            touched.add_column(change.column, delta)
    if difference.kind == "new":
        return
    unknown = difference.query is None and compiled.node.resource_type in {"model", "snapshot"}
    if unknown or (difference.query is not None and difference.query.rows_changed):
        text = (
            f"{compiled.node.name} changed in a way that could not be traced"
            if unknown
            else f"rows of {compiled.node.name} change"
        )
        hops = (hop_at(compiled, ""),)
        kind: ChangeKind = "semantics" if unknown else "rows"
        touched.add_rows(
            Delta(became="changed", text=text, effect="degrades", hops=hops, kind=kind)
        )


def _against_stored(draft: Draft, compiled: CompiledNode) -> Iterator[ColumnChange]:
    """Yield what becomes of the columns of a stored table whose query then is not known.

    Its record is another target's, or of a time when the node was not in the project.
    """
    table = draft.state.tables.get(str(compiled.node.relation))
    if table is None or not table.columns or compiled.columns is None:
        return
    now = {column.name.lower(): column.type for column in compiled.columns}
    for column in table.columns:
        kind = now.get(column.name.lower())
        if kind is None:
            yield ColumnChange(column=column.name, change="dropped", before=column.type)
        elif kind and type_change(column.type, kind) != "same":
            yield ColumnChange(column=column.name, change="retyped", before=column.type, after=kind)


def _add_nulls(
    draft: Draft, compiled: CompiledNode, book: FactBook, touched: _Touched
) -> tuple[str, ...]:
    """Add columns that may be null now, and return their names."""
    node = compiled.node.unique_id
    deployed, difference = draft.deployed_or_none(node), draft.differences.get(node)
    is_edited = difference is not None and difference.kind == "changed"
    if deployed is None or not is_edited or is_test(compiled):
        return ()
    if draft.decisions[node].how == "skip":
        return ()
    names = nullable_now(compiled, deployed, book)
    for column in names:
        known = touched.deltas.columns.get(column.lower())
        touched.put_column(column, with_nulls(known, compiled, column))
    return names


def retype_effect(before: str, after: str) -> Effect:
    """Say what another type does to a reader of the column."""
    match type_change(before, after):
        case "same" | "widened":
            return "safe"
        case "narrowed":
            return "degrades"
        case "changed":
            return "breaks"


def _columns_lost(draft: Draft, compiled: CompiledNode, used: Used) -> Iterator[str]:
    """Yield columns of a source that deployed nodes use and that it does not have any more."""
    relation = compiled.node.relation
    table = draft.state.tables.get(str(relation))
    if relation is None or table is None or not table.columns:
        return
    have = {column.name.lower() for column in table.columns}
    yield from (column for column in used.get(relation, ()) if column not in have)


def _columns_used(draft: Draft) -> Used:
    """Return the columns that deployed nodes use of each relation, lower case."""
    used: dict[TableName, dict[str, None]] = {}
    for node, deployed in draft.state.deployed.items():
        if deployed.lineage is None or node not in draft.graph.nodes:
            continue
        for influence in _influences(deployed.lineage):
            if influence.column != "*":
                used.setdefault(influence.table, {})[influence.column.lower()] = None
    return used


def _influences(lineage: QueryLineage) -> Iterator[Influence]:
    for column in lineage.columns:
        yield from column.influences
    yield from lineage.row_set


def _add_inherited(
    draft: Draft, compiled: CompiledNode, carried: Mapping[str, RelationDeltas], touched: _Touched
) -> None:
    """Add what the node takes over from what it reads."""
    inputs = {
        relation: carried[str(relation).lower()]
        for relation in compiled.reads
        if str(relation).lower() in carried
    }
    if not inputs:
        return
    reader = _Reader(draft, compiled, touched)
    for relation, deltas in inputs.items():
        reader.read_whole(deltas)
        if not is_test(compiled):
            reader.read_rows(deltas)
        for column, delta in deltas.columns.items():
            reader.read_column(relation, column, delta)


@dataclass(frozen=True, slots=True)
class _Reader:
    """One node while it takes over the differences of its inputs."""

    draft: Draft
    compiled: CompiledNode
    touched: _Touched

    @property
    def is_test(self) -> bool:
        return is_test(self.compiled)

    def tail(self) -> str:
        """Say that stored rows stay, where an incremental table is not rebuilt by this plan."""
        decision = self.draft.decisions.get(self.compiled.node.unique_id)
        keeps = self.compiled.node.materialized == "incremental"
        if keeps and (decision is None or decision.how != "full"):
            return STORED_KEEP
        if self.compiled.node.resource_type == "snapshot":
            return "; the snapshot records it as new versions of its rows"
        return ""

    def read_whole(self, deltas: RelationDeltas) -> None:
        if deltas.whole is not None:
            delta = deltas.whole.then(self.compiled, "")
            self.touched.add_whole(delta)
            self.touched.report(delta, column="", effect="breaks")

    def read_rows(self, deltas: RelationDeltas) -> None:
        if deltas.rows is not None:
            delta = deltas.rows.then(self.compiled, "")
            self.touched.add_rows(delta)
            self.touched.report(delta, column="", effect="degrades", tail=self.tail())

    def read_column(self, relation: TableName, column: str, delta: Delta) -> None:
        if delta.became == "gone":
            self._read_missing(relation, column, delta)
        else:
            self._read_altered(relation, column, delta)

    def _read_missing(self, relation: TableName, column: str, delta: Delta) -> None:
        outputs, in_rows, lost = self._uses_of_missing(relation, column)
        for output in outputs:
            further = delta.then(self.compiled, output)
            self.touched.add_column(output, further)
            self.touched.report(further, column=output, effect="breaks")
        if in_rows:
            further = delta.then(self.compiled, "")
            self.touched.add_whole(further)
            if not outputs:
                self.touched.report(further, column="", effect="breaks")
        for output in lost:
            further = delta.then(self.compiled, output)
            self.touched.add_column(output, further)
            self.touched.report(further, column=output, effect="degrades")

    def _uses_of_missing(
        self, relation: TableName, column: str
    ) -> tuple[list[str], bool, list[str]]:
        """Return outputs that name the column, whether rows depend on it, and outputs lost."""
        now = self.compiled.lineage
        outputs, in_rows = _uses(now, relation, column)
        deployed = self.draft.deployed_or_none(self.compiled.node.unique_id)
        unedited = deployed is not None and deployed.fingerprint == self.compiled.fingerprint
        untraced = now is None or not now.complete
        if deployed is None or not (unedited or untraced):
            return outputs, in_rows, []
        before, rows_before = _uses(deployed.lineage, relation, column)
        have = {output.name.lower() for output in self.compiled.columns or ()}
        is_known = self.compiled.columns is not None
        lost = [name for name in before if is_known and name.lower() not in have]
        named = [name for name in before if name not in lost]
        return list(dict.fromkeys([*outputs, *named])), in_rows or rows_before, lost

    def _read_altered(self, relation: TableName, column: str, delta: Delta) -> None:
        outputs, in_rows = _uses(self.compiled.lineage, relation, column)
        if self.is_test:
            test = self.compiled.node.test
            may_fail = delta.kind == "nullability" and test is not None and test.name == "not_null"
            if (outputs or in_rows) and (delta.effect == "breaks" or may_fail):
                further = delta.then(self.compiled, "")
                self.touched.report(further, column="", effect=delta.effect)
            return
        for output in outputs:
            further = delta.then(self.compiled, output)
            self.touched.add_column(output, further)
            self.touched.report(further, column=output, effect=delta.effect, tail=self.tail())
        if in_rows:
            effect: Effect = "degrades" if delta.effect == "safe" else delta.effect
            text = f"{delta.text}, which decides about its rows"
            further = replace(delta.then(self.compiled, ""), text=text, effect=effect)
            self.touched.add_rows(replace(further, became="changed", effect="degrades"))
            self.touched.report(further, column="", effect=effect, tail=self.tail())


def _uses(lineage: QueryLineage | None, relation: TableName, column: str) -> tuple[list[str], bool]:
    """Return the outputs that a column flows into, and whether it decides about rows."""
    if lineage is None:
        return [], False
    wanted = (str(relation).lower(), column.lower())
    outputs = [
        output.name
        for output in lineage.columns
        if any((str(i.table).lower(), i.column.lower()) == wanted for i in output.influences)
    ]
    in_rows = any((str(i.table).lower(), i.column.lower()) == wanted for i in lineage.row_set)
    return outputs, in_rows


def _declared(
    draft: Draft, compiled: CompiledNode, carried: Mapping[str, RelationDeltas]
) -> _Touched:
    """Add what an exposure, metric or semantic model takes over from its inputs."""
    touched = _Touched()
    for parent in compiled.depends_on:
        deltas = carried.get(_key(draft.compiled(parent))) if parent in draft.graph.nodes else None
        if deltas is None:
            continue
        for delta in _relevant(compiled, deltas):
            further = delta.then(compiled, "")
            if delta.effect == "breaks":
                touched.add_whole(further)
            else:
                touched.add_rows(further)
            touched.report(further, column=delta.hops[-1].column, effect=delta.effect)
    return touched


def _relevant(compiled: CompiledNode, deltas: RelationDeltas) -> Iterator[Delta]:
    if deltas.whole is not None:
        yield replace(deltas.whole, effect="breaks")
    for column, delta in deltas.columns.items():
        uses = mentions(compiled, column)
        if uses is not False and (delta.effect != "safe" or uses):
            yield delta
    if deltas.rows is not None:
        yield deltas.rows


def _deduplicate(found: Iterable[Impact], draft: Draft) -> tuple[Impact, ...]:
    """Keep the shortest way of equal findings; breaking ones first, then in the graph's order."""
    position = {node: index for index, node in enumerate(draft.graph.nodes)}
    last = len(position)
    kept: dict[tuple[NodeId, str, str, str], Impact] = {}
    for item in found:
        key = (item.node, item.column, item.change, item.effect)
        if key not in kept or len(item.path) < len(kept[key].path):
            kept[key] = item
    order: tuple[Effect, ...] = ("breaks", "degrades", "safe")
    return tuple(
        sorted(
            kept.values(),
            key=lambda item: (order.index(item.effect), position.get(item.node, last), item.column),
        )
    )
