"""Room for what is kept: the idlest go.

`latest` keeps a mapping in the order in which it heard of each, so that with `drop_idlest` it is
bounded. What is kept by market, and within each by party, is bounded over all markets by `Room`.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from msgspec import Struct

K = TypeVar("K")
V = TypeVar("V")
#: So large a part of them goes at once. A dict whose first key is taken again and again looks
#: through all the places where keys were before it finds the next one: with 50,000 of them that
#: takes longer than all else that is done with an event.
_AT_ONCE = 64


def drop_idlest(known: dict[K, Any], most: int, drop: Callable[[K], object] | None = None) -> None:
    """Where there are more than `most`, let the first of them go, a few at once."""
    if len(known) > most:
        drop = drop or known.__delitem__
        for key in list(islice(known, len(known) - most + most // _AT_ONCE)):
            drop(key)


def latest(
    known: dict[K, V],
    key: K,
    most: int,
    make: Callable[[], V],
    drop: Callable[[K], object] | None = None,
) -> V:
    """What is known under a key, last from now on; made if nothing is, within `most` in all."""
    value = known.pop(key, None)
    if value is None:
        drop_idlest(known, most - 1, drop)
        value = make()
    known[key] = value
    return value


#: All are counted when so large a part of them is new.
PARTS = 8
_rank = itemgetter(0)


class Room(Struct, array_like=True):
    """Within how many things a state stays in all, though nobody counts what goes.

    There are many places where something goes, and few where something comes: those add to `added`.
    Whenever an eighth of what there may be is new, all are counted, by `make_room`.
    """

    added: int = 0

    def take(self, most: int, more: int = 1) -> bool:
        """So many more come. Whether there may be more than `most` before it is asked again."""
        self.added += more
        return self.added >= most // PARTS

    def make(
        self, most: int, known: Iterable[tuple[Any, int, V]], drop: Callable[[V], object]
    ) -> None:
        """Of each that is known: by what it goes first (the least does), how much it is, and what.

        Where there is not enough room for an eighth more, go on until a quarter is free: who counts
        all of them does it for many.
        """
        self.added = 0
        listed = list(known)
        total = sum([one[1] for one in listed])
        if total <= most - most // PARTS:
            return
        too_many = total - (most - 2 * (most // PARTS))
        listed.sort(key=_rank)
        for _, size, one in listed:
            if too_many <= 0:
                return
            too_many -= size
            drop(one)
