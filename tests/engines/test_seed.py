"""Seeds get the columns and types that dbt-duckdb 1.11 gives them.

The expectations were taken from ``dbt seed`` (dbt-core 1.11.16, dbt-duckdb 1.11.1, duckdb 2.0.0)
on the same files; where that fails, the case says so.
"""

from pathlib import Path

import pytest
from tests.engines.tables import read

from headwater.base.errors import Invalid
from headwater.engines.engine import Destination, Session, Written
from headwater.testing.engine_suite import snapshot_of


def seed(
    session: Session,
    folder: Path,
    text: str | bytes,
    types: dict[str, str] | None = None,
    delimiter: str = ",",
) -> Written:
    path = folder / "seed.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    destination = Destination(root=str(folder / "t"), prefix="s")
    return session.write_seed(str(path), types or {}, delimiter, destination)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1", "2"), "INTEGER"),
        (("007", "08"), "INTEGER"),
        (("1.0", "2.00"), "INTEGER"),
        (("1e5", "2"), "INTEGER"),
        (("+1", "-2"), "INTEGER"),
        (("1.", "2."), "INTEGER"),
        (("-2147483648", "2147483647"), "INTEGER"),
        (("2147483648", "1"), "BIGINT"),  # dbt-duckdb fails: it always takes INTEGER
        (("123456789012345678901234", "1"), "DOUBLE"),  # dbt-duckdb fails
        (("1.50", "2"), "DOUBLE"),
        ((".5", "-.5"), "DOUBLE"),
        (("2e-1", "1"), "DOUBLE"),
        (("20240101", "20240102"), "INTEGER"),
        (("2024-01-01", "2024-1-5"), "DATE"),
        (("2024-01-01", "2024-02-30"), "VARCHAR"),
        (("2024/01/01", "2024/01/02"), "VARCHAR"),
        (("2024-01-01 10:00:00", "2024-01-01 1:2:3"), "TIMESTAMP"),
        (("2024-01-01T10:00:00", "2024-01-02T10:00:00.123"), "TIMESTAMP"),
        (("2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00"), "TIMESTAMP"),
        (("2024-01-01 10:00:00.5", "2024-01-01 10:00:00.5"), "VARCHAR"),
        (("2024-01-01", "2024-01-01 10:00:00"), "VARCHAR"),
        (("2024-01-01T10:00:00", "2024-01-01 10:00:00"), "VARCHAR"),
        (("true", "FALSE"), "BOOLEAN"),
        (("true", "1"), "VARCHAR"),
        (("t", "f"), "VARCHAR"),
        (("yes", "no"), "VARCHAR"),
        (("10:00:00", "11:00:00"), "VARCHAR"),
        (("NaN", "1"), "VARCHAR"),  # dbt-duckdb fails
        (("$5", "5%"), "VARCHAR"),  # dbt-duckdb fails
        (("1", "x"), "VARCHAR"),
        ((" 1", "2 "), "INTEGER"),
        (("", ""), "INTEGER"),
        (("null", "NULL"), "INTEGER"),  # dbt-duckdb fails
        (("null", "x"), "VARCHAR"),
    ],
)
def test_a_column_gets_the_first_type_that_all_values_fit(
    session: Session, tmp_path: Path, values: tuple[str, str], kind: str
) -> None:
    written = seed(session, tmp_path, f"id,v\n1,{values[0]}\n2,{values[1]}\n3,\n")

    assert [column.type for column in written.columns] == ["INTEGER", kind]
    assert written.rows_inserted == 3


def test_a_late_value_of_another_type_is_not_overlooked(session: Session, tmp_path: Path) -> None:
    numbers = "\n".join(f"{i},{i}" for i in range(5000))

    written = seed(session, tmp_path, f"a,b\n{numbers}\n5000,x\n")

    assert [column.type for column in written.columns] == ["INTEGER", "VARCHAR"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,x\n,\n2,null\n", [(1, "x"), (2, "null"), (None, None)]),
        ('a,b\n1,"x\ny"\n2,"say ""hi"""\n', [(1, "x\ny"), (2, 'say "hi"')]),
        ('a,b\r\n1,"x\r\ny"\r\n2,z\r\n', [(1, "x\r\ny"), (2, "z")]),
        ("a,b\n1,2\n\n3,4\n", [(1, 2), (3, 4)]),
        ("a\n1\n\n3\n", [(1,), (3,), (None,)]),
        ("a,b\n1,2", [(1, 2)]),
        ("a,b\n#x,1\n", [("#x", 1)]),
        ("a,b\n", []),
        ("a,b\n x ,1\n", [(" x ", 1)]),
        ("\ufeffa,b\n1,2\n", [(1, 2)]),
    ],
)
def test_rows_are_read_as_dbt_reads_them(
    session: Session, tmp_path: Path, text: str, expected: list[tuple[object, ...]]
) -> None:
    written = seed(session, tmp_path, text)

    assert read(session, snapshot_of(tmp_path / "t", written)) == expected


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("\ufeffa,b,c", ["a", "b", "c"]),
        (" a , b,c ", ["a", "b", "c"]),
        ('"a,b","c d",e', ["a,b", "c d", "e"]),
        ("a,,", ["a", "b", "c"]),
        ("a,a,A", ["a", "a_2", "A_3"]),
        ("select,größe,order", ["select", "größe", "order"]),
    ],
)
def test_columns_are_named_by_the_header(
    session: Session, tmp_path: Path, header: str, names: list[str]
) -> None:
    written = seed(session, tmp_path, f"{header}\n1,2,3\n")

    assert [column.name for column in written.columns] == names


def test_declared_types_win(session: Session, tmp_path: Path) -> None:
    written = seed(
        session, tmp_path, "Zip,n\n0150,1\n", {"zip": "varchar(4)", "n": "numeric(10,2)"}
    )

    assert [column.type for column in written.columns] == ["VARCHAR", "DECIMAL(10,2)"]
    assert str(read(session, snapshot_of(tmp_path / "t", written))[0][0]) == "0150"


def test_other_delimiters_are_read(session: Session, tmp_path: Path) -> None:
    written = seed(session, tmp_path, "a;b\n1;'x,y'\n", delimiter=";")

    assert read(session, snapshot_of(tmp_path / "t", written)) == [(1, "'x,y'")]


def test_rows_keep_the_files_order(session: Session, tmp_path: Path) -> None:
    lines = "\n".join(str((i * 7919) % 300_007) for i in range(300_000))

    written = seed(session, tmp_path, f"a\n{lines}\n")
    rows = session.query(
        f"select a, file_row_number as n from read_parquet('{tmp_path}/t/*.parquet')"
        " order by n limit 3 offset 250000",
        rows_max=3,
    ).rows

    assert written.rows_inserted == 300_000
    assert [row[0] for row in rows] == [(i * 7919) % 300_007 for i in range(250_000, 250_003)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,b\n1,2\n3\n", 3),
        ("a,b\n1,2,3\n", 2),
        ('a,b\n1,"x\n\ny"\n\n2,3,4\n', 6),
        ("a,b\n" + "1,2\n" * 5000 + "1\n", 5002),
    ],
)
def test_ragged_rows_are_named_by_line(
    session: Session, tmp_path: Path, text: str, line: int
) -> None:
    with pytest.raises(Invalid) as caught:
        seed(session, tmp_path, text)

    assert caught.value.code == "seed-ragged"
    assert caught.value.where is not None
    assert caught.value.where.line == line


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"a,b\n1,\xff\xfe\n", b'a,b\n1,"never closed\n'], ids=repr
)
def test_what_is_no_csv_is_refused(session: Session, tmp_path: Path, text: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        seed(session, tmp_path, text)

    assert caught.value.code in {"seed-unreadable", "seed-ragged"}
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(("text", "delimiter"), [("a,b\n1,2\n", ";"), ("a;b\n1;2\n", ",")])
def test_a_seed_with_another_delimiter_than_is_said_is_refused(
    session: Session, tmp_path: Path, text: str, delimiter: str
) -> None:
    with pytest.raises(Invalid, match="cannot be read as CSV") as refused:
        seed(session, tmp_path, text, delimiter=delimiter)

    assert refused.value.code == "seed-unreadable"
    assert f"the delimiter is {delimiter!r}" in refused.value.why


def test_a_missing_seed_is_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        session.write_seed(
            str(tmp_path / "no.csv"), {}, ",", Destination(root=str(tmp_path / "t"), prefix="s")
        )

    assert caught.value.code == "seed-unreadable"


@pytest.mark.parametrize("kind", ["integer", "no_such_type", "integer) as x, (select 1"])
def test_a_value_that_misfits_its_declared_type_is_refused(
    session: Session, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(Invalid) as caught:
        seed(session, tmp_path, "zip\nN-0150\n", {"zip": kind})

    assert caught.value.code == "seed-value-misfit"


@pytest.mark.slow
@pytest.mark.timeout(30)
def test_a_very_wide_seed_keeps_each_columns_own_type(session: Session, tmp_path: Path) -> None:
    kinds = [("1", "INTEGER"), ("x", "VARCHAR"), ("2026-01-02", "DATE"), ("true", "BOOLEAN")]
    wide = [kinds[place % 4] for place in range(402)]
    text = ",".join(f"c{place}" for place in range(402))
    text += "\n" + ",".join(value for value, _ in wide) + "\n"

    written = seed(session, tmp_path, text)

    assert [column.type for column in written.columns] == [kind for _, kind in wide]
