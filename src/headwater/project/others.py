"""Exposures, metrics, semantic models, saved queries, unit tests and groups: declared, not run.

They are kept as written, with the nodes they depend on, for lineage and for later capabilities.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.project.calls import calls_in
from headwater.project.capture import Text
from headwater.project.files import folders_of, stem_of
from headwater.project.findings import duplicate, suggestion, wrong_shape
from headwater.project.models import finish_config
from headwater.project.node import Node, Ref, ResourceType, SourceRef
from headwater.project.project import Group
from headwater.project.properties import find_text, patch_config, render_description, texts
from headwater.project.reading import Entry, Reading
from headwater.project.semantic_yaml import created_metrics
from headwater.project.versions import tests_of_versions

_KINDS: Mapping[str, ResourceType] = {
    "exposures": "exposure",
    "metrics": "metric",
    "semantic_models": "semantic_model",
    "saved_queries": "saved_query",
    "unit_tests": "unit_test",
}

_DESCRIBED = ("entities", "dimensions", "measures")


def read_others(reading: Reading) -> None:
    """Read the entries of all these kinds."""
    for key, kind in _KINDS.items():
        for entry in reading.entries.get(key, ()):
            _read_entry(reading, entry, kind)
    for entry in reading.entries.get("groups", ()):
        _read_group(reading, entry)


def _read_entry(reading: Reading, entry: Entry, kind: ResourceType) -> None:
    model = entry.values.get("model")
    inner: tuple[str, ...] = ()
    if kind == "unit_test":
        if not isinstance(model, str):
            what = f"unit test `{entry.name}` has no `model`"
            reading.found.append(wrong_shape(what, entry.span()))
            return
        inner = (model,)
    fqn = (entry.package, *folders_of(entry.path), *inner, entry.name)
    text = Text(
        kind=kind,
        package=entry.package,
        name=entry.name,
        file=entry.file.file,
        path=entry.original_path,
        fqn=fqn,
        code="",
    )
    beside = entry.values.get("meta") if kind == "metric" else None
    patch = patch_config(_without_meta(entry) if beside else entry)
    config = reading.trees.resolve(kind, entry.package, fqn, patch=patch)
    finish_config(reading, config, text, entry)
    refs, sources = _references(entry, kind)
    declared = _declared(reading, entry, kind)
    # As in dbt the meta beside the name of a metric is no config; it is the metric's without one.
    meta = config.get("meta") or beside
    node = Node(
        unique_id=NodeId(".".join((kind, entry.package, *inner, entry.name))),
        resource_type=kind,
        package=entry.package,
        name=entry.name,
        path=entry.path,
        original_path=entry.original_path,
        fqn=fqn,
        config=MappingProxyType(config),
        refs=refs,
        sources=sources,
        description=render_description(
            reading, entry.package, entry.values.get("description"), entry
        ),
        tags=tuple(sorted(set(texts(config.get("tags"))))),
        meta=MappingProxyType(meta if isinstance(meta, dict) else {}),
        declared=MappingProxyType(declared),
        where=find_text(entry, f"name: {entry.name}"),
    )
    if kind == "semantic_model":
        for metric in created_metrics(entry, config):
            _read_entry(reading, metric, "metric")
    if kind != "unit_test":
        reading.add(node)
        return
    for test in tests_of_versions(reading, entry, node):
        reading.add(_off_with_model(reading, test))


def _off_with_model(reading: Reading, test: Node) -> Node:
    """Turn a unit test off when the model that it tests is off, as dbt does."""
    version = test.declared.get("version")
    key = f"model.{test.package}.{test.declared['model']}"
    model = reading.nodes.get(NodeId(key if version is None else f"{key}.v{version}"))
    if model is None or model.is_enabled:
        return test
    return replace(test, config=MappingProxyType({**test.config, "enabled": False}))


def _without_meta(entry: Entry) -> Entry:
    return replace(entry, values={k: v for k, v in entry.values.items() if k != "meta"})


def _declared(reading: Reading, entry: Entry, kind: ResourceType) -> dict[str, Json]:
    if kind == "unit_test":
        return _with_fixtures(reading, entry)
    declared = dict(entry.values)
    for key in _DESCRIBED if kind == "semantic_model" else ():
        listed = declared.get(key)
        if isinstance(listed, list):
            declared[key] = [_with_description(reading, entry, part) for part in listed]
    return declared


def _with_description(reading: Reading, entry: Entry, part: Json) -> Json:
    if not isinstance(part, dict) or part.get("description") is None:
        return part
    shown = render_description(reading, entry.package, part["description"], entry)
    return {**part, "description": shown}


def _with_fixtures(reading: Reading, entry: Entry) -> dict[str, Json]:
    """Return a unit test's declaration with the texts of its fixture files as rows."""
    declared = dict(entry.values)
    given, expect = declared.get("given"), declared.get("expect")
    if isinstance(given, list):
        declared["given"] = [_with_fixture(reading, entry, part) for part in given]
    if expect is not None:
        declared["expect"] = _with_fixture(reading, entry, expect)
    return declared


def _with_fixture(reading: Reading, entry: Entry, part: Json) -> Json:
    """Fill the rows of one input in; as in dbt the file is one of the test's own package."""
    name = part.get("fixture") if isinstance(part, dict) else None
    if not isinstance(part, dict) or name is None:
        return part
    form = str(part.get("format") or "dict")
    found = [
        file
        for package in reading.packages
        if package.name == entry.package
        for file in package.of_kind("fixture")
        if file.path.endswith(f".{form}")
    ]
    files = {stem_of(file.path): file for file in found}
    file = files.get(str(name))
    same = [each.file for each in found if stem_of(each.path) == name]
    if len(same) > 1:
        reading.found.append(
            Diagnostic(
                code="duplicate-name",
                severity="error",
                what=f"{len(same)} fixtures are called `{name}`: {', '.join(sorted(same))}",
                fix="give each a name of its own; their folders do not count",
                where=find_text(entry, f"fixture: {name}"),
            )
        )
    if file is None:
        near = suggestion(str(name), files)
        reading.found.append(
            Diagnostic(
                code="fixture-not-found",
                severity="error",
                what=f"unit test `{entry.name}` names fixture `{name}`, which is no {form} file",
                why="fixtures are the .csv and .sql files of tests/fixtures, named without ending",
                fix=near or f"write `tests/fixtures/{name}.csv` and say `format: csv`",
                where=find_text(entry, f"fixture: {name}"),
            )
        )
        return part
    return {**part, "rows": file.text}


def _references(entry: Entry, kind: ResourceType) -> tuple[tuple[Ref, ...], tuple[SourceRef, ...]]:
    values = entry.values
    wanted: Json = None
    refs: dict[Ref, None] = {}
    match kind:
        case "exposure":
            wanted = values.get("depends_on")
        case "semantic_model":
            wanted = values.get("model")
        case "unit_test":
            given = values.get("given")
            wanted = [
                part.get("input")
                for part in (given if isinstance(given, list) else ())
                if isinstance(part, dict)
            ]
        case _:
            wanted = None
    sources: dict[SourceRef, None] = {}
    for written in _strings(wanted):
        for call in calls_in(written):
            if isinstance(call, Ref):
                refs[call] = None
            else:
                sources[call] = None
    return tuple(refs), tuple(sources)


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def _read_group(reading: Reading, entry: Entry) -> None:
    unique_id = f"group.{entry.package}.{entry.name}"
    owner = entry.values.get("owner")
    if not isinstance(owner, dict):
        what = f"group `{entry.name}` has no `owner`, which is a mapping with `name` or `email`"
        reading.found.append(wrong_shape(what, entry.span()))
        return
    if unique_id in reading.groups:
        what = f"two groups are called `{entry.name}`"
        reading.found.append(duplicate(what, entry.span("name"), None))
        return
    reading.groups[unique_id] = Group(
        unique_id=unique_id,
        package=entry.package,
        name=entry.name,
        path=entry.original_path,
        owner=cast("Mapping[str, Json]", owner),
        description=render_description(
            reading, entry.package, entry.values.get("description"), entry
        ),
        config=patch_config(entry),
    )
