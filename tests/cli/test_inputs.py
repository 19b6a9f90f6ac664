"""What nodes read in place of their inputs: --defer, --favor-state, --empty and --sample."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.base.errors import HeadwaterError
from headwater.graph.choose import Selection
from headwater.graph.substitutes import InputRequest, read_sample
from headwater.runs.answers import PlanRequest
from headwater.runs.run import Run

FILES: Mapping[str, str] = {
    "dbt_project.yml": "name: shop\nprofile: shop\nversion: '1'\n",
    "profiles.yml": """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, schema: dev}
    prod: {type: duckdb, path: shop.duckdb, schema: prod}
""",
    "seeds/raw.csv": "id,happened\n1,2026-01-01 10:00:00\n2,2026-01-02 10:00:00\n",
    "seeds/_seeds.yml": "seeds: [{name: raw, config: {event_time: happened}}]\n",
    "models/small.sql": "{{ config(materialized='ephemeral') }}\nselect * from {{ ref('raw') }}\n",
    "models/first.sql": "{{ config(materialized='table') }}\nselect * from {{ ref('raw') }}\n",
    "models/second.sql": (
        "{{ config(materialized='table') }}\n"
        "select a.id from {{ ref('first') }} as a join {{ ref('small') }} using (id)\n"
    ),
    "models/_models.yml": "models: [{name: second, columns: [{name: id, tests: [not_null]}]}]\n",
}
SECOND = Selection(include=("second",))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def open_target(project: Path, target: str) -> Workspace:
    flags = {"target": target, "target_path": f"target_{target}"}
    return Workspace.open(project, flags=flags, environment={})


def build(project: Path, target: str, request: PlanRequest) -> Run:
    with open_target(project, target) as workspace:
        planned = workspace.plan(request)
        assert not planned.plan.is_blocked, planned.plan.diagnostics
        return workspace.apply(planned)


def code_of(project: Path, target: str, selection: Selection, inputs: InputRequest) -> str:
    with open_target(project, target) as workspace:
        (result,) = [
            each
            for each in workspace.compile(selection, inputs=inputs).results
            if each.unique_id.startswith("model.")
        ]
    return result.compiled_code


def count(project: Path, table: str) -> int:
    with open_target(project, "dev") as workspace:
        return int(str(workspace.sql(f"select count(*) from {table}").rows[0][0]))


DEFER = InputRequest(defer=True, defer_state="target_prod")


def test_inputs_that_are_not_built_are_read_where_the_earlier_manifest_says(project: Path) -> None:
    build(project, "prod", PlanRequest())
    with open_target(project, "prod") as workspace:
        workspace.docs_generate()

    with open_target(project, "dev") as workspace:
        planned = workspace.plan(PlanRequest(selection=SECOND, inputs=DEFER))
        run = workspace.apply(planned)

    deferred = [each.what for each in planned.plan.diagnostics if each.name == "input-deferred"]
    assert run.status == "success"
    assert deferred == [
        "`first` is read from `shop.prod.first`",
        "`raw` is read from `shop.prod.raw`",
    ]
    assert count(project, "dev.second") == 2


def test_what_the_command_builds_itself_is_not_deferred(project: Path) -> None:
    build(project, "prod", PlanRequest())

    with open_target(project, "dev") as workspace:
        selection = Selection(include=("first", "second"))
        plan = workspace.plan(PlanRequest(selection=selection, inputs=DEFER)).plan

    reads = {step.name: {str(read.name) for read in step.reads} for step in plan.steps}
    assert reads["second"] == {"shop.dev.first", "shop.prod.raw"}


def test_what_is_built_here_is_read_here_unless_the_state_is_favoured(project: Path) -> None:
    build(project, "prod", PlanRequest())
    build(project, "dev", PlanRequest())

    here = code_of(project, "dev", SECOND, DEFER)
    there = code_of(project, "dev", SECOND, replace(DEFER, favor_state=True))

    assert '"shop"."dev"."first"' in here
    assert '"shop"."prod"."first"' in there
    assert '"shop"."prod"."raw"' in there


def test_a_deferral_that_cannot_be_followed_is_refused(project: Path) -> None:
    codes = []
    for inputs in (InputRequest(defer=True), InputRequest(defer=True, defer_state="nowhere")):
        with open_target(project, "dev") as workspace, pytest.raises(HeadwaterError) as caught:
            workspace.plan(PlanRequest(selection=SECOND, inputs=inputs))
        codes.append(caught.value.code)

    assert codes == ["usage-invalid", "state-missing"]


def test_empty_compiles_as_dbt_does(project: Path) -> None:
    first = code_of(project, "dev", Selection(include=("first",)), InputRequest(empty=True))
    second = code_of(project, "dev", SECOND, InputRequest(empty=True))

    limited = '(select * from "shop"."dev"."raw" where false limit 0)'
    assert first.strip() == f"select * from {limited}"
    assert ("as a join (select * from __dbt__cte__small where false limit 0) using (id)") in second


def test_empty_builds_tables_without_rows_that_the_next_build_fills(project: Path) -> None:
    selection = Selection(include=("raw", "first"))
    run = build(project, "dev", PlanRequest(selection=selection, inputs=InputRequest(empty=True)))
    empty = [count(project, f"dev.{name}") for name in ("raw", "first")]
    build(project, "dev", PlanRequest(selection=selection))
    full = [count(project, f"dev.{name}") for name in ("raw", "first")]

    assert (run.status, empty, full) == ("success", [0, 0], [2, 2])


def test_sample_reads_a_stretch_of_time_of_inputs_that_have_one(project: Path) -> None:
    window = "{start: 2026-01-02, end: 2026-01-03}"
    first = Selection(include=("first",))
    code = code_of(project, "dev", first, InputRequest(sample=window))
    selection = Selection(include=("raw", "first"))
    build(project, "dev", PlanRequest(selection=selection, inputs=InputRequest(sample=window)))

    assert code.strip() == (
        'select * from (select * from "shop"."dev"."raw" where '
        "happened >= '2026-01-02 00:00:00+00:00' and happened < '2026-01-03 00:00:00+00:00')"
    )
    assert (count(project, "dev.raw"), count(project, "dev.first")) == (2, 1)


@pytest.mark.parametrize(
    ("inputs", "rows"),
    [
        (InputRequest(sample="{start: 2026-01-02, end: 2026-01-03}"), 3),
        (InputRequest(empty=True), 2),
    ],
)
def test_an_incremental_table_keeps_its_rows_when_it_takes_a_part(
    project: Path, inputs: InputRequest, rows: int
) -> None:
    text = "{{ config(materialized='incremental') }}\nselect * from {{ ref('raw') }}\n"
    (project / "models/first.sql").write_text(text, encoding="utf-8")
    selection = Selection(include=("raw", "first"))
    build(project, "dev", PlanRequest(selection=selection))

    build(project, "dev", PlanRequest(selection=Selection(include=("first",)), inputs=inputs))

    assert count(project, "dev.first") == rows


NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("3 days", datetime(2026, 3, 28, 12, 30, tzinfo=UTC)),
        ("1 HOUR", datetime(2026, 3, 31, 11, 30, tzinfo=UTC)),
        ("1 month", datetime(2026, 2, 28, 12, 30, tzinfo=UTC)),
        ("25 years", datetime(2001, 3, 31, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_sample_counts_back_from_now(text: str, start: datetime) -> None:
    window = read_sample(text, NOW)

    assert (window.start, window.end) == (start, NOW)


@pytest.mark.parametrize(
    "text",
    ["", "days", "3", "3 weeks", "many days", "9999999 years", "{", "{start: 2026-01-01}", "{a: "],
)
def test_a_sample_that_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(HeadwaterError) as caught:
        read_sample(text, NOW)

    assert caught.value.code == "usage-invalid"
