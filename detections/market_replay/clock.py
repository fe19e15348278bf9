"""A time axis in hours, minutes and seconds of UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from pipeline.page.canvas import WIDTH, Panel, label, line
from pipeline.page.markup import Html, join
from pipeline.page.scales import Linear
from pipeline.units import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND

_STEPS = (
    *(one * MICROSECOND for one in (10, 20, 50, 100, 200, 500)),
    *(one * MILLISECOND for one in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(one * SECOND for one in (1, 2, 5, 10, 15, 30)),
    *(one * MINUTE for one in (1, 2, 5, 10, 15, 30)),
    *(one * HOUR for one in (1, 2, 3, 6, 12)),
    *(one * DAY for one in (1, 2, 7, 14, 30, 90, 365)),
)

#: Width of a letter, on the average.
_LETTER = 7.2


def clock(moment: int, step: int = 1) -> str:
    """`14:03:10`, as exact as times that are `step` apart need; of days the date."""
    seconds, rest = divmod(moment, SECOND)
    at = datetime.fromtimestamp(seconds, UTC)
    if step >= DAY:
        return f"{at:%Y-%m-%d}"
    if step >= MINUTE:
        return f"{at:%H:%M}"
    if step >= SECOND:
        return f"{at:%H:%M:%S}"
    digits = 3 if step >= MILLISECOND else 6
    return f"{at:%H:%M:%S}.{rest // 10 ** (9 - digits):0{digits}d}"


def day_and_clock(moment: int) -> str:
    """`2026-11-23 14:03:10.250`."""
    return f"{datetime.fromtimestamp(moment // SECOND, UTC):%Y-%m-%d} {clock(moment, MILLISECOND)}"


class Times(NamedTuple):
    """How times of a market are said: as exactly as they differ."""

    with_day: bool
    exact: bool
    """To the microsecond."""

    def __call__(self, moment: int) -> str:
        text = clock(moment, MICROSECOND if self.exact else MILLISECOND)
        if self.with_day:
            return f"{datetime.fromtimestamp(moment // SECOND, UTC):%m-%d} {text}"
        return text


def times_of(since: int, until: int, moments: Iterable[int]) -> Times:
    """How times from `since` to `until` are said, of which these are some."""
    exact = any(one % MILLISECOND for one in moments)
    return Times(since // DAY != max(since, until - 1) // DAY, exact)


def days(since: int, until: int) -> str:
    """`2026-11-23`, or `2026-11-23 to 2026-11-25`."""
    first, last = clock(since, DAY), clock(max(since, until - 1), DAY)
    return first if first == last else f"{first} to {last}"


def time_axis(panel: Panel, x: Linear, since: int, until: int) -> Html:
    """The line below a panel, with times that are round. `x` takes nanoseconds since `since`."""
    step = next((one for one in _STEPS if (until - since) / one <= 8), _STEPS[-1])
    parts: list[Html] = [line(panel.left, panel.bottom, panel.right, panel.bottom, "axis")]
    for moment in range(-(-since // step) * step, until + 1, step):
        at = x(moment - since)
        parts.append(line(at, panel.bottom, at, panel.bottom + 5, "axis"))
        midnight = step >= HOUR and moment % DAY == 0
        text = f"{datetime.fromtimestamp(moment // SECOND, UTC):%m-%d}" if midnight else ""
        text = text or clock(moment, step)
        cut = at + _LETTER * len(text) / 2 > WIDTH
        parts.append(
            label(WIDTH if cut else at, panel.bottom + 19, text, "end" if cut else "middle")
        )
    unit = f"{days(since, until)}, event time, UTC"
    parts.append(label(panel.right, panel.bottom + 38, unit, "end", "unit"))
    return join(*parts)
