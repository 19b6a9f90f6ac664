"""What earlier commands found out about queries saves time and changes no plan."""

from dataclasses import replace

from tests.plan.test_cost import world
from tests.plan.world import commit, with_sources

from headwater.base.cache import cache_key
from headwater.base.relations import Column
from headwater.base.remembered import remembered
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.sql.counted import TableFacts, facts_in_bytes


class Memory:
    """A cache that lives as long as a test, and counts what it is asked."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.hits = 0

    def find_or_none(self, key: bytes) -> bytes | None:
        found = self.values.get(key)
        self.hits += found is not None
        return found

    def keep(self, key: bytes, value: bytes) -> None:
        self.values[key] = value

    def save(self) -> None:
        """Outlive nothing."""


def test_a_plan_is_the_same_whether_or_not_its_queries_were_read_before() -> None:
    graph = world().graph()
    state = with_sources(graph, None)
    memory, options = Memory(), PlanOptions()
    first = make_plan(graph, state, options, memory)
    kept = len(memory.values)

    again = make_plan(graph, state, options, memory)

    assert first == again == make_plan(graph, state, options)
    assert memory.hits >= kept > 0
    assert len(memory.values) == kept


def test_rows_are_counted_again_when_an_input_has_grown() -> None:
    graph = world().graph()
    state = with_sources(graph, None)
    memory = Memory()
    make_plan(graph, state, PlanOptions(), memory)
    grown = commit(state, next(iter(state.tables.values())).name.name, rows=77)

    with_memory = make_plan(graph, grown, PlanOptions(), memory)

    assert with_memory == make_plan(graph, grown, PlanOptions())


def test_an_answer_that_cannot_be_read_is_made_again() -> None:
    memory = Memory()
    memory.keep(cache_key("rows", (b"select 1",)), b"\xc1 no answer")

    assert remembered(memory, "rows", (b"select 1",), int, lambda: 7) == 7
    assert remembered(memory, "rows", (b"select 1",), int, lambda: 8) == 7


def test_equal_facts_have_equal_bytes_and_others_have_not() -> None:
    facts = TableFacts(
        high=3.0,
        columns=(Column("a", "BIGINT"),),
        keys=frozenset({frozenset({"a", "b", "c"}), frozenset({"d"})}),
        not_null=frozenset({"a", "b", "c", "d"}),
        distinct={"a": 2.0, "b": 3.0},
    )
    turned = replace(facts, distinct={"b": 3.0, "a": 2.0})
    others = [
        replace(facts, high=4.0),
        replace(facts, low=1.0),
        replace(facts, keys=frozenset()),
        replace(facts, not_null=frozenset({"a"})),
        replace(facts, distinct={"a": 2.0}),
        replace(facts, sql="select 1"),
        replace(facts, columns=(Column("a", "DATE"),)),
    ]

    prints = {facts_in_bytes(each) for each in (facts, turned, *others)}

    assert facts_in_bytes(facts) == facts_in_bytes(turned)
    assert len(prints) == 1 + len(others)
