"""Tries the safety of the lake: ``python -m tests.reliability --kills 1000 --seed 1``.

Without options everything but random kills is tried at a sample of points. Prints what is violated
and a summary; ``--output`` keeps it as JSON. Ends with 1 when anything is violated.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.reliability.cases import new_bench
from tests.reliability.lake import BY_NAME, SUBJECTS
from tests.reliability.mutants import MUTANTS
from tests.reliability.points import FAULTS
from tests.reliability.soak import soak, upper_bound
from tests.reliability.trials import Extent, Trial, faults, named, power, scenarios, system_calls


def main() -> int:
    """Try what was asked for."""
    asked = _arguments()
    folder = Path(asked.folder or tempfile.mkdtemp(prefix="headwater-reliability-"))
    extent = Extent(sample=None if asked.all else asked.sample, seed=asked.seed)
    report: dict[str, Any] = {"seed": asked.seed, "sample": extent.sample}
    chosen = (asked.calls, asked.kills, asked.mutants, asked.faults, asked.power, asked.scenarios)
    is_default = not any(chosen)
    if asked.scenarios or is_default:
        report["scenarios"] = _counted("scenarios", scenarios(folder))
    subjects = [BY_NAME[name] for name in asked.subject] if asked.subject else list(SUBJECTS)
    bench = new_bench(folder)
    if asked.faults or is_default:
        wanted = [fault for fault in FAULTS if not asked.fault or fault in asked.fault]
        report["faults"] = {
            f"{subject.name} {fault}": _counted(
                f"{subject.name} {fault}", faults(bench, fault, subject, extent)
            )
            for subject in subjects
            for fault in wanted
        }
        report["points"] = {name: len(known.points) for name, known in bench.known.items()}
    if asked.power or is_default:
        report["power"] = {
            subject.name: _counted(f"power {subject.name}", power(bench, subject, extent))
            for subject in subjects
        }
    if asked.calls:
        report["calls"] = {
            subject.name: _counted(f"calls {subject.name}", system_calls(bench, subject, extent))
            for subject in subjects
        }
    if asked.kills:
        report["kills"] = _kills(folder, asked.kills, asked.seed, asked.seconds)
    if asked.mutants:
        report["mutants"] = _mutants(folder, extent)
    if asked.output:
        Path(asked.output).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    bad = _violations(report)
    print(f"violations: {bad}", flush=True)
    return 1 if bad else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--kills", type=int, default=0, help="random kills")
    parser.add_argument("--seconds", type=int, default=0, help="end random kills after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", action="store_true", help="faults at named points")
    parser.add_argument("--fault", action="append", choices=FAULTS, help="only this kind")
    parser.add_argument("--power", action="store_true", help="power losses")
    parser.add_argument("--calls", action="store_true", help="kills at system calls, by strace")
    parser.add_argument("--scenarios", action="store_true")
    parser.add_argument("--mutants", action="store_true", help="seeded bugs of safety")
    parser.add_argument("--subject", action="append", choices=list(BY_NAME), help="only this write")
    parser.add_argument("--sample", type=int, default=3, help="points of each write")
    parser.add_argument("--all", action="store_true", help="every point and instant")
    parser.add_argument("--folder", help="where; a temporary folder by default")
    parser.add_argument("--output", help="file for the figures, JSON")
    return parser.parse_args()


def _counted(title: str, trials: Iterable[Trial]) -> dict[str, Any]:
    began, count, bad = time.monotonic(), 0, []
    for trial in trials:
        count += 1
        if trial.found:
            bad.append(asdict(trial))
            print(f"VIOLATED {trial.name}", *trial.found, sep="\n    ", flush=True)
    took = round(time.monotonic() - began, 1)
    print(f"{title}: {count} tried, {len(bad)} violated, {took} s", flush=True)
    return {"tried": count, "violated": bad, "seconds": took}


def _kills(folder: Path, kills: int, seed: int, seconds: int) -> dict[str, Any]:
    began, done, recovery, bad = time.monotonic(), 0, [], []
    for kill in soak(folder / "soak", kills, seed):
        done += kill.was_killed
        recovery.append(kill.recovery_ms)
        if kill.found:
            bad.append(asdict(kill))
            print(f"VIOLATED kill {kill.number}", *kill.found, sep="\n    ", flush=True)
        if seconds and time.monotonic() - began > seconds:
            break
    recovery.sort()
    found = {
        "kills": done,
        "violated": bad,
        "seconds": round(time.monotonic() - began, 1),
        "share_below_95_percent": upper_bound(done),
        "recovery_ms_p50": recovery[len(recovery) // 2],
        "recovery_ms_p99": recovery[int(len(recovery) * 0.99)],
    }
    print("kills:", json.dumps({**found, "violated": len(bad)}), flush=True)
    return found


def _mutants(folder: Path, extent: Extent) -> dict[str, Any]:
    caught: dict[str, str] = {}
    survived = []
    for mutant in MUTANTS:
        where = next(
            (trial for trial in _trials_of(folder, mutant.where, extent, mutant.apply)), None
        )
        if where is None:
            survived.append(mutant.name)
            print(f"SURVIVED {mutant.name}", flush=True)
        else:
            caught[mutant.name] = f"{where.name}: {where.found[0]}"[:300]
            print(f"caught {mutant.name}: {caught[mutant.name]}", flush=True)
    print(f"mutants: {len(caught)} of {len(MUTANTS)} caught", flush=True)
    return {"tried": len(MUTANTS), "caught": caught, "survived": survived}


def _trials_of(
    folder: Path, places: tuple[str, ...], extent: Extent, patch: Any
) -> Iterable[Trial]:
    for place in places:
        yield from (trial for trial in named(folder, place, extent, patch) if trial.found)


def _violations(report: Any) -> int:
    if isinstance(report, dict):
        own = report.get("violated")
        return (len(own) if isinstance(own, list) else 0) + sum(
            _violations(part) for part in report.values() if isinstance(part, dict)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
