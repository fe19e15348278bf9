"""What is said of a simulated token: the honest echo its price, promoters come before it."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from detections.engine.engine import Engine
from detections.markets.social_activity import (
    Signal,
    SocialActivity,
    Talk,
    Terms,
    hear,
    said_before,
)
from detections.rules import load_rules
from normalizer.events import Alert
from normalizer.events.social import SocialAnnouncement, SocialVolume
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch
from pipeline.social_payload import encode_line
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from simulation.catalogue import play
from simulation.folder import SOCIAL_FEED, write
from simulation.normalizing import normalized
from simulation.session import Session
from simulation.venue.crowd import STRETCH, Crowd
from simulation.venue.market import MONDAY

RULES = Path(__file__).parents[2] / "sigma_rules"
TERMS = Terms(messages=10, sigmas=6, multiple=3)
#: When the price moves in the crowd's tests: in the middle of a stretch, on the third day.
MOVED = MONDAY + 2 * DAY + 11 * HOUR + 150 * SECOND


def talked(seed: int, rise: float, *, promoted: float = 0.0) -> list[Any]:
    """Events of three days in which the price goes up by a part once; promoters write before it."""
    listing = SimpleNamespace(last_price=10_000)
    crowd = Crowd(cast("Any", listing), "thin", random.Random(seed))
    script = crowd.talk(MONDAY)
    next(script)
    for number in range(1, 3 * 288 - 100):
        end = MONDAY + number * STRETCH
        crowd.promoted = promoted if MOVED - 20 * MINUTE <= end - STRETCH < MOVED else 0.0
        if end > MOVED:
            listing.last_price = round(10_000 * (1 + rise))
        next(script)
    batch = FrameBatch(
        "chatter",
        "social",
        [Frame(f"a:{n}", time, encode_line(line)) for n, (time, line) in enumerate(crowd.said)],
    )
    result = Normalizer(Reference()).normalize(1, batch)
    assert result.dead == []
    return list(result.events)


def heard(events: list[Any]) -> tuple[Signal | None, list[Talk]]:
    """What was said before the move, as known an hour later; and all that was unusual."""
    known: SocialActivity = {}
    talks = [
        talk
        for event in events
        if event.ingested <= MOVED + HOUR and (talk := hear(known, event, TERMS)) is not None
    ]
    return said_before(known, "thin", since=MOVED, now=MOVED + HOUR, window=HOUR), talks


@pytest.mark.parametrize("rise", [0.1, 0.6])
def test_an_honest_crowd_that_reacts_to_a_rise_is_no_sign_before_it(rise: float) -> None:
    signals = [heard(talked(seed, rise)) for seed in range(10)]
    assert sum(bool(talks) for _, talks in signals) > 7, "it is loud, but afterwards"
    # An article may have been talked about in the hour before by chance.
    assert sum(signal is not None for signal, _ in signals) <= 1


def test_promoters_are_seen_before_the_rise() -> None:
    found = [heard(talked(seed, 0.3, promoted=6.0))[0] for seed in range(10)]
    assert sum(signal is not None for signal in found) >= 9
    turns = [signal.talk.turn for signal in found if signal and signal.talk]
    assert min(turns) > 0.3


@pytest.fixture(scope="module")
def pumped() -> Session:
    return play("pump-and-dump", 7)


def alerts_of(session: Session) -> list[Alert]:
    pumps = RULES / "pump_and_dump"
    social = [pumps / "pump_signal.yml", RULES / "price_and_volume" / "social_volume.yml"]
    engine = Engine(load_rules([pumps / "pump_begins.yml", *social]))
    return [alert for events, _ in normalized(session) for alert in engine.process(events)]


def _without_talk(session: Session) -> Session:
    frames = [(place, frame) for place, frame in session.frames if place == 0]
    return msgspec.structs.replace(session, frames=frames, sources=session.sources[:1])


def _rises(alerts: list[Alert]) -> Iterator[tuple[str, int, float, str]]:
    for one in alerts:
        if one.rule_name not in (
            "A call to buy at once",
            "Far more is said of an asset than usual",
        ):
            yield one.rule_name, one.timestamp, one.risk_score, one.reason


def test_a_pump_is_surer_for_what_its_promoters_wrote_and_otherwise_the_same(
    pumped: Session,
) -> None:
    heard_of, deaf = alerts_of(pumped), alerts_of(_without_talk(pumped))
    surer, plain = list(_rises(heard_of)), list(_rises(deaf))
    assert len(plain) == 1
    assert [one[:2] for one in surer] == [one[:2] for one in plain]
    for (*_, score, reason), (*_, before, plain_reason) in zip(surer, plain, strict=True):
        assert score > before
        assert reason.startswith(plain_reason + "; telegram had ")
        assert "a call to buy came on telegram" in reason
    others = [one for one in heard_of if one.rule_name not in {name for name, *_ in plain}]
    assert {one.level for one in others} == {"low"}
    assert len(others) <= 4, "in nine days, with articles and echoes"


def test_a_pumps_hour_has_many_times_the_volume_of_other_hours(pumped: Session) -> None:
    """Of 54 published ones a quarter had less than 40 times as much, and half 130 times."""
    (episode,) = pumped.episodes
    hours = Counter[int]()
    for printed in pumped.tape:
        hours[(printed.time - episode.onset) // HOUR] += sum(
            float(one.size) for one in printed.execution.matches
        )
    before = [lots for hour, lots in hours.items() if hour < 0]
    assert 15 < hours[0] / (sum(before) / len(before)) < 40


def test_a_session_has_what_was_said_beside_its_order_log(pumped: Session, tmp_path: Path) -> None:
    assert [one.protocol for one in pumped.sources] == ["order_log", "social"]
    received = [frame.received for _, frame in pumped.frames]
    assert received == sorted(received)
    onset = pumped.episodes[0].onset
    events = [one for some, _ in normalized(pumped) for one in some]
    (call,) = [one for one in events if isinstance(one, SocialAnnouncement)]
    assert call.timestamp == onset
    told = [one for one in events if isinstance(one, SocialVolume)]
    assert all(one.start % STRETCH == 0 and one.token_id == "thin" for one in told)
    write(msgspec.structs.replace(pumped, frames=pumped.frames[:2_000]), tmp_path)
    lines = (tmp_path / SOCIAL_FEED).read_bytes().splitlines()
    assert len(lines) == sum(place == 1 for place, _ in pumped.frames[:2_000])
