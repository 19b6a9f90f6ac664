"""Answers kept between commands, given again while all that they derive from is as it was.

Reading a project takes a second for a thousand models; finding that not a byte of it has changed
takes a twentieth of that. This module imports next to nothing, or it would be slower than asking.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from headwater.base.artifacts import ArtifactFacts
from headwater.base.cache import Cache, NoCache
from headwater.base.codec import Json, pack, unpack_or_none
from headwater.project.observed import Observed, Observer, is_unchanged
from headwater.runs.caches import FileCache, cache_folder_or_none
from headwater.runs.documents import replace_file

ANSWERS_MAX = 64
"""Answers kept for one folder; beyond, the oldest go."""

_ANSWER = b"answer"
_LIBRARIES = ("jinja2", "yaml", "msgspec", "click", "markupsafe")
_METADATA = b'{"metadata":'
_METADATA_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    observed: Observed
    value: Any


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

    def find_or_none(self) -> Json:
        """Return the answer, if all that it derives from is as it was."""
        kept = self._cache.find_or_none(_ANSWER)
        answer = None if kept is None else unpack_or_none(_Kept, kept)
        if answer is None or not is_unchanged(answer.observed, self.environment):
            return None
        return cast("Json", answer.value)

    def keep(self, value: Json, observer: Observer) -> None:
        """Keep an answer, unless what it derives from passes.

        Args:
            value: The answer.
            observer: Has seen everything that it derives from.
        """
        observed = observer.observed_or_none()
        if observed is None:
            return
        self._cache.keep(_ANSWER, pack(_Kept(observed=observed, value=value)))
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


def manifest_mark(path: Path) -> str:
    """Return the SHA-256 of a manifest without its metadata; empty when there is none."""
    body = _parts_or_none(path)
    return "" if body is None else hashlib.sha256(body[1]).hexdigest()


def renew_manifest(path: Path, mark: str, facts: ArtifactFacts) -> bool:
    """Let a manifest that is still true say that this command wrote it.

    Args:
        path: The file.
        mark: From ``manifest_mark`` when it was written.
        facts: Of this command.

    Returns:
        False, with nothing written, when the file is not the one that was marked.
    """
    parts = _parts_or_none(path)
    if parts is None or hashlib.sha256(parts[1]).hexdigest() != mark:
        return False
    metadata, body = parts
    metadata["invocation_id"] = facts.invocation_id
    metadata["env"] = dict(facts.environment)
    for key in ("generated_at", "invocation_started_at", "run_started_at"):
        metadata[key] = facts.generated_at
    head = json.dumps(metadata, separators=(",", ":"), ensure_ascii=False).encode()
    replace_file(path, b"".join((_METADATA, head, body)))
    return True


def _parts_or_none(path: Path) -> tuple[dict[str, Json], memoryview] | None:
    """Return a manifest's metadata and the bytes after it."""
    with suppress(OSError, ValueError):
        content = path.read_bytes()
        if content.startswith(_METADATA):
            start = len(_METADATA)
            text = content[start:_METADATA_BYTES_MAX].decode("utf-8", "ignore")
            metadata, length = json.JSONDecoder().raw_decode(text)
            end = start + len(text[:length].encode())
            return cast("dict[str, Json]", metadata), memoryview(content)[end:]
    return None


def _make_room(folder: Path) -> None:
    with suppress(OSError):
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in files[:-ANSWERS_MAX]:
            file.unlink()
