"""Measures how old sources are (``hw source freshness``), several at once.

A source is as old as its newest row, by a column or a query that it names; without either, as old
as the last commit that changed its table, which costs no query.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json, to_builtins
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError, InternalError, Invalid, NotFound, Unavailable
from headwater.base.ids import NodeId
from headwater.engines.engine import FileSource
from headwater.graph.freshness import ask_age_or_none
from headwater.graph.graph import Lookup, LookupTable
from headwater.graph.references import resolve_references
from headwater.graph.resolve import Resolution
from headwater.jinja.functions import DBT_VERSION
from headwater.lake.snapshot import Snapshot
from headwater.project.freshness import Freshness, read_freshness
from headwater.project.node import Node
from headwater.project.project import Project
from headwater.runs.context import Context
from headwater.runs.pins import local_files, read_relation_or_none

SCHEMA_URL = "https://schemas.getdbt.com/dbt/sources/v3.json"
COMMITS_MAX = 100
"""How many commits are looked back over for one that changed rows."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""When a table without rows was loaded, as dbt has it."""

AgeStatus = Literal["pass", "warn", "error", "runtime error"]
OpenLookup = Callable[[], AbstractContextManager[Lookup]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAge:
    """How old one source is.

    Attributes:
        node: dbt's unique_id.
        name: ``source.table``.
        status: dbt's word; ``runtime error`` when it could not be measured.
        measured_by: What told: a column, a query, the table's last commit, its newest file.
        max_loaded_at: ISO 8601 UTC time of the newest row; empty when it could not be measured.
        snapshotted_at: When it was asked, likewise.
        age_seconds: The time between the two; None when it could not be measured.
        criteria: The rule, as in the manifest.
        message: Why it could not be measured; empty when it could.
        started_at: ISO 8601 UTC time.
        finished_at: Likewise.
        thread: Worker that asked.
        diagnostic: The fault, with its code, when there was one.
        is_transient: True when it may be measured later without any change.
    """

    node: NodeId
    name: str
    status: AgeStatus
    measured_by: Literal["column", "query", "commit", "file"]
    max_loaded_at: str
    snapshotted_at: str
    age_seconds: float | None
    criteria: Mapping[str, Json]
    message: str
    started_at: str
    finished_at: str
    thread: str
    diagnostic: Diagnostic | None = None
    is_transient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAges:
    """How old the sources of a project are.

    Attributes:
        results: One for each selected source that has a rule, by unique_id.
        started_at: ISO 8601 UTC time.
        finished_at: Likewise.
        file: dbt's sources.json as written; empty when it was not.
        diagnostics: Findings.
        schema: Name and version of this document.
    """

    results: tuple[SourceAge, ...]
    started_at: str
    finished_at: str
    file: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    schema: Literal["headwater.freshness/1"] = "headwater.freshness/1"

    @property
    def exit_code(self) -> int:
        """0 when all are fresh enough, 1 when one is not, 4 when only the world failed."""
        failed = [each for each in self.results if each.status in {"error", "runtime error"}]
        if not failed:
            return 0
        return 4 if all(each.is_transient for each in failed) else 1


def measure_ages(
    project: Project, chosen: Iterable[NodeId], context: Context, open_lookup: OpenLookup
) -> SourceAges:
    """Measure the chosen sources that have a rule.

    Args:
        project: The project as read.
        chosen: unique_ids; those of other nodes are left out.
        context: The world, with the project's sources.
        open_lookup: Opens what answers one source's query.
    """
    started = context.now()
    nodes = [project.nodes[key] for key in sorted(chosen)]
    wanted = [node for node in nodes if node.resource_type == "source" and _rule(node).is_asked]
    work = _Measuring(project, resolve_references(project), context, open_lookup)
    with ThreadPoolExecutor(context.threads, thread_name_prefix="Thread") as pool:
        results = tuple(pool.map(work.measure, wanted))
    return SourceAges(
        results=results,
        started_at=started,
        finished_at=context.now(),
        diagnostics=tuple(_unused_filter(node) for node in wanted if _leaves_filter(node)),
    )


def make_sources_document(ages: SourceAges, facts: ArtifactFacts) -> dict[str, Json]:
    """Return dbt's sources.json (schema v3)."""
    return {
        "metadata": {
            "dbt_schema_version": SCHEMA_URL,
            "dbt_version": DBT_VERSION,
            "generated_at": facts.generated_at,
            "invocation_id": facts.invocation_id,
            "invocation_started_at": ages.started_at,
            "env": dict(facts.environment),
        },
        "results": [_entry(each) for each in ages.results],
        "elapsed_time": _seconds(ages.started_at, ages.finished_at),
    }


def _entry(age: SourceAge) -> dict[str, Json]:
    if age.status == "runtime error":
        return {"unique_id": age.node, "error": age.message, "status": age.status}
    steps: list[Json] = [
        {"name": name, "started_at": age.started_at, "completed_at": end}
        for name, end in (("compile", age.started_at), ("execute", age.finished_at))
    ]
    asked = age.measured_by in {"column", "query"}
    return {
        "unique_id": age.node,
        "max_loaded_at": age.max_loaded_at,
        "snapshotted_at": age.snapshotted_at,
        "max_loaded_at_time_ago_in_s": age.age_seconds,
        "status": age.status,
        "criteria": dict(age.criteria),
        "adapter_response": {"_message": "SELECT 1", "code": "SELECT", "rows_affected": 1}
        if asked
        else {},
        "timing": steps,
        "thread_id": age.thread,
        "execution_time": _seconds(age.started_at, age.finished_at),
    }


class _Measuring:
    """One command's look at sources; its methods run on workers."""

    def __init__(
        self, project: Project, found: Resolution, context: Context, open_lookup: OpenLookup
    ) -> None:
        self._project = project
        self._found = found
        self._context = context
        self._open_lookup = open_lookup

    def measure(self, node: Node) -> SourceAge:
        """Measure one source; what goes wrong is its result."""
        started = self._context.now()
        try:
            loaded, now = self._ask(node)
        except HeadwaterError as error:
            return self._failed(node, started, error)
        except Exception as error:  # noqa: BLE001 - one source must not take the others along
            crash = InternalError(
                "node-crashed",
                f"Headwater failed while it measured `{node.name}`",
                why=f"{type(error).__name__}: {error}",
                fix="please report this with the message",
            )
            return self._failed(node, started, crash)
        age = (now - loaded).total_seconds()
        return self._result(
            node,
            started,
            status=_status(_rule(node), age),
            max_loaded_at=loaded.isoformat(),
            snapshotted_at=now.isoformat(),
            age_seconds=age,
        )

    def _failed(self, node: Node, started: str, error: HeadwaterError) -> SourceAge:
        why = f": {error.why}" if error.why else ""
        return self._result(
            node,
            started,
            status="runtime error",
            message=f"{error.what}{why}",
            diagnostic=diagnostic_of(error),
            is_transient=isinstance(error, Unavailable),
        )

    def _result(  # noqa: PLR0913 - the fields of a value, by name
        self,
        node: Node,
        started: str,
        *,
        status: AgeStatus,
        max_loaded_at: str = "",
        snapshotted_at: str = "",
        age_seconds: float | None = None,
        message: str = "",
        diagnostic: Diagnostic | None = None,
        is_transient: bool = False,
    ) -> SourceAge:
        criteria = to_builtins(node.config.get("freshness"))
        return SourceAge(
            node=node.unique_id,
            name=".".join(node.fqn[-2:]),
            status=status,
            measured_by=_measured_by(node),
            max_loaded_at=max_loaded_at,
            snapshotted_at=snapshotted_at,
            age_seconds=age_seconds,
            criteria=criteria if isinstance(criteria, dict) else {},
            message=message,
            started_at=started,
            finished_at=self._context.now(),
            thread=threading.current_thread().name.replace("_", "-"),
            diagnostic=diagnostic,
            is_transient=is_transient,
        )

    def _ask(self, node: Node) -> tuple[datetime, datetime]:
        """Return when the newest row was loaded, and when that was asked."""
        if _measured_by(node) not in {"column", "query"}:
            return self._last_change(node), self._context.clock.now()
        with self._open_lookup() as lookup:
            answer = ask_age_or_none(self._project, self._found, lookup, node)
        loaded, now = _only_row(node, answer)
        return NEVER if loaded is None else _time(node, loaded), _time(node, now)

    def _last_change(self, node: Node) -> datetime:
        """Return when the table last changed, by its log; for files, when the newest was written.

        Raises:
            NotFound: ``input-missing``.
            Invalid: ``freshness-not-measurable``.
        """
        name = node.relation
        found = None if name is None else read_relation_or_none(self._context, name)
        match found.source if found else None:
            case None:
                raise NotFound(
                    "input-missing",
                    f"there is no table `{name}`",
                    why="its age is the time of its last commit, and it has none",
                    fix="load it, or correct the source's `schema` and `identifier`",
                )
            case Snapshot() as snapshot:
                entries = self._context.tables.at(snapshot.root).history(COMMITS_MAX)
                times = (entry.timestamp_ms for entry in entries if entry.changes_data)
                return _instant(next(times, snapshot.timestamp_ms) / 1000)
            case FileSource() as files if local_files(files, self._context.project_root):
                paths = local_files(files, self._context.project_root)
                return _instant(max(path.stat().st_mtime for path in paths))
            case _:
                raise Invalid(
                    "freshness-not-measurable",
                    f"the age of `{'.'.join(node.fqn[-2:])}` cannot be read from its log",
                    why="it is a view or a remote file, which have no commits",
                    fix="give it a `loaded_at_field` or a `loaded_at_query`",
                )


def _rule(node: Node) -> Freshness:
    return read_freshness(node.config.get("freshness"))


def _measured_by(node: Node) -> Literal["column", "query", "commit", "file"]:
    if node.config.get("loaded_at_query") is not None:
        return "query"
    if node.config.get("loaded_at_field") is not None:
        return "column"
    is_file = node.source is not None and node.source.external_location is not None
    return "file" if is_file else "commit"


def _status(rule: Freshness, age_seconds: float) -> AgeStatus:
    if rule.error_after is not None and age_seconds > rule.error_after.total_seconds():
        return "error"
    if rule.warn_after is not None and age_seconds > rule.warn_after.total_seconds():
        return "warn"
    return "pass"


def _only_row(node: Node, answer: LookupTable | None) -> tuple[object, object]:
    rows = () if answer is None else answer.rows
    if len(rows) != 1 or len(rows[0]) != 2:  # noqa: PLR2004 - the two times
        raise Invalid(
            "freshness-not-measurable",
            f"asking `{'.'.join(node.fqn[-2:])}` for its age gave {len(rows)} rows",
            why="the answer is one row: the time of the newest row, and the time of asking",
            fix="mend the project's `collect_freshness` macro, or the source's `loaded_at_query`",
        )
    return rows[0][0], rows[0][1]


def _time(node: Node, value: object) -> datetime:
    """Return a value of the engine as a UTC time; a time without a zone is UTC, as in dbt."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise Invalid(
        "freshness-not-measurable",
        f"`{'.'.join(node.fqn[-2:])}` gave {value!r} as the time of its newest row",
        why=f"that is a {type(value).__name__} and no time",
        fix='cast it: `loaded_at_field: "cast(column_name as timestamp)"`',
    )


def _leaves_filter(node: Node) -> bool:
    return bool(_rule(node).filter) and _measured_by(node) != "column"


def _unused_filter(node: Node) -> Diagnostic:
    return Diagnostic(
        code="freshness-filter-unused",
        severity="warning",
        what=f"the freshness `filter` of `{'.'.join(node.fqn[-2:])}` is not applied",
        why="it is a condition on rows, and only a `loaded_at_field` looks at rows",
        fix="give the source a `loaded_at_field`, or write the condition into `loaded_at_query`",
        where=node.where,
        node=node.unique_id,
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _seconds(started: str, finished: str) -> float:
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
