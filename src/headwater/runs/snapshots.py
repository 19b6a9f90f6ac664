"""SQL of dbt snapshots: the table's next state, old versions closed and new ones added.

The columns are dbt's: ``dbt_scd_id``, ``dbt_updated_at``, ``dbt_valid_from``, ``dbt_valid_to``
(null for the current version of a key), and ``dbt_is_deleted`` with ``hard_deletes: new_record``.
The tree of the user's query is not touched, it is a subquery.
"""

# ruff: noqa: S608 - names are quoted and literals ours; the user's query is a subquery as it is

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.base.errors import Invalid
from headwater.base.relations import Column, quote_identifier
from headwater.plan.plan import TakeSnapshot

IS_STORED = "__headwater_is_stored"
"""Column of ``changes_sql``: the row is in the table, and is otherwise afterwards."""

_NAME = re.compile(r"[^\W\d]\w*")


def snapshot_sql(
    step: TakeSnapshot,
    query: Sequence[Column],
    stored: Sequence[Column] | None,
    now: datetime,
) -> str:
    """Write the query that gives the snapshot table's next state.

    Args:
        step: The step.
        query: Columns of the step's query.
        stored: Columns of the table as it is; None when there is none.
        now: Time of this snapshot, UTC.

    Raises:
        Invalid: ``snapshot-column-missing``.
    """
    _check_columns(step, query)
    key = _key_of(step, query)
    moment = f"CAST('{now:%Y-%m-%d %H:%M:%S.%f}' AS TIMESTAMP)"
    if stored is None:
        first = f"WITH {_seen(step, key, moment, query)}\n{_first_versions(step, key, 'hw_seen')}"
        return _as_stored(step, query, first)
    parts = _parts(step, key, query, stored, moment)
    rows = ["SELECT * FROM hw_kept", *_new_rows(step, key, moment)]
    return _as_stored(step, query, _whole(parts, rows))


def changes_sql(
    step: TakeSnapshot, query: Sequence[Column], stored: Sequence[Column], now: datetime
) -> str:
    """Write the query of what the table's next state has otherwise than the table.

    Every stored row whose id a change closes is among it as it is afterwards, marked by
    ``IS_STORED``: the rows of these ids are all replaced, and no others.

    Args:
        step: The step.
        query: Columns of the step's query.
        stored: Columns of the table as it is.
        now: Time of this snapshot, UTC.

    Raises:
        Invalid: ``snapshot-column-missing``.
    """
    _check_columns(step, query)
    key = _key_of(step, query)
    moment = f"CAST('{now:%Y-%m-%d %H:%M:%S.%f}' AS TIMESTAMP)"
    parts = _parts(step, key, query, stored, moment)
    closed = f"SELECT * FROM hw_kept WHERE dbt_scd_id IN ({_closed_ids(step)})"
    rows = [
        f"SELECT *, true AS {IS_STORED} FROM ({closed})",
        *(f"SELECT *, false AS {IS_STORED} FROM ({new})" for new in _new_rows(step, key, moment)),
    ]
    return _as_stored(step, query, _whole(parts, rows))


def id_column(step: TakeSnapshot) -> str:
    """Return the name of the column with the ids of versions."""
    return step.meta_columns.get("dbt_scd_id", "dbt_scd_id")


def _closed_ids(step: TakeSnapshot) -> str:
    """Write the ids of the rows that are otherwise afterwards."""
    found = (
        "SELECT hw_closes FROM hw_changed WHERE hw_closes IS NOT NULL"
        " UNION SELECT dbt_scd_id FROM hw_gone"
    )
    if not step.valid_to_current:
        return found
    # Rows from before the config said how current versions end.
    end = quote_identifier(step.meta_columns.get("dbt_valid_to", "dbt_valid_to"))
    own = f"SELECT {quote_identifier(id_column(step))} FROM {step.target.relation.quoted()}"
    return f"{found} UNION {own} WHERE {end} IS NULL"


def _parts(
    step: TakeSnapshot,
    key: "_Key",
    query: Sequence[Column],
    stored: Sequence[Column],
    moment: str,
) -> tuple[str, ...]:
    usual = {name.lower(): key for key, name in step.meta_columns.items()}
    _check_stored(step, {column.name.lower() for column in stored})
    names = {usual.get(column.name.lower(), column.name.lower()) for column in stored}
    return (
        _stored(step, names),
        _seen(step, key, moment, query),
        _changed(step, key, query, names),
        _gone(step, key, names),
        _kept(moment),
    )


def _new_rows(step: TakeSnapshot, key: "_Key", moment: str) -> tuple[str, ...]:
    """Write the versions that are new, and the records of deletions."""
    records = (_deletion_records(key, moment),) if step.hard_deletes == "new_record" else ()
    return (_first_versions(step, key, "hw_changed", drop="hw_closes"), *records)


def _whole(parts: Sequence[str], rows: Sequence[str]) -> str:
    return "WITH " + ",\n".join(parts) + "\n" + "\nUNION ALL BY NAME\n".join(rows)


def _stored(step: TakeSnapshot, names: set[str]) -> str:
    """Write the table as it is, with dbt's usual names and null as the end of current versions."""
    renamed = ", ".join(
        f"{quote_identifier(name)} AS {key}"
        for key, name in step.meta_columns.items()
        if key in names
    )
    rows = f"SELECT *{f' RENAME ({renamed})' if renamed else ''} FROM " + (
        step.target.relation.quoted()
    )
    if step.valid_to_current:
        rows = (
            f"SELECT * REPLACE (nullif(dbt_valid_to, {step.valid_to_current}) AS dbt_valid_to)\n"
            f"  FROM ({rows})"
        )
    return f"hw_stored AS (\n  {rows}\n)"


def _as_stored(step: TakeSnapshot, query: Sequence[Column], rows: str) -> str:
    """Write rows under the names, and with the end of current versions, that are asked for."""
    if step.valid_to_current:
        updated = step.updated_at.lower()
        kinds = (column.type for column in query if updated and column.name.lower() == updated)
        end = f"coalesce(dbt_valid_to, {step.valid_to_current})"
        end = f"CAST({end} AS {next(kinds, 'TIMESTAMP')})"
        rows = f"SELECT * REPLACE ({end} AS dbt_valid_to) FROM (\n{rows}\n)"
    wanted = step.meta_columns.items()
    renamed = ", ".join(
        f"{key} AS {quote_identifier(name)}"
        for key, name in wanted
        if key != "dbt_is_deleted" or step.hard_deletes == "new_record"
    )
    return f"SELECT * RENAME ({renamed}) FROM (\n{rows}\n)" if renamed else rows


def _check_stored(step: TakeSnapshot, stored: set[str]) -> None:
    """Refuse a table whose history is kept under other names.

    Raises:
        Invalid: ``snapshot-column-missing``.
    """
    needed = [
        step.meta_columns.get(key, key) for key in ("dbt_scd_id", "dbt_valid_from", "dbt_valid_to")
    ]
    missing = [name for name in needed if name.lower() not in stored]
    if missing:
        raise Invalid(
            "snapshot-column-missing",
            f"the table of snapshot `{step.name}` has no column `{missing[0]}`",
            why="its history was stored under other names than snapshot_meta_column_names says",
            fix="keep the names that it was first taken with, or take it anew into another table",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """The key of a snapshot's rows, in SQL.

    Attributes:
        names: Quoted columns that hold its parts.
        computed: Columns that a SELECT adds for parts that are expressions, each after a comma.
        hidden: Their names, which are not stored.
    """

    names: tuple[str, ...]
    computed: str
    hidden: tuple[str, ...]

    @property
    def is_same(self) -> str:
        """The condition that a stored row and a seen one have the same key."""
        return " AND ".join(f"stored.{name} = seen.{name}" for name in self.names)


def _key_of(step: TakeSnapshot, query: Sequence[Column]) -> _Key:
    """Read the parts of the key: a column of the query, or an expression over its columns."""
    known = {column.name.lower() for column in query}
    expressions = {
        part: f"hw_key_{position}"
        for position, part in enumerate(step.unique_key)
        if part.lower() not in known
    }
    return _Key(
        names=tuple(expressions.get(part) or quote_identifier(part) for part in step.unique_key),
        computed="".join(f", ({part}) AS {name}" for part, name in expressions.items()),
        hidden=tuple(expressions.values()),
    )


def _changed(step: TakeSnapshot, key: _Key, query: Sequence[Column], stored: set[str]) -> str:
    """Write what is new or has changed, with the version that it closes."""
    return f"""hw_current AS (
  SELECT *{key.computed} FROM hw_stored WHERE dbt_valid_to IS NULL
),
hw_changed AS (
  SELECT seen.*, stored.dbt_scd_id AS hw_closes
  FROM hw_seen AS seen LEFT JOIN hw_current AS stored ON {key.is_same}
  WHERE stored.dbt_scd_id IS NULL OR ({_is_changed(step, query, stored)})
)"""


def _gone(step: TakeSnapshot, key: _Key, stored: set[str]) -> str:
    """Write the current versions whose key has left the source."""
    return f"""hw_gone AS (
  SELECT stored.* FROM hw_current AS stored
  WHERE {_is_gone(step, stored)} NOT EXISTS (SELECT 1 FROM hw_seen AS seen WHERE {key.is_same})
)"""


def _seen(step: TakeSnapshot, key: _Key, moment: str, query: Sequence[Column]) -> str:
    updated = _time_of(step, query) or moment
    scd_id = step.scd_id or _hash([*key.names, "hw_updated_at"])
    return (
        f"hw_query AS (\n{step.sql}\n),\n"
        f"hw_stamped AS (SELECT *, {updated} AS hw_updated_at{key.computed} FROM hw_query),\n"
        f"hw_seen AS (SELECT *, {scd_id} AS hw_scd_id FROM hw_stamped)"
    )


def _time_of(step: TakeSnapshot, query: Sequence[Column]) -> str:
    """Write the time of a row: a column of the query, or an expression over its columns."""
    if any(column.name.lower() == step.updated_at.lower() for column in query):
        return quote_identifier(step.updated_at)
    return f"({step.updated_at})" if step.updated_at else ""


def _hash(parts: Sequence[str]) -> str:
    """Write dbt's hash of a row's key and time."""
    joined = " || '|' || ".join(f"coalesce(cast({part} AS VARCHAR), '')" for part in parts)
    return f"md5({joined})"


def _first_versions(step: TakeSnapshot, key: _Key, source: str, drop: str = "") -> str:
    hidden = ", ".join(filter(None, ["hw_updated_at", "hw_scd_id", drop, *key.hidden]))
    deleted = ", 'False' AS dbt_is_deleted" if step.hard_deletes == "new_record" else ""
    return (
        f"SELECT * EXCLUDE ({hidden}), hw_scd_id AS dbt_scd_id,\n"
        "  hw_updated_at AS dbt_updated_at, hw_updated_at AS dbt_valid_from,\n"
        f"  nullif(hw_updated_at, hw_updated_at) AS dbt_valid_to{deleted}\nFROM {source}"
    )


def _is_changed(step: TakeSnapshot, query: Sequence[Column], stored: set[str]) -> str:
    came_back = ["stored.dbt_is_deleted = 'True'"] if "dbt_is_deleted" in stored else []
    if step.row_changed:
        return " OR ".join([f"({step.row_changed})", *came_back])
    if step.strategy == "timestamp":
        return " OR ".join(["stored.dbt_valid_from < seen.hw_updated_at", *came_back])
    checked = step.check_columns or tuple(column.name for column in query)
    tests = [
        f"stored.{quote_identifier(name)} IS DISTINCT FROM seen.{quote_identifier(name)}"
        if name.lower() in stored
        else "TRUE"
        for name in checked
        if name not in step.unique_key
    ]
    return " OR ".join([*tests, *came_back]) or "FALSE"


def _is_gone(step: TakeSnapshot, stored: set[str]) -> str:
    if step.hard_deletes == "ignore":
        return "FALSE AND"
    return "stored.dbt_is_deleted = 'False' AND" if "dbt_is_deleted" in stored else ""


def _kept(moment: str) -> str:
    """Write every stored version, those that are no longer current closed."""
    return f"""hw_kept AS (
  SELECT stored.* REPLACE (CASE
    WHEN changed.hw_closes IS NOT NULL THEN changed.hw_updated_at
    WHEN gone.dbt_scd_id IS NOT NULL THEN {moment}
    ELSE stored.dbt_valid_to END AS dbt_valid_to)
  FROM hw_stored AS stored
  LEFT JOIN hw_changed AS changed
    ON stored.dbt_scd_id = changed.hw_closes AND stored.dbt_valid_to IS NULL
  LEFT JOIN hw_gone AS gone
    ON stored.dbt_scd_id = gone.dbt_scd_id AND stored.dbt_valid_to IS NULL
)"""


def _deletion_records(key: _Key, moment: str) -> str:
    hidden = f"EXCLUDE ({', '.join(key.hidden)}) " if key.hidden else ""
    scd_id = _hash([*key.names, moment])
    return (
        f"SELECT * {hidden}REPLACE ({scd_id} AS dbt_scd_id, {moment} AS dbt_updated_at,\n"
        f"  {moment} AS dbt_valid_from, NULL AS dbt_valid_to,\n"
        "  'True' AS dbt_is_deleted)\nFROM hw_gone"
    )


def _check_columns(step: TakeSnapshot, query: Sequence[Column]) -> None:
    known = {column.name.lower() for column in query}
    # What does not look like a name is an expression, which the engine reads.
    named = [part for part in (*step.unique_key, step.updated_at) if _NAME.fullmatch(part)]
    wanted = [*named, *step.check_columns]
    missing = [name for name in wanted if name.lower() not in known]
    if missing or not step.unique_key:
        raise Invalid(
            "snapshot-column-missing",
            f"snapshot `{step.name}` needs {', '.join(f'`{n}`' for n in missing) or 'unique_key'}",
            why=f"its query gives {', '.join(f'`{column.name}`' for column in query)}",
            fix="name columns of the query in unique_key, updated_at and check_cols",
        )
