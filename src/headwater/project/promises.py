"""What a model's properties promise to others: who may read it, its keys, until when it is there.

Checked while reading, as dbt does: a promise that cannot be kept is a fault of the project.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.project.calls import calls_in
from headwater.project.findings import wrong_shape
from headwater.project.node import Node, Ref, SourceRef
from headwater.project.reading import Entry


def check_promises_of(node: Node, entry: Entry | None) -> Iterator[Diagnostic]:
    """Report a model's properties that cannot be meant."""
    where = entry.span() if entry else node.where
    access = node.config.get("access")
    if access == "public" and node.materialized == "ephemeral":
        what = f"`{node.search_name}` is ephemeral, and cannot be public"
        yield wrong_shape(what, where, "build it as a view, or leave `access: public` out")
    if entry is not None:
        yield from _check_deprecation(node, entry)
        yield from _check_keys(node, entry)
        yield from _check_foreign_keys(node, entry)


def _check_deprecation(node: Node, entry: Entry) -> Iterator[Diagnostic]:
    written = entry.values.get("deprecation_date")
    if written is None:
        return
    try:
        datetime.fromisoformat(str(written).strip())
    except ValueError:
        what = f"`deprecation_date` of `{node.search_name}` is {written!r}, which is no date"
        fix = "write a date or a time such as 2026-12-31 or 2026-12-31T12:00:00+00:00"
        yield wrong_shape(what, entry.span("deprecation_date"), fix)


def _check_keys(node: Node, entry: Entry) -> Iterator[Diagnostic]:
    """Report two primary keys: on several columns, or on a column and the model."""
    keys = [
        name
        for name, column in node.columns.items()
        if any(each.get("type") == "primary_key" for each in column.constraints)
    ]
    has_own = any(each.get("type") == "primary_key" for each in _own_constraints(node))
    if len(keys) > 1 or (keys and has_own):
        what = f"`{node.search_name}` has more than one primary key"
        fix = "write one for the model: `constraints: [{type: primary_key, columns: [a, b]}]`"
        yield wrong_shape(what, entry.span(), fix)


def _check_foreign_keys(node: Node, entry: Entry) -> Iterator[Diagnostic]:
    for each in _foreign_keys(node):
        to = each.get("to")
        if to and not tuple(calls_in(str(to))):
            what = f"a foreign key of `{node.search_name}` leads to `{to}`"
            yield wrong_shape(what, entry.span(), "write `to: ref('orders')`, or a `source()`")


def _foreign_keys(node: Node) -> Iterator[Mapping[str, Json]]:
    columns = [each for column in node.columns.values() for each in column.constraints]
    for each in (*_own_constraints(node), *columns):
        if each.get("type") == "foreign_key":
            yield each


def _own_constraints(node: Node) -> Iterator[Mapping[str, Json]]:
    written = node.declared.get("constraints")
    for each in written if isinstance(written, list) else ():
        if isinstance(each, dict):
            yield each


def with_foreign_keys(node: Node) -> Node:
    """Let a model refer to the tables that its foreign keys name, as dbt does."""
    calls = [call for each in _foreign_keys(node) for call in calls_in(str(each.get("to") or ""))]
    if not calls:
        return node
    refs = dict.fromkeys(call for call in calls if isinstance(call, Ref))
    sources = dict.fromkeys(call for call in calls if isinstance(call, SourceRef))
    return replace(node, refs=(*node.refs, *refs), sources=(*node.sources, *sources))
