"""What a name of one, two or three parts means; pure, so that every caller answers alike."""

import re
from collections.abc import Sequence

from headwater.base.errors import Invalid
from headwater.base.relations import TableName

_PART = re.compile(r'(?:"((?:[^"]|"")+)"|([^".]+))(\.(?=.)|$)', re.DOTALL)
_PARTS_MAX = 3


def resolve_among(
    parts: Sequence[str], candidates: Sequence[TableName], catalog: str, schema: str
) -> TableName | None:
    """Choose the candidate that a written name means, or None.

    One part: the current schema first, then the only one elsewhere. Two parts: schema and name,
    the current catalog first. Three parts: exactly that. Case does not matter.

    Raises:
        Invalid: ``relation-ambiguous``.
    """
    wanted = [part.casefold() for part in parts]
    matches = [name for name in candidates if _parts(name)[-len(wanted) :] == wanted]
    if len(wanted) < 3:  # noqa: PLR2004 - a full name has three parts
        missing = [catalog.casefold(), schema.casefold()][: 3 - len(wanted)]
        current = [name for name in matches if _parts(name)[: len(missing)] == missing]
        matches = current or matches
    if len(matches) > 1:
        listed = ", ".join(f"`{name}`" for name in matches)
        raise Invalid(
            "relation-ambiguous",
            f"`{'.'.join(parts)}` means {len(matches)} tables",
            why=f"it could be {listed}",
            fix="write one of them in full",
        )
    return matches[0] if matches else None


def full_name_or_none(text: str, catalog: str, schema: str) -> TableName | None:
    """Return the name of a table to be made; what the text leaves out is the current one.

    None when it is none of ``name``, ``schema.name`` and ``catalog.schema.name``.
    """
    parts = parts_or_none(text)
    if parts is None:
        return None
    return TableName(*(catalog, schema)[: 3 - len(parts)], *parts)


def parts_or_none(text: str) -> tuple[str, ...] | None:
    """Return the one to three parts of a written name, of which each may be quoted as in SQL.

    ``sales."odd.name"`` has two, and a quote inside of quotes is written twice. None when it is no
    name.
    """
    parts: list[str] = []
    rest = text
    while match := _PART.match(rest):
        quoted, bare, dot = match.groups()
        parts.append(bare if quoted is None else quoted.replace('""', '"'))
        rest = rest[match.end() :]
        if not dot:
            break
    is_whole = not rest and not (match and match[3])
    return tuple(parts) if is_whole and 0 < len(parts) <= _PARTS_MAX else None


def _parts(name: TableName) -> list[str]:
    return [name.catalog.casefold(), name.schema.casefold(), name.name.casefold()]
