"""What a table's protocol asks of its writers, and how it asks for more.

A writer that does not know a feature would break the table for those that do, so every feature is
either respected or refused by its name. PROTOCOL.md, *Table Features*.
"""

from headwater.lake.replay import Metadata, Protocol, unsupported

WRITER_FEATURES = frozenset(
    {
        "appendOnly",
        "columnMapping",
        "deletionVectors",
        "invariants",
        "timestampNtz",
        "vacuumProtocolCheck",
    }
)
"""Writer features of the protocol that commits here respect."""

_FEATURES_VERSION = 7
_READER_VERSION_MAPPING = 2
"""The reader version that stands for the one feature that there was when it came."""

_LEGACY_FEATURES = (
    (2, ("appendOnly", "invariants")),
    (3, ("checkConstraints",)),
    (4, ("changeDataFeed", "generatedColumns")),
    (5, ("columnMapping",)),
    (6, ("identityColumns",)),
)
_CHECKED_BY_USE = frozenset(
    {"checkConstraints", "changeDataFeed", "generatedColumns", "identityColumns"}
)


def with_feature(protocol: Protocol, feature: str) -> Protocol:
    """Return a protocol that asks readers and writers to understand one feature more."""
    readers = set(protocol.reader_features or ())
    if protocol.min_reader_version == _READER_VERSION_MAPPING:
        readers.add("columnMapping")
    if feature in readers:
        return protocol
    writers = set(protocol.writer_features or ()) | _legacy_features(protocol)
    return Protocol(
        min_reader_version=3,
        min_writer_version=_FEATURES_VERSION,
        reader_features=tuple(sorted({*readers, feature})),
        writer_features=tuple(sorted({*writers, feature})),
    )


def _legacy_features(protocol: Protocol) -> set[str]:
    if protocol.min_writer_version >= _FEATURES_VERSION:
        return set()
    return {
        feature
        for version, features in _LEGACY_FEATURES
        if version <= protocol.min_writer_version
        for feature in features
    }


def check_writable(protocol: Protocol, metadata: Metadata) -> None:
    """Refuse a table whose writers must do what we do not."""
    if protocol.min_writer_version > _FEATURES_VERSION:
        raise unsupported(f"writer version {protocol.min_writer_version}", "write")
    features = {*(protocol.writer_features or ()), *_legacy_features(protocol)}
    for feature in sorted(features - WRITER_FEATURES - _CHECKED_BY_USE):
        raise unsupported(f"writer feature `{feature}`", "write")
    settings = metadata.configuration
    used = {
        "changeDataFeed": settings.get("delta.enableChangeDataFeed") == "true",
        "checkConstraints": any(name.startswith("delta.constraints.") for name in settings),
        "generatedColumns": '"delta.generationExpression"' in metadata.schema_string,
        "identityColumns": '"delta.identity.' in metadata.schema_string,
        "invariants": '"delta.invariants"' in metadata.schema_string,
    }
    for feature, is_used in used.items():
        if is_used:
            raise unsupported(f"writer feature `{feature}`", "write")
