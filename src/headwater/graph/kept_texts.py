"""Rendered texts kept between commands: most nodes of a project are as they were the last time.

A text is found only by the hash of all that its rendering can have seen: every macro, the
variables, the target and the flags of the command; the node's own text and config; the names of
what it refers to. What asked for more - the lake, the clock, the environment, other nodes - is not
kept, and rendered by every command.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from headwater.base.cache import Cache, NoCache, cache_key
from headwater.base.codec import pack, unpack_or_none
from headwater.base.ids import NodeId
from headwater.project.context import hook_texts
from headwater.project.naming import relation_of
from headwater.project.node import Node
from headwater.project.project import Project
from headwater.sql.meaning import Meanings

SEEN = frozenset({
    "_dbt_generic_test_kwargs", "adapter", "api", "config", "cycler", "database", "dbt_version",
    "dict", "diff_of_two_dicts", "exceptions", "execute", "flags", "fromjson", "fromyaml",
    "function", "is_incremental", "joiner", "load_relation", "load_result", "local_md5", "log",
    "namespace", "print", "project_name", "range", "ref", "render", "return", "run_query", "schema",
    "set", "set_strict", "should_full_refresh", "source", "statement", "store_result", "target",
    "this", "thread_id", "tojson", "toyaml", "validation", "var", "zip", "zip_strict",
})  # fmt: skip
"""Names that tell nothing beyond what a key is made of, or that the host notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What earlier commands found out; by itself nothing.

    Attributes:
        queries: Where readings and traces of queries lie.
        texts: Where rendered texts lie; another release of the program must not find them.
    """

    queries: Cache = field(default_factory=NoCache)
    texts: Cache = field(default_factory=NoCache)

    @property
    def meanings(self) -> Meanings:
        """What reads and traces queries."""
        return Meanings(self.queries)

    def save(self) -> None:
        """Let what is new outlive this process."""
        self.queries.save()
        self.texts.save()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptText:
    """What one rendering of a node gave.

    Attributes:
        body: The text, without the ephemeral models that it uses.
        used: Those, in order.
    """

    body: str
    used: tuple[NodeId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTexts:
    """What the renderings of a node gave.

    Attributes:
        full: For a full build.
        later: For an incremental one; None when that is the same.
    """

    full: KeptText
    later: KeptText | None = None


class TextsKeeper:
    """Finds and keeps the texts of a project's nodes."""

    def __init__(self, project: Project, cache: Cache) -> None:
        """Find what was kept for a project such as this one.

        Args:
            project: The project as read.
            cache: Where texts lie.
        """
        self._cache = cache
        self._project = project
        self._names: dict[NodeId, bytes] = {}
        self._whole = _whole_or_none(project)

    def key_or_none(self, node: Node, inputs: Iterable[NodeId]) -> bytes | None:
        """Return the key of a node's texts; None when they are never kept.

        Args:
            node: The node.
            inputs: What it depends on.
        """
        has_hooks = hook_texts(node, "pre_hook") or hook_texts(node, "post_hook")
        if self._whole is None or has_hooks:
            return None
        arguments = None if node.test is None else dict(node.test.arguments)
        own = (node.package, node.resource_type, node.raw_code, dict(node.config), arguments)
        try:
            return cache_key(
                "text", (self._whole, pack(own), *map(self._name, (node.unique_id, *inputs)))
            )
        except (TypeError, ValueError):  # a value of YAML that has no compact form
            return None

    def find_or_none(self, key: bytes | None) -> KeptTexts | None:
        """Return what was kept under a key."""
        kept = None if key is None else self._cache.find_or_none(key)
        return None if kept is None else unpack_or_none(KeptTexts, kept)

    def keep(self, key: bytes, asked: AbstractSet[str], texts: KeptTexts) -> None:
        """Keep texts, if their templates asked for nothing but what the key is made of.

        Args:
            key: From ``key_or_none``.
            asked: Names of the context that they asked for.
            texts: What they gave; nothing of it came from the lake.
        """
        if asked <= SEEN:
            self._cache.keep(key, pack(texts))

    def _name(self, key: NodeId) -> bytes:
        """Return what texts see of a node that they refer to: whether and how it is written."""
        if key not in self._names:
            node = self._project.nodes[key]
            written = relation_of(self._project.context_values.naming, node)
            seen = (key, node.name, node.package, node.materialized, node.alias, node.place)
            self._names[key] = repr((*seen, written and (written, written.render()))).encode()
        return self._names[key]


def _whole_or_none(project: Project) -> bytes | None:
    """Return the hash of what all nodes see; None when some of it cannot be hashed."""
    values, index = project.context_values, project.templates.index
    macros = [
        (package, name, macro.text)
        for package, named in sorted(index.packages.items())
        for name, macro in sorted(named.items())
    ]
    names = (values.project_name, values.naming.warehouse.name, values.naming.quoted)
    command = (dict(values.target), dict(values.flags), names)
    packages = {name: dict(facts) for name, facts in values.dependencies.items()}
    variables = {package: dict(named) for package, named in project.vars.items()}
    orders = (index.prefixes, dict(project.dispatch))
    try:
        return cache_key("project", (pack((macros, command, packages, variables, orders)),))
    except (TypeError, ValueError):
        return None
