"""``adapter`` in Jinja: the questions that macros ask about the lake.

While a project is read (``execute`` false) nothing is asked: lookups answer "nothing there", as dbt
does. What would change the lake from inside a template is refused: only a plan's steps do that.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NoReturn

from jinja2 import pass_context
from jinja2.runtime import Context

from headwater.base.relations import TableName
from headwater.base.warehouses import Naming, naming_of
from headwater.jinja.column import ColumnKind, ColumnValue
from headwater.jinja.functions import scope_of
from headwater.jinja.host import Host
from headwater.jinja.relation import Relation as RelationValue
from headwater.jinja.relation import RelationKind
from headwater.jinja.render import BoundMacro, CompilerFault
from headwater.jinja.table import ResultTable


class Adapter:
    """dbt's adapter object.

    Attributes:
        Relation: Makes relations, as templates reach it.
        Column: Makes columns, as templates reach it.
        config: What packages read of dbt's own config of the project.
    """

    def __init__(
        self,
        host: Host,
        naming: Naming | None = None,
        config: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Answer for a warehouse.

        Args:
            host: The world.
            naming: How the project writes names; the embedded engine's way when None.
            config: See ``config``.
        """
        self._host = host
        self._naming = naming or Naming()
        self._warehouse = self._naming.warehouse
        self.Relation = RelationKind(self._naming)
        self.Column = ColumnKind(self._warehouse)
        self.config = config

    @pass_context
    def dispatch(
        self, context: Context, macro_name: str, macro_namespace: str | None = None
    ) -> BoundMacro:
        """Find the best implementation of a macro for this engine."""
        if "." in str(macro_name):
            message = f"adapter.dispatch takes a macro name without its package, got {macro_name!r}"
            raise CompilerFault(message)
        return scope_of(context).dispatch(macro_name, macro_namespace)

    def type(self) -> str:
        """Return the adapter type that packages know the warehouse by."""
        return self._warehouse.name

    def quote(self, identifier: object) -> str:
        """Quote an identifier."""
        return self._warehouse.quote(str(identifier))

    def quote_as_configured(self, identifier: object, part: str = "identifier") -> str:
        """Quote an identifier where the project quotes that part of a name."""
        is_quoted = dict(zip(_PARTS, self._naming.quoted, strict=True)).get(str(part), True)
        return self.quote(identifier) if is_quoted else str(identifier)

    def quote_seed_column(self, column: object, quote_config: object = None) -> str:
        """Quote a seed's column name unless told not to; Snowflake's only when told to."""
        default = any(naming_of(self._warehouse).quoted)
        wanted = default if quote_config is None else bool(quote_config)
        return self.quote(column) if wanted else str(column)

    @staticmethod
    def convert_type(_table: object, _index: int) -> str:
        """Return the type for a seed's column; seeds are typed by the engine here."""
        return "varchar"

    @staticmethod
    def is_motherduck() -> bool:
        """Never: there is no remote engine."""
        return False

    @staticmethod
    def is_ducklake(_relation: object = None) -> bool:
        """Never: tables are Delta tables."""
        return False

    @property
    def behavior(self) -> "_Behavior":
        """The behaviour flags, of which none is on: ``adapter.behavior.NAME``."""
        return _Behavior()

    def get_relation(
        self, database: object, schema: object, identifier: object
    ) -> RelationValue | None:
        """Return an existing table or view, or None."""
        if not self._host.execute or not (database and schema and identifier):
            return None
        return self._host.relation_or_none(TableName(str(database), str(schema), str(identifier)))

    def load_relation(self, relation: RelationValue) -> RelationValue | None:
        """Return the relation with its type when it exists, or None."""
        if not isinstance(relation, RelationValue):
            return None
        return self.get_relation(relation.database, relation.schema, relation.identifier)

    def already_exists(self, schema: object, identifier: object) -> bool:
        """Say whether a table of the target's catalog exists."""
        this = self._host.this()
        database = this.database if this else None
        return self.get_relation(database, schema, identifier) is not None

    def get_columns_in_relation(self, relation: RelationValue) -> list[ColumnValue]:
        """Return the columns of a relation; none while the project is being read."""
        if not self._host.execute or not isinstance(relation, RelationValue):
            return []
        return [
            self.Column.from_description(column.name, column.type)
            for column in self._host.columns(relation)
        ]

    def get_columns_in_table(self, schema: object, identifier: object) -> list[ColumnValue]:
        """Return the columns of a table of the target's catalog."""
        this = self._host.this()
        relation = self.Relation.create(
            database=this.database if this else None, schema=schema, identifier=identifier
        )
        return self.get_columns_in_relation(relation)

    def get_missing_columns(
        self, from_relation: RelationValue, to_relation: RelationValue
    ) -> list[ColumnValue]:
        """Return the columns that the first has and the second has not."""
        present = {column.name.lower() for column in self.get_columns_in_relation(to_relation)}
        return [
            column
            for column in self.get_columns_in_relation(from_relation)
            if column.name.lower() not in present
        ]

    def get_column_schema_from_query(self, sql: str) -> list[ColumnValue]:
        """Return the columns of a query's result."""
        if not self._host.execute:
            return []
        result = self._host.run_query(f"select * from ({sql}\n) as empty limit 0")  # noqa: S608 - a macro's own SQL
        return [self.Column.from_description(item.name, item.type) for item in result.columns]

    def execute(
        self,
        sql: str,
        auto_begin: bool = False,  # noqa: FBT001, FBT002 - dbt's signature
        fetch: bool = False,  # noqa: FBT001, FBT002
        limit: int | None = None,
    ) -> tuple[str, ResultTable]:
        """Run a query; returns dbt's pair of a response and a table."""
        del auto_begin, limit
        if not self._host.execute:
            return "", ResultTable((), ())
        result = self._host.run_query(sql)
        names = [column.name for column in result.columns]
        return "OK", ResultTable(names, result.rows if fetch else ())

    def check_schema_exists(self, database: object, schema: object) -> bool:
        """Say that a schema exists: every schema of the lake does as soon as it is named."""
        return bool(database or schema)

    @staticmethod
    def standardize_grants_dict(table: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
        """Group grant rows by privilege."""
        grants: dict[str, list[str]] = {}
        for row in table:
            grants.setdefault(row["privilege_type"], []).append(row["grantee"])
        return grants

    @staticmethod
    def expand_target_column_types(_from_relation: object, _to_relation: object) -> str:
        """Do nothing: text columns have no length here."""
        return ""

    def drop_relation(self, relation: RelationValue) -> None:
        """Drop a table or view if it exists."""
        self._change("drop_relation", f"drop {self._kind(relation)} if exists {relation}")

    def truncate_relation(self, relation: RelationValue) -> None:
        """Remove every row of a table."""
        self._change("truncate_relation", f"truncate table {relation}")

    def rename_relation(self, old: RelationValue, new: RelationValue) -> None:
        """Give a table or view another name in the same schema."""
        name = self.quote(new.identifier)
        self._change("rename_relation", f"alter {self._kind(old)} {old} rename to {name}")

    def create_schema(self, relation: RelationValue) -> None:
        """Do nothing where writing is allowed: a schema of the lake is there once it is named."""
        del relation
        self._change("create_schema", "")

    def drop_schema(self, relation: RelationValue) -> None:
        """Drop a schema, which the lake refuses."""
        self._change("drop_schema", f"drop schema {relation.schema}")

    @staticmethod
    def valid_incremental_strategies() -> list[str]:
        """Return the strategies that need no macro of the project."""
        return ["append", "delete+insert", "merge", "microbatch"]

    @staticmethod
    def get_incremental_strategy_macro(context: Mapping[str, object], name: object) -> object:
        """Return the macro that writes the statements of an incremental strategy."""
        stem = str(name or "default").replace("+", "_")
        found = context.get(f"get_incremental_{stem}_sql")
        if found is None:
            message = f"there is no macro `get_incremental_{stem}_sql` for the strategy `{name}`"
            raise CompilerFault(message, "macro-not-found")
        return found

    def _kind(self, relation: RelationValue) -> str:
        found = self.load_relation(relation)
        return str((found or relation).type or "table")

    def _change(self, name: str, sql: str) -> None:
        """Send a statement that writes; only from hooks, and while a node runs."""
        if self._host.execute:
            if not self._host.can_write:
                _Refused(name)()
            if sql:
                self._host.run_query(sql)

    def __getattr__(self, name: str) -> object:
        if name in _KEPT:
            return _nothing
        if name in _CHANGES:
            return _Refused(name) if self._host.execute else _nothing
        raise AttributeError(name)


_PARTS = ("database", "schema", "identifier")
_CHANGES = frozenset({"submit_python_job"})
_KEPT = frozenset({
    "cache_added", "cache_dropped", "cache_renamed", "store_relation", "commit",
    "commit_if_has_connection", "clear_transaction", "verify_database", "pre_model_hook",
    "post_model_hook", "add_begin_query",
})  # fmt: skip
"""What dbt keeps of a warehouse by itself, and there is nothing to keep of here."""


def _nothing(*_positional: object, **_named: object) -> None:
    return None


class _Behavior:
    __slots__ = ()

    def __getattr__(self, name: str) -> "_Off":
        if name.startswith("_"):
            raise AttributeError(name)
        return _Off()


class _Off:
    """A flag that is not on; ``no_warn`` is dbt's way of asking without a message."""

    __slots__ = ()
    no_warn = False

    def __bool__(self) -> bool:
        return False


class _Refused:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_positional: object, **_named: object) -> NoReturn:
        message = (
            f"`adapter.{self._name}` changes the lake from inside a template, "
            "which only the steps of a plan do"
        )
        raise CompilerFault(message, "jinja-unsupported")
