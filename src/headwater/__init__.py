"""Headwater: an open lakehouse in one package. SQL models become Delta tables, planned first.

The names below are the public API, with ``headwater.testing``; everything else may change. They
are imported when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.base.diagnostics import Diagnostic
    from headwater.base.errors import HeadwaterError
    from headwater.base.meters import Meter
    from headwater.base.relations import TableName
    from headwater.base.units import Estimate
    from headwater.engines.engine import Engine
    from headwater.graph.choose import Selection
    from headwater.plan.plan import Plan
    from headwater.runs.answers import PlanRequest
    from headwater.runs.append import Appender, AppendOptions
    from headwater.runs.cancel import CancelToken
    from headwater.runs.run import Run
    from headwater.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {
    "AppendOptions": "headwater.runs.append",
    "Appender": "headwater.runs.append",
    "CancelToken": "headwater.runs.cancel",
    "Diagnostic": "headwater.base.diagnostics",
    "Engine": "headwater.engines.engine",
    "Estimate": "headwater.base.units",
    "HeadwaterError": "headwater.base.errors",
    "Meter": "headwater.base.meters",
    "Plan": "headwater.plan.plan",
    "PlanRequest": "headwater.runs.answers",
    "Run": "headwater.runs.run",
    "Selection": "headwater.graph.choose",
    "TableName": "headwater.base.relations",
    "Workspace": "headwater.workspace",
}

__all__ = [
    "AppendOptions",
    "Appender",
    "CancelToken",
    "Diagnostic",
    "Engine",
    "Estimate",
    "HeadwaterError",
    "Meter",
    "Plan",
    "PlanRequest",
    "Run",
    "Selection",
    "TableName",
    "Workspace",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home."""
    if name not in _HOMES:
        message = f"module 'headwater' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)
