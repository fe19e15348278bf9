"""The charts of a backtest's page: alerts over time, and by rule."""

from math import sqrt
from typing import TYPE_CHECKING

from pipeline.cli.backtest_words import TimeColumns, span_text
from pipeline.page.canvas import Panel, box, figure, key, label, line, swatch, y_axis
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import ticks
from pipeline.page.words import plural

if TYPE_CHECKING:
    from detections.backtest.result import Backtest, RuleOutcome

_COLUMNS = 120
_HEAT_COLUMNS = 60
_MOST_RULES = 40
_ROW = 24.0
_NAMES = 350.0
_COUNTS = 944.0
_LONGEST = 46


def alerts_chart(result: "Backtest") -> Html | None:
    """All alerts over time; None where there are none."""
    time = TimeColumns(result.events, _COLUMNS)
    counts = time.counts(result.by_bucket)
    if not any(counts):
        return None
    panel = Panel(34, 190)
    most = max(counts)
    y = panel.y(0, most * 1.05)
    bars: list[Html] = []
    for at, count in enumerate(counts):
        if count:
            left, right = _slot(panel, at, time.count)
            tip = f"{time.start(at)}: {count:,}"
            bars.append(box(left, y(0), right, y(count), "bar alerts", tip))
    whole = [value for value in ticks(0, most, 4) if value == int(value)]
    return figure(
        title="Alerts over time",
        said=f"{plural(result.alerts, 'alert')} in {span_text(result.events.seconds)} of events; "
        f"at most {most:,} {_in_one(result, time)}, from {time.start(counts.index(most))} UTC on.",
        height=236,
        drawn=join(y_axis(panel, y, "alerts", whole), *bars, time_axis(panel, time)),
        name="alerts",
    )


def rules_chart(result: "Backtest") -> Html | None:
    """A row for each rule with alerts, the darker the more; None where there are none."""
    rules = [one for one in result.rules if one.alerts][:_MOST_RULES]
    if not rules:
        return None
    time = TimeColumns(result.events, _HEAT_COLUMNS)
    panel = Panel(16, 16 + _ROW * len(rules), left=_NAMES, right=_COUNTS - 14)
    most = max(max(time.counts(one.by_bucket)) for one in rules)
    rows = [_rule_row(panel, one, at, time, most) for at, one in enumerate(rules)]
    return figure(
        title="Alerts by rule and time",
        said=f"{plural(len(rules), 'rule')} with alerts, the busiest first. The darkest cell is "
        f"{plural(most, 'alert')} {_in_one(result, time)}.",
        height=panel.bottom + 46,
        drawn=join(*rows, time_axis(panel, time)),
        legend=join(
            key(swatch("heat none"), "none"),
            *(key(_sample(_shade(n, most)), f"{n:,}") for n in sorted({1, most})),
        ),
        name="rules-over-time",
    )


def time_axis(panel: Panel, time: TimeColumns) -> Html:
    """The line below a panel, with when some of its columns begin."""
    shown = max(1, round((panel.right - panel.left) / 190))
    step = max(1, -(-time.count // shown))
    parts: list[Html] = [line(panel.left, panel.bottom, panel.right, panel.bottom, "axis")]
    for at in range(0, time.count, step):
        x, _ = _slot(panel, at, time.count)
        parts.append(line(x, panel.bottom, x, panel.bottom + 5, "axis"))
        parts.append(label(x, panel.bottom + 19, time.start(at)))
    parts.append(label(panel.right, panel.bottom + 38, "event time, UTC", "end", "unit"))
    return join(*parts)


def _rule_row(panel: Panel, rule: "RuleOutcome", at: int, time: TimeColumns, most: int) -> Html:
    top = panel.top + at * _ROW
    middle = top + _ROW / 2 + 4
    cells: list[Html] = []
    for column, count in enumerate(time.counts(rule.by_bucket)):
        left, right = _slot(panel, column, time.count)
        tip = f"{rule.title}, {time.start(column)}: {plural(count, 'alert')}"
        cells.append(
            el(
                "rect",
                el("title", tip) if count else None,
                x=left,
                y=top + 2,
                width=right - left,
                height=_ROW - 4,
                class_="heat" if count else "heat none",
                fill_opacity=_shade(count, most) if count else None,
            )
        )
    title = rule.title if len(rule.title) <= _LONGEST else f"{rule.title[: _LONGEST - 1]}…"
    name = el("text", title, x=_NAMES - 12, y=middle, text_anchor="end", class_="row-name")
    total = label(_COUNTS, middle, f"{rule.alerts:,}", "start", "count")
    return join(name, *cells, total)


def _shade(count: int, most: int) -> float:
    return 0.18 + 0.82 * sqrt(count / most)


def _sample(opacity: float) -> Html:
    rect = el("rect", x=0.0, y=2.0, width=18.0, height=10.0, class_="heat", fill_opacity=opacity)
    return el(
        "svg", rect, viewBox="0 0 18 14", width=18, height=14, class_="key", aria_hidden="true"
    )


def _slot(panel: Panel, at: int, count: int) -> tuple[float, float]:
    """Left and right of a column, with a little room where columns are wide."""
    width = (panel.right - panel.left) / max(count, 1)
    gap = min(1.0, width * 0.12)
    return panel.left + at * width + gap, panel.left + (at + 1) * width - gap


def _in_one(result: "Backtest", time: TimeColumns) -> str:
    return f"in one {result.events.bucket}" if time.fine else f"in one of {time.count} columns"
