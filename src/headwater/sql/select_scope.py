"""Names inside one SELECT for the finding of shapes: what a column means, and what decides it.

As ``sql.scope``, but for origins instead of traces, and only as far as a name is plain: whatever
is not understood has no origin, which proves nothing and so is safe.
"""

from dataclasses import dataclass, field

from sqlglot import exp

from headwater.sql.keyed import Cell, Keyed, Origins
from headwater.sql.types import canonical_type

ALIAS_DEPTH_MAX = 20
"""How many aliases of the same SELECT an expression is followed through."""

ORIGIN_NODES_MAX = 200
"""Nodes of an expression up to which it is kept as an origin."""

_NOT_PLAIN = (
    exp.Query,
    exp.AggFunc,
    exp.Window,
    exp.Star,
    exp.Unnest,
    exp.Explode,
    exp.Lambda,
    exp.Placeholder,
    exp.Parameter,
)


@dataclass(slots=True, kw_only=True)
class Entry:
    """One entry of a FROM clause.

    Attributes:
        name: What it is called, lower case.
        cells: Its columns by lower-case name.
        is_filter: The right side of a semi or anti join, which no star shows.
        merged: Columns that USING merged into an earlier entry's.
    """

    name: str
    cells: dict[str, Cell]
    is_filter: bool = False
    merged: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class SelectScope:
    """What names mean in one SELECT.

    Attributes:
        rows: What its FROM clause gives so far, without columns.
        entries: Entries of the FROM clause.
        aliases: Expressions of the select list by lower-case alias.
    """

    rows: Keyed = field(default_factory=Keyed)
    entries: list[Entry] = field(default_factory=list)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)

    def cell_or_none(self, column: exp.Column) -> tuple[str, Cell] | None:
        """Return what a name means, and a text that tells it from others; None when unclear."""
        name, qualifier = column.name.lower(), column.table.lower()
        found = [
            (f"{place}.{name}", entry.cells[name])
            for place, entry in enumerate(self.entries)
            if qualifier in {"", entry.name}
            and name in entry.cells
            and (qualifier or not (entry.is_filter or name in entry.merged))
        ]
        return found[0] if len(found) == 1 else None

    def expanded(self, node: exp.Expr, depth: int = ALIAS_DEPTH_MAX) -> exp.Expr:
        """Replace the aliases of the select list in an expression by what they stand for."""
        made = node.copy()
        for column in list(made.find_all(exp.Column)):
            if column.table or self.cell_or_none(column) is not None:
                continue
            body = self.aliases.get(column.name.lower())
            if body is None or not depth:
                continue
            bracketed = exp.Paren(this=self.expanded(body, depth - 1))
            if column is made:
                return bracketed
            column.replace(bracketed)
        return made

    def text(self, node: exp.Expr) -> str:
        """Write an expanded expression so that equal texts mean equal values in every row."""
        made = _unnested(node).copy()
        for column in list(made.find_all(exp.Column)):
            found = self.cell_or_none(column)
            name = f"?{column.sql(dialect='duckdb')}" if found is None else found[0]
            plain = exp.Column(this=exp.Identifier(this=name, quoted=True))
            if column is made:
                return str(plain.sql(dialect="duckdb"))
            column.replace(plain)
        return str(made.sql(dialect="duckdb"))

    def is_decided_by(self, node: exp.Expr, parts: frozenset[str]) -> bool:
        """Say whether an expanded expression has one value for each value of the parts' texts."""
        if self.text(node) in parts:
            return True
        if _is_opaque(node):
            return False
        return all(self.text(column) in parts for column in node.find_all(exp.Column))

    def origins(self, node: exp.Expr) -> Origins:
        """Return where an expanded expression comes from."""
        plain = _unnested(node)
        if isinstance(plain, exp.Column):
            found = self.cell_or_none(plain)
            return {} if found is None else dict(found[1].origins)
        if _is_opaque(plain) or sum(1 for _ in plain.walk()) > ORIGIN_NODES_MAX:
            return {}
        cells = [self.cell_or_none(column) for column in plain.find_all(exp.Column)]
        places = set(self.rows.tables)
        for found in cells:
            places &= set() if found is None else set(found[1].origins)
        return {place: self._at(plain, place) for place in places}

    def _at(self, node: exp.Expr, place: int) -> exp.Expr:
        made = node.copy()
        for column in list(made.find_all(exp.Column)):
            found = self.cell_or_none(column)
            if found is not None:
                column.replace(exp.Paren(this=found[1].origins[place].copy()))
        return made

    def type_of(self, node: exp.Expr) -> str:
        """Return the type of an expanded expression where it is plain to see; else empty."""
        plain = _unnested(node)
        if isinstance(plain, exp.Column):
            found = self.cell_or_none(plain)
            return "" if found is None else found[1].type
        if isinstance(plain, exp.Cast) and not isinstance(plain, exp.TryCast):
            return canonical_type(plain.to.sql(dialect="duckdb"))
        return ""


def _unnested(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _is_opaque(node: exp.Expr) -> bool:
    return any(isinstance(part, _NOT_PLAIN) for part in node.walk())
