"""Runs the hooks of dbt_project.yml before the first and after the last step of a run.

They run one after the other on the calling thread, in a session of their own; after the first
failure the others are skipped, as in dbt. What a hook writes is published when it is done; what a
start hook changes in its session (settings, macros, temporary tables) is done again
in the session of every step, since each has its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from headwater.base.diagnostics import diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.meters import Meter
from headwater.base.telemetry import NodeFinished, NodeStatus
from headwater.base.warehouses import Naming
from headwater.engines.engine import Session
from headwater.graph.graph import Graph
from headwater.plan.plan import RunHook
from headwater.project.context import LazyModel
from headwater.runs.live import HookCalls, run_calls
from headwater.runs.results import result_entry
from headwater.runs.run import FAILED, NodeResult
from headwater.runs.work import TRANSIENT_EXIT_CODE, Work, open_session, tell_started
from headwater.runs.writes import Writer

_RELATIONAL = frozenset({"function", "model", "seed", "snapshot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HooksDone:
    """What came of the hooks of one moment.

    Attributes:
        results: One a hook, in order.
        prelude: Those that changed the session, as they ran.
    """

    results: tuple[NodeResult, ...]
    prelude: tuple[RunHook, ...]

    @property
    def failed(self) -> bool:
        """True when one failed."""
        return any(result.status in FAILED for result in self.results)


class ResultValue(dict[str, object]):
    """A result in Jinja: by attribute, by item, and with dbt's ``to_dict``."""

    __slots__ = ()

    def to_dict(self, **_options: object) -> dict[str, object]:
        """Return it as a plain dict."""
        return dict(self)


def run_hooks(
    work: Work, hooks: Sequence[RunHook], facts: Mapping[str, object] = MappingProxyType({})
) -> HooksDone:
    """Run hooks in order; faults become results.

    Args:
        work: The run.
        hooks: The plan's hooks of one moment.
        facts: What Jinja sees of the run in a hook at its end.
    """
    results: list[NodeResult] = []
    prelude: list[RunHook] = []
    if not hooks:
        return HooksDone(results=(), prelude=())
    with open_session(work) as session:
        for hook in hooks:
            if any(result.status in FAILED for result in results):
                end = _End(status="skipped", message=f"{hook.name} skipped")
                results.append(_tell(work, hook, end))
                continue
            end, kept = _run(work, session, hook, facts)
            results.append(_tell(work, hook, end))
            prelude += kept
    return HooksDone(results=tuple(results), prelude=tuple(prelude))


def end_facts(results: Iterable[NodeResult], graph: Graph | None) -> Mapping[str, object]:
    """Return what on-run-end hooks see in Jinja: ``results``, ``schemas``, ``database_schemas``."""
    kept = tuple(results)
    nodes = {} if graph is None else graph.nodes
    places: dict[tuple[str, str], None] = {}
    for result in kept:
        compiled = nodes.get(result.node)
        relation = None if compiled is None else compiled.node.relation
        is_built = result.status not in FAILED and result.status != "skipped"
        if relation is not None and is_built and result.resource_type in _RELATIONAL:
            places[relation.catalog, relation.schema] = None
    return {
        "results": [_value(result, graph) for result in kept],
        "schemas": list(dict.fromkeys(schema for _, schema in places)),
        "database_schemas": list(places),
    }


def _value(result: NodeResult, graph: Graph | None) -> ResultValue:
    value = ResultValue()
    if graph is not None:
        value.update(result_entry(result, graph))
        timing = value["timing"]
        value["timing"] = [
            ResultValue(each) for each in (timing if isinstance(timing, list) else ())
        ]
        compiled = graph.nodes.get(result.node)
        if compiled is not None:
            value["node"] = LazyModel(compiled.node, {result.node: compiled.depends_on}, Naming())
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How one hook ended."""

    status: NodeStatus
    message: str
    started_at: str = ""
    meter: Meter = field(default_factory=Meter)
    error: HeadwaterError | None = None


def _run(
    work: Work, session: Session, hook: RunHook, facts: Mapping[str, object]
) -> tuple[_End, tuple[RunHook, ...]]:
    started = tell_started(work, hook.node)
    writer = Writer(work=work, session=session, node=hook.node)
    texts = (hook.sql,) if hook.sql.strip() else ()
    calls = HookCalls(
        node=hook.node, moment="operation", texts=texts, writes=hook.writes, facts=facts
    )
    try:
        run_calls(writer, calls)
        done = writer.flush()
    except HeadwaterError as error:
        why = f": {error.why}" if error.why else ""
        message = f"{hook.name} failed, error: {error.what}{why}"
        return _End(status="error", message=message, started_at=started, error=error), ()
    finally:
        writer.abandon()
    written = ", ".join(str(each) for each in done)
    message = f"{hook.name} passed" + (f"; wrote {written}" if written else "")
    end = _End(status="success", message=message, started_at=started, meter=writer.meter)
    prelude = ";\n".join(writer.prelude)
    return end, (replace(hook, sql=prelude),) if prelude else ()


def _tell(work: Work, hook: RunHook, end: _End) -> NodeResult:
    at = work.context.now()
    work.post(
        NodeFinished(
            run_id=work.run_id,
            node=hook.node,
            status=end.status,
            message=end.message,
            rows=None,
            version=None,
            meter=end.meter,
            at=at,
        )
    )
    return NodeResult(
        node=hook.node,
        name=hook.name,
        resource_type="operation",
        action="hook",
        status=end.status,
        message=end.message,
        # dbt counts a hook that did not pass as one failure.
        rows=0 if end.status == "success" else 1,
        cost=end.meter,
        started_at=end.started_at,
        finished_at=at if end.started_at else "",
        thread="main",
        diagnostic=None if end.error is None else diagnostic_of(end.error, node=hook.node),
        is_transient=end.error is not None and end.error.exit_code == TRANSIENT_EXIT_CODE,
    )
