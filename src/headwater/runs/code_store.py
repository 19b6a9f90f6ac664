"""The file in which compiled templates outlive a command.

It lies in the user's cache folder and never in the project: code from there is run without the
sandbox having seen its text, so it must not come with somebody else's clone.
"""

import hashlib
import marshal
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from headwater.jinja.bytecode import CodeStore, NoCodeStore, compiler_tag

BYTES_MAX = 64 * 1024 * 1024
"""A file that would grow beyond this keeps only what the last command used."""

_MAGIC = b"headwater templates 1 "


def open_code_store(folder: str | None, environment: Mapping[str, str], project: Path) -> CodeStore:
    """Open the store of one project.

    Args:
        folder: Folder of caches; ``off`` for none; None for the user's own.
        environment: Environment variables, for the user's cache folder.
        project: Folder of the project.
    """
    if folder == "off":
        return NoCodeStore()
    home = environment.get("HOME")
    base = environment.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else None)
    root = Path(folder) if folder else Path(base) / "headwater" if base else None
    if root is None:
        return NoCodeStore()
    name = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:24]
    return FileCodeStore(root / "templates" / f"{name}.bin")


class FileCodeStore:
    """Compiled templates in one file, read at once when the first is asked for.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        """Refer to the file; nothing is read."""
        self.path = path
        self._codes: dict[bytes, bytes] | None = None
        self._used: set[bytes] = set()
        self._is_changed = False

    def find_or_none(self, key: bytes) -> bytes | None:
        """Return what was kept under a key."""
        code = self._loaded().get(key)
        if code is not None:
            self._used.add(key)
        return code

    def keep(self, key: bytes, code: bytes) -> None:
        """Keep code under a key, until ``save``."""
        self._loaded()[key] = code
        self._used.add(key)
        self._is_changed = True

    def save(self) -> None:
        """Write what is new; a folder that cannot be written keeps nothing and says nothing."""
        if not self._is_changed or self._codes is None:
            return
        codes = self._codes
        if sum(map(len, codes.values())) > BYTES_MAX:
            codes = {key: code for key, code in codes.items() if key in self._used}
        body = marshal.dumps(codes)
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(_head(body) + body)
                partial.replace(self.path)
            finally:
                partial.unlink(missing_ok=True)
        self._is_changed = False

    def _loaded(self) -> dict[bytes, bytes]:
        if self._codes is None:
            self._codes = _read(self.path)
        return self._codes


def _head(body: bytes) -> bytes:
    return _MAGIC + f"{compiler_tag()} {hashlib.sha256(body).hexdigest()}\n".encode()


def _read(path: Path) -> dict[bytes, bytes]:
    """Read a file; nothing when it is of another compiler, damaged, or somebody else's."""
    try:
        with path.open("rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                return {}
            head, body = file.readline(), file.read()
    except OSError:
        return {}
    if head != _head(body):
        return {}
    codes: dict[bytes, bytes] = marshal.loads(body)  # noqa: S302 - ours: owner and hash agree
    return codes
