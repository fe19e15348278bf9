"""Large orders far from the market that come and go, each condition, and who does it honestly."""

from typing import Any

import pytest

from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator

PARTY = {"investor_account": "acct-7", "investor_id": "INV-0007"}
MINUTE = 60_000


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("improbable_prices", parameters), events)


def book(tape: Tape) -> list[Any]:
    return [
        tape.placed(0, "bid", "buy", 100, 100, investor_account="m1"),
        tape.placed(0, "ask", "sell", 101, 100, investor_account="m2"),
    ]


def far(
    tape: Tape,
    times: int = 5,
    *,
    side: str = "sell",
    price: float = 106,
    quantity: float = 40,
    lives: float = MINUTE,
    **who: Any,
) -> list[Any]:
    """Orders that come every two minutes, one after the other."""
    events: list[Any] = []
    for number in range(times):
        start, order = 1_000 + number * (lives + MINUTE), f"far-{number}"
        events.append(tape.placed(start, order, side, price, quantity, **(PARTY | who)))
        events.append(tape.cancelled(start + lives, order, side, remaining=quantity))
    return events


def test_it_says_who_did_what_with_the_numbers_and_all_the_evidence() -> None:
    tape = Tape()
    (alert,) = found([*book(tape), *far(tape)])
    assert alert.reason == (
        "acct-7 (INV-0007) placed 5 offers of 200 ACME-USD on demo-venue 5% or more away from "
        "the market, and took them off within 60 s each, with nothing filled"
    )
    assert len(alert.evidence_events) == 10
    assert alert.metrics["nearest_distance"] == pytest.approx(5 / 101)


def test_a_purchase_below_the_offers_makes_it_surer() -> None:
    tape = Tape()
    plain = found([*book(tape), *far(tape)])[0]
    tape = Tape()
    events = [*book(tape), *far(tape)]
    bought = tape.trade(20_000, 101, 1, buyer_account="acct-7", buyer_id="INV-0007", side="buy")
    (alert,) = found(sorted([*events, bought], key=lambda one: one.timestamp))
    assert "bought 1 times meanwhile" in alert.reason
    assert (alert.confidence or 0) > (plain.confidence or 0)


@pytest.mark.parametrize(
    "how",
    [
        {"times": 4},
        {"price": 105.9, "side": "sell"},
        {"quantity": 24},
        {"lives": 61 * MINUTE},
        {"side": "buy", "price": 95.1},
    ],
    ids=["four", "nearer", "smaller", "left standing", "a bid nearer"],
)
def test_each_condition_just_missed(how: dict[str, Any]) -> None:
    tape = Tape()
    assert found([*book(tape), *far(tape, **how)]) == []


def test_bids_far_below_are_the_same() -> None:
    tape = Tape()
    (alert,) = found([*book(tape), *far(tape, side="buy", price=95)])
    assert "5 bids of 200" in alert.reason


def test_where_the_price_goes_that_far_it_is_not_improbable() -> None:
    tape = Tape()
    wild = [
        tape.trade(-(number + 1) * 5 * MINUTE, 100 * (1.01 if number % 2 else 1), 1)
        for number in reversed(range(20))
    ]
    assert found([*wild, *book(tape), *far(tape)]) == []
    calm = [
        tape.trade(-(number + 1) * 5 * MINUTE, 100 + 0.1 * (number % 2), 1)
        for number in reversed(range(20))
    ]
    (alert,) = found([*calm, *book(tape), *far(tape)])
    assert "times as far as it usually goes" in alert.reason


def test_how_far_is_far_is_known_by_moves_and_before_that_by_the_spread() -> None:
    tape = Tape()
    still = [
        tape.trade(-(number + 1) * 5 * MINUTE, 100.5 + 0.01 * (number % 2), 1)
        for number in reversed(range(20))
    ]
    assert len(found([*still, *book(tape), *far(tape, price=102.2)])) == 1
    assert found([*book(tape), *far(tape, price=102.2)]) == []
    alone = book(tape)[1:]
    assert len(found([*alone, *far(tape, price=103.1)])) == 1
    assert found([*alone, *far(tape, price=102.9)]) == []


def test_one_of_which_it_is_not_known_how_far_it_was_speaks_for_nobody() -> None:
    tape = Tape()
    near = [
        tape.placed(100, "near", "sell", 104, 40, **PARTY),
        tape.cancelled(900, "near", "sell", remaining=40),
    ]
    assert len(found([*book(tape), *near, *far(tape)])) == 1


@pytest.mark.parametrize("slip", [1.0, 1e6])
def test_one_price_far_off_all_others_makes_no_distance_usual(slip: float) -> None:
    tape = Tape()
    calm = [
        tape.trade(-(number + 1) * 5 * MINUTE, 100 + 0.1 * (number % 2), 1)
        for number in reversed(range(20))
    ]
    calm[10].price = slip
    assert len(found([*calm, *book(tape), *far(tape)])) == 1


def test_who_leaves_as_many_standing_or_has_them_filled_means_them() -> None:
    tape = Tape()
    meant: list[Any] = []
    for number in range(2):
        meant.append(tape.placed(100 + number, f"m-{number}", "sell", 107, 40, **PARTY))
        meant.append(tape.filled(900 + number, f"m-{number}", "sell", **PARTY))
    meant.sort(key=lambda one: one.timestamp)
    assert found([*book(tape), *meant, *far(tape)]) == []


@pytest.mark.parametrize(
    ("price", "quantity", "count"), [(106, 39, 1), (107, 40, 1), (102, 40, 0), (106, 5, 0)]
)
def test_one_that_is_changed_stays_what_it_is_far_away_and_large(
    price: float, quantity: float, count: int
) -> None:
    tape = Tape()
    changed = [
        tape.changed(
            31_000 + number * 2 * MINUTE, f"far-{number}", quantity, "sell", price=price, **PARTY
        )
        for number in range(5)
    ]
    events = sorted([*book(tape), *far(tape), *changed], key=lambda one: one.timestamp)
    assert len(found(events)) == count


def test_makers_without_accounts_and_an_empty_side_say_nothing() -> None:
    tape = Tape()
    exempt = "{exempt_labels: [market_maker]}"
    assert found([*book(tape), *far(tape, investor_labels=("market_maker",))], exempt) == []
    tape = Tape()
    nobody: dict[str, Any] = {"investor_account": None, "investor_id": None}
    assert found([*book(tape), *far(tape, **nobody)]) == []
    assert found(far(Tape())) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    events = [*book(tape), *far(tape, 11)]
    assert_the_same_after_a_restart(correlator("improbable_prices", "{}"), events)
