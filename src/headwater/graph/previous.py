"""An earlier manifest.json, dbt's or ours: what ``state:`` compares with and ``--defer`` reads.

Written by a program that may be another, of any age, it is checked here and nowhere else.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from headwater.base.codec import Json
from headwater.base.errors import Invalid, NotFound
from headwater.base.relations import TableName

Entry = Mapping[str, Json]

SECTIONS = (
    "nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests",
    "functions",
)  # fmt: skip
"""Parts of a manifest whose entries can be selected."""

OLDEST, NEWEST = 4, 12
"""Versions of dbt's schema of manifests that can be compared with."""

_VERSION = re.compile(r"/manifest/v(\d+)\.json$")
_REFERABLE = frozenset({"function", "model", "seed", "snapshot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What is needed of an earlier manifest.

    Attributes:
        entries: Everything that can be selected, by unique_id, as written.
        macros: Texts of macros by unique_id.
    """

    entries: Mapping[str, Entry]
    macros: Mapping[str, str]

    def relation_or_none(self, key: str) -> TableName | None:
        """Return where a node was built: a table, a view or a function; None for anything else."""
        entry = self.entries.get(key, {})
        config = mapping_of(entry.get("config"))
        if entry.get("resource_type") not in _REFERABLE:
            return None
        if config.get("materialized") == "ephemeral":
            return None
        parts = (entry.get("database"), entry.get("schema"), entry.get("alias"))
        if not (isinstance(parts[1], str) and isinstance(parts[2], str)):
            return None
        return TableName(str(parts[0] or ""), parts[1], parts[2])


def read_previous(text: str | None, file: str) -> Previous:
    """Read an earlier manifest.

    Args:
        text: The file's content; None when there is none.
        file: Its name in messages.

    Raises:
        NotFound: ``state-missing``, when there is no file.
        Invalid: ``state-unreadable``, when it is no manifest of a version that is known.
    """
    if text is None:
        raise NotFound(
            "state-missing",
            f"there is no earlier manifest to compare with: `{file}` does not exist",
            fix="name the folder of an earlier command's artifacts: --state DIR",
        )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, f"it is not JSON: {error}") from error
    found = _VERSION.search(str(mapping_of(mapping_of(document).get("metadata")).get(
        "dbt_schema_version"
    )))  # fmt: skip
    if found is None or not isinstance(document.get("nodes"), dict):
        raise _unreadable(file, "it is JSON, and not a manifest")
    if not OLDEST <= int(found[1]) <= NEWEST:
        raise _unreadable(file, f"it is of version {found[1]}, not of {OLDEST} to {NEWEST}")
    return Previous(
        entries={
            key: cast("Entry", entry)
            for section in SECTIONS
            for key, entry in mapping_of(document.get(section)).items()
            if isinstance(entry, dict)
        },
        macros={
            key: str(mapping_of(macro).get("macro_sql") or "")
            for key, macro in mapping_of(document.get("macros")).items()
        },
    )


def mapping_of(value: object) -> Mapping[str, Json]:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _unreadable(file: str, why: str) -> Invalid:
    return Invalid(
        "state-unreadable",
        f"`{file}` cannot be compared with",
        why=why,
        fix="name a folder with the manifest.json of `hw parse`, or of dbt 1.0 or later",
    )
