"""Columns of a rewritten table: the target's, then those that only the query has."""

from collections.abc import Sequence

from headwater.base.relations import Column, quote_identifier
from headwater.engines.duckdb.copy import stored_columns


def output_columns(target: Sequence[Column], source: Sequence[Column]) -> tuple[Column, ...]:
    """Return the target's columns as they are, followed by the query's new ones as stored.

    Raises:
        Invalid: ``type-not-storable``, ``duplicate-column``.
    """
    known = {column.name.lower() for column in target}
    new = [column for column in stored_columns(source) if column.name.lower() not in known]
    return (*target, *new)


def places_of(source: Sequence[Column]) -> dict[str, int]:
    """Return each column's place, from 1, by its name in lower case."""
    return {column.name.lower(): place for place, column in enumerate(source, start=1)}


def project_by_name(columns: Sequence[Column], source: Sequence[Column]) -> str:
    """Write the select list that gives ``columns`` from a query; what it lacks is null."""
    places = places_of(source)
    return ", ".join(
        f"{_value(places.get(column.name.lower()), column.type)} AS {quote_identifier(column.name)}"
        for column in columns
    )


def _value(place: int | None, kind: str) -> str:
    return f"CAST(NULL AS {kind})" if place is None else f"CAST(#{place} AS {kind})"
