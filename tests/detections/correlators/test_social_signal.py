"""What was said of an asset makes a finding on its price surer, and raises little by itself."""

from typing import Any

import msgspec
import pytest

from detections.alerting.findings import Finding
from detections.correlators.pump_and_dump import Parameters, PumpAndDump
from detections.correlators.social_volume import Parameters as SocialParameters
from detections.correlators.social_volume import SocialVolumes
from detections.engine.engine import Engine
from detections.rules import RuleSet
from normalizer.events.social import SocialAnnouncement, SocialVolume
from pipeline.problems import ProblemsFound
from tests.detections import social
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.correlators.test_pump_and_dump import HOUR, MIN, S, fall, found, rush, usual
from tests.detections.samples import HEADER, Tape, correlator

AT = 3 * HOUR
#: The instrument of the tape, and no token.
ACME: dict[str, Any] = {"venue": "demo-venue", "instrument": "ACME-USD", "token_id": None}


def said(at: float, messages: int, *, length: float = 5 * MIN, **more: Any) -> SocialVolume:
    """Up to `at`, in milliseconds as the tape has them."""
    width = round(length * 1e6)
    return social.said(round(at * 1e6) - width, messages, width=width, **ACME | more)


def call(at: float, **more: Any) -> SocialAnnouncement:
    return social.call(round(at * 1e6), **ACME | more)


def chatter(**more: Any) -> list[Any]:
    """Three hours of little, up to ten minutes before the rise."""
    return [said((n + 1) * 5 * MIN, 4 + n % 3, sentiment=0.1, **more) for n in range(34)]


def in_order(*events: Any) -> list[Any]:
    return sorted(events, key=lambda one: one.timestamp)


def one(*events: Any, finds: Any = "rise", **parameters: Any) -> Finding:
    (finding,) = found(in_order(*events), finds=finds, **parameters)
    return finding


def market(*, dumped: bool = False) -> list[Any]:
    tape = Tape()
    events = [*usual(tape), *rush(tape, AT)]
    return [*events, *fall(tape, AT + 3 * MIN, 10)] if dumped else events


LOUD = said(AT - 2 * MIN, 90, authors=9, sentiment=0.8)


def test_a_rise_after_a_burst_of_messages_is_surer_and_says_so_with_its_evidence() -> None:
    plain, surer = one(*market()), one(*market(), *chatter(), LOUD)
    assert surer.confidence == pytest.approx(min(1.0, plain.confidence + 0.15))
    assert surer.reason == (
        f"{plain.reason}; telegram had 90 messages by 9 authors within 5 min, 18 times what is "
        "usual, 2.08 min before it began, and it sounded better than usual there, +0.8 rather than "
        "+0.1"
    )
    assert LOUD.id in {one.id for one in surer.witnesses}
    assert list(surer.witnesses) == sorted(surer.witnesses, key=lambda one: one.timestamp)
    assert surer.metrics["social_messages"] == 90
    assert {name: surer.metrics[name] for name in plain.metrics} == plain.metrics


def test_so_is_one_after_a_call_to_buy_also_where_no_volume_is_told() -> None:
    plain, surer = one(*market()), one(*market(), call(AT - MIN))
    assert surer.confidence == pytest.approx(min(1.0, plain.confidence + 0.1))
    assert surer.reason.endswith("; a call to buy came on telegram 64.5 s before it")


@pytest.mark.parametrize("finds", ["fall", "distribution"])
def test_what_comes_of_the_rise_has_what_was_said_before_it(finds: Any) -> None:
    tape = Tape()
    bought = tape.trade(AT - MIN, 10, 2_000, side="buy", buyer_account="x", seller_account="s-1")
    events = [*usual(tape), bought, *rush(tape, AT)]
    events.append(
        tape.trade(AT + 9 * S, 10.8, 1_900, side="sell", seller_account="x", buyer_account="b-1")
    )
    events += fall(tape, AT + 3 * MIN, 10)
    plain = one(*events, finds=finds)
    surer = one(*events, *chatter(), LOUD, call(AT - MIN), finds=finds)
    assert surer.confidence == pytest.approx(min(1.0, plain.confidence + 0.25))
    assert surer.reason.startswith(plain.reason)
    assert {LOUD.id, call(AT - MIN).id} <= {one.id for one in surer.witnesses}


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("it was said after the rise", [*chatter(), said(AT + 8 * MIN, 90), call(AT + MIN)]),
        ("of another asset", [*chatter(), call(AT - MIN, instrument="X"), LOUD_OF_OTHER := said(
            AT - 2 * MIN, 90, instrument="X")]),
        ("hours before", [*chatter(), call(AT - 2 * HOUR)]),
        ("it was no more than usual", [*chatter(), said(AT - 2 * MIN, 12)]),
        ("an opinion is no call", [call(AT - MIN, announcement="recommendation")]),
    ],
)  # fmt: skip
def test_what_was_said_and_changes_nothing(why: str, events: list[Any]) -> None:
    assert one(*market(dumped=True), *events, finds="fall") == one(
        *market(dumped=True), finds="fall"
    ), why


def test_an_honest_rise_that_is_talked_about_is_no_surer_than_one_that_is_not() -> None:
    talk = [said(AT + n * MIN, 20 * n, length=MIN, medium="x") for n in range(1, 10)]
    before = [said(n * MIN, 3, length=MIN, medium="x") for n in range(1, 170)]
    heard = one(*market(dumped=True), *before, *talk, finds="fall")
    assert heard == one(*market(dumped=True), finds="fall")


def test_messages_without_a_rise_raise_nothing() -> None:
    assert found(in_order(*usual(Tape()), *chatter(), LOUD, call(AT - MIN))) == []


def test_a_window_of_nothing_leaves_social_feeds_out() -> None:
    off = one(*market(), *chatter(), LOUD, call(AT - MIN), social_window=0)
    assert off == one(*market())


def test_a_token_is_the_same_on_all_its_markets() -> None:
    tape = Tape(token_id="acme")
    here = {"token_id": "acme", "venue": None, "instrument": None}
    events = [*usual(tape), *rush(tape, AT), call(AT - MIN, **here)]
    assert "a call to buy" in one(*events).reason


def test_saved_and_restored_anywhere_it_knows_what_was_said() -> None:
    events = in_order(*market(), *chatter(), LOUD, call(AT - MIN))
    whole = found(events)
    for cut in (100, len(events) - 22, len(events) - 3):
        first, second = (PumpAndDump(Parameters()) for _ in range(2))
        before = [one for event in events[:cut] for one in first.observe(event)]
        second.restore(first.snapshot())
        assert [
            *before, *(one for event in events[cut:] for one in second.observe(event))
        ] == whole  # fmt: skip


# -- the volume alone ------------------------------------------------------------------------------


def volumes(*events: Any, **parameters: Any) -> list[Finding]:
    detection = SocialVolumes(SocialParameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def test_far_more_than_usual_is_told_with_its_numbers_and_little_confidence() -> None:
    (finding,) = volumes(*chatter(), LOUD)
    assert finding.reason == (
        "telegram had 90 messages by 9 authors within 5 min, 18 times what is usual, about "
        "ACME-USD; it sounded better than usual, +0.8 rather than +0.1"
    )
    assert 0.3 < finding.confidence <= 0.5
    assert finding.entities == ("ACME-USD",)


def test_a_feed_that_goes_on_is_alerted_on_once_in_its_pause() -> None:
    loud = [said(AT + n * 5 * MIN, 90) for n in range(20)]
    assert len(volumes(*chatter(), *loud)) == 1
    assert len(volumes(*chatter(), *loud, pause=HOUR * 1_000_000)) == 2
    both = [said(AT, 90), *chatter(medium="x"), said(AT, 90, medium="x")]
    assert len(volumes(*chatter(), *both)) == 2


def test_how_it_sounds_can_be_asked_for() -> None:
    assert volumes(*chatter(), said(AT, 90, sentiment=0.2), minimum_turn=0.3) == []
    assert len(volumes(*chatter(), said(AT, 90, sentiment=-0.9), minimum_turn=0.3)) == 1


def test_a_rule_on_messages_alone_may_not_be_high() -> None:
    with pytest.raises(ProblemsFound, match="medium"):
        correlator("social_volume", header=HEADER)


def test_alerts_are_the_same_after_a_restart() -> None:
    events: list[Any] = [*chatter(), LOUD]
    assert_the_same_after_a_restart(rules(), events)


def test_a_social_feed_that_is_minutes_behind_holds_up_nobody() -> None:
    engine = Engine(rules(), allowed_lateness=1_000_000_000)
    trades = usual(Tape(), 0.1)
    engine.process([trades[0], said(0, 4), *trades[1:]])
    assert engine.watermark.value == trades[-1].timestamp - 1_000_000_000
    assert msgspec.json.encode(sorted(engine.watermark.newest)) == b'["demo"]'


def rules() -> RuleSet:
    return correlator("social_volume", header=HEADER.replace("high", "low"))
