"""Models, analyses, singular tests and snapshots of SQL files: one text, one node."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import Span, span_at
from headwater.jinja.scan import Block, UnclosedBlock, scan_blocks
from headwater.project.capture import (
    Captured,
    Text,
    capture,
    open_session,
    render_captured,
)
from headwater.project.config import DEFAULTS, Config, hooks_of
from headwater.project.files import ProjectFile, folders_of, stem_of
from headwater.project.findings import suggestion
from headwater.project.names import relation_of_node
from headwater.project.node import Node, Ref, ResourceType, SourceRef
from headwater.project.project import COMPARES_WRITTEN
from headwater.project.promises import check_promises_of, with_foreign_keys
from headwater.project.properties import (
    doc_blocks_of,
    patch_config,
    read_columns,
    render_description,
    texts,
)
from headwater.project.python_models import read_python_model
from headwater.project.reading import Entry, Package, Reading, Version
from headwater.project.settings import ANALYSES_FLAG
from headwater.project.text import artifact_checksum

_PATCH_KEYS: Mapping[str, str] = {
    "model": "models",
    "seed": "seeds",
    "snapshot": "snapshots",
    "analysis": "analyses",
    "test": "data_tests",
    "function": "functions",
}
_DECLARED = frozenset({
    "constraints", "version", "latest_version", "deprecation_date", "time_spine", "arguments",
    "returns", "overloads",
})  # fmt: skip
_BOOLEANS = ("enabled", "full_refresh", "quote_columns", "store_failures")
_MAPPINGS = ("meta", "quoting", "column_types", "docs", "contract", "grants")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "access": ("private", "protected", "public"),
    "on_schema_change": ("ignore", "fail", "append_new_columns", "sync_all_columns"),
}
_TEXTS = ("materialized", "schema", "database", "alias", "incremental_strategy")


def read_models(reading: Reading) -> None:
    """Read the models of all packages."""
    for package in reading.packages:
        for file in package.of_kind("model"):
            if file.file.endswith(".py"):
                _read_python(reading, package, file)
            else:
                _read_file(reading, package, file, "model")


def read_functions(reading: Reading) -> None:
    """Read the functions of all packages, in whatever language."""
    for package in reading.packages:
        for file in package.of_kind("function"):
            _read_file(reading, package, file, "function")


def read_analyses(reading: Reading) -> None:
    """Read the analyses of all packages."""
    for package in reading.packages:
        for file in package.of_kind("analysis"):
            _read_file(reading, package, file, "analysis")


def read_singular_tests(reading: Reading) -> None:
    """Read the tests that are queries of their own."""
    for package in reading.packages:
        for file in package.of_kind("test"):
            _read_file(reading, package, file, "test")


def read_snapshot_files(reading: Reading) -> None:
    """Read ``{% snapshot %}`` blocks."""
    for package in reading.packages:
        for file in package.of_kind("snapshot"):
            _read_snapshot_file(reading, package, file)


def _read_snapshot_file(reading: Reading, package: Package, file: ProjectFile) -> None:
    for block in scan_blocks(file.text):
        if isinstance(block, UnclosedBlock):
            reading.found.append(_unclosed(file, block))
        elif block.kind == "snapshot":
            _read_snapshot(reading, package, file, block)


def _read_python(reading: Reading, package: Package, file: ProjectFile) -> None:
    facts = read_python_model(file.text)
    if facts.fault:
        reading.found.append(
            Diagnostic(
                code="model-language",
                severity="error",
                what=f"`{file.original_path}` is no Python model: {facts.fault}",
                fix="write `def model(dbt, session):` with literal arguments of ref and source",
                where=Span(file=file.file, line=facts.line),
            )
        )
        return
    name = stem_of(file.path)
    version = reading.versions.get((package.name, name))
    text = Text(
        kind="model",
        package=package.name,
        name=name,
        file=file.file,
        path=file.original_path,
        fqn=(package.name, *folders_of(file.path), *_last_of_fqn(name, version)),
        code=file.text,
        version=version,
    )
    entry = _entry_of(reading, text)
    config = reading.trees.resolve(
        "model", package.name, text.fqn, patch=patch_config(entry), call=facts.config
    )
    finish_config(reading, config, text, entry)
    if config.get("materialized") == "view":
        config["materialized"] = "table"  # Python cannot be kept as a view; dbt's default, too
    node = Node(
        unique_id=text.unique_id,
        resource_type="model",
        package=package.name,
        name=version.name if version else name,
        path=file.path,
        original_path=file.original_path,
        fqn=text.fqn,
        raw_code=file.text,
        config=MappingProxyType(config),
        refs=facts.refs,
        sources=facts.sources,
        checksum=file.checksum,
        config_call=MappingProxyType(facts.config),
        where=Span(file=file.file),
    )
    add_node(reading, node, text, entry)


def _last_of_fqn(name: str, version: Version | None) -> tuple[str, ...]:
    return (version.name, f"v{version.v}") if version else (name,)


def _entry_of(reading: Reading, text: Text) -> Entry | None:
    """Return what properties files say of a text's node, if anything."""
    if text.version is not None:
        return text.version.entry
    found = reading.patches.get((_PATCH_KEYS[text.kind], text.package, text.name))
    return None if found is not None and found.values.get("versions") else found


def _unclosed(file: ProjectFile, block: UnclosedBlock) -> Diagnostic:
    return Diagnostic(
        code="jinja-syntax",
        severity="error",
        what=f"`{{% {block.kind} {block.name} %}}` is not opened or not closed",
        fix=f"Write both `{{% {block.kind} name %}}` and `{{% end{block.kind} %}}`",
        where=span_at(file.file, file.text, block.start),
    )


def _read_file(reading: Reading, package: Package, file: ProjectFile, kind: ResourceType) -> None:
    name = stem_of(file.path)
    corrected = bool(reading.values.flags.get(ANALYSES_FLAG.upper()))
    inner = ("analysis",) if kind == "analysis" and not corrected else ()
    path = "/".join((*inner, file.path))
    version = reading.versions.get((package.name, name)) if kind == "model" else None
    text = Text(
        kind=kind,
        package=package.name,
        name=name,
        file=file.file,
        path=file.original_path,
        fqn=(package.name, *folders_of(path), *_last_of_fqn(name, version)),
        code=file.text,
        version=version,
    )
    add_text_node(reading, file, text, path)


def _read_snapshot(reading: Reading, package: Package, file: ProjectFile, block: Block) -> None:
    line = file.text.count("\n", 0, block.body_start)
    text = Text(
        kind="snapshot",
        package=package.name,
        name=block.name,
        file=file.file,
        path=file.original_path,
        fqn=(package.name, *folders_of(file.path), stem_of(file.path), block.name),
        code="\n" * line + block.body,
        line=line + 1,
    )
    add_text_node(reading, file, text, file.path)


def _empty(text: Text) -> Diagnostic:
    return Diagnostic(
        code="sql-empty",
        severity="warning",
        what=f"{text.kind} `{text.name}` is an empty file and is left out",
        fix="Write a select into it, or remove it",
        where=Span(file=text.file),
    )


def add_text_node(
    reading: Reading,
    file: ProjectFile,
    text: Text,
    path: str,
    *,
    patch: Entry | None = None,
) -> None:
    """Render a text, resolve its config and keep the node.

    Args:
        reading: Where it goes.
        file: Its file.
        text: The text and its names.
        path: ``Node.path``.
        patch: Its properties entry; looked up by name when not given.
    """
    kind = text.kind
    entry = patch or _entry_of(reading, text)
    from_yaml = patch_config(entry)
    base = reading.trees.resolve(kind, text.package, text.fqn, patch=from_yaml)
    captured = capture(reading, text, base=base)
    _keep_text(reading, (file, text, path), captured, entry)


def _keep_text(
    reading: Reading,
    what: tuple[ProjectFile, Text, str],
    captured: Captured,
    entry: Entry | None,
) -> None:
    """Resolve the config of a rendered text, and keep its node."""
    file, text, path = what
    kind = text.kind
    from_yaml = patch_config(entry)
    config = reading.trees.resolve(
        kind, text.package, text.fqn, patch=from_yaml, call=captured.config
    )
    finish_config(reading, config, text, entry)
    if not text.code.strip() and config.get("enabled") is not False:
        config["enabled"] = False
        reading.found.append(_empty(text))
    node = Node(
        unique_id=text.unique_id,
        resource_type=cast("ResourceType", kind),
        package=text.package,
        name=text.version.name if text.version else text.name,
        path=path,
        original_path=file.original_path,
        fqn=text.fqn,
        raw_code=text.code,
        config=MappingProxyType(config),
        refs=captured.refs,
        sources=captured.sources,
        functions=captured.functions,
        macros=captured.macros,
        checksum=file.checksum,
        stripped_checksum=artifact_checksum(file.text) if kind == "snapshot" else "",
        config_call=MappingProxyType(captured.config),
        where=Span(file=file.file, line=text.line),
    )
    add_node(reading, node, text, entry)


def add_node(reading: Reading, node: Node, text: Text, entry: Entry | None) -> None:
    """Fill in what config and properties say, and keep the node."""
    config = cast("Config", node.config)
    node = with_foreign_keys(with_properties(reading, node, entry))
    reading.found += check_promises_of(node, entry)
    node = with_hooks(reading, node, text, config)
    if node.resource_type != "analysis":
        relation = relation_of_node(reading, node, text)
        is_stored = node.resource_type != "test" and config.get("materialized") != "ephemeral"
        node = replace(node, relation=relation if is_stored else None, place=relation)
    reading.add(node)


def with_properties(reading: Reading, node: Node, entry: Entry | None) -> Node:
    """Add description, columns, tags and meta."""
    config = node.config
    meta = config.get("meta")
    changed = replace(
        node,
        tags=_tags_of(config, entry),
        meta=MappingProxyType(meta if isinstance(meta, dict) else {}),
    )
    if entry is None:
        return changed
    columns, _ = read_columns(reading, entry, entry.values.get("columns"))
    return replace(
        changed,
        config_patch=MappingProxyType(patch_config(entry)),
        config_written=_config_as_written(reading, entry),
        description=render_description(
            reading, entry.package, entry.values.get("description"), entry
        ),
        doc_blocks=doc_blocks_of(reading, entry.package, entry.values.get("description")),
        columns=columns,
        patch_path=f"{entry.package}://{entry.original_path}",
        declared=MappingProxyType(
            {key: value for key, value in entry.values.items() if key in _DECLARED}
        ),
    )


def _config_as_written(reading: Reading, entry: Entry) -> Mapping[str, Json]:
    """Return the config of a properties entry before Jinja, where the project compares that."""
    written = entry.written.get("config")
    is_asked = reading.values.has_flag(COMPARES_WRITTEN)
    return MappingProxyType(written if is_asked and isinstance(written, dict) else {})


def _tags_of(config: Mapping[str, Json], entry: Entry | None) -> tuple[str, ...]:
    """Return tags in dbt's order: those of the properties file after those of tree and file."""
    tags = dict.fromkeys(texts(config.get("tags")))
    said = texts(patch_config(entry).get("tags"))
    return (*(tag for tag in tags if tag not in said), *(tag for tag in tags if tag in said))


def with_hooks(reading: Reading, node: Node, text: Text, config: Mapping[str, Json]) -> Node:
    """Add what the hooks of a node refer to and call to the node."""
    hooks = [*cast("list[Json]", config.get("pre_hook") or ())]
    hooks += cast("list[Json]", config.get("post_hook") or ())
    sqls = [str(hook.get("sql")) for hook in hooks if isinstance(hook, dict)]
    if not any("{" in sql for sql in sqls):
        return node
    session = open_session(reading, text, config)
    macros = {*node.macros}
    for sql in sqls:
        # One session gathers what all of them refer to, and each tells its own macros.
        captured = render_captured(reading, replace(text, code=sql), session)
        macros |= {*captured.macros}
    return replace(
        node,
        refs=_merged(node.refs, captured.refs),
        sources=_merged_sources(node.sources, captured),
        functions=(*node.functions, *captured.functions),
        macros=tuple(sorted(macros)),
    )


def _merged(refs: tuple[Ref, ...], more: tuple[Ref, ...]) -> tuple[Ref, ...]:
    known = {(ref.package, ref.name, ref.version) for ref in refs}
    return (*refs, *(ref for ref in more if (ref.package, ref.name, ref.version) not in known))


def _merged_sources(sources: tuple[SourceRef, ...], more: Captured) -> tuple[SourceRef, ...]:
    known = {(source.source_name, source.name) for source in sources}
    return (
        *sources,
        *(item for item in more.sources if (item.source_name, item.name) not in known),
    )


def finish_config(reading: Reading, config: Config, text: Text, entry: Entry | None) -> None:
    """Check the types of known configs and bring hooks and tags into one form, in place."""
    for key in ("pre_hook", "post_hook"):
        if key in config:
            config[key] = hooks_of(config[key])
    if isinstance(config.get("tags"), str):
        config["tags"] = [config["tags"]]
    for key, wanted, is_right in _expected(config):
        if not is_right:
            reading.found.append(
                Diagnostic(
                    code="config-type",
                    # dbt warns and goes on with its default.
                    severity="warning" if key == "on_schema_change" else "error",
                    what=f"config `{key}` of `{text.name}` is {config[key]!r}; it must be {wanted}",
                    fix=f"Write {wanted}, or leave it out",
                    where=_config_place(text, entry, key),
                    node=text.unique_id,
                )
            )
            config[key] = DEFAULTS[text.kind].get(key)
    if text.kind == "test":
        _settle_store_failures(config)
    known = DEFAULTS[text.kind]
    for key in config:
        if key not in known and (hint := suggestion(key, known, cutoff=0.85)):
            reading.found.append(
                Diagnostic(
                    code="unknown-key",
                    severity="warning",
                    what=f"`{text.name}` sets a config `{key}`, which nothing reads",
                    fix=hint,
                    where=_config_place(text, entry, key),
                    node=text.unique_id,
                )
            )


def _settle_store_failures(config: Config) -> None:
    """Let ``store_failures`` and ``store_failures_as`` follow each other; the second wins."""
    kept_as = config.get("store_failures_as")
    if kept_as is not None:
        config["store_failures"] = kept_as != "ephemeral"
    elif config.get("store_failures") is not None:
        config["store_failures_as"] = "table" if config["store_failures"] else "ephemeral"


def _expected(config: Config) -> list[tuple[str, str, bool]]:
    checks: list[tuple[str, str, bool]] = []
    for key in _BOOLEANS:
        value = config.get(key)
        checks.append((key, "true or false", value is None or isinstance(value, bool)))
    for key in _MAPPINGS:
        value = config.get(key)
        checks.append((key, "a mapping", value is None or isinstance(value, dict)))
    for key in _TEXTS:
        value = config.get(key)
        is_text = value is None or isinstance(value, (str, int))
        checks.append((key, "text", is_text and not isinstance(value, bool)))
    for key, values in _CHOICES.items():
        checks.append((key, f"one of {', '.join(values)}", config.get(key) in {None, *values}))
    kept_as = config.get("store_failures_as")
    is_kind = kept_as in {None, "table", "view", "ephemeral"}
    checks.append(("store_failures_as", "table, view or ephemeral", is_kind))
    delimiter = config.get("delimiter")
    is_mark = delimiter is None or (isinstance(delimiter, str) and len(delimiter) == 1)
    checks.append(("delimiter", "one character", is_mark))
    tags = config.get("tags")
    is_list = tags is None or (isinstance(tags, list) and all(isinstance(t, str) for t in tags))
    checks.append(("tags", "text or a list of texts", is_list))
    return checks


def _config_place(text: Text, entry: Entry | None, key: str) -> Span:
    offset = text.code.find(key)
    if offset >= 0:
        return span_at(text.file, text.code, offset, len(key))
    if entry is not None:
        return entry.span("config", key)
    return Span(file=text.file)
