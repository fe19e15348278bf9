"""When pulling one side of a book and trading there is called vacuuming, and when not."""

from typing import Any

import pytest

from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator

PARTY = {"investor_account": "acct-7", "investor_id": "INV-0007"}
SELLS = {"seller_account": "acct-7", "seller_id": "INV-0007", "side": "sell"}


def book(tape: Tape, bid: float = 1000) -> list[Any]:
    """Five bids and five offers of others, a cent apart."""
    bids = [
        tape.placed(0, f"b{n}", "buy", round(9.99 - n / 100, 2), bid, investor_account=f"m{n}")
        for n in range(5)
    ]
    asks = [tape.placed(0, f"a{n}", "sell", round(10.01 + n / 100, 2), 1000) for n in range(5)]
    return [*bids, *asks]


def vacuum(
    tape: Tape,
    start: float = 1000,
    number: int = 1,
    *,
    levels: int = 4,
    quantity: float = 1000,
    between: float = 100,
    pause: float = 200,
    sold: float = 500,
    **more: Any,
) -> list[Any]:
    """Bids at several prices, taken off one after the other, and a sale into what is left."""
    orders = [f"v{number}-{n}" for n in range(levels)]
    placed = [
        tape.placed(start + n, order, "buy", round(9.99 - n / 100, 2), quantity, **PARTY)
        for n, order in enumerate(orders)
    ]
    off = [
        tape.cancelled(start + 20_000 + n * between, order, remaining=quantity)
        for n, order in enumerate(orders)
    ]
    last = start + 20_000 + (levels - 1) * between
    sale = tape.trade(
        last + pause, 9.99, sold, maker_order_id="b0", buyer_account="m0", **{**SELLS, **more}
    )
    return [*placed, *off, sale]


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("vacuuming", parameters), events)


def test_it_says_who_did_what_with_the_numbers_and_all_the_evidence() -> None:
    tape = Tape()
    (alert,) = found([*book(tape), *vacuum(tape)])
    assert alert.reason == (
        "acct-7 (INV-0007) took off bids of 4,000 ACME-USD at 4 prices from 9.96 to 9.99 within "
        "0.3 s (44% of the bid depth), with 0 filled, and 0.2 s later sold 500 there at 9.99"
    )
    assert alert.entities == ("acct-7", "INV-0007")
    assert alert.evidence_events == tuple(f"event-{number}" for number in range(11, 20))
    assert alert.metrics["levels"] == 4
    assert alert.metrics["pulled_quantity"] == 4000


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({"levels": 2, "quantity": 2000}, "{minimum_levels: 2}"),
        ({"pause": 3001}, "{trade_window: 4s}"),
        ({"between": 1001}, "{pull_window: 4s}"),
        ({"sold": 79}, "{minimum_traded_share: 1%}"),
        ({"quantity": 400}, "{minimum_pulled_share: 20%}"),
    ],
)
def test_each_condition_counts(change: dict[str, Any], parameters: str) -> None:
    tape = Tape()
    events = [*book(tape), *vacuum(tape, **change)]
    assert found(events) == []
    assert len(found(events, parameters)) == 1


def test_small_orders_are_not_looked_at() -> None:
    tape = Tape()
    events = [*book(tape, 6000), *vacuum(tape)]
    assert found(events, "{minimum_pulled_share: 1%}") == []
    assert len(found(events, "{minimum_pulled_share: 1%, minimum_depth_share: 2%}")) == 1


def test_that_the_best_of_its_orders_was_hit_a_little_is_no_reason_to_sell() -> None:
    tape = Tape()
    events = vacuum(tape, sold=100)
    hit = tape.trade(
        10_000, 9.99, 90, maker_order_id="v1-0", side="sell", seller_account="x",
        buyer_account="acct-7", buyer_id="INV-0007",
    )  # fmt: skip
    events[4] = tape.cancelled(21_000, "v1-0", remaining=910)
    assert len(found([*book(tape), *events[:4], hit, *events[4:]])) == 1


class TestHonestLookAlikes:
    def test_buying_after_bids_is_crossing_the_spread(self) -> None:
        tape = Tape()
        *events, _ = vacuum(tape)
        bought = tape.trade(
            21_500, 10.01, 500, maker_order_id="a0", side="buy", buyer_account="acct-7",
            seller_account="x",
        )  # fmt: skip
        assert found([*book(tape), *events, bought]) == []

    def test_a_maker_withdraws_both_sides_at_news(self) -> None:
        tape = Tape()
        asks = [
            tape.placed(900 + n, f"mine-{n}", "sell", round(10.01 + n / 100, 2), 1000, **PARTY)
            for n in range(4)
        ]
        off = [tape.cancelled(20_900, f"mine-{n}", "sell", remaining=1000.0) for n in range(4)]
        events = vacuum(tape)
        assert found([*book(tape), *asks, *events]) == []  # they still stand
        assert found([*book(tape), *asks, *events[:4], *off, *events[4:]]) == []

    def test_a_maker_who_was_hit_gets_rid_of_it(self) -> None:
        tape = Tape()
        events = vacuum(tape)
        hit = tape.trade(
            20_500, 9.99, 450, maker_order_id="h", side="sell", buyer_account="acct-7",
            buyer_id="INV-0007", seller_account="x",
        )  # fmt: skip
        placed = tape.placed(500, "h", "buy", 9.99, 500, **PARTY)
        assert found([*book(tape), placed, *events[:4], hit, *events[4:]]) == []

    def test_orders_that_were_filled_were_meant(self) -> None:
        tape = Tape()
        events = vacuum(tape, levels=3)
        hit = tape.trade(10_000, 9.99, 101, maker_order_id="v1-0", side="sell", seller_account="x")
        assert found([*book(tape), *events[:3], hit, *events[3:]]) == []

    def test_who_sells_all_the_time_sells_after_that_as_well(self) -> None:
        tape = Tape()
        events = book(tape)
        for second in range(60):
            events.append(tape.trade(second * 1500, 9.99, 1, buyer_account="x", **SELLS))
        assert found([*events, *vacuum(tape, 90_000)]) == []
        assert found([*events, *vacuum(tape, 90_000)], "{minimum_significance: 0}")


def test_repetition_raises_the_confidence() -> None:
    tape = Tape()
    events = book(tape)
    for number in range(4):
        events += vacuum(tape, 1000 + 120_000 * number, number, sold=220)
    confidences = [alert.confidence for alert in found(events)]
    assert len(confidences) == 4
    assert confidences == sorted(confidences)


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    events = book(tape)
    for number in range(3):
        events += vacuum(tape, 1000 + 120_000 * number, number, sold=220)
    assert_the_same_after_a_restart(correlator("vacuuming"), events)


def test_without_accounts_nothing_is_found() -> None:
    tape = Tape()
    events = [
        msgspec_without_accounts
        for event in (*book(tape), *vacuum(tape))
        for msgspec_without_accounts in (_nameless(event),)
    ]
    assert found(events) == []


def _nameless(event: Any) -> Any:
    for name in ("investor_account", "investor_id", "buyer_account", "seller_account", "seller_id"):
        if hasattr(event, name):
            setattr(event, name, None)
    return event
