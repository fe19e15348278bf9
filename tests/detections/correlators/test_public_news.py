"""What an issuer announced explains a rise and talk after it; not before it, and not a fall."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.social_volume import Parameters as SocialParameters
from detections.correlators.social_volume import SocialVolumes
from detections.markets.public_news import PublicNews, announced, note
from normalizer.events.reference import CorporateEvent
from pipeline.units import HOUR as HOUR_NS
from pipeline.units import MINUTE
from tests.detections import social
from tests.detections.correlators.test_pump_and_dump import HOUR, MIN, S, fall, found, rush, usual
from tests.detections.samples import MILLISECOND, START, Tape

RISE = 3 * HOUR
"""In milliseconds, as the tape counts."""
ACME: dict[str, Any] = {"token_id": "acme"}


def news(at: float, *, announced: float | None = None, **more: Any) -> CorporateEvent:
    """Known `at` so many milliseconds after the start, and announced then unless told otherwise."""
    known = START + round(at * MILLISECOND)
    fields: dict[str, Any] = {
        "id": f"news-{at}",
        "timestamp": known,
        "ingested": known,
        "original": "RAW/9/0",
        "provider": "reference:issuer",
        "token_id": "acme",
        "corporate_id": "results",
        "corporate_type": "financial-results",
        "announced": known if announced is None else START + round(announced * MILLISECOND),
        "change": "added",
    }
    return CorporateEvent(**fields | more)


def pumped(*told: CorporateEvent, finds: Any = "rise", **parameters: Any) -> list[Finding]:
    """A rise at `RISE` into which somebody sells what he had, and that falls back."""
    tape = Tape()
    bought = tape.trade(
        2 * HOUR, 10, 1_600, side="buy", buyer_account="x", seller_account="s-3", **ACME
    )
    sold = [
        tape.trade(
            RISE + (10 + n) * S, 10.9, 400, side="sell", seller_account="x",
            buyer_account="b-9", **ACME,
        )
        for n in range(4)
    ]  # fmt: skip
    trades = [
        *usual(tape, **ACME), bought, *rush(tape, RISE, **ACME), *sold,
        *fall(tape, RISE + 3 * MIN, 10, **ACME),
    ]  # fmt: skip
    events = sorted([*trades, *told], key=lambda one: one.timestamp)
    return found(events, finds=finds, **parameters)


@pytest.mark.parametrize("finds", ["rise", "distribution"])
def test_a_rise_after_an_announcement_is_explained_by_it(finds: str) -> None:
    assert len(pumped(finds=finds)) == 1
    assert pumped(news(RISE - S), finds=finds) == []
    assert pumped(news(RISE - 50 * MIN), finds=finds) == []
    known_before = news(HOUR, announced=RISE - S)
    assert pumped(known_before, finds=finds) == []


def test_one_that_falls_back_is_told_of_nevertheless() -> None:
    assert len(pumped(news(RISE - S), finds="fall")) == 1


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("it came after it", [news(RISE + MIN)]),
        ("it is to come", [news(HOUR, announced=RISE + HOUR)]),
        ("it was more than an hour before", [news(RISE - 62 * MIN)]),
        ("a NAV is none", [news(RISE - S, corporate_type="nav")]),
        ("it is of another token", [news(RISE - S, token_id="other")]),
        ("it was withdrawn", [news(RISE - MIN), news(RISE - S, change="withdrawn")]),
        ("it was put off", [news(RISE - MIN), news(RISE - S, announced=RISE + HOUR)]),
    ],
)
def test_what_explains_no_rise(why: str, told: list[CorporateEvent]) -> None:
    assert len(pumped(*told)) == 1, why


def test_it_can_be_left_out() -> None:
    assert len(pumped(news(RISE - S), news_window=0)) == 1


def talk(*events: Any, **parameters: Any) -> list[Finding]:
    detection = SocialVolumes(SocialParameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def chatter() -> list[Any]:
    """Three hours of five messages by four authors each five minutes."""
    return [social.said(n * 5 * MINUTE, 5, authors=4) for n in range(36)]


def test_what_is_talked_of_after_an_announcement_is_explained_by_it() -> None:
    loud = social.said(3 * HOUR_NS, 90, authors=9)
    assert len(talk(*chatter(), loud)) == 1
    assert talk(*chatter(), news(RISE + MIN), loud) == []
    assert talk(news(HOUR), *chatter(), loud) == []
    assert len(talk(news(HOUR), *chatter(), loud, news_window=HOUR_NS)) == 1


def test_a_crowd_has_as_many_authors_as_ever_and_a_campaign_fewer() -> None:
    crowd, few, untold = (social.said(3 * HOUR_NS, 90, authors=n) for n in (60, 30, None))
    assert talk(*chatter(), crowd, fewer_authors=0.33) == []
    assert len(talk(*chatter(), few, fewer_authors=0.33)) == 1
    assert len(talk(*chatter(), untold, fewer_authors=0.33)) == 1, "nobody counts them"
    assert len(talk(*chatter(), crowd)) == 1, "unless it is asked for"


def test_of_an_asset_the_newest_announcements_are_kept_and_of_all_the_newest_assets() -> None:
    known: PublicNews = {}
    for number in range(40):
        note(known, news(number * MIN, corporate_id=f"n{number}"), frozenset())
    assert len(known["acme"]) == 16
    assert not announced(known, "acme", START, START + 20 * MINUTE)
    assert announced(known, "acme", START, START + 30 * MINUTE)
    for number in range(10_000):
        note(known, news(0, token_id=f"t{number}"), frozenset())
    assert len(known) == 10_000
    assert "acme" not in known
