"""Which tables a script would write."""

import pytest

from headwater.sql.effects import only_reads, written_tables


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("select 1; set threads = 2", ()),
        ("create temp table a as select 1; insert into a values (2)", ()),
        ("create or replace macro f(x) as x", ()),
        ("create schema if not exists s", ()),
        ("create table a as select 1", ("a",)),
        ("create or replace view s.a as select 1; select 1", ("s.a",)),
        ("insert into s.a select 1; delete from s.a", ("s.a",)),
        ("update c.s.a set x = 1", ("c.s.a",)),
        ("drop view if exists s.a", ("s.a",)),
        ("alter table s.a add column b int", ("s.a",)),
        ("truncate table s.a", ("s.a",)),
        ("merge into s.a using s.b on a.x = b.x when matched then delete", ("s.a",)),
        ("this is (no sql", None),
        ("", ()),
    ],
)
def test_a_script_tells_what_it_would_write(script: str, expected: tuple[str, ...] | None) -> None:
    assert written_tables(script) == expected


def test_many_comments_are_read_once() -> None:
    comments = "/* said */\n" * 60

    assert only_reads(f"{comments}select 1")
    assert not only_reads(f"{comments}1")
    assert written_tables(f"{comments}delete from main.t") == ("main.t",)
