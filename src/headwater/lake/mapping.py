"""Column mapping: the names and ids that a table's columns have in its files and statistics.

A mapped table can rename and drop columns without writing a file again, as long as every file,
statistic and partition value keeps to the names in the schema. So whoever writes a file and
whoever commits it work out the names of new columns from the same schema, by the same rule, and
come to the same names. PROTOCOL.md, *Column Mapping*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

import msgspec

from headwater.base.errors import DataDamaged
from headwater.base.relations import Column
from headwater.lake.snapshot import Snapshot
from headwater.lake.types import schema_fields, schema_from_json, schema_to_json

MODE = "delta.columnMapping.mode"
"""Table property: how columns are found in files, ``none``, ``name`` or ``id``."""

ID_MAX = "delta.columnMapping.maxColumnId"
"""Table property: the largest id that a column ever had."""

MODES = frozenset({"none", "name", "id"})

_ID = "delta.columnMapping.id"
_NAME = "delta.columnMapping.physicalName"
_INNER = ("elementType", "keyType", "valueType")
_NAMES = UUID("5d1f7f0e-8a4b-4f0c-9f43-2f8b1f6d2c11")
"""Namespace of the names that new columns get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldIds:
    """The id of a column in a data file, and those of what is inside of it.

    Attributes:
        id: Its id; None for the parts of lists and maps, which have none.
        inside: Of each part, by its name in the file; ``element``, ``key`` and ``value`` too.
    """

    id: int | None
    inside: Mapping[str, "FieldIds"] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNames:
    """What the columns of a mapped table are called in its files.

    Attributes:
        physical_names: Names in the files, by column.
        stored_types: Types in the files by column, where names inside of a column are others.
        ids: Ids by column.
    """

    physical_names: Mapping[str, str]
    stored_types: Mapping[str, str]
    ids: Mapping[str, FieldIds]

    def marks(self, columns: Sequence[str]) -> dict[str, str]:
        """Return what tells under which name, id and type each of some columns is stored."""
        if not self.physical_names:
            return dict.fromkeys(columns, "")
        return {
            name: f"{self.ids[name]} {self.physical_names[name]} {self.stored_types.get(name, '')}"
            for name in columns
        }


UNMAPPED = StoredNames(
    physical_names=MappingProxyType({}),
    stored_types=MappingProxyType({}),
    ids=MappingProxyType({}),
)
"""Names of a table whose files have its columns under their own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A table that maps its columns: what gives its columns, and new ones, their names.

    Attributes:
        schema_string: The log's schema.
        id_max: The largest id that a column ever had.
        table_id: The log's metadata id.
    """

    schema_string: str
    id_max: int
    table_id: str

    def with_columns(self, columns: Sequence[Column]) -> "Mapped":
        """Return the table with other columns; those that it has keep their names and ids.

        A column is known by its name, compared without case, one inside of a struct by the names
        on the way to it. New ones get the next ids in their order.
        """
        numbers = _Numbers(self.id_max, self.table_id)
        old = {part["name"].lower(): part for part in _fields(self.schema_string)}
        wanted = _fields(schema_to_json(columns))
        fields = [_field(part, old.get(part["name"].lower()), numbers) for part in wanted]
        return replace(self, schema_string=_schema(fields), id_max=numbers.newest)

    def names(self) -> StoredNames:
        """Return what its columns are called in its files."""
        return read_names(self.schema_string)


def mapped_or_none(snapshot: Snapshot | None) -> Mapped | None:
    """Return what gives the columns of a table their names; None when they are not mapped."""
    if snapshot is None or not snapshot.physical_names:
        return None
    return mapped_schema(snapshot.schema_string, snapshot.properties, snapshot.table_id)


def mapped_schema(schema_string: str, properties: Mapping[str, str], table_id: str) -> Mapped:
    """Return a mapped table by its schema and properties."""
    given = properties.get(ID_MAX, "")
    known = [int(given) if given.isdecimal() else 0]
    _collect_ids(_fields(schema_string), known)
    return Mapped(schema_string=schema_string, id_max=max(known), table_id=table_id)


def with_columns(snapshot: Snapshot, columns: Sequence[Column]) -> Snapshot:
    """Return a table as it would be with other columns."""
    mapped = mapped_or_none(snapshot)
    if mapped is None:
        return replace(snapshot, columns=tuple(columns))
    after = mapped.with_columns(columns)
    names = after.names()
    return replace(
        snapshot,
        columns=tuple(columns),
        schema_string=after.schema_string,
        physical_names=names.physical_names,
        stored_types=names.stored_types,
        field_ids=top_ids(after.schema_string) if snapshot.field_ids else snapshot.field_ids,
    )


def read_names(schema_string: str) -> StoredNames:
    """Return what the columns of a mapped schema are called in files."""
    fields = _fields(schema_string)
    return StoredNames(
        physical_names=MappingProxyType({part["name"]: _physical_name(part) for part in fields}),
        stored_types=MappingProxyType(_stored_types(fields)),
        ids=MappingProxyType({part["name"]: _ids_of(part) for part in fields}),
    )


def top_ids(schema_string: str) -> dict[str, int]:
    """Return the ids by which columns are found in files.

    Raises:
        DataDamaged: ``log-damaged``, when a column has none.
    """
    found: dict[str, int] = {}
    for part in _fields(schema_string):
        given = _notes(part).get(_ID)
        if not isinstance(given, int):
            raise DataDamaged(
                "log-damaged",
                "the schema in the table's Delta log cannot be used",
                why=f"column `{part['name']}` is found in files by its id, and has none",
                fix="restore the entry from a copy of the table, or build it again",
            )
        found[part["name"]] = given
    return found


def renamed_schema(schema_string: str, old: str, new: str) -> str:
    """Return a mapped schema in which a top-level column has another name."""
    fields = _fields(schema_string)
    return _schema([{**part, "name": new} if part["name"] == old else part for part in fields])


def schema_without(schema_string: str, name: str) -> str:
    """Return a mapped schema without a top-level column."""
    return _schema([part for part in _fields(schema_string) if part["name"] != name])


class _Numbers:
    """Gives new columns their ids, and names that no column had before."""

    def __init__(self, newest: int, table_id: str) -> None:
        self.newest = newest
        self._table_id = table_id

    def next_notes(self) -> dict[str, Any]:
        self.newest += 1
        name = f"col-{uuid5(_NAMES, f'{self._table_id}/{self.newest}')}"
        return {_ID: self.newest, _NAME: name}


def _field(wanted: dict[str, Any], old: dict[str, Any] | None, numbers: _Numbers) -> dict[str, Any]:
    """Return a column of the new schema with the name and id that it has, or new ones."""
    # Files may have a column that is there under its own name, where the schema says no other.
    notes = {} if old is None else {_NAME: old["name"], **_notes(old)}
    if _ID not in notes:
        notes = {**numbers.next_notes(), **notes}
    kind = _kind(wanted["type"], None if old is None else old["type"], numbers)
    return {**wanted, "type": kind, "metadata": notes}


def _kind(wanted: Any, old: Any, numbers: _Numbers) -> Any:  # noqa: ANN401 - JSON of a type
    if not isinstance(wanted, dict):
        return wanted
    before = old if isinstance(old, dict) and old.get("type") == wanted["type"] else {}
    inner = {
        name: _kind(wanted[name], before.get(name), numbers) for name in _INNER if name in wanted
    }
    if "fields" in wanted:
        known = {part["name"].lower(): part for part in before.get("fields", ())}
        inner["fields"] = [
            _field(part, known.get(part["name"].lower()), numbers) for part in wanted["fields"]
        ]
    return {**wanted, **inner}


def _collect_ids(kind: Any, found: list[int]) -> None:  # noqa: ANN401 - JSON of a type
    match kind:
        case list():
            for part in kind:
                _collect_ids(part["type"], found)
                if isinstance(given := _notes(part).get(_ID), int):
                    found.append(given)
        case dict():
            for name in _INNER:
                _collect_ids(kind.get(name), found)
            _collect_ids(kind.get("fields"), found)
        case _:
            pass


def _stored_types(fields: list[dict[str, Any]]) -> dict[str, str]:
    """Return the types in the data files of columns whose inner names are mapped."""
    inside = [
        {**part, "type": _with_physical_names(part["type"])}
        for part in fields
        if not _inner_names_match(part["type"])
    ]
    return {column.name: column.type for column in schema_from_json(_schema(inside))}


def _with_physical_names(kind: Any) -> Any:  # noqa: ANN401 - JSON of a type
    if not isinstance(kind, dict):
        return kind
    inner = {name: _with_physical_names(kind[name]) for name in _INNER if name in kind}
    if "fields" in kind:
        inner["fields"] = [
            {**part, "name": _physical_name(part), "type": _with_physical_names(part["type"])}
            for part in kind["fields"]
        ]
    return {**kind, **inner}


def _inner_names_match(kind: Any) -> bool:  # noqa: ANN401 - JSON of a type
    if not isinstance(kind, dict):
        return True
    fields = kind.get("fields") or []
    return all(_inner_names_match(kind.get(name)) for name in _INNER) and all(
        _physical_name(part) == part["name"] and _inner_names_match(part["type"]) for part in fields
    )


def _ids_of(part: Mapping[str, Any]) -> FieldIds:
    given = _notes(part).get(_ID)
    inside = MappingProxyType(_ids_inside(part["type"]))
    return FieldIds(id=given if isinstance(given, int) else None, inside=inside)


def _ids_inside(kind: Any) -> dict[str, FieldIds]:  # noqa: ANN401 - JSON of a type
    """Return the ids of the parts of a type, by the names that Parquet gives them."""
    if not isinstance(kind, dict):
        return {}
    parts = {
        name.removesuffix("Type"): FieldIds(id=None, inside=MappingProxyType(inside))
        for name in _INNER
        if (inside := _ids_inside(kind.get(name)))
    }
    return parts | {_physical_name(part): _ids_of(part) for part in kind.get("fields") or ()}


def _physical_name(part: Mapping[str, Any]) -> str:
    return str(_notes(part).get(_NAME) or part["name"])


def _notes(part: Mapping[str, Any]) -> dict[str, Any]:
    notes = part.get("metadata")
    return notes if isinstance(notes, dict) else {}


def _fields(schema_string: str) -> list[dict[str, Any]]:
    return [dict(part) for part in schema_fields(schema_string)]


def _schema(fields: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode({"type": "struct", "fields": fields}).decode()
