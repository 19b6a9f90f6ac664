"""What ``config()`` is called with, as text: the same texts that dbt 1.12 writes."""

import pytest

from headwater.jinja.written import written_config_or_none


@pytest.mark.parametrize(
    ("template", "written"),
    [
        (
            "{{ config(materialized='table', tags=['a']) }} {{ f() }}",
            {"materialized": "table", "tags": "['a']"},
        ),
        (
            "{{ config(materialized=env_var('KIND',   'table'), tags=['a', var('b')]) }}",
            {"materialized": "env_var('KIND', 'table')", "tags": "['a', var('b')]"},
        ),
        (
            "{{ config(enabled=target.name == 'prod' and not var('off')) }}",
            {"enabled": "target.name == 'prod' and not var('off')"},
        ),
        (
            "{{ config(meta={'a': 1, 'b': (1,)}, n=-1) }}",
            {"meta": "{'a': 1, 'b': (1,)}", "n": "-1"},
        ),
        (
            "{{ config(alias='x' ~ f(*x, a=1, **y), m=a.b['c'], o=1 not in [2] or none) }}",
            {"alias": "'x' ~ f(a=1, *x, **y)", "m": "a.b['c']", "o": "1 not in [2] or None"},
        ),
        (
            "{{ config(sort=(1 if a else 2)) }}",
            {
                "sort": "CondExpr(test=Name(name='a', ctx='load'), expr1=Const(value=1),"
                " expr2=Const(value=2))"
            },
        ),
        (
            "{% for x in [1] %}{{ config(tags=x) }}{% endfor %}{{ config(alias='never') }}",
            {"tags": "x"},
        ),
        ("{{ config({'a': x}) }}", {}),
    ],
)
def test_the_first_call_is_written_as_dbt_writes_it(template: str, written: dict[str, str]) -> None:
    assert written_config_or_none(template) == written


@pytest.mark.parametrize(
    "template", ["", "select 1 -- config(", "{{ other.config(a=1) }}", "{{ config(a=1", "{% raw %}"]
)
def test_a_text_that_calls_no_config_has_none(template: str) -> None:
    assert written_config_or_none(template) is None


@pytest.mark.parametrize(
    "template",
    [
        "{{ config(a=1, b='x', c=[1, {'d': 2}]) }} {{ config(a=2) }} select 1",
        "{{ config(a=1) }} select * from {{ ref('a', v=1) }}, {{ source('b', 'c') }}",
    ],
)
def test_constants_are_what_rendering_makes_of_them(template: str) -> None:
    assert written_config_or_none(template) is None
