"""The plan as one comment of a pull request: the head first, the rest folded away, never too long.

The same Plan as everywhere, as GitHub's Markdown. A hidden first line says whose comment it is, so
that the next run can replace it. What does not fit is counted and named, never dropped silently.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isclose

from headwater.base.diagnostics import Diagnostic
from headwater.base.markup import code, fenced, plain, prose, token
from headwater.base.units import (
    Estimate,
    format_bytes,
    format_dollars,
    format_seconds,
    sum_estimates,
)
from headwater.plan.labels import full_label
from headwater.plan.plan import Change, Effect, Hop, Impact, Plan
from headwater.plan.show import (
    Names,
    basis_of,
    compared_with,
    cost_rows,
    counted,
    difference,
    last_line,
    one_per_node,
    short_name,
    show_plan,
    summary_of,
    tells_by_dollars,
)

COMMENT_BYTES_MAX = 65_536
"""GitHub takes 65,536 characters; counted as UTF-8, so that every way of counting is kept."""

_NOTICE_BYTES = 600
"""Kept free for saying what did not fit."""

_WORDS: dict[Effect, str] = {"breaks": "**breaks**", "degrades": "degrades", "safe": "safe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A part of the comment whose rows may be left out from the end.

    Attributes:
        name: For the note that says what did not fit.
        head: Lines before the rows.
        rows: One line each.
        foot: Lines after the rows.
    """

    name: str
    rows: tuple[str, ...]
    head: tuple[str, ...] = ()
    foot: tuple[str, ...] = ("",)


def marker(plan: Plan) -> str:
    """Return the hidden line by which the comment is found again: one per project and target."""
    return f"<!-- headwater-plan {token(plan.project)}/{token(plan.target)} -->"


def show_comment(plan: Plan, *, bytes_max: int = COMMENT_BYTES_MAX) -> str:
    """Return the plan as Markdown for a pull request.

    Args:
        plan: The plan; one without steps, because the project has faults, shows those.
        bytes_max: Of the comment in UTF-8.
    """
    top = (marker(plan), *_head(plan), "")
    lines = list(top)
    room = bytes_max - _size(top) - _NOTICE_BYTES
    left_out: list[str] = []
    sections = tuple(_sections(plan))
    for section, share in zip(sections, _shares(sections, room), strict=True):
        shown = _fitting(section, share)
        if len(shown) < len(section.rows):
            left_out.append(f"{len(section.rows) - len(shown)} of {section.name}")
        if shown:
            lines += (*section.head, *shown, *section.foot)
    if left_out:
        said = "; ".join(left_out)
        lines.append(f"Left out, because a comment holds no more: {said}. {_elsewhere(plan)}")
    return "\n".join(lines).rstrip() + "\n"


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _shares(sections: Sequence[_Section], room: int) -> tuple[int, ...]:
    """Share bytes out: a section that needs less than the others leaves them what it does not."""
    wanted = [_size((*each.head, *each.rows, *each.foot)) for each in sections]
    shares = [0] * len(sections)
    smallest_first = sorted(range(len(sections)), key=wanted.__getitem__)
    for done, place in enumerate(smallest_first):
        shares[place] = min(wanted[place], room // (len(sections) - done))
        room -= shares[place]
    return tuple(shares)


def _fitting(section: _Section, room: int) -> tuple[str, ...]:
    room -= _size((*section.head, *section.foot))
    for index, row in enumerate(section.rows):
        room -= len(row.encode()) + 1
        if room < 0:
            return section.rows[:index]
    return section.rows


def _elsewhere(plan: Plan) -> str:
    revision = plan.base.partition(" ")[0]
    given = f" --base {revision}" if revision else ""
    return f"All of it: {code(f'hw plan{given} --output json')}"


def _head(plan: Plan) -> Iterator[str]:
    if not plan.is_compiled:
        yield f"### Headwater: no plan, {counted(plan.totals.errors, 'error')}"
        return
    text = last_line(plan)[0].text.removeprefix("Plan: ").rstrip(".")
    errors = plan.totals.errors
    blocked = f". Blocked: {counted(errors, 'error')}" if plan.is_blocked else ""
    yield f"### Headwater: {text}{blocked}"
    yield ""
    yield f"{plain(compared_with(plan))}."
    yield from _cost_head(plan)


def _cost_head(plan: Plan) -> Iterator[str]:
    """Say what the change costs from now on, in dollars a month or in CPU time a run."""
    total = plan.totals
    before, after = total.month_before, total.month_after
    if before.value is not None and after.value is not None:
        partly = "unknown" in {before.grade, after.grade}
        share = _share(before.value, after.value)
        # A sum of which parts are unknown may differ although what is known of it does not.
        change = "?" if partly and not share else plain(difference(before, after))
        yield ""
        yield (
            f"**Cost: {change} a month**{share}, "
            f"{_dollars(before)} before, {_dollars(after)} after ({plain(basis_of(after))})"
            f"{_budget(plan)}"
        )
        return
    changed = [change for change in plan.changes if change.sign != "-"]
    known = [each for each in changed if each.cost_after.cpu_seconds.value is not None]
    if not changed:
        return
    yield ""
    if not known:
        yield "**Cost: ?** (nothing that changes has run here, and no statistics are known)"
        return
    was = sum_estimates([each.cost_before.cpu_seconds for each in known if each.sign == "~"])
    will = sum_estimates([each.cost_after.cpu_seconds for each in known])
    unknown = len(changed) - len(known)
    more = f"; {counted(unknown, 'changed node')} not estimated" if unknown else ""
    now = _seconds(was) if any(each.sign == "~" for each in known) else "nothing"
    yield (
        f"**Cost of a run: {now} of CPU before, {_seconds(will)} after** "
        f"({plain(basis_of(will))}){more}"
    )


def _share(before: float, after: float) -> str:
    if not before or isclose(before, after):
        return ""
    return f" ({(after - before) / before * 100:+.0f} %)"


def _dollars(estimate: Estimate) -> str:
    return _partly(estimate) + plain(format_dollars(estimate.value))


def _seconds(estimate: Estimate) -> str:
    return _partly(estimate) + plain(format_seconds(estimate.value))


def _partly(estimate: Estimate) -> str:
    """Mark a sum of which some part is unknown."""
    is_known = estimate.value is not None
    return "at least " if is_known and estimate.grade == "unknown" else ""


def _budget(plan: Plan) -> str:
    if plan.totals.month_budget is None:
        return ""
    over = [each.code for each in plan.diagnostics if each.name == "over-budget"]
    return f"; budget {plain(format_dollars(plan.totals.month_budget))}" + "".join(
        f", {code(each)}" for each in over
    )


def _sections(plan: Plan) -> Iterator[_Section]:
    """Yield the parts in the order in which they get room: what matters most first."""
    names = {step.node: step.name for step in plan.steps}
    if not plan.is_compiled:
        rows = tuple(_finding_rows(plan.diagnostics))
        yield _Section(name=counted(len(rows), "finding"), rows=rows)
        return
    yield from _driver_section(plan, names)
    touched = one_per_node([each for each in plan.impact if each.effect != "safe"])
    broken = [each for each in touched if each.effect == "breaks"]
    yield from _impact_section(broken, "Breaks", names, folded=False)
    findings = [each for each in plan.diagnostics if each.severity != "info"]
    yield from _findings_section(findings)
    yield from _change_section(plan, names)
    yield from _impact_section([each for each in touched if each not in broken], "Degrades", names)
    yield from _cost_section(plan, names)
    yield _whole(plan)


def _folded(title: str) -> tuple[str, ...]:
    return (f"<details><summary>{title}</summary>", "")


_FOLD_END = ("", "</details>", "")


def _driver_section(plan: Plan, names: Names) -> Iterator[_Section]:
    rows = tuple(
        f"- {code(short_name(change.node, names))} "
        f"{'now full-scans' if driver.is_full_scan else 'reads more of'} "
        f"{code(driver.relation.name)}: {plain(format_bytes(driver.after.value))} a run, "
        f"{plain(format_bytes(driver.before.value))} before ({driver.after.grade})"
        for change in plan.changes
        for driver in change.drivers
    )
    if rows:
        yield _Section(name="drivers of cost", rows=rows)


def _impact_section(
    items: list[Impact], title: str, names: Names, *, folded: bool = True
) -> Iterator[_Section]:
    if not items:
        return
    what = f"{title}: {plain(summary_of(items)).replace('->', '&rarr;')}"
    head = _folded(what) if folded else (f"#### {what}", "")
    yield _Section(
        name=f"{len(items)} under {title}",
        head=(*head, "| | consumer | what changes for it | on the way |", "|---|---|---|---|"),
        rows=tuple(_impact_row(item, names) for item in items),
        foot=_FOLD_END if folded else ("",),
    )


def _impact_row(item: Impact, names: Names) -> str:
    tested = [short_name(node, names) for node in reversed(item.path)]
    label = full_label(item.node, short_name(item.node, names), tested)
    if item.column and "(" not in label:
        label = f"{label}.{item.column}"
    way = " &rarr; ".join(_hop(hop, names) for hop in item.hops)
    owner = f"<br>owner: {plain(item.owner)}" if item.owner else ""
    return f"| {_WORDS[item.effect]} | {code(label)}{owner} | {plain(item.change)} | {way} |"


def _hop(hop: Hop, names: Names) -> str:
    place = f"{hop.file}:{hop.line}" if hop.line else hop.file
    column = f".{hop.column}" if hop.column else ""
    name = code(f"{short_name(hop.node, names)}{column}")
    return f"{name} {plain(place)}" if place else name


def _findings_section(findings: list[Diagnostic]) -> Iterator[_Section]:
    if findings:
        rows = tuple(_finding_rows(findings))
        yield _Section(name="findings", head=("#### Is it safe?", ""), rows=rows)


def _finding_rows(findings: Iterable[Diagnostic]) -> Iterator[str]:
    for finding in findings:
        if finding.severity == "info":
            continue
        place = f" {plain(str(finding.where))}" if finding.where else ""
        row = f"- **{finding.severity}** {code(finding.code)} {prose(finding.what)}{place}"
        said = [f"<br>{word}: {prose(text)}" for word, text in _reasons(finding) if text]
        yield row + "".join(said)


def _reasons(finding: Diagnostic) -> tuple[tuple[str, str], ...]:
    return ("why", finding.why), ("fix", finding.fix)


def _change_section(plan: Plan, names: Names) -> Iterator[_Section]:
    if plan.changes:
        yield _Section(
            name=f"{len(plan.changes)} changes",
            head=(
                *_folded(f"Changes: {counted(len(plan.changes), 'node')}"),
                "| | node | change |",
                "|---|---|---|",
            ),
            rows=tuple(_change_row(change, names) for change in plan.changes),
            foot=_FOLD_END,
        )


def _change_row(change: Change, names: Names) -> str:
    text = "<br>".join(plain(line) for line in change.lines)
    mark = " **breaking**" if change.breaking else ""
    return f"| {code(change.sign)} | {code(short_name(change.node, names))} | {text}{mark} |"


def _cost_section(plan: Plan, names: Names) -> Iterator[_Section]:
    rows = tuple(
        f"| {code(row.name)} | {plain(row.now)} | {plain(row.after)} | {plain(row.apply)} "
        f"| {plain(row.basis)} |"
        for row in cost_rows(plan, names, in_dollars=tells_by_dollars(plan))
    )
    if rows:
        yield _Section(
            name=f"{len(rows)} costs",
            head=(
                *_folded(f"Costs: {counted(len(rows), 'step')}"),
                "| step | a run before | a run after | this plan | basis |",
                "|---|---:|---:|---:|---|",
            ),
            rows=rows,
            foot=_FOLD_END,
        )


def _whole(plan: Plan) -> _Section:
    """Return the plan as on a terminal."""
    lines = show_plan(plan)
    first, last = fenced(lines)
    return _Section(
        name=f"{len(lines)} lines of the whole plan",
        head=(*_folded("The whole plan, as on a terminal"), first),
        rows=lines,
        foot=(last, *_FOLD_END),
    )
