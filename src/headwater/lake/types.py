"""Column types: the engine's spelling to Delta's schema JSON and back, and what cannot be stored.

Delta has fewer types than the engine. Every engine type either has a stored form to which it is
cast before it is written (``storable_type``), or is refused with ``type-not-storable``; nothing
is narrowed in silence. PROTOCOL.md, *Schema Serialization Format*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from headwater.base.codec import Json
from headwater.base.errors import DataDamaged, Invalid
from headwater.base.relations import Column, quote_identifier

_NESTING_MAX = 64


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts; ``name`` is its spelling, arguments included."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one type."""

    item: "Type"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from one type to another."""

    key: "Type"
    value: "Type"


@dataclass(frozen=True, slots=True)
class StructOf:
    """Named fields in order."""

    fields: tuple[tuple[str, "Type"], ...]


Type = Scalar | ListOf | MapOf | StructOf

_DELTA_BY_NAME = {
    "BOOLEAN": "boolean",
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INTEGER": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
_NAME_BY_DELTA = {delta: name for name, delta in _DELTA_BY_NAME.items()} | {"void": "INTEGER"}

_STORED_BY_NAME = {name: name for name in _DELTA_BY_NAME} | {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "DECIMAL": "DECIMAL(18,3)",
    "UUID": "VARCHAR",
    "ENUM": "VARCHAR",
    "TIME": "VARCHAR",
    "TIME_NS": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "INTERVAL": "VARCHAR",
    "JSON": "VARCHAR",
    "BIT": "VARCHAR",
    "BIGNUM": "VARCHAR",
    '"NULL"': "INTEGER",
    "NULL": "INTEGER",
}


def storable_type(engine_type: str) -> str:
    """Return the engine type to cast to before writing; the same type when nothing is needed.

    Unsigned integers widen, 128-bit integers become ``DECIMAL(38,0)`` (a value beyond 38 digits
    fails the cast), other precisions of TIMESTAMP become microseconds, and UUID, ENUM, TIME,
    INTERVAL, JSON, BIT and BIGNUM become text. A column of only NULLs becomes INTEGER.

    Raises:
        Invalid: ``type-not-storable``: UNION, VARIANT, GEOMETRY and what is not known here.
    """
    return _spell(_stored(parse_type(engine_type), engine_type))


@lru_cache(maxsize=1024)
def parse_type(text: str) -> Type:
    """Read the engine's spelling of a type.

    Raises:
        Invalid: ``type-not-storable``, when the spelling is not understood.
    """
    reader = _TypeReader(text)
    parsed = reader.read(0)
    if not reader.at_end():
        raise _not_storable(text, "its spelling is not understood")
    return parsed


def schema_to_json(columns: Iterable[Column]) -> str:
    """Write columns as the log's ``schemaString``.

    Raises:
        Invalid: ``type-not-storable``; ``duplicate-column`` when two names differ only in case.
    """
    listed = tuple(columns)
    _refuse_duplicates([column.name for column in listed])
    fields = [_field_json(column.name, column.type, column.nullable) for column in listed]
    return msgspec.json.encode({"type": "struct", "fields": fields}).decode()


def schema_from_json(schema_string: str) -> tuple[Column, ...]:
    """Read the log's ``schemaString`` as columns, logical names, engine types.

    Raises:
        DataDamaged: ``log-damaged``, when the text is not a schema.
        Invalid: ``table-feature-unsupported``, when a type is not known to us.
    """
    return tuple(
        Column(
            name=str(field["name"]),
            type=_spell(_from_delta(field["type"])),
            nullable=field.get("nullable") is not False,
        )
        for field in schema_fields(schema_string)
    )


def schema_fields(schema_string: str) -> list[dict[str, Json]]:
    """Return the top-level fields of a ``schemaString`` as the log has them.

    Raises:
        DataDamaged: ``log-damaged``, when the text is not a schema.
    """
    try:
        schema = msgspec.json.decode(schema_string)
        fields = schema["fields"]
        well_formed = all(isinstance(part["name"], str) and "type" in part for part in fields)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise _schema_damaged(schema_string) from error
    if not well_formed:
        raise _schema_damaged(schema_string)
    return list(fields)


def schema_with_comments(schema_string: str, comments: Mapping[str, str]) -> str:
    """Write comments into a ``schemaString``; a column without a text has none afterwards.

    Args:
        schema_string: The schema.
        comments: Texts by column, compared without case; other columns are left alone.
    """
    texts = {name.lower(): text for name, text in comments.items()}
    fields: list[dict[str, Json]] = []
    for field in schema_fields(schema_string):
        text = texts.get(str(field["name"]).lower())
        metadata = field.get("metadata")
        kept = dict(metadata) if isinstance(metadata, dict) else {}
        if text is not None:
            kept.pop("comment", None)
            kept |= {"comment": text} if text else {}
        fields.append({**field, "metadata": kept})
    return msgspec.json.encode({"type": "struct", "fields": fields}).decode()


def comments_of(schema_string: str) -> dict[str, str]:
    """Return the comments of a ``schemaString`` by column; columns without one are left out."""
    return {
        str(field["name"]): str(metadata["comment"])
        for field in schema_fields(schema_string)
        if isinstance(metadata := field.get("metadata"), dict) and metadata.get("comment")
    }


def uses_timestamp_without_zone(columns: Iterable[Column]) -> bool:
    """Tell whether some column, at any depth, is a TIMESTAMP: needs feature ``timestampNtz``."""
    return any(_has_ntz(parse_type(column.type)) for column in columns)


def scalar_leaves(column: Column) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Return path and type of the scalars of a column that can have statistics.

    Struct fields are followed; lists and maps have no statistics in Delta.
    """
    return tuple(_leaves((column.name,), parse_type(column.type)))


def same_stored_type(left: str, right: str) -> bool:
    """Tell whether two spellings are one stored type."""
    return storable_type(left) == storable_type(right)


def _leaves(path: tuple[str, ...], kind: Type) -> Iterable[tuple[tuple[str, ...], str]]:
    match kind:
        case Scalar(name):
            yield path, name
        case StructOf(fields):
            for name, inner in fields:
                yield from _leaves((*path, name), inner)
        case ListOf() | MapOf():
            return


def _has_ntz(kind: Type) -> bool:
    match kind:
        case Scalar(name):
            return name == "TIMESTAMP"
        case ListOf(item):
            return _has_ntz(item)
        case MapOf(key, value):
            return _has_ntz(key) or _has_ntz(value)
        case StructOf(fields):
            return any(_has_ntz(inner) for _, inner in fields)


def _stored(kind: Type, whole: str) -> Type:
    match kind:
        case Scalar(name):
            return Scalar(_stored_scalar(name, whole))
        case ListOf(item):
            return ListOf(_stored(item, whole))
        case MapOf(key, value):
            return MapOf(_stored(key, whole), _stored(value, whole))
        case StructOf(fields):
            return StructOf(tuple((name, _stored(inner, whole)) for name, inner in fields))


def _stored_scalar(name: str, whole: str) -> str:
    if name.startswith("DECIMAL("):
        return name
    stored = _STORED_BY_NAME.get(name)
    if stored is None:
        raise _not_storable(whole, f"Delta has no form for {name}")
    return stored


def _spell(kind: Type) -> str:
    match kind:
        case Scalar(name):
            return name
        case ListOf(item):
            return f"{_spell(item)}[]"
        case MapOf(key, value):
            return f"MAP({_spell(key)}, {_spell(value)})"
        case StructOf(fields):
            inner = ", ".join(f"{quote_identifier(name)} {_spell(part)}" for name, part in fields)
            return f"STRUCT({inner})"


def _field_json(name: str, engine_type: str, nullable: bool) -> dict[str, Json]:  # noqa: FBT001
    kind = _stored(parse_type(engine_type), engine_type)
    return {"name": name, "type": _to_delta(kind), "nullable": nullable, "metadata": {}}


def _to_delta(kind: Type) -> Json:
    match kind:
        case Scalar(name):
            return _DELTA_BY_NAME.get(name) or name.lower().replace(" ", "")
        case ListOf(item):
            return {"type": "array", "elementType": _to_delta(item), "containsNull": True}
        case MapOf(key, value):
            return {
                "type": "map",
                "keyType": _to_delta(key),
                "valueType": _to_delta(value),
                "valueContainsNull": True,
            }
        case StructOf(fields):
            _refuse_duplicates([name for name, _ in fields])
            parts: list[Json] = [
                {"name": name, "type": _to_delta(inner), "nullable": True, "metadata": {}}
                for name, inner in fields
            ]
            return {"type": "struct", "fields": parts}


def _from_delta(kind: Json) -> Type:
    if isinstance(kind, str):
        return Scalar(_scalar_from_delta(kind))
    if not isinstance(kind, dict):
        raise _schema_damaged(str(kind))
    try:
        match kind.get("type"):
            case "array":
                return ListOf(_from_delta(kind["elementType"]))
            case "map":
                return MapOf(_from_delta(kind["keyType"]), _from_delta(kind["valueType"]))
            case "struct":
                fields = kind["fields"]
                return StructOf(
                    tuple((str(part["name"]), _from_delta(part["type"])) for part in fields)  # type: ignore[union-attr, index, call-overload] # checked by except below
                )
            case other:
                raise _type_unknown(str(other))
    except (KeyError, TypeError) as error:
        raise _schema_damaged(str(kind)) from error


def _scalar_from_delta(kind: str) -> str:
    name = _NAME_BY_DELTA.get(kind)
    if name is not None:
        return name
    if kind.startswith(("char(", "varchar(")):
        return "VARCHAR"
    if kind.startswith("decimal"):
        return parse_scalar_decimal(kind)
    raise _type_unknown(kind)


def parse_scalar_decimal(kind: str) -> str:
    """Read Delta's ``decimal(p,s)`` as the engine's ``DECIMAL(p,s)``; bare ``decimal`` is (10,0).

    Raises:
        DataDamaged: ``log-damaged``, when precision or scale are impossible.
    """
    inside = kind.removeprefix("decimal").strip("() ") or "10,0"
    precision, _, scale = inside.partition(",")
    try:
        digits, places = int(precision), int(scale or "0")
    except ValueError as error:
        raise _schema_damaged(kind) from error
    if not 0 <= places <= digits <= 38:  # noqa: PLR2004 - Delta's and the engine's limit
        raise _schema_damaged(kind)
    return f"DECIMAL({max(digits, 1)},{places})"


class _TypeReader:
    """Reads one type from the engine's spelling, left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def at_end(self) -> bool:
        self._skip_spaces()
        return self._at >= len(self._text)

    def read(self, depth: int) -> Type:
        if depth > _NESTING_MAX:
            raise _not_storable(self._text, f"it is nested deeper than {_NESTING_MAX} levels")
        kind = self._read_base(depth)
        while self._accept("["):
            self._read_until("]")
            kind = ListOf(kind)
        return kind

    def _read_base(self, depth: int) -> Type:
        word = self._read_word()
        match word:
            case "STRUCT" | "ROW":
                return StructOf(self._read_fields(depth))
            case "TUPLE" | "UNION":
                raise _not_storable(self._text, f"Delta has no form for {word}")
            case "MAP":
                self._expect("(")
                key = self.read(depth + 1)
                self._expect(",")
                value = self.read(depth + 1)
                self._expect(")")
                return MapOf(key, value)
            case "ENUM":
                self._expect("(")
                self._read_until(")")
                return Scalar("ENUM")
            case "DECIMAL" | "NUMERIC":
                return Scalar(self._read_decimal())
            case _:
                return Scalar(self._read_scalar(word))

    def _read_fields(self, depth: int) -> tuple[tuple[str, Type], ...]:
        self._expect("(")
        fields = [self._read_field(depth)]
        while self._accept(","):
            fields.append(self._read_field(depth))
        self._expect(")")
        return tuple(fields)

    def _read_field(self, depth: int) -> tuple[str, Type]:
        name = self._read_name()
        return name, self.read(depth + 1)

    def _read_decimal(self) -> str:
        if not self._accept("("):
            return "DECIMAL(18,3)"
        precision, _, scale = self._read_until(")").partition(",")
        try:
            return f"DECIMAL({int(precision)},{int(scale or '0')})"
        except ValueError as error:
            raise _not_storable(self._text, "its precision is not a number") from error

    def _read_scalar(self, word: str) -> str:
        for tail in (" WITH TIME ZONE", " WITHOUT TIME ZONE"):
            if self._text[self._at : self._at + len(tail)].upper() == tail:
                self._at += len(tail)
                return word if tail == " WITHOUT TIME ZONE" else word + tail
        if self._accept("("):  # VARCHAR(10), GEOMETRY('crs')
            self._read_until(")")
        return "TIMESTAMP WITH TIME ZONE" if word == "TIMESTAMPTZ" else word

    def _read_word(self) -> str:
        self._skip_spaces()
        start = self._at
        if self._peek() == '"':
            return quote_identifier(self._read_quoted('"')).upper()
        while self._peek().isalnum() or self._peek() == "_":
            self._at += 1
        if start == self._at:
            raise _not_storable(self._text, "its spelling is not understood")
        return self._text[start : self._at].upper()

    def _read_name(self) -> str:
        self._skip_spaces()
        if self._peek() == '"':
            return self._read_quoted('"')
        start = self._at
        while self._peek() and self._peek() not in " ,()":
            self._at += 1
        return self._text[start : self._at]

    def _read_quoted(self, quote: str) -> str:
        parts: list[str] = []
        self._at += 1
        while True:
            end = self._text.find(quote, self._at)
            if end < 0:
                raise _not_storable(self._text, "a quote is not closed")
            parts.append(self._text[self._at : end])
            self._at = end + 1
            if self._peek() != quote:
                return quote.join(parts)
            self._at += 1

    def _read_until(self, closing: str) -> str:
        start = self._at
        while self._peek() != closing:
            if not self._peek():
                raise _not_storable(self._text, f"`{closing}` is missing")
            if self._peek() in "'\"":
                self._read_quoted(self._peek())
            else:
                self._at += 1
        self._at += 1
        return self._text[start : self._at - 1]

    def _accept(self, mark: str) -> bool:
        self._skip_spaces()
        if self._peek() != mark:
            return False
        self._at += 1
        return True

    def _expect(self, mark: str) -> None:
        if not self._accept(mark):
            raise _not_storable(self._text, f"`{mark}` is missing")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip_spaces(self) -> None:
        while self._peek() == " ":
            self._at += 1


def _refuse_duplicates(names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if not name:
            raise Invalid(
                "duplicate-column",
                "a column has an empty name",
                fix="give every column of the query a name",
            )
        if name.lower() in seen:
            raise Invalid(
                "duplicate-column",
                f"column `{name}` occurs twice (first as `{seen[name.lower()]}`)",
                why="Delta compares column names without case",
                fix="rename one of them in the query",
            )
        seen[name.lower()] = name


def _not_storable(engine_type: str, why: str) -> Invalid:
    return Invalid(
        "type-not-storable",
        f"type `{engine_type}` cannot be stored in a Delta table",
        why=why,
        fix="cast the column in the query, for example to VARCHAR",
    )


def _type_unknown(kind: str) -> Invalid:
    return Invalid(
        "table-feature-unsupported",
        f"the table has a column of Delta type `{kind}`, which this version cannot read",
        fix="read it with the tool that wrote it, or select other columns into a new table",
    )


def _schema_damaged(text: str) -> DataDamaged:
    shown = text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - one line
    return DataDamaged(
        "log-damaged",
        "the table's schema in its Delta log is not a schema",
        why=f"found `{shown}`",
        fix="restore the table's newest metaData entry in _delta_log, or remove its folder "
        "and build again",
    )
