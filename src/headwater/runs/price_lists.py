"""Makes price books of the lists that providers offer for download.

One reader a provider; each takes what a build is billed for (machines, storage, requests, units of
a warehouse) at the price on demand, and leaves the rest. Whose file it is, is seen in its
columns. Sources of the forms:
AWS price list bulk files (docs.aws.amazon.com, "Reading the service price list file"), the Azure
Retail Prices API (learn.microsoft.com), Google's Cloud Billing Catalog API (cloud.google.com),
Databricks' ``system.billing.list_prices``, Snowflake's ``RATE_SHEET_DAILY``.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from headwater.base.codec import Json, encode
from headwater.base.errors import HeadwaterError, Invalid, NotFound
from headwater.plan.books import Machine, Price, PriceBook, PriceMeter, Rule, read_book
from headwater.project.yaml_text import write_yaml
from headwater.runs.books import FOLDER

AWS_HEAD_LINES = 5
"""Lines of a bulk file before its header: version, disclaimer, date."""

_THOUSAND = 1000.0
_NANO = 1e-9
_LINE = Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class _Found:
    """What was found in a list so far.

    Attributes:
        source: What every price says of where it is from.
        region: Only prices of this region are taken; all when empty.
        currency: Of the prices.
        dates: Days from which prices hold; the newest becomes the book's.
    """

    source: str
    region: str
    currency: str = ""
    dates: set[str] = field(default_factory=set)
    prices: dict[tuple[str, str, str], Price] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)

    def take(self, price: Price, currency: str) -> None:
        """Keep a price: of one thing's several prices the newest."""
        if self.region and price.region not in {"", self.region}:
            return
        if self.currency not in {"", currency}:
            raise _unreadable(f"it has prices in {self.currency} and in {currency}")
        self.currency = currency
        self.dates.add(price.date)
        key = (price.sku, price.meter, price.region)
        before = self.prices.get(key)
        if before is None or before.date <= price.date:
            self.prices[key] = replace(price, source=self.source, grade="official")


def import_prices(file: Path, name: str, region: str = "") -> PriceBook:
    """Make a book of a provider's list.

    Args:
        file: The list: CSV of AWS, Databricks or Snowflake, JSON of Azure or Google.
        name: Name of the book.
        region: Only prices of this region, and such as hold in any; all when empty.

    Raises:
        NotFound: ``price-list-unreadable``, when there is no such file.
        Invalid: ``price-list-unreadable``, when it is no list that is known, or has no price.
    """
    found = _Found(source=f"{file.name}, imported", region=region)
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            _read(text, found)
    except FileNotFoundError as error:
        raise NotFound(
            "price-list-unreadable",
            f"there is no file `{file}`",
            fix="give the path of a list that a provider offers for download",
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, KeyError, TypeError) as error:
        if isinstance(error, HeadwaterError):
            raise
        raise _unreadable(f"{type(error).__name__}: {error}") from error
    if not found.prices:
        where = f" in `{region}`" if region else ""
        raise _unreadable(f"it has no price of machines, storage or units{where}")
    return PriceBook(
        name=name,
        date=max(found.dates),
        currency=found.currency,
        note=f"Imported from {file.name}.",
        prices=tuple(price for _, price in sorted(found.prices.items())),
        machines=tuple(machine for _, machine in sorted(found.machines.items())),
        rules=_RULES.get(next(iter(found.prices.values())).provider, ()),
    )


def keep_book(root: Path, book: PriceBook) -> Path:
    """Write a book into the project; return its file.

    Raises:
        Invalid: ``price-book-malformed``, when its name is no file's name.
    """
    if not re.fullmatch(r"[\w.-]+", book.name):
        raise _unreadable(f"`{book.name}` is no name of a book")
    file = root / FOLDER / f"{book.version}.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(book_text(book), encoding="utf-8")
    return file


def book_text(book: PriceBook) -> str:
    """Write a book as the YAML that it is read from."""
    content: dict[str, Json] = json.loads(encode(book))
    read_book(book.version, content)
    return write_yaml(content)


def _read(text: TextIO, found: _Found) -> None:
    first = text.read(1)
    text.seek(0)
    if first in {"{", "["}:
        _read_json(json.load(text), found)
    else:
        _read_csv(text, found)


def _read_json(content: Any, found: _Found) -> None:  # noqa: ANN401 - what a stranger wrote
    pages = content if isinstance(content, list) else [content]
    for page in pages:
        if "Items" in page:
            _azure(page["Items"], found)
        elif "skus" in page:
            _google(page["skus"], found)
        else:
            raise _unreadable("it has neither `Items` (Azure) nor `skus` (Google)")


def _read_csv(text: TextIO, found: _Found) -> None:
    head = list(islice(text, 1))
    is_aws = bool(head) and "FormatVersion" in head[0]
    lines = csv.DictReader(islice(text, AWS_HEAD_LINES - 1, None) if is_aws else chain(head, text))
    columns = {name.lower() for name in lines.fieldnames or ()}
    for needed, reader in _CSV_READERS.items():
        if set(needed) <= columns:
            reader(map(_in_lower_case, lines), found)
            return
    raise _unreadable(f"its columns are {', '.join(sorted(columns)[:8]) or 'none'}")


def _in_lower_case(line: Mapping[str, str]) -> _LINE:
    return {key.lower(): value or "" for key, value in line.items() if key}


def _aws(lines: Iterator[_LINE], found: _Found) -> None:
    for line in lines:
        if line["termtype"] != "OnDemand" or line.get("startingrange", "0") not in {"0", ""}:
            continue
        meter = _aws_meter(line)
        if meter is None:
            continue
        factor = _THOUSAND if meter in {"thousand_reads", "thousand_writes"} else 1.0
        type_ = line.get("instance type", "")
        sku = type_ if meter == "machine_hour" else line.get("group") or line.get("volume type", "")
        price = _price(
            sku=sku.replace(" ", "-").lower() if meter != "machine_hour" else sku,
            provider="aws",
            service=line.get("servicecode", "").removeprefix("Amazon").lower(),
            meter=meter,
            amount=float(line["priceperunit"]) * factor,
            region=line.get("region code", ""),
            date=line.get("effectivedate", ""),
        )
        if price.price > 0 or meter != "machine_hour":
            found.take(price, line.get("currency", "USD"))
        if meter == "machine_hour" and (price.sku, meter, price.region) in found.prices:
            arch = "arm64" if "graviton" in line.get("physical processor", "").lower() else "x86_64"
            found.machines[type_] = Machine(
                type=type_,
                provider="aws",
                vcpus=int(line["vcpu"]),
                memory_gib=float(line["memory"].split()[0].replace(",", "")),
                family=type_.partition(".")[0],
                arch=arch,
            )


_AWS_MACHINE: Mapping[str, str] = MappingProxyType(
    {
        "operating system": "linux",
        "tenancy": "shared",
        "capacitystatus": "used",
        "pre installed s/w": "na",
        "operation": "runinstances",
    }
)


def _aws_meter(line: _LINE) -> PriceMeter | None:
    unit = line["unit"].lower()
    if unit == "hrs" and line.get("instance type"):
        plain = all(line.get(key, "").lower() == value for key, value in _AWS_MACHINE.items())
        return "machine_hour" if plain else None
    if unit == "gb-mo" and line.get("volume type", "").lower() == "standard":
        return "gb_month"
    groups: Mapping[str, PriceMeter] = {
        "s3-api-tier1": "thousand_writes",
        "s3-api-tier2": "thousand_reads",
    }
    return groups.get(line.get("group", "").lower())


_VCPUS = re.compile(r"^Standard_[A-Z]+(?P<cpus>\d+)(?:-(?P<active>\d+))?[a-z]*_v(?:[3-9]|\d\d)$")
"""Names of sizes say their processors since version 3; `-N` says how many of them are active."""


def _azure(items: Iterable[Mapping[str, Any]], found: _Found) -> None:
    for item in items:
        if item.get("type") != "Consumption" or item.get("tierMinimumUnits", 0):
            continue
        name, size = f"{item.get('meterName', '')} {item.get('skuName', '')}", item["armSkuName"]
        is_plain = not re.search(r"Spot|Low Priority", name)
        unit, product = item["unitOfMeasure"], item.get("productName", "")
        is_machine = item["serviceName"] == "Virtual Machines" and unit == "1 Hour"
        cpus = _VCPUS.match(size or "")
        is_linux = product.startswith("Virtual Machines") and "Windows" not in product
        if is_machine and is_plain and cpus and is_linux:
            _take_azure(item, size, "machine_hour", found)
            if (size, "machine_hour", item["armRegionName"]) in found.prices:
                family = re.sub(r"\d+", "", size.removeprefix("Standard_"), count=1)
                found.machines[size] = Machine(
                    type=size,
                    provider="azure",
                    vcpus=int(cpus["active"] or cpus["cpus"]),
                    memory_gib=0.0,  # not in this list
                    family=family,
                )
        elif item["serviceName"] == "Storage" and unit == "1 GB/Month" and "Hot LRS" in name:
            _take_azure(item, f"{product} hot lrs".lower().replace(" ", "-"), "gb_month", found)


def _take_azure(item: Mapping[str, Any], sku: str, meter: PriceMeter, found: _Found) -> None:
    price = _price(
        sku=sku,
        provider="azure",
        service=item["serviceName"].lower().replace(" ", "-"),
        meter=meter,
        amount=float(item["retailPrice"]),
        region=item["armRegionName"],
        date=item["effectiveStartDate"],
    )
    found.take(price, item["currencyCode"])


_GOOGLE_PART = re.compile(
    r"^(?P<family>\w+) (?:Predefined )?Instance (?P<part>Core|Ram) running in", re.IGNORECASE
)
_GOOGLE_SIZES = (2, 4, 8, 16, 32)
_GOOGLE_GIB = 4.0
"""Memory for each processor of machines called standard; the list has no kinds of machines."""


def _google(skus: Iterable[Mapping[str, Any]], found: _Found) -> None:
    for sku in skus:
        if sku["category"].get("usageType") != "OnDemand":
            continue
        part = _GOOGLE_PART.match(sku["description"])
        is_storage = sku["description"].startswith("Standard Storage ")
        if part is None and not is_storage:
            continue
        family = part["family"].lower() if part else ""
        meter: PriceMeter = "gb_month"
        if part:
            meter = "vcpu_hour" if part["part"].lower() == "core" else "gib_hour"
        for info in sku["pricingInfo"][-1:]:
            rate = info["pricingExpression"]["tieredRates"][-1]["unitPrice"]
            for region in sku["serviceRegions"]:
                price = _price(
                    sku=f"{family}-{part['part'].lower()}" if part else "standard-storage",
                    provider="gcp",
                    service=sku["category"].get("serviceDisplayName", "").lower().replace(" ", "-"),
                    meter=meter,
                    amount=float(rate["units"]) + rate["nanos"] * _NANO,
                    region=region,
                    date=info["effectiveTime"],
                )
                found.take(replace(price, family=family), rate["currencyCode"])
        for cpus in _GOOGLE_SIZES if family else ():
            machine = Machine(
                type=f"{family}-standard-{cpus}",
                provider="gcp",
                vcpus=cpus,
                memory_gib=cpus * _GOOGLE_GIB,
                family=family,
            )
            found.machines[machine.type] = machine


def _databricks(lines: Iterator[_LINE], found: _Found) -> None:
    for line in lines:
        if line["usage_unit"] != "DBU" or line.get("price_end_time"):
            continue
        amount = line.get("pricing.default") or json.loads(line["pricing"])["default"]
        price = _price(
            sku=line["sku_name"].lower(),
            provider="databricks",
            service=line["sku_name"].lower(),
            meter="dbu",
            amount=float(amount),
            region=line.get("cloud", "").lower(),
            date=line["price_start_time"],
        )
        found.take(price, line["currency_code"])


_SNOWFLAKE_METERS: Mapping[str, PriceMeter] = MappingProxyType(
    {"compute": "credit", "warehouse_metering": "credit", "storage": "gb_month"}
)


def _snowflake(lines: Iterator[_LINE], found: _Found) -> None:
    for line in lines:
        meter = _SNOWFLAKE_METERS.get(line["service_type"].lower())
        if meter is None or line.get("is_adjustment", "").lower() == "true":
            continue
        amount = float(line["effective_rate"])
        price = _price(
            sku=f"{line['account_name']} {meter}".lower().replace(" ", "-"),
            provider="snowflake",
            service="warehouse" if meter == "credit" else "storage",
            meter=meter,
            # Storage is priced by the TB (10^12 bytes) and month.
            amount=amount / _THOUSAND if meter == "gb_month" else amount,
            region=line["region"].lower(),
            date=line["date"],
        )
        found.take(price, line["currency"])


_Reader = Callable[[Iterator[_LINE], _Found], None]
_CSV_READERS: Mapping[tuple[str, ...], _Reader] = MappingProxyType(
    {
        ("sku", "termtype", "priceperunit", "unit"): _aws,
        ("sku_name", "usage_unit", "price_start_time", "currency_code"): _databricks,
        ("service_type", "effective_rate", "account_name", "date"): _snowflake,
    }
)
_RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "aws": (
            Rule(provider="aws", service="ec2", minimum_seconds=60.0, source="Linux on demand"),
        ),
        "gcp": (
            Rule(
                provider="gcp",
                service="compute-engine",
                minimum_seconds=60.0,
                source="https://cloud.google.com/compute/vm-instance-pricing",
            ),
        ),
    }
)


def _price(  # noqa: PLR0913 - one argument a column
    *,
    sku: str,
    provider: str,
    service: str,
    meter: PriceMeter,
    amount: float,
    region: str,
    date: str,
) -> Price:
    return Price(
        sku=sku,
        provider=provider,
        service=service,
        meter=meter,
        price=amount,
        source="",
        date=date[:10],
        region=region,
    )


def _unreadable(why: str) -> Invalid:
    return Invalid(
        "price-list-unreadable",
        "the price list cannot be read",
        why=why,
        fix="download it anew: AWS' bulk file of a service (CSV), Azure's retail prices (JSON), "
        "Google's list of SKUs (JSON), Databricks' system.billing.list_prices or Snowflake's "
        "RATE_SHEET_DAILY (CSV)",
    )
