"""What steps should use: from statistics, from history, or a guess that says so."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.world import World, apply, commit, relation, with_sources

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.units import Estimate, exact
from headwater.plan.build import make_plan
from headwater.plan.history import find_basis, fixed_seconds, from_runs, weighted_median
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Cost, Plan
from headwater.plan.state import NeededFiles, NodeRun, Prices, State

FCT = NodeId("model.shop.fct")
PRICES = Prices(name="list", cpu_hour=3.6, runs_per_month=100)


def world() -> World:
    return (
        World()
        .source("raw", "a BIGINT, b BIGINT, c BIGINT, ts TIMESTAMP")
        .view("stg", "select a, b, ts from {raw} where c > 0")
        .model("fct", "select a from {stg}")
    )


def plan(made: World, state: State | None = None, **options: bool) -> Plan:
    graph = made.graph()
    return make_plan(graph, with_sources(graph, state), PlanOptions(**options))  # type: ignore[arg-type]


def deploy(made: World) -> State:
    return apply(plan(made), made.graph(), with_sources(made.graph()))


def cost(made: Plan, name: str = "fct") -> Cost:
    return next(step.cost for step in made.steps if step.name == name)


def with_runs(state: State, *seconds: float, action: str = "add", **more: object) -> State:
    fingerprint = str(more.get("fingerprint", state.deployed[FCT].fingerprint))
    runs = tuple(
        NodeRun(
            run_id=RunId(f"r{index}"),
            action=action,
            fingerprint=fingerprint,
            meter=Meter(cpu_seconds=second, bytes_written=500, bytes_read=1000),
            rows=1,
            input_bytes=4000,
            at="",
        )
        for index, second in enumerate(seconds)
    )
    return replace(state, history=MappingProxyType({**state.history, FCT: runs}))


def test_bytes_are_those_of_the_columns_used_through_views() -> None:
    read = cost(plan(world())).bytes_read

    assert (read.value, read.low, read.grade) == (2000, 0, "bound")  # a, and c for the filter


def test_counting_rows_reads_no_columns() -> None:
    made = (
        World().source("raw", "a BIGINT, b BIGINT").model("fct", "select count(*) as n from {raw}")
    )

    assert cost(plan(made)).bytes_read.value == 0


def test_an_unknown_size_makes_the_cost_unknown_and_counted() -> None:
    state = with_sources(world().graph())
    key = str(relation("raw"))
    bare = replace(state.tables[key], size_bytes=None, column_bytes={})
    state = replace(state, tables=MappingProxyType({key: bare}))

    made = plan(world(), state)

    assert cost(made).cpu_seconds == Estimate(value=None, low=None, high=None, grade="unknown")
    assert made.totals.not_estimated == 1


def test_without_history_cpu_is_a_guess_with_a_wide_interval() -> None:
    cpu = cost(plan(world())).cpu_seconds

    assert cpu.grade == "guess"
    assert cpu.value is not None
    assert cpu.high is not None
    assert cpu.high >= 5 * cpu.value


def test_history_of_the_same_sql_is_measured_and_scaled_by_the_inputs() -> None:
    state = with_runs(deploy(world()), 2.0, 3.0, 4.0)
    state = commit(state, "raw", size=4000)

    cpu = cost(plan(world(), state)).cpu_seconds

    assert (cpu.value, cpu.grade, cpu.runs) == (6.0, "measured", 3)
    assert cpu.low is not None
    assert cpu.high is not None
    assert cpu.low < 4.0
    assert cpu.high > 8.0


def test_history_of_another_version_is_only_a_model() -> None:
    state = with_runs(deploy(world()), 2.0, fingerprint="other")

    cpu = cost(plan(world(), commit(state, "raw", size=0))).cpu_seconds

    assert (cpu.value, cpu.grade, cpu.runs) == (2.0, "modelled", 0)


def test_dollars_need_a_price() -> None:
    state = commit(with_runs(deploy(world()), 10.0), "raw", size=0)

    assert cost(plan(world(), state)).dollars.value is None
    priced = plan(world(), replace(state, prices=PRICES))
    assert cost(priced).dollars.value == pytest.approx(0.01)
    assert priced.totals.cost.dollars.value == pytest.approx(0.01)


def test_a_month_is_the_regular_runs_of_every_node() -> None:
    state = replace(with_runs(deploy(world()), 10.0), prices=PRICES)

    totals = plan(world(), state).totals

    assert totals.month_before.value == pytest.approx(1.0)
    assert totals.month_after.value == pytest.approx(1.0)


def test_a_node_that_leaves_costs_nothing_afterwards() -> None:
    state = replace(with_runs(deploy(world()), 10.0), prices=PRICES)

    totals = plan(world().without("fct"), state).totals

    assert totals.month_before.value == pytest.approx(1.0)
    assert totals.month_after.value == pytest.approx(0.0)


def test_what_the_plan_builds_first_is_modelled() -> None:
    made = world().model("last", "select a from {fct}")

    read = cost(plan(made), "last").bytes_read

    assert read.grade == "guess"  # the bytes that fct writes are a guess themselves
    assert read.value is not None


def test_an_incremental_run_reads_what_is_new() -> None:
    sql = "select a, ts from {raw}"
    newest = f"{sql} where ts > (select max(ts) from {{this}})"
    filtered = world().model("fct", sql, incremental=newest)
    unfiltered = world().model("fct", sql, incremental=sql)

    few = cost(plan(filtered, commit(deploy(filtered), "raw", size=400))).bytes_read
    all_of_it = cost(plan(unfiltered, commit(deploy(unfiltered), "raw", size=400))).bytes_read

    assert (few.value, few.grade) == (200, "modelled")
    assert all_of_it.value == 2200


def test_losing_the_filter_shows_in_a_regular_run() -> None:
    sql = "select a, ts from {raw}"
    newest = f"{sql} where ts > (select max(ts) from {{this}})"
    before = world().model("fct", sql, incremental=newest)
    state = commit(with_runs(deploy(before), 1.0, action="incremental"), "raw", size=400)

    made = plan(before.copy().model("fct", sql, incremental=sql), state)

    [change] = made.changes
    assert change.lines == ("incremental window dropped: every run reads everything",)
    assert change.cost_before.cpu_seconds.value == 1.0
    assert change.cost_after.cpu_seconds.value == pytest.approx(11.0)  # 2,200 bytes, was 200


def test_tests_have_their_price() -> None:
    made = plan(world().not_null("fct", "a"))

    assert cost(made, "not_null_fct_a").cpu_seconds.value is not None


def test_a_seed_costs_by_the_size_of_its_file() -> None:
    made = World().seed("codes", "code VARCHAR")
    graph = made.graph()
    node = NodeId("seed.shop.codes")

    sized = make_plan(graph, State(), PlanOptions(seed_bytes={node: 1_000_000}))

    assert cost(sized, "codes").bytes_read.grade == "exact"
    assert cost(make_plan(graph, State(), PlanOptions()), "codes").bytes_read.value is None


def test_a_skipped_step_costs_nothing() -> None:
    state = deploy(world())

    assert cost(plan(world(), state)).cpu_seconds.value == 0
    assert plan(world(), state).totals.cost.cpu_seconds.value == 0


def test_more_runs_narrow_the_interval() -> None:
    one = from_runs([1.0], [1.0], is_same=True)
    many = from_runs([1.0] * 5, [1.0] * 5, is_same=True)

    assert one.high is not None
    assert many.high is not None
    assert many.high < one.high


def test_the_newest_earlier_version_is_learned_from() -> None:
    runs = tuple(
        NodeRun(
            run_id=RunId(name),
            action="rebuild",
            fingerprint=name,
            meter=Meter(),
            rows=None,
            input_bytes=None,
            at="",
        )
        for name in ("new", "new", "old")
    )

    basis = find_basis(runs, "today", "full")

    assert [run.fingerprint for run in basis.runs] == ["new", "new"]
    assert not basis.is_same


NEWEST = "select a, ts from {raw} where ts > (select max(ts) from {this})"


def incremental(**config: str) -> World:
    made = World().source("raw", "a BIGINT, ts TIMESTAMP")
    return made.model("fct", "select a, ts from {raw}", incremental=NEWEST, **config)


@pytest.mark.parametrize(("unique_key", "own"), [("", 0), ("a", 2000)])
def test_a_reader_of_an_incremental_table_reads_what_is_stored_and_what_is_added(
    unique_key: str, own: int
) -> None:
    made = incremental(unique_key=unique_key).model("last", "select a, ts from {fct}")
    state = commit(deploy(made), "raw", size=200)

    read = cost(plan(made, state), "last").bytes_read

    merged = cost(plan(made, state)).bytes_read
    assert (merged.value, merged.low) == (200 + own, 0)  # a merge may read all of its table
    assert (read.value, read.grade) == (2200, "modelled")


def test_a_merge_that_writes_old_rows_anew_does_not_grow_its_table_by_them() -> None:
    made = incremental(unique_key="a").model("last", "select a, ts from {fct}")
    state = with_runs(deploy(made), 1.0, action="incremental")  # each wrote 500 bytes
    state = commit(state, "raw", size=200)  # a tenth of what was there

    read = cost(plan(made, state), "last").bytes_read

    assert read.value == pytest.approx(2200)
    assert read.high == pytest.approx(2000 + 500 * 1.35)


def test_a_reader_with_its_own_filter_reads_only_the_increment() -> None:
    sql = "select a, ts from {fct}"
    newest = f"{sql} where ts > (select max(ts) from {{this}})"
    made = incremental().model("last", sql, incremental=newest)

    read = cost(plan(made, commit(deploy(made), "raw", size=200)), "last").bytes_read

    assert read.value == 200


def windowed(days: int) -> World:
    where = f"where ts >= (select max(ts) - interval {days} day from {{this}})"
    sql = "select a, ts from {raw}"
    made = World().source("raw", "a BIGINT, ts TIMESTAMP")
    return made.model("fct", sql, incremental=f"{sql} {where}")


def with_bounds(state: State, low: str, high: str) -> State:
    key = str(relation("raw"))
    table = replace(state.tables[key], minimum={"ts": low}, maximum={"ts": high})
    return replace(state, tables=MappingProxyType({**state.tables, key: table}))


@pytest.mark.parametrize(
    ("low", "high", "value"),
    [
        ("2026-03-01T00:00:00", "2026-03-31T00:00:00", 100 + 2100 / 10),
        ("2026-03-01", "2026-03-30", 100 + 2100 / 10),  # days at both ends count
        ("2026-03-30T00:00:00", "2026-03-31T00:00:00", 2100),
        ("2026-03-31T00:00:00", "2026-03-31T00:00:00", 2100),
        ("2026-03-01T00:00:00Z", "2026-03-31T00:00:00", 100),  # cannot be compared
        ("low", "high", 100),
    ],
)
def test_a_window_reads_its_share_of_the_table(low: str, high: str, value: float) -> None:
    state = with_bounds(commit(deploy(windowed(3)), "raw", size=100), low, high)

    assert cost(plan(windowed(3), state)).bytes_read.value == pytest.approx(value)


def test_a_narrower_window_is_cheaper_by_what_it_reads_less() -> None:
    state = with_runs(deploy(windowed(10)), 1.0, action="incremental")
    state = commit(state, "raw", size=100)
    state = with_bounds(state, "2026-03-01T00:00:00", "2026-03-31T00:00:00")

    [change] = plan(windowed(3), state).changes

    assert change.lines == ("incremental window: 10 days -> 3 days",)
    assert change.cost_before.cpu_seconds.value == 1.0
    assert change.cost_before.bytes_read.value == pytest.approx(100 + 700)
    assert change.cost_after.bytes_read.value == pytest.approx(100 + 210)
    assert change.cost_after.cpu_seconds.value == pytest.approx(310 / 800)
    assert change.drivers == ()


def test_what_statements_take_anyway_is_not_scaled() -> None:
    run = NodeRun(
        run_id=RunId("r"),
        action="incremental",
        fingerprint="f",
        meter=Meter(cpu_seconds=0.010, statements=3),
        rows=None,
        input_bytes=None,
        at="",
    )

    assert fixed_seconds(run) == pytest.approx(0.006)
    tiny = replace(run, meter=Meter(cpu_seconds=0.001, statements=3))
    assert fixed_seconds(tiny) == pytest.approx(0.001)


def test_the_newest_runs_count_most() -> None:
    assert weighted_median([5.0]) == 5.0
    assert weighted_median([1.0, 9.0]) == 1.0
    assert weighted_median([1.0, 9.0, 9.0, 9.0, 9.0]) == 9.0


def expecting(state: State, *runs: tuple[float, Cost]) -> State:
    """Return a State whose runs of ``fct`` took so many seconds when so much was expected."""
    fingerprint = state.deployed[FCT].fingerprint
    found = tuple(
        NodeRun(
            run_id=RunId(f"r{place}"),
            action="rebuild",
            fingerprint=fingerprint,
            meter=Meter(cpu_seconds=seconds, bytes_written=500),
            rows=100,
            input_bytes=None,
            at="",
            expected=expected,
        )
        for place, (seconds, expected) in enumerate(runs)
    )
    return replace(state, history=MappingProxyType({**state.history, FCT: found}))


def test_cpu_time_is_scaled_by_how_much_more_work_it_is() -> None:
    state = deploy(world())
    then = cost(plan(world(), commit(state, "raw", size=0, rows=0)))
    state = commit(expecting(state, (2.0, then)), "raw", rows=0, size=40_000_000)

    cpu = cost(plan(world(), state)).cpu_seconds

    assert cpu.grade == "measured"
    assert cpu.value is not None
    assert 20 < cpu.value < 200  # from next to no bytes to 20 MB; a step is a fixed cost, too


def test_changed_sql_takes_as_much_more_as_its_work() -> None:
    state = deploy(world())
    then = cost(plan(world(), commit(state, "raw", size=0, rows=0)))
    state = commit(expecting(state, (2.0, then)), "raw", rows=0, size=0)
    sql = "select a, sum(b) over (partition by a order by b) as s from {stg}"

    changed = cost(plan(world().model("fct", sql), state)).cpu_seconds

    assert changed.grade == "modelled"
    assert changed.value is not None
    assert 2.0 < changed.value < 8.0  # a window more, over the same rows


def test_a_node_that_never_ran_takes_what_others_of_the_project_took() -> None:
    made = world()
    for place in range(25):
        made = made.model(f"m{place}", "select a from {stg}")
    state = deploy(made)
    runs = {
        node: (replace(history[0], expected=Cost(bytes_read=exact(2000), rows_in=exact(100))),)
        for node, history in state.history.items()
    }
    state = replace(state, history=MappingProxyType(runs))
    new = made.copy().model("new", "select a from {stg}")

    cpu = cost(plan(new, state), "new").cpu_seconds

    assert cpu.grade == "modelled"
    assert cpu.value == pytest.approx(0.5, rel=0.7)  # all the others took 0.5 s; a prior says 3 ms


def test_a_first_incremental_run_is_guessed_from_the_full_one() -> None:
    state = with_runs(deploy(windowed(3)), 10.0)  # the table was built once, whole
    state = commit(state, "raw", size=100)
    state = with_bounds(state, "2026-03-01T00:00:00", "2026-03-31T00:00:00")

    cpu = cost(plan(windowed(3), state)).cpu_seconds

    assert cpu.value == pytest.approx(10.0 * 310 / 2100)
    assert cpu.grade == "guess"
    assert cpu.high == pytest.approx(6 * 10.0 * 310 / 2100)


def test_a_lost_filter_is_named_as_the_driver() -> None:
    before = incremental()
    state = commit(with_runs(deploy(before), 1.0, action="incremental"), "raw", size=200)
    sql = "select a, ts from {raw}"

    [change] = plan(
        World().source("raw", "a BIGINT, ts TIMESTAMP").model("fct", sql), state
    ).changes
    unfiltered = before.copy().model("fct", sql, incremental=sql)
    [lost] = plan(unfiltered, state).changes

    assert change.drivers == ()  # it is a table now: another kind of run, not another filter
    [driver] = lost.drivers
    assert (driver.relation, driver.is_full_scan) == (relation("raw"), True)
    assert (driver.before.value, driver.after.value) == (200, 2200)


def test_a_new_input_is_a_driver() -> None:
    before = World().source("raw", "a BIGINT").source("big", "b BIGINT")
    before = before.model("fct", "select a from {raw}")
    after = before.copy().model("fct", "select r.a, g.b from {raw} r join {big} g on r.a = g.b")

    [change] = plan(after, deploy(before)).changes

    assert [(d.relation.name, d.before.value, d.is_full_scan) for d in change.drivers] == [
        ("big", 0.0, False)
    ]


def test_growing_data_is_not_put_down_to_a_change() -> None:
    state = replace(with_runs(deploy(world()), 10.0), prices=PRICES)
    state = commit(state, "raw", size=4000)  # twice the input of the run

    made = plan(world().model("fct", "select a, b from {stg}"), state)

    [change] = made.changes
    assert change.cost_before.cpu_seconds.value == pytest.approx(20.0)
    assert made.totals.month_before.value == pytest.approx(2.0)


def test_a_seed_and_its_reader_are_estimated_from_the_file() -> None:
    graph = World().seed("codes", "code VARCHAR").model("fct", "select code from {codes}").graph()
    sizes = {NodeId("seed.shop.codes"): 1_000_000}

    made = make_plan(graph, State(), PlanOptions(seed_bytes=sizes))

    assert made.totals.not_estimated == 0
    assert cost(made).bytes_read.grade == "guess"


def test_files_that_a_filter_leaves_out_are_not_read() -> None:
    state = with_sources(world().graph(), None)
    table = next(iter(state.tables.values()))
    half = {str(table.name): NeededFiles(size_bytes=(table.size_bytes or 0) // 2)}
    ids = dict.fromkeys(table.column_bytes, 300)
    known = {str(table.name): NeededFiles(size_bytes=1000, column_bytes=ids)}

    narrow = cost(plan(world(), replace(state, needed={FCT: half}))).bytes_read
    other = cost(plan(world(), replace(state, needed_before={FCT: half}))).bytes_read

    exact = cost(plan(world(), replace(state, needed={FCT: known}))).bytes_read
    assert (narrow.value, narrow.grade) == (1000, "bound")
    assert exact.value == 300 * 2  # of the columns that it reads
    assert other.value == 2000
