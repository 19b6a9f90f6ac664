"""Outlines: texts of one outline have the same tags for Jinja's own lexer, always."""

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.jinja.outline import outline_of

_LEXER = jinja2.Environment(autoescape=False).lexer  # noqa: S701 - nothing is rendered
_DROPPED = {"data", "comment", "comment_begin", "comment_end", "whitespace"}


def tags(text: str) -> list[tuple[str, str]]:
    """Return the tokens of all tags as Jinja reads them."""
    return [
        (kind, value) for _, kind, value in _LEXER.tokeniter(text, None) if kind not in _DROPPED
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 1 from {{ ref('a') }}", "select 2, 3 from {{ ref('a') }} where x"),
        ("{# a #}{{ x }}", "{{ x }}{# b #}"),
        ("{% if a %}1{% else %}2{% endif %}", "{% if a %}3{% else %}4{% endif %} {"),
        ("{{ config(meta={'a': 1}) }} 1", "{{ config(meta={'a': 1}) }} 2"),
        ("{{ a % b }}1", "{{ a % b }}2"),
    ],
)
def test_plain_text_and_comments_do_not_count(one: str, other: str) -> None:
    assert outline_of(one) == outline_of(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{{ ref('a') }}", "{{ ref('b') }}"),
        ("{{ f('}}') }}", "{{ f('}} ') }}"),
        ('{{ f("}} 1 {{ ") }}', '{{ f("}} 2 {{ ") }}'),
        ("{{ a }}{{ b }}", "{{ b }}{{ a }}"),
        ("{%- if a %}{% endif %}", "{% if a %}{% endif %}"),
        ("{{ a }}", "{# {{ a }} #}"),
        ("select 1", "select {{ 1 }}"),
    ],
)
def test_other_tags_make_another_outline(one: str, other: str) -> None:
    assert outline_of(one) != outline_of(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "{% set x %}text{% endset %}",
        "{% call f() %}text{% endcall %}",
        "{% filter upper %}text{% endfilter %}",
        "{% macro m() %}text{% endmacro %}",
        "{% raw %}{{ x }}{% endraw %}",
        "{% snapshot s %}text{% endsnapshot %}",
        "{{ unclosed",
        "closed }}",
        "{{ {'a': {'b': 1}} }}",
        "{{ 'unclosed }} text {{ x }}",
        "{# unclosed",
        "{{##}",
        "select 1 {{# a #} + {{ x }}",
    ],
)
def test_a_text_that_may_matter_has_no_outline(text: str) -> None:
    assert outline_of(text) is None


PIECES = st.lists(
    st.sampled_from(
        ["{{", "}}", "{%", "%}", "{#", "#}", "-", "'", '"', "\\", " ", "a", "if a", "endif", "{",
         "}", "%", "#", "raw", "set x", "=", "1", "\n", "(", ")", "~"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(PIECES, PIECES)
def test_texts_of_one_outline_have_the_tags_that_jinja_reads(one: str, other: str) -> None:
    outline = outline_of(one)
    if outline is None or outline != outline_of(other):
        return
    assert readable(one) == readable(other)


@given(PIECES, st.sampled_from(["b", "select", " ", "'", '"', "{ ", "\\"]), st.data())
def test_text_put_between_two_tags_changes_no_tag_when_the_outline_stays(
    text: str, more: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(text)))
    edited = text[:place] + more + text[place:]
    outline = outline_of(text)
    if outline is None or outline != outline_of(edited):
        return
    assert readable(text) == readable(edited)


def readable(text: str) -> list[tuple[str, str]] | str:
    """Return Jinja's tags, or that it cannot read them."""
    try:
        return tags(text)
    except jinja2.TemplateSyntaxError:
        return "unreadable"
