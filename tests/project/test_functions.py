"""Functions of a project (dbt 1.11): read, listed, compiled; refused when they would be built."""

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
    assert function.relation is None


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


def test_what_calls_a_function_is_not_built(read: Read) -> None:
    graph = compile_graph(project_of(read(FILES))).graph

    codes = [
        (finding.name, str(finding.node))
        for compiled in graph.nodes.values()
        if compiled.node.resource_type == "model"
        for finding in check_promises(compiled)
    ]

    assert codes == [("function-not-built", "model.shop.a")]


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
