"""Personal data that reaches whoever is not said to get it.

What it finds:
    A column that is marked as personal - ``meta: {pii: true}`` or the tag ``pii`` of a column, or
    of a whole table - whose values reach an exposure, a consumer of ``headwater.yml`` or a model
    with ``access: public``, passed on or changed, but neither hashed, counted nor aggregated.

Why it matters:
    A dashboard or a share shows names and addresses to people whom nobody asked about, and a
    column that is deleted on request lives on in a copy.

Example:
    ``customers.email`` is marked; ``mart_orders`` selects it; the exposure ``board`` reads that.

Safer form:
    Leave the column out, or pass on a hash of it. Where its reader may have it, say so: ``meta:
    {pii: true}`` of the exposure or of the public model's column; ``pii: false`` of a column says
    that it is masked.

Known gaps:
    What is personal is what the project marks. An aggregate such as ``max(email)`` shows one value
    and is not reported. Grants are not known yet.
"""

from collections.abc import Iterable, Iterator, Mapping

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode
from headwater.plan.consumers import index_tables
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule, headwater_meta
from headwater.project.node import ColumnInfo

NAMED_MAX = 4
"""How many columns one finding names."""

_FLOWS = frozenset({"identity", "transformation"})

Marked = Mapping[str, str]
"""Where personal values come from, by the lower-case column that has them."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Follow marked columns to whoever is not a model of the project's own."""
    if not any(map(_has_marks, draft.graph.nodes.values())):
        return
    reached = _follow(draft)
    for node, compiled in draft.graph.nodes.items():
        found = dict(_gets(draft, compiled, reached))
        if found and _is_asked_for(draft, node, compiled):
            yield _finding(compiled.node.name, _kind(compiled), found, compiled)
    tables = index_tables(draft.graph) if draft.state.consumers else {}
    for consumer in draft.state.consumers:
        for read in consumer.reads:
            columns = _of_consumer(tables.get(read.table.lower()), read.columns, reached)
            if columns:
                yield _finding(consumer.name, consumer.kind.replace("_", " "), columns, None)


def _has_marks(compiled: CompiledNode) -> bool:
    columns = compiled.node.columns.values()
    return _says(compiled.node.meta, compiled.node.tags) is True or any(
        _of_column(column) is True for column in columns
    )


def _says(meta: Mapping[str, Json], tags: Iterable[str]) -> bool | None:
    """Say whether something is marked as personal, or as not; None when neither."""
    inner = meta.get("headwater")
    for mapping in (meta, inner if isinstance(inner, Mapping) else {}):
        if isinstance(marked := mapping.get("pii"), bool):
            return marked
    return True if "pii" in {tag.lower() for tag in tags} else None


def _of_column(column: ColumnInfo) -> bool | None:
    return _says(column.meta, column.tags)


def _follow(draft: Draft) -> Mapping[TableName, Marked]:
    """Return the personal columns of every relation and where their values come from."""
    reached: dict[TableName, Marked] = {}
    for compiled in draft.graph.nodes.values():
        relation = compiled.node.relation
        if relation is None:
            continue
        found = {**_own(compiled), **_inherited(compiled, reached)}
        said = {name.lower(): _of_column(info) for name, info in compiled.node.columns.items()}
        found = {name: origin for name, origin in found.items() if said.get(name) is not False}
        if found:
            reached[relation] = found
    return reached


def _own(compiled: CompiledNode) -> Marked:
    """Return the columns that a node marks; all of a marked table that marks none of them."""
    node = compiled.node
    listed = {name.lower() for name, info in node.columns.items() if _of_column(info) is True}
    if not listed and _says(node.meta, node.tags) is True:
        known = [column.name for column in compiled.columns or ()] or list(node.columns)
        listed = {name.lower() for name in known}
    return {name: f"{node.name}.{name}" for name in sorted(listed)}


def _inherited(compiled: CompiledNode, reached: Mapping[TableName, Marked]) -> Marked:
    found: dict[str, str] = {}
    for output in compiled.lineage.columns if compiled.lineage is not None else ():
        for use in output.influences:
            origin = reached.get(use.table, {}).get(use.column.lower())
            if origin is not None and use.subtype in _FLOWS and not use.masking:
                found.setdefault(output.name.lower(), origin)
    return found


def _gets(
    draft: Draft, compiled: CompiledNode, reached: Mapping[TableName, Marked]
) -> Iterator[tuple[str, str]]:
    """Give the personal columns that an exposure or a public model gets unsaid."""
    node = compiled.node
    if _says(node.meta, node.tags) is True:
        return
    if node.resource_type == "exposure":
        listed = headwater_meta(node).get("columns")
        only = {str(each).lower() for each in listed} if isinstance(listed, list) else None
        read = [
            draft.graph.nodes[each] for each in compiled.depends_on if each in draft.graph.nodes
        ]
        marked = [each for upstream in read for each in _marked(upstream, reached)]
        yield from (each for each in marked if only is None or each[0].split(".")[-1] in only)
    elif node.config.get("access") == "public":
        said = {name.lower() for name, info in node.columns.items() if _of_column(info) is True}
        marked = _marked(compiled, reached)
        yield from (each for each in marked if each[0].split(".")[-1] not in said)


def _marked(compiled: CompiledNode, reached: Mapping[TableName, Marked]) -> list[tuple[str, str]]:
    """Return the personal columns of a node, with its name, and where each is from."""
    relation = compiled.node.relation
    found = {} if relation is None else reached.get(relation, {})
    return [(f"{compiled.node.name}.{name}", origin) for name, origin in found.items()]


def _of_consumer(
    read: CompiledNode | None, columns: Mapping[str, str], reached: Mapping[TableName, Marked]
) -> dict[str, str]:
    wanted = {name.lower() for name in columns}
    return {
        name: origin
        for name, origin in (() if read is None else _marked(read, reached))
        if not wanted or name.split(".")[-1] in wanted
    }


def _is_asked_for(draft: Draft, node: NodeId, compiled: CompiledNode) -> bool:
    selected = draft.options.selected
    return selected is None or bool(selected & {node, *compiled.depends_on})


def _kind(compiled: CompiledNode) -> str:
    return "exposure" if compiled.node.resource_type == "exposure" else "public model"


def _finding(
    name: str, kind: str, found: Mapping[str, str], compiled: CompiledNode | None
) -> Diagnostic:
    shown = [
        f"`{column}`" if column == origin else f"`{column}` (from `{origin}`)"
        for column, origin in list(found.items())[:NAMED_MAX]
    ]
    more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
    return Diagnostic(
        code="pii-reach",
        severity="warning",
        what=f"{kind} `{name}` gets personal data: {', '.join(shown)}{more}",
        why="the project marks it as personal, and nothing on the way hides it",
        fix="leave it out, pass on a hash, or say `meta: {pii: true}` where it may be had",
        where=None if compiled is None else compiled.node.where,
        node="" if compiled is None else compiled.node.unique_id,
    )


PII_REACH = Rule(code="pii-reach", check=check)
