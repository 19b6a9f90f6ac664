"""Which macro of a project builds a model or runs a test, where Headwater does not itself.

Asked while compiling, so that a plan says it and a changed macro builds its models anew.
"""

from collections.abc import Iterator

from headwater.jinja.macros import GLOBAL_PACKAGE, Macro
from headwater.project.node import Node
from headwater.project.project import Project

BUILT_IN = frozenset({"table", "view", "incremental", "ephemeral", "materialized_view", "test"})
"""Materializations that only the project itself replaces, not a package, as in dbt."""
_OF_DUCKDB = frozenset({"table", "incremental"})
"""Those that dbt-duckdb has of its own, so that a `default` one of a package is farther off."""
_NEEDS_OWN_MACRO = "require_explicit_package_overrides_for_builtin_materializations"


def materialization_of(project: Project, node: Node, *, is_for_now: bool = False) -> Macro | None:
    """Return the macro that builds a model or runs a test; None where Headwater does.

    A macro ``{% materialization NAME %}`` of the project or, for a name of their own and where the
    project allows it by dbt's older flag, of a package; and our own incremental one where the
    project has a macro for the strategy, or a test is to be rendered again when it runs.

    Args:
        project: The project.
        node: The model or test.
        is_for_now: A test's macros asked what the run may answer otherwise.
    """
    if node.resource_type not in {"model", "test"} or node.original_path.endswith(".py"):
        return None
    index = project.templates.index
    kind = "test" if node.resource_type == "test" else node.materialized
    for package, prefix in _places(project, node, kind):
        name = f"materialization_{kind}_{prefix}"
        found = index.packages.get(package, {}).get(name)
        if found is not None:
            return found
    if is_for_now:
        return index.global_macros["materialization_test_default"]
    if node.materialized == "incremental" and _has_strategy(project, node):
        return index.global_macros["materialization_incremental_default"]
    return None


def _places(project: Project, node: Node, kind: str) -> Iterator[tuple[str, str]]:
    """Give packages and prefixes of names in the order in which they are looked at."""
    index = project.templates.index
    for prefix in index.prefixes:
        yield index.root, prefix
    prefixes = index.prefixes
    if kind in BUILT_IN:
        if project.context_values.flags.get(_NEEDS_OWN_MACRO.upper()) is not False:
            return
        is_near = kind in _OF_DUCKDB
        prefixes = tuple(each for each in prefixes if not is_near or each != "default")
    for package in (node.package, *(each for each in index.packages if each != GLOBAL_PACKAGE)):
        for prefix in prefixes:
            yield package, prefix


def _has_strategy(project: Project, node: Node) -> bool:
    """Say whether a macro of the project writes the statements of a model's strategy."""
    strategy = str(node.config.get("incremental_strategy") or "default").replace("+", "_")
    if strategy == "microbatch":
        return False
    stem = f"get_incremental_{strategy}_sql"
    names = (stem, *(f"{prefix}__{stem}" for prefix in project.templates.index.prefixes))
    return any(project.templates.index.user_macro_or_none(node.package, name) for name in names)
