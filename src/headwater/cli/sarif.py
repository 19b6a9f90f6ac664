"""Findings as SARIF 2.1.0, which code hosts show beside the lines they are about.

The format is another's, so it is made here, at the rim, of the same diagnostics as everywhere. The
rules are our codes with their pages. OASIS, *Static Analysis Results Interchange Format (SARIF)
Version 2.1.0*; GitHub, *SARIF support for code scanning*.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from headwater import __version__
from headwater.base.codec import Json
from headwater.base.codes import find_code
from headwater.base.diagnostics import Diagnostic, Severity
from headwater.base.spans import Span
from headwater.cli.markdown import plain_text
from headwater.plan.plan import Hop, Plan

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
RESULTS_MAX = 25_000
"""GitHub refuses a run with more results."""
HELP_WIDTH = 100
"""Characters of a line of a code's page as text."""
WAYS_MAX = 20
"""How many ways from a change to what it breaks one result shows."""
PROJECT_FILE = "dbt_project.yml"
"""Where a finding is shown that is about no place: a code host refuses those without one."""

_LEVELS: Mapping[Severity, str] = MappingProxyType(
    {"error": "error", "warning": "warning", "info": "note"}
)
_GRAVEST: tuple[Severity, ...] = ("error", "warning", "info")
"""What is left out of a run that is too long are the least."""
_NAMES = re.compile(r"`([^`]+)`")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_LINK = re.compile(r"\[(?=[^\]\n]*\]\()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the project is, for paths that a code host can follow.

    Attributes:
        root: Folder of the project.
        top: Folder of its repository, or of the project without one.
    """

    root: Path
    top: Path

    @classmethod
    def of(cls, root: Path) -> "Place":
        """Look for the repository that a project is in."""
        root = root.resolve()
        top = next((each for each in (root, *root.parents) if (each / ".git").exists()), root)
        return cls(root=root, top=top)

    def uri(self, file: str) -> str:
        """Return a file's path from the top of the repository; the project's for those outside."""
        path = Path(os.path.normpath(self.root / file))
        if not path.is_relative_to(self.top):
            path = self.root / PROJECT_FILE
        return quote(path.relative_to(self.top).as_posix())


@dataclass(slots=True)
class _Rules:
    """The codes that results name, in the order in which they come."""

    numbers: list[str] = field(default_factory=list)

    def index_of(self, code: str) -> int:
        if code not in self.numbers:
            self.numbers.append(code)
        return self.numbers.index(code)


def sarif_of_plan(plan: Plan, root: Path) -> Mapping[str, Json]:
    """Return a plan's findings, with the ways from each change to what it breaks."""
    ways: dict[str, list[Sequence[Hop]]] = {}
    for item in plan.impact:
        if item.effect == "breaks" and item.hops:
            ways.setdefault(item.path[0], []).append(item.hops)
    return sarif_of(plan.diagnostics, root, verb="plan", ways=ways)


def sarif_of(
    diagnostics: Iterable[Diagnostic],
    root: Path,
    *,
    verb: str,
    ways: Mapping[str, Sequence[Sequence[Hop]]] = MappingProxyType({}),
) -> Mapping[str, Json]:
    """Return findings as a SARIF log of one run.

    Args:
        diagnostics: The findings.
        root: Folder of the project.
        verb: The command; a code host keeps the results of each apart.
        ways: Of the finding of a breaking change, by the node that changes: how it reaches each
            consumer.
    """
    place, rules = Place.of(root), _Rules()
    found = sorted(diagnostics, key=lambda each: _GRAVEST.index(each.severity))
    seen: Counter[str] = Counter()
    results = [
        _result(each, place, rules, seen=seen, ways=_ways_of(each, ways))
        for each in found[:RESULTS_MAX]
    ]
    run: dict[str, Json] = {
        "tool": {
            "driver": {
                "name": "Headwater",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(number) for number in rules.numbers],
            }
        },
        "automationDetails": {"id": _category(verb, place)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(len(found) - len(results))],
        "results": list(results),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _category(verb: str, place: Place) -> str:
    """Return what keeps the results of a command and a project apart from those of others."""
    folder = place.root.relative_to(place.top).as_posix()
    return f"headwater-{verb}/" + ("" if folder == "." else f"{quote(folder)}/")


def _ways_of(
    finding: Diagnostic, ways: Mapping[str, Sequence[Sequence[Hop]]]
) -> Sequence[Sequence[Hop]]:
    return ways.get(finding.node, ()) if finding.name == "breaking-change" else ()


def _invocation(left_out: int) -> Json:
    said: dict[str, Json] = {"executionSuccessful": True}
    if left_out:
        text = f"{left_out} more findings are left out: a run holds {RESULTS_MAX}"
        said["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    return said


def _rule(number: str) -> Json:
    code = find_code(number)
    page = plain_text(code.explain, width=HELP_WIDTH)
    return {
        "id": number,
        "name": code.name,
        "shortDescription": {"text": _literal(code.title)},
        "fullDescription": {"text": _literal(code.title)},
        "help": {"text": _literal("\n".join(page)), "markdown": code.explain.strip()},
    }


def _result(
    finding: Diagnostic,
    place: Place,
    rules: _Rules,
    *,
    seen: "Counter[str]",
    ways: Sequence[Sequence[Hop]],
) -> Json:
    print_ = fingerprint(finding)
    seen[print_] += 1
    said = [finding.what]
    said += [f"{word}: {text}" for word, text in _reasons(finding) if text]
    result: dict[str, Json] = {
        "ruleId": finding.code,
        "ruleIndex": rules.index_of(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": _literal("\n".join(said))},
        "locations": [{**_location(finding.where, place), **_logical(finding)}],
        "partialFingerprints": {"primaryLocationLineHash": f"{print_}:{seen[print_]}"},
    }
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": _literal(note)}, **_location(span, place)}
            for number, (span, note) in enumerate(finding.related, start=1)
        ]
    if ways:
        result["codeFlows"] = [_code_flow(way, place) for way in ways[:WAYS_MAX]]
    return result


def _reasons(finding: Diagnostic) -> tuple[tuple[str, str], ...]:
    return ("why", finding.why), ("fix", finding.fix)


def fingerprint(finding: Diagnostic) -> str:
    """Return what tells a finding from others of its code, wherever its line moves.

    Figures in its text may differ from run to run; the names in it do not.
    """
    names = _NAMES.findall(finding.what)
    file = finding.where.file if finding.where else ""
    text = "\0".join((finding.code, finding.node, file, *names))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _location(where: Span | None, place: Place) -> dict[str, Json]:
    region: dict[str, Json] = {"startLine": max(1, where.line) if where else 1}
    if where is not None:
        region["startColumn"] = max(1, where.column)
        if where.end_column is not None and where.end_column > where.column:
            region["endColumn"] = where.end_column
    return {
        "physicalLocation": {
            "artifactLocation": {
                "uri": place.uri(where.file if where else PROJECT_FILE),
                "uriBaseId": "%SRCROOT%",
            },
            "region": region,
        }
    }


def _logical(finding: Diagnostic) -> dict[str, Json]:
    if not finding.node:
        return {}
    return {"logicalLocations": [{"fullyQualifiedName": finding.node, "kind": "resource"}]}


def _code_flow(way: Sequence[Hop], place: Place) -> Json:
    locations: list[Json] = [
        {
            "location": {
                **_location(Span(file=hop.file or PROJECT_FILE, line=max(1, hop.line)), place),
                "message": {"text": _literal(f"{hop.node}.{hop.column}".rstrip("."))},
            }
        }
        for hop in way
    ]
    return {"threadFlows": [{"locations": locations}]}


def _literal(text: str) -> str:
    """Return text in which nothing is taken for a placeholder or a link (SARIF 3.11.5, 3.11.6)."""
    return _LINK.sub(r"\\[", _PLACEHOLDER.sub(r"{{\1}}", text))
