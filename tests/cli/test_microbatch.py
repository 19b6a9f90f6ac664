"""Microbatch models: which batches are built, from what, and what becomes of those that fail."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headwater import Workspace
from headwater.graph.substitutes import InputRequest
from headwater.plan.plan import Plan, ReplaceBatches
from headwater.runs.answers import PlanRequest
from headwater.runs.run import Run

FILES: Mapping[str, str] = {
    "dbt_project.yml": "name: shop\nversion: '1'\n",
    "seeds/raw.csv": (
        "id,at_time\n1,2026-01-01 10:00:00\n2,2026-01-02 10:00:00\n3,2026-01-03 10:00:00\n"
    ),
    "seeds/_seeds.yml": "seeds: [{name: raw, config: {event_time: at_time}}]\n",
    "models/daily.sql": """
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at_time',
          batch_size='day', begin='2026-01-01', lookback=LOOKBACK) }}
select id, at_time, {{ is_incremental() }} as later, now() as built from {{ ref('raw') }}
""",
}
Build = Callable[..., tuple[Plan, Run]]


class At:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 3, 12, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def clock() -> At:
    return At()


def write(project: Path, name: str, text: str) -> None:
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        write(tmp_path, name, text.replace("LOOKBACK", "1"))
    return tmp_path


@pytest.fixture
def build(project: Path, clock: At) -> Build:
    def build_it(**asked: object) -> tuple[Plan, Run]:
        with Workspace.open(project, environment={}, clock=clock) as workspace:
            planned = workspace.plan(PlanRequest(**asked))  # type: ignore[arg-type] # of the test
            assert not planned.plan.is_blocked, planned.plan.diagnostics
            return planned.plan, workspace.apply(planned)

    return build_it


def batches(plan: Plan) -> list[str]:
    return [
        batch.id
        for step in plan.steps
        if isinstance(step, ReplaceBatches)
        for batch in step.batches
    ]


def rows(project: Path, sql: str) -> list[tuple[object, ...]]:
    with Workspace.open(project, environment={}) as workspace:
        return list(workspace.sql(sql).rows)


ALL = "select id, later from daily order by id"


def test_the_first_build_makes_every_batch_since_begin_in_one_commit(
    project: Path, build: Build
) -> None:
    plan, run = build()

    versions = [result.version for result in run.results if result.name == "daily"]
    assert batches(plan) == ["20260101", "20260102", "20260103"]
    assert (run.status, versions) == ("success", [0])
    assert rows(project, ALL) == [(1, False), (2, True), (3, True)]


def test_inputs_are_filtered_as_dbt_writes_it(build: Build) -> None:
    plan, _run = build()

    (step,) = [each for each in plan.steps if isinstance(each, ReplaceBatches)]
    assert step.batches[1].sql.strip() == (
        "select id, at_time, True as later, now() as built from "
        '(select * from "shop"."main"."raw" where at_time >= \'2026-01-02 00:00:00+00:00\' '
        "and at_time < '2026-01-03 00:00:00+00:00')"
    )


def test_nothing_new_means_nothing_to_do(build: Build) -> None:
    build()

    plan, _run = build()

    assert [step.action for step in plan.steps] == ["skip", "skip"]


def test_new_rows_rebuild_the_newest_batch_and_the_lookback_alone(
    project: Path, build: Build, clock: At
) -> None:
    build()
    before = rows(project, "select id, built from daily order by id")
    clock.time += timedelta(days=1)
    write(project, "seeds/raw.csv", FILES["seeds/raw.csv"] + "4,2026-01-04 09:00:00\n")

    plan, run = build()

    after = rows(project, "select id, built from daily order by id")
    assert batches(plan) == ["20260103", "20260104"]
    assert run.status == "success"
    assert [row[0] for row in after] == [1, 2, 3, 4]
    assert after[:2] == before[:2]
    assert after[2] != before[2]


def test_days_on_which_nobody_built_are_noticed(project: Path, build: Build, clock: At) -> None:
    build()
    clock.time += timedelta(days=4)
    write(
        project,
        "seeds/raw.csv",
        FILES["seeds/raw.csv"] + "4,2026-01-04 09:00:00\n7,2026-01-07 09:00:00\n",
    )

    plan, _run = build()

    assert batches(plan) == ["20260103", "20260104", "20260105", "20260106", "20260107"]
    assert [row[0] for row in rows(project, ALL)] == [1, 2, 3, 4, 7]


def test_a_failing_batch_leaves_the_others_and_is_built_again(project: Path, build: Build) -> None:
    good = FILES["models/daily.sql"].replace("LOOKBACK", "0")
    bad = good.replace(
        "select id,", "select 12 / cast(case id when 2 then 'x' else '3' end as int) as part, id,"
    )
    write(project, "models/daily.sql", bad)

    _plan, first = build()
    stored = [row[0] for row in rows(project, "select id from daily order by id")]
    write(project, "seeds/raw.csv", FILES["seeds/raw.csv"].replace("2,2026-01-02", "5,2026-01-02"))
    plan, second = build()

    (failed,) = [each for each in first.results if each.name == "daily"]
    assert (first.status, failed.status, failed.version) == ("failed", "error", 0)
    assert "1 of 3 batches failed; 20260102" in failed.message
    assert stored == [1, 3]
    assert batches(plan) == ["20260102", "20260103"]
    assert second.status == "success"
    assert [row[0] for row in rows(project, "select id from daily order by id")] == [1, 3, 5]


def test_a_batch_that_failed_is_built_again_although_nothing_has_moved(
    project: Path, build: Build
) -> None:
    bad = (
        FILES["models/daily.sql"]
        .replace("LOOKBACK", "0")
        .replace(
            "select id,", "select cast(case id when 3 then 'x' else '3' end as int) as part, id,"
        )
    )
    write(project, "models/daily.sql", bad)
    build()

    plan, _run = build()

    assert batches(plan) == ["20260103"]
    assert "20260103 was never built, or failed" in plan.steps[-1].reason


def test_given_times_build_exactly_their_batches(project: Path, build: Build) -> None:
    build()
    before = rows(project, "select id, built from daily order by id")
    bounds = InputRequest(event_time_start="2026-01-02", event_time_end="2026-01-02 12:00")

    plan, _run = build(inputs=bounds)

    after = rows(project, "select id, built from daily order by id")
    assert batches(plan) == ["20260102"]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_a_full_refresh_builds_everything_again(project: Path, build: Build) -> None:
    build()
    write(project, "seeds/raw.csv", "id,at_time\n9,2026-01-02 10:00:00\n")

    plan, _run = build(full_refresh=True)

    assert batches(plan) == ["20260101", "20260102", "20260103"]
    assert [row[0] for row in rows(project, ALL)] == [9]


def test_a_failing_test_publishes_no_batch(project: Path, build: Build) -> None:
    write(
        project,
        "models/_models.yml",
        "models: [{name: daily, columns: [{name: id, tests: [{accepted_values: "
        "{arguments: {values: [1, 2, 3]}}}]}]}]\n",
    )
    build()
    write(project, "seeds/raw.csv", FILES["seeds/raw.csv"] + "4,2026-01-03 11:00:00\n")

    _plan, run = build()

    assert run.status == "failed"
    assert [row[0] for row in rows(project, ALL)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("event_time='at_time',", ""),
        ("batch_size='day', ", ""),
        ("batch_size='day'", "batch_size='week'"),
        ("begin='2026-01-01', ", ""),
        ("begin='2026-01-01'", "begin='soon'"),
        ("lookback=1", "lookback=-1"),
        ("lookback=1", "lookback='x'"),
        ("lookback=1", "concurrent_batches='x'"),
    ],
)
def test_a_model_that_does_not_say_its_batches_is_refused(
    project: Path, clock: At, before: str, after: str
) -> None:
    text = FILES["models/daily.sql"].replace("LOOKBACK", "1")
    assert before in text
    write(project, "models/daily.sql", text.replace(before, after))

    with Workspace.open(project, environment={}, clock=clock) as workspace:
        parsed = workspace.parse()

    assert [each.name for each in parsed.diagnostics if each.severity == "error"] == [
        "microbatch-config"
    ]


def test_a_batch_knows_its_window(project: Path, build: Build) -> None:
    text = FILES["models/daily.sql"].replace("LOOKBACK", "1")
    write(
        project,
        "models/daily.sql",
        text + "where '{{ model.batch.event_time_start.strftime('%Y%m%d') }}' != 'x'\n",
    )

    plan, _run = build()

    (step,) = [each for each in plan.steps if isinstance(each, ReplaceBatches)]
    assert [batch.sql.strip()[-17:] for batch in step.batches] == [
        f"'{day}' != 'x'" for day in ("20260101", "20260102", "20260103")
    ]
