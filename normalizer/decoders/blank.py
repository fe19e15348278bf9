"""Records filled in advance: copying one and setting what differs takes half the time."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from msgspec import Struct

T = TypeVar("T", bound=Struct)


def blank(record: T) -> Callable[[], T]:
    """A function that gives a new copy of ``record`` at each call."""
    # The bound method itself: copy.copy would look it up again for every event.
    return cast("Callable[[], T]", cast("Any", record).__copy__)
