"""Relation: the value that ``ref``, ``source`` and ``this`` return inside Jinja.

Macros treat it as text, as an object and as a mapping; all three must agree with what dbt gives.
"""

from collections.abc import Iterator, Mapping

from headwater.base.relations import TableName
from headwater.base.warehouses import DUCKDB, Naming, Warehouse, naming_of

EPHEMERAL_PREFIX = "__dbt__cte__"

_KEYS = ("database", "schema", "identifier", "type", "quote_policy", "include_policy", "metadata")
_PARTS = ("database", "schema", "identifier")
_DUCKDB_NAMING = naming_of(DUCKDB)


class Relation(Mapping[str, object]):
    """The name of a table, view or inlined query.

    Renders as ``"database"."schema"."identifier"`` in the warehouse's quotes; each part can be left
    out (``include``) or left unquoted (``quote``).

    Attributes:
        database: Catalog; None to leave it out.
        schema: Schema; None to leave it out.
        identifier: Table name.
        type: ``table``, ``view``, ``cte``, ``external`` or None when not known.
        limit: How many of its rows are read; None for all.
        condition: Which of its rows are read; empty for all. Both show in the text of the relation,
            and not in what ``render`` gives.
    """

    __slots__ = (
        "_included", "_quoted", "_shown", "_text", "_warehouse", "condition", "database",
        "identifier", "limit", "schema", "type",
    )  # fmt: skip

    # Jinja's templates read these names from the class: relation.Table
    Table = "table"
    View = "view"
    CTE = "cte"
    External = "external"

    def __init__(  # noqa: PLR0913 - three parts of a name, and how each is written
        self,
        *,
        database: str | None = None,
        schema: str | None = None,
        identifier: str | None = None,
        type: str | None = None,  # noqa: A002 - dbt's name, used as a keyword by macros
        included: tuple[bool, bool, bool] = (True, True, True),
        quoted: tuple[bool, bool, bool] = (True, True, True),
        warehouse: Warehouse = DUCKDB,
    ) -> None:
        self._warehouse = warehouse
        self.database = database
        self.schema = schema
        self.identifier = identifier
        self.type = type
        self._included = included
        self._quoted = quoted
        self.limit: int | None = None
        self.condition = ""
        self._text = self._write()
        self._shown = self._text

    @classmethod
    def of_table(
        cls, table: TableName, kind: str | None = None, naming: Naming = _DUCKDB_NAMING
    ) -> "Relation":
        """Make one from a three-part name, written as a project writes names."""
        return cls(
            database=table.catalog,
            schema=table.schema,
            identifier=table.name,
            type=kind,
            included=naming.warehouse.included,
            quoted=naming.quoted,
            warehouse=naming.warehouse,
        )

    @classmethod
    def ephemeral(cls, name: str) -> "Relation":
        """Make the relation of an ephemeral model: the bare name of its CTE."""
        return cls(identifier=EPHEMERAL_PREFIX + name, type="cte", quoted=(True, True, False))

    @staticmethod
    def add_ephemeral_prefix(name: str) -> str:
        """Return the CTE name of an ephemeral model."""
        return EPHEMERAL_PREFIX + name

    def _write(self) -> str:
        parts = zip(
            (self.database, self.schema, self.identifier), self._included, self._quoted, strict=True
        )
        return ".".join(
            self._warehouse.quote(part) if quoted else part
            for part, included, quoted in parts
            if included and part
        )

    def _show(self) -> str:
        """Return the text of the relation with only the rows of it that are read.

        As dbt-duckdb has it: without an alias, so that a query may give it one.
        """
        text = self._text
        if self.limit is not None:
            rows = "where false limit 0" if self.limit == 0 else f"limit {self.limit}"
            text = f"(select * from {text} {rows})"  # noqa: S608 - dbt's text
        if self.condition:
            where = f"where {self.condition}"
            text = f"(select * from {text} {where})"  # noqa: S608 - dbt's text
        return text

    def narrowed(self, *, limit: int | None, condition: str) -> "Relation":
        """Return the relation with only some of its rows; see the attributes."""
        copy = self._copy()
        return copy._narrow(limit, condition)  # noqa: SLF001 - of this class

    def _narrow(self, limit: int | None, condition: str) -> "Relation":
        self.limit, self.condition = limit, condition
        self._shown = self._show()
        return self

    def _copy(self, **changed: object) -> "Relation":
        values: dict[str, object] = {
            "database": self.database,
            "schema": self.schema,
            "identifier": self.identifier,
            "type": self.type,
            "included": self._included,
            "quoted": self._quoted,
            "warehouse": self._warehouse,
        }
        copy = Relation(**(values | changed))  # type: ignore[arg-type] # checked by each caller
        return copy._narrow(self.limit, self.condition)

    def at(self, version: int) -> "Relation":
        """Return the relation as it was at a version: ``ref('orders').at(3)``."""
        return self._copy(identifier=f"{self.identifier}@v{int(version)}")

    @property
    def name(self) -> str | None:
        """The identifier; dbt has both words."""
        return self.identifier

    @property
    def table(self) -> str | None:
        """The identifier; an older word for it."""
        return self.identifier

    @property
    def path(self) -> dict[str, str | None]:
        """The three parts."""
        return {"database": self.database, "schema": self.schema, "identifier": self.identifier}

    @property
    def project(self) -> str | None:
        """The catalog; BigQuery's word for it."""
        return self.database

    @property
    def dataset(self) -> str | None:
        """The schema; BigQuery's word for it."""
        return self.schema

    def is_hive_metastore(self) -> bool:
        """Whether it is in Databricks' catalog of old."""
        return (self.database or "hive_metastore").lower() == "hive_metastore"

    @property
    def table_name(self) -> TableName | None:
        """The three-part name; None when a part is missing."""
        if self.database and self.schema and self.identifier:
            return TableName(self.database, self.schema, self.identifier)
        return None

    @property
    def is_table(self) -> bool:
        """Whether it is known to be a table."""
        return self.type == "table"

    @property
    def is_view(self) -> bool:
        """Whether it is known to be a view."""
        return self.type == "view"

    @property
    def is_cte(self) -> bool:
        """Whether it is an inlined (ephemeral) query."""
        return self.type == "cte"

    @property
    def is_external_table(self) -> bool:
        """Whether it reads files outside the lake."""
        return self.type == "external"

    @property
    def is_materialized_view(self) -> bool:
        """Never: there are no materialized views here."""
        return False

    @property
    def is_dynamic_table(self) -> bool:
        """Never: another warehouse's word, which packages ask for."""
        return False

    @property
    def metadata(self) -> dict[str, str]:
        """What dbt_utils asks to recognise a relation."""
        return {"type": self._warehouse.relation}

    @property
    def quote_policy(self) -> dict[str, bool]:
        """Which parts are quoted."""
        return dict(zip(_PARTS, self._quoted, strict=True))

    @property
    def include_policy(self) -> dict[str, bool]:
        """Which parts are written."""
        return dict(zip(_PARTS, self._included, strict=True))

    def render(self) -> str:
        """Return the SQL text."""
        return self._text

    def include(
        self,
        database: bool | None = None,  # noqa: FBT001 - dbt's signature
        schema: bool | None = None,  # noqa: FBT001
        identifier: bool | None = None,  # noqa: FBT001
    ) -> "Relation":
        """Return a copy that writes or leaves out the named parts."""
        return self._copy(included=_changed(self._included, (database, schema, identifier)))

    def quote(
        self,
        database: bool | None = None,  # noqa: FBT001 - dbt's signature
        schema: bool | None = None,  # noqa: FBT001
        identifier: bool | None = None,  # noqa: FBT001
    ) -> "Relation":
        """Return a copy that quotes the named parts or not."""
        return self._copy(quoted=_changed(self._quoted, (database, schema, identifier)))

    def incorporate(self, **parts: object) -> "Relation":
        """Return a copy with another path or type."""
        changed: dict[str, object] = {}
        path = parts.get("path")
        if isinstance(path, Mapping):
            changed |= {key: path[key] for key in _PARTS if key in path}
        if "type" in parts:
            changed["type"] = _kind(parts["type"])
        return self._copy(**changed)

    def replace_path(self, **parts: str | None) -> "Relation":
        """Return a copy with other parts."""
        return self._copy(**{key: parts[key] for key in _PARTS if key in parts})

    def without_identifier(self) -> "Relation":
        """Return the schema alone."""
        return self.include(identifier=False)

    def information_schema(self, view_name: str | None = None) -> "Relation":
        """Return ``information_schema`` of the same catalog, or a view in it.

        BigQuery has one in every dataset.
        """
        return Relation(
            database=self.database,
            schema="INFORMATION_SCHEMA",
            identifier=str(view_name) if view_name else None,
            quoted=(self._quoted[0], False, False),
            included=(self._included[0], True, True),
            warehouse=self._warehouse,
        )

    def matches(
        self, database: str | None = None, schema: str | None = None, identifier: str | None = None
    ) -> bool:
        """Say whether the given parts are this relation's, ignoring case."""
        wanted = zip((database, schema, identifier), self.path.values(), strict=True)
        return all(part is None or part.lower() == (mine or "").lower() for part, mine in wanted)

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<Relation {self._text}>"

    def __html__(self) -> str:
        return self._shown

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Relation) and self._text == other._text

    def __getitem__(self, key: str) -> object:
        if key in _KEYS:
            return getattr(self, key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)

    def __bool__(self) -> bool:
        return True


class RelationKind:
    """``api.Relation``: makes the relations of one project's warehouse."""

    __slots__ = ("_naming",)

    # Jinja's templates read these names from the class: api.Relation.Table
    Table = Relation.Table
    View = Relation.View
    CTE = Relation.CTE
    External = Relation.External
    MaterializedView = "materialized_view"

    def __init__(self, naming: Naming) -> None:
        self._naming = naming

    def create(self, **parts: object) -> Relation:
        """Make one from dbt's keyword arguments; ``base table`` is a table."""
        naming = self._naming.with_quoting(parts.get("quote_policy"))
        included = _policy(parts.get("include_policy"), naming.warehouse.included)
        return Relation(
            database=_text_or_none(parts.get("database")),
            schema=_text_or_none(parts.get("schema")),
            identifier=_text_or_none(parts.get("identifier")),
            type=_kind(parts.get("type")),
            quoted=naming.quoted,
            included=included,
            warehouse=naming.warehouse,
        )

    @staticmethod
    def add_ephemeral_prefix(name: str) -> str:
        """Return the CTE name of an ephemeral model."""
        return EPHEMERAL_PREFIX + name


def _changed(
    old: tuple[bool, bool, bool], new: tuple[bool | None, bool | None, bool | None]
) -> tuple[bool, bool, bool]:
    first, second, third = (a if b is None else b for a, b in zip(old, new, strict=True))
    return first, second, third


def _policy(policy: object, default: tuple[bool, bool, bool]) -> tuple[bool, bool, bool]:
    if not isinstance(policy, Mapping):
        return default
    first, second, third = (
        bool(policy.get(part, was)) for part, was in zip(_PARTS, default, strict=True)
    )
    return first, second, third


def _text_or_none(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _kind(value: object) -> str | None:
    if value is None:
        return None
    text = str(value).lower()
    return {"base table": "table", "local temporary": "table"}.get(text, text)
