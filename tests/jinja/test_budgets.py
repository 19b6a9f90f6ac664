"""Runaway templates: each is stopped quickly, in little memory, with its place and its budget."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.jinja.conftest import World, make_templates

from headwater.base.errors import HeadwaterError
from headwater.jinja.budget import Limits, memory_bytes, size_as_text
from headwater.jinja.context import ConfigValue, ContextValues, Subject, Variables, make_context
from headwater.jinja.macros import Macro
from headwater.jinja.render import Rendered, Templates

SMALL = Limits(steps=20_000, seconds=0.5, text_mb=1, memory_mb=200)
SECONDS_MAX = 8.0
"""Wall time that a runaway of half a CPU second may take on a busy machine."""

Bounded = Callable[[str], Rendered]


@pytest.fixture
def bounded(shipped: tuple[Macro, ...], world: World) -> Bounded:
    templates = Templates(make_templates(shipped, {"shop": MACROS}).index, limits=SMALL)
    return lambda text: render_in(templates, world, text)


def render_in(templates: Templates, world: World, text: str, *, lenient: bool = False) -> Rendered:
    values = ContextValues(
        project_name="shop",
        target={"name": "dev", "type": "duckdb", "schema": "main", "database": "memory"},
        run_started_at=datetime(2026, 1, 2, tzinfo=UTC),
        invocation_id="i",
        doc=lambda package, name: name,
    )
    subject = Subject(
        package="shop",
        model={"name": "m"},
        config=ConfigValue({}),
        variables=Variables({}, is_lenient=False),
        database="memory",
        schema="main",
    )
    context = make_context(values, subject, world)
    return templates.render(
        text, name="models/m.sql", context=context, package="shop", lenient=lenient
    )


MACROS = """
{% macro twice(n) %}{% if n %}{{ twice(n - 1) }}{{ twice(n - 1) }}{% endif %}{% endmacro %}

{% macro grow() %}
{% set l = [1] %}
{% for i in l %}
  {% do l.append(i) %}
{% endfor %}
{% endmacro %}
"""

CASES = Path(__file__).parent.parent / "cases" / "jinja" / "runaways.txt"


def read_cases() -> dict[str, str]:
    _, *cases = CASES.read_text(encoding="utf-8").split("\n--- ")
    return {name: text.strip() for name, _, text in (case.partition("\n") for case in cases)}


RUNAWAYS = read_cases()


@pytest.mark.slow
@pytest.mark.parametrize("text", list(RUNAWAYS.values()), ids=list(RUNAWAYS))
def test_a_runaway_template_is_stopped_with_its_line_and_budget(
    text: str, bounded: Bounded
) -> None:
    began, memory = time.perf_counter(), memory_bytes()

    with pytest.raises(HeadwaterError) as caught:
        bounded("select 1\n" + text)

    assert caught.value.code in {"jinja-over-budget", "jinja-recursion"}
    assert caught.value.fix
    where = caught.value.where
    assert where is not None
    assert (where.file, where.line >= 1) == ("models/m.sql", True)
    assert time.perf_counter() - began < SECONDS_MAX
    assert memory_bytes() - memory < 700_000_000


def test_the_line_of_the_template_and_the_macro_that_ran_away_are_named(bounded: Bounded) -> None:
    with pytest.raises(HeadwaterError) as caught:
        bounded("select 1\nfrom x\n  where {{ grow() }}")

    error = caught.value
    assert error.what == "rendering took more than 20,000 steps"
    assert error.where is not None
    assert (error.where.line, error.where.column) == (3, 9)
    assert "in shop/m.sql:" in error.why
    assert "`jinja.steps`" in error.fix


def test_ordinary_templates_render_as_before(bounded: Bounded) -> None:
    text = (
        "{{ 2 ** 10 }} {{ 'ab' * 2 }} {{ [1] + [2] }} {{ '%05.1f' % 2 }} "
        "{{ '%s-%s' % ('a', 'b') }} "
        "{{ '{:>4}|{a}'.format(1, a=2) }} {{ 'a'.center(3) }} {{ 'a' ~ 1 ~ none }} "
        "{{ [1, 2]|join('-') }} {{ ['a', 'b']|map('upper')|join }} {{ ', '.join(['a', 'b']) }} "
        "{{ 'aXb'|replace('X', '-') }} {{ 'a\\nb'|indent(2) }} {{ 7 // 2 }} {{ 7 % 4 }} "
        "{{ modules.re.sub('a+', 'b', 'caat') }} {{ modules.re.compile('(a)').findall('aa') }} "
        "{{ modules.itertools.chain([1], [2])|list }} "
        "{{ modules.itertools.chain.from_iterable([[1], [2]])|list }} "
        "{{ modules.itertools.product([1, 2], repeat=2)|list|length }} "
        "{{ 'abc'[1:] }} {{ 'abc'[::-1] }}"
    )

    assert bounded(text).text == (
        "1024 abab [1, 2] 002.0 a-b    1|2  a  a1None 1-2 AB a, b a-b a\n  b 3 3 "
        "cbt ['a', 'a'] [1, 2] [1, 2] 4 bc cba"
    )


def test_loops_keep_their_variables(bounded: Bounded) -> None:
    text = (
        "{% for i in [3, 4] %}{{ loop.index }}/{{ loop.length }}"
        "{{ ',' if not loop.last }}{% endfor %}"
        "{% for i in [] %}x{% else %} none{% endfor %}"
        "{% for i in [1, [2]] recursive %} {{ loop(i) if i is iterable else i }}{% endfor %}"
    )

    assert bounded(text).text == "1/2,2/2 none 1  2"


def test_each_rendering_has_a_budget_of_its_own(bounded: Bounded) -> None:
    text = "{% for i in range(9000) %}{% endfor %}"

    for _ in range(5):
        assert bounded(text).text == ""


def test_a_runaway_is_stopped_while_the_project_is_read(
    shipped: tuple[Macro, ...], world: World
) -> None:
    templates = Templates(make_templates(shipped).index, limits=SMALL)

    with pytest.raises(HeadwaterError) as caught:
        render_in(templates, world, RUNAWAYS["nested loops"], lenient=True)

    assert caught.value.code == "jinja-over-budget"


def test_values_of_yaml_files_have_budgets_too(shipped: tuple[Macro, ...]) -> None:
    templates = Templates(make_templates(shipped).index, limits=SMALL)

    with pytest.raises(HeadwaterError) as caught:
        templates.evaluate("{{ 'x' * 10 ** 9 }}", name="a.yml", context={}, package="shop")

    assert caught.value.code == "jinja-over-budget"


def test_steps_are_counted_in_threads_too(bounded: Bounded) -> None:
    caught = []

    def run() -> None:
        try:
            bounded(RUNAWAYS["nested loops"])
        except HeadwaterError as error:
            caught.append(error.code)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)

    assert caught == ["jinja-over-budget"]


def test_what_a_query_takes_is_not_counted(shipped: tuple[Macro, ...]) -> None:
    meter = Templates(make_templates(shipped).index, limits=SMALL).meter

    with meter:
        with meter.outside():
            end = time.thread_time() + 0.6
            while time.thread_time() < end:
                pass
        for _ in range(100):
            meter.tick()


def test_a_value_that_holds_itself_has_a_size() -> None:
    endless: list[object] = []
    endless.append(endless)
    endless.append(endless)

    assert size_as_text(endless, 1000) > 1000


def test_a_constant_that_a_filter_makes_a_boolean_stays_one(shipped: tuple[Macro, ...]) -> None:
    templates = Templates(make_templates(shipped).index)
    text = "{% if u -%} {{ true|as_bool }} {%- else -%} {{ false|as_bool }} {%- endif -%}\n"

    values = [
        templates.evaluate(text, name="a.yml", context={"u": u}, package="shop")
        for u in (True, False)
    ]

    assert values == [True, False]
