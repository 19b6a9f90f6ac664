"""profiles.yml to a Target: dbt's file, read as dbt reads it, and a default when there is none.

Pure: the text, the environment and the variables are arguments.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.durability import durability_or_none
from headwater.base.errors import HeadwaterError
from headwater.base.spans import Span
from headwater.base.warehouses import DUCKDB, WAREHOUSES, Warehouse
from headwater.jinja.context import Variables, make_base_context
from headwater.jinja.macros import MacroIndex
from headwater.jinja.modules import make_modules
from headwater.jinja.render import Templates
from headwater.jinja.secrets import with_secrets
from headwater.project.findings import suggestion
from headwater.project.options import THREADS_DEFAULT, Target
from headwater.project.yaml_text import YamlFile, read_yaml

ENGINES = ("duckdb",)
"""Engines that an output may name."""

SCHEMA_DEFAULT = "main"
_TYPES = ("headwater", *WAREHOUSES)
_KEYS = {
    "headwater": frozenset({
        "type", "lake", "catalog", "schema", "engine", "threads", "memory_limit", "settings",
        "storage_options", "durability",
    }),
    "duckdb": frozenset({
        "type", "path", "database", "schema", "threads", "settings", "extensions", "attach",
        "config_options", "secrets", "filesystems", "external_root", "use_credential_provider",
        "plugins", "remote", "module_paths", "disable_transactions", "retries", "keep_open",
        "is_ducklake", "fallback_database_to_path", "memory_limit",
    }),
}  # fmt: skip
_PUBLIC = frozenset({"type", "schema", "threads", "path", "lake", "engine", "catalog"})
_NOT_A_NAME = re.compile(r"\W+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest:
    """What is asked of profiles.yml.

    Attributes:
        project: Name of the project.
        profile: Profile wanted: by ``--profile``, else by dbt_project.yml; None when neither.
        is_explicit: Whether ``--profile`` or ``--target`` was given; the default then is no answer.
        target: Output wanted by ``--target``; None for the profile's own choice.
        file: Path of profiles.yml for messages.
        text: Text of profiles.yml; None when there is none.
        environment: Environment variables that ``env_var`` may read, secrets too.
        vars: Variables from the command line.
        threads: From ``--threads``; wins over the file.
        on_clock: Called when the profile depends on the time.
        on: Engine that runs another warehouse's SQL, translated, from ``--on``.
    """

    project: str
    profile: str | None
    is_explicit: bool = False
    target: str | None = None
    file: str = "profiles.yml"
    text: str | None = None
    environment: Mapping[str, str]
    vars: Mapping[str, Json]
    threads: int | None = None
    on_clock: Callable[[], None] = lambda: None
    on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResult:
    """What came of it.

    Attributes:
        target: Where to build; None when there are errors.
        diagnostics: What was found.
    """

    target: Target | None
    diagnostics: tuple[Diagnostic, ...] = ()


def make_default_target(project: str, *, threads: int | None = None) -> Target:
    """Return the built-in target: catalog named after the project, schema ``main``."""
    return _target(
        profile=project,
        name="default",
        catalog=_NOT_A_NAME.sub("_", project) or "headwater",
        output={"type": "headwater"},
        threads=threads,
    )


def read_target(request: ProfileRequest) -> ProfileResult:
    """Choose and read the output of a profile.

    Without a profiles.yml, or when it lacks the profile that dbt_project.yml names, the built-in
    default is used; a profile or target asked for on the command line must exist.
    """
    if request.text is None:
        return _default_or_missing(request, "there is no profiles.yml")
    loaded = read_yaml(request.file, request.text)
    if isinstance(loaded, Diagnostic):
        return ProfileResult(target=None, diagnostics=(loaded,))
    profiles = loaded.content if loaded.content is not None else {}
    if not isinstance(profiles, dict):
        return _failed("profile-malformed", "profiles.yml is not a mapping of profiles", loaded)
    name = request.profile or request.project
    profile = profiles.get(name)
    if profile is None:
        names = ", ".join(f"`{key}`" for key in profiles if key != "config")
        return _default_or_missing(request, f"profiles.yml has {names or 'no profiles'}")
    outputs = profile.get("outputs") if isinstance(profile, dict) else None
    if not isinstance(profile, dict) or not isinstance(outputs, dict) or not outputs:
        what = f"profile `{name}` has no `outputs`, which must be a mapping"
        return _failed("profile-malformed", what, loaded, name)
    return _chosen(request, loaded, name, profile, outputs)


def _default_or_missing(request: ProfileRequest, why: str) -> ProfileResult:
    if not request.is_explicit:
        target = make_default_target(request.project, threads=request.threads)
        return ProfileResult(target=target)
    wanted = request.profile or request.project
    return ProfileResult(
        target=None,
        diagnostics=(
            Diagnostic(
                code="profile-not-found",
                severity="error",
                what=f"there is no profile `{wanted}`",
                why=why,
                fix="Add it to profiles.yml, or leave out --profile and --target",
                where=Span(file=request.file) if request.text is not None else None,
            ),
        ),
    )


def _failed(code: str, what: str, loaded: YamlFile, *path: str, fix: str = "") -> ProfileResult:
    finding = Diagnostic(code=code, severity="error", what=what, fix=fix, where=loaded.span(*path))
    return ProfileResult(target=None, diagnostics=(finding,))


def _chosen(
    request: ProfileRequest,
    loaded: YamlFile,
    name: str,
    profile: Mapping[str, Json],
    outputs: Mapping[str, Json],
) -> ProfileResult:
    templates = Templates(MacroIndex((), root=request.project, dispatch={}))
    context = make_base_context(
        request.environment,
        Variables(request.vars, is_lenient=False),
        make_modules(request.on_clock),
        secrets=True,
    )

    def evaluate(text: str) -> Json:
        return templates.evaluate(  # type: ignore[return-value] # a YAML scalar's Jinja
            text, name=request.file, context=context, package=request.project
        )

    evaluated = with_secrets(evaluate, request.environment)

    def rendered(value: Json) -> Json:
        if isinstance(value, str):
            return evaluated(value)
        if isinstance(value, dict):
            return {key: rendered(part) for key, part in value.items()}
        if isinstance(value, list):
            return [rendered(part) for part in value]
        return value

    try:
        wanted = request.target or rendered(profile.get("target")) or "default"
        if not isinstance(wanted, str) or wanted not in outputs:
            names = ", ".join(f"`{key}`" for key in outputs)
            hint = suggestion(str(wanted), outputs) or f"Use one of {names}"
            what = f"profile `{name}` has no output `{wanted}`; it has {names}"
            return _failed("target-not-found", what, loaded, name, "outputs", fix=hint)
        output = rendered(outputs[wanted])
    except HeadwaterError as error:
        error.where = loaded.span(name)
        return ProfileResult(target=None, diagnostics=(diagnostic_of(error),))
    if not isinstance(output, dict):
        what = f"output `{wanted}` of profile `{name}` is not a mapping"
        return _failed("profile-malformed", what, loaded, name, "outputs", str(wanted))
    return _checked(request, loaded, name, str(wanted), output)


def _checked(
    request: ProfileRequest, loaded: YamlFile, name: str, wanted: str, output: dict[str, Json]
) -> ProfileResult:
    path = (name, "outputs", wanted)
    fault = _unknown_or_none(request, loaded, output, path)
    if fault is not None:
        return fault
    threads = output.get("threads", THREADS_DEFAULT)
    if isinstance(threads, str) and threads.isdecimal():
        threads = int(threads)
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        what = f"`threads` of output `{wanted}` is {threads!r}; it must be a whole number above 0"
        return _failed("profile-setting", what, loaded, *path, "threads")
    options = output.get("storage_options") or {}
    if not _is_flat(options):
        what = f"`storage_options` of output `{wanted}` must map names to texts"
        fix = "Write them as `region: eu-central-1`"
        return _failed("profile-setting", what, loaded, *path, "storage_options", fix=fix)
    promise = output.get("durability") or "power"
    if output["type"] == "headwater" and durability_or_none(str(promise)) is None:
        what = f"`durability` of output `{wanted}` is `{promise}`; it may be `power` or `process`"
        fix = "Leave it out, or write `process` where a power loss may cost the newest versions"
        return _failed("profile-setting", what, loaded, *path, "durability", fix=fix)
    # Another warehouse's adapter knows its own keys; here they matter only to ``target``.
    known = _KEYS.get(str(output["type"]), frozenset())
    findings = tuple(
        Diagnostic(
            code="profile-setting",
            severity="warning",
            what=f"output `{wanted}` has a key `{key}`, which is not known and is ignored",
            fix=suggestion(str(key), known),
            where=loaded.span(*path, str(key)),
        )
        for key in output
        if known and key not in known
    )
    target = _target(
        profile=name,
        name=wanted,
        catalog=_catalog(output, request.project),
        output={**output, "threads": threads},
        threads=request.threads,
    )
    is_translated = request.on is not None and not target.warehouse.is_embedded
    target = replace(target, given=frozenset(map(str, output)), is_translated=is_translated)
    return ProfileResult(target=target, diagnostics=findings)


def _unknown_or_none(
    request: ProfileRequest, loaded: YamlFile, output: Mapping[str, Json], path: tuple[str, ...]
) -> ProfileResult | None:
    """Say which of the words that choose an engine or warehouse is not known."""
    kind, wanted = output.get("type"), path[-1]
    if kind not in _TYPES:
        types = ", ".join(f"`{item}`" for item in _TYPES)
        what = f"output `{wanted}` has type `{kind}`; types are {types}"
        fix = "Add an output of type `headwater`, and choose it with --target"
        return _failed("profile-type-unknown", what, loaded, *path, "type", fix=fix)
    known = ", ".join(f"`{item}`" for item in ENGINES)
    engine = output.get("engine", ENGINES[0])
    if kind == "headwater" and engine not in ENGINES:
        what = f"output `{wanted}` names the engine `{engine}`; engines are {known}"
        fix = suggestion(str(engine), ENGINES) or "Leave `engine` out for the embedded one"
        return _failed("engine-unknown", what, loaded, *path, "engine", fix=fix)
    if request.on is not None and request.on not in ENGINES:
        what = f"--on names the engine `{request.on}`; engines are {known}"
        return _failed("engine-unknown", what, loaded, fix=f"Use --on {ENGINES[0]}")
    warehouse = WAREHOUSES.get(str(kind), DUCKDB)
    if warehouse.is_embedded:
        return None
    for part, keys in (("catalog", warehouse.catalog_keys), ("schema", warehouse.schema_keys)):
        default = warehouse.catalog_default if part == "catalog" else ""
        if not default and keys and not any(output.get(key) for key in keys):
            what = f"output `{wanted}` of type `{kind}` has no `{keys[-1]}`"
            return _failed("profile-setting", what, loaded, *path, fix=f"Add `{keys[-1]}: ...`")
    return None


def _first(output: Mapping[str, Json], keys: tuple[str, ...]) -> str:
    return next((str(output[key]) for key in keys if output.get(key)), "")


def _is_flat(options: Json) -> bool:
    return isinstance(options, dict) and all(
        isinstance(value, (str, bool, int, float)) for value in options.values()
    )


def _option_text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _catalog(output: Mapping[str, Json], project: str) -> str:
    if output.get("type") == "headwater":
        return str(output.get("catalog") or _NOT_A_NAME.sub("_", project))
    warehouse = WAREHOUSES[str(output["type"])]
    if not warehouse.is_embedded:
        return _first(output, warehouse.catalog_keys) or warehouse.catalog_default
    if output.get("database"):
        return str(output["database"])
    path = str(output.get("path") or ":memory:").split("?", 1)[0]
    if path == ":memory:":
        return "memory"
    return PurePosixPath(path.removeprefix("md:").replace("\\", "/")).stem or "memory"


def _shown(
    warehouse: Warehouse, output: Mapping[str, Json], catalog: str, schema: str
) -> dict[str, Json]:
    """Return what templates see of an output's own keys; an optional one not given is null."""
    if warehouse.is_embedded:
        shown = {key: output[key] for key in output if key in _PUBLIC}
        return {**shown, "dbname": catalog}
    shown = {key: output.get(key) for key in warehouse.shown}
    shown |= dict.fromkeys(warehouse.catalog_keys, catalog)
    return {**shown, **dict.fromkeys(warehouse.schema_keys, schema)}


def _target(
    *, profile: str, name: str, catalog: str, output: Mapping[str, Json], threads: int | None
) -> Target:
    settings = output.get("settings")
    merged: dict[str, Json] = dict(settings) if isinstance(settings, dict) else {}
    options = output.get("config_options")
    if isinstance(options, dict):
        merged = {**options, **merged}
    in_file = output.get("threads")
    count = threads or (in_file if isinstance(in_file, int) else THREADS_DEFAULT)
    warehouse = WAREHOUSES.get(str(output["type"]), DUCKDB)
    schema = _first(output, warehouse.schema_keys) or SCHEMA_DEFAULT
    limit = output.get("memory_limit") or merged.pop("memory_limit", None)
    stores = output.get("storage_options")
    # Packages dispatch on the adapter's name, and the embedded engine is DuckDB either way.
    jinja = {
        **_shown(warehouse, output, catalog, schema),
        "profile_name": profile,
        "name": name,
        "target_name": name,
        "type": warehouse.name,
        "database": catalog,
        "schema": schema,
        "threads": count,
    }
    return Target(
        profile=profile,
        name=name,
        type=str(output["type"]),
        catalog=catalog,
        schema=schema,
        lake=str(output["lake"]) if output.get("lake") else None,
        engine=str(output.get("engine") or ENGINES[0]),
        threads=count,
        memory_limit=str(limit) if limit else None,
        durability=str(output["durability"]) if output.get("durability") else None,
        settings=merged,
        storage_options={
            str(key): _option_text(value)
            for key, value in (stores.items() if isinstance(stores, dict) else ())
        },
        jinja=jinja,
    )
