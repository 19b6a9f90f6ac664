"""Macros as values, and the rules of which macro a name means.

Resolution lives apart from rendering because selection by name is also asked for without running
anything: which ``test_unique`` a test calls, whether a project overrides ``generate_schema_name``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from headwater.base.codec import Json
from headwater.base.codes import find_code
from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import Span, span_at
from headwater.base.warehouses import DUCKDB
from headwater.jinja.scan import Block, UnclosedBlock, scan_blocks

GLOBAL_PACKAGE = "dbt"
"""The package of the macros that come with us; every project sees them."""

MacroKind = Literal["macro", "test", "materialization"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """A macro of a project, a package or ours.

    Attributes:
        unique_id: ``macro.package.name``.
        package: The package it belongs to.
        name: Name as called; ``test_`` is put before a test's name.
        kind: Which tag declared it.
        path: File, relative to its package's root.
        file: File, relative to the root project, for messages.
        line: Line of its opening tag.
        text: From its opening tag to its closing tag.
        description: From a properties file.
        meta: From a properties file.
        docs: From a properties file: ``show`` and ``node_color``.
        arguments: From a properties file, as written.
        patch_path: Properties file that describes it; empty when none.
    """

    unique_id: str
    package: str
    name: str
    kind: MacroKind
    path: str
    file: str
    line: int
    text: str
    description: str = ""
    meta: Mapping[str, Json] = field(default_factory=dict)
    docs: Mapping[str, Json] = field(default_factory=dict)
    arguments: tuple[Mapping[str, Json], ...] = ()
    patch_path: str = ""


class MacroIndex:
    """All macros by package and name, and dbt's order of looking.

    A bare name means the macro of the node's own package, else of the root project, else ours.
    """

    def __init__(
        self,
        macros: Iterable[Macro],
        *,
        root: str,
        dispatch: Mapping[str, tuple[str, ...]],
        prefixes: tuple[str, ...] = DUCKDB.prefixes,
    ) -> None:
        """Index macros.

        Args:
            macros: Of every package, and ours.
            root: Name of the root project.
            dispatch: Search orders by namespace.
            prefixes: Those that ``adapter.dispatch`` tries, best first.
        """
        self.root = root
        self.prefixes = prefixes
        self.our_names = frozenset({GLOBAL_PACKAGE, *(f"dbt_{prefix}" for prefix in prefixes)})
        self._dispatch = dispatch
        self._dispatched: dict[tuple[str, str, str | None], Macro | None] = {}
        self.packages: dict[str, dict[str, Macro]] = {GLOBAL_PACKAGE: {}, root: {}}
        for macro in macros:
            self.packages.setdefault(macro.package, {})[macro.name] = macro
        self.global_macros = self.packages[GLOBAL_PACKAGE]

    def user_macro_or_none(self, package: str, name: str) -> Macro | None:
        """Find a macro of the node's package or of the root project."""
        own = self.packages.get(package)
        if own is not None and name in own:
            return own[name]
        return self.packages[self.root].get(name)

    def find_or_none(self, package: str, name: str) -> Macro | None:
        """Find the macro that a bare name means in a node of ``package``."""
        return self.user_macro_or_none(package, name) or self.global_macros.get(name)

    def find_in_or_none(self, namespace: str, name: str) -> Macro | None:
        """Find ``namespace.name``; ours also have the names of dbt's adapters: ``dbt_duckdb``."""
        if namespace in self.our_names and namespace not in self.packages:
            namespace = GLOBAL_PACKAGE
        return self.packages.get(namespace, {}).get(name)

    def dispatch_or_none(self, package: str, name: str, namespace: str | None) -> Macro | None:
        """Find the implementation that ``adapter.dispatch(name, namespace)`` means."""
        asked = (package, name, namespace)
        if asked not in self._dispatched:
            self._dispatched[asked] = self._search(package, name, namespace)
        return self._dispatched[asked]

    def _search(self, package: str, name: str, namespace: str | None) -> Macro | None:
        for searched in self._searched(namespace):
            for prefix in self.prefixes:
                wanted = f"{prefix}__{name}"
                macro = (
                    self.find_or_none(package, wanted)
                    if searched is None
                    else self.find_in_or_none(searched, wanted)
                )
                if macro is not None:
                    return macro
        return None

    def _searched(self, namespace: str | None) -> tuple[str | None, ...]:
        if namespace is None:
            return (None,)
        if namespace in self._dispatch:
            return self._dispatch[namespace]
        if namespace == GLOBAL_PACKAGE:
            return (self.root, GLOBAL_PACKAGE)
        # A namespace that is no package means nothing to dbt: every name is looked for.
        return (self.root, namespace) if namespace in self.packages else (None,)


def read_macros(
    text: str, *, package: str, path: str, file: str
) -> tuple[tuple[Macro, ...], tuple[Diagnostic, ...]]:
    """Cut a macro file into its macros.

    Args:
        text: The file.
        package: Package that it belongs to.
        path: Its path relative to the package's root.
        file: Its path relative to the root project.

    Returns:
        The macros in order, and a finding for each block that is never closed.
    """
    macros = []
    found = []
    line, position = 1, 0
    for block in scan_blocks(text):
        line += text.count("\n", position, block.start)
        position = block.start
        match block:
            case UnclosedBlock():
                found.append(_unclosed(block, span_at(file, text, block.start)))
            case Block(kind="macro" | "test" | "materialization"):
                macros.append(_macro(block, package=package, path=path, file=file, line=line))
            case Block():
                continue
    return tuple(macros), tuple(found)


def _macro(block: Block, *, package: str, path: str, file: str, line: int) -> Macro:
    kind: MacroKind = "macro"
    name = block.name
    if block.kind == "test":
        kind, name = "test", f"test_{name}"
    elif block.kind == "materialization":
        kind, name = "materialization", f"materialization_{name}_{block.adapter}"
    return Macro(
        unique_id=f"macro.{package}.{name}",
        package=package,
        name=name,
        kind=kind,
        path=path,
        file=file,
        line=line,
        text=block.text,
    )


def _unclosed(block: UnclosedBlock, where: Span) -> Diagnostic:
    what = (
        f"`{{% {block.kind} %}}` closes a block that was never opened"
        if block.kind.startswith("end")
        else f"`{{% {block.kind} {block.name} %}}` has no `{{% end{block.kind} %}}`"
    )
    return Diagnostic(
        code=find_code("jinja-syntax").name,
        severity="error",
        what=what,
        fix="Give each opening tag its closing tag",
        where=where,
    )
