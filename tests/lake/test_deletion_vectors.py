"""Deletion vectors: the rows that a table hides, judged by delta-rs on the same table."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lake.writing import RUN, create, make_commit, open_table

from headwater.base.errors import DataDamaged, HeadwaterError, InternalError
from headwater.base.relations import Column
from headwater.lake.commit import AddFile, Commit, RemoveFile, SetSchema, commit
from headwater.lake.deletion_vectors import (
    FILES_KEPT_MAX,
    INLINE_BYTES_MAX,
    read_deleted_rows,
    write_vectors,
)
from headwater.lake.delta import write_checkpoint
from headwater.lake.maintain import find_orphans
from headwater.lake.replay import DeletionVector, entry_name
from headwater.lake.roaring import decode_rows, encode_rows
from headwater.lake.storage import open_storage
from headwater.lake.table import Table

Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
NAME = UUID("12345678-1234-5678-1234-567812345678")


def z85(data: bytes) -> str:
    padded = data + b"\0" * (-len(data) % 4)
    text = ""
    for start in range(0, len(padded), 4):
        number = int.from_bytes(padded[start : start + 4], "big")
        text += "".join(Z85[number // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return text


def bitmap(rows: list[int], *, runs: bool = False) -> bytes:
    """Encode rows as the 64-bit roaring format, with run containers when asked."""
    highs = sorted({row >> 32 for row in rows})
    body = b"".join(
        struct.pack("<I", high)
        + roaring([row & 0xFFFFFFFF for row in rows if row >> 32 == high], runs=runs)
        for high in highs
    )
    return struct.pack("<iq", 1681511377, len(highs)) + body


def roaring(rows: list[int], *, runs: bool) -> bytes:
    keys = sorted({row >> 16 for row in rows})
    lows = [sorted(row & 0xFFFF for row in rows if row >> 16 == key) for key in keys]
    headers = b"".join(
        struct.pack("<HH", key, len(low) - 1) for key, low in zip(keys, lows, strict=True)
    )
    if runs:
        flags = sum(1 << number for number in range(len(keys)))
        start = struct.pack("<I", 12347 | (len(keys) - 1) << 16)
        start += flags.to_bytes((len(keys) + 7) // 8, "little")
        containers = [run_container(low) for low in lows]
    else:
        start = struct.pack("<II", 12346, len(keys))
        containers = [plain_container(low) for low in lows]
    offsets = b""
    if not runs or len(keys) >= 4:
        at = len(start) + len(headers) + 4 * len(keys)
        for container in containers:
            offsets += struct.pack("<I", at)
            at += len(container)
    return start + headers + offsets + b"".join(containers)


def plain_container(low: list[int]) -> bytes:
    if len(low) <= 4096:
        return struct.pack(f"<{len(low)}H", *low)
    words = [0] * 1024
    for value in low:
        words[value // 64] |= 1 << value % 64
    return struct.pack("<1024Q", *words)


def run_container(low: list[int]) -> bytes:
    spans: list[list[int]] = []
    for value in low:
        if spans and value == spans[-1][1] + 1:
            spans[-1][1] = value
        else:
            spans.append([value, value])
    flat = [number for start, end in spans for number in (start, end - start)]
    return struct.pack(f"<H{len(flat)}H", len(spans), *flat)


def vector_of(
    rows: list[int], *, runs: bool = False, folder: Path | None = None, prefix: str = ""
) -> DeletionVector:
    data = bitmap(rows, runs=runs)
    if folder is None:
        return DeletionVector(
            storage_type="i",
            path_or_inline_dv=z85(data),
            size_in_bytes=len(data),
            cardinality=len(rows),
        )
    path = folder / prefix / f"deletion_vector_{NAME}.bin"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(
        b"\1" + struct.pack(">i", len(data)) + data + struct.pack(">I", zlib.crc32(data))
    )
    return DeletionVector(
        storage_type="u",
        path_or_inline_dv=prefix + z85(NAME.bytes),
        size_in_bytes=len(data),
        cardinality=len(rows),
        offset=1,
    )


ROWS = {
    "none": [],
    "one": [0],
    "few": [0, 3, 99, 65535, 65536, 70000],
    "dense": list(range(10, 9000)),
    "many containers": [number * 65536 for number in range(9)],
    "beyond 32 bits": [5, 2**32 + 7, 2**33],
    "random": sorted(random.Random(1).sample(range(300_000), 20_000)),  # noqa: S311
}


@pytest.mark.parametrize("runs", [False, True], ids=["plain", "runs"])
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("place", ["inline", "file", "file with prefix"])
def test_every_layout_of_a_bitmap_is_read(
    tmp_path: Path, name: str, place: str, runs: bool
) -> None:
    folder = None if place == "inline" else tmp_path
    prefix = "ab" if place == "file with prefix" else ""
    vector = vector_of(ROWS[name], runs=runs, folder=folder, prefix=prefix)

    assert read_deleted_rows(open_storage(str(tmp_path)), vector) == tuple(ROWS[name])


def hide(root: Path, version: int, vector: DeletionVector) -> None:
    """Write the entry that another engine's DELETE would write."""
    first = [json.loads(line) for line in (root / entry_name(0)).read_bytes().splitlines()]
    metadata = next(line["metaData"] for line in first if "metaData" in line)
    add = next(line["add"] for line in first if "add" in line)
    metadata["configuration"] = {"delta.enableDeletionVectors": "true"}
    features = ["deletionVectors"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7,
                "readerFeatures": features, "writerFeatures": features}  # fmt: skip
    described = {
        "storageType": vector.storage_type,
        "pathOrInlineDv": vector.path_or_inline_dv,
        "sizeInBytes": vector.size_in_bytes,
        "cardinality": vector.cardinality,
    }
    if vector.offset is not None:
        described["offset"] = vector.offset
    remove = {"path": add["path"], "deletionTimestamp": 1, "dataChange": True}
    lines: list[object] = [
        {"protocol": protocol},
        {"metaData": metadata},
        {"remove": remove},
        {"add": {**add, "deletionVector": described}},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (root / entry_name(version)).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("place", ["inline", "file"])
def test_hidden_rows_are_those_that_delta_rs_hides(tmp_path: Path, place: str) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(1000) r(i) order by i")
    rows = sorted(random.Random(2).sample(range(1000), 300))  # noqa: S311
    hide(tmp_path, 1, vector_of(rows, folder=None if place == "inline" else tmp_path))

    snapshot = table.snapshot()

    seen = set(pl.read_delta(tmp_path)["a"].to_list())
    assert set(snapshot.files[0].deleted_rows) == set(range(1000)) - seen
    assert (snapshot.rows, table.snapshot(0).rows) == (700, 1000)


def test_hidden_rows_are_read_from_a_checkpoint(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(100) r(i)")
    hide(tmp_path, 1, vector_of([1, 50, 99], folder=tmp_path))
    write_checkpoint(str(tmp_path), {}, 1)
    for version in (0, 1):
        (tmp_path / entry_name(version)).unlink()

    fresh = open_table(tmp_path)
    file = fresh.snapshot().files[0]
    assert file.deleted_rows == (1, 50, 99)
    commit(fresh, make_commit(RemoveFile(path=file.path)))  # names the vector, for other readers
    assert DeltaTable(str(tmp_path)).file_uris() == []


def test_a_file_with_hidden_rows_can_be_replaced(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(100) r(i)")
    hide(tmp_path, 1, vector_of([1], folder=tmp_path))
    path = table.snapshot().files[0].path

    commit(table, make_commit(RemoveFile(path=path)))

    assert table.snapshot().files == ()
    assert pl.read_delta(tmp_path).height == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:20],
        lambda data: b"",
        lambda data: data[:30] + bytes([data[30] ^ 1]) + data[31:],
        lambda data: b"\0" * len(data),
    ],
    ids=["last byte", "cut", "empty", "bit", "zeros"],
)  # fmt: skip
def test_a_damaged_bitmap_is_said_and_never_guessed(tmp_path: Path, damage: object) -> None:
    vector = vector_of([1, 2, 3, 70000], folder=tmp_path)
    path = tmp_path / f"deletion_vector_{NAME}.bin"
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataDamaged) as caught:
        read_deleted_rows(open_storage(str(tmp_path)), vector)

    assert caught.value.code == "log-damaged"


@pytest.mark.parametrize(
    ("storage_type", "text", "size"),
    [("i", "abc", 4), ("i", "~~~~~", 4), ("u", "short", 4), ("p", "/etc/passwd", 4), ("i", "", 0)],
)
def test_a_descriptor_that_makes_no_sense_is_our_error(
    tmp_path: Path, storage_type: str, text: str, size: int
) -> None:
    vector = DeletionVector(
        storage_type=storage_type, path_or_inline_dv=text, size_in_bytes=size, cardinality=1
    )

    with pytest.raises(HeadwaterError):
        read_deleted_rows(open_storage(str(tmp_path)), vector)


@pytest.mark.parametrize("changed", [False, True])
def test_a_file_added_again_without_a_remove_must_hide_the_same_rows(
    tmp_path: Path, changed: bool
) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(10) r(i)")
    hide(tmp_path, 1, vector_of([1], folder=tmp_path))
    lines = (tmp_path / entry_name(0 if changed else 1)).read_text(encoding="utf-8").splitlines()
    add = next(line for line in lines if line.startswith('{"add"'))
    (tmp_path / entry_name(2)).write_text(add, encoding="utf-8")

    if changed:  # to other readers the file is there twice
        with pytest.raises(DataDamaged, match=entry_name(2)):
            table.snapshot()
    else:
        assert (table.snapshot().rows, pl.read_delta(tmp_path).height) == (9, 9)


@pytest.mark.parametrize("name", ROWS)
def test_a_bitmap_is_written_as_another_writer_of_the_format_would(name: str) -> None:
    assert encode_rows(ROWS[name]) == bitmap(ROWS[name])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.sets(
        st.integers(0, 200_000) | st.integers(0, 2**34) | st.integers(70_000, 90_000),
        max_size=300,
    ),
    dense=st.integers(0, 9000),
    start=st.sampled_from([0, 65_530, 2**32 - 5]),
)
def test_rows_survive_writing_and_reading(rows: set[int], dense: int, start: int) -> None:
    wanted = tuple(sorted(rows | set(range(start, start + dense))))

    assert decode_rows(encode_rows(wanted)) == wanted


def hidden(table: Table, path: str, rows: list[int], **changes: object) -> Commit:
    """Make the commit that hides exactly these rows of a file."""
    file = next(part for part in table.snapshot().files if part.path == path)
    vectors = write_vectors(table.storage, {path: rows}, prefix=f"{RUN}-1-")
    after = replace(file, deleted_rows=tuple(rows))
    add = replace(AddFile(file=after, vector=vectors[path]), **changes)  # type: ignore[arg-type]
    return make_commit(RemoveFile(path=path), add)


@pytest.mark.parametrize(
    ("rows", "place"),
    [([0], "i"), ([1, 50, 999], "i"), (list(range(0, 40_000, 3)), "u")],
    ids=["one", "few", "many"],
)
def test_rows_that_we_hide_are_hidden_to_other_readers(
    tmp_path: Path, rows: list[int], place: str
) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a, 'x' || i as s from range(40000) r(i) order by i")
    path = table.snapshot().files[0].path

    commit(table, hidden(table, path, rows))

    wanted = set(range(40_000)) - set(rows)
    assert set(pl.read_delta(tmp_path)["a"].to_list()) == wanted
    found = QueryBuilder().register("t", DeltaTable(str(tmp_path)))
    seen = pl.DataFrame(found.execute("select a from t").read_all())["a"].to_list()
    assert set(seen) == wanted
    fresh = open_table(tmp_path).snapshot()
    assert (fresh.rows, fresh.files[0].deleted_rows) == (len(wanted), tuple(rows))
    entry = (tmp_path / entry_name(1)).read_text("utf-8")
    assert f'"storageType":"{place}"' in entry
    assert '\\"tightBounds\\":false' in entry


@pytest.mark.parametrize(
    ("sql", "features"),
    [
        ("select 1 as a from range(3)", {"appendOnly", "deletionVectors", "invariants"}),
        ("select timestamp '2026-01-01' as t from range(3)", {"deletionVectors", "timestampNtz"}),
    ],
)
def test_the_first_hidden_row_tells_readers_and_writers_of_the_feature(
    tmp_path: Path, sql: str, features: set[str]
) -> None:
    table = open_table(tmp_path)
    create(table, sql)

    commit(table, hidden(table, table.snapshot().files[0].path, [2]))

    snapshot = open_table(tmp_path).snapshot()
    assert (snapshot.reader_version, snapshot.writer_version) == (3, 7)
    assert set(snapshot.features) == features
    assert snapshot.properties == {"delta.enableDeletionVectors": "true"}
    assert open_table(tmp_path).snapshot(0).files[0].deleted_rows == ()


def test_more_rows_can_be_hidden_and_shown_again(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(9) r(i) order by i")
    path = table.snapshot().files[0].path

    commit(table, hidden(table, path, [1]))
    commit(table, hidden(table, path, [1, 2]))
    back = replace(table.snapshot().files[0], deleted_rows=())
    commit(table, make_commit(RemoveFile(path=path), AddFile(file=back)))

    assert pl.read_delta(tmp_path)["a"].to_list() == list(range(9))
    versions = [table.snapshot(v).files[0].deleted_rows for v in range(4)]
    assert versions == [(), (1,), (1, 2), ()]
    assert [entry.rows_added for entry in table.history()] == [0, 0, 0, 9]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda made: made.actions[1:], "hides other rows but is not removed first"),
        (lambda made: (made.actions[0], replace(made.actions[1], vector=None)), "are not stored"),
        (
            lambda made: (
                made.actions[0],
                replace(made.actions[1], file=replace(made.actions[1].file, deleted_rows=())),
            ),
            "are not stored",
        ),
        (
            lambda made: (
                made.actions[0],
                AddFile(file=replace(made.actions[1].file, deleted_rows=())),
            ),
            "both added and removed",
        ),
    ],
    ids=["not removed", "no vector", "no rows", "no change"],
)
def test_a_commit_that_contradicts_its_vectors_is_not_made(
    tmp_path: Path, change: Callable[[Any], tuple[Any, ...]], why: str
) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(9) r(i)")
    made = hidden(table, table.snapshot().files[0].path, [1])

    with pytest.raises(InternalError) as caught:
        commit(table, replace(made, actions=change(made)))

    assert why in (caught.value.why or "")
    assert open_table(tmp_path).version_or_none() == 0


def test_vectors_of_many_files_share_one_that_is_read_once(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    rows = {f"f{number}": range(number, 60_000, 2) for number in range(3 * FILES_KEPT_MAX)}

    vectors = write_vectors(storage, rows, prefix=f"{RUN}-1-")

    assert len(list(tmp_path.rglob("*.bin"))) == 1
    assert len({vector.offset for vector in vectors.values()}) == len(rows)
    for path, vector in vectors.items():
        assert read_deleted_rows(storage, vector) == tuple(rows[path])


def test_small_vectors_leave_no_file(tmp_path: Path) -> None:
    rows = {"a": [1], "b": range(INLINE_BYTES_MAX // 4)}

    vectors = write_vectors(open_storage(str(tmp_path)), rows, prefix=f"{RUN}-1-")

    assert {vector.storage_type for vector in vectors.values()} == {"i"}
    assert list(tmp_path.iterdir()) == []


def test_vectors_that_no_version_names_are_orphans(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(60000) r(i)")
    path = table.snapshot().files[0].path
    commit(table, hidden(table, path, list(range(0, 60_000, 2))))
    live = {str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*.bin")}
    hidden(table, path, list(range(0, 60_000, 5)))  # its commit was never made
    commit(table, make_commit(RemoveFile(path=path)))

    dead = {found.path for found in find_orphans(table)}

    assert len(dead) == len(live) == 1
    assert not dead & live
    assert find_orphans(table, live_prefixes=(RUN,)) == ()


def test_vectors_that_only_a_checkpoint_names_stay_and_others_go(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(60000) r(i)")
    path = table.snapshot().files[0].path
    commit(table, hidden(table, path, list(range(0, 60_000, 2))))
    live = {str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*.bin")}
    hidden(table, path, list(range(0, 60_000, 5)))  # its commit was never made
    write_checkpoint(str(tmp_path), {}, 1)
    for version in (0, 1):
        (tmp_path / entry_name(version)).unlink()

    dead = {found.path for found in find_orphans(open_table(tmp_path))}

    assert (len(dead), dead & live) == (1, set())
    assert open_table(tmp_path).snapshot().rows == 30_000


def test_a_table_with_hidden_rows_can_get_a_new_schema(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select i as a from range(9) r(i) order by i")
    commit(table, hidden(table, table.snapshot().files[0].path, [0, 8]))
    columns = (*table.snapshot().columns, Column("b", "VARCHAR"))

    commit(table, make_commit(SetSchema(columns=columns)))

    assert pl.read_delta(tmp_path)["a"].to_list() == list(range(1, 8))
    assert table.snapshot().properties == {"delta.enableDeletionVectors": "true"}
