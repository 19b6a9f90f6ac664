"""Grants that add to those of dbt_project.yml, from every place that can say so."""

import pytest
from tests.project.conftest import Read, found, project_of

from headwater.base.ids import NodeId

PROJECT = "name: shop\nmodels: {shop: {+grants: {select: [reporter, bi]}}}\n"
PROPERTIES = "models: [{name: a, config: {grants: {+select: [someone]}}}]\n"


@pytest.mark.parametrize(
    ("properties", "calls", "expected"),
    [
        ("", "", ["reporter", "bi"]),
        ("", "{{ config(grants={'select': 'other'}) }}", ["other"]),
        ("", "{{ config(grants={'+select': ['other']}) }}", ["reporter", "bi", "other"]),
        (PROPERTIES, "", ["reporter", "bi", "someone"]),
        (
            PROPERTIES,
            "{{ config(grants={'+select': 'a'}) }}{{ config(grants={'+select': ['b']}) }}",
            ["reporter", "bi", "someone", "a", "b"],
        ),
        (
            PROPERTIES,
            "{{ config(grants={'+select': 'a'}) }}{{ config(grants={'select': ['b']}) }}",
            ["b"],
        ),
        (
            PROPERTIES,
            "{{ config(grants={'select': 'a'}) }}{{ config(grants={'+select': ['b']}) }}",
            ["a", "b"],
        ),
    ],
)
def test_grants_with_a_plus_add_to_those_before(
    read: Read, properties: str, calls: str, expected: list[str]
) -> None:
    files = {"dbt_project.yml": PROJECT, "models/a.sql": f"{calls} select 1 as id"}
    if properties:
        files["models/p.yml"] = properties

    result = read(files)

    assert found(result) == []
    node = project_of(result).nodes[NodeId("model.shop.a")]
    assert node.config["grants"] == {"select": expected}
