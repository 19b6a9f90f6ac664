"""A project becomes a graph: compiled SQL, columns, lineage, hashes and gates."""

import dataclasses

import pytest
from tests.graph.builders import generic_test, model, source, source_ref, table
from tests.graph.projects import FixedLake, ephemeral, key, project_of, sql

from headwater.base.codec import decode, encode
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.base.spans import Span
from headwater.graph.columns import ColumnRef, downstream
from headwater.graph.compile import compile_graph
from headwater.graph.ephemeral import all_used, ctes_for
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.references import GraphResult
from headwater.project.node import Node

RAW = {
    TableName("shop", "raw", "orders"): (
        Column("id", "INTEGER"),
        Column("amount", "DOUBLE"),
        Column("status", "VARCHAR"),
    )
}
STAGED = "select id as order_id, amount from {{ source('raw', 'orders') }} where status <> 'x'"


def staged() -> Node:
    return sql("stg", STAGED, sources=(source_ref("raw", "orders"),))


def compiled(result: GraphResult, name: str) -> CompiledNode:
    return result.graph.nodes[key(name)]


def test_model_is_compiled_with_columns_and_lineage() -> None:
    project = project_of(source("raw", "orders"), staged())

    result = compile_graph(project, FixedLake(RAW))

    node = compiled(result, "stg")
    assert result.diagnostics == ()
    assert node.code == (
        'select id as order_id, amount from "shop"."raw"."orders" where status <> \'x\''
    )
    assert node.reads == (TableName("shop", "raw", "orders"),)
    assert node.columns == (Column("order_id", "INTEGER"), Column("amount", "DOUBLE"))
    assert node.lineage
    assert [item.column for item in node.lineage.row_set] == ["status"]
    assert node.incremental_code is None


def test_columns_of_a_node_answer_macros_of_the_next_one() -> None:
    star = (
        "{% set columns = adapter.get_columns_in_relation(ref('stg')) %}"
        "select {{ columns | map(attribute='name') | join(', ') }} from {{ ref('stg') }}"
    )
    project = project_of(source("raw", "orders"), staged(), sql("mart", star, "stg"))

    result = compile_graph(project, FixedLake(RAW))

    assert compiled(result, "mart").code == 'select order_id, amount from "shop"."main"."stg"'


def test_run_query_asks_the_lake_and_no_lake_is_a_finding() -> None:
    text = "select '{{ run_query('select max(x) from t').columns[0].values()[0] }}' as top"
    project = project_of(sql("top", text), sql("other", "select 1 as one"))
    lake = FixedLake(rows=(("seven",),))

    answered = compile_graph(project, lake)
    unanswered = compile_graph(project)

    assert compiled(answered, "top").code == "select 'seven' as top"
    assert lake.asked == ["select max(x) from t"]
    assert [item.name for item in unanswered.diagnostics] == ["no-lookup"]
    assert compiled(unanswered, "other").code == "select 1 as one"


def test_ephemeral_models_become_nested_ctes() -> None:
    project = project_of(
        sql("base", "select 1 as id"),
        ephemeral("inner", "select id from {{ ref('base') }}", "base"),
        ephemeral(
            "outer", "with a as (select * from {{ ref('inner') }}) select id from a", "inner"
        ),
        sql(
            "mart",
            "select id from {{ ref('outer') }}\njoin {{ ref('inner') }} using (id)",
            "outer",
            "inner",
        ),
        generic_test("unique_outer", "unique", "outer"),
    )

    result = compile_graph(project)

    assert compiled(result, "mart").code == (
        'with __dbt__cte__inner as (\nselect id from "shop"."main"."base"\n), '
        " __dbt__cte__outer as (\nwith a as (select * from __dbt__cte__inner) select id from a\n) "
        "select id from __dbt__cte__outer\njoin __dbt__cte__inner using (id)"
    )
    assert compiled(result, "mart").reads == (table("base"),)
    assert compiled(result, "outer").code.startswith("with  __dbt__cte__inner as (\nselect id")
    assert ColumnRef(key("mart"), "id") in {
        item.at for item in downstream(result.graph, key("base"), "id")
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "WITH a as (select 1) select * from a",
            "WITH  __dbt__cte__e as (\nselect 1 as x\n), a as",
        ),
        ("with recursive a as (select 1) select * from a", "with recursive  __dbt__cte__e as ("),
        ("-- with\n/* with */ with a as (select 1) select 2", "-- with\n/* with */ with  __dbt__"),
        (
            "\n\nselect 1 as with_x",
            "with __dbt__cte__e as (\nselect 1 as x\n) select 1 as with_x",
        ),
        ("select 'with' as w", "with __dbt__cte__e as (\nselect 1 as x\n) select 'with' as w"),
    ],
)
def test_ctes_go_before_the_first_own_cte(text: str, expected: str) -> None:
    project = project_of(
        ephemeral("e", "select 1 as x"), sql("m", f"{text}{{% set _ = ref('e') %}}", "e")
    )

    result = compile_graph(project)

    assert compiled(result, "m").code.startswith(expected)


def test_incremental_model_is_compiled_twice_and_does_not_read_itself() -> None:
    text = (
        "select id from {{ source('raw', 'orders') }}"
        "{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}"
    )
    config = {"materialized": "incremental", "unique_key": "id"}
    project = project_of(
        source("raw", "orders"),
        sql("inc", text, sources=(source_ref("raw", "orders"),), config=config),
        sql("plain", text, sources=(source_ref("raw", "orders"),)),
    )

    result = compile_graph(project, FixedLake(RAW))

    node = compiled(result, "inc")
    assert node.code == 'select id from "shop"."raw"."orders"'
    assert node.incremental_code == (
        'select id from "shop"."raw"."orders" where id > (select max(id) from "shop"."main"."inc")'
    )
    assert node.reads == (TableName("shop", "raw", "orders"),)
    assert compiled(result, "plain").incremental_code is None
    assert compiled(result, "plain").code == node.code


def test_hooks_are_rendered() -> None:
    config = {"pre_hook": [{"sql": "-- before {{ this }}"}, ""], "post_hook": "-- after"}
    result = compile_graph(project_of(sql("m", "select 1 as a", config=config)))

    assert compiled(result, "m").pre_hooks == ('-- before "shop"."main"."m"',)
    assert compiled(result, "m").post_hooks == ("-- after",)


def test_faults_are_all_reported_and_everything_else_goes_on() -> None:
    project = project_of(
        sql("good", "select 1 as a"),
        sql("no_sql", "select a\nfrm {{ ref('good') }}\nwhere", "good"),
        sql("bad_jinja", "select {{ nothing_called_so(1) }}"),
        sql("lost", "select * from {{ ref('goood') }}", "goood"),
        sql("python", "def model(dbt, session): ..."),
        sql("after", "select a from {{ ref('no_sql') }}", "no_sql"),
    )
    nodes = dict(project.nodes)
    nodes[key("python")] = dataclasses.replace(nodes[key("python")], original_path="models/p.py")

    result = compile_graph(dataclasses.replace(project, nodes=nodes))

    found = {item.node: item for item in result.diagnostics}
    assert len(result.diagnostics) == 4
    assert found[key("no_sql")].name == "sql-syntax"
    assert found[key("no_sql")].where
    assert found[key("bad_jinja")].name == "jinja-undefined"
    assert found[key("lost")].name == "ref-not-found"
    assert found[key("python")].name == "python-model-not-built"
    assert compiled(result, "good").lineage
    assert compiled(result, "no_sql").lineage is None
    assert compiled(result, "after").code == 'select a from "shop"."main"."no_sql"'
    assert set(result.graph.nodes) == set(nodes)


def test_sql_fault_points_at_the_line_of_the_source() -> None:
    text = "{# a\n   long comment #}\nselect 1 as a,\n  2 3 as b\nfrom t"
    result = compile_graph(project_of(sql("m", text)))

    (found,) = result.diagnostics
    assert found.where
    assert (found.where.file, found.where.line) == ("models/m.sql", 4)


def test_ref_that_shows_only_while_compiling_is_refused_with_the_comment_to_add() -> None:
    text = "select 1 as a {% if execute %} from {{ ref('late') }} {% endif %}"
    project = project_of(sql("late", "select 1 as a"), sql("m", text))

    (found,) = compile_graph(project).diagnostics

    assert found.name == "ref-not-inferred"
    assert "-- depends_on: {{ ref('late') }}" in found.fix


def test_cycle_does_not_stop_the_others() -> None:
    project = project_of(
        sql("a", "select * from {{ ref('b') }}", "b"),
        sql("b", "select * from {{ ref('a') }}", "a"),
        sql("free", "select 1 as one"),
    )

    result = compile_graph(project)

    assert [item.name for item in result.diagnostics] == ["graph-cycle"]
    assert compiled(result, "free").code == "select 1 as one"
    assert set(result.graph.nodes) == {key("a"), key("b"), key("free")}


def test_fingerprint_ignores_layout_and_follows_meaning_and_stored_config() -> None:
    def hash_of(text: str, **config: object) -> str:
        project = project_of(sql("m", text, config=config))
        return compiled(compile_graph(project), "m").fingerprint

    base = hash_of("select 1 as a", materialized="table")

    assert hash_of("SELECT 1  AS a -- why", materialized="table", tags=["x"]) == base
    assert hash_of("select 2 as a", materialized="table") != base
    assert hash_of("select 1 as a", materialized="incremental", unique_key="a") != base
    assert hash_of("select 1 as a", materialized="table", post_hook="vacuum") != base
    assert hash_of("not sql at all") != hash_of("not sql either")


def test_fingerprint_follows_the_ephemeral_models_inside() -> None:
    def hash_of(text: str) -> str:
        project = project_of(ephemeral("e", text), sql("m", "select x from {{ ref('e') }}", "e"))
        return compiled(compile_graph(project), "m").fingerprint

    assert hash_of("select 1 as x") != hash_of("select 2 as x")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("1", ""), ("current_date", "day"), ("now()", "always"), ("random()", "always")],
)
def test_clock_reads_are_told(expression: str, expected: str) -> None:
    result = compile_graph(project_of(sql("m", f"select {expression} as a")))

    assert compiled(result, "m").reads_clock == expected


def test_snapshot_has_its_own_columns() -> None:
    node = sql(
        "snap",
        "select 1 as id, cast('2026-01-01' as date) as changed",
        resource_type="snapshot",
        config={"materialized": "snapshot", "strategy": "timestamp", "updated_at": "changed"},
    )
    result = compile_graph(project_of(node))

    columns = compiled(result, "snap").columns
    assert columns
    assert [(column.name, column.type) for column in columns][2:] == [
        ("dbt_scd_id", "VARCHAR"),
        ("dbt_updated_at", "DATE"),
        ("dbt_valid_from", "DATE"),
        ("dbt_valid_to", "DATE"),
    ]


def test_macro_warning_is_a_finding() -> None:
    result = compile_graph(project_of(sql("m", "{% do exceptions.warn('careful') %}select 1 as a")))

    assert [(item.name, item.what, item.severity) for item in result.diagnostics] == [
        ("macro-warned", "careful", "warning")
    ]


def test_source_waits_for_the_seed_that_loads_it() -> None:
    seed = model("zzz_raw", resource_type="seed", relation=TableName("shop", "raw", "orders"))
    result = compile_graph(project_of(source("raw", "orders"), staged(), seed))

    order = list(result.graph.nodes)
    assert order.index(key("zzz_raw")) < order.index(NodeId("source.shop.raw.orders"))
    assert order.index(NodeId("source.shop.raw.orders")) < order.index(key("stg"))
    assert result.graph.waits == {NodeId("source.shop.raw.orders"): (key("zzz_raw"),)}
    assert result.graph.nodes[key("stg")].depends_on == (NodeId("source.shop.raw.orders"),)


def test_same_project_compiles_to_the_same_graph() -> None:
    nodes = [sql(f"m{index}", "select 1 as a") for index in range(20)]

    first = compile_graph(project_of(*nodes)).graph
    second = compile_graph(project_of(*reversed(nodes))).graph

    assert list(first.nodes) == list(second.nodes)
    assert first == second


def test_test_on_a_broken_line_keeps_its_place() -> None:
    node = dataclasses.replace(
        sql("m", "select 1 as a,\n\n{{ 1 }} 2 as b"), where=Span(file="models/m.sql", line=1)
    )

    (found,) = compile_graph(project_of(node)).diagnostics

    assert found.where
    assert found.where.line == 3


def test_long_chain_of_ephemeral_models_does_not_exhaust_the_stack() -> None:
    bodies: dict[NodeId, tuple[str, tuple[NodeId, ...]]] = {key("e0"): ("select 1 as x", ())}
    for index in range(1, 2000):
        before = all_used([key(f"e{index - 1}")], bodies)
        bodies[key(f"e{index}")] = (f"select x from e{index - 1}", before)

    found = ctes_for([key("e1999")], bodies, {item: item for item in bodies})

    assert [name for name, _ in found][-2:] == [
        "__dbt__cte__model.shop.e1998",
        "__dbt__cte__model.shop.e1999",
    ]
    assert len(found) == 2000


def test_lineage_passes_through_ephemeral_models() -> None:
    project = project_of(
        sql("base", "select 1 as id, 2 as amount, 'a' as state"),
        ephemeral("good", "select id, amount from {{ ref('base') }} where state = 'a'", "base"),
        ephemeral(
            "summed", "select id, sum(amount) as total from {{ ref('good') }} group by 1", "good"
        ),
        sql("mart", "select id, total from {{ ref('summed') }}", "summed"),
    )

    graph = compile_graph(project).graph

    found = {str(item.at): item for item in downstream(graph, key("base"), "amount")}
    assert [str(step) for step in found["model.shop.mart.total"].path] == [
        "model.shop.base.amount",
        "model.shop.good.amount",
        "model.shop.summed.total",
        "model.shop.mart.total",
    ]
    rows = {str(item.at): item.kind for item in downstream(graph, key("base"), "state")}
    assert rows["model.shop.mart.*"] == "row"


def test_graph_round_trips_through_json() -> None:
    project = project_of(
        source("raw", "orders"),
        staged(),
        ephemeral("e", "select order_id from {{ ref('stg') }}", "stg"),
        sql("m", "select order_id from {{ ref('e') }}", "e"),
        generic_test("unique_stg", "unique", "stg", raw_code="select 1 as a"),
    )
    graph = compile_graph(project, FixedLake(RAW)).graph

    back = decode(Graph, encode(graph))

    assert back == graph
    assert list(back.nodes) == list(graph.nodes)


def test_model_and_graph_say_what_a_node_depends_on() -> None:
    text = (
        "{{ model.depends_on.nodes }} {{ model.refs }} "
        "{{ graph.nodes['model.shop.stg'].depends_on.nodes }} {{ graph.functions }}"
    )
    wanted = sql("m", f"select 1 as id /* {text} */ from {{{{ ref('stg') }}}}", "stg")
    project = project_of(source("raw", "orders"), staged(), wanted)

    code = compiled(compile_graph(project, FixedLake(RAW)), "m").code

    assert code.split(" */")[0] == (
        "select 1 as id /* ['model.shop.stg'] [{'name': 'stg'}] ['source.shop.raw.orders'] {}"
    )


def test_tests_that_are_not_traced_have_the_same_text_and_the_same_hash() -> None:
    text = "select * from {{ ref('stg') }} where amount is null"
    test = generic_test("no_amount", "not_null", "stg", raw_code=text)
    project = project_of(source("raw", "orders"), staged(), test)

    whole, read = (
        compile_graph(project, FixedLake(RAW), traces_tests=way) for way in (True, False)
    )

    before, after = (result.graph.nodes[test.unique_id] for result in (whole, read))
    assert before.lineage is not None
    assert before.reads
    assert after == dataclasses.replace(before, lineage=None, reads=())
    assert compiled(whole, "stg") == compiled(read, "stg")


TOO_EARLY = "select {{ 'there' if load_relation(ref('first')) else 'absent' }} as said"


def test_asking_for_a_table_that_is_yet_to_be_built_is_told() -> None:
    result = compile_graph(project_of(sql("first", "select 1 as a"), sql("m", TOO_EARLY, "first")))

    assert [(each.name, each.node) for each in result.diagnostics] == [
        ("compiled-too-early", "model.shop.m")
    ]
    assert "absent" in result.graph.nodes[key("m")].code


def test_asking_for_a_table_that_is_there_is_nothing_to_tell() -> None:
    first = sql("first", "select 1 as a")
    assert first.relation is not None
    lake = FixedLake({first.relation: (Column("a", "INTEGER"),)})

    result = compile_graph(project_of(first, sql("m", TOO_EARLY, "first")), lake)

    assert result.diagnostics == ()
    assert "there" in result.graph.nodes[key("m")].code


def test_asking_for_a_table_that_is_no_input_is_nothing_to_tell() -> None:
    text = "select {{ adapter.get_relation('shop', 'main', 'first') is none }} as a"

    result = compile_graph(project_of(sql("first", "select 1 as a"), sql("m", text)))

    assert result.diagnostics == ()
    assert "True" in result.graph.nodes[key("m")].code
