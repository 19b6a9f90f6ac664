"""Does the upkeep that a plan foresees, after its steps: a run of nodes never fails because of it.

What pays is looked at again, because the steps have changed the tables since; whatever goes wrong
becomes a warning, and the tables are as the steps left them.
"""

from dataclasses import dataclass, replace

from headwater.base.codec import encode
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.units import Estimate
from headwater.catalog.records import AttemptRecord, NodeEnd, TableRecord
from headwater.lake.compaction import choose_kept
from headwater.plan.plan import Cost
from headwater.plan.proposed import Proposal
from headwater.runs.pins import table_of_record
from headwater.runs.rearrange import Rearranged, rearrange
from headwater.runs.work import Work, engine_name

ACTION = "optimize"
"""Action of the attempts that are upkeep, in the records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """What was done.

    Attributes:
        done: Proposals that were carried out.
        findings: What went wrong with others.
    """

    done: tuple[Proposal, ...] = ()
    findings: tuple[Diagnostic, ...] = ()


def tend(work: Work, proposals: tuple[Proposal, ...]) -> Tended:
    """Carry out what a plan proposes, one table after the other, until the run is cancelled."""
    done: list[Proposal] = []
    findings: list[Diagnostic] = []
    known = {
        str(record.name): record
        for record in (work.context.metastore.list_relations() if proposals else ())
        if isinstance(record, TableRecord)
    }
    for proposal in proposals:
        record = known.get(proposal.table)
        if record is None or work.cancel.level != "run":
            continue
        try:
            if _tend_one(work, record, proposal):
                done.append(replace(proposal, is_done=True))
        except HeadwaterError as error:
            findings.append(_left_out(proposal, error))
    return Tended(done=tuple(done), findings=tuple(findings))


def upkeep_node(name: TableName) -> NodeId:
    """Return the id under which the upkeep of a table is recorded; no node of a project has it."""
    return NodeId(f"upkeep.{name.catalog}.{name.schema}.{name.name}")


def _tend_one(work: Work, record: TableRecord, proposal: Proposal) -> bool:
    context, started = work.context, work.context.now()
    table = table_of_record(context, record)
    snapshot = table.snapshot()
    choice = choose_kept(snapshot)
    if not choice.groups:
        return False
    made = rearrange(context, table, snapshot, choice, work.run_id)
    node = upkeep_node(record.name)
    attempt = _attempt(work, node, made, proposal, started)
    context.metastore.finish_nodes([NodeEnd(attempt=attempt)])
    return True


def _attempt(
    work: Work, node: NodeId, made: Rearranged, proposal: Proposal, started: str
) -> AttemptRecord:
    return AttemptRecord(
        run_id=work.run_id,
        node=node,
        attempt=1,
        action=ACTION,
        status="success",
        fingerprint="",
        message=f"{made.files_removed} files became {made.files_added}",
        rows=None,
        version=made.version,
        meter=made.meter,
        estimate=encode(Cost(cpu_seconds=_expected(proposal))),
        input_bytes=made.bytes_removed,
        started_at=started,
        finished_at=work.context.now(),
        engine=engine_name(work.context),
    )


def _expected(proposal: Proposal) -> Estimate:
    """Return what it was expected to cost: by rates of another machine, so three times either way.

    It is kept beside what it did cost, like any other expectation.
    """
    seconds = proposal.cost_seconds
    return Estimate(value=seconds, low=seconds / 3, high=seconds * 3, grade="modelled")


def _left_out(proposal: Proposal, error: HeadwaterError) -> Diagnostic:
    return replace(
        diagnostic_of(error),
        code="upkeep-left-out",
        severity="warning",
        what=f"`{proposal.table}` was not compacted after the build: {error.what}",
        fix=f"hw table optimize {proposal.table}; the table is as the build left it",
    )
