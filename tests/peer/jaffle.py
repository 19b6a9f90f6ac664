"""Orders and items for the jaffle shop: what a partial clone of it leaves out, made by rule.

The two large seed files are absent from clones without blobs; these fit the small ones that are
there (customers, stores, products), so that every test of the project holds on them.
"""

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

ORDERS = 60_000
ITEMS_PER_ORDER = (1, 1, 1, 2, 2)
"""Drawn from: 1.4 items an order, some 85 k items."""
DAYS = 365
SEED = 20_261_121
_SUPPLIES = (("SUP-001", "cutlery", 7, "f"), ("SUP-002", "cup", 13, "t"))


def write_missing_seeds(folder: Path, missing: Iterable[str]) -> None:
    """Write those of the jaffle shop's seed files that a clone lacks.

    Args:
        folder: The project's folder, with the files that the clone has.
        missing: Paths of the files it lacks; other files than seeds are left alone.
    """
    seeds = folder / "seeds/jaffle-data"
    absent = {Path(path).stem for path in missing if path.endswith(".csv")}
    choose = random.Random(SEED)  # noqa: S311 - data of a test, the same each time
    if "raw_customers" in absent:
        rows = [(_uuid(choose), f"Customer {number}") for number in range(1000)]
        _write(seeds / "raw_customers.csv", ("id", "name"), rows)
    if "raw_supplies" in absent:
        skus = _column(seeds / "raw_products.csv", "sku")
        rows_of_supplies = [(*supply, sku) for sku in skus for supply in _SUPPLIES]
        _write(
            seeds / "raw_supplies.csv",
            ("id", "name", "cost", "perishable", "sku"),
            rows_of_supplies,
        )
    if absent & {"raw_orders", "raw_items"}:
        _write_orders(seeds, choose)


def _write_orders(seeds: Path, choose: random.Random) -> None:
    customers = _column(seeds / "raw_customers.csv", "id")
    stores = [
        (row["id"], datetime.fromisoformat(row["opened_at"]), float(row["tax_rate"]))
        for row in _rows(seeds / "raw_stores.csv")
    ]
    prices = [(row["sku"], int(row["price"])) for row in _rows(seeds / "raw_products.csv")]
    orders: list[Sequence[object]] = []
    items: list[Sequence[object]] = []
    days: set[tuple[str, date]] = set()
    while len(orders) < ORDERS:
        order = _uuid(choose)
        store, opened, tax_rate = choose.choice(stores)
        at = opened + timedelta(seconds=choose.randrange(DAYS * 86_400))
        customer = choose.choice(customers)
        # The project numbers a customer's orders by day: two on one day would have two answers.
        if (customer, at.date()) in days:
            continue
        days.add((customer, at.date()))
        bought = [choose.choice(prices) for _ in range(choose.choice(ITEMS_PER_ORDER))]
        items += [(_uuid(choose), order, sku) for sku, _ in bought]
        subtotal = sum(price for _, price in bought)
        tax = int(subtotal * tax_rate)
        orders.append((order, customer, at.isoformat(), store, subtotal, tax, subtotal + tax))
    names = ("id", "customer", "ordered_at", "store_id", "subtotal", "tax_paid", "order_total")
    _write(seeds / "raw_orders.csv", names, orders)
    _write(seeds / "raw_items.csv", ("id", "order_id", "sku"), items)


def _uuid(choose: random.Random) -> str:
    return str(UUID(int=choose.getrandbits(128), version=4))


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)


def _column(file: Path, name: str) -> list[str]:
    return [row[name] for row in _rows(file)]


def _write(file: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
