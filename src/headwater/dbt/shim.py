"""Lets programs import dbt and find us: ``from dbt.cli.main import dbtRunner``.

Nothing called ``dbt`` is in the package: whoever wants a program to find Headwater under that name
says so, by ``headwater.dbt.shim.install()`` before the program imports it. Where the program starts
an executable instead, a link called ``dbt`` to ``hw`` is all it takes.
"""

import sys
from collections.abc import MutableMapping
from importlib.util import find_spec
from types import ModuleType

from headwater.base.errors import Conflict
from headwater.dbt.runner import dbtRunner, dbtRunnerResult
from headwater.jinja.functions import DBT_VERSION

_NAMES = ("dbt", "dbt.cli", "dbt.cli.main", "dbt.version")


def install(modules: MutableMapping[str, ModuleType] | None = None) -> None:
    """Answer imports of ``dbt.cli.main`` and ``dbt.version`` in this process.

    Calling it again changes nothing.

    Args:
        modules: Where imported modules are kept; ``sys.modules`` when None.

    Raises:
        Conflict: ``dbt-installed``, when dbt itself can be imported here.
    """
    known = sys.modules if modules is None else modules
    if getattr(known.get("dbt"), "is_headwater", False):
        return
    if "dbt" in known or find_spec("dbt") is not None:
        raise Conflict(
            "dbt-installed",
            "dbt is installed in this Python, and would be hidden",
            why="a program that imports dbt would get some of its modules and some of ours",
            fix="use an environment without dbt-core, or import headwater.dbt.dbtRunner by name",
        )
    made = {name: ModuleType(name, "Headwater under dbt's name.") for name in _NAMES}
    made["dbt"].is_headwater = True  # type: ignore[attr-defined] # a module of ours takes any name
    for name, module in made.items():
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(made[parent], child, module)
        if name in {"dbt", "dbt.cli"}:
            module.__path__ = []
    made["dbt.cli.main"].dbtRunner = dbtRunner  # type: ignore[attr-defined]
    made["dbt.cli.main"].dbtRunnerResult = dbtRunnerResult  # type: ignore[attr-defined]
    made["dbt.version"].__version__ = DBT_VERSION  # type: ignore[attr-defined]
    known.update(made)
