"""Scores frozen predictions by what was measured afterwards: pure arithmetic over two files a step.

It is apart from the runs so that the same files can be scored again, and other predictions of the
same runs too.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

CPU_SECONDS_MIN = 1e-3
"""Nodes that take less than this are not scored by themselves: the clock and the machine's noise
are of that size. They count in the totals."""
BYTES_MIN = 4096
"""Likewise for bytes."""
ABOUT = {"within_5_percent": 0.05, "within_15_percent": 0.15}

Found = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One prediction beside what was measured.

    Attributes:
        group: ``unchanged``, ``changed`` or ``never run``, and whether it is a test.
        quantity: What was predicted.
        estimate: As frozen: value, low, high, grade.
        actual: What was measured.
    """

    group: str
    quantity: str
    estimate: Mapping[str, Any]
    actual: float

    @property
    def q_error(self) -> float:
        """How many times too large or too small the prediction was; 1 is exact."""
        floor = CPU_SECONDS_MIN / 10 if self.quantity == "cpu_seconds" else 1.0
        one, other = max(self.estimate["value"], floor), max(self.actual, floor)
        return max(one / other, other / one)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def score(steps: Sequence[Found]) -> Found:
    """Return every figure of the steps, which are in order."""
    pairs, unknown, plans = list[Pair](), 0, list[Found]()
    seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for step in steps:
        if step["kind"] == "repeat":
            _remember(step, seen)
            continue
        found, missed = _pairs_of(step, seen)
        pairs += found
        unknown += missed
        plans.append(_plan_of(step, seen))
        _remember(step, seen)
    return {
        "predictions": len(pairs),
        "unknown": unknown,
        "cpu_seconds": _by_group(pairs, "cpu_seconds"),
        "rows": _by_group(pairs, "rows"),
        "bytes_read": _by_group(pairs, "bytes_read"),
        "bytes_written": _by_group(pairs, "bytes_written"),
        "bounds": _bounds(pairs),
        "logical_bytes": _exactness(pairs),
        "coverage": _coverage(pairs),
        "totals": _totals(plans),
        "noise_floor": _noise(steps),
    }


def _mode(action: str) -> str:
    return "full" if action in {"add", "rebuild"} else action


def _key(project: str, node: str) -> str:
    return f"{project}/{node}"


def _remember(step: Found, seen: dict[str, set[tuple[str, str]]]) -> None:
    for node, measured in step["measured"]["nodes"].items():
        if measured["status"] in {"success", "pass", "warn", "fail"}:
            predicted = step["predicted"]["nodes"][node]
            key = (predicted["fingerprint"], _mode(predicted["action"]))
            seen[_key(step["project"], node)].add(key)


def _class(step: Found, node: str, seen: Mapping[str, set[tuple[str, str]]]) -> str:
    predicted = step["predicted"]["nodes"][node]
    known = seen.get(_key(step["project"], node), set())
    if (predicted["fingerprint"], _mode(predicted["action"])) in known:
        return "unchanged"
    return "changed" if known else "never run"


def _done(step: Found) -> Iterable[tuple[str, Found, Found]]:
    """Yield the nodes that did what was planned, views left out: they only keep a text."""
    for node, measured in step["measured"]["nodes"].items():
        predicted = step["predicted"]["nodes"][node]
        ended = measured["status"] in {"success", "pass", "warn", "fail"}
        if ended and predicted["kind"] not in {"view", "skip"}:
            yield node, predicted, measured


def _pairs_of(step: Found, seen: Mapping[str, set[tuple[str, str]]]) -> tuple[list[Pair], int]:
    pairs, unknown = list[Pair](), 0
    for node, predicted, measured in _done(step):
        is_test = predicted["kind"] == "test"
        group = f"{_class(step, node, seen)}, {'tests' if is_test else 'builds'}"
        for quantity in ("cpu_seconds", "rows", "bytes_read", "bytes_written"):
            actual, estimate = measured.get(quantity), predicted["cost"].get(quantity)
            if actual is None or (is_test and quantity != "cpu_seconds"):
                continue
            if estimate is None or estimate["value"] is None:
                unknown += estimate is not None
                continue
            pairs.append(Pair(group=group, quantity=quantity, estimate=estimate, actual=actual))
    return pairs, unknown


def _exactness(pairs: Sequence[Pair]) -> Found:
    """Say how often the bytes of stored tables were foretold to the byte, and never too few."""
    known = [
        pair
        for pair in pairs
        if pair.quantity == "bytes_read" and pair.estimate["grade"] in {"exact", "bound"}
    ]
    right = sum(pair.estimate["value"] == pair.actual for pair in known)
    above = sum(pair.actual > pair.estimate["high"] for pair in known)
    share = right / len(known) if known else None
    return {"statements": len(known), "exact_share": share, "above_the_bound": above}


def _is_counted(pair: Pair) -> bool:
    least = {"cpu_seconds": CPU_SECONDS_MIN, "rows": 0.0}.get(pair.quantity, BYTES_MIN)
    return pair.actual >= least


def _by_group(pairs: Sequence[Pair], quantity: str) -> Found:
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.quantity == quantity:
            groups[pair.group].append(pair)
    return {group: _errors(found) for group, found in sorted(groups.items())}


def _errors(pairs: Sequence[Pair]) -> Found:
    errors = [pair.q_error for pair in pairs if _is_counted(pair)]
    amount = sum(pair.actual for pair in pairs)
    missed = sum(abs(pair.estimate["value"] - pair.actual) for pair in pairs)
    return {
        "n": len(errors),
        "median": round(median(errors), 4) if errors else None,
        "p90": round(quantile(errors, 0.9), 4) if errors else None,
        "weighted_error": round(missed / amount, 4) if amount else None,
    }


def _bounds(pairs: Sequence[Pair]) -> Found:
    """Count values above what was said to be an upper bound, and exact ones that were not."""
    proved = [pair for pair in pairs if pair.estimate["grade"] in {"exact", "bound"}]
    rows = [pair for pair in proved if pair.quantity == "rows"]
    return {
        "rows_proved": len(rows),
        "rows_above": sum(
            pair.estimate["high"] is not None and pair.actual > pair.estimate["high"]
            for pair in rows
        ),
        "rows_below": sum(pair.actual < (pair.estimate["low"] or 0) for pair in rows),
    }


def _coverage(pairs: Sequence[Pair]) -> Found:
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if _is_counted(pair) and pair.quantity in {"cpu_seconds", "rows"}:
            groups[f"{pair.quantity}, {pair.estimate['grade']}"].append(pair)
            groups[f"{pair.quantity}, all"].append(pair)
    return {group: _covered(found) for group, found in sorted(groups.items())}


def _covered(pairs: Sequence[Pair]) -> Found:
    inside = sum(
        (pair.estimate["low"] or 0) <= pair.actual
        and (pair.estimate["high"] is None or pair.actual <= pair.estimate["high"])
        for pair in pairs
    )
    widths = [
        pair.estimate["high"] / pair.estimate["low"]
        for pair in pairs
        if pair.estimate["high"] and pair.estimate["low"]
    ]
    width = round(median(widths), 3) if widths else None
    return {"n": len(pairs), "covered": round(inside / len(pairs), 4), "high_to_low": width}


def _plan_of(step: Found, seen: Mapping[str, set[tuple[str, str]]]) -> Found:
    """Add up what was predicted and what was measured of the nodes that ended well."""
    done = list(_done(step))
    known = [each for each in done if each[1]["cost"]["cpu_seconds"]["value"] is not None]
    classes = {_class(step, node, seen) for node, _, _ in done}
    total = step["predicted"]["total"]["cpu_seconds"]
    is_whole = len(known) == len(step["measured"]["nodes"])
    return {
        "is_unchanged": classes <= {"unchanged"},
        "is_first": classes <= {"never run"},
        "predicted": sum(each[1]["cost"]["cpu_seconds"]["value"] for each in known),
        "measured": sum(each[2]["cpu_seconds"] for each in known),
        "total": total if is_whole else None,
        "wall": (step["predicted"]["total"].get("wall_seconds"), step["measured"]["wall_seconds"]),
    }


def _totals(plans: Sequence[Found]) -> Found:
    kinds = {
        "unchanged plans": [plan for plan in plans if plan["is_unchanged"]],
        "plans with changes": [p for p in plans if not p["is_unchanged"] and not p["is_first"]],
    }
    return {kind: _total_errors(found) for kind, found in kinds.items() if found}


def _total_errors(plans: Sequence[Found]) -> Found:
    ratios = [plan["predicted"] / plan["measured"] for plan in plans if plan["measured"]]
    shares = {
        name: round(sum(abs(ratio - 1) <= limit for ratio in ratios) / len(ratios), 4)
        for name, limit in ABOUT.items()
    }
    errors = [max(ratio, 1 / ratio) for ratio in ratios if ratio > 0]
    walls = [
        max(one["value"] / other, other / one["value"])
        for one, other in (plan["wall"] for plan in plans)
        if one is not None and one["value"] and other
    ]
    whole = [plan for plan in plans if plan["total"] is not None and plan["total"]["low"]]
    inside = sum(
        plan["total"]["low"] <= plan["measured"] <= (plan["total"]["high"] or math.inf)
        for plan in whole
    )
    return {
        "n": len(ratios),
        "median": round(median(errors), 4),
        "p90": round(quantile(errors, 0.9), 4),
        **shares,
        "covered": round(inside / len(whole), 4) if whole else None,
        "wall_median": round(median(walls), 4) if walls else None,
    }


def _noise(steps: Sequence[Found]) -> Found:
    """Compare runs of the same work on the same inputs: no prediction can be better."""
    builds, tests, totals = list[float](), list[float](), list[float]()
    repeats = [step for step in steps if step["kind"] == "repeat"]
    for one, other in zip(repeats[::2], repeats[1::2], strict=False):
        before = {node: measured for node, _, measured in _done(one)}
        sums = [0.0, 0.0]
        for node, predicted, measured in _done(other):
            if node not in before:
                continue
            first, second = before[node]["cpu_seconds"], measured["cpu_seconds"]
            sums = [sums[0] + first, sums[1] + second]
            if min(first, second) >= CPU_SECONDS_MIN:
                ratio = max(first / second, second / first)
                (tests if predicted["kind"] == "test" else builds).append(ratio)
        if min(sums) > 0:
            totals.append(max(sums[0] / sums[1], sums[1] / sums[0]))
    named = {"builds": builds, "tests": tests, "totals": totals}
    return {
        name: {
            "n": len(found),
            "median": round(median(found), 4),
            "p90": round(quantile(found, 0.9), 4),
        }
        for name, found in named.items()
        if found
    }
