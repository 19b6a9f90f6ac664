"""The trials of the harness by name: a mutant is sent to those that should notice it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.calls import kills
from tests.reliability.cases import Bench, Patch, change_nothing, new_bench
from tests.reliability.lake import BY_NAME, SUBJECTS, Subject
from tests.reliability.points import FAULTS, Fault
from tests.reliability.power import losses
from tests.reliability.scenarios import SCENARIOS

CALLS_TRIED = 40
"""System calls of each write at which it is killed when all points are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One thing that was tried.

    Attributes:
        name: What.
        found: What it violates; empty when all is well.
    """

    name: str
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of a trial is tried.

    Attributes:
        sample: Points or instants of each write; all when None.
        seed: Of which.
    """

    sample: int | None = None
    seed: int = 1


def faults(bench: Bench, fault: Fault, subject: Subject, extent: Extent) -> Iterator[Trial]:
    """Strike at points of a write."""
    cases = bench.cases(subject, fault)
    if extent.sample is not None and extent.sample < len(cases):
        dice = random.Random(f"{extent.seed} {fault} {subject.name}")  # noqa: S311
        cases = sorted(dice.sample(cases, extent.sample), key=lambda case: case.at)
    for case in cases:
        yield Trial(name=str(case), found=tuple(bench.run(case)))


def power(bench: Bench, subject: Subject, extent: Extent) -> Iterator[Trial]:
    """Lose the power at instants of a write."""
    for name, found in losses(bench, subject, extent.seed, extent.sample):
        yield Trial(name=name, found=tuple(found))


def system_calls(bench: Bench, subject: Subject, extent: Extent) -> Iterator[Trial]:
    """Kill a write at system calls."""
    for name, found in kills(bench, subject, extent.seed, extent.sample or CALLS_TRIED):
        yield Trial(name=name, found=tuple(found))


def scenarios(folder: Path, patch: Patch = change_nothing) -> Iterator[Trial]:
    """Play every scenario."""
    for scenario in SCENARIOS:
        yield Trial(name=scenario.name, found=tuple(scenario.run(folder / "scenario", patch)))


def everything(folder: Path, extent: Extent, patch: Patch = change_nothing) -> Iterator[Trial]:
    """Try everything but random kills."""
    bench = new_bench(folder, patch)
    yield from scenarios(folder, patch)
    for subject in SUBJECTS:
        for fault in FAULTS:
            yield from faults(bench, fault, subject, extent)
        yield from power(bench, subject, extent)


def named(folder: Path, where: str, extent: Extent, patch: Patch) -> Iterator[Trial]:
    """Try what a mutant names: ``power SUBJECT``, ``fault KIND SUBJECT`` or a scenario."""
    bench = new_bench(folder, patch)
    match where.split():
        case ["power", name]:
            yield from power(bench, BY_NAME[name], extent)
        case ["fault", kind, name]:
            fault = next(each for each in FAULTS if each == kind)
            yield from faults(bench, fault, BY_NAME[name], extent)
        case [name]:
            scenario = next(each for each in SCENARIOS if each.name == name)
            found = scenario.run(folder / "scenario", patch)
            yield Trial(name=name, found=tuple(found))
        case _:
            raise ValueError(where)
