"""Text to Project: ``read_project`` runs the passes in order and puts their results together.

Every fault of the project's files becomes a finding and reading goes on, so that one command shows
them all.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import cast

from headwater.base.codec import Json, encode
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.spans import Span
from headwater.base.warehouses import naming_of
from headwater.jinja.context import ContextValues, Variables, make_base_context
from headwater.jinja.environment import has_jinja
from headwater.jinja.macros import GLOBAL_PACKAGE, Macro, MacroIndex, read_macros
from headwater.jinja.modules import make_modules
from headwater.jinja.render import Templates
from headwater.jinja.secrets import with_secrets
from headwater.project.catalogs import check_catalogs
from headwater.project.checks import check_nodes
from headwater.project.config import ConfigTrees
from headwater.project.docs import read_docs
from headwater.project.files import PackageFiles, ProjectFiles
from headwater.project.functions import absorb_overloads
from headwater.project.generic_tests import read_node_tests
from headwater.project.models import (
    read_analyses,
    read_functions,
    read_models,
    read_singular_tests,
    read_snapshot_files,
)
from headwater.project.node import Node
from headwater.project.operations import read_operations
from headwater.project.options import ReadOptions, jinja_flags
from headwater.project.others import read_others
from headwater.project.packages import PackageEntry, parse_package_list
from headwater.project.pointers import add_pointers
from headwater.project.project import PackageRead, Project, ProjectResult
from headwater.project.properties import patch_config, read_properties, render_description
from headwater.project.reading import Package, Reading, find_doc
from headwater.project.seeds import read_seeds
from headwater.project.semantic_checks import check_semantics, check_time_spine
from headwater.project.semantic_yaml import read_semantic_yaml
from headwater.project.settings import Settings, read_settings, vars_beside
from headwater.project.shipped import read_shipped_macros
from headwater.project.shown import passing_variables
from headwater.project.snapshots import read_snapshot_entries
from headwater.project.sources import read_sources
from headwater.project.unused_configs import check_config_paths
from headwater.project.versions import read_versions

RESERVED_PACKAGES = frozenset({GLOBAL_PACKAGE, "dbt_duckdb"})
"""Namespaces of the macros that come with us; no project may bear their names."""

PASSES: tuple[Callable[[Reading], None], ...] = (
    read_docs,
    read_properties,
    read_versions,
    check_semantics,
    read_semantic_yaml,
    read_models,
    read_functions,
    absorb_overloads,
    add_pointers,
    read_seeds,
    read_snapshot_files,
    read_snapshot_entries,
    read_analyses,
    read_singular_tests,
    read_sources,
    read_node_tests,
    read_others,
    check_time_spine,
    check_nodes,
    check_config_paths,
)
"""In the order in which each needs the results of those before it."""
_OF_A_NODE = re.compile(r"\b(?:ref|source|this|model|config|adapter|var)\b")
"""Names whose meaning depends on the node that is rendered."""


def read_project(files: ProjectFiles, options: ReadOptions) -> ProjectResult:
    """Read a project.

    Args:
        files: From ``read_files``.
        options: Target, variables, environment, time.

    Returns:
        The project, None only when the root's dbt_project.yml cannot be used, and all findings.
    """
    found = list(files.diagnostics)
    packages = _read_packages(files, options, found)
    if packages is None:
        return ProjectResult(project=None, diagnostics=tuple(found))
    reading = _make_reading(packages, options, found)
    _check_packages(reading, files)
    if files.catalogs is not None:
        reading.found += check_catalogs(files.catalogs)
    for read in PASSES:
        read(reading)
    starts, ends = read_operations(reading)
    macros = _described_macros(reading)
    _check_names(reading)
    _check_relations(reading)
    root = packages[0].settings
    nodes = sorted(reading.nodes.items())
    project = Project(
        name=root.name,
        version=root.version,
        profile=root.profile,
        root=files.root,
        target=options.target,
        nodes=MappingProxyType({key: node for key, node in nodes if node.is_enabled}),
        disabled=MappingProxyType({key: node for key, node in nodes if not node.is_enabled}),
        shadowed=tuple(reading.shadowed),
        macros=MappingProxyType(macros),
        docs=MappingProxyType(reading.docs),
        groups=MappingProxyType(reading.groups),
        vars=MappingProxyType(dict(reading.variables)),
        dispatch=MappingProxyType(dict(root.dispatch)),
        packages=tuple(
            PackageRead(
                name=package.name,
                version=package.settings.version,
                folder=package.files.folder,
                restricts_access=package.settings.restricts_access,
                checksum=_package_checksum(package.files),
            )
            for package in packages
        ),
        quoting=root.quoting,
        on_run_start=starts,
        on_run_end=ends,
        templates=reading.templates,
        context_values=reading.values,
        written_configs=ConfigTrees(
            root.name, {package.name: package.settings.written for package in packages}
        ),
        checksum=_checksum(files, options),
        paths=packages[0].files.paths,
        text_readers=frozenset(reading.text_readers),
    )
    return ProjectResult(project=project, diagnostics=tuple(found))


def _checksum(files: ProjectFiles, options: ReadOptions) -> str:
    """Hash what was read; time and invocation are left out, which change with every command."""
    flags = {key: value for key, value in options.flags.items() if key != "WHICH"}
    settings = encode((options.target, dict(options.vars), flags))
    return hashlib.sha256(files.checksum.encode() + settings).hexdigest()


def _package_checksum(files: PackageFiles) -> str:
    own = (files.project_file, *files.files) if files.project_file else files.files
    lines = [f"{file.original_path}\0{file.checksum}\n" for file in own]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _read_packages(
    files: ProjectFiles, options: ReadOptions, found: list[Diagnostic]
) -> tuple[Package, ...] | None:
    packages: list[Package] = []
    for package_files in files.packages:
        settings = _read_settings(package_files, options, found)
        if settings is None:
            if not packages:
                return None
            continue
        if settings.name in RESERVED_PACKAGES:
            found.append(_reserved(settings))
            continue
        if any(package.name == settings.name for package in packages):
            what = f"two packages are called `{settings.name}`"
            where = settings.file.span("name")
            found.append(
                Diagnostic(
                    code="duplicate-name",
                    severity="error",
                    what=what,
                    fix="Remove one of the folders in dbt_packages, or rename a project",
                    where=where,
                )
            )
            continue
        packages.append(Package(settings=settings, files=package_files))
    return tuple(packages)


def _reserved(settings: Settings) -> Diagnostic:
    return Diagnostic(
        code="duplicate-name",
        severity="error",
        what=f"a package is called `{settings.name}`, which is the name of the macros of dbt",
        why="its macros would stand in for all of them, in every project that installs it",
        fix="Remove its folder from dbt_packages and from packages.yml, or rename the project",
        where=settings.file.span("name"),
    )


def _read_settings(
    files: PackageFiles, options: ReadOptions, found: list[Diagnostic]
) -> Settings | None:
    templates = Templates(MacroIndex((), root="", dispatch={}), limits=options.limits)
    variables = Variables({**vars_beside(files), **options.vars}, is_lenient=False)
    context = make_base_context(options.environment, variables, make_modules(options.on_clock))
    context |= {"target": options.target.jinja, "flags": jinja_flags(options)}

    def evaluate(text: str, file: str) -> object:
        return templates.evaluate(text, name=file, context=context, package="")

    return read_settings(files, evaluate, found)


def _make_reading(
    packages: tuple[Package, ...], options: ReadOptions, found: list[Diagnostic]
) -> Reading:
    root = packages[0].settings
    flags = jinja_flags(options, root.flags)
    docs_order = tuple(package.name for package in packages)
    warehouse = options.target.warehouse
    macros = list(read_shipped_macros(warehouse.prefixes))
    for package in packages:
        macros += _read_package_macros(package, found)
    index = MacroIndex(macros, root=root.name, dispatch=root.dispatch, prefixes=warehouse.prefixes)
    templates = Templates(index, options.codes, options.limits, options.on_clock)
    _check_macros(templates, macros, root.name, found)
    reading: Reading

    def doc(package: str | None, name: str) -> str:
        return find_doc(reading.docs, (package,) if package else docs_order, name)

    reading = Reading(
        options=options,
        root=root.name,
        packages=packages,
        templates=templates,
        values=ContextValues(
            project_name=root.name,
            target=options.target.jinja,
            environment=options.environment,
            flags=flags,
            run_started_at=options.started_at,
            invocation_id=options.invocation_id,
            doc=doc,
            modules=make_modules(options.on_clock),
            naming=naming_of(warehouse, root.quoting),
            dependencies={
                package.name: {"project_name": package.name, "version": package.settings.version}
                for package in packages
            },
            variables=root.vars,
        ),
        trees=ConfigTrees(
            root.name, {package.name: package.settings.trees for package in packages}
        ),
        variables={
            package.name: _variables(root, package.settings, options.vars) for package in packages
        },
        found=found,
    )
    reading.passing = {
        name: passing_variables(values) for name, values in reading.variables.items()
    }
    reading.variables = {
        name: _rendered(reading, name, values) for name, values in reading.variables.items()
    }
    return reading


def _rendered(reading: Reading, package: str, values: Mapping[str, Json]) -> Mapping[str, Json]:
    """Render variables that are Jinja themselves, as dbt does when ``var`` asks for them.

    What depends on the node that asks, or passes, is left for ``var`` to render.
    """
    if not any(isinstance(value, str) and has_jinja(value) for value in values.values()):
        return values
    given = reading.values
    context = make_base_context(
        given.environment, Variables(values, is_lenient=True), given.modules
    )
    context |= {
        "target": given.target,
        "flags": given.flags,
        "project_name": given.project_name,
        "run_started_at": given.run_started_at,
        "invocation_id": given.invocation_id,
    }
    result = dict(values)
    for name, value in values.items():
        if name in reading.passing[package]:
            continue
        if isinstance(value, str) and has_jinja(value) and not _OF_A_NODE.search(value):
            # What cannot be rendered stays as it is: no text may ever ask for it.
            with suppress(HeadwaterError):
                result[name] = reading.templates.render(
                    value, name="dbt_project.yml", context=context, package=package, lenient=True
                ).text
    return MappingProxyType(result)


def _variables(
    root: Settings, package: Settings, command_line: Mapping[str, Json]
) -> Mapping[str, Json]:
    """Merge variables, weakest first: package, root, root for the package, command line."""
    result: dict[str, Json] = {}
    for settings in (package, root):
        values = settings.vars
        result |= values
        scoped = values.get(package.name)
        if isinstance(scoped, dict):
            result |= scoped
    return MappingProxyType({**result, **command_line})


def _read_package_macros(package: Package, found: list[Diagnostic]) -> list[Macro]:
    macros: list[Macro] = []
    seen: dict[str, Macro] = {}
    for file in package.of_kind("macro"):
        read, findings = read_macros(
            file.text, package=package.name, path=file.original_path, file=file.file
        )
        found += findings
        for macro in read:
            first = seen.get(macro.name)
            if first is None:
                seen[macro.name] = macro
                macros.append(macro)
                continue
            found.append(
                Diagnostic(
                    code="duplicate-name",
                    severity="error",
                    what=f"two macros of package `{package.name}` are called `{macro.name}`",
                    fix="Rename one of them",
                    where=Span(file=macro.file, line=macro.line),
                    related=((Span(file=first.file, line=first.line), "the first one"),),
                )
            )
    return macros


def _check_macros(
    templates: Templates, macros: list[Macro], root: str, found: list[Diagnostic]
) -> None:
    for macro in macros:
        if macro.package != root:
            continue
        try:
            templates.check(macro.text, name=macro.file, line=macro.line)
        except HeadwaterError as error:
            found.append(diagnostic_of(error))


def _check_packages(reading: Reading, files: ProjectFiles) -> None:
    if files.package_list is None:
        return
    file, text = files.package_list.file, files.package_list.text
    context = make_base_context(
        reading.options.environment,
        Variables(reading.options.vars, is_lenient=True),
        reading.values.modules,
        secrets=True,
    )

    def evaluate(value: str) -> Json:
        shown = reading.templates.evaluate(value, name=file, context=context, package="")
        return cast("Json", shown)

    try:
        evaluated = with_secrets(evaluate, reading.options.environment)
        entries, found = parse_package_list(file, text, evaluated)
    except HeadwaterError as error:
        reading.found.append(diagnostic_of(error))
        return
    reading.found += found
    names = [_package_name(entry) for entry in entries]
    reading.wanted_packages = frozenset(name for name in names if name)
    installed = {package.name.replace("-", "_") for package in reading.packages}
    folders = {PurePosixPath(package.folder).name.replace("-", "_") for package in files.packages}
    has_none = len(files.packages) == 1
    for entry, name in zip(entries, names, strict=True):
        # A git or local package has a name of its own, which only its files tell.
        is_named = entry.kind in {"hub", "tarball"} or has_none
        if is_named and name and name.replace("-", "_") not in installed | folders:
            reading.found.append(
                Diagnostic(
                    code="package-not-installed",
                    severity="warning",
                    what=f"package `{name}` of `{files.package_list.file}` is not installed",
                    fix="Run `hw deps`",
                    where=entry.where,
                )
            )


def _package_name(entry: PackageEntry) -> str:
    if entry.kind == "tarball":
        return entry.name
    last = PurePosixPath(entry.subdirectory or entry.location).name
    return last.removesuffix(".git")


def _described_macros(reading: Reading) -> dict[str, Macro]:
    index = reading.templates.index
    result = {
        macro.unique_id: macro for package in index.packages.values() for macro in package.values()
    }
    for (key, package, name), entry in reading.patches.items():
        if key != "macros":
            continue
        unique_id = f"macro.{package}.{name}"
        macro = result.get(unique_id) or result.get(f"macro.{package}.test_{name}")
        if macro is None:
            reading.found.append(
                Diagnostic(
                    code="properties-orphan",
                    severity="warning",
                    what=f"macro `{name}` is described, but there is no such macro",
                    fix="Correct the name, or delete the entry",
                    where=entry.span("name"),
                )
            )
            continue
        text = render_description(reading, package, entry.values.get("description"), entry)
        config, arguments = patch_config(entry), entry.values.get("arguments")
        meta, docs = config.get("meta"), config.get("docs")
        result[macro.unique_id] = replace(
            macro,
            description=text,
            meta=meta if isinstance(meta, dict) else {},
            docs=docs if isinstance(docs, dict) else {},
            arguments=tuple(
                each
                for each in (arguments if isinstance(arguments, list) else ())
                if isinstance(each, dict)
            ),
            patch_path=f"{package}://{entry.original_path}",
        )
    return dict(sorted(result.items()))


def _check_names(reading: Reading) -> None:
    """Report two different kinds of node that one ref could mean."""
    seen: dict[tuple[str, str], Node] = {}
    for node in reading.nodes.values():
        if node.resource_type not in {"model", "seed", "snapshot"} or not node.is_enabled:
            continue
        other = seen.setdefault((node.package, node.name), node)
        are_versions = other.version is not None and node.version is not None
        if other is not node and not are_versions:
            seen[node.package, node.name] = node  # a third one is told beside the second
            reading.found.append(
                Diagnostic(
                    code="duplicate-name",
                    severity="error",
                    what=f"a {other.resource_type} and a {node.resource_type} are both called "
                    f"`{node.name}`",
                    why=f"ref('{node.name}') could mean either",
                    fix="Rename one of them",
                    where=node.where,
                    related=((other.where, "the other one"),) if other.where else (),
                    node=node.unique_id,
                )
            )


def _check_relations(reading: Reading) -> None:
    seen: dict[str, Node] = {}
    for node in reading.nodes.values():
        stored = node.resource_type in {"model", "seed", "snapshot"} and node.relation is not None
        if not stored or not node.is_enabled:
            continue
        other = seen.setdefault(str(node.relation).lower(), node)
        same = (other.package, other.search_name) == (node.package, node.search_name)
        if other is not node and not same:
            reading.found.append(
                Diagnostic(
                    code="duplicate-relation",
                    severity="error",
                    what=f"`{other.search_name}` and `{node.search_name}` would both be built as "
                    f"`{node.relation}`",
                    fix="Give one of them another schema or alias",
                    where=node.where,
                    related=((other.where, "the other one"),) if other.where else (),
                    node=node.unique_id,
                )
            )
