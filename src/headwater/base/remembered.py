"""Answers that are computed once for the same question, also by later commands.

Whoever asks names all that the answer depends on; the cache belongs to one version of the program.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from headwater.base.cache import Cache, cache_key
from headwater.base.codec import pack, unpack_or_none

T = TypeVar("T")


def remembered(
    cache: Cache, kind: str, parts: Iterable[bytes], wanted: type[T], make: Callable[[], T]
) -> T:
    """Return an answer that was kept, or make it and keep it.

    Args:
        cache: Where answers are kept.
        kind: What is asked.
        parts: All that the answer depends on.
        wanted: Its type, which is not None.
        make: Answers.
    """
    key = cache_key(kind, parts)
    kept = cache.find_or_none(key)
    answer = None if kept is None else unpack_or_none(wanted, kept)
    if answer is None:
        answer = make()
        cache.keep(key, pack(answer))
    return answer
