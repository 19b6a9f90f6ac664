"""Snapshots declared in properties files, and whose strategy a snapshot means.

Apart from snapshots in SQL files, which are texts like others.
"""

from headwater.jinja.macros import MacroIndex
from headwater.project.capture import Text
from headwater.project.files import ProjectFile, folders_of
from headwater.project.findings import wrong_shape
from headwater.project.models import add_text_node
from headwater.project.reading import Reading


def own_strategy_or_none(index: MacroIndex, package: str, strategy: str) -> str | None:
    """Return the macro of the project or a package for a strategy, as it is called.

    Args:
        index: All macros.
        package: The snapshot's package.
        strategy: As configured: ``name``, or ``package.name``.
    """
    namespace, _, name = strategy.rpartition(".")
    macro = f"snapshot_{name}_strategy"
    if namespace:
        found = index.find_in_or_none(namespace, macro)
        return f"{namespace}.{macro}" if found else None
    return macro if index.user_macro_or_none(package, macro) else None


def read_snapshot_entries(reading: Reading) -> None:
    """Read the entries of ``snapshots:`` that name a relation."""
    for entry in reading.entries.get("snapshots", ()):
        relation = entry.values.get("relation")
        if relation is None:
            continue
        if not isinstance(relation, str):
            what = f"`relation` of snapshot `{entry.name}` must be text such as ref('orders')"
            reading.found.append(wrong_shape(what, entry.span("relation")))
            continue
        folders = folders_of(entry.path)
        text = Text(
            kind="snapshot",
            package=entry.package,
            name=entry.name,
            file=entry.file.file,
            path=entry.original_path,
            fqn=(entry.package, *folders, entry.name),
            code="select * from {{ " + relation + " }}",  # noqa: S608 - the user's own ref
        )
        path = f"{entry.name}.sql"
        file = ProjectFile(
            kind="snapshot",
            path=path,
            original_path=entry.original_path,
            file=entry.file.file,
            text=text.code,
            checksum="",
        )
        add_text_node(reading, file, text, path, patch=entry)
