"""Events per second, a row for each source."""

from demo.report.story import Story
from pipeline.page.canvas import Panel, box, figure, label, x_axis, y_axis
from pipeline.page.markup import Html, join
from pipeline.page.scales import ticks
from pipeline.page.words import number, plural

_ROW = 92.0
_GAP = 34.0
_TOP = 34.0
_MOST_SOURCES = 6
#: More bars than this can't be told apart; then a bar stands for several seconds.
_MOST_BARS = 240


def rate_chart(story: Story) -> Html | None:
    """The chart, or None where nothing happened."""
    if not story.events:
        return None
    length = story.seconds(story.end)
    width = max(1, -(-int(length) // _MOST_BARS))
    counts: dict[str, dict[int, int]] = {}
    for event in story.events:
        source = counts.setdefault(event.provider, {})
        bar = int(story.seconds(event.timestamp)) // width
        source[bar] = source.get(bar, 0) + 1
    shown = sorted(counts, key=lambda name: -sum(counts[name].values()))[:_MOST_SOURCES]
    parts: list[Html] = []
    panel = Panel(0, 0)
    for row, name in enumerate(shown):
        top = _TOP + row * (_ROW + _GAP)
        panel = Panel(top, top + _ROW)
        parts.append(_row(panel, name, counts[name], width, length))
    x = panel.x(0, max(length, 1.0))
    parts.append(x_axis(panel, x, "seconds of event time since the first event"))
    said = "; ".join(
        f"{name}: {plural(sum(counts[name].values()), 'event')}, at most "
        f"{number(max(counts[name].values()) / width)} per second"
        for name in shown
    )
    return figure(
        title="Events per second, by source",
        said=said + ".",
        height=panel.bottom + 46,
        drawn=join(*parts),
        name="rate",
    )


def _row(panel: Panel, name: str, counts: dict[int, int], width: int, length: float) -> Html:
    x = panel.x(0, max(length, 1.0))
    most = max(counts.values()) / width
    y = panel.y(0, most * 1.05)
    bars = [
        box(
            x(bar * width) + 1,
            y(0),
            max(min(x((bar + 1) * width), panel.right) - 1, x(bar * width) + 2),
            y(count / width),
            "bar rate",
            f"{name}: {number(count / width)} per second from {bar * width} s",
        )
        for bar, count in sorted(counts.items())
    ]
    return join(
        y_axis(panel, y, "", [value for value in ticks(0, most, 3) if value == int(value)]),
        label(panel.left, panel.top - 9, name, "start", "unit"),
        *bars,
    )
