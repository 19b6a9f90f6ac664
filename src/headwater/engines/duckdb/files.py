"""Where a session's data files lie: folders always, object stores when they were opened for it.

DuckDB reads and writes folders by itself. Object stores are reached through a file system of
ours (``objects``), which is only imported when a lake needs it.
"""

from typing import Protocol

from headwater.base.errors import HeadwaterError, Invalid
from headwater.lake.storage import Storage, open_storage
from headwater.lake.stores import Storages


class RemoteFiles(Protocol):
    """Object stores as an instance sees them."""

    @property
    def stores(self) -> Storages:
        """The storages behind it."""

    def begin(self) -> None:
        """Forget what was seen of files before: another operation starts."""

    def fault_or_none(self) -> HeadwaterError | None:
        """Return what last went wrong in this operation; DuckDB only passes on its text."""


class Files:
    """The storages that one instance can reach."""

    def __init__(self, remote: RemoteFiles | None = None) -> None:
        self._remote = remote

    def begin(self) -> None:
        """Start an operation."""
        if self._remote is not None:
            self._remote.begin()

    def fault_or_none(self) -> HeadwaterError | None:
        """Return what an object store last refused in this operation."""
        return None if self._remote is None else self._remote.fault_or_none()

    def storage(self, root: str) -> Storage:
        """Return the storage rooted at a folder or URL.

        Raises:
            Invalid: ``storage-unsupported``, for a URL without object stores.
        """
        if "://" not in root:
            return open_storage(root)
        return self._opened(root).stores.at(root)

    def check(self, root: str) -> None:
        """Refuse what cannot be reached.

        Raises:
            Invalid: ``storage-unsupported``.
        """
        if "://" in root:
            self._opened(root)

    def _opened(self, root: str) -> RemoteFiles:
        if self._remote is None:
            raise Invalid(
                "storage-unsupported",
                f"DuckDB here cannot reach `{root}`",
                why="the profile names no object store",
                fix="set `lake` in the profile to a URL, or give `storage_options` there",
            )
        return self._remote
