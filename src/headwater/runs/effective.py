"""Which settings are in force and where each came from: flags, environment, files, defaults.

``base.settings`` knows flags, environment and headwater.yml; the profile and dbt_project.yml have
their say too. Whoever asks "which lake is this?" wants the one answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import NotFound
from headwater.base.settings import Origin, Settings
from headwater.project.options import Target
from headwater.project.profiles import ProfileResult


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One setting as it is in force.

    Attributes:
        name: Its name.
        value: Its value; None when there is none.
        origin: Kind of place: flag, environment, file or default.
        place: The place in words: ``--threads``, ``DBT_THREADS``, a file's path, ``default``.
        help: What it does.
    """

    name: str
    value: str | int | float | bool | None
    origin: Origin
    place: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything in force.

    Attributes:
        settings: Each setting, in the order of the reference, then what the profile decides.
        diagnostics: What is wrong with the profile.
    """

    settings: tuple[InForce, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFacts:
    """What the workspace knows of the places.

    Attributes:
        root: Folder of the project.
        workspace: Folder of the records.
        target_path: Folder of artifacts.
        profiles_file: Path of profiles.yml; None when there is none.
        named_profile: Profile that dbt_project.yml names; None when it names none.
        has_target_path: Whether dbt_project.yml names the folder of artifacts.
    """

    root: Path
    workspace: Path
    target_path: Path
    profiles_file: str | None
    named_profile: str | None
    has_target_path: bool


def named_folder(settings: Settings, name: str) -> Path | None:
    """Return the folder that a setting names, absolute; None when it names none.

    Raises:
        NotFound: ``folder-not-found``, when it does not exist or is no folder.
    """
    value = settings.values[name]
    if value.value is None:
        return None
    folder = Path(str(value.value)).expanduser()
    if folder.is_dir():
        return folder.resolve()
    is_there = folder.exists()
    raise NotFound(
        "folder-not-found",
        f"`{folder}` is a file, and a folder is needed" if is_there
        else f"there is no folder `{folder}`",
        why=f"it was given by {value.place}",
        fix=f"name the folder that it is in: {value.place} {folder.parent}" if is_there
        else "correct the path, or leave it out to use the current folder"
        if name == "project_dir"
        else "correct the path, or leave it out to look in the project and in ~/.dbt",
    )  # fmt: skip


def workspace_folder(settings: Settings, root: Path) -> Path:
    """Return the folder of records, lock and the lake by default, of a project in ``root``."""
    return root / Path(settings.text("workspace") or ".headwater").expanduser()


def effective_configuration(
    settings: Settings, profile: ProfileResult, facts: ConfigurationFacts
) -> Configuration:
    """Merge the settings with what the profile and dbt_project.yml say."""
    target = profile.target
    known = {each.name: each for each in _decided(target, facts)}
    rows = []
    for name, value in settings.values.items():
        decided = known.pop(name, None)
        if value.value is not None and value.origin != "default":
            decided = None
        rows.append(
            InForce(
                name=name,
                value=decided.value if decided else value.value,
                origin=decided.origin if decided else value.origin,
                place=decided.place if decided else value.place,
                help=value.setting.help,
            )
        )
    return Configuration(settings=(*rows, *known.values()), diagnostics=profile.diagnostics)


def _decided(target: Target | None, facts: ConfigurationFacts) -> Iterator[InForce]:
    project = str(facts.root / "dbt_project.yml")
    yield _default("project_dir", str(facts.root))
    if facts.profiles_file is not None:
        yield _from("profiles_dir", str(Path(facts.profiles_file).parent), "found there")
    yield (
        _from("target_path", str(facts.target_path), project)
        if facts.has_target_path
        else _default("target_path", str(facts.target_path))
    )
    if target is None:
        return
    file = facts.profiles_file or ""
    is_read = bool(target.given)
    named = bool(facts.named_profile) and is_read
    yield (
        _from("profile", target.profile, project) if named else _default("profile", target.profile)
    )
    yield _from("target", target.name, file) if is_read else _default("target", target.name)

    def entry(name: str, value: str | int | None, help_: str = "") -> InForce:
        if name in target.given or (name == "memory_limit" and target.memory_limit):
            return InForce(name=name, value=value, origin="file", place=file, help=help_)
        return InForce(name=name, value=value, origin="default", place="default", help=help_)

    lake = target.lake or str(facts.workspace / "lake")
    yield entry("threads", target.threads)
    yield entry("memory_limit", target.memory_limit or "70 % of the machine's")
    yield entry("type", target.type, "Which keys the profile's output is written with.")
    yield entry(
        "lake",
        lake if "://" in lake else str(facts.root / lake),
        "Folder or URL of the Delta tables.",
    )
    catalog = next((key for key in ("catalog", "database", "path") if key in target.given), "")
    decided = entry(catalog or "catalog", target.catalog, "Catalog of the tables.")
    yield InForce(
        name="catalog",
        value=decided.value,
        origin=decided.origin,
        place=decided.place,
        help=decided.help,
    )
    yield entry("schema", target.schema, "Schema of nodes that ask for none.")
    yield entry("engine", target.engine, "What runs the SQL.")
    yield InForce(
        name="store",
        value=str(facts.workspace / "workspace.db"),
        origin="default",
        place="default",
        help="Records of runs, views and lineage.",
    )


def _from(name: str, value: str, place: str) -> InForce:
    return InForce(name=name, value=value, origin="file", place=place)


def _default(name: str, value: str) -> InForce:
    return InForce(name=name, value=value, origin="default", place="default")
