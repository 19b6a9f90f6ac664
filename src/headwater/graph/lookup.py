"""Answers for compiling without a lake: `hw check`, `hw parse` and tests."""

from collections.abc import Mapping
from typing import Literal

from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.relations import Column, TableName
from headwater.graph.graph import LookupTable


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
