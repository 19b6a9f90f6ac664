"""dbt_project.yml of one package, rendered and checked: the first pass of reading."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.spans import Span
from headwater.jinja.functions import DBT_VERSION
from headwater.project.config import DEFAULTS, TREE_KEYS, hooks_of
from headwater.project.files import (
    OLD_PATHS,
    PATHS_DEFAULT,
    PROJECT_FILE,
    PackageFiles,
    ProjectFile,
    is_relative_folder,
)
from headwater.project.findings import suggestion, unknown_key
from headwater.project.packages import parse_version, satisfies
from headwater.project.yaml_text import YamlFile, read_yaml

Evaluate = Callable[[str, str], object]
"""Renders (text, file) to a value; raises HeadwaterError."""

_PROJECT_KEYS = frozenset({
    "name", "version", "config-version", "profile", "model-paths", "macro-paths", "seed-paths",
    "snapshot-paths", "test-paths", "analysis-paths", "docs-paths", "asset-paths", "function-paths",
    "osi-paths", "source-paths", "data-paths", "target-path", "log-path", "clean-targets",
    "packages-install-path", "query-comment", "quoting", "vars", "dispatch", "on-run-start",
    "on-run-end", "require-dbt-version", "flags", "dbt-cloud", "restrict-access", "models", "seeds",
    "snapshots", "sources", "tests", "data_tests", "unit_tests", "exposures", "metrics",
    "semantic-models", "semantic_models", "saved-queries", "saved_queries", "functions", "analyses",
    "packages", "headwater",
})  # fmt: skip
_NAME = re.compile(r"^[^\d\W]\w*$")
ANALYSES_FLAG = "require_corrected_analysis_fqns"
"""dbt's flag by which analyses have a config of their own (`analyses:`) and the paths of others."""
_HOOK_KEYS = frozenset({"pre-hook", "post-hook", "pre_hook", "post_hook"})
_NOT_RENDERED = frozenset({"vars", "query-comment", "on-run-start", "on-run-end"})
_FAILED = "\0failed"
"""Stands for a value that could not be rendered: its key is left out, so one fault is said once."""
_BOOLEANS = frozenset({"enabled", "quote_columns"})
_KNOWN_CONFIGS = frozenset(
    {key for defaults in DEFAULTS.values() for key in defaults}
    | {"pre-hook", "post-hook", "partition_by", "cluster_by", "sql_header", "location", "format"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A package's dbt_project.yml.

    Attributes:
        name: Package name.
        version: As written; empty when none.
        profile: Profile named; empty when none.
        file: The file.
        trees: Config trees by resource type.
        written: The same before Jinja was rendered.
        vars: Variables as written.
        dispatch: Search orders by macro namespace.
        on_run_start: Hooks as written.
        on_run_end: Hooks as written.
        quoting: As written.
        restricts_access: Its protected models are for itself only.
        flags: The ``flags:`` block as written; only the root project's counts.
    """

    name: str
    version: str
    profile: str
    file: YamlFile
    trees: Mapping[str, Mapping[str, Json]]
    written: Mapping[str, Mapping[str, Json]]
    vars: Mapping[str, Json]
    dispatch: Mapping[str, tuple[str, ...]]
    on_run_start: tuple[str, ...]
    on_run_end: tuple[str, ...]
    quoting: Mapping[str, Json]
    restricts_access: bool = False
    flags: Mapping[str, Json] = field(default_factory=dict)


def read_name(project_file: ProjectFile | None) -> tuple[str, str]:
    """Return name and profile of a dbt_project.yml, empty where there are none; never fails.

    For what must be known before anything is rendered: which profile to read.
    """
    loaded = read_yaml(project_file.file, project_file.text) if project_file else None
    content = loaded.content if isinstance(loaded, YamlFile) else None
    if not isinstance(content, dict):
        return "", ""
    return str(content.get("name") or ""), str(content.get("profile") or "")


def read_settings(
    package: PackageFiles, evaluate: Evaluate, found: list[Diagnostic]
) -> Settings | None:
    """Read a package's dbt_project.yml; None when it cannot be used at all."""
    content_file = _load(package, found)
    if content_file is None:
        return None
    content = cast("dict[str, Json]", content_file.content)
    _check_keys(content_file, content, found)
    _check_paths(content_file, content, found)
    _check_osi(content_file, content, found)
    found += content_file.repeated
    variables = read_vars(package, content_file, found)
    rendered = _rendered(content_file, content, evaluate, found)
    _check_version(content_file, rendered.get("require-dbt-version"), found)
    quoting, flags = rendered.get("quoting"), rendered.get("flags")
    flags = flags if isinstance(flags, dict) else {}
    tree_keys = {**TREE_KEYS, "analysis": ("analyses",)} if flags.get(ANALYSES_FLAG) else TREE_KEYS
    trees = {kind: _tree(rendered, keys) for kind, keys in tree_keys.items()}
    for keys in {keys[-1]: keys for keys in TREE_KEYS.values()}.values():
        for key in keys:
            _check_tree(content_file, rendered.get(key), (key,), found)
    return Settings(
        name=str(content["name"]),
        version=str(content.get("version") or ""),
        profile=str(rendered.get("profile") or ""),
        file=content_file,
        trees=trees,
        written={kind: _tree(content, keys) for kind, keys in tree_keys.items()},
        vars=variables,
        dispatch=_dispatch(content_file, rendered.get("dispatch"), found),
        on_run_start=_hook_texts(content.get("on-run-start")),
        on_run_end=_hook_texts(content.get("on-run-end")),
        quoting=quoting if isinstance(quoting, dict) else {},
        restricts_access=rendered.get("restrict-access") is True,
        flags=flags,
    )


def vars_beside(package: PackageFiles) -> Mapping[str, Json]:
    """Return the variables of a package's vars.yml, which dbt_project.yml may ask for already."""
    file = package.vars_file
    loaded = read_yaml(file.file, file.text) if file else None
    content = loaded.content if isinstance(loaded, YamlFile) else None
    inside = content.get("vars") if isinstance(content, dict) else None
    return inside if isinstance(inside, dict) else {}


def read_vars(package: PackageFiles, file: YamlFile, found: list[Diagnostic]) -> Mapping[str, Json]:
    """Return a package's variables: those of vars.yml when it has any, else of dbt_project.yml."""
    content = file.content if isinstance(file.content, dict) else {}
    written = content.get("vars")
    own = written if isinstance(written, dict) else {}
    if package.vars_file is None:
        return own
    loaded = read_yaml(package.vars_file.file, package.vars_file.text)
    if isinstance(loaded, Diagnostic):
        found.append(loaded)
        return own
    found += loaded.repeated
    inside = loaded.content.get("vars") if isinstance(loaded.content, dict) else None
    if loaded.content is not None and not isinstance(inside, dict):
        what = f"`{loaded.file}` must have one key `vars`, which holds the variables"
        fault = _vars_fault(what, loaded.span())
        # dbt reads nothing from a mapping with other keys, and goes on.
        is_other = isinstance(loaded.content, dict) and "vars" not in loaded.content
        found.append(replace(fault, severity="warning") if is_other else fault)
        return own
    if own and inside:
        what = f"there are variables both in `{loaded.file}` and in `{file.file}`"
        found.append(_vars_fault(what, file.span("vars")))
    return inside if isinstance(inside, dict) and inside else own


def _vars_fault(what: str, where: Span) -> Diagnostic:
    return Diagnostic(
        code="vars-file-malformed",
        severity="error",
        what=what,
        fix="write `vars:` and then `  name: value`, in one of the two files",
        where=where,
    )


def _load(package: PackageFiles, found: list[Diagnostic]) -> YamlFile | None:
    where = f"{package.folder}/{PROJECT_FILE}" if package.folder else PROJECT_FILE
    if package.project_file is None:
        if any(item.where is not None and item.where.file == where for item in found):
            return None  # it is there, and why it cannot be read was said
        found.append(
            Diagnostic(
                code="project-not-found",
                severity="error",
                what=f"there is no `{where}`",
                fix="Run the command inside a project, pass --project-dir, or start with `hw init`",
                where=Span(file=where),
            )
        )
        return None
    loaded = read_yaml(package.project_file.file, package.project_file.text)
    if isinstance(loaded, Diagnostic):
        found.append(
            Diagnostic(
                code="project-malformed",
                severity="error",
                what=loaded.what,
                fix=loaded.fix,
                where=loaded.where,
            )
        )
        return None
    problem, path = _problem(loaded.content)
    if problem:
        found.append(
            Diagnostic(
                code="project-malformed",
                severity="error",
                what=problem,
                fix="Write `name:` with a name such as `my_shop`",
                where=loaded.span(*path),
            )
        )
        return None
    return loaded


def _problem(content: Json) -> tuple[str, tuple[str, ...]]:
    if not isinstance(content, dict):
        return "dbt_project.yml must be a mapping that starts with `name:`", ()
    name = content.get("name")
    if name is None:
        return "dbt_project.yml has no `name`", ()
    if not isinstance(name, str) or not _NAME.match(name):
        what = f"the project's name {name!r} must be letters, digits and underscores"
        return what, ("name",)
    return "", ()


def _check_keys(file: YamlFile, content: Mapping[str, Json], found: list[Diagnostic]) -> None:
    found += [
        unknown_key(str(key), "dbt_project.yml", _PROJECT_KEYS, file.span(str(key)))
        for key in content
        if key not in _PROJECT_KEYS
    ]


def _check_osi(file: YamlFile, content: Mapping[str, Json], found: list[Diagnostic]) -> None:
    if content.get("osi-paths"):
        found.append(
            Diagnostic(
                code="osi-not-read",
                severity="warning",
                what="files below `osi-paths` are not read",
                why="semantic models come from properties files only",
                fix="declare them below `semantic_models:` of a properties file",
                where=file.span("osi-paths"),
            )
        )


def _check_paths(file: YamlFile, content: Mapping[str, Json], found: list[Diagnostic]) -> None:
    for key in (*PATHS_DEFAULT, *OLD_PATHS.values(), "docs-paths"):
        value = content.get(key)
        if value is None:
            continue
        wrong = [item for item in value if not _is_folder(item)] if isinstance(value, list) else []
        if not isinstance(value, list) or wrong:
            shown = wrong[0] if wrong else value
            found.append(
                Diagnostic(
                    code="config-type",
                    severity="error",
                    what=f"`{key}` has {shown!r}; it must be a list of folders inside the project",
                    fix=f"Write `{key}: [folder]`, with paths relative to dbt_project.yml",
                    where=file.span(key),
                )
            )


def _is_folder(value: Json) -> bool:
    return isinstance(value, str) and is_relative_folder(value)


def _check_version(file: YamlFile, wanted: Json, found: list[Diagnostic]) -> None:
    written = wanted if isinstance(wanted, list) else [wanted] if wanted else []
    constraints = [part.strip() for text in written for part in str(text).split(",")]
    spoken = parse_version(DBT_VERSION)
    if spoken is None or satisfies(spoken, constraints):
        return
    found.append(
        Diagnostic(
            code="version-not-supported",
            severity="warning",
            what=f"the project asks for dbt {', '.join(constraints)}; {DBT_VERSION} is read here",
            fix=f"Widen `require-dbt-version` to include {DBT_VERSION}, or check the result",
            where=file.span("require-dbt-version"),
        )
    )


def _rendered(
    file: YamlFile, content: Mapping[str, Json], evaluate: Evaluate, found: list[Diagnostic]
) -> dict[str, Json]:
    def render(value: Json, path: tuple[str | int, ...]) -> Json:
        if isinstance(value, str):
            try:
                return cast("Json", evaluate(value, file.file))
            except HeadwaterError as error:
                error.where = file.span(*path)
                found.append(diagnostic_of(error))
                return _FAILED
        if isinstance(value, dict):
            rendered = {
                key: part if str(key).lstrip("+") in _HOOK_KEYS else render(part, (*path, str(key)))
                for key, part in value.items()
            }
            return {key: part for key, part in rendered.items() if part != _FAILED}
        if isinstance(value, list):
            return [render(part, (*path, index)) for index, part in enumerate(value)]
        return value

    # A block of text ends in a line break, which rendering takes away.
    if not any(mark in file.text for mark in ("{{", "{%", "|", ">")):
        return dict(content)
    return {
        key: value if key in _NOT_RENDERED else render(value, (str(key),))
        for key, value in content.items()
    }


def _tree(rendered: Mapping[str, Json], keys: tuple[str, ...]) -> Mapping[str, Json]:
    result: dict[str, Json] = {}
    for key in keys:
        tree = rendered.get(key)
        if isinstance(tree, dict):
            result |= tree
    return result


def _check_tree(file: YamlFile, tree: Json, path: tuple[str, ...], found: list[Diagnostic]) -> None:
    if not isinstance(tree, dict):
        return
    for raw, value in tree.items():
        key = str(raw)
        name = key.removeprefix("+").strip()
        if name in _BOOLEANS and not isinstance(value, bool) and value is not None:
            if isinstance(value, dict):
                continue
            found.append(
                Diagnostic(
                    code="config-type",
                    severity="error",
                    what=f"config `{name}` is {value!r}; it must be true or false",
                    fix="Write true or false without quotes",
                    where=file.span(*path, key),
                )
            )
        elif key.startswith("+"):
            hint = suggestion(name, _KNOWN_CONFIGS, cutoff=0.85)
            if name not in _KNOWN_CONFIGS and hint:
                found.append(
                    unknown_key(key, "a config tree", _KNOWN_CONFIGS, file.span(*path, key))
                )
        elif isinstance(value, dict):
            _check_tree(file, value, (*path, key), found)


def _dispatch(
    file: YamlFile, value: Json, found: list[Diagnostic]
) -> Mapping[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {}
    if value is None:
        return result
    for index, entry in enumerate(value if isinstance(value, list) else [value]):
        order = entry.get("search_order") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(order, list):
            found.append(
                Diagnostic(
                    code="config-type",
                    severity="error",
                    what="each entry of `dispatch` has a `macro_namespace` and a `search_order`",
                    fix="Write `{macro_namespace: dbt_utils, search_order: [my_shop, dbt_utils]}`",
                    where=file.span("dispatch", index),
                )
            )
            continue
        result[str(entry.get("macro_namespace"))] = tuple(str(name) for name in order)
    return result


def _hook_texts(value: Json) -> tuple[str, ...]:
    return tuple(
        str(hook["sql"])
        for hook in hooks_of(value)
        if isinstance(hook, dict) and str(hook.get("sql") or "").strip()
    )
