"""What a query's shape proves about new rows of its inputs: which of its own rows they can touch.

A value, found by ``sql.find_shape``. Two things may be proved of each place where a table is read.
Its rows may simply add up: the result over more rows is the result so far plus the result over the
new ones. And an output column may be a key: a row of the result depends on those rows of the table
alone that give the same value there, so that a touched value can be computed again by itself.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from headwater.base.relations import TableName

KEY_COLUMNS_MAX = 16
"""How many output columns are taken as a key at most; more would only narrow it further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appending:
    """How the new rows of a result are computed from the new rows of its inputs.

    Attributes:
        changed: Tables of which only the new rows are read.
        emptied: Tables that are read without rows: other branches would give their rows again.
    """

    changed: tuple[TableName, ...]
    emptied: tuple[TableName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a key's value comes from at one occurrence of a table.

    Attributes:
        occurrence: Its number.
        sql: SQL over the table's columns.
        is_constant: No column of the table decides the value.
    """

    occurrence: int
    sql: str
    is_constant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyColumn:
    """An output column by which touched rows can be told.

    Attributes:
        name: Its name.
        origins: Where its value comes from.
    """

    name: str
    origins: tuple[Origin, ...]

    def at_or_none(self, occurrence: int) -> Origin | None:
        """Return where its value comes from at an occurrence; None when it is no key there."""
        return next((one for one in self.origins if one.occurrence == occurrence), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is known of a query's result when its inputs change.

    Attributes:
        words: What was seen, for people: ``filter, join, aggregate by customer_id``.
        refusal: Why nothing can be proved; empty when something can.
        leaves_open: What the query itself leaves open, such as ties of an order: there a rebuild
            may give another row, too.
        tables: The table of each occurrence, by its number.
        settled: Occurrences whose rows do not simply add up.
        branches: Occurrences that are multiplied with each other; the branches are added up.
        keys: Output columns that are keys of at least one occurrence.
    """

    words: str = ""
    refusal: str = ""
    leaves_open: tuple[str, ...] = ()
    tables: tuple[TableName, ...] = ()
    settled: tuple[int, ...] = ()
    branches: tuple[tuple[int, ...], ...] = ()
    keys: tuple[KeyColumn, ...] = ()

    def occurrences(self, tables: AbstractSet[TableName]) -> tuple[int, ...]:
        """Return where some tables are read."""
        return tuple(number for number, table in enumerate(self.tables) if table in tables)

    def key_columns(
        self, changed: AbstractSet[TableName], wanted: tuple[str, ...] = ()
    ) -> tuple[KeyColumn, ...]:
        """Return the columns by which changes of some tables are followed; none when none can be.

        Args:
            changed: Tables whose rows may have changed.
            wanted: Names to take when they all are keys.
        """
        places = self.occurrences(changed)
        keys = tuple(key for key in self.keys if all(map(key.at_or_none, places)))
        found = [[key.at_or_none(place) for place in places] for key in keys]
        if all(origin is None or origin.is_constant for one in found for origin in one):
            return ()
        by_name = {key.name.lower(): key for key in keys}
        if wanted and all(name.lower() in by_name for name in wanted):
            return tuple(by_name[name.lower()] for name in wanted)
        return keys[:KEY_COLUMNS_MAX]

    def appending_or_none(self, changed: AbstractSet[TableName]) -> Appending | None:
        """Return how new rows of some tables become new rows of the result, if they just do."""
        places = set(self.occurrences(changed))
        if places & set(self.settled):
            return None
        touched = [set(branch) for branch in self.branches if places & set(branch)]
        if any(len(branch & places) > 1 for branch in touched):
            return None
        needed = {self.tables[place] for branch in touched for place in branch}
        emptied: set[TableName] = set()
        for branch in self.branches:
            if places & set(branch):
                continue
            spare = [
                self.tables[place]
                for place in branch
                if place not in self.settled and self.tables[place] not in needed
            ]
            if not spare:
                return None
            emptied.add(spare[0])
        return Appending(changed=tuple(sorted(changed)), emptied=tuple(sorted(emptied)))

    def unproved(self, changed: AbstractSet[TableName], wanted: tuple[str, ...] = ()) -> str:
        """Say why changes of some tables cannot be followed; empty when they can."""
        if self.refusal:
            return self.refusal
        if not changed or self.key_columns(changed, wanted):
            return ""
        names = ", ".join(sorted(f"`{table.name}`" for table in changed))
        return f"no output column says which rows a change of {names} touches ({self.words})"
