"""When small orders are called pings, and when not."""

from typing import Any

import pytest

from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator

PARTY = {"investor_account": "acct-7", "investor_id": "INV-0007"}
BUYS = {"buyer_account": "acct-7", "buyer_id": "INV-0007", "side": "buy"}


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("pinging", parameters), events)


def market(tape: Tape) -> list[Any]:
    """Trades of a hundred each, of others."""
    return [
        tape.trade(n * 100, 10.0, 100, side="buy", buyer_account=f"x{n % 3}", seller_account="y")
        for n in range(20)
    ]


def pinged(
    tape: Tape,
    start: float = 10_000,
    *,
    number: int = 6,
    size: float = 5,
    every: float = 1000,
    lives: float = 50,
    pause: float = 2000,
    large: float = 400,
    kind: str = "cancelled",
    label: str = "p",
) -> list[Any]:
    events: list[Any] = []
    for n in range(number):
        at, order = start + n * every, f"{label}-{n}"
        if kind == "taken":
            events.append(tape.trade(at, 10.0, size, taker_order_id=order, **BUYS))
        elif kind == "ioc":
            events.append(tape.cancelled(at, order, quantity=size, remaining=size, **PARTY))
        else:
            events.append(tape.placed(at, order, "buy", 10.0, size, **PARTY))
            events.append(tape.cancelled(at + lives, order, remaining=size))
    last = start + (number - 1) * every + (lives if kind == "cancelled" else 0)
    half = large / 2
    return [
        *events,
        tape.trade(last + pause, 10.01, half, taker_order_id=f"{label}-big", **BUYS),
        tape.trade(last + pause + 10, 10.02, half, taker_order_id=f"{label}-big", **BUYS),
    ]


def test_it_says_who_probed_and_what_for() -> None:
    tape = Tape()
    (alert,) = found([*market(tape), *pinged(tape, large=150)])
    assert alert.reason == (
        "acct-7 (INV-0007) sent 6 orders of 5 on average to buy ACME-USD on demo-venue within 5 s, "
        "where trades are usually of 100, and 2 s later bought 150"
    )
    assert alert.entities == ("acct-7", "INV-0007")
    assert len(alert.evidence_events) == 8


@pytest.mark.parametrize("kind", ["cancelled", "taken", "ioc"])
def test_orders_that_took_something_and_orders_that_never_rested_are_pings_too(kind: str) -> None:
    tape = Tape()
    rests = tape.placed(-1, "rests", "sell", 10.0, 1_000, investor_account="other")
    assert len(found([rests, *market(tape), *pinged(tape, kind=kind)])) == 1


def test_on_a_tape_of_trades_alone_small_ones_are_no_pings() -> None:
    tape = Tape()
    assert found([*market(tape), *pinged(tape, kind="taken")]) == []


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({"number": 4}, "{minimum_pings: 4}"),
        ({"size": 26, "large": 600}, "{maximum_ping_share: 26%}"),
        ({"every": 16_000}, "{window: 2m}"),
        ({"lives": 501}, "{maximum_lifetime: 1s}"),
        ({"pause": 30_001}, "{reaction: 31s}"),
        ({"size": 20, "large": 199}, "{minimum_multiple: 9}"),
    ],
)
def test_each_condition_counts(change: dict[str, Any], parameters: str) -> None:
    tape = Tape()
    events = [*market(tape), *pinged(tape, **change)]
    assert found(events) == []
    assert len(found(events, parameters)) == 1


class TestHonestLookAlikes:
    def test_slices_without_a_large_trade_at_the_end_are_a_schedule(self) -> None:
        tape = Tape()
        assert found([*market(tape), *pinged(tape, kind="taken", number=40, large=60)]) == []

    def test_a_large_trade_the_other_way_is_another_matter(self) -> None:
        tape = Tape()
        *pings, _, _ = pinged(tape)
        sold = tape.trade(
            18_000, 9.9, 400, side="sell", seller_account="acct-7", seller_id="INV-0007"
        )
        assert found([*market(tape), *pings, sold]) == []

    def test_what_was_taken_before_the_last_of_them_is_no_answer(self) -> None:
        def last(after: float) -> list[Any]:
            tape = Tape()
            *pings, first, second = pinged(tape, number=4, pause=500)
            one = tape.placed(13_550 + after, "p-5", "buy", 10.0, 5, **PARTY)
            gone = tape.cancelled(13_550 + after + 50, "p-5", remaining=5)
            more = tape.trade(14_350, 10.0, 30, taker_order_id="m", **BUYS)
            events = [*market(tape), *pings, first, second, one, gone, more]
            return sorted(events, key=lambda event: event.timestamp)

        assert found(last(300)) == []
        (alert,) = found(last(-100))
        assert alert.metrics["traded_after_seconds"] == 0.05

    def test_who_quotes_small_on_both_sides_probes_nothing(self) -> None:
        tape = Tape()
        asks: list[Any] = []
        for n in range(4):
            at = 10_000 + n * 1000
            asks += [
                tape.placed(at, f"a-{n}", "sell", 10.1, 5, **PARTY),
                tape.cancelled(at + 50, f"a-{n}", "sell", remaining=5.0),
            ]
        assert found([*market(tape), *asks, *pinged(tape)]) == []

    @pytest.mark.parametrize("small_first", [True, False])
    def test_small_fills_of_large_orders_are_no_small_orders(self, small_first: bool) -> None:
        tape = Tape()
        rests = tape.placed(-1, "rests", "sell", 10.0, 1_000, investor_account="other")
        events = [rests, *market(tape)]
        for n in range(8):
            fills = (5, 60) if small_first else (60, 5)
            events += [
                tape.trade(10_000 + n * 1_000, 10.0, fill, taker_order_id=f"s-{n}", **BUYS)
                for fill in fills
            ]
        events += pinged(tape, 19_000, number=1, pause=500)
        assert found(events) == []

    def test_what_is_left_of_a_large_order_is_no_small_one(self) -> None:
        tape = Tape()
        rests = tape.placed(-1, "rests", "sell", 10.0, 1_000, investor_account="other")
        events = [rests, *market(tape)]
        for n in range(8):
            at, order = 10_000 + n * 1_000, f"s-{n}"
            events.append(tape.trade(at, 10.0, 60, taker_order_id=order, **BUYS))
            events.append(tape.cancelled(at, order, quantity=5, remaining=5, **PARTY))
        events += pinged(tape, 19_000, number=1, pause=500)
        assert found(events) == []

    def test_in_a_book_of_which_nothing_is_known_nothing_is_small(self) -> None:
        assert found(pinged(Tape())) == []


def test_labels_can_be_left_out_and_repetition_is_surer() -> None:
    tape = Tape()
    events = market(tape)
    for n in range(3):
        events += pinged(tape, 10_000 + n * 120_000, label=f"p{n}")
    confidences = [alert.confidence for alert in found(events)]
    assert len(confidences) == 3
    assert confidences == sorted(confidences)
    for event in events:
        if getattr(event, "buyer_account", None) == "acct-7":
            event.buyer_labels = ("market_maker",)
    assert found(events, "{exempt_labels: [market_maker]}") == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    assert_the_same_after_a_restart(correlator("pinging"), [*market(tape), *pinged(tape)])
