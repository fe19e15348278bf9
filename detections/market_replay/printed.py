"""The market around alerts as one SVG: to be put into a report, or printed."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from detections.market_replay.clock import day_and_clock
from detections.market_replay.picture import Picture, picture
from detections.market_replay.pool_picture import pool_picture
from detections.market_replay.scene import Scene
from normalizer.events import Alert, AlertUpdate
from pipeline.page.canvas import LEFT, WIDTH, label
from pipeline.page.markup import Html, el, join, style_sheet
from pipeline.page.words import shortened

_HERE = Path(__file__).parent
_HEAD, _GAP = 58.0, 24.0
#: Width of a letter of a legend, on the average, and the least space between two entries.
_LETTER, _SPACE = 7.1, 50.0
_LINE = 20.0
#: Texts have no `<` of their own: they are escaped.
_TIP = re.compile(r"<title>[^<]*</title>")
_VARIABLE = re.compile(r"(--[a-z-]+): ([^;]+);")
_USED = re.compile(r"var\((--[a-z-]+)\)")


def drawn(scene: Scene, alerts: Sequence[Alert], name: str) -> Picture:
    """The picture of a scene, with the alerts that rest on something that happened in it."""
    of_it = [one for one in alerts if not scene.evidence.isdisjoint(one.evidence_events)]
    return (pool_picture if scene.is_pool else picture)(scene, of_it, name)


def fallen(alerts: Sequence[Alert], updates: Iterable[AlertUpdate]) -> list[str]:
    """What is said of alerts that don't hold any more as they were given. `updates`: the newest
    last."""
    ids = {one.id for one in alerts}
    newest = {one.alert_id: one for one in updates if one.alert_id in ids}
    return [one.message for one in newest.values() if one.status != "reinstated"]


def printed(
    alerts: Sequence[Alert], scenes: Sequence[Scene], updates: Iterable[AlertUpdate] = ()
) -> str:
    """All scenes below each other, as a file of its own: the same content gives the same bytes."""
    parts: list[Html] = []
    top = 0.0
    for said in fallen(alerts, updates):
        parts.append(label(LEFT, top + 26, shortened(said, 130), class_="fallen"))
        top += _LINE
    for number, scene in enumerate(scenes):
        shown = drawn(scene, alerts, f"market-{number}")
        legend, tall = _legend(shown)
        heading = f"{shortened(shown.title, 66)}, from {day_and_clock(scene.since)[:19]} UTC"
        content = join(
            label(LEFT, 26, heading, class_="heading"),
            label(LEFT, 46, shown.said),
            _moved(_without_tips(shown.drawn), _HEAD),
            _moved(legend, _HEAD + shown.height),
        )
        parts.append(_moved(content, top))
        top += _HEAD + shown.height + tall + _GAP
    svg = el(
        "svg",
        el("title", "; ".join(one.rule_name for one in alerts)),
        el("desc", "; ".join(one.reason for one in alerts)),
        style_sheet(_style()),
        el("rect", width="100%", height="100%", class_="paper"),
        *parts,
        attributes={"xmlns": "http://www.w3.org/2000/svg"},
        viewBox=f"0 0 {WIDTH:.0f} {top:.0f}",
        role="img",
        class_="chart",
    )
    return f"{svg}\n"


@cache
def _style() -> str:
    """Ours without variables and media queries, which word processors and typesetters don't know:
    on paper the colours are the light ones."""
    css = "".join((_HERE / name).read_text("utf-8") for name in ("printed.css", "picture.css"))
    css = "\n".join(one for one in css.splitlines() if not one.startswith("@media"))
    values = dict(_VARIABLE.findall(css))
    css = "\n".join(one for one in css.splitlines() if not one.startswith(":root"))
    return _USED.sub(lambda used: values[used[1]], css)


def _without_tips(content: Html) -> Html:
    """Nobody points at a picture in a document; they would be most of it."""
    return Html(_TIP.sub("", content))


def _moved(content: Html, down: float) -> Html:
    return el("g", content, transform=f"translate(0 {down:.0f})")


def _legend(shown: Picture) -> tuple[Html, float]:
    """Entries in rows, and how tall they are."""
    parts: list[Html] = []
    x, y = LEFT, 0.0
    for mark, text in shown.legend:
        width = _SPACE + _LETTER * len(text)
        if x + width > WIDTH and x > LEFT:
            x, y = LEFT, y + _LINE
        parts.append(el("g", mark, transform=f"translate({x:.0f} {y + 2:.0f})"))
        parts.append(label(x + 26, y + 14, text))
        x += width
    return join(*parts), y + _LINE
