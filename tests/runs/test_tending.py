"""A build does the upkeep that its plan foresees, and never fails because of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runs.world import append, build, opened, relation, rows_of, run_steps

from headwater.plan.proposed import PlannedUpkeep, Proposal
from headwater.runs.context import Context
from headwater.runs.run import Run
from headwater.runs.tending import upkeep_node

FOUND = Proposal(
    table="shop.main.t", verb="optimize", why="9 files that would be 1", cost_seconds=0.01
)
DOES = PlannedUpkeep(proposals=(FOUND,), does=True)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    for made in opened(tmp_path, build("t", "select 0 as id")):
        for version in range(8):
            run_steps(made, append("t", f"select {version + 1} as id", version))
        yield made


def run_beside(context: Context, upkeep: PlannedUpkeep) -> Run:
    """Build another table, with upkeep in the plan."""
    return run_steps(context, build("other", "select 1 as id"), upkeep=upkeep)


def files_of(context: Context) -> int:
    return len(context.tables.table(relation("t")).snapshot().files)


def test_upkeep_is_done_after_the_nodes_and_recorded_beside_what_was_expected(
    context: Context,
) -> None:
    run = run_beside(context, DOES)

    assert (run.status, files_of(context)) == ("success", 1)
    assert [(each.table, each.is_done) for each in run.upkeep] == [("shop.main.t", True)]
    assert rows_of(context, "t") == [(number,) for number in range(9)]
    (kept,) = context.metastore.attempts_of_node(upkeep_node(relation("t")))
    assert (kept.run_id, kept.action, kept.status, kept.version) == (
        run.run_id,
        "optimize",
        "success",
        9,
    )
    assert kept.meter.cpu_seconds > 0
    assert b"0.01" in kept.estimate


def test_upkeep_that_is_only_proposed_is_left_alone(context: Context) -> None:
    run = run_beside(context, PlannedUpkeep(proposals=(FOUND,)))

    assert (run.upkeep, files_of(context)) == ((), 9)


def test_a_table_that_cannot_be_compacted_fails_nothing(context: Context) -> None:
    folder = Path(context.tables.table(relation("t")).root)
    next(iter(folder.glob("*.parquet"))).unlink()

    run = run_beside(context, DOES)

    assert (run.status, run.exit_code, run.upkeep) == ("success", 0, ())
    assert [(each.name, each.severity) for each in run.findings] == [("upkeep-left-out", "warning")]
    assert files_of(context) == 9


def test_a_table_that_nobody_knows_any_more_is_passed_over(context: Context) -> None:
    context.metastore.drop_relation(relation("t"))

    run = run_beside(context, DOES)

    assert (run.status, run.upkeep, run.findings) == ("success", (), ())
