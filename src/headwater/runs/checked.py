"""What was found in a project: the answer of ``hw parse`` and ``hw check``, and keeping it."""

from dataclasses import dataclass
from pathlib import Path

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json, from_builtins, to_builtins
from headwater.base.diagnostics import Diagnostic
from headwater.project.observed import Observer
from headwater.runs.recall import Recall, manifest_mark, renew_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What ``hw check`` and ``hw parse`` found.

    Attributes:
        nodes: Number of nodes read.
        diagnostics: Findings.
        manifest: File written; None when none was.
        root: The project's folder, which the findings' places are in.
    """

    nodes: int
    diagnostics: tuple[Diagnostic, ...]
    manifest: Path | None = None
    root: Path = Path()


def recall_checked_or_none(recall: Recall, facts: ArtifactFacts) -> Checked | None:
    """Answer as an earlier command did, if that is still true; its manifest is renewed.

    Args:
        recall: The kept answer.
        facts: Of this command, for the manifest.
    """
    kept = recall.find_or_none()
    if not isinstance(kept, dict):
        return None
    manifest = Path(str(kept["manifest"]))
    if not renew_manifest(manifest, str(kept["mark"]), facts):
        return None
    found = from_builtins(tuple[Diagnostic, ...], kept["diagnostics"])
    nodes, root = int(str(kept["nodes"])), Path(str(kept["root"]))
    return Checked(nodes=nodes, diagnostics=found, manifest=manifest, root=root)


def keep_checked(recall: Recall, checked: Checked, observer: Observer) -> None:
    """Keep what was found, if a manifest was written.

    Args:
        recall: Where it is kept.
        checked: What was found.
        observer: Has seen all that it derives from.
    """
    if checked.manifest is None:
        return
    value: Json = {
        "nodes": checked.nodes,
        "manifest": str(checked.manifest.absolute()),
        "root": str(checked.root),
        "mark": manifest_mark(checked.manifest),
        "diagnostics": to_builtins(checked.diagnostics),
    }
    recall.keep(value, observer)
