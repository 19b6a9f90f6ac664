"""What tests of engines do again and again: write a table, imagine its commits, read it."""

from dataclasses import dataclass
from pathlib import Path

from headwater.base.relations import TableName
from headwater.engines.engine import (
    Destination,
    Session,
    Source,
    WriteAll,
    WriteMode,
    Written,
)
from headwater.lake.snapshot import Snapshot
from headwater.testing.engine_suite import snapshot_of

T = TableName("shop", "main", "t")


@dataclass
class Table:
    """A table in a folder, written and read through one session; commits are only imagined."""

    session: Session
    root: Path
    partition_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.writes: list[Written] = []

    def write(self, sql: str, mode: WriteMode | None = None) -> Written:
        written = self.session.write(sql, mode or WriteAll(), self.destination())
        self.writes.append(written)
        self.session.bind(T, self.snapshot)
        return written

    def destination(self) -> Destination:
        prefix = f"w{len(self.writes)}"
        return Destination(root=str(self.root), prefix=prefix, partition_by=self.partition_by)

    @property
    def snapshot(self) -> Snapshot:
        return snapshot_of(self.root, *self.writes, partition_by=self.partition_by)

    def rows(self, select: str = "*", order: str = "all") -> list[tuple[object, ...]]:
        return rows(self.session, f"select {select} from t order by {order}")

    def files(self) -> set[str]:
        return {str(file.relative_to(self.root)) for file in self.root.rglob("*.parquet")}


def rows(session: Session, sql: str) -> list[tuple[object, ...]]:
    return list(session.query(sql, rows_max=1000).rows)


def read(session: Session, source: Source) -> list[tuple[object, ...]]:
    session.bind(T, source)
    return rows(session, "select * from t order by all")
