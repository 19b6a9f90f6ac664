"""A lake in a bucket, by whole commands: the same results, and the same promises when it fails.

Against a small server of ours for what must be fast or fail on purpose, and against moto, which
knows multipart uploads, permissions and conditional writes as S3 has them.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import obstore
import pytest
from deltalake import DeltaTable
from obstore.store import S3Store
from tests.cli.conftest import Hw, start, write_files
from tests.cli.test_faults import wait_for
from tests.lake.moto import moto_serving
from tests.lake.object_server import ObjectServer, serving

from headwater.lake.delta import write_checkpoint
from headwater.lake.stores import storage_options

SECRET = "hush-4711-quiet"  # noqa: S105 - made up
PROJECT = "name: shop\nprofile: shop\nmodels: {+materialized: table}\n"
INCREMENTAL = """\
{{ config(materialized='incremental', unique_key='order_id') }}
select order_id, customer, amount from {{ ref('stg_orders') }}
"""
PARTITIONED = """\
{{ config(materialized='incremental', incremental_strategy='insert_overwrite',
          partition_by=['customer']) }}
select order_id, customer || ' a/b%c:d=é' as customer from {{ ref('stg_orders') }}
"""
SLOW = "select i from range(900000000) t(i) where hash(i) = 1"

pytest.importorskip("fsspec", reason="needs fsspec: pip install 'fsspec>=2025.3'")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket on a server that runs on this machine."""

    endpoint: str
    name: str

    @property
    def options(self) -> dict[str, str]:
        return {
            "endpoint_url": self.endpoint,
            "region": "us-east-1",
            "access_key_id": "AKIATEST",
            "secret_access_key": "{{ env_var('DBT_ENV_SECRET_KEY', 'other') }}",
        }

    @property
    def store(self) -> S3Store:
        return S3Store(
            self.name,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id="AKIATEST",
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    def keys(self, part: str = "") -> list[str]:
        found = [file["path"] for page in obstore.list(self.store) for file in page]
        return sorted(key for key in found if part in key)

    def files(self, table: str) -> list[str]:
        return [key for key in self.keys(f"/{table}/") if key.endswith(".parquet")]

    def version(self, table: str) -> int:
        entries = self.keys(f"/{table}/_delta_log/")
        return max(int(re.findall(r"(\d{20})\.json", key)[0]) for key in entries if "json" in key)


def write_project(folder: Path, lake: str, options: dict[str, str] | None = None) -> None:
    output = {"type": "headwater", "lake": lake, "threads": 2}
    if options is not None:
        output["storage_options"] = options
    write_files(
        folder,
        {
            "dbt_project.yml": PROJECT,
            "profiles.yml": json.dumps({"shop": {"target": "dev", "outputs": {"dev": output}}}),
        },
    )


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with serving() as running:
        yield running


@pytest.fixture
def bucket(server: ObjectServer, project: Path, monkeypatch: pytest.MonkeyPatch, hw: Hw) -> Bucket:
    """Let the project's lake be in a bucket of the small server."""
    found = Bucket(server.options["endpoint"], "bucket")
    write_project(project, "s3://bucket/lake", found.options)
    monkeypatch.setenv("DBT_ENV_SECRET_KEY", SECRET)
    return found


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_serving() as endpoint:
        yield endpoint


def _send(endpoint: str, method: str, path: str, body: str = "") -> None:
    connection = HTTPConnection(endpoint.removeprefix("http://"))
    connection.request(method, path, body, {"Content-Type": "text/plain"})
    assert connection.getresponse().status == 200
    connection.close()


@pytest.fixture
def moto_bucket(moto: str, project: Path, monkeypatch: pytest.MonkeyPatch, hw: Hw) -> Bucket:
    """Let the project's lake be in a new bucket of moto."""
    found = Bucket(moto, f"b-{uuid4().hex}")
    _send(moto, "PUT", f"/{found.name}")
    write_project(project, f"s3://{found.name}/lake", found.options)
    monkeypatch.setenv("DBT_ENV_SECRET_KEY", SECRET)
    return found


def rows(hw: Hw, sql: str) -> list[list[object]]:
    ended = hw("sql", sql, "--output", "json")
    assert ended.code == 0, ended.err
    found: list[list[object]] = ended.document["rows"]
    return found


def tell_story(hw: Hw, project: Path) -> list[object]:
    """Build, change, build again; return all that can be seen of it."""
    write_files(project, {"models/inc.sql": INCREMENTAL, "models/part.sql": PARTITIONED})
    first = hw("build", "--output", "json")
    assert first.code == 0, first.err
    seen: list[object] = [sorted((r["node"], r["rows"]) for r in first.document["results"])]
    steps = hw("plan", "--output", "json").document["steps"]
    seen.append({step["action"] for step in steps})
    orders = (project / "seeds/raw_orders.csv").read_text()
    changed = orders.replace("2,grace,4.0", "2,grace,5.0") + "4,alan,7.25\n"
    write_files(project, {"seeds/raw_orders.csv": changed})
    second = hw("build", "--output", "json")
    assert second.code == 0, second.err
    seen.append(sorted((r["node"], r["rows"], r["version"]) for r in second.document["results"]))
    steps = hw("plan", "--output", "json").document["steps"]
    seen.append({step["action"] for step in steps})
    seen += [
        rows(hw, f"select * from {table} order by 1")
        for table in ("inc", "inc VERSION AS OF 0", "inc@v0", "part", "part@v0", "revenue")
    ]
    history = hw("table", "history", "inc", "--output", "json").document["versions"]
    seen.append([(v["version"], v["operation"], v["rows_added"]) for v in history])
    return seen


@pytest.mark.slow  # ten commands, twice
def test_a_bucket_holds_what_a_folder_holds(
    hw: Hw, project: Path, moto_bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere" / "shop"
    shutil.copytree(project, other)
    write_project(other, "lake")

    in_bucket = tell_story(hw, project)
    monkeypatch.chdir(other)
    in_folder = tell_story(hw, other)

    assert in_bucket == in_folder
    assert in_bucket[1] == in_bucket[3] == {"skip"}
    monkeypatch.chdir(project)
    path = f"s3://{moto_bucket.name}/lake/shop/main/inc"
    assert rows(hw, f"select count(*) from delta.`{path}`") == [[4]]
    assert not (project / "s3:").exists()


@pytest.mark.slow  # starts moto
def test_another_client_reads_the_tables(hw: Hw, project: Path, moto_bucket: Bucket) -> None:
    write_files(project, {"models/part.sql": PARTITIONED})
    assert hw("build").code == 0

    options = {**moto_bucket.options, "allow_http": "true", "secret_access_key": SECRET}
    found = DeltaTable(f"s3://{moto_bucket.name}/lake/shop/main/part", storage_options=options)

    assert found.version() == 0
    parts = [part["customer"] for part in found.partitions()]
    assert sorted(parts) == ["ada a/b%c:d=é", "grace a/b%c:d=é"]
    actions = found.get_add_actions().to_struct_array().to_pylist()
    assert sum(action["num_records"] for action in actions) == 3


@pytest.mark.slow  # writes 20 MB
def test_large_files_are_uploaded_in_parts_and_read_back(
    hw: Hw, project: Path, moto_bucket: Bucket
) -> None:
    write_files(
        project,
        {"models/big.sql": "select i, md5(i::varchar) as h from range(1000000) t(i)"},
    )

    assert hw("build").code == 0

    sizes = [obstore.head(moto_bucket.store, key)["size"] for key in moto_bucket.files("big")]
    assert sum(sizes) > 15_000_000
    expected = rows(hw, "select sum(i), bit_xor(hash(md5(i::varchar))) from range(1000000) t(i)")
    assert rows(hw, "select sum(i), bit_xor(hash(h)) from big") == expected


@pytest.mark.slow  # starts moto
def test_a_table_is_read_from_its_checkpoint(hw: Hw, project: Path, moto_bucket: Bucket) -> None:
    for number in range(4):
        text = f"order_id,customer,amount\n{number},ada,1.0\n"
        write_files(project, {"seeds/raw_orders.csv": text})
        assert hw("build", "-s", "raw_orders").code == 0
    root = f"s3://{moto_bucket.name}/lake/shop/main/raw_orders"
    options = {**moto_bucket.options, "secret_access_key": SECRET}

    assert write_checkpoint(root, storage_options(options, {}), 2)
    for version in (0, 1):
        key = f"lake/shop/main/raw_orders/_delta_log/{version:020}.json"
        obstore.delete(moto_bucket.store, key)

    assert rows(hw, "select order_id from raw_orders") == [[3]]
    assert rows(hw, "select order_id from raw_orders@v2") == [[2]]
    assert hw("sql", "select order_id from raw_orders@v1").code == 2


@pytest.mark.slow  # twelve commands
def test_secrets_are_neither_shown_nor_kept(
    hw: Hw, project: Path, bucket: Bucket, server: ObjectServer
) -> None:
    said = [
        hw(*command)
        for command in (
            ("build",),
            ("plan", "--output", "json"),
            ("plan", "-o", "saved.json"),
            ("debug",),
            ("config", "show"),
            ("docs", "generate"),
            ("sql", "select * from nowhere"),
            ("sql", "select * from read_parquet('s3://bucket/none.parquet')"),
        )
    ]
    server.refuse_all = True
    said.append(hw("build"))
    server.refuse_all = False
    leak = "select $${{ target.storage_options }} {{ target }}$$ as leak"
    write_files(project, {"models/leak.sql": leak})
    said.append(hw("compile"))
    said.append(hw("build"))

    assert [said[0].code, said[-2].code, said[-1].code] == [0, 0, 0], said[-1].err
    kept = [path for path in project.rglob("*") if path.is_file()]
    for text in [*(end.out + end.err for end in said), *map(_text, kept)]:
        assert SECRET not in text
        assert "AKIATEST" not in text.replace((project / "profiles.yml").read_text(), "")
    assert SECRET.encode() not in b"".join(server.objects.values())


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def test_options_come_from_the_environment_too(
    hw: Hw, project: Path, bucket: Bucket, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(project, "s3://bucket/lake")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    assert hw("build").code == 0

    assert rows(hw, "select count(*) from revenue") == [[2]]
    assert any("/revenue/" in key for key in server.objects)


def test_options_that_are_no_texts_are_refused(hw: Hw, project: Path) -> None:
    write_project(project, "s3://bucket/lake", {"region": ["eu"]})  # type: ignore[dict-item]

    ended = hw("build")

    assert (ended.code, "storage_options" in ended.err) == (2, True)


def test_an_option_that_is_not_known_is_named(hw: Hw, project: Path, bucket: Bucket) -> None:
    write_project(project, "s3://bucket/lake", {**bucket.options, "regoin": "eu"})

    ended = hw("build")

    assert ended.code == 2
    assert "HW6010" in ended.err
    assert "regoin" in ended.err


def test_a_commit_whose_reply_is_lost_is_recognised(
    hw: Hw, project: Path, bucket: Bucket, server: ObjectServer
) -> None:
    server.lose_reply_to = "/revenue/_delta_log/00000000000000000000.json"

    ended = hw("build")

    assert ended.code == 0, ended.err
    assert server.lose_reply_to == ""
    assert bucket.version("revenue") == 0
    assert len(bucket.files("revenue")) == 1
    assert rows(hw, "select count(*) from revenue") == [[2]]


def test_a_data_file_whose_reply_is_lost_is_written(
    hw: Hw, project: Path, bucket: Bucket, server: ObjectServer
) -> None:
    server.lose_reply_to = ".parquet"

    ended = hw("build")

    assert ended.code == 0, ended.err
    assert rows(hw, "select sum(amount) from stg_orders") == [["17.00"]]


def test_a_failing_model_leaves_no_files(hw: Hw, project: Path, bucket: Bucket) -> None:
    write_files(
        project,
        {
            "models/bad.sql": "select case when i = 2999999 then error('boom') else i end as i"
            " from range(3000000) t(i)",
            "models/untrue.sql": "select 1 as i union all select 1",
            "models/more.yml": "models: [{name: untrue, columns: [{name: i, tests: [unique]}]}]\n",
        },
    )

    ended = hw("build")

    assert ended.code == 1
    assert "boom" in ended.err
    assert (bucket.keys("/bad/"), bucket.keys("/untrue/")) == ([], [])


def test_denied_requests_have_a_code_and_lose_nothing(
    hw: Hw, project: Path, bucket: Bucket, server: ObjectServer
) -> None:
    assert hw("build").code == 0
    before = dict(server.objects)
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n"})
    server.refuse_all = True

    ended = hw("build")

    assert (ended.code, "HW6007" in ended.err) == (2, True)
    server.refuse_all = False
    assert server.objects == before
    assert rows(hw, "select count(*) from revenue") == [[2]]


@pytest.mark.slow  # waits for retries
def test_a_server_that_is_down_is_transient_and_loses_nothing(
    hw: Hw, project: Path, bucket: Bucket, server: ObjectServer
) -> None:
    assert hw("build").code == 0
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    write_project(project, "s3://bucket/lake", {**bucket.options, "endpoint_url": nowhere})
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n"})

    ended = hw("build")

    assert (ended.code, "HW6009" in ended.err) == (4, True)
    write_project(project, "s3://bucket/lake", bucket.options)
    assert rows(hw, "select count(*) from revenue") == [[2]]
    assert hw("build").code == 0
    assert rows(hw, "select customer from revenue") == [["alan"]]


@pytest.mark.slow  # starts moto
def test_a_bucket_that_is_missing_is_named(hw: Hw, project: Path, moto_bucket: Bucket) -> None:
    write_project(project, "s3://no-such-bucket/lake", moto_bucket.options)

    ended = hw("build")

    assert ended.code == 2
    assert "HW6017" in ended.err
    assert "no-such-bucket" in ended.err


@pytest.mark.slow  # starts moto
def test_wrong_credentials_are_denied(hw: Hw, project: Path, moto_bucket: Bucket) -> None:
    assert hw("build").code == 0
    before = moto_bucket.keys()
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n"})
    _check_permissions(moto_bucket.endpoint, after=0)
    try:
        ended = hw("build")
    finally:
        _check_permissions(moto_bucket.endpoint, after=10**9)

    assert (ended.code, "HW6007" in ended.err) == (2, True)
    assert SECRET not in ended.err
    assert moto_bucket.keys() == before
    assert rows(hw, "select count(*) from revenue") == [[2]]


def _check_permissions(endpoint: str, *, after: int) -> None:
    """Let moto refuse keys that it does not know, after so many requests more."""
    _send(endpoint, "POST", "/moto-api/reset-auth", str(after))


@pytest.mark.slow  # waits for a slow test to be killed
def test_a_build_killed_before_its_commit_is_cleaned_up_by_the_next(
    hw: Hw, project: Path, moto_bucket: Bucket
) -> None:
    assert hw("build").code == 0
    write_files(
        project,
        {
            "seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n",
            "tests/slow.sql": f"-- {{{{ ref('revenue') }}}}\n{SLOW}",
        },
    )
    process = start(project, "build")
    wait_for(lambda: len(moto_bucket.files("revenue")) > 1, seconds=60)
    process.kill()
    process.communicate()
    assert moto_bucket.version("revenue") == 0
    assert rows(hw, "select count(*) from revenue") == [[2]]
    (project / "tests/slow.sql").unlink()

    ended = hw("build")

    assert ended.code == 0, ended.err
    assert rows(hw, "select customer from revenue") == [["alan"]]
    assert (moto_bucket.version("revenue"), len(moto_bucket.files("revenue"))) == (1, 2)


@pytest.mark.slow  # two builds that wait for each other
def test_of_two_builds_from_two_workspaces_one_wins(
    hw: Hw, project: Path, moto_bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(project / "models")
    shutil.rmtree(project / "seeds")
    write_files(
        project,
        {
            "models/race.sql": "select 'first' as who",
            "tests/slow.sql": f"-- {{{{ ref('race') }}}}\n{SLOW}",
        },
    )
    other = tmp_path / "other" / "shop"
    shutil.copytree(project, other)
    write_files(other, {"models/race.sql": "select 'second' as who"})

    command = ("build", "--output", "json")
    processes = [start(project, *command), start(other, *command)]
    ended = [process.communicate(timeout=120) for process in processes]

    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 4], ended
    loser = codes.index(4)
    results = {r["node"]: r for r in json.loads(ended[loser][0])["results"]}
    assert "published" in results["model.shop.race"]["message"]
    assert (moto_bucket.version("race"), len(moto_bucket.files("race"))) == (0, 1)
    winner = ["first", "second"][1 - loser]
    monkeypatch.chdir([project, other][loser])
    assert rows(hw, "select who from race") == [[winner]]
    assert hw("build").code == 0
    assert rows(hw, "select who from race") == [[["first", "second"][loser]]]
    assert rows(hw, "select who from race@v0") == [[winner]]


@pytest.mark.slow  # starts a process
def test_what_is_missing_is_named_with_the_line_that_installs_it(
    project: Path, moto_bucket: Bucket
) -> None:
    hidden = project / "hidden"
    write_files(hidden, {"fsspec.py": "raise ModuleNotFoundError('gone', name='fsspec')\n"})
    source = str(Path(__file__).parents[2] / "src")

    ended = subprocess.run(
        [sys.executable, "-m", "headwater", "build"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{hidden}:{source}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "pip install" in ended.stderr
    assert "fsspec" in ended.stderr
