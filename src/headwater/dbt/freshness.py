"""Ages of sources in the shape of dbt's: what ``source freshness`` gives to a program."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.dbt.records import Record
from headwater.dbt.results import find_entry
from headwater.runs.freshness import SourceAge, SourceAges


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSourceFreshnessResult:
    """A source that could not be measured; as in dbt it has no times at all.

    Attributes:
        status: ``pass``, ``warn``, ``error`` or ``runtime error``.
        node: The source's entry in the manifest.
        message: Why it could not be measured; None when it could.
        execution_time: Seconds.
        thread_id: Worker that asked.
    """

    status: str
    node: Record
    message: str | None
    execution_time: float
    thread_id: str

    @property
    def unique_id(self) -> str:
        """The unique_id of the source."""
        return str(self.node.unique_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFreshnessResult(PartialSourceFreshnessResult):
    """How old one source is.

    Attributes:
        max_loaded_at: When its newest row was loaded.
        snapshotted_at: When it was asked.
        age: Seconds between the two.
    """

    max_loaded_at: datetime
    snapshotted_at: datetime
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessResult:
    """What ``source freshness`` measured; also a sequence of its results.

    Attributes:
        results: One for each source that has a rule, by unique_id.
        elapsed_time: Seconds of the whole command.
    """

    results: Sequence[PartialSourceFreshnessResult]
    elapsed_time: float

    def __iter__(self) -> Iterator[PartialSourceFreshnessResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> PartialSourceFreshnessResult:
        return self.results[index]


def make_freshness_result(ages: SourceAges, manifest: Mapping[str, Any]) -> FreshnessResult:
    """Make dbt's result of measured ages."""
    return FreshnessResult(
        results=[_result(age, manifest) for age in ages.results],
        elapsed_time=_seconds(ages.started_at, ages.finished_at),
    )


def _result(age: SourceAge, manifest: Mapping[str, Any]) -> PartialSourceFreshnessResult:
    known: dict[str, Any] = {
        "status": age.status,
        "node": Record(find_entry(manifest, age.node)),
        "message": age.message or None,
        "execution_time": _seconds(age.started_at, age.finished_at),
        "thread_id": age.thread,
    }
    if age.age_seconds is None:
        return PartialSourceFreshnessResult(**known)
    return SourceFreshnessResult(
        max_loaded_at=datetime.fromisoformat(age.max_loaded_at),
        snapshotted_at=datetime.fromisoformat(age.snapshotted_at),
        age=age.age_seconds,
        **known,
    )


def _seconds(started: str, finished: str) -> float:
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
