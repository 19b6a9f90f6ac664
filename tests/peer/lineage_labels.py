"""Gathers labelled column lineage from the tests of other tools, which are run to record it.

Runs by itself in an environment of these tools. A recorder stands in the place of their
assertions, so that nothing of their tests is kept in this repository.

Run: ``python lineage_labels.py FOLDER OUT.json``; ``lineage_peers`` puts the tests into FOLDER.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

RECORDER = """
import json, os

class Schemas(dict):
    pass

def generate_metadata_providers(schemas):
    return [Schemas(schemas), Schemas(schemas)]  # theirs gives two, of equal content

def assert_column_lineage_equal(
    sql, column_lineages=None, dialect="ansi", metadata_provider=None, **_ignored
):
    labels = [
        [source.qualifier, source.column, target.column]
        for source, target in column_lineages or []
    ]
    line = {"sql": sql, "dialect": dialect, "labels": labels, "schema": metadata_provider or {}}
    line["name"] = os.environ["PYTEST_CURRENT_TEST"].split(" ")[0].rpartition("/")[2]
    with open(os.environ["LABELS"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\\n")

def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *positional, **named: None
"""
WRAPPER = """
import json, os
import sqlglot, sqlglot.lineage
from sqlglot import exp
from sqlglot.schema import Schema

real = sqlglot.lineage.lineage

def lineage(column, sql, schema=None, sources=None, scope=None, dialect=None, **options):
    root = real(column, sql, schema, sources, scope, dialect, **options)
    query = sql if isinstance(sql, exp.Expr) else sqlglot.parse_one(sql, read=dialect)
    held = {
        name: sqlglot.maybe_parse(each, dialect=dialect) for name, each in (sources or {}).items()
    }
    text = exp.expand(query, held, dialect=dialect).sql(dialect) if held else query.sql(dialect)
    roots = root if isinstance(root, dict) else {column: root}
    labels = [
        [node.expression.name, node.name.rpartition(".")[2], target]
        for target, top in roots.items()
        for node in top.walk()
        if not node.downstream and isinstance(node.expression, exp.Table)
    ]
    line = {"sql": text, "dialect": str(dialect or "ansi"), "labels": labels}
    line["targets"] = list(roots)
    line["schema"] = {} if isinstance(schema, Schema) else _flat(schema or {})
    line["name"] = os.environ["PYTEST_CURRENT_TEST"].split(" ")[0].rpartition("/")[2]
    with open(os.environ["LABELS"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\\n")
    return root

def _flat(schema, above=""):
    found = {}
    for name, below in schema.items():
        own = f"{above}.{name}" if above else name
        deep = any(isinstance(each, dict) for each in below.values())
        found.update(_flat(below, own) if deep else {own: list(below)})
    return found

sqlglot.lineage.lineage = lineage
"""
_COLUMN = re.compile(
    r'ColumnMeta\s*\{\s*origin:\s*(None|Some\((?:table\("([^"]*)"\)|[^}]*?)\)),\s*'
    r'name:\s*"([^"]*)"'
)


def sqllineage_labels(files: Path) -> list[dict[str, object]]:
    """Run sqllineage's column tests with the recorder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(files / "tests", folder / "tests")
        for package in ("tests", "tests/sql", "tests/sql/column"):
            (folder / package / "__init__.py").touch()
        (folder / "tests" / "helpers.py").write_text(RECORDER, encoding="utf-8")
        return [{"set": "sqllineage", **line} for line in _recorded(folder, "tests/sql/column")]


def sqlglot_labels(files: Path) -> list[dict[str, object]]:
    """Run sqlglot's lineage tests, which hold its answers to what is right, and record these."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conftest.py").write_text(WRAPPER, encoding="utf-8")
        shutil.copy(files / "tests" / "test_lineage.py", folder)
        return [{"set": "sqlglot", **line} for line in _recorded(folder, "test_lineage.py")]


def _recorded(folder: Path, tests: str) -> list[dict[str, object]]:
    found = folder / "labels"
    found.touch()
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests],
        cwd=folder,
        env={"LABELS": str(found), "PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
    )
    if answer.returncode not in {0, 1}:  # 1: some tests ask what the recorder cannot answer
        raise SystemExit(answer.stdout.decode(errors="replace"))
    return [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]


def openlineage_labels(files: Path) -> list[dict[str, object]]:
    """Read the queries and expectations of OpenLineage's SQL parser."""
    cases: list[dict[str, object]] = []
    for path in sorted((files / "integration/sql/impl/tests/column_lineage").glob("*.rs")):
        for block in path.read_text(encoding="utf-8").split("#[test]")[1:]:
            name = re.search(r"fn (\w+)", block)
            texts = re.findall(
                r'test_sql(?:_dialect)?\(\s*"((?:[^"\\]|\\.)*)"(?:,\s*"(\w+)")?', block
            )
            if name is None or len(texts) != 1:
                continue
            sql = re.sub(r"\\\n\s*", "", texts[0][0]).replace('\\"', '"')
            labels: list[list[str | None]] = []
            for column in block.split("descendant:")[1:]:
                found = [(kind, table, own) for kind, table, own in _COLUMN.findall(column)]
                target = found[0][2]
                labels += [[table or None, own, target] for _, table, own in found[1:]]
            cases.append(
                {
                    "set": "openlineage",
                    "name": f"{path.stem}::{name.group(1)}",
                    "sql": sql,
                    "dialect": texts[0][1] or "postgres",
                    "labels": labels,
                    "schema": {},
                }
            )
    return cases


def main() -> None:
    """Write every case."""
    folder, out = map(Path, sys.argv[1:])
    cases = [
        *sqllineage_labels(folder / "sqllineage"),
        *openlineage_labels(folder / "openlineage"),
        *sqlglot_labels(folder / "sqlglot"),
    ]
    unique = {
        json.dumps([case["set"], case["sql"], case["dialect"], case.get("targets")]): case
        for case in cases
    }
    out.write_text(json.dumps(list(unique.values()), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
