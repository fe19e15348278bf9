"""Which stretch of time to show of what alerts rest on."""

from collections.abc import Iterable

from msgspec import Struct

from normalizer.events import Alert
from pipeline.failure import CONFIGURATION, Failure
from pipeline.units import HOUR, MINUTE, SECOND

#: What is shown before and after the evidence: a half of how long that took, within these. Of a
#: pool it is more, since a block may be all that there is.
_LEAST, _LEAST_OF_POOL, _MOST = 5 * SECOND, 2 * MINUTE, HOUR


class Extent(Struct, frozen=True):
    """What was said of the time to show, in nanoseconds; None of all else."""

    around: int | None = None
    since: int | None = None
    until: int | None = None

    def of(self, alerts: Iterable[Alert], *, in_pools: bool = False) -> tuple[int, int]:
        """From when to when, the end not included. Raises Failure where nothing is left.

        `in_pools`: they rest on pools alone.
        """
        known = list(alerts)
        first = min(one.timestamp if one.created is None else one.created for one in known)
        last = max(max(one.timestamp, one.ended or 0) for one in known)
        around = self.around
        if around is None:
            least = _LEAST_OF_POOL if in_pools else _LEAST
            around = min(_MOST, max(least, (last - first) // 2))
        begin = first - around if self.since is None else self.since
        end = last + around + 1 if self.until is None else self.until
        if begin >= end:
            said = "nothing of the alert's time is left: see --from and --until"
            raise Failure(said, CONFIGURATION)
        return begin, end
