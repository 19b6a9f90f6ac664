"""The public jaffle shops, unchanged, beside dbt-core and dbt-duckdb: each relation is the same."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.peer.jaffle import write_missing_seeds
from tests.peer.public import PROJECTS, fetch, peer_python
from tests.peer.relations import Contents, as_stored, of_database, ours, without

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]

PEER = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0")
DATABASE = "jaffle_shop.duckdb"
OWN_PROFILE = "profiles.theirs"
SOURCE = str(Path(__file__).parents[2] / "src")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A public project and how it is built.

    Attributes:
        repository: Where it is.
        profile: Name of the profile that it asks for.
        options: Options of every command.
        stored_otherwise: Columns whose type Delta lacks, as ``schema.table.column``.
        edit: A seed file, a text in one row of it, and what it becomes.
        rebuilt: Every node that reads that row, and the seed.
    """

    repository: str
    profile: str
    options: tuple[str, ...]
    stored_otherwise: frozenset[str]
    edit: tuple[str, str, str]
    rebuilt: frozenset[str]


SMALL = Shop(
    repository="dbt-labs/jaffle_shop_duckdb",
    profile="jaffle_shop",
    options=(),
    stored_otherwise=frozenset(),
    edit=("seeds/raw_customers.csv", "1,Michael,P.", "1,Michelle,P."),
    rebuilt=frozenset({"seed.raw_customers", "model.customers"}),
)
LARGE = Shop(
    repository="dbt-labs/jaffle-shop",
    profile="default",
    options=("--vars", "{load_source_data: true}"),
    stored_otherwise=frozenset({"main.orders.count_food_items", "main.orders.count_drink_items"}),
    edit=("seeds/jaffle-data/raw_products.csv", "doctor stew", "professor stew"),
    rebuilt=frozenset(
        {
            "seed.raw_products", "model.products", "model.order_items", "model.orders",
            "model.customers",
        }
    ),
)  # fmt: skip
SHOPS = [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large")]


def call(folder: Path, *command: str | Path, **environment: str) -> str:
    hidden = ("DBT_", "HEADWATER_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


def hw(project: Path, *arguments: str) -> dict[str, Any]:
    command = (sys.executable, "-m", "headwater", *arguments, "--output", "json")
    document: dict[str, Any] = json.loads(call(project, *command, PYTHONPATH=SOURCE))
    return document


def dbt(project: Path, *arguments: str) -> None:
    program = peer_python(*PEER).parent / "dbt"
    call(project, program, "--quiet", *arguments, DBT_SEND_ANONYMOUS_USAGE_STATS="false")


def write_profile(project: Path, shop: Shop) -> Path:
    """Put a dbt-duckdb profile in place, the project's own if it has one; return its database."""
    if (project / OWN_PROFILE).exists():
        (project / OWN_PROFILE).rename(project / "profiles.yml")
    else:
        outputs = {"dev": {"type": "duckdb", "path": DATABASE, "threads": 2}}
        profile = {shop.profile: {"target": "dev", "outputs": outputs}}
        (project / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    return project / DATABASE


def build_theirs(project: Path, shop: Shop) -> None:
    # The large shop reads its seeds as sources, which dbt does not know to load first.
    dbt(project, "seed", *shop.options)
    dbt(project, "build", *shop.options)


def edit_seed(project: Path, shop: Shop) -> None:
    file, before, after = shop.edit
    text = (project / file).read_text(encoding="utf-8")
    assert text.count(before) == 1
    (project / file).write_text(text.replace(before, after), encoding="utf-8")


def statuses(run: Mapping[str, Any]) -> list[str]:
    return sorted({result["status"] for result in run["results"]})


Prepare = Callable[[Shop], Path]


@pytest.fixture(scope="module")
def prepare(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """Give a fresh copy of a project with its packages and seeds and without a profile."""
    kept: dict[str, Path] = {}

    def fresh(shop: Shop) -> Path:
        folder = tmp_path_factory.mktemp("shop")
        if shop.repository not in kept:
            write_missing_seeds(folder / "kept", fetch(shop.repository, folder / "kept"))
            if (folder / "kept/profiles.yml").exists():
                (folder / "kept/profiles.yml").rename(folder / "kept" / OWN_PROFILE)
            if (folder / "kept/packages.yml").exists():
                hw(folder / "kept", "deps", *(("--mirror", PROJECTS) if PROJECTS else ()))
            kept[shop.repository] = folder / "kept"
        return Path(shutil.copytree(kept[shop.repository], folder / "project"))

    return fresh


@pytest.fixture(scope="module")
def theirs(prepare: Prepare) -> Callable[[Shop], Mapping[str, Contents]]:
    """Give what dbt builds of a project."""
    kept: dict[str, Mapping[str, Contents]] = {}

    def built(shop: Shop) -> Mapping[str, Contents]:
        if shop.repository not in kept:
            project = prepare(shop)
            database = write_profile(project, shop)
            build_theirs(project, shop)
            kept[shop.repository] = of_database(database)
        return kept[shop.repository]

    return built


def assert_equal(
    actual: Mapping[str, Contents], expected: Mapping[str, Contents], shop: Shop
) -> None:
    otherwise = {
        f"{name}.{column}"
        for name, contents in expected.items()
        for (column, kind), (_, stored) in zip(
            contents.columns, as_stored(contents).columns, strict=True
        )
        if kind != stored
    }
    assert otherwise == shop.stored_otherwise
    assert sorted(actual) == sorted(expected)
    for name in actual:
        one, other = comparable(name, actual), as_stored(comparable(name, expected))
        assert one.columns == other.columns, name
        # Not one assertion on the rows themselves: showing how 80,000 rows differ takes minutes.
        only_ours, only_theirs = one.rows - other.rows, other.rows - one.rows
        assert list(only_ours)[:3] == list(only_theirs)[:3], name


def comparable(name: str, relations: Mapping[str, Contents]) -> Contents:
    """Leave out the number of a customer's order where the data has two orders on one day.

    Then the model's own text has more than one answer.
    """
    contents = relations[name]
    names = [column for column, _ in contents.columns]
    if "customer_order_number" not in names:
        return contents
    customer, day = names.index("customer_id"), names.index("ordered_at")
    days = [(row[customer], row[day]) for row in contents.rows.elements()]
    return contents if len(set(days)) == len(days) else without(contents, "customer_order_number")


@pytest.mark.parametrize("shop", SHOPS)
@pytest.mark.parametrize("has_profile", [False, True], ids=["no-profile", "dbt-profile"])
def test_every_relation_equals_what_dbt_builds(
    shop: Shop,
    has_profile: bool,
    prepare: Prepare,
    theirs: Callable[[Shop], Mapping[str, Contents]],
) -> None:
    project = prepare(shop)
    if has_profile:
        write_profile(project, shop)

    run = hw(project, "build", *shop.options)

    assert statuses(run) == ["pass", "success"]
    assert not (project / DATABASE).exists()
    assert_equal(ours(project), theirs(shop), shop)


@pytest.mark.parametrize("shop", SHOPS)
def test_tests_are_those_that_dbt_runs(shop: Shop, prepare: Prepare, tmp_path: Path) -> None:
    project = prepare(shop)

    run = hw(project, "build", *shop.options)

    write_profile(project, shop)
    dbt(project, "parse", "--target-path", str(tmp_path), *shop.options)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    kinds = ("model", "seed", "snapshot", "test", "unit_test")
    nodes = {**manifest["nodes"], **manifest["unit_tests"]}
    expected = {key for key, node in nodes.items() if node["resource_type"] in kinds}
    assert {result["node"] for result in run["results"]} == expected


@pytest.mark.parametrize("shop", SHOPS)
def test_a_second_build_does_nothing_and_an_edited_row_rebuilds_its_readers(
    shop: Shop, prepare: Prepare
) -> None:
    project = prepare(shop)
    hw(project, "build", *shop.options)

    second = hw(project, "plan", *shop.options)
    edit_seed(project, shop)
    run = hw(project, "build", *shop.options)

    assert {step["action"] for step in second["steps"]} == {"skip"}
    assert statuses(run) == ["pass", "success"]
    assert built(run["results"]) == shop.rebuilt
    peer = prepare(shop)
    database = write_profile(peer, shop)
    edit_seed(peer, shop)
    build_theirs(peer, shop)
    assert_equal(ours(project), of_database(database), shop)


@pytest.mark.parametrize("shop", SHOPS)
def test_no_rule_finds_anything_in_a_clean_project(shop: Shop, prepare: Prepare) -> None:
    project = prepare(shop)
    hw(project, "build", *shop.options)
    file = project / "dbt_project.yml"
    text = file.read_text(encoding="utf-8")
    # As if every model had changed, over tables that have rows.
    file.write_text(
        text.replace("\nmodels:\n", "\nmodels:\n  +post-hook: select 1\n"), encoding="utf-8"
    )

    plan = hw(project, "plan", *shop.options)

    unchanged = {step["node"] for step in plan["steps"] if step["action"] == "skip"}
    assert {node for node in unchanged if node.startswith("model.")} == set()
    # Its calendar reads the clock, which is told and no more than that.
    assert {found["name"] for found in plan["diagnostics"]} <= {"not-repeatable"}
    assert {found["severity"] for found in plan["diagnostics"]} <= {"info"}


def built(results: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the nodes that were built, without the project's name."""
    names = (result["node"].split(".") for result in results if result["status"] == "success")
    return {f"{kind}.{name}" for kind, _, name in names}
