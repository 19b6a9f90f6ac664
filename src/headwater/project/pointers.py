"""Pointers to the latest version of a model: a view with the model's own name, as in dbt 1.12.

A pointer is a node of its own, so that it is planned, built after its version and shown like any
other view.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.diagnostics import diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.jinja.macros import GLOBAL_PACKAGE
from headwater.project.capture import Text, open_session
from headwater.project.config import DEFAULTS
from headwater.project.context import model_dict
from headwater.project.node import Node, Ref
from headwater.project.reading import Reading

POINTER = "latest_version_pointer"
_MACRO = "generate_latest_version_pointer_alias"


def add_pointers(reading: Reading) -> None:
    """Add a view for every latest version that asks for one, itself or by the project's flag."""
    by_default = reading.values.flags.get("LATEST_VERSION_POINTER_ENABLED_BY_DEFAULT") is True
    for node in list(reading.nodes.values()):
        latest = node.declared.get("latest_version")
        if node.version is None or node.version != str(latest) or not node.is_enabled:
            continue
        wanted = _settings(node)
        enabled = wanted.get("enabled")
        if (by_default if enabled is None else enabled is True) and node.relation is not None:
            reading.add(_pointer(reading, node, wanted))


def _settings(node: Node) -> Mapping[str, Json]:
    written = node.config.get(POINTER)
    if isinstance(written, bool):
        return {"enabled": written}
    return written if isinstance(written, dict) else {}


def _pointer(reading: Reading, node: Node, wanted: Mapping[str, Json]) -> Node:
    assert node.relation is not None  # noqa: S101 - the caller asked
    relation = TableName(
        node.relation.catalog, node.relation.schema, _alias(reading, node, wanted.get("alias"))
    )
    kept = {key: node.config[key] for key in ("tags", "group", "grants") if key in node.config}
    return replace(
        node,
        unique_id=NodeId(f"{node.unique_id}__{POINTER}"),
        name=f"{node.name}__{POINTER}",
        fqn=(*node.fqn, POINTER),
        raw_code=f"select * from {{{{ ref('{node.name}', v='{node.version}') }}}}",  # noqa: S608 - names
        config=MappingProxyType({**DEFAULTS["model"], **kept, "materialized": "view"}),
        relation=relation,
        place=relation,
        refs=(Ref(name=node.name, package=node.package, version=node.version),),
        sources=(),
        macros=(),
        columns=MappingProxyType({}),
        description=f"The latest version of {node.name}, which is {node.version}.",
        meta=MappingProxyType({}),
        declared=MappingProxyType({}),
        config_call=MappingProxyType({}),
    )


def _alias(reading: Reading, node: Node, custom: Json) -> str:
    """Return the pointer's name: by the project's macro, else as asked, else the model's."""
    asked = str(custom).strip() if custom else None
    macro = reading.templates.index.find_or_none(node.package, _MACRO)
    if macro is None or macro.package == GLOBAL_PACKAGE:
        return asked or node.name
    text = Text(
        kind="model",
        package=node.package,
        name=node.name,
        file=node.original_path,
        path=node.original_path,
        fqn=node.fqn,
        code=node.raw_code,
    )
    session = open_session(reading, text, node.config)
    try:
        value = reading.templates.call(
            macro, asked, model_dict(node), context=session.context, package=node.package
        )
    except HeadwaterError as error:
        reading.found.append(diagnostic_of(error, node=node.unique_id))
        return asked or node.name
    return str(value).strip()
