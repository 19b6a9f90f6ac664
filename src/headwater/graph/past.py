"""What selecting may ask about earlier commands: ``result:error``, ``source_status:fresher``.

Selecting itself reads no files; whoever calls it answers from the artifacts that were left.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from headwater.base.errors import Invalid


class Past(Protocol):
    """Answers from what earlier commands have left."""

    def statuses(self) -> Mapping[str, str]:
        """Return how the nodes of an earlier run ended, by unique_id.

        Raises:
            Invalid: ``selector-no-past``.
        """
        ...

    def fresher(self) -> Collection[str]:
        """Return the sources that have newer rows now than they had then.

        Raises:
            Invalid: ``selector-no-past``.
        """
        ...

    def differing(self, value: str) -> Collection[str]:
        """Return the nodes that ``state:value`` means: new, modified ...

        Raises:
            NotFound: ``state-missing``.
            Invalid: ``state-unreadable``, or ``selector-invalid`` when there is no such value.
        """
        ...


class NoPast:
    """Nothing was left, or nobody looks."""

    def statuses(self) -> Mapping[str, str]:
        """Refuse.

        Raises:
            Invalid: ``selector-no-past``.
        """
        raise no_past("results of an earlier run", "build something first")

    def fresher(self) -> Collection[str]:
        """Refuse.

        Raises:
            Invalid: ``selector-no-past``.
        """
        raise no_past("ages of sources", "run `hw source freshness` first")

    def differing(self, value: str) -> Collection[str]:
        """Refuse.

        Raises:
            Invalid: ``selector-no-past``.
        """
        raise no_past(f"an earlier manifest for `state:{value}`", "name its folder: --state DIR")


def no_past(what: str, fix: str) -> Invalid:
    """Make the fault of a selector whose earlier artifacts are not there."""
    return Invalid(
        "selector-no-past",
        f"the selector needs {what}, and there are none",
        why="`state:`, `result:` and `source_status:` go by what earlier commands have left",
        fix=fix,
    )
