"""``adapter``, the tables that queries give, and the rest of a node's context, over an engine."""

import pytest
from tests.jinja.conftest import Render, World

from headwater.base.errors import Invalid

TABLES = """
create schema old;
create table old.orders as select 1 as id, 'x' as status, 1.5 as amount;
create table this_model as select 1 as id, 'x' as "Order By"
"""
ORDERS = (
    "{% set orders = api.Relation.create(database='memory', schema='old', identifier='orders') %}"
)
ROWS = "{% set r = run_query(\"select 1 as n, 'x' as s union all select 2, null order by 1\") %}"

CASES: list[tuple[str, str]] = [
    # what exists
    ("{{ adapter.get_relation('memory', 'old', 'orders') }}", '"memory"."old"."orders"'),
    ("{{ adapter.get_relation('memory', 'old', none) }}", "None"),
    (ORDERS + "{{ load_relation(orders) }} {{ load_relation('orders') }}",
     '"memory"."old"."orders" None'),
    ("{{ adapter.already_exists('main', 'this_model') }}", "True"),
    ("{{ adapter.already_exists('main', 'no_model') }}", "False"),
    ("{{ adapter.check_schema_exists('memory', 'any') }}", "True"),
    # columns
    ("{{ adapter.get_columns_in_table('main', 'this_model') | map(attribute='quoted') | list }}",
     "['\"id\"', '\"Order By\"']"),
    (ORDERS + "{{ adapter.get_missing_columns(orders, this) | map(attribute='name') | list }}",
     "['status', 'amount']"),
    ("{{ adapter.get_columns_in_relation('x') }}", "[]"),
    (("{% for c in adapter.get_column_schema_from_query('select 1::bigint as a -- end') %}"
     "{{ c.name }} {{ c.data_type }}{% endfor %}"), "a BIGINT"),
    # statements
    ("{% set answer = adapter.execute('select 7 as n', fetch=true) %}{{ answer[1][0].n }}", "7"),
    ("{% set answer = adapter.execute('select 7 as n') %}{{ answer[1] | length }}", "0"),
    # what engines differ in
    ("{{ adapter.quote_as_configured('a b', 'identifier') }}", '"a b"'),
    ("{{ adapter.config.quoting.database }} {{ adapter.config.quoting.schema }}", "True True"),
    ("{{ adapter.config.project_name }} {{ ref.config.quoting.identifier }}", "shop True"),
    ("{{ adapter.quote_seed_column('a', none) }} {{ adapter.quote_seed_column('a', false) }}",
     '"a" a'),
    ("{{ adapter.convert_type(none, 0) }} {{ adapter.is_motherduck() }}", "varchar False"),
    ("{{ adapter.is_ducklake(this) }} {{ adapter.expand_target_column_types(this, this) }}|",
     "False |"),
    ("{{ adapter.behavior.any_flag.no_warn }} {{ 'on' if adapter.behavior.any_flag else 'off' }}",
     "False off"),
    (("{{ adapter.standardize_grants_dict([{'privilege_type': 'select', 'grantee': 'a'}, "
     "{'privilege_type': 'select', 'grantee': 'b'}]) }}"), "{'select': ['a', 'b']}"),
    # tables of results
    (ROWS + "{{ r.columns[0].values() }} {{ r.columns['s'].values() }}", "(1, 2) ('x', None)"),
    (ROWS + "{{ r.rows[0][1] }} {{ r.rows[1]['s'] }} {{ r[0].n }} {{ r | length }}", "x None 1 2"),
    (ROWS + "{{ r.column_names }} {{ r.columns.keys() }} {{ r.columns[0].name }}",
     "('n', 's') ('n', 's') n"),
    (ROWS + "{{ r.rows[0].values() }} {{ dict(r.rows[0].items()) }} {{ r.rows[0].get('z', 4) }}",
     "(1, 'x') {'n': 1, 's': 'x'} 4"),
    (ROWS + "{{ r.columns[1].values_without_nulls() }} {{ r.select(['s']).column_names }}",
     "('x',) ('s',)"),
    (ROWS + "{{ r.rows[:1] | length }} {{ r.rows[0].dict() }}", "1 {'n': 1, 's': 'x'}"),
    (("{% call statement('st', fetch_result=true) %}select 5 as five{% endcall %}"
     "{{ load_result('st')['data'][0][0] }} {{ load_result('st').table.columns[0].values() }} "
     "{{ load_result('none') }}"), "5 (5,) None"),
    (ROWS + "{{ store_result('kept', agate_table=r) }}{{ load_result('kept').table | length }}",
     "2"),
    # config
    ("{{ config.get('a', 1) }} {{ config.get('materialized') }} {{ config.require('meta') }}",
     "1 table {'owner': 'ada'}"),
    ("{{ config.meta_get('owner') }} {{ config.meta_get('x',2) }} {{config.meta_require('owner')}}",
     "ada 2 ada"),
    ("{{ config.persist_relation_docs() }} {{ config.persist_column_docs() }}", "True False"),
    ("{{ config(tags='x') }}{{ config.set('a', 1) }}{{ should_full_refresh() }}", "False"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_context_answers_as_dbts_does(
    text: str, expected: str, render: Render, world: World
) -> None:
    world.connection.execute(TABLES)
    config = {
        "materialized": "table",
        "meta": {"owner": "ada"},
        "persist_docs": {"relation": True},
    }

    assert render(text + "#", config=config).text == expected + "#"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ config.require('gone') }}", "config-required"),
        ("{{ config.meta_require('gone') }}", "config-required"),
        ("{{ set_strict(1) }}", "jinja-raised"),
        ("{{ zip_strict(1, 2) }}", "jinja-raised"),
        ("{{ exceptions.raise_not_implemented('no') }}", "jinja-raised"),
        ("{{ exceptions.column_type_missing(column_names='a') }}", "jinja-raised"),
        ("{{ adapter.dispatch('dbt.date') }}", "jinja-raised"),
        ("{{ source('one') }}", "ref-arguments"),
        ("{{ run_query('selec 1') }}", "jinja-failed"),
    ],
)
def test_what_cannot_be_answered_is_a_fault(text: str, code: str, render: Render) -> None:
    with pytest.raises(Invalid) as caught:
        render(text)

    assert caught.value.code == code


@pytest.mark.parametrize("name", ["create_schema", "drop_relation", "truncate_relation"])
def test_nothing_can_be_changed_past_the_lake(name: str, render: Render, world: World) -> None:
    with pytest.raises(Invalid):
        render(f"{{{{ adapter.{name}(this) }}}}")
    world.execute = False

    assert render(f"[{{{{ adapter.{name}(this) }}}}]").text == "[None]"
