"""Each name of `docs/compatibility.yml` is tried: what works must be there, what is refused not.

When a test fails because something works by now, change its row there and run
`python tools/reference.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import click
import pytest
from jinja2 import Undefined
from jinja2.sandbox import SandboxedEnvironment
from tools.compatibility import Row, read_sections

from headwater.base.errors import HeadwaterError
from headwater.cli.dbt_options import command_fault_or_none, option_fault_or_none, prepare
from headwater.cli.main import COMMANDS, hw
from headwater.graph.graph import Graph
from headwater.graph.host import CompileHost
from headwater.graph.lookup import NoLookup
from headwater.graph.match import make_matcher
from headwater.graph.past import NoPast
from headwater.graph.references import resolve_graph, resolve_references
from headwater.project.context import node_context
from headwater.project.node import ResourceType
from headwater.project.project import Project
from headwater.workspace import Workspace

SECTIONS = read_sections()
FILES = {
    "dbt_project.yml": 'name: shop\nversion: "1.0"\n',
    "models/m.sql": "select 1 as id\n",
}


@dataclass(frozen=True)
class World:
    """A small project, what its model sees, and the options of all commands."""

    folder: Path
    project: Project
    graph: Graph
    context: Mapping[str, object]
    environment: SandboxedEnvironment


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("shop")
    read = checked(folder, {}, lambda workspace: workspace.read().project)
    assert isinstance(read, Project)
    found = resolve_references(read)
    (key,) = read.nodes
    node = read.nodes[key]
    host = CompileHost(node, found.names, frozenset(), {}, NoLookup())
    environment = read.templates.template("{{ 1 }}", name="x").environment
    assert isinstance(environment, SandboxedEnvironment)
    context = node_context(read, node, host, found.depends_on)
    return World(folder, read, resolve_graph(read).graph, context, environment)


OWN = (
    "{% materialization of_my_own, default %}{{ return({'relations': [this]}) }}"
    "{% endmaterialization %}"
    "{% macro get_incremental_of_my_own_sql(args) %}select 1{% endmacro %}"
)
"""What a project that has a materialization and a strategy of its own has."""


def checked(folder: Path, files: Mapping[str, str], ask: Callable[[Workspace], object]) -> object:
    for name, text in {**FILES, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with Workspace.open(folder, environment={"HEADWATER_CACHE_DIR": "off"}) as workspace:
        return ask(workspace)


def said(folder: Path, files: Mapping[str, str]) -> set[str]:
    """Return the words of every finding about unknown keys."""

    def ask(workspace: Workspace) -> object:
        return {
            found.what
            for found in workspace.read().diagnostics
            if found.name in {"unknown-key", "project-malformed"}
        }

    words = checked(folder, files, ask)
    assert isinstance(words, set)
    return words


def rows_of(kind: str) -> Iterator[tuple[str, Row]]:
    for section in SECTIONS:
        if section.kind == kind:
            yield from ((name, row) for row in section.rows for name in row.names)


def wrong(kind: str, is_there: Callable[[str], bool]) -> list[str]:
    """Return the names whose declared state is not what was found."""
    return [name for name, row in rows_of(kind) if is_there(name) != (row.state != "refused")]


def test_every_kind_of_row_is_tried_or_says_that_it_is_a_fact() -> None:
    tried = {
        "project-key", "property-key", "column-key", "model-key", "resource-type", "context",
        "module", "config", "exceptions", "graph", "adapter", "relation", "column", "macro",
        "materialization", "strategy", "method", "command", "option", "fact",
    }  # fmt: skip

    assert {section.kind for section in SECTIONS} <= tried


def test_keys_of_the_project_file(tmp_path: Path) -> None:
    def is_there(key: str) -> bool:
        text = FILES["dbt_project.yml"]
        files = {"dbt_project.yml": text if f"{key}:" in text else f"{text}{key}: null\n"}
        return not any(f"`{key}`" in words for words in said(tmp_path, files))

    assert wrong("project-key", is_there) == []
    assert not is_there("model-pathes")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("property-key", "{key}: null\n"),
        ("model-key", "models: [{{name: m, {key}: null}}]\n"),
        ("column-key", "models: [{{name: m, columns: [{{name: id, {key}: null}}]}}]\n"),
    ],
)
def test_keys_of_properties_files(kind: str, text: str, tmp_path: Path) -> None:
    def is_there(key: str) -> bool:
        words = said(tmp_path, {"models/s.yml": text.format(key=key)})
        return key == "name" or not any(f"`{key}`" in each for each in words)

    assert wrong(kind, is_there) == []
    assert not is_there("nme")


def test_types_of_nodes() -> None:
    assert wrong("resource-type", get_args(ResourceType).__contains__) == []


def test_names_in_jinja(world: World) -> None:
    index = world.project.templates.index

    def is_there(name: str) -> bool:
        own = name == "context"
        return own or name in world.context or index.find_or_none("shop", name) is not None

    assert wrong("context", is_there) == []


@pytest.mark.parametrize("kind", ["module", "exceptions", "graph"])
def test_items_of_a_name_in_jinja(kind: str, world: World) -> None:
    holder = world.context["modules" if kind == "module" else kind]
    assert isinstance(holder, Mapping)

    assert wrong(kind, holder.__contains__) == []


@pytest.mark.parametrize("kind", ["config", "adapter", "relation", "column"])
def test_methods_of_a_value_in_jinja(kind: str, world: World) -> None:
    api = world.context["api"]
    assert isinstance(api, Mapping)
    holders = {
        "relation": (api["Relation"], api["Relation"].create(identifier="x")),
        "column": (api["Column"], api["Column"]("name", "integer")),
    }

    def is_there(name: str) -> bool:
        wanted = holders.get(kind, (world.context.get(kind),))
        found = [world.environment.getattr(holder, name) for holder in wanted]
        return any(not isinstance(each, Undefined) and not is_refused(each) for each in found)

    assert wrong(kind, is_there) == []


def is_refused(function: object) -> bool:
    """Say whether an adapter's method only says that it changes the lake."""
    if type(function).__name__ != "_Refused":
        return False
    assert callable(function)
    with pytest.raises(Exception, match="only the steps of a plan do"):
        function()
    return True


def test_global_macros(world: World) -> None:
    assert wrong("macro", world.project.templates.index.global_macros.__contains__) == []


@pytest.mark.parametrize(
    ("kind", "config", "code"),
    [
        ("materialization", "materialized='{name}'", "materialization-unknown"),
        (
            "strategy",
            "materialized='incremental', incremental_strategy='{name}', partition_by='id'",
            "incremental-strategy-unknown",
        ),
    ],
)
def test_materializations_and_strategies(kind: str, config: str, code: str, tmp_path: Path) -> None:
    def is_there(name: str) -> bool:
        text = "{{ config(" + config.format(name=name) + ") }} select 1 as id"

        def ask(workspace: Workspace) -> object:
            return [found.name for found in workspace.check().diagnostics]

        names = checked(tmp_path, {"models/m.sql": text, "macros/own.sql": OWN}, ask)
        assert isinstance(names, list)
        return code not in names

    assert wrong(kind, is_there) == []


def test_selection_methods(world: World) -> None:
    def is_there(name: str) -> bool:
        try:
            make_matcher(world.graph, name, "x", NoPast())
        except HeadwaterError as error:
            return "is no selection method" not in f"{error.what} {error.why}"
        return True

    assert wrong("method", is_there) == []
    assert not is_there("colour")


def test_commands() -> None:
    def is_there(name: str) -> bool:
        return name in {*COMMANDS, "list"}

    refused = [name for name, row in rows_of("command") if row.state == "refused"]
    assert wrong("command", is_there) == []
    assert [name for name in refused if command_fault_or_none(name) is None] == []


def test_options() -> None:
    known = set(known_options())

    def is_there(option: str) -> bool:
        return option in known or option not in prepare(("build", option, "x")).arguments

    refused = [name for name, row in rows_of("option") if row.state == "refused"]
    dropped = [name for name, row in rows_of("option") if row.state == "accepted"]
    assert wrong("option", is_there) == []
    assert [name for name in refused if option_fault_or_none(name, "build") is None] == []
    assert [name for name in dropped if name in known] == []


def known_options() -> Iterator[str]:
    assert isinstance(hw, click.Group)
    for name in COMMANDS:
        command = hw.get_command(click.Context(hw), name)
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        for each in (command, *inner):
            assert each is not None
            for parameter in each.params:
                yield from (*parameter.opts, *parameter.secondary_opts)
