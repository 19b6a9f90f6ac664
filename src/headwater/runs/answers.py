"""What a workspace is asked and what it answers, as values that shells read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headwater.base.diagnostics import Diagnostic
from headwater.graph.columns import ColumnEdge
from headwater.runs.artifacts import CompiledSql

Verb = Literal["build", "run", "seed", "snapshot", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which nodes a command is about, as written on the command line.

    Attributes:
        include: Values of ``--select``; everything when there are none.
        exclude: Values of ``--exclude``.
        selector: A name in selectors.yml; None for none.
        indirect: Which tests come along with selected nodes.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    indirect: str = "eager"

    @property
    def is_everything(self) -> bool:
        """True when nothing was chosen or left out."""
        return not (self.include or self.exclude or self.selector)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What a plan is asked for.

    Attributes:
        selection: Which nodes.
        verb: The command: ``build`` for all kinds of nodes.
        full_refresh: Rebuild incremental models whole.
        force: Rebuild what is selected even when nothing has changed.
        accept: Codes whose errors shall only warn.
    """

    selection: Selection = Selection()
    verb: Verb = "build"
    full_refresh: bool = False
    force: bool = False
    accept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What ``hw check`` and ``hw parse`` found.

    Attributes:
        nodes: Number of nodes read.
        diagnostics: Findings.
        manifest: File written; None when none was.
    """

    nodes: int
    diagnostics: tuple[Diagnostic, ...]
    manifest: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Compiled SQL of a selection.

    Attributes:
        results: One for each node, in the order of the graph.
        folder: Where the files were written.
        diagnostics: Findings.
    """

    results: tuple[CompiledSql, ...]
    folder: Path
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Nodes of a selection as dbt lists them."""

    rows: tuple[dict[str, object], ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Edges between columns."""

    edges: tuple[ColumnEdge, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Artifacts written."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``hw debug``."""

    name: str
    ok: bool
    value: str
