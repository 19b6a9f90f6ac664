"""What a node's templates see while it is compiled: its references, itself, and the lake's answers.

One host serves one rendering, and notes what the text asked for, because that decides how often
the text must be rendered and which CTEs it needs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.base.warehouses import Naming, naming_of
from headwater.graph.graph import Lookup, LookupTable
from headwater.graph.resolve import Names, find, find_function
from headwater.graph.said import Said
from headwater.graph.substitutes import Substitutes, time_filter
from headwater.graph.warehouses import UnaskedTable, not_asked
from headwater.jinja.host import WrittenVersion
from headwater.jinja.relation import Relation
from headwater.project.naming import relation_of
from headwater.project.node import Node, Ref, SourceRef
from headwater.sql.effects import only_reads
from headwater.sql.translate import warehouse_type


@dataclass(frozen=True, slots=True)
class NoRows:
    """The answer to a statement that is kept and not sent."""

    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()


class CompileHost:
    """Answers the questions of one node.

    Attributes:
        used: Ephemeral models that the text referred to, in order.
        asked_incremental: Whether the text asked ``is_incremental()``.
        diagnostics: Warnings of macros.
        said: What macros printed and logged.
        tell: Takes that, line by line; keeps it in ``said``.
        instead: What is read in place of the node's inputs.
        sent: Statements of macros that do more than read, kept instead of sent; None where they
            are refused.
        has_lost_query: A query of a macro failed while statements were kept.
        is_live: The node runs now: whatever macros send is sent.
        has_asked: The text asked what is in the lake, or for the columns of a relation.
        has_queried: Macros sent a statement, be it kept, lost or answered.
    """

    def __init__(  # noqa: PLR0913 - everything that a template may ask about
        self,
        node: Node,
        names: Names,
        inputs: frozenset[NodeId],
        planned: Mapping[TableName, tuple[Column, ...]],
        lookup: Lookup,
        *,
        incremental: bool = False,
        naming: Naming | None = None,
    ) -> None:
        """Answer for one rendering.

        Args:
            node: What is rendered.
            names: Where references are looked up.
            inputs: What the node may refer to.
            planned: Columns of nodes that were compiled before.
            lookup: The lake.
            incremental: What ``is_incremental()`` answers.
            naming: How names are written; the embedded engine's way when None.
        """
        self._naming = naming or Naming()
        self.instead = Substitutes()
        self._node = node
        self._names = names
        self._inputs = inputs
        self._planned = planned
        self._lookup = lookup
        self._incremental = incremental
        self.used: dict[NodeId, None] = {}
        self.asked_incremental = False
        self.diagnostics: list[Diagnostic] = []
        self.said: list[Said] = []
        self.tell: Callable[[Said], object] = self.said.append
        self.sent: list[str] | None = None
        self.has_lost_query = False
        self.is_live = False
        self.has_asked = False
        self.has_queried = False
        self._has_said_unasked = False

    @property
    def execute(self) -> bool:
        """True: queries may run."""
        return True

    def ref(self, name: str, package: str | None, version: WrittenVersion) -> Relation:
        """Return the relation of the node that a ``ref`` means.

        Raises:
            HeadwaterError: There is no such node, or the reference was not seen when the project
                was read (``ref-not-inferred``).
        """
        found = self._found(Ref(name=name, package=package, version=version))
        if found.materialized == "ephemeral" and found.resource_type == "model":
            self.used[found.unique_id] = None
            return self._narrowed(Relation.ephemeral(found.alias), found)
        relation = relation_of(self._naming, found, self.instead.deferred.get(found.unique_id))
        if relation is None:
            raise Invalid(
                "ref-not-found",
                f"`{found.name}` is no table",
                fix="ref a model, a seed or a snapshot",
            )
        return self._narrowed(relation, found)

    def source(self, source_name: str, name: str) -> Relation:
        """Return the relation of a source table.

        Raises:
            HeadwaterError: As for ``ref``.
        """
        found = self._named(SourceRef(source_name=source_name, name=name))
        # As in dbt, `quoting` of dbt_project.yml does not count for sources.
        relation = relation_of(naming_of(self._naming.warehouse), found)
        if relation is None:
            raise Invalid(
                "source-not-found",
                f"source `{source_name}.{name}` has no table",
                fix="list the table below its source in a properties file",
            )
        return self._narrowed(relation, found)

    def _narrowed(self, relation: Relation, found: Node) -> Relation:
        condition = time_filter(self._node, found, self.instead.sample)
        if not (self.instead.is_empty or condition):
            return relation
        limit = 0 if self.instead.is_empty else None
        return relation.narrowed(limit=limit, condition=condition)

    def function(self, name: str, package: str | None) -> Relation:
        """Return the name of a function.

        Raises:
            HeadwaterError: There is no such function (``ref-not-found``).
        """
        found = find_function(self._names, self._node, Ref(name=name, package=package))
        if isinstance(found, Diagnostic):
            raise _raised(found)
        place = self.instead.deferred.get(found.unique_id) or found.place
        assert place is not None  # noqa: S101 - every function has a place
        return Relation.of_table(place)

    def _referred(self) -> Iterator[Node]:
        """Give the nodes that the node refers to."""
        for ref in self._node.refs:
            found = find(self._names, self._node, ref)
            if isinstance(found, Node):
                yield found

    def _named(self, call: Ref | SourceRef) -> Node:
        found = find(self._names, self._node, call)
        if isinstance(found, Diagnostic):
            raise _raised(found)
        return found

    def _found(self, call: Ref) -> Node:
        found = self._named(call)
        if found.unique_id not in self._inputs:
            raise Invalid(
                "ref-not-inferred",
                f"`{self._node.name}` refers to `{found.name}` only while it is compiled",
                why="the order of nodes was decided before, without this reference",
                fix=f"add a line that is always seen: `-- depends_on: {_written(call)}`",
            )
        return found

    def this(self) -> Relation | None:
        """Return the node's own relation; of an ephemeral model, where it would be."""
        would_be = self._node.place if self._node.resource_type == "model" else None
        return relation_of(self._naming, self._node, self._node.relation or would_be)

    def is_incremental(self) -> bool:
        """Answer for the variant that is being compiled."""
        self.asked_incremental = True
        return self._incremental

    @property
    def can_write(self) -> bool:
        """Whether macros may send statements that write: from hooks, and while a node runs."""
        return self.is_live or self.sent is not None

    def run_query(self, sql: str) -> LookupTable:
        """Ask the lake; that a warehouse was not asked is said once."""
        self.has_asked = self.has_queried = True
        if self.sent is not None and not only_reads(sql):
            self.sent.append(sql)
            return NoRows()
        try:
            found = self._lookup.run_query(sql)
        except HeadwaterError:
            self.has_lost_query = True
            raise
        if isinstance(found, UnaskedTable) and not self._has_said_unasked:
            self._has_said_unasked = True
            self.diagnostics.append(not_asked(self._node, sql))
        return found

    def relation_or_none(self, table: TableName) -> Relation | None:
        """Return a table or view that exists now."""
        self.has_asked = True
        kind = self._lookup.relation_kind_or_none(table)
        if kind is None and table in self._planned and self.sent is None and not self.is_live:
            self._note_if_too_early(table)
        return Relation.of_table(table, kind, self._naming) if kind else None

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        """Return columns as they will be when the node is built, else those of the lake."""
        self.has_asked = True
        table = relation.table_name
        if table is None and self.is_live and relation.identifier:
            table = TableName("", "", relation.identifier)  # a temporary table
        if table is None:
            wanted = (relation.schema, relation.identifier)
            table = next(
                (each for each in self._planned if (each.schema, each.name) == wanted), None
            )
        if table is None:
            return ()
        columns = self._planned.get(table) or ()
        if not all(column.type for column in columns):
            columns = _typed(columns, self._lookup.columns_or_none(table) or ())
        columns = columns or self._lookup.columns_or_none(table) or ()
        dialect = self._naming.warehouse.dialect
        return tuple(
            replace(column, type=warehouse_type(column.type, dialect)) for column in columns
        )

    def _note_if_too_early(self, table: TableName) -> None:
        """Say once that a text was made for a lake without an input that is yet to be built."""
        if not any(each.relation == table for each in self._referred()):
            return  # nothing says that it is built before, in dbt neither
        found = Diagnostic(
            code="compiled-too-early",
            severity="warning",
            what=f"`{self._node.name}` asks whether `{table}` is there, which is not built yet",
            why="its text is made before anything runs, as if that were never to be there",
            fix="build once more: then the text is made anew, and what it changes is built",
            where=self._node.where,
            node=self._node.unique_id,
        )
        if found not in self.diagnostics:
            self.diagnostics.append(found)

    def log(self, message: str, *, info: bool) -> None:
        """Keep what is said, as long as nobody listens: compiling itself says nothing."""
        self.tell(Said(text=message, is_info=info))

    def warn(self, message: str) -> None:
        """Turn the message into a finding."""
        self.diagnostics.append(
            Diagnostic(
                code="macro-warned",
                severity="warning",
                what=message,
                fix="do what the macro asks for, or override the macro",
                where=self._node.where,
                node=self._node.unique_id,
            )
        )


def _typed(columns: tuple[Column, ...], stored: tuple[Column, ...]) -> tuple[Column, ...]:
    """Take types that could not be inferred from the table as it is."""
    types = {column.name.lower(): column.type for column in stored}
    return tuple(
        column if column.type else replace(column, type=types.get(column.name.lower(), ""))
        for column in columns
    )


def _written(call: Ref | SourceRef) -> str:
    if isinstance(call, SourceRef):
        return f"{{{{ source('{call.source_name}', '{call.name}') }}}}"
    package = f"'{call.package}', " if call.package else ""
    version = f", v={call.version}" if call.version else ""
    return f"{{{{ ref({package}'{call.name}'{version}) }}}}"


def _raised(found: Diagnostic) -> HeadwaterError:
    return Invalid(found.name, found.what, why=found.why, fix=found.fix, where=found.where)


class FixtureHost(CompileHost):
    """What a unit test's model sees: its inputs are CTEs of given rows.

    Attributes:
        missing: Inputs that the model read and the test does not give.
    """

    def __init__(
        self,
        node: Node,
        names: Names,
        lookup: Lookup,
        fixtures: Mapping[NodeId, str],
        *,
        incremental: bool,
        naming: Naming | None = None,
    ) -> None:
        inputs = frozenset(fixtures)
        super().__init__(node, names, inputs, {}, lookup, incremental=incremental, naming=naming)
        self._fixtures = fixtures
        self.missing: dict[str, None] = {}

    def ref(self, name: str, package: str | None, version: WrittenVersion) -> Relation:
        """Return the CTE of a given input."""
        return self._fixture(Ref(name=name, package=package, version=version))

    def source(self, source_name: str, name: str) -> Relation:
        """Return the CTE of a given input."""
        return self._fixture(SourceRef(source_name=source_name, name=name))

    def _fixture(self, call: Ref | SourceRef) -> Relation:
        found = find(self._names, self._node, call)
        if isinstance(found, Diagnostic):
            raise _raised(found)
        if found.unique_id not in self._fixtures:
            self.missing[_written(call)] = None
        return _cte(self._fixtures.get(found.unique_id, found.name))

    def this(self) -> Relation | None:
        """Return the CTE of the model's earlier rows when they are given, else its table."""
        own = self._fixtures.get(NodeId("this"))
        return _cte(own) if own else super().this()


def _cte(name: str) -> Relation:
    return Relation(identifier=name, type="cte", quoted=(True, True, False))
