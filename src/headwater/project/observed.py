"""What a command looked at - files, folders, variables - and whether it is all still so.

An answer that derives from nothing else can be given again without being made again. Contents are
compared and never times, so an answer is never older than what it is about.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

_EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that an answer derives from, and how it was.

    Attributes:
        files: Paths of files, also of those that were not there, sorted.
        folders: Paths of folders whose entries count, also of those that were not there, sorted.
        variables: Names of environment variables, also of those not set, sorted; ``*`` for all.
        contents: What each of ``files`` held: a SHA-256, empty when it could not be read.
        digest: SHA-256 over the contents of folders and variables.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    variables: tuple[str, ...]
    contents: tuple[bytes, ...]
    digest: bytes

    def with_file(self, path: str, content: bytes) -> "Observed":
        """Return the same with other contents of one file.

        Args:
            path: One of ``files``.
            content: What it holds now.
        """
        index = self.files.index(path)
        held = hashlib.sha256(content).digest()
        contents = (*self.contents[:index], held, *self.contents[index + 1 :])
        return replace(self, contents=contents)


class Observer:
    """Notes what a command looks at, as it was when it was looked at."""

    def __init__(self) -> None:
        """Nothing has been looked at."""
        self._files: dict[str, bytes] = {}
        self._folders: dict[str, bytes] = {}
        self._variables: dict[str, bytes] = {}
        self._is_passing = False

    def file(self, path: Path | str, digest: str | None) -> None:
        """Note a file that was read.

        Args:
            path: The file.
            digest: SHA-256 of its bytes in hexadecimal; None when it could not be read as a file.
        """
        self._files[os.path.abspath(path)] = bytes.fromhex(digest or "")  # noqa: PTH100 - links stay

    def folder(self, path: Path | str, names: Iterable[str] | None) -> None:
        """Note a folder that was listed, with all its entries; None when it is no folder."""
        self._folders[os.path.abspath(path)] = _listing(names)  # noqa: PTH100 - links stay

    def passing(self) -> None:
        """Note that the time, or an id of the command, was looked at: no later answer is alike."""
        self._is_passing = True

    def environment(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables in a form that notes which of them are looked at."""
        return _Noting(environment, self._variables)

    def observed_or_none(self) -> Observed | None:
        """Return all that was looked at; None when an answer made of it does not last."""
        if self._is_passing:
            return None
        digest = hashlib.sha256()
        for seen in (self._folders, self._variables):
            for _, content in sorted(seen.items()):
                _add(digest, content)
        return Observed(
            files=tuple(sorted(self._files)),
            contents=tuple(content for _, content in sorted(self._files.items())),
            folders=tuple(sorted(self._folders)),
            variables=tuple(sorted(self._variables)),
            digest=digest.digest(),
        )


def changed_files(observed: Observed, environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the files that are not as they were when they were noted.

    Args:
        observed: What was looked at.
        environment: Environment variables as they are now.

    Returns:
        Paths, sorted; None when a folder or a variable has changed.
    """
    digest = hashlib.sha256()
    for path in observed.folders:
        _add(digest, _entries(path))
    for name in observed.variables:
        _add(digest, _value(environment, name))
    if digest.digest() != observed.digest:
        return None
    pairs = zip(observed.files, observed.contents, strict=True)
    return tuple(path for path, content in pairs if _content(path) != content)


def content_or_none(path: str, bytes_max: int) -> bytes | None:
    """Return what a file holds; None when it cannot be read or holds more than ``bytes_max``."""
    with suppress(OSError), open(path, "rb", opener=_without_waiting) as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            content = file.read(bytes_max + 1)
            return content if len(content) <= bytes_max else None
    return None


def _add(digest: "hashlib._Hash", content: bytes) -> None:
    digest.update(b"%d " % len(content))
    digest.update(content)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return b""
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _entries(path: str) -> bytes:
    try:
        return _listing(os.listdir(path))  # noqa: PTH208 - names alone
    except OSError:
        return _listing(None)


def _listing(names: Iterable[str] | None) -> bytes:
    if names is None:
        return b""
    return hashlib.sha256("\0".join(sorted(names)).encode("utf-8", "surrogateescape")).digest()


def _value(environment: Mapping[str, str], name: str) -> bytes:
    if name == _EVERYTHING:
        return "\0".join(f"{key}={environment[key]}" for key in sorted(environment)).encode(
            "utf-8", "surrogateescape"
        )
    value = environment.get(name)
    return b"" if value is None else b"=" + value.encode("utf-8", "surrogateescape")


class _Noting(Mapping[str, str]):
    """Environment variables that note which of them are asked for."""

    __slots__ = ("_seen", "_values")

    def __init__(self, values: Mapping[str, str], seen: dict[str, bytes]) -> None:
        self._values = values
        self._seen = seen

    def __getitem__(self, name: str) -> str:
        self._seen[name] = _value(self._values, name)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        self._seen[str(name)] = _value(self._values, str(name))
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        self._seen[_EVERYTHING] = _value(self._values, _EVERYTHING)
        return iter(self._values)

    def __len__(self) -> int:
        self._seen[_EVERYTHING] = _value(self._values, _EVERYTHING)
        return len(self._values)
