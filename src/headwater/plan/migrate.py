"""What a change of a stored table's columns takes: an entry in its log, a scan, or all its files.

A table of rules: operation by engine by what the table's log says of itself. Computed from the log
alone, so that it costs the same for a table of a petabyte. Delta PROTOCOL.md, *Column Mapping*,
*Type Widening*, *Column Invariants*; what Headwater itself writes is in ADR 0036.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from headwater.base.units import UNKNOWN, ZERO, Estimate, exact
from headwater.plan.ranges import fits_type, stored_range
from headwater.plan.state import TableState
from headwater.sql.types import canonical_type, type_change

Engine = Literal["headwater", "spark"]
ENGINES: tuple[Engine, ...] = ("headwater", "spark")
"""Who may write the table: Headwater's own engine, or Spark with Delta Lake."""

Verb = Literal["add", "drop", "rename", "retype", "require", "partition", "cluster", "enable"]
Effort = Literal["metadata", "scan", "rewrite", "refused"]
EFFORTS: tuple[Effort, ...] = ("metadata", "scan", "rewrite", "refused")
"""From nothing to what cannot be done, in this order."""

FEATURES = ("columnMapping", "deletionVectors", "typeWidening", "rowTracking", "changeDataFeed")
"""Features that can be asked for."""

_WRITTEN_HERE = frozenset({"deletionVectors"})
"""Those that Headwater writes itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One change of a table.

    Attributes:
        verb: What is done.
        column: To which column; for ``enable`` the feature.
        to: New name of ``rename``, type of ``add`` and ``retype``.
        default: Value that stored rows get in an added column; empty for null.
        columns: Columns of ``partition`` and ``cluster``.
    """

    verb: Verb
    column: str = ""
    to: str = ""
    default: str = ""
    columns: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The operation in words."""
        listed = ", ".join(f"`{column}`" for column in self.columns)
        match self.verb:
            case "add":
                default = f" with {self.default} in stored rows" if self.default else ""
                return f"add `{self.column}` {self.to}{default}"
            case "rename":
                return f"rename `{self.column}` to `{self.to}`"
            case "retype":
                return f"give `{self.column}` the type {self.to}"
            case "require":
                return f"allow no nulls in `{self.column}`"
            case "partition" | "cluster":
                return f"{self.verb} by {listed}" if listed else f"{self.verb} by nothing"
            case "drop" | "enable":
                return f"{self.verb} `{self.column}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one operation takes with one engine.

    Attributes:
        engine: The engine.
        effort: ``metadata`` is one entry in the log, ``scan`` reads without writing, ``rewrite``
            writes every file again, ``refused`` cannot be done.
        why: One sentence.
        bytes_read: Bytes that are read.
        bytes_written: Bytes that are written.
        enables: Features that the table gets first; older readers cannot read it afterwards.
        later: What is to be done afterwards; may be empty.
    """

    engine: Engine
    effort: Effort
    why: str
    bytes_read: Estimate = ZERO
    bytes_written: Estimate = ZERO
    enables: tuple[str, ...] = ()
    later: str = ""


Judge = Callable[[Operation, TableState, Engine], Verdict]


def judge(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    """Say what an operation takes.

    Args:
        operation: What is to be done.
        table: The table as its log describes it.
        engine: Who does it.
    """
    fault = _fault_or_none(operation, table)
    if fault is not None:
        return _refused(engine, fault)
    return _JUDGES[operation.verb](operation, table, engine)


def _fault_or_none(operation: Operation, table: TableState) -> str | None:
    """Say why an operation makes no sense for a table."""
    known = {column.name.lower() for column in table.columns}
    name, verb = operation.column.lower(), operation.verb
    if verb == "add" and name in known:
        return f"there is a column `{operation.column}` already"
    if verb == "rename" and operation.to.lower() in known - {name}:
        return f"there is a column `{operation.to}` already"
    if verb in {"drop", "rename", "retype", "require"} and name not in known:
        return f"there is no column `{operation.column}`"
    missing = [column for column in operation.columns if column.lower() not in known]
    if missing:
        return f"there is no column `{missing[0]}`"
    if verb == "drop" and len(known) == 1:
        return "it is the only column"
    return None


def _add(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    if not operation.default:
        return _metadata(engine, "stored rows read as null in a column that their files lack")
    return _rewrite(
        table, engine, "stored rows get a value, which has to be written into every file"
    )


def _drop(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    if _is_partition(operation, table):
        return _rewrite(table, engine, "files lie in folders by that column")
    later = "the values stay in the files until REORG TABLE ... APPLY (PURGE) and a vacuum"
    if table.has_mapping:
        return _metadata(engine, "columns have names of their own in the files", later=later)
    if engine == "spark":
        why = "once names are mapped the files need not change"
        return _metadata(engine, why, enables=("columnMapping",), later=later)
    kept = _bytes_without(table, operation.column)
    return _rewrite(table, engine, "files are read by the names of columns", written=kept)


def _rename(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    if _is_partition(operation, table) and not table.has_mapping and engine == "headwater":
        return _rewrite(table, engine, "folders are named by that column")
    if table.has_mapping:
        return _metadata(engine, "columns have names of their own in the files")
    if engine == "spark":
        why = "once names are mapped the files need not change"
        return _metadata(engine, why, enables=("columnMapping",))
    return _rewrite(table, engine, "files are read by the names of columns")


def _retype(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    before = next(
        canonical_type(column.type)
        for column in table.columns
        if column.name.lower() == operation.column.lower()
    )
    after = canonical_type(operation.to)
    if before == after:
        return _metadata(engine, f"it is {after} already")
    change = type_change(before, after)
    if change == "narrowed":
        smallest, largest = stored_range(table, operation.column)
        fits = fits_type(before, after, smallest, largest)
        if fits is False:
            return _refused(engine, f"stored values are {smallest} to {largest}: not all fit")
        proof = f"stored values, {smallest} to {largest}, all fit" if fits else "nothing proves fit"
        return _rewrite(table, engine, f"{before} does not become {after} in place; {proof}")
    if change == "changed":
        return _rewrite(table, engine, f"{before} and {after} are different kinds of values")
    if engine == "spark" and widens_in_place(before, after):
        why = f"files keep {before}, and readers widen it"
        enables = () if _has(table, "typeWidening") else ("typeWidening",)
        return _metadata(engine, why, enables=enables)
    return _rewrite(table, engine, f"every file holds {before}")


def _require(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    nulls = {name.lower(): count for name, count in table.null_count.items()}
    found = nulls.get(operation.column.lower())
    if found == 0:
        return _metadata(engine, "the statistics of every file say that it has no null")
    if found:
        return _refused(engine, f"{found:,} stored rows have none")
    sizes = {name.lower(): size for name, size in table.column_bytes.items()}
    size = sizes.get(operation.column.lower())
    read = _at_most(table.size_bytes) if size is None else exact(size)
    why = "not every file says how many nulls it has, so the column is read"
    return Verdict(engine=engine, effort="scan", why=why, bytes_read=read)


def _partition(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    wanted = tuple(column.lower() for column in operation.columns)
    if wanted == tuple(column.lower() for column in table.partition_columns):
        return _metadata(engine, "it is partitioned like that already")
    size = table.size_bytes
    # How many values there are, and so how many small files with a head each, is not in the log.
    written = (
        UNKNOWN
        if size is None
        else Estimate(value=float(size), low=size * 0.5, high=None, grade="guess")
    )
    why = "a file lies in one partition, so every row moves"
    return _rewrite(table, engine, why, written=written)


def _cluster(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    if table.partition_columns and operation.columns and engine == "spark":
        return _refused(engine, "a table is partitioned or clustered, not both")
    later = "stored rows are put in order by `hw table optimize --cluster-by`"
    if engine == "spark":
        later = "stored rows are put in order by OPTIMIZE ... FULL"
    why = "only new rows are written in order"
    return _metadata(engine, why, later=later if operation.columns else "")


def _enable(operation: Operation, table: TableState, engine: Engine) -> Verdict:
    if _has(table, operation.column):
        return _metadata(engine, "the table has it already")
    if engine == "headwater" and operation.column not in _WRITTEN_HERE:
        return _refused(engine, "Headwater writes no table with it")
    later = "row ids of stored rows are filled in" if operation.column == "rowTracking" else ""
    return _metadata(engine, "the protocol names it", enables=(operation.column,), later=later)


_JUDGES: Mapping[Verb, Judge] = MappingProxyType(
    {
        "add": _add,
        "drop": _drop,
        "rename": _rename,
        "retype": _retype,
        "require": _require,
        "partition": _partition,
        "cluster": _cluster,
        "enable": _enable,
    }
)

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_DIGITS: Mapping[str, int] = MappingProxyType(
    {"TINYINT": 10, "SMALLINT": 10, "INTEGER": 10, "BIGINT": 20}
)
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


def widens_in_place(before: str, after: str) -> bool:
    """Say whether Delta's type widening takes a canonical type to another without a rewrite."""
    if before in _INTEGERS and after in _INTEGERS:
        return _INTEGERS.index(before) < _INTEGERS.index(after)
    if after == "DOUBLE":
        return before in {"FLOAT", "TINYINT", "SMALLINT", "INTEGER"}
    if (before, after) == ("DATE", "TIMESTAMP"):
        return True
    wide, narrow = _DECIMAL.fullmatch(after), _DECIMAL.fullmatch(before)
    if wide is None:
        return False
    digits, scale = int(wide[1]) - int(wide[2]), int(wide[2])
    if narrow is not None:
        return digits >= int(narrow[1]) - int(narrow[2]) and scale >= int(narrow[2])
    return before in _DIGITS and digits >= _DIGITS[before]


def _is_partition(operation: Operation, table: TableState) -> bool:
    return operation.column.lower() in {column.lower() for column in table.partition_columns}


def _has(table: TableState, feature: str) -> bool:
    return feature in table.features or (feature == "columnMapping" and table.has_mapping)


def _bytes_without(table: TableState, column: str) -> Estimate | None:
    sizes = {name.lower(): size for name, size in table.column_bytes.items()}
    size = sizes.get(column.lower())
    if size is None or table.size_bytes is None:
        return None
    return _about(max(0, table.size_bytes - size))


def _metadata(
    engine: Engine, why: str, *, enables: tuple[str, ...] = (), later: str = ""
) -> Verdict:
    return Verdict(engine=engine, effort="metadata", why=why, enables=enables, later=later)


def _rewrite(
    table: TableState, engine: Engine, why: str, *, written: Estimate | None = None
) -> Verdict:
    """Return that every file is read and written again; how small they come out is not known."""
    size = table.size_bytes
    return Verdict(
        engine=engine,
        effort="rewrite",
        why=why,
        bytes_read=UNKNOWN if size is None else exact(size),
        bytes_written=written or _about(size),
    )


def _about(size: float | None) -> Estimate:
    """Return what files of a size take when they are written again."""
    if size is None:
        return UNKNOWN
    return Estimate(value=float(size), low=size * 0.9, high=size * 1.1, grade="modelled")


def _at_most(size: float | None) -> Estimate:
    if size is None:
        return UNKNOWN
    return Estimate(value=float(size), low=0.0, high=float(size), grade="bound")


def _refused(engine: Engine, why: str) -> Verdict:
    return Verdict(engine=engine, effort="refused", why=why)
