"""Writes the tables of README.md from ``results/*.json``: run it after a benchmark."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
START = "<!-- tables: python benchmarks/tables.py -->\n"


def table_of(document: dict[str, Any]) -> str:
    """Write one result: a line for each figure, with its spread and peak memory."""
    head = f"**{document['benchmark']}** ({document['at'][:10]}, commit `{document['commit'][:7]}`)"
    lines = [head, "", "| | CPU s | spread | peak MB |", "|---|---|---|---|"]
    for name, found in document["results"].items():
        cpu, peak = found["cpu_seconds"], found["peak_bytes"]["max"] / 1e6
        spread = f"{cpu['min']:.3g} to {cpu['max']:.3g}"
        lines.append(f"| `{name}` | {cpu['median']:.3g} | {spread} | {peak:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Replace everything after the mark in README.md."""
    readme = HERE / "README.md"
    before = readme.read_text(encoding="utf-8").partition(START)[0]
    documents = [
        json.loads(path.read_bytes()) for path in sorted((HERE / "results").glob("*.json"))
    ]
    tables = "\n\n".join(table_of(document) for document in documents)
    readme.write_text(f"{before}{START}\n{tables}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
