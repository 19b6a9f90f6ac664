"""Generic tests: from ``data_tests:`` of a properties file to test nodes with dbt's names.

A test's unique_id ends in a hash of its macro and arguments, so the way a name, its short form and
the hash are made must be dbt's to the letter: state comparison and artifacts depend on it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import cast

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import quote_identifier
from headwater.base.spans import Span
from headwater.jinja.context import Variables, make_base_context
from headwater.jinja.macros import GLOBAL_PACKAGE, Macro
from headwater.project.capture import (
    Captured,
    Text,
    open_session,
    render_captured,
)
from headwater.project.config import Config
from headwater.project.context import TEST_ARGUMENTS, evaluate_arguments
from headwater.project.files import folders_of
from headwater.project.findings import suggestion
from headwater.project.models import finish_config
from headwater.project.names import relation_of_node
from headwater.project.node import Node, Ref, SourceRef, TestInfo
from headwater.project.properties import render_description, texts
from headwater.project.reading import Entry, Reading, Version

_CONFIG_KEYS = (
    "severity", "tags", "enabled", "where", "limit", "warn_if", "error_if", "fail_calc",
    "store_failures", "store_failures_as", "meta", "database", "schema", "alias",
)  # fmt: skip
_NAME = re.compile(r"^(?:(?P<namespace>[A-Za-z_]\w*)\.)?(?P<name>[A-Za-z_]\w*)$")
_SHORT_NAME_MAX = 64
_SHORT_NAME_KEPT = 30
_STATIC = frozenset({"macro.dbt.test_unique", "macro.dbt.test_not_null"})
_SEVERITIES = frozenset({"error", "warn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A node whose properties declare tests.

    Attributes:
        entry: The entry that declares them.
        node: The node; None when there is none of that name.
        is_source: Whether it is a source table.
        call: The call that names it: ``ref('orders')``.
        name: Its name inside of test names.
        path: Path of keys from the entry to the node.
        tests: The mapping that has ``data_tests``.
        columns: Raw columns with their paths below ``path``.
        tags: Tags that its tests inherit; only sources hand theirs on.
        version: Version of the model, of which its tests are; None for others.
    """

    entry: Entry
    node: Node | None
    is_source: bool
    call: str
    name: str
    path: tuple[str | int, ...]
    tests: Mapping[str, Json]
    columns: tuple[tuple[tuple[str | int, ...], Mapping[str, Json]], ...]
    tags: tuple[str, ...] = ()
    version: str | int | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One test as written.

    Attributes:
        tested: What it is on.
        column: Column name, quoted when the column asks for it; None for a table's test.
        column_tags: Tags of the column and of the source.
        written: The entry in the list.
        path: Path of keys from the properties entry to it.
    """

    tested: Tested
    column: str | None
    column_tags: tuple[str, ...]
    written: Json
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A test taken apart.

    Attributes:
        name: Test name without its package.
        namespace: Package written before it.
        arguments: Arguments for the macro, ``model`` last.
        config: Config given with the test.
        full_name: Name in unique_id and fqn.
        short_name: Name of its file, at most 63 characters unless given by the user.
        description: As written.
    """

    name: str
    namespace: str | None
    arguments: dict[str, Json]
    config: Config
    full_name: str
    short_name: str
    description: str


def read_tests(reading: Reading, tested: Tested) -> None:
    """Read the tests of a node: its columns' first, then its own."""
    for path, column in tested.columns:
        name = str(column["name"])
        quoted = column.get("quote") is True
        config = column.get("config")
        inner = config.get("tags") if isinstance(config, dict) else None
        for key, position, written in _lists(reading, tested, column, path):
            declared = Declared(
                tested=tested,
                column=quote_identifier(name) if quoted else name,
                column_tags=(*tested.tags, *texts(column.get("tags")), *texts(inner)),
                written=written,
                path=(*tested.path, *path, key, position),
            )
            _read_test(reading, declared)
    for key, position, written in _lists(reading, tested, tested.tests, ()):
        declared = Declared(
            tested=tested,
            column=None,
            column_tags=tested.tags,
            written=written,
            path=(*tested.path, key, position),
        )
        _read_test(reading, declared)


def _lists(
    reading: Reading, tested: Tested, owner: Mapping[str, Json], path: tuple[str | int, ...]
) -> list[tuple[str, int, Json]]:
    result = []
    for key in ("data_tests", "tests"):
        tests = owner.get(key)
        if tests is None:
            continue
        if not isinstance(tests, list):
            where = tested.entry.span(*tested.path, *path, key)
            reading.found.append(_malformed(f"`{key}` must be a list", where))
            continue
        result += [(key, position, written) for position, written in enumerate(tests)]
    return result


def _malformed(what: str, where: Span) -> Diagnostic:
    return Diagnostic(
        code="test-malformed",
        severity="error",
        what=what,
        fix="Write a name, or a name with its arguments below it",
        where=where,
    )


def _read_test(reading: Reading, declared: Declared) -> None:
    entry = declared.tested.entry
    parts = _taken_apart(declared.written)
    if parts is None:
        what = "a test is a name, or a mapping from one name to its arguments"
        reading.found.append(_malformed(what, entry.span(*declared.path)))
        return
    name, arguments = parts
    match = _NAME.match(name)
    if match is None:
        what = f"`{name}` is not a name of a test"
        reading.found.append(_malformed(what, entry.span(*declared.path)))
        return
    try:
        built = _build(reading, declared, match, arguments)
    except HeadwaterError as error:
        error.where = entry.span(*declared.path)
        reading.found.append(diagnostic_of(error))
        return
    macro = _macro_or_none(reading, entry.package, built)
    if macro is None:
        reading.found.append(_unknown(reading, built, entry.span(*declared.path)))
        return
    _add_test(reading, declared, built, macro)


def _taken_apart(written: Json) -> tuple[str, dict[str, Json]] | None:
    if isinstance(written, str):
        return written, {}
    if not isinstance(written, dict):
        return None
    if "test_name" in written:
        arguments = {key: value for key, value in written.items() if key != "test_name"}
        return str(written["test_name"]), arguments
    if len(written) != 1:
        return None
    name, inner = next(iter(written.items()))
    if inner is None:
        return str(name), {}
    return (str(name), dict(inner)) if isinstance(inner, dict) else None


def _build(
    reading: Reading, declared: Declared, match: re.Match[str], arguments: dict[str, Json]
) -> Built:
    tested = declared.tested
    nested = arguments.pop("arguments", None)
    if declared.column is not None:
        arguments["column_name"] = declared.column
    if isinstance(nested, dict):
        arguments = {**arguments, **nested}
    arguments["model"] = f"{{{{ get_where_subquery({tested.call}) }}}}"
    config = _config(reading, declared, arguments)
    description = str(arguments.pop("description", None) or "")
    given = arguments.pop("name", None)
    name, namespace = match["name"], match["namespace"]
    if given is not None:
        full = short = str(given)
    else:
        kind = f"source_{name}" if tested.is_source else name
        kind = f"{namespace}_{kind}" if namespace else kind
        short, full = make_test_names(kind, tested.name, arguments)
        if short != full:
            config.setdefault("alias", short)
    return Built(
        name=name,
        namespace=namespace,
        arguments=arguments,
        config=config,
        full_name=full,
        short_name=short,
        description=description,
    )


def _config(reading: Reading, declared: Declared, arguments: dict[str, Json]) -> Config:
    given = arguments.pop("config", None)
    inner = given if isinstance(given, dict) else {}
    twice = [key for key in _CONFIG_KEYS if key in arguments and key in inner]
    if twice:
        raise Invalid(
            "test-malformed",
            f"a test says `{twice[0]}` twice: beside `config` and in it",
            fix="keep the one in `config`",
        )
    merged: dict[str, Json] = {key: arguments.pop(key, None) for key in _CONFIG_KEYS}
    if isinstance(given, dict):
        merged |= given
    package = declared.tested.entry.package
    variables = Variables(reading.variables.get(package, {}), is_lenient=True)
    values = reading.values
    context = make_base_context(values.environment, variables, values.modules)
    context |= {"target": values.target, "flags": values.flags}
    config: Config = {}
    for key, value in merged.items():
        if isinstance(value, str) and "{" in value:
            file = declared.tested.entry.file.file
            value = cast(  # noqa: PLW2901 - the rendered form of it
                "Json",
                reading.templates.evaluate(value, name=file, context=context, package=package),
            )
        if value is not None:
            config[key] = value
    return config


def make_test_names(kind: str, name: str, arguments: Mapping[str, Json]) -> tuple[str, str]:
    """Make the short and the full name of a test that the user did not name.

    Args:
        kind: Test name, with its package and ``source_`` before it where it has them.
        name: Name of what is tested.
        arguments: Arguments; ``model`` does not count.
    """
    flat: list[str] = []
    for key in sorted(arguments):
        value = arguments[key]
        if key == "model":
            continue
        if isinstance(value, dict):
            flat += [str(part) for part in value.values()]
        elif isinstance(value, list):
            flat += [str(part) for part in value]
        else:
            flat.append(str(value))
    ending = "__".join(re.sub(r"[^0-9a-zA-Z_]+", "_", part) for part in flat)
    start = f"{kind}_{name}"
    full = f"{start}_{ending}"
    if len(full) < _SHORT_NAME_MAX:
        return full, full
    return f"{start[:_SHORT_NAME_KEPT]}_{_md5(full)}", full


def make_test_hash(
    full_name: str, *, namespace: str | None, name: str, arguments: Mapping[str, Json]
) -> str:
    """Make the ten characters that end a generic test's unique_id."""
    metadata = {"kwargs": dict(arguments), "name": name, "namespace": namespace}
    return _md5(full_name + repr(_hashable(metadata)))[-10:]


def _hashable(value: object) -> object:
    if type(value) is dict:
        return {key: _hashable(value[key]) for key in sorted(value)}
    if type(value) is list:
        return [_hashable(part) for part in value]
    return str(value)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _macro_or_none(reading: Reading, package: str, built: Built) -> Macro | None:
    index = reading.templates.index
    wanted = f"test_{built.name}"
    if built.namespace:
        return index.find_in_or_none(built.namespace, wanted)
    return index.find_or_none(package, wanted)


def _unknown(reading: Reading, built: Built, where: Span) -> Diagnostic:
    index = reading.templates.index
    shown = f"{built.namespace}.{built.name}" if built.namespace else built.name
    if built.namespace and built.namespace not in index.packages:
        fix = f"Package `{built.namespace}` is not installed: run `hw deps`"
    else:
        packages = [built.namespace] if built.namespace else [index.root, GLOBAL_PACKAGE]
        known = [
            name.removeprefix("test_")
            for package in packages
            for name in index.packages.get(package, {})
            if name.startswith("test_")
        ]
        fix = suggestion(built.name, known) or "Check the spelling"
    return Diagnostic(
        code="test-unknown",
        severity="error",
        what=f"there is no generic test `{shown}`",
        fix=fix,
        where=where,
    )


def _add_test(reading: Reading, declared: Declared, built: Built, macro: Macro) -> None:
    tested = declared.tested
    entry = tested.entry
    below = entry.original_path.split("/", 1)[-1]
    fqn = (entry.package, *folders_of(below), built.full_name)
    macro_name = f"test_{built.name}"
    shown = f"{built.namespace}.{macro_name}" if built.namespace else macro_name
    text = Text(
        kind="test",
        package=entry.package,
        name=built.full_name,
        file=entry.file.file,
        path=entry.original_path,
        fqn=fqn,
        code=f"{{{{ {shown}(**{TEST_ARGUMENTS}) }}}}",
    )
    told = len(reading.found)
    captured = _captured(reading, tested, built, (text, macro))
    # The text of a test is made up; its faults are those of the lines that declare it.
    reading.found[told:] = [replace(item, where=_place(declared)) for item in reading.found[told:]]
    config = reading.trees.resolve("test", entry.package, fqn, call=captured.config)
    finish_config(reading, config, text, None)
    severity = str(config.get("severity") or "ERROR")
    if severity.lower() not in _SEVERITIES:
        what = f"severity of test `{built.full_name}` is `{severity}`; it must be error or warn"
        where = entry.span(*declared.path)
        reading.found.append(
            Diagnostic(
                code="config-type",
                severity="error",
                what=what,
                fix="write `severity: error` or `severity: warn`",
                where=where,
            )
        )
    tags = {*declared.column_tags, *texts(config.get("tags"))}
    ending = make_test_hash(
        built.full_name, namespace=built.namespace, name=built.name, arguments=built.arguments
    )
    attached = tested.node.unique_id if tested.node else None
    meta = config.get("meta")
    node = Node(
        unique_id=NodeId(f"test.{entry.package}.{built.full_name}.{ending}"),
        resource_type="test",
        package=entry.package,
        name=built.full_name,
        path=f"{built.short_name}.sql",
        original_path=entry.original_path,
        fqn=fqn,
        raw_code=text.code,
        config=MappingProxyType(config),
        refs=captured.refs,
        sources=captured.sources,
        macros=tuple(sorted({*captured.macros, *_test_macros(reading, entry, built, macro)})),
        description=render_description(reading, entry.package, built.description, entry),
        tags=tuple(sorted(tags)),
        meta=MappingProxyType(meta if isinstance(meta, dict) else {}),
        test=TestInfo(
            name=built.name,
            namespace=built.namespace,
            arguments=MappingProxyType(built.arguments),
            column=declared.column,
            attached_node=attached,
        ),
        where=_place(declared),
        config_call=MappingProxyType(captured.config),
        declared=MappingProxyType({"config": built.config}),
    )
    reading.add(replace(node, place=relation_of_node(reading, node, text)))


def _test_macros(reading: Reading, entry: Entry, built: Built, macro: Macro) -> tuple[str, ...]:
    """Return the test, and what its bare name means: dbt notes that when it runs a package's."""
    found = reading.templates.index.find_or_none(entry.package, f"test_{built.name}")
    return (macro.unique_id,) if found is None else (macro.unique_id, found.unique_id)


def _captured(
    reading: Reading, tested: Tested, built: Built, target: tuple[Text, Macro]
) -> Captured:
    text, macro = target
    if macro.unique_id in _STATIC:
        refs, sources = _own_reference(tested)
        return Captured(refs=refs, sources=sources, config=dict(built.config))
    session = open_session(reading, text, built.config)
    session.calls.values.update(built.config)
    try:
        session.context[TEST_ARGUMENTS] = evaluate_arguments(
            reading.templates, built.arguments, session.context, (text.file, text.package)
        )
    except HeadwaterError as error:
        reading.found.append(diagnostic_of(error))
        refs, sources = _own_reference(tested)
        return Captured(refs=refs, sources=sources, config=dict(built.config))
    found = render_captured(reading, text, session)
    reader = reading.templates.index.find_or_none(text.package, "get_where_subquery")
    # The argument `model` of every test calls it, before the test itself is called.
    called = () if reader is None else (reader.unique_id,)
    return replace(found, macros=tuple(sorted({*found.macros, *called})))


def _own_reference(tested: Tested) -> tuple[tuple[Ref, ...], tuple[SourceRef, ...]]:
    if tested.is_source and tested.node and tested.node.source:
        return (), (SourceRef(source_name=tested.node.source.source_name, name=tested.node.name),)
    name = tested.node.name if tested.node else tested.name
    return (Ref(name=name, version=tested.version),), ()


def _place(declared: Declared) -> Span:
    """Return where a test's name is written: the entry itself, or its key."""
    written = declared.written
    if not isinstance(written, dict):
        return declared.tested.entry.span(*declared.path)
    key = "test_name" if "test_name" in written else str(next(iter(written)))
    return declared.tested.entry.span(*declared.path, key)


def read_node_tests(reading: Reading) -> None:
    """Read the tests that the properties of models, seeds and snapshots declare."""
    kinds = {"models": "model", "seeds": "seed", "snapshots": "snapshot"}
    for (key, package, name), entry in list(reading.patches.items()):
        kind = kinds.get(key)
        if kind is None:
            continue
        if kind == "model" and entry.values.get("versions"):
            for version in reading.versioned.get((package, name), ()):
                _read_version_tests(reading, version)
            continue
        found = {
            each: node
            for each in kinds.values()
            if (node := reading.nodes.get(NodeId(f"{each}.{package}.{name}"))) is not None
        }
        # A test refers to its node by name alone, so it is one of whatever has the name, as in dbt.
        node = found.get(kind) or next(iter(found.values()), None)
        if kind not in found:
            reading.found.append(_orphan(reading, entry, kind, node))
        if node is None:
            continue
        columns = entry.values.get("columns")
        raw = tuple(
            (("columns", index), column)
            for index, column in enumerate(columns if isinstance(columns, list) else ())
            if isinstance(column, dict) and column.get("name") is not None
        )
        read_tests(
            reading,
            Tested(
                entry=entry,
                node=node,
                is_source=False,
                call=f"ref('{name}')",
                name=name,
                path=(),
                tests=entry.values,
                columns=raw,
            ),
        )


def _written(version: Version) -> str | int | float:
    return version.v if isinstance(version.v, (int, float)) else str(version.v)


def _read_version_tests(reading: Reading, version: Version) -> None:
    entry = version.entry
    node = reading.nodes.get(NodeId(f"model.{entry.package}.{version.name}.v{version.v}"))
    if node is None:
        return  # its file could not be read, which was said
    columns = entry.values.get("columns")
    raw = tuple(
        (path, column)
        for path, column in zip(
            version.columns, columns if isinstance(columns, list) else (), strict=True
        )
        if isinstance(column, dict) and column.get("name") is not None
    )
    # As in dbt, tests of version 0 are named like those of a model without versions.
    is_named = bool(version.v)
    read_tests(
        reading,
        Tested(
            entry=entry,
            node=node,
            is_source=False,
            call=f"ref('{version.name}', version='{version.v}')"
            if is_named
            else f"ref('{version.name}')",
            name=f"{version.name}_v{version.v}" if is_named else version.name,
            path=(),
            tests=entry.values,
            columns=raw,
            version=_written(version) if is_named else None,
        ),
    )


def _orphan(reading: Reading, entry: Entry, kind: str, other: Node | None) -> Diagnostic:
    names = [
        node.name
        for node in reading.nodes.values()
        if node.package == entry.package and node.resource_type == kind
    ]
    return Diagnostic(
        code="properties-orphan",
        severity="warning",
        what=f"`{entry.name}` is described in `{entry.key}`, but there is no such {kind}",
        why="Its descriptions and tests apply to nothing"
        if other is None
        else f"Its tests run on the {other.resource_type} of that name; nothing else applies",
        fix=(suggestion(entry.name, names) or "Correct the name, or delete the entry")
        if other is None
        else f"Move it to `{other.resource_type}s:`",
        where=entry.span("name"),
    )
