"""The cross-database functions, run in the embedded engine."""

import datetime as dt

import pytest
from tests.jinja.conftest import Render, World, make_templates

from headwater.jinja.macros import Macro


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


EXPRESSIONS: list[tuple[str, object]] = [
    ("dbt.dateadd('day', 1, \"date '2024-02-28'\")", moment("2024-02-29T00:00:00")),
    ("dbt.dateadd('month', -1, \"timestamp '2024-03-31 10:00'\")", moment("2024-02-29T10:00:00")),
    ("dbt.dateadd('day', 1, \"'2024-02-28'\")", moment("2024-02-29T00:00:00")),
    ("dbt.datediff(\"date '2024-01-01'\", \"date '2024-03-01'\", 'month')", 2),
    ("dbt.datediff(\"'2024-01-01'\", \"'2024-01-03'\", 'day')", 2),
    ("dbt.date_trunc('month', \"date '2024-02-29'\")", moment("2024-02-01T00:00:00")),
    ("dbt.last_day(\"date '2024-02-03'\", 'month')", dt.date(2024, 2, 29)),
    ("dbt.last_day(\"date '2024-02-03'\", 'quarter')", dt.date(2024, 3, 31)),
    ("dbt.date(2024, 2, 29)", dt.date(2024, 2, 29)),
    ("dbt.concat([\"'a'\", \"'b'\"])", "ab"),
    ("dbt.hash(\"'a'\")", "0cc175b9c0f1b6a831c399e269772661"),
    ("dbt.safe_cast(\"'7'\", dbt.type_int())", 7),
    ("dbt.cast(\"'7'\", dbt.type_bigint())", 7),
    ("dbt.cast_bool_to_text('true')", "true"),
    ("dbt.length(\"'abc'\")", 3),
    ("dbt.position(\"'b'\", \"'abc'\")", 2),
    ("dbt.replace(\"'abc'\", \"'b'\", \"'x'\")", "axc"),
    ("dbt.right(\"'abc'\", 2)", "bc"),
    ("dbt.right(\"'abc'\", 0)", ""),
    ("dbt.split_part(\"'a|b|c'\", \"'|'\", 2)", "b"),
    ("dbt.split_part(\"'a|b|c'\", \"'|'\", -1)", "c"),
    ('dbt.string_literal(dbt.escape_single_quotes("it\'s"))', "it's"),
    ("dbt.array_construct([1, 2])", [1, 2]),
    ("dbt.array_construct()", []),
    ("dbt.array_append(dbt.array_construct([1]), 2)", [1, 2]),
    ("dbt.array_concat(dbt.array_construct([1]), dbt.array_construct([2]))", [1, 2]),
    ("dbt.split_part(\"'a'\", \"'|'\", 2)", None),
    ("dbt.equals('null', 'null')", None),
    ("dbt.equals('2', '1')", False),
]


@pytest.mark.parametrize(("call", "expected"), EXPRESSIONS, ids=[call for call, _ in EXPRESSIONS])
def test_function_gives_the_documented_value(
    call: str, expected: object, render: Render, world: World
) -> None:
    sql = f"select {render('{{ ' + call + ' }}').text}"

    actual = world.connection.execute(sql).fetchone()

    assert actual == (expected,)


AGGREGATES: list[tuple[str, object]] = [
    ("dbt.listagg('v', \"','\", 'order by v')", "1,2,3"),
    ("dbt.listagg('v', \"','\", 'order by v desc', 2)", "3,2"),
    ("dbt.bool_or(\"v > '2'\")", True),
    ("dbt.any_value('1')", 1),
    ("dbt.any_value(\"nullif(v, '1')\")", None),
]


@pytest.mark.parametrize(("call", "expected"), AGGREGATES, ids=[call for call, _ in AGGREGATES])
def test_aggregate_gives_the_documented_value(
    call: str, expected: object, render: Render, world: World
) -> None:
    aggregate = render("{{ " + call + " }}").text
    sql = f"select {aggregate} from (values ('1'), ('3'), ('2')) as t(v)"

    assert world.connection.execute(sql).fetchone() == (expected,)


def test_date_spine_has_a_row_for_each_day_and_not_the_last(render: Render, world: World) -> None:
    first, last = "cast('2024-02-27' as date)", "cast('2024-03-02' as date)"
    sql = render("{{ dbt.date_spine('day', \"" + first + '", "' + last + '") }}').text

    rows = world.connection.execute(f"select count(*), min(date_day), max(date_day) from ({sql})")

    assert rows.fetchone() == (4, moment("2024-02-27T00:00:00"), moment("2024-03-01T00:00:00"))


def test_generate_series_counts_from_one(render: Render, world: World) -> None:
    sql = render("{{ dbt.generate_series(3) }}").text

    assert world.connection.execute(f"select list(generated_number) from ({sql})").fetchone() == (
        [1, 2, 3],
    )


@pytest.mark.parametrize(
    "name", ["string", "timestamp", "float", "numeric", "bigint", "int", "boolean"]
)
def test_type_is_a_type_of_the_engine(name: str, render: Render, world: World) -> None:
    text = render("{{ dbt.type_" + name + "() }}").text

    assert world.connection.execute(f"select cast(null as {text})").fetchone() == (None,)


FAILING = "select * from (values (1, 'a'), (1, 'b'), (null, 'c')) as t(id, kind)"
TESTS: list[tuple[str, int]] = [
    ("test_unique(model, 'id')", 1),
    ("test_not_null(model, 'id')", 1),
    ("test_accepted_values(model, 'kind', ['a', 'b'])", 1),
    ("test_accepted_values(model, 'id', [2], quote=false)", 1),
    ("test_relationships(model, 'id', '(select 2 as k)', 'k')", 2),
    ("test_relationships(model, 'id', '(select 1 as k)', 'k')", 0),
]


@pytest.mark.parametrize(("call", "failures"), TESTS, ids=[call for call, _ in TESTS])
def test_generic_test_returns_the_rows_that_fail(
    call: str, failures: int, render: Render, world: World
) -> None:
    sql = render("{% set model = '(" + FAILING.replace("'", "\\'") + ")' %}{{ " + call + " }}").text

    assert len(world.connection.execute(sql).fetchall()) == failures


def test_where_config_narrows_what_a_test_reads(render: Render) -> None:
    text = "{{ get_where_subquery(ref('a')) }}"

    assert render(text).text == '"memory"."main"."a"'
    assert (
        render(text, config={"where": "x > 1"}).text
        == '(select * from "memory"."main"."a" where x > 1) dbt_subquery'
    )


def test_every_shipped_macro_compiles(shipped: tuple[Macro, ...]) -> None:
    templates = make_templates(shipped)

    for macro in shipped:
        templates.check(macro.text, name=macro.file, line=macro.line)

    assert len(shipped) > 100
