"""Writes the tables of README.md from ``results/*.json``: run it after a benchmark."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
START = "<!-- tables: python benchmarks/tables.py -->\n"


def table_of(document: dict[str, Any]) -> str:
    """Write one result: a line for each figure, with its spread and peak memory."""
    head = f"**{document['benchmark']}** ({document['at'][:10]}, commit `{document['commit'][:7]}`)"
    if document["benchmark"] in LINES:
        return "\n".join([head, "", *LINES[document["benchmark"]](document)])
    lines = [head, "", "| | CPU s | spread | peak MB |", "|---|---|---|---|"]
    for name, found in document["results"].items():
        cpu, peak = found["cpu_seconds"], found["peak_bytes"]["max"] / 1e6
        spread = f"{cpu['min']:.3g} to {cpu['max']:.3g}"
        lines.append(f"| `{name}` | {cpu['median']:.3g} | {spread} | {peak:.0f} |")
    return "\n".join(lines)


def accuracy_lines(document: dict[str, Any]) -> list[str]:
    """Write how near predictions came: q-errors, then intervals, then whole plans."""
    results = document["results"]
    about = f"{document['steps']} plans, {document['models']} nodes, {document['days']} days, "
    lines = [f"{about}{document['changes']} changes; {results['predictions']:,} predictions.", ""]
    lines += ["| q-error | n | median | p90 | weighted error |", "|---|---|---|---|---|"]
    for quantity in ("cpu_seconds", "rows", "bytes_read", "bytes_written"):
        for group, found in results[quantity].items():
            lines.append(f"| {quantity}: {group} | {_cells(found, 'weighted_error')} |")
    for group, found in results["noise_floor"].items():
        lines.append(f"| noise floor: {group} | {_cells(found)} | |")
    for group, found in results["totals"].items():
        lines.append(f"| total CPU: {group} | {_cells(found)} | |")
    lines += ["", "| 90 % intervals | n | covered | high / low |", "|---|---|---|---|"]
    for group, found in results["coverage"].items():
        lines.append(
            f"| {group} | {found['n']} | {found['covered']:.3f} | {found['high_to_low']} |"
        )
    lines += ["", "| plans whose total is | within 5 % | within 15 % | in its interval |"]
    lines += ["|---|---|---|---|"]
    for group, found in results["totals"].items():
        shares = [found[f"within_{part}_percent"] for part in (5, 15)]
        lines.append(f"| {group} | {shares[0]:.2f} | {shares[1]:.2f} | {found['covered']} |")
    bounds = results["bounds"]
    lines += [
        "",
        f"Rows proved: {bounds['rows_proved']}; above their bound {bounds['rows_above']}, ",
    ]
    lines[-1] += f"below {bounds['rows_below']}."
    return lines


def lineage_lines(document: dict[str, Any]) -> list[str]:
    """Write what lineage explains of the influences seen, and what of its claims was seen."""
    names = (
        *("queries", "queries_with_rows", "runs", "influences_seen", "recall"),
        *("recall_of_direct_alone", "precision_of_direct", "precision"),
    )
    heads = " | ".join(name.replace("_", " ") for name in names)
    lines = [f"| | {heads} |", "|---" * (len(names) + 1) + "|"]
    for name, found in document["results"].items():
        lines.append(f"| {name} | {' | '.join(f'{found[each]:,}' for each in names)} |")
    spent = document["parsing_and_tracing_cpu_milliseconds_a_query"]
    return [
        *lines,
        "",
        f"TPC-DS at scale {document['scale']}; {spent} ms to parse and trace a query.",
    ]


def label_lines(document: dict[str, Any]) -> list[str]:
    """Write how each tool stands against each set of labels."""
    names = ("cases", "exact", "failed", "labels", "recall", "precision")
    lines = [f"| labels of | tool | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for labels, tools in document["results"].items():
        for tool, found in tools.items():
            lines.append(f"| {labels} | {tool} | {' | '.join(str(found[n]) for n in names)} |")
    lines += ["", "| why ours differ from labels | cases |", "|---|---|"]
    reasons = document["reasons_of_our_differences"].items()
    return lines + [f"| {reason} | {count} |" for reason, count in reasons]


def _cells(found: dict[str, Any], *more: str) -> str:
    values = [found[name] for name in ("n", "median", "p90", *more)]
    return " | ".join("-" if value is None else f"{value:.4g}" for value in values)


def speed_lines(document: dict[str, Any]) -> list[str]:
    """Write how long a trace and an answer take."""
    lines = [
        "| | models | trace ms: mean | p99 | answer ms: median | p99 |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in document["results"].items():
        traced, asked = found["trace_milliseconds"], found["question_milliseconds"]
        cells = [found["models"], traced["mean"], traced["p99"], asked["median"], asked["p99"]]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return lines


LINES = {
    "accuracy": accuracy_lines,
    "lineage": lineage_lines,
    "lineage_labels": label_lines,
    "lineage_speed": speed_lines,
}
"""Who writes results that are no measurements of a command, by benchmark."""


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
