"""The plan as people read it: the value as lines for a terminal; ``plan.comment`` has Markdown.

Nothing is shown that is not in the Plan. A line is a tuple of spans, each a text with a style's
name, so that a terminal may colour it and a file may not; the text alone says everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from textwrap import wrap
from typing import Literal, get_args

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.markup import visible
from headwater.base.units import (
    Estimate,
    format_bytes,
    format_dollars,
    format_seconds,
    sum_estimates,
)
from headwater.plan.labels import full_label, short_label
from headwater.plan.plan import Change, Cost, Effect, Impact, MachineBill, Plan, RunTest, Skip, Step
from headwater.plan.show_packages import package_lines
from headwater.plan.show_upkeep import upkeep_lines
from headwater.plan.state import ConsumerKind
from headwater.plan.writes import macro_line, written_line

Style = Literal["plain", "heading", "add", "change", "remove", "error", "warning", "dim"]
_SIGN_OF_EFFECT: dict[Effect, tuple[str, Style]] = {
    "breaks": ("x", "error"),
    "degrades": ("~", "warning"),
    "safe": ("+", "add"),
}
_KINDS_FIRST = ("model", "snapshot", "test", "unit_test")
SIGNS = {"error": "x", "warning": "!", "info": "-"}
WIDTH_DEFAULT = 100
WIDTH_NARROW = 80
"""Below this many characters the basis goes on its own line, without the figure for now."""
CHAINS_MAX = 12
"""How many broken consumers are listed before the rest is counted."""
TESTS_NAMED_MAX = 3
"""How many changed tests are named before the rest is counted."""
LINES_OF_CHANGE_MAX = 6
"""How many lines of one change are listed before the rest is counted."""
HOOK_LINES_MAX = 2
"""How many lines of a hook's SQL are shown; the plan's document has all of it."""
NAME_WIDTH_MIN = 22
NAME_WIDTH_MAX = 40
WRAP_MIN = 30
DOLLARS_MIN = 0.0001
"""Smaller amounts are shown as less than this."""
DOLLARS_TELLING = 0.01
"""Below this nothing in the columns would be told apart by its dollars: CPU time is shown."""


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
Names = dict[NodeId, str]


def show_plan(plan: Plan, *, width: int = WIDTH_DEFAULT) -> tuple[str, ...]:
    """Return the plan as plain lines; see ``style_plan``."""
    return tuple("".join(part.text for part in line).rstrip() for line in style_plan(plan, width))


def style_plan(plan: Plan, width: int = WIDTH_DEFAULT) -> tuple[StyledLine, ...]:
    """Return the plan as lines of styled pieces.

    Args:
        plan: The plan.
        width: Characters that a line may have; text of users is never cut, only laid out. Signs of
            it that cannot be seen, such as those that steer a terminal, are written as escapes.
    """
    return tuple(
        tuple(StyledText(visible(part.text), part.style) for part in line)
        for line in _lines(plan, width)
    )


def _lines(plan: Plan, width: int) -> tuple[StyledLine, ...]:
    telling = [finding for finding in plan.diagnostics if finding.severity != "info"]
    if plan.is_empty and not plan.changes and not telling:
        return (
            _line(f"Nothing to do: {_unchanged(plan)}. {compared_with(plan)}"),
            *_upkeep_lines(plan, width),
        )
    names = {step.node: step.name for step in plan.steps}
    nothing = (_line(f"Nothing to do: {_unchanged(plan)}."),) if plan.is_empty else ()
    return (
        _line(compared_with(plan), "heading"),
        *_head_lines(plan, names, width),
        *nothing,
        *_package_lines(plan, width),
        *_hook_lines(plan, width),
        *_cost_lines(plan, names, width),
        *_upkeep_lines(plan, width),
        *_break_lines(plan, names, width),
        *_safe_lines(plan, width),
        last_line(plan),
    )


def _line(text: str, style: Style = "plain") -> StyledLine:
    return (StyledText(text, style),)


def compared_with(plan: Plan) -> str:
    """Say in a sentence without its end what the plan compares the project with."""
    if plan.base:
        return f"Compared with {plan.base}"
    if not plan.compared_with:
        return f"Compared with nothing: {plan.target} has not been built yet"
    return f"Compared with {plan.target} @ {plan.compared_with}"


def short_name(node: NodeId, names: Names) -> str:
    """Return a node's name for people: the name of its step, or the id's third part."""
    if node in names:
        return names[node]
    parts = node.split(".")
    if parts[1:2] == ["consumer"]:
        return ".".join(parts[2:])
    return parts[2] if len(parts) > 2 else node  # noqa: PLR2004 - type.package.name


def _style_of(sign: str) -> Style:
    match sign:
        case "+":
            return "add"
        case "-":
            return "remove"
        case _:
            return "change"


def _package_lines(plan: Plan, width: int) -> Iterator[StyledLine]:
    """Show what the packages do besides their models."""
    for text in package_lines(plan):
        first, *rest = _wrapped(text, width - 2)
        yield _line(f"  {first}", _style_of(text[0]) if text[0] in "+~" else "dim")
        for further in rest:
            yield _line(f"      {further}", "dim")


def _upkeep_lines(plan: Plan, width: int) -> Iterator[StyledLine]:
    for text in upkeep_lines(plan.upkeep):
        first, *rest = _wrapped(text, width - 2)
        yield _line(f"  {first}", "dim")
        for further in rest:
            yield _line(f"          {further}", "dim")


def _hook_lines(plan: Plan, width: int) -> Iterator[StyledLine]:
    """Show what runs before and after the steps, in the order in which it runs."""
    for moment, hooks in (("start", plan.on_run_start), ("end", plan.on_run_end)):
        for hook in hooks:
            written = written_line(hook.writes)
            nothing = "(its macros do the work)" if written else "(nothing until there are results)"
            sql = " ".join(hook.sql.split()) or nothing
            text = f"on run {moment}  {hook.name}: {sql}"
            first, *rest = _wrapped(text, width - 2)[:HOOK_LINES_MAX]
            yield _line(f"  {first}", "dim")
            for further in rest:
                yield _line(f"      {further}", "dim")
            if written:
                yield _line(f"      {written}", "change")
    for step in plan.steps:
        if isinstance(step, Skip | RunTest):
            continue
        if step.target.macro:
            yield _line(f"  {step.name}: {macro_line(step.target.macro)}", "change")
        for moment, writes in (
            ("before", step.target.pre_writes),
            ("after", step.target.post_writes),
        ):
            if written := written_line(writes):
                yield _line(f"  hooks {moment} {step.name}: {written}", "change")


def _head_lines(plan: Plan, names: Names, width: int) -> Iterator[StyledLine]:
    """Say what differs, and why steps run whose own definition does not."""
    rows = [
        row
        for change in plan.changes
        if not _is_test(change)
        for row in _change_rows(change, names)
    ]
    rows += _test_rows([change for change in plan.changes if _is_test(change)], names)
    told = {change.node for change in plan.changes if change.sign in {"+", "~"}}
    rows += [
        _Head(f"* {short_name(step.node, names)}", f"{step.action}: {step.reason}", "change")
        for step in plan.steps
        if not isinstance(step, Skip | RunTest) and step.node not in told
    ]
    tests = sum(step.action == "test" for step in plan.steps)
    if tests:
        made = sum(isinstance(step, RunTest) and bool(step.macro) for step in plan.steps)
        by_macros = f"; {made} by macros, what these write: unknown ?" if made else ""
        rows.append(_Head("* tests", f"{tests} to run{by_macros}", "change"))
    longest = max((len(row.name) for row in rows), default=0)
    margin = min(NAME_WIDTH_MAX, max(NAME_WIDTH_MIN, longest)) + 1
    for row in rows:
        yield from _head_row(row, margin, width)


@dataclass(frozen=True, slots=True)
class _Head:
    """One row of the head: a node and what is said of it."""

    name: str
    text: str
    style: Style
    is_breaking: bool = False


def _is_test(change: Change) -> bool:
    return change.node.startswith(("test.", "unit_test."))


def _test_rows(changes: list[Change], names: Names) -> Iterator[_Head]:
    """Fold the changed tests into one row for each sign; a single one is told like a model."""
    for sign, word in (("~", "changed"), ("-", "left the project")):
        found = [change for change in changes if change.sign == sign]
        if len(found) == 1:
            yield from _change_rows(found[0], names, kind="test ")
        elif found:
            tested = [short_name(change.node, names) for change in found[:TESTS_NAMED_MAX]]
            more = len(found) - len(tested)
            text = f"{word}: {', '.join(tested)}{f' and {more} more' if more else ''}"
            yield _Head(f"{sign} {len(found)} tests", text, _style_of(found[0].sign))


def _change_rows(change: Change, names: Names, kind: str = "") -> Iterator[_Head]:
    style = _style_of(change.sign)
    shown = change.lines[:LINES_OF_CHANGE_MAX]
    more = len(change.lines) - len(shown)
    for index, text in enumerate((*shown, *([f"and {more} more"] if more else []))):
        name = f"{change.sign} {kind}{short_name(change.node, names)}" if index == 0 else ""
        yield _Head(name, text, style, is_breaking=change.breaking and index == 0)


def _head_row(row: _Head, margin: int, width: int) -> Iterator[StyledLine]:
    first, *rest = _wrapped(row.text, width - margin)
    mark = StyledText("    breaking" if row.is_breaking else "", "error")
    yield (StyledText(f"{row.name:<{margin}}", row.style), StyledText(first), mark)
    for text in rest:
        yield _line(" " * margin + text)


def _wrapped(text: str, width: int) -> list[str]:
    """Lay text out in lines; words longer than a line are left whole."""
    return wrap(text, max(WRAP_MIN, width), break_long_words=False, break_on_hyphens=False) or [""]


@dataclass(frozen=True, slots=True)
class CostRow:
    """One row of the cost table, as text.

    Attributes:
        name: Sign and short name.
        now: What a run of the deployed version uses.
        after: What a regular run will use.
        apply: What the step of this plan uses.
        basis: How that is known.
        style: Of the name.
    """

    name: str
    now: str
    after: str
    apply: str
    basis: str
    style: Style


def _cost_lines(plan: Plan, names: Names, width: int) -> Iterator[StyledLine]:
    in_dollars = tells_by_dollars(plan)
    rows = [*cost_rows(plan, names, in_dollars=in_dollars)]
    if not rows:
        return
    total = plan.totals
    amount = amount_of(total.cost, in_dollars=in_dollars)
    if not in_dollars and total.cost.dollars.value is not None:
        amount = f"{amount} CPU, {_at_least(total.cost.dollars)}" + format_dollars(
            total.cost.dollars.value
        )
    basis = basis_of(total.cost.cpu_seconds) + _wall(plan)
    rows.append(CostRow("total", "", "", amount, basis, "heading"))
    if total.machine is not None and total.machine.billed.value is not None:
        rows.append(_machine_row(total.machine))
    if total.cost.dollars.value is not None and total.month_after.value is not None:
        rows.append(_month_row(plan))
    yield from _table(rows, width)
    yield from _driver_lines(plan, names)
    if total.not_estimated:
        count = total.not_estimated
        yield _line(f"  {count} step{'s' if count > 1 else ''} not estimated", "dim")


def _wall(plan: Plan) -> str:
    """Say how long the plan takes; nothing where that is not known."""
    wall, threads = plan.totals.wall_seconds, plan.totals.threads
    if not wall.value:
        return ""
    return f"; about {format_seconds(wall.value)} on {counted(threads, 'thread')}"


def _machine_row(bill: MachineBill) -> CostRow:
    """Say what the machine is billed that is started for the run, and for what beside its work."""
    parts = (("idle", bill.idle), ("start", bill.startup), ("minimum", bill.minimum))
    beside = [f"{name} {format_dollars(part.value)}" for name, part in parts if part.value]
    basis = "; ".join(filter(None, (basis_of(bill.billed), ", ".join(beside))))
    return CostRow("machine", "", "", format_dollars(bill.billed.value), basis, "heading")


def _month_row(plan: Plan) -> CostRow:
    total = plan.totals
    budget = ""
    if total.month_budget is not None:
        over = [finding for finding in plan.diagnostics if finding.name == "over-budget"]
        marks = "".join(f"  {SIGNS[finding.severity]} {finding.code}" for finding in over)
        budget = f", budget {format_dollars(total.month_budget)}{marks}"
    return CostRow(
        "total / month",
        _month(total.month_before),
        _month(total.month_after),
        difference(total.month_before, total.month_after),
        basis_of(total.month_after) + budget,
        "heading",
    )


def tells_by_dollars(plan: Plan) -> bool:
    """Say whether dollars are large enough to tell the rows apart."""
    costs = [plan.totals.cost]
    costs += [cost for change in plan.changes for cost in (change.cost_before, change.cost_after)]
    return any((cost.dollars.value or 0.0) >= DOLLARS_TELLING for cost in costs)


def cost_rows(plan: Plan, names: Names, *, in_dollars: bool) -> Iterator[CostRow]:
    """Yield a row for each step that costs something; tests are one row."""
    changes = {change.node: change for change in plan.changes}
    tests: list[Step] = []
    for step in plan.steps:
        if isinstance(step, Skip) or step.kind == "view":
            continue
        if isinstance(step, RunTest):
            tests.append(step)
            continue
        change = changes.get(step.node)
        sign = change.sign if change is not None else "*"
        after = amount_of(change.cost_after, in_dollars=in_dollars) if change is not None else ""
        now = ""
        if change is not None and sign == "~":
            now = amount_of(change.cost_before, in_dollars=in_dollars)
        yield CostRow(
            f"{sign} {short_name(step.node, names)}",
            "-" if sign == "+" else now,
            after,
            amount_of(step.cost, in_dollars=in_dollars),
            basis_of(step.cost.cpu_seconds),
            _style_of(sign),
        )
    if tests:
        yield _tests_row(tests, in_dollars=in_dollars)


def _tests_row(tests: list[Step], *, in_dollars: bool) -> CostRow:
    seconds = sum_estimates([step.cost.cpu_seconds for step in tests])
    dollars = sum_estimates([step.cost.dollars for step in tests])
    amount = amount_of(Cost(cpu_seconds=seconds, dollars=dollars), in_dollars=in_dollars)
    unknown = sum(step.cost.cpu_seconds.value is None for step in tests)
    basis = f"{unknown} of {len(tests)} unknown" if unknown else counted(len(tests), "test")
    return CostRow("* tests", "", "", amount, basis, "change")


def amount_of(cost: Cost, *, in_dollars: bool) -> str:
    """Write a cost in dollars, or as CPU time."""
    if in_dollars and cost.dollars.value is not None:
        return _money(cost.dollars)
    return _at_least(cost.cpu_seconds) + format_seconds(cost.cpu_seconds.value)


def _money(estimate: Estimate) -> str:
    if estimate.value is not None and 0 < estimate.value < DOLLARS_MIN:
        return f"<{format_dollars(DOLLARS_MIN)}"
    return _month(estimate)


def _month(estimate: Estimate) -> str:
    return _at_least(estimate) + format_dollars(estimate.value)


def _at_least(estimate: Estimate) -> str:
    """Mark a sum of which some part is unknown."""
    return ">=" if estimate.grade == "unknown" and estimate.value is not None else ""


def difference(before: Estimate, after: Estimate) -> str:
    """Write how much more the second amount of dollars is than the first."""
    if before.value is None or after.value is None:
        return "?"
    change = after.value - before.value
    if isclose(before.value, after.value):
        return format_dollars(0)
    return f"{'+' if change >= 0 else '-'}{format_dollars(abs(change))}"


def basis_of(estimate: Estimate) -> str:
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


def _table(rows: list[CostRow], width: int) -> Iterator[StyledLine]:
    wide = width >= WIDTH_NARROW
    name_width = max(16, *(len(row.name) for row in rows)) + 2
    head = f"{'COST':<{name_width + 2}}"
    if wide:
        head += f"{'now/run':>12}{'after/run':>12}"
    yield _line(head + f"{'this apply':>12}   basis", "heading")
    for row in rows:
        before = f"{row.now:>12}{row.after:>12}"
        # A total has no figures for now and after, and may write over their columns.
        text = f"{before}{row.apply:>12}" if before.strip() else f"{row.apply:>36}"
        yield (
            StyledText(f"  {row.name:<{name_width}}", row.style),
            StyledText(text if wide else f"{row.apply:>12}"),
            StyledText(f"   {row.basis}", "dim"),
        )


def _driver_lines(plan: Plan, names: Names) -> Iterator[StyledLine]:
    """Say which input is read much more than it was."""
    for change in plan.changes:
        for driver in change.drivers:
            how = "now full-scans" if driver.is_full_scan else "reads more of"
            was = f"was {format_bytes(driver.before.value)}"
            if not driver.before.value:
                how, was = "now reads", "was not read"
            yield _line(
                f"  driver: {short_name(change.node, names)} {how} {driver.relation.name} "
                f"({format_bytes(driver.after.value)}, {was}; {driver.after.grade})"
            )


def _break_lines(plan: Plan, names: Names, width: int) -> Iterator[StyledLine]:
    touched = [item for item in plan.impact if item.effect != "safe"]
    broken = [item for item in touched if item.effect == "breaks"]
    if not touched:
        return
    yield (
        StyledText("BREAKS  " if broken else "CHANGES ", "heading"),
        StyledText(summary_of(broken or touched)),
    )
    listed = one_per_node(touched)
    for item in listed[:CHAINS_MAX]:
        yield from _touched_lines(item, names, width)
    rest = len(listed) - CHAINS_MAX
    if rest > 0:
        yield _line(f"  and {rest} more", "dim")


def _touched_lines(item: Impact, names: Names, width: int) -> Iterator[StyledLine]:
    sign, style = _SIGN_OF_EFFECT[item.effect]
    column = f".{item.column}" if item.column else ""
    tested = [short_name(node, names) for node in reversed(item.path)]
    label = full_label(item.node, short_name(item.node, names), tested)
    owner = f"  owner: {item.owner}" if item.owner else ""
    text = f"{label}{'' if '(' in label else column}: {item.change}{owner}"
    way = " -> ".join(short_label(node, short_name(node, names), tested) for node in item.path)
    way += _place(item)
    head = (StyledText(f"  {sign} ", style), StyledText(text))
    if len(text) + len(way) + 8 <= width:
        yield (*head, StyledText(f"    {way}", "dim"))
        return
    yield head
    for part in _wrapped(way, width - 6):
        yield _line(f"      {part}", "dim")


def _place(item: Impact) -> str:
    last = item.hops[-1] if item.hops else None
    if last is None or not last.file:
        return ""
    return f"  {last.file}:{last.line}" if last.line else f"  {last.file}"


def one_per_node(items: list[Impact]) -> list[Impact]:
    """Keep each consumer once per effect and cause, where it is first touched."""
    kept: dict[tuple[str, str, str], Impact] = {}
    for item in items:
        kept.setdefault((item.node, item.effect, item.change), item)
    return list(kept.values())


def summary_of(items: list[Impact]) -> str:
    """Count columns and consumers by kind: ``6 columns -> 4 models -> 2 exposures``."""
    columns = {(item.path[0], item.hops[0].column) for item in items if item.hops[0].column}
    kinds: dict[str, set[str]] = {}
    for item in items:
        kinds.setdefault(item.node.split(".")[0], set()).add(item.node)
    parts = [counted(len(columns), "column")] if columns else []
    order = [
        "model",
        "snapshot",
        "test",
        "unit_test",
        "semantic_model",
        "metric",
        "saved_query",
        "exposure",
        *get_args(ConsumerKind),
    ]
    parts += [counted(len(kinds[kind]), kind.replace("_", " ")) for kind in order if kind in kinds]
    return " -> ".join(parts)


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``1 model``, ``2 models``."""
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
        text = f"{counted(added, 'column')} added or widened"
        yield (StyledText("  + ", "add"), StyledText(text))


def _finding_lines(finding: Diagnostic, width: int) -> Iterator[StyledLine]:
    style: Style = "plain" if finding.severity == "info" else finding.severity
    lines = _wrapped(finding.what, width - len(finding.code) - 8)
    for index, text in enumerate(lines):
        code = f"    {finding.code}" if index == len(lines) - 1 else ""
        sign = f"  {SIGNS[finding.severity]} " if index == 0 else "    "
        yield (StyledText(sign, style), StyledText(text), StyledText(code, "dim"))
    for label, text in (("why", finding.why), ("fix", finding.fix)):
        if text and (finding.severity != "info" or label == "why"):
            first, *rest = _wrapped(text, width - 11)
            yield _line(f"      {label}: {first}", "dim")
            for further in rest:
                yield _line(f"           {further}", "dim")


def _unchanged(plan: Plan) -> str:
    return f"{plan.totals.skip} unchanged"


def last_line(plan: Plan) -> StyledLine:
    """Return the line that counts what would be done, and says what blocks it."""
    total = plan.totals
    parts = [f"{total.add} to add", f"{total.rebuild + total.incremental} to change"]
    if total.test:
        parts.append(counted(total.test, "test") + " to run")
    text = f"Plan: {', '.join(parts)}, {_unchanged(plan)}."
    if not plan.is_blocked:
        return _line(text, "heading")
    first = next(finding for finding in plan.diagnostics if finding.severity == "error")
    return (
        StyledText(text, "heading"),
        StyledText(f" Blocked: {counted(total.errors, 'error')}.", "error"),
        StyledText(f"   hw explain {first.code}", "dim"),
    )
