"""Price lists of providers: small files in each one's form, and what is taken of them."""

import json
from pathlib import Path

import pytest

from headwater.base.errors import HeadwaterError
from headwater.plan.books import PriceBook
from headwater.runs.books import find_book
from headwater.runs.price_lists import import_prices, keep_book

AWS_HEAD = """\
"FormatVersion","v1.0"
"Disclaimer","This pricing list is for informational purposes only."
"Publication Date","2026-11-01T00:00:00Z"
"Version","20261101000000"
"OfferCode","AmazonEC2"
"""
AWS_COLUMNS = (
    "SKU,TermType,EffectiveDate,StartingRange,Unit,PricePerUnit,Currency,serviceCode,"
    "Instance Type,vCPU,Physical Processor,Memory,Tenancy,Operating System,CapacityStatus,"
    "operation,Pre Installed S/W,Region Code,Volume Type,Group"
)
MACHINE = (
    "A1,OnDemand,2026-11-01,,Hrs,{price},USD,AmazonEC2,m7g.large,2,AWS Graviton3 Processor,8 GiB,"
    "{tenancy},{system},Used,RunInstances,NA,{region},,"
)
STORAGE = (
    "B1,OnDemand,2026-11-01,0,GB-Mo,0.023,USD,AmazonS3,,,,,,,,,,us-east-1,Standard,\n"
    "B2,OnDemand,2026-11-01,51200,GB-Mo,0.022,USD,AmazonS3,,,,,,,,,,us-east-1,Standard,\n"
    "C1,OnDemand,2026-11-01,0,Requests,0.000005,USD,AmazonS3,,,,,,,,,,us-east-1,,S3-API-Tier1"
)


def machine(
    price: float = 0.0816,
    tenancy: str = "Shared",
    system: str = "Linux",
    region: str = "us-east-1",
) -> str:
    return MACHINE.format(price=price, tenancy=tenancy, system=system, region=region)


def imported(folder: Path, text: str, region: str = "") -> PriceBook:
    file = folder / "list"
    file.write_text(text, encoding="utf-8")
    return import_prices(file, "mine", region)


def prices(book: PriceBook) -> dict[tuple[str, str], float]:
    return {(price.sku, price.region): price.price for price in book.prices}


def test_aws_machines_on_demand_with_linux_are_taken_and_no_others(tmp_path: Path) -> None:
    rows = [
        machine(),
        machine(price=9, tenancy="Dedicated"),
        machine(price=9, system="Windows"),
        machine(price=9).replace("OnDemand", "Reserved"),
        machine(price=0.09, region="eu-west-1"),
        STORAGE,
    ]
    text = f"{AWS_HEAD}{AWS_COLUMNS}\n" + "\n".join(rows)

    book = imported(tmp_path, text)
    one = imported(tmp_path, text, "us-east-1")

    assert prices(book) == {
        ("m7g.large", "us-east-1"): 0.0816,
        ("m7g.large", "eu-west-1"): 0.09,
        ("standard", "us-east-1"): 0.023,
        ("s3-api-tier1", "us-east-1"): pytest.approx(0.005),
    }
    assert {price.region for price in one.prices} == {"us-east-1"}
    (kind,) = book.machines
    assert (kind.vcpus, kind.memory_gib, kind.family, kind.arch) == (2, 8.0, "m7g", "arm64")
    assert book.machine_hour(kind, "eu-west-1") == 0.09
    assert (book.date, book.currency) == ("2026-11-01", "USD")
    assert {price.grade for price in book.prices} == {"official"}


def azure(**changes: object) -> dict[str, object]:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": 0.192,
        "armRegionName": "eastus",
        "effectiveStartDate": "2026-10-01T00:00:00Z",
        "meterName": "D4s v5",
        "productName": "Virtual Machines Dsv5 Series",
        "skuName": "D4s v5",
        "serviceName": "Virtual Machines",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "armSkuName": "Standard_D4s_v5",
    } | changes


def test_azure_machines_without_windows_spot_and_reservation(tmp_path: Path) -> None:
    items = [
        azure(),
        azure(retailPrice=9, productName="Virtual Machines Dsv5 Series Windows"),
        azure(retailPrice=9, skuName="D4s v5 Spot"),
        azure(retailPrice=9, type="Reservation"),
        azure(retailPrice=9, productName="Dsv5 Series CloudServices"),
        azure(retailPrice=9, armSkuName="Standard_D11_v2"),  # has two, not eleven
        azure(retailPrice=0.3, armSkuName="Standard_E4-2s_v5", meterName="E4-2s v5"),
        azure(
            serviceName="Storage",
            unitOfMeasure="1 GB/Month",
            skuName="Hot LRS",
            productName="Blob Storage",
            retailPrice=0.018,
            armSkuName="",
        ),
    ]

    book = imported(tmp_path, json.dumps({"Items": items, "NextPageLink": None}))

    assert prices(book) == {
        ("Standard_D4s_v5", "eastus"): 0.192,
        ("Standard_E4-2s_v5", "eastus"): 0.3,
        ("blob-storage-hot-lrs", "eastus"): 0.018,
    }
    assert [(each.type, each.vcpus, each.family) for each in book.machines] == [
        ("Standard_D4s_v5", 4, "Ds_v5"),
        ("Standard_E4-2s_v5", 2, "E-2s_v5"),
    ]


def google(description: str, nanos: int, **changes: object) -> dict[str, object]:
    return {
        "description": description,
        "category": {"serviceDisplayName": "Compute Engine", "usageType": "OnDemand"},
        "serviceRegions": ["us-central1", "us-west1"],
        "pricingInfo": [
            {
                "effectiveTime": "2026-11-01T00:00:00Z",
                "pricingExpression": {
                    "tieredRates": [
                        {"unitPrice": {"currencyCode": "USD", "units": "0", "nanos": nanos}}
                    ]
                },
            }
        ],
    } | changes


def test_google_prices_processors_and_memory(tmp_path: Path) -> None:
    skus = [
        google("N2 Instance Core running in Americas", 31_611_000),
        google("N2 Instance Ram running in Americas", 4_237_000),
        google("N2 Custom Instance Core running in Americas", 99_000_000),
        google("Spot Preemptible N2 Instance Core running in Americas", 9_000_000),
    ]

    book = imported(tmp_path, json.dumps({"skus": skus}), "us-west1")

    found = book.machine("n2-standard-4")
    assert book.machine_hour(found, "us-west1") == pytest.approx(4 * 0.031611 + 16 * 0.004237)
    assert {price.region for price in book.prices} == {"us-west1"}


def test_databricks_units_are_priced_as_they_are_now(tmp_path: Path) -> None:
    text = (
        "price_start_time,price_end_time,sku_name,cloud,currency_code,usage_unit,pricing\n"
        '2026-01-01T00:00:00Z,2026-06-01T00:00:00Z,JOBS,AWS,USD,DBU,"{""default"": ""0.10""}"\n'
        '2026-06-01T00:00:00Z,,JOBS,AWS,USD,DBU,"{""default"": ""0.15""}"\n'
        '2026-06-01T00:00:00Z,,STORED,AWS,USD,GB,"{""default"": ""9""}"\n'
    )

    book = imported(tmp_path, text)

    assert prices(book) == {("jobs", "aws"): 0.15}
    assert book.date == "2026-06-01"


def test_of_snowflakes_days_the_last_one_counts(tmp_path: Path) -> None:
    text = (
        "DATE,ACCOUNT_NAME,REGION,SERVICE_TYPE,CURRENCY,EFFECTIVE_RATE,IS_ADJUSTMENT\n"
        "2026-11-02,Main,AWS_US_EAST_1,COMPUTE,USD,2.80,false\n"
        "2026-11-01,Main,AWS_US_EAST_1,COMPUTE,USD,3.00,false\n"
        "2026-11-02,Main,AWS_US_EAST_1,COMPUTE,USD,-1.00,true\n"
        "2026-11-02,Main,AWS_US_EAST_1,STORAGE,USD,23.00,false\n"
    )

    book = imported(tmp_path, text)

    assert prices(book) == {
        ("main-credit", "aws_us_east_1"): 2.8,
        ("main-gb_month", "aws_us_east_1"): pytest.approx(0.023),
    }


def test_an_imported_book_is_kept_and_found_by_its_name_and_version(tmp_path: Path) -> None:
    book = imported(tmp_path, f"{AWS_HEAD}{AWS_COLUMNS}\n{machine()}")

    file = keep_book(tmp_path, book)

    assert file.name == "mine@2026-11-01.yml"
    assert find_book("mine", tmp_path).book == book
    assert find_book("mine@2026-11-01", tmp_path).book.digest == book.digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns"),
        ("<html>please log in</html>", "columns"),
        ('{"error": "throttled"}', "neither"),
        ("{half of it", "Expecting"),
        (f"{AWS_HEAD}{AWS_COLUMNS}\n" + machine(system="Windows"), "no price"),
        (f"{AWS_HEAD}{AWS_COLUMNS}\n" + machine().replace("0.0816", "much"), "much"),
        (
            f"{AWS_HEAD}{AWS_COLUMNS}\n{machine()}\n"
            + machine(region="cn-north-1").replace("USD", "CNY"),
            "CNY",
        ),
    ],
)
def test_what_is_no_list_is_refused_and_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HeadwaterError) as refused:
        imported(tmp_path, text)

    assert refused.value.code == "price-list-unreadable"
    assert said in refused.value.why


def test_a_book_cannot_be_kept_outside_of_the_project(tmp_path: Path) -> None:
    book = imported(tmp_path, f"{AWS_HEAD}{AWS_COLUMNS}\n{machine()}")
    file = tmp_path / "list"

    with pytest.raises(HeadwaterError):
        keep_book(tmp_path, import_prices(file, "../../mine"))
    with pytest.raises(HeadwaterError):
        import_prices(tmp_path / "missing", book.name)
