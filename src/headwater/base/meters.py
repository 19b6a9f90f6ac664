"""What a statement really used, measured; quantities only, never money."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Measured quantities of one or more statements.

    Attributes:
        cpu_seconds: User and system time of the threads that did the work, by the OS clock.
        wall_seconds: Elapsed time.
        bytes_read: Bytes read from storage, as the engine counted them; None when it cannot tell.
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
    bytes_written: int = 0
    rows_read: int | None = None
    rows_written: int = 0
    peak_memory_bytes: int | None = None
    spilled_bytes: int | None = None
    statements: int = 0

    def __add__(self, other: "Meter") -> "Meter":
        peaks = {"peak_memory_bytes", "spilled_bytes"}
        values = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if mine is None or theirs is None:
                values[field.name] = theirs if mine is None else mine
            else:
                values[field.name] = max(mine, theirs) if field.name in peaks else mine + theirs
        return Meter(**values)
