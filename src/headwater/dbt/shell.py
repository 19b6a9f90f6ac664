"""The command line as dbt's: lines of its log on stdout, and its exit codes.

Orchestrators start a program, read its lines, and ask how it ended. `hw` goes here when dbt's
logging options are given, and always when it is called by the name ``dbt``.
"""

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from headwater import __version__
from headwater.base.errors import HeadwaterError
from headwater.cli.dbt_options import prepare
from headwater.cli.environment import read_environment
from headwater.cli.main import run as run_as_hw
from headwater.cli.output import emit_error, make_streams_safe
from headwater.dbt.events import EventMsg
from headwater.dbt.runner import dbtRunner
from headwater.dbt.verbs import has_verb
from headwater.jinja.functions import DBT_VERSION
from headwater.runs.cancel import CancelToken

_UNHANDLED = 2
"""dbt's exit code of a command that could not be carried out."""


def run(arguments: list[str]) -> int:
    """Carry out one command in dbt's manner.

    Returns:
        0 when all went well; 1 when a node or test failed, which is a result; 2 and above when
        the command could not be carried out; 130 when it was interrupted.
    """
    environment = read_environment()
    prepared = prepare(arguments)
    if prepared.arguments[:1] in {("--version",), ("-V",), ("-v",)}:
        sys.stdout.write(f"Core:\n  - installed: {DBT_VERSION}\n  - as Headwater {__version__}\n")
        return 0
    if not has_verb(prepared.arguments) or {"-h", "--help"} & set(prepared.arguments):
        return run_as_hw(arguments)
    make_streams_safe()
    cancel = CancelToken()
    told: list[EventMsg] = []
    runner = dbtRunner(cancel=cancel, callbacks=[told.append])
    with _interrupts(cancel):
        ended = runner.invoke([*_defaults(prepared.logging, environment), *arguments])
    if isinstance(ended.exception, HeadwaterError) and not told:  # there are no lines to tell it in
        return emit_error(ended.exception, "text")
    if cancel.level != "run":
        return 130
    if isinstance(ended.exception, HeadwaterError):
        return max(_UNHANDLED, ended.exception.exit_code)
    return 0 if ended.success else _UNHANDLED if ended.exception else 1


def _defaults(given: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """Ask for lines of text when neither the words nor the environment say anything else."""
    asked = "log-format" in given or {"DBT_LOG_FORMAT", "DBT_ENGINE_LOG_FORMAT"} & set(environment)
    return [] if asked else ["--log-format", "text"]


@contextmanager
def _interrupts(cancel: CancelToken) -> Iterator[None]:
    """Let running nodes finish at the first Ctrl-C or SIGTERM, and interrupt them at the next."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        cancel.escalate()

    kinds = (signal.SIGINT, signal.SIGTERM)
    earlier = [signal.signal(kind, stop) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, earlier, strict=True):
            signal.signal(kind, handler)
