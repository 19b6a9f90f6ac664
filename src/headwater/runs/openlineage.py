"""A run as events of OpenLineage: one job for the run, one for each node that is built.

The format is another's, so it is translated here and nowhere else, from the same plan, graph and
telemetry as everything. OpenLineage 2-0-2; facets at the versions that their URLs name.

A relation is called by the place of its table: ``file`` and an absolute path, or a bucket and a
path, as Spark and others call Delta tables, so that graphs of both sides join. Views are called by
the place that their table would have; ``symlinks`` has the names of both.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from headwater.base.codec import Json
from headwater.base.ids import NodeId, RunId
from headwater.base.relations import TableName
from headwater.base.telemetry import Event, NodeFinished, NodeStarted, RunFinished, RunStarted
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.plan import Plan, RunTest, Skip
from headwater.sql.lineage import Influence, QueryLineage, kind_of

QUERY_CHARS_MAX = 100_000
"""Characters of a query that an event carries."""

_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS: Mapping[str, str] = {
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
    "datasetVersion": "1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
    "lineage": "1-0-0/LineageFacet.json#/$defs/LineageDatasetFacet",
    "outputStatistics": (
        "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
    ),
    "parent": "1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet",
    "schema": "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
    "sql": "1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet",
    "symlinks": "1-0-1/SymlinksDatasetFacet.json#/$defs/SymlinksDatasetFacet",
}
_Document = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is the same in all events of a run.

    Attributes:
        plan: What is run.
        graph: The project.
        namespace: Of the jobs.
        command: The verb.
        engine: Name and version of the engine.
        place: Where a relation's table lies: a folder or URL.
        version: Headwater's own.
        built: Nodes that the plan builds; tests and what it leaves alone are no jobs.
    """

    plan: Plan
    graph: Graph
    namespace: str
    command: str
    engine: tuple[str, str]
    place: Callable[[TableName], str]
    version: str = ""
    built: frozenset[NodeId] = field(init=False)

    @property
    def producer(self) -> str:
        """Who makes the events, as a URI."""
        return f"urn:headwater:{self.version or 'unknown'}"

    def __post_init__(self) -> None:
        """Note which nodes are built, for they are asked about at every event."""
        steps = (step for step in self.plan.steps if not isinstance(step, RunTest | Skip))
        object.__setattr__(self, "built", frozenset(step.node for step in steps))


def events_of(told: Told, event: Event) -> Iterator[_Document]:
    """Yield what is told of one event: none of steps that build nothing."""
    match event:
        case RunStarted():
            yield _run_event(told, event.run_id, event.at, "START")
        case RunFinished():
            ends = {"success": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT"}
            yield _run_event(told, event.run_id, event.at, ends[event.status])
        case NodeStarted() if event.node in told.built:
            yield _node_event(told, event, "START")
        case NodeFinished() if event.node in told.built and event.status != "skipped":
            is_done = event.status == "success"
            yield _node_event(told, event, "COMPLETE" if is_done else "FAIL")
        case _:
            return


def _uuid(*parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("headwater", *parts))))


def _facets(told: Told, **facets: _Document | None) -> _Document:
    base = "https://openlineage.io/spec/facets/"
    return {
        name: {"_producer": told.producer, "_schemaURL": base + _FACETS[name], **facet}
        for name, facet in facets.items()
        if facet is not None
    }


def _event(
    told: Told, at: str, kind: str, run: _Document, job: _Document, **more: Json
) -> _Document:
    document: _Document = {
        "eventType": kind,
        "eventTime": at,
        "producer": told.producer,
        "schemaURL": _EVENT,
        "run": run,
        "job": job,
    }
    return {**document, **more}


def _job_of_run(told: Told) -> _Document:
    return {"namespace": told.namespace, "name": f"{told.plan.project}.{told.command}"}


def _job_type(kind: str) -> _Document:
    return {"processingType": "BATCH", "integration": "HEADWATER", "jobType": kind}


def _engine(told: Told) -> _Document:
    name, version = told.engine
    return {"name": name, "version": version, "openlineageAdapterVersion": told.version}


def _run_event(told: Told, run_id: RunId, at: str, kind: str) -> _Document:
    run: _Document = {
        "runId": _uuid(run_id),
        "facets": _facets(told, processing_engine=_engine(told)),
    }
    job = {**_job_of_run(told), "facets": _facets(told, jobType=_job_type("RUN"))}
    return _event(told, at, kind, run, job, inputs=[], outputs=[])


def _node_event(told: Told, event: NodeStarted | NodeFinished, kind: str) -> _Document:
    compiled = told.graph.nodes[event.node]
    failed = isinstance(event, NodeFinished) and kind == "FAIL"
    message = event.message if isinstance(event, NodeFinished) else ""
    parent: _Document = {
        "run": {"runId": _uuid(event.run_id)},
        "job": _job_of_run(told),
        "root": {"run": {"runId": _uuid(event.run_id)}, "job": _job_of_run(told)},
    }
    error: _Document = {"message": message or "failed", "programmingLanguage": "SQL"}
    run: _Document = {
        "runId": _uuid(event.run_id, event.node),
        "facets": _facets(
            told,
            parent=parent,
            processing_engine=_engine(told),
            errorMessage=error if failed else None,
        ),
    }
    query: _Document = {"query": compiled.code[:QUERY_CHARS_MAX], "dialect": compiled.dialect}
    job: _Document = {
        "namespace": told.namespace,
        "name": f"{told.plan.target}.{event.node}",
        "facets": _facets(
            told,
            jobType=_job_type(compiled.node.resource_type.upper()),
            sql=query if compiled.code else None,
        ),
    }
    inputs: list[Json] = [_dataset(told, relation) for relation in compiled.reads]
    return _event(
        told, event.at, kind, run, job, inputs=inputs, outputs=_outputs(told, compiled, event)
    )


def _outputs(told: Told, compiled: CompiledNode, event: NodeStarted | NodeFinished) -> list[Json]:
    relation = compiled.node.relation
    if relation is None:
        return []
    columns: list[Json] = [
        {"name": column.name, "type": column.type, "ordinal_position": place}
        for place, column in enumerate(compiled.columns or (), start=1)
    ]
    version = event.version if isinstance(event, NodeFinished) else None
    rows = event.rows if isinstance(event, NodeFinished) else None
    lineage = compiled.lineage
    dataset = _dataset(
        told,
        relation,
        schema={"fields": columns} if columns else None,
        columnLineage=_column_lineage(told, lineage) if lineage else None,
        lineage=_explicit(told, compiled, lineage) if lineage else None,
        datasetVersion=None if version is None else {"datasetVersion": str(version)},
    )
    if rows is not None and version is not None:
        dataset["outputFacets"] = _facets(told, outputStatistics={"rowCount": rows})
    return [dataset]


def name_of(place: str) -> tuple[str, str]:
    """Return how a dataset at a place is called: its namespace and its name in it."""
    parts = urlsplit(place)
    if parts.scheme and parts.netloc:
        return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/") or "/"
    return "file", parts.path if parts.scheme == "file" else place


def _named(told: Told, relation: TableName) -> _Document:
    namespace, name = name_of(told.place(relation))
    return {"namespace": namespace, "name": name}


def _dataset(told: Told, relation: TableName, **facets: _Document | None) -> _Document:
    symlink: Json = {"namespace": told.namespace, "name": str(relation), "type": "TABLE"}
    symlinks: _Document = {"identifiers": [symlink]}
    return {**_named(told, relation), "facets": _facets(told, symlinks=symlinks, **facets)}


def _transformations(influences: Iterable[Influence]) -> list[Json]:
    return [
        {
            "type": "DIRECT" if kind_of(each.subtype) == "direct" else "INDIRECT",
            "subtype": each.subtype.upper(),
            "masking": each.masking,
        }
        for each in influences
    ]


def _fields(told: Told, influences: Iterable[Influence]) -> Iterator[_Document]:
    """Yield each input column once, with all the ways in which it is used."""
    uses: dict[tuple[TableName, str], list[Influence]] = {}
    for each in influences:
        if each.column != "*":
            uses.setdefault((each.table, each.column), []).append(each)
    for (table, column), found in uses.items():
        yield {
            **_named(told, table),
            "field": column,
            "transformations": _transformations(found),
        }


def _column_lineage(told: Told, lineage: QueryLineage) -> _Document:
    fields: _Document = {
        column.name: {"inputFields": list[Json](_fields(told, column.influences))}
        for column in lineage.columns
    }
    return {"fields": fields, "dataset": list[Json](_fields(told, lineage.row_set))}


def _explicit(told: Told, compiled: CompiledNode, lineage: QueryLineage) -> _Document:
    """Return the same as explicit lineage, with the relations that give rows and no column."""
    whole: list[Json] = [{**_named(told, each), "type": "DATASET"} for each in compiled.reads]
    whole += [{**field, "type": "DATASET"} for field in _fields(told, lineage.row_set)]
    fields: _Document = {
        column.name: {
            "inputs": [{**field, "type": "DATASET"} for field in _fields(told, column.influences)]
        }
        for column in lineage.columns
    }
    return {"inputs": whole, "fields": fields}
