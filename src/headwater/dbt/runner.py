"""``dbtRunner``: dbt's programmatic interface, answered by a workspace.

Orchestrators call ``dbtRunner().invoke(["build", "--select", "x"])`` and read the result. Here the
words are read by the same parser as ``hw``'s, and each verb is a call or two of the workspace.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from uuid import uuid4

from headwater.base.artifacts import metadata_of
from headwater.base.clock import Clock, SystemClock
from headwater.base.errors import HeadwaterError
from headwater.cli.dbt_options import prepare
from headwater.cli.environment import read_environment
from headwater.cli.main import parse_command
from headwater.dbt.events import Callback, Teller, secrets_of
from headwater.dbt.freshness import FreshnessResult
from headwater.dbt.lines import Lines, line_options
from headwater.dbt.records import Record
from headwater.dbt.results import RunExecutionResult
from headwater.dbt.verbs import Call, answer
from headwater.runs.cancel import CancelToken

Result = RunExecutionResult | FreshnessResult | Record | list[str] | bool | None
_ON_BY_DEFAULT = frozenset({
    "compile", "inject_ephemeral_ctes", "introspect", "partial_parse", "populate_cache", "print",
    "send_anonymous_usage_stats", "static_parser", "use_colors", "use_colors_file",
    "version_check", "write_json",
})  # fmt: skip
"""Options that hold when nothing is said, so that False says something."""
_NAMES_OF_CALLER: Mapping[str, str] = MappingProxyType(
    {"models": "select", "resource_types": "resource-type"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class dbtRunnerResult:  # noqa: N801 - dbt's name
    """How a command ended.

    Attributes:
        success: Whether all went well; a failing node makes it False without an exception.
        exception: Why the command could not be carried out; its notes are further faults.
        result: What it gave: results of nodes for ``build``, ``run``, ``test``, ``seed``,
            ``snapshot``, ``compile`` and ``retry``; the manifest for ``parse``; the catalog for
            ``docs generate``; lines for ``ls``; True or False for ``debug``; None otherwise.
    """

    success: bool
    exception: BaseException | None = None
    result: Result = None


@dataclass(slots=True)
class dbtRunner:  # noqa: N801 - dbt's name
    """Carries out dbt's commands.

    Attributes:
        manifest: Result of ``parse``. It is taken for dbt's sake and kept; the project is read all
            the same, so that no answer is ever older than the files.
        callbacks: Functions that are given every event.
        clock: Where times come from.
        cancel: Stops what runs: another thread calls its ``escalate``.
    """

    manifest: Record | None = None
    callbacks: list[Callback] | None = None
    clock: Clock = field(default_factory=SystemClock)
    cancel: CancelToken = field(default_factory=CancelToken)

    def invoke(self, args: Iterable[str], **options: object) -> dbtRunnerResult:
        """Carry out one command; never raises for what the command met.

        Args:
            args: Words of the command line after ``dbt``.
            options: Options by name, as in ``select=["a", "b"]``.
        """
        words = [*map(str, args), *_words_of(options)]
        given = {key: value for key, value in options.items() if value is not None}
        try:
            environment = read_environment()
            prepared = prepare(words)
            lines = Lines(line_options(prepared.logging, environment), environment)
        except HeadwaterError as error:
            return dbtRunnerResult(success=False, exception=error)
        teller = Teller(
            (lines, *(self.callbacks or ())),
            str(uuid4()),
            self.clock,
            is_quiet=prepared.quiet,
            extra=metadata_of(environment),
            secrets=secrets_of(environment),
        )
        with closing(lines):
            ended = self._carry_out(list(prepared.arguments), teller, environment)
        if isinstance(ended.result, RunExecutionResult):
            args = Record({**ended.result.args, **given})
            return replace(ended, result=replace(ended.result, args=args))
        return ended

    def _carry_out(
        self, words: list[str], teller: Teller, environment: Mapping[str, str]
    ) -> dbtRunnerResult:
        command = " ".join(words[:1])
        try:
            teller.began()
            call = Call.of(
                parse_command(words),
                teller,
                environment=environment,
                clock=self.clock,
                cancel=self.cancel,
            )
            ended = answer(call)
        except Exception as error:  # noqa: BLE001 - dbt's contract: what failed is in the result
            teller.failed(error)
            teller.ended(command, success=False)
            return dbtRunnerResult(success=False, exception=error)
        teller.ended(command, success=ended.success)
        return dbtRunnerResult(success=ended.success, result=ended.result)


def _words_of(options: Mapping[str, object]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        option = "--" + _NAMES_OF_CALLER.get(name, name).replace("_", "-")
        match value:
            case False if name in _ON_BY_DEFAULT:
                words.append("--no-" + name.replace("_", "-"))
            case None | False:
                continue
            case True:
                words.append(option)
            case list() | tuple():
                words += [word for each in value for word in (option, str(each))]
            case Mapping():
                words += [option, json.dumps(dict(value))]
            case _:
                words += [option, str(value)]
    return words
