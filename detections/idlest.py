"""Room in a mapping that keeps whom it heard of last: the first, the idlest, go."""

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

K = TypeVar("K")
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
