"""``state:`` selects what dbt selects: after each of many changes, from dbt's manifest and ours."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.peer.state_pairs import CASES, CHANGES, ENVIRONMENTS, VALUES, write_project

from headwater.base.artifacts import ArtifactFacts
from headwater.base.errors import HeadwaterError
from headwater.graph.choose import Selection
from headwater.graph.compared import Compared
from headwater.graph.manifest import make_manifest
from headwater.graph.previous import read_previous
from headwater.graph.references import resolve_graph
from headwater.graph.select import select
from headwater.reader import Reader
from headwater.runs.listing import list_rows
from headwater.runs.past import Left

ANSWERS: Mapping[str, Mapping[str, list[str]]] = json.loads(
    (CASES / "selected.json").read_text(encoding="utf-8")
)
NO_FACTS = ArtifactFacts(generated_at="", invocation_id="")


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Path]]:
    """Folders of the base project's manifest: dbt's, and one that we write."""
    project = write_project(tmp_path_factory.mktemp("base"))
    with Reader.open(project, environment={}) as reader:
        reader.parse()
    yield {"dbt": CASES, "ours": project / "target"}
    shutil.rmtree(project)


def select_all(project: Path, state: Path, environment: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what every value of ``state:`` selects, the project being read once."""
    with Reader.open(project, environment=environment) as reader:
        read = reader.read("list").project
        assert read is not None
        graph = resolve_graph(read).graph
        text = (state / "manifest.json").read_text(encoding="utf-8")
        compared = Compared(read, graph, lambda: read_previous(text, "manifest.json"))
        listed = list_rows(make_manifest(read, graph, NO_FACTS), graph, graph.nodes)
        past = Left(state=state, own=state, compared=compared)
        found = {value: select(graph, (f"state:{value}",), past=past).nodes for value in VALUES}
    return {
        value: sorted(str(row["selector"]) for row in listed if row["unique_id"] in chosen)
        for value, chosen in found.items()
    }


@pytest.mark.parametrize("name", [*CHANGES, *ENVIRONMENTS])
def test_state_selects_what_dbt_selects(
    tmp_path: Path, states: Mapping[str, Path], name: str
) -> None:
    project = write_project(tmp_path, CHANGES.get(name, {}))
    environment = ENVIRONMENTS.get(name, {})

    actual = {writer: select_all(project, state, environment) for writer, state in states.items()}

    assert actual == {"dbt": ANSWERS[name], "ours": ANSWERS[name]}


def test_a_versioned_contract_that_is_broken_is_an_error(tmp_path: Path) -> None:
    project = write_project(tmp_path / "after", {"models/marts/promised.sql": None})
    earlier = json.loads((CASES / "manifest.json").read_text(encoding="utf-8"))
    earlier["nodes"]["model.shop.promised"]["version"] = 1
    state = tmp_path / "state"
    state.mkdir()
    (state / "manifest.json").write_text(json.dumps(earlier), encoding="utf-8")
    marts = project / "models" / "marts" / "_marts.yml"
    marts.unlink()

    with Reader.open(project, environment={}) as reader:
        selection = Selection(include=("state:modified",), state=str(state))
        found = reader.ls(selection).diagnostics

    assert [(each.name, each.severity) for each in found] == [("contract-broken", "error")]
    assert "deleted or renamed" in found[0].what


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "state-missing"),
        ("{", "state-unreadable"),
        ("[" * 100_000, "state-unreadable"),
        ("[]", "state-unreadable"),
        ('{"metadata": 1, "nodes": {}}', "state-unreadable"),
        ('{"metadata": {"dbt_schema_version": "x/manifest/v99.json"}, "nodes": {}}',
         "state-unreadable"),
        ('{"metadata": {"dbt_schema_version": "x/manifest/v12.json"}, "nodes": []}',
         "state-unreadable"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_compared_with_is_refused(
    tmp_path: Path, text: str | None, code: str
) -> None:
    project = write_project(tmp_path)
    (project / "before").mkdir()
    if text is not None:
        (project / "before" / "manifest.json").write_text(text, encoding="utf-8")

    with Reader.open(project, environment={}) as reader, pytest.raises(HeadwaterError) as caught:
        reader.ls(Selection(include=("state:new",), state="before"))

    assert caught.value.code == code


def test_entries_of_a_manifest_that_are_no_entries_are_taken_as_not_there(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    document = {
        "metadata": {"dbt_schema_version": "https://example.org/manifest/v12.json"},
        "nodes": {"model.shop.orders": None, "model.shop.promised": {"columns": 7, "config": []}},
        "macros": {"macro.shop.unused": "text"},
        "sources": [],
    }
    (project / "manifest.json").write_text(json.dumps(document), encoding="utf-8")

    with Reader.open(project, environment={}) as reader:
        rows = reader.ls(Selection(include=("state:old",), state=str(project))).rows

    assert [row["name"] for row in rows] == ["promised"]


@pytest.mark.parametrize("value", ["changed", "modified.inputs", "modified.", "*"])
def test_a_word_that_state_does_not_know_is_refused(tmp_path: Path, value: str) -> None:
    project = write_project(tmp_path)

    with Reader.open(project, environment={}) as reader, pytest.raises(HeadwaterError) as caught:
        reader.ls(Selection(include=(f"state:{value}",), state=str(CASES)))

    assert caught.value.code == "selector-invalid"


def test_state_without_a_folder_is_refused(tmp_path: Path) -> None:
    with (
        Reader.open(write_project(tmp_path), environment={}) as reader,
        pytest.raises(HeadwaterError) as caught,
    ):
        reader.ls(Selection(include=("state:new",)))

    assert caught.value.code == "selector-no-past"
