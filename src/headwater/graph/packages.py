"""What installed packages bring along besides models: macros that stand in for others, and more.

A package is code of somebody else. Its bare macro names hold in its own models only, and
``adapter.dispatch`` looks into it only where the project's ``dispatch`` lists it; this module says
where that happens, so that a plan can show it.
"""

from collections.abc import Iterator

from headwater.graph.graph import MacroOverride, PackageUse
from headwater.jinja.macros import GLOBAL_PACKAGE, Macro
from headwater.project.project import PackageRead, Project

CONTEXT_NAMES = frozenset({
    "ref", "source", "config", "var", "env_var", "this", "target", "adapter", "run_query",
    "statement", "return", "log", "graph", "model", "modules", "exceptions", "is_incremental",
    "load_result", "store_result", "api", "builtins", "execute", "doc", "flags",
})  # fmt: skip
"""Functions and values of the context that a macro of the same name stands in for."""


def package_uses(project: Project) -> tuple[PackageUse, ...]:
    """Say of each installed package which macros of others it stands in for.

    Args:
        project: The project as read; its first package is itself and is left out.
    """
    return tuple(_package_use(project, package) for package in project.packages[1:])


def _package_use(project: Project, package: PackageRead) -> PackageUse:
    index = project.templates.index
    own = index.packages.get(package.name, {})
    return PackageUse(
        name=package.name,
        version=package.version,
        folder=package.folder,
        checksum=package.checksum,
        overrides=tuple(
            override
            for name, macro in sorted(own.items())
            for override in _overrides(project, package.name, name, macro)
        ),
        materializations=tuple(
            sorted(macro.name for macro in own.values() if macro.kind == "materialization")
        ),
    )


def _overrides(project: Project, package: str, name: str, macro: Macro) -> Iterator[MacroOverride]:
    if macro.kind == "materialization":
        return
    where = (macro.file, macro.line)
    index = project.templates.index
    if name in index.global_macros:
        replaced = f"{GLOBAL_PACKAGE}.{name}"
        yield MacroOverride(macro=name, replaces=replaced, reach="package", where=where)
    elif name in CONTEXT_NAMES:
        yield MacroOverride(macro=name, replaces=name, reach="package", where=where)
    prefix, _, stem = name.partition("__")
    if prefix not in index.prefixes:
        return
    for namespace, order in project.dispatch.items():
        before = order[: order.index(package)] if package in order else None
        if before is None or namespace == package:
            continue
        shadowed = not any(index.find_in_or_none(other, name) for other in before)
        if shadowed and _is_dispatched(project, namespace, stem):
            replaced = f"{namespace}.{stem}"
            yield MacroOverride(macro=name, replaces=replaced, reach="project", where=where)


def _is_dispatched(project: Project, namespace: str, stem: str) -> bool:
    """Say whether a namespace has the macro that an implementation is for."""
    index = project.templates.index
    names = (stem, *(f"{prefix}__{stem}" for prefix in index.prefixes))
    return any(index.find_in_or_none(namespace, name) is not None for name in names)
