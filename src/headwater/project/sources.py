"""Sources: tables that others write, declared in properties files; one table, one node."""

from collections.abc import Mapping
from string import Formatter
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.project.capture import Text
from headwater.project.config import Config, merge_config
from headwater.project.files import folders_of
from headwater.project.findings import unknown_key, wrong_shape
from headwater.project.freshness import (
    complete_freshness,
    freshness_fault_or_none,
    merge_freshness,
    read_freshness,
)
from headwater.project.generic_tests import Tested, read_tests
from headwater.project.models import finish_config
from headwater.project.node import Node, SourceInfo
from headwater.project.properties import (
    TABLE_KEYS,
    doc_blocks_of,
    patch_config,
    read_columns,
    render_description,
    text_of,
    texts,
)
from headwater.project.reading import Entry, Reading
from headwater.project.source_overrides import source_entries

_LOADED_AT = ("loaded_at_field", "loaded_at_query")


def read_sources(reading: Reading) -> None:
    """Read the sources of all packages, and their tests."""
    for entry in source_entries(reading):
        tables = entry.values.get("tables")
        if tables is not None and not isinstance(tables, list):
            what = f"`tables` of source `{entry.name}` must be a list"
            reading.found.append(wrong_shape(what, entry.span("tables")))
            continue
        for index, table in enumerate(tables or ()):
            if not isinstance(table, dict) or not isinstance(table.get("name"), (str, int)):
                what = f"a table of source `{entry.name}` has no `name`"
                reading.found.append(wrong_shape(what, entry.span("tables", index)))
                continue
            _read_table(reading, entry, index, table)


def _read_table(reading: Reading, entry: Entry, index: int, table: Mapping[str, Json]) -> None:
    path = ("tables", index)
    name = str(table["name"])
    for key in table:
        if key not in TABLE_KEYS:
            owner = f"table `{entry.name}.{name}`"
            where = entry.span(*path, str(key))
            reading.found.append(unknown_key(str(key), owner, TABLE_KEYS, where))
    inner = Entry(
        key=entry.key,
        package=entry.package,
        file=entry.file,
        original_path=entry.original_path,
        path=entry.path,
        index=entry.index,
        values=table,
    )
    fqn = (entry.package, *folders_of(entry.path), entry.name, name)
    config = _config(reading, entry, inner, fqn)
    text = Text(
        kind="source",
        package=entry.package,
        name=f"{entry.name}.{name}",
        file=entry.file.file,
        path=entry.original_path,
        fqn=fqn,
        code="",
    )
    finish_config(reading, config, text, None)
    columns, raw = read_columns(reading, inner, table.get("columns"))
    where = entry.span(*path, "name")
    node = Node(
        unique_id=NodeId(f"source.{entry.package}.{entry.name}.{name}"),
        resource_type="source",
        package=entry.package,
        name=name,
        path=entry.original_path,
        original_path=entry.original_path,
        fqn=fqn,
        config=MappingProxyType(config),
        relation=_relation(reading, entry, table),
        columns=columns,
        description=render_description(reading, entry.package, table.get("description"), inner),
        doc_blocks=doc_blocks_of(reading, entry.package, table.get("description")),
        tags=tuple(sorted(set(texts(config.get("tags"))))),
        meta=MappingProxyType(_mapping(config.get("meta"))),
        source=_source_info(reading, entry, table, config),
        declared=MappingProxyType(_declared(entry, table)),
        where=where,
    )
    if reading.add(node):
        tested = Tested(
            entry=entry,
            node=node,
            is_source=True,
            call=f"source('{entry.name}', '{name}')",
            name=f"{entry.name}_{name}",
            path=path,
            tests=table,
            columns=tuple((("columns", index), column) for index, column in raw),
            tags=(*texts(entry.values.get("tags")), *texts(table.get("tags"))),
        )
        read_tests(reading, tested)


def _declared(entry: Entry, table: Mapping[str, Json]) -> dict[str, Json]:
    """Return what artifacts say of a source table besides what is used here."""
    return {
        "source_description": text_of(entry.values.get("description")),
        "loader": text_of(table.get("loader") or entry.values.get("loader")),
        "quoting": table.get("quoting") or entry.values.get("quoting") or {},
        "external": table.get("external"),
        "source_meta": _source_meta(entry),
        **_place_as_written(entry),
    }


def _source_meta(entry: Entry) -> dict[str, Json]:
    """Return the meta of the source itself, which its tables have, too."""
    config = _mapping(entry.values.get("config"))
    return {**_mapping(entry.values.get("meta")), **_mapping(config.get("meta"))}


def _place_as_written(entry: Entry) -> dict[str, Json]:
    """Return database and schema before Jinja was rendered, for comparing projects."""
    content = entry.file.content
    listed = content.get("sources") if isinstance(content, dict) else None
    raw = listed[entry.index] if isinstance(listed, list) else None
    written = _mapping(raw)
    database = written.get("database") or written.get("catalog")
    return {"unrendered_database": database, "unrendered_schema": written.get("schema")}


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _config(reading: Reading, entry: Entry, table: Entry, fqn: tuple[str, ...]) -> Config:
    patch: Config = {}
    for part in (entry, table):
        merge_config(patch, patch_config(part))
    patch |= _loaded_at(reading, entry, table)
    patch.pop("freshness", None)
    written = _freshness_written(reading, entry, table)
    merged = merge_freshness(written)
    if merged is None or read_freshness(merged).is_asked:
        patch["freshness"] = merged
    config = reading.trees.resolve("source", entry.package, fqn, patch=patch)
    if "freshness" not in patch:
        _check_freshness(reading, config["freshness"], entry, "dbt_project.yml")
        config["freshness"] = complete_freshness(config["freshness"])
    return config


def _freshness_written(reading: Reading, entry: Entry, table: Entry) -> list[Json]:
    """Return the freshness of the four places where it may stand, weakest first."""
    written: list[Json] = []
    for part, name in ((entry, entry.name), (table, f"{entry.name}.{table.values['name']}")):
        for values in (part.values, _mapping(part.values.get("config"))):
            found = values.get("freshness", {})
            is_sound = _check_freshness(reading, found, entry, name)
            written.append(found if is_sound else {})
    return written


def _check_freshness(reading: Reading, value: Json, entry: Entry, name: str) -> bool:
    fault = freshness_fault_or_none(value)
    if fault is not None:
        what = f"`freshness` of `{name}` cannot be read: {fault}"
        fix = "write it as `freshness: {error_after: {count: 12, period: hour}}`, or null for none"
        reading.found.append(wrong_shape(what, entry.span(), fix))
    return fault is None


def _loaded_at(reading: Reading, entry: Entry, table: Entry) -> Config:
    """Return by which column or query a table's age is measured; the table's own word wins."""
    own, inherited = _loaded_at_of(table), _loaded_at_of(entry)
    name = f"{entry.name}.{table.values['name']}"
    for found, owner in ((own, name), (inherited, entry.name)):
        if all(found.get(key) for key in _LOADED_AT):
            what = f"`{owner}` has both `loaded_at_field` and `loaded_at_query`"
            reading.found.append(wrong_shape(what, entry.span(), "keep one of them"))
    if own.get("loaded_at_field") == "":
        what = f"`loaded_at_field` of `{name}` is empty"
        fix = "name a column, or write null to go by the table's last commit"
        reading.found.append(wrong_shape(what, entry.span(), fix))
    if "loaded_at_field" in own:
        inherited["loaded_at_query"] = None
    return inherited | own


def _loaded_at_of(part: Entry) -> Config:
    """Return what one entry says: beside ``config:`` also null, within it only a value."""
    config = _mapping(part.values.get("config"))
    found: Config = {key: config[key] for key in _LOADED_AT if config.get(key) is not None}
    return found | {key: part.values[key] for key in _LOADED_AT if key in part.values}


def _relation(reading: Reading, entry: Entry, table: Mapping[str, Json]) -> TableName:
    target = reading.options.target
    database = entry.values.get("database") or entry.values.get("catalog") or target.catalog
    schema = entry.values.get("schema") or entry.name
    identifier = table.get("identifier") or table["name"]
    return TableName(str(database), str(schema), str(identifier))


def _source_info(
    reading: Reading, entry: Entry, table: Mapping[str, Json], config: Config
) -> SourceInfo:
    name = str(table["name"])
    identifier = str(table.get("identifier") or name)
    loaded_at = config.get("loaded_at_field")
    template = config.get("external_location") or _mapping(config.get("meta")).get(
        "external_location"
    )
    location = None
    if template is not None:
        relation = _relation(reading, entry, table)
        values = {
            "name": name,
            "identifier": identifier,
            "schema": relation.schema,
            "database": relation.catalog,
            "source_name": entry.name,
        }
        location = _formatted(reading, entry, str(template), values)
    return SourceInfo(
        source_name=entry.name,
        identifier=identifier,
        external_location=location,
        loaded_at_field=None if loaded_at is None else str(loaded_at),
    )


def _formatted(reading: Reading, entry: Entry, template: str, values: Mapping[str, str]) -> str:
    try:
        return Formatter().vformat(template, (), values)
    except (KeyError, ValueError, IndexError) as error:
        reading.found.append(
            Diagnostic(
                code="config-type",
                severity="error",
                what=f"`external_location` of source `{entry.name}` cannot be filled in: {error}",
                fix="Use {name}, {identifier}, {schema} or {database}; double other braces",
                where=entry.span(),
            )
        )
        return template
