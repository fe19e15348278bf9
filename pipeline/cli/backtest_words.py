"""How a backtest is told to people: rates, spans, moments, and counts over time as one line."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.page.words import number, plural

if TYPE_CHECKING:
    from detections.backtest.result import Bucket, Comparison, Events

_BLOCKS = "▁▂▃▄▅▆▇█"
_EMPTY = "·"
_MOST_REASONS = 3
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


def rate_text(per_day: float | None) -> str:
    """`about 3 a day`, `about 1 in 4 days`; a dash where less than a day was seen."""
    if per_day is None:
        return "–"
    if per_day == 0:
        return "none"
    if per_day >= 0.75:
        return f"about {rounded(per_day)} a day"
    return f"about 1 in {rounded(1 / per_day)} days"


def rounded(value: float) -> str:
    """`3`, `27`, `1,200`: two digits that mean something."""
    if value < 100:
        return f"{value:.0f}" if value >= 9.95 else number(value, 1 if value < 1 else 0)
    digits = len(str(int(value))) - 2
    return f"{round(value, -digits):,.0f}"


def span_text(seconds: float) -> str:
    """`28 seconds`, `45 minutes`, `36 hours`, `31 days`."""
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return plural(round(seconds / length), name)
    return plural(round(seconds), "second")


def moment_text(time: str) -> str:
    """`2026-11-23 14:01:17` of RFC 3339."""
    return time[:19].replace("T", " ")


def short_name(name: str) -> str:
    """Addresses as `0x1cbd…c9ec`, where the whole one wouldn't fit."""
    return name if len(name) <= 20 else f"{name[:6]}…{name[-4:]}"


def doubts(events: "Events") -> list[str]:
    """What a reader should know about the events before believing the rest."""
    out_of_order = "came out of the order " + (
        "of their times: see --allowed-lateness"
        if events.allowed_lateness == "0s"
        else f"of their times by more than {events.allowed_lateness}"
    )
    counts = (
        (events.dead, "line is no event", "lines are no events"),
        (events.duplicates, "duplicate, counted once", "duplicates, each counted once"),
        (events.late, f"event {out_of_order}", f"events {out_of_order}"),
        (events.outside, "event outside the wanted time", "events outside the wanted time"),
    )
    return [plural(count, one, more) for count, one, more in counts if count]


def blind_text(reasons: "Sequence[str]", rules: int) -> str:
    """How many of so many rules had nothing to look at, and for want of what; empty if none."""
    if not reasons:
        return ""
    counts = Counter(reasons)
    which = "no rule had anything to look at"
    if len(reasons) < rules:
        which = f"{plural(len(reasons), 'rule')} had nothing to look at"
    if len(counts) == 1:
        return f"{which}, since {reasons[0]}"
    common = counts.most_common(_MOST_REASONS)
    said = "; ".join(f"{count:,} since {reason}" for reason, count in common)
    others = len(reasons) - sum(count for _, count in common)
    more = f"; {others:,} for want of others" if others else ""
    return f"{which}: {said}{more}"


def quiet_differences(found: "Comparison") -> str:
    """`12 more rules without any alert: 10 removed, 2 changed`; empty if there are none."""
    kinds = Counter(one.kind for one in found.rules if not (one.before or one.after))
    if not kinds:
        return ""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    return f"{plural(kinds.total(), 'more rule')} without any alert: {counts}"


class TimeColumns:
    """The time of the events cut into columns of equal length, few enough to be shown."""

    def __init__(self, events: "Events", most: int) -> None:
        self._first = 0
        self._length = _SECONDS[events.bucket]
        self._per_column = 1
        self.count = 0
        if events.first is not None and events.last is not None:
            self._first = _epoch(events.first) // self._length
            buckets = _epoch(events.last) // self._length - self._first + 1
            self._per_column = -(-buckets // most)
            self.count = -(-buckets // self._per_column)

    @property
    def fine(self) -> bool:
        """Whether a column is just one bucket."""
        return self._per_column == 1

    def counts(self, buckets: "Sequence[Bucket]") -> list[int]:
        """What falls into each column."""
        found = [0] * self.count
        for bucket in buckets:
            at = (_epoch(bucket.time) // self._length - self._first) // self._per_column
            found[min(max(at, 0), self.count - 1)] += bucket.count
        return found

    def start(self, at: int) -> str:
        """When a column begins: `2026-11-23`, `2026-11-23 14:00`, `2026-11-23 14:01:17`."""
        seconds = (self._first + at * self._per_column) * self._length
        moment = datetime.fromtimestamp(seconds, UTC)
        form = {86_400: "%Y-%m-%d", 1: "%Y-%m-%d %H:%M:%S"}.get(self._length, "%Y-%m-%d %H:%M")
        return moment.strftime(form)


def sparkline(counts: Sequence[int]) -> str:
    """A block for each count, by its height; a dot for none."""
    most = max(counts, default=0)
    return "".join(
        _BLOCKS[-(-count * len(_BLOCKS) // most) - 1] if count else _EMPTY for count in counts
    )


def _epoch(time: str) -> int:
    try:
        return int(datetime.fromisoformat(time[:19] + "+00:00").timestamp())
    except ValueError:  # past the year 9999: nanoseconds
        return int(time) // 10**9
