"""Sources of packages as the project overrides them: ``overrides: PACKAGE`` in its own entry.

dbt gives this up in favour of ``enabled`` and variables, but projects on older packages still point
a package's sources to other schemas in this way.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.project.findings import duplicate
from headwater.project.reading import Entry, Reading

_OVERRIDES = "overrides"
_OF_THE_ENTRY = frozenset({"name", _OVERRIDES, "tables"})
_Key = tuple[str, str]


def source_entries(reading: Reading) -> Iterator[Entry]:
    """Give the entries of sources of all packages; what overrides one has become a part of it."""
    entries = reading.entries.get("sources", ())
    if not any(each.values.get(_OVERRIDES) for each in entries):
        yield from entries
        return
    patches = _patches(reading, entries)
    for entry in entries:
        if entry.values.get(_OVERRIDES):
            continue
        patch = patches.pop((entry.package, entry.name), None)
        yield entry if patch is None else _overridden(reading, entry, patch)
    for (package, name), patch in patches.items():
        reading.found.append(_unused(f"source `{name}` of `{package}` is overridden", patch))


def _patches(reading: Reading, entries: Iterable[Entry]) -> dict[_Key, Entry]:
    found: dict[_Key, Entry] = {}
    for entry in entries:
        package = entry.values.get(_OVERRIDES)
        if not package:
            continue
        key = (str(package), entry.name)
        first = found.setdefault(key, entry)
        if first is not entry:
            what = f"source `{entry.name}` of `{package}` is overridden twice"
            reading.found.append(duplicate(what, entry.span(_OVERRIDES), first.span(_OVERRIDES)))
    return found


def _overridden(reading: Reading, entry: Entry, patch: Entry) -> Entry:
    """Return a source with what is said in another place of it: the keys that stand there win."""
    values = {key: value for key, value in patch.values.items() if key not in _OF_THE_ENTRY}
    others = _by_name(patch.values.get("tables"))
    tables = entry.values.get("tables")
    if isinstance(tables, list):
        values["tables"] = [_table(each, others) for each in tables]
    for name in others:
        what = f"table `{name}` of source `{entry.name}` of `{entry.package}` is overridden"
        reading.found.append(_unused(what, patch))
    return replace(entry, values={**entry.values, **values})


def _by_name(tables: Json) -> dict[str, Mapping[str, Json]]:
    listed = tables if isinstance(tables, list) else []
    return {str(each.get("name")): each for each in listed if isinstance(each, dict)}


def _table(table: Json, patches: dict[str, Mapping[str, Json]]) -> Json:
    if not isinstance(table, dict):
        return table
    return {**table, **patches.pop(str(table.get("name")), {})}


def _unused(what: str, patch: Entry) -> Diagnostic:
    return Diagnostic(
        code="properties-orphan",
        severity="warning",
        what=f"{what}, but there is no such source",
        fix="Correct the name, or delete the entry",
        where=patch.span(_OVERRIDES),
    )
