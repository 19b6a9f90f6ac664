"""Freshness rules of sources: how old the newest row may be, merged as dbt merges them.

A rule may stand in four places of a properties file (source, its config, table, its config), where
a time that is left out is inherited and one that is null is switched off; the config tree of
dbt_project.yml counts only when none of the four says anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from headwater.base.codec import Json

PERIODS: Mapping[str, timedelta] = MappingProxyType(
    {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
)
_TIMES = ("warn_after", "error_after")
_KEYS = frozenset({*_TIMES, "filter"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old the newest row of a source may be.

    Attributes:
        warn_after: Older than this is a warning; None for never.
        error_after: Older than this is a failure; None for never.
        filter: Condition on the rows that are looked at; empty for all rows. May hold Jinja.
    """

    warn_after: timedelta | None = None
    error_after: timedelta | None = None
    filter: str = ""

    @property
    def is_asked(self) -> bool:
        """True when there is an age to compare with."""
        return self.warn_after is not None or self.error_after is not None


def no_freshness() -> dict[str, Json]:
    """Return the document of a source without rules, as dbt writes it."""
    return _document({})


def read_freshness(document: Json | Mapping[str, Json]) -> Freshness:
    """Read the rule of a merged document; null means that there is none."""
    if not isinstance(document, Mapping):
        return Freshness()
    return Freshness(
        warn_after=_age_or_none(document.get("warn_after")),
        error_after=_age_or_none(document.get("error_after")),
        filter=str(document.get("filter") or ""),
    )


def freshness_fault_or_none(value: Json) -> str | None:
    """Say what is wrong with a rule as written; None when it can be read."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return "it must be a mapping of warn_after, error_after and filter"
    for key, part in value.items():
        if key not in _KEYS:
            return f"it has a key `{key}`"
        if key in _TIMES and part is not None and (fault := _time_fault_or_none(part)):
            return f"`{key}` {fault}"
    return None


def merge_freshness(written: list[Json]) -> Json:
    """Merge rules of the four places, weakest first.

    Args:
        written: One for each place: its mapping, an empty mapping where it says nothing, None where
            it says null.

    Returns:
        The document, in full; None when it is switched off.
    """
    documents = [_document(each) if isinstance(each, dict) else None for each in written]
    merged = documents[0]
    for update in documents[1:]:
        merged = _merged(merged, update)
    return merged


def complete_freshness(value: Json) -> Json:
    """Return a rule of a config tree with every key."""
    return _document(value) if isinstance(value, dict) else None


def _document(value: dict[str, Json]) -> dict[str, Json]:
    nothing: Json = {"count": None, "period": None}
    times = {key: _time_document(value.get(key, nothing)) for key in _TIMES}
    return {**times, "filter": value.get("filter")}


def _time_document(value: Json) -> Json:
    if not isinstance(value, dict):
        return None
    return {"count": value.get("count"), "period": value.get("period")}


def _merged(base: dict[str, Json] | None, update: dict[str, Json] | None) -> dict[str, Json] | None:
    if update is None:
        return None
    if base is None:
        return update if read_freshness(update).is_asked else None
    text = update["filter"] if update["filter"] is not None else base["filter"]
    return {**{key: _merged_time(base[key], update[key]) for key in _TIMES}, "filter": text}


def _merged_time(base: Json, update: Json) -> Json:
    if update is None or _age_or_none(update) is not None:
        return update
    return base


def _time_fault_or_none(value: Json) -> str | None:
    if not isinstance(value, dict):
        return "must be written as {count: 12, period: hour}"
    count, period = value.get("count"), value.get("period")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
        return f"has the count {count!r}, which is not a whole number"
    if period is not None and period not in PERIODS:
        return f"has the period {period!r}; there are {', '.join(PERIODS)}"
    return None


def _age_or_none(value: Json) -> timedelta | None:
    if not isinstance(value, dict) or value.get("count") is None or value.get("period") is None:
        return None
    return PERIODS[str(value["period"])] * int(str(value["count"]))
