"""What reading a project needs besides its files: the target, variables and facts of the command.

All of it is passed in: nothing here reads a clock, an environment or a random number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from headwater.base.cache import Cache, NoCache
from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid
from headwater.base.warehouses import DUCKDB, WAREHOUSES, Warehouse
from headwater.jinja.budget import Limits

THREADS_DEFAULT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a project is built: one output of a profile, resolved.

    Attributes:
        profile: Name of the profile; the project's name for the built-in default.
        name: Name of the output (dbt's ``target.name``).
        type: ``headwater``, ``duckdb`` or another warehouse: which keys the output was written
            with.
        catalog: Catalog of the tables (dbt's ``target.database``).
        schema: Schema of nodes that ask for none.
        lake: Folder or URL as written; None for the default, ``<project>/.headwater/lake``.
        engine: Name of the engine.
        threads: How many nodes may run at once.
        memory_limit: As written (``4GB``); None for the engine's own default.
        settings: Settings of the engine.
        storage_options: Options of object stores, secrets too: never shown or kept.
        jinja: ``target`` as templates see it: no secrets.
        given: Keys that the profile's output has; empty for the built-in default.
        is_translated: Whether another warehouse's SQL is translated for the engine (``--on``).
        durability: As written (``power``, ``process``); None for the default.
    """

    profile: str
    name: str
    type: str
    catalog: str
    schema: str
    lake: str | None = None
    engine: str = "duckdb"
    threads: int = THREADS_DEFAULT
    memory_limit: str | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    jinja: Mapping[str, Json] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    is_translated: bool = False
    durability: str | None = None

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse that the project is written for."""
        return WAREHOUSES.get(self.type, DUCKDB)

    @property
    def is_run(self) -> bool:
        """Whether the engine can run the project: its own SQL, or translated."""
        return self.is_translated or self.warehouse.is_embedded


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a project is read with.

    Attributes:
        target: Where it will be built.
        vars: Variables from the command line; they win over those in files.
        environment: Environment variables that ``env_var`` may read.
        started_at: When the command began, UTC: ``run_started_at``.
        invocation_id: Identifier of the command.
        flags: ``flags`` in Jinja; ``WHICH`` (the command) and ``FULL_REFRESH`` matter most.
        codes: Where compiled templates outlive the command; no part of what is read.
        limits: What one rendering may take.
        on_clock: Called when the result depends on the time or on an id of the command.
    """

    target: Target
    vars: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime
    invocation_id: str
    flags: Mapping[str, Json] = field(default_factory=dict)
    codes: Cache = field(default_factory=NoCache, compare=False)
    limits: Limits = field(default_factory=Limits)
    on_clock: Callable[[], None] = field(default=lambda: None, compare=False)


_NONE: Mapping[str, Json] = MappingProxyType({})


def jinja_flags(options: ReadOptions, written: Mapping[str, Json] = _NONE) -> Mapping[str, Json]:
    """Return ``flags`` as templates see it, with dbt's names and defaults.

    Args:
        options: The command's flags, which win.
        written: The ``flags:`` block of the root project's dbt_project.yml.
    """
    return {
        "WHICH": "parse",
        "FULL_REFRESH": False,
        "EMPTY": False,
        "STORE_FAILURES": False,
        "FAIL_FAST": False,
        "DEBUG": False,
        "QUIET": False,
        "USE_COLORS": False,
        "INTROSPECT": True,
        "DEFER": False,
        **{key.upper(): value for key, value in written.items()},
        **options.flags,
    }


def not_run(target: Target) -> tuple[Diagnostic, ...]:
    """Say that a project is planned for a warehouse on which nothing is run; empty otherwise."""
    if target.is_run:
        return ()
    return (
        Diagnostic(
            code="warehouse-not-run",
            severity="warning",
            what=f"the profile is of type `{target.type}`: this can be planned, and not be run",
            why="Headwater connects to no other warehouse",
            fix=_ON,
        ),
    )


def require_run(target: Target) -> None:
    """Refuse to run what is written for another warehouse.

    Raises:
        Invalid: ``warehouse-not-run``.
    """
    if not target.is_run:
        raise Invalid(
            "warehouse-not-run",
            f"the profile is of type `{target.type}`, which is not run from here",
            why="Headwater connects to no other warehouse",
            fix=_ON,
        )


_ON = "run it on the embedded engine, translated: --on duckdb"
