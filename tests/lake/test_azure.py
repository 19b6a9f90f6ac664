"""Blobs of Azure, by Microsoft's emulator: of writers who race for a version exactly one wins."""

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest

from headwater.base.relations import Column
from headwater.lake.commit import AddFile, Commit, SetSchema, VersionIs, commit
from headwater.lake.snapshot import DataFile
from headwater.lake.storage import open_storage
from headwater.lake.table import Table

pytestmark = pytest.mark.peer

ACCOUNT = "devstoreaccount1"
# The emulator's own, the same everywhere: learn.microsoft.com, "Use the Azurite emulator".
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
WRITERS = 4
EACH = 5


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Start the emulator with an empty container ``lake``; skip where it is not installed."""
    program = os.environ.get("HEADWATER_AZURITE") or shutil.which("azurite-blob")
    if program is None:
        pytest.skip("needs Azurite: npm install -g azurite, or HEADWATER_AZURITE=.../azurite-blob")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("azurite")
    process = subprocess.Popen(
        [program, "--silent", "--skipApiVersionCheck", "--disableTelemetry",
         "--location", str(folder), "--blobPort", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    try:
        _make_container(port, "lake")
        yield {
            "account_name": ACCOUNT,
            "account_key": KEY,
            "endpoint": endpoint,
            "allow_http": "true",
        }
    finally:
        process.kill()
        process.wait()


def _make_container(port: int, name: str) -> None:
    """Make a container, signed as "Authorize with Shared Key" says; the path has the account."""
    deadline = time.monotonic() + 30
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=_signed(name))
            assert connection.getresponse().status == 201
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()


def _signed(container: str) -> dict[str, str]:
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": now, "x-ms-version": "2021-08-06"}
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = "PUT" + "\n" * 12 + lines + f"/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    mark = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(mark).decode()
    return {**headers, "Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Length": "0"}


def test_of_many_writers_of_a_name_exactly_one_wins(options: Mapping[str, str]) -> None:
    storage = open_storage("az://lake/race", options)

    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            puts = pool.map(
                lambda who, path=f"{number}.json": storage.put_if_absent(path, b"%d" % who),
                range(8),
            )
            assert sum(puts) == 1
            assert storage.read(f"{number}.json") in {b"%d" % who for who in range(8)}

    assert len(list(storage.list())) == 20


def test_a_file_is_put_listed_read_and_deleted(options: Mapping[str, str], tmp_path: Path) -> None:
    storage = open_storage("az://lake/files", options)
    (tmp_path / "one").write_bytes(b"one")

    storage.upload(str(tmp_path / "one"), "a/one")
    storage.put_if_absent("a/b/two", b"two")
    listed = [file.path for file in storage.list("a")]
    storage.delete("a/one")

    assert listed == ["a/b/two", "a/one"]
    assert (storage.exists("a/one"), storage.read("a/b/two")) == (False, b"two")


def test_racing_writers_of_a_table_lose_no_commit(options: Mapping[str, str]) -> None:
    url = "az://lake/shop/main/t"
    schema = SetSchema(columns=(Column(name="id", type="BIGINT"),))
    made = Commit(operation="WRITE", requirements=(VersionIs(version=None),), actions=(schema,))
    commit(Table(url, open_storage("az://lake", options)), made)

    def write(who: int) -> None:
        table = Table(url, open_storage("az://lake", options))
        for number in range(EACH):
            assert table.storage.put_if_absent(f"{who}-{number}.parquet", b"!")
            file = DataFile(path=f"{who}-{number}.parquet", size_bytes=1, rows=1)
            add = Commit(operation="WRITE", requirements=(), actions=(AddFile(file=file),))
            commit(table, add, checkpoint_every=4)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    snapshot = Table(url, open_storage("az://lake", options)).snapshot()
    assert snapshot.version == WRITERS * EACH
    assert len({file.path for file in snapshot.files}) == WRITERS * EACH
