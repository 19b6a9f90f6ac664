"""The shape of a code's entry, which is also its page in the docs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One kind of fault or finding.

    Attributes:
        name: Kebab case, says the fault: ``ref-not-found``.
        number: ``HW`` and four digits, the first of which is the floor.
        title: One line for lists.
        explain: Markdown: what it finds, why it matters, an example, how to mend it.
    """

    name: str
    number: str
    title: str
    explain: str
