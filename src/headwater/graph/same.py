"""Comparing a manifest's entry with its earlier one: what counts as a modification in dbt 1.11.

One small function for each thing that may differ, so that every sub-selector of ``state:modified``
is one of them. Both entries are documents of dbt's schema v12; keys that an older one lacks are
taken as not set.
"""

import ast
import csv
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.graph.previous import Entry, mapping_of
from headwater.jinja.written import written_config_or_none

PARSED = frozenset({
    "model", "seed", "snapshot", "test", "analysis", "operation", "sql_operation", "function",
})  # fmt: skip
"""Types under ``nodes``: they have a body, a place in the warehouse and a contract."""

_PLACES = ("database", "schema", "alias")
_NOT_COMPARED = frozenset({*_PLACES, "tags", "group"})
"""Configs that are compared elsewhere, or that change no result."""
_OF_TESTS = (
    "severity", "where", "limit", "fail_calc", "warn_if", "error_if", "store_failures",
    "store_failures_as",
)  # fmt: skip
"""The configs of a test that are compared."""

_COMPARED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "exposure": ("fqn", "type", "owner", "maturity", "url", "description", "label"),
        "metric": ("type", "description", "label"),
        "semantic_model": (
            "model", "description", "defaults", "entities", "dimensions", "measures", "config",
            "primary_entity", "group",
        ),
        "saved_query": ("query_params", "description", "label", "config", "group", "tags"),
        "unit_test": ("model", "versions", "given", "expect", "overrides"),
    }
)  # fmt: skip
"""Keys whose values make an entry of another type what it is."""

_LISTS = frozenset({"check_cols", "post_hook", "pre_hook", "tags"})
_CONSTANT = re.compile(r"Keyword\(key='\w+', value=Const\(value=(.*)\)\)", re.DOTALL)
_TREE = "Keyword(key="
_GENERIC_TEST = "test_metadata"
_USUAL_ACCESS = "protected"


def is_same(new: Entry, old: Entry, *, by_unrendered: bool) -> bool:
    """Say whether an entry is as it was, its macros and its contract left aside.

    Args:
        new: The entry as it is.
        old: Its earlier one.
        by_unrendered: Compare a source's place as written, before Jinja was rendered: dbt's flag
            ``state_modified_compare_more_unrendered_values``.
    """
    kind = new.get("resource_type")
    if kind == "source":
        return (
            is_same_place(new, old, by_unrendered=by_unrendered)
            and is_same_config(new, old)
            and _are_equal(new, old, ("fqn", "quoting", "freshness", "loaded_at_field", "external"))
        )
    if kind in PARSED:
        return _is_same_parsed(new, old)
    if kind == "unit_test":
        new, old = _with_rows(new), _with_rows(old)
    if not _are_equal(new, old, _COMPARED.get(str(kind), ())):
        return False
    if kind == "exposure" and set(inputs_of(new)) != set(inputs_of(old)):
        return False
    return kind not in {"exposure", "metric"} or is_same_config(new, old)


def _is_same_parsed(new: Entry, old: Entry) -> bool:
    if new.get(_GENERIC_TEST) is not None:
        return is_same_config(new, old) and _are_equal(new, old, ("fqn",))
    if new.get("resource_type") == "model" and not (
        _are_equal(new, old, ("latest_version", "deprecation_date"))
        # Before dbt 1.5 every model was what `protected` says.
        and (new.get("access") or _USUAL_ACCESS) == (old.get("access") or _USUAL_ACCESS)
    ):
        return False
    if new.get("resource_type") == "function" and _forms_of(new) != _forms_of(old):
        return False
    return (
        is_same_body(new, old)
        and is_same_config(new, old)
        and is_same_description(new, old)
        and is_same_place(new, old, by_unrendered=True)
        and _are_equal(new, old, ("fqn",))
    )


def _forms_of(function: Entry) -> list[tuple[Json, ...]]:
    """Return what a function and its overloads take and give, and the texts of these."""
    forms = function.get("overloads")
    return [
        tuple(_plain(each.get(key)) for key in ("defined_in", "arguments", "returns", "raw_body"))
        for each in (function, *map(mapping_of, forms if isinstance(forms, list) else ()))
    ]


def is_same_body(new: Entry, old: Entry) -> bool:
    """Compare texts as written; of seeds, what is in the file."""
    if new.get(_GENERIC_TEST) is not None:  # dbt writes its configs into its text
        return _call_of(new) == _call_of(old) and is_same_config(new, old)
    if new.get("resource_type") != "seed":
        # Before dbt 1.3 a manifest called it raw_sql.
        text = old.get("raw_code") or old.get("raw_sql")
        return str(new.get("raw_code") or "").strip() == str(text or "").strip()
    earlier = mapping_of(old.get("checksum"))
    if earlier.get("name") == "path":  # dbt does not look into files of more than 1 MiB
        return str(earlier.get("checksum")) == str(new.get("original_file_path"))
    return mapping_of(new.get("checksum")) == earlier


def _call_of(entry: Entry) -> str:
    return str(entry.get("raw_code") or "").partition("}}")[0].strip()


def is_same_config(new: Entry, old: Entry) -> bool:
    """Compare configs as they were written, before their Jinja was rendered."""
    kind = new.get("resource_type")
    mine, others = _written(new), _written(old)
    if kind == "test":
        keys: Iterable[str] = _OF_TESTS
    else:
        keys = {*mine, *others} - (_NOT_COMPARED if kind in PARSED else {"group"})
    return all(
        (key in mine) == (key in others) and mine.get(key) == others.get(key) for key in keys
    )


def is_same_description(new: Entry, old: Entry) -> bool:
    """Compare descriptions where ``persist_docs`` writes them into the warehouse."""
    persisted = mapping_of(mapping_of(new.get("config")).get("persist_docs"))
    if persisted.get("relation") and (new.get("description") or "") != (
        old.get("description") or ""
    ):
        return False
    return not persisted.get("columns") or _column_texts(new) == _column_texts(old)


def is_same_place(new: Entry, old: Entry, *, by_unrendered: bool) -> bool:
    """Compare where an entry is stored, by what was configured and not by what came of it."""
    if new.get("resource_type") != "source":
        return _picked(_written(new), _PLACES) == _picked(_written(old), _PLACES)
    prefix = "unrendered_" if by_unrendered else ""
    keys = (f"{prefix}database", f"{prefix}schema", "identifier")
    return _picked(new, keys) == _picked(old, keys)


def inputs_of(entry: Entry) -> tuple[str, ...]:
    """Return the nodes that an entry depends on."""
    return _listed(mapping_of(entry.get("depends_on")).get("nodes"))


def macros_of(entry: Entry) -> tuple[str, ...]:
    """Return the macros that an entry depends on."""
    return _listed(mapping_of(entry.get("depends_on")).get("macros"))


def _listed(value: Json) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _written(entry: Entry) -> Mapping[str, Json]:
    """Return a config as written, in one of the forms that dbt's releases have for it."""
    config = dict(mapping_of(entry.get("unrendered_config")))
    trees = [key for key, value in config.items() if str(value).startswith(_TREE)]
    if trees:  # of a call dbt 1.12 has come to write the words
        words = written_config_or_none(str(entry.get("raw_code") or "")) or {}
        trees = [key for key in trees if _CONSTANT.fullmatch(str(config[key])) is None]
        config |= {key: words[key] for key in trees if key in words}
    written = {key.replace("-", "_"): _read(value) for key, value in config.items()}
    for key in _LISTS & written.keys():
        value = written[key]
        written[key] = value if isinstance(value, list) else [value]
    return {key: value for key, value in written.items() if (key, value) != ("enabled", True)}


def _read(value: Json) -> Json:
    """Return a value as it was written, where a release of dbt has another form for it.

    dbt 1.12 writes the tree of a constant's Jinja, and lists twice what is listed once.
    """
    if isinstance(value, list):
        return [_read(each) for at, each in enumerate(value) if each not in value[:at]]
    if isinstance(value, Mapping):
        return {str(key): _read(part) for key, part in value.items()}
    found = _CONSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    try:
        constant: Json = ast.literal_eval(found[1])
    except (ValueError, SyntaxError):
        return value
    return constant


def _with_rows(test: Entry) -> Entry:
    """Return a unit test with the rows of CSV texts read, as dbt writes them."""
    given = test.get("given")
    return {
        **test,
        "given": [_rows_read(each) for each in given] if isinstance(given, list) else given,
        "expect": _rows_read(test.get("expect")),
    }


def _rows_read(fixture: Json) -> Json:
    rows = fixture.get("rows") if isinstance(fixture, Mapping) else None
    if not isinstance(fixture, Mapping) or not isinstance(rows, str):
        return fixture
    if fixture.get("format") != "csv":
        return {**fixture, "rows": rows.strip()}
    return {**fixture, "rows": [dict(row) for row in csv.DictReader(rows.strip().splitlines())]}


def _picked(values: Mapping[str, Json], keys: Iterable[str]) -> list[Json]:
    return [values.get(key) for key in keys]


def _column_texts(entry: Entry) -> dict[str, str]:
    columns = mapping_of(entry.get("columns"))
    return {
        name: str(mapping_of(column).get("description") or "") for name, column in columns.items()
    }


def _are_equal(new: Entry, old: Entry, keys: Iterable[str]) -> bool:
    return all(_plain(new.get(key)) == _plain(old.get(key)) for key in keys)


def _plain(value: Json) -> Json:
    """Return a value without what is not set, which one writer leaves out and another spells."""
    if value == "":
        return None
    if isinstance(value, Mapping):
        parts = {str(key): _plain(part) for key, part in value.items()}
        kept = {key: part for key, part in parts.items() if part not in (None, [], {})}
        return dict[str, Json](kept) or None
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value] or None
    return value
