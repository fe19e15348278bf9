"""The market around alerts as a page: one file that loads nothing, to be looked at and played.

Without scripts, and on paper, it has the pictures and what the alerts rest on.
"""

import base64
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from detections.alerting.wording import lapse
from detections.market_replay.clock import day_and_clock
from detections.market_replay.picture import PRICE
from detections.market_replay.printed import drawn, fallen
from detections.market_replay.scene import Scene
from normalizer.events import SEVERITY, Alert, AlertUpdate
from pipeline.page.canvas import WIDTH, figure, key
from pipeline.page.layout import page, tiles
from pipeline.page.markup import Html, data, el, join
from pipeline.page.words import plural
from pipeline.units import SECOND

_HERE = Path(__file__).parent
_STYLES = ("picture.css", "market.css")
#: Rows of evidence in the page itself.
_STATIC = 300
#: Alerts that are told at the top, the gravest; more are behind a click.
_TOLD = 5
#: Rows of the ladder on each side.
_ROWS = 8


def render(
    alerts: Sequence[Alert], scenes: Sequence[Scene], updates: Iterable[AlertUpdate] = ()
) -> str:
    """The page as text: the same content gives the same bytes. `updates`: what became of the
    alerts, the newest last."""
    sections = [_section(number, scene, alerts) for number, scene in enumerate(scenes)]
    packed = [data(f"scene-{number}", _packed(scene)) for number, scene in enumerate(scenes)]
    return page(
        f"Market: {_title(alerts)}",
        _top(alerts, scenes, updates),
        el("main", *sections),
        el("footer", el("p", "Made by Tapewatch. Times are UTC, by the clocks of the sources.")),
        *packed,
        style="".join((_HERE / name).read_text("utf-8") for name in _STYLES),
        code=(_HERE / "market.js").read_text("utf-8"),
    )


def _title(alerts: Sequence[Alert]) -> str:
    return alerts[0].rule_name if len(alerts) == 1 else plural(len(alerts), "alert")


def _top(alerts: Sequence[Alert], scenes: Sequence[Scene], updates: Iterable[AlertUpdate]) -> Html:
    gravest = max(alerts, key=lambda one: SEVERITY[one.level])
    told = el("p", alerts[0].reason, class_="lead")
    if len(alerts) > 1:
        ordered = sorted(alerts, key=lambda one: (-SEVERITY[one.level], one.timestamp, one.id))
        reasons = [el("li", f"{one.rule_name}: {one.reason}") for one in ordered]
        more = reasons[_TOLD:]
        told = el(
            "div",
            el("ul", *reasons[:_TOLD]),
            el("details", el("summary", f"and {len(more):,} more"), el("ul", *more))
            if more
            else None,
            class_="lead",
        )
    evidence = len({event for one in alerts for event in one.evidence_events})
    shown = len(frozenset[str]().union(*(one.evidence for one in scenes)))
    numbers = [
        ("level", gravest.level),
        ("score", f"{max(one.risk_score for one in alerts):.0f} of 100"),
        ("from", day_and_clock(min(one.since for one in scenes))[:19]),
        ("shown", lapse(max(one.until for one in scenes) - min(one.since for one in scenes))),
        ("in evidence", f"{evidence:,}" if shown == evidence else f"{shown:,} of {evidence:,}"),
    ]
    return el(
        "header",
        el("p", "Tapewatch · market", class_="brand"),
        el("h1", _title(alerts)),
        told,
        *(el("p", one, class_="note bad") for one in fallen(alerts, updates)),
        tiles(*numbers),
        class_="top",
    )


def _section(number: int, scene: Scene, alerts: Sequence[Alert]) -> Html:
    name = f"market-{number}"
    shown = drawn(scene, alerts, name)
    notes = [el("p", one, class_="note") for one in notes_of(scene)]
    replayed = _replay(scene) if scene.moments else None
    return el(
        "section",
        figure(
            title=shown.title,
            said=shown.said,
            height=shown.height,
            drawn=shown.drawn,
            legend=join(*(key(mark, text) for mark, text in shown.legend)),
            name=name,
        ),
        *notes,
        replayed,
        _evidence(scene),
        class_="market",
        attributes={"data-scene": f"scene-{number}"},
    )


def notes_of(scene: Scene) -> list[str]:
    """What is to be known of a picture."""
    found: list[str] = []
    if scene.by_level:
        found.append(
            "This feed tells what stands at each price, and not whose orders it is: nothing of the "
            "book is marked as theirs."
        )
    elif scene.quotes and not scene.whole and (scene.began or 0) > scene.since:
        found.append(
            "The first event of this market that was there is of "
            f"{day_and_clock(scene.began or 0)}: orders of before, if there were any, are not "
            "in the book."
        )
    if scene.unnamed and any(one.theirs for one in scene.moments):
        found.append(
            "No event here names whom the alert is about: marked are orders that it rests on, and "
            "trades with these."
        )
    if scene.gaps:
        times = ", ".join(scene.times(time) for time, _ in scene.gaps[:5])
        found.append(f"A part of the feed is missing (at {times}): the book may be another one.")
    if scene.left_out:
        found.append(
            f"{plural(scene.left_out, 'more event')} can't be played again: the replay ends at "
            f"{scene.times(scene.moments[-1].time) if scene.moments else 'once'}. Show less "
            "time for these."
        )
    if scene.undrawn:
        found.append(
            f"{plural(scene.undrawn, 'trade or order', 'trades or orders')} of others, or that no "
            "alert rests on, are left out, since there are too many: show less time for these."
        )
    return found


def _replay(scene: Scene) -> Html:
    named = not scene.unnamed and any(one.theirs for one in scene.moments)
    marked = "theirs" if named else "evidence"

    def button(action: str, text: str, title: str) -> Html:
        return el("button", text, type="button", title=title, attributes={"data-do": action})

    tools = el(
        "div",
        button("own-back", f"« {marked}", f"To {marked} before (shift and left)"),
        button("back", "◀", "One event back (left)"),
        button("play", "play", "Play (space)"),
        button("on", "▶", "One event on (right)"),
        button("own-on", f"{marked} »", f"To {marked} behind (shift and right)"),
        el("label", "speed ", el("select", attributes={"data-do": "speed"}), class_="plain"),
        el("output", class_="when"),
        class_="tools",
    )
    slider = el("input", type="range", min=0, max=10000, value=0, aria_label="Time", class_="time")
    return el(
        "div",
        el("h3", "Play it again"),
        tools,
        slider,
        el("div", el("div", class_="ladder"), el("ol", class_="tape"), class_="browser"),
        class_="replay",
        tabindex=0,
        attributes={"data-rows": _ROWS},
    )


def _evidence(scene: Scene) -> Html | None:
    rested, times = scene.proof, scene.times
    if not rested:
        return None
    rows = [
        el("tr", el("td", times(one.time), class_="nowrap"), el("td", one.said))
        for one in rested[:_STATIC]
    ]
    more = len(rested) - len(rows)
    return el(
        "details",
        el("summary", f"What the alert rests on here: {plural(len(rested), 'event')}"),
        el("table", el("tbody", *rows)),
        el("p", f"{plural(more, 'more')}: tapewatch evidence shows all.", class_="quiet")
        if more
        else None,
    )


def _packed(scene: Scene) -> str:
    """What the script plays, as JSON of base64 of gzip of JSON. Times are nanoseconds since the
    scene's beginning; a level is whether it is a bid, its price, its quantity, and theirs of it."""
    times = scene.times
    told = {
        "span": max(1, scene.until - scene.since),
        "clock": _clock_start(scene),
        "with_day": times.with_day,
        "exact": times.exact,
        "left": PRICE.left,
        "right": PRICE.right,
        "width": WIDTH,
        "own": "evidence" if scene.unnamed else "theirs",
        "pool": scene.is_pool,
        "columns": [max(0.0, one.column) for one in scene.moments if scene.is_pool],
        "swaps": len(scene.deals),
        "book": [[int(one.buy), *one[1:]] for one in scene.book],
        "times": [one.time - scene.since for one in scene.moments],
        "said": [one.said for one in scene.moments],
        "marks": [one.theirs + 2 * one.evidence for one in scene.moments],
        "levels": [[[int(level.buy), *level[1:]] for level in one.levels] for one in scene.moments],
    }
    packed = gzip.compress(msgspec.json.encode(told), compresslevel=6, mtime=0)
    return msgspec.json.encode(base64.b64encode(packed).decode()).decode()


def _clock_start(scene: Scene) -> list[int]:
    """Seconds since the epoch, and nanoseconds of the second: a script's numbers have 53 bits."""
    seconds, rest = divmod(scene.since, SECOND)
    return [seconds, rest]
