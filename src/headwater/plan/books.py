"""Price books: what machines, credits, bytes and storage cost, from whom, since when.

A book is a value: it is found and read on the floor of runs, chosen from here. Runs record
quantities and never money, so that any book prices any run again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from headwater.base.codec import Json, encode, from_hand
from headwater.base.errors import Invalid, NotFound

_WHOLE = 100.0
"""Per cent."""

PriceMeter = Literal[
    "machine_hour",
    "vcpu_hour",
    "gib_hour",
    "credit",
    "dbu",
    "slot_hour",
    "tib_scanned",
    "gb_month",
    "thousand_reads",
    "thousand_writes",
    "gb_egress",
]
"""What a price is for one of: an hour of a machine, of one of its processors or GiB of memory;
a Snowflake credit, a Databricks unit, a BigQuery slot for an hour, a TiB that a query reads; a GB
(10^9 bytes) stored for a month or sent out, a thousand requests that read or write."""

PriceGrade = Literal["official", "reported", "contract", "user"]
"""Who says so: the provider's own document, someone who wrote it down, a contract, the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One line of a price list.

    Attributes:
        sku: Name of the line, unique in its book for a region and a category.
        provider: Who bills: aws, azure, gcp, databricks, snowflake, google ...
        service: What is billed: ec2, s3, sql_serverless ...
        meter: What the price is for one of.
        price: In the book's currency, at list.
        source: Where the figure was read: an address, or a document with its page.
        date: When it was read, or what day it is of; ISO date.
        region: The provider's name of it; empty for any.
        category: How it is bought.
        family: For prices of processors and memory: machines of this family.
        contracted: What is paid instead of the list price; None when that is the list price.
        grade: Who says so.
    """

    sku: str
    provider: str
    service: str
    meter: PriceMeter
    price: float
    source: str
    date: str
    region: str = ""
    category: Literal["standard", "spot", "committed"] = "standard"
    family: str = ""
    contracted: float | None = None
    grade: PriceGrade = "reported"

    @property
    def paid(self) -> float:
        """Return what is paid: the contracted price where there is one."""
        return self.price if self.contracted is None else self.contracted


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A kind of machine that can be rented.

    Attributes:
        type: The provider's name.
        provider: As in its price.
        vcpus: Processors as the provider counts them.
        memory_gib: Memory.
        family: Machines of one family do the same work a processor and second.
        arch: arm64 or x86_64.
    """

    type: str
    provider: str
    vcpus: int
    memory_gib: float
    family: str
    arch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many credits, units or slots an hour of a warehouse's size takes."""

    provider: str
    service: str
    size: str
    meter: PriceMeter
    units_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How time is billed.

    Attributes:
        provider: Of what.
        service: Of what.
        granularity_seconds: Time is rounded up to these.
        minimum_seconds: At least so long is billed each time it starts.
        startup_seconds: How long starting takes, billed too.
        idle_billed: Whether time without work is billed while it runs.
        source: Where the rule was read.
    """

    provider: str
    service: str
    granularity_seconds: float = 1.0
    minimum_seconds: float = 0.0
    startup_seconds: float = 0.0
    idle_billed: bool = True
    source: str = ""

    def billed_seconds(self, seconds: float) -> float:
        """Return for how long a stretch of ``seconds`` is billed, starting included."""
        wanted = max(seconds + self.startup_seconds, self.minimum_seconds)
        steps = -(-wanted // self.granularity_seconds)
        return max(steps * self.granularity_seconds, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """Prices of one day, from named sources.

    Attributes:
        name: Short name, such as ``aws``.
        date: ISO date; ``name@date`` is one version of the book.
        currency: ISO 4217.
        licence: On what terms the figures may be passed on.
        note: What to know before using it.
        prices: The lines.
        machines: Kinds of machines.
        sizes: Sizes of warehouses.
        rules: How time is billed.
    """

    name: str
    date: str
    currency: str = "USD"
    licence: str = ""
    note: str = ""
    prices: tuple[Price, ...] = ()
    machines: tuple[Machine, ...] = ()
    sizes: tuple[Size, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def version(self) -> str:
        """Return ``name@date``."""
        return f"{self.name}@{self.date}"

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the book's content, 64 hexadecimal digits."""
        return hashlib.sha256(encode(self)).hexdigest()

    def machine(self, name: str) -> Machine:
        """Return a kind of machine.

        Raises:
            NotFound: ``price-not-found``.
        """
        found = next((each for each in self.machines if each.type == name), None)
        if found is None:
            known = ", ".join(each.type for each in self.machines) or "none"
            raise NotFound(
                "price-not-found",
                f"the price book `{self.version}` has no machine `{name}`",
                why=f"its machines are: {known}",
                fix="name one of them as `prices.machine`, or import a book that has it: "
                "hw price import",
            )
        return found

    def find_or_none(
        self, meter: PriceMeter, *, region: str = "", sku: str = "", family: str = ""
    ) -> Price | None:
        """Return the price of a meter: of the region, or else the one that is for any.

        Without a region the only one that there is counts.
        """
        found = [
            each
            for each in self.prices
            if each.meter == meter
            and each.category == "standard"
            and sku in {"", each.sku}
            and family in {"", each.family}
        ]
        regions = {each.region for each in found} - {""}
        if not region and len(regions) == 1:
            (region,) = regions
        fitting = [each for each in found if each.region in {region, ""}]
        return max(fitting, key=lambda each: bool(each.region), default=None)

    def machine_hour(self, machine: Machine, region: str, *, at_list: bool = False) -> float:
        """Return what an hour of a machine costs: as a whole, or by its processors and memory.

        Args:
            machine: The machine.
            region: The provider's name of it.
            at_list: The list price, whatever a contract says.

        Raises:
            NotFound: ``price-not-found``.
        """
        whole = self.find_or_none("machine_hour", region=region, sku=machine.type)
        if whole is not None:
            return whole.price if at_list else whole.paid
        cpu = self.find_or_none("vcpu_hour", region=region, family=machine.family)
        memory = self.find_or_none("gib_hour", region=region, family=machine.family)
        if cpu is not None and memory is not None:
            core, gib = (cpu.price, memory.price) if at_list else (cpu.paid, memory.paid)
            return core * machine.vcpus + gib * machine.memory_gib
        regions = sorted({each.region for each in self.prices if each.sku == machine.type})
        raise NotFound(
            "price-not-found",
            f"the price book `{self.version}` has no price of `{machine.type}` in "
            f"`{region or 'any region'}`",
            why=f"it has it in: {', '.join(regions) or 'no region'}",
            fix="name one as `prices.region` (or --region), or import a book that has it: "
            "hw price import",
        )

    def rule(self, provider: str, service: str) -> Rule:
        """Return how time of a service is billed; by the second if nothing is said."""
        for each in self.rules:
            if (each.provider, each.service) == (provider, service):
                return each
        return Rule(provider=provider, service=service)


def read_book(place: str, content: Mapping[str, Json]) -> PriceBook:
    """Read a book from its document.

    Args:
        place: Its file, for messages.
        content: The YAML head, with the lines of the price list.

    Raises:
        Invalid: ``price-book-malformed``.
    """
    try:
        book = from_hand(PriceBook, content)
    except ValueError as error:
        raise unusable_book(place, str(error)) from error
    seen: set[tuple[str, str, str, str]] = set()
    for price in book.prices:
        key = (price.sku, price.meter, price.region, price.category)
        if key in seen:
            raise unusable_book(place, f"`{price.sku}` has two prices in `{price.region or 'any'}`")
        seen.add(key)
        if min(price.price, price.paid) < 0:
            raise unusable_book(place, f"the price of `{price.sku}` is below zero")
    if any(each.vcpus < 1 for each in book.machines):
        raise unusable_book(place, "a machine has no processor")
    if any(each.granularity_seconds <= 0 for each in book.rules):
        raise unusable_book(place, "a rule rounds to no time at all")
    return book


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A part of a contract: per cent off what it names, or a price of its own.

    Attributes:
        sku: The line it is about; empty for all of the service or provider.
        service: Likewise.
        provider: Likewise.
        percent: Off the list price, 0 to 100.
        price: The price instead; goes before ``percent``.
    """

    sku: str = ""
    service: str = ""
    provider: str = ""
    percent: float = 0.0
    price: float | None = None

    def covers(self, line: Price) -> bool:
        """Say whether a line falls under it."""
        wanted = (
            (self.sku, line.sku),
            (self.service, line.service),
            (self.provider, line.provider),
        )
        return any(mine for mine, _ in wanted) and all(mine in {"", its} for mine, its in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a user has agreed with providers, laid over a book; later discounts win."""

    name: str
    date: str
    discounts: tuple[Discount, ...] = ()


def read_contract(place: str, content: Mapping[str, Json]) -> Contract:
    """Read a contract from its document.

    Raises:
        Invalid: ``price-book-malformed``.
    """
    try:
        contract = from_hand(Contract, content)
    except ValueError as error:
        raise unusable_book(place, str(error)) from error
    for each in contract.discounts:
        if not 0 <= each.percent <= _WHOLE or (each.price or 0.0) < 0:
            raise unusable_book(place, "a discount lies outside of 0 to 100 per cent")
    return contract


def with_contract(book: PriceBook, contract: Contract) -> PriceBook:
    """Return the book with what is really paid beside its list prices."""
    return replace(book, prices=tuple(_contracted(line, contract) for line in book.prices))


def unused_discounts(book: PriceBook, contract: Contract) -> tuple[Discount, ...]:
    """Return the discounts of a contract that no line of a book falls under."""
    return tuple(each for each in contract.discounts if not any(map(each.covers, book.prices)))


def _contracted(line: Price, contract: Contract) -> Price:
    for each in reversed(contract.discounts):
        if each.covers(line):
            paid = line.price * (1 - each.percent / _WHOLE) if each.price is None else each.price
            return replace(line, contracted=paid, grade="contract")
    return line


def unusable_book(place: str, why: str) -> Invalid:
    """Return the error of a book that cannot be used."""
    return Invalid(
        "price-book-malformed",
        f"the price book `{place}` cannot be used",
        why=why,
        fix="compare it with a shipped one: hw price show aws --output yaml",
    )
