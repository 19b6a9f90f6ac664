"""Properties files (YAML v2): entries by kind, checked, rendered, matched to what they describe."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.spans import Span
from headwater.jinja.context import Variables, make_base_context
from headwater.project.config import Config, merge_config
from headwater.project.files import ProjectFile
from headwater.project.findings import duplicate, unknown_key, wrong_shape
from headwater.project.node import ColumnInfo
from headwater.project.reading import Entry, Package, Reading, find_doc
from headwater.project.yaml_text import YamlFile, read_yaml

_DOC_CALL = re.compile(
    r"\{\{-?\s*doc\s*\(\s*['\"](?P<first>[^'\"]+)['\"]"
    r"(?:\s*,\s*['\"](?P<second>[^'\"]+)['\"])?\s*\)\s*-?\}\}"
)
"""A block that is shown as it is; what is made of one with `doc(...).format()` is none in dbt."""
_PATCHED = (
    "models", "seeds", "snapshots", "analyses", "macros", "data_tests", "tests", "functions",
)  # fmt: skip
_OTHERS = (
    "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "groups",
)  # fmt: skip
_TOP_KEYS = frozenset({"version", "anchors", *_PATCHED, *_OTHERS})
_TESTS = ("tests", "data_tests")
_LATE = (*_TESTS, "description", "loaded_at_query")
_LATE_CONFIG = ("pre-hook", "post-hook", "pre_hook", "post_hook", "loaded_at_query")
_WITH_TEXTS = ("columns", "dimensions", "measures", "entities", "metrics")
_OF_UNIT_TESTS = ("given", "expect", "overrides")
_NODE_KEYS = frozenset({
    "name", "description", "columns", "config", "tests", "data_tests", "meta", "tags", "docs",
    "access", "group", "contract", "constraints", "versions", "latest_version", "deprecation_date",
    "time_spine", "freshness", "quote_columns", "relation", "enabled", "arguments", "type",
    "semantic_model", "metrics", "agg_time_dimension", "primary_entity", "derived_semantics",
    "latest_version_pointer", "unit_tests",
})  # fmt: skip
_COLUMN_KEYS = frozenset({
    "name", "description", "data_type", "quote", "constraints", "tests", "data_tests", "tags",
    "meta", "config", "policy_tags", "granularity", "dimension", "entity",
})  # fmt: skip
_COLUMN_FIELDS = _COLUMN_KEYS - {"policy_tags"}
"""What a column is read into; the rest is kept as it is written."""
_SOURCE_KEYS = frozenset({
    "name", "description", "database", "schema", "catalog", "loader", "loaded_at_field",
    "loaded_at_query", "freshness", "meta", "tags", "quoting", "tables", "config", "tests",
    "data_tests", "overrides", "enabled",
})  # fmt: skip
_FUNCTION_KEYS = frozenset({
    "name", "description", "arguments", "returns", "config", "columns", "access", "docs", "meta",
    "tags", "enabled", "overloads",
})  # fmt: skip
TABLE_KEYS = frozenset({
    "name", "description", "identifier", "loaded_at_field", "loaded_at_query", "freshness", "meta",
    "tags", "quoting", "columns", "config", "tests", "data_tests", "external", "loader", "enabled",
})  # fmt: skip
_WITHOUT_TAGS = frozenset({"models", "seeds", "snapshots", "analyses"})
_MOVED_TO_CONFIG = ("docs", "access", "group", "contract", "enabled")

_KNOWN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("models", "seeds", "snapshots", "analyses"), _NODE_KEYS),
    "sources": _SOURCE_KEYS,
    "functions": _FUNCTION_KEYS,
}


def read_properties(reading: Reading) -> None:
    """Read every properties file into ``reading.entries`` and ``reading.patches``."""
    for package in reading.packages:
        for file in package.of_kind("properties"):
            _read_file(reading, package, file)


def _read_file(reading: Reading, package: Package, file: ProjectFile) -> None:
    # As in dbt without blanks at the end: a folded text that ends the file has no line break.
    loaded = read_yaml(file.file, file.text.rstrip(), reading.options.codes)
    if isinstance(loaded, Diagnostic):
        reading.found.append(loaded)
        return
    reading.found += loaded.repeated
    if loaded.content is None:
        return
    if not isinstance(loaded.content, dict):
        what = "a properties file is a mapping with keys such as `models` and `sources`"
        reading.found.append(wrong_shape(what, loaded.span()))
        return
    for key, entries in loaded.content.items():
        if key not in _TOP_KEYS:
            reading.found.append(
                unknown_key(str(key), "a properties file", _TOP_KEYS, loaded.span(str(key)))
            )
        elif key in _PATCHED or key in _OTHERS:
            _read_entries(reading, package, file, loaded, (str(key), entries))


def _read_entries(
    reading: Reading,
    package: Package,
    file: ProjectFile,
    loaded: YamlFile,
    section: tuple[str, Json],
) -> None:
    key, entries = section
    if entries is None:
        return
    if not isinstance(entries, list):
        fix = f"Write a list: `{key}:` and then `  - name: ...`"
        reading.found.append(wrong_shape(f"`{key}` must be a list", loaded.span(key), fix))
        return
    # A block of text ends in a line break, which rendering takes away.
    needs_rendering = any(mark in loaded.text for mark in ("{{", "{%", "|", ">"))
    for index, values in enumerate(entries):
        if not isinstance(values, dict) or not isinstance(values.get("name"), (str, int)):
            what = f"an entry of `{key}` has no `name`"
            reading.found.append(wrong_shape(what, loaded.span(key, index)))
            continue
        entry = Entry(
            key=key,
            package=package.name,
            file=loaded,
            original_path=file.original_path,
            path=file.path,
            index=index,
            values=values,
            written=values,
        )
        if needs_rendering:
            entry = replace(entry, values=render_entry(reading, entry))
        _check_entry(reading, entry)
        _keep(reading, entry)


def render_entry(reading: Reading, entry: Entry) -> Mapping[str, Json]:
    """Render an entry as dbt does; descriptions, tests and hooks are left for later.

    What is rendered loses the line break at its end, also where there is no Jinja in it.
    """
    variables = Variables(reading.variables.get(entry.package, {}), is_lenient=False)
    values = reading.values
    context = make_base_context(values.environment, variables, values.modules)
    context |= {"target": values.target, "project_name": values.project_name, "flags": values.flags}

    def render(value: Json, path: tuple[str | int, ...]) -> Json:
        if path and _is_left(entry.key, path):
            return value
        if isinstance(value, str):
            if "{" not in value:
                return value.removesuffix("\n")
            try:
                return cast(
                    "Json",
                    reading.templates.evaluate(
                        value, name=entry.file.file, context=context, package=entry.package
                    ),
                )
            except HeadwaterError as error:
                error.where = entry.span(*path)
                reading.found.append(diagnostic_of(error))
                return value
        if isinstance(value, dict):
            return {key: render(part, (*path, str(key))) for key, part in value.items()}
        if isinstance(value, list):
            return [render(part, (*path, index)) for index, part in enumerate(value)]
        return value

    return cast("Mapping[str, Json]", render(cast("Json", dict(entry.values)), ()))


def _is_left(section: str, path: tuple[str | int, ...]) -> bool:
    """Say whether a value of an entry is rendered later, or never; the places are those of dbt."""
    head = path[0]
    match section:
        case "sources":
            if head == "tables":
                return _is_late(path[2:])
            return head in _LATE or path[:2] == ("config", "loaded_at_query")
        case "macros" if head == "arguments":
            return _is_late(path[1:])
        case "metrics" if "filter" in path[-2:]:
            return True
        case "models" if head == "metrics" and "filter" in path[-2:]:
            return True
        case "saved_queries" if path[:2] == ("query_params", "where"):
            return True
        case "unit_tests" if head in _OF_UNIT_TESTS:
            return True
        case _:
            return _is_late(path)


def _is_late(path: tuple[str | int, ...]) -> bool:
    match path:
        case (key,) | (_, key) if key in _LATE:
            return True
        case (key, *_) if key in _LATE:
            return True
        case ("config", key, *_) if key in _LATE_CONFIG:
            return True
        case (key, _, text, *_) if key in _WITH_TEXTS and text in (*_TESTS, "description"):
            return True
        case ("derived_semantics", "dimensions" | "entities", _, "description"):
            return True
        case ("columns", _, "dimension" | "entity", "description"):
            return True
        case ("versions", *rest):
            return bool(rest) and rest[-1] in (*_TESTS, "description")
        case _:
            return False


def _check_entry(reading: Reading, entry: Entry) -> None:
    known = _KNOWN.get(entry.key)
    if known is not None:
        for key in entry.values:
            if key not in known:
                owner = f"`{entry.name}` in `{entry.key}`"
                reading.found.append(unknown_key(str(key), owner, known, entry.span(str(key))))
    for key in ("config", "meta"):
        value = entry.values.get(key)
        if value is not None and not isinstance(value, dict):
            what = f"`{key}` of `{entry.name}` must be a mapping"
            reading.found.append(wrong_shape(what, entry.span(key)))
    columns = entry.values.get("columns")
    if columns is not None and not isinstance(columns, list):
        what = f"`columns` of `{entry.name}` must be a list of mappings with a `name`"
        reading.found.append(wrong_shape(what, entry.span("columns")))


def _keep(reading: Reading, entry: Entry) -> None:
    reading.entries.setdefault(entry.key, []).append(entry)
    if entry.key in _PATCHED:
        key = "data_tests" if entry.key == "tests" else entry.key
        place = (key, entry.package, entry.name)
        other = reading.patches.get(place)
        if other is not None:
            what = f"`{entry.name}` is described twice in `{entry.key}`"
            reading.found.append(duplicate(what, entry.span("name"), other.span("name")))
            return
        reading.patches[place] = entry


def patch_config(entry: Entry | None) -> Config:
    """Return the config of a properties entry, with the keys that dbt also takes beside it."""
    if entry is None:
        return {}
    result: Config = {}
    for key in _MOVED_TO_CONFIG:
        if key in entry.values:
            result[key] = entry.values[key]
    # dbt reads no tags beside the name of these, only in `config:` and for their columns.
    beside = ("meta",) if entry.key in _WITHOUT_TAGS else ("meta", "tags")
    for key in beside:
        if entry.values.get(key):
            merge_config(result, {key: entry.values[key]})
    config = entry.values.get("config")
    if isinstance(config, dict):
        merge_config(result, config)
        if "grants" in config:  # merged later: `+select` adds to what dbt_project.yml says
            result["grants"] = config["grants"]
    return result


def text_of(value: Json) -> str:
    """Return a value of YAML as text; nothing for null."""
    return "" if value is None else str(value)


def render_description(reading: Reading, package: str, value: Json, where: Entry) -> str:
    """Render a description: ``doc()`` may be called in it."""
    text = text_of(value)
    if "{{" not in text and "{%" not in text:
        return text
    order = tuple(dict.fromkeys((package, reading.root, *(p.name for p in reading.packages))))

    def doc(*names: str) -> str:
        wanted = (names[0],) if len(names) > 1 else order
        return find_doc(reading.docs, wanted, names[-1])

    variables = Variables(reading.variables.get(package, {}), is_lenient=True)
    values = reading.values
    context = make_base_context(values.environment, variables, values.modules)
    context |= {"doc": doc, "target": values.target}
    try:
        return reading.templates.render(
            text, name=where.file.file, context=context, package=package
        ).text
    except HeadwaterError as error:
        error.where = find_text(where, text)
        finding = diagnostic_of(error)
        reading.found.append(finding)
        return text


def doc_blocks_of(reading: Reading, package: str, value: Json) -> tuple[str, ...]:
    """Return the docs blocks that a description shows, by unique_id, in order."""
    text = text_of(value)
    order = tuple(dict.fromkeys((package, reading.root, *(p.name for p in reading.packages))))
    found: dict[str, None] = {}
    for match in _DOC_CALL.finditer(text) if "{{" in text else ():
        wanted = (match["first"],) if match["second"] else order
        name = match["second"] or match["first"]
        known = [key for each in wanted if (key := f"doc.{each}.{name}") in reading.docs]
        found |= dict.fromkeys(known[:1])
    return tuple(found)


def find_text(entry: Entry, text: str) -> Span:
    """Find a piece of an entry's text in its file, cheaply; else the entry itself."""
    first = text.strip().splitlines()[0].strip() if text.strip() else ""
    whole = entry.file.text
    offset = whole.find(first) if first else -1
    if offset < 0:
        return entry.span()
    line = whole.count("\n", 0, offset) + 1
    column = offset - (whole.rfind("\n", 0, offset) + 1) + 1
    return Span(file=entry.file.file, line=line, column=column, end_column=column + len(first))


def read_columns(
    reading: Reading, entry: Entry, columns: Json
) -> tuple[Mapping[str, ColumnInfo], tuple[tuple[int, Mapping[str, Json]], ...]]:
    """Read the columns of an entry.

    Returns:
        The columns by name, and the raw ones with their positions, for their tests.
    """
    result: dict[str, ColumnInfo] = {}
    raw: list[tuple[int, Mapping[str, Json]]] = []
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        if not isinstance(column, dict) or column.get("name") is None:
            what = f"a column of `{entry.name}` has no `name`"
            reading.found.append(wrong_shape(what, entry.span("columns", index)))
            continue
        for key in column:
            if key not in _COLUMN_KEYS:
                owner = f"column `{column['name']}`"
                where = entry.span("columns", index, str(key))
                reading.found.append(unknown_key(str(key), owner, _COLUMN_KEYS, where))
        raw.append((index, column))
        info = _column(reading, entry, column)
        result[info.name] = info
    return MappingProxyType(result), tuple(raw)


def _column(reading: Reading, entry: Entry, column: Mapping[str, Json]) -> ColumnInfo:
    config = column.get("config")
    inner = config if isinstance(config, dict) else {}
    data_type = column.get("data_type")
    quote = column.get("quote")
    constraints = column.get("constraints")
    granularity = column.get("granularity")
    return ColumnInfo(
        name=str(column["name"]),
        description=render_description(reading, entry.package, column.get("description"), entry),
        data_type=None if data_type is None else str(data_type),
        quote=quote if isinstance(quote, bool) else None,
        meta={**_mapping(column.get("meta")), **_mapping(inner.get("meta"))},
        tags=tuple(dict.fromkeys((*texts(column.get("tags")), *texts(inner.get("tags"))))),
        constraints=tuple(
            written
            for written in (constraints if isinstance(constraints, list) else ())
            if isinstance(written, dict)
        ),
        granularity=None if granularity is None else str(granularity),
        doc_blocks=doc_blocks_of(reading, entry.package, column.get("description")),
        extra=MappingProxyType(
            {str(key): value for key, value in column.items() if key not in _COLUMN_FIELDS}
        ),
    )


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def texts(value: Json | Iterable[Json]) -> tuple[str, ...]:
    """Return one text or a list of texts as a tuple."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(str(item) for item in value)
    return (str(value),)
