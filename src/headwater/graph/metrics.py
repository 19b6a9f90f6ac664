"""What metrics, saved queries and exposures read: metrics, and semantic models by their measures.

Only the edges: computing metrics is a later capability.
"""

from collections.abc import Iterable, Iterator, Mapping

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.project.calls import metrics_in
from headwater.project.node import Node

Named = dict[str, list[NodeId]]


def metric_inputs(
    nodes: Mapping[NodeId, Node],
) -> tuple[Mapping[NodeId, tuple[NodeId, ...]], tuple[Diagnostic, ...]]:
    """Return the inputs of metrics, saved queries and exposures, and what they name in vain."""
    metrics = _by_name(nodes.values(), "metric")
    models = _by_name(nodes.values(), "semantic_model")
    measures: Named = {}
    for node in nodes.values():
        for name in _names(node.declared.get("measures")):
            if node.resource_type == "semantic_model":
                measures.setdefault(name, []).append(node.unique_id)
    found: dict[NodeId, tuple[NodeId, ...]] = {}
    diagnostics: list[Diagnostic] = []
    for key, node in nodes.items():
        inputs: set[NodeId] = set()
        for kind, name in _wanted(node):
            known = {"metric": metrics, "measure": measures}.get(kind, models).get(name)
            if known:
                inputs.add(known[0])
            else:
                diagnostics.append(_not_found(node, kind, name))
        if inputs:
            found[key] = tuple(sorted(inputs))
    return found, tuple(diagnostics)


def metrics_of_exposure(node: Node) -> tuple[str, ...]:
    """Return the names of the metrics that an exposure depends on."""
    written = node.declared.get("depends_on")
    texts = [each for each in written if isinstance(each, str)] if isinstance(written, list) else []
    return tuple(name for text in texts for name in metrics_in(text))


def _by_name(nodes: Iterable[Node], resource_type: str) -> Named:
    found: Named = {}
    for node in nodes:
        if node.resource_type == resource_type:
            found.setdefault(node.name, []).append(node.unique_id)
    return found


def _wanted(node: Node) -> Iterator[tuple[str, str]]:
    """Give what a node names, as pairs of a kind (``metric``, ``measure`` ...) and a name."""
    if node.resource_type == "saved_query":
        parameters = _mapping(node.declared.get("query_params"))
        yield from (("metric", name) for name in _names(parameters.get("metrics")))
    if node.resource_type == "exposure":
        yield from (("metric", name) for name in metrics_of_exposure(node))
    if node.resource_type != "metric":
        return
    parameters = _mapping(node.declared.get("type_params"))
    conversion = _mapping(parameters.get("conversion_type_params"))
    cumulative = _mapping(parameters.get("cumulative_type_params"))
    if node.declared.get("type") not in {"derived", "ratio"}:
        yield from (("measure", name) for name in _names([parameters.get("measure")]))
    for part in ("base_metric", "conversion_metric"):
        yield from (("metric", name) for name in _names([conversion.get(part)]))
    aggregated = _mapping(parameters.get("metric_aggregation_params")).get("semantic_model")
    if isinstance(aggregated, str):
        yield "semantic model", aggregated
    for part in ("base_measure", "conversion_measure"):
        yield from (("measure", name) for name in _names([conversion.get(part)]))
    ratio = [parameters.get("numerator"), parameters.get("denominator"), cumulative.get("metric")]
    listed = parameters.get("metrics")
    for name in _names([*ratio, *(listed if isinstance(listed, list) else [])]):
        yield "metric", name


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _names(values: Json) -> Iterator[str]:
    """Give the names in a list of names, or of mappings with a ``name``."""
    for value in values if isinstance(values, list) else []:
        name = value.get("name") if isinstance(value, dict) else value
        if isinstance(name, str):
            yield name


def _not_found(node: Node, kind: str, name: str) -> Diagnostic:
    return Diagnostic(
        code="metric-not-found",
        severity="error",
        what=f"{node.resource_type.replace('_', ' ')} `{node.name}` names {kind} `{name}`, "
        "which is not declared",
        fix="declare it, or correct the name",
        where=node.where,
        node=node.unique_id,
    )
