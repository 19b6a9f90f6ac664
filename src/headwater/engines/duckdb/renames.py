"""SQL that gives the fields inside a value other names: column mapping reaches into structs.

A cast between structs goes by name, so that a field under another name would become null; the
value is put together again instead.
"""

from headwater.base.relations import quote_identifier
from headwater.lake.types import ListOf, MapOf, StructOf, Type, parse_type


def renamed(value: str, stored: str, wanted: str) -> str:
    """Write a value of type ``stored`` as one of type ``wanted``: the same shape, other names."""
    if stored == wanted:
        return value
    return _renamed(value, parse_type(stored), parse_type(wanted), 0)


def _renamed(value: str, stored: Type, wanted: Type, depth: int) -> str:
    if stored == wanted:
        return value
    one = f"x{depth}"
    match stored, wanted:
        case StructOf(fields=old), StructOf(fields=new):
            parts = ", ".join(
                f"{quote_identifier(name)} := "
                + _renamed(f"{value}.{quote_identifier(before)}", kind, after, depth)
                for (before, kind), (name, after) in zip(old, new, strict=True)
            )
            return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({parts}) END"
        case ListOf(item=old), ListOf(item=new):
            return f"list_transform({value}, lambda {one}: {_renamed(one, old, new, depth + 1)})"
        case MapOf(), MapOf():
            key = _renamed(f"{one}.key", stored.key, wanted.key, depth + 1)
            inner = _renamed(f"{one}.value", stored.value, wanted.value, depth + 1)
            entry = f"struct_pack(key := {key}, value := {inner})"
            entries = f"list_transform(map_entries({value}), lambda {one}: {entry})"
            return f"map_from_entries({entries})"
        case _:
            return value
