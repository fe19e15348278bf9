"""A time axis in hours, minutes and seconds of UTC."""

from datetime import UTC, datetime

from pipeline.page.canvas import Panel, label, line
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


def time_axis(panel: Panel, x: Linear, since: int, until: int) -> Html:
    """The line below a panel, with times that are round. `x` takes nanoseconds since `since`."""
    step = next((one for one in _STEPS if (until - since) / one <= 8), _STEPS[-1])
    parts: list[Html] = [line(panel.left, panel.bottom, panel.right, panel.bottom, "axis")]
    for moment in range(-(-since // step) * step, until + 1, step):
        at = x(moment - since)
        parts.append(line(at, panel.bottom, at, panel.bottom + 5, "axis"))
        midnight = step >= HOUR and moment % DAY == 0
        text = f"{datetime.fromtimestamp(moment // SECOND, UTC):%m-%d}" if midnight else ""
        parts.append(label(at, panel.bottom + 19, text or clock(moment, step), "middle"))
    day = f"{datetime.fromtimestamp(since // SECOND, UTC):%Y-%m-%d}, event time, UTC"
    parts.append(label(panel.right, panel.bottom + 38, day, "end", "unit"))
    return join(*parts)
