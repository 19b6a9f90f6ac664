"""Who uses tables without being a node of the project: endpoints, shares, runs, dashboards.

They are facts of ``State``, from wherever they are known; today a person lists them under
``consumers`` of headwater.yml. What a plan changes is followed to each of them, as to any node.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from headwater.base.codec import Json, from_hand
from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.base.spans import Span
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.deltas import Delta, RelationDeltas
from headwater.plan.draft import Draft
from headwater.plan.inputs import is_test
from headwater.plan.plan import Effect, Hop, Impact
from headwater.plan.state import Consumer, ConsumerKind, Expected
from headwater.sql.types import canonical_type, type_change


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadByHand:
    """One entry of ``reads``: all columns, a list of them, or names with types."""

    table: str
    columns: Mapping[str, str] | tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _ByHand:
    """One entry of ``consumers``."""

    name: str
    kind: ConsumerKind
    reads: tuple[_ReadByHand, ...]
    owner: str = ""
    live: str = ""


def read_consumers(entries: Sequence[Json], places: Sequence[Span]) -> tuple[Consumer, ...]:
    """Read the entries of ``consumers`` in headwater.yml.

    Args:
        entries: As written.
        places: Where each of them stands.

    Raises:
        Invalid: ``consumer-malformed``.
    """
    found = tuple(_read(entry, where) for entry, where in zip(entries, places, strict=True))
    seen: set[NodeId] = set()
    for each in found:
        if each.node in seen:
            raise _malformed(each.where, f"{each.kind} `{each.name}` is listed twice")
        seen.add(each.node)
    return found


def _read(entry: Json, where: Span) -> Consumer:
    try:
        given = from_hand(_ByHand, entry)
    except ValueError as error:
        raise _malformed(where, str(error)) from error
    if not given.name.strip() or not given.reads:
        raise _malformed(where, "it has no `name`, or nothing under `reads`")
    return Consumer(
        name=given.name,
        kind=given.kind,
        reads=tuple(_expected(read) for read in given.reads),
        owner=given.owner,
        live=given.live,
        where=where,
    )


def _expected(read: _ReadByHand) -> Expected:
    named = read.columns
    columns = dict(named) if isinstance(named, Mapping) else dict.fromkeys(named, "")
    return Expected(table=read.table, columns=MappingProxyType(columns))


def _malformed(where: Span | None, why: str) -> Invalid:
    return Invalid(
        "consumer-malformed",
        "an entry of `consumers` in `headwater.yml` cannot be used",
        why=why,
        fix="write {name: churn@7, kind: endpoint, reads: [{table: features, columns: [amount]}]}",
        where=where,
    )


def index_tables(graph: Graph) -> Mapping[str, CompiledNode]:
    """Index what consumers may read by each of its names in lower case.

    That is the name of a node, and that of its table alone, with its schema, and with its catalog;
    a name that two have is that of the first.
    """
    found: dict[str, CompiledNode] = {}
    for compiled in graph.nodes.values():
        relation = compiled.node.relation
        if relation is None or is_test(compiled):
            continue
        parts = str(relation).lower().split(".")
        names = (compiled.node.name.lower(), *(".".join(parts[at:]) for at in range(len(parts))))
        for name in names:
            found.setdefault(name, compiled)
    return found


def is_named(relation: TableName, text: str) -> bool:
    """Say whether a table is called so: with or without its schema and catalog."""
    return f".{relation}".lower().endswith(f".{text}".lower())


def trace_consumers(draft: Draft, carried: Mapping[str, RelationDeltas]) -> Iterator[Impact]:
    """Follow what changes to every consumer that reads it.

    Args:
        draft: For the consumers and the columns that tables will have.
        carried: What becomes different about each relation, by its lower-case text.
    """
    known = index_tables(draft.graph) if draft.state.consumers else {}
    for consumer in draft.state.consumers:
        for read in consumer.reads:
            compiled = known.get(read.table.lower())
            deltas = carried.get(str(compiled.node.relation).lower()) if compiled else None
            if compiled is not None and deltas is not None:
                deployed = draft.deployed_or_none(compiled.node.unique_id)
                had = deployed.columns if deployed is not None else None
                reader = _Reader(consumer=consumer, read=read, had=_types(had))
                yield from reader.touched(compiled, deltas)


def _types(columns: Sequence[Column] | None) -> Mapping[str, str]:
    return {column.name.lower(): column.type for column in columns or ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """One consumer at one of the tables that it reads."""

    consumer: Consumer
    read: Expected
    had: Mapping[str, str]
    wanted: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        folded = {name.lower(): text for name, text in self.read.columns.items()}
        object.__setattr__(self, "wanted", folded)

    def touched(self, compiled: CompiledNode, deltas: RelationDeltas) -> Iterator[Impact]:
        types = _types(compiled.columns)
        if deltas.whole is not None:
            yield self._impact(deltas.whole, "", "breaks", deltas.whole.text)
        for column, delta in deltas.columns.items():
            if not self.wanted or column in self.wanted:
                effect, text = self._column(column, delta, types.get(column, ""))
                yield self._impact(delta, delta.hops[-1].column or column, effect, text)
        if deltas.rows is not None:
            yield self._impact(deltas.rows, "", "degrades", deltas.rows.text)

    def _column(self, column: str, delta: Delta, gets: str) -> tuple[Effect, str]:
        wants = self.wanted.get(column, "")
        name = delta.hops[-1].column or column
        if delta.became == "gone":
            of_type = f": {canonical_type(wants)}" if wants else ""
            return "breaks", f"expects {name}{of_type}; {delta.text}"
        if wants and type_change(wants, gets) != "same":
            expected = f"expects {name}: {canonical_type(wants)}"
            if type_change(self.had.get(column, ""), gets) == "same":
                return delta.effect, f"{expected}, which it does not get now either; {delta.text}"
            return "breaks", f"{expected}; gets {gets}"
        return delta.effect, delta.text

    def _impact(self, delta: Delta, column: str, effect: Effect, text: str) -> Impact:
        where = self.consumer.where
        last = Hop(
            node=self.consumer.node,
            column=column if column.lower() in self.wanted else "",
            file=where.file if where else "",
            line=where.line if where else 0,
        )
        hops = (*delta.hops, last)
        return Impact(
            node=self.consumer.node,
            column=last.column,
            change=text,
            effect=effect,
            path=tuple(hop.node for hop in hops),
            hops=hops,
            owner=self.consumer.owner,
            kind=delta.kind,
        )


def with_owners(impact: Iterable[Impact], graph: Graph) -> Iterator[Impact]:
    """Say whose each exposure is, as its properties do."""
    for item in impact:
        compiled = graph.nodes.get(item.node)
        owner = compiled.node.declared.get("owner") if compiled is not None else None
        named = (owner.get("name") or owner.get("email")) if isinstance(owner, dict) else owner
        yield replace(item, owner=str(named)) if named and not item.owner else item
