"""The pass that runs the risk rules and applies the project's policy to what was found.

A finding that a node allows, with its reason, becomes information; the policy may set a code's
severity or switch it off. Nothing is dropped silently: an allowed finding is still in the plan.
"""

from dataclasses import replace

from headwater.base.codes import find_code
from headwater.base.diagnostics import Diagnostic, Severity
from headwater.base.ids import NodeId
from headwater.plan.draft import Draft
from headwater.plan.rules import RULES
from headwater.plan.rules.rule import allowed_reason

_ORDER: tuple[Severity, ...] = ("error", "warning", "info")


def run_rules(draft: Draft) -> Draft:
    """Add the findings of every rule; errors come first."""
    found = [*draft.diagnostics, *(finding for rule in RULES for finding in rule.check(draft))]
    judged = [judged for finding in found if (judged := _judge(draft, finding)) is not None]
    return replace(
        draft,
        diagnostics=tuple(sorted(judged, key=lambda finding: _ORDER.index(finding.severity))),
    )


def _judge(draft: Draft, finding: Diagnostic) -> Diagnostic | None:
    """Apply the node's exemptions and the project's policy; None when it is switched off.

    A policy does not make information graver: that a type fits, or that a table may be rebuilt, is
    found by the same rule as its opposite.
    """
    policy = {find_code(code).number: wanted for code, wanted in draft.options.severities.items()}
    wanted = policy.get(finding.code)
    if wanted == "off":
        return None
    if wanted is not None and finding.severity != "info":  # what is proved harmless stays so
        finding = replace(finding, severity=wanted)
    node = draft.graph.nodes.get(NodeId(finding.node))
    reason = allowed_reason(node.node, finding.name, finding.code) if node is not None else ""
    if reason and finding.severity != "info":
        return replace(
            finding, severity="info", why=f"allowed: {reason}; {finding.why}".rstrip("; ")
        )
    return finding
