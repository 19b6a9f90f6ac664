"""Storage: one winner for each name, whole files, our own errors."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.lake.object_server import serving

from headwater.base.errors import Denied, HeadwaterError, Invalid, NotFound, Unavailable
from headwater.lake.storage import LocalStorage, Storage, open_storage


@pytest.fixture(params=["local", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    match request.param:
        case "local":
            yield open_storage(str(tmp_path / "lake"))
        case "memory":
            yield open_storage("memory://lake")
        case _:
            with serving() as server:
                yield open_storage("s3://bucket/lake", server.options)


def test_a_file_is_put_once_and_read_whole(storage: Storage) -> None:
    first = storage.put_if_absent("a/b c/ü%20.json", b"one")
    second = storage.put_if_absent("a/b c/ü%20.json", b"two")

    assert (first, second) == (True, False)
    assert storage.read("a/b c/ü%20.json") == b"one"
    assert storage.size("a/b c/ü%20.json") == 3
    assert [found.path for found in storage.list()] == ["a/b c/ü%20.json"]


def test_files_are_listed_sorted_below_a_folder_and_after_a_name(storage: Storage) -> None:
    for path in ("a/2", "a/10", "a/b/1", "ab/1", "c"):
        storage.put_if_absent(path, b"x")

    assert [found.path for found in storage.list("a")] == ["a/10", "a/2", "a/b/1"]
    assert [found.path for found in storage.list("a", after="a/10")] == ["a/2", "a/b/1"]
    assert list(storage.list("missing")) == []
    assert storage.list_folders() == ("a", "ab")
    assert storage.list_folders("a") == ("b",)
    assert storage.list_folders("missing") == ()


def test_a_part_of_a_storage_sees_only_its_files(storage: Storage) -> None:
    storage.put_if_absent("t/x", b"1")
    storage.put_if_absent("u/x", b"2")

    inside = storage.within("t")

    assert inside.root == f"{storage.root}/t"
    assert [(found.path, inside.read(found.path)) for found in inside.list()] == [("x", b"1")]


def test_deleting_twice_is_no_error(storage: Storage) -> None:
    storage.put_if_absent("x", b"1")

    storage.delete("x")
    storage.delete("x")

    assert not storage.exists("x")


def test_an_upload_replaces_a_file(storage: Storage, tmp_path: Path) -> None:
    local = tmp_path / "local.bin"
    local.write_bytes(b"new")
    storage.put_if_absent("a/x", b"old")

    storage.upload(str(local), "a/x")

    assert storage.read("a/x") == b"new"


@pytest.mark.parametrize("call", ["read", "size"])
def test_a_missing_file_is_not_found(storage: Storage, call: str) -> None:
    with pytest.raises(NotFound) as caught:
        getattr(storage, call)("nope")

    assert caught.value.code == "file-not-found"


def test_making_a_missing_file_durable_is_not_found(storage: Storage) -> None:
    with pytest.raises(NotFound):
        storage.make_durable(["nope.parquet"])


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "", "a//b", "./x", "a\0b"])
@pytest.mark.parametrize("call", ["read", "put", "delete", "within", "stat"])
def test_a_path_never_leaves_the_lake(storage: Storage, path: str, call: str) -> None:
    calls: dict[str, Callable[[str], object]] = {
        "read": storage.read,
        "put": lambda name: storage.put_if_absent(name, b"x"),
        "delete": storage.delete,
        "within": storage.within,
        "stat": storage.stat_or_none,
    }

    with pytest.raises(Invalid) as caught:
        calls[call](path)

    assert caught.value.code == "table-path-invalid"


def test_of_many_racing_puts_exactly_one_wins(storage: Storage) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(
            pool.map(lambda n: storage.put_if_absent("v", str(n).encode() * 1000), range(40))
        )

    winner = won.index(True)
    assert won.count(True) == 1
    assert storage.read("v") == str(winner).encode() * 1000
    assert [found.path for found in storage.list()] == ["v"]


def test_a_store_that_refuses_us_is_said(tmp_path: Path) -> None:
    with serving() as server:
        server.refuse_all = True
        storage = open_storage("s3://bucket/lake", server.options)

        with pytest.raises(Denied) as caught:
            storage.put_if_absent("x", b"1")

    assert caught.value.code == "lake-read-only"


FAILURES = {
    errno.ENOSPC: ("disk-full", Unavailable),
    errno.EDQUOT: ("disk-full", Unavailable),
    errno.EROFS: ("lake-read-only", Denied),
    errno.EACCES: ("lake-read-only", Denied),
    errno.EIO: ("storage-unavailable", Unavailable),
    errno.ENOTSUP: ("storage-unsupported", Invalid),
    errno.ENAMETOOLONG: ("table-path-invalid", Invalid),
}


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "link"])
def test_errors_of_the_operating_system_become_ours_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    storage = LocalStorage(str(tmp_path))

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(HeadwaterError) as caught:
        storage.put_if_absent("x", b"data")
    monkeypatch.undo()

    assert (caught.value.code, type(caught.value)) == FAILURES[number]
    assert list(storage.list()) == []


def test_a_real_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs root and the right to mount a tmpfs")
    try:
        storage = LocalStorage(str(mount))
        with pytest.raises(Unavailable) as caught:
            storage.put_if_absent("x", b"0" * 200_000)

        assert caught.value.code == "disk-full"
        assert list(storage.list()) == []
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_real_read_only_folder_is_said(tmp_path: Path) -> None:
    mount = tmp_path / "fixed"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs root and the right to mount a tmpfs")
    try:
        with pytest.raises(Denied) as caught:
            LocalStorage(str(mount)).put_if_absent("a/x", b"0")

        assert caught.value.code == "lake-read-only"
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_the_file_and_its_folders_are_flushed_before_the_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, link = os.fsync, os.link

    def watched_sync(descriptor: int) -> None:
        calls.append("fsync")
        sync(descriptor)

    def watched_link(source: str, target: str) -> None:
        calls.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "link", watched_link)

    LocalStorage(str(tmp_path)).put_if_absent("a/x", b"1")

    assert calls == ["fsync", "fsync", "link", "fsync"]  # folder a in its parent; data; name


@pytest.mark.parametrize("url", ["nope://x", "s3://", "http//x://"])
def test_an_unknown_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        open_storage(url)

    assert caught.value.code == "storage-unsupported"


@pytest.mark.parametrize("call", ["read", "put", "list", "stat", "folders", "delete"])
def test_no_driver_error_leaks_when_the_object_store_is_not_there(call: str) -> None:
    options = {
        "endpoint": "http://127.0.0.1:9",
        "region": "us-east-1",
        "access_key_id": "x",
        "secret_access_key": "y",
        "allow_http": "true",
    }
    storage = open_storage("s3://bucket/lake", options)
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: storage.read("x"),
        "put": lambda: storage.put_if_absent("x", b""),
        "list": lambda: list(storage.list()),
        "stat": lambda: storage.stat_or_none("x"),
        "folders": storage.list_folders,
        "delete": lambda: storage.delete("x"),
    }

    with pytest.raises(Unavailable) as caught:
        calls[call]()

    assert caught.value.code == "storage-unavailable"


def test_a_file_where_a_folder_should_be_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")

    with pytest.raises(HeadwaterError):
        LocalStorage(str(tmp_path)).put_if_absent("a/b/x", b"1")
