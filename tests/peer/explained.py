"""Every known difference from dbt in the corpus, with the reason.

A difference that is not listed fails the test; so does a line that explains nothing any more.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A known difference.

    Attributes:
        projects: Names of projects of the corpus.
        facets: What differs: ``node``, ``config``, ``depends_on``, ``macros``, ``code``, or
            ``exists`` when only one tool has the node.
        nodes: Patterns of unique_ids.
        why: The reason, and whose answer is the better one.
    """

    projects: tuple[str, ...]
    facets: tuple[str, ...]
    nodes: tuple[str, ...]
    why: str


EXPLAINED: tuple[Explained, ...] = ()
