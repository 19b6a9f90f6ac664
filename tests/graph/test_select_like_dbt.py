"""164 selections of a public project, with what `dbt ls` answered."""

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.select import select
from headwater.project import node as project_node
from headwater.project.node import Node, SourceInfo

CASES = json.loads(
    (Path(__file__).parents[1] / "cases/select/jaffle_shop.json").read_text(encoding="utf-8")
)


def node_of(row: dict[str, Any]) -> Node:
    test, source = row["test"], row["source"]
    return Node(
        unique_id=NodeId(row["unique_id"]),
        resource_type=row["resource_type"],
        package=row["package"],
        name=row["name"],
        path=row["original_path"],
        original_path=row["original_path"],
        fqn=tuple(row["fqn"]),
        config=row["config"],
        patch_path=row["patch_path"],
        test=project_node.TestInfo(
            name=test, namespace=None, arguments={}, column=None, attached_node=None
        )
        if test
        else None,
        source=SourceInfo(source_name=source, identifier=row["name"]) if source else None,
    )


@pytest.fixture(scope="module")
def graph() -> Graph:
    rows = CASES["nodes"]
    ids = [NodeId(row["unique_id"]) for row in rows]
    nodes = {
        key: CompiledNode(
            node=node_of(row), depends_on=tuple(sorted(ids[at] for at in row["depends_on"]))
        )
        for key, row in zip(ids, rows, strict=True)
    }
    return Graph(project="jaffle_shop", target="dev", nodes=nodes, gates={}, checksum="")


@pytest.mark.parametrize(
    "case",
    CASES["cases"],
    ids=lambda case: f"{case['select']}-{case['exclude']}-{case['indirect']}",
)
def test_selection_is_what_dbt_selects(graph: Graph, case: dict[str, Any]) -> None:
    expected = [CASES["nodes"][at]["unique_id"] for at in case["expected"]]

    found = select(graph, case["select"], case["exclude"], indirect=case["indirect"])

    assert sorted(found.nodes) == sorted(expected)


def test_no_case_expects_an_error() -> None:
    assert all(case["expected"] != "error" for case in CASES["cases"])
    with pytest.raises(Invalid):
        select(Graph(project="", target="", nodes={}, gates={}, checksum=""), ["nonsense:x"])
