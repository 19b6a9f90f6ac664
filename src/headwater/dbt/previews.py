"""What ``show`` and ``compile`` answer: rows or SQL of a node, as dbt's events have them.

They are the answer to the command, so that they are told even when it shall be quiet.
"""

import json
from dataclasses import dataclass
from decimal import Decimal

from headwater.cli.rows import json_value, table_text
from headwater.dbt.events import Teller
from headwater.engines.engine import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Of what rows or SQL are told.

    Attributes:
        name: The node's name, with its version.
        unique_id: The node; empty for a query of the command line.
        output: ``text`` or ``json``.
    """

    name: str
    unique_id: str
    output: str

    @property
    def is_inline(self) -> bool:
        """True for a query of the command line."""
        return not self.unique_id

    def of(self, what: str) -> str:
        """Return the words before a text: ``Previewing node 'orders':``."""
        return f"{what} inline node" if self.is_inline else f"{what} node '{self.name}'"


def tell_rows(teller: Teller, preview: Preview, result: Result) -> None:
    """Tell the rows of a node's query."""
    names = [column.name for column in result.columns]
    rows = [
        {name: _json(value) for name, value in zip(names, row, strict=True)} for row in result.rows
    ]
    if preview.output == "json":
        msg = _document(preview, show=rows)
        shown = json.dumps(rows)
    else:
        shown = table_text(result.columns, result.rows)
        msg = shown if teller.is_quiet else f"{preview.of('Previewing')}:\n{shown}"
    teller.tell("ShowNode", "Q041", msg, preview=shown, **_fields(preview))


def tell_sql(teller: Teller, preview: Preview, sql: str) -> None:
    """Tell the compiled SQL of a node."""
    if preview.output == "json":
        msg = _document(preview, compiled=sql)
    else:
        msg = sql if teller.is_quiet else f"{preview.of('Compiled')} is:\n{sql}"
    teller.tell("CompiledNode", "Q042", msg, compiled=sql, **_fields(preview))


def _fields(preview: Preview) -> dict[str, object]:
    return {
        "node_name": preview.name,
        "is_inline": preview.is_inline,
        "output_format": preview.output,
        "unique_id": preview.unique_id,
    }


def _document(preview: Preview, **answer: object) -> str:
    node = {} if preview.is_inline else {"node": preview.name}
    return json.dumps({**node, **answer}, indent=2)


def _json(value: object) -> object:
    """Write a value as dbt's previews do, which have decimals as numbers."""
    return float(value) if isinstance(value, Decimal) and value.is_finite() else json_value(value)
