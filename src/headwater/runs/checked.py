"""What was found in a project: the answer of ``hw parse`` and ``hw check``, and keeping it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json, from_builtins, to_builtins
from headwater.base.diagnostics import Diagnostic
from headwater.project.observed import Observer
from headwater.runs.manifest_kept import manifest_mark, renew_manifest
from headwater.runs.recall import Edit, Recall


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What ``hw check`` and ``hw parse`` found.

    Attributes:
        nodes: Number of nodes read.
        diagnostics: Findings.
        manifest: File written; None when none was.
        root: The project's folder, which the findings' places are in.
        outlines: Files that may be edited without another finding, from ``outlines_of``.
    """

    nodes: int
    diagnostics: tuple[Diagnostic, ...]
    manifest: Path | None = None
    root: Path = Path()
    outlines: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)


def recall_checked_or_none(recall: Recall, facts: ArtifactFacts) -> Checked | None:
    """Answer as an earlier command did, if that is still true; its manifest is renewed.

    Args:
        recall: The kept answer.
        facts: Of this command, for the manifest.
    """
    recalled = recall.find_or_none()
    if recalled is None or not isinstance(recalled.value, dict):
        return None
    kept = recalled.value
    found = from_builtins(tuple[Diagnostic, ...], kept["diagnostics"])
    if any(_is_about(finding, edit) for finding in found for edit in recalled.edits):
        return None
    manifest = Path(str(kept["manifest"]))
    mark = renew_manifest(manifest, str(kept["mark"]), facts, recalled.edits)
    if mark is None:
        return None
    if recalled.edits:
        recall.keep_edited(recalled, {**kept, "mark": mark})
    nodes, root = int(str(kept["nodes"])), Path(str(kept["root"]))
    return Checked(nodes=nodes, diagnostics=found, manifest=manifest, root=root)


def _is_about(finding: Diagnostic, edit: Edit) -> bool:
    """Say whether a finding names a place that the edit may have moved."""
    places = (finding.where, *(place for place, _ in finding.related))
    return finding.node == edit.node or any(
        place is not None and edit.path.endswith(place.file) for place in places
    )


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
    recall.keep(value, observer, checked.outlines)
