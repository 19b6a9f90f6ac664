"""Derived bytes outlive a command, and nothing that is not ours is ever used."""

import marshal
from pathlib import Path

import pytest

from headwater.base.cache import NoCache, cache_key
from headwater.jinja.bytecode import code_key
from headwater.jinja.macros import MacroIndex
from headwater.jinja.render import Templates
from headwater.runs.caches import FileCache, open_cache

KEY = code_key("{{ 1 }}", "a.sql", 1, value=False)


def store_with(path: Path, code: bytes = b"code") -> FileCache:
    store = FileCache(path, "tag")
    store.keep(KEY, code)
    store.save()
    return FileCache(path, "tag")


def test_what_was_kept_is_found_by_the_next_process(tmp_path: Path) -> None:
    store = store_with(tmp_path / "deep" / "codes.bin")

    assert store.find_or_none(KEY) == b"code"
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["codes.bin"]


@pytest.mark.parametrize(
    ("text", "name", "line", "value"),
    [
        ("{{ 2 }}", "a.sql", 1, False),
        ("{{ 1 }}", "b.sql", 1, False),
        ("{{ 1 }}", "a.sql", 2, False),
        ("{{ 1 }}", "a.sql", 1, True),
    ],
)
def test_code_is_found_only_by_all_that_it_was_compiled_from(
    text: str, name: str, line: int, *, value: bool
) -> None:
    assert code_key(text, name, line, value=value) != KEY


@pytest.mark.parametrize("place", [0, 30, 90, -1])
def test_a_damaged_file_is_taken_for_an_empty_one(tmp_path: Path, place: int) -> None:
    path = tmp_path / "codes.bin"
    store_with(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))

    assert FileCache(path, "tag").find_or_none(KEY) is None


@pytest.mark.parametrize("length", [0, 10, 90])
def test_a_file_that_was_cut_off_is_taken_for_an_empty_one(tmp_path: Path, length: int) -> None:
    path = tmp_path / "codes.bin"
    store_with(path)
    path.write_bytes(path.read_bytes()[:length])

    assert FileCache(path, "tag").find_or_none(KEY) is None


def test_a_file_of_another_maker_is_not_read(tmp_path: Path) -> None:
    store_with(tmp_path / "codes.bin")

    assert FileCache(tmp_path / "codes.bin", "other").find_or_none(KEY) is None


def test_keys_tell_apart_where_a_part_ends_and_what_it_is_for() -> None:
    keys = {cache_key("a", (b"x", b"y")), cache_key("a", (b"xy",)), cache_key("b", (b"xy",))}

    assert len(keys) == 3


def test_a_file_of_another_user_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "codes.bin"
    store_with(path)
    monkeypatch.setattr("os.getuid", lambda: 123_456)

    assert FileCache(path, "tag").find_or_none(KEY) is None


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    assert store_with(tmp_path / "file" / "codes.bin").find_or_none(KEY) is None


def test_a_store_that_grew_too_large_keeps_what_was_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "codes.bin"
    store = store_with(path)
    monkeypatch.setattr("headwater.runs.caches.BYTES_MAX", 8)
    store.keep(b"new", b"12345678")
    store.save()

    left = FileCache(path, "tag")
    assert (left.find_or_none(KEY), left.find_or_none(b"new")) == (None, b"12345678")


@pytest.mark.parametrize(
    ("folder", "environment", "expected"),
    [
        ("off", {"HOME": "/home/ada"}, None),
        (None, {}, None),
        (None, {"HOME": "/home/ada"}, "/home/ada/.cache/headwater/templates"),
        (None, {"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/headwater/templates"),
        ("/given", {"HOME": "/h"}, "/given/templates"),
    ],
)
def test_the_store_lies_in_the_users_cache_and_never_in_the_project(
    folder: str | None, environment: dict[str, str], expected: str | None
) -> None:
    store = open_cache(folder, environment, Path("/project"), kind="templates", tag="tag")

    if expected is None:
        assert isinstance(store, NoCache)
    else:
        assert isinstance(store, FileCache)
        assert str(store.path.parent) == expected


def test_templates_from_a_store_render_as_if_compiled_anew(tmp_path: Path) -> None:
    index = MacroIndex((), root="shop", dispatch={})
    text = "{% for i in range(3) %}{{ i }}{% endfor %}"
    results = []
    for _ in range(2):
        store = FileCache(tmp_path / "codes.bin", "tag")
        rendered = Templates(index, store).render(text, name="a.sql", context={}, package="shop")
        store.save()
        results.append(rendered.text)

    assert results == ["012", "012"]
    found = FileCache(tmp_path / "codes.bin", "tag").find_or_none(
        code_key(text, "a.sql", 1, value=False)
    )
    assert found is not None
    assert marshal.loads(found).co_filename == "a.sql"  # noqa: S302 - just made
