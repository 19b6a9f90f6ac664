"""Loads days of the harbor's raw data into a lake, through Headwater's public API.

It is here so that the example needs no download and any number of days of any size, with known
mess in them, can be had again from a seed. The data itself is made by the SQL in ``generator``.
"""

import argparse
import dataclasses
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from generator.raw import TABLES, Knobs, raw_sql

from headwater.workspace import Workspace

CATALOG_SCHEMA = "harbor.raw"
DAYS_BY_DAY = 7
"""So many last days are committed one by one, so that the tables have a history."""


def batches(days: range, batch_days: int | None) -> Iterator[range]:
    """Split ``days`` into commits: ``batch_days`` each, or the bulk and then a week day by day."""
    start = days.start
    if batch_days is None:
        bulk = max(len(days) - DAYS_BY_DAY, 1)
        yield range(start, start + bulk)
        start, batch_days = start + bulk, 1
    while start < days.stop:
        yield range(start, min(start + batch_days, days.stop))
        start += batch_days


def load(
    project_dir: Path, knobs: Knobs, days: range, batch_days: int | None = None
) -> dict[str, int]:
    """Load the rows that arrive on ``days``; return the newest version of each table.

    Day 0 starts the tables anew; later days are appended.
    """
    versions: dict[str, int] = {}
    with Workspace.open(project_dir) as workspace:
        for batch in batches(days, batch_days):
            mode: Literal["append", "overwrite"] = "overwrite" if batch.start == 0 else "append"
            for table in TABLES:
                name = f"{CATALOG_SCHEMA}.{table}"
                node = f"source.harbor.raw.{table}"
                sql = raw_sql(table, knobs, batch)
                versions[table] = workspace.load(name, sql, mode=mode, node=node)
    return versions


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Load days of harbor data into the lake.")
    parser.add_argument("--project-dir", type=Path, default=Path())
    parser.add_argument("--days", type=int, default=30, help="how many days of arrivals")
    parser.add_argument("--from-day", type=int, default=0, help="first day; 0 starts anew")
    parser.add_argument("--batch-days", type=int, help="days a commit (default: bulk + a week)")
    for field in dataclasses.fields(Knobs):
        kind = {
            int: int,
            float: float,
            dt.date: dt.date.fromisoformat,
        }[type(field.default)]
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            default=field.default,
            help=f"default {field.default}",
        )
    return parser.parse_args()


def main() -> None:
    """Load what the command line asks for and say what each table has become."""
    arguments = _arguments()
    knobs = Knobs(
        **{field.name: getattr(arguments, field.name) for field in dataclasses.fields(Knobs)}
    )
    days = range(arguments.from_day, arguments.from_day + arguments.days)
    for table, version in load(arguments.project_dir, knobs, days, arguments.batch_days).items():
        print(f"{CATALOG_SCHEMA}.{table}  version {version}")


if __name__ == "__main__":
    main()
