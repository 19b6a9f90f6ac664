"""A node as the last successful run left it, in the shape of a compiled node.

What is asked of the planned version (bytes read, windows) can so be asked of the deployed one.
"""

from dataclasses import replace

from headwater.graph.graph import CompiledNode
from headwater.plan.state import DeployedNode


def as_deployed(compiled: CompiledNode, deployed: DeployedNode) -> CompiledNode:
    """Return a node with the queries of its deployed version."""
    reads = deployed.lineage.reads if deployed.lineage else compiled.reads
    return replace(
        compiled,
        code=deployed.code,
        incremental_code=deployed.incremental_code or None,
        columns=deployed.columns,
        lineage=deployed.lineage,
        fingerprint=deployed.fingerprint,
        reads=tuple(read for read in reads if read != compiled.node.relation),
    )
