"""Ages of sources in the shape of dbt's: what ``source freshness`` gives to a program."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.dbt.records import Record
from headwater.dbt.results import find_entry
from headwater.runs.freshness import SourceAge, SourceAges


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFreshnessResult:
    """How old one source is.

    Attributes:
        status: ``pass``, ``warn``, ``error`` or ``runtime error``.
        node: The source's entry in the manifest.
        max_loaded_at: When its newest row was loaded; None when it could not be measured.
        snapshotted_at: When it was asked; likewise.
        age: Seconds between the two; likewise.
        message: Why it could not be measured; None when it could.
        execution_time: Seconds.
        thread_id: Worker that asked.
    """

    status: str
    node: Record
    max_loaded_at: datetime | None
    snapshotted_at: datetime | None
    age: float | None
    message: str | None
    execution_time: float
    thread_id: str

    @property
    def unique_id(self) -> str:
        """The unique_id of the source."""
        return str(self.node.unique_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessResult:
    """What ``source freshness`` measured; also a sequence of its results.

    Attributes:
        results: One for each source that has a rule, by unique_id.
        elapsed_time: Seconds of the whole command.
    """

    results: tuple[SourceFreshnessResult, ...]
    elapsed_time: float

    def __iter__(self) -> Iterator[SourceFreshnessResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> SourceFreshnessResult:
        return self.results[index]


def make_freshness_result(ages: SourceAges, manifest: Mapping[str, Any]) -> FreshnessResult:
    """Make dbt's result of measured ages."""
    return FreshnessResult(
        results=tuple(_result(age, manifest) for age in ages.results),
        elapsed_time=_seconds(ages.started_at, ages.finished_at),
    )


def _result(age: SourceAge, manifest: Mapping[str, Any]) -> SourceFreshnessResult:
    return SourceFreshnessResult(
        status=age.status,
        node=Record(find_entry(manifest, age.node)),
        max_loaded_at=_time_or_none(age.max_loaded_at),
        snapshotted_at=_time_or_none(age.snapshotted_at),
        age=age.age_seconds,
        message=age.message or None,
        execution_time=_seconds(age.started_at, age.finished_at),
        thread_id=age.thread,
    )


def _time_or_none(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _seconds(started: str, finished: str) -> float:
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
