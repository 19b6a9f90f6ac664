"""One fault at one point of one write: what becomes of the lake, and of the next try."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.children import Ended, in_child
from tests.reliability.invariants import Undisturbed, digest, operations_of, violations
from tests.reliability.lake import Subject, opened, rows_or_none
from tests.reliability.points import Fault, Points
from tests.runs.world import relation

from headwater.base.errors import HeadwaterError

Patch = Callable[[], None]


def change_nothing() -> None:
    """Leave the product as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault at one point of one write."""

    subject: Subject
    fault: Fault
    at: int
    point: str

    def __str__(self) -> str:
        return f"{self.subject.name}: {self.fault} at {self.at} ({self.point})"


@dataclass(slots=True, kw_only=True)
class Bench:
    """Where cases are tried: one folder, brought to the state before each.

    Attributes:
        folder: The lake of every case: records hold absolute paths, so it never moves.
        images: The states before, by subject.
        patch: What each child does first: a bug that is put into the product.
        known: Writes as they are undisturbed.
    """

    folder: Path
    images: Path
    patch: Patch = change_nothing
    known: dict[str, Undisturbed] = field(default_factory=dict)

    def prepare(self, subject: Subject) -> Undisturbed:
        """Make the state before a write, and learn what the write does undisturbed."""
        if subject.name in self.known:
            return self.known[subject.name]
        self._empty()
        image = self.images / subject.name
        if not image.exists():
            _must(in_child(lambda: _prepare(self.folder, subject)), f"preparing {subject.name}")
            shutil.copytree(self.folder, image)
        self.reset(subject)
        ended = _must(in_child(lambda: _learn(self.folder, subject)), f"undisturbed {subject.name}")
        found: Undisturbed = ended.value
        self.known[subject.name] = found
        return found

    def reset(self, subject: Subject) -> None:
        """Bring the folder to the state before a write."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.images / subject.name, self.folder)

    def cases(self, subject: Subject, fault: Fault) -> list[Case]:
        """Return every point of a write as a case."""
        points = self.prepare(subject).points
        return [
            Case(subject=subject, fault=fault, at=at, point=point)
            for at, point in enumerate(points)
            # Nothing of the product runs where a node tells how far it is, so nothing fails there.
            if fault in {"kill", "hang"} or not point.startswith("node ")
        ]

    def run(self, case: Case) -> list[str]:
        """Try a case; return what it violates."""
        known = self.prepare(case.subject)
        self.reset(case.subject)
        seen: list[str] = []

        def act() -> str:
            self.patch()
            return act_once(self.folder, case.subject, Points(at=case.at, fault=case.fault))

        def look() -> None:
            seen.extend(self._beside(case.subject, known))

        ended = in_child(act, look if case.fault == "hang" else None)
        said = "killed" if ended.how == "killed" else str(ended.value)
        if ended.how == "raised":
            seen.append(f"an error of another kind leaked: {ended.value}")
            said = "failed"
        if case.fault == "kill" and ended.how != "killed":
            seen.append(f"the point was not reached: {case.point}")
        return [*seen, *self.check(case.subject, said)]

    def check(self, subject: Subject, said: str, *, lost_records: bool = False) -> list[str]:
        """Check the lake as it is now against every invariant."""
        known = self.known[subject.name]

        def look() -> list[str]:
            self.patch()
            return violations(self.folder, subject, known, said, lost_records=lost_records)

        ended = in_child(look)
        if ended.how != "returned":
            return [f"I8: the next command died: {ended.value}"]
        found: list[str] = ended.value
        return found

    def _beside(self, subject: Subject, known: Undisturbed) -> list[str]:
        """Read and write beside a writer that has stopped."""

        def look() -> list[str]:
            self.patch()
            with opened(self.folder) as context:
                now = digest(rows_or_none(context, subject.name))
                found = [] if now in known.states else [f"I1: readers beside it see {now}"]
                try:
                    subject.act(context)
                except HeadwaterError as error:
                    is_told = error.code in {"workspace-busy", "commit-conflict"}
                    return found if is_told else [*found, f"I5: beside it: {error.code}"]
                now = digest(rows_or_none(context, subject.name))
                return found if now == known.goal else [*found, f"I5: beside it: {now}"]

        ended = in_child(look)
        return ended.value if ended.how == "returned" else [f"beside it: {ended.value}"]

    def _empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.images.mkdir(parents=True, exist_ok=True)


def act_once(folder: Path, subject: Subject, points: Points | None) -> str:
    """Do a write and say how it went, as a user is told: ``done`` or ``failed``."""
    with opened(folder, points) as context:
        try:
            return "done" if subject.act(context) else "failed"
        except HeadwaterError:
            return "failed"


def _prepare(folder: Path, subject: Subject) -> None:
    with opened(folder) as context:
        subject.prepare(context)


def _learn(folder: Path, subject: Subject) -> Undisturbed:
    points = Points()
    with opened(folder, points) as context:
        table = context.tables.table(relation(subject.name))
        old = table.version_or_none()
        before = digest(rows_or_none(context, subject.name))
        assert subject.act(context), f"{subject.name} fails undisturbed"
        passed = tuple(points.passed)
        now = table.snapshot().version
        first = now if subject.name == "vacuum" else -1 if old is None else old
        states = [digest(rows_or_none(context, subject.name, v)) for v in range(first + 1, now + 1)]
        return Undisturbed(
            states=(before, *states) if states else (before,),
            operations=operations_of(table),
            points=passed,
        )


def _must(ended: Ended, what: str) -> Ended:
    if ended.how != "returned":
        message = f"{what}: {ended.how} {ended.value}"
        raise RuntimeError(message)
    return ended


def new_bench(folder: Path, patch: Patch = change_nothing) -> Bench:
    """Return a bench in a folder, which may hold the images of another."""
    os.environ.setdefault("PYTHONHASHSEED", "0")
    return Bench(folder=folder / "case", images=folder / "images", patch=patch)
