"""DuckDB's types: one spelling each, and whether a change of type loses values.

The planner's rules ask ``type_change``; the tracer asks for the fields of a struct.
"""

import re
from typing import Literal

TypeChange = Literal["same", "widened", "narrowed", "changed"]

# DuckDB 2.0.0: SELECT type_name, logical_type FROM duckdb_types(); its aliases by its own name.
_ALIASES = {
    "BIGINT": "int8 long int64",
    "BIT": "bitstring",
    "BLOB": "bytea binary varbinary",
    "BOOLEAN": "bool logical",
    "DOUBLE": "float8 double precision",
    "FLOAT": "float4 real",
    "HUGEINT": "int128",
    "INTEGER": "int4 int int32 signed integral",
    "SMALLINT": "int2 short int16",
    "TIMESTAMP": "datetime timestamp_us",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIME WITH TIME ZONE": "timetz",
    "TINYINT": "int1",
    "UBIGINT": "uint64",
    "UHUGEINT": "uint128",
    "UINTEGER": "uint32",
    "USMALLINT": "uint16",
    "UTINYINT": "uint8",
    "UUID": "guid",
    "VARCHAR": "char bpchar text string nvarchar",
    "DECIMAL": "dec numeric",
}
_CANONICAL = {alias.upper(): name for name, words in _ALIASES.items() for alias in words.split()}
_CANONICAL["DOUBLE PRECISION"] = "DOUBLE"
_CANONICAL["TIMESTAMP WITHOUT TIME ZONE"] = "TIMESTAMP"
_CANONICAL["TIME WITHOUT TIME ZONE"] = "TIME"
_CANONICAL["CHARACTER VARYING"] = "VARCHAR"

# Decimal digits that every value of an integer type fits into, and whether it is signed with bits.
_INTEGERS: dict[str, tuple[int, bool]] = {
    "TINYINT": (8, True),
    "SMALLINT": (16, True),
    "INTEGER": (32, True),
    "BIGINT": (64, True),
    "HUGEINT": (128, True),
    "UTINYINT": (8, False),
    "USMALLINT": (16, False),
    "UINTEGER": (32, False),
    "UBIGINT": (64, False),
    "UHUGEINT": (128, False),
}
_INTEGER_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19, 128: 39}
_MANTISSA_BITS = {"FLOAT": 24, "DOUBLE": 53}
_MANTISSA_DIGITS = {"FLOAT": 6, "DOUBLE": 15}
_DECIMAL_DEFAULT = (18, 3)

# Each can hold every value of those after it, in DuckDB's own casts.
_WIDER: dict[str, frozenset[str]] = {
    "TIMESTAMP": frozenset({"DATE", "TIMESTAMP_S", "TIMESTAMP_MS"}),
    "TIMESTAMP_MS": frozenset({"DATE", "TIMESTAMP_S"}),
    "TIMESTAMP_S": frozenset({"DATE"}),
    "DOUBLE": frozenset({"FLOAT"}),
}


def canonical_type(text: str) -> str:
    """Return a type in DuckDB's spelling: ``numeric(10, 2)`` becomes ``DECIMAL(10,2)``.

    A type that is not known is returned in upper case with single spaces.
    """
    text = " ".join(text.split())
    element = re.fullmatch(r"(.*)\[(\d*)\]", text)
    if element:
        return f"{canonical_type(element[1])}[{element[2]}]"
    head, inside = _split_head(text)
    name = head.upper()
    if name in {"STRUCT", "ROW", "UNION"} and inside is not None:
        fields = ", ".join(
            f"{_field_name(field)} {canonical_type(kind)}" for field, kind in _fields(inside)
        )
        return f"{'STRUCT' if name == 'ROW' else name}({fields})"
    if name in {"MAP", "LIST", "ARRAY"} and inside is not None:
        parts = ", ".join(canonical_type(part) for part in _split_commas(inside))
        return f"{name}({parts})" if name == "MAP" else f"{parts}[]"
    canonical = _CANONICAL.get(name, name)
    if canonical == "DECIMAL":
        precision, scale = _decimal_parts(inside)
        return f"DECIMAL({precision},{scale})"
    if canonical == "VARCHAR" or inside is None:
        return canonical
    return f"{canonical}({inside})"


def struct_fields(text: str) -> tuple[tuple[str, str], ...]:
    """Return names and types of a struct type's fields, in order; empty for any other type."""
    head, inside = _split_head(" ".join(text.split()))
    if head.upper() not in {"STRUCT", "ROW"} or inside is None:
        return ()
    return tuple((name, canonical_type(kind)) for name, kind in _fields(inside))


def type_change(before: str, after: str) -> TypeChange:
    """Say what changing a column's type does to its values.

    ``widened`` keeps every value exactly, ``narrowed`` may lose or refuse some of the same kind,
    ``changed`` is another kind of value. An empty (not known) type is the ``same`` as any.
    """
    if not before or not after:
        return "same"
    old, new = canonical_type(before), canonical_type(after)
    if old == new:
        return "same"
    nested = _nested_change(old, new)
    if nested is not None:
        return nested
    if _holds(new, old):
        return "widened"
    if _holds(old, new) or _is_same_kind(old, new):
        return "narrowed"
    return "changed"


def _nested_change(old: str, new: str) -> TypeChange | None:
    if old.endswith("[]") and new.endswith("[]"):
        return type_change(old[:-2], new[:-2])
    before, after = dict(struct_fields(old)), dict(struct_fields(new))
    if not before or not after:
        return None
    changes = {type_change(kind, after[name]) for name, kind in before.items() if name in after}
    if set(before) - set(after):
        changes.add("narrowed")
    if set(after) - set(before):
        changes.add("widened")
    for change in ("changed", "narrowed", "widened"):
        if change in changes:
            return change
    return "same"


_TEXTS = frozenset({"VARCHAR", "UUID", "JSON"})
"""Types whose values are compared as the text that they are written as."""


def _holds(wide: str, narrow: str) -> bool:
    """Say whether every value of ``narrow`` is exactly a value of ``wide``."""
    if wide == "VARCHAR":
        # A number as text is another kind of value: it sorts, adds and compares otherwise.
        return narrow in _TEXTS
    if narrow in _WIDER.get(wide, ()):
        return True
    if narrow == "BOOLEAN":
        return wide in _INTEGERS
    small, big = _numeric_shape(narrow), _numeric_shape(wide)
    if small is None or big is None:
        return False
    return _number_holds(wide, narrow, big, small)


def _number_holds(wide: str, narrow: str, big: tuple[int, int], small: tuple[int, int]) -> bool:
    if wide in _INTEGERS and narrow in _INTEGERS:
        (big_bits, big_signed), (bits, signed) = _INTEGERS[wide], _INTEGERS[narrow]
        if big_signed == signed:
            return big_bits >= bits
        return big_signed and big_bits > bits
    if wide in _MANTISSA_BITS:
        if narrow in _INTEGERS:
            return _INTEGERS[narrow][0] <= _MANTISSA_BITS[wide]
        if narrow in _MANTISSA_BITS:
            return _MANTISSA_BITS[wide] >= _MANTISSA_BITS[narrow]
        return sum(small) <= _MANTISSA_DIGITS[wide]
    if narrow in _MANTISSA_BITS or (wide in _INTEGERS and not _INTEGERS[wide][1]):
        return False
    return big[0] >= small[0] and big[1] >= small[1]


def _numeric_shape(kind: str) -> tuple[int, int] | None:
    """Return digits before and after the point that the type can hold; None for no number."""
    if kind in _INTEGERS:
        return _INTEGER_DIGITS[_INTEGERS[kind][0]], 0
    if kind in _MANTISSA_DIGITS:
        return _MANTISSA_DIGITS[kind], _MANTISSA_DIGITS[kind]
    match = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    if match:
        return int(match[1]) - int(match[2]), int(match[2])
    return None


def _is_same_kind(old: str, new: str) -> bool:
    if _numeric_shape(old) is not None and _numeric_shape(new) is not None:
        return True
    return old.startswith("TIMESTAMP") and new.startswith("TIMESTAMP")


def _split_head(text: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"([^(]+?)\s*\((.*)\)(.*)", text, re.DOTALL)
    if match is None:
        return text, None
    return match[1] + match[3], match[2].strip()


def _decimal_parts(inside: str | None) -> tuple[int, int]:
    if not inside:
        return _DECIMAL_DEFAULT
    numbers = [int(part) for part in re.findall(r"\d+", inside)]
    return (numbers[0], numbers[1]) if len(numbers) > 1 else (numbers[0], 0)


def _fields(inside: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for part in _split_commas(inside):
        match = re.match(r'("(?:[^"]|"")*"|\S+)\s+(.*)', part, re.DOTALL)
        if match:
            name = match[1]
            name = name[1:-1].replace('""', '"') if name.startswith('"') else name
            fields.append((name, match[2]))
    return fields


def _field_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else '"' + name.replace('"', '""') + '"'


def _split_commas(text: str) -> list[str]:
    parts: list[str] = []
    depth = start = 0
    quoted = False
    for i, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]
