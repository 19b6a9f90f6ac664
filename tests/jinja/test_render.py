"""Rendering: dbt's language, visibility of macros, messages with places."""

import pytest
from tests.jinja.conftest import Render, World

from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.spans import Span


def fail(render: Render, text: str, **options: object) -> HeadwaterError:
    with pytest.raises(HeadwaterError) as caught:
        render(text, **options)
    return caught.value


def test_ref_renders_as_a_quoted_three_part_name(render: Render) -> None:
    assert render("from {{ ref('a') }}").text == 'from "memory"."main"."a"'


def test_ephemeral_ref_renders_as_its_cte(render: Render) -> None:
    assert render("from {{ ref('inlined') }}").text == "from __dbt__cte__inlined"


def test_text_without_jinja_loses_one_trailing_newline_like_any_template(render: Render) -> None:
    assert render("select 1\n\n").text == "select 1\n"
    assert render("select {{ 1 }}\n\n").text == "select 1\n"
    assert render("select {{ ref('a') }}\n\n").text == 'select "memory"."main"."a"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {{- ref('x') -}} b", 'a"memory"."main"."x"b'),
        ("{{ config(materialized='table') }}\nselect 1", "\nselect 1"),
        ("{{ config(tags=['a'], enabled=true, x=-1) }}{{ this }}", '"memory"."main"."this_model"'),
        ("{# {{ ref('no') }} #}x", "x"),
        ("{% raw %}{{ ref('no') }}{% endraw %}", "{{ ref('no') }}"),
        ("{{ var('v', 'd') }}", "d"),
        ("{{ ref('x').include(database=false) }}", '"main"."x"'),
        ("{{ ref('x').at(3) }}", '"memory"."main"."x@v3"'),
    ],
)
def test_simple_calls_render_alike_with_and_without_the_engine(
    text: str, expected: str, render: Render
) -> None:
    through_engine = "{% for _never in [] %}{% endfor %}" + text

    assert render(text).text == expected
    assert render(through_engine).text == expected


def test_loop_controls_do_and_tolerated_colons(render: Render) -> None:
    text = (
        "{% set seen = [] %}{% for i in range(9): %}{% if i == 1 %}{% continue %}{% endif %}"
        "{% if i == 3 %}{% break %}{% endif %}{% do seen.append(i) %}{% endfor %}{{ seen }}"
    )

    assert render(text).text == "[0, 2]"


def test_return_gives_a_value_and_not_text(render: Render) -> None:
    macros = {"shop": "{% macro pick() %}noise{{ return([1, 2]) }}{% endmacro %}"}

    assert render("{{ pick()[1] }}", macros).text == "2"


def test_call_block_passes_its_text(render: Render) -> None:
    macros = {"shop": "{% macro twice() %}{{ caller() }}{{ caller() }}{% endmacro %}"}

    assert render("{% call twice() %}x{% endcall %}", macros).text == "xx"


def test_project_macro_wins_over_ours_and_ours_stays_reachable(render: Render) -> None:
    macros = {"shop": "{% macro type_int() %}mine {{ dbt.default__type_int() }}{% endmacro %}"}

    assert render("{{ type_int() }}/{{ dbt.type_int() }}", macros).text == "mine integer/integer"


def test_package_macros_need_their_package_name_outside_of_it(render: Render) -> None:
    macros = {"tools": "{% macro f() %}f{% endmacro %}"}

    assert render("{{ tools.f() }}", macros).text == "f"
    assert render("{{ f() }}", macros, package="tools").text == "f"
    assert fail(render, "{{ f() }}", macros=macros).code == "jinja-undefined"


def test_dispatch_prefers_the_root_project_then_the_engines_own(render: Render) -> None:
    tools = (
        "{% macro f() %}{{ return(adapter.dispatch('f', 'tools')()) }}{% endmacro %}"
        "{% macro default__f() %}default{% endmacro %}"
        "{% macro duckdb__f() %}duckdb{% endmacro %}"
    )
    override = "{% macro default__f() %}root{% endmacro %}"

    assert render("{{ tools.f() }}", {"tools": tools}).text == "duckdb"
    assert render("{{ tools.f() }}", {"tools": tools, "shop": override}).text == "root"
    only_tools = {"tools": ("tools",)}
    rendered = render("{{ tools.f() }}", {"tools": tools, "shop": override}, dispatch=only_tools)
    assert rendered.text == "duckdb"


def test_project_may_override_ref_and_reach_the_built_in_one(render: Render) -> None:
    macros = {
        "shop": "{% macro ref(name) %}"
        "{{ return(builtins.ref(name).include(database=false)) }}{% endmacro %}"
    }

    assert render("{{ ref('a') }}", macros).text == '"main"."a"'


def test_only_macros_that_the_text_itself_calls_are_counted(render: Render) -> None:
    macros = {
        "shop": "{% macro outer() %}{{ inner() }}{% endmacro %}{% macro inner() %}{% endmacro %}"
    }

    assert render("{{ outer() }}", macros).macros_called == ("macro.shop.outer",)


def test_query_results_look_like_tables(render: Render) -> None:
    text = (
        "{% set t = run_query(\"select 1 as a, 'x' as b union all select 2, 'y' order by 1\") %}"
        "{{ t.columns[0].values() | list }} {{ t.column_names | join('-') }} {{ t[1].b }}"
        "{% for row in t %} {{ row['a'] }}{{ row[1] }}{% endfor %} {{ t.rows | length }}"
    )

    assert render(text).text == "[1, 2] a-b y 1x 2y 2"


def test_statement_keeps_its_result_under_its_name(render: Render) -> None:
    text = (
        "{% call statement('s', fetch_result=True) %}select 7 as n{% endcall %}"
        "{{ load_result('s')['data'][0][0] }} {{ load_result('s').table.columns['n'].values()[0] }}"
    )

    assert render(text).text == "7 7"


def test_lists_and_structs_of_rows_are_json_text(render: Render) -> None:
    text = (
        "{% set t = run_query(\"select [1, 2] as a, {'b': 'x'} as c\") %}"
        "{{ t[0].a ~ ' ' ~ fromjson(t[0].c).b }}"
    )

    assert render(text).text == "[1, 2] x"


def test_columns_of_a_relation_have_types(render: Render, world: World) -> None:
    world.connection.execute("create table a(id int, price decimal(12,2), name varchar)")
    text = (
        "{% for c in adapter.get_columns_in_relation(ref('a')) %}"
        "{{ c.name }} {{ c.data_type }} {{ c.is_number() }};{% endfor %}"
    )

    assert render(text).text == (
        "id INTEGER True;price DECIMAL(12,2) True;name character varying(256) False;"
    )


def test_relation_is_recognised_by_dbt_utils(render: Render) -> None:
    text = (
        "{% set r = ref('a') %}"
        "{{ r is mapping and r.get('metadata').get('type').endswith('Relation') }}"
        " {{ {r: 1}[ref('a')] }} {{ r.identifier }} {{ r.include(database=false, schema=false) }}"
        " {{ r.quote(identifier=false) }}"
    )

    assert render(text).text == 'True 1 a "a" "memory"."main".a'


def test_nothing_runs_while_a_project_is_read(render: Render, world: World) -> None:
    world.execute = False
    text = (
        "{% set t = run_query('drop everything') %}{% set v = t.columns[0].values() %}"
        "{{ adapter.get_columns_in_relation(ref('a')) }}{{ v }}"
        "{% call statement('s') %}{{ ref('b') }}{% endcall %}"
    )

    assert render(text, lenient=True).text == "[]"


def test_calls_of_unknown_macros_are_told_when_lenient(render: Render, world: World) -> None:
    world.execute = False

    assert render("{{ nope(1) }} {{ pkg.f() }}", lenient=True).unknown_calls == ("nope", "pkg.f")


def test_sandbox_keeps_templates_out_of_python(render: Render) -> None:
    error = fail(render, "{{ ''.__class__.__mro__ }}")

    assert error.code == "jinja-failed"
    assert "unsafe" in error.what


def test_modules_do_not_lead_to_the_operating_system(render: Render) -> None:
    assert fail(render, "{{ modules.re.sys.exit() }}").code == "jinja-undefined"
    assert fail(render, "{{ modules.os }}{{ modules.os.system('x') }}").code == "jinja-undefined"


def test_time_zones_answer_by_pytz_names(render: Render) -> None:
    text = (
        "{{ modules.pytz.timezone('America/New_York')"
        ".localize(modules.datetime.datetime(2024, 7, 1)).isoformat() }}"
    )

    assert render(text).text == "2024-07-01T00:00:00-04:00"


FAULTS = [
    ("a\n {% if %}", "jinja-syntax", 2),
    ("a\n {% endfor %}", "jinja-syntax", 2),
    ("a\nb {{ 'x' }", "jinja-syntax", 2),
    ("\n\n{{ nope }}{{ nope() }}", "jinja-undefined", 3),
    ("\n{{ 1 + 'x' }}", "jinja-failed", 2),
    ("\n{{ exceptions.raise_compiler_error('bad') }}", "jinja-raised", 2),
    ("\n{{ var('nope') }}", "var-not-found", 2),
    ("\n{{ env_var('NOPE') }}", "env-var-not-found", 2),
    ("\n{{ env_var('DBT_ENV_SECRET_X', 'a') }}", "env-var-secret", 2),
    ("\n{{ ref() }}", "ref-arguments", 2),
    ("\n{{ ref('a', 'b', 'c') }}", "ref-arguments", 2),
    ("\n{{ source('a') }}", "ref-arguments", 2),
    ("\n{{ adapter.drop_relation(this) }}", "jinja-unsupported", 2),
    ("\n{{ adapter.dispatch('nope')() }}", "macro-not-found", 2),
    ("\n{{ config.require('x') }}", "config-required", 2),
]


@pytest.mark.parametrize(("text", "code", "line"), FAULTS, ids=[text for text, _, _ in FAULTS])
def test_fault_has_a_code_and_a_line(text: str, code: str, line: int, render: Render) -> None:
    error = fail(render, text)

    assert isinstance(error, Invalid)
    assert (error.code, error.where and error.where.line) == (code, line)


def test_fault_in_a_macro_points_at_the_call_and_names_the_macro(render: Render) -> None:
    macros = {"shop": "\n\n{% macro bad() %}\n{{ 1 / 0 }}{% endmacro %}"}

    error = fail(render, "select\n  {{ bad() }}", macros=macros)

    assert error.where == Span(file="models/m.sql", line=2, column=3)
    assert "shop/m.sql:4" in error.why


def test_macro_that_calls_itself_is_stopped(render: Render) -> None:
    macros = {"shop": "{% macro again() %}{{ again() }}{% endmacro %}"}

    error = fail(render, "{{ again() }}", macros=macros)

    assert error.code == "jinja-recursion"
    assert error.why.startswith("in shop/m.sql:1; in shop/m.sql:1; in shop/m.sql:1; ")
    assert len(error.why) < 150


def test_variables_and_environment(render: Render) -> None:
    text = "{{ var('a') }} {{ env_var('B') }} {{ env_var('C', 'd') }} {{ var.has_var('z') }}"

    assert render(text, variables={"a": 1}, environment={"B": "b"}).text == "1 b d False"


def test_messages_reach_the_host(render: Render, world: World) -> None:
    render("{{ log('l') }}{{ print('p') }}{{ exceptions.warn('w') }}")

    assert world.messages == ["l", "p", "warning: w"]
