"""What breaks an earlier contract of a model, by the rules of ``state:modified`` in dbt 1.11.

Apart from the check of a plan, which compares with what is deployed: here both are manifests.
"""

from collections.abc import Iterator, Mapping

from headwater.base.codec import Json
from headwater.graph.previous import Entry, mapping_of

_STORED = frozenset({"table", "incremental"})
_ENFORCED = frozenset({"check", "not_null", "unique", "primary_key", "foreign_key"})


def is_enforced(entry: Entry) -> bool:
    """Say whether an entry has an enforced contract."""
    return mapping_of(entry.get("contract")).get("enforced") is True


def is_same_contract(new: Entry, old: Entry) -> bool:
    """Say whether a model promises what it promised."""
    if not (is_enforced(new) or is_enforced(old)):
        return True
    if not (is_enforced(new) and is_enforced(old)):
        return False
    mine, others = mapping_of(new.get("contract")), mapping_of(old.get("contract"))
    return mine.get("checksum") == others.get("checksum")


def broken_promises(new: Entry, old: Entry) -> Iterator[str]:
    """Say what of an earlier contract no longer holds, one line each.

    Args:
        new: The model as it is.
        old: The model with an enforced contract that is not the same.
    """
    if not is_enforced(new):
        yield "its contract is no longer enforced"
    yield from _columns(new, old)
    if not _is_stored(old):
        return
    was, now = _constraints(old), _constraints(new)
    for each in was:
        if each not in now and each.get("type") in _ENFORCED:
            yield f"its constraint `{each.get('name') or each.get('type')}` is gone"
    has_any = was or any(map(_constraints, mapping_of(old.get("columns")).values()))
    if has_any and not _is_stored(new):
        yield f"it has enforced constraints, and is now a {_materialized(new)}"


def _columns(new: Entry, old: Entry) -> Iterator[str]:
    columns = mapping_of(new.get("columns"))
    for name, written in sorted(mapping_of(old.get("columns")).items()):
        before, after = mapping_of(written), mapping_of(columns.get(name))
        if name not in columns:
            yield f"column `{name}` is gone"
            continue
        types = before.get("data_type"), after.get("data_type")
        if _base_type(types[0]) != _base_type(types[1]):
            yield f"column `{name}` was {types[0]} and is {types[1]}"
        if not _is_stored(old):
            continue
        for each in _constraints(before):
            if each not in _constraints(after) and each.get("type") in _ENFORCED:
                kind = each.get("name") or each.get("type")
                yield f"constraint `{kind}` of column `{name}` is gone"


def _base_type(written: Json) -> str:
    """Return a type without its size, which may grow without breaking anything."""
    return str(written or "").partition("(")[0].strip().lower()


def _constraints(entry: Json | Entry) -> list[Mapping[str, Json]]:
    listed = mapping_of(entry).get("constraints")
    return [mapping_of(each) for each in listed] if isinstance(listed, list) else []


def _is_stored(entry: Entry) -> bool:
    return _materialized(entry) in _STORED


def _materialized(entry: Entry) -> str:
    return str(mapping_of(entry.get("config")).get("materialized") or "view")
