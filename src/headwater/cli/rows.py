"""Rows of a query as text, JSON or CSV."""

import csv
import io
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from headwater.base.codec import encode_pretty
from headwater.base.relations import Column
from headwater.cli.output import emit, emit_json

_CELL_CHARACTERS_MAX = 60


def emit_rows(
    columns: tuple[Column, ...], rows: tuple[tuple[object, ...], ...], output: str, *, more: bool
) -> None:
    """Write rows to stdout.

    Args:
        columns: Result columns.
        rows: Rows of Python values.
        output: ``text``, ``json`` or ``csv``.
        more: Whether rows were left out; said on stderr for text and CSV.
    """
    match output:
        case "json":
            emit_json(encode_pretty(sql_document(columns, rows, truncated=more)))
        case "csv":
            emit(_csv(columns, rows))
        case _:
            emit(table_text(columns, rows))
    if more and output != "json":
        print(f"only the first {len(rows)} rows are shown (--limit)", file=sys.stderr)


def sql_document(
    columns: tuple[Column, ...], rows: tuple[tuple[object, ...], ...], *, truncated: bool
) -> dict[str, object]:
    """Make the ``headwater.sql/1`` document."""
    return {
        "schema": "headwater.sql/1",
        "columns": [{"name": column.name, "type": column.type} for column in columns],
        "rows": [[json_value(value) for value in row] for row in rows],
        "truncated": truncated,
    }


def json_value(value: object) -> object:  # noqa: PLR0911 - one return a type
    """Turn a Python value into JSON without losing digits: decimals and big numbers are text."""
    match value:
        case None | bool() | str():
            return value
        case int():
            # 2**53: beyond it JSON readers that use doubles change the number.
            return value if abs(value) <= 2**53 else str(value)
        case float():
            return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124 - NaN
        case Decimal():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes():
            return value.hex()
        case dict():
            return {str(key): json_value(part) for key, part in value.items()}
        case list() | tuple():
            return [json_value(part) for part in value]
        case _:
            return str(value)


def _csv(columns: tuple[Column, ...], rows: tuple[tuple[object, ...], ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in columns)
    writer.writerows(["" if value is None else json_value(value) for value in row] for row in rows)
    return text.getvalue()


def table_text(columns: tuple[Column, ...], rows: tuple[tuple[object, ...], ...]) -> str:
    """Write rows as a table for people, with their number below."""
    cells = [[_cell(value) for value in row] for row in rows]
    heads = [column.name for column in columns]
    widths = [
        max([len(head), *(len(row[place]) for row in cells)]) for place, head in enumerate(heads)
    ]
    right = [
        all(isinstance(row[place], (int, float, Decimal, type(None))) for row in rows)
        for place in range(len(heads))
    ]
    lines = [_line(heads, widths, right), _line(["-" * width for width in widths], widths, right)]
    lines += [_line(row, widths, right) for row in cells]
    return "\n".join([*lines, f"({len(rows)} row{'' if len(rows) == 1 else 's'})"])


def _line(cells: list[str], widths: list[int], right: list[bool]) -> str:
    padded = (
        cell.rjust(width) if on_right else cell.ljust(width)
        for cell, width, on_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    text = str(json_value(value)).replace("\n", "\\n").replace("\r", "\\r").replace("\x1b", "\\e")
    return text if len(text) <= _CELL_CHARACTERS_MAX else text[: _CELL_CHARACTERS_MAX - 1] + "…"
