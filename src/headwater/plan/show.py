"""The plan as people read it: the same value as lines for a terminal, or as Markdown.

Nothing is shown that is not in the Plan. A line is a tuple of spans, each a text with a style's
name, so that a terminal may colour it and a file may not; the text alone says everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.units import (
    Estimate,
    format_bytes,
    format_dollars,
    format_seconds,
)
from headwater.plan.plan import Change, Cost, Impact, Plan, Skip, Step

Style = Literal["plain", "heading", "add", "change", "remove", "error", "warning", "dim"]
SIGNS = {"error": "x", "warning": "!", "info": "-"}
WIDTH_DEFAULT = 100
WIDTH_NARROW = 80
"""Below this many characters the basis goes on its own line, without the figure for now."""
CHAINS_MAX = 12
"""How many broken consumers are listed before the rest is counted."""
LINES_OF_CHANGE_MAX = 6
"""How many lines of one change are listed before the rest is counted."""
READS_MORE = 1.5
"""A change that reads this many times as much a run is said to."""


@dataclass(frozen=True, slots=True)
class StyledText:
    """A piece of a line.

    Attributes:
        text: The characters.
        style: What it is, for whoever colours it.
    """

    text: str
    style: Style = "plain"


StyledLine = tuple[StyledText, ...]


def show_plan(plan: Plan, *, width: int = WIDTH_DEFAULT) -> tuple[str, ...]:
    """Return the plan as plain lines; see ``style_plan``."""
    return tuple("".join(part.text for part in line).rstrip() for line in style_plan(plan, width))


def style_plan(plan: Plan, width: int = WIDTH_DEFAULT) -> tuple[StyledLine, ...]:
    """Return the plan as lines of styled pieces.

    Args:
        plan: The plan.
        width: Characters that a line may have; text of users is never cut, only laid out.
    """
    if plan.is_empty and not plan.changes and not plan.diagnostics:
        return (_line(f"Nothing to do: {_unchanged(plan)}. {_compared(plan)}"),)
    names = {step.node: step.name for step in plan.steps}
    nothing = (_line(f"Nothing to do: {_unchanged(plan)}."),) if plan.is_empty else ()
    return (
        _line(_compared(plan), "heading"),
        *nothing,
        *(line for change in plan.changes for line in _change_lines(change, names)),
        *_step_lines(plan, names),
        *_cost_lines(plan, names, width),
        *_break_lines(plan, names),
        *_safe_lines(plan, width),
        _last_line(plan),
    )


def _line(text: str, style: Style = "plain") -> StyledLine:
    return (StyledText(text, style),)


def _compared(plan: Plan) -> str:
    if not plan.compared_with:
        return f"Compared with nothing: {plan.target} has not been built yet"
    return f"Compared with {plan.target} @ {plan.compared_with}"


def short_name(node: NodeId, names: dict[NodeId, str]) -> str:
    """Return a node's name for people: the name of its step, or the id's third part."""
    if node in names:
        return names[node]
    parts = node.split(".")
    return parts[2] if len(parts) > 2 else node  # noqa: PLR2004 - type.package.name


def _style_of(sign: str) -> Style:
    match sign:
        case "+":
            return "add"
        case "-":
            return "remove"
        case _:
            return "change"


def _change_lines(change: Change, names: dict[NodeId, str]) -> Iterator[StyledLine]:
    style = _style_of(change.sign)
    name = short_name(change.node, names)
    kind = "test " if change.node.startswith("test.") else ""
    shown = change.lines[:LINES_OF_CHANGE_MAX]
    more = len(change.lines) - len(shown)
    for index, text in enumerate((*shown, *([f"and {more} more"] if more else []))):
        head = f"{change.sign} {kind}{name}" if index == 0 else ""
        tail = "    breaking" if change.breaking and index == 0 else ""
        yield (
            StyledText(f"{head:<22} ", style),
            StyledText(text),
            StyledText(tail, "error"),
        )


def _step_lines(plan: Plan, names: dict[NodeId, str]) -> Iterator[StyledLine]:
    """Say why steps run whose own definition has not changed."""
    told = {change.node for change in plan.changes if change.sign in {"+", "~"}}
    others = [
        step
        for step in plan.steps
        if not isinstance(step, Skip) and step.resource_type != "test" and step.node not in told
    ]
    for step in others:
        name = short_name(step.node, names)
        yield (
            StyledText(f"{'* ' + name:<22} ", "change"),
            StyledText(f"{step.action}: {step.reason}"),
        )
    tests = sum(step.action == "test" for step in plan.steps)
    if tests:
        yield (StyledText(f"{'* tests':<22} ", "change"), StyledText(f"{tests} to run"))


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the cost table."""

    name: str
    now: str
    after: str
    apply: str
    basis: str
    style: Style


def _cost_lines(plan: Plan, names: dict[NodeId, str], width: int) -> Iterator[StyledLine]:
    rows = [*_cost_rows(plan, names)]
    if not rows:
        return
    total = plan.totals
    is_priced = total.cost.dollars.value is not None
    rows.append(_Row("total", "", "", _amount(total.cost), _basis(_leading(total.cost)), "heading"))
    if is_priced and total.month_after.value is not None:
        rows.append(
            _Row(
                "total / month",
                _money(total.month_before),
                _money(total.month_after),
                _difference(total.month_before, total.month_after),
                _basis(total.month_after),
                "heading",
            )
        )
    yield from _table(rows, width)
    yield from _driver_lines(plan, names)
    if total.not_estimated:
        count = total.not_estimated
        yield _line(f"  {count} step{'s' if count > 1 else ''} not estimated", "dim")


def _cost_rows(plan: Plan, names: dict[NodeId, str]) -> Iterator[_Row]:
    changes = {change.node: change for change in plan.changes}
    tests: list[Step] = []
    for step in plan.steps:
        if isinstance(step, Skip) or step.kind == "view":
            continue
        if step.resource_type == "test":
            tests.append(step)
            continue
        change = changes.get(step.node)
        sign = change.sign if change is not None else "*"
        after = _amount(change.cost_after) if change is not None else ""
        now = _amount(change.cost_before) if change is not None and sign == "~" else ""
        yield _Row(
            f"{sign} {short_name(step.node, names)}",
            "-" if sign == "+" else now,
            after,
            _amount(step.cost),
            _basis(_leading(step.cost)),
            _style_of(sign),
        )
    if tests:
        yield _tests_row(tests)


def _tests_row(tests: list[Step]) -> _Row:
    seconds = [step.cost.cpu_seconds.value for step in tests]
    dollars = [step.cost.dollars.value for step in tests]
    known = [value for value in seconds if value is not None]
    priced = [value for value in dollars if value is not None]
    amount = "?"
    if priced:
        amount = format_dollars(sum(priced))
    elif known:
        amount = format_seconds(sum(known))
    unknown = len(tests) - len(known)
    basis = f"{unknown} of {len(tests)} unknown" if unknown else _counted(len(tests), "test")
    return _Row("* tests", "", "", amount, basis, "change")


def _leading(cost: Cost) -> Estimate:
    """Return the quantity that a cost is shown by."""
    return cost.cpu_seconds if cost.dollars.value is None else cost.dollars


def _amount(cost: Cost) -> str:
    if cost.dollars.value is not None:
        return _money(cost.dollars)
    return _at_least(cost.cpu_seconds) + format_seconds(cost.cpu_seconds.value)


def _money(estimate: Estimate) -> str:
    return _at_least(estimate) + format_dollars(estimate.value)


def _at_least(estimate: Estimate) -> str:
    """Mark a sum of which some part is unknown."""
    return ">=" if estimate.grade == "unknown" and estimate.value is not None else ""


def _difference(before: Estimate, after: Estimate) -> str:
    if before.value is None or after.value is None:
        return "?"
    change = after.value - before.value
    return f"{'+' if change >= 0 else '-'}{format_dollars(abs(change))}"


def _basis(estimate: Estimate) -> str:
    """Say how a number is known, and how far it may be off."""
    match estimate.grade:
        case "unknown":
            return "unknown in part" if estimate.value is not None else "unknown"
        case "measured":
            return f"measured x{estimate.runs}{_spread(estimate)}"
        case "exact":
            return "exact"
        case _:
            return f"{estimate.grade}{_spread(estimate)}"


def _spread(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    if estimate.grade == "bound":
        return ""
    if not estimate.value:
        return ""
    ratio = estimate.high / estimate.value
    if ratio <= 1.6:  # noqa: PLR2004 - beyond it a factor reads better than a percentage
        return f", +-{(ratio - 1) * 100:.0f} %"
    return f", x{ratio:.2g}"


def _table(rows: list[_Row], width: int) -> Iterator[StyledLine]:
    wide = width >= WIDTH_NARROW
    name_width = max(16, *(len(row.name) for row in rows)) + 2
    head = f"{'COST':<{name_width + 2}}"
    if wide:
        head += f"{'now/run':>12}{'after/run':>12}"
    yield _line(head + f"{'this apply':>12}   basis", "heading")
    for row in rows:
        text = f"{row.now:>12}{row.after:>12}" if wide else ""
        yield (
            StyledText(f"  {row.name:<{name_width}}", row.style),
            StyledText(f"{text}{row.apply:>12}"),
            StyledText(f"   {row.basis}", "dim"),
        )


def _driver_lines(plan: Plan, names: dict[NodeId, str]) -> Iterator[StyledLine]:
    """Say what reads much more than it did."""
    for change in plan.changes:
        before, after = change.cost_before.bytes_read, change.cost_after.bytes_read
        if not before.value or not after.value or after.value < before.value * READS_MORE:
            continue
        yield _line(
            f"  driver: {short_name(change.node, names)} reads {format_bytes(after.value)} a run "
            f"({after.grade}), was {format_bytes(before.value)} ({before.grade})"
        )


def _break_lines(plan: Plan, names: dict[NodeId, str]) -> Iterator[StyledLine]:
    touched = [item for item in plan.impact if item.effect != "safe"]
    broken = [item for item in touched if item.effect == "breaks"]
    if not touched:
        return
    yield (
        StyledText("BREAKS  " if broken else "CHANGES ", "heading"),
        StyledText(_summary(broken or touched)),
    )
    listed = _one_per_node(touched)
    for item in listed[:CHAINS_MAX]:
        sign, style = ("x", "error") if item.effect == "breaks" else ("~", "warning")
        column = f".{item.column}" if item.column else ""
        way = " -> ".join(short_name(node, names) for node in item.path)
        yield (
            StyledText(f"  {sign} ", "error" if style == "error" else "warning"),
            StyledText(f"{short_name(item.node, names)}{column}: {item.change}"),
            StyledText(f"    {way}{_place(item)}", "dim"),
        )
    rest = len(listed) - CHAINS_MAX
    if rest > 0:
        yield _line(f"  and {rest} more", "dim")


def _place(item: Impact) -> str:
    last = item.hops[-1] if item.hops else None
    if last is None or not last.file:
        return ""
    return f"  {last.file}:{last.line}" if last.line else f"  {last.file}"


def _one_per_node(items: list[Impact]) -> list[Impact]:
    """Keep each consumer once per effect and cause, where it is first touched."""
    kept: dict[tuple[str, str, str], Impact] = {}
    for item in items:
        kept.setdefault((item.node, item.effect, item.change), item)
    return list(kept.values())


def _summary(items: list[Impact]) -> str:
    """Count columns and consumers by kind: ``6 columns -> 4 models -> 2 exposures``."""
    columns = {(item.path[0], item.hops[0].column) for item in items if item.hops[0].column}
    kinds: dict[str, set[str]] = {}
    for item in items:
        kinds.setdefault(item.node.split(".")[0], set()).add(item.node)
    parts = [_counted(len(columns), "column")] if columns else []
    order = ["model", "snapshot", "test", "semantic_model", "metric", "saved_query", "exposure"]
    parts += [_counted(len(kinds[kind]), kind.replace("_", " ")) for kind in order if kind in kinds]
    return " -> ".join(parts)


def _counted(count: int, noun: str) -> str:
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count} {noun if count == 1 else many}"


def _safe_lines(plan: Plan, width: int) -> Iterator[StyledLine]:
    safe = [item for item in plan.impact if item.effect == "safe" and item.column]
    if not plan.diagnostics and not safe:
        return
    yield _line("SAFE", "heading")
    for finding in plan.diagnostics:
        yield from _finding_lines(finding, width)
    added = len(safe)
    if added:
        text = f"{_counted(added, 'column')} added or widened"
        yield (StyledText("  + ", "add"), StyledText(text))


def _finding_lines(finding: Diagnostic, width: int) -> Iterator[StyledLine]:
    style: Style = "plain" if finding.severity == "info" else finding.severity
    head = f"{finding.what}"
    yield (
        StyledText(f"  {SIGNS[finding.severity]} ", style),
        StyledText(head),
        StyledText(f"    {finding.code}" if len(head) < width else f"  {finding.code}", "dim"),
    )
    for label, text in (("why", finding.why), ("fix", finding.fix)):
        if text and finding.severity != "info":
            yield _line(f"      {label}: {text}", "dim")


def _unchanged(plan: Plan) -> str:
    return f"{plan.totals.skip} unchanged"


def _last_line(plan: Plan) -> StyledLine:
    total = plan.totals
    parts = [f"{total.add} to add", f"{total.rebuild + total.incremental} to change"]
    if total.test:
        parts.append(_counted(total.test, "test") + " to run")
    text = f"Plan: {', '.join(parts)}, {_unchanged(plan)}."
    if not plan.is_blocked:
        return _line(text, "heading")
    first = next(finding for finding in plan.diagnostics if finding.severity == "error")
    return (
        StyledText(text, "heading"),
        StyledText(f" Blocked: {_counted(total.errors, 'error')}.", "error"),
        StyledText(f"   hw explain {first.code}", "dim"),
    )


def show_markdown(plan: Plan) -> str:
    """Return the plan as Markdown for a pull request: the head first, the rest folded away."""
    names = {step.node: step.name for step in plan.steps}
    total = plan.totals
    head = "".join(part.text for part in _last_line(plan))
    lines = [f"### {head}", ""]
    if total.month_after.value is not None and total.month_before.value is not None:
        change = _difference(total.month_before, total.month_after)
        lines += [f"**{change} a month** ({_basis(total.month_after)})", ""]
    lines += _markdown_changes(plan, names)
    for finding in plan.diagnostics:
        if finding.severity != "info":
            lines.append(f"- **{finding.severity}** `{finding.code}` {finding.what}")
            lines += [f"  - {text}" for text in (finding.why, finding.fix) if text]
    lines += ["", "<details><summary>The whole plan</summary>", "", "```text"]
    lines += [line.replace("```", "'''") for line in show_plan(plan)]
    lines += ["```", "", "</details>", ""]
    return "\n".join(lines)


def _markdown_changes(plan: Plan, names: dict[NodeId, str]) -> list[str]:
    if not plan.changes:
        return []
    lines = ["| | node | change |", "|---|---|---|"]
    for change in plan.changes:
        text = "; ".join(change.lines).replace("|", "\\|")
        mark = " **breaking**" if change.breaking else ""
        lines.append(f"| `{change.sign}` | `{short_name(change.node, names)}` | {text}{mark} |")
    return [*lines, ""]
