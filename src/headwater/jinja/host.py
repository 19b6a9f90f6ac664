"""Host: what rendering asks its surroundings, one method a question.

Reading a project, compiling a graph and a test each answer in their own way; templates cannot tell.
"""

from typing import Protocol

from headwater.base.relations import Column, TableName
from headwater.jinja.relation import Relation


class QueryRows(Protocol):
    """The answer to a query."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Result columns."""
        ...

    @property
    def rows(self) -> tuple[tuple[object, ...], ...]:
        """Result rows, in order."""
        ...


WrittenVersion = str | int | float | None
"""A version of a model as ``ref`` was given it."""


class Host(Protocol):
    """Answers the questions of one node while it is rendered.

    May raise any ``HeadwaterError``; rendering fills in its place and passes it on.
    """

    @property
    def execute(self) -> bool:
        """Whether queries may run: dbt's ``execute``. False while a project is read."""
        ...

    @property
    def can_write(self) -> bool:
        """Whether statements that write may be sent: from hooks, not from a model's own text."""
        ...

    def ref(self, name: str, package: str | None, version: WrittenVersion) -> Relation:
        """Answer ``ref('name')``, ``ref('package', 'name')``, ``ref('name', v=2)``.

        For an ephemeral model return ``Relation.ephemeral(name)``.
        """
        ...

    def source(self, source_name: str, name: str) -> Relation:
        """Answer ``source('source_name', 'name')``."""
        ...

    def function(self, name: str, package: str | None) -> Relation:
        """Answer ``function('name')``, ``function('package', 'name')``."""
        ...

    def this(self) -> Relation | None:
        """Return the node's own relation; None for a node that has none."""
        ...

    def is_incremental(self) -> bool:
        """Answer ``is_incremental()``."""
        ...

    def run_query(self, sql: str) -> QueryRows:
        """Run a query of ``run_query`` or ``statement``; only asked when ``execute``."""
        ...

    def relation_or_none(self, table: TableName) -> Relation | None:
        """Return an existing table or view with its ``type``; only asked when ``execute``."""
        ...

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """Return the columns of a relation, none when it does not exist.

        Only asked when ``execute``.
        """
        ...

    def log(self, message: str, *, info: bool) -> None:
        """Take a message of ``log`` (``info`` when it is for the terminal) or ``print``."""
        ...

    def warn(self, message: str) -> None:
        """Take a message of ``exceptions.warn``."""
        ...
