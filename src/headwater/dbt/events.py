"""Events in the shape of dbt's: what happens in a command, as callbacks and log lines get it.

Names, codes and fields are those that dbt writes for the same moments, as far as there is such a
moment here; a program that waits for ``NodeFinished`` gets it.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from headwater.base.clock import Clock
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import HeadwaterError
from headwater.base.warning_rules import EVENTS_OF_CODE
from headwater.dbt.records import Record
from headwater.jinja.context import SECRET_PREFIX
from headwater.jinja.functions import DBT_VERSION

_LOGGER = logging.getLogger("headwater.dbt")
_LOG_LEVELS: Mapping[str, int] = MappingProxyType(
    {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING}
)
_NO_EXTRA: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo:
    """The head of an event.

    Attributes:
        name: dbt's name of the event, such as ``NodeFinished``.
        code: dbt's code of it, such as ``Q025``.
        msg: The line that people read.
        level: ``debug``, ``info``, ``warn`` or ``error``.
        ts: ISO 8601 UTC time.
        invocation_id: Id of the command.
        pid: Process.
        thread: Thread's name.
        category: Always empty, as in dbt.
        extra: Variables of the environment that begin with ``DBT_ENV_CUSTOM_ENV_``.
    """

    name: str
    code: str
    msg: str
    level: str
    ts: str
    invocation_id: str
    pid: int
    thread: str
    category: str = ""
    extra: Mapping[str, str] = field(default_factory=lambda: _NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMsg:
    """One event: its head, and fields that depend on its name."""

    info: EventInfo
    data: Record

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as in a line of dbt's JSON log."""
        info = {name: getattr(self.info, name) for name in self.info.__dataclass_fields__}
        return {"info": {**info, "extra": dict(self.info.extra)}, "data": self.data.to_dict()}


Callback = Callable[[EventMsg], None]
EVENT_CODES: Mapping[str, str] = MappingProxyType(
    {
        "Note": "Z050",
        "NoNodesForSelectionCriteria": "M030",
        "SelectExcludeIgnoredWithSelectorWarning": "Z064",
        "JinjaLogWarning": "I061",
        "UnusedResourceConfigPath": "I051",
        "DeprecatedModel": "I065",
        "NoNodeForYamlKey": "I058",
        "CustomKeyInConfigDeprecation": "D026",
        "DuplicateYAMLKeysDeprecation": "D024",
        "UnversionedBreakingChange": "I071",
        "ConstraintNotEnforced": "E048",
    }
)
"""dbt's codes of the events by which findings are told: the first of those of each of our codes."""


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables that begin with ``DBT_ENV_SECRET``, which nobody may read."""
    return tuple(
        value for name, value in environment.items() if name.startswith(SECRET_PREFIX) and value
    )


def without_secrets(line: str, secrets: Iterable[str]) -> str:
    """Return a line with ``*****`` in place of every secret."""
    for secret in secrets:
        line = line.replace(secret, "*****")
    return line


class Teller:
    """Gives dbt's events to everyone who listens to a command."""

    def __init__(
        self,
        listeners: Iterable[Callback],
        invocation_id: str,
        clock: Clock,
        *,
        is_quiet: bool = False,
        extra: Mapping[str, str] = _NO_EXTRA,
        secrets: Iterable[str] = (),
    ) -> None:
        """Prepare for a command.

        Args:
            listeners: Who is told.
            invocation_id: Id of the command.
            clock: Where times come from.
            is_quiet: Only the command's answer is wanted.
            extra: What every event says besides: see ``EventInfo.extra``.
            secrets: What is written as ``*****`` in the logger's lines.
        """
        self._extra = extra
        self._secrets = tuple(secrets)
        self._listeners = tuple(listeners)
        self.is_quiet = is_quiet
        self._clock = clock
        self._started = clock.monotonic()
        self.invocation_id = invocation_id

    def tell(self, name: str, code: str, msg: str, level: str = "info", /, **data: object) -> None:
        """Give one event to every listener, and its line to the logger ``headwater.dbt``."""
        info = EventInfo(
            name=name,
            code=code,
            msg=msg,
            level=level,
            ts=self.now(),
            invocation_id=self.invocation_id,
            pid=os.getpid(),
            thread=threading.current_thread().name,
            extra=self._extra,
        )
        _LOGGER.log(
            _LOG_LEVELS.get(level, logging.ERROR), "%s", without_secrets(msg, self._secrets)
        )
        event = EventMsg(info=info, data=Record(data))
        for listener in self._listeners:
            listener(event)

    def now(self) -> str:
        """Return the time as events have it: ISO 8601 in UTC, with microseconds."""
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def seconds(self) -> float:
        """Return the seconds since the command began."""
        return self._clock.monotonic() - self._started

    def blank(self) -> None:
        """Leave a line free."""
        self.tell("Formatting", "Z017", "", msg="")

    def findings(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Tell of findings that do not end the command; those that do are its exception."""
        for each in diagnostics:
            if each.severity != "error":
                level = "warn" if each.severity == "warning" else "info"
                msg = f"{each.code} {each.what}"
                event = EVENTS_OF_CODE.get(each.name, ("Note",))[0]
                self.tell(event, EVENT_CODES[event], msg, level, msg=msg, node=each.node)

    def failed(self, error: BaseException) -> None:
        """Tell why the command cannot be carried out."""
        lines = [str(error)]
        if isinstance(error, HeadwaterError):
            lines += [f"  {label}: {text}" for label, text in _reasons(error) if text]
        lines += [f"  {note}" for note in getattr(error, "__notes__", ())]
        text = "\n".join(lines)
        self.tell(
            "MainEncounteredError", "Z002", f"Encountered an error:\n{text}", "error", exc=text
        )

    def began(self) -> None:
        """Tell that a command begins."""
        msg = f"Running with dbt={DBT_VERSION} as Headwater"
        self.tell("MainReportVersion", "A001", msg, version=f"={DBT_VERSION}", log_version=3)

    def ended(self, command: str, *, success: bool) -> None:
        """Tell that a command has ended."""
        elapsed, at = self.seconds(), self.now()
        word = "succeeded" if success else "failed"
        msg = f"Command `dbt {command}` {word} at {at[11:-1]} after {elapsed:.2f} seconds"
        self.tell(
            "CommandCompleted",
            "Q039",
            msg,
            "debug",
            command=f"dbt {command}",
            success=success,
            completed_at=at,
            elapsed=elapsed,
        )


def _reasons(error: HeadwaterError) -> tuple[tuple[str, str], ...]:
    return (("why", error.why), ("fix", error.fix))
