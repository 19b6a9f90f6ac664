"""The only reader of a project's files: folders to text, with a checksum for each file.

Everything above works on these values, so a project can be read from memory, and twice the same.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, error_of
from headwater.base.errors import Invalid, NotFound
from headwater.base.spans import Span, span_at
from headwater.project.folders import Evaluate, with_folders
from headwater.project.observed import Observer
from headwater.project.text import decoded
from headwater.project.yaml_text import YamlFile, read_yaml

FileKind = Literal[
    "model",
    "macro",
    "seed",
    "snapshot",
    "test",
    "analysis",
    "properties",
    "docs",
    "fixture",
    "function",
]

PATHS_DEFAULT: Mapping[str, tuple[str, ...]] = {
    "model-paths": ("models",),
    "macro-paths": ("macros",),
    "seed-paths": ("seeds",),
    "snapshot-paths": ("snapshots",),
    "test-paths": ("tests",),
    "analysis-paths": ("analyses",),
    "function-paths": ("functions",),
}
OLD_PATHS = {"model-paths": "source-paths", "seed-paths": "data-paths"}
_KINDS: tuple[tuple[str, FileKind, str], ...] = (
    ("model-paths", "model", ".sql"),
    ("model-paths", "model", ".py"),
    ("macro-paths", "macro", ".sql"),
    ("seed-paths", "seed", ".csv"),
    ("snapshot-paths", "snapshot", ".sql"),
    ("test-paths", "test", ".sql"),
    ("analysis-paths", "analysis", ".sql"),
    ("function-paths", "function", ".sql"),
    ("function-paths", "function", ".py"),
    ("function-paths", "function", ".js"),
)
PROJECT_FILE = "dbt_project.yml"
VARS_FILE = "vars.yml"
CATALOGS_FILE = "catalogs.yml"
JINJA_ENDINGS = (".j2", ".jinja2", ".jinja")
"""Endings that may follow ``.sql`` and ``.md`` when the project allows them."""
_WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_CLASS = re.compile(r"\[(!?)([^\]/]+)\]")
FILE_BYTES_MAX = 64 * 1024 * 1024
"""Text files larger than this are refused: nobody writes them by hand."""
SEED_BYTES_MAX = 1024 * 1024
"""Seeds larger than this are hashed as they are: dbt does not look into them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """A file of a package.

    Attributes:
        kind: What it holds, by its folder and ending.
        path: Path relative to the resource folder: ``staging/orders.sql``.
        original_path: Path relative to the package's root: ``models/staging/orders.sql``.
        file: Path relative to the root project.
        text: Its text; empty for seeds, which are data.
        checksum: SHA-256 of its bytes.
        stripped_checksum: Of a seed up to SEED_BYTES_MAX, SHA-256 without blanks at both ends.
    """

    kind: FileKind
    path: str
    original_path: str
    file: str
    text: str
    checksum: str
    stripped_checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFiles:
    """The files of the root project or of one installed package.

    Attributes:
        folder: Folder relative to the root project; empty for the root project.
        project_file: dbt_project.yml; None when there is none.
        vars_file: vars.yml beside it; None when there is none.
        files: All others, sorted by kind and path.
        paths: Folders by setting (``model-paths`` ...).
    """

    folder: str
    project_file: ProjectFile | None
    vars_file: ProjectFile | None = None
    files: tuple[ProjectFile, ...]
    paths: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFiles:
    """All files of a project.

    Attributes:
        root: The folder, as given.
        packages: Root project first, then the installed packages by folder.
        package_list: Text of packages.yml or dependencies.yml; None when there is neither.
        catalogs: Text of catalogs.yml; None when there is none.
        diagnostics: Files that could not be read.
        checksum: Hash over every file's path and checksum.
    """

    root: str
    packages: tuple[PackageFiles, ...]
    package_list: ProjectFile | None
    catalogs: ProjectFile | None = None
    diagnostics: tuple[Diagnostic, ...]
    checksum: str


def stem_of(path: str) -> str:
    """Return a file's name without folders and ending; ``.sql.jinja`` is one ending."""
    return without_jinja(path.rsplit("/", 1)[-1]).rsplit(".", 1)[0]


def without_jinja(path: str) -> str:
    """Return a path without an ending of templates after ``.sql`` or ``.md``."""
    for ending in JINJA_ENDINGS:
        plain = path.removesuffix(ending)
        if plain != path and plain.endswith((".sql", ".md")):
            return plain
    return path


def folders_of(path: str) -> tuple[str, ...]:
    """Return the folders of a path."""
    return tuple(path.split("/")[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A look at a project's folder: where, what was found wrong, and who notes what was seen."""

    root: Path
    found: list[Diagnostic]
    observer: Observer
    evaluate: Evaluate

    def is_file(self, path: Path) -> bool:
        """Say whether a file is there, and note it when it is not."""
        if path.is_file():
            return True
        self.observer.file(path, None)
        return False


def read_files(
    root: Path, observer: Observer | None = None, evaluate: Evaluate = str
) -> ProjectFiles:
    """Read the files of a project and of the packages installed in it.

    A folder without a dbt_project.yml gives a value whose first package has none; nothing is raised
    for what a user can get wrong.

    Args:
        root: The project's folder.
        observer: Notes what is looked at.
        evaluate: Renders the names of folders that have Jinja; as written by default.

    Raises:
        Invalid: As ``evaluate`` does.
    """
    observer = observer or Observer()
    look = _Look(root=root, found=[], observer=observer, evaluate=evaluate)
    first = replace(look, found=[])
    settings = _settings_of(first, _project_file(first, ""))
    flags = settings.get("flags")
    with_jinja = isinstance(flags, dict) and flags.get("allow_jinja_file_extensions") is True
    top = _read_package(look, "", with_jinja=with_jinja)
    install_path = settings.get("packages-install-path")
    folder = install_path if isinstance(install_path, str) else "dbt_packages"
    names = _package_folders(look, root / folder)
    packages = [
        top,
        *(_read_package(look, f"{folder}/{name}", with_jinja=with_jinja) for name in names),
    ]
    package_list = None
    for name in ("packages.yml", "dependencies.yml"):
        if look.is_file(root / name) and package_list is None:
            package_list = _read_file(look, "", name, ("properties", name))
    catalogs = _project_file(look, "", CATALOGS_FILE)
    digest = hashlib.sha256((catalogs.checksum if catalogs else "").encode())
    for package in packages:
        own = filter(None, (package.project_file, package.vars_file))
        for item in (*own, *package.files):
            digest.update(f"{item.file}\0{item.checksum}\n".encode())
    return ProjectFiles(
        root=str(root),
        packages=tuple(packages),
        package_list=package_list,
        catalogs=catalogs,
        diagnostics=tuple(look.found),
        checksum=digest.hexdigest(),
    )


def read_profiles(
    root: Path, given: str | None, home: str | None, observer: Observer
) -> tuple[str | None, str]:
    """Find and read profiles.yml as dbt does.

    Args:
        root: The project's folder.
        given: Folder asked for; then no other is looked at.
        home: The user's home folder, for ``~/.dbt``.
        observer: Notes what is looked at.

    Returns:
        Its text, None when there is none, and its path for messages.

    Raises:
        NotFound: ``profile-not-found``, when the folder asked for has no profiles.yml.
        Invalid: ``file-unreadable``.
    """
    folders = [Path(given)] if given else [root, *([Path(home) / ".dbt"] if home else [])]
    for folder in folders:
        text = read_text_or_none(folder / "profiles.yml", observer)
        if text is not None:
            return text, str(folder / "profiles.yml")
    if given:
        raise NotFound(
            "profile-not-found",
            f"there is no `{Path(given) / 'profiles.yml'}`",
            why="this folder was asked for, so no other was looked at",
            fix="correct --profiles-dir, or DBT_PROFILES_DIR in the environment",
        )
    return None, "profiles.yml"


def read_text_or_none(path: Path, observer: Observer, name: str = "") -> str | None:
    """Read a file that a project may have; None when it has not.

    Args:
        path: The file.
        observer: Notes what is looked at.
        name: What messages call it; its path when empty.

    Raises:
        Invalid: ``file-unreadable``: it is there, and is not UTF-8 text or may not be opened.
    """
    observer.file(path, None)
    if not path.is_file():
        return None
    try:
        content = path.read_bytes()
        observer.file(path, hashlib.sha256(content).hexdigest())
        return decoded(content)
    except (OSError, ValueError) as error:
        raise error_of(_unreadable(name or str(path), error)) from error


def _package_folders(look: _Look, folder: Path) -> list[str]:
    names = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else None
    look.observer.folder(folder, names)
    return [name for name in names or () if look.is_file(folder / name / PROJECT_FILE)]


def _settings_of(look: _Look, project_file: ProjectFile | None) -> Mapping[str, Json]:
    if project_file is None:
        return {}
    loaded = read_yaml(project_file.file, project_file.text)
    content = loaded.content if isinstance(loaded, YamlFile) else None
    return with_folders(content, look.evaluate) if isinstance(content, dict) else {}


def _project_file(look: _Look, folder: str, name: str = PROJECT_FILE) -> ProjectFile | None:
    if not look.is_file(look.root / folder / name):
        return None
    return _read_file(look, folder, name, ("properties", name))


def _read_package(look: _Look, folder: str, *, with_jinja: bool) -> PackageFiles:
    base = look.root / folder if folder else look.root
    project_file = _project_file(look, folder)
    settings = _settings_of(look, project_file)
    paths = {name: _paths(settings, name) for name in PATHS_DEFAULT}
    docs_paths = settings.get("docs-paths")
    sources = tuple(dict.fromkeys(path for group in paths.values() for path in group))
    if isinstance(docs_paths, list):
        paths["docs-paths"] = _paths({"docs-paths": docs_paths}, "docs-paths")
    else:
        paths["docs-paths"] = sources
    is_ignored = _ignore_rules(base, look.observer)
    wanted: dict[str, tuple[FileKind, str]] = {}
    for source in dict.fromkeys((*sources, *paths["docs-paths"])):
        for relative in _walk(base, source, look.observer):
            if is_ignored(relative):
                continue
            plain = without_jinja(relative) if with_jinja else relative
            kind = _kind_of(plain, source, paths)
            if kind is not None:
                wanted.setdefault(relative, (kind, _below(relative, source)))
    files = [
        read
        for relative, place in sorted(wanted.items())
        if (read := _read_file(look, folder, relative, place)) is not None
    ]
    return PackageFiles(
        folder=folder,
        project_file=project_file,
        vars_file=_project_file(look, folder, VARS_FILE),
        files=tuple(files),
        paths=paths,
    )


def _paths(settings: Mapping[str, Json], name: str) -> tuple[str, ...]:
    value = settings.get(name, settings.get(OLD_PATHS.get(name, "")))
    if isinstance(value, list):
        # What is no relative path is reported with dbt_project.yml, and read nowhere.
        texts = [path for path in value if isinstance(path, str) and is_relative_folder(path)]
        return tuple(path.rstrip("/").removeprefix("./") for path in texts)
    return PATHS_DEFAULT[name]


def is_relative_folder(path: str) -> bool:
    """Say whether a path may name a folder of a project: relative to it, and a path at all."""
    return not Path(path).is_absolute() and "\0" not in path


def _below(relative: str, source: str) -> str:
    return relative[len(source) + 1 :] if source not in {"", "."} else relative


def _kind_of(relative: str, source: str, paths: Mapping[str, tuple[str, ...]]) -> FileKind | None:
    ending = os.path.splitext(relative)[1].lower()  # noqa: PTH122 - text, thousands of times
    if ending in {".yml", ".yaml"}:
        return "properties"
    if ending == ".md":
        return "docs" if source in paths["docs-paths"] else None
    if source in paths["test-paths"] and _below(relative, source).startswith("fixtures/"):
        return "fixture" if ending in {".csv", ".sql"} else None
    for setting, kind, wanted in _KINDS:
        if wanted == ending and source in paths[setting]:
            if kind == "test" and _below(relative, source).startswith("generic/"):
                return "macro"
            return kind
    return None


def _walk(base: Path, source: str, observer: Observer) -> Iterator[str]:
    """Find the files below a folder; a link back to a folder that leads to it is not followed."""
    top = base / source
    observer.folder(top, None)
    for folder, folders, names in os.walk(top, followlinks=True):
        observer.folder(folder, (*folders, *names))
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not _leads_back(os.path.join(folder, name))  # noqa: PTH118 - thousands of times
        )
        relative = Path(folder).relative_to(base).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        for name in sorted(names):
            if name[0] not in ".#~":
                yield prefix + name


def _leads_back(folder: str) -> bool:
    if not os.path.islink(folder):  # noqa: PTH114 - thousands of times
        return False
    return Path(folder).parent.resolve().is_relative_to(Path(folder).resolve())


def _read_file(
    look: _Look, folder: str, relative: str, place: tuple[FileKind, str]
) -> ProjectFile | None:
    file = f"{folder}/{relative}" if folder else relative
    kind, path = place
    whole = f"{look.root}/{file}"
    look.observer.file(whole, None)
    try:
        if kind == "seed":
            return _seed_file(look, place, relative, file)
        content, checksum = _contents(Path(whole))
        look.observer.file(whole, checksum)
        text = decoded(content)
    except (OSError, ValueError) as error:
        look.found.append(_unreadable(file, error))
        return None
    return ProjectFile(
        kind=kind, path=path, original_path=relative, file=file, text=text, checksum=checksum
    )


def _seed_file(look: _Look, place: tuple[FileKind, str], relative: str, file: str) -> ProjectFile:
    path, stripped = Path(f"{look.root}/{file}"), ""
    if _size(path) <= SEED_BYTES_MAX:
        content = path.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        stripped = hashlib.sha256(content.strip()).hexdigest()
    else:
        with path.open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    look.observer.file(str(path), checksum)
    return ProjectFile(
        kind=place[0],
        path=place[1],
        original_path=relative,
        file=file,
        text="",
        checksum=checksum,
        stripped_checksum=stripped,
    )


def _size(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
        message = "it is not a regular file"
        raise ValueError(message)
    return found.st_size


def _contents(path: Path) -> tuple[bytes, str]:
    _size(path)
    content = path.read_bytes()
    if len(content) > FILE_BYTES_MAX:
        message = f"it is larger than {FILE_BYTES_MAX} bytes"
        raise ValueError(message)
    return content, hashlib.sha256(content).hexdigest()


def _unreadable(file: str, error: OSError | ValueError) -> Diagnostic:
    where, why = Span(file=file), str(error)
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start].decode("utf-8", "replace")
        where = span_at(file, before, len(before), 1)
        why = f"byte {error.object[error.start]:#04x} is not UTF-8"
    elif isinstance(error, OSError):
        why = error.strerror or why
    return Diagnostic(
        code="file-unreadable",
        severity="error",
        what=f"`{file}` cannot be read: {why}",
        fix="Save it as UTF-8 text, correct its permissions, or name it in .dbtignore",
        where=where,
    )


def _ignore_rules(base: Path, observer: Observer) -> Callable[[str], bool]:
    try:
        lines = (read_text_or_none(base / ".dbtignore", observer) or "").splitlines()
    except Invalid:
        lines = []
    rules = [_ignore_rule(line.strip()) for line in lines if line.strip()[:1] not in {"", "#"}]
    return lambda relative: _is_ignored(rules, relative)


def _ignore_rule(line: str) -> tuple[bool, re.Pattern[str]]:
    is_kept = line.startswith("!")
    pattern = line.removeprefix("!")
    anchored = "/" in pattern.rstrip("/")
    # Repeated wildcards say nothing more, and would take exponentially long to try.
    plain = re.sub(r"\*{3,}", "**", re.sub(r"(?:\*\*/)+", "**/", pattern.strip("/")))
    pieces = re.split(r"(\\.|\[!?[^\]/]+\]|\*\*/?|\*|\?)", plain)
    parts = [_WILDCARDS.get(piece) or _plain_or_class(piece) for piece in pieces]
    start = "^" if anchored else "(?:^|.*/)"
    return not is_kept, re.compile(f"{start}{''.join(parts)}(?:/.*)?$")


def _plain_or_class(piece: str) -> str:
    """Turn what is no wildcard into a pattern: an escaped character, a class such as ``[a-c]``."""
    if piece.startswith("\\") and len(piece) > 1:
        return re.escape(piece[1:])
    found = _CLASS.fullmatch(piece)
    if found is None:
        return re.escape(piece)
    inside = "".join(f"\\{letter}" if letter in "\\[^" else letter for letter in found[2])
    written = f"[{'^' if found[1] else ''}{inside}]"
    try:
        re.compile(written)
    except re.error:  # a range from z to a
        return re.escape(piece)
    return written


def _is_ignored(rules: Iterable[tuple[bool, re.Pattern[str]]], relative: str) -> bool:
    result = False
    for is_ignored, pattern in rules:
        if pattern.match(relative):
            result = is_ignored
    return result
