"""Values of every type, as ``hw sql`` writes them in each form."""

import csv
import io

import pytest
from tests.cli.conftest import Hw

VALUES: list[tuple[str, object]] = [
    ("null", None),
    ("true", True),
    ("9007199254740992", 2**53),
    ("9007199254740993", "9007199254740993"),
    ("170141183460469231731687303715884105727::hugeint", str(2**127 - 1)),
    ("1.5::double", 1.5),
    ("'nan'::double", "nan"),
    ("'-inf'::double", "-inf"),
    ("12345678901234567890.123456789::decimal(38, 9)", "12345678901234567890.123456789"),
    ("date '2026-11-21'", "2026-11-21"),
    ("timestamp '2026-11-21 06:02:00.5'", "2026-11-21T06:02:00.500000"),
    ("time '06:02:00'", "06:02:00"),
    ("interval '1 day 2 seconds'", "1 day, 0:00:02"),
    ("'\\xAA\\x00'::blob", "aa00"),
    ("[1, null]", [1, None]),
    ("{'a': 1.25::decimal(5, 2), 'b': [date '2026-01-02']}", {"a": "1.25", "b": ["2026-01-02"]}),
    ("map {'k': 1}", {"k": 1}),
    ("'00000000-0000-0000-0000-000000000001'::uuid", "00000000-0000-0000-0000-000000000001"),
    ("'line' || chr(10) || 'two'", "line\ntwo"),
]


@pytest.mark.parametrize(("sql", "expected"), VALUES, ids=[sql for sql, _ in VALUES])
def test_value_keeps_all_its_digits_in_json_and_csv(sql: str, expected: object, hw: Hw) -> None:
    asked = f"select {sql} as v, 'a,\"b\"' as t"

    document = hw("sql", asked, "--output", "json").document
    table = list(csv.reader(io.StringIO(hw("sql", asked, "--output", "csv").out)))

    assert document["rows"] == [[expected, 'a,"b"']]
    assert table == [["v", "t"], ["" if expected is None else str(expected), 'a,"b"']]


def test_text_shows_one_line_a_row_and_nothing_that_moves_the_cursor(hw: Hw) -> None:
    asked = (
        "select null as n, 1 as i, 'a' || chr(10) || chr(27) || '[2J' as t, repeat('x', 999) as l"
    )

    lines = hw("sql", asked).out.splitlines()

    assert len(lines) == 4
    assert lines[2].split()[:3] == ["NULL", "1", "a\\n\\e[2J"]
    assert lines[2].endswith("x…")
    assert lines[3] == "(1 row)"


def test_rows_that_were_left_out_are_mentioned(hw: Hw) -> None:
    ended = hw("sql", "select * from range(5)", "--limit", "2")

    assert "(2 rows)" in ended.out
    assert "only the first 2 rows" in ended.err
