"""Scores column lineage against labels: ours and other tools', by the same rules.

An edge is (source table, source column, target column), names without case and tables by their
last part. A label without a table is met by an edge from any table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from headwater.base.relations import Column, TableName
from headwater.sql.columns import trace
from headwater.sql.lineage import QueryLineage, kind_of
from headwater.sql.parse import Query

Edge = tuple[str, str, str]
_DIALECTS = {"ansi": "", "sparksql": "spark"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A labelled query.

    Attributes:
        set: Whose label it is.
        name: Of their test.
        sql: The statement.
        dialect: Its dialect, as they name it.
        labels: Edges that they expect.
        schema: Columns by relation.
        targets: Output columns that the labels are about; empty for all.
    """

    set: str
    name: str
    sql: str
    dialect: str
    labels: frozenset[Edge]
    schema: Mapping[str, tuple[str, ...]]
    targets: frozenset[str] = frozenset()

    def about(self, edges: frozenset[Edge]) -> frozenset[Edge]:
        """Return the edges that the labels are about."""
        return frozenset(edge for edge in edges if not self.targets or edge[2] in self.targets)


def case_of(document: Mapping[str, Any]) -> Case:
    """Read one case as it was gathered."""
    schema = {name: tuple(columns) for name, columns in document["schema"].items()}
    return Case(
        set=document["set"],
        name=document["name"],
        sql=document["sql"],
        dialect=document["dialect"],
        labels=edges_of(document["labels"]),
        schema=schema,
        targets=frozenset(_last(each) for each in document.get("targets", ())),
    )


def edges_of(rows: Iterable[Iterable[str | None]]) -> frozenset[Edge]:
    """Fold the names of edges."""
    return frozenset(
        (_last(table or ""), _last(source or ""), _last(target or ""))
        for table, source, target in rows
    )


def _last(name: str) -> str:
    return name.rpartition(".")[2].strip('"`[]').lower()


def query_of(case: Case) -> tuple[exp.Expr, list[str]] | None:
    """Return the query of a statement and the columns it fills; None when it has no query."""
    dialect = _DIALECTS.get(case.dialect, case.dialect)
    try:
        statement = sqlglot.parse_one(case.sql, read=dialect or None)
    except SqlglotError:
        return None
    if isinstance(statement, exp.Query):
        return statement, []
    if not isinstance(statement, (exp.Insert, exp.Create)):
        return None
    query = statement.expression
    with_clause = statement.args.get("with_")
    if not isinstance(query, exp.Query):
        return None
    if with_clause is not None and query.args.get("with_") is None:
        query.set("with_", with_clause)
    named = statement.this.expressions if isinstance(statement.this, exp.Schema) else []
    return query, [item.name for item in named]


def lineage_of(case: Case) -> tuple[QueryLineage, list[str]] | None:
    """Trace a case's query; None when it holds none."""
    found = query_of(case)
    if found is None:
        return None
    tree, targets = found
    schemas = {
        TableName(*("", "", *name.split("."))[-3:]): tuple(Column(each, "") for each in columns)
        for name, columns in case.schema.items()
    }
    return trace(Query(text=case.sql, dialect="duckdb", tree=tree), schemas), targets


def our_edges(case: Case, *, direct: bool = True) -> frozenset[Edge] | None:
    """Return the edges of a case as we trace them; None when it holds no query."""
    found = lineage_of(case)
    if found is None:
        return None
    lineage, targets = found
    edges = frozenset(
        (
            each.table.name.lower(),
            each.column.lower(),
            (targets[place] if place < len(targets) else column.name).lower(),
        )
        for place, column in enumerate(lineage.columns)
        for each in column.influences
        if not direct or kind_of(each.subtype) == "direct"
    )
    return case.about(edges)


def met(labels: frozenset[Edge], edges: frozenset[Edge]) -> int:
    """Count the labels that edges meet."""
    without = {(source, target) for _, source, target in edges}
    return sum(edge in edges if edge[0] else edge[1:] in without for edge in labels)


def right(labels: frozenset[Edge], edges: frozenset[Edge]) -> int:
    """Count the edges that labels know."""
    without = {edge[1:] for edge in labels if not edge[0]}
    return sum(edge in labels or edge[1:] in without for edge in edges)


@dataclass(slots=True, kw_only=True)
class Tally:
    """How a tool stands against one set of labels."""

    cases: int = 0
    failed: int = 0
    labels: int = 0
    met: int = 0
    edges: int = 0
    right: int = 0
    exact: int = 0

    def add(self, case: Case, edges: frozenset[Edge] | None) -> None:
        """Count one case; None where the tool failed."""
        self.cases += 1
        self.failed += edges is None
        own = edges or frozenset()
        self.labels += len(case.labels)
        self.met += met(case.labels, own)
        self.edges += len(own)
        self.right += right(case.labels, own)
        self.exact += met(case.labels, own) == len(case.labels) and right(case.labels, own) == len(
            own
        )

    def document(self) -> dict[str, object]:
        """Return counts and shares."""
        return {
            "cases": self.cases,
            "exact": self.exact,
            "failed": self.failed,
            "labels": self.labels,
            "recall": round(self.met / self.labels, 4) if self.labels else 1.0,
            "precision": round(self.right / self.edges, 4) if self.edges else 1.0,
        }


@dataclass(slots=True, kw_only=True)
class Scores:
    """Scores of every tool on every set, and why ours differ from labels.

    Attributes:
        tallies: By set and tool.
        without_query: Cases that are no query (update, merge, procedures), by set.
        reasons: How many differing cases have each reason.
        unexplained: Differing cases without one.
    """

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    without_query: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    unexplained: list[str] = field(default_factory=list)


def score_all(
    cases: Iterable[Case], answers: Mapping[str, Iterable[Iterable[Iterable[str]] | None]]
) -> Scores:
    """Score ours and the tools' answers, which are in the order of the cases."""
    scores = Scores()
    others = {tool: list(found) for tool, found in answers.items()}
    for place, case in enumerate(cases):
        ours, wide = our_edges(case), our_edges(case, direct=False)
        if ours is None or wide is None:
            scores.without_query[case.set] = scores.without_query.get(case.set, 0) + 1
            continue
        found: dict[str, frozenset[Edge] | None] = {
            "headwater": ours,
            "headwater with conditions": wide,
        }
        for tool, answer in others.items():
            edges = answer[place]
            found[tool] = None if edges is None else case.about(edges_of(edges))
        for tool, each in found.items():
            scores.tallies.setdefault((case.set, tool), Tally()).add(case, each)
        for reason in reasons_of(case, ours, wide):
            scores.reasons[reason] = scores.reasons.get(reason, 0) + 1
            if not reason:
                scores.unexplained.append(f"{case.set} {case.name}: {case.sql}")
    return scores


_ALIASES = "aliases read by later columns, as DuckDB does"
_BY_NAME: Mapping[str, str] = MappingProxyType(
    {
        "test_select_unqualified_column_from_join_is_unresolved": "two tables without schemas",
        "test_union_where_later_branch_introduces_new_output_columns": "not valid SQL",
        "test_compound_names": "not valid SQL",
        "test_column_top_level_disable_lateral_ref": _ALIASES,
        "test_column_disable_lateral_ref_within_subquery": _ALIASES,
        "test_select_column_without_table_qualifier_from_table_join": "`using` of a left join",
        "test_insert_overwrite_with_partition_excludes_partition_columns": "names of the target",
    }
)
"""Differences that have a reason of their own, by the name of the test."""


def reasons_of(case: Case, ours: frozenset[Edge], wide: frozenset[Edge]) -> set[str]:
    """Say why our edges differ from a case's labels; an empty reason for each unexplained edge."""
    missed = frozenset(edge for edge in case.labels if not met(frozenset({edge}), ours))
    extra = frozenset(edge for edge in ours if not right(case.labels, frozenset({edge})))
    name = case.name.rpartition("::")[2].partition("[")[0]
    if (missed or extra) and name in _BY_NAME:
        return {_BY_NAME[name]}
    return {_reason(case, edge, wide) for edge in missed | extra}


def _reason(case: Case, edge: Edge, wide: frozenset[Edge]) -> str:
    table, source, target = edge
    every = wide | case.labels
    if edge in case.labels and met(frozenset({edge}), wide):
        return "a condition or a window's keys: told as such, not as a value"
    if "count" in target or "paid_orders" in target:
        return "count(*) reads rows"
    if any("*" in {each[1], each[2]} for each in every if each[0] == table):
        return "a star without schemas: they say `*`"
    names = {each[2] for each in every if each[:2] == (table, source)}
    return "the name of an output without one" if not all(map(_is_name, names)) else ""


def _is_name(text: str) -> bool:
    return text.replace("_", "a").isalnum() and not text.startswith("_")
