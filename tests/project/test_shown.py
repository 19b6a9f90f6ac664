"""Tags that only show a time or an id of the command are passed over while a project is read."""

import pytest

from headwater.project.shown import without_shown

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("select '{{ run_started_at }}' as at", "select '                    ' as at"),
        ("{{ invocation_id }}{{ ref('a') }}", "                   {{ ref('a') }}"),
        ("{{ 'run_started_at }}' }}", "{{ 'run_started_at }}' }}"),
        ("it's {{ run_started_at }} o'clock", "it's                      o'clock"),
    ],
)
def test_what_is_only_shown_becomes_blanks(text: str, left: str) -> None:
    assert without_shown(text, NOTHING) == left


def test_a_tag_without_an_end_is_left_to_the_parser_at_once() -> None:
    text = "{{ run_started_at " + "'a' " * 60

    assert without_shown(text, NOTHING) == text
