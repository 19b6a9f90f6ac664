"""The verbs that ``dbtRunner`` knows: what each asks of a workspace, and how the answer looks.

A table of short functions, so that what is not in it is refused in one place.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, cast

from headwater.base.artifacts import ArtifactFacts, artifact_facts
from headwater.base.clock import Clock
from headwater.base.diagnostics import Diagnostic, error_of, has_errors
from headwater.base.errors import Invalid
from headwater.cli.ls import list_lines, words_of
from headwater.cli.options import ProjectFlags, take_inputs, take_project, take_selection
from headwater.cli.retry import as_before, describe
from headwater.cli.show import without_jinja
from headwater.cli.source import FORMATS
from headwater.dbt.events import Teller
from headwater.dbt.freshness import FreshnessResult, make_freshness_result
from headwater.dbt.node_events import NodeEvents, tell_ages, tell_found, tell_said
from headwater.dbt.node_words import TESTS
from headwater.dbt.previews import Preview, tell_rows, tell_sql
from headwater.dbt.records import Record
from headwater.dbt.results import (
    RunExecutionResult,
    RunResult,
    Status,
    find_entry,
    make_run_result,
)
from headwater.graph.choose import Selection
from headwater.graph.faults import OF_ONE_QUERY
from headwater.graph.manifest import make_manifest
from headwater.graph.substitutes import InputRequest
from headwater.jinja.table import ResultTable
from headwater.plan.decide import UNCHANGED_WARNED
from headwater.plan.plan import Skip
from headwater.runs.answers import Compiled, CompiledSql, Planned, PlanRequest, Verb
from headwater.runs.cancel import CancelToken
from headwater.runs.results import make_run_results
from headwater.runs.run import Run
from headwater.workspace import Workspace

_ROWS_MAX = 1_000_000
"""Rows that ``show`` reads when it is to show all."""
_FAILS_ALONE = ("input-not-built", *OF_ONE_QUERY)
"""As dbt does: a node whose input is not there, or whose query is none, fails when it runs, and the
others are built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a verb gave."""

    success: bool
    result: RunExecutionResult | FreshnessResult | Record | list[str] | bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A command to carry out.

    Attributes:
        verb: Its name, as ``hw`` calls it.
        project: Which project, profile and target.
        selection: Which nodes.
        inputs: What they read in place of their inputs.
        options: The verb's other options, by name.
        teller: Is told how it goes.
        environment: Environment variables.
        clock: Where times come from.
        cancel: Stops what the command runs.
    """

    verb: str
    project: ProjectFlags
    selection: Selection
    inputs: InputRequest
    options: Mapping[str, Any]
    teller: Teller
    environment: Mapping[str, str]
    clock: Clock
    cancel: CancelToken

    @classmethod
    def of(
        cls,
        words: tuple[str, Mapping[str, Any]],
        teller: Teller,
        *,
        environment: Mapping[str, str],
        clock: Clock,
        cancel: CancelToken,
    ) -> Self:
        """Sort a parsed command line: its verb, and its options by name.

        Raises:
            Invalid: ``usage-invalid``.
        """
        verb, options = words[0], dict(words[1])
        return cls(
            verb=verb,
            project=take_project(options),
            selection=take_selection(options),
            inputs=take_inputs(options),
            options=options,
            teller=teller,
            environment=environment,
            clock=clock,
            cancel=cancel,
        )

    def open(self) -> Workspace:
        """Open the workspace that the command is about."""
        return Workspace.open(
            flags=self.project.flags,
            environment=self.environment,
            variables=self.project.variables,
            clock=self.clock,
        )

    def facts(self) -> ArtifactFacts:
        """Return what documents say of this command."""
        return artifact_facts(self.environment, self.clock.now())


def answer(call: Call) -> Answer:
    """Carry out a command.

    Raises:
        HeadwaterError: Why it cannot be carried out.
    """
    verb = _VERBS.get(call.verb)
    if verb is None:
        raise Invalid(
            "usage-invalid",
            f"dbtRunner has no verb `{call.verb}`",
            fix=f"call `hw {call.verb}`; dbtRunner has: {', '.join(_VERBS)}",
        )
    with call.open() as workspace:
        return verb(call, workspace)


def has_verb(words: Sequence[str]) -> bool:
    """Say whether a command line, its verb first, is one that can be carried out here."""
    name = "ls" if words[:1] == ("list",) else " ".join(words[:1])
    return name in _VERBS or " ".join(words[:2]) in _VERBS


def _build(call: Call, workspace: Workspace) -> Answer:
    verb = cast("Verb", call.verb)
    options = call.options
    request = PlanRequest(
        selection=call.selection,
        verb=verb,
        full_refresh=options["full_refresh"],
        force=options["force"],
        store_failures=options["store_failures"],
        accept=(*options["accept"], *_FAILS_ALONE),
        inputs=call.inputs,
    )
    return _carry_out(call, workspace, request, fail_fast=options["fail_fast"])


def _retry(call: Call, workspace: Workspace) -> Answer:
    options = call.options
    earlier = workspace.earlier(Path(call.selection.state) if call.selection.state else None)
    call.teller.tell("RetryExternalCall", "Z045", describe(earlier))
    before = earlier.invocation.request
    request = replace(
        before,
        nodes=earlier.again,
        as_of=before.as_of or earlier.started_at,
        accept=(*before.accept, *_FAILS_ALONE),
    )
    again = replace(call, project=as_before(call.project, earlier))
    with again.open() as workspace_again:
        fast = options["fail_fast"] or earlier.fail_fast
        return _carry_out(again, workspace_again, request, fail_fast=fast)


def _carry_out(
    call: Call, workspace: Workspace, request: PlanRequest, *, fail_fast: bool
) -> Answer:
    return _apply(
        call, workspace, request.verb, lambda: workspace.plan(request), fail_fast=fail_fast
    )


def _clone(call: Call, workspace: Workspace) -> Answer:
    def planned() -> Planned:
        full_refresh = bool(call.options["full_refresh"])
        return workspace.plan_clone(call.selection, full_refresh=full_refresh)

    return _apply(call, workspace, "clone", planned, fail_fast=False)


def _apply(
    call: Call,
    workspace: Workspace,
    verb: str,
    make_plan: Callable[[], Planned],
    *,
    fail_fast: bool,
) -> Answer:
    with workspace.taken(verb) as journal:
        planned = make_plan()
        plan = planned.plan
        call.teller.findings(plan.diagnostics)
        if not plan.is_compiled or plan.is_blocked or planned.project is None:
            raise _fault(plan.diagnostics)
        manifest = make_manifest(planned.project, _graph(planned), call.facts())
        tell_found(call.teller, planned.project)
        events = NodeEvents(
            call.teller,
            manifest,
            target=workspace.target.name,
            threads=workspace.settings.whole("threads") or workspace.target.threads,
            reused=len(_reused(planned)),
            logged=planned.logged,
        )
        run = workspace.apply(
            planned,
            journal=journal,
            sink=events,
            cancel=call.cancel,
            fail_fast=fail_fast,
        )
    result = _results(call, planned, run, manifest)
    events.end(result)
    return Answer(success=run.exit_code == 0, result=result)


def _graph(planned: Planned) -> Any:  # noqa: ANN401 - None only where there is no project
    return planned.graph


def _results(
    call: Call, planned: Planned, run: Run, manifest: Mapping[str, Any]
) -> RunExecutionResult:
    document = cast(
        "dict[str, Any]", make_run_results(run, _graph(planned), call.facts(), planned.plan)
    )
    done = [
        make_run_result(entry, find_entry(manifest, entry["unique_id"]))
        for entry in document["results"]
    ]
    reused = [
        RunResult(
            status=_status_of_reused(step),
            node=Record(find_entry(manifest, step.node)),
            message=step.reason,
            failures=0 if step.resource_type in TESTS else None,
        )
        for step in _reused(planned)
    ]
    return RunExecutionResult(
        results=[*done, *reused],
        elapsed_time=document["elapsed_time"],
        args=Record({**document["args"], **call.options}),
        metadata=Record(document["metadata"]),
    )


def _reused(planned: Planned) -> list[Skip]:
    """Return the steps of nodes that were asked for and are up to date."""
    skips = [step for step in planned.plan.steps if isinstance(step, Skip)]
    return [step for step in skips if step.node in planned.wanted]


def _status_of_reused(step: Skip) -> Status:
    """A test that need not run again ends as it did: programs ask of tests whether they pass."""
    if step.resource_type not in TESTS:
        return Status.Reused
    return Status.Warn if step.reason == UNCHANGED_WARNED else Status.Pass


def _compile(call: Call, workspace: Workspace) -> Answer:
    compiled = _compiled(call, workspace)
    is_narrow = call.options["inline"] is not None or not call.selection.is_everything
    inline = call.options["inline"] is not None
    asked = " ".join(call.selection.include)
    for each in compiled.results if is_narrow else ():
        # dbt shows only what is named, of everything that a selection brings along.
        if asked and not inline and _name_of(each.unique_id) not in asked:
            continue
        if not each.compiled_code:
            continue
        tell_sql(call.teller, _preview(call, each, compiled), each.compiled_code)
    results = [_result_of(each, compiled) for each in compiled.results]
    if not (asked or inline):  # as in dbt, which has a result of what is named in any case
        results = [each for each in results if not _is_ephemeral(each.node)]
    return _answer_of(call, results)


def _is_ephemeral(node: Record) -> bool:
    config = node.get("config", {})
    return bool(node.get("resource_type") == "model" and config.get("materialized") == "ephemeral")


def _name_of(unique_id: str) -> str:
    return unique_id.split(".", maxsplit=2)[-1]


def _show(call: Call, workspace: Workspace) -> Answer:
    if _inline(call) is None and call.selection.is_everything:
        what = "`show` needs to be told what to show"
        raise Invalid("show-needs-one", what, fix="pass --select NAME or --inline 'select 1'")
    compiled = _compiled(call, workspace)
    results = []
    # dbt shows only what is named, of everything that a selection brings along.
    for each in compiled.results:
        if each.unique_id.startswith(("seed.", "test.", "unit_test.")):
            continue
        limit = call.options["limit"]
        rows = workspace.sql(each.compiled_code, rows_max=limit if limit >= 0 else _ROWS_MAX)
        tell_rows(call.teller, _preview(call, each, compiled), rows)
        table = ResultTable([column.name for column in rows.columns], rows.rows)
        if limit >= 0:  # as dbt asks for the rows
            each = replace(each, compiled_code=f"{each.compiled_code}\nlimit {limit}")  # noqa: PLW2901
        results.append(replace(_result_of(each, compiled), agate_table=table))
    return _answer_of(call, results)


def _inline(call: Call) -> str | None:
    return without_jinja(call.options["inline"], call.options.get("inline_direct"))


def _compiled(call: Call, workspace: Workspace) -> Compiled:
    compiled = workspace.compile(
        call.selection,
        inline=_inline(call),
        full_refresh=call.options.get("full_refresh", False),
        as_dbt=True,
        injects=call.options.get("injects", True),
        inputs=call.inputs,
    )
    call.teller.findings(compiled.diagnostics)
    if has_errors(compiled.diagnostics):
        raise _fault(compiled.diagnostics)
    for said in compiled.said:
        tell_said(call.teller, said)
    return compiled


def _preview(call: Call, each: CompiledSql, compiled: Compiled) -> Preview:
    version = _entry_of(each, compiled).get("version")
    name = each.name if version is None else f"{each.name}.v{version}"
    return Preview(name=name, unique_id=each.unique_id, output=call.options["output"])


def _entry_of(each: CompiledSql, compiled: Compiled) -> Mapping[str, Any]:
    return {} if compiled.manifest is None else find_entry(compiled.manifest, each.unique_id)


def _result_of(each: CompiledSql, compiled: Compiled) -> RunResult:
    entry = _entry_of(each, compiled)
    made = {
        "unique_id": each.unique_id,
        "name": each.name,
        "compiled": True,
        "compiled_code": each.compiled_code or None,
        "compiled_path": each.path or None,
    }
    return RunResult(status=Status.Success, node=Record({**entry, **made}))


def _answer_of(call: Call, results: Iterable[RunResult]) -> Answer:
    args = Record(dict(call.options))
    return Answer(success=True, result=RunExecutionResult(results=[*results], args=args))


def _ls(call: Call, workspace: Workspace) -> Answer:
    listed = workspace.ls(call.selection)
    call.teller.findings(listed.diagnostics)
    if has_errors(listed.diagnostics):
        raise _fault(listed.diagnostics)
    keys = words_of(call.options["output_keys"])
    lines = list_lines(listed.rows, call.options["output"], keys)
    for line in lines:
        call.teller.tell("PrintEvent", "Z052", line, msg=line)
    return Answer(success=True, result=lines)


def _parse(call: Call, workspace: Workspace) -> Answer:
    parsed = workspace.parse()
    call.teller.findings(parsed.diagnostics)
    if has_errors(parsed.diagnostics) or parsed.manifest is None:
        raise _fault(parsed.diagnostics)
    return Answer(success=True, result=_read(parsed.manifest))


def _docs(call: Call, workspace: Workspace) -> Answer:
    made = workspace.docs_generate(
        call.selection,
        compiles=call.options["compiles"],
        is_empty=call.options["empty_catalog"],
        inputs=call.inputs,
    )
    call.teller.findings(made.diagnostics)
    if has_errors(made.diagnostics):
        raise _fault(made.diagnostics)
    return Answer(success=True, result=_read(workspace.target_path / "catalog.json"))


def _source_freshness(call: Call, workspace: Workspace) -> Answer:
    output = call.options["output"]
    file = None if output in FORMATS else Path(output)
    ages = workspace.source_freshness(call.selection, file=file)
    call.teller.findings(ages.diagnostics)
    if has_errors(ages.diagnostics):
        raise _fault(ages.diagnostics)
    result = make_freshness_result(ages, _read(workspace.target_path / "manifest.json"))
    tell_ages(call.teller, result)
    return Answer(success=ages.exit_code == 0, result=result)


def _run_operation(call: Call, workspace: Workspace) -> Answer:
    macro = str(call.options["macro"])
    done = workspace.run_operation(macro, call.options["arguments"], sql=call.options["sql"])
    for said in done.logged:
        tell_said(call.teller, said)
    call.teller.findings(done.diagnostics)
    errors = [each.what for each in done.diagnostics if each.severity == "error"]
    if errors and not done.node:
        raise _fault(done.diagnostics)
    # As with dbt, a macro that was found and failed is a result, and no end of the command.
    if errors:
        call.teller.failed(_fault(done.diagnostics))
    node = Record({"unique_id": done.node, "name": macro, "resource_type": "operation"})
    status = Status.Error if errors else Status.Success
    result = RunResult(status=status, node=node, message=errors[0] if errors else None)
    return Answer(success=not errors, result=RunExecutionResult(results=[result]))


def _debug(call: Call, workspace: Workspace) -> Answer:
    found = workspace.debug(connection=call.options["connection"])
    is_fine = all(finding.ok for finding in found)
    return Answer(success=is_fine, result=is_fine)


def _deps(call: Call, workspace: Workspace) -> Answer:
    workspace.deps(mirror=call.options["mirror"], upgrade=call.options["upgrade"])
    return Answer(success=True)


def _clean(call: Call, workspace: Workspace) -> Answer:
    workspace.clean(dry_run=call.options["dry_run"])
    return Answer(success=True)


def _read(path: Path) -> Record:
    return Record(cast("dict[str, Any]", json.loads(path.read_bytes())))


def _fault(diagnostics: Iterable[Diagnostic]) -> Invalid:
    """Make the exception of a command that faults have stopped: the first, the rest as notes."""
    first, *rest = [each for each in diagnostics if each.severity == "error"]
    error = error_of(first)
    for each in rest:
        error.add_note(f"{each.code} {each.what}")
    return error


_VERBS: Mapping[str, Callable[[Call, Workspace], Answer]] = MappingProxyType(
    {
        "build": _build,
        "run": _build,
        "seed": _build,
        "snapshot": _build,
        "test": _build,
        "retry": _retry,
        "clone": _clone,
        "compile": _compile,
        "show": _show,
        "ls": _ls,
        "parse": _parse,
        "docs generate": _docs,
        "source freshness": _source_freshness,
        "source snapshot-freshness": _source_freshness,
        "run-operation": _run_operation,
        "debug": _debug,
        "deps": _deps,
        "clean": _clean,
    }
)
