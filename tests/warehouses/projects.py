"""Projects of other warehouses, written by a test: profiles without a single credential."""

from collections.abc import Mapping
from pathlib import Path

from tests.project.conftest import options, write

from headwater.graph.compile import compile_graph
from headwater.graph.references import GraphResult
from headwater.project.files import read_files
from headwater.project.options import Target
from headwater.project.profiles import ProfileRequest, ProfileResult, read_target
from headwater.project.read import read_project

OUTPUTS: Mapping[str, str] = {
    "snowflake": "account: acc, password: hush, database: db, schema: sch, warehouse: wh",
    "bigquery": "method: oauth, project: db, dataset: sch",
    "databricks": "host: h, http_path: /sql, token: hush, catalog: db, schema: sch",
    "spark": "method: session, host: h, schema: sch",
    "redshift": "host: h, port: 5439, user: me, password: hush, dbname: db, schema: sch",
    "postgres": "host: h, port: 5432, user: me, pass: hush, dbname: db, schema: sch",
    "trino": "method: none, host: h, port: 8080, user: me, catalog: db, schema: sch",
    "athena": "region_name: eu-west-1, s3_staging_dir: 's3://x/', database: db, schema: sch",
    "clickhouse": "host: h, schema: sch",
    "sqlserver": "server: h, database: db, schema: sch",
}
"""The smallest output of each."""

PROJECT_FILE = "name: shop\nversion: '1.0'\nprofile: shop\n"


def profile_of(warehouse: str) -> str:
    output = f"{{type: {warehouse}, {OUTPUTS[warehouse]}}}"
    return f"shop:\n  target: dev\n  outputs:\n    dev: {output}\n"


def ask(text: str, *, on: str | None = None) -> ProfileResult:
    return read_target(
        ProfileRequest(project="shop", profile="shop", text=text, environment={}, vars={}, on=on)
    )


def target_of(warehouse: str, *, on: str | None = None) -> Target:
    found = ask(profile_of(warehouse), on=on)
    assert found.target is not None, found.diagnostics
    return found.target


def compile_project(
    folder: Path, files: Mapping[str, str], warehouse: str, *, on: str | None = None
) -> GraphResult:
    """Read and compile files for a warehouse, without a lake."""
    write(folder, {"dbt_project.yml": PROJECT_FILE, **files})
    read = read_project(read_files(folder), options(target_of(warehouse, on=on)))
    assert read.project is not None, read.diagnostics
    found = compile_graph(read.project)
    return GraphResult(graph=found.graph, diagnostics=(*read.diagnostics, *found.diagnostics))


def code_of(result: GraphResult, name: str) -> str:
    return next(each.code for each in result.graph.nodes.values() if each.node.name == name)
