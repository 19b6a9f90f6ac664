"""What a name of one, two or three parts means; pure, so that every caller answers alike."""

from collections.abc import Sequence

from headwater.base.errors import Invalid
from headwater.base.relations import TableName


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
    parts = text.replace('"', "").split(".")
    if len(parts) > 3 or not all(parts):  # noqa: PLR2004 - a full name has three parts
        return None
    return TableName(*(catalog, schema)[: 3 - len(parts)], *parts)


def _parts(name: TableName) -> list[str]:
    return [name.catalog.casefold(), name.schema.casefold(), name.name.casefold()]
