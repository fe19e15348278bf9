"""When cancelling nearly all orders at once says something, and when not."""

from typing import Any

import pytest

from normalizer.events import Alert
from normalizer.events.market import Trade, TradeBusted
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator
from tests.detections.test_revised_trades import revised

PARTY = {"investor_account": "acct-7", "investor_id": "INV-0007"}
BUYER = {"buyer_account": "acct-7", "buyer_id": "INV-0007"}


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("cancel_rates", parameters), events)


def trading(
    number: int = 20,
    *,
    tape: Tape | None = None,
    start: float = 0,
    lives: float = 300,
    large: float = 500,
    small: float = 50,
    trades: int = 3,
    kept: int = 0,
    every: float = 10_000,
    party: dict[str, Any] = PARTY,
) -> list[Any]:
    """Large offers that go at once, and small bids that are filled."""
    tape = tape or Tape()
    events: list[Any] = []
    for n in range(trades):
        at = start + n * 1000
        events += [
            tape.placed(at, f"small-{n}", "buy", 10.0, small, **party),
            tape.trade(
                at + 1, 10.0, small / 2, side="sell", maker_order_id=f"small-{n}",
                seller_account="x", **(BUYER if party else {}),
            ),
        ]  # fmt: skip
    for n in range(number):
        at = start + 10_000 + n * every
        lasts = 6_000 if n < kept else lives
        events += [
            tape.placed(at, f"large-{n}", "sell", 10.1, large, **party),
            tape.cancelled(at + lasts, f"large-{n}", "sell", remaining=large),
        ]
    return events


def test_it_says_what_was_cancelled_and_what_traded() -> None:
    (alert,) = found(trading())
    assert alert.reason == (
        "acct-7 (INV-0007) cancelled 20 of 20 large orders of ACME-USD on demo-venue (100%) within "
        "5 s of placing them, of 500 on average, while the 3 with which it traded were of 50"
    )
    assert alert.entities == ("acct-7", "INV-0007")
    assert len(alert.evidence_events) == 23
    assert alert.metrics["size_ratio"] == 10


def test_the_rate_is_that_of_large_orders() -> None:
    tape = Tape()
    small = [
        one
        for n in range(10)
        for one in (
            tape.placed(4_000 + n, f"waits-{n}", "buy", 9.9, 50, **PARTY),
            tape.cancelled(9_900 + n, f"waits-{n}", "buy", remaining=50),
        )
    ]
    small.sort(key=lambda one: one.timestamp)
    (alert,) = found([*trading(0, tape=tape), *small, *trading(trades=0, tape=tape)])
    assert alert.metrics["orders"] == 20


def filled_away(tape: Tape, number: int, start: float) -> list[Any]:
    """Large offers that are traded to the last, and small bids, so that those stay large."""
    sold = {"seller_account": "acct-7", "seller_id": "INV-0007", "buyer_account": "x"}
    events: list[Any] = []
    for n in range(number):
        at, order = start + n * 500, f"meant-{n}"
        events += [
            tape.placed(at, order, "sell", 10.1, 500, **PARTY),
            tape.trade(at + 1, 10.1, 500, side="buy", maker_order_id=order, **sold),
            tape.filled(at + 1, order, "sell"),
        ]
    return events


def test_large_orders_that_trades_fill_are_none_that_were_cancelled() -> None:
    tape = Tape()
    some = trading(0, trades=50, tape=tape)  # of 50 each
    (alert,) = found(
        [*some, *filled_away(tape, 1, 60_000), *trading(trades=0, tape=tape, start=90_000)]
    )
    assert (alert.metrics["orders"], alert.metrics["cancelled_orders"]) == (20, 19)
    tape = Tape()
    some = trading(0, trades=50, tape=tape)
    assert (
        found([*some, *filled_away(tape, 4, 60_000), *trading(trades=0, tape=tape, start=90_000)])
        == []
    )


def test_one_that_a_trade_filled_which_was_taken_back_ended_in_nothing() -> None:
    tape = Tape()
    some, meant = trading(0, trades=50, tape=tape), filled_away(tape, 4, 60_000)
    busts = [
        revised(TradeBusted, one, 70_000, id=f"bust-{one.id}")
        for one in meant
        if isinstance(one, Trade)
    ]
    later = trading(trades=0, tape=tape, start=90_000)
    (alert,) = found([*some, *meant, *busts, *later])
    assert alert.metrics["orders"] == 20


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({"number": 19}, "{minimum_orders: 19}"),
        ({"lives": 5001}, "{maximum_lifetime: 6s}"),
        ({"trades": 2}, "{minimum_orders_traded: 2}"),
        ({"large": 249}, "{minimum_size_ratio: 4}"),
        ({"kept": 2}, "{minimum_cancel_share: 85%}"),
        ({"every": 60_000}, "{window: 1h}"),
    ],
)
def test_each_condition_counts(change: dict[str, Any], parameters: str) -> None:
    assert found(trading(**change)) == []
    assert len(found(trading(**change), parameters)) == 1


def test_a_maker_cancels_what_he_would_let_be_filled() -> None:
    """Of what he shows, however little of it trades."""
    assert found(trading(100, large=500, small=500, trades=30, every=1000)) == []


def test_once_a_window_and_surer_the_next_time() -> None:
    tape = Tape()
    events = [event for n in range(3) for event in trading(40, tape=tape, start=n * 600_000)]
    first, second, third = found(events)
    assert first.confidence < second.confidence < third.confidence


def test_without_accounts_nothing_is_found() -> None:
    assert found(trading(party={})) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(correlator("cancel_rates"), trading(40))


def test_its_memory_is_bounded() -> None:
    from detections.correlators import cancel_rates

    tape = Tape()
    counting = cancel_rates.CancelRates(cancel_rates.Parameters())
    for n in range(cancel_rates.MOST_PARTIES + 10):
        for event in (
            tape.placed(n, "o", "buy", 10.0, 5.0, investor_account=f"acct-{n}"),
            tape.cancelled(n, "o"),
        ):
            counting.books.move(event)
            assert list(counting.observe(event)) == []
    most = cancel_rates.MOST_PARTIES
    assert most * 63 // 64 <= len(counting.state.counts) <= most
