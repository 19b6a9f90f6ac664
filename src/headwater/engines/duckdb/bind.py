"""SQL that reads what a name is bound to: a Delta snapshot, files, a view, or no rows at all.

Pure text: nothing is run here. A snapshot is read over exactly its active files, as fast as plain
Parquet; two forms exist because DuckDB cannot use a given schema and folder names together.
"""

# ruff: noqa: S608 - names and literals are ours or quoted; users' SQL is a part of its own
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from headwater.base.errors import Invalid
from headwater.base.relations import Column, quote_identifier
from headwater.engines.duckdb.renames import renamed
from headwater.engines.duckdb.text import quote_text, text_list
from headwater.engines.engine import EmptySource, FileSource, Source, ViewSource
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.stats import stats_key
from headwater.lake.types import scalar_leaves

FILE_COLUMN = "__headwater_file"
"""Column with a row's data file, as read (absolute), where a scan is asked for it."""

ROW_COLUMN = "__headwater_row"
"""Column with a row's position in its data file, from 0, where a scan is asked for it."""

HIDING_FILES_MAX = 16
"""Files that hide rows up to which each is read by itself."""

_FILTER_DIVISOR = 5
"""What DuckDB divides rows by, for a filter of which it knows nothing."""

_NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
_VIRTUAL = frozenset({"filename", "file_row_number", "file_index", "rowid"})
_CALL = re.compile(r"\s*[A-Za-z_]\w*\s*\(.*\)\s*", re.DOTALL)
_READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".txt": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
_RAW_OPTION = re.compile(r"true|false|-?\d+(\.\d+)?|[\[{].*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A small table that a scan's SQL needs: what the log says and the files do not.

    Attributes:
        name: Quoted name.
        columns: Name and type of each column.
        values: Values column by column.
        numbers: Name of a last column, BIGINT, given as numbers with commas between them: one
            row for each. Handing over 200,000 numbers by themselves took five times the CPU.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    values: tuple[tuple[object, ...], ...]
    numbers: str = ""

    def rows_sql(self) -> str:
        """Write the query of its rows; column n of ``values`` is parameter n."""
        kinds = [*self.columns, *([(self.numbers, "VARCHAR")] if self.numbers else [])]
        parts = ", ".join(
            f"unnest(${place}::{kind}[]) AS {name}"
            for place, (name, kind) in enumerate(kinds, start=1)
        )
        if not self.numbers:
            return f"SELECT {parts}"
        one = f"unnest(CAST(string_split({self.numbers}, ',') AS BIGINT[])) AS {self.numbers}"
        return f"SELECT * REPLACE ({one}) FROM (SELECT {parts})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A query that reads something.

    Attributes:
        sql: The query.
        lookups: Small tables to make before.
        kept_table: The table of the instance that it reads instead of files; empty for none.
    """

    sql: str
    lookups: tuple[Lookup, ...] = ()
    kept_table: str = ""


def scan_of(source: Source, *, project_root: str, lookup_name: str) -> Scan:
    """Make the query that reads a source.

    Args:
        source: What to read.
        project_root: Base of relative paths.
        lookup_name: Qualified name to which the names of lookup tables are appended.

    Raises:
        Invalid: ``file-format-unknown``, ``storage-unsupported``.
    """
    match source:
        case Snapshot():
            return scan_snapshot(source, source.files, lookup_name=lookup_name)
        case ViewSource(sql=sql):
            return Scan(sql=sql)
        case FileSource():
            return Scan(sql=_select_files(source, project_root))
        case EmptySource(columns=columns):
            return Scan(sql=_select_nothing(columns))


def scan_snapshot(
    snapshot: Snapshot,
    files: Sequence[DataFile],
    *,
    lookup_name: str,
    with_file: bool = False,
) -> Scan:
    """Make the query that reads some files of a table, as its log describes them.

    Columns come in schema order and types. Columns that older files lack are null, partition
    values come from the log, rows hidden by deletion vectors are left out. Where one file says
    which of its rows are to be read, all of them must.

    Args:
        snapshot: The table.
        files: Those of its files to read.
        lookup_name: Qualified name to which the names of lookup tables are appended.
        with_file: Add ``FILE_COLUMN`` and ``ROW_COLUMN``.

    """
    columns = snapshot.columns
    if not files:
        extra = (Column(FILE_COLUMN, "VARCHAR"), Column(ROW_COLUMN, "BIGINT")) if with_file else ()
        return Scan(sql=_select_nothing((*columns, *extra)))
    paths = tuple(absolute_path(snapshot.root, file.path) for file in files)
    if _is_uniform(snapshot, files):
        if not with_file and all(file.only_rows is None for file in files):
            return _scan_uniform(snapshot, paths, files, lookup_name=lookup_name)
        selected, relation = _plain_form(snapshot, paths)
        lookups: tuple[Lookup, ...] = ()
    else:
        selected, relation, lookups = _schema_form(snapshot, paths, files, lookup_name=lookup_name)
    if with_file:
        selected.append(f"filename AS {quote_identifier(FILE_COLUMN)}")
        selected.append(f"file_row_number AS {quote_identifier(ROW_COLUMN)}")
    sql = f"SELECT {', '.join(selected)} FROM {relation}"
    if any(file.only_rows is not None for file in files):
        only = _listed_rows(paths, [file.only_rows for file in files], f"{lookup_name}_only")
        listed = f"(SELECT file, row FROM {only.name})"
        return Scan(
            sql=f"{sql} WHERE (filename, file_row_number) IN {listed}", lookups=(*lookups, only)
        )
    deleted = _deleted_rows(paths, files, f"{lookup_name}_deleted")
    if deleted is None:
        return Scan(sql=sql, lookups=lookups)
    # Only this form keeps the join order; an anti join took five times the CPU (lake notes).
    sql += f" WHERE (filename, file_row_number) NOT IN (SELECT file, row FROM {deleted.name})"
    return Scan(sql=sql, lookups=(*lookups, deleted))


def _scan_uniform(
    snapshot: Snapshot, paths: tuple[str, ...], files: Sequence[DataFile], *, lookup_name: str
) -> Scan:
    """Read files of which each has all columns, those that hide rows apart from the others.

    Positions are asked for where rows are hidden only, and file by file, without its name: at a
    thousand rows hidden in each file TPC-H took 1.48 times the CPU of the bare files in one scan,
    and 1.00 times in one for each file. DuckDB's filters reach down into each of them.
    """
    parts = _parts_of(files)
    selects: list[str] = []
    lookups: list[Lookup] = []
    for part in parts:
        inside = [files[place] for place in part]
        chosen = tuple(paths[place] for place in part)
        hides = any(file.deleted_rows for file in inside)
        selected, relation = _plain_form(snapshot, chosen, _cardinality(inside, hides=hides))
        sql = f"SELECT {', '.join(selected)} FROM {relation}"
        if hides:
            name = f"{lookup_name}_deleted_{len(lookups)}"
            lookups.append(_hidden_rows(chosen, inside, name))
            sql += (
                f" WHERE file_row_number NOT IN (SELECT row FROM {name})"
                if len(part) == 1
                else f" WHERE (filename, file_row_number) NOT IN (SELECT file, row FROM {name})"
            )
        selects.append(sql)
    return Scan(sql="\nUNION ALL ".join(selects), lookups=tuple(lookups))


def _parts_of(files: Sequence[DataFile]) -> list[list[int]]:
    """Return the places of files that are read together, in the files' order where they are few."""
    hiding = [place for place, file in enumerate(files) if file.deleted_rows]
    if len(hiding) > HIDING_FILES_MAX:
        others = [place for place, file in enumerate(files) if not file.deleted_rows]
        return [part for part in (others, hiding) if part]
    parts: list[list[int]] = []
    joins = False
    for place, file in enumerate(files):
        if joins and not file.deleted_rows:
            parts[-1].append(place)
        else:
            parts.append([place])
        joins = not file.deleted_rows
    return parts


def _cardinality(files: Sequence[DataFile], *, hides: bool) -> str:
    """Return the option that tells how many rows there are; DuckDB takes the first file for usual.

    It also takes a filter that it cannot look into to leave a fifth of the rows, and orders joins
    by that.
    """
    counts = [file.rows for file in files]
    if None in counts or (len(files) == 1 and not hides):
        return ""
    rows = sum(count or 0 for count in counts) * (_FILTER_DIVISOR if hides else 1)
    return f", explicit_cardinality={rows}"


def _hidden_rows(paths: tuple[str, ...], files: Sequence[DataFile], name: str) -> Lookup:
    if len(files) > 1:
        return _listed_rows(paths, [file.deleted_rows or None for file in files], name)
    text = ",".join(map(str, files[0].deleted_rows))
    return Lookup(name=name, columns=(), values=((text,),), numbers="row")


def absolute_path(root: str, path: str) -> str:
    """Return where a table's file is; paths in a log may be absolute."""
    if path.startswith("/") or "://" in path:
        return path
    return f"{root.rstrip('/')}/{path}"


def _refuse_remote(location: str) -> None:
    """Refuse an object-store URL as a source: the planner could not see that its files change.

    Raises:
        Invalid: ``storage-unsupported``.
    """
    if "://" in location:
        raise Invalid(
            "storage-unsupported",
            f"files at `{location}` cannot be a source",
            why="whether they have changed cannot be told without reading them",
            fix="copy the files into a folder, or make them a Delta table",
        )


def _is_uniform(snapshot: Snapshot, files: Sequence[DataFile]) -> bool:
    """Tell whether every file surely has every column under its own name and type.

    Then DuckDB may take the first file's schema, and keeps its statistics for planning.
    """
    partitioned = set(snapshot.partition_columns)
    expected = {
        key
        for column in snapshot.columns
        if column.name not in partitioned
        for key in _stats_keys(column)
    }
    return (
        not snapshot.physical_names
        and "typeWidening" not in snapshot.features
        and not {column.name.lower() for column in snapshot.columns} & _VIRTUAL
        and not any(
            column.type == "BLOB" for column in snapshot.columns if column.name in partitioned
        )
        and all(file.stats.keys() >= expected for file in files)
        and (not partitioned or all(_folders_agree(file, partitioned) for file in files))
    )


def _stats_keys(column: Column) -> tuple[str, ...]:
    """Return the statistics that a file with this column has: of its scalars, or its size."""
    leaves = scalar_leaves(column)
    return tuple(stats_key(path) for path, _ in leaves) if leaves else (column.name,)


def _folders_agree(file: DataFile, partitioned: set[str]) -> bool:
    """Tell whether the path's ``column=value`` folders say what the log says."""
    folders = {}
    for part in file.path.split("/")[:-1]:
        name, equals, value = part.partition("=")
        if not equals:
            return False
        folders[name] = None if value == _NULL_FOLDER else unquote(value)
    return folders == dict(file.partition_values) and folders.keys() == partitioned


def _plain_form(
    snapshot: Snapshot, paths: tuple[str, ...], options: str = ""
) -> tuple[list[str], str]:
    partitioned = set(snapshot.partition_columns)
    types = ", ".join(
        f"{quote_text(column.name)}: {quote_text(column.type)}"
        for column in snapshot.columns
        if column.name in partitioned
    )
    hive = f"true, hive_types_autocast=false, hive_types={{{types}}}" if types else "false"
    selected = [
        f"CAST({quote_identifier(column.name)} AS {column.type}) AS {quote_identifier(column.name)}"
        for column in snapshot.columns
    ]
    return selected, f"read_parquet({text_list(paths)}, hive_partitioning={hive}{options})"


def _schema_form(
    snapshot: Snapshot, paths: tuple[str, ...], files: Sequence[DataFile], *, lookup_name: str
) -> tuple[list[str], str, tuple[Lookup, ...]]:
    """Read with the table's schema: missing columns are null, others are renamed and cast.

    Columns are called c0, c1 ... inside, so that no name can meet those that DuckDB adds.
    """
    partitioned = set(snapshot.partition_columns)
    selected, fields = [], []
    for index, column in enumerate(snapshot.columns):
        name = quote_identifier(column.name)
        if column.name in partitioned:
            place = snapshot.partition_columns.index(column.name)
            cast = (
                f"encode(p{place})" if column.type == "BLOB" else f"CAST(p{place} AS {column.type})"
            )
            selected.append(f"{cast} AS {name}")
            continue
        physical = quote_text(snapshot.physical_names.get(column.name, column.name))
        if snapshot.field_ids:
            physical = str(snapshot.field_ids[column.name])
        stored = snapshot.stored_types.get(column.name, column.type)
        selected.append(f"{renamed(f'c{index}', stored, column.type)} AS {name}")
        fields.append(
            f"{physical}: {{name: 'c{index}', type: {quote_text(stored)}, default_value: NULL}}"
        )
    relation = (
        f"read_parquet({text_list(paths)}, filename=true, file_row_number=true,"
        f" schema=MAP {{{', '.join(fields)}}})"
    )
    if not partitioned:
        return selected, relation, ()
    lookup = _partition_lookup(snapshot, paths, files, f"{lookup_name}_partitions")
    return selected, f"{relation} JOIN {lookup.name} ON file = filename", (lookup,)


def _partition_lookup(
    snapshot: Snapshot, paths: tuple[str, ...], files: Sequence[DataFile], name: str
) -> Lookup:
    names = snapshot.partition_columns
    physical = [snapshot.physical_names.get(column, column) for column in names]
    values = [
        tuple(file.partition_values.get(key, file.partition_values.get(column)) for file in files)
        for column, key in zip(names, physical, strict=True)
    ]
    return Lookup(
        name=name,
        columns=(("file", "VARCHAR"), *((f"p{place}", "VARCHAR") for place in range(len(names)))),
        values=(paths, *values),
    )


def _deleted_rows(paths: tuple[str, ...], files: Sequence[DataFile], name: str) -> Lookup | None:
    hidden = [file.deleted_rows or None for file in files]
    return _listed_rows(paths, hidden, name) if any(hidden) else None


def _listed_rows(
    paths: tuple[str, ...], rows: Sequence[tuple[int, ...] | None], name: str
) -> Lookup:
    """Make the table of rows of some files; a file without any has none in it."""
    listed = [
        (path, ",".join(map(str, positions)))
        for path, positions in zip(paths, rows, strict=True)
        if positions
    ]
    return Lookup(
        name=name,
        columns=(("file", "VARCHAR"),),
        values=(tuple(path for path, _ in listed), tuple(text for _, text in listed)),
        numbers="row",
    )


def _select_nothing(columns: tuple[Column, ...]) -> str:
    selected = ", ".join(
        f"CAST(NULL AS {_writable_type(column.type)}) AS {quote_identifier(column.name)}"
        for column in columns
    )
    return f"SELECT {selected} WHERE false"


def empty_table_or_none(columns: tuple[Column, ...]) -> str | None:
    """Write the columns of a table without rows, in brackets; None when no table can have them.

    A query over a table is described in two thirds of the time of one over a view.
    """
    names = {column.name.lower() for column in columns}
    if not columns or len(names) < len(columns):
        return None
    listed = (f"{quote_identifier(each.name)} {_writable_type(each.type)}" for each in columns)
    return f"({', '.join(listed)})"


def _writable_type(engine_type: str) -> str:
    """Return a type that a cast can name; the type of a bare NULL cannot be named."""
    return "INTEGER" if engine_type.strip('"').upper() == "NULL" else engine_type


def _select_files(source: FileSource, project_root: str) -> str:
    location = source.location.strip()
    if _CALL.fullmatch(location):
        return f"SELECT * FROM {location}"
    location = location.strip("'")
    _refuse_remote(location)
    reader = _reader_of(location)
    path = location if location.startswith("/") else str(Path(project_root) / location)
    return f"SELECT * FROM {reader}({quote_text(path)}{_options(source.options)})"


def _reader_of(location: str) -> str:
    suffixes = [suffix for suffix in Path(location).suffixes if suffix not in {".gz", ".zst"}]
    reader = _READERS.get(suffixes[-1].lower()) if suffixes else None
    if reader is None:
        raise Invalid(
            "file-format-unknown",
            f"the format of `{location}` is not known",
            why="its name does not end in .parquet, .csv, .tsv, .json, .jsonl or .ndjson",
            fix="write the reader, as in `read_csv('data/export.dat')`",
        )
    return reader


def _options(options: Mapping[str, str]) -> str:
    return "".join(
        f", {quote_identifier(name)}={value if _RAW_OPTION.fullmatch(value) else quote_text(value)}"
        for name, value in options.items()
    )
