"""Who makes the first price of a day."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.marking_the_open import MarkingTheOpen, Parameters
from pipeline.reference_records import Venue
from pipeline.venue_sessions import Session
from tests.detections.correlators.closes import MIN, S, stamped
from tests.detections.samples import Tape


def opened(
    tape: Tape, *, at: float = 20 * S, to: float = 10.06, orders: int = 5, **more: Any
) -> list[Any]:
    first = tape.trade(S, 10, 10, side="buy", buyer_account="b", seller_account="s")
    own = [
        tape.trade(
            at + n * 5 * S, 10 + (to - 10) * (n + 1) / orders, 10,
            **{"side": "buy", "buyer_account": "x", "seller_account": "s", **more},
        )
        for n in range(orders)
    ]  # fmt: skip
    later = tape.trade(6 * MIN, to, 10, side="sell", buyer_account="b", seller_account="s")
    return stamped([first, *own, later])


def opens(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = MarkingTheOpen(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def test_who_makes_the_first_price_is_named_when_the_first_minutes_are_over() -> None:
    events = opened(Tape())
    (finding,) = opens(events)
    assert finding.entities == ("x",)
    assert finding.metrics["pushed"] == pytest.approx(1)
    assert [one.id for one in finding.witnesses] == [one.id for one in events[1:-1]]


@pytest.mark.parametrize(
    "otherwise",
    [{"to": 10.02}, {"orders": 2}, {"at": 5 * MIN}, {"side": "sell"}, {"seller_account": "x"}],
)
def test_what_makes_no_first_price(otherwise: dict[str, Any]) -> None:
    assert opens(opened(Tape(), **otherwise)) == []


def test_what_a_coin_was_worth_is_not_lost_beside_what_it_is_sold_for() -> None:
    first, *events = opened(Tape())
    first.price = 1e-9
    for event in events[:-1]:
        event.price = 1e9
    (finding,) = opens([first, *events])
    assert finding.metrics["change"] == pytest.approx(1e18)


def test_what_others_trade_at_its_price_makes_its_part_no_smaller() -> None:
    tape = Tape()
    *first, last = opened(tape)
    others = [
        tape.trade(MIN + n * S, 10.06, 50, side="buy", buyer_account="b", seller_account="s")
        for n in range(20)
    ]
    (finding,) = opens([*first, *stamped(others), last])
    assert finding.metrics["share"] == pytest.approx(1)
    assert finding.metrics["share_of_all"] == pytest.approx(50 / 60)
    assert "100% of all that was traded from its first order to its last" in finding.reason
    # Between its orders they count.
    meanwhile = [
        tape.trade(22 * S + n, 10, 50, side="buy", buyer_account="b", seller_account="s")
        for n in range(2)
    ]
    assert opens([*first[:2], *stamped(meanwhile), *first[2:], last]) == []


def test_what_waited_overnight_makes_its_part_no_smaller_unless_it_is_nearly_all() -> None:
    tape = Tape()
    first, *own, last = opened(tape)
    waited = [
        tape.trade(S + n, 10, 40, side="buy", buyer_account="b", seller_account="s")
        for n in range(12)
    ]
    (finding,) = opens([first, *stamped(waited[:4]), *own, last])
    assert finding.metrics["share"] == pytest.approx(1)
    assert finding.metrics["share_of_all"] == pytest.approx(50 / 220)
    assert opens([first, *stamped(waited), *own, last]) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_price_that_others_bring_back_while_it_goes_on_was_marked_all_the_same(sign: int) -> None:
    tape = Tape()
    first, *_, last = opened(tape)
    it = {"buyer_account": "x", "seller_account": "s", "side": "buy"}
    if sign < 0:
        it = {"buyer_account": "s", "seller_account": "x", "side": "sell"}
    pushes = (0.02, 0.04, 0.06)
    own = [tape.trade((20 + n) * S, 10 + sign * push, 10, **it) for n, push in enumerate(pushes)]
    back = tape.trade(30 * S, 10, 1, side="sell", buyer_account="b", seller_account="m")
    again = tape.trade(31 * S, 10 + sign * 0.01, 10, **it)
    (finding,) = opens([first, *stamped([*own, back, again]), last])
    assert finding.metrics["price"] == pytest.approx(10 + sign * 0.06)
    assert finding.metrics["pushed"] == pytest.approx(1)
    assert finding.metrics["orders"] == 4


def test_what_is_sold_to_it_later_makes_its_part_no_larger() -> None:
    tape = Tape()
    *first, last = opened(tape)
    others = tape.trade(22 * S, 10, 60, side="buy", buyer_account="b", seller_account="s")
    later = tape.trade(MIN, 10.06, 45, side="sell", buyer_account="x", seller_account="s")
    events = [*first[:2], *stamped([others]), *first[2:], *stamped([later]), last]
    (finding,) = opens(events)
    assert finding.metrics["share"] == pytest.approx(50 / 110)
    # Sold again, it is no part.
    back = tape.trade(MIN, 10.06, 45, side="buy", buyer_account="b", seller_account="x")
    assert opens([*events[:-2], *stamped([back]), last]) == []


def test_alone_in_the_market_it_makes_no_price_and_without_a_calendar_there_is_no_open() -> None:
    events = opened(Tape())
    assert opens(events[1:]) == []
    for event in events:
        event.phase = event.phase_began = None
    assert opens(events) == []


def test_what_is_usual_there_counts() -> None:
    tape = Tape()
    day = [
        tape.trade(n * MIN, 10 + (n % 9) / 50, 1, side="buy", buyer_account="b", seller_account="s")
        for n in range(300)
    ]
    venue = Venue(
        id="demo-venue",
        sessions=(Session(phase="continuous", start="00:00", end="06:00", days=("thu", "fri")),),
    )
    events = opened(tape)
    for event in events:
        event.timestamp += 24 * 3_600 * 10**9
    assert len(opens(stamped(events, venue))) == 1
    assert opens(stamped([*day, *events], venue)) == []


def test_an_open_is_the_same_saved_and_restored_anywhere() -> None:
    events = opened(Tape())
    whole = opens(events)
    for cut in range(len(events)):
        one, other = MarkingTheOpen(Parameters()), MarkingTheOpen(Parameters())
        before = [finding for event in events[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        assert [*before, *(f for e in events[cut:] for f in other.observe(e))] == whole
