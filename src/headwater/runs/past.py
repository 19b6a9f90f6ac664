"""Reads what earlier commands left in a folder of artifacts, for ``result:`` and the like.

Files are read only when a selector asks, and dbt's own are as good as ours.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from headwater.graph.compared import Compared
from headwater.graph.past import no_past
from headwater.project.observed import Observer

_RESULTS, _SOURCES = "run_results.json", "sources.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What two folders hold.

    Attributes:
        state: Folder of ``--state``; None when none was given, and then the own results count.
        own: Folder of this project's artifacts.
        compared: The project beside the manifest of ``state``.
        observer: Notes what is looked at.
    """

    state: Path | None
    own: Path
    compared: Compared
    observer: Observer = field(default_factory=Observer)

    def statuses(self) -> Mapping[str, str]:
        """See ``Past``."""
        path = (self.state or self.own) / _RESULTS
        results = self._results_or_none(path)
        if results is None:
            raise no_past(f"results in `{path}`", "build first, or say by --state where they are")
        return {str(each["unique_id"]): str(each.get("status")) for each in results}

    def fresher(self) -> Collection[str]:
        """See ``Past``."""
        if self.state is None:
            raise no_past("an earlier sources.json to compare with", "say by --state where it is")
        before, now = self._times(self.state / _SOURCES), self._times(self.own / _SOURCES)
        return frozenset(key for key, at in now.items() if key not in before or at > before[key])

    def differing(self, value: str) -> Collection[str]:
        """See ``Past``."""
        return self.compared.differing(value)

    def _times(self, path: Path) -> Mapping[str, datetime]:
        """Return when each measured source had its newest row; those not measured are left out."""
        results = self._results_or_none(path)
        if results is None:
            raise no_past(f"ages in `{path}`", "`hw source freshness` writes them")
        times = {}
        for each in results:
            if each.get("max_loaded_at"):
                times[str(each["unique_id"])] = datetime.fromisoformat(str(each["max_loaded_at"]))
        return times

    def _results_or_none(self, path: Path) -> list[dict[str, Any]] | None:
        self.observer.file(path, None)
        try:
            content = path.read_bytes()
            self.observer.file(path, hashlib.sha256(content).hexdigest())
            document = json.loads(content)
        except (OSError, ValueError):
            return None
        results = document.get("results") if isinstance(document, dict) else None
        is_sound = isinstance(results, list) and all(
            isinstance(each, dict) and "unique_id" in each for each in results
        )
        return results if is_sound else None
