"""Answers kept between commands, given again while all that they derive from is as it was.

Reading a project takes a second for a thousand models; finding that not a byte of it has changed
takes a twentieth of that. This module imports next to nothing, or it would be slower than asking.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from headwater.base.cache import Cache, NoCache
from headwater.base.codec import Json, pack, unpack_or_none
from headwater.jinja.outline import outline_of
from headwater.project.observed import Observed, Observer, changed_files, content_or_none
from headwater.project.text import decoded
from headwater.runs.caches import FileCache, cache_folder_or_none

ANSWERS_MAX = 64
"""Answers kept for one folder; beyond, the oldest go."""

EDITS_MAX = 32
"""Edited files whose outlines are compared; where there are more, the project is read again."""

_ANSWER = b"answer"
_EDITED_BYTES_MAX = 1 << 20
_LIBRARIES = ("jinja2", "yaml", "msgspec", "click", "markupsafe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A file whose plain SQL is another than when the answer was made, and its Jinja the same.

    Attributes:
        path: Absolute path.
        node: The node whose text it holds.
        content: What it holds now.
        text: The same as text.
    """

    path: str
    node: str
    content: bytes
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    observed: Observed
    value: Any
    outlines: dict[str, tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """An answer that still holds, but for what it says of the texts that were edited.

    Attributes:
        value: The answer.
        edits: The texts, none for most answers.
    """

    value: Json
    edits: tuple[Edit, ...]
    kept: _Kept = field(repr=False)


class Recall:
    """The kept answer to one question.

    Attributes:
        environment: Environment variables as they are now.
    """

    def __init__(self, cache: Cache, environment: Mapping[str, str]) -> None:
        """Look nothing up yet.

        Args:
            cache: Where the answer lies.
            environment: Environment variables as they are now.
        """
        self._cache = cache
        self.environment = environment

    def find_or_none(self) -> Recalled | None:
        """Return the answer, if all that it derives from is as it was."""
        packed = self._cache.find_or_none(_ANSWER)
        kept = None if packed is None else unpack_or_none(_Kept, packed)
        if kept is None:
            return None
        changed = changed_files(kept.observed, self.environment)
        if changed is None or len(changed) > EDITS_MAX:
            return None
        edits = tuple(_edit_or_none(path, kept.outlines.get(path)) for path in changed)
        found = tuple(edit for edit in edits if edit is not None)
        if len(found) < len(edits):
            return None
        return Recalled(value=cast("Json", kept.value), edits=found, kept=kept)

    def keep(
        self, value: Json, observer: Observer, outlines: Mapping[str, tuple[str, bytes]]
    ) -> None:
        """Keep an answer, unless what it derives from passes.

        Args:
            value: The answer.
            observer: Has seen everything that it derives from.
            outlines: Files of which the answer derives from the outline alone, from
                ``outlines_of``.
        """
        observed = observer.observed_or_none()
        if observed is not None:
            self._keep(_Kept(observed=observed, value=value, outlines=dict(outlines)))

    def keep_edited(self, recalled: Recalled, value: Json) -> None:
        """Keep an answer that was brought up to date with the texts that were edited.

        Args:
            recalled: As it was found.
            value: The answer now.
        """
        observed = recalled.kept.observed
        for edit in recalled.edits:
            observed = observed.with_file(edit.path, edit.content)
        self._keep(_Kept(observed=observed, value=value, outlines=recalled.kept.outlines))

    def _keep(self, kept: _Kept) -> None:
        self._cache.keep(_ANSWER, pack(kept))
        self._cache.save()
        if isinstance(self._cache, FileCache):
            _make_room(self._cache.path.parent)


def open_recall(question: Mapping[str, Json], environment: Mapping[str, str]) -> Recall:
    """Look for the answer to a question asked in this folder.

    Args:
        question: The verb and everything that was given with it.
        environment: Environment variables.
    """
    folder = cache_folder_or_none(environment.get("HEADWATER_CACHE_DIR"), environment)
    if folder is None:
        return Recall(NoCache(), environment)
    here = str(Path.cwd())
    name = hashlib.sha256(os.fsencode(here)).hexdigest()[:24]
    key = hashlib.sha256(pack(dict(question))).hexdigest()[:24]
    return Recall(FileCache(folder / "answers" / name / key, program_tag()), environment)


def program_tag() -> str:
    """Identify the program: every file of ours, and the libraries that read projects.

    By size and time of change: they are installed, not edited, and a second's work is at stake.
    """
    digest = hashlib.sha256()
    stack = [os.path.dirname(os.path.dirname(__file__))]  # noqa: PTH120 - thousands of times
    while stack:
        for entry in sorted(os.scandir(stack.pop()), key=lambda each: each.name):
            if entry.name == "__pycache__":
                continue
            if entry.is_dir():
                stack.append(entry.path)
                continue
            facts = entry.stat()
            digest.update(f"{entry.path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    for library in _LIBRARIES:
        spec = find_spec(library)
        if spec is not None and spec.origin is not None:
            digest.update(f"{spec.origin} {Path(spec.origin).stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _edit_or_none(path: str, known: tuple[str, bytes] | None) -> Edit | None:
    """Return the edit of a file; None when more than its plain text may have changed."""
    content = None if known is None else content_or_none(path, _EDITED_BYTES_MAX)
    if known is None or content is None:
        return None
    try:
        text = decoded(content)
    except UnicodeDecodeError:
        return None
    node, outline = known
    if outline_of(text) != outline:
        return None
    return Edit(path=path, node=node, content=content, text=text)


def _make_room(folder: Path) -> None:
    with suppress(OSError):
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in files[:-ANSWERS_MAX]:
            file.unlink()
