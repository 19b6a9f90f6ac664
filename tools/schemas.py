"""JSON Schemas of the documents that commands print, made from the values that they print.

Run by ``tools/reference.py``; the results are packaged, so that ``hw schema`` works offline.
"""

import dataclasses
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from headwater.base.codes import Code
from headwater.base.diagnostics import Diagnostic
from headwater.graph.paths import Path
from headwater.plan.books import PriceBook
from headwater.plan.migration import Migration
from headwater.plan.plan import Plan
from headwater.runs.accuracy import AccuracyReport
from headwater.runs.calibrate import Calibration
from headwater.runs.costs import CostReport
from headwater.runs.differences import Difference
from headwater.runs.effective import InForce
from headwater.runs.freshness import SourceAges
from headwater.runs.fsck import Checked
from headwater.runs.ingest import Ingested
from headwater.runs.proposals import Proposals
from headwater.runs.reprice import PriceDifference
from headwater.runs.run import Run
from headwater.runs.stored import StoredReport
from headwater.runs.upkeep import Upkeep
from headwater.runs.usage import Published

Schema = dict[str, Any]
_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
}


class _Definitions:
    """Schemas of dataclasses met on the way, by name, so that each is written once."""

    def __init__(self) -> None:
        self.by_name: dict[str, Schema] = {}

    def of(self, wanted: Any) -> Schema:
        """Return the schema of a type."""
        if isinstance(wanted, NewType):
            return self.of(wanted.__supertype__)
        if wanted in _SCALARS:
            return dict(_SCALARS[wanted])
        if dataclasses.is_dataclass(wanted):
            return self._dataclass(wanted)
        origin, arguments = get_origin(wanted), get_args(wanted)
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in {Union, UnionType}:
            return {"anyOf": [self.of(argument) for argument in arguments]}
        if origin is tuple and arguments[1:] == (Ellipsis,):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is tuple:
            return {"type": "array", "prefixItems": [self.of(part) for part in arguments]}
        if origin is not None and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return {}

    def _dataclass(self, wanted: Any) -> Schema:
        name = wanted.__name__
        if name not in self.by_name:
            self.by_name[name] = {}
            hints = get_type_hints(wanted)
            fields = [field.name for field in dataclasses.fields(wanted)]
            first = (wanted.__doc__ or "").strip().splitlines()[0]
            self.by_name[name] = {
                "type": "object",
                "description": first,
                "properties": {field: self.of(hints[field]) for field in fields},
                "required": fields,
            }
        return {"$ref": f"#/$defs/{name}"}


def _document(name: str, body: Schema, definitions: _Definitions) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"headwater.{name}/1",
        **body,
        "$defs": dict(sorted(definitions.by_name.items())),
    }


def _of_value(name: str, wanted: Any) -> Schema:
    definitions = _Definitions()
    body = definitions.of(wanted)
    inner = definitions.by_name.pop(body["$ref"].rpartition("/")[2])
    return _document(name, inner, definitions)


def _of_parts(name: str, parts: dict[str, Any]) -> Schema:
    """Make the schema of a document that a command puts together from parts."""
    definitions = _Definitions()
    properties: Schema = {"schema": {"const": f"headwater.{name}/1"}}
    for part, wanted in parts.items():
        properties[part] = wanted if isinstance(wanted, dict) else definitions.of(wanted)
    body = {"type": "object", "properties": properties, "required": list(properties)}
    return _document(name, body, definitions)


_END = {
    "type": "object",
    "properties": {"node": {"type": "string"}, "column": {"type": "string"}},
    "required": ["node", "column"],
}
_EDGE = {
    "type": "object",
    "properties": {
        "from": _END,
        "to": _END,
        "kind": {"enum": ["direct", "row"]},
        "subtype": {"type": "string"},
        "masking": {"type": "boolean"},
    },
    "required": ["from", "to", "kind", "subtype", "masking"],
}
_COLUMN = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
    "required": ["name", "type"],
}
_ANY_ROWS = {"type": "array", "items": {"type": "array"}}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_STRINGS = {"type": "array", "items": {"type": "string"}}


def make_schemas() -> dict[str, Schema]:
    """Return every document's schema by the document's name."""
    findings = tuple[Diagnostic, ...]
    return {
        "plan": _of_value("plan", Plan),
        "run": _of_value("run", Run),
        "fsck": _of_value("fsck", Checked),
        "ingest": _of_value("ingest", Ingested),
        "migration": _of_value("migration", Migration),
        "upkeep": _of_value("upkeep", Upkeep),
        "diff": _of_value("diff", Difference),
        "proposals": _of_value("proposals", Proposals),
        "freshness": _of_value("freshness", SourceAges),
        "cost": _of_value("cost", CostReport),
        "stored": _of_value("stored", StoredReport),
        "usage": _of_value("usage", Published),
        "accuracy": _of_value("accuracy", AccuracyReport),
        "price-diff": _of_value("price-diff", PriceDifference),
        "calibration": _of_value("calibration", Calibration),
        "price-books": _of_parts("price-books", {"books": _OBJECTS}),
        "price-book": _of_parts("price-book", {"digest": str, "file": str, "book": PriceBook}),
        "error": _of_parts("error", {"diagnostics": findings}),
        "check": _of_parts("check", {"nodes": int, "diagnostics": findings}),
        "parse": _of_parts(
            "parse", {"manifest": str | None, "nodes": int, "diagnostics": findings}
        ),
        "operation": _of_parts(
            "operation", {"macro": str, "said": tuple[str, ...], "diagnostics": findings}
        ),
        "compile": _of_parts("compile", {"results": _OBJECTS, "diagnostics": findings}),
        "sql": _of_parts(
            "sql",
            {
                "columns": {"type": "array", "items": _COLUMN},
                "rows": _ANY_ROWS,
                "truncated": bool,
            },
        ),
        "lineage": _of_parts(
            "lineage",
            {
                "edges": {"type": "array", "items": _EDGE},
                "paths": tuple[Path, ...],
                "paths_cut": bool,
                "diagnostics": findings,
            },
        ),
        "tables": _of_parts("tables", {"tables": _OBJECTS}),
        "table": _of_parts("table", {"table": {"type": "object"}}),
        "history": _of_parts("history", {"table": {"type": "string"}, "versions": _OBJECTS}),
        "config": _of_parts(
            "config",
            {"settings": tuple[InForce, ...], "diagnostics": tuple[Diagnostic, ...]},
        ),
        "debug": _of_parts("debug", {"checks": _OBJECTS}),
        "clean": _of_parts("clean", {"dry_run": bool, "removed": _STRINGS}),
        "docs": _of_parts("docs", {"files": _STRINGS, "diagnostics": findings}),
        "deps": _of_parts("deps", {"packages": _OBJECTS}),
        "init": _of_parts("init", {"project": str, "files": _STRINGS}),
        "code": _of_parts("code", {"code": Code}),
        "schemas": _of_parts("schemas", {"names": _STRINGS}),
        "codes": _of_parts("codes", {"codes": tuple[Code, ...]}),
    }
