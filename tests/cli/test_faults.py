"""Bad input and a bad world: each gets a code and an exit code, all at once, and loses nothing."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Ended, Hw, start, write_files

REVENUE = "select customer, sum(amount) as revenue from {{ ref('stg_orders') }} group by 1\n"


def check_refused(ended: Ended, code: str, *words: str, exit_code: int = 2) -> None:
    assert ended.code == exit_code, ended.err
    assert code in ended.err
    for word in words:
        assert word in ended.err


def test_missing_project_file(hw: Hw, project: Path) -> None:
    (project / "dbt_project.yml").unlink()

    check_refused(hw("plan"), "HW1", "dbt_project.yml")


@pytest.mark.parametrize(
    "text",
    ["", "name: [", "- a\n- b\n", "name: 7up\n", "version: 1\n", "name:\n\t- tab\n", "\x00\x01"],
    ids=["empty", "cut", "list", "bad name", "no name", "tab", "binary"],
)
def test_malformed_project_file(hw: Hw, project: Path, text: str) -> None:
    write_files(project, {"dbt_project.yml": text})

    check_refused(hw("build"), "HW1", "dbt_project.yml")


def test_properties_file_with_tabs_shows_the_line(hw: Hw, project: Path) -> None:
    write_files(project, {"models/bad.yml": "version: 2\nmodels:\n\t- name: revenue\n"})

    check_refused(hw("build"), "HW1", "models/bad.yml:3")


def test_model_that_is_not_sql_shows_the_place(hw: Hw, project: Path) -> None:
    write_files(project, {"models/poem.sql": "shall I compare thee\nto a summer's day\n"})

    check_refused(hw("build"), "HW2", "models/poem.sql")


def test_fault_that_reading_and_compiling_both_meet_is_said_once(hw: Hw, project: Path) -> None:
    write_files(project, {"models/broken.sql": "select 1 as a from {{ ref() }}"})

    ended = hw("build")

    check_refused(ended, "HW1206", "models/broken.sql:1")
    assert ended.err.count("HW1206") == 1


def test_invalid_jinja_shows_the_line(hw: Hw, project: Path) -> None:
    write_files(project, {"models/broken.sql": "select 1 as a\n{% if %}\n"})

    check_refused(hw("build"), "HW1", "models/broken.sql:2")


def test_ref_to_nothing_names_the_nearest(hw: Hw, project: Path) -> None:
    write_files(project, {"models/lost.sql": "select *\nfrom {{ ref('stg_order') }}\n"})

    check_refused(hw("plan"), "HW1203", "models/lost.sql:2", "stg_orders")


def test_ref_to_a_disabled_model(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "models/off.sql": "{{ config(enabled=false) }} select 1 as a",
            "models/lost.sql": "select * from {{ ref('off') }}",
        },
    )

    check_refused(hw("plan"), "HW", "models/lost.sql", "disabled")


def test_cycle_shows_its_shortest_path(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "models/a.sql": "select * from {{ ref('b') }}",
            "models/b.sql": "select * from {{ ref('a') }}",
        },
    )

    check_refused(hw("plan"), "HW2", "models/a.sql", "models/b.sql")


def test_unquoted_reserved_word_is_found_before_anything_runs(hw: Hw, project: Path) -> None:
    write_files(
        project, {"models/words.sql": "select customer,\n  order\nfrom {{ ref('raw_orders') }}\n"}
    )

    check_refused(hw("plan"), "HW2", "models/words.sql:2", "order")


def test_unknown_column_is_found_before_anything_runs(hw: Hw, project: Path) -> None:
    write_files(project, {"models/typo.sql": "select\n  custmer\nfrom {{ ref('revenue') }}\n"})

    ended = hw("build")

    check_refused(ended, "HW2107", "models/typo.sql:2", "custmer")
    assert not (project / ".headwater/lake").exists()


def test_unknown_function_only_warns_when_a_hook_may_make_it(hw: Hw, project: Path) -> None:
    text = "{{ config(pre_hook='create macro twice(x) as x * 2') }} select twice(2) as four"
    write_files(project, {"models/hooked.sql": text})

    ended = hw("build", "-s", "hooked")

    assert ended.code == 0, ended.err
    assert hw("sql", "select * from hooked", "--output", "json").document["rows"] == [[4]]


def test_all_faults_are_reported_at_once(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "models/broken.sql": "{% if %}",
            "models/lost.sql": "select * from {{ ref('nowhere') }}",
            "models/sub/revenue.sql": REVENUE,
            "models/bad.yml": "models:\n\t- x",
            "models/poem.sql": "shall I compare thee",
        },
    )

    ended = hw("plan", "--output", "json")

    assert ended.code == 2
    files = {(d["where"] or {}).get("file") for d in ended.document["diagnostics"]}
    assert {"models/broken.sql", "models/lost.sql", "models/bad.yml", "models/poem.sql"} <= files
    assert any("revenue" in d["what"] for d in ended.document["diagnostics"])


def test_seed_with_ragged_rows_shows_the_line(hw: Hw, project: Path) -> None:
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer\n1,ada\n2,grace,extra\n"})

    check_refused(hw("build"), "HW", "raw_orders", "3", exit_code=1)


def test_profile_naming_an_unknown_engine(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "dbt_project.yml": "name: shop\nprofile: shop\n",
            "profiles.yml": "shop:\n  target: dev\n  outputs:\n"
            "    dev: {type: headwater, engine: dukdb}\n",
        },
    )

    check_refused(hw("build"), "HW", "dukdb", "duckdb")


@pytest.mark.parametrize("threads", ["0", "-3", "many"])
def test_threads_that_are_none_are_refused(hw: Hw, threads: str) -> None:
    assert hw("build", "--threads", threads).code == 2


@pytest.mark.timeout(60)
def test_one_thread_is_enough_even_when_macros_ask_while_compiling(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "data/extra.csv": "a\n1\n2\n",
            "models/extra.yml": "sources:\n  - name: files\n    tables:\n      - name: extra\n"
            "        meta: {external_location: data/extra.csv}\n",
            "models/asks.sql": "select {{ run_query('select 42').rows[0][0] }} as n, a "
            "from {{ source('files', 'extra') }}",
        },
    )

    ended = hw("build", "--threads", "1")

    assert ended.code == 0, ended.err
    shown = hw("sql", "select sum(a)::int, max(n) from asks", "--output", "json").document
    assert shown["rows"] == [[3, 42]]


def test_failing_test_publishes_nothing_and_skips_what_follows(hw: Hw, project: Path) -> None:
    hw("build")
    before = hw("sql", "select * from revenue order by 1", "--output", "json").document["rows"]
    write_files(
        project,
        {
            "models/revenue.sql": REVENUE.replace("group by 1", "group by 1, order_id"),
            "models/after.sql": "select * from {{ ref('revenue') }}",
        },
    )

    ended = hw("build", "--accept", "HW3002", "--output", "json")

    statuses = {r["node"]: r["status"] for r in ended.document["results"]}
    assert ended.code == 1
    assert statuses["model.shop.after"] == "skipped"
    after = hw("sql", "select customer from revenue order by 1", "--output", "json").document
    assert after["rows"] == [row[:1] for row in before]
    assert len(list((project / ".headwater/lake/shop/main/revenue").glob("*.parquet"))) == 1


def test_read_only_lake(hw: Hw, project: Path) -> None:
    if os.geteuid() == 0 and shutil.which("chattr") is None:
        pytest.skip("root ignores modes; install chattr: apt-get install e2fsprogs")
    hw("build")
    lake = project / ".headwater/lake"
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n"})
    with read_only(lake):
        ended = hw("build")

    check_refused(ended, "HW6007", exit_code=1)
    actual = hw("sql", "select count(*) from revenue", "--output", "json").document["rows"]
    assert actual == [[2]]


class read_only:  # noqa: N801 - used as a with statement
    """Makes a folder's tree refuse writes, for root too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        if os.geteuid() == 0:
            ended = subprocess.run(["chattr", "-R", "+i", str(self._folder)], check=False)
            if ended.returncode:
                pytest.skip("this file system has no immutable files; run as a user, not root")
        else:
            subprocess.run(["chmod", "-R", "a-w", str(self._folder)], check=True)

    def __exit__(self, *_: object) -> None:
        command = ["chattr", "-R", "-i"] if os.geteuid() == 0 else ["chmod", "-R", "u+w"]
        subprocess.run([*command, str(self._folder)], check=True)


def test_full_disk_fails_the_node_and_loses_nothing(hw: Hw, project: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs a file system of its own; run as root")
    try:
        write_files(
            project,
            {
                "dbt_project.yml": "name: shop\nprofile: shop\nmodels: {+materialized: table}\n",
                "profiles.yml": "shop:\n  target: dev\n  outputs:\n"
                f"    dev: {{type: headwater, lake: {disk}/lake}}\n",
            },
        )
        assert hw("build").code == 0
        write_files(
            project,
            {"models/big.sql": "select i, md5(i::varchar) as h from range(2000000) t(i)"},
        )

        ended = hw("build")

        check_refused(ended, "HW6008", exit_code=4)
        rows = hw("sql", "select count(*) from revenue", "--output", "json").document["rows"]
        assert rows == [[2]]
        assert not list((disk / "lake").rglob("big/*.parquet"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


SLOW = "select count(*) as n from range(3000000000) t(i) where hash(i) % 7 = 1"


def test_second_build_at_once_is_told_who_is_building(hw: Hw, project: Path) -> None:
    write_files(project, {"models/slow.sql": SLOW})
    first = start(project, "build", "-s", "slow")
    try:
        wait_for(lambda: builds(project, first), seconds=60)
        check_refused(hw("build"), "HW8", str(first.pid), exit_code=4)
    finally:
        first.kill()
        first.communicate()

    (project / "models/slow.sql").unlink()
    assert hw("build").code == 0


def test_killed_build_leaves_every_table_whole_and_the_next_one_cleans_up(
    hw: Hw, project: Path
) -> None:
    hw("build")
    write_files(
        project,
        {
            "models/wide.sql": "select i, md5(i::varchar) as h from range(30000000) t(i)",
            "seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n",
        },
    )
    lake = project / ".headwater/lake/shop/main"
    process = start(project, "build")
    wait_for(lambda: any((lake / "wide").glob("*.parquet")), seconds=60)
    process.kill()
    process.communicate()
    assert hw("sql", "select count(*) from revenue", "--output", "json").code == 0

    (project / "models/wide.sql").write_text("select 1 as i", encoding="utf-8")
    ended = hw("build")

    assert ended.code == 0, ended.err
    rows = hw("sql", "select customer from revenue", "--output", "json").document["rows"]
    assert rows == [["alan"]]
    assert len(list((lake / "wide").glob("*.parquet"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("presses", [1, 2])
def test_interrupt_stops_and_leaves_every_table_whole(hw: Hw, project: Path, presses: int) -> None:
    hw("build")
    slow = SLOW if presses > 1 else SLOW.replace("3000000000", "600000000")
    write_files(
        project, {"models/slow.sql": slow, "models/late.sql": "select * from {{ ref('slow') }}"}
    )
    process = start(project, "build")
    wait_for(lambda: builds(project, process), seconds=60)
    time.sleep(0.5)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert not (project / ".headwater/lake/shop/main/late").exists()
    assert hw("sql", "select count(*) from revenue", "--output", "json").code == 0


def builds(project: Path, process: subprocess.Popen[str]) -> bool:
    """Say whether a process has taken the workspace."""
    holder = project / ".headwater" / "lock.holder"
    text = holder.read_text(encoding="utf-8") if holder.exists() else ""
    return f'"process_id": {process.pid}' in text


def wait_for(holds: object, *, seconds: float) -> None:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_bare_name_that_is_no_table_is_an_input_that_is_missing(hw: Hw, project: Path) -> None:
    (project / "models" / "bare.sql").write_text("select * from nowhere")

    ended = hw("plan", "--output", "json")

    missing = [each for each in ended.document["diagnostics"] if each["code"] == "HW3003"]
    assert "`nowhere` does not exist" in missing[0]["what"]
    assert hw("build", "--exclude", "bare").code == 0
