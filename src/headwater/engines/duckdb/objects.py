"""Object stores for DuckDB: a file system of fsspec's shape over the lake's own storage.

DuckDB 2.0 has no httpfs on the package index, but takes a Python file system. This one adds no
client: reads and uploads go through ``headwater.lake.storage``, with the lake's own credentials,
retries and errors. The only importer of fsspec.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from fsspec import AbstractFileSystem

from headwater.base.errors import HeadwaterError, Invalid
from headwater.lake.storage import ObjectStorage, StoredFile, Upload
from headwater.lake.stores import S3_SCHEMES, Storages, split_url

SCHEMES = (*S3_SCHEMES, "gs", "az", "abfss")
"""Beginnings of URLs that DuckDB hands over."""

_MAGIC = re.compile(r"[*?\[]")
_PATTERN = re.compile(r"\*\*/|\*\*|\*|\?|\[[^]]+\]|[^*?[]+|\[")
_WILD: Mapping[str, str] = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def object_files(options: Mapping[str, str]) -> Callable[[], "ObjectFiles"]:
    """Return what makes file systems that share their connections, one an instance."""
    stores = Storages(options)
    return lambda: ObjectFiles(stores)


class ObjectFiles(AbstractFileSystem):  # type: ignore[misc] # fsspec has no types
    """What DuckDB asks of a file system; one instance's own, so that faults are its own.

    Facts of a file are asked for once in an operation: DuckDB opens each file three times.
    """

    cachable = False
    protocol = SCHEMES

    def __init__(self, stores: Storages) -> None:
        super().__init__()
        self.stores = stores
        self._seen: dict[str, StoredFile] = {}
        self._fault: HeadwaterError | None = None

    def begin(self) -> None:
        """Forget what was seen of files before."""
        self._seen.clear()
        self._fault = None

    def fault_or_none(self) -> HeadwaterError | None:
        """Return what last went wrong."""
        return self._fault

    def open(self, path: str, mode: str = "rb", **_: object) -> "_Reader | _Writer":
        """Open an object to read it, or to write it anew."""
        with self.told():
            storage, key = self._place(path)
            if mode == "rb":
                return _Reader(self, storage, key, self._facts(path).size_bytes)
            if mode != "wb":
                raise Invalid(
                    "storage-unsupported",
                    f"`{path}` cannot be opened for `{mode}`",
                    why="objects are written whole, once",
                    fix="write a new file",
                )
            self._seen.pop(path, None)
            return _Writer(self, storage.open_upload(key))

    def info(self, path: str, **_: object) -> dict[str, object]:
        """Describe an object."""
        with self.told():
            return {"name": path, "size": self._facts(path).size_bytes, "type": "file"}

    def modified(self, path: str) -> datetime:
        """Return when an object was last written."""
        with self.told():
            return datetime.fromtimestamp(self._facts(path).modified_ms / 1000, UTC)

    def exists(self, path: str, **_: object) -> bool:
        """Tell whether there is such an object."""
        with self.told():
            return self._facts_or_none(path) is not None

    def isdir(self, _path: str) -> bool:
        """Say yes: an object store has every folder."""
        return True

    def isfile(self, path: str) -> bool:
        """Tell whether there is such an object."""
        return self.exists(path)

    def mkdir(self, path: str, **_: object) -> None:
        """Do nothing: an object store has every folder."""

    def makedirs(self, path: str, **_: object) -> None:
        """Do nothing: an object store has every folder."""

    def rm_file(self, path: str) -> None:
        """Delete an object; a missing one is no error."""
        with self.told():
            storage, key = self._place(path)
            self._seen.pop(path, None)
            storage.delete(key)

    def rm(self, path: str, **_: object) -> None:
        """Delete an object."""
        self.rm_file(path)

    def glob(self, path: str, **_: object) -> list[str]:
        """Return the objects that a pattern names: ``*``, ``**``, ``?`` and ``[...]``."""
        if not _MAGIC.search(path):
            return [path]
        with self.told():
            bucket, pattern = split_url(path)
            folder = _MAGIC.split(pattern, maxsplit=1)[0].rpartition("/")[0]
            wanted = re.compile(
                "".join(_regular(part) for part in _PATTERN.findall(pattern)), re.DOTALL
            )
            found = self.stores.at(bucket).list(folder)
            return [f"{bucket}/{file.path}" for file in found if wanted.fullmatch(file.path)]

    @contextmanager
    def told(self) -> Iterator[None]:
        """Remember an error of ours before DuckDB makes a text of it."""
        try:
            yield
        except HeadwaterError as error:
            self._fault = error
            raise

    def _place(self, url: str) -> tuple[ObjectStorage, str]:
        bucket, key = split_url(url)
        storage = self.stores.at(bucket)
        if not isinstance(storage, ObjectStorage):
            raise Invalid(
                "storage-unsupported",
                f"`{url}` is no object store",
                fix="write it as s3://bucket/prefix",
            )
        return storage, key

    def _facts_or_none(self, url: str) -> StoredFile | None:
        if url not in self._seen:
            storage, key = self._place(url)
            found = storage.stat_or_none(key)
            if found is None:
                return None
            self._seen[url] = found
        return self._seen[url]

    def _facts(self, url: str) -> StoredFile:
        found = self._facts_or_none(url)
        if found is None:
            # DuckDB asks this of files that it is about to write: an answer, not a fault.
            raise FileNotFoundError(url)
        return found


class _Reader:
    """An object open for reading: each read is a range of its bytes."""

    def __init__(self, files: ObjectFiles, storage: ObjectStorage, key: str, size: int) -> None:
        self._files = files
        self._storage = storage
        self._key = key
        self._size = size
        self._at = 0

    def read(self, length: int = -1) -> bytes:
        """Return the next bytes, fewer only at the end."""
        rest = max(0, self._size - self._at)
        wanted = rest if length < 0 else min(length, rest)
        if not wanted:
            return b""
        with self._files.told():
            found = self._storage.read_range(self._key, self._at, wanted)
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte: from the start, from here, or from the end."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the byte that is read next."""
        return self._at

    def close(self) -> None:
        """Do nothing: nothing is held."""


class _Writer:
    """An object being written: visible, whole, once it is closed."""

    def __init__(self, files: ObjectFiles, upload: Upload) -> None:
        self._files = files
        self._upload = upload

    def write(self, data: bytes) -> int:
        """Add bytes."""
        with self._files.told():
            return self._upload.write(data)

    def tell(self) -> int:
        """Return how many bytes were added."""
        return self._upload.tell()

    def flush(self) -> None:
        """Do nothing: parts are sent when they are full."""

    def close(self) -> None:
        """Finish the object."""
        with self._files.told():
            self._upload.close()


def _regular(part: str) -> str:
    if part in _WILD:
        return _WILD[part]
    if part.startswith("[") and len(part) > 1:
        return "[" + part[1:-1].replace("\\", r"\\").replace("!", "^", 1) + "]"
    return re.escape(part)
