"""What is known of the rows of each relation that a plan reads: counts, keys, nulls, foreign keys.

A count comes from the table's statistics or from the step of this plan that builds it; the rest
from the columns' null counts and from tests. A test counts as proof only where it holds when the
reader runs: it passed on exactly the present versions, or it gates the commit of what this plan
builds. Any other test that has not failed is likely to hold, which is kept apart.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Literal

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.remembered import remembered
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.inputs import is_view
from headwater.plan.state import TableState
from headwater.project.node import TestInfo
from headwater.sql.count_rows import RowCount, count_rows
from headwater.sql.counted import TableFacts, Values, facts_in_bytes
from headwater.sql.keyed import is_integer

Trust = Literal["proved", "likely"]

NO_NODE = NodeId("")
"""Stands for no node."""

_PLAIN_TEST: Mapping[str, object] = MappingProxyType(
    {"where": None, "limit": None, "fail_calc": "count(*)", "error_if": "!= 0", "warn_if": "!= 0"}
)
"""Config of a test that looks at all rows and fails for one; anything else proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one test says of a relation.

    Attributes:
        kind: The columns are a key, have no nulls, or lead to another relation.
        columns: Lower-case names.
        parents: Where the values of a foreign key are found.
        is_proved: It holds when this plan's readers run.
    """

    kind: Literal["key", "not_null", "reference"]
    columns: frozenset[str]
    parents: Values = frozenset()
    is_proved: bool = False


@dataclass(slots=True, kw_only=True)
class FactBook:
    """Facts by relation, as the steps of a plan change them.

    Attributes:
        draft: The draft with its decisions.
        claims: What tests say, by relation.
        built: What the steps priced so far make of relations.
        asked: Facts that were asked for.
        prints: Facts by their id, with what tells them from others.
    """

    draft: Draft
    claims: Mapping[TableName, tuple[Claim, ...]]
    built: dict[tuple[TableName, Trust], TableFacts] = field(default_factory=dict)
    asked: dict[tuple[TableName, Trust], TableFacts] = field(default_factory=dict)
    prints: dict[int, tuple[TableFacts, bytes]] = field(default_factory=dict)

    def note(self, relation: TableName, trust: Trust, facts: TableFacts) -> None:
        """Note what a step makes of a relation."""
        self.built[relation, trust] = facts
        self.asked.pop((relation, trust), None)

    def before(self) -> "FactBook":
        """Return the facts before the first step."""
        return FactBook(draft=self.draft, claims=self.claims)

    def facts(self, relation: TableName, trust: Trust) -> TableFacts:
        """Return what is known of a relation at this point of the plan."""
        key = (relation, trust)
        if key not in self.asked:
            self.asked[key] = self._found(relation, trust)
        return self.asked[key]

    def count(self, sql: str, tables: Mapping[TableName, TableFacts]) -> RowCount:
        """Count the rows of a query over relations of which this is known; once for each."""
        parts = [sql.encode("utf-8", "surrogatepass")]
        for name in sorted(tables):
            parts += (name.quoted().encode("utf-8", "surrogatepass"), self._print(tables[name]))
        draft = self.draft
        return remembered(
            draft.known, "rows", parts, RowCount, lambda: count_rows(sql, tables, draft.trees)
        )

    def _print(self, facts: TableFacts) -> bytes:
        if id(facts) not in self.prints:
            self.prints[id(facts)] = (facts, facts_in_bytes(facts))
        return self.prints[id(facts)][1]

    def _found(self, relation: TableName, trust: Trust) -> TableFacts:
        producer = self.draft.index.producers.get(relation)
        if producer is not None and is_view(view := self.draft.compiled(producer)):
            known = TableFacts(sql=view.code, columns=view.columns or ())
        else:
            known = self.built.get((relation, trust)) or self._stored(relation)
        return _with_claims(known, self.claims.get(relation, ()), trust)

    def _stored(self, relation: TableName) -> TableFacts:
        table = self.draft.state.tables.get(str(relation))
        if table is None:
            return TableFacts()
        nulls = {name.lower(): count for name, count in table.null_count.items()}
        return TableFacts(
            low=0.0 if table.rows is None else float(table.rows),
            high=None if table.rows is None else float(table.rows),
            columns=table.columns,
            not_null=frozenset(name for name, count in nulls.items() if count == 0),
            distinct=_spans(table),
        )

    def facts_for(self, compiled: CompiledNode, trust: Trust) -> Mapping[TableName, TableFacts]:
        """Return what is known of everything that a node reads, itself included."""
        node = compiled.node
        names = {*self.draft.index.reads.get(node.unique_id, ()), *compiled.reads}
        if node.relation is not None:
            names.add(node.relation)
        parents = {
            parent
            for name in names
            for claim in self.claims.get(name, ())
            for parent, _ in claim.parents
        }
        return {name: self.facts(name, trust) for name in names | parents}


def _spans(table: TableState) -> Mapping[str, float]:
    """Return how many values fit between the smallest and the largest of whole numbers and days."""
    low = {name.lower(): text for name, text in table.minimum.items()}
    high = {name.lower(): text for name, text in table.maximum.items()}
    found: dict[str, float] = {}
    for column in table.columns:
        name = column.name.lower()
        first, last = low.get(name), high.get(name)
        if first is None or last is None:
            continue
        with suppress(ValueError):
            if column.type == "DATE":
                days = date.fromisoformat(last) - date.fromisoformat(first)
                found[name] = float(days.days + 1)
            elif is_integer(column.type):
                found[name] = float(int(last) - int(first) + 1)
    return found


def open_facts(draft: Draft) -> FactBook:
    """Return the facts before the first step of a plan."""
    claims: dict[TableName, list[Claim]] = {}
    for compiled in draft.graph.nodes.values():
        test = compiled.node.test
        if test is None or test.attached_node is None or not _counts(draft, compiled):
            continue
        relation = draft.graph.nodes[test.attached_node].node.relation
        if relation is None:
            continue
        proved = _is_proved(draft, compiled, test.attached_node)
        for claim in _claims_of(draft, compiled, test):
            claims.setdefault(relation, []).append(replace(claim, is_proved=proved))
    return FactBook(draft=draft, claims={name: tuple(found) for name, found in claims.items()})


def _counts(draft: Draft, compiled: CompiledNode) -> bool:
    """Say whether a test looks at all rows and has not failed."""
    test, config = compiled.node.test, compiled.node.config
    if test is None or test.attached_node not in draft.graph.nodes or test.namespace is not None:
        return False
    if any(config.get(key, usual) != usual for key, usual in _PLAIN_TEST.items()):
        return False
    deployed = draft.deployed_or_none(compiled.node.unique_id)
    return deployed is None or deployed.status == "pass"


def _claims_of(draft: Draft, compiled: CompiledNode, test: TestInfo) -> Iterator[Claim]:
    column = (test.column or "").strip('"').lower()
    match test.name:
        case "unique" if column:
            yield Claim(kind="key", columns=frozenset({column}))
        case "not_null" if column:
            yield Claim(kind="not_null", columns=frozenset({column}))
        case "relationships" if column:
            others = [each for each in compiled.depends_on if each != test.attached_node]
            parent = others[0] if len(others) == 1 else test.attached_node if not others else None
            to_column = test.arguments.get("field")
            relation = draft.graph.nodes[parent].node.relation if parent else None
            if relation is not None and isinstance(to_column, str):
                parents = frozenset({(relation, to_column.strip('"').lower())})
                yield Claim(kind="reference", columns=frozenset({column}), parents=parents)
        case _:
            return


def _is_proved(draft: Draft, compiled: CompiledNode, attached: NodeId) -> bool:
    """Say whether a test holds when the readers of what it is attached to run."""
    node = compiled.node.unique_id
    reads = draft.index.reads[node]
    decision = draft.decisions.get(node)
    if any(draft.is_built(draft.index.producers.get(name, NO_NODE)) for name in reads):
        is_error = str(compiled.node.config.get("severity", "error")).lower() == "error"
        is_gate = node in draft.graph.gates.get(attached, ()) and draft.is_built(attached)
        is_run = decision is not None and decision.how == "test" and draft.is_asked_for(node)
        return is_gate and is_run and is_error and not is_view(draft.compiled(attached))
    deployed = draft.deployed_or_none(node)
    if deployed is None or deployed.fingerprint != compiled.fingerprint:
        return False
    return bool(reads) and all(_is_present(draft, deployed.inputs, name) for name in reads)


def _is_present(draft: Draft, inputs: Mapping[str, str], relation: TableName) -> bool:
    table = draft.state.tables.get(str(relation))
    return table is not None and inputs.get(str(relation)) == table.version


def _with_claims(known: TableFacts, claims: tuple[Claim, ...], trust: Trust) -> TableFacts:
    keys, not_null = set(known.keys), set(known.not_null)
    references = dict(known.references)
    for claim in claims:
        if trust == "proved" and not claim.is_proved:
            continue
        match claim.kind:
            case "key":
                keys.add(claim.columns)
            case "not_null":
                not_null |= claim.columns
            case "reference":
                [column] = claim.columns
                references[column] = references.get(column, frozenset()) | claim.parents
    return replace(known, keys=frozenset(keys), not_null=frozenset(not_null), references=references)
