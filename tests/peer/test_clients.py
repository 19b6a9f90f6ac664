"""Programs written for dbt, unmodified, with Headwater in its place: Cosmos, dagster, elementary.

Each lives in an environment of its own, and starts `hw` or imports it under dbt's name.
"""

import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.peer.public import fetch, peer_python
from tests.peer.test_jaffle import SOURCE

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1800)]

COSMOS = ("astronomer-cosmos==1.15.1", "apache-airflow")
ELEMENTARY = ("elementary-data==0.25.1", "dbt-core==1.11.16", "dbt-duckdb==1.11.1")
DAGSTER = ("dagster-dbt", "dbt-core==1.11.16", "dbt-duckdb==1.11.1")
OURS = ("click", "deltalake>=1.6.6,<1.7", "duckdb>=2.0,<2.1", "filelock", "fsspec", "jinja2",
        "msgspec", "obstore", "pyyaml", "rich", "sqlglot[c]==30.30.0")  # fmt: skip
"""What Headwater needs where it is imported."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The small jaffle shop."""
    fetch("dbt-labs/jaffle_shop_duckdb", tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """`hw` as an executable, wherever it is started."""
    path = tmp_path / "hw"
    path.write_text(
        f'#!/bin/sh\nPYTHONPATH="{SOURCE}" exec "{sys.executable}" -m headwater "$@"\n',
        encoding="utf-8",
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def ask(
    python: Path, code: str, project: Path, program: Path, *, path: str = "", bin_: str = ""
) -> Any:
    """Run code in a peer's environment; its last line on stdout is a JSON value."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "PYTHON"))}
    ended = subprocess.run(
        [python, "-c", textwrap.dedent(code), project, program],
        cwd=project,
        env={
            **inherited,
            "PYTHONPATH": path,
            "PATH": f"{bin_}:{os.environ['PATH']}" if bin_ else os.environ["PATH"],
            "HOME": str(project.parent),
            "AIRFLOW_HOME": str(project.parent / "airflow"),
            "AIRFLOW__COSMOS__ENABLE_CACHE": "False",
            "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


COSMOS_CODE = """
    import json, sys
    from pathlib import Path
    from cosmos.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
    from cosmos.constants import ExecutionMode, InvocationMode, LoadMode
    from cosmos.dbt.graph import DbtGraph
    from cosmos.operators.local import DbtBuildLocalOperator

    folder, program = Path(sys.argv[1]), sys.argv[2]
    profile = ProfileConfig(
        profile_name="jaffle_shop", target_name="dev",
        profiles_yml_filepath=folder / "profiles.yml",
    )

    def graph(mode, project, execution, **options):
        found = DbtGraph(
            project=project,
            profile_config=profile,
            render_config=RenderConfig(
                dbt_executable_path=program, load_method=mode, select=["+customers"],
                dbt_deps=False, **options,
            ),
            execution_config=execution,
        )
        found.load(method=mode, execution_mode=ExecutionMode.LOCAL)
        return found

    def listed(mode):
        return graph(
            LoadMode.DBT_LS, ProjectConfig(dbt_project_path=folder),
            ExecutionConfig(dbt_executable_path=program), invocation_mode=mode,
        )

    def build(mode):
        DbtBuildLocalOperator(
            task_id="build", project_dir=str(folder), profile_config=profile,
            dbt_executable_path=program, invocation_mode=mode, install_deps=False,
            emit_datasets=False,
        ).build_and_run_cmd(context={"run_id": "test"}, cmd_flags=[])
"""


def test_cosmos_lists_and_builds_by_the_executable(project: Path, program: Path) -> None:
    subprocess.run([program, "parse"], cwd=project, check=True, capture_output=True)

    seen = ask(
        peer_python(*COSMOS),
        COSMOS_CODE
        + """
    found = listed(InvocationMode.SUBPROCESS)
    manifest = graph(
        LoadMode.DBT_MANIFEST,
        ProjectConfig(manifest_path=folder / "target/manifest.json", project_name="jaffle_shop"),
        ExecutionConfig(dbt_executable_path=program, dbt_project_path=folder),
    )
    build(InvocationMode.SUBPROCESS)
    node = found.nodes["model.jaffle_shop.customers"]
    print(json.dumps({
        "listed": sorted(k for k in found.nodes if not k.startswith("test.")),
        "manifest": sorted(k for k in manifest.filtered_nodes if not k.startswith("test.")),
        "upstream": sorted(node.depends_on), "tested": node.has_test,
    }))
    """,
        project,
        program,
    )

    assert seen["listed"] == seen["manifest"]
    assert "seed.jaffle_shop.raw_customers" in seen["listed"]
    assert "model.jaffle_shop.orders" not in seen["listed"]
    assert "model.jaffle_shop.stg_customers" in seen["upstream"]
    assert seen["tested"] is True


def test_cosmos_lists_and_builds_by_the_runner(project: Path, program: Path) -> None:
    seen = ask(
        peer_python(*COSMOS, *OURS),
        "    import headwater.dbt.shim\n    headwater.dbt.shim.install()\n"
        + COSMOS_CODE.lstrip("\n")
        + """
    found = listed(InvocationMode.DBT_RUNNER)
    build(InvocationMode.DBT_RUNNER)
    print(json.dumps(sorted(k for k in found.nodes if not k.startswith("test."))))
    """,
        project,
        program,
        path=SOURCE,
    )

    assert "model.jaffle_shop.customers" in seen
    assert "model.jaffle_shop.orders" not in seen


def test_dagster_materializes_what_is_built_and_what_is_up_to_date(
    project: Path, program: Path
) -> None:
    seen = ask(
        peer_python(*DAGSTER),
        """
    import json, sys
    from pathlib import Path
    from dagster import AssetExecutionContext, materialize
    from dagster_dbt import DbtCliResource, dbt_assets

    folder = Path(sys.argv[1])
    dbt = DbtCliResource(project_dir=str(folder), dbt_executable=sys.argv[2])
    dbt.cli(["parse", "--quiet"], target_path=Path("target")).wait()

    @dbt_assets(manifest=folder / "target/manifest.json")
    def shop(context: AssetExecutionContext, dbt: DbtCliResource):
        yield from dbt.cli(["build"], context=context).stream()

    def once(**options):
        ended = materialize([shop], resources={"dbt": dbt}, raise_on_error=False, **options)
        built = ended.get_asset_materialization_events()
        checks = ended.get_asset_check_evaluations()
        passed = sum(check.passed for check in checks)
        return [ended.success, len(built), len(checks), passed]

    ends = [once(), once(), once(selection="customers")]
    seeds = folder / "seeds/raw_customers.csv"
    seeds.write_text(seeds.read_text() + "1,Again,A.\\n")
    print(json.dumps([*ends, once()]))
    """,
        project,
        program,
    )

    assert seen[:2] == [[True, 8, 20, 20]] * 2
    assert seen[2][:2] == [True, 1]
    success, built, checks, passed = seen[3]
    assert success is False
    assert built < 8
    assert passed < checks


def test_the_command_line_of_elementary_finds_us_by_a_link(project: Path, program: Path) -> None:
    folder = project.parent / "bin"
    folder.mkdir()
    # The same as a link called `dbt` to an installed `hw`, which knows its name.
    text = program.read_text(encoding="utf-8").replace("-m headwater ", "-m headwater.dbt ")
    (folder / "dbt").write_text(text, encoding="utf-8")
    (folder / "dbt").chmod(0o755)
    (project / "macros").mkdir(exist_ok=True)
    (project / "macros" / "say.sql").write_text(
        "{% macro say(n) %}{% do log('Elementary: ' ~ tojson({'n': n}), info=True) %}"
        "{% endmacro %}",
        encoding="utf-8",
    )

    seen = ask(
        peer_python(*ELEMENTARY),
        """
    import json, sys
    from elementary.clients.dbt.subprocess_dbt_runner import SubprocessDbtRunner

    dbt = SubprocessDbtRunner(
        project_dir=sys.argv[1], profiles_dir=sys.argv[1], raise_on_failure=False,
        allow_macros_without_package_prefix=True, run_deps_if_needed=False,
    )
    listed, nothing = dbt.ls(select="stg_orders"), dbt.ls(select="nowhere")
    done = [dbt.seed(), dbt.run(), dbt.test(), dbt.snapshot(), dbt.debug()]
    said = dbt.run_operation("say", macro_args={"n": 3}, return_raw_edr_logs=True)
    print(json.dumps({"listed": listed, "nothing": nothing, "done": done, "said": said}))
    """,
        project,
        program,
        bin_=str(folder),
    )

    assert "jaffle_shop.staging.stg_orders" in seen.pop("listed")
    assert seen == {"nothing": [], "done": [True] * 5, "said": ['{"n": 3}']}
