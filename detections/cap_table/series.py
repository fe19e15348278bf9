"""Breaches of one party that repeat: an alert for the first, the second, the fourth, the eighth."""

from collections.abc import Iterable
from operator import attrgetter

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.engine.correlator_state import Whole
from detections.idlest import drop_idlest

#: What an alert of a series keeps of the ones before it.
_MOST_WITNESSES = 64
_MOST_SERIES = 10_000


class Series(Struct):
    """What one party did so far."""

    count: int = 0
    amount: Whole = Whole(0)
    begun: int = 0
    newest: int = 0
    seen: dict[str, Witness] = field(default_factory=dict[str, Witness])
    """Events by id, the newest last."""

    @property
    def witnesses(self) -> tuple[Witness, ...]:
        """The events in order of their times."""
        return tuple(sorted(self.seen.values(), key=attrgetter("timestamp")))


def extend(
    series: dict[str, Series],
    key: str,
    amount: int,
    witnesses: Iterable[Witness],
    now: int,
    rest: int,
) -> Series | None:
    """Note one more. Returns the series if it is to be told now.

    After `rest` nanoseconds without one a new series begins. It is told whenever the number has
    doubled, so no party makes a flood, and none is silent for long.
    """
    known = series.pop(key, None)
    if known is None or now - known.newest > rest:
        known = Series(begun=now)
    series[key] = known
    drop_idlest(series, _MOST_SERIES)
    known.count += 1
    known.amount = Whole(known.amount + amount)
    known.newest = now
    seen = known.seen
    for one in witnesses:
        if one.id not in seen:
            seen[one.id] = one
            if len(seen) > _MOST_WITNESSES:
                del seen[next(iter(seen))]
    return known if known.count & (known.count - 1) == 0 else None
