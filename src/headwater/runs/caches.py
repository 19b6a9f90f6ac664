"""The files in which derived bytes outlive a command.

They lie in the user's cache folder and never in the project: compiled templates are run without the
sandbox having seen their text, so they must not come with somebody else's clone.
"""

import hashlib
import marshal
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from headwater.base.cache import Cache, NoCache

BYTES_MAX = 64 * 1024 * 1024
"""A file that would grow beyond this keeps only what the last command used."""


def open_cache(
    folder: str | None, environment: Mapping[str, str], project: Path, *, kind: str, tag: str
) -> Cache:
    """Open one cache of a project; nothing is read before it is asked for.

    Args:
        folder: Folder of caches; ``off`` for none; None for the user's own.
        environment: Environment variables, for the user's cache folder.
        project: Folder of the project.
        kind: What is kept: ``templates``, ``queries``.
        tag: Identifies what makes its contents; see ``FileCache``.
    """
    root = cache_folder_or_none(folder, environment)
    if root is None:
        return NoCache()
    name = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:24]
    return FileCache(root / kind / name, tag)


def cache_folder_or_none(folder: str | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder of all caches; None when nothing is to be kept.

    Args:
        folder: Folder asked for; ``off`` for none; None for the user's own.
        environment: Environment variables, for the user's cache folder.
    """
    home = environment.get("HOME")
    base = environment.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else None)
    if folder == "off":
        return None
    return Path(folder) if folder else Path(base) / "headwater" if base else None


class FileCache:
    """A cache in one file, read at once when the first key is asked for.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, tag: str) -> None:
        """Refer to the file; nothing is read.

        Args:
            path: The file.
            tag: Identifies what made its contents; a file of another maker is not used.
        """
        self.path = path
        self._tag = tag
        self._values: dict[bytes, bytes] | None = None
        self._used: set[bytes] = set()
        self._is_changed = False

    def find_or_none(self, key: bytes) -> bytes | None:
        """Return what was kept under a key."""
        value = self._loaded().get(key)
        if value is not None:
            self._used.add(key)
        return value

    def keep(self, key: bytes, value: bytes) -> None:
        """Keep bytes under a key, until ``save``."""
        self._loaded()[key] = value
        self._used.add(key)
        self._is_changed = True

    def save(self) -> None:
        """Write what is new; a folder that cannot be written keeps nothing and says nothing."""
        if not self._is_changed or self._values is None:
            return
        values = self._values
        if sum(map(len, values.values())) > BYTES_MAX:
            values = {key: value for key, value in values.items() if key in self._used}
        body = marshal.dumps(values)
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(self._head(body) + body)
                partial.replace(self.path)
            finally:
                partial.unlink(missing_ok=True)
        self._is_changed = False

    def _loaded(self) -> dict[bytes, bytes]:
        if self._values is None:
            self._values = self._read()
        return self._values

    def _read(self) -> dict[bytes, bytes]:
        """Read the file; nothing when another made it, it is damaged, or somebody else's."""
        try:
            with self.path.open("rb") as file:
                if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                    return {}
                head, body = file.readline(), file.read()
        except OSError:
            return {}
        if head != self._head(body):
            return {}
        values: dict[bytes, bytes] = marshal.loads(body)  # noqa: S302 - owner and hash agree
        return values

    def _head(self, body: bytes) -> bytes:
        return f"headwater cache 1 {self._tag} {hashlib.sha256(body).hexdigest()}\n".encode()
