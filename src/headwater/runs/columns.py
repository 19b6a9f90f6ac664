"""What becomes of a stored table's columns when an incremental query's columns differ.

dbt's ``on_schema_change``: ``ignore`` keeps the stored columns, ``fail`` refuses,
``append_new_columns`` adds, ``sync_all_columns`` adds, drops and retypes. Pure.
"""

# ruff: noqa: S608 - names are quoted; the user's query is a subquery as it is

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from headwater.base.errors import Invalid, UserCodeError
from headwater.base.relations import Column, quote_identifier
from headwater.lake.types import same_stored_type, storable_type
from headwater.lake.widening import widened_or_none
from headwater.plan.plan import OnSchemaChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """How an incremental query is fitted to its table.

    Attributes:
        columns: The table's columns after the commit.
        incoming: Columns that are taken from the query, with the types they are cast to; None
            when the query already gives exactly the table's columns.
        rewrites: True when stored rows must be written anew, because a column was dropped or
            has another type.
        only_drops: Stored rows would do where the table maps its columns: none is of another type.
        wider: Columns of the query whose type holds all values of the stored one, but not the
            other way round; their values are cast to the stored type.
    """

    columns: tuple[Column, ...]
    incoming: tuple[Column, ...] | None
    rewrites: bool
    only_drops: bool = False
    wider: tuple[Column, ...] = ()


def plan_columns(
    mode: OnSchemaChange, stored: Sequence[Column], query: Sequence[Column], node: str
) -> ColumnPlan:
    """Decide how a query's columns are fitted to a table's.

    Raises:
        Invalid: ``incremental-columns-changed``, in mode ``fail``; ``incremental-column-missing``,
            in mode ``ignore``, when the query lacks a stored column.
    """
    known = {column.name.lower(): column for column in stored}
    given = {column.name.lower(): column for column in query}
    new = [column for name, column in given.items() if name not in known]
    missing = [column for name, column in known.items() if name not in given]
    retyped = [
        column
        for name, column in given.items()
        if name in known and not same_stored_type(column.type, known[name].type)
    ]
    if mode == "fail" and (new or missing or retyped):
        raise _columns_changed(node, new, missing, retyped)
    if mode == "ignore" and missing:
        raise _column_missing(node, missing)
    if mode == "sync_all_columns":
        # Under the names that the files have: other readers tell upper case from lower.
        kept = [
            Column(each.name, given[name].type) for name, each in known.items() if name in given
        ]
        columns = (*kept, *new)
        rewrites = bool(missing or retyped)
    else:
        columns = (*stored, *(new if mode == "append_new_columns" else ()))
        rewrites = False
    same_names = [each.name for each in known.values()] == [each.name for each in given.values()]
    fits = not (new or missing or retyped) and same_names
    taken = tuple(column for column in columns if column.name.lower() in given)
    return ColumnPlan(
        columns=columns,
        incoming=None if fits else taken,
        rewrites=rewrites,
        only_drops=rewrites and not retyped,
        wider=() if rewrites else tuple(_wider(retyped, known)),
    )


@contextmanager
def naming_wider(plan: ColumnPlan) -> Iterator[None]:
    """Say of a value that a stored type does not hold how the column gets a type that does."""
    try:
        yield
    except UserCodeError as error:
        if not plan.wider or "Conversion Error" not in error.what:
            raise
        kinds = ", ".join(f"`{column.name}` the type {column.type}" for column in plan.wider)
        raise UserCodeError(
            error.code,
            error.what,
            why=error.why or "the query gives values that the table's column cannot hold",
            fix=f"on_schema_change: sync_all_columns gives {kinds}, which holds old and new values",
            where=error.where,
        ) from error


def _wider(retyped: Sequence[Column], known: Mapping[str, Column]) -> Iterator[Column]:
    """Yield columns of a query that are wider than stored, as they would be stored."""
    for column in retyped:
        kind = storable_type(column.type)
        if widened_or_none(known[column.name.lower()].type, kind) == kind:
            yield Column(column.name, kind)


def select_columns(sql: str, columns: Sequence[Column]) -> str:
    """Write the query that gives some columns of ``sql``, cast to their types."""
    parts = ", ".join(
        f"CAST({quote_identifier(column.name)} AS {column.type}) AS {quote_identifier(column.name)}"
        for column in columns
    )
    return f"SELECT {parts} FROM (\n{sql}\n)"


def _named(columns: Sequence[Column]) -> str:
    return ", ".join(f"`{column.name}` {column.type}" for column in columns)


def _columns_changed(
    node: str, new: Sequence[Column], missing: Sequence[Column], retyped: Sequence[Column]
) -> Invalid:
    kinds = (("new", new), ("missing", missing), ("of another type", retyped))
    return Invalid(
        "incremental-columns-changed",
        f"the columns of incremental model `{node}` are not those of its table",
        why="; ".join(f"{kind}: {_named(found)}" for kind, found in kinds if found)
        + "; the model says on_schema_change: fail",
        fix=f"`hw build --full-refresh --select {node}`, or set another on_schema_change",
    )


def _column_missing(node: str, missing: Sequence[Column]) -> Invalid:
    return Invalid(
        "incremental-column-missing",
        f"incremental model `{node}` no longer gives {_named(missing)}",
        why="its table has them, and with on_schema_change: ignore nothing says what to store",
        fix=f"`hw build --full-refresh --select {node}`, or set on_schema_change: "
        "append_new_columns (new rows get null) or sync_all_columns (they are dropped)",
    )
