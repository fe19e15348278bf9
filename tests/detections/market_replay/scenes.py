"""Alerts and scenes for tests of the market replay."""

import re
from collections.abc import Iterable
from typing import Any

from detections.market_replay.recording import Recording, place_of
from detections.market_replay.scene import Level, Scene
from detections.market_replay.suspects import Suspects
from evidence.sentences import sentence
from normalizer.events import Alert, Record
from tests.detections.samples import MILLISECOND, START

SUSPECT = "acct-9"


def alert(**more: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": "alert-1",
        "timestamp": START + 60 * MILLISECOND,
        "provider": "demo",
        "severity": 73,
        "risk_score": 60.0,
        "reason": "acct-9 placed and cancelled",
        "message": "A rule: acct-9 placed and cancelled",
        "rule_id": "r",
        "rule_name": "A rule",
        "rule_version": "2026-01-31",
        "rule_hash": "h",
        "level": "high",
        "typology": "spoofing",
        "entities": (SUSPECT,),
    }
    return Alert(**{**fields, **more})


def scenes(
    events: Iterable[Record],
    *alerts: Alert,
    since: float = 0,
    until: float = 1_000,
    name_others: bool = True,
    most_moments: int = 1_000,
) -> list[Scene]:
    """Of all markets of the events; times are in milliseconds."""
    known = list(events)
    recording = Recording(
        {place for one in known if (place := place_of(one)) is not None},
        Suspects.of(alerts or (alert(),)),
        since=START + round(since * MILLISECOND),
        until=START + round(until * MILLISECOND),
        say=sentence,
        name_others=name_others,
        most_moments=most_moments,
    )
    for one in known:
        recording.take(one)
    return recording.finish()


def scene(events: Iterable[Record], *alerts: Alert, **more: Any) -> Scene:
    """Of the one market."""
    (found,) = scenes(events, *alerts, **more)
    return found


def played(found: Scene, moments: int) -> dict[tuple[bool, float], tuple[float, float]]:
    """The book after so many moments, as a page plays it: quantity and theirs by side and price."""
    book: dict[tuple[bool, float], tuple[float, float]] = {}

    def stand(levels: Iterable[Level]) -> None:
        for one in levels:
            if one.quantity:
                book[one.buy, one.price] = (one.quantity, one.theirs)
            else:
                book.pop((one.buy, one.price), None)

    stand(found.book)
    for one in found.moments[:moments]:
        stand(one.levels)
    return book


def heights_of_trades(page: str) -> list[float]:
    """How far down on a page the marks of trades stand that are nobody's in particular."""
    return [
        float(y) for y in re.findall(r'<circle [^>]*cy="([-\d.]+)" [^>]*class="deal"><title>', page)
    ]
