"""Identifiers with a type each, so that a run cannot be passed where a node is meant."""

import secrets
from typing import NewType

from headwater.base.clock import Clock

NodeId = NewType("NodeId", str)
"""dbt's unique_id: ``model.package.name``, ``test.package.name.hash`` and so on."""

RunId = NewType("RunId", str)
"""One execution of a plan; sorts by time: ``20261121T060200-1f3a9c2e``."""


def new_run_id(clock: Clock) -> RunId:
    """Make a run id from the clock's UTC time and 32 random bits."""
    return RunId(f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}")
