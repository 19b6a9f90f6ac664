"""Templates that are run as they are read: the same answers as Jinja2 gives, call for call."""

import re
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jinja2 import Undefined
from tests.jinja.conftest import Render, make_templates

from headwater.base.errors import HeadwaterError
from headwater.base.spans import Span
from headwater.jinja.budget import Limits, Meter
from headwater.jinja.environment import has_jinja, make_text_environment
from headwater.jinja.plain import read_plain

THROUGH_JINJA = "{% for _never in [] %}{% endfor %}"
"""Put before a text, it changes nothing but that Jinja2 must compile it."""

Outcome = tuple[object, ...]
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+")

NAMES = ["a", "words", "items", "pairs", "f", "thing", "nothing", "macro_text", "ref", "true"]
LITERALS = [
    "1",
    "0",
    "2.5",
    "'x'",
    '"it\'s"',
    "'a\\n'",
    "'é'",
    "none",
    "True",
    "[]",
    "{}",
    "()",
    "''",
]
ATTRIBUTES = [".upper", ".part", "._hidden", ".items", ".format", "['part']", "[0]", "[a]", ".get"]
CALCULATIONS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "~",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "not in",
    "and",
    "or",
    "**",
]
FILTERS = [
    "upper",
    "default('d')",
    "length",
    "join(', ')",
    "list",
    "as_number",
    "no_such",
    "map('upper')",
]
TESTS = ["none", "not none", "defined", "string", "mapping", "no_such", "divisibleby 2", "in [1]"]


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    called = st.lists(inner, max_size=2).map(", ".join)
    named = st.builds(lambda name, value: f"{name}={value}", st.sampled_from(["x", "y"]), inner)
    return st.one_of(
        st.builds(lambda owner, part: owner + part, inner, st.sampled_from(ATTRIBUTES)),
        st.builds(lambda function, given: f"{function}({given})", inner, called),
        st.builds(lambda given, more: f"f({given}{', ' if given else ''}{more})", called, named),
        st.builds(
            lambda left, sign, right: f"{left} {sign} {right}",
            inner, st.sampled_from(CALCULATIONS), inner,
        ),
        st.builds(lambda value, name: f"{value} | {name}", inner, st.sampled_from(FILTERS)),
        st.builds(lambda value, name: f"{value} is {name}", inner, st.sampled_from(TESTS)),
        st.builds(lambda a, b, c: f"{a} if {b} else {c}", inner, inner, inner),
        st.builds(lambda a, b: f"{a} if {b}", inner, inner),
        st.builds(lambda value: f"not {value}", inner),
        st.builds(lambda value: f"-{value}", inner),
        st.builds(lambda value: f"({value})", inner),
        st.builds(lambda values: f"[{values}]", called),
        st.builds(lambda values: f"({values},)", called),
        st.builds(lambda key, value: f"{{{key}: {value}}}", inner, inner),
    )  # fmt: skip


EXPRESSIONS = st.recursive(st.sampled_from(NAMES + LITERALS), _grown, max_leaves=6)
DATA = st.sampled_from(["", " ", "\n", "select 1 ", "\n\n  ", "}} ", "{ ", "-- it's\n", "\t"])
SIGNS = st.sampled_from(["", "", "-", "+"])
TAGS = st.one_of(
    st.builds(lambda s, e, z: f"{{{{{s} {e} {z}}}}}", SIGNS, EXPRESSIONS, SIGNS),
    st.builds(lambda s, e, z: f"{{%{s} set a = {e} {z}%}}", SIGNS, EXPRESSIONS, SIGNS),
    st.builds(lambda e: f"{{% do {e} %}}", EXPRESSIONS),
    st.builds(lambda s, z: f"{{#{s} {{{{ no }}}} {z}#}}", SIGNS, SIGNS),
)


def _branched(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda one, data, two: one + data + two, inner, DATA, inner),
        st.builds(
            lambda test, s, yes, no: f"{{% if {test} {s}%}}{yes}{{% else %}}{no}{{%{s} endif %}}",
            EXPRESSIONS, SIGNS, inner, inner,
        ),
        st.builds(
            lambda test, other, yes, no: (
                f"{{% if {test} %}}{yes}{{% elif {other} %}}{no}{{% endif %}}"
            ),
            EXPRESSIONS, EXPRESSIONS, inner, inner,
        ),
    )  # fmt: skip


TEXTS = st.recursive(st.one_of(TAGS, DATA), _branched, max_leaves=6)


class Thing:
    part = "the part"

    def __str__(self) -> str:
        return "a thing"


def outcome_of(run: Callable[[dict[str, object]], object]) -> Outcome:
    calls: list[tuple[object, ...]] = []

    def f(*positional: object, **named: object) -> object:
        written = (*positional, *sorted(named.items()))
        calls.append(tuple(_ADDRESS.sub("", str(each)) for each in written))
        return positional[0] if positional else "made"

    context: dict[str, object] = {
        "a": 3, "words": "two words", "items": ["p", 1], "pairs": {"part": 1}, "f": f, "ref": f,
        "thing": Thing(), "execute": True,
    }  # fmt: skip
    try:
        value = run(context)
    except HeadwaterError as error:
        return (error.code, _ADDRESS.sub("", error.what), tuple(calls))
    return (type(value), _ADDRESS.sub("", str(value)), tuple(calls))


MACROS = {"shop": "{% macro macro_text(x, y=1) %}[{{ x }}{{ y }}]{% endmacro %}"}


@pytest.mark.parametrize("lenient", [False, True])
@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_a_text_renders_as_jinja_renders_it(text: str, lenient: bool) -> None:
    templates = make_templates((), MACROS)

    def rendered(written: str) -> Outcome:
        return outcome_of(
            lambda context: templates.render(
                written, name="m.sql", context=context, package="shop", lenient=lenient
            )
        )

    assert rendered(text) == rendered(THROUGH_JINJA + text)


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_a_text_has_the_value_that_jinja_gives_it(text: str) -> None:
    templates = make_templates((), MACROS)

    def evaluated(written: str) -> Outcome:
        return outcome_of(
            lambda context: templates.evaluate(
                written, name="m.yml", context=context, package="shop"
            )
        )

    assume(has_jinja(text))  # other texts are their own value
    assert evaluated(text) == evaluated(THROUGH_JINJA + text)


def is_plain(text: str) -> bool:
    environment = make_text_environment(Undefined, Meter(Limits()))
    return read_plain(text, environment, value=False) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{{ config(materialized='incremental', unique_key=['a', 'b'], meta={'a': {'b': 1}}) }}",
        "select {{ dbt_utils.star(from=ref('a'), except=['b']) }} from {{ ref('p', 'a') }}\n",
        "{% if is_incremental() %}where a > (select max(a) from {{ this }}){% endif %}",
        "{% if target.name == 'dev' and not var('all', false) -%} limit 10 {%- endif %}",
        "{%- set days = var('days', 3) | int -%}{# a note #} {{ days ~ ' days' }}",
        "{{ \"', '\".join(var('names')) }}",
    ],
)
def test_what_models_mostly_hold_needs_no_compiling(text: str) -> None:
    assert is_plain(text)


def test_operators_inside_of_each_other_are_read_once() -> None:
    assert is_plain("{{ " + "f(" * 100 + "a" + " + 1)" * 100 + " }}")


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in b %}{{ a }}{% endfor %}",
        "{% set a %}text{% endset %}",
        "{% raw %}{{ a }}{% endraw %}",
        "{{ a",
        "{{ a }",
        "{{ a b }}",
        "{{ a[1:2] }}",
        "{{ a(x=1, x=2) }}",
        "{{ a | no_such_filter }}",
        "{% if a %}",
        "{% endif %}",
        "{{ 1 + 1 }}",
        "{{ a +}}",
        "select {{ a }}\r\n",
        "{{ self }}",
        "{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}",
    ],
)
def test_the_rest_is_left_to_jinja(text: str) -> None:
    assert not is_plain(text)


def test_a_fault_is_placed_at_its_expression(render: Render) -> None:
    text = "select 1,\n  {{ ref('a') }}, {{ missing_one.part }}"

    with pytest.raises(HeadwaterError) as caught:
        render(text)

    assert (caught.value.code, caught.value.where) == (
        "jinja-undefined",
        Span(file="models/m.sql", line=2, column=19),
    )
