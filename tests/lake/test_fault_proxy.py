"""Commits through an object store that fails: each is made once, or not at all and said so."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from uuid import uuid4

import pytest
from tests.lake.fault_proxy import FAULTS, Book, Fault, Rule, proxied
from tests.lake.moto import moto_serving
from tests.lake.object_server import serving
from tests.lake.writing import make_commit

from headwater.base.errors import Conflict, DataDamaged, HeadwaterError
from headwater.base.relations import Column
from headwater.lake.commit import (
    AddFile,
    Commit,
    RemoveFile,
    SetSchema,
    SetTransaction,
    TransactionBelow,
    VersionIs,
    commit,
)
from headwater.lake.replay import entry_name
from headwater.lake.snapshot import DataFile
from headwater.lake.storage import open_storage
from headwater.lake.table import Table

pytestmark = pytest.mark.slow  # kept out of the default suite for its time alone

FOR_EVER = 10_000


@dataclass(frozen=True, slots=True)
class Store:
    """A table in a bucket: directly, and through the proxy."""

    root: str
    direct: dict[str, str]
    faulty: dict[str, str]
    book: Book

    def table(self, *, is_direct: bool) -> Table:
        return Table(self.root, open_storage(self.root, self.direct if is_direct else self.faulty))


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_serving() as endpoint:
        yield endpoint


@pytest.fixture(params=["small", pytest.param("moto", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "moto":
        endpoint = request.getfixturevalue("moto")
        bucket = f"b-{uuid4().hex}"
        connection = HTTPConnection(endpoint.removeprefix("http://"))
        connection.request("PUT", f"/{bucket}")
        assert connection.getresponse().status == 200
        yield from _store(endpoint, bucket)
    else:
        with serving() as server:
            yield from _store(server.options["endpoint"], "bucket")


def _store(endpoint: str, bucket: str) -> Iterator[Store]:
    options = {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "test",
        "secret_access_key": "test",
        "allow_http": "true",
    }
    with proxied(endpoint) as (before, book):
        store = Store(f"s3://{bucket}/t", options, {**options, "endpoint": before}, book)
        table = store.table(is_direct=True)
        put(table, "old.parquet")
        entry = make_commit(
            SetSchema(columns=(Column("a", "BIGINT"),)),
            AddFile(file=DataFile(path="old.parquet", size_bytes=1, rows=1)),
        )
        commit(table, entry)
        yield store


def put(table: Table, path: str) -> None:
    table.storage.put_if_absent(path, b"x")


def appending() -> Commit:
    return make_commit(
        AddFile(file=DataFile(path="new.parquet", size_bytes=1, rows=1)),
        SetTransaction(app_id="app", version=1),
        requirements=(TransactionBelow(app_id="app", version=1),),
    )


def replacing() -> Commit:
    """Rewrite the one file: what a merge does."""
    made = appending()
    return replace(
        made,
        operation="MERGE",
        requirements=(VersionIs(version=0), *made.requirements),
        actions=(RemoveFile(path="old.parquet"), *made.actions),
    )


def published(store: Store) -> tuple[int, int]:
    """Return how many commits the table has after its first, and its rows."""
    table = store.table(is_direct=True)
    rows = table.snapshot().rows
    return len(table.history()) - 1, -1 if rows is None else rows


@pytest.mark.parametrize("kind", ["append", pytest.param("merge", marks=pytest.mark.slow)])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_commit_whose_put_fails_once_is_made_once(store: Store, fault: Fault, kind: str) -> None:
    entry, rows = (appending(), 2) if kind == "append" else (replacing(), 1)
    put(store.table(is_direct=True), "new.parquet")
    store.book.rules.append(Rule(fault, "PUT", entry_name(1)))

    if fault == "garble put":
        with pytest.raises((DataDamaged, HeadwaterError)):
            commit(store.table(is_direct=False), entry)
        return
    version = commit(store.table(is_direct=False), entry)

    assert store.book.rules[0].times == 0
    assert (version, *published(store)) == (1, 1, rows)
    with pytest.raises(Conflict) as again:
        commit(store.table(is_direct=False), replace(entry, requirements=entry.requirements[-1:]))
    assert again.value.code == "already-committed"


@pytest.mark.parametrize("fault", ["lose", "500 after"])
def test_a_commit_whose_every_answer_is_lost_is_known_as_made(store: Store, fault: Fault) -> None:
    put(store.table(is_direct=True), "new.parquet")
    store.book.rules.append(Rule(fault, "PUT", entry_name(1), times=FOR_EVER))

    version = commit(store.table(is_direct=False), replacing())

    assert (version, *published(store)) == (1, 1, 1)


@pytest.mark.parametrize("fault", ["drop", "503"])
def test_a_commit_that_never_arrives_is_said_to_have_failed(store: Store, fault: Fault) -> None:
    put(store.table(is_direct=True), "new.parquet")
    store.book.rules.append(Rule(fault, "PUT", entry_name(1), times=FOR_EVER))

    with pytest.raises(HeadwaterError) as caught:
        commit(store.table(is_direct=False), replacing())
    store.book.rules.clear()

    assert caught.value.code == "storage-unavailable"
    assert published(store) == (0, 1)
    assert commit(store.table(is_direct=False), replacing()) == 1


@pytest.mark.parametrize("fault", ["drop", "cut", "delay", "500", "503", "429"])
@pytest.mark.parametrize("method", ["GET", pytest.param("HEAD", marks=pytest.mark.slow)])
def test_reading_outlives_faults_that_pass(store: Store, fault: Fault, method: str) -> None:
    table = store.table(is_direct=False)
    store.book.rules.append(Rule(fault, method, entry_name(0), times=2))

    assert table.snapshot().rows == 1
    assert table.snapshot().version == 0


def test_two_writers_through_losing_proxies_lose_and_double_nothing(store: Store) -> None:
    put(store.table(is_direct=True), "new.parquet")
    put(store.table(is_direct=True), "rival.parquet")
    table = store.table(is_direct=False)
    table.snapshot()
    rival = make_commit(AddFile(file=DataFile(path="rival.parquet", size_bytes=1, rows=1)))
    commit(store.table(is_direct=True), rival)
    store.book.rules.append(Rule("lose", "PUT", entry_name(2), times=FOR_EVER))

    version = commit(table, appending())

    assert (version, *published(store)) == (2, 2, 3)


def test_a_clone_and_its_vectors_are_copied_by_the_store(store: Store) -> None:
    whole = open_storage(store.root.removesuffix("/t"), store.faulty)
    store.book.rules.append(Rule("503", "PUT", "copy/old.parquet"))

    whole.within("copy").take(whole.within("t"), "old.parquet", share=False)

    assert whole.within("copy").read("old.parquet") == b"x"
