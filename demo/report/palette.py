"""Each kind of abuse has a colour and a shape, so that neither colour nor sight of it is needed.

The colours are custom properties of the style sheet (after Okabe and Ito, whose eight are told
apart by all common kinds of colour blindness), with other values in dark mode.
"""

from typing import Literal

from pipeline.page.markup import Html, el

Shape = Literal["diamond", "square", "triangle", "down", "circle", "hexagon"]

_STYLES: dict[str, tuple[str, Shape]] = {
    "spoofing": ("spoofing", "diamond"),
    "wash_trading": ("wash", "circle"),
    "transfer_restrictions": ("restrictions", "square"),
    "sanctions": ("sanctions", "triangle"),
    "large_transfers": ("large", "hexagon"),
}
_OTHER: tuple[str, Shape] = ("other", "down")


def colour_class(typology: str) -> str:
    """The class that sets `--c` to the typology's colour."""
    return f"k-{_STYLES.get(typology, _OTHER)[0]}"


def marker(
    typology: str, x: float, y: float, size: float = 6, *, title: str | None = None, hollow: bool
) -> Html:
    """The typology's mark with its middle at x, y."""
    shape = _STYLES.get(typology, _OTHER)[1]
    classes = f"mark {colour_class(typology)}{' hollow' if hollow else ''}"
    tip = el("title", title) if title else None
    if shape == "circle":
        return el("circle", tip, cx=float(x), cy=float(y), r=size * 0.95, class_=classes)
    points = " ".join(f"{x + dx * size:.2f},{y + dy * size:.2f}" for dx, dy in _CORNERS[shape])
    return el("polygon", tip, points=points, class_=classes)


def legend_mark(typology: str, *, hollow: bool = False) -> Html:
    """The mark alone, for the text around the charts."""
    return el(
        "svg",
        marker(typology, 7, 7, 5.5, hollow=hollow),
        viewBox="0 0 14 14",
        width=14,
        height=14,
        class_="key",
        aria_hidden="true",
    )


_CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "diamond": ((0, -1.15), (1.15, 0), (0, 1.15), (-1.15, 0)),
    "square": ((-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)),
    "triangle": ((0, -1.15), (1.1, 0.85), (-1.1, 0.85)),
    "down": ((0, 1.15), (1.1, -0.85), (-1.1, -0.85)),
    "hexagon": ((-0.5, -0.95), (0.5, -0.95), (1.05, 0), (0.5, 0.95), (-0.5, 0.95), (-1.05, 0)),
}
