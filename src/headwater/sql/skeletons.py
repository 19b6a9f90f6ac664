"""Queries that differ only in the tables that they name: one is parsed, the others take its tree.

Most queries of a project are tests of a few kinds, each over other tables. How a text parses does
not depend on which quoted names stand after a dot, so one tree serves every text of its skeleton.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass

from sqlglot import exp

from headwater.sql.fingerprint import canonical_name, canonical_text, clock_use
from headwater.sql.flow import digest
from headwater.sql.functions import ClockUse
from headwater.sql.parse import Query
from headwater.sql.reads import reads_names_only, tables_of

CHARACTERS_MAX = 4_000
"""Longest text that is compared with others, in characters."""

TREES_MAX = 200
"""Most trees kept: those of the skeletons that were met last."""

TIMES_MIN = 3
"""Texts of a skeleton that are parsed; models come in pairs more often than in fours."""

SKELETONS_MAX = 100_000
"""Most skeletons whose texts are counted; after that many the count begins anew."""

_PART = r'"[^"\\/*.\x00]+"'
_TOKEN = re.compile(
    rf"""'(?:[^']|'')*'|--[^\n]*|(?P<first>{_PART})\.(?P<name>{_PART}\.{_PART})(?!\.)"""
    r"""|"(?:[^"]|"")*"(?:\."(?:[^"]|"")*")*"""
)
"""What may hide a name, and names of three quoted parts."""

_UNCLEAR = ("\\", "/*", "$", "`", "\x00")
"""Marks of strings and comments that are not looked into here: no text is like one with them."""

_NAMES_IN_TEXT = (exp.MatchRecognize, exp.Pivot)
"""Nodes for which the library keeps a piece of the query's text."""

_MARK = re.compile(r"\d+:\x00(\d+)\x00;")


Name = tuple[str, str]
"""A schema and a table, as written between quotes."""

_Places = tuple[list[exp.Expr], list[exp.Expr]]
"""The nodes of a name: those of its schema, and those of its table."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A text without the tables that it names.

    Attributes:
        text: The text with numbers in place of names; equal numbers are equal names.
        names: What stood there, by number.
    """

    text: str
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What every text of a skeleton has in common.

    Attributes:
        tree: The tree, with the names of one of the texts.
        places: The nodes in which each name stands: schemas, and tables.
        pieces: The canonical text; at odd places the number of what stands there: twice a name's
            for its schema, one more for its table.
        clock: How often the result changes by itself.
        others: Last parts of the relations that all texts name, lower case.
        is_closed: They read relations by name and nothing else.
    """

    tree: exp.Expr
    places: tuple[_Places, ...]
    pieces: tuple[str, ...]
    clock: ClockUse
    others: frozenset[str]
    is_closed: bool

    def tree_with(self, names: tuple[Name, ...]) -> exp.Expr:
        """Return the tree with other names in it; it is the same one every time."""
        _rename(self.places, names)
        return self.tree

    def fingerprint_with(self, names: tuple[Name, ...]) -> str:
        """Hash the meaning of the text with these names, as ``fingerprint_query`` does."""
        texts = [canonical_name(part) for name in names for part in name]
        parts = list(self.pieces)
        parts[1::2] = [texts[int(number)] for number in parts[1::2]]
        return digest("".join(parts))


class Skeletons:
    """Trees by skeleton. The tree that it gives for a text holds until the next is asked for."""

    def __init__(self) -> None:
        """Know no skeleton yet."""
        self._met: dict[int, int] = {}
        self._known: OrderedDict[str, Parsed | None] = OrderedDict()

    def find_or_none(self, skeleton: Skeleton) -> Parsed | None:
        """Return what is known of a skeleton."""
        known = self._known.get(skeleton.text)
        if known is not None:
            self._known.move_to_end(skeleton.text)
        return known

    def learn(self, skeleton: Skeleton, query: Query) -> None:
        """Take the tree of a text whose skeleton was met before: there may be more of them."""
        if skeleton.text in self._known:
            return
        mark = hash(skeleton.text)
        times = self._met[mark] = self._met.get(mark, 0) + 1
        if times >= TIMES_MIN:
            self._known[skeleton.text] = _parsed_or_none(skeleton, query)
            if len(self._known) > TREES_MAX:
                self._known.popitem(last=False)
        elif len(self._met) > SKELETONS_MAX:
            self._met.clear()


def skeleton_or_none(sql: str) -> Skeleton | None:
    """Return the skeleton of a text in DuckDB's dialect.

    None when it names no table in three quoted parts, is too long, or holds what is not looked
    into.
    """
    if len(sql) > CHARACTERS_MAX or any(mark in sql for mark in _UNCLEAR):
        return None
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0]
        return f"{match['first']}.\x00{numbers.setdefault(name, len(numbers))}\x00"

    text = _TOKEN.sub(numbered, sql)
    parts = (name[1:-1].split('"."') for name in numbers)
    return Skeleton(text, tuple((schema, table) for schema, table in parts)) if numbers else None


def _parsed_or_none(skeleton: Skeleton, query: Query) -> Parsed | None:
    """Find a skeleton's names in the tree of one of its texts; None when one is no table there."""
    tree = query.tree
    places = _places_or_none(skeleton, tree)
    if places is None or tree.find(*_NAMES_IN_TEXT):
        return None
    marks = [f"\x00{number}\x00" for number in range(2 * len(places))]
    _rename(places, tuple(zip(marks[::2], marks[1::2], strict=True)))
    pieces = tuple(_MARK.split(canonical_text(tree)))
    others = frozenset(parts[-1].lower() for parts in tables_of(tree)).difference(marks)
    _rename(places, skeleton.names)
    return Parsed(
        tree=tree,
        places=places,
        pieces=pieces,
        clock=clock_use(query),
        others=others,
        is_closed=reads_names_only(tree),
    )


def _places_or_none(skeleton: Skeleton, tree: exp.Expr) -> tuple[_Places, ...] | None:
    """Find the nodes of each name; None when not every one is a table's."""
    numbers = {name: number for number, name in enumerate(skeleton.names)}
    found: tuple[_Places, ...] = tuple(([], []) for _ in skeleton.names)
    count = 0
    for table in tree.find_all(exp.Table):
        written = (table.args.get(key) for key in ("catalog", "db", "this"))
        parts = [part for part in written if isinstance(part, exp.Identifier)]
        number = numbers.get((table.db, table.name))
        if number is not None and [bool(part.args.get("quoted")) for part in parts] == [True] * 3:
            count += 1
            found[number][0].append(parts[1])
            found[number][1].append(parts[2])
    return found if count == skeleton.text.count("\x00") // 2 else None


def _rename(places: tuple[_Places, ...], names: tuple[Name, ...]) -> None:
    for (schemas, tables), (schema, table) in zip(places, names, strict=True):
        for node in schemas:
            node.set("this", schema)
        for node in tables:
            node.set("this", table)
