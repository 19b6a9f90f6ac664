"""Other tools read what every kind of write wrote; ``interop`` has those of other interpreters."""

from pathlib import Path

import pytest
from tests.peer.interop import Table, read_by, write_all

pytestmark = pytest.mark.peer

MAPPED = {"mapped_by_name", "mapped_by_id"}
"""Tables that Polars reads in no case, because their columns are mapped."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, ...]:
    return write_all(Path(tmp_path_factory.mktemp("interop")))


@pytest.mark.parametrize("reader", ["delta-rs", "polars"])
def test_every_write_is_read_with_the_same_rows(tables: tuple[Table, ...], reader: str) -> None:
    version, ends = read_by(reader, tables)

    refused = {name for name, end in ends.items() if end.startswith("refused: ")}
    assert version
    assert refused == (MAPPED if reader == "polars" else set()), ends
    assert {end for name, end in ends.items() if name not in refused} == {"equal"}, ends
