"""Events of OpenLineage: what they say, where they go, and that no run waits for them or fails."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest
from referencing import Registry, Resource
from tests.cli.conftest import FILES, write_files
from tests.peer.public import fetch

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.telemetry import NodeFinished, NodeStarted, RunStarted
from headwater.runs import emitter
from headwater.runs.answers import PlanRequest
from headwater.runs.emitter import Emitter
from headwater.runs.lineage_settings import (
    FileTarget,
    HttpTarget,
    LineageSettings,
    read_lineage_settings,
)
from headwater.runs.openlineage import Told, events_of, name_of
from headwater.runs.run import Run
from headwater.workspace import Workspace

SPEC = "OpenLineage/OpenLineage", "8f02abfb7a252783b95df79f443edb13959bf52c"
Event = dict[str, Any]
FAILING = """\
{{ config(materialized='table') }}
select order_id, customer, cast(error('no') as decimal(12, 2)) as amount
from {{ ref('raw_orders') }}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    write_files(folder, FILES)
    return folder


def build(project: Path, **environment: str) -> Run:
    given = {"HOME": str(project.parent), **environment}
    with Workspace.open(project, environment=given) as workspace:
        return workspace.apply(workspace.plan(PlanRequest(force=True)))


def to_file(project: Path) -> dict[str, str]:
    transport = {"type": "file", "log_file_path": "events.ndjson", "append": True}
    return {"OPENLINEAGE__TRANSPORT": json.dumps(transport)}


def events(project: Path) -> list[Event]:
    lines = (project / "events.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def codes(run: Run) -> list[str]:
    return [finding.name for finding in run.findings]


def test_a_run_and_each_node_that_is_built_begin_and_end(project: Path) -> None:
    run = build(project, **to_file(project))

    told = [(event["eventType"], event["job"]["name"]) for event in events(project)]
    assert run.status == "success"
    assert told[0] == ("START", "shop.build")
    assert told[-1] == ("COMPLETE", "shop.build")
    nodes = ["seed.shop.raw_orders", "model.shop.stg_orders", "model.shop.revenue"]
    assert sorted(told[1:-1]) == sorted(
        (kind, f"default.{node}") for node in nodes for kind in ("START", "COMPLETE")
    )


def test_a_built_table_has_its_columns_lineage_rows_and_version(project: Path) -> None:
    build(project, **to_file(project))

    [ended] = [
        event
        for event in events(project)
        if event["eventType"] == "COMPLETE" and event["job"]["name"].endswith("model.shop.revenue")
    ]
    [output] = ended["outputs"]
    facets = output["facets"]
    revenue = facets["columnLineage"]["fields"]["revenue"]["inputFields"]
    [row] = facets["columnLineage"]["dataset"]
    assert [(each["field"], each["transformations"]) for each in revenue] == [
        ("amount", [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": False}])
    ]
    assert (row["field"], row["transformations"][0]["subtype"]) == ("customer", "GROUP_BY")
    assert [each["name"] for each in facets["schema"]["fields"]] == [
        "customer", "revenue", "orders"
    ]  # fmt: skip
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert facets["datasetVersion"]["datasetVersion"] == "0"
    assert facets["lineage"]["inputs"][0]["name"] == ended["inputs"][0]["name"]
    assert output["name"] == f"{project}/.headwater/lake/shop/main/revenue"


def test_all_events_of_a_node_are_of_one_run_below_that_of_the_build(project: Path) -> None:
    build(project, **to_file(project))

    found = events(project)
    [whole] = {event["run"]["runId"] for event in found if event["job"]["name"] == "shop.build"}
    nodes = [event for event in found if event["job"]["name"] != "shop.build"]
    assert len({event["run"]["runId"] for event in nodes}) == 3
    assert {event["run"]["facets"]["parent"]["run"]["runId"] for event in nodes} == {whole}


def test_a_node_that_fails_says_why_and_those_after_it_never_began(project: Path) -> None:
    write_files(project, {"models/stg_orders.sql": FAILING})

    run = build(project, **to_file(project))

    found = events(project)
    [failed] = [event for event in found if event["eventType"] == "FAIL" and event["outputs"]]
    assert run.status == "failed"
    assert found[-1]["eventType"] == "FAIL"
    assert failed["job"]["name"] == "default.model.shop.stg_orders"
    assert failed["run"]["facets"]["errorMessage"]["message"]
    assert not any("revenue" in event["job"]["name"] for event in found)


def test_without_any_configuration_nothing_is_sent(project: Path) -> None:
    before = threading.active_count()

    run = build(project)

    assert not list(project.glob("*.ndjson"))
    assert codes(run) == []
    assert threading.active_count() <= before + 1


class Service:
    """A service that keeps what it is sent, on a port of its own."""

    def __init__(self, status: int = 201) -> None:
        self.taken: list[tuple[str, Mapping[str, str], bytes]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.taken.append((self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_a_service_gets_every_event_with_the_key(project: Path) -> None:
    with closing(Service()) as service:
        run = build(project, OPENLINEAGE_URL=service.url, OPENLINEAGE_API_KEY="secret")

    paths = {path for path, _, _ in service.taken}
    assert codes(run) == []
    assert paths == {"/api/v1/lineage"}
    assert len(service.taken) == 8
    assert {headers["Authorization"] for _, headers, _ in service.taken} == {"Bearer secret"}
    assert json.loads(service.taken[0][2])["eventType"] == "START"


def test_events_are_packed_where_that_is_asked_for(project: Path) -> None:
    with closing(Service()) as service:
        text = f"transport: {{type: http, url: '{service.url}/', endpoint: x, compression: gzip}}"
        write_files(project, {"openlineage.yml": text})
        build(project)

    path, headers, body = service.taken[-1]
    assert (path, headers["Content-Encoding"]) == ("/x", "gzip")
    assert json.loads(gzip.decompress(body))["eventType"] == "COMPLETE"


@pytest.mark.parametrize("status", [500, 401, 302])
def test_a_service_that_refuses_costs_a_warning(project: Path, status: int) -> None:
    with closing(Service(status)) as service:
        run = build(project, OPENLINEAGE_URL=service.url)

    [finding] = run.findings
    assert run.status == "success"
    assert finding.name == "openlineage-not-sent"
    assert finding.what == "8 of 8 events were not sent to OpenLineage"
    assert {path for path, _, _ in service.taken} == {"/api/v1/lineage"}
    assert len(service.taken) == emitter.FAILURES_MAX


@pytest.fixture
def silent() -> Iterator[str]:
    """Listen on a port and never answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_service_that_never_answers_holds_up_no_run(
    project: Path, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitter, "CLOSE_SECONDS_MAX", 0.2)
    build(project)
    begin = time.monotonic()
    build(project)
    alone = time.monotonic() - begin

    begin = time.monotonic()
    run = build(project, OPENLINEAGE_URL=silent)

    assert time.monotonic() - begin < alone + 3.0
    assert run.status == "success"
    assert codes(run) == ["openlineage-not-sent"]


def told_of(project: Path) -> Told:
    with Workspace.open(project, environment={}) as workspace:
        planned = workspace.plan()
    assert planned.graph is not None
    return Told(
        plan=planned.plan,
        graph=planned.graph,
        namespace="n",
        command="build",
        engine=("duckdb", "2"),
        place=str,
    )


def test_a_full_queue_drops_and_counts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitter, "QUEUE_MAX", 5)
    settings = LineageSettings(targets=(FileTarget(path=project / "e", appends=True),))
    made = Emitter(told=told_of(project), settings=settings)

    for number in range(20):
        made.take(RunStarted(run_id=RunId(str(number)), steps=1, at="2026-11-21T00:00:00+00:00"))
    thread = threading.Thread(target=made.run)
    thread.start()
    [finding] = made.close(thread)

    assert finding.what == "15 of 20 events were not sent to OpenLineage"
    assert len((project / "e").read_text(encoding="utf-8").splitlines()) == 5


def test_what_is_told_as_lost_is_not_sent_later(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitter, "CLOSE_SECONDS_MAX", 0.05)
    answers, sent = threading.Event(), list[bytes]()

    def wait_and_take(_target: HttpTarget, body: bytes) -> None:
        answers.wait(5)
        sent.append(body)

    monkeypatch.setattr(emitter, "post", wait_and_take)
    settings = LineageSettings(targets=(HttpTarget(url="http://late"),))
    made = Emitter(told=told_of(project), settings=settings)
    for number in range(3):
        made.take(RunStarted(run_id=RunId(str(number)), steps=1, at="2026-11-21T00:00:00+00:00"))
    thread = threading.Thread(target=made.run)
    thread.start()

    [finding] = made.close(thread)
    answers.set()
    thread.join(5)

    assert finding.what == "3 of 3 events were not sent to OpenLineage"
    assert len(sent) == 1  # the one that was under way
    assert not thread.is_alive()


def test_an_event_that_cannot_be_told_ends_nothing(project: Path) -> None:
    settings = LineageSettings(targets=(FileTarget(path=project / "e", appends=True),))
    made = Emitter(told=told_of(project), settings=settings)
    object.__setattr__(made.told, "built", frozenset({NodeId("model.shop.gone")}))

    made.take(NodeStarted(run_id=RunId("r"), node=NodeId("model.shop.gone"), at="never"))
    made.take(RunStarted(run_id=RunId("r"), steps=1, at="2026-11-21T00:00:00+00:00"))
    thread = threading.Thread(target=made.run)
    thread.start()
    [finding] = made.close(thread)

    assert finding.what == "1 of 2 events were not sent to OpenLineage"


def test_a_file_each_is_named_by_its_time(project: Path) -> None:
    build(
        project, OPENLINEAGE__TRANSPORT__TYPE="file", OPENLINEAGE__TRANSPORT__LOG_FILE_PATH="ev/x"
    )

    files = sorted((project / "ev").iterdir())
    assert len(files) == 8
    assert all(json.loads(file.read_text(encoding="utf-8"))["eventType"] for file in files)


def test_the_configuration_is_found_as_its_clients_find_it(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "root"
    file = "transport: {type: http, url: 'http://%s'}"
    write_files(home, {".openlineage/openlineage.yml": file % "home"})
    write_files(root, {"named.yml": file % "named"})
    everything = {
        "HOME": str(home),
        "OPENLINEAGE_URL": "http://old",
        "OPENLINEAGE__TRANSPORT__TYPE": "http",
        "OPENLINEAGE__TRANSPORT__URL": "http://nested",
        "OPENLINEAGE_NAMESPACE": "team",
    }

    def url(**more: str) -> str:
        found = read_lineage_settings({**everything, **more}, root)
        [target] = found.targets
        assert isinstance(target, HttpTarget)
        assert found.namespace == "team"
        return target.url.removeprefix("http://").partition("/")[0]

    assert url() == "home"
    assert url(OPENLINEAGE_CONFIG="named.yml") == "named"
    assert url(HOME="") == "nested"
    assert url(HOME="", OPENLINEAGE__TRANSPORT='{"type": "http", "url": "http://json"}') == "json"
    del everything["OPENLINEAGE__TRANSPORT__TYPE"], everything["OPENLINEAGE__TRANSPORT__URL"]
    assert url(HOME="") == "old"
    write_files(root, {"openlineage.yml": file % "project"})
    assert url() == "project"


def test_several_targets_and_none(tmp_path: Path) -> None:
    both = {
        "type": "composite",
        "transports": {"a": {"type": "file", "log_file_path": "e"}, "b": {"type": "noop"}},
    }
    given = {"OPENLINEAGE__TRANSPORT": json.dumps(both)}

    found = read_lineage_settings(given, tmp_path)
    off = read_lineage_settings({**given, "OPENLINEAGE_DISABLED": "true"}, tmp_path)

    assert found.targets == (FileTarget(path=tmp_path / "e"),)
    assert off == LineageSettings()


@pytest.mark.parametrize(
    "transport",
    [
        {"type": "kafka", "topic": "x"},
        {"type": "http"},
        {"type": "http", "url": "file:///etc/passwd"},
        {"type": "http", "url": "http://x", "timeout": "soon"},
        {"type": "file"},
        {"type": "file", "log_file_path": "s3://bucket/x"},
        {},
    ],
)
def test_what_cannot_be_used_is_one_warning(project: Path, transport: dict[str, str]) -> None:
    given = {"OPENLINEAGE__TRANSPORT": json.dumps(transport or {"x": 1})}

    run = build(project, **given)

    assert run.status == "success"
    assert codes(run) == ["openlineage-unusable"]


def test_a_malformed_file_is_one_warning(project: Path) -> None:
    write_files(project, {"openlineage.yml": "transport: [\n"})

    assert codes(build(project)) == ["openlineage-unusable"]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/lake/shop/orders", ("file", "/lake/shop/orders")),
        ("file:///lake/orders", ("file", "/lake/orders")),
        ("s3://bucket/lake/orders", ("s3://bucket", "lake/orders")),
        ("https://host/raw.csv", ("https://host", "raw.csv")),
        ("s3://bucket", ("s3://bucket", "/")),
    ],
)
def test_places_are_named_as_others_name_them(place: str, name: tuple[str, str]) -> None:
    assert name_of(place) == name


def test_a_skipped_node_is_not_told_of(project: Path) -> None:
    build(project, **to_file(project))
    (project / "events.ndjson").unlink()
    with Workspace.open(project, environment=to_file(project)) as workspace:
        workspace.apply(workspace.plan())

    assert [event["job"]["name"] for event in events(project)] == ["shop.build", "shop.build"]


@pytest.mark.peer
def test_the_official_schemas_take_every_event(project: Path, tmp_path: Path) -> None:
    name, revision = SPEC
    fetch(name, tmp_path / "ol", revision, under="spec")
    specs = [json.loads(file.read_text("utf-8")) for file in (tmp_path / "ol/spec").glob("*.json")]
    facets = [
        json.loads(file.read_text("utf-8")) for file in (tmp_path / "ol/spec/facets").glob("*.json")
    ]
    registry: Any = Registry().with_resources(
        (each["$id"], Resource.from_contents(each)) for each in (*specs, *facets)
    )
    build(project, **to_file(project))
    write_files(project, {"models/stg_orders.sql": FAILING})
    build(project, **to_file(project))

    checked = 0
    for event in events(project):
        parts = [event, event["run"], event["job"], *event["inputs"], *event["outputs"]]
        validators = [(event, event["schemaURL"])]
        for part in parts:
            for kind in ("facets", "outputFacets"):
                found = part.get(kind, {}).values()
                validators += [(facet, facet["_schemaURL"]) for facet in found]
        for document, url in validators:
            validator = jsonschema.Draft202012Validator(
                {"$ref": url}, registry=registry, format_checker=jsonschema.FormatChecker()
            )
            assert [error.message for error in validator.iter_errors(document)] == []
            checked += 1
    assert checked > 100


def test_finished_without_a_commit_says_no_rows(project: Path) -> None:
    told = told_of(project)
    finished = NodeFinished(
        run_id=RunId("r"),
        node=NodeId("model.shop.stg_orders"),
        status="success",
        message="",
        rows=None,
        version=None,
        meter=Meter(),
        at="2026-11-21T00:00:00+00:00",
    )

    [event] = events_of(told, finished)

    document: Any = event
    [output] = document["outputs"]
    assert "outputFacets" not in output
