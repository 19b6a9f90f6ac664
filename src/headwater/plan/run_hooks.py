"""The hooks of dbt_project.yml as parts of a plan, so that a plan says everything that will run."""

from collections.abc import Iterable, Iterator

from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.plan.plan import RunHook


def run_hooks(graph: Graph, keys: Iterable[NodeId]) -> Iterator[RunHook]:
    """Return operations as hooks, named as dbt names them, in the order of ``keys``."""
    for key in keys:
        compiled = graph.nodes[key]
        relations = (graph.nodes[read].node.relation for read in compiled.depends_on)
        stem, _, place = compiled.node.name.rpartition("-")
        package = compiled.node.package
        yield RunHook(
            node=key,
            name=f"{package}.{stem.removeprefix(package + '-')}.{place}",
            sql=compiled.code,
            reads=tuple(relation for relation in relations if relation is not None),
            writes=compiled.pre_writes,
        )
