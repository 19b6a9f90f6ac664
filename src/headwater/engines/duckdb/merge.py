"""Merge: only files that hold matching rows are touched, and of those only what must be.

The query's rows are staged once. Files whose key statistics cannot match are never opened; of the
others only the key columns are read, to find the rows that really match. ``merge_files`` says
which of their files are written again; the others hide those rows. Then one COPY writes the rows
of the first, changed, together with the changed rows of the second and the new rows.
"""

# ruff: noqa: S608 - names and literals are ours or quoted; users' SQL is a part of its own
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from headwater.base.errors import DataDamaged, Invalid
from headwater.base.relations import Column, quote_identifier
from headwater.engines.duckdb.bind import (
    FILE_COLUMN,
    ROW_COLUMN,
    Lookup,
    absolute_path,
    scan_snapshot,
)
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.copy import copy_to_files, remove_files
from headwater.engines.duckdb.merge_files import divide
from headwater.engines.duckdb.merge_keys import files_with_keys
from headwater.engines.duckdb.output import output_columns, places_of
from headwater.engines.duckdb.write import make_written, rows_of
from headwater.engines.engine import Destination, WriteMerge, Written
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.stats import may_match

_SOURCE = "__headwater_source"
_WANTED = "__headwater_wanted"
_TARGET = "__headwater_target"
_TOUCHED = "__headwater_touched"
_PARTLY = "__headwater_partly"
_HITS = "__headwater_hits"
_KEY = "__headwater_key"
_DUPLICATES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merge:
    """What a merge works on; inside, column n of the result is called ``c<n>``.

    Attributes:
        columns: Columns of the result: the target's, then the query's new ones.
        keys: Places in ``columns`` of the unique key.
        from_query: Places of the columns that the query has.
        updated: Places of those that an update takes from the query.
        target: The table as it is.
        lookups: Qualified name to which the names of lookup tables are appended.
        predicates: Conditions of the user's for rows of the table to match.
        wanted: Table of the keys that rows of the table must have to match.
        with_nulls: Among those, null is a value like others.
    """

    columns: tuple[Column, ...]
    keys: tuple[int, ...]
    from_query: frozenset[int]
    updated: frozenset[int]
    target: Snapshot
    lookups: str
    predicates: tuple[str, ...] = ()
    wanted: str = _SOURCE
    with_nulls: bool = False

    @property
    def by_hits(self) -> str:
        """Name of the table of files whose rows are taken from what matched."""
        return f"{self.lookups}_by_hits"

    def same_key(self) -> str:
        """Write the condition that ``t`` and ``s`` have the same key."""
        sign = "IS NOT DISTINCT FROM" if self.with_nulls else "="
        return " AND ".join(f"t.c{place} {sign} s.c{place}" for place in self.keys)

    def same_row(self) -> str:
        """Write the join of rows ``t`` of the table with the staged rows ``s`` that they match."""
        if not self.predicates:
            return f"{_SOURCE} s ON {self.same_key()}"
        found = f"{_HITS} h JOIN {_SOURCE} s ON s.rowid = h.staged"
        return f"({found}) ON h.file = t.file AND h.row = t.row"

    def named(self, letter: str, own: str, view: str, places: Iterable[int]) -> str:
        """Write a query of rows with their columns' own names, for predicates.

        Args:
            letter: ``t`` for rows of the table, ``s`` for staged ones.
            own: What identifies a row, beside the key as ``__headwater_key0`` and so on.
            view: Where the rows are.
            places: Places of the columns that they have.
        """
        keys = [f"{letter}.c{place} AS {_KEY}{index}" for index, place in enumerate(self.keys)]
        columns = [
            f"{letter}.c{place} AS {quote_identifier(self.columns[place].name)}" for place in places
        ]
        return f"SELECT {', '.join([own, *keys, *columns])} FROM {view} {letter}"

    def replaces_rows(self) -> bool:
        """Tell whether nothing of an updated row stays, so that it need not be read.

        Keys that are floats are equal with either sign of zero, and the table's stays.
        """
        is_exact = all(self.columns[place].type not in {"FLOAT", "DOUBLE"} for place in self.keys)
        return is_exact and len(self.updated) + len(set(self.keys)) == len(self.columns)

    def key_names(self) -> str:
        """Write the names of the key columns, for messages."""
        return ", ".join(f"`{self.columns[place].name}`" for place in self.keys)


def write_merge(
    connection: Connection,
    query: str,
    mode: WriteMerge,
    destination: Destination,
    *,
    lookup_name: str,
) -> Written:
    """Write the files that change when a query's rows are merged into a table.

    Columns are matched by name. What the query lacks stays as it is in updated rows and is null
    in new ones; what the table lacks is null in old rows.

    Raises:
        Invalid: ``merge-duplicate-keys``, ``merge-column-missing``, ``type-not-storable``.
        DataDamaged: ``data-file-mismatch``, when the rows written do not add up.
    """
    source = connection.describe(query)
    merge = _plan_merge(mode, source, lookup_name)
    connection.keep_order(in_order=False)
    _stage(connection, merge, source, query)
    if mode.keys:
        merge = _with_wanted(connection, merge, mode.keys)
    if not mode.delete_matching:
        _refuse_duplicates(connection, merge)
    candidates = _candidates(connection, merge)
    _make_target(connection, merge, candidates, _TARGET)
    matched = _find_matches(connection, merge, delete_matching=mode.delete_matching)
    target = mode.target
    division = divide(candidates, matched, mode.files, root=target.root, features=target.features)
    by_hits = (*division.hiding, *division.emptied)
    _make_target(connection, merge, division.rewritten, _TOUCHED)
    _name_files(connection, merge, by_hits)
    if mode.delete_matching:
        selected = _select_deleting(merge)
    else:
        _make_target(connection, merge, by_hits, _PARTLY)
        selected = _select_updating(merge, with_hits=bool(by_hits))
    staged, inserted = _counts(connection, delete_matching=mode.delete_matching)
    hits = sum(matched.values())
    again = sum(matched[absolute_path(target.root, file.path)] for file in division.rewritten)
    expected = _visible_rows(connection, division.rewritten) + inserted
    expected += -again if mode.delete_matching else hits - again
    deleted = hits if mode.delete_matching else 0
    hidden = _hidden(connection, merge, division.hiding)
    added: tuple[DataFile, ...] = ()
    if division.rewritten or by_hits or staged:
        added = copy_to_files(connection, Statement(before=selected), merge.columns, destination)
    if rows_of(added) != expected:
        remove_files(connection, destination)
        raise _sum_mismatch(rows_of(added), expected)
    _drop(connection)
    written = make_written(connection.meter, added, merge.columns, inserted=inserted)
    return replace(
        written,
        removed=tuple(file.path for file in (*division.rewritten, *division.emptied)),
        rows_updated=hits - deleted,
        rows_deleted=deleted,
        hidden=hidden,
    )


def _plan_merge(mode: WriteMerge, source: Sequence[Column], lookups: str) -> _Merge:
    columns = output_columns(mode.target.columns, source)
    places = {column.name.lower(): place for place, column in enumerate(columns)}
    in_query = places_of(source)
    in_target = {column.name.lower() for column in mode.target.columns}
    for name in mode.unique_key:
        if name.lower() not in in_query:
            raise _missing(name, "the query's result", "select it in the model")
        if name.lower() not in in_target:
            raise _missing(name, "the table", "run with `--full-refresh`")
    for name in (*mode.update_columns, *mode.exclude_columns):
        if name.lower() not in places:
            raise _missing(name, "the query's result and the table", "correct the model's config")
    if not mode.unique_key:
        raise _missing("unique_key", "the merge", "set `unique_key` in the model's config")
    from_query = frozenset(places[name] for name in in_query)
    keys = tuple(places[name.lower()] for name in mode.unique_key)
    updated = from_query - set(keys)
    if mode.update_columns:
        updated &= {places[name.lower()] for name in mode.update_columns}
    updated -= {places[name.lower()] for name in mode.exclude_columns}
    return _Merge(
        columns=columns,
        keys=keys,
        from_query=from_query,
        updated=updated,
        target=mode.target,
        lookups=lookups,
        predicates=mode.predicates,
    )


def _stage(connection: Connection, merge: _Merge, source: Sequence[Column], query: str) -> None:
    """Keep the query's rows, in the result's types; spills when they are many."""
    places = places_of(source)
    parts = ", ".join(
        f"CAST(#{places[merge.columns[place].name.lower()]} AS {merge.columns[place].type})"
        f" AS c{place}"
        for place in sorted(merge.from_query)
    )
    before = f"CREATE OR REPLACE TEMP TABLE {_SOURCE} AS SELECT {parts}, true AS here FROM (\n"
    connection.rows(Statement(before=before, sql=query, after="\n)"))


def _with_wanted(connection: Connection, merge: _Merge, keys: str) -> _Merge:
    """Keep the keys whose rows are removed."""
    parts = ", ".join(
        f"CAST(#{number} AS {merge.columns[place].type}) AS c{place}"
        for number, place in enumerate(merge.keys, start=1)
    )
    before = f"CREATE OR REPLACE TEMP TABLE {_WANTED} AS SELECT DISTINCT {parts} FROM (\n"
    connection.rows(Statement(before=before, sql=keys, after="\n)"))
    unknown = " OR ".join(f"c{place} IS NULL" for place in merge.keys)
    nulls = connection.rows(f"SELECT count(*) FROM {_WANTED} WHERE {unknown}")[0][0]
    return replace(merge, wanted=_WANTED, with_nulls=bool(nulls))


def _refuse_duplicates(connection: Connection, merge: _Merge) -> None:
    keys = ", ".join(f"c{place}" for place in merge.keys)
    shown = ", ".join(f"CAST(c{place} AS VARCHAR)" for place in merge.keys)
    known = " AND ".join(f"c{place} IS NOT NULL" for place in merge.keys)
    found = connection.rows(
        f"SELECT {shown}, count(*) FROM {_SOURCE} WHERE {known} GROUP BY {keys}"
        f" HAVING count(*) > 1 ORDER BY {keys} LIMIT {_DUPLICATES_SHOWN}"
    )
    if found:
        examples = "; ".join(f"{', '.join(map(str, row[:-1]))} ({row[-1]} rows)" for row in found)
        raise Invalid(
            "merge-duplicate-keys",
            f"the rows to merge have the same {merge.key_names()} more than once: {examples}",
            why="which of them should win is not defined",
            fix="keep one row a key, for example with `qualify row_number() over (partition by"
            " <key> order by <newest first>) = 1`, or use `incremental_strategy: delete+insert`",
        )


def _candidates(connection: Connection, merge: _Merge) -> tuple[DataFile, ...]:
    """Return the files whose statistics allow a row with one of the wanted keys."""
    if merge.with_nulls:
        return tuple(merge.target.files)
    bounds = ", ".join(
        f"CAST(min(c{place}) AS VARCHAR), CAST(max(c{place}) AS VARCHAR)" for place in merge.keys
    )
    known = " AND ".join(f"c{place} IS NOT NULL" for place in merge.keys)
    row = connection.rows(f"SELECT {bounds} FROM {merge.wanted} WHERE {known}")[0]
    if row[0] is None:
        return ()
    limits = [(row[2 * index], row[2 * index + 1]) for index in range(len(merge.keys))]
    files = tuple(
        file
        for file in merge.target.files
        if all(
            may_match(file, merge.columns[place], low, high)
            for place, (low, high) in zip(merge.keys, limits, strict=True)
        )
    )
    for place in merge.keys:
        keys = f"SELECT c{place} AS key FROM {merge.wanted} WHERE {known}"
        column, name = merge.columns[place], f"{merge.lookups}_bounds"
        files = files_with_keys(connection, files, column, keys, lookup_name=name)
    return files


def _make_target(
    connection: Connection, merge: _Merge, files: Sequence[DataFile], view: str
) -> None:
    """Make a view of some of the table's files, with the result's columns and each row's file."""
    scan = scan_snapshot(
        merge.target, files, lookup_name=f"{merge.lookups}_{view.strip('_')}", with_file=True
    )
    known = len(merge.target.columns)
    parts = [
        f"{quote_identifier(column.name)} AS c{place}"
        if place < known
        else f"CAST(NULL AS {column.type}) AS c{place}"
        for place, column in enumerate(merge.columns)
    ]
    connection.make_lookups(scan.lookups)
    connection.rows(
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {', '.join(parts)},"
        f" {quote_identifier(FILE_COLUMN)} AS file, {quote_identifier(ROW_COLUMN)} AS row"
        f" FROM ({scan.sql})"
    )


def _find_matches(
    connection: Connection, merge: _Merge, *, delete_matching: bool
) -> dict[str, int]:
    """Keep the rows that match a staged one; return how many each file has."""
    if merge.predicates:
        found = _matches_that_meet(merge, delete_matching=delete_matching)
    elif delete_matching:
        found = (
            f"SELECT NULL::BIGINT AS staged, file, row FROM {_TARGET} t"
            f" SEMI JOIN {merge.wanted} s ON {merge.same_key()}"
        )
    else:
        found = (
            f"SELECT s.rowid AS staged, t.file AS file, t.row AS row FROM {_TARGET} t"
            f" JOIN {_SOURCE} s ON {merge.same_key()}"
        )
    connection.rows(f"CREATE OR REPLACE TEMP TABLE {_HITS} AS {found}")
    counted = f"SELECT file, count(*) FROM {_HITS} GROUP BY file"
    return {str(file): int(str(count)) for file, count in connection.rows(counted)}


def _matches_that_meet(merge: _Merge, *, delete_matching: bool) -> str:
    """Write the query of the matches that meet the user's predicates, with the names of dbt."""
    conditions = " AND ".join(f"({predicate})" for predicate in merge.predicates)
    place = "t.file AS __headwater_file, t.row AS __headwater_row"
    target = merge.named("t", place, _TARGET, range(len(merge.columns)))
    if delete_matching:
        keys = " AND ".join(f"t.{_KEY}{n} = s.c{key}" for n, key in enumerate(merge.keys))
        return (
            "SELECT NULL::BIGINT AS staged, t.__headwater_file AS file, t.__headwater_row AS row"
            f" FROM (SELECT * FROM ({target}) DBT_INCREMENTAL_TARGET WHERE {conditions}) t"
            f" SEMI JOIN {_SOURCE} s ON {keys}"
        )
    source = merge.named("s", "s.rowid AS __headwater_staged", _SOURCE, sorted(merge.from_query))
    keys = " AND ".join(
        f"DBT_INTERNAL_DEST.{_KEY}{n} = DBT_INTERNAL_SOURCE.{_KEY}{n}"
        for n in range(len(merge.keys))
    )
    return (
        "SELECT __headwater_staged AS staged, __headwater_file AS file, __headwater_row AS row"
        f" FROM ({target}) DBT_INTERNAL_DEST JOIN ({source}) DBT_INTERNAL_SOURCE"
        f" ON {keys} AND {conditions}"
    )


def _name_files(connection: Connection, merge: _Merge, files: Sequence[DataFile]) -> None:
    """Make a table of the files whose rows are taken from what matched."""
    paths = tuple(absolute_path(merge.target.root, file.path) for file in files)
    lookup = Lookup(name=merge.by_hits, columns=(("file", "VARCHAR"),), values=(paths,))
    connection.make_lookups((lookup,))


def _hidden(
    connection: Connection, merge: _Merge, hiding: Sequence[DataFile]
) -> tuple[DataFile, ...]:
    """Return the files that stay, with the rows that matched hidden, too."""
    if not hiding:
        return ()
    rows = connection.rows(
        f"SELECT file, list(row) FROM {_HITS} WHERE file IN (SELECT file FROM {merge.by_hits})"
        " GROUP BY file"
    )
    found = {str(file): positions for file, positions in rows}
    return tuple(
        replace(
            file, deleted_rows=_joined(file, found[absolute_path(merge.target.root, file.path)])
        )
        for file in hiding
    )


def _joined(file: DataFile, positions: object) -> tuple[int, ...]:
    added = positions if isinstance(positions, list) else []
    return tuple(sorted((*file.deleted_rows, *added)))


def _select_updating(merge: _Merge, *, with_hits: bool) -> str:
    parts = [
        f"SELECT {_old_row(merge)} FROM {_TOUCHED} t LEFT JOIN {merge.same_row()}",
        _select_new(merge),
    ]
    if with_hits and merge.replaces_rows():
        parts.append(
            f"SELECT {_new_row(merge)} FROM {_HITS} h JOIN {_SOURCE} s ON s.rowid = h.staged"
            f" WHERE h.file IN (SELECT file FROM {merge.by_hits})"
        )
    elif with_hits:
        parts.append(f"SELECT {_old_row(merge)} FROM {_PARTLY} t JOIN {merge.same_row()}")
    return " UNION ALL ".join(parts)


def _select_new(merge: _Merge) -> str:
    return (
        f"SELECT {_new_row(merge)} FROM {_SOURCE} s"
        f" WHERE s.rowid NOT IN (SELECT staged FROM {_HITS})"
    )


def _old_row(merge: _Merge) -> str:
    return ", ".join(
        f"{_choice(place, merge)} AS {quote_identifier(column.name)}"
        for place, column in enumerate(merge.columns)
    )


def _select_deleting(merge: _Merge) -> str:
    old = ", ".join(
        f"t.c{place} AS {quote_identifier(column.name)}"
        for place, column in enumerate(merge.columns)
    )
    hit = f"{merge.wanted} s ON {merge.same_key()}"
    if merge.predicates:
        hit = f"{_HITS} h ON h.file = t.file AND h.row = t.row"
    return (
        f"SELECT {old} FROM {_TOUCHED} t ANTI JOIN {hit}"
        f" UNION ALL SELECT {_new_row(merge)} FROM {_SOURCE} s"
    )


def _choice(place: int, merge: _Merge) -> str:
    if place in merge.updated:
        return f"CASE WHEN s.here THEN s.c{place} ELSE t.c{place} END"
    return f"t.c{place}"


def _new_row(merge: _Merge) -> str:
    return ", ".join(
        f"s.c{place}" if place in merge.from_query else f"CAST(NULL AS {column.type})"
        for place, column in enumerate(merge.columns)
    )


def _counts(connection: Connection, *, delete_matching: bool) -> tuple[int, int]:
    """Return how many rows are staged and how many of them are inserted."""
    matched = "0" if delete_matching else f"(SELECT count(DISTINCT staged) FROM {_HITS})"
    row = connection.rows(f"SELECT count(*), count(*) - {matched} FROM {_SOURCE}")[0]
    return int(str(row[0])), int(str(row[1]))


def _visible_rows(connection: Connection, files: Sequence[DataFile]) -> int:
    if any(file.rows is None for file in files):
        return int(str(connection.rows(f"SELECT count(*) FROM {_TOUCHED}")[0][0]))
    return sum((file.rows or 0) - len(file.deleted_rows) for file in files)


def _sum_mismatch(found: int, expected: int) -> DataDamaged:
    return DataDamaged(
        "data-file-mismatch",
        f"the merge wrote {found} rows where {expected} were expected",
        why="the table's log and its files do not agree, or a file changed meanwhile",
        fix="look for another program that writes to the table's folder, then run again",
    )


def _drop(connection: Connection) -> None:
    for view in (_TARGET, _TOUCHED, _PARTLY):
        connection.rows(f"DROP VIEW IF EXISTS {view}")
    for table in (_SOURCE, _WANTED, _HITS):
        connection.rows(f"DROP TABLE IF EXISTS {table}")


def _missing(name: str, where: str, fix: str) -> Invalid:
    return Invalid(
        "merge-column-missing",
        f"column `{name}` is not in {where}",
        why="the merge's config names it",
        fix=fix,
    )
