"""Points dbt-core's own functional tests at our runner: a pytest plugin for their process.

It is loaded into a Python that has dbt-core, where the suite's fixtures and helpers are dbt's. What
reaches past the command line into a database is answered from the lake; what cannot be (a table
made by hand in the warehouse) fails its test, and counts as failed.
"""

import dataclasses
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import agate  # type: ignore[import-not-found] # installed where the suite runs
import dbt.cli.main
import dbt.exceptions
import dbt.tests.fixtures.project as fixtures
import dbt.version
import dbt_common.exceptions
import duckdb
import pytest
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import FunctionNode
from dbt.tests import util

from headwater import TableName, Workspace
from headwater.base.clock import Clock, FixedClock, SystemClock
from headwater.base.errors import HeadwaterError
from headwater.dbt import Record, RunExecutionResult, RunResult, dbtRunner, dbtRunnerResult
from headwater.jinja.functions import DBT_VERSION

BUILDING = frozenset({"build", "run", "seed", "snapshot", "test"})
VERBS = BUILDING | {"ls", "list", "parse", "compile", "show", "source", "docs", "retry", "clone"}


def _leaves(*modules: ModuleType) -> tuple[type[Exception], ...]:
    """Return the exceptions of modules from which no other of them is derived."""
    found = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, dbt_common.exceptions.DbtBaseException)
    }
    derived = {base for each in found for base in each.__mro__[1:]}
    return tuple(sorted(found - derived, key=lambda each: each.__qualname__))


class Refused(*_leaves(dbt.exceptions, dbt_common.exceptions)):  # type: ignore[misc] # made above
    """What a test that waits for one of dbt's exceptions gets: which of them is not compared."""

    def __init__(self, error: HeadwaterError) -> None:
        Exception.__init__(self, str(error))
        self.error = error

    def __str__(self) -> str:
        notes = getattr(self.error, "__notes__", ())
        return "\n".join([str(self.error), self.error.why, self.error.fix, *notes])

    @property
    def msg(self) -> str:
        """What some tests compare with dbt's words."""
        return str(self)


class Runner:
    """Our runner, whose refusals are exceptions that dbt's tests know."""

    clock: Clock = SystemClock()

    def __init__(self, manifest: Any = None, callbacks: Any = None) -> None:
        self.runner = dbtRunner(manifest=manifest, callbacks=callbacks, clock=Runner.clock)

    def invoke(self, args: Iterable[str], **options: object) -> dbtRunnerResult:
        words = list(args)
        verb = next((word for word in words if word in VERBS), "")
        if verb in BUILDING and "--help" not in words:
            words.append("--force")  # build again what has not changed, as dbt does
        ended = self.runner.invoke(words, **options)
        if isinstance(ended.exception, HeadwaterError) and not _is_missing(ended.exception):
            return dbtRunnerResult(success=False, exception=Refused(ended.exception))
        if isinstance(ended.result, RunExecutionResult):
            results = [as_dbts_own(each) for each in ended.result]
            return dbtRunnerResult(
                success=ended.success, result=dataclasses.replace(ended.result, results=results)
            )
        if isinstance(ended.result, Record) and "parent_map" in ended.result:
            return dbtRunnerResult(success=ended.success, result=manifest_of(ended.result))
        return ended


@contextmanager
def end_time(text: str) -> Iterator[None]:
    """Let commands believe in a time, as the suite does of the last batch of microbatch models."""
    Runner.clock = FixedClock(datetime.fromisoformat(text).replace(tzinfo=UTC))
    try:
        yield
    finally:
        Runner.clock = SystemClock()


def as_dbts_own(result: RunResult) -> RunResult:
    """Give a result with dbt's classes where tests ask for them: of functions, and of rows."""
    table, node = result.agate_table, result.node
    if table is not None:
        rows = [tuple(row.values()) for row in table.rows]
        table = agate.Table(rows, [*table.column_names])
    if node.get("resource_type") == "function" and "config" in node:
        node = FunctionNode.from_dict(node.to_dict())
    return dataclasses.replace(result, agate_table=table, node=node)


def _is_missing(error: HeadwaterError) -> bool:
    """Say whether a command was refused because it lacks something, which is no fault found."""
    said = str(error).lower()
    return error.code == "dbt-option-missing" or (
        error.code == "usage-invalid" and ("no such" in said or "unexpected" in said)
    )


def manifest_of(document: Record) -> Manifest:
    """Read the result of ``parse`` with dbt's own classes, as dbt reads that of its v2 parser."""
    return Manifest.from_writable_manifest(WritableManifest.from_dict(document.to_dict()))


def as_duckdb(text: str, name: str = "") -> str:
    """Write the suite's times as DuckDB reads them.

    Postgres takes an offset of `-0` and forgets it, and quotes around a time in a CSV file;
    DuckDB takes neither, and no test is about them.
    """
    bare = re.sub(r"(\d\d:\d\d:\d\d)-0'", r"\1'", text)
    return re.sub(r"'(\d{4}-[^',]*)'", r"\1", bare) if name.endswith(".csv") else bare


def write_file(contents: str, *paths: str) -> None:
    """Write a file of a project, as the suite does, with times that DuckDB reads."""
    place = Path(*map(str, paths))
    place.write_text(as_duckdb(contents, place.name), encoding="utf-8")


def run_sql(self: Any, sql: str, fetch: str | None = None) -> Any:
    """Answer a query from the lake; what makes a table is done elsewhere and loaded into it."""
    text = as_duckdb(sql.format(schema=self.test_schema, database=self.database).strip())
    if not text:
        return None
    if not text.lower().lstrip("(").startswith(("select", "with")):
        return load(self, text)
    with Workspace.open(self.project_root, environment=dict(os.environ)) as workspace:
        rows = workspace.sql(text, rows_max=100_000).rows
    return rows[0] if fetch == "one" else list(rows) if fetch == "all" else None


def load(project: Any, statements: str) -> None:
    """Run statements in a database of the test's own, and load what they made into the lake.

    Tables of the lake that the statements name are there as they are in the lake.
    """
    folder = Path(project.profiles_dir) / "by_hand"
    folder.mkdir(exist_ok=True)
    dropped = re.fullmatch(r"(?is)drop (?:table|view)\s+(?:if exists\s+)?(\S+?)\s*;?", statements)
    if dropped:
        drop(project, dropped[1].replace('"', "").split(".")[-1])
        return
    with (
        Workspace.open(project.project_root, environment=dict(os.environ)) as workspace,
        duckdb.connect(folder / f"{project.database}.duckdb") as connection,
    ):
        connection.execute(f'create schema if not exists "{project.test_schema}"')
        connection.execute(f'use "{project.test_schema}"')
        before = _names(connection)
        named = _copy_named(workspace, connection, project.test_schema, statements)
        connection.execute(statements)
        for schema, name in (_names(connection) - before) | named:
            file = folder / f"{schema}.{name}.parquet"
            connection.execute(f'copy "{schema}"."{name}" to \'{file}\'')
            table = TableName(project.database, schema, name)
            workspace.load(table, f"select * from read_parquet('{file}')", mode="overwrite")


def drop(project: Any, name: str) -> None:
    """Take a table away, as somebody would who removes its folder."""
    with Workspace.open(project.project_root, environment=dict(os.environ)) as workspace:
        for table in workspace.tables():
            _, schema, found = table.name.split(".")
            if (schema, found) == (project.test_schema, name) and table.location:
                shutil.rmtree(table.location)


def _names(connection: Any) -> set[tuple[str, str]]:
    query = "select table_schema, table_name from information_schema.tables"
    return set(connection.execute(query).fetchall())


def _copy_named(
    workspace: Workspace, connection: Any, schema: str, statements: str
) -> set[tuple[str, str]]:
    """Copy what statements name of the lake into the test's own database; return the tables."""
    named = set()
    for table in workspace.tables():
        _, place, name = table.name.split(".")
        if place != schema or not re.search(rf"\b{name}\b", statements):
            continue
        found = workspace.sql(f'select * from "{schema}"."{name}"', rows_max=100_000)
        columns = ", ".join(f'"{column.name}" {column.type}' for column in found.columns)
        connection.execute(f'create or replace table "{schema}"."{name}" ({columns})')
        marks = ", ".join("?" for _ in found.columns)
        if found.rows:
            connection.executemany(f'insert into "{schema}"."{name}" values ({marks})', found.rows)
        if table.kind == "table":
            named.add((schema, name))
    return named


def tables(self: Any) -> dict[str, str]:
    """Return the kind of every relation in the test's schema."""
    with Workspace.open(self.project_root, environment=dict(os.environ)) as workspace:
        found = [(table.name.split("."), table.kind) for table in workspace.tables()]
    return {name[2]: kind for name, kind in found if name[1] == self.test_schema}


def relations_equal(adapter: Any, names: list[str], compare_snapshot_cols: bool = False) -> None:
    """Compare relations of the lake as dbt does: by the first one's columns, both ways round."""
    schema = adapter.config.credentials.schema
    with Workspace.open(os.getcwd(), environment=dict(os.environ)) as workspace:  # noqa: PTH109
        first, *others = [_full_name(name, schema) for name in names]
        shown = workspace.sql(f"select * from {first}", rows_max=1).columns
        kept = [column.name for column in shown if compare_snapshot_cols or not _is_own(column)]
        columns = ", ".join(f'"{name}"' for name in kept)
        for other in others:
            one, two = (f"select {columns} from {table}" for table in (first, other))
            sql = f"(({one}) except ({two})) union all (({two}) except ({one}))"
            differing = workspace.sql(sql, rows_max=10).rows
            assert differing == (), f"{first} and {other} differ: {differing}"
            counted = f"select (select count(*) from {first}) - (select count(*) from {other})"
            assert workspace.sql(counted).rows == ((0,),), f"{first} and {other} differ in length"


def _is_own(column: Any) -> bool:
    return str(column.name).lower().startswith("dbt_")


def _full_name(name: str, schema: str) -> str:
    *_, place, last = (schema, *name.replace('"', "").split("."))
    return f'"{place}"."{last}"'


def table_is_there(adapter: Any, name: str) -> None:
    """Check that the lake has a table."""
    assert _is_there(adapter, name)


def table_is_not_there(adapter: Any, name: str) -> None:
    """Check that the lake has no such table."""
    assert not _is_there(adapter, name)


def _is_there(adapter: Any, name: str) -> bool:
    full = _full_name(name, adapter.config.credentials.schema).replace('"', "")
    with Workspace.open(os.getcwd(), environment=dict(os.environ)) as workspace:  # noqa: PTH109
        return any(table.name.endswith(f".{full}") for table in workspace.tables())


def run_and_capture(args: list[str] | None = None, expect_pass: bool = True) -> tuple[Any, str]:
    """Run a command and give the lines that it writes, in dbt's text unless it asks otherwise."""
    words = list(args or ["run"])
    if "--log-format" not in words:
        words = ["--log-format", "text", *words]
    text = StringIO()
    with redirect_stdout(text):
        result = util.run_dbt(words, expect_pass=expect_pass)
    lines = text.getvalue().splitlines(keepends=True)
    return result, "".join(line for line in lines if not line.startswith("Invoking dbt with"))


def profile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the suite a DuckDB where it would have a Postgres."""
    folder = tmp_path_factory.mktemp("database")
    return {"type": "duckdb", "threads": 2, "path": str(folder / "dbt.duckdb")}


def user() -> str:
    """Give the suite a user's name, which a DuckDB has not."""
    return "root"


def _replace(module: Any, name: str, replacement: Callable[..., Any]) -> None:
    setattr(module, name, replacement)


_replace(
    fixtures,
    "dbt_profile_target",
    pytest.fixture(scope="class", name="dbt_profile_target")(profile),
)
_replace(fixtures, "profile_user", pytest.fixture(scope="class", name="profile_user")(user))
_replace(fixtures, "write_file", write_file)
_replace(util, "write_file", write_file)
_replace(util, "patch_microbatch_end_time", end_time)
_replace(fixtures.TestProjInfo, "run_sql", run_sql)
_replace(fixtures.TestProjInfo, "get_tables_in_schema", tables)
_replace(dbt.cli.main, "dbtRunner", Runner)
_replace(util, "dbtRunner", Runner)
dbt.version.__version__ = DBT_VERSION  # the suite asks for the version that ran
_replace(util, "run_dbt_and_capture", run_and_capture)
_replace(util, "check_relations_equal", relations_equal)
_replace(util, "check_table_does_exist", table_is_there)
_replace(util, "check_table_does_not_exist", table_is_not_there)
