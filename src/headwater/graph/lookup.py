"""What compiling asks the lake through: nothing at all, or a lake that no budget counts."""

from collections.abc import Mapping
from typing import Literal

from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.relations import Column, TableName
from headwater.graph.graph import Lookup, LookupTable
from headwater.jinja.budget import Meter


class NoLookup:
    """A lake in which nothing exists and nothing can be asked."""

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Return None: there are no tables."""
        del relation
        return None

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Return None: there are no tables."""
        del relation
        return None

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Return None: there is no engine."""
        del sql, inputs
        return None

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        """Return None: nothing was asked."""
        del sql
        return None

    def run_query(self, sql: str) -> LookupTable:
        """Refuse.

        Raises:
            Invalid: ``no-lookup``.
        """
        raise Invalid(
            "no-lookup",
            "a macro asks the lake while compiling, and this command has none",
            why=" ".join(sql.split())[:200],
            fix="run `hw compile` or `hw plan`, which open the workspace",
        )


class UncountedLookup:
    """A lake whose answers are no part of what a template's budget counts."""

    def __init__(self, lookup: Lookup, meter: Meter) -> None:
        self._lookup = lookup
        self._meter = meter

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Pass the question on."""
        with self._meter.outside():
            return self._lookup.columns_or_none(relation)

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Pass the question on."""
        with self._meter.outside():
            return self._lookup.relation_kind_or_none(relation)

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Pass the question on; nobody asks it while a template runs."""
        return self._lookup.describe_or_none(sql, inputs)

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        """Pass the question on; nobody asks it while a template runs."""
        return self._lookup.refusal_or_none(sql)

    def run_query(self, sql: str) -> LookupTable:
        """Pass the query on.

        Raises:
            UserCodeError: The engine refused the query.
        """
        with self._meter.outside():
            return self._lookup.run_query(sql)
