"""Which warnings are errors, and which are not told: ``--warn-error`` and its options.

dbt names its warnings by events; ours have codes. Both may be written, and a name that neither
knows is refused, so that a misspelt rule does not pass for a kept one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.codes import find_code_or_none
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid

EVENTS_OF_CODE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "selector-empty": ("NoNodesForSelectionCriteria", "NoNodesSelected", "NothingToDo"),
        "config-path-unused": ("UnusedResourceConfigPath",),
        "selection-ignored": ("SelectExcludeIgnoredWithSelectorWarning",),
        "macro-warned": ("JinjaLogWarning",),
        "model-deprecated": (
            "DeprecatedModel", "DeprecatedReference", "UpcomingReferenceDeprecation",
        ),
        "properties-orphan": (
            "NoNodeForYamlKey", "MacroNotFoundForPatch", "WrongResourceSchemaFile", "UnusedTables",
        ),
        "unknown-key": (
            "CustomKeyInConfigDeprecation", "CustomKeyInObjectDeprecation", "ValidationWarning",
            "CustomTopLevelKeyDeprecation", "GenericJSONSchemaValidationDeprecation",
        ),
        "yaml-key-repeated": ("DuplicateYAMLKeysDeprecation",),
        "contract-broken": ("UnversionedBreakingChange",),
        "constraint-not-enforced": ("ConstraintNotEnforced", "ConstraintNotSupported"),
    }
)  # fmt: skip
"""dbt's events that tell of the same as one of our codes."""

TEST_WARNED = "LogTestResult"
"""dbt's event of a test that warns."""

_DEPRECATIONS = "Deprecations"
_OTHER_EVENTS = frozenset({
    TEST_WARNED, "AdapterDeprecationWarning", "AdapterEventWarning", "BehaviorChangeEvent",
    "ArgumentsPropertyInGenericTestDeprecation", "CatalogGenerationError", "DeprecationsSummary",
    "CollectFreshnessReturnSignature", "ConfigDataPathDeprecation", "ConfigLogPathDeprecation",
    "ConfigSourcePathDeprecation", "ConfigTargetPathDeprecation", "DepsScrubbedPackageName",
    "CustomOutputPathInSourceFreshnessDeprecation", "DepsUnpinned", "GetMetaKeyWarning",
    "DuplicateNameDistinctNodeTypesDeprecation", "EnvironmentVariableNamespaceDeprecation",
    "EnvironmentVariableRenamed", "ExposureNameDeprecation", "FreshnessConfigProblem",
    "InternalDeprecation", "InvalidConcurrentBatchesConfig", "InvalidMacroAnnotation",
    "InvalidValueForField", "LogFreshnessResult", "MFCumulativeTypeParamsDeprecation",
    "MFTimespineWithoutYamlConfigurationDeprecation", "MetricAttributesRenamed",
    "MicrobatchMacroOutsideOfBatchesDeprecation", "MicrobatchModelNoEventTimeInputs",
    "MissingArgumentsPropertyInGenericTestDeprecation", "MissingPlusPrefixDeprecation",
    "ModelParamUsageDeprecation", "ModulesItertoolsUsageDeprecation", "NodeNotFoundOrDisabled",
    "PackageInstallPathDeprecation", "PackageMaterializationOverrideDeprecation",
    "PackageNodeDependsOnRootProjectNode", "PackageRedirectDeprecation", "RunResultWarning",
    "ProjectFlagsMovedDeprecation", "PropertyMovedToConfigDeprecation", "RunResultWarningMessage",
    "ResourceNamesWithSpacesDeprecation", "SeedExceedsLimitAndPathChanged", "SeedIncreased",
    "SeedExceedsLimitChecksumChanged", "SeedExceedsLimitSamePath", "SemanticValidationFailure",
    "SnapshotTimestampWarning", "SourceFreshnessProjectHooksNotRun", "SourceOverrideDeprecation",
    "StaticAnalysis", "TestsConfigDeprecation", "UnexpectedJinjaBlockDeprecation",
    "UnsupportedConstraintMaterialization", "WarnStateTargetEqual",
    "WEOIncludeExcludeDeprecation",
})  # fmt: skip
"""dbt's events of which nothing is told here, or not as a finding: naming them is no fault."""

_EVENTS = frozenset({
    _DEPRECATIONS, *_OTHER_EVENTS, *(name for names in EVENTS_OF_CODE.values() for name in names),
})  # fmt: skip
_OF_THE_PROJECT = ("HW1", "HW2")
"""Codes that ``all`` means besides those of which dbt warns, too: faults of the project's files.
What the planner advises is an error only when its code is named."""

_SOFTER: Mapping[str, str] = MappingProxyType({"include": "error", "exclude": "warn"})
Ruling = Literal["error", "warning", "silence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRules:
    """What becomes of warnings; names are dbt's events, and codes by kebab name.

    Attributes:
        is_all: Warnings are errors unless a name says otherwise.
        error: Names of those that are errors.
        warn: Names of those that stay warnings.
        silence: Names of those that are not told.
    """

    is_all: bool = False
    error: frozenset[str] = frozenset()
    warn: frozenset[str] = frozenset()
    silence: frozenset[str] = frozenset()

    @property
    def fails_tests(self) -> bool:
        """True when a test that warns fails."""
        return self._rule({TEST_WARNED}, is_meant=True) == "error"

    def weigh(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return findings with their warnings raised, kept or left out."""
        weighed = []
        for found in diagnostics:
            ruling = "warning" if found.severity != "warning" else self._ruling_of(found)
            if ruling != "silence":
                weighed.append(replace(found, severity="error") if ruling == "error" else found)
        return tuple(weighed)

    def _ruling_of(self, found: Diagnostic) -> Ruling:
        events = EVENTS_OF_CODE.get(found.name, ())
        is_meant = bool(events) or found.code.startswith(_OF_THE_PROJECT)
        return self._rule({found.name, *events}, is_meant=is_meant)

    def _rule(self, names: Collection[str], *, is_meant: bool) -> Ruling:
        """Go by a name first, then by ``Deprecations``, then by ``all``."""
        groups = [frozenset(names)]
        if any(name.endswith("Deprecation") for name in names):
            groups.append(frozenset({_DEPRECATIONS}))
        for group in groups:
            if group & self.silence:
                return "silence"
            if group & self.warn:
                return "warning"
            if group & self.error:
                return "error"
        return "error" if self.is_all and is_meant else "warning"


def read_warning_rules(written: Mapping[str, Json], place: str) -> WarningRules:
    """Read dbt's ``warn_error_options``: ``error``, ``warn`` and ``silence``, or the older words.

    Args:
        written: As written; ``include`` and ``exclude`` are the older names of error and warn.
        place: Where it is written, for messages.

    Raises:
        Invalid: ``warn-error-options-invalid``.
    """
    values: dict[str, Json] = {}
    for key, value in written.items():
        name = _SOFTER.get(key, key)
        if name not in {"error", "warn", "silence"}:
            raise _invalid(place, f"there is no `{key}`", "write error, warn and silence")
        if name in values:
            older = next(each for each, meant in _SOFTER.items() if meant == name)
            what = f"`{older}` and `{name}` mean the same, and both are given"
            raise _invalid(place, what, "keep one of them")
        values[name] = value
    is_all = values.get("error") in ("all", "*")
    return WarningRules(
        is_all=is_all,
        error=frozenset() if is_all else _names(values.get("error"), place),
        warn=_names(values.get("warn"), place),
        silence=_names(values.get("silence"), place),
    )


def _names(value: Json, place: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        raise _invalid(place, f"`{value}` is no list of names", "write [Name, other-name]")
    return frozenset(_name(str(each), place) for each in value)


def _name(written: str, place: str) -> str:
    code = find_code_or_none(written)
    if code is None and written not in _EVENTS:
        fix = "name one of dbt's events, or a code of `hw explain --list`"
        raise _invalid(place, f"`{written}` is neither an event of dbt nor a code", fix)
    return written if code is None else code.name


def _invalid(place: str, why: str, fix: str) -> Invalid:
    return Invalid("warn-error-options-invalid", f"cannot read {place}", why=why, fix=fix)
