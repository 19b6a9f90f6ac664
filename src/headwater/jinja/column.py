"""ColumnValue: what ``adapter.get_columns_in_relation`` returns inside Jinja, with dbt's methods.

Packages build SQL from these methods, so they answer in the embedded engine's types.
"""

import re

from headwater.base.relations import quote_identifier

_TYPE = re.compile(r"^\s*([A-Za-z_][\w ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$")
_STRINGS = {"text", "character varying", "character", "varchar", "char", "bpchar", "string"}
_FLOATS = {"real", "float4", "float", "double", "float8", "double precision"}
_INTEGERS = {
    "tinyint", "smallint", "integer", "bigint", "hugeint", "int", "int1", "int2", "int4", "int8",
    "int16", "int32", "int64", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint",
    "smallserial", "serial", "bigserial", "serial2", "serial4", "serial8", "long", "short",
}  # fmt: skip
_NUMERICS = {"numeric", "decimal"}
_ALIASES = {
    "string": "TEXT",
    "timestamp": "TIMESTAMP",
    "float": "FLOAT",
    "integer": "INT",
    "boolean": "BOOLEAN",
}


class ColumnValue:
    """A column: its name, its type without arguments, and the arguments.

    Attributes:
        column: Name.
        dtype: Type name without size or precision.
        char_size: Length of a text type, if one is declared.
        numeric_precision: Precision of a decimal type.
        numeric_scale: Scale of a decimal type.
    """

    __slots__ = ("char_size", "column", "dtype", "numeric_precision", "numeric_scale")

    def __init__(
        self,
        column: str,
        dtype: str,
        char_size: int | None = None,
        numeric_precision: int | None = None,
        numeric_scale: int | None = None,
    ) -> None:
        self.column = column
        self.dtype = dtype
        self.char_size = char_size
        self.numeric_precision = numeric_precision
        self.numeric_scale = numeric_scale

    @classmethod
    def create(cls, name: str, label_or_dtype: str) -> "ColumnValue":
        """Make one from a type or from one of dbt's generic labels."""
        return cls(name, cls.translate_type(label_or_dtype))

    @classmethod
    def from_description(cls, name: str, raw_data_type: str) -> "ColumnValue":
        """Make one from a type as the engine writes it: ``DECIMAL(12,2)``."""
        match = _TYPE.match(raw_data_type)
        if match is None:
            return cls(name, raw_data_type)
        dtype, first, second = match[1], match[2], match[3]
        if first is None:
            return cls(name, dtype)
        if dtype.lower() in _NUMERICS:
            return cls(name, dtype, None, int(first), int(second or 0))
        return cls(name, dtype, int(first))

    @staticmethod
    def translate_type(dtype: str) -> str:
        """Turn one of dbt's generic labels into a type; other text stays."""
        return _ALIASES.get(dtype.lower(), dtype)

    @staticmethod
    def string_type(size: int | None = None) -> str:
        """Return the type of text of at most ``size`` characters."""
        return f"character varying({size})" if size else "character varying"

    @staticmethod
    def numeric_type(dtype: str, precision: object, scale: object) -> str:
        """Return a decimal type."""
        return dtype if precision is None or scale is None else f"{dtype}({precision},{scale})"

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column

    @property
    def quoted(self) -> str:
        """The name, quoted."""
        return quote_identifier(self.column)

    @property
    def data_type(self) -> str:
        """The type with its arguments."""
        if self.is_string() and self.char_size is not None:
            return self.string_type(self.char_size)
        if self.is_numeric():
            return self.numeric_type(self.dtype, self.numeric_precision, self.numeric_scale)
        return self.dtype

    def is_string(self) -> bool:
        """Whether it holds text."""
        return self.dtype.lower() in _STRINGS

    def is_float(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.dtype.lower() in _FLOATS

    def is_integer(self) -> bool:
        """Whether it holds integers."""
        return self.dtype.lower() in _INTEGERS

    def is_numeric(self) -> bool:
        """Whether it holds decimals."""
        return self.dtype.lower() in _NUMERICS

    def is_number(self) -> bool:
        """Whether it holds numbers of any kind."""
        return self.is_float() or self.is_integer() or self.is_numeric()

    def string_size(self) -> int:
        """Return the declared length, 256 when there is none.

        Raises:
            ValueError: The column does not hold text.
        """
        if not self.is_string():
            message = f"string_size() of column {self.column}, which is {self.dtype}"
            raise ValueError(message)
        return 256 if self.char_size is None else self.char_size

    def can_expand_to(self, other_column: "ColumnValue") -> bool:
        """Whether this text column can become as long as another."""
        if not self.is_string() or not other_column.is_string():
            return False
        return other_column.string_size() > self.string_size()

    def literal(self, value: object) -> str:
        """Return a literal of this column's type."""
        return f"{value}::{self.data_type}"

    def __repr__(self) -> str:
        return f"<Column {self.name} ({self.data_type})>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ColumnValue) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))
