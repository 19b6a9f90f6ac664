"""The manifest.json of an earlier command, brought up to date for one that answers again.

It is as much work to write a manifest as to read the project, and nearly all of it is as it was.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json, encode
from headwater.project.text import artifact_checksum, artifact_text
from headwater.runs.documents import replace_file
from headwater.runs.recall import Edit

_METADATA = b'{"metadata":'
_METADATA_BYTES_MAX = 1 << 16
_ENTRY_BYTES = 1 << 14


def manifest_mark(path: Path) -> str:
    """Return the SHA-256 of a manifest without its metadata; empty when there is none."""
    body = _parts_or_none(path)
    return "" if body is None else hashlib.sha256(body[1]).hexdigest()


def renew_manifest(
    path: Path, mark: str, facts: ArtifactFacts, edits: Iterable[Edit] = ()
) -> str | None:
    """Let a manifest that is still true say that this command wrote it.

    Args:
        path: The file.
        mark: From ``manifest_mark`` when it was written.
        facts: Of this command.
        edits: Texts that are others than when it was written.

    Returns:
        Its mark now; None, with nothing written, when the file is not the one that was marked.
    """
    parts = _parts_or_none(path)
    if parts is None or hashlib.sha256(parts[1]).hexdigest() != mark:
        return None
    metadata, body = parts
    for edit in edits:
        edited = _with_text(bytes(body), edit)
        if edited is None:
            return None
        body = memoryview(edited)
        mark = ""
    metadata["invocation_id"] = facts.invocation_id
    metadata["env"] = dict(facts.environment)
    for key in ("generated_at", "invocation_started_at", "run_started_at"):
        metadata[key] = facts.generated_at
    head = json.dumps(metadata, separators=(",", ":"), ensure_ascii=False).encode()
    replace_file(path, b"".join((_METADATA, head, body)))
    return mark or hashlib.sha256(body).hexdigest()


def _with_text(body: bytes, edit: Edit) -> bytes | None:
    """Put a node's entry together again with its text as it is now; None when it is not found."""
    key = json.dumps(edit.node, ensure_ascii=False).encode() + b":"
    start = body.find(key + b"{") + len(key)
    # A quote inside of a text is written with a backslash, so this is a key of an object.
    if start < len(key) or body[start - len(key) - 1 : start - len(key)] not in {b"{", b","}:
        return None
    entry, size = _entry_or_none(body, start)
    if entry is None or entry.get("unique_id") != edit.node:
        return None
    if body[start : start + size] != encode(entry):
        return None
    entry["raw_code"] = artifact_text(edit.text)
    entry["checksum"] = {"name": "sha256", "checksum": artifact_checksum(edit.text)}
    return b"".join((body[:start], encode(entry), body[start + size :]))


def _entry_or_none(body: bytes, start: int) -> tuple[dict[str, Any] | None, int]:
    """Return the object that begins at an offset, and its length in bytes."""
    length = _ENTRY_BYTES
    while True:
        text = body[start : start + length].decode("utf-8", "ignore")
        with suppress(ValueError):
            entry, end = json.JSONDecoder().raw_decode(text)
            return cast("dict[str, Any]", entry), len(text[:end].encode())
        if start + length >= len(body):
            return None, 0
        length *= 4


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
