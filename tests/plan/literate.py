"""Literate plans: a Markdown file tells a story, and the plan it leads to is part of the text.

Blocks of a case, all YAML but the last:

- ``before``: the project as deployed, and what happened since: ``commits``, ``lateness``,
  ``prices``, ``tables`` (statistics to set), ``history`` (meters to set).
- ``now``: nodes that differ from ``before``; null removes one.
- ``options``: PlanOptions.
- ``plan``: the lines of ``hw plan``; rewritten when HEADWATER_UPDATE=1 is set.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from tests.plan.world import World, apply, commit, relation, with_sources

from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.show import show_plan
from headwater.plan.state import Lateness, Prices, State

Document = Mapping[str, Any]
BLOCK = re.compile(r"^```(?:yaml|text) (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CREATED_AT = "2026-11-21T06:30:00Z"


def read_blocks(text: str) -> dict[str, str]:
    return {match[1]: match[2] for match in BLOCK.finditer(text)}


def plan_of_case(text: str) -> tuple[Plan, Graph, State]:
    """Build the world that a case describes and plan in it."""
    blocks = read_blocks(text)
    before: Document = yaml.safe_load(blocks.get("before", "")) or {}
    now: Document = yaml.safe_load(blocks.get("now", "")) or {}
    options = _options(yaml.safe_load(blocks.get("options", "")) or {})
    state = State(today="2026-11-20")
    if before.get("nodes") and before.get("deployed", True):
        graph = _world(before["nodes"]).graph()
        state = with_sources(graph, state)
        state = apply(make_plan(graph, state, PlanOptions()), graph, state)
    graph = _world({**before.get("nodes", {}), **now.get("nodes", {})}).graph()
    state = _happen(before, with_sources(graph, state))
    return make_plan(graph, state, options), graph, state


def render_case(text: str) -> str:
    """Return the case's text with the plan as it is now."""
    plan, _, _ = plan_of_case(text)
    lines = "\n".join(show_plan(plan))
    return re.sub(r"(?ms)^```text plan\n.*?^```$", lambda _: f"```text plan\n{lines}\n```", text)


def cases() -> list[Path]:
    return sorted((Path(__file__).parents[1] / "cases" / "plan").glob("*.md"))


def _world(nodes: Document) -> World:
    world = World()
    for name, spec in nodes.items():
        if spec is not None:
            _add(world, name, dict(spec))
    return world


def _add(world: World, name: str, spec: dict[str, Any]) -> None:
    if "source" in spec:
        world.source(name, spec["source"])
        return
    if "seed" in spec:
        world.seed(name, spec["seed"], checksum=str(spec.get("checksum", 1)))
        return
    if "exposure" in spec:
        world.exposure(name, *spec.pop("exposure"), **spec)
    elif "not_null" in spec:
        world.not_null(*spec["not_null"].split("."))
    elif "unique" in spec:
        world.unique(*spec["unique"].split("."))
    elif "test" in spec:
        world.test(name, spec.pop("attached"), spec.pop("test"), **spec)
    elif "snapshot" in spec:
        world.snapshot(name, spec.pop("snapshot"), **spec)
    elif "view" in spec:
        world.view(name, spec.pop("view"), **spec)
    else:
        clock = spec.pop("reads_clock", "")
        world.model(name, spec.pop("sql"), **spec)
        world.add(replace(world.made[name], reads_clock=clock))


def _happen(before: Document, state: State) -> State:
    for name, commits in before.get("commits", {}).items():
        for one in commits:
            state = commit(state, name, **one)
    for name, facts in before.get("tables", {}).items():
        key = str(relation(name))
        table = replace(state.tables[key], **facts) if facts is not None else None
        tables = {k: v for k, v in state.tables.items() if k != key}
        state = replace(state, tables=MappingProxyType(tables | ({key: table} if table else {})))
    for node, facts in before.get("history", {}).items():
        state = _with_meters(state, NodeId(node), facts)
    for node, facts in before.get("records", {}).items():
        record = replace(state.deployed[NodeId(node)], **facts)
        deployed = MappingProxyType({**state.deployed, NodeId(node): record})
        state = replace(state, deployed=deployed)
    lateness = tuple(
        Lateness(
            table=relation(late["table"]),
            column=late["column"],
            rows=sum(rows for _, rows in late["buckets"]),
            buckets=tuple((hours, rows) for hours, rows in late["buckets"]),
        )
        for late in before.get("lateness", [])
    )
    prices = Prices(**before["prices"]) if "prices" in before else None
    return replace(state, lateness=lateness, prices=prices, today="2026-11-21")


def _with_meters(state: State, node: NodeId, facts: Document) -> State:
    """Repeat a node's last run ``runs`` times with the given meters and action."""
    [last, *_] = state.history[node]
    meter = replace(last.meter, **facts.get("meter", {}))
    run = replace(last, meter=meter, action=facts.get("action", last.action))
    history = MappingProxyType({**state.history, node: (run,) * facts.get("runs", 1)})
    return replace(state, history=history)


def _options(raw: Document) -> PlanOptions:
    selected = raw.get("selected")
    return PlanOptions(
        selected=None if selected is None else frozenset(selected),
        full_refresh=raw.get("full_refresh", False),
        force=raw.get("force", False),
        tests=raw.get("tests", "gate"),
        severities=raw.get("severities", {}),
        created_at=CREATED_AT,
    )
