"""ResultTable: rows of a query as macros expect them, in the shape of the agate library's Table.

Packages were written against agate (``.columns[0].values()``, ``.rows``, ``['table']``), so the
names and the indexing by position or name are its; nothing of the library is needed.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

T = TypeVar("T")


class NamedSequence(Sequence[T]):
    """A tuple whose items can also be taken by name."""

    __slots__ = ("_items", "_names")

    def __init__(self, items: Sequence[T], names: Sequence[str]) -> None:
        self._items = tuple(items)
        self._names = tuple(names)

    @overload
    def __getitem__(self, key: int | str) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[T, ...]: ...
    def __getitem__(self, key: int | str | slice) -> T | tuple[T, ...]:
        if isinstance(key, str):
            if key not in self._names:
                raise KeyError(key)
            return self._items[self._names.index(key)]
        return self._items[key]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(other) == self._items

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._items!r}"

    def keys(self) -> tuple[str, ...]:
        """Return the names."""
        return self._names

    def values(self) -> tuple[T, ...]:
        """Return the items."""
        return self._items

    def items(self) -> tuple[tuple[str, T], ...]:
        """Return names with items."""
        return tuple(zip(self._names, self._items, strict=False))

    def get(self, key: str, default: T | None = None) -> T | None:
        """Return the item of a name, or the default."""
        return self._items[self._names.index(key)] if key in self._names else default

    def dict(self) -> dict[str, T]:
        """Return a dict of names to items."""
        return dict(self.items())


class Row(NamedSequence[object]):
    """One row: values by position, by ``row['name']`` or by ``row.name``."""

    __slots__ = ()


class ResultColumn(NamedSequence[object]):
    """One column of a result.

    Attributes:
        name: Column name.
    """

    __slots__ = ("name",)

    def __init__(self, name: str, values: Sequence[object]) -> None:
        super().__init__(values, ())
        self.name = name

    def values_distinct(self) -> tuple[object, ...]:
        """Return each value once, in the order of first appearance."""
        return tuple(dict.fromkeys(self._items))

    def values_without_nulls(self) -> tuple[object, ...]:
        """Return the values that are not null."""
        return tuple(value for value in self._items if value is not None)


class ResultTable(Sequence[Row]):
    """The rows of a query.

    Attributes:
        column_names: Names, in order.
        rows: Rows, in order.
        columns: Columns by position or name.
    """

    __slots__ = ("column_names", "columns", "rows")

    def __init__(self, column_names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.column_names = tuple(column_names)
        self.rows = tuple(Row(row, self.column_names) for row in rows)
        columns = [
            ResultColumn(name, [row[index] for row in self.rows])
            for index, name in enumerate(self.column_names)
        ]
        self.columns = NamedSequence(columns, self.column_names)

    @overload
    def __getitem__(self, key: int) -> Row: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, key: int | slice) -> Row | tuple[Row, ...]:
        return self.rows[key]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ResultTable)
            and self.column_names == other.column_names
            and self.rows == other.rows
        )

    def __hash__(self) -> int:
        return hash((self.column_names, self.rows))

    def select(self, names: str | Sequence[str]) -> "ResultTable":
        """Return a table of the named columns only."""
        wanted = (names,) if isinstance(names, str) else tuple(names)
        return ResultTable(wanted, [[row[name] for name in wanted] for row in self.rows])

    def rename(
        self,
        column_names: Mapping[str, str] | Sequence[str] | None = None,
        **_options: object,
    ) -> "ResultTable":
        """Return the same rows under other names of columns: a mapping, or all names in order."""
        names = self.column_names
        if isinstance(column_names, Mapping):
            names = tuple(column_names.get(name, name) for name in names)
        elif column_names is not None:
            names = tuple(column_names)
        return ResultTable(names, self.rows)

    def exclude(self, names: str | Sequence[str]) -> "ResultTable":
        """Return a table of all columns but the named ones."""
        left_out = {names} if isinstance(names, str) else set(names)
        return self.select([name for name in self.column_names if name not in left_out])

    def where(self, test: Callable[[Row], object]) -> "ResultTable":
        """Return a table of the rows for which a macro returns something true."""
        return ResultTable(self.column_names, [row for row in self.rows if test(row)])

    def limit(self, start_or_stop: int, stop: int | None = None, step: int = 1) -> "ResultTable":
        """Return a table of some rows, as a slice does."""
        start, end = (0, start_or_stop) if stop is None else (start_or_stop, stop)
        return ResultTable(self.column_names, self.rows[start:end:step])

    def distinct(self, key: str | Sequence[str] | None = None) -> "ResultTable":
        """Return a table of the first row with each value of the named columns, or of all."""
        names = self.column_names if key is None else (key,) if isinstance(key, str) else tuple(key)
        first: dict[tuple[object, ...], Row] = {}
        for row in self.rows:
            first.setdefault(tuple(row[name] for name in names), row)
        return ResultTable(self.column_names, list(first.values()))

    def order_by(self, key: str | Sequence[str], reverse: bool = False) -> "ResultTable":  # noqa: FBT001, FBT002 - agate's signature
        """Return a table ordered by the named columns, nulls last."""
        names = (key,) if isinstance(key, str) else tuple(key)

        def place(row: Row) -> tuple[tuple[bool, Any], ...]:
            values = [row[name] for name in names]
            return tuple((value is None, "" if value is None else value) for value in values)

        rows: list[Row] = sorted(self.rows, key=place, reverse=reverse)
        return ResultTable(self.column_names, rows)

    def group_by(self, key: str, key_name: str | None = None) -> "NamedSequence[ResultTable]":
        """Return a table for each value of a column, by that value, in the order of the rows."""
        del key_name  # how the column is called where the tables are put together again
        groups: dict[Any, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(row[key], []).append(row)
        tables = [ResultTable(self.column_names, rows) for rows in groups.values()]
        return NamedSequence(tables, tuple(groups))

    def print_csv(self, **_options: object) -> str:
        """Return the table as CSV; dbt prints it, here the caller does."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([self.column_names, *self.rows])
        return text.getvalue()

    def print_table(self, max_rows: int = 20, **_options: object) -> str:
        """Return the table as text lines; dbt prints it, here the caller does."""
        lines = [" | ".join(self.column_names)]
        lines += [" | ".join(str(value) for value in row) for row in self.rows[:max_rows]]
        return "\n".join(lines)
