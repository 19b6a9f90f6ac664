from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runs.world import build, check

from headwater.base.units import exact
from headwater.plan.plan import Build, Cost
from headwater.plan.schedule import Schedule, Unit, make_units


def timed(name: str, seconds: float, *reads: str) -> Build:
    return replace(build(name, "", reads=reads), cost=Cost(cpu_seconds=exact(seconds)))


def drain_order(schedule: Schedule) -> list[str]:
    order: list[str] = []
    while (unit := schedule.next_or_none()) is not None:
        order.append(unit.step.name)
        schedule.finish(unit)
    return order


def test_the_longest_way_to_the_end_starts_first() -> None:
    steps = [timed("short", 5), timed("head", 1), timed("tail", 10, "head")]

    schedule = Schedule(make_units(steps))

    assert drain_order(schedule) == ["head", "tail", "short"]


def test_tests_of_a_built_node_belong_to_its_unit() -> None:
    gated = check("gated", "", gates="a", reads=["a"])
    alone = check("alone", "", gates=None, reads=[])
    elsewhere = check("elsewhere", "", gates="not_built", reads=[])

    units = make_units([timed("a", 1), gated, alone, elsewhere])

    assert [(u.step.name, [g.name for g in u.gates]) for u in units] == [
        ("a", ["gated"]),
        ("alone", []),
        ("elsewhere", []),
    ]


def test_a_failure_loses_its_descendants_and_nothing_else() -> None:
    steps = [timed("a", 9), timed("b", 1, "a"), timed("c", 1, "b"), timed("d", 1)]
    schedule = Schedule(make_units(steps))
    first = schedule.next_or_none()
    assert first is not None

    lost = schedule.fail(first)

    assert [unit.step.name for unit in lost] == ["b", "c"]
    assert drain_order(schedule) == ["d"]


@settings(max_examples=50)
@given(st.data())
def test_any_acyclic_plan_runs_every_unit_once_and_after_what_it_needs(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 25))
    steps = []
    for place in range(count):
        chosen = data.draw(st.sets(st.integers(0, place - 1), max_size=4)) if place else set()
        steps.append(timed(f"n{place}", 1, *(f"n{earlier}" for earlier in chosen)))
    failing = data.draw(st.sets(st.integers(0, count - 1), max_size=3))
    schedule = Schedule(make_units(steps))
    ended: dict[str, str] = {}

    running: list[Unit] = []
    while True:
        while len(running) < 3 and (unit := schedule.next_or_none()) is not None:
            assert all(ended.get(str(first)) == "ok" for first in unit.step.after)
            running.append(unit)
        if not running:
            break
        unit = running.pop(data.draw(st.integers(0, len(running) - 1)))
        is_failing = int(unit.step.name[1:]) in failing
        ended[unit.node] = "failed" if is_failing else "ok"
        if is_failing:
            for lost in schedule.fail(unit):
                assert ended.setdefault(lost.node, "skipped") == "skipped"
        else:
            schedule.finish(unit)

    assert set(ended) == {step.node for step in steps}
    assert schedule.drain() == ()
