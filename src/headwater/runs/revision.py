"""The project as it stood at a revision of its own git repository, as files in another folder.

Read with plumbing commands and an index of its own: neither the user's checkout, nor its index,
nor its list of worktrees changes, and nothing is fetched.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import NotFound, Unavailable
from headwater.graph.graph import Graph

GIT_SECONDS_MAX = 120.0
"""How long one command of git may take; all of them work on local files."""

SHORT_COMMIT = 7
"""Characters of a commit that people are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A project at a revision.

    Attributes:
        text: The revision as asked for: ``origin/main``.
        commit: Its commit.
        folder: Where the project's files are, until the context is left.
    """

    text: str
    commit: str
    folder: Path

    def __str__(self) -> str:
        short = self.commit[:SHORT_COMMIT]
        return short if self.commit.startswith(self.text) else f"{self.text} @ {short}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The project at a revision, compiled.

    Attributes:
        name: The revision, for people: ``origin/main @ 4f1c2ab``.
        graph: The project; without nodes where there was none yet.
        diagnostics: What is to be known of the comparison.
    """

    name: str
    graph: Graph
    diagnostics: tuple[Diagnostic, ...] = ()


def base_findings(at: Revision, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Say in one finding that the revision itself had faults; they are not this change's."""
    errors = [each for each in found if each.severity == "error"]
    if errors:
        count = f"{len(errors)} faults" if len(errors) > 1 else "a fault"
        yield Diagnostic(
            code="base-faulty",
            severity="warning",
            what=f"the project at {at} has {count}",
            why=f"what is compared with it may be shown as new: {errors[0].what}",
            fix=f"see what is wrong there: git switch --detach {at.text} and hw check",
        )


@contextmanager
def project_at(
    root: Path, revision: str, environment: Mapping[str, str], *, installed: str
) -> Iterator[Revision]:
    """Give the project's files as they were at a revision.

    Args:
        root: The project's folder, in a git repository.
        revision: A branch, tag or commit that the repository has.
        environment: Variables for git.
        installed: Folder of installed packages below the project, which is not in the repository
            as a rule: that of the checkout is read where the revision has none.

    Raises:
        NotFound: ``revision-not-found``.
        Unavailable: ``revision-unreadable``.
    """
    with TemporaryDirectory(prefix="headwater-base-") as temporary:
        place = Path(temporary)
        git = _Git(root=root, environment=_for_git(environment, place / "index"))
        commit, tree, top = _resolve(git, revision)
        folder = place / "project"
        folder.mkdir()
        if tree:
            git.run("read-tree", tree)
            git.run("-C", top, "checkout-index", "--all", f"--prefix={folder}{os.sep}")
        link_packages(root / installed, folder / installed)
        yield Revision(text=revision, commit=commit, folder=folder)


def link_packages(ours: Path, theirs: Path) -> None:
    """Let a folder of packages that is not there be the one of the checkout."""
    if ours.is_dir() and not theirs.exists():
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.symlink_to(ours.absolute(), target_is_directory=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Git:
    root: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        done = self.ask(*arguments)
        if done.returncode:
            raise _failed(done)
        return done.stdout.decode(errors="replace").rstrip("\n")

    def ask(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(  # noqa: S603 - a list, no shell; revisions follow an end of options
                ["git", "-C", str(self.root), *arguments],  # noqa: S607 - the user's own git
                capture_output=True,
                timeout=GIT_SECONDS_MAX,
                env=dict(self.environment),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(
                "revision-unreadable",
                "cannot run git, which has the earlier version of the project",
                why=str(error),
                fix="install git and make sure that it is on the PATH",
            ) from error


def _for_git(environment: Mapping[str, str], index: Path) -> Mapping[str, str]:
    """Return what git is told besides its arguments: an index of its own, and no network."""
    return {
        **environment,
        "GIT_INDEX_FILE": str(index),
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _resolve(git: _Git, revision: str) -> tuple[str, str, str]:
    """Return the commit, the tree of the project in it (empty without one), and git's top folder.

    Raises:
        NotFound: ``revision-not-found``.
    """
    top = git.ask("rev-parse", "--show-toplevel")
    if top.returncode:
        raise _no_repository(git.root, done=top)
    found = git.ask(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if found.returncode or not revision:
        raise NotFound(
            "revision-not-found",
            f"this repository has no revision `{revision}`",
            why="only what was fetched is known, and a checkout for a job may have one commit",
            fix="fetch it first: `git fetch origin BRANCH` and --base origin/BRANCH, or "
            "`fetch-depth: 0` for actions/checkout",
        )
    commit = found.stdout.decode().strip()
    below = git.run("rev-parse", "--show-prefix").rstrip("/")
    tree = git.ask("rev-parse", "--verify", "--quiet", f"{commit}:{below}" if below else commit)
    top_folder = top.stdout.decode(errors="surrogateescape").rstrip("\n")
    return commit, "" if tree.returncode else tree.stdout.decode().strip(), top_folder


def _no_repository(root: Path, *, done: "subprocess.CompletedProcess[bytes]") -> NotFound:
    return NotFound(
        "revision-not-found",
        f"`{root}` is not in a git repository that can be read",
        why=_last_line(done),
        fix="run the command in a checkout of the project, or plan without --base",
    )


def _failed(done: "subprocess.CompletedProcess[bytes]") -> Unavailable:
    what: Sequence[str] = [str(each) for each in done.args]
    return Unavailable(
        "revision-unreadable",
        "git cannot give the earlier version of the project",
        why=f"git {' '.join(what[3:5])}: {_last_line(done)}",
        fix="run `git fsck`; in a partial clone, fetch the revision's files first",
    )


def _last_line(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"exit status {done.returncode}"
