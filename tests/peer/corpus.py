"""The corpus: public dbt projects at fixed commits, their packages, and copies of them to work in.

A copy has its packages under ``dbt_packages``, so that neither tool fetches anything, and a DuckDB
profile of the name that the project asks for.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.peer.public import fetch

DATABASE = "corpus.duckdb"
ITSELF = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A public repository at a commit."""

    repository: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A project of the corpus.

    Attributes:
        name: What this harness calls it.
        source: Where it is.
        folder: The project's folder in the repository.
        packages: Packages by the name that they have under ``dbt_packages``: another repository,
            or a folder of the same one, such as ``"."``.
        profile: The profile it asks for.
        environment: Environment variables that it reads.
        removed: Files and folders of the project that are left out, each with the reason.
        is_built: Whether both tools build it before they compile it, so that macros that look at
            rows and columns find the same.
        is_staged: Whether both find empty tables instead, because its SQL is not DuckDB's.
        has_made_rows: Whether its seeds get made rows before it is built: theirs are not public.
        is_large: Whether it has so many nodes that its golden keeps one hash a file.
    """

    name: str
    source: Source
    folder: str = ""
    packages: Mapping[str, Source | str] = field(default_factory=dict)
    profile: str = "integration_tests"
    environment: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)
    is_built: bool = False
    is_staged: bool = False
    has_made_rows: bool = False
    is_large: bool = False


def _at(repository: str, commit: str) -> Source:
    return Source(repository=repository, commit=commit)


UTILS = _at("dbt-labs/dbt-utils", "700764ce230b2fb775b5338b6bc77a72233ea34c")
DATE = _at("godatadriven/dbt-date", "e706de9630b228aae58a2bb0e99f34b19abb4688")
EXPECTATIONS = _at("metaplane/dbt-expectations", "77d385655ce3318685cf6930b46d077f61de5f55")
AUDIT = _at("dbt-labs/dbt-audit-helper", "3bd0ca4e9d79b7d740ad7e77384b3d03a16cf242")
CODEGEN = _at("dbt-labs/dbt-codegen", "526cb1f0e8464d88b931e0249b4198039f15d641")
EVALUATOR = _at("dbt-labs/dbt-project-evaluator", "927abbd523b627f4f1595e2fb93ebf2244314bd6")
ELEMENTARY = _at("elementary-data/dbt-data-reliability", "ccb0de3409756b7c3d2a08a6216be7ba548c18ab")
ARTIFACTS = _at("brooklyn-data/dbt_artifacts", "6d37fa068c47de8ab85722047ca5af3f873cd508")
TUVA = _at("tuva-health/tuva", "6be34c7add402a897dd020fa51c6be586847eb41")
SPELLBOOK = _at("duneanalytics/spellbook", "91dac121414fe46afdb47690ea5906871373dba5")
CAL_ITP = _at("cal-itp/data-infra", "f20856f3f4cfe37f9e36f42bfe3ea22f6d4a2cfa")
MATTERMOST = _at("mattermost/mattermost-data-warehouse", "61af2424d790a8f83267f2b9ee12589fd32bcfa9")
QUERY_TAGS = _at("get-select/dbt-snowflake-query-tags", "20d2973611c25fb59801d9e4febb155d681c4e3d")

CORPUS: tuple[Subject, ...] = (
    Subject(
        name="jaffle_shop_duckdb",
        source=_at("dbt-labs/jaffle_shop_duckdb", "9b13827913b230a045b0a71736a00e2053fbcb16"),
        profile="jaffle_shop",
    ),
    Subject(
        name="jaffle-shop",
        source=_at("dbt-labs/jaffle-shop", "7be2c5838dbdeca8e915d4e46db70e910753d7f6"),
        packages={"dbt_utils": UTILS, "dbt_date": DATE, "audit_helper": AUDIT},
        profile="default",
    ),
    Subject(
        name="dbt-utils",
        source=UTILS,
        folder="integration_tests",
        is_built=True,
        packages={"dbt_utils": ITSELF},
    ),
    Subject(
        name="dbt-date", source=DATE, folder="integration_tests", packages={"dbt_date": ITSELF}
    ),
    Subject(
        name="dbt-expectations",
        source=EXPECTATIONS,
        folder="integration_tests",
        is_built=True,
        packages={"dbt_expectations": ITSELF, "dbt_date": DATE},
    ),
    Subject(
        name="dbt-audit-helper",
        source=AUDIT,
        folder="integration_tests",
        is_built=True,
        packages={"audit_helper": ITSELF, "dbt_utils": UTILS},
    ),
    Subject(
        name="dbt-codegen",
        source=CODEGEN,
        folder="integration_tests",
        is_built=True,
        packages={"codegen": ITSELF, "dbt_utils": UTILS},
    ),
    Subject(
        name="dbt-project-evaluator",
        source=EVALUATOR,
        folder="integration_tests",
        is_built=True,
        packages={
            "dbt_project_evaluator": ITSELF,
            "exclude_package": "integration_tests/exclude_package",
            "dbt_utils": UTILS,
        },
    ),
    Subject(
        name="dbt-project-evaluator-2",
        source=EVALUATOR,
        folder="integration_tests_2",
        is_built=True,
        packages={"dbt_project_evaluator": ITSELF, "dbt_utils": UTILS},
    ),
    Subject(
        name="elementary",
        source=ELEMENTARY,
        folder="integration_tests/dbt_project",
        packages={"elementary": ITSELF, "dbt_utils": UTILS},
        profile="elementary_tests",
    ),
    Subject(
        name="dbt_artifacts",
        source=ARTIFACTS,
        folder="integration_test_project",
        packages={"dbt_artifacts": ITSELF},
        profile="dbt_artifacts",
    ),
    Subject(
        name="tuva",
        source=TUVA,
        folder="integration_tests",
        packages={
            "the_tuva_project": ITSELF,
            "dbt_utils": UTILS,
            "dbt_expectations": EXPECTATIONS,
            "dbt_date": DATE,
            "elementary": ELEMENTARY,
        },
        profile="default",
        is_staged=True,
        has_made_rows=True,
    ),
    Subject(
        name="cal-itp",
        source=CAL_ITP,
        folder="warehouse",
        packages={"dbt_utils": UTILS, "dbt_expectations": EXPECTATIONS, "dbt_date": DATE},
        profile="calitp_warehouse",
        is_staged=True,
    ),
    Subject(
        name="mattermost",
        source=MATTERMOST,
        folder="transform/mattermost-analytics",
        packages={
            "dbt_utils": UTILS,
            "codegen": CODEGEN,
            "dbt_project_evaluator": EVALUATOR,
            "dbt_snowflake_query_tags": QUERY_TAGS,
        },
        profile="snowflake",
        is_staged=True,
    ),
    Subject(
        name="spellbook-hourly",
        source=SPELLBOOK,
        folder="dbt_subprojects/hourly_spellbook",
        packages={"dbt_utils": UTILS},
        profile="spellbook-local",
        is_large=True,
    ),
)


def subject(name: str) -> Subject:
    """Return the project of a name.

    Raises:
        LookupError: There is none.
    """
    found = next((each for each in CORPUS if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in CORPUS)
        raise LookupError(f"`{name}` is not in the corpus; there are {known}")
    return found


def prepare(project: Subject, folder: Path, absent: frozenset[str] = frozenset()) -> Path:
    """Write a working copy of a project with its packages and a profile, and return its folder.

    Args:
        project: Which one.
        folder: Where to; must not be there.
        absent: Paths that are left out though the clone has them: a golden was made without them.

    Raises:
        pytest.skip.Exception: A repository can not be had.
    """
    missing = fetch(project.source.repository, folder / "repository", project.source.commit)
    for path in absent - set(missing):
        (folder / "repository" / path).unlink(missing_ok=True)
    home = folder / "repository" / project.folder
    for path in project.removed:
        (home / path).unlink()
    for name, package in project.packages.items():
        _install(package, folder, home / "dbt_packages" / name)
    (folder / "absent.json").write_text(json.dumps(sorted(missing)), encoding="utf-8")
    outputs = {"dev": {"type": "duckdb", "path": DATABASE, "threads": 2}}
    profile = {project.profile: {"target": "dev", "outputs": outputs}}
    (home / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    return home


def _install(package: Source | str, folder: Path, into: Path) -> None:
    if isinstance(package, Source):
        fetch(package.repository, into, package.commit)
        return
    skipped = shutil.ignore_patterns("dbt_packages", "integration_test*", ".git*")
    if package != ITSELF:
        skipped = shutil.ignore_patterns("dbt_packages")
    shutil.copytree(folder / "repository" / package, into, ignore=skipped)
