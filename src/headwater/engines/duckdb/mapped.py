"""Rows of a mapped table on their way into files: under the names and ids that its schema gives.

Everything before speaks of columns by their own names; what comes back is translated, too, so
that nobody else knows of the others.
"""

# ruff: noqa: S608 - names are quoted; users' SQL is a part of its own
from collections.abc import Mapping, Sequence
from dataclasses import replace

from headwater.base.relations import Column, quote_identifier
from headwater.engines.duckdb.connection import Statement
from headwater.engines.duckdb.renames import renamed
from headwater.engines.duckdb.text import quote_text
from headwater.engines.engine import Destination
from headwater.lake.mapping import UNMAPPED, FieldIds, StoredNames


def names_in_files(destination: Destination, columns: Sequence[Column]) -> StoredNames:
    """Return what columns are called in a destination's files, those too that are new to it."""
    if destination.mapped is None:
        return UNMAPPED
    return destination.mapped.with_columns(columns).names()


def as_stored(query: Statement, columns: Sequence[Column], names: StoredNames) -> Statement:
    """Return a query with the same rows under the names in the files.

    Args:
        query: A query whose columns are ``columns``.
        columns: Its columns, in order.
        names: What they are called in the files.
    """
    if not names.physical_names:
        return query
    places = [f"c{place}" for place in range(len(columns))]
    parts = ", ".join(
        f"{renamed(place, column.type, names.stored_types.get(column.name, column.type))}"
        f" AS {quote_identifier(names.physical_names[column.name])}"
        for place, column in zip(places, columns, strict=True)
    )
    return replace(
        query,
        before=f"SELECT {parts} FROM (\n{query.before}",
        after=f"{query.after}\n) AS __headwater_stored({', '.join(places)})",
    )


def ids_option(columns: Sequence[Column], names: StoredNames) -> str:
    """Return COPY's option that writes the ids of columns into files; empty where none have any."""
    parts = {
        names.physical_names[column.name]: names.ids[column.name]
        for column in columns
        if column.name in names.ids
    }
    return f", FIELD_IDS {{{_inside(parts)}}}" if parts else ""


def _inside(parts: Mapping[str, FieldIds]) -> str:
    return ", ".join(f"{quote_text(name)}: {_ids(ids)}" for name, ids in parts.items())


def _ids(ids: FieldIds) -> str:
    if not ids.inside:
        return str(ids.id)
    own = "" if ids.id is None else f"__duckdb_field_id: {ids.id}, "
    return f"{{{own}{_inside(ids.inside)}}}"
