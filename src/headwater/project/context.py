"""The Jinja context of a node of a project: the seam between reading and compiling.

To compile a node implement ``headwater.jinja.context.Host`` and write::

    context = node_context(project, node, host)
    rendered = render_node(project, node, context)
    rendered.text, rendered.macros_called

``execute`` is whatever the host says. A generic test's arguments are rendered into the context
here, hooks are texts: ``render_text(project, node, context, hook_sql)``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.base.periods import in_utc
from headwater.base.warehouses import Naming
from headwater.jinja.context import (
    ConfigValue,
    Host,
    Subject,
    Variables,
    copied,
    make_context,
)
from headwater.jinja.macros import GLOBAL_PACKAGE
from headwater.jinja.render import Rendered, Templates
from headwater.project.contracts import constraint_document, has_contract
from headwater.project.metrics import metric_document
from headwater.project.naming import relation_name
from headwater.project.node import Node, SourceInfo, TestInfo, deprecation_of, own_text
from headwater.project.project import Group, Project, file_of
from headwater.project.text import artifact_checksum

TEST_ARGUMENTS = "_dbt_generic_test_kwargs"
"""Name by which a generic test's ``raw_code`` passes its arguments to the test macro."""

Inputs = Mapping[NodeId, Sequence[NodeId]]

_MODEL = re.compile(
    r"^\{\{ get_where_subquery\((?P<call>ref|source)"
    r"\('(?P<first>[^']+)'(?:, '(?P<second>[^']+)')?(?:, version='(?P<version>[^']+)')?\)\) \}\}$"
)
_LOOKS_LIKE_CALL = re.compile(r"^\s*(env_var|ref|var|source|doc)\s*\(.+\)\s*$")


def node_context(
    project: Project, node: Node, host: Host, inputs: Inputs | None = None
) -> Mapping[str, object]:
    """Make the context that a node's text is rendered with.

    Args:
        project: The project.
        node: The node.
        host: The world.
        inputs: What every node depends on, for ``model`` and ``graph``; None while it is not known.

    Raises:
        HeadwaterError: An argument of a generic test cannot be rendered.
    """
    target = project.target
    relation = node.relation
    subject = Subject(
        package=node.package,
        model=LazyModel(node, inputs or {}, project.context_values.naming),
        config=ConfigValue(node.config),
        variables=Variables(project.vars.get(node.package, {}), is_lenient=not host.execute),
        database=relation.catalog if relation else target.catalog,
        schema=relation.schema if relation else target.schema,
        graph=LazyGraph(project, inputs or {}),
    )
    context = make_context(project.context_values, subject, host)
    config = node.config
    context["pre_hooks"] = copied(config.get("pre_hook") or [])
    context["post_hooks"] = copied(config.get("post_hook") or [])
    if node.test is not None:
        try:
            context[TEST_ARGUMENTS] = render_test_arguments(project, node, context)
        except HeadwaterError as error:
            error.where = node.where
            raise
    return context


def render_node(project: Project, node: Node, context: Mapping[str, object]) -> Rendered:
    """Render a node's ``raw_code``.

    Raises:
        HeadwaterError: Jinja failed; ``where`` is the line in the node's file, for a generic test
            the line that declares it.
    """
    try:
        if node.resource_type in {"snapshot", "operation"}:
            # A block of a file and a hook are taken as they are, a file without its margins.
            rendered = render_text(project, node, context, node.raw_code)
            margin = node.raw_code.removesuffix(own_text(node))
        else:
            rendered = render_text(project, node, context, node.raw_code.rstrip())
            margin = node.raw_code[: len(node.raw_code) - len(node.raw_code.lstrip())]
        return replace(rendered, text=_without_margin(rendered.text, node.raw_code, margin))
    except HeadwaterError as error:
        # A generic test's text is made up; its line 1 means nothing to the user.
        if node.test is not None:
            error.where = node.where
        raise


def _without_margin(rendered: str, raw: str, margin: str) -> str:
    """Leave out the blank lines that a file begins with, as dbt does before it renders.

    Only afterwards, because lines of faults are counted in the file. Blanks that a tag such as
    ``{%-`` has eaten are gone already.
    """
    eaten = raw.lstrip().startswith(("{%-", "{{-", "{#-"))
    return rendered if eaten else rendered.removeprefix(margin)


def render_text(project: Project, node: Node, context: Mapping[str, object], text: str) -> Rendered:
    """Render another text of a node, such as a hook.

    Raises:
        HeadwaterError: Jinja failed; ``where`` is in the node's file.
    """
    return project.templates.render(
        text, name=file_of(project, node), context=context, package=node.package
    )


def hook_texts(node: Node, name: str) -> tuple[str, ...]:
    """Return the texts of a node's hooks, ``pre_hook`` or ``post_hook``, as they are written."""
    written = node.config.get(name)
    if not written:
        return ()
    return tuple(
        str(hook.get("sql") or "") if isinstance(hook, Mapping) else str(hook)
        for hook in (written if isinstance(written, (list, tuple)) else [written])
    )


def render_test_arguments(
    project: Project, node: Node, context: Mapping[str, object]
) -> dict[str, object]:
    """Render a generic test's arguments to values.

    Raises:
        HeadwaterError: Jinja failed; ``where`` is the properties file.
    """
    assert node.test is not None  # noqa: S101 - the caller asked
    place = (file_of(project, node), node.package)
    return evaluate_arguments(project.templates, node.test.arguments, context, place)


def evaluate_arguments(
    templates: Templates,
    arguments: Mapping[str, object],
    context: Mapping[str, object],
    place: tuple[str, str],
) -> dict[str, object]:
    """Render arguments to values.

    Text that looks like ``ref(...)``, ``source(...)``, ``var(...)`` is taken as Jinja without its
    braces, but for ``column_name``, which is never rendered.

    Args:
        templates: The project's macros.
        arguments: As written.
        context: The node's context.
        place: File for messages, and package for macro visibility.
    """
    file, package = place
    lenient = not context["execute"]

    def rendered(value: object) -> object:
        if isinstance(value, str):
            text = f"{{{{ {value} }}}}" if _LOOKS_LIKE_CALL.match(value) else value
            return templates.evaluate(
                text, name=file, context=context, package=package, lenient=lenient
            )
        if isinstance(value, Mapping):
            return {key: rendered(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [rendered(part) for part in value]
        return value

    result: dict[str, object] = {}
    for key, value in arguments.items():
        match key:
            case "column_name":
                result[key] = value
            case "model":
                found = _where_subquery(templates, str(value), context, package)
                result[key] = rendered(value) if found is None else found
            case _:
                result[key] = rendered(value)
    return result


def _where_subquery(
    templates: Templates, written: str, context: Mapping[str, object], package: str
) -> object:
    """Answer the ``model`` argument without compiling a template for every node.

    Returns:
        None when it is written in another way than dbt's.
    """
    match = _MODEL.match(written)
    macro = templates.index.find_or_none(package, "get_where_subquery")
    if match is None or macro is None:
        return None
    names = [match["first"], *filter(None, (match["second"],))]
    called = context[match["call"]]
    assert callable(called)  # noqa: S101 - ref and source are functions of every context
    named = {"version": match["version"]} if match["version"] else {}
    asked: object = called(*names, **named)
    used = templates.index.dispatch_or_none(package, "get_where_subquery", "dbt")
    is_ours = {macro.package, used.package if used else ""} == {GLOBAL_PACKAGE}
    if is_ours and not _has_where(context["config"]):
        return asked
    return templates.call(macro, asked, context=context, package=package)


def _has_where(config: object) -> bool:
    get = getattr(config, "get", None)
    return bool(get("where")) if callable(get) else True


class LazyModel(Mapping[str, object]):
    """``model`` in Jinja: dbt's dict of a node, made when first looked at.

    Each value is copied when it is asked for: macros walk over all nodes and look at few keys.
    """

    __slots__ = ("_inputs", "_made", "_naming", "_node", "_own")

    def __init__(self, node: Node, inputs: Inputs, naming: Naming) -> None:
        self._node = node
        self._naming = naming
        self._inputs = inputs
        self._made: dict[str, object] | None = None
        self._own: dict[str, object] = {}

    def _values(self) -> dict[str, object]:
        if self._made is None:
            node = self._node
            self._made = model_dict(node, self._inputs.get(node.unique_id, ()), self._naming)
        return self._made

    def copy(self) -> dict[str, object]:
        """Return a dict of the same values, as ``dict.copy`` does."""
        return dict(self)

    def __getitem__(self, key: str) -> object:
        if key not in self._own:
            self._own[key] = copied(self._values()[key])
        return self._own[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def to_dict(self, **_options: object) -> dict[str, object]:
        """Return it as a plain dict, as dbt's own objects do."""
        return {key: self[key] for key in self}


class LazyGraph(Mapping[str, object]):
    """``graph`` in Jinja: every node as a dict, made when first looked at.

    A macro may keep values of its own in it with ``setdefault``: as long as one node compiles, and
    while a plan runs as long as the run.
    """

    __slots__ = ("_inputs", "_made", "_project")

    def __init__(
        self, project: Project, inputs: Inputs, made: dict[str, object] | None = None
    ) -> None:
        self._project = project
        self._inputs = inputs
        self._made = {} if made is None else made

    def setdefault(self, key: str, default: object = None) -> object:
        """Return what is under a key, after putting the default there if there is nothing."""
        return self[key] if key in self else self._made.setdefault(key, default)

    def __contains__(self, key: object) -> bool:
        return key in _GRAPH_KEYS or key in self._made

    def __getitem__(self, key: str) -> object:
        if key not in self:
            raise KeyError(key)
        if key == "groups" and key not in self._made:
            self._made[key] = {
                str(group.unique_id): _group_dict(group) for group in self._project.groups.values()
            }
        if key not in self._made:
            kinds = _GRAPH_KEYS[key]
            self._made[key] = {
                str(node.unique_id): LazyModel(
                    node, self._inputs, self._project.context_values.naming
                )
                for node in self._project.nodes.values()
                if node.resource_type in kinds
            }
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_GRAPH_KEYS)

    def __len__(self) -> int:
        return len(_GRAPH_KEYS)


def _group_dict(group: Group) -> dict[str, object]:
    return {
        "name": group.name,
        "resource_type": "group",
        "package_name": group.package,
        "original_file_path": group.path,
        "unique_id": str(group.unique_id),
        "owner": dict(group.owner),
        "description": group.description,
        "config": dict(group.config),
    }


_GRAPH_KEYS: Mapping[str, frozenset[str]] = {
    "groups": frozenset(),
    "nodes": frozenset({"model", "seed", "snapshot", "test", "analysis", "operation"}),
    "sources": frozenset({"source"}),
    "exposures": frozenset({"exposure"}),
    "metrics": frozenset({"metric"}),
    "semantic_models": frozenset({"semantic_model"}),
    "saved_queries": frozenset({"saved_query"}),
    "unit_tests": frozenset({"unit_test"}),
    "functions": frozenset({"function"}),
}


def _any_batch(node: Node) -> dict[str, object]:
    """Return what a microbatch model sees as its batch while it is compiled for none of them.

    The times are real ones, because a text may format them.
    """
    try:
        begin = in_utc(datetime.fromisoformat(str(node.config.get("begin"))))
    except ValueError:
        begin = datetime(1970, 1, 1, tzinfo=UTC)
    return {"id": "", "event_time_start": begin, "event_time_end": begin}


def model_dict(
    node: Node, inputs: Sequence[NodeId] = (), naming: Naming | None = None
) -> dict[str, object]:
    """Return a node as dbt's dict: the names that macros read from ``model`` and ``graph``.

    Args:
        node: The node.
        inputs: What it depends on, once that is known.
        naming: How names are written; the embedded engine's way when None.
    """
    place = node.relation or node.place
    # dbt keeps a file without its margins, a block of a file as it is.
    raw_code = own_text(node) if node.resource_type == "snapshot" else node.raw_code.strip()
    result: dict[str, object] = dict(node.declared)
    if node.config.get("incremental_strategy") == "microbatch":
        result["batch"] = _any_batch(node)
    result |= {
        "unique_id": str(node.unique_id),
        "resource_type": node.resource_type,
        "package_name": node.package,
        "name": node.name,
        "path": node.path,
        "original_file_path": node.original_path,
        "fqn": list(node.fqn),
        "raw_code": raw_code,
        "raw_sql": raw_code,
        "language": "python" if node.original_path.endswith(".py") else "sql",
        "config": dict(node.config),
        "database": place.catalog if place else None,
        "schema": place.schema if place else None,
        "alias": place.name if place else node.alias,
        "group": node.config.get("group"),
        "contract": {"enforced": has_contract(node), "alias_types": True, "checksum": None},
        "relation_name": relation_name(naming or Naming(), node),
        "tags": list(node.tags),
        "meta": dict(node.meta),
        "description": node.description,
        "columns": {name: _column_dict(node, name) for name in node.columns},
        "refs": [
            {
                key: value
                for key, value in (
                    ("name", ref.name),
                    ("package", ref.package),
                    ("version", ref.version),
                )
                if value is not None
            }
            for ref in node.refs
        ],
        "sources": [[source.source_name, source.name] for source in node.sources],
        "depends_on": {"macros": list(node.macros), "nodes": [str(key) for key in inputs]},
        "patch_path": node.patch_path or None,
        "checksum": checksum_of(node),
    }
    if node.resource_type == "model":
        result = {**_NO_VERSION, **result, "access": node.config.get("access") or "protected"}
        deprecated = deprecation_of(node)
        result["deprecation_date"] = deprecated.isoformat() if deprecated else None
    if node.test is not None:
        result |= _test_dict(node.test)
    if node.source is not None:
        result |= _source_dict(node, node.source)
        del result["alias"]
    if node.resource_type == "metric":
        result |= metric_document(dict(node.declared))
    return result


_NO_VERSION: Mapping[str, object] = MappingProxyType(
    {
        "version": None,
        "latest_version": None,
        "deprecation_date": None,
        "time_spine": None,
        "constraints": [],
    }
)


def _test_dict(test: TestInfo) -> dict[str, object]:
    return {
        "column_name": test.column,
        "attached_node": test.attached_node,
        "test_metadata": {
            "name": test.name,
            "kwargs": copied(test.arguments),
            "namespace": test.namespace,
        },
    }


def _source_dict(node: Node, source: SourceInfo) -> dict[str, object]:
    return {
        "source_name": source.source_name,
        "source_description": str(node.declared.get("source_description") or ""),
        "source_meta": node.declared.get("source_meta") or {},
        "identifier": source.identifier,
        "loader": str(node.declared.get("loader") or ""),
        "loaded_at_field": source.loaded_at_field,
        "loaded_at_query": node.config.get("loaded_at_query"),
        "freshness": node.config.get("freshness"),
        "external": node.declared.get("external"),
    }


def _column_dict(node: Node, name: str) -> dict[str, object]:
    column = node.columns[name]
    return {
        "name": column.name,
        "description": column.description,
        "data_type": column.data_type,
        "quote": column.quote,
        "meta": dict(column.meta),
        "tags": list(column.tags),
        "constraints": [constraint_document(each) for each in column.constraints],
        "config": {"meta": dict(column.meta), "tags": list(column.tags)},
        "granularity": column.granularity,
        **column.extra,
    }


def checksum_of(node: Node) -> dict[str, Json]:
    """Return dbt's checksum: of the text without blank ends, of a large seed as it is."""
    if node.test is not None or not node.checksum:
        return {"name": "none", "checksum": ""}
    if node.resource_type in {"seed", "snapshot"}:
        return {"name": "sha256", "checksum": node.stripped_checksum or node.checksum}
    return {"name": "sha256", "checksum": artifact_checksum(node.raw_code)}
