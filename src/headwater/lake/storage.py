"""Where tables live: a folder or an object store behind one small interface.

Publishing a version of a table is creating one file that must not exist yet, so the one operation
that matters is ``put_if_absent``: of several writers exactly one wins, and what it wrote is whole
and durable when the call returns. This is the only importer of obstore; its errors and the
operating system's are mapped here to ours.
"""

import errno
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from shutil import copyfile
from types import MappingProxyType
from typing import Protocol

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import MemoryStore, ObjectStore, from_url

from headwater.base.errors import Denied, HeadwaterError, Invalid, NotFound, Unavailable
from headwater.lake.disk import Disk, FlushedNames

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
TEMPORARY_PREFIX = ".tmp-"
"""Names of files that are being put; a killed writer leaves one behind."""


_RETRIES: Mapping[str, object] = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {
        "init_backoff": timedelta(milliseconds=50),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
_CLIENT = {
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(seconds=60),
}


_READS_MAX = 3
_BROKEN_OFF = "body error"
_PART_BYTES = 5 * 1024 * 1024  # the smallest part that S3 takes
_PARTS_AT_ONCE = 4
_STATUS = re.compile(r"status code: (\d{3})")
_REASON = re.compile(r"<Code>(\w+)</Code>")
_NOT_FOUND = 404
_REFUSED = frozenset({401, 403})
_BAD_KEYS = frozenset({"ExpiredToken", "InvalidToken", "AuthorizationHeaderMalformed"})
_FOLDERS_ABOVE_ROOT = 4  # schema, catalog, lake, and the folder of the lake
_BOOLEANS = frozenset({"true", "false"})
_CLIENT_NAMES = {
    "allow_http": "allow_http",
    "aws_allow_http": "allow_http",
    "AWS_ALLOW_HTTP": "allow_http",
    "allow_invalid_certificates": "allow_invalid_certificates",
    "proxy_url": "proxy_url",
    "timeout": "timeout",
    "connect_timeout": "connect_timeout",
}
"""Options that obstore takes for its HTTP client, not for the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file in storage.

    Attributes:
        path: Relative to the storage's root, ``/`` between parts.
        size_bytes: Its size.
        modified_ms: Last modification, milliseconds since 1970.
        identity: Changes when the file is replaced (inode and time, or etag).
    """

    path: str
    size_bytes: int
    modified_ms: int
    identity: str


class Storage(ABC):
    """A tree of files. Paths are relative to ``root`` and never leave it.

    Every method raises ``Denied`` (``lake-read-only``), ``NotFound`` (``file-not-found``),
    ``Unavailable`` (``disk-full``, ``storage-unavailable``) and nothing of a driver's own.

    Attributes:
        root: Absolute folder or URL, no trailing slash.
        options: Object-store options (credentials, endpoint); empty for folders.
    """

    root: str
    options: Mapping[str, str]

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Return a whole file."""

    @abstractmethod
    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Create a file whole and durably; False, and nothing changed, when it exists."""

    @abstractmethod
    def stat_or_none(self, path: str) -> StoredFile | None:
        """Describe a file; None when there is none."""

    @abstractmethod
    def list(self, prefix: str = "", *, after: str = "") -> Iterator[StoredFile]:
        """List files under the folder ``prefix`` at any depth, sorted by path.

        With ``after`` only those whose path is greater. A missing folder has no files.
        """

    @abstractmethod
    def list_folders(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of the folders directly in the folder ``prefix``, sorted."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file; a missing one is no error."""

    @abstractmethod
    def upload(self, local_path: str, path: str) -> None:
        """Copy a local file into storage durably, replacing what is there."""

    @abstractmethod
    def take(self, other: "Storage", path: str, *, share: bool) -> None:
        """Have a file of another storage under the same path; not yet durably.

        With ``share`` it is a second name of the same bytes and takes no space.

        Raises:
            Invalid: ``storage-unsupported``, where this cannot be done.
        """

    @abstractmethod
    def make_durable(self, paths: Iterable[str]) -> None:
        """Flush files that another program wrote, and the folders that name them."""

    @abstractmethod
    def make_root_durable(self, folder: str = "") -> None:
        """Flush the folders above the root that name it; for a root that was just made.

        With ``folder`` that folder in the root is made if it is missing, and flushed, too:
        another process may have made it and died before it did.
        """

    @abstractmethod
    def within(self, path: str) -> "Storage":
        """Return the same storage rooted at the folder ``path``."""

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file."""
        return self.stat_or_none(path) is not None

    def size(self, path: str) -> int:
        """Return a file's bytes.

        Raises:
            NotFound: ``file-not-found``.
        """
        found = self.stat_or_none(path)
        if found is None:
            raise _missing(f"{self.root}/{path}")
        return found.size_bytes


def open_storage(
    url_or_path: str, options: Mapping[str, str] = NO_OPTIONS, disk: Disk | None = None
) -> Storage:
    """Open a folder (made when missing on first write) or an object-store URL.

    ``s3://bucket/prefix`` and others that obstore knows take its option names
    (``endpoint``, ``region``, ``access_key_id`` ...). ``memory://name`` is empty at each call.

    Args:
        url_or_path: Where.
        options: Of an object store.
        disk: How a folder's files are changed; durably when None.

    Raises:
        Invalid: ``storage-unsupported``, for an unknown kind of URL or option.
    """
    if "://" not in url_or_path:
        return LocalStorage(os.path.abspath(url_or_path), disk)  # noqa: PTH100 - no symlink is resolved
    scheme, _, rest = url_or_path.partition("://")
    if scheme == "file":
        return LocalStorage(os.path.abspath("/" + rest.lstrip("/")), disk)  # noqa: PTH100
    root = url_or_path.rstrip("/")
    if scheme == "memory":
        return ObjectStorage(root, MemoryStore(), options, "")
    config = {name: value for name, value in options.items() if name not in _CLIENT_NAMES}
    client = _CLIENT | {
        _CLIENT_NAMES[name]: value.lower() == "true" if value.lower() in _BOOLEANS else value
        for name, value in options.items()
        if name in _CLIENT_NAMES
    }
    with _mapped(root, _cannot_be_used):
        store = from_url(root, config=config, client_options=client, retry_config=_RETRIES)  # type: ignore[call-overload] # obstore checks the options
    return ObjectStorage(root, store, options, "")


def check_path(path: str) -> str:
    """Return ``path`` when it stays under its root.

    Raises:
        Invalid: ``table-path-invalid``.
    """
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} for part in parts):
        raise Invalid(
            "table-path-invalid",
            f"`{path!r}` is not a path inside the lake",
            why="each part between slashes must be a name, without `.`, `..` or NUL",
            fix="name a path below the lake",
        )
    return path


class LocalStorage(Storage):
    """A folder. Its ``put_if_absent`` is: temporary file, fsync, link(2), fsync of the folder."""

    def __init__(
        self, root: str, disk: Disk | None = None, flushed: FlushedNames | None = None
    ) -> None:
        self.root = root.rstrip("/") or "/"
        self.options = NO_OPTIONS
        self._disk = disk or Disk()
        self._flushed = flushed or FlushedNames()

    def read(self, path: str) -> bytes:
        """Return a whole file."""
        full = self._full(path)
        with _mapped(full):
            return Path(full).read_bytes()

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Create a file whole and durably; False, and nothing changed, when it exists."""
        full = self._full(path)
        folder, name = os.path.split(full)
        temporary = f"{folder}/{TEMPORARY_PREFIX}{name}-{token_hex(8)}"
        with _mapped(full):
            self._make_folders(folder)
            try:
                self._disk.write_new(temporary, data)
                self._disk.link(temporary, full)
            except FileExistsError:
                return False
            finally:
                with suppress(OSError):
                    self._disk.unlink(temporary)
            self._disk.sync(folder)
        return True

    def stat_or_none(self, path: str) -> StoredFile | None:
        """Describe a file; None when there is none."""
        full = self._full(path)
        with _mapped(full):
            try:
                found = os.stat(full)  # noqa: PTH116
            except (FileNotFoundError, NotADirectoryError):
                return None
        return _stored_file(path, found) if stat.S_ISREG(found.st_mode) else None

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[StoredFile]:
        """List files under the folder ``prefix`` at any depth, sorted by path."""
        top = self._full(prefix) if prefix else self.root
        found: list[StoredFile] = []
        with _mapped(top):
            for folder, _, names in os.walk(top, onerror=_raise_unless_missing):
                relative = os.path.relpath(folder, self.root)
                start = "" if relative == "." else f"{relative}/"
                paths = [start + name for name in names if start + name > after]
                found.extend(part for path in paths if (part := self.stat_or_none(path)))
        yield from sorted(found, key=lambda part: part.path)

    def list_folders(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of the folders directly in the folder ``prefix``, sorted."""
        top = self._full(prefix) if prefix else self.root
        with _mapped(top):
            try:
                return tuple(sorted(part.name for part in os.scandir(top) if part.is_dir()))
            except (FileNotFoundError, NotADirectoryError):
                return ()

    def delete(self, path: str) -> None:
        """Delete a file; a missing one is no error."""
        full = self._full(path)
        with _mapped(full), suppress(FileNotFoundError):
            self._disk.unlink(full)

    def upload(self, local_path: str, path: str) -> None:
        """Copy a local file into storage durably, replacing what is there."""
        full = self._full(path)
        with _mapped(full):
            folder, name = os.path.split(full)
            self._make_folders(folder)
            temporary = f"{folder}/{TEMPORARY_PREFIX}{name}-{token_hex(8)}"
            try:
                self._disk.write_new(temporary, Path(local_path).read_bytes())
                self._disk.replace(temporary, full)
            except BaseException:
                with suppress(OSError):
                    self._disk.unlink(temporary)
                raise
            self._disk.sync(folder)

    def take(self, other: Storage, path: str, *, share: bool) -> None:
        """Have a file of another folder under the same path; not yet durably."""
        if not isinstance(other, LocalStorage):
            raise _not_taken(self, other, share=share)
        source, full = f"{other.root}/{check_path(path)}", self._full(path)
        with _mapped(full):
            self._make_folders(os.path.dirname(full))  # noqa: PTH120
            with suppress(FileNotFoundError):
                self._disk.unlink(full)  # of a clone that was killed
            if share:
                self._disk.link(source, full)
            else:
                copyfile(source, full)

    def make_durable(self, paths: Iterable[str]) -> None:
        """Flush files that another program wrote, and the folders that name them."""
        folders: set[str] = set()
        for path in paths:
            full = self._full(path)
            with _mapped(full):
                self._disk.sync(full)
            parts = path.split("/")[:-1]
            folders |= {"/".join(parts[:depth]) for depth in range(len(parts) + 1)}
        for folder in sorted(folders, key=len, reverse=True):
            full = self._full(folder) if folder else self.root
            with _mapped(full):
                self._disk.sync(full)

    def make_root_durable(self, folder: str = "") -> None:
        """Flush the folders above the root that name it; those we may not read are not ours.

        One in which no name has changed since it was flushed is left alone.
        """
        if folder:
            with _mapped(self.root):
                if not self._make_folders(self._full(folder)):
                    self._disk.sync(self.root)  # whoever made it may have died before it did
        above = self.root
        for _ in range(_FOLDERS_ABOVE_ROOT):
            above = os.path.dirname(above)  # noqa: PTH120
            with _mapped(above), suppress(PermissionError):
                done = self._flushed.ask(above)
                if done is not None:
                    self._disk.sync(above)
                    done()

    def within(self, path: str) -> "LocalStorage":
        """Return the same storage rooted at the folder ``path``."""
        return LocalStorage(self._full(path), self._disk, self._flushed)

    def _full(self, path: str) -> str:
        return f"{self.root}/{check_path(path)}"

    def _make_folders(self, folder: str) -> bool:
        """Make a folder and its parents, each durable in the folder above it; False for none."""
        missing: list[str] = []
        at = folder
        while not os.path.isdir(at):  # noqa: PTH112
            missing.append(at)
            at = os.path.dirname(at)  # noqa: PTH120
        for path in reversed(missing):
            with suppress(FileExistsError):
                self._disk.make_folder(path)
            self._disk.sync(os.path.dirname(path))  # noqa: PTH120
        return bool(missing)


class ObjectStorage(Storage):
    """An object store through obstore; ``put_if_absent`` is its conditional put."""

    def __init__(
        self, root: str, store: ObjectStore, options: Mapping[str, str], prefix: str
    ) -> None:
        self.root = root
        self.options = options
        self._store = store
        self._prefix = prefix

    def read(self, path: str) -> bytes:
        """Return a whole file."""
        with _mapped(f"{self.root}/{path}"):
            for _ in range(_READS_MAX - 1):
                found = self._read_or_none(self.key(path))
                if found is not None:
                    return found
            return bytes(obstore.get(self._store, self.key(path)).bytes())

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Create a file whole; False, and nothing changed by this call, when it exists.

        A False after a lost answer may hide our own success: the caller recognises its own data.
        """
        with _mapped(f"{self.root}/{path}"):
            try:
                obstore.put(self._store, self.key(path), data, mode="create")
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _read_or_none(self, key: str) -> bytes | None:
        """Return an object; None when the reply broke off, which obstore does not try again."""
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except GenericError as error:
            if _BROKEN_OFF not in str(error):
                raise
            return None

    def stat_or_none(self, path: str) -> StoredFile | None:
        """Describe a file; None when there is none."""
        with _mapped(f"{self.root}/{path}"):
            try:
                found = obstore.head(self._store, self.key(path))
            except (NotFoundError, FileNotFoundError):
                return None
        return self._stored(found)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[StoredFile]:
        """List files under the folder ``prefix`` at any depth, sorted by path."""
        start = self.key(prefix) if prefix else self._prefix
        with _mapped(f"{self.root}/{prefix}"):
            pages = obstore.list(
                self._store, start or None, offset=self.key(after) if after else None
            )
            found = [self._stored(part) for page in pages for part in page]
        yield from sorted(found, key=lambda part: part.path)

    def list_folders(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of the folders directly in the folder ``prefix``, sorted."""
        start = self.key(prefix) if prefix else self._prefix
        with _mapped(f"{self.root}/{prefix}"):
            listed = obstore.list_with_delimiter(self._store, start or None)
        return tuple(sorted(name.rsplit("/", 1)[-1] for name in listed["common_prefixes"]))

    def delete(self, path: str) -> None:
        """Delete a file; a missing one is no error."""
        with (
            _mapped(f"{self.root}/{path}"),
            suppress(NotFoundError, FileNotFoundError),
        ):
            obstore.delete(self._store, self.key(path))

    def upload(self, local_path: str, path: str) -> None:
        """Copy a local file into storage, replacing what is there."""
        with _mapped(f"{self.root}/{path}"):
            obstore.put(self._store, self.key(path), Path(local_path))

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """Return ``length`` bytes of a file from byte ``start`` on; both must lie inside it."""
        with _mapped(f"{self.root}/{path}"):
            found = obstore.get_range(self._store, self.key(path), start=start, length=length)
        return bytes(found)

    def open_upload(self, path: str) -> "Upload":
        """Start writing an object piece by piece; nothing is visible before ``Upload.close``."""
        place = f"{self.root}/{path}"
        with _mapped(place):
            writer = obstore.open_writer(
                self._store,
                self.key(path),
                buffer_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        return Upload(place, writer)

    def take(self, other: Storage, path: str, *, share: bool) -> None:
        """Have the store copy an object of the same bucket; objects have no second names."""
        if share or not isinstance(other, ObjectStorage) or not other.is_in(self._store):
            raise _not_taken(self, other, share=share)
        with _mapped(f"{self.root}/{path}"):
            obstore.copy(self._store, other.key(path), self.key(path))

    def make_durable(self, paths: Iterable[str]) -> None:
        """Check that the files are there; an object store keeps what it has accepted."""
        for path in paths:
            self.size(path)

    def make_root_durable(self, folder: str = "") -> None:
        """Do nothing: an object store has no folders."""

    def within(self, path: str) -> "ObjectStorage":
        """Return the same storage rooted at the folder ``path``."""
        return ObjectStorage(
            f"{self.root}/{check_path(path)}", self._store, self.options, self.key(path)
        )

    def is_in(self, store: ObjectStore) -> bool:
        """Say whether a store is the one that holds this."""
        return self._store is store

    def key(self, path: str) -> str:
        """Return the name of an object in its bucket."""
        check_path(path)
        return f"{self._prefix}/{path}" if self._prefix else path

    def _stored(self, found: Mapping[str, object]) -> StoredFile:
        path = str(found["path"])
        return StoredFile(
            path=path[len(self._prefix) + 1 :] if self._prefix else path,
            size_bytes=int(str(found["size"])),
            modified_ms=int(found["last_modified"].timestamp() * 1000),  # type: ignore[attr-defined]
            identity=str(found.get("e_tag") or found["last_modified"]),
        )


class _Parts(Protocol):
    """obstore's writer."""

    def write(self, data: bytes, /) -> int: ...
    def closed(self) -> bool: ...
    def close(self) -> None: ...


class Upload:
    """An object that is being written: in parts when it is large, whole when closed."""

    def __init__(self, place: str, writer: _Parts) -> None:
        self._place = place
        self._writer = writer
        self._bytes = 0

    def write(self, data: bytes) -> int:
        """Add bytes at the end; return how many."""
        with _mapped(self._place):
            self._writer.write(data)
        self._bytes += len(data)
        return len(data)

    def tell(self) -> int:
        """Return how many bytes were added."""
        return self._bytes

    def close(self) -> None:
        """Make the object visible, whole; safe to call twice."""
        if not self._writer.closed():
            with _mapped(self._place):
                self._writer.close()


@contextmanager
def _mapped(
    place: str, unknown: Callable[[str, str], HeadwaterError] | None = None
) -> Iterator[None]:
    """Turn the operating system's and obstore's errors into ours; ``unknown`` makes the rest.

    obstore panics on some bad options; such an error derives from BaseException.
    """
    try:
        yield
    except (HeadwaterError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except OSError as error:
        raise _from_os_error(place, error) from error
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if unknown is not None:
            raise unknown(place, _first_line(error)) from error
        if not isinstance(error, BaseError) and isinstance(error, Exception):
            raise
        raise _from_obstore_error(place, error) from error


def _from_os_error(place: str, error: OSError) -> HeadwaterError:
    why = error.strerror or _first_line(error)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.EISDIR:
            return _missing(place)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return _read_only(place, why)
        case errno.ENOSPC | errno.EDQUOT:
            return Unavailable(
                "disk-full",
                f"no space is left to write `{place}`",
                why=why,
                fix="free some space or move the lake, then run again; the table is unchanged",
            )
        case errno.ENOTSUP | errno.EMLINK | errno.EXDEV:
            return Invalid(
                "storage-unsupported",
                f"`{place}` is on a file system without hard links",
                why=f"{why}; a version is published with link(2), which only one writer can win",
                fix="put the lake on a local disk or an object store",
            )
        case errno.ENAMETOOLONG | errno.EINVAL | errno.EILSEQ:
            return Invalid(
                "table-path-invalid",
                f"`{place}` is not a usable path",
                why=why,
                fix="correct `lake` in the profile, or the path in the query",
            )
        case _:
            if isinstance(error, FileNotFoundError):
                return _missing(place)
            return _unavailable(place, why)


def _from_obstore_error(place: str, error: BaseException) -> HeadwaterError:
    status, reason = _answer_of(error)
    if reason == "NoSuchBucket" or (status == _NOT_FOUND and not isinstance(error, NotFoundError)):
        return _no_bucket(place)
    if isinstance(error, NotFoundError):
        return _missing(place)
    if (
        isinstance(error, (PermissionDeniedError, UnauthenticatedError))
        or status in _REFUSED
        or reason in _BAD_KEYS
    ):
        return _refused(place, reason or _first_line(error))
    if isinstance(error, (NotSupportedError, UnknownConfigurationKeyError)):
        return Invalid(
            "storage-unsupported",
            f"the storage of `{place}` cannot do what a lake needs",
            why=_first_line(error),
            fix="use a store with conditional writes (If-None-Match)",
        )
    return _unavailable(place, _first_line(error))


def _answer_of(error: BaseException) -> tuple[int, str]:
    """Return the HTTP status and S3's word for an error; obstore keeps both only in its text."""
    text = str(error)
    status, reason = _STATUS.search(text), _REASON.search(text)
    return int(status.group(1)) if status else 0, reason.group(1) if reason else ""


def _not_taken(here: Storage, there: Storage, *, share: bool) -> Invalid:
    what = "share files with" if share else "copy files of"
    return Invalid(
        "storage-unsupported",
        f"`{here.root}` cannot {what} `{there.root}`",
        why="only folders of one file system share files, and only within one bucket does an "
        "object store copy them by itself",
        fix="clone with --deep within one bucket, or write the rows by a model",
    )


def _no_bucket(place: str) -> NotFound:
    bucket = "/".join(place.split("/")[:3])
    return NotFound(
        "bucket-missing",
        f"there is no bucket `{bucket}`",
        why=f"the object store says so when asked for `{place}`",
        fix="create the bucket, or correct `lake` and `storage_options` in the profile",
    )


def _refused(place: str, why: str) -> Denied:
    return Denied(
        "lake-read-only",
        f"the object store refused access to `{place}`",
        why=why,
        fix="check the keys in `storage_options` or the AWS_ variables, and what they may do:"
        " list, read, write and delete objects",
    )


def _cannot_be_used(place: str, why: str) -> HeadwaterError:
    return Invalid(
        "storage-unsupported",
        f"`{place}` cannot be used as a lake",
        why=why,
        fix="use a local folder or s3://bucket/prefix, and check the storage options",
    )


def _missing(place: str) -> NotFound:
    return NotFound(
        "file-not-found",
        f"`{place}` does not exist",
        fix="check the path; if the table's log names it, rebuild the table",
    )


def _read_only(place: str, why: str) -> Denied:
    return Denied(
        "lake-read-only",
        f"`{place}` cannot be written or read",
        why=why,
        fix="give this user permission on the lake's folder, or set another `lake`",
    )


def _unavailable(place: str, why: str) -> Unavailable:
    return Unavailable(
        "storage-unavailable",
        f"the storage failed at `{place}`",
        why=why,
        fix="run again; if it stays, check the storage",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _stored_file(path: str, found: os.stat_result) -> StoredFile:
    return StoredFile(
        path=path,
        size_bytes=found.st_size,
        modified_ms=found.st_mtime_ns // 1_000_000,
        identity=f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}",
    )


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error
