"""What is known of each warehouse that a dbt profile may name: one table of plain values.

On the ground floor, because every room needs a part of it: profiles its keys, Jinja its prefixes,
quoting and types, the reader of SQL its dialect. Nothing here connects to anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Parts = tuple[bool, bool, bool]
"""One answer each for catalog, schema and table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnWords:
    """How a warehouse speaks of column types.

    Attributes:
        labels: Its words for dbt's generic types, by upper-case label.
        lower: Its words for types are written in lower case, whatever was asked for.
        strings: Lower-case names of its text types.
        floats: Lower-case names of its floating-point types.
        integers: Lower-case names of its integer types.
        numerics: Lower-case names of its decimal types.
        sized_text: Its type of text of a length, with ``{size}``.
        default_size: Length of text where none is declared, in characters.
        shows_size: A text type is always written with a length, but for those of ``sizeless``.
        sizeless: Lower-case text types that are written as they are where no length is declared.
        shows_arguments: Types are written with their arguments; false: as the warehouse gave them.
        numeric: Its only name of decimals; empty when the name asked for is kept.
        has_precision: Decimals are written with precision and scale.
        literal: How a value becomes one of a type, with ``{value}`` and ``{type}``.
    """

    labels: Mapping[str, str] = field(default_factory=lambda: {"STRING": "TEXT"})
    lower: bool = False
    strings: frozenset[str] = frozenset({"text", "character varying", "character", "varchar"})
    floats: frozenset[str] = frozenset(
        {"real", "float4", "float", "double precision", "float8", "double"}
    )
    integers: frozenset[str] = frozenset(
        [
            "smallint",
            "integer",
            "bigint",
            "smallserial",
            "serial",
            "bigserial",
            "int2",
            "int4",
            "int8",
            "serial2",
            "serial4",
            "serial8",
        ]
    )
    numerics: frozenset[str] = frozenset({"numeric", "decimal"})
    sized_text: str = "character varying({size})"
    default_size: int = 256
    shows_size: bool = True
    sizeless: frozenset[str] = frozenset()
    shows_arguments: bool = True
    numeric: str = ""
    has_precision: bool = True
    literal: str = "{value}::{type}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """A warehouse as dbt projects meet it.

    Attributes:
        name: ``type`` of the profile's output, and ``target.type``.
        prefixes: Prefixes that ``adapter.dispatch`` tries, best first.
        dialect: Name of its SQL for the parser.
        mark: The sign around quoted names.
        quoted: Which parts of a relation are quoted unless the project says otherwise.
        included: Which parts of a relation are written.
        relation: What ``relation.metadata.type`` says.
        catalog_keys: Keys of the output that name the catalog, the best first.
        catalog_default: Catalog where the output names none; empty when it must.
        schema_keys: Keys of the output that name the schema, the best first.
        shown: Keys of the output that templates see as ``target.KEY``; never a secret.
        words: How it speaks of column types.
    """

    name: str
    prefixes: tuple[str, ...]
    dialect: str
    mark: str = '"'
    quoted: Parts = (True, True, True)
    included: Parts = (True, True, True)
    relation: str
    catalog_keys: tuple[str, ...] = ("database",)
    catalog_default: str = ""
    schema_keys: tuple[str, ...] = ("schema",)
    shown: tuple[str, ...] = ()
    words: ColumnWords = field(default_factory=ColumnWords)

    def quote(self, name: str) -> str:
        """Quote one identifier; a mark inside is doubled."""
        return self.mark + name.replace(self.mark, self.mark * 2) + self.mark

    @property
    def is_embedded(self) -> bool:
        """Whether its SQL is the embedded engine's own."""
        return self.dialect == DUCKDB.dialect


_DUCKDB_INTEGERS = frozenset({
    "tinyint", "smallint", "integer", "bigint", "hugeint", "int", "int1", "int2", "int4", "int8",
    "int16", "int32", "int64", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint",
    "smallserial", "serial", "bigserial", "serial2", "serial4", "serial8", "long", "short",
})  # fmt: skip

DUCKDB = Warehouse(
    name="duckdb",
    prefixes=("duckdb", "default"),
    dialect="duckdb",
    relation="DuckDBRelation",
    words=ColumnWords(
        strings=frozenset({
            "text", "character varying", "character", "varchar", "char", "bpchar", "string",
        }),
        integers=_DUCKDB_INTEGERS,
        shows_size=True,
    ),
)  # fmt: skip
"""The embedded engine."""

_SNOWFLAKE = Warehouse(
    name="snowflake",
    prefixes=("snowflake", "default"),
    dialect="snowflake",
    quoted=(False, False, False),
    relation="SnowflakeRelation",
    shown=(
        "account", "user", "database", "warehouse", "role", "authenticator", "query_tag",
        "client_session_keep_alive", "host", "port", "protocol",
    ),
    words=ColumnWords(
        floats=frozenset({"float", "float4", "float8", "double", "double precision", "real"}),
        integers=frozenset(),
        numerics=frozenset({
            "int", "integer", "bigint", "smallint", "tinyint", "byteint", "numeric", "decimal",
            "number",
        }),
        default_size=16_777_216,
    ),
)  # fmt: skip

_BIGQUERY = Warehouse(
    name="bigquery",
    prefixes=("bigquery", "default"),
    dialect="bigquery",
    mark="`",
    relation="BigQueryRelation",
    catalog_keys=("database", "project"),
    schema_keys=("schema", "dataset"),
    shown=(
        "method", "database", "project", "dataset", "execution_project", "location", "priority",
        "maximum_bytes_billed", "impersonate_service_account", "job_retries", "gcs_bucket",
        "job_execution_timeout_seconds", "timeout_seconds", "compute_region", "dataproc_region",
        "dataproc_cluster_name",
    ),
    words=ColumnWords(
        labels={"TEXT": "STRING", "FLOAT": "FLOAT64", "INTEGER": "INT64"},
        strings=frozenset({"string"}),
        floats=frozenset({"float64"}),
        integers=frozenset({"int64"}),
        numerics=frozenset({"numeric"}),
        shows_arguments=False,
        has_precision=False,
        literal="cast({value} as {type})",
    ),
)  # fmt: skip

_POSTGRES = Warehouse(
    name="postgres",
    prefixes=("postgres", "default"),
    dialect="postgres",
    relation="PostgresRelation",
    catalog_keys=("database", "dbname"),
    shown=(
        "host", "port", "user", "database", "dbname", "connect_timeout", "role", "search_path",
        "keepalives_idle", "sslmode", "application_name", "retries",
    ),
    words=ColumnWords(sizeless=frozenset({"text", "character varying"})),
)  # fmt: skip

_REDSHIFT = Warehouse(
    name="redshift",
    prefixes=("redshift", "postgres", "default"),
    dialect="redshift",
    relation="RedshiftRelation",
    catalog_keys=("database", "dbname"),
    shown=(
        "host", "port", "user", "database", "dbname", "method", "cluster_id", "iam_profile",
        "sslmode", "region", "ra3_node", "autocreate", "db_groups", "role", "retries",
    ),
)  # fmt: skip

_SPARK_WORDS = ColumnWords(
    labels={},
    strings=frozenset({"text", "character varying", "character", "varchar", "string"}),
    shows_arguments=False,
    numeric="decimal",
    literal="cast({value} as {type})",
)

_SPARK = Warehouse(
    name="spark",
    prefixes=("spark", "default"),
    dialect="spark",
    mark="`",
    quoted=(False, False, False),
    included=(False, True, True),
    relation="SparkRelation",
    catalog_keys=(),
    catalog_default="spark_catalog",
    shown=("host", "port", "cluster", "endpoint", "organization", "method"),
    words=_SPARK_WORDS,
)

_DATABRICKS = Warehouse(
    name="databricks",
    prefixes=("databricks", "spark", "default"),
    dialect="databricks",
    mark="`",
    relation="DatabricksRelation",
    catalog_keys=("database", "catalog"),
    catalog_default="hive_metastore",
    shown=("host", "http_path", "database", "catalog", "session_properties"),
    words=ColumnWords(
        labels={"LONG": "BIGINT"},
        lower=True,
        strings=_SPARK_WORDS.strings,
        shows_arguments=False,
        numeric="decimal",
        literal="cast({value} as {type})",
    ),
)

_TRINO_WORDS = ColumnWords(
    labels={"STRING": "VARCHAR", "FLOAT": "DOUBLE"},
    strings=frozenset({"varchar", "char"}),
    floats=frozenset({"real", "double precision", "double"}),
    integers=frozenset({"tinyint", "smallint", "integer", "int", "bigint"}),
    sized_text="varchar({size})",
    sizeless=frozenset({"varchar"}),
)

_TRINO = Warehouse(
    name="trino",
    prefixes=("trino", "default"),
    dialect="trino",
    relation="TrinoRelation",
    catalog_keys=("database", "catalog"),
    shown=(
        "host", "port", "user", "database", "catalog", "cert", "prepared_statements_enabled",
    ),
    words=_TRINO_WORDS,
)  # fmt: skip

_ATHENA = Warehouse(
    name="athena",
    prefixes=("athena", "default"),
    dialect="athena",
    relation="AthenaRelation",
    catalog_keys=("database", "catalog"),
    catalog_default="awsdatacatalog",
    shown=("database", "catalog", "region_name", "s3_staging_dir", "s3_data_dir", "work_group"),
    words=_TRINO_WORDS,
)

_CLICKHOUSE = Warehouse(
    name="clickhouse",
    prefixes=("clickhouse", "default"),
    dialect="clickhouse",
    mark="`",
    included=(False, True, True),
    relation="ClickHouseRelation",
    catalog_keys=(),
    catalog_default="clickhouse",
    shown=("driver", "host", "port", "user", "cluster", "verify", "secure"),
    words=ColumnWords(labels={"STRING": "String"}, shows_arguments=False),
)

_SQLSERVER = Warehouse(
    name="sqlserver",
    prefixes=("sqlserver", "fabric", "default"),
    dialect="tsql",
    relation="SQLServerRelation",
    shown=("host", "server", "port", "user", "database", "driver", "authentication"),
    words=ColumnWords(
        labels={"STRING": "VARCHAR(8000)", "TIMESTAMP": "DATETIME2(6)", "BOOLEAN": "BIT"}
    ),
)

WAREHOUSES: Mapping[str, Warehouse] = MappingProxyType({
    each.name: each
    for each in (
        DUCKDB, _SNOWFLAKE, _BIGQUERY, _DATABRICKS, _SPARK, _REDSHIFT, _POSTGRES, _TRINO, _ATHENA,
        _CLICKHOUSE, _SQLSERVER,
    )
})  # fmt: skip
"""By the ``type`` of a profile's output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a project writes the names of tables: its warehouse, and its own ``quoting``.

    Attributes:
        warehouse: For the mark, and for the parts that are written.
        quoted: Which parts are quoted.
    """

    warehouse: Warehouse = DUCKDB
    quoted: Parts = (True, True, True)

    def with_quoting(self, quoting: object) -> "Naming":
        """Return the same with dbt's ``quoting`` mapping applied; its nulls change nothing."""
        if not isinstance(quoting, Mapping):
            return self
        catalog, schema, table = (
            was if quoting.get(part) is None else bool(quoting[part])
            for part, was in zip(("database", "schema", "identifier"), self.quoted, strict=True)
        )
        return Naming(warehouse=self.warehouse, quoted=(catalog, schema, table))


def naming_of(warehouse: Warehouse, quoting: object = None) -> Naming:
    """Return how a project on a warehouse writes names.

    Args:
        warehouse: The warehouse.
        quoting: ``quoting`` of dbt_project.yml.
    """
    return Naming(warehouse=warehouse, quoted=warehouse.quoted).with_quoting(quoting)
