"""Functions of a project (dbt 1.11): read, listed, compiled, refused when they cannot be made."""

import pytest
from tests.project.conftest import Read, found, node_of, project_of

from headwater.base.artifacts import ArtifactFacts
from headwater.base.ids import NodeId
from headwater.graph.compile import compile_graph
from headwater.graph.manifest import make_manifest
from headwater.graph.references import resolve_graph
from headwater.plan.strategy import check_promises

FILES = {
    "functions/sub/plus_one.sql": "{{ config(meta={'a': 1}) }}val + {{ var('by', 1) }}",
    "functions/twice.sql": "{{ function('plus_one') }}(val) * 2",
    "functions/shout.py": "def main(text):\n    return text.upper()\n",
    "functions/f.yml": (
        "functions:\n"
        "  - name: plus_one\n"
        "    description: adds\n"
        "    config: {volatility: deterministic}\n"
        "    arguments: [{name: val, data_type: integer}]\n"
        "    returns: {data_type: integer}\n"
        "  - {name: shout, config: {entry_point: main}, arguments: [{name: text}]}\n"
    ),
    "models/a.sql": "select {{ function('shop', 'twice') }}(1) as id",
}
FACTS = ArtifactFacts(generated_at="2026-11-21T03:22:49Z", invocation_id="abc")


def test_functions_are_nodes_with_their_properties(read: Read) -> None:
    result = read(FILES)
    function = node_of(result, "function.shop.plus_one")

    assert found(result) == []
    assert function.fqn == ("shop", "sub", "plus_one")
    assert function.config["volatility"] == "deterministic"
    assert (function.description, function.meta) == ("adds", {"a": 1})
    assert str(function.place) == "shop.main.plus_one"
    assert str(function.relation) == "shop.main.plus_one"


def test_calls_of_functions_are_edges_and_names_in_compiled_sql(read: Read) -> None:
    project = project_of(read(FILES))

    result = compile_graph(project)
    nodes = {str(key): node for key, node in result.graph.nodes.items()}

    assert result.diagnostics == ()
    assert nodes["model.shop.a"].depends_on == ("function.shop.twice",)
    assert nodes["function.shop.twice"].depends_on == ("function.shop.plus_one",)
    assert nodes["model.shop.a"].code == 'select "shop"."main"."twice"(1) as id'
    assert nodes["function.shop.twice"].code == '"shop"."main"."plus_one"(val) * 2'


def test_the_manifest_has_functions_as_dbt_writes_them(read: Read) -> None:
    project = project_of(read(FILES))

    manifest = make_manifest(project, resolve_graph(project).graph, FACTS)

    entry = manifest["functions"]["function.shop.plus_one"]  # type: ignore[index,call-overload]
    assert entry["arguments"] == [  # type: ignore[index,call-overload]
        {"name": "val", "data_type": "integer", "description": None, "default_value": None}
    ]
    assert entry["returns"] == {"data_type": "integer", "description": None}  # type: ignore[index,call-overload]
    assert manifest["nodes"]["model.shop.a"]["functions"] == [["shop", "twice"]]  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("loud.py", "{}"),
        ("loud.py", "{entry_point: main, type: aggregate}"),
        ("loud.sql", "{type: table}"),
    ],
)
def test_a_function_that_the_engine_cannot_make_is_reported(
    read: Read, name: str, config: str
) -> None:
    properties = f"functions: [{{name: loud, config: {config}}}]"
    project = project_of(read({f"functions/{name}": "text", "functions/f.yml": properties}))

    result = compile_graph(project)

    assert [(each.name, each.node) for each in result.diagnostics] == [
        ("function-not-built", "function.shop.loud")
    ]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"functions/f.js": "return 1"}, "model-language"),
        (
            {
                "functions/f.sql": "a + b",
                "functions/f.yml": "functions: [{name: f, arguments: [{name: a, default_value: 0}, "
                "{name: b}]}]",
            },
            "properties-shape",
        ),
        (
            {
                "functions/f.sql": "a",
                "functions/f.yml": "functions: [{name: f, overloads: [{defined_in: g}]}]",
            },
            "properties-shape",
        ),
    ],
)
def test_what_dbt_refuses_of_functions_is_refused(
    read: Read, files: dict[str, str], code: str
) -> None:
    assert [each.name for each in read(files).diagnostics] == [code]


def test_an_overload_is_a_part_of_its_function(read: Read) -> None:
    files = {
        "functions/whole.sql": "val * 2",
        "functions/part.sql": "{{ function('helper') }}(val) * {{ 3 }}",
        "functions/helper.sql": "1",
        "functions/f.yml": (
            "functions:\n"
            "  - name: whole\n"
            "    arguments: [{name: val, data_type: integer}]\n"
            "    returns: {data_type: integer}\n"
            "    overloads:\n"
            "      - {defined_in: part, arguments: [{name: val, data_type: float}],"
            " returns: {data_type: float}}\n"
        ),
    }
    project = project_of(read(files))

    graph = compile_graph(project).graph
    entry = make_manifest(project, graph, FACTS)["functions"]["function.shop.whole"]  # type: ignore[index,call-overload]

    assert sorted(project.nodes) == ["function.shop.helper", "function.shop.whole"]
    assert graph.nodes[NodeId("function.shop.whole")].depends_on == ("function.shop.helper",)
    assert entry["overloads"] == [  # type: ignore[index,call-overload]
        {
            "defined_in": "part",
            "arguments": [
                {"name": "val", "data_type": "float", "description": None, "default_value": None}
            ],
            "returns": {"data_type": "float", "description": None},
            "description": None,
            "raw_body": "{{ function('helper') }}(val) * {{ 3 }}",
            "compiled_body": '"shop"."main"."helper"(val) * 3',
        }
    ]


def test_a_function_that_there_is_not_is_reported(read: Read) -> None:
    project = project_of(read({**FILES, "models/a.sql": "select {{ function('twise') }}(1)"}))

    reported = resolve_graph(project).diagnostics

    assert [(item.name, item.fix) for item in reported] == [
        ("ref-not-found", "did you mean `twice`?")
    ]


def test_config_that_has_no_effect_is_said(read: Read) -> None:
    model = "{{ config(indexes=[{'columns': ['id']}], catalog_name='ice') }} select 1 as id"
    graph = compile_graph(project_of(read({"models/a.sql": model}))).graph

    said = [finding.what for each in graph.nodes.values() for finding in check_promises(each)]

    assert said == [
        "`a` sets `indexes`, which has no effect",
        "`a` sets `catalog_name`, which has no effect",
    ]
    names = {finding.name for each in graph.nodes.values() for finding in check_promises(each)}
    assert names == {"config-without-effect"}


def test_a_header_of_sql_runs_before_the_query(read: Read) -> None:
    called = (
        "{{ config(pre_hook='select 0') }}"
        "{% call set_sql_header(config) %}create temp macro f(x) as x + 1{% endcall %}"
        "select 1 as id"
    )
    graph = compile_graph(project_of(read({"models/a.sql": called}))).graph

    node = graph.nodes[NodeId("model.shop.a")]

    assert node.pre_hooks == ("select 0", "create temp macro f(x) as x + 1")
    assert node.code == "select 1 as id"
