"""ColumnValue: what ``adapter.get_columns_in_relation`` returns inside Jinja, with dbt's methods.

Packages build SQL from these methods, so they answer in the warehouse's types.
"""

import re

from headwater.base.warehouses import DUCKDB, Warehouse

_TYPE = re.compile(r"^\s*([A-Za-z_][\w ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$")


class ColumnValue:
    """A column: its name, its type without arguments, and the arguments.

    Attributes:
        column: Name.
        dtype: Type name without size or precision.
        char_size: Length of a text type, if one is declared.
        numeric_precision: Precision of a decimal type.
        numeric_scale: Scale of a decimal type.
    """

    __slots__ = (
        "_warehouse",
        "char_size",
        "column",
        "dtype",
        "numeric_precision",
        "numeric_scale",
    )

    def __init__(
        self,
        column: str,
        dtype: str,
        char_size: int | None = None,
        numeric_precision: int | None = None,
        numeric_scale: int | None = None,
        *,
        warehouse: Warehouse = DUCKDB,
    ) -> None:
        self._warehouse = warehouse
        self.column = column
        self.dtype = dtype
        self.char_size = char_size
        self.numeric_precision = numeric_precision
        self.numeric_scale = numeric_scale

    def translate_type(self, dtype: str) -> str:
        """Turn one of dbt's generic labels into a type; other text stays."""
        return translate_type(self._warehouse, dtype)

    def string_type(self, size: int | None = None) -> str:
        """Return the type of text of at most ``size`` characters."""
        return string_type(self._warehouse, size)

    def numeric_type(self, dtype: str, precision: object, scale: object) -> str:
        """Return a decimal type."""
        return numeric_type(self._warehouse, dtype, precision, scale)

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column

    @property
    def quoted(self) -> str:
        """The name, quoted."""
        return self._warehouse.quote(self.column)

    @property
    def data_type(self) -> str:
        """The type with its arguments."""
        words = self._warehouse.words
        if not words.shows_arguments:
            return self.dtype
        if self.is_string():
            is_sizeless = not words.shows_size or self.dtype.lower() in words.sizeless
            if self.char_size is None and is_sizeless:
                return self.dtype
            return self.string_type(self.string_size())
        if self.is_numeric():
            return self.numeric_type(self.dtype, self.numeric_precision, self.numeric_scale)
        return self.dtype

    @property
    def expanded_data_type(self) -> str:
        """The type with its arguments; a warehouse's collations are not known here."""
        return self.data_type

    def is_string(self) -> bool:
        """Whether it holds text."""
        return self.dtype.lower() in self._warehouse.words.strings

    def is_float(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.dtype.lower() in self._warehouse.words.floats

    def is_integer(self) -> bool:
        """Whether it holds integers."""
        return self.dtype.lower() in self._warehouse.words.integers

    def is_numeric(self) -> bool:
        """Whether it holds decimals."""
        return self.dtype.lower() in self._warehouse.words.numerics

    def is_number(self) -> bool:
        """Whether it holds numbers of any kind."""
        return self.is_float() or self.is_integer() or self.is_numeric()

    def string_size(self) -> int:
        """Return the declared length, the warehouse's own when there is none.

        Raises:
            ValueError: The column does not hold text.
        """
        if not self.is_string():
            message = f"string_size() of column {self.column}, which is {self.dtype}"
            raise ValueError(message)
        default = self._warehouse.words.default_size
        return default if self.char_size is None else self.char_size

    def can_expand_to(self, other_column: "ColumnValue") -> bool:
        """Whether this text column can become as long as another."""
        if not self.is_string() or not other_column.is_string():
            return False
        return other_column.string_size() > self.string_size()

    def literal(self, value: object) -> str:
        """Return a literal of this column's type."""
        return self._warehouse.words.literal.format(value=value, type=self.data_type)

    def __repr__(self) -> str:
        return f"<Column {self.name} ({self.data_type})>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ColumnValue) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class ColumnKind:
    """``api.Column``: makes the columns of one warehouse, and knows its types."""

    __slots__ = ("_warehouse",)

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def __call__(self, *positional: object, **named: object) -> ColumnValue:
        """Make a column: dbt's ``api.Column(name, type)``."""
        return ColumnValue(*positional, **named, warehouse=self._warehouse)  # type: ignore[arg-type] # a macro's own arguments

    def create(self, name: str, label_or_dtype: str) -> ColumnValue:
        """Make one from a type or from one of dbt's generic labels."""
        return ColumnValue(name, self.translate_type(label_or_dtype), warehouse=self._warehouse)

    def from_description(self, name: str, raw_data_type: str) -> ColumnValue:
        """Make one from a type as the warehouse writes it: ``DECIMAL(12,2)``."""
        match = _TYPE.match(raw_data_type)
        if match is None or match[2] is None or not self._warehouse.words.shows_arguments:
            dtype = raw_data_type if match is None or match[2] is not None else match[1]
            return ColumnValue(name, dtype, warehouse=self._warehouse)
        dtype, first, second = match[1], match[2], match[3]
        if dtype.lower() in self._warehouse.words.numerics:
            precision, scale = int(first), int(second or 0)
            return ColumnValue(name, dtype, None, precision, scale, warehouse=self._warehouse)
        return ColumnValue(name, dtype, int(first), warehouse=self._warehouse)

    def translate_type(self, dtype: str) -> str:
        """Turn one of dbt's generic labels into a type; other text stays."""
        return translate_type(self._warehouse, dtype)

    def string_type(self, size: int | None = None) -> str:
        """Return the type of text of at most ``size`` characters."""
        return string_type(self._warehouse, size)

    def numeric_type(self, dtype: str, precision: object, scale: object) -> str:
        """Return a decimal type."""
        return numeric_type(self._warehouse, dtype, precision, scale)


def translate_type(warehouse: Warehouse, dtype: str) -> str:
    """Turn one of dbt's generic labels into a warehouse's type; other text stays."""
    found = warehouse.words.labels.get(dtype.upper(), dtype)
    return found.lower() if warehouse.words.lower else found


def string_type(warehouse: Warehouse, size: int | None) -> str:
    """Return a warehouse's type of text of at most ``size`` characters."""
    if size:
        return warehouse.words.sized_text.format(size=size)
    return warehouse.words.sized_text.partition("(")[0]


def numeric_type(warehouse: Warehouse, dtype: str, precision: object, scale: object) -> str:
    """Return a warehouse's decimal type."""
    name = warehouse.words.numeric or dtype
    if precision is None or scale is None or not warehouse.words.has_precision:
        return name
    return f"{name}({precision},{scale})"
