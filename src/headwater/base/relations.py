"""Names of tables and columns: the words on which both wings agree."""

import re
from dataclasses import dataclass, replace

_PINNED = re.compile(r"(?P<name>.+)@v(?P<version>\d+)")


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A three-part name; how the lake, the metastore and compiled SQL address one table or view."""

    catalog: str
    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.name}"

    def at_version(self, version: int) -> "TableName":
        """Return the name of one version of this table: ``name@v3``."""
        return replace(self, name=f"{self.name}@v{version}")

    def without_version(self) -> tuple["TableName", int | None]:
        """Split ``name@v3`` into the table's name and the version; None for a bare name."""
        found = _PINNED.fullmatch(self.name)
        if found is None:
            return self, None
        return replace(self, name=found["name"]), int(found["version"])

    def quoted(self) -> str:
        """Return the name as SQL, each part quoted: ``"catalog"."schema"."name"``."""
        return ".".join(quote_identifier(part) for part in (self.catalog, self.schema, self.name))


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its SQL type.

    Attributes:
        name: As written by the table's author; compared without case.
        type: The embedded engine's spelling, upper case, for example ``DECIMAL(12,2)``.
        nullable: False only where the table's schema forbids nulls.
    """

    name: str
    type: str
    nullable: bool = True


def quote_identifier(name: str) -> str:
    """Quote one identifier for SQL; a double quote inside is doubled."""
    return '"' + name.replace('"', '""') + '"'


def unquoted(name: str) -> str:
    """Return the name that an identifier means, written with quotes or without."""
    if len(name) > 2 and name[0] == name[-1] == '"':  # noqa: PLR2004 - two quotes and a name
        return name[1:-1].replace('""', '"')
    return name


def parse_table_name(text: str) -> TableName:
    """Read ``catalog.schema.name`` (no quotes, no dots inside parts).

    Raises:
        ValueError: The text does not have three parts.
    """
    parts = text.split(".")
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - three parts is the definition
        message = f"a table name has three parts, catalog.schema.name; got {text!r}"
        raise ValueError(message)
    return TableName(*parts)
