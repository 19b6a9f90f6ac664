"""Settings: every knob, where its value came from, and the order in which places are asked.

Flags win over environment variables, these over ``headwater.yml``, that over defaults. Settings
are data, read once by the shell that starts a command; nothing below reads the environment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.errors import Invalid

_KINDS = MappingProxyType(
    {
        "text": "text",
        "whole": "a whole number above zero",
        "number": "a number",
        "flag": "yes or no",
        "list": "a list",
        "mapping": "a mapping",
    }
)

Origin = Literal["flag", "environment", "file", "default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One knob.

    Attributes:
        name: Name in flags (with hyphens) and in ``headwater.yml`` (dots are levels).
        default: Text of the default; None when there is none.
        kind: How the text is read.
        environment: Environment variables that set it, the first set one wins.
        help: One sentence for the reference.
    """

    name: str
    default: str | None
    kind: Literal["text", "whole", "number", "flag", "list", "mapping"]
    environment: tuple[str, ...]
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="project_dir",
        default=".",
        kind="text",
        environment=("HEADWATER_PROJECT_DIR", "DBT_PROJECT_DIR"),
        help="Folder of `dbt_project.yml`.",
    ),
    Setting(
        name="profiles_dir",
        default=None,
        kind="text",
        environment=("HEADWATER_PROFILES_DIR", "DBT_PROFILES_DIR"),
        help="Folder of `profiles.yml`; else the project's folder, then `~/.dbt`.",
    ),
    Setting(
        name="profile",
        default=None,
        kind="text",
        environment=("HEADWATER_PROFILE", "DBT_PROFILE"),
        help="Profile to use instead of the project's.",
    ),
    Setting(
        name="target",
        default=None,
        kind="text",
        environment=("HEADWATER_TARGET", "DBT_TARGET"),
        help="Output of the profile to use instead of its default.",
    ),
    Setting(
        name="on",
        default=None,
        kind="text",
        environment=("HEADWATER_ON",),
        help="Engine that runs another warehouse's project, its SQL translated: `duckdb`.",
    ),
    Setting(
        name="workspace",
        default=".headwater",
        kind="text",
        environment=("HEADWATER_WORKSPACE",),
        help="Folder of records, lock and, unless the profile names another, lake; from the "
        "project's folder. Projects with the same one see each other's tables and views.",
    ),
    Setting(
        name="cache_dir",
        default=None,
        kind="text",
        environment=("HEADWATER_CACHE_DIR",),
        help="Folder of what can be thrown away, such as compiled templates; else "
        "`$XDG_CACHE_HOME/headwater` or `~/.cache/headwater`. `off` keeps none.",
    ),
    Setting(
        name="target_path",
        default=None,
        kind="text",
        environment=("HEADWATER_TARGET_PATH", "DBT_TARGET_PATH"),
        help="Folder for artifacts; else the project's `target-path`, else `target`.",
    ),
    Setting(
        name="threads",
        default=None,
        kind="whole",
        environment=("HEADWATER_THREADS", "DBT_THREADS"),
        help="How many nodes run at once; else the profile's `threads`, else 4.",
    ),
    Setting(
        name="warn_error",
        default=None,
        kind="flag",
        environment=("HEADWATER_WARN_ERROR", "DBT_WARN_ERROR"),
        help="Warnings of the project and of tests are errors; else the project's flag.",
    ),
    Setting(
        name="warn_error_options",
        default=None,
        kind="text",
        environment=("HEADWATER_WARN_ERROR_OPTIONS", "DBT_WARN_ERROR_OPTIONS"),
        help="Which warnings are errors, stay warnings or are not told, as YAML: "
        "`{error: [...], warn: [...], silence: [...]}` of dbt's events and of codes.",
    ),
    Setting(
        name="memory_limit",
        default=None,
        kind="text",
        environment=("HEADWATER_MEMORY_LIMIT",),
        help="Memory of the engine, such as `4GB`; else the profile's, else 70 % of the machine's.",
    ),
    Setting(
        name="durability",
        default=None,
        kind="text",
        environment=("HEADWATER_DURABILITY",),
        help="What a committed version in a local lake outlives: `power` (a power loss) or "
        "`process` (any process, faster); else the profile's, else `power`.",
    ),
    Setting(
        name="upkeep",
        default="propose",
        kind="text",
        environment=("HEADWATER_UPKEEP",),
        help=(
            "What becomes of compaction that costs less than it saves: `propose` (a plan says it), "
            "`auto` (a build does it after its nodes) or `off`."
        ),
    ),
    Setting(
        name="packages_mirror",
        default=None,
        kind="text",
        environment=("HEADWATER_PACKAGES_MIRROR",),
        help="Folder with copies of packages that `hw deps` uses instead of the network.",
    ),
    Setting(
        name="jinja.steps",
        default="10000000",
        kind="whole",
        environment=("HEADWATER_JINJA_STEPS",),
        help="Calls and turns of loops that one template may take (HW1307).",
    ),
    Setting(
        name="jinja.seconds",
        default="60",
        kind="number",
        environment=("HEADWATER_JINJA_SECONDS",),
        help="CPU seconds that one template may take, without the queries that it asks.",
    ),
    Setting(
        name="jinja.text_mb",
        default="64",
        kind="whole",
        environment=("HEADWATER_JINJA_TEXT_MB",),
        help="Million characters that one text of a template may have.",
    ),
    Setting(
        name="jinja.memory_mb",
        default="2000",
        kind="whole",
        environment=("HEADWATER_JINJA_MEMORY_MB",),
        help="Megabytes by which the process may grow while one template is rendered.",
    ),
    Setting(
        name="prices.name",
        default=None,
        kind="text",
        environment=(),
        help="Name of the price, shown as the basis of dollar figures.",
    ),
    Setting(
        name="prices.cpu_hour",
        default=None,
        kind="number",
        environment=("HEADWATER_PRICE_CPU_HOUR",),
        help="Dollars for one CPU-hour; without it dollars are unknown and shown as `?`.",
    ),
    Setting(
        name="prices.book",
        default=None,
        kind="text",
        environment=("HEADWATER_PRICE_BOOK",),
        help="Price book: a name such as `aws`, one version of it (`aws@2026-06-17`), or a file; "
        "`hw price list` shows them. `prices.cpu_hour` goes before it.",
    ),
    Setting(
        name="prices.machine",
        default=None,
        kind="text",
        environment=("HEADWATER_PRICE_MACHINE",),
        help="Kind of machine of the price book that runs are priced on, such as `m7g.large`.",
    ),
    Setting(
        name="prices.region",
        default=None,
        kind="text",
        environment=("HEADWATER_PRICE_REGION",),
        help="Region of the price book, such as `us-east-1`.",
    ),
    Setting(
        name="prices.contract",
        default=None,
        kind="text",
        environment=(),
        help="File with your discounts and contracted prices, laid over the price book.",
    ),
    Setting(
        name="prices.billing",
        default="cpu",
        kind="text",
        environment=(),
        help="What a run is billed for: `cpu` (the work alone) or `machine` (the machine from its "
        "start to the run's end, idle processors, start-up and minimum included).",
    ),
    Setting(
        name="prices.source",
        default=None,
        kind="text",
        environment=(),
        help="Where the price is from, with its date.",
    ),
    Setting(
        name="prices.runs_per_month",
        default=None,
        kind="number",
        environment=(),
        help="Declared runs a month, for monthly totals.",
    ),
    Setting(
        name="prices.budget_month",
        default=None,
        kind="number",
        environment=(),
        help="Dollars a month; a plan above it is blocked (HW3001).",
    ),
    Setting(
        name="budgets",
        default=None,
        kind="list",
        environment=(),
        help="What may be spent, as a list: `{month: 50}` for all, `{tag: nightly, run: 0.5}`, "
        "`{node: fct_orders, month: 20}`, `{owner: finance, month: 100}`; a plan that goes above "
        "one is blocked (HW3001).",
    ),
    Setting(
        name="consumers",
        default=None,
        kind="list",
        environment=(),
        help="Who uses tables without being a node of the project, as a list: `{name: churn@7, "
        "kind: endpoint, owner: '@ml-core', live: 31 req/s, reads: [{table: features, columns: "
        "{amount: double}}]}`; a plan that breaks one is blocked (HW3051).",
    ),
    Setting(
        name="rules",
        default=None,
        kind="mapping",
        environment=(),
        help="How grave findings of a plan are, by code: `{cross-join: error, HW4011: off}`; "
        "`error` blocks a plan, `warning` and `info` do not, `off` does not tell.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A setting's value and the place it came from.

    Attributes:
        setting: The knob.
        value: Its value; None when it is not set anywhere.
        origin: Kind of place.
        place: The place in words: ``--threads``, ``DBT_THREADS``, ``headwater.yml``.
    """

    setting: Setting
    value: str | int | float | bool | None
    origin: Origin
    place: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting's value, by name."""

    values: Mapping[str, Value]

    def text(self, name: str) -> str | None:
        """Return a setting as text, or None when it is not set."""
        value = self.values[name].value
        return None if value is None else str(value)

    def whole(self, name: str) -> int | None:
        """Return a whole number, or None when it is not set."""
        value = self.values[name].value
        return None if value is None else int(value)

    def items(self, name: str) -> list[Json]:
        """Return a list, empty when it is not set."""
        found = json.loads(self.text(name) or "[]")
        return found if isinstance(found, list) else [found]

    def mapping(self, name: str) -> Mapping[str, Json]:
        """Return a mapping, empty when it is not set."""
        found = json.loads(self.text(name) or "{}")
        return found if isinstance(found, dict) else {}

    def number(self, name: str) -> float | None:
        """Return a number, or None when it is not set."""
        value = self.values[name].value
        return None if value is None else float(value)


def resolve_settings(
    flags: Mapping[str, str | float | bool | None],
    environment: Mapping[str, str],
    file: Mapping[str, Json],
) -> Settings:
    """Ask flags, environment, file and defaults for every setting, in this order.

    Args:
        flags: Values by name; None means the flag was not given.
        environment: Environment variables.
        file: Content of ``headwater.yml``; nested mappings are levels of the name.

    Raises:
        Invalid: ``setting-invalid``, when a value is not of its kind; ``setting-unknown``, when
            the file has a key that nobody reads.
    """
    _check_known(file)
    values = {setting.name: _resolve(setting, flags, environment, file) for setting in SETTINGS}
    return Settings(values)


def _check_known(file: Mapping[str, Json], above: str = "") -> None:
    """Refuse names that nobody reads: a budget under a misspelt name would hold nobody.

    Raises:
        Invalid: ``setting-unknown``.
    """
    known = {setting.name for setting in SETTINGS}
    groups = {name.rpartition(".")[0] for name in known} - {""}
    for key, value in file.items():
        name = f"{above}{key}"
        if name in known:
            continue
        if name in groups and isinstance(value, Mapping):
            _check_known(value, f"{name}.")
            continue
        near = get_close_matches(name, known | groups, n=1)
        raise Invalid(
            "setting-unknown",
            f"`headwater.yml` sets `{name}`, which is no setting",
            why=f"did you mean `{near[0]}`?" if near else "",
            fix="`hw config show` lists every setting; take the line out, or correct its name",
        )


def _resolve(
    setting: Setting,
    flags: Mapping[str, str | float | bool | None],
    environment: Mapping[str, str],
    file: Mapping[str, Json],
) -> Value:
    if (given := flags.get(setting.name)) is not None:
        return _value(setting, given, "flag", "--" + setting.name.replace("_", "-"))
    for variable in setting.environment:
        if environment.get(variable):
            return _value(setting, environment[variable], "environment", variable)
    found = _find(file, setting.name)
    if found is not None:
        return _value(setting, found, "file", "headwater.yml")
    if setting.default is None:
        return Value(setting=setting, value=None, origin="default", place="default")
    return _value(setting, setting.default, "default", "default")


def _find(file: Mapping[str, Json], name: str) -> Json:
    level: Json | Mapping[str, Json] = file
    for part in name.split("."):
        if not isinstance(level, Mapping):
            return None
        level = level.get(part)
    return level  # type: ignore[return-value]


def _json_text(given: object, kind: type) -> str:
    """Write a list or a mapping as JSON text, which is how a setting keeps it."""
    if not isinstance(given, kind):
        raise ValueError(given)  # noqa: TRY004 - as int() and float() do
    return json.dumps(given, default=str)


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError(number)
    return number


def _positive(number: int) -> int:
    if number < 1:
        raise ValueError(number)
    return number


def _value(setting: Setting, given: object, origin: Origin, place: str) -> Value:
    try:
        match setting.kind:
            case "text":
                # YAML reads an unquoted `off` as false.
                words = {False: "off", True: "on"}
                value: str | int | float | bool = (
                    words[given] if isinstance(given, bool) else str(given)
                )
            case "whole":
                value = _positive(int(str(given)))
            case "number":
                value = _finite(float(str(given)))
            case "flag":
                value = str(given).lower() in {"1", "true", "yes", "on"}
            case "list":
                value = _json_text(given, list)
            case "mapping":
                value = _json_text(given, dict)
    except ValueError as error:
        raise Invalid(
            "setting-invalid",
            f"setting `{setting.name}` is {given!r}, which is not {_KINDS[setting.kind]}",
            why=f"it was given by {place}",
            fix=setting.help,
        ) from error
    return Value(setting=setting, value=value, origin=origin, place=place)
