"""The chart of a sweep: alerts, precision and recall over the values of one or two parameters."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipeline.page.canvas import Panel, box, figure, key, label, line, swatch, y_axis
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import ticks
from pipeline.page.words import number, ratio

if TYPE_CHECKING:
    from detections.backtest.result import Score, SweepOutcome, SweepPoint

_MOST_TEXTS = 14
_CELL = 30.0
_NAMES = 150.0


def sweep_charts(sweep: "SweepOutcome") -> list[Html]:
    """Bars and lines for one parameter, grids for two. More can't be drawn: there is a table."""
    if len(sweep.parameters) == 1:
        return [_lines(sweep)]
    if len(sweep.parameters) == 2:
        charts = [_grid(sweep, "alerts", lambda point: point.alerts, lambda value: f"{value:,.0f}")]
        if any(_f1(point) is not None for point in sweep.points):
            charts.append(_grid(sweep, "F1", _f1, lambda value: f"{value:.2f}"))
        return charts
    return []


def _lines(sweep: "SweepOutcome") -> Html:
    points = sweep.points
    scored = any(point.score is not None for point in points)
    bars = Panel(34, 190)
    most = max((point.alerts for point in points), default=0)
    y = bars.y(0, max(most, 1) * 1.05)
    parts: list[Html] = [
        y_axis(bars, y, "alerts", [v for v in ticks(0, max(most, 1), 4) if v == int(v)]),
        *(
            box(
                _middle(bars, at, len(points)) - _half(bars, len(points)),
                y(0),
                _middle(bars, at, len(points)) + _half(bars, len(points)),
                y(point.alerts),
                "bar alerts now" if point.current else "bar alerts",
                _tip(sweep, point),
            )
            for at, point in enumerate(points)
            if point.alerts
        ),
    ]
    last = bars
    if scored:
        last = Panel(236, 376)
        parts.append(_scores(last, points))
    parts.append(_values(last, sweep))
    legend = [key(swatch("bar alerts"), "alerts")]
    if scored:
        legend.append(key(swatch("precision", "line"), "precision"))
        legend.append(key(swatch("recall", "line"), "recall"))
    return figure(
        title=f"{sweep.parameters[0].title}: {sweep.parameters[0].path}",
        said=_said(sweep),
        height=last.bottom + 46,
        drawn=join(*parts),
        legend=join(*legend),
        name="sweep",
    )


def _scores(panel: Panel, points: "Sequence[SweepPoint]") -> Html:
    y = panel.y(0, 1.05)
    quarters = [at / 4 for at in range(5)]
    parts: list[Html] = [y_axis(panel, y, "of all", quarters, [ratio(one) for one in quarters])]
    for name, value in (("recall", _recall), ("precision", _precision)):
        known = [
            (_middle(panel, at, len(points)), found)
            for at, point in enumerate(points)
            if (found := value(point.score)) is not None
        ]
        if len(known) > 1:
            path = " L".join(f"{x:.2f},{y(found):.2f}" for x, found in known)
            parts.append(el("path", d=f"M{path}", class_=name))
        parts += [_score_mark(name, x, y(found), found) for x, found in known]
    return join(*parts)


def _score_mark(name: str, x: float, y: float, value: float) -> Html:
    """A circle or a square, so that nobody needs to tell the colours."""
    tip = el("title", f"{name} {ratio(value)}")
    if name == "precision":
        return el("circle", tip, cx=x, cy=y, r=5.0, class_="precision-mark")
    return el("rect", tip, x=x - 5, y=y - 5, width=10.0, height=10.0, class_="recall-mark")


def _values(panel: Panel, sweep: "SweepOutcome") -> Html:
    points = sweep.points
    step = -(-len(points) // _MOST_TEXTS)
    parts: list[Html] = [line(panel.left, panel.bottom, panel.right, panel.bottom, "axis")]
    for at, point in enumerate(points):
        x = _middle(panel, at, len(points))
        if at % step == 0:
            parts.append(label(x, panel.bottom + 19, point.values[0], "middle"))
        if point.current:
            parts.append(label(x, panel.bottom + 36, "now", "middle", "note"))
    return join(*parts)


def _grid(
    sweep: "SweepOutcome",
    what: str,
    value: "Callable[[SweepPoint], float | None]",
    written: Callable[[float], str],
) -> Html:
    across = list(dict.fromkeys(point.values[1] for point in sweep.points))
    down = list(dict.fromkeys(point.values[0] for point in sweep.points))
    panel = Panel(26, 26 + _CELL * len(down), left=_NAMES)
    known = [found for point in sweep.points if (found := value(point)) is not None]
    most = max(known, default=0) or 1
    width = (panel.right - panel.left) / len(across)
    parts: list[Html] = []
    now: list[Html] = []
    for point in sweep.points:
        x = panel.left + across.index(point.values[1]) * width
        y = panel.top + down.index(point.values[0]) * _CELL
        found = value(point)
        cell = {"x": x + 1, "y": y + 1, "width": width - 2, "height": _CELL - 2}
        parts.append(
            el(
                "rect",
                el("title", _tip(sweep, point)),
                attributes={**cell},
                class_="heat" if found else "heat none",
                fill_opacity=0.1 + 0.55 * found / most if found else None,
            )
        )
        if width >= 44:
            text = "–" if found is None else written(found)
            parts.append(label(x + width / 2, y + _CELL / 2 + 4.5, text, "middle", "count"))
        if point.current:
            now.append(el("rect", attributes={**cell}, class_="cell-now"))
    for at, text in enumerate(down):
        parts.append(label(panel.left - 10, panel.top + (at + 0.5) * _CELL + 4.5, text, "end"))
    step = -(-len(across) // _MOST_TEXTS)
    for at, text in enumerate(across):
        if at % step == 0:
            parts.append(label(panel.left + (at + 0.5) * width, panel.bottom + 19, text, "middle"))
    first, second = sweep.parameters
    parts.append(label(8, panel.top - 10, first.path, "start", "unit"))
    parts.append(label(panel.right, panel.bottom + 38, second.path, "end", "unit"))
    outlined = "The outlined cell is what the rules say now. " if now else ""
    return figure(
        title=f"{what[0].upper()}{what[1:]} by both parameters",
        said=f"{outlined}The darker, the more.",
        height=panel.bottom + 48,
        drawn=join(*parts, *now),
        name=f"sweep-{what.lower()}",
    )


def _said(sweep: "SweepOutcome") -> str:
    best = [point for point in sweep.points if _f1(point) is not None]
    now = next((point for point in sweep.points if point.current), None)
    parts: list[str] = []
    if best:
        top = max(best, key=lambda point: _f1(point) or 0.0)
        parts.append(f"The best F1, {number(_f1(top) or 0.0)}, is at {top.values[0]}.")
    if now is not None:
        parts.append(f"The rule says {now.values[0]} now: {now.alerts:,} alerts.")
    counted = ", ".join(sweep.rules)
    parts.append(f"Counted are the alerts of: {counted}.")
    return " ".join(parts)


def _tip(sweep: "SweepOutcome", point: "SweepPoint") -> str:
    pairs = zip(sweep.parameters, point.values, strict=True)
    said = ", ".join(f"{one.path} {text}" for one, text in pairs)
    score = point.score
    judged = (
        ""
        if score is None
        else f", precision {ratio(score.precision)}, recall {ratio(score.recall)}"
    )
    return f"{said}: {point.alerts:,} alerts{judged}"


def _middle(panel: Panel, at: int, count: int) -> float:
    return panel.left + (at + 0.5) * (panel.right - panel.left) / count


def _half(panel: Panel, count: int) -> float:
    return min(34.0, 0.4 * (panel.right - panel.left) / count)


def _f1(point: "SweepPoint") -> float | None:
    return None if point.score is None else point.score.f1


def _precision(score: "Score | None") -> float | None:
    return None if score is None else score.precision


def _recall(score: "Score | None") -> float | None:
    return None if score is None else score.recall
