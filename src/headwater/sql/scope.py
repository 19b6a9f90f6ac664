"""Names inside one SELECT: its sources, its aliases, what surrounds it; and how a name resolves.

DuckDB's rules, measured on 2.0: a column of a source comes before an alias of the select list
(ORDER BY is the other way round), and both before the surrounding query.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.base.relations import Column, TableName
from headwater.sql.flow import READ, ROWS, TRANSFORMATION, FlowColumn, Relation, Uses


@dataclass(slots=True, kw_only=True)
class Source:
    """One entry of a FROM clause.

    Attributes:
        names: Lower-case names it can be called by, whole: ``(("c", "s", "t"),)``.
        relation: Its rows.
        joined_columns: Lower-case columns that a USING merged into an earlier source's.
        is_filter: The right side of a semi or anti join: seen by its condition only.
        mark: Tells it from an earlier source over the same base relation.
    """

    name: tuple[str, ...]
    relation: Relation
    joined_columns: set[str] = field(default_factory=set)
    is_filter: bool = False
    mark: str = ""
    index: dict[str, FlowColumn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column in self.relation.columns:
            self.index.setdefault(column.name.lower(), column)

    def is_called(self, parts: tuple[str, ...]) -> bool:
        """Say whether lower-case ``parts`` are this source's name or its end."""
        return bool(parts) and self.name[-len(parts) :] == parts

    def find(self, name: str) -> FlowColumn | None:
        """Find a column by its lower-case name; an unknown table has every column."""
        known = self.index.get(name)
        if known is not None or not self.is_open:
            return known
        relation = self.relation
        if relation.open_table is not None:
            uses: Uses = {(relation.open_table, name): READ}
            column = FlowColumn(name=name, text=f"{relation.open_text}.{name}", uses=uses)
        else:
            column = FlowColumn(
                name=name,
                text=f"{relation.text}.{name}",
                uses={(table, ROWS): TRANSFORMATION for table in relation.tables},
                is_guessed=bool(relation.tables),
            )
        self.index[name] = column
        return column

    @property
    def is_open(self) -> bool:
        """Say whether it may have columns that are not known."""
        return self.relation.open_table is not None or self.relation.is_opaque


@dataclass(slots=True, kw_only=True)
class Scope:
    """What names mean at one place of a query.

    Attributes:
        parent: The surrounding scope, for correlated subqueries and laterals.
        ctes: Relations by lower-case CTE name, the surrounding ones included.
        sources: Entries of FROM, in order.
        merged: Columns merged by USING or NATURAL, by lower-case name.
        aliases: Expressions of the select list by lower-case alias.
        windows: Named windows by lower-case name.
        rows: Inputs that decide the rows of this SELECT.
        alias_first: An alias hides a column (ORDER BY).
        order: Inputs that decide the order of this SELECT's rows.
        order_text: What decides it.
    """

    parent: "Scope | None"
    ctes: Mapping[str, Relation]
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, FlowColumn] = field(default_factory=dict)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    windows: dict[str, exp.Expr] = field(default_factory=dict)
    resolving: set[str] = field(default_factory=set)
    rows: Uses = field(default_factory=dict)
    alias_first: bool = False
    order: Uses = field(default_factory=dict)
    order_text: str = ""

    def tables(self) -> frozenset[int]:
        """Return the numbers of the base relations that this SELECT reads."""
        return frozenset().union(*(source.relation.tables for source in self.sources))

    def visible(self) -> Iterator[tuple[Source, FlowColumn]]:
        """Give the columns of ``*``, in order; merged ones once, at their first source."""
        for source in self.sources:
            if not source.is_filter:
                yield from self.columns_of(source)

    def columns_of(self, source: Source) -> Iterator[tuple[Source, FlowColumn]]:
        """Give one source's part of ``*``."""
        for column in source.relation.columns:
            name = column.name.lower()
            if name in source.joined_columns:
                continue
            yield source, self.merged.get(name, column)


@dataclass(slots=True, kw_only=True)
class Tracer:
    """What one trace collects and shares.

    Attributes:
        schemas: Columns of base relations by lower-case parts.
        tables: Base relations met, by number.
        numbers: Their numbers.
        gaps: What could not be traced.
        catalog: Where ``schema.table`` is, when it is not among the schemas.
        trace_query: The tracer of a nested query; given here because expressions hold queries
            and queries hold expressions.
    """

    schemas: Mapping[tuple[str, ...], tuple[TableName, tuple[Column, ...]]]
    trace_query: Callable[["Tracer", exp.Expr, Scope | None, Mapping[str, Relation]], Relation]
    tables: list[TableName] = field(default_factory=list)
    numbers: dict[TableName, int] = field(default_factory=dict)
    gaps: dict[str, None] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    recursions: int = 0
    catalog: str = ""

    def named(self, written: tuple[str, ...]) -> TableName:
        """Return the full name of a table that is not among the schemas."""
        if len(written) == 2:  # noqa: PLR2004 - schema and table
            return TableName(self.catalog, *written)
        return TableName(*("", "", *written)[-3:])

    def number_of(self, table: TableName) -> int:
        """Return the table's number in this trace."""
        number = self.numbers.get(table)
        if number is None:
            number = self.numbers[table] = len(self.tables)
            self.tables.append(table)
        return number

    def miss(self, sentence: str) -> None:
        """Note a part that cannot be traced, once."""
        self.gaps[sentence] = None


@dataclass(frozen=True, slots=True)
class Found:
    """A name resolved.

    Attributes:
        column: What it is.
        text: Its canonical text here.
        path: Struct fields that follow the column, lower case.
    """

    column: FlowColumn
    text: str
    path: tuple[str, ...] = ()


def find_column(scope: Scope, parts: tuple[str, ...]) -> Found | str | None:
    """Resolve lower-case name parts in a scope, its aliases excluded, then in its parents.

    Returns:
        What was found; a string that says why it is not clear; None when nothing has the name.
    """
    level: Scope | None = scope
    prefix = ""
    while level is not None:
        found = _find_here(level, parts)
        if isinstance(found, str):
            return found
        if found is not None:
            return Found(found.column, prefix + found.text, found.path) if prefix else found
        level = level.parent
        prefix += "^"
    return None


def find_local(scope: Scope, parts: tuple[str, ...], *, known_only: bool) -> Found | str | None:
    """Resolve in this scope alone; ``known_only`` leaves tables of unknown columns out."""
    return _find_here(scope, parts, known_only=known_only)


def _find_here(
    scope: Scope, parts: tuple[str, ...], *, known_only: bool = False
) -> Found | str | None:
    for taken in range(min(len(parts) - 1, 3), 0, -1):
        for source in scope.sources:
            if not source.is_called(parts[:taken]):
                continue
            column = source.find(parts[taken])
            if column is not None:
                return Found(column, column.text + source.mark, parts[taken + 1 :])
    return _find_bare(scope, parts, known_only=known_only)


def _find_bare(scope: Scope, parts: tuple[str, ...], *, known_only: bool) -> Found | str | None:
    name = parts[0]
    merged = scope.merged.get(name)
    if merged is not None:
        return Found(merged, merged.text, parts[1:])
    for source in scope.sources:
        column = source.index.get(name)
        if column is not None:
            return Found(column, column.text + source.mark, parts[1:])
    if known_only:
        return None
    candidates = [source for source in scope.sources if source.is_open]
    if len(candidates) > 1:
        return f"column `{name}` may belong to any of several tables whose columns are not known"
    if not candidates:
        return None
    column = candidates[0].find(name)
    if column is None:
        return None
    return Found(column, column.text + candidates[0].mark, parts[1:])
