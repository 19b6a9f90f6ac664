"""Fingerprints: what leaves them, what changes them; and what a query takes from the clock."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot.dialects.duckdb import DuckDB
from tests.sql.cases import Case, known_schemas, read_cases

from headwater.sql.columns import trace
from headwater.sql.fingerprint import clock_use, fingerprint
from headwater.sql.parse import parse_query, read_tokens

CASES = read_cases()
SCHEMAS = known_schemas()

SAME = [
    ("select a from t", "SELECT  a\nFROM t -- the end"),
    ("select a from t", 'select "a" from "t"'),
    ("select a from t", "select A from T"),
    ("select a from t where x = 1 and b = 2", "select a from t where ((x = 1) and (b = 2))"),
    (
        "select a from t where x = 1 and b = 2 and c = 3",
        "select a from t where x=1 and (b=2 and c=3)",
    ),
    ("select a from t", "(select a from t)"),
    ("select a as n from t", "select a n from t"),
    ("select a from t", "select /* x */ a from t;"),
    ("select a::int from t", "select cast(a as int) from t"),
    ("select a from t where b <> 1", "select a from t where b != 1"),
    ("select a, b from t", "select a, b, from t"),
    ("this is { not sql", "THIS  is { NOT /* x */ sql"),
]

DIFFERENT = [
    ("select a from t", "select b from t"),
    ("select 'a' from t", "select 'A' from t"),
    ("select 'a b' from t", "select 'a  b' from t"),
    ("select a + b * c from t", "select (a + b) * c from t"),
    ("select a - b - c from t", "select a - (b - c) from t"),
    ("select a from t", "select a from s.t"),
    ("select a from t", "select distinct a from t"),
    ("select a from t order by a", "select a from t order by a desc"),
    ("select a from t where x or b and c", "select a from t where (x or b) and c"),
    ("select 1", "select '1'"),
    ("select a as b, c from t", "select a, b as c from t"),
    ("select a, b from t", "select b, a from t"),
    ("select a from t join u on true", "select a from t left join u on true"),
    ("select a from t union select b from u", "select a from t union all select b from u"),
    ("this is { not sql", "this is { not 'sql'"),
    ("", "select 1"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_changes_nothing_leaves_the_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_means_something_else_has_another_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_cases_have_fingerprints_of_their_own() -> None:
    known_twins = {"from t select a, b", "select a, b, from t", "select * from u"}
    texts = {case.sql for case in CASES} - known_twins

    assert len({fingerprint(sql) for sql in texts}) == len(texts)


# The printer writes these as something else: CASE, QUANTILE_CONT, a cast, JOIN ... ON TRUE.
REWRITTEN = {"if is a case", "percentile within a group", "count if", "unnest in from"}


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in REWRITTEN], ids=str)
def test_a_pretty_print_leaves_fingerprints_and_trace(case: Case) -> None:
    sql = case.sql
    printed = parse_query(sql).tree.sql(dialect=DuckDB, pretty=True)

    assert fingerprint(printed) == fingerprint(sql)
    before, after = trace(parse_query(sql), SCHEMAS), trace(parse_query(printed), SCHEMAS)
    assert after.row_fingerprint == before.row_fingerprint
    assert [c.fingerprint for c in after.columns] == [c.fingerprint for c in before.columns]


@settings(max_examples=80, deadline=None)
@given(case=st.sampled_from(CASES), data=st.data())
def test_random_space_comments_and_case_leave_the_fingerprint(
    case: Case, data: st.DataObject
) -> None:
    sql = case.sql
    gaps = st.sampled_from([" ", "\n", "\t ", " /* x; 'y */ ", " -- \"it's\n", "  "])
    pieces: list[str] = []
    for token in read_tokens(sql):
        text = sql[token.start : token.end + 1]
        if re.fullmatch(r"\w+", text):
            text = data.draw(st.sampled_from([text.lower(), text.upper(), text.title()]))
        pieces += [data.draw(gaps), text]

    # COLUMNS and LIKE take names inside strings, which stay as they are here.
    assert fingerprint("".join(pieces)) == fingerprint(sql)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_a_fingerprint(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", fingerprint(text))


def test_another_process_gives_the_same_fingerprint() -> None:
    sql = "with q as (select a, sum(b) as n from t group by all) select * from q where n > 1"
    code = (
        "from headwater.sql.fingerprint import fingerprint;"
        "from headwater.sql.columns import trace;"
        f"from headwater.sql.parse import parse_query; q = {sql!r};"
        "print(fingerprint(q), trace(parse_query(q), {}).row_fingerprint)"
    )

    actual = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "12345", "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert actual == [fingerprint(sql), trace(parse_query(sql), {}).row_fingerprint]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a from t", ""),
        ("select current_date", "day"),
        ("select today() as d", "day"),
        ("select age(d) from t", "day"),
        ("select age(d, d) from t", ""),
        ("select now()", "always"),
        ("select current_timestamp, current_date", "always"),
        ("select get_current_timestamp()", "always"),
        ("select localtimestamp", "always"),
        ("select current_time", "always"),
        ("select random()", "always"),
        ("select uuid()", "always"),
        ("select gen_random_uuid()", "always"),
        ("select nextval('s')", "always"),
        ("select a from t using sample 10", "always"),
        ("select a from t using sample 10% (bernoulli, 42)", ""),
        ("with q as (select a from t where d < current_date - 3) select * from q", "day"),
        ("select 'now()' as word, \"now\" from t -- now()", ""),
    ],
)
def test_the_use_of_clock_and_chance_is_found(sql: str, expected: str) -> None:
    assert clock_use(parse_query(sql)) == expected
