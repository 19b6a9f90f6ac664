"""Sends events of OpenLineage beside a run, which neither waits for it nor fails by it.

The run puts what happens into a bounded queue; a thread translates and sends. What does not fit,
cannot be sent, or is left when time is up is counted, and told in one finding after the run.
"""

import gzip
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event as Flag
from threading import Thread
from typing import assert_never

from headwater.base.codec import Json, encode
from headwater.base.diagnostics import Diagnostic
from headwater.base.relations import TableName
from headwater.base.telemetry import Event, MacroSaid, Sink
from headwater.engines.engine import FileSource
from headwater.lake.snapshot import Snapshot
from headwater.runs.context import Context
from headwater.runs.lineage_settings import FileTarget, HttpTarget, LineageSettings, Target
from headwater.runs.openlineage import Told, events_of

QUEUE_MAX = 10_000
"""Events that wait to be sent."""
CLOSE_SECONDS_MAX = 3.0
"""How long the end of a run waits for what is left."""
FAILURES_MAX = 3
"""After so many failures in a row nothing more is tried."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, which would take the token to another host."""

    def redirect_request(self, *_arguments: object) -> None:
        """Follow none."""
        return


@dataclass(slots=True, kw_only=True)
class Emitter:
    """Takes what happens in a run, and sends it on.

    Attributes:
        told: What events are made with.
        settings: Where they go.
        sent: How many events arrived everywhere.
        lost: How many did not.
        why: Why the last of those did not.
    """

    told: Told
    settings: LineageSettings
    sent: int = 0
    lost: int = 0
    why: str = ""
    _queue: "Queue[Event]" = field(default_factory=lambda: Queue(QUEUE_MAX))
    _ends: Flag = field(default_factory=Flag)
    _gives_up: Flag = field(default_factory=Flag)
    _failures: int = 0
    _numbers: Iterator[int] = field(default_factory=count)

    def take(self, event: Event) -> None:
        """Take one event without waiting."""
        if isinstance(event, MacroSaid):
            return
        try:
            self._queue.put_nowait(event)
        except Full:
            self.lost += 1
            self.why = f"more than {QUEUE_MAX} events were waiting"

    def run(self) -> None:
        """Send until the end of the run, and what is left then."""
        while not self._gives_up.is_set() and not (self._ends.is_set() and self._queue.empty()):
            try:
                event = self._queue.get(timeout=0.05)
            except Empty:
                continue
            self._tell(event)

    def close(self, thread: Thread) -> tuple[Diagnostic, ...]:
        """Wait a little for what is left, and say what was not sent."""
        self._ends.set()
        thread.join(CLOSE_SECONDS_MAX)
        left = self._queue.qsize()
        if thread.is_alive():
            self._gives_up.set()  # what is told as lost now must not arrive later
            left += 1
            self.why = self.why or f"no answer within {CLOSE_SECONDS_MAX:.0f} s"
        lost = self.lost + left
        if not lost:
            return ()
        return (
            Diagnostic(
                code="openlineage-not-sent",
                severity="warning",
                what=f"{lost} of {lost + self.sent} events were not sent to OpenLineage",
                why=self.why,
                fix="look at the service and at `openlineage.yml`; the run itself is not concerned",
            ),
        )

    def _tell(self, event: Event) -> None:
        try:
            documents = tuple(events_of(self.told, event))
        except Exception as error:  # noqa: BLE001 - an event that cannot be made ends no run
            self._lose(f"{type(error).__name__}: {error}")
            return
        for document in documents:
            if self._failures >= FAILURES_MAX:
                self.lost += 1
                continue
            try:
                for target in self.settings.targets:
                    self._send(target, document)
            except Exception as error:  # noqa: BLE001 - nor does one that nobody takes
                self._failures += 1
                self._lose(f"{type(error).__name__}: {error}")
            else:
                self._failures = 0
                self.sent += 1

    def _lose(self, why: str) -> None:
        self.lost += 1
        self.why = why

    def _send(self, target: Target, document: dict[str, Json]) -> None:
        match target:
            case HttpTarget():
                post(target, encode(document))
            case FileTarget():
                self._write(target, document)
            case _:
                assert_never(target)

    def _write(self, target: FileTarget, document: dict[str, Json]) -> None:
        text = json.dumps(document, ensure_ascii=False)
        target.path.parent.mkdir(parents=True, exist_ok=True)
        if target.appends:
            with target.path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
            return
        at = datetime.fromisoformat(str(document["eventTime"])).astimezone(UTC)
        name = f"{target.path.name}-{at:%Y%m%d-%H%M%S.%f}-{next(self._numbers):05d}.json"
        Path(target.path.parent / name).write_text(text, encoding="utf-8")


def post(target: HttpTarget, body: bytes) -> None:
    """Send one event to a service.

    Raises:
        OSError: It did not take it.
    """
    headers = {"Content-Type": "application/json", **target.headers}
    if target.is_packed:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    request = urllib.request.Request(  # noqa: S310 - http and https only, see lineage_settings
        target.url, data=body, headers=headers, method="POST"
    )
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(request, timeout=target.timeout) as answer:
        answer.read(1)


Emitting = AbstractContextManager[tuple[Sink, list[Diagnostic]]]


def told_to(*sinks: Sink) -> Sink:
    """Return what tells events to several."""

    def tell(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return tell


def place_of(context: Context, name: TableName) -> str:
    """Return where a relation's table lies, or would lie: a folder or URL."""
    match context.sources.get(name):
        case Snapshot(root=root):
            return root
        case FileSource(location=location):
            return location if "://" in location else str(Path(context.project_root) / location)
        case _:
            return context.tables.table(name).root


@contextmanager
def emitting(
    settings: LineageSettings, told: Callable[[], Told]
) -> Iterator[tuple[Sink, list[Diagnostic]]]:
    """Give what takes the events of a run, and the findings, which are whole when it is left.

    Args:
        settings: Where events go; without a target nothing is started.
        told: Makes what events are made with.
    """
    findings = list(settings.diagnostics)
    if not settings.targets:
        yield (lambda _event: None), findings
        return
    emitter = Emitter(told=told(), settings=settings)
    thread = Thread(target=emitter.run, name="openlineage", daemon=True)
    thread.start()
    try:
        yield emitter.take, findings
    finally:
        findings += emitter.close(thread)
