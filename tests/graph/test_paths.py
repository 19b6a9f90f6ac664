"""Ways between two columns, hop by hop."""

from itertools import pairwise

import pytest
from tests.graph.builders import graph_of, model, traced

from headwater.base.errors import NotFound
from headwater.graph.graph import Graph
from headwater.graph.paths import PATHS_MAX, Paths, find_paths
from headwater.sql.lineage import QueryLineage


def shop() -> Graph:
    lineage = {
        "raw": traced({"id": [], "amount": [], "state": []}),
        "stg": traced(
            {
                "id": [("raw", "id", "identity")],
                "euros": [("raw", "amount", "transformation")],
            },
            rows=[("raw", "state", "filter")],
        ),
        "mart": traced(
            {"total": [("stg", "euros", "aggregation")], "n": [("stg", "*", "aggregation")]},
            rows=[("stg", "id", "group_by")],
        ),
        "both": traced({"x": [("stg", "euros", "identity"), ("mart", "total", "identity")]}),
    }
    nodes = (model("raw"), model("stg", "raw"), model("mart", "stg"), model("both", "stg", "mart"))
    return graph_of(*nodes, lineage=lineage)


def ways(found: Paths) -> list[str]:
    return [
        " ".join(
            f"{'=' + hop.how + '=> ' if hop.how else ''}{hop.node.split('.')[2]}.{hop.column}"
            for hop in path.hops
        )
        for path in found.paths
    ]


def test_a_way_has_each_hop_with_its_use_and_place() -> None:
    found = find_paths(shop(), "raw.amount", "mart.total")

    assert ways(found) == ["raw.amount =transformation=> stg.euros =aggregation=> mart.total"]
    [path] = found.paths
    assert path.kind == "direct"
    assert [(hop.file, hop.line) for hop in path.hops] == [
        ("models/raw.sql", 1),
        ("models/stg.sql", 1),
        ("models/mart.sql", 1),
    ]


def test_the_shortest_of_several_ways_comes_first() -> None:
    found = find_paths(shop(), "raw.AMOUNT", "both.x")

    assert ways(found) == [
        "raw.amount =transformation=> stg.euros =identity=> both.x",
        "raw.amount =transformation=> stg.euros =aggregation=> mart.total =identity=> both.x",
    ]
    assert not found.is_cut


def test_what_decides_about_rows_leads_on_unless_only_values_count() -> None:
    every = find_paths(shop(), "raw.state", "mart.total")
    direct = find_paths(shop(), "raw.state", "mart.total", direct=True)

    assert ways(every) == ["raw.state =filter=> stg.* =rows=> mart.*"]
    assert every.paths[0].kind == "row"
    assert direct.paths == ()


def test_a_node_stands_for_all_of_its_columns() -> None:
    found = find_paths(shop(), "raw", "mart", direct=True)

    assert ways(found) == ["raw.amount =transformation=> stg.euros =aggregation=> mart.total"]


def test_there_is_no_way_back() -> None:
    assert find_paths(shop(), "mart.total", "raw.amount").paths == ()


@pytest.mark.parametrize(("start", "end"), [("raw.gone", "mart"), ("raw", "mrt"), ("", "mart")])
def test_an_end_that_does_not_exist_is_named(start: str, end: str) -> None:
    with pytest.raises(NotFound) as caught:
        find_paths(shop(), start, end)

    assert caught.value.code == "lineage-not-found"


def ladder(rungs: int) -> Graph:
    """Make a project in which each rung doubles the number of ways."""
    names = [f"m{i}" for i in range(rungs)]
    lineage: dict[str, QueryLineage] = {"m0": traced({"a": [], "b": []})}
    for before, name in pairwise(names):
        both = [(before, "a", "identity"), (before, "b", "identity")]
        lineage[name] = traced({"a": both, "b": both})
    nodes = [model(names[0]), *(model(n, b) for b, n in pairwise(names))]
    return graph_of(*nodes, lineage=lineage)


def test_more_ways_than_anybody_reads_are_cut_and_say_so() -> None:
    short = find_paths(ladder(8), "m0.a", "m7.a")
    long = find_paths(ladder(60), "m0.a", "m59.a")

    assert (len(short.paths), short.is_cut) == (PATHS_MAX, True)
    assert long.is_cut
