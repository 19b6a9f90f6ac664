"""Compiling for another warehouse: what may be asked, and the translation of what is to run here.

A project of another warehouse is either only compiled, when nothing can be asked of its tables, or
run on the engine (``--on``), when its SQL and its macros' questions are translated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.relations import Column, TableName
from headwater.base.spans import Span
from headwater.graph.graph import Lookup, LookupTable
from headwater.graph.places import place_in_source
from headwater.project.node import Node
from headwater.project.project import Project
from headwater.sql.meaning import Meanings
from headwater.sql.parse import SqlFault
from headwater.sql.translate import Translation, Untranslated, engine_type, translate

_ASKING = ("run_query", "statement", "get_column_values", "get_query_results", "adapter.")
"""Words that mark a line as one that asks."""

_FIX = "write it in words that both know, or leave the model out with --exclude"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaskedTable:
    """The answer to a question that nobody asked: the query's columns, and no rows."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...] = ()


class UnaskedLookup:
    """Answers for a warehouse that is not connected to: what the project itself says."""

    def __init__(self, inner: Lookup, project: Project) -> None:
        """Ask nothing of a warehouse.

        Args:
            inner: Knows the columns of seed files.
            project: For the dialect.
        """
        self._inner = inner
        self._dialect = project.target.warehouse.dialect

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Return the columns of a seed file, or of a table that was built here."""
        return self._inner.columns_or_none(relation)

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Return None: what the warehouse has is not known."""
        del relation
        return None

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Return None: the engine does not speak the warehouse's dialect."""
        del sql, inputs
        return None

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        """Return None: nothing was asked."""
        del sql
        return None

    def run_query(self, sql: str) -> LookupTable:
        """Return no rows, with the columns that the query names."""
        try:
            traced = Meanings().trace(sql, {}, dialect=self._dialect)
        except SqlFault:
            return UnaskedTable(columns=())
        return UnaskedTable(columns=tuple(Column(each.name, each.type) for each in traced.columns))


class TranslatedLookup:
    """Answers from the engine; a macro's queries are translated on the way."""

    def __init__(self, inner: Lookup, translator: "Translator") -> None:
        self._inner = inner
        self._translator = translator

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Return the columns of a table."""
        return self._inner.columns_or_none(relation)

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Say what a name is in the lake."""
        return self._inner.relation_kind_or_none(relation)

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Return the columns of a query that is translated already."""
        return self._inner.describe_or_none(sql, inputs)

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        """Return why a translated query was refused."""
        return self._inner.refusal_or_none(sql)

    def run_query(self, sql: str) -> LookupTable:
        """Translate a macro's query and run it.

        Raises:
            Invalid: ``sql-not-translated``.
        """
        found = self._translator.translation(sql)
        fault = next((each for each in found.faults if each.is_sure), None)
        if fault is not None:
            raise Invalid(
                "sql-not-translated",
                f"a macro's query uses {fault.what}",
                why=" ".join(sql.split())[:200],
                fix=_FIX,
            )
        return self._inner.run_query(found.sql)


class Translator:
    """Translates a project's SQL to the engine's dialect and says where it cannot."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._dialect = project.target.warehouse.dialect
        self._names = _names(project)

    def translation(self, sql: str) -> Translation:
        """Translate one text.

        Raises:
            SqlFault: It cannot be parsed.
        """
        target = self._project.target
        return translate(sql, self._dialect, catalog=target.catalog, names=self._names)

    def translated(self, node: Node, code: str) -> tuple[str | None, tuple[Diagnostic, ...]]:
        """Translate a node's compiled SQL.

        Returns:
            The SQL, None when it cannot be run, and what was found.
        """
        if not code.strip():
            return code, ()
        try:
            found = self.translation(code)
        except SqlFault as fault:
            where = place_in_source(self._project, node, code, fault.span(""))
            return None, (_syntax(node, fault, where),)
        findings = tuple(_finding(self._project, node, each, code) for each in found.faults)
        is_whole = not any(each.is_sure for each in found.faults)
        return (found.sql if is_whole else None), tuple(dict.fromkeys(findings))

    def engine_type(self, written: str) -> str:
        """Spell a declared type as the engine does."""
        return engine_type(written, self._dialect)


def _names(project: Project) -> Mapping[tuple[str, ...], TableName]:
    """Index the project's relations by every end of their names that SQL may use."""
    names: dict[tuple[str, ...], TableName] = {}
    for node in project.nodes.values():
        if node.relation is not None:
            each = node.relation
            whole = (each.catalog.lower(), each.schema.lower(), each.name.lower())
            names[whole] = each
            names.setdefault(whole[1:], each)
    return names


def _finding(project: Project, node: Node, fault: Untranslated, code: str) -> Diagnostic:
    line, column, length = fault.place
    place = Span(file="", line=line, column=column, end_column=column + length)
    return Diagnostic(
        code="sql-not-translated" if fault.is_sure else "translation-unsure",
        severity="error" if fault.is_sure else "warning",
        what=f"`{node.name}` uses {fault.what}",
        fix=_FIX if fault.is_sure else "cast one side to a decimal, or both to integers",
        where=place_in_source(project, node, code, place),
        node=node.unique_id,
    )


def _syntax(node: Node, fault: SqlFault, where: Span) -> Diagnostic:
    return Diagnostic(
        code="sql-syntax",
        severity="error",
        what=fault.what,
        fix=fault.fix,
        where=where,
        node=node.unique_id,
    )


def unreadable_ephemeral(node: Node) -> Diagnostic:
    """Say that what a node reads inline cannot be translated, which is reported there."""
    return Diagnostic(
        code="sql-not-translated",
        severity="error",
        what=f"`{node.name}` reads an ephemeral model that cannot be translated",
        fix=_FIX,
        where=node.where,
        node=node.unique_id,
    )


def not_asked(node: Node, sql: str) -> Diagnostic:
    """Say that a macro's query got no answer; the place is the first line that asks."""
    asking = (
        number
        for number, line in enumerate(node.raw_code.splitlines())
        if any(word in line for word in _ASKING)
    )
    where, offset = node.where, next(asking, None)
    if where is not None and offset is not None:
        where = Span(file=where.file, line=where.line + offset)
    return Diagnostic(
        code="query-not-asked",
        severity="warning",
        what=f"a macro of `{node.name}` asks its warehouse while compiling, and got no rows",
        why=" ".join(sql.split())[:200],
        fix="use --on duckdb, which asks the embedded engine's lake instead",
        where=where,
        node=node.unique_id,
    )


def without_types(columns: tuple[Column, ...] | None) -> tuple[Column, ...] | None:
    """Return columns by name only: inferred types are the engine's, not the warehouse's."""
    if columns is None:
        return None
    return tuple(replace(column, type="") for column in columns)
