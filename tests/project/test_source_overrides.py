"""Sources of packages that the project overrides."""

import pytest
from tests.project.conftest import Read, found, node_of, project_of

from headwater.base.relations import TableName

PACKAGE = {
    "dbt_packages/tools/dbt_project.yml": "name: tools\n",
    "dbt_packages/tools/models/s.yml": (
        "sources:\n  - name: raw\n    schema: theirs\n    loader: kept\n"
        "    freshness: {error_after: {count: 3, period: hour}}\n    tables:\n"
        "      - name: t\n        identifier: t_v1\n        description: one\n"
        "        columns: [{name: id, data_tests: [unique, not_null]}]\n"
        "      - name: u\n"
    ),
}
HEAD = "sources:\n  - name: raw\n    overrides: tools\n"


def test_what_is_said_again_wins_and_the_rest_stays(read: Read) -> None:
    override = HEAD + (
        "    schema: ours\n    database: other\n    tables:\n      - name: t\n"
        "        identifier: t_v2\n        freshness: null\n"
        "        columns: [{name: id, data_tests: [unique]}]\n"
    )

    result = read({**PACKAGE, "models/s.yml": override})

    table, other = (node_of(result, f"source.tools.raw.{name}") for name in "tu")
    assert table.relation == TableName("other", "ours", "t_v2")
    assert (table.description, table.declared["loader"]) == ("one", "kept")
    assert table.config["freshness"] is None
    assert other.relation == TableName("other", "ours", "u")
    assert other.config["freshness"] is not None
    tests = [node.name for node in project_of(result).nodes.values() if node.test]
    assert tests == ["source_unique_raw_t_id"]
    assert found(result) == []


def test_an_override_is_no_source_of_the_project(read: Read) -> None:
    result = read({**PACKAGE, "models/s.yml": HEAD + "    tables: [{name: t}]\n"})

    keys = [key for key in project_of(result).nodes if key.startswith("source.")]
    assert keys == ["source.tools.raw.t", "source.tools.raw.u"]


@pytest.mark.parametrize(
    "override",
    [
        HEAD.replace("tools", "toolz"),
        HEAD.replace("raw", "row"),
        HEAD + "    tables: [{name: nowhere}]\n",
    ],
)
def test_an_override_of_nothing_is_told(read: Read, override: str) -> None:
    result = read({**PACKAGE, "models/s.yml": override})

    assert found(result) == [("properties-orphan", "models/s.yml:3:5")]


def test_two_overrides_of_one_source_are_refused(read: Read) -> None:
    result = read({**PACKAGE, "models/s.yml": HEAD, "models/t.yml": HEAD})

    assert found(result) == [("duplicate-name", "models/t.yml:3:5")]
