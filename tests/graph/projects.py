"""Projects made without files: nodes and macros, as ``read_project`` would give them."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.graph.builders import model

from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.graph.graph import LookupTable
from headwater.jinja.context import ContextValues
from headwater.jinja.macros import MacroIndex, read_macros
from headwater.jinja.render import Templates
from headwater.project.node import Node, Ref
from headwater.project.options import Target
from headwater.project.project import PackageRead, Project
from headwater.project.shipped import read_shipped_macros


def sql(name: str, text: str, *refs: str, **options: Any) -> Node:
    """A model with its text; refs as ``read_project`` finds them."""
    node = model(name, *[Ref(name=ref) for ref in refs], **options)
    return dataclasses.replace(node, raw_code=text)


def ephemeral(name: str, text: str, *refs: str) -> Node:
    return sql(name, text, *refs, config={"materialized": "ephemeral"}, relation=None)


def project_of(
    *nodes: Node, macros: str = "", variables: Mapping[str, Any] | None = None
) -> Project:
    own, _ = read_macros(macros, package="shop", path="macros/m.sql", file="macros/m.sql")
    every = (*read_shipped_macros(), *own)
    target = Target(profile="shop", name="dev", type="headwater", catalog="shop", schema="main")
    return Project(
        name="shop",
        version="1.0",
        profile="shop",
        root="/shop",
        target=target,
        nodes={node.unique_id: node for node in sorted(nodes, key=lambda n: n.unique_id)},
        disabled={},
        macros={macro.unique_id: macro for macro in every},
        docs={},
        groups={},
        vars={"shop": variables or {}},
        dispatch={},
        packages=(PackageRead(name="shop", version="1.0", folder=""),),
        quoting={},
        on_run_start=(),
        on_run_end=(),
        templates=Templates(MacroIndex(every, root="shop", dispatch={})),
        context_values=ContextValues(
            project_name="shop",
            target={"name": "dev", "schema": "main", "database": "shop", "type": "duckdb"},
            run_started_at=datetime(2026, 11, 21, tzinfo=UTC),
            invocation_id="test",
            doc=lambda _package, name: name,
        ),
        checksum="checksum",
        paths={},
    )


@dataclasses.dataclass(frozen=True)
class Answer:
    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclasses.dataclass
class FixedLake:
    """A lake with given tables, which answers every query with the same rows."""

    tables: Mapping[TableName, tuple[Column, ...]] = dataclasses.field(default_factory=dict)
    rows: tuple[tuple[object, ...], ...] = ()
    asked: list[str] = dataclasses.field(default_factory=list)

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        return self.tables.get(relation)

    def relation_kind_or_none(self, relation: TableName) -> Any:
        return "table" if relation in self.tables else None

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        return None

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        return None

    def run_query(self, sql: str) -> LookupTable:
        self.asked.append(sql)
        return Answer((Column("value", "VARCHAR"),), self.rows)


def key(name: str) -> NodeId:
    return NodeId(f"model.shop.{name}")
