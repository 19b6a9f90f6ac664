"""dbt's artifacts: `manifest.json` (schema v12) and `catalog.json` (v1), for tools that read them.

A translation at the rim: nothing in Headwater reads these documents back. Field names and defaults
are those that dbt-core 1.11 writes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import cast

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json, packed, to_builtins
from headwater.base.ids import NodeId
from headwater.base.relations import Column
from headwater.base.warehouses import Naming
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.manifest_config import config_document
from headwater.graph.manifest_contract import contract_document, fill_in_targets
from headwater.graph.manifest_functions import function_document
from headwater.graph.manifest_metrics import semantic_document
from headwater.graph.manifest_models import (
    group_of,
    primary_key,
    test_code,
    tests_by_model,
    unit_test_document,
)
from headwater.graph.manifest_written import written_config
from headwater.graph.metrics import metrics_of_exposure
from headwater.graph.walk import Edges, edges_of
from headwater.jinja.functions import DBT_VERSION
from headwater.project.context import checksum_of
from headwater.project.contracts import constraint_document
from headwater.project.naming import relation_name
from headwater.project.node import Node, deprecation_of, own_text
from headwater.project.project import Project
from headwater.project.text import artifact_text

SCHEMAS = "https://schemas.getdbt.com/dbt"
Document = dict[str, Json]

_NOT_OF_TYPE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "source": frozenset({"group"}),
        "seed": frozenset({"language"}),
        "exposure": frozenset({"functions", "group"}),
        "metric": frozenset({"functions"}),
        "semantic_model": frozenset({"functions", "meta", "metrics", "sources", "tags"}),
        "saved_query": frozenset({"functions", "meta", "metrics", "sources"}),
        "unit_test": frozenset(
            {
                "functions",
                "group",
                "meta",
                "metrics",
                "refs",
                "sources",
                "tags",
                "unrendered_config",
            }
        ),
    }
)
"""Keys that entries of other types have, and that dbt's schema forbids in these."""
SECTIONS: Mapping[str, str] = {
    "source": "sources",
    "exposure": "exposures",
    "metric": "metrics",
    "semantic_model": "semantic_models",
    "saved_query": "saved_queries",
    "unit_test": "unit_tests",
    "function": "functions",
}
"""Top-level key of resource types that are not under ``nodes``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTable:
    """What the lake says of one table or view, for `catalog.json`.

    Attributes:
        node: The node it belongs to.
        kind: ``BASE TABLE`` or ``VIEW``.
        columns: Columns in order.
        owner: Who owns it.
        statistics: Values by label, such as ``rows`` or ``bytes``.
    """

    node: NodeId
    kind: str
    columns: tuple[Column, ...]
    owner: str = ""
    statistics: Mapping[str, int | float | str] = field(default_factory=dict)


_PARTS = ("database", "schema", "identifier")


def make_manifest(
    project: Project, graph: Graph, facts: ArtifactFacts, *, is_packed: bool = False
) -> Document:
    """Write the manifest of a compiled project.

    Args:
        project: The project.
        graph: Its nodes, compiled as far as they are.
        facts: What else the manifest says of the command.
        is_packed: Whether it is only to be written to a file: then its entries are encoded as they
            are made, which takes half the memory.
    """
    parts = _Parts(project, facts, graph)
    document: Document = {"metadata": parts.metadata()}
    for name in ("nodes", *SECTIONS.values()):
        document[name] = {}
    for key, compiled in graph.nodes.items():
        section = SECTIONS.get(compiled.node.resource_type, "nodes")
        listed = document[section]
        assert isinstance(listed, dict)  # noqa: S101 - made above
        entry = parts.node(compiled)
        listed[key] = packed(entry) if is_packed else entry
    idle: Document = {
        str(key): parts.idle(node) for key, node in project.nodes.items() if key not in graph.nodes
    }
    document["nodes"] = {**cast("Document", document["nodes"]), **idle}
    edges = edges_of(graph)
    alone: Document = {key: [] for key in idle}
    document |= {
        "macros": {key: parts.macro(key) for key in project.macros},
        "docs": {key: parts.doc(key) for key in project.docs},
        "groups": {key: parts.group(key) for key in project.groups},
        "selectors": {},
        "disabled": parts.disabled(),
        "parent_map": {**alone, **_inputs_of(edges)},
        "child_map": {**alone, **_read_by(edges)},
        "group_map": _group_map(project, graph),
    }
    return document


def _inputs_of(edges: Edges) -> Document:
    return {key: _texts(found) for key, found in edges.inputs.items()}


def _read_by(edges: Edges) -> Document:
    return {key: _texts(sorted(found)) for key, found in edges.readers.items()}


def make_catalog(graph: Graph, tables: Iterable[CatalogTable], facts: ArtifactFacts) -> Document:
    """Write `catalog.json` from what the lake says of the nodes' tables."""
    nodes: Document = {}
    sources: Document = {}
    for table in tables:
        node = graph.nodes[table.node].node
        section = sources if node.resource_type == "source" else nodes
        section[table.node] = _catalog_entry(node, table)
    return {
        "metadata": _metadata("catalog/v1", facts),
        "nodes": nodes,
        "sources": sources,
        "errors": None,
    }


def _catalog_entry(node: Node, table: CatalogTable) -> Document:
    relation = node.relation
    statistics: Document = {
        label: {
            "id": label,
            "label": label.replace("_", " ").capitalize(),
            "value": value,
            "include": True,
            "description": None,
        }
        for label, value in table.statistics.items()
    }
    statistics["has_stats"] = {
        "id": "has_stats",
        "label": "Has Stats?",
        "value": bool(table.statistics),
        "include": False,
        "description": "Indicates whether there are statistics for this table",
    }
    return {
        "metadata": {
            "type": table.kind,
            "schema": relation.schema if relation else "",
            "name": relation.name if relation else node.name,
            "database": relation.catalog if relation else None,
            "comment": node.description or None,
            "owner": table.owner or None,
        },
        "columns": {
            column.name: {
                "type": column.type,
                "index": index,
                "name": column.name,
                "comment": _comment(node, column.name),
            }
            for index, column in enumerate(table.columns, start=1)
        },
        "stats": statistics,
        "unique_id": table.node,
    }


def _comment(node: Node, name: str) -> str | None:
    documented = {key.lower(): column for key, column in node.columns.items()}
    found = documented.get(name.lower())
    return found.description or None if found else None


def _metadata(schema: str, facts: ArtifactFacts) -> Document:
    return {
        "dbt_schema_version": f"{SCHEMAS}/{schema}.json",
        "dbt_version": DBT_VERSION,
        "generated_at": facts.generated_at,
        "invocation_id": facts.invocation_id,
        "invocation_started_at": facts.generated_at,
        "env": dict(facts.environment),
    }


def _group_map(project: Project, graph: Graph) -> Document:
    members: dict[str, list[Json]] = {group.name: [] for group in project.groups.values()}
    for key, compiled in graph.nodes.items():
        group = group_of(compiled.node, project)
        if isinstance(group, str):
            members.setdefault(group, []).append(str(key))
    return dict(members)


class _Parts:
    """Writes the entries of one manifest."""

    def __init__(self, project: Project, facts: ArtifactFacts, graph: Graph) -> None:
        self.project = project
        self.compiled = graph.nodes
        self.elsewhere = graph.keys_elsewhere
        self.facts = facts
        self.tests = tests_by_model(project)
        self.naming = project.context_values.naming

    def metadata(self) -> Document:
        return {
            **_metadata("manifest/v12", self.facts),
            "project_name": self.project.name,
            "project_id": None,
            "user_id": None,
            "send_anonymous_usage_stats": False,
            "adapter_type": self.project.target.warehouse.name,
            "quoting": {**dict(zip(_PARTS, self.naming.quoted, strict=True)), "column": None},
            "run_started_at": self.facts.generated_at,
        }

    def _as_target(self, key: NodeId) -> Node:
        """Return an input with the table that foreign keys lead to: a deferred one's elsewhere."""
        node, place = self.project.nodes[key], self.elsewhere.get(key)
        return node if place is None else replace(node, relation=place)

    def disabled(self) -> Document:
        """Write the disabled nodes: several may have one unique_id, also that of an enabled one."""
        listed: dict[str, list[Json]] = {}
        for node in (*self.project.disabled.values(), *self.project.shadowed):
            listed.setdefault(node.unique_id, []).append(self.node(CompiledNode(node=node)))
        return dict(listed)

    def macro(self, key: str) -> Document:
        macro = self.project.macros[key]
        docs: Document = {"show": True, "node_color": None, **_plain(macro.docs)}
        return {
            "name": macro.name,
            "resource_type": "macro",
            "package_name": macro.package,
            "path": macro.path,
            "original_file_path": macro.path,
            "unique_id": macro.unique_id,
            "macro_sql": macro.text,
            "depends_on": {"macros": []},
            "description": macro.description,
            "meta": _plain(macro.meta),
            "docs": docs,
            "config": {"meta": _plain(macro.meta), "docs": docs},
            "patch_path": macro.patch_path or None,
            "arguments": [_plain(each) for each in macro.arguments],
            "created_at": 0.0,
            "supported_languages": None,
        }

    def doc(self, key: str) -> Document:
        block = self.project.docs[key]
        return {
            "name": block.name,
            "resource_type": "doc",
            "package_name": block.package,
            "path": block.path.partition("/")[2] or block.path,
            "original_file_path": block.path,
            "unique_id": block.unique_id,
            "block_contents": block.text,
        }

    def group(self, key: str) -> Document:
        group = self.project.groups[key]
        return {
            "name": group.name,
            "resource_type": "group",
            "package_name": group.package,
            "path": group.path.partition("/")[2] or group.path,
            "original_file_path": group.path,
            "unique_id": group.unique_id,
            "owner": {"email": None, "name": None, **_plain(group.owner)},
            "description": group.description or None,
            "config": {"meta": {}, **_plain(group.config)},
        }

    def node(self, compiled: CompiledNode) -> Document:
        """Write a node's entry, with no key that dbt's schema does not know for its type."""
        unknown = _NOT_OF_TYPE.get(compiled.node.resource_type, frozenset())
        entry = self._entry(compiled)
        return {key: value for key, value in entry.items() if key not in unknown}

    def _entry(self, compiled: CompiledNode) -> Document:
        node = compiled.node
        match node.resource_type:
            case "source":
                written = written_config(self.project, node)
                document = {**_identity(node), **_source(node, self.naming)}
                return {**document, "unrendered_config": written}
            case "unit_test":
                written = written_config(self.project, node)
                document = {**_declared(node), "unrendered_config": written}
                own = unit_test_document(node, self.project)
                return {**document, **own, **_identity(node), **_references(compiled)}
            case "exposure":
                written = written_config(self.project, node)
                meta = to_builtins(node.config.get("meta")) or {}
                document = {**_declared(node), "meta": meta, "unrendered_config": written}
                named: list[Json] = [[name] for name in metrics_of_exposure(node)]
                references = {**_references(compiled), "metrics": named}
                return {**document, **_identity(node), **references}
            case "metric" | "semantic_model" | "saved_query":
                own = semantic_document(self.project, compiled, self.compiled)
                own["unrendered_config"] = written_config(self.project, node)
                return {**_declared(node), **own, **_identity(node), **_references(compiled)}
            case _:
                return self._parsed(compiled)

    def _parsed(self, compiled: CompiledNode) -> Document:
        node = compiled.node
        document = {**_identity(node), **self._place(node), **_described(node)}
        document |= {
            "checksum": checksum_of(node),
            "raw_code": _raw_code(node),
            "language": _language(node),
            "unrendered_config": written_config(self.project, node),
            "build_path": None,
        }
        if node.resource_type == "seed":
            depends_on: Document = {"macros": list(node.macros)}
            return document | {"root_path": self.project.root, "depends_on": depends_on}
        document |= _references(compiled)
        document |= self._compilation(compiled)
        if node.resource_type == "model":
            tests = self.tests.get(node.unique_id, ())
            document |= {**_model(node), "primary_key": primary_key(node, tests)}
            if compiled.code:  # as in dbt, which leaves them as written until it compiles
                inputs = [self._as_target(key) for key in compiled.depends_on]
                fill_in_targets(document, inputs, self.naming)
        if node.resource_type == "function":
            document |= function_document(compiled)
        if node.test is not None:
            document |= {**_test(node), "group": group_of(node, self.project)}
            document["raw_code"] = test_code(node)
        return document

    def _place(self, node: Node) -> Document:
        target = self.project.target
        place = node.relation or node.place
        alias = place.name if place else node.config.get("alias") or node.name
        return {
            "database": place.catalog if place else target.catalog,
            "schema": place.schema if place else target.schema,
            "alias": alias,
            "relation_name": self._relation_name(node),
        }

    def _relation_name(self, node: Node) -> str | None:
        """Return the relation; of a test the one that its failures are stored in."""
        if node.resource_type == "test" and node.config.get("store_failures"):
            return relation_name(self.naming, replace(node, relation=node.relation or node.place))
        return relation_name(self.naming, node)

    def idle(self, node: Node) -> Document:
        """Write a test that refers to what is not there: as in dbt it is there, and disabled."""
        disabled = MappingProxyType({**node.config, "enabled": False})
        return self.node(CompiledNode(node=replace(node, config=disabled)))

    def _compilation(self, compiled: CompiledNode) -> Document:
        node = compiled.node
        document: Document = {
            "compiled": bool(compiled.code),
            "extra_ctes_injected": bool(compiled.code),
            "extra_ctes": [],
            "contract": contract_document(node),
        }
        if compiled.code:
            document["compiled_code"] = compiled.code
            document["compiled_path"] = f"target/compiled/{compiled_path(node)}"
        return document


def _language(node: Node) -> str | None:
    if node.resource_type == "seed":
        return None
    return "python" if node.original_path.endswith(".py") else "sql"


def _raw_code(node: Node) -> str:
    """Return a node's text as dbt keeps it: a generic test's config is part of it."""
    if node.resource_type in {"snapshot", "operation"}:
        return own_text(node)
    text = artifact_text(node.raw_code)
    written = node.declared.get("config")
    if node.test is None or not isinstance(written, dict) or not written:
        return text
    given = (f"{key}={_quoted(value)}" for key, value in written.items())
    return f"{text}{{{{ config({','.join(given)}) }}}}"


def _quoted(value: Json) -> str:
    return '"{}"'.format(value.replace('"', '\\"')) if isinstance(value, str) else repr(value)


def compiled_path(node: Node) -> str:
    """Return where a node's compiled SQL goes below ``target/compiled``, as dbt places it."""
    if node.test is not None:
        return f"{node.package}/{node.original_path}/{node.path}"
    if node.resource_type == "snapshot":  # several may stand in one file
        return f"{node.package}/{node.original_path}/{node.name}.sql"
    return f"{node.package}/{node.original_path}"


def _identity(node: Node) -> Document:
    return {
        "unique_id": str(node.unique_id),
        "resource_type": node.resource_type,
        "package_name": node.package,
        "name": node.name,
        "path": node.path,
        "original_file_path": node.original_path,
        "fqn": list(node.fqn),
        "config": config_document(node),
        "created_at": 0.0,
    }


def _described(node: Node) -> Document:
    shown = node.config.get("docs")
    return {
        "tags": list(node.tags),
        "description": node.description,
        "columns": {key: _column(node, key) for key in node.columns},
        "meta": to_builtins(dict(node.meta)),
        "group": node.config.get("group"),
        "docs": {"show": True, "node_color": None, **(shown if isinstance(shown, dict) else {})},
        "patch_path": _patch_path(node),
        "doc_blocks": list(node.doc_blocks),
    }


def _patch_path(node: Node) -> str | None:
    if not node.patch_path:
        return None
    return node.patch_path if "://" in node.patch_path else f"{node.package}://{node.patch_path}"


def _column(node: Node, key: str) -> Document:
    column = node.columns[key]
    meta = to_builtins(dict(column.meta))
    return {
        **cast("Document", to_builtins(dict(column.extra))),
        "name": column.name,
        "description": column.description,
        "meta": meta,
        "data_type": column.data_type,
        "constraints": [constraint_document(each) for each in column.constraints],
        "quote": column.quote,
        "config": {"meta": meta, "tags": list(column.tags)},
        "tags": list(column.tags),
        "granularity": column.granularity,
        "doc_blocks": list(column.doc_blocks),
    }


def _references(compiled: CompiledNode) -> Document:
    node = compiled.node
    return {
        "refs": [
            {"name": ref.name, "package": ref.package, "version": ref.version} for ref in node.refs
        ],
        "sources": [[call.source_name, call.name] for call in node.sources],
        "metrics": [],
        "functions": [
            [call.name] if call.package is None else [call.package, call.name]
            for call in node.functions
        ],
        "depends_on": {"macros": list(node.macros), "nodes": _texts(compiled.depends_on)},
    }


def _model(node: Node) -> Document:
    own = node.declared.get("constraints")
    deprecated = deprecation_of(node)
    return {
        "access": node.config.get("access") or "protected",
        "constraints": [
            {**constraint_document(each), "columns": to_builtins(each.get("columns") or [])}
            for each in (own if isinstance(own, list) else ())
            if isinstance(each, dict)
        ],
        "version": node.declared.get("version", node.version),
        "latest_version": node.declared.get("latest_version"),
        "deprecation_date": deprecated.isoformat() if deprecated else None,
        "time_spine": _time_spine(node),
    }


def _time_spine(node: Node) -> Json:
    written = node.declared.get("time_spine")
    if not isinstance(written, Mapping):
        return None
    return {
        "standard_granularity_column": written.get("standard_granularity_column"),
        "custom_granularities": to_builtins(written.get("custom_granularities") or []),
    }


def _test(node: Node) -> Document:
    assert node.test is not None  # noqa: S101 - the caller asked
    attached = node.test.attached_node
    return {
        "column_name": node.test.column,
        "file_key_name": _file_key(attached) if attached else None,
        "attached_node": None if attached and attached.startswith("source.") else attached,
        "test_metadata": {
            "name": node.test.name,
            "kwargs": to_builtins(dict(node.test.arguments)),
            "namespace": node.test.namespace,
        },
    }


def _file_key(attached: NodeId) -> str:
    """Return the top-level key and name of a test's owner in its properties file."""
    kind, _, name = attached.split(".")[:3]
    return f"{kind}s.{name}"


def _source(node: Node, naming: Naming) -> Document:
    assert node.source is not None  # noqa: S101 - the caller asked
    relation = node.relation
    declared = node.declared
    described = {key: value for key, value in _described(node).items() if key != "docs"}
    return {
        **described,
        "database": relation.catalog if relation else None,
        "schema": relation.schema if relation else "",
        "source_name": node.source.source_name,
        "source_description": str(declared.get("source_description") or ""),
        "loader": str(declared.get("loader") or ""),
        "identifier": node.source.identifier,
        "quoting": {**_NO_QUOTING, **_plain(declared.get("quoting"))},
        "loaded_at_field": node.source.loaded_at_field,
        "loaded_at_query": node.config.get("loaded_at_query"),
        "freshness": to_builtins(node.config.get("freshness")),
        "external": _external(declared.get("external")),
        "source_meta": _plain(declared.get("source_meta")),
        "relation_name": relation_name(naming, node),
        "unrendered_database": to_builtins(declared.get("unrendered_database")),
        "unrendered_schema": to_builtins(declared.get("unrendered_schema")),
    }


def _external(written: Json) -> Json:
    if not isinstance(written, Mapping):
        return None
    usual = ("location", "file_format", "row_format", "tbl_properties", "partitions")
    return {**dict.fromkeys(usual), **_plain(written)}


def _plain(written: object) -> Document:
    document = to_builtins(dict(written)) if isinstance(written, Mapping) else {}
    assert isinstance(document, dict)  # noqa: S101 - a mapping becomes a dict
    return document


_NO_QUOTING: Document = {"database": None, "schema": None, "identifier": None, "column": None}


def _declared(node: Node) -> Document:
    declared = to_builtins(dict(node.declared))
    assert isinstance(declared, dict)  # noqa: S101 - a mapping becomes a dict
    common: Document = {
        "description": node.description,
        "tags": list(node.tags),
        "meta": to_builtins(dict(node.meta)),
        "unrendered_config": {},
        "group": node.config.get("group"),
    }
    defaults = DEFAULTS.get(node.resource_type, {})
    if isinstance(declared.get("owner"), dict):
        common["owner"] = {"email": None, "name": None, **_plain(declared["owner"])}
    return {**defaults, **declared, **common}


DEFAULTS: Mapping[str, Document] = {
    "exposure": {
        "type": "application",
        "owner": {"email": None, "name": None},
        "label": None,
        "maturity": None,
        "url": None,
    },
}


def _texts(keys: Iterable[NodeId]) -> list[Json]:
    return [str(key) for key in keys]
