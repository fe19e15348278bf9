"""Room in a mapping that keeps whom it heard of last: the first, the idlest, go.

`latest` keeps a mapping in that order, so that with `drop_idlest` it is bounded.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

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


def latest(known: dict[K, V], key: K, most: int, make: Callable[[], V]) -> V:
    """What is known under a key, last from now on; made if nothing is, within `most` in all."""
    value = known.pop(key, None)
    if value is None:
        drop_idlest(known, most - 1)
        value = make()
    known[key] = value
    return value
