"""The files of a large table: kept as they were read, and made into values when they are asked for.

A million values take minutes and gigabytes to make; opening a table needs hardly any of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar, overload

T = TypeVar("T")
S = TypeVar("S")
T_co = TypeVar("T_co", covariant=True)


Note = tuple[str | None, Iterable[tuple[str, str | None]]]
"""The text of a file's statistics, and its partition values as pairs."""


class Listed(Protocol[T_co]):
    """Files that are read but not yet values; they never change."""

    def __len__(self) -> int:
        """Return how many there are."""

    @property
    def places(self) -> Mapping[str, int]:
        """Where each is, by its path."""

    def at(self, place: int) -> T_co:
        """Make one of them."""

    def pairs(self) -> Iterator[tuple[str, T_co]]:
        """Make all of them, one after the other, with their paths."""

    def some(self, places: Sequence[int]) -> Iterator[tuple[str, T_co]]:
        """Make those at some places, which ascend, with their paths."""

    def notes(self, *, with_values: bool) -> Iterator[Note]:
        """Yield what the log notes of each; partition values only where they are wanted."""

    def sizes(self) -> Iterator[int]:
        """Yield the bytes of each."""

    def row_counts(self) -> Iterator[int | None]:
        """Yield the visible rows of each; None where that is not known."""


class ActiveFiles(MutableMapping[str, T]):
    """Active files by path: those of a large checkpoint, and what entries after it changed."""

    def __init__(self, base: Listed[T]) -> None:
        """Begin with the files of a checkpoint."""
        self.base = base
        self.own: dict[str, T] = {}
        self.gone: set[str] = set()

    def copy(self) -> "ActiveFiles[T]":
        """Return a copy that can be changed; the checkpoint is shared."""
        made = ActiveFiles(self.base)
        made.own, made.gone = dict(self.own), set(self.gone)
        return made

    def __getitem__(self, path: str) -> T:
        if path in self.own:
            return self.own[path]
        if path in self.gone:
            raise KeyError(path)
        return self.base.at(self.base.places[path])

    def __contains__(self, path: object) -> bool:
        return path in self.own or (path in self.base.places and path not in self.gone)

    def __setitem__(self, path: str, file: T) -> None:
        if path in self.base.places:
            self.gone.add(path)
        self.own[path] = file

    def __delitem__(self, path: str) -> None:
        if path not in self:
            raise KeyError(path)
        self.own.pop(path, None)
        if path in self.base.places:
            self.gone.add(path)

    def __iter__(self) -> Iterator[str]:
        yield from (path for path in self.base.places if path not in self.gone)
        yield from self.own

    def __len__(self) -> int:
        return len(self.base) - len(self.gone) + len(self.own)

    def pairs(self) -> Iterator[tuple[str, T]]:
        """Yield every path with its file; faster than asking for one after the other."""
        gone = self.gone
        yield from (pair for pair in self.base.pairs() if pair[0] not in gone)
        yield from self.own.items()


class FileList(Sequence[S], Generic[T, S]):
    """The files of a snapshot, each made when it is looked at, and not kept.

    They come in the order of the checkpoint, then of the entries after it.
    """

    def __init__(
        self,
        files: ActiveFiles[T],
        make: Callable[[str, T], S],
        measure: Callable[[S], tuple[int, int | None]],
    ) -> None:
        """Refer to files.

        Args:
            files: The files; nobody may change them afterwards.
            make: Makes one of them.
            measure: Returns its bytes and its visible rows.
        """
        self._files = files
        self._make = make
        self._measure = measure

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        gone = sum(self._measure(file)[0] for file in self._gone())
        own = sum(self._measure(file)[0] for file in self._own())
        return sum(self._files.base.sizes()) - gone + own

    @property
    def rows(self) -> int | None:
        """Visible rows of all files; None when some file has no count."""
        listed = list(self._files.base.row_counts())
        for path in self._files.gone:
            listed[self._files.base.places[path]] = 0
        counts = [*listed, *(self._measure(file)[1] for file in self._own())]
        return None if None in counts else sum(count or 0 for count in counts)

    def chosen(self, is_wanted: Callable[..., bool], *, with_values: bool) -> Iterator[S]:
        """Make the files whose notes say so, and all that came after the checkpoint.

        Args:
            is_wanted: Takes the two parts of a file's ``Note``.
            with_values: It looks at the second, the partition values.
        """
        base, gone = self._files.base, self._files.gone
        notes = base.notes(with_values=with_values)
        places = [place for place, note in enumerate(notes) if is_wanted(*note)]
        for path, file in base.some(places):
            if path not in gone:
                yield self._make(path, file)
        yield from self._own()

    def notes(self) -> Iterator[Note]:
        """Yield what the checkpoint notes of each of its files that is still active."""
        gone = {self._files.base.places[path] for path in self._files.gone}
        for place, note in enumerate(self._files.base.notes(with_values=True)):
            if place not in gone:
                yield note

    def since(self) -> Iterator[S]:
        """Yield the files that came after the checkpoint."""
        yield from self._own()

    def _own(self) -> Iterator[S]:
        return (self._make(path, file) for path, file in self._files.own.items())

    def _gone(self) -> Iterator[S]:
        base = self._files.base
        return (self._make(path, base.at(base.places[path])) for path in self._files.gone)

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[S]:
        return (self._make(path, file) for path, file in self._files.pairs())

    @overload
    def __getitem__(self, place: int) -> S: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[S, ...]: ...
    def __getitem__(self, place: int | slice) -> S | tuple[S, ...]:
        if isinstance(place, slice):
            return tuple(self)[place]
        at = place if place >= 0 else len(self) + place
        found = next(islice(iter(self), at, None), None) if at >= 0 else None
        if found is None:
            raise IndexError(place)
        return found
