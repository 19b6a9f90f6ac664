"""The plan's lines on installed packages: code of others, and what of it runs or stands in.

A package that is unchanged and runs nothing besides its models is not shown.
"""

from collections.abc import Iterator

from headwater.plan.plan import PackageEffect, Plan

SQL_CHARACTERS_MAX = 400
NAMES_MAX = 8
_REACH = {"package": "in its own models", "project": "everywhere, as `dispatch` lists it"}


def package_lines(plan: Plan) -> Iterator[str]:
    """Yield a line for each package that is new, changed or runs hooks, and for what it does."""
    for package in plan.packages:
        if package.state == "same" and not package.hooks:
            continue
        sign = {"new": "+", "changed": "~", "same": "="}[package.state]
        state = {"new": "new", "changed": "changed since the last run", "same": "unchanged"}
        version = f" {package.version}" if package.version else ""
        yield f"{sign} package {package.name}{version}: {state[package.state]}"
        yield from _details(package)


def _details(package: PackageEffect) -> Iterator[str]:
    for reach in ("project", "package"):
        names = [each.replaces for each in package.overrides if each.reach == reach]
        if names:
            yield f"    stands in for {_listed(names)} {_REACH[reach]}"
    if package.materializations:
        yield f"    brings {_listed(package.materializations)}"
    for kind in ("on-run-start", "on-run-end", "pre-hook", "post-hook"):
        places: dict[str, int] = {}
        for hook in package.hooks:
            if hook.kind == kind and hook.sql.strip():
                places[hook.sql] = places.get(hook.sql, 0) + 1
        for sql, count in places.items():
            times = f" of {count} models" if count > 1 else ""
            yield f"    {kind}{times}: {_shortened(sql)}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = len(names) - NAMES_MAX
    shown = ", ".join(f"`{name}`" for name in names[:NAMES_MAX])
    return f"{shown} and {more} more" if more > 0 else shown


def _shortened(sql: str) -> str:
    """Return SQL on one line; what is left out is said, so that nothing hides at the end."""
    text = " ".join(sql.split())
    left_out = len(text) - SQL_CHARACTERS_MAX
    if left_out <= 0:
        return text
    return f"{text[:SQL_CHARACTERS_MAX]} ({left_out} more characters: hw plan --output json)"
