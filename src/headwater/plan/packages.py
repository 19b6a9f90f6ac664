"""What each installed package does in a run: its hooks' SQL, the macros it stands in for.

Kept apart from the steps because a package can run SQL without any step being its own.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from headwater.graph.graph import Graph, PackageUse
from headwater.plan.plan import PackageEffect, PackageHook

_BUILT = frozenset({"model", "seed", "snapshot"})
"""Resource types whose hooks run."""


def package_effects(graph: Graph, before: Mapping[str, str] | None) -> tuple[PackageEffect, ...]:
    """Return what packages do, in the order of their folders.

    Args:
        graph: The compiled project.
        before: Checksums of the packages at the last run, by name; None when nothing ran before.
    """
    return tuple(_effect(graph, use, before) for use in graph.packages)


def _effect(graph: Graph, use: PackageUse, before: Mapping[str, str] | None) -> PackageEffect:
    return PackageEffect(
        name=use.name,
        version=use.version,
        checksum=use.checksum,
        state=_state(use, before),
        hooks=tuple(_hooks(graph, use.name)),
        overrides=use.overrides,
        materializations=use.materializations,
    )


def _state(use: PackageUse, before: Mapping[str, str] | None) -> Literal["new", "changed", "same"]:
    if before is None or use.name not in before:
        return "new"
    return "same" if before[use.name] == use.checksum else "changed"


def _hooks(graph: Graph, package: str) -> Iterator[PackageHook]:
    for key in (*graph.on_run_start, *graph.on_run_end):
        compiled = graph.nodes[key]
        if compiled.node.package == package:
            kind: Literal["on-run-start", "on-run-end"] = (
                "on-run-start" if key in graph.on_run_start else "on-run-end"
            )
            yield PackageHook(kind=kind, node=key, sql=compiled.code)
    for key, compiled in graph.nodes.items():
        if compiled.node.package != package or compiled.node.resource_type not in _BUILT:
            continue
        for sql in compiled.pre_hooks:
            yield PackageHook(kind="pre-hook", node=key, sql=sql)
        for sql in compiled.post_hooks:
            yield PackageHook(kind="post-hook", node=key, sql=sql)
