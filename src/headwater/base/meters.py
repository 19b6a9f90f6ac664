"""What a statement really used, measured; quantities only, never money."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Measured quantities of one or more statements.

    Attributes:
        cpu_seconds: User and system time of the threads that did the work, by the OS clock.
        wall_seconds: Elapsed time.
        bytes_read: Bytes read from storage, as the engine counted them; None when it cannot tell.
        logical_bytes: Bytes that the columns and row groups that were read take in their files, as
            the files' own statistics have it: the same whatever a cache held or a reader fetched
            beside them. None when some part of them is not known.
        bytes_written: Bytes of the data files written.
        rows_read: Rows that left the scans; None when the engine cannot tell.
        rows_written: Rows in the data files written.
        peak_memory_bytes: Highest use of the engine's memory; None when it cannot tell.
        spilled_bytes: Highest use of the engine's temporary files; None when it cannot tell.
        statements: How many statements are added up here.
    """

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    bytes_read: int | None = None
    logical_bytes: int | None = 0
    bytes_written: int = 0
    rows_read: int | None = None
    rows_written: int = 0
    peak_memory_bytes: int | None = None
    spilled_bytes: int | None = None
    statements: int = 0

    def __add__(self, other: "Meter") -> "Meter":
        return Meter(
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            wall_seconds=self.wall_seconds + other.wall_seconds,
            bytes_read=_sum(self.bytes_read, other.bytes_read),
            logical_bytes=_known_sum(self.logical_bytes, other.logical_bytes),
            bytes_written=self.bytes_written + other.bytes_written,
            rows_read=_sum(self.rows_read, other.rows_read),
            rows_written=self.rows_written + other.rows_written,
            peak_memory_bytes=_highest(self.peak_memory_bytes, other.peak_memory_bytes),
            spilled_bytes=_highest(self.spilled_bytes, other.spilled_bytes),
            statements=self.statements + other.statements,
        )


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _known_sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _highest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
