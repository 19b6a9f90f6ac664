"""What an artifact says of the command that wrote it: dbt's documents all begin with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFacts:
    """What an artifact says of the command that wrote it.

    Attributes:
        generated_at: ISO 8601 UTC time.
        invocation_id: Identifier of the command.
        environment: ``DBT_ENV_CUSTOM_ENV_`` variables, without the prefix.
    """

    generated_at: str
    invocation_id: str
    environment: Mapping[str, str] = field(default_factory=dict)


def artifact_facts(environment: Mapping[str, str], at: datetime) -> ArtifactFacts:
    """Return what artifacts say of a command: its time, an id of its own, the environment.

    Args:
        environment: Environment variables; those that begin with ``DBT_ENV_CUSTOM_ENV_`` are kept.
        at: UTC time.
    """
    return ArtifactFacts(
        generated_at=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        invocation_id=str(uuid4()),
        environment=metadata_of(environment),
    )


def metadata_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say something of the command, without their prefix."""
    prefix = "DBT_ENV_CUSTOM_ENV_"
    return {
        name.removeprefix(prefix): value
        for name, value in environment.items()
        if name.startswith(prefix)
    }
