"""Other tools read what every kind of write wrote; ``interop`` has those of other interpreters."""

from pathlib import Path

import pytest
from tests.peer.interop import Table, read_by, write_all

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, ...]:
    return write_all(Path(tmp_path_factory.mktemp("interop")))


@pytest.mark.parametrize("reader", ["delta-rs", "polars"])
def test_every_write_is_read_with_the_same_rows(tables: tuple[Table, ...], reader: str) -> None:
    version, ends = read_by(reader, tables)

    assert version
    assert set(ends.values()) == {"equal"}, ends
