"""What other tools answer to labelled queries; runs in their virtual environment, by itself.

Run: ``python lineage_answers.py CASES.json OUT.json``: for each tool and case the column edges
(source table, source column, target column), or null when the tool fails.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import sqlglot
from openlineage_sql import parse as parse_openlineage
from sqlglot import exp
from sqlglot.lineage import lineage
from sqllineage.core.metadata.dummy import DummyMetaDataProvider
from sqllineage.runner import LineageRunner

Case = dict[str, Any]
Edges = list[list[str | None]]

_DIALECTS = {"ansi": None, "sparksql": "spark"}


def by_sqllineage(case: Case) -> Edges:
    """Ask sqllineage."""
    is_query = case["sql"].lstrip("( \n").lower().startswith(("select", "with")) and not re.search(
        r"\binsert\b", case["sql"], re.IGNORECASE
    )
    sql = f"create table target as {case['sql']}" if is_query else case["sql"]  # it wants a target
    runner = LineageRunner(
        sql, dialect=case["dialect"], metadata_provider=DummyMetaDataProvider(case["schema"])
    )
    edges: Edges = []
    for path in runner.get_column_lineage():
        source, target = path[0], path[-1]
        table = getattr(source.parent, "raw_name", None)
        edges.append([table, source.raw_name, target.raw_name])
    return edges


def by_openlineage(case: Case) -> Edges:
    """Ask OpenLineage's parser, which knows no schemas."""
    answer = parse_openlineage([case["sql"]], dialect=case["dialect"])
    return [
        [source.origin.name if source.origin else None, source.name, column.descendant.name]
        for column in answer.column_lineage
        for source in column.lineage
    ]


def by_sqlglot(case: Case) -> Edges:
    """Ask sqlglot for the leaves of every output column."""
    dialect = _DIALECTS.get(case["dialect"], case["dialect"])
    statement = sqlglot.parse_one(case["sql"], read=dialect)
    query = statement if isinstance(statement, exp.Query) else statement.expression
    targets = [item.name for item in getattr(statement.this, "expressions", None) or []]
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name, columns in case["schema"].items():
        database, _, table = name.rpartition(".")
        schema.setdefault(database, {})[table] = dict.fromkeys(columns, "int")
    edges: Edges = []
    for place, (name, root) in enumerate(
        lineage(None, query, schema=schema or {}, dialect=dialect).items()
    ):
        target = targets[place] if place < len(targets) else name
        edges.extend(
            [node.expression.name, node.name.rpartition(".")[2], target]
            for node in root.walk()
            if not node.downstream and isinstance(node.expression, exp.Table)
        )
    return edges


def main() -> None:
    """Ask every tool every case."""
    cases = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answers = {}
    for name, ask in {
        "sqlglot": by_sqlglot,
        "sqllineage": by_sqllineage,
        "openlineage-sql": by_openlineage,
    }.items():
        started = time.process_time()
        found: list[Edges | None] = []
        for case in cases:
            try:
                found.append(ask(case))
            except Exception:  # noqa: BLE001 - a tool that fails has no answer
                found.append(None)
        answers[name] = {"cpu_seconds": time.process_time() - started, "edges": found}
    Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
