"""The casts that new and changed models leave to the engine, with the types of their inputs.

Read only where a model's inputs have such types at all: most have none, and cost nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import SAME, Draft
from headwater.sql.casts import Casts, find_casts
from headwater.sql.dialects import DUCKDB

_MAY_MIX = re.compile(
    r"(?i)\b(now|get_current_timestamp|transaction_timestamp)\s*\(|\bcurrent_timestamp\b"
    r"|\btimestamptz\b|\bwith\s+time\s+zone\b|\bunion\b"
)


def casts_of(draft: Draft) -> Iterator[tuple[CompiledNode, Casts]]:
    """Give the new and changed models in which the engine casts by itself."""
    for node in draft.decisions:
        compiled = draft.compiled(node)
        if not _is_wanted(draft, node, compiled):
            continue
        schemas = _schemas(draft, compiled)
        zoned = any("TIME ZONE" in c.type.upper() for each in schemas.values() for c in each)
        if zoned or _MAY_MIX.search(compiled.code):
            casts = find_casts(compiled.code, schemas)
            if casts.mixed or casts.united:
                yield compiled, casts


def _is_wanted(draft: Draft, node: NodeId, compiled: CompiledNode) -> bool:
    is_query = compiled.node.resource_type in {"model", "snapshot"} and bool(compiled.code)
    is_ours = is_query and compiled.dialect == DUCKDB and draft.is_asked_for(node)
    return is_ours and draft.differences[node].kind not in SAME


def _schemas(draft: Draft, compiled: CompiledNode) -> Mapping[TableName, Sequence[Column]]:
    """Return the columns of what a node reads: as the project makes them, or as they are stored."""
    found: dict[TableName, Sequence[Column]] = {}
    for name in compiled.reads:
        producer = draft.index.producers.get(name)
        columns = draft.compiled(producer).columns if producer is not None else None
        table = draft.state.tables.get(str(name))
        found[name] = columns or (table.columns if table is not None else ())
    return found
