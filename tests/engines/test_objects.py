"""DuckDB over an object store: patterns, misses and errors, with a real server below."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lake.object_server import ObjectServer, serving

from headwater.base.errors import Denied, HeadwaterError, Unavailable
from headwater.engines.engine import Destination, EngineSettings, Session, WriteAll
from headwater.engines.registry import open_engine
from headwater.lake.stores import storage_options

pytest.importorskip("fsspec", reason="needs fsspec: pip install 'fsspec>=2025.3'")


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with serving() as running:
        yield running


@pytest.fixture
def session(server: ObjectServer, tmp_path: Path) -> Iterator[Session]:
    engine = open_engine(
        EngineSettings(
            kind="duckdb",
            threads=1,
            memory_limit_bytes=2**29,
            project_root=str(tmp_path),
            storage_options=server.options,
        )
    )
    opened = engine.open_session(catalog="shop", schema="main")
    yield opened
    opened.close()
    engine.close()


def write(session: Session, sql: str, folder: str) -> None:
    session.write(sql, WriteAll(), Destination(root=f"s3://bucket/{folder}", prefix="p"))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a/*.parquet", [1]),
        ("a/**/*.parquet", [1, 2]),
        ("?/*.parquet", [1, 3]),
        ("[bc]/*.parquet", [3]),
        ("[!b]/*.parquet", [1]),
    ],
)
def test_patterns_name_objects(session: Session, pattern: str, expected: list[int]) -> None:
    for number, folder in enumerate(("a", "a/deep", "b"), start=1):
        write(session, f"select {number} as i", folder)

    sql = f"select i from read_parquet('s3://bucket/{pattern}') order by i"
    found = session.query(sql, rows_max=10)

    assert [row[0] for row in found.rows] == expected


def test_a_missing_object_is_an_error_of_the_sql(session: Session) -> None:
    with pytest.raises(HeadwaterError) as caught:
        session.query("select * from read_parquet('s3://bucket/none.parquet')", rows_max=1)

    assert caught.value.code == "sql-failed"


def test_a_refused_write_is_denied_and_the_session_goes_on(
    session: Session, server: ObjectServer
) -> None:
    server.refuse_all = True
    with pytest.raises(Denied) as caught:
        write(session, "select 1 as i", "a")
    server.refuse_all = False

    assert caught.value.code == "lake-read-only"
    assert not server.objects
    write(session, "select 1 as i", "a")
    assert session.query("select 1 + 1", rows_max=1).rows == ((2,),)


def test_an_object_that_goes_away_while_it_is_read_is_our_error(
    session: Session, server: ObjectServer
) -> None:
    write(session, "select range as i from range(10)", "a")
    key = next(iter(server.objects))
    server.refuse_all = True

    with pytest.raises(Denied):
        session.query(f"select sum(i) from read_parquet('s3:/{key}')", rows_max=1)


def test_a_fault_of_one_statement_is_not_told_of_the_next(
    session: Session, server: ObjectServer
) -> None:
    server.refuse_all = True
    with pytest.raises(Denied):
        write(session, "select 1 as i", "a")
    server.refuse_all = False

    with pytest.raises(HeadwaterError) as caught:
        session.query("select error('boom')", rows_max=1)

    assert caught.value.code == "sql-failed"
    assert "boom" in caught.value.what


def test_a_server_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    options = storage_options(
        {"endpoint_url": "http://127.0.0.1:9", "access_key_id": "x", "secret_access_key": "y"}, {}
    )
    engine = open_engine(
        EngineSettings(kind="duckdb", threads=1, project_root=".", storage_options=options)
    )
    session = engine.open_session(catalog="shop", schema="main")
    try:
        with pytest.raises(Unavailable) as caught:
            write(session, "select 1 as i", "a")
    finally:
        session.close()
        engine.close()

    assert caught.value.code == "storage-unavailable"


def test_given_options_win_and_keys_are_not_mixed() -> None:
    environment = {
        "AWS_ACCESS_KEY_ID": "theirs",
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_SESSION_TOKEN": "theirs",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "",
        "PATH": "/bin",
    }

    assert storage_options({}, environment) == {
        "access_key_id": "theirs",
        "secret_access_key": "theirs",
        "session_token": "theirs",
        "region": "eu-central-1",
    }
    given = {"AWS_Access_Key_Id": "m", "secret_access_key": "m", "endpoint_url": "http://x"}
    assert storage_options(given, environment) == {
        "access_key_id": "m",
        "secret_access_key": "m",
        "endpoint": "http://x",
        "allow_http": "true",
        "region": "eu-central-1",
    }
