"""Headwater: an open lakehouse in one package. SQL models become Delta tables, planned first.

The names below are the public API, with ``headwater.testing``; everything else may change. They
are imported when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "CancelToken": "headwater.runs.cancel",
    "Diagnostic": "headwater.base.diagnostics",
    "Engine": "headwater.engines.engine",
    "Estimate": "headwater.base.units",
    "HeadwaterError": "headwater.base.errors",
    "Meter": "headwater.base.meters",
    "Plan": "headwater.plan.plan",
    "PlanRequest": "headwater.workspace",
    "Run": "headwater.runs.run",
    "Selection": "headwater.workspace",
    "TableName": "headwater.base.relations",
    "Workspace": "headwater.workspace",
}

__all__ = [  # noqa: F822 - the names are made by __getattr__
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
