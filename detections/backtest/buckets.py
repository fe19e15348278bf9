"""Counts over event time, in seconds, minutes, hours or days: as fine as their span allows."""

from collections.abc import Mapping

from pipeline.units import DAY, HOUR, MINUTE, SECOND

#: Widths, and what one is called.
WIDTHS: Mapping[int, str] = {SECOND: "second", MINUTE: "minute", HOUR: "hour", DAY: "day"}
_ORDER = tuple(WIDTHS)
#: A span of more buckets than this is told in wider ones; days are never put together.
MOST_BUCKETS = 120
#: What a histogram holds before it widens. More, since its span may be a little longer.
_MOST_HELD = 2 * MOST_BUCKETS


def fitting_width(span: int) -> int:
    """The narrowest width by which a span has no more than `MOST_BUCKETS`."""
    return next((width for width in _ORDER if span <= width * MOST_BUCKETS), DAY)


class Histogram:
    """Counts by bucket. What is held is bounded, but for the number of days."""

    def __init__(self) -> None:
        self.width = SECOND
        self._counts: dict[int, int] = {}

    def add(self, timestamp: int, count: int = 1) -> None:
        """Count at a time in nanoseconds."""
        bucket = timestamp // self.width
        self._counts[bucket] = self._counts.get(bucket, 0) + count
        if len(self._counts) > _MOST_HELD and self.width < DAY:
            self._widen(_ORDER[_ORDER.index(self.width) + 1])

    def counts(self, width: int) -> dict[int, int]:
        """Counts by the beginnings of buckets of this width, in order. It must not be narrower."""
        if width > self.width:
            self._widen(width)
        return {bucket * width: count for bucket, count in sorted(self._counts.items())}

    def _widen(self, width: int) -> None:
        factor = width // self.width
        counts: dict[int, int] = {}
        for bucket, count in self._counts.items():
            counts[bucket // factor] = counts.get(bucket // factor, 0) + count
        self.width, self._counts = width, counts
