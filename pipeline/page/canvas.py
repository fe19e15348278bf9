"""What all charts share: a frame with axes, and a figure with title, explanation and text."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from pipeline.page.markup import Html, el, join
from pipeline.page.scales import Linear, Scale, tick_texts, ticks

WIDTH = 1000.0
LEFT, RIGHT = 78.0, 984.0


class Panel(Struct, frozen=True):
    """A rectangle to draw in, in SVG units. `top` is above `bottom`."""

    top: float
    bottom: float
    left: float = LEFT
    right: float = RIGHT

    def x(self, low: float, high: float) -> Linear:
        """The horizontal scale."""
        return Linear(low, high, self.left, self.right)

    def y(self, low: float, high: float) -> Linear:
        """The vertical scale, upwards."""
        return Linear(low, high, self.bottom, self.top)


def x_axis(panel: Panel, scale: Linear, unit: str, values: Sequence[float] | None = None) -> Html:
    """Ticks, their texts and the unit below a panel."""
    shown = list(values) if values is not None else ticks(scale.low, scale.high, 8)
    parts: list[Html] = [_line(panel.left, panel.bottom, panel.right, panel.bottom, "axis")]
    for value, text in zip(shown, tick_texts(shown), strict=True):
        x = scale(value)
        parts.append(_line(x, panel.bottom, x, panel.bottom + 5, "axis"))
        parts.append(label(x, panel.bottom + 19, text, "middle"))
    parts.append(label(panel.right, panel.bottom + 37, unit, "end", "unit"))
    return join(*parts)


def y_axis(
    panel: Panel,
    scale: Scale,
    unit: str,
    values: Sequence[float],
    texts: Sequence[str] | None = None,
) -> Html:
    """Grid lines and their texts left of a panel, with the unit above."""
    parts: list[Html] = []
    for value, text in zip(values, texts or tick_texts(list(values)), strict=True):
        y = scale(value)
        parts.append(_line(panel.left, y, panel.right, y, "grid"))
        parts.append(label(panel.left - 8, y + 4, text, "end"))
    parts.append(label(panel.left - 66, panel.top - 12, unit, "start", "unit"))
    return join(*parts)


def label(x: float, y: float, text: str, anchor: str = "start", class_: str | None = None) -> Html:
    """A text."""
    return el("text", text, x=float(x), y=float(y), text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str, title: str = "") -> Html:
    """A straight line, with a tool tip where there is a title."""
    return _line(x1, y1, x2, y2, class_, title)


def box(x1: float, y1: float, x2: float, y2: float, class_: str, title: str = "") -> Html:
    """A rectangle by two corners; one without width is drawn a unit wide."""
    return el(
        "rect",
        el("title", title) if title else None,
        x=float(min(x1, x2)),
        y=float(min(y1, y2)),
        width=float(max(abs(x2 - x1), 1)),
        height=float(abs(y2 - y1)),
        class_=class_,
    )


def steps(points: Sequence[tuple[float, float]], class_: str) -> Html:
    """A line that keeps a value until the next one."""
    return el("path", d=_step_path(points), class_=class_)


def area(points: Sequence[tuple[float, float]], base: float, class_: str) -> Html:
    """The area between a step line and a base line."""
    if not points:
        return join()
    path = f"{_step_path(points)} V{base:.2f} H{points[0][0]:.2f} Z"
    return el("path", d=path, class_=class_)


def figure(
    *, title: str, said: str, height: float, drawn: Html, legend: Html | None = None, name: str
) -> Html:
    """A chart with its heading, one sentence that tells what it shows, and a legend.

    The sentence is the chart's text alternative as well.
    """
    svg = el(
        "svg",
        el("title", title, id=f"{name}-title"),
        el("desc", said, id=f"{name}-said"),
        drawn,
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{name}-title {name}-said",
        class_="chart",
    )
    return el(
        "figure",
        el("figcaption", el("h3", title), el("p", said)),
        el("div", svg, class_="scroll"),
        el("div", legend, class_="legend") if legend else None,
        id=name,
    )


def key(mark: Html, text: str) -> Html:
    """One entry of a legend."""
    return el("span", mark, text, class_="entry")


def swatch(class_: str, shape: str = "box") -> Html:
    """A small sample of a line or an area, for a legend."""
    inner = (
        el("line", x1=0.0, y1=7.0, x2=18.0, y2=7.0, class_=class_)
        if shape == "line"
        else el("rect", x=0.0, y=2.0, width=18.0, height=10.0, class_=class_)
        if shape == "box"
        else el("circle", cx=9.0, cy=7.0, r=4.0, class_=class_)
    )
    return el(
        "svg", inner, viewBox="0 0 18 14", width=18, height=14, class_="key", aria_hidden="true"
    )


def _line(x1: float, y1: float, x2: float, y2: float, class_: str, title: str = "") -> Html:
    tip = el("title", title) if title else None
    return el("line", tip, x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def _step_path(points: Sequence[tuple[float, float]]) -> str:
    if not points:
        return ""
    x, y = points[0]
    path = [f"M{x:.2f},{y:.2f}"]
    for (_, before), (x, y) in pairwise(points):
        path.append(f"H{x:.2f}" if y == before else f"H{x:.2f} V{y:.2f}")
    return " ".join(path)
