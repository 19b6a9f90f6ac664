"""Price books: what they may say, what is refused, and what a machine's time costs."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.base.codec import Json
from headwater.base.errors import HeadwaterError
from headwater.base.settings import Settings, resolve_settings
from headwater.plan import books
from headwater.plan.books import Rule, read_book, read_contract, with_contract
from headwater.plan.prices import declared_prices, machine_time
from headwater.project.yaml_text import read_mapping

SHIPPED = sorted((Path(books.__file__).parent / "price_lists").glob("*.yml"))

LINE: dict[str, Json] = {
    "sku": "m1",
    "provider": "cloud",
    "service": "vm",
    "meter": "machine_hour",
    "price": 0.4,
    "source": "a page",
    "date": "2026-11-01",
    "region": "north",
}
MACHINE: dict[str, Json] = {
    "type": "m1",
    "provider": "cloud",
    "vcpus": 4,
    "memory_gib": 16,
    "family": "m",
}


def content(**changes: Json) -> Mapping[str, Json]:
    first: dict[str, Json] = {
        "name": "cloud",
        "date": "2026-11-01",
        "prices": [LINE],
        "machines": [MACHINE],
    }
    return first | changes


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_book_names_source_and_date_of_every_price(file: Path) -> None:
    book = read_book(file.name, read_mapping(file.name, file.read_text(encoding="utf-8")))

    assert book.name == file.stem
    assert book.prices
    for price in book.prices:
        assert len(price.source) > 10, price.sku
        assert date.fromisoformat(price.date) <= date(2026, 11, 21)
    for rule in book.rules:
        assert rule.source
    priced = {price.region for price in book.prices}
    for machine in book.machines:
        regions = {
            price.region for price in book.prices if price.sku == machine.type or price.family
        }
        assert book.machine_hour(machine, max(regions or priced)) > 0


def test_a_book_is_known_by_its_content() -> None:
    one, other = read_book("b", content()), read_book("b", content(note="read again"))

    assert one.version == other.version == "cloud@2026-11-01"
    assert one.digest == read_book("elsewhere", content()).digest
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prices": [LINE | {"meter": "machine_hours"}]}, "$.prices[0].meter"),
        ({"prices": [LINE | {"price": "cheap"}]}, "$.prices[0].price"),
        ({"prices": [LINE | {"prcie": 1.0}]}, "$.prices[0].prcie"),
        ({"prices": [LINE | {"price": -0.1}]}, "below zero"),
        ({"prices": [LINE, LINE]}, "two prices"),
        ({"machines": [MACHINE | {"vcpus": 0}]}, "no processor"),
        ({"rules": [{"provider": "cloud", "service": "vm", "granularity_seconds": 0}]}, "no time"),
        ({"prices": "none"}, "$.prices"),
    ],
)
def test_a_faulty_book_is_refused_with_the_place(changes: dict[str, Json], said: str) -> None:
    with pytest.raises(HeadwaterError) as refused:
        read_book("cloud.yml", content(**changes))

    assert refused.value.code == "price-book-malformed"
    assert said in refused.value.why


def test_the_price_of_the_region_goes_before_the_one_for_any() -> None:
    anywhere = LINE | {"region": "", "price": 1.0}
    book = read_book("b", content(prices=[anywhere, LINE]))
    machine = book.machine("m1")

    assert book.machine_hour(machine, "north") == 0.4
    assert book.machine_hour(machine, "south") == 1.0


def test_a_machine_may_be_priced_by_its_processors_and_memory() -> None:
    by_parts: list[Json] = [
        LINE | {"sku": "core", "meter": "vcpu_hour", "family": "m", "price": 0.03},
        LINE | {"sku": "ram", "meter": "gib_hour", "family": "m", "price": 0.004},
    ]
    book = read_book("b", content(prices=by_parts))

    assert book.machine_hour(book.machine("m1"), "north") == pytest.approx(4 * 0.03 + 16 * 0.004)


def test_what_a_book_does_not_price_is_not_free() -> None:
    book = read_book("b", content())

    two = read_book("b", content(prices=[LINE, LINE | {"region": "east"}]))

    assert book.machine_hour(book.machine("m1"), "") == 0.4  # its only region
    for ask in (
        lambda: book.machine("m2"),
        lambda: book.machine_hour(book.machine("m1"), "south"),
        lambda: two.machine_hour(two.machine("m1"), ""),
    ):
        with pytest.raises(HeadwaterError) as refused:
            ask()
        assert refused.value.code == "price-not-found"


def test_a_contract_is_laid_over_the_list_and_its_last_word_counts() -> None:
    storage = LINE | {"sku": "disk", "service": "disk", "meter": "gb_month", "price": 0.02}
    book = read_book("b", content(prices=[LINE, storage]))
    contract = read_contract(
        "c",
        {
            "name": "ours",
            "date": "2026-11-01",
            "discounts": [
                {"provider": "cloud", "percent": 50},
                {"service": "vm", "percent": 25},
                {"sku": "disk", "price": 0.005},
            ],
        },
    )

    paid = {line.sku: line.paid for line in with_contract(book, contract).prices}

    assert paid == {"m1": pytest.approx(0.3), "disk": 0.005}
    assert [line.price for line in with_contract(book, contract).prices] == [0.4, 0.02]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_discount_of_more_than_everything_is_refused(percent: int) -> None:
    with pytest.raises(HeadwaterError) as refused:
        read_contract(
            "c",
            {"name": "c", "date": "d", "discounts": [{"provider": "cloud", "percent": percent}]},
        )

    assert refused.value.code == "price-book-malformed"


def settings(**file: Json) -> Settings:
    return resolve_settings({}, {}, {"prices": file})


def test_a_price_of_the_users_own_goes_before_the_book() -> None:
    book = read_book("b", content())

    own = declared_prices(settings(cpu_hour=0.02, machine="m1", region="north"), book)
    of_book = declared_prices(settings(machine="m1", region="north"), book)

    assert own is not None
    assert of_book is not None
    assert (own.cpu_hour, own.book) == (0.02, "")
    assert (of_book.cpu_hour, of_book.book, of_book.vcpus) == (0.1, "cloud@2026-11-01", 4)
    assert of_book.rule is None
    assert declared_prices(settings()) is None


def test_a_book_without_a_named_machine_is_a_fault_not_a_guess() -> None:
    with pytest.raises(HeadwaterError) as refused:
        declared_prices(settings(), read_book("b", content()))

    assert refused.value.code == "setting-invalid"
    assert "m1" in refused.value.why


@given(
    cpu=st.floats(0, 1e6),
    wall=st.floats(0, 1e6),
    vcpus=st.integers(1, 512),
    granularity=st.sampled_from([1.0, 60.0, 3600.0]),
    minimum=st.floats(0, 3600),
    startup=st.floats(0, 600),
    idle=st.booleans(),
)
def test_the_parts_of_a_machines_time_add_up_to_what_is_billed(
    cpu: float,
    wall: float,
    vcpus: int,
    granularity: float,
    minimum: float,
    startup: float,
    idle: bool,
) -> None:
    rule = Rule(
        provider="p",
        service="s",
        granularity_seconds=granularity,
        minimum_seconds=minimum,
        startup_seconds=startup,
        idle_billed=idle,
    )

    time = machine_time(cpu, wall, vcpus, rule)

    assert min(time.idle, time.startup, time.minimum) >= 0
    assert time.billed == pytest.approx(cpu + time.idle + time.startup + time.minimum)
    if idle:
        assert time.billed >= max(wall, minimum) * vcpus * (1 - 1e-9)


def test_a_minute_is_billed_for_a_run_of_ten_seconds() -> None:
    rule = Rule(provider="p", service="s", minimum_seconds=60, granularity_seconds=1)

    time = machine_time(4.0, 10.0, 2, rule)

    assert (time.billed, time.idle, time.minimum) == (120.0, 16.0, 100.0)
