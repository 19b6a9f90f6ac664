"""How fast this machine is: the same small work on every machine, measured by CPU time.

Five kinds of work that make up most of a build are run over invented rows: writing, scanning,
grouping, joining, sorting. Two machines compare by the geometric mean of their ratios, so that no
kind of work outweighs the others.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from headwater.base.codec import Json, from_hand
from headwater.base.errors import Invalid
from headwater.base.relations import TableName
from headwater.engines.engine import Destination, FileSource, Session, WriteAll
from headwater.project.yaml_text import read_mapping, write_yaml
from headwater.runs.began import usable_cpus
from headwater.runs.books import FOLDER
from headwater.runs.context import Context

ROWS = 4_000_000
REPEATS = 5
"""The best of so many runs counts: other programs only ever make work slower."""

MACHINES = "machines"
"""Folder of measurements, below the project's price books."""

_NAME = TableName("calibration", "main", "rows_of_work")
_MAKE = """
select i as id, (i * 7919) % 100003 as key, i % 1000 as small, 'word ' || (i * 31 % 5000) as word,
  (i * 48271 % 2147483647) / 100.0 as amount
from range({rows}) as made(i)
"""
_WORK: Mapping[str, str] = MappingProxyType(
    {
        "scan": "select sum(amount), max(word), min(id) from rows_of_work",
        "group": "select count(*) from (select key, sum(amount), count(distinct small) "
        "from rows_of_work group by key)",
        "join": "select count(*), sum(one.amount) from rows_of_work as one "
        "join rows_of_work as other on one.id = other.key * 37",
        "sort": "select max(place) from (select row_number() over (order by amount, id) as place "
        "from rows_of_work)",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How fast a machine is.

    Attributes:
        machine: What it is called in price books.
        processor: What the operating system calls its processor.
        cpus: Processors that could be used.
        engine: Name and version of the engine.
        at: ISO 8601 UTC time.
        rows: Rows of each work.
        nanoseconds: CPU time a row by kind of work.
        schema: Name and version of the document.
    """

    machine: str
    processor: str
    cpus: int
    engine: str
    at: str
    rows: int
    nanoseconds: Mapping[str, float]
    schema: str = "headwater.calibration/1"


def calibrate(context: Context, machine: str, *, rows: int = ROWS) -> Calibration:
    """Measure this machine, in some twenty seconds.

    Args:
        context: The world; only its engine is used.
        machine: What the machine is called in price books.
        rows: Rows of each work; fewer are quicker and less exact.
    """
    engine = context.engine
    with TemporaryDirectory(prefix="headwater-calibrate-") as folder:
        session = engine.open_session(catalog=_NAME.catalog, schema=_NAME.schema)
        try:
            best = {"write": min(_write(session, folder, rows, turn) for turn in range(REPEATS))}
            session.bind(_NAME, FileSource(location=f"{folder}/0*/**/*.parquet"))
            for kind, sql in _WORK.items():
                best[kind] = min(_run(session, sql) for _ in range(REPEATS))
        finally:
            session.close()
    return Calibration(
        machine=machine,
        processor=processor(),
        cpus=usable_cpus(),
        engine=f"{engine.name} {engine.version}",
        at=context.now(),
        rows=rows,
        nanoseconds=MappingProxyType(
            {kind: round(seconds / rows * 1e9, 2) for kind, seconds in best.items()}
        ),
    )


def _write(session: Session, folder: str, rows: int, turn: int) -> float:
    place = Destination(root=f"{folder}/{turn}", prefix="rows")
    Path(place.root).mkdir()
    written = session.write(_MAKE.format(rows=rows), WriteAll(), place)
    return written.meter.cpu_seconds


def _run(session: Session, sql: str) -> float:
    return session.query(sql, rows_max=1).meter.cpu_seconds


def processor() -> str:
    """Return what the operating system calls the processor; empty when it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in named if key.strip() == "model name"), "")


def speed_of(one: Calibration, other: Calibration) -> float:
    """Return how many times as much work a processor of ``other`` does as one of ``one``.

    Raises:
        Invalid: ``machine-not-measured``, when they did not do the same work.
    """
    kinds = one.nanoseconds.keys() & other.nanoseconds.keys()
    if not kinds or (one.engine, one.rows) != (other.engine, other.rows):
        raise Invalid(
            "machine-not-measured",
            f"`{one.machine}` and `{other.machine}` were not measured alike",
            why=f"one with {one.engine} and {one.rows:,} rows, the other with {other.engine} "
            f"and {other.rows:,}",
            fix="run `hw calibrate` of one release of Headwater, with as many rows, on both",
        )
    logs = [log(one.nanoseconds[kind] / other.nanoseconds[kind]) for kind in sorted(kinds)]
    return exp(sum(logs) / len(logs))


def keep_calibration(root: Path, found: Calibration) -> Path:
    """Write a measurement into the project, beside other machines'; return the file."""
    file = _file(root, found.machine)
    file.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Json] = {
        "machine": found.machine,
        "processor": found.processor,
        "cpus": found.cpus,
        "engine": found.engine,
        "at": found.at,
        "rows": found.rows,
        "nanoseconds": dict(found.nanoseconds),
    }
    file.write_text(write_yaml(content), encoding="utf-8")
    return file


def find_calibration_or_none(root: Path, machine: str) -> Calibration | None:
    """Return a machine's measurement that the project has.

    Raises:
        Invalid: ``price-book-malformed``, ``yaml-malformed``.
    """
    file = _file(root, machine)
    if not file.is_file():
        return None
    content = read_mapping(file.name, file.read_text(encoding="utf-8"))
    try:
        found = from_hand(Calibration, content)
    except ValueError as error:
        raise _unusable(file, str(error)) from error
    if any(value <= 0 for value in found.nanoseconds.values()):
        raise _unusable(file, "a work took no time")
    return found


def _file(root: Path, machine: str) -> Path:
    if Path(machine).name != machine:
        raise Invalid(
            "usage-invalid", f"`{machine}` is no name of a machine", fix="write it as m7g.large"
        )
    return root / FOLDER / MACHINES / f"{machine}.yml"


def _unusable(file: Path, why: str) -> Invalid:
    return Invalid(
        "price-book-malformed",
        f"the measurement `{file.name}` cannot be used",
        why=why,
        fix="measure that machine again: hw calibrate",
    )
