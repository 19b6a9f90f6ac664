"""The only way to change a table: preconditions and actions as values, and one function.

``commit`` writes one log entry or nothing. Data files must be in storage before it is called.
The log is Delta's (PROTOCOL.md, *Delta Log Entries*); a version is claimed by creating its file,
which only one writer can do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.relations import Column
from headwater.lake.snapshot import DataFile


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionIs:
    """The table must be at exactly this version; None: it must not exist."""

    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionBelow:
    """The newest ``txn`` version of ``app_id`` must be below ``version``: not committed before."""

    app_id: str
    version: int


Requirement = VersionIs | TransactionBelow


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSchema:
    """Create the table, or give it these columns and partitioning.

    Attributes:
        columns: All columns in order; types in the embedded engine's spelling.
        partition_by: Partition columns, in order.
        properties: Table properties to set.
    """

    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddFile:
    """Make a data file part of the table."""

    file: DataFile
    changes_data: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFile:
    """Take a data file out of the table; the file itself stays for time travel."""

    path: str
    changes_data: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTransaction:
    """Record that application ``app_id`` has committed its ``version``."""

    app_id: str
    version: int


Action = SetSchema | AddFile | RemoveFile | SetTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One log entry to be.

    Attributes:
        operation: The log's word: ``CREATE OR REPLACE TABLE AS SELECT``, ``WRITE``, ``MERGE``,
            ``DELETE`` ...
        parameters: operationParameters.
        requirements: What must hold, or nothing is written.
        actions: What the entry does.
        headwater: Our record: run_id, attempt, plan_hash, node, fingerprint, inputs ...
        metrics: operationMetrics.
    """

    operation: str
    requirements: tuple[Requirement, ...]
    actions: tuple[Action, ...]
    parameters: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    headwater: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    metrics: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
