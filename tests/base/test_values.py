"""Units, meters, diagnostics and codes: small laws that everything above relies on."""

import pytest

from headwater.base.codes import CODES, find_code_or_none
from headwater.base.diagnostics import Diagnostic, render
from headwater.base.meters import Meter
from headwater.base.spans import Span, span_at
from headwater.base.units import (
    UNKNOWN,
    Estimate,
    exact,
    format_bytes,
    format_dollars,
    format_seconds,
    parse_bytes,
    sum_estimates,
)


def test_sum_with_an_unknown_part_keeps_the_known_value_and_says_unknown() -> None:
    total = sum_estimates([exact(2.0), UNKNOWN])

    assert (total.value, total.high, total.grade) == (2.0, None, "unknown")


def test_sum_of_nothing_is_exactly_zero() -> None:
    assert sum_estimates([]) == exact(0.0)


def test_sum_takes_the_worst_grade_and_adds_the_ends() -> None:
    measured = Estimate(value=1.0, low=0.5, high=2.0, grade="measured", runs=3)

    total = sum_estimates([exact(1.0), measured])

    assert total == Estimate(value=2.0, low=1.5, high=3.0, grade="measured", runs=3)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (format_bytes(None), "?"),
        (format_bytes(0), "0 B"),
        (format_bytes(1536), "1.5 KiB"),
        (format_dollars(0), "$0"),
        (format_dollars(0.00042), "$0.00042"),
        (format_dollars(1361.5), "$1,361.50"),
        (format_dollars(0.5), "$0.50"),
        (format_dollars(0.0412), "$0.041"),
        (format_dollars(0.0000000571), "<$0.0000001"),
        (format_dollars(0.0000015), "$0.0000015"),
        (format_seconds(0.0412), "41 ms"),
        (format_seconds(185), "3 m 05 s"),
    ],
)
def test_quantities_are_written_for_people(actual: str, expected: str) -> None:
    assert actual == expected


def test_meters_add_quantities_and_keep_the_highest_peaks() -> None:
    one = Meter(cpu_seconds=1.0, bytes_read=10, peak_memory_bytes=100, statements=1)
    two = Meter(cpu_seconds=2.0, bytes_read=None, peak_memory_bytes=70, statements=1)

    assert one + two == Meter(cpu_seconds=3.0, bytes_read=10, peak_memory_bytes=100, statements=2)


def test_code_names_and_numbers_are_unique_and_say_their_floor() -> None:
    assert len({code.name for code in CODES}) == len(CODES)
    assert len({code.number for code in CODES}) == len(CODES)
    assert all(code.number[:2] == "HW" and len(code.number) == 6 for code in CODES)
    assert all(code.explain.strip() and code.title for code in CODES)


def test_code_is_found_by_name_and_number_in_any_case() -> None:
    assert find_code_or_none("hw1901") is find_code_or_none("SETTING-INVALID")
    assert find_code_or_none("HW0000") is None


def test_diagnostic_shows_the_line_and_a_caret_under_the_place() -> None:
    text = "select *\nfrom {{ ref('stg_order') }}\n"
    span = span_at("models/orders.sql", text, text.index("'stg_order'"), len("'stg_order'"))
    finding = Diagnostic(
        code="setting-invalid", severity="error", what="it is wrong", where=span, fix="mend it"
    )

    lines = render(finding, lambda _file, line: text.splitlines()[line - 1])

    assert lines == [
        "error[setting-invalid] HW1901: it is wrong",
        "  --> models/orders.sql:2:13",
        "  2 | from {{ ref('stg_order') }}",
        "    |             ^^^^^^^^^^^",
        "hint: mend it",
    ]


@pytest.mark.parametrize("before", [0, 5, 500, 4990])
def test_diagnostic_shows_only_the_surroundings_of_a_place_in_a_long_line(before: int) -> None:
    text = "x" * before + "HERE" + "y" * (5000 - before)
    span = span_at("models/a.sql", text, before, 4)
    finding = Diagnostic(code="HW1901", severity="error", what="w", where=span)

    _, place, shown, caret = render(finding, lambda _file, _line: text)

    assert place.endswith(f":{before + 1}")
    assert len(shown) < 180
    marked = [letter for letter, mark in zip(shown, caret, strict=False) if mark == "^"]
    assert "".join(marked) == "HERE"


def test_diagnostic_does_not_hand_the_terminal_its_controls() -> None:
    finding = Diagnostic(
        code="HW1901", severity="error", what="w", where=Span(file="a.sql", column=4)
    )

    lines = render(finding, lambda _file, _line: "a\t\x1bb\0")

    assert lines[2:] == ["  1 | a  b ", "    |    ^"]


def test_no_part_of_a_finding_steers_the_terminal() -> None:
    finding = Diagnostic(
        code="ref-not-found", severity="error", what="\x1b[31mred", why="a\nb", fix="\u202etxt"
    )

    lines = render(finding, lambda _file, _line: None)

    assert lines[0].endswith("\\u001b[31mred")
    assert lines[1:] == ["why: a\nb", "hint: \\u202etxt"]


def test_diagnostic_without_a_readable_file_still_shows_the_place() -> None:
    finding = Diagnostic(
        code="HW1901", severity="warning", what="w", where=Span(file="gone.sql", line=9)
    )

    assert render(finding, lambda _file, _line: None)[1] == "  --> gone.sql:9:1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4GB", 4_000_000_000), ("512 MiB", 512 * 2**20), ("1048576", 1048576), ("1.5k", 1500)],
    ids=str,
)
def test_sizes_are_read(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "4 apples", "-1GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_bytes(text)
