"""Power losses: what a write does to the disk is recorded and played back up to each instant.

What was not flushed by then is lost, torn or kept, as a file system may choose; a lake made of that
must hold every invariant. DuckDB writes data files past us: they are found in the folder, and count
as unflushed until somebody flushes them.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.reliability.cases import Bench, act_once
from tests.reliability.children import in_child
from tests.reliability.lake import Subject

Op = Literal["appear", "write", "link", "replace", "unlink", "folder", "no folder", "flush"]
Loss = Literal["all", "contents", "some"]
LOSSES: tuple[Loss, ...] = ("all", "contents", "some")


@dataclass(frozen=True, slots=True)
class Event:
    """A change of the disk.

    Attributes:
        op: What happened.
        path: Where, relative to the bench's folder.
        other: The new name of a link or replacement.
        data: What was written, or what a flushed file held.
    """

    op: Op
    path: str
    other: str = ""
    data: bytes = b""


@dataclass(slots=True)
class Recorder:
    """Writes down every change below a folder, from this process.

    Attributes:
        top: The folder.
        events: What happened, in order.
    """

    top: Path
    events: list[Event] = field(default_factory=list)
    _open: dict[int, str] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Stand before the operating system; for a process that ends afterwards."""
        self._known = set(self._files())
        os.open = self._wrapped(os.open, self._opened)
        os.write = self._wrapped(os.write, self._written)
        os.fsync = self._wrapped(os.fsync, self._flushed)
        os.link = self._wrapped(os.link, lambda _, a, b: self._named("link", a, b))
        os.replace = self._wrapped(os.replace, lambda _, a, b: self._named("replace", a, b))
        os.unlink = self._wrapped(os.unlink, lambda _, a, **__: self._named("unlink", a))
        os.mkdir = self._wrapped(os.mkdir, lambda _, a, *__: self._named("folder", a))

    def _wrapped(self, call: Callable[..., Any], told: Callable[..., None]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.look()
            result = call(*arguments, **named)
            told(result, *arguments, **named)
            return result

        return wrapped

    def _inside(self, path: Any) -> str | None:
        text = str(Path(path))
        start = f"{self.top}/"
        return (
            text[len(start) :] if text.startswith(start) else "" if text == str(self.top) else None
        )

    def _opened(self, descriptor: int, path: Any, flags: int, *_: Any, **__: Any) -> None:
        inside = self._inside(path) if isinstance(path, (str, Path)) else None
        self._open.pop(descriptor, None)
        if inside is None:
            return
        self._open[descriptor] = inside
        if flags & os.O_CREAT and inside not in self._known:
            self._known.add(inside)
            self.events.append(Event("appear", inside))

    def _written(self, count: int, descriptor: int, data: Any) -> None:
        inside = self._open.get(descriptor)
        if inside is not None:
            self.events.append(Event("write", inside, data=bytes(data)[:count]))

    def _flushed(self, _: None, descriptor: int) -> None:
        inside = self._open.get(descriptor)
        if inside is None:
            return
        path = self.top / inside
        data = path.read_bytes() if path.is_file() else b""
        self.events.append(Event("flush", inside, data=data))

    def _named(self, op: Op, path: Any, other: Any = None) -> None:
        inside = self._inside(path)
        target = "" if other is None else self._inside(other)
        if inside is None or target is None:
            return
        self._known |= {inside, target} - {""}
        self.events.append(Event(op, inside, target))

    def _files(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.top / "lake"):
            start = os.path.relpath(folder, self.top)
            yield from (f"{start}/{name}" for name in (*folders, *names))

    def look(self) -> None:
        """Notice what others have written."""
        for inside in sorted(set(self._files()) - self._known):
            self._known.add(inside)
            path = self.top / inside
            self.events.append(
                Event("folder", inside)
                if path.is_dir()
                else Event("appear", inside, data=path.read_bytes())
            )


@dataclass(slots=True)
class _File:
    """A file: what programs see of it, and what the disk holds."""

    seen: bytes = b""
    kept: bytes | None = None


@dataclass(slots=True)
class Disk:
    """A disk with a cache: what programs see, and what is flushed."""

    seen: dict[str, _File | None] = field(default_factory=dict)
    kept: dict[str, _File | None] = field(default_factory=dict)

    def fill(self, top: Path) -> None:
        """Take what is in a folder as flushed long ago."""
        for path in sorted((top / "lake").rglob("*")) if (top / "lake").exists() else ():
            data = path.read_bytes() if path.is_file() else None
            self.seen[str(path.relative_to(top))] = None if data is None else _File(data, data)
        if (top / "lake").exists():
            self.seen["lake"] = None
        self.kept = dict(self.seen)

    def apply(self, event: Event) -> None:
        match event.op:
            case "appear":
                self.seen[event.path] = _File(event.data)
            case "write":
                file = self.seen[event.path]
                assert file is not None
                file.seen += event.data
            case "link":
                self.seen[event.other] = self.seen[event.path]
            case "replace":
                self.seen[event.other] = self.seen.pop(event.path)
            case "unlink":
                self.seen.pop(event.path, None)
            case "folder":
                self.seen[event.path] = None
            case "flush":
                self._flush(event)
            case "no folder":
                pass

    def _flush(self, event: Event) -> None:
        file = self.seen.get(event.path)
        if file is not None:
            file.kept = file.seen = event.data
            return
        inside = {path for path in {*self.seen, *self.kept} if _parent(path) == event.path}
        for path in inside:
            if path in self.seen:
                self.kept[path] = self.seen[path]
            else:
                self.kept.pop(path, None)

    def after(self, loss: Loss, dice: random.Random) -> dict[str, bytes | None]:
        """Return what a power loss leaves: files by path, None for folders."""
        names: dict[str, _File | None] = {}
        for path in sorted({*self.seen, *self.kept}):
            is_settled = self.seen.get(path, 0) is self.kept.get(path, 0)
            from_cache = loss == "contents" or (loss == "some" and dice.random() < 0.5)
            source = self.kept if is_settled or not from_cache else self.seen
            parent = _parent(path)
            is_reachable = not parent or parent in names
            if path in source and is_reachable:
                names[path] = source[path]
        return {
            path: None if file is None else _content(file, loss, dice)
            for path, file in names.items()
        }


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _content(file: _File, loss: Loss, dice: random.Random) -> bytes:
    if file.kept is not None:
        return file.kept
    choices = (b"",) if loss != "some" else (b"", file.seen[: len(file.seen) // 2], file.seen)
    return dice.choice(choices)


def lay_out(files: dict[str, bytes | None], top: Path) -> None:
    """Make a folder's lake what a power loss has left."""
    shutil.rmtree(top / "lake", ignore_errors=True)
    for path, data in files.items():
        if data is None:
            (top / path).mkdir(parents=True, exist_ok=True)
        else:
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(data)


def record(bench: Bench, subject: Subject) -> list[Event]:
    """Let a write happen from the state before it and return what it did to the disk."""
    bench.prepare(subject)
    bench.reset(subject)

    def act() -> list[Event]:
        bench.patch()
        recorder = Recorder(bench.folder)
        recorder.start()
        said = act_once(bench.folder, subject, None)
        assert said == "done", f"{subject.name} {said}"
        recorder.look()
        return recorder.events

    ended = in_child(act)
    if ended.how != "returned":
        raise RuntimeError(str(ended.value))
    events: list[Event] = ended.value
    return events


def losses(
    bench: Bench, subject: Subject, seed: int, sample: int | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Lose the power at each instant of a write; yield what was lost and what it violates.

    Args:
        bench: Where.
        subject: The write.
        seed: Of what a file system chooses to keep.
        sample: How many instants, beside the last; all when None.
    """
    events = record(bench, subject)
    instants = list(range(len(events) + 1))
    dice = random.Random(f"{seed} {subject.name}")  # noqa: S311
    if sample is not None:
        instants = sorted({*dice.sample(instants, min(sample, len(instants))), len(events)})
    for instant in instants:
        for loss in LOSSES:
            bench.reset(subject)
            disk = Disk()
            disk.fill(bench.folder)
            for event in events[:instant]:
                disk.apply(event)
            lay_out(disk.after(loss, dice), bench.folder)
            said = "done" if instant == len(events) else "killed"
            last = events[instant - 1] if instant else None
            after = "the start" if last is None else f"{last.op} {last.path or '.'}"
            name = f"{subject.name}: power lost after {instant}/{len(events)} ({after}), {loss}"
            # The records' last rows may be lost, too: those of the start are the oldest.
            yield name, bench.check(subject, said, lost_records=True)
