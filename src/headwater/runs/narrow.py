"""Leaves out the files that one query cannot need: what it is bound to instead of whole tables.

Only for a session that runs that query and no other while the names are bound so: whoever runs
another one binds again. Where anything might read a table by ways that the text does not show,
everything stays as it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from headwater.base.conditions import Condition, any_of
from headwater.base.relations import Column, TableName
from headwater.engines.engine import EmptySource, FunctionSource, Source, ViewSource
from headwater.lake.files import FileList
from headwater.lake.skipping import files_needed
from headwater.lake.snapshot import Snapshot
from headwater.sql.row_filters import Schemas, find_columns_or_none, find_row_filters

FILES_MIN = 2
"""Files of a table from which it is worth looking for those that can be left out."""

Sources = Mapping[TableName, Source]


def narrowed(sql: str, sources: Sources) -> Sources:
    """Return the tables of which a query needs fewer files, with those that it needs.

    Args:
        sql: The query; its relations have the names of ``sources``.
        sources: What it reads, and what lies behind views, inputs before what reads them.
    """
    if not _may_narrow(sql, sources):
        return MappingProxyType({})
    conditions = find_conditions(sql, sources)
    found: dict[TableName, Source] = {}
    for name, source in sources.items():
        condition = conditions.get(name)
        if condition is None or not isinstance(source, Snapshot) or len(source.files) < FILES_MIN:
            continue
        files = files_needed(source, condition)
        if len(files) < len(source.files):
            found[name] = replace(source, files=files)
    return MappingProxyType(found)


def emptied(sources: Sources) -> Sources:
    """Return the tables of very many files without any: enough to describe a query over them."""
    return MappingProxyType(
        {
            name: replace(source, files=())
            for name, source in sources.items()
            if isinstance(source, Snapshot) and isinstance(source.files, FileList)
        }
    )


def _may_narrow(sql: str, sources: Sources) -> bool:
    """Say, without reading the query, whether it may need fewer files than there are."""
    is_large = any(
        isinstance(source, Snapshot) and len(source.files) >= FILES_MIN
        for source in sources.values()
    )
    return is_large and "where" in _texts(sql, sources) and not _has_functions(sources)


def _texts(sql: str, sources: Sources) -> str:
    """Return all that may say which rows are needed, in lower case."""
    views = (source.sql for source in sources.values() if isinstance(source, ViewSource))
    return "\n".join((sql, *views)).lower()


def _has_functions(sources: Sources) -> bool:
    """Say whether a function of the project may read tables that no text names."""
    return any(isinstance(source, FunctionSource) for source in sources.values())


def find_conditions(sql: str, sources: Sources) -> Mapping[TableName, Condition | None]:
    """Return what a query wants of the rows of each table, views followed; None is all of them.

    Args:
        sql: The query.
        sources: As for ``narrowed``.
    """
    schemas = _schemas(sources)
    uses: dict[TableName, list[Condition | None]] = {}
    texts: list[tuple[str, Condition | None]] = [(sql, None)]
    readers_first = list(sources)[::-1]
    for place in range(len(readers_first) + 1):
        for text, wanted in texts:
            found = find_row_filters(text, schemas, wanted)
            if found is None:
                return MappingProxyType({})
            for name, condition in found.items():
                uses.setdefault(name, []).append(condition)
        if place == len(readers_first):
            break
        view = readers_first[place]
        source = sources[view]
        wanted = any_of(uses.get(view, [None]))
        texts = [(source.sql, wanted)] if isinstance(source, ViewSource) else []
    return MappingProxyType({name: any_of(conditions) for name, conditions in uses.items()})


def _schemas(sources: Sources) -> Schemas:
    """Return the columns of relations, as far as they are known without asking the engine."""
    found: dict[TableName, Sequence[Column] | None] = {}
    for name, source in sources.items():
        match source:
            case Snapshot(columns=columns) | EmptySource(columns=columns):
                found[name] = columns
            case ViewSource(sql=sql):
                found[name] = find_columns_or_none(sql, found)
            case _:
                found[name] = None
    return found
