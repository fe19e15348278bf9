"""The charts of a report: SVG that a page shows in the reader's colours and a PDF prints.

Colours are of Okabe and Ito's palette, which the colour-blind can tell apart; no chart needs its
colours to be read, since each bar has its number or its place, and each chart a table beside it.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from msgspec import Struct

from evidence.reports.figures import LEVELS, Change, Figures, RuleOutcomes
from pipeline.page.canvas import WIDTH, Panel, box, label, line, y_axis
from pipeline.page.markup import Html, el, join, style_sheet
from pipeline.page.scales import ticks
from pipeline.page.words import plural

_ROW = 34.0
_BAR = 12.0
_NAMES = 300.0
_MOST_ROWS = 14
#: What a PDF shows: the light colours of the page, and a font that typst has.
_PRINT = Path(__file__).with_name("print.css")


class Chart(Struct, frozen=True, kw_only=True):
    """One chart. `said` tells in a sentence what it shows."""

    name: str
    title: str
    said: str
    height: float
    drawn: Html

    def svg(self) -> Html:
        """For a page."""
        return self._svg()

    def printed(self) -> str:
        """A picture by itself."""
        return str(self._svg(style_sheet(_PRINT.read_text("utf-8")), "http://www.w3.org/2000/svg"))

    def _svg(self, style: Html | None = None, namespace: str | None = None) -> Html:
        return el(
            "svg",
            style,
            el("title", self.title, id=f"{self.name}-title"),
            el("desc", self.said, id=f"{self.name}-said"),
            self.drawn,
            attributes={"xmlns": namespace} if namespace else None,
            viewBox=f"0 0 {WIDTH:.0f} {self.height:.0f}",
            role="img",
            aria_labelledby=f"{self.name}-title {self.name}-said",
            class_="chart",
        )


def days_chart(figures: Figures) -> Chart | None:
    """Alerts of each day, one on the other by level; None where there are none."""
    totals = [sum(counts) for _, counts in figures.days]
    most = max(totals, default=0)
    if not most:
        return None
    panel = Panel(56, 230)
    y = panel.y(0, most * 1.05)
    width = (panel.right - panel.left) / len(totals)
    parts: list[Html] = [
        y_axis(panel, y, "alerts", [one for one in ticks(0, most, 4) if one == int(one)])
    ]
    for at, (day, counts) in enumerate(figures.days):
        left = panel.left + at * width + width * 0.15
        below = 0
        for level in reversed(LEVELS):  # the most severe on top
            count = counts[LEVELS.index(level)]
            if count:
                tip = f"{day}, {level}: {plural(count, 'alert')}"
                right = left + width * 0.7
                bar = box(left, y(below), right, y(below + count), f"level {level}", tip)
                parts.append(bar)
                below += count
        if below:
            middle = left + width * 0.35
            parts.append(label(middle, y(below) - 5, f"{below:,}", "middle", "value"))
        if len(totals) <= 7 or at % 2 == 0:
            parts.append(
                label(left + width * 0.35, panel.bottom + 19, _day(day, len(totals)), "middle")
            )
    parts.append(line(panel.left, panel.bottom, panel.right, panel.bottom, "axis"))
    busiest = figures.days[totals.index(most)][0]
    return Chart(
        name="days",
        title="Alerts by day and level",
        said=f"{plural(sum(totals), 'alert')} in {len(totals)} days; most on {busiest}: {most:,}.",
        height=260,
        drawn=join(_legend([(one, f"level {one}") for one in LEVELS]), *parts),
    )


def changes_chart(name: str, title: str, rows: Sequence[Change], than: str) -> Chart | None:
    """A bar for this period and a lighter one for the one before, for each row."""
    shown = [one for one in rows if one.now or one.before][:_MOST_ROWS]
    if not shown:
        return None
    most = max(max(one.now, one.before) for one in shown)
    parts: list[Html] = []
    for at, one in enumerate(shown):
        top = 44 + at * _ROW
        parts += _row(top, one.name, most, [(one.now, "bar now"), (one.before, "bar before")])
    first = shown[0]
    left = len([one for one in rows if one.now or one.before]) - len(shown)
    more = f" {left} more are in the table." if left else ""
    return Chart(
        name=name,
        title=title,
        said=f"Most: {first.name}, {first.now:,} against {first.before:,} in the {than}.{more}",
        height=44 + len(shown) * _ROW + 6,
        drawn=join(_legend([("this period", "bar now"), (than, "bar before")]), *parts),
    )


def ages_chart(ages: Sequence[tuple[str, int]]) -> Chart | None:
    """Open cases by age."""
    most = max((count for _, count in ages), default=0)
    if not most:
        return None
    parts: list[Html] = []
    for at, (name, count) in enumerate(ages):
        parts += _row(8 + at * _ROW, name, most, [(count, "bar now")])
    open_ = sum(count for _, count in ages)
    oldest = next(name for name, count in reversed(ages) if count)
    return Chart(
        name="ages",
        title="Open cases by age",
        said=f"{plural(open_, 'open case')}; the oldest: {oldest}.",
        height=8 + len(ages) * _ROW + 6,
        drawn=join(*parts),
    )


def outcomes_chart(outcomes: Sequence[RuleOutcomes]) -> Chart | None:
    """Share of false positives by rule."""
    shown = [one for one in outcomes if one.share is not None][:_MOST_ROWS]
    if not shown:
        return None
    parts: list[Html] = []
    for at, one in enumerate(shown):
        text = f"{round(100 * (one.share or 0))} % of {one.judged:,}"
        parts += _row(
            8 + at * _ROW, one.name, 100, [(round(100 * (one.share or 0)), "bar now")], text
        )
    worst = shown[0]
    return Chart(
        name="outcomes",
        title="Share of false positives by rule",
        said=f"Highest: {worst.name}, {worst.without_breach:,} of {worst.judged:,} alerts with a "
        "verdict.",
        height=8 + len(shown) * _ROW + 6,
        drawn=join(*parts),
    )


def _row(
    top: float, name: str, most: int, bars: Sequence[tuple[int, str]], text: str | None = None
) -> list[Html]:
    right = 930.0
    height = _BAR if len(bars) > 1 else 2 * _BAR
    shown = name if len(name) <= 44 else f"{name[:43]}…"
    parts = [label(_NAMES - 12, top + 17, shown, "end", "row-name")]
    for at, (count, class_) in enumerate(bars):
        y = top + at * (_BAR + 1)
        end = _NAMES + (right - _NAMES) * count / most if most else _NAMES
        if count:
            parts.append(box(_NAMES, y, end, y + height, class_, f"{name}: {count:,}"))
        size = "value small" if len(bars) > 1 else "value"
        parts.append(label(end + 7, y + height / 2 + 4.5, text or f"{count:,}", "start", size))
    return parts


def _legend(entries: Sequence[tuple[str, str]]) -> Html:
    parts: list[Html] = []
    x = _NAMES
    for text, class_ in entries:
        parts += [box(x, 10, x + 18, 22, class_), label(x + 25, 21, text)]
        x += 48 + 7.2 * len(text)
    return join(*parts)


def _day(day: str, many: int) -> str:
    found = date.fromisoformat(day)
    return f"{found:%a} {found.day}" if many <= 7 else str(found.day)
