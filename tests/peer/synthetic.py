"""Made rows for tuva's seeds, whose true contents lie in a bucket that no test may reach.

The project loads them by a macro that its root project may replace; the replacement reads files
from a folder, which hold a few rows under the header of each seed. Both tools read the same files.
"""

import csv
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

ROWS = 12
CLAIM_LINES = 48
CODES = ("11", "23", "81", "111", "131", "0450", "99213", "E119", "I10", "J449", "N186", "65")
PEOPLE = tuple(f"p{number}" for number in range(1, 9))
LINES = frozenset({"raw_data__medical_claim", "raw_data__pharmacy_claim"})
EVENTS = ("raw_data__", "synthetic_data__")
"""What was done for people; all other seeds are lists of codes."""

LOADER = """\
{% macro duckdb__load_seed(uri, pattern, compression, headers, null_marker) %}
{%- set cast = [] -%}
{%- for column in adapter.get_columns_in_relation(this) -%}
  {#- A bare column would be cast while the file is read, where what is no number is an error. -#}
  {%- do cast.append('try_cast(trim("' ~ column.name ~ '") as ' ~ column.dtype ~ ') as "'
      ~ column.name ~ '"') -%}
{%- endfor -%}
{%- call statement('load', fetch_result=true) -%}
create or replace table {{ this }} as
select {{ cast | join(', ') }}
from read_csv('FOLDER/{{ model.name }}.csv', header=true, all_varchar=true)
{%- endcall -%}
{% endmacro %}
"""

Choose = Callable[[random.Random, int], str]


def _one_of(*values: str) -> Choose:
    return lambda dice, _: dice.choice(values)


def _day(dice: random.Random, _: int) -> str:
    return f"2024-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"


CHOICES: Mapping[str, Choose] = MappingProxyType(
    {
        "claim_id": lambda _, row: f"c{row // 2}",
        "claim_line_number": lambda _, row: str(row % 2 + 1),
        "claim_type": _one_of("professional", "institutional"),
        "person_id": lambda _, row: PEOPLE[row // 2 % len(PEOPLE)],
        "member_id": lambda _, row: PEOPLE[row // 2 % len(PEOPLE)],
        "payer": _one_of("medicare"),
        "payer_type": _one_of("medicare", "commercial"),
        "plan": _one_of("medicare"),
        "data_source": _one_of("made"),
        "gender": _one_of("male", "female"),
        "sex": _one_of("male", "female"),
        "birth_date": _one_of("1950-02-03", "1980-04-05", "2015-06-07"),
        "death_date": _one_of(""),
        "enrollment_start_date": _one_of("2024-01-01"),
        "enrollment_end_date": _one_of("2024-12-31", "2024-09-30"),
        "diagnosis_code_type": _one_of("icd-10-cm"),
        "procedure_code_type": _one_of("icd-10-pcs"),
        "bill_type_code": _one_of("111", "131"),
        "place_of_service_code": _one_of("11", "23"),
        "rendering_npi": _one_of("1000000001", "1000000002"),
        "billing_npi": _one_of("1000000001", "1000000002"),
        "facility_npi": _one_of("1000000003"),
        "npi": lambda _, row: f"10000000{row:02}",
    }
)


def write_inputs(home: Path, folder: Path) -> None:
    """Write a file of made rows for each seed of a prepared tuva, and the macro that reads them.

    Args:
        home: The prepared project.
        folder: Where the files go, the same for both tools: the statement names it.
    """
    (home / "macros/load_made_rows.sql").write_text(
        LOADER.replace("FOLDER", folder.as_posix()), encoding="utf-8"
    )
    folder.mkdir(exist_ok=True)
    places = (home / "seeds", home / "dbt_packages/the_tuva_project/seeds")
    for seed in sorted(path for place in places for path in place.rglob("*.csv")):
        with seed.open(encoding="utf-8-sig", newline="") as opened:
            header = next(csv.reader(opened))
        with (folder / seed.name).open("w", encoding="utf-8", newline="") as written:
            csv.writer(written).writerows([header, *rows_of(seed.stem, header)])


def rows_of(seed: str, header: list[str]) -> list[tuple[str, ...]]:
    """Return rows that are the same every time, and that other seeds' rows can be joined to."""
    count = CLAIM_LINES if seed in LINES else ROWS
    columns = [_column(seed, name.lower(), count) for name in header]
    return list(zip(*columns, strict=True))


def _column(seed: str, name: str, count: int) -> list[str]:
    dice = random.Random(f"{seed}.{name}")  # noqa: S311 - the same rows every time
    # A list of codes has each code once, so that joins to it do not multiply rows.
    choose = CHOICES.get(name) if seed.startswith(EVENTS) or name == "npi" else None
    if choose is None and name.endswith(("date", "datetime", "_time")):
        choose = _day
    if choose is None and name.endswith(("_flag", "_indicator")):
        choose = _one_of("0", "1")
    if choose is None and name.endswith(("amount", "quantity", "days_supply")):
        choose = _one_of("1", "2", "30", "125.5")
    if choose is not None:
        return [choose(dice, row) for row in range(count)]
    shuffled = dice.sample(CODES, len(CODES))
    return [shuffled[row % len(CODES)] for row in range(count)]
