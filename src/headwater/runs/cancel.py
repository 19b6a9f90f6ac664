"""A token that stops a run: first no new nodes start, then running statements are interrupted.

Both levels leave every table whole, because a table changes only by its one commit at the end of
a node.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal

from headwater.base.errors import Unavailable
from headwater.engines.engine import Session

Level = Literal["run", "finish", "interrupt"]


class CancelToken:
    """Shared by a run and whoever may stop it; safe to use from several threads and signals."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._level: Level = "run"
        self._sessions: set[Session] = set()

    @property
    def level(self) -> Level:
        """How far stopping has gone."""
        return self._level

    def finish_running(self) -> None:
        """Start no new node; let the running ones finish."""
        if self._level == "run":
            self._level = "finish"

    def interrupt(self) -> None:
        """Stop running statements too; their nodes publish nothing."""
        self._level = "interrupt"
        with self._lock:
            sessions = tuple(self._sessions)
        for session in sessions:
            session.interrupt()

    def escalate(self) -> None:
        """Go one level further: what a Ctrl-C does."""
        if self._level == "run":
            self.finish_running()
        else:
            self.interrupt()

    def check(self) -> None:
        """Raise when running statements are to stop.

        Raises:
            Unavailable: ``interrupted``.
        """
        if self._level == "interrupt":
            raise Unavailable(
                "interrupted",
                "the node was cancelled",
                why="the run was stopped before the node's commit; its table is as it was",
                fix="run the same command again",
            )

    @contextmanager
    def guard(self, session: Session) -> Iterator[Session]:
        """Let ``interrupt`` reach a session while it is used."""
        with self._lock:
            self._sessions.add(session)
        try:
            self.check()
            yield session
        finally:
            with self._lock:
                self._sessions.discard(session)
