"""When taking orders off and trading against those who joined is called flipping, and when not."""

from typing import Any

import pytest

from normalizer.events import Alert
from normalizer.events.market import TradeBusted
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator
from tests.detections.test_revised_trades import revised

FLIPPER = {"investor_account": "acct-7", "investor_id": "INV-0007"}
BUYS = {"buyer_account": "acct-7", "buyer_id": "INV-0007", "side": "buy"}
#: One order, taken off once, may be a change of mind: here it is none.
ONCE = "{minimum_times_alone: 1}"
SELLS = {"seller_account": "acct-7", "seller_id": "INV-0007", "side": "sell"}


def book(tape: Tape) -> list[Any]:
    """Bids of 600 and offers of 34 at the touch, and some behind."""
    bids = [
        tape.placed(0, f"b{n}", "buy", 1823.75 - n / 4, 600, investor_account=f"m{n}")
        for n in range(3)
    ]
    asks = [
        tape.placed(0, f"a{n}", "sell", 1824.0 + n / 4, 34 if n == 0 else 700) for n in range(3)
    ]
    return [*bids, *asks]


def flip(
    tape: Tape,
    start: float = 1000,
    number: int = 1,
    *,
    quantity: float = 921,
    price: float = 1824.0,
    lives: float = 700,
    pause: float = 5,
    bought: float = 500,
    **more: Any,
) -> list[Any]:
    """As the complaint against Oystacher tells of it: two offers, others join, and he buys."""
    first, second = f"spoof-{number}-1", f"spoof-{number}-2"
    joined = f"joined-{number}"
    ends = start + lives
    return [
        tape.placed(start, first, "sell", price, quantity / 2, **FLIPPER),
        tape.placed(start + 4, second, "sell", price, quantity / 2, **FLIPPER),
        tape.placed(start + 300, joined, "sell", 1824.0, 1500, investor_account="acct-3"),
        tape.cancelled(ends, first, "sell", remaining=quantity / 2),
        tape.cancelled(ends, second, "sell", remaining=quantity / 2),
        tape.trade(
            ends + pause,
            1824.0,
            bought,
            maker_order_id=joined,
            seller_account="acct-3",
            **{**BUYS, **more},
        ),
        tape.cancelled(ends + 2000, joined, "sell"),
    ]


def lone(tape: Tape, start: float, order: str) -> list[Any]:
    """One large offer, and a purchase soon after it has gone from somebody who was there before."""
    return [
        tape.placed(start, f"before-{order}", "sell", 1824.0, 300, investor_account="x"),
        tape.placed(start + 100, order, "sell", 1824.0, 1800, **FLIPPER),
        tape.cancelled(start + 500, order, "sell", remaining=1800.0),
        tape.trade(
            start + 600,
            1824.0,
            300,
            maker_order_id=f"before-{order}",
            seller_account="x",
            **BUYS,
        ),
    ]


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("flipping", parameters), events)


def test_it_says_who_did_what_with_the_numbers_and_all_the_evidence() -> None:
    tape = Tape()
    (alert,) = found([*book(tape), *flip(tape)])
    assert alert.reason == (
        "acct-7 (INV-0007) showed offers of 921 ACME-USD at 1,824 where others had 34, took them "
        "off after 0.7 s with 0 filled, and 0.005 s later bought 500 from others at 1,824"
    )
    assert alert.entities == ("acct-7", "INV-0007")
    assert alert.evidence_orders == ("spoof-1-1", "spoof-1-2", "joined-1")
    assert alert.evidence_events == ("event-7", "event-8", "event-10", "event-11", "event-12")
    assert alert.metrics["joined_at_prices"] == 1500
    assert alert.confidence > 0.85


def test_bids_and_a_sale_are_the_same() -> None:
    tape = Tape()
    events = [
        *book(tape),
        tape.placed(1000, "s", "buy", 1823.75, 1900, **FLIPPER),
        tape.cancelled(1500, "s", remaining=1900.0),
        tape.trade(1600, 1823.75, 400, maker_order_id="b0", buyer_account="m0", **SELLS),
    ]
    (alert,) = found(events, ONCE)
    assert "showed bids of 1,900" in alert.reason
    assert "sold 400 from others at 1,823.75" in alert.reason


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({"pause": 1001}, "{trade_window: 2s}"),
        ({"bought": 92}, "{minimum_traded_share: 9%}"),
        ({"lives": 61_000}, "{maximum_lifetime: 2m}"),
        ({"price": 1824.5, "quantity": 1500}, None),  # behind 734 others: but still within five
    ],
)
def test_each_condition_counts(change: dict[str, Any], parameters: str | None) -> None:
    tape = Tape()
    events = [*book(tape), *flip(tape, **change)]
    if parameters is None:
        assert len(found(events)) == 1
        assert found(events, "{touch_levels: 2}") == []
    else:
        assert found(events) == []
        assert len(found(events, parameters)) == 1


def test_it_must_double_what_stood_there() -> None:
    def standing(quantity: float) -> list[Any]:
        tape = Tape()
        stands = tape.placed(1, "more", "sell", 1824.0, quantity)
        return [*book(tape), stands, *flip(tape)]

    assert len(found(standing(887))) == 1
    assert found(standing(888)) == []


def test_where_nobody_stood_and_nobody_joined_nobody_was_drawn() -> None:
    tape = Tape()
    alone = [*book(tape), *flip(tape, price=1823.9)]
    assert found(alone) == []
    tape = Tape()
    joined = tape.placed(1_400, "follower", "sell", 1823.9, 50, investor_account="acct-4")
    (alert,) = found(sorted([*book(tape), *flip(tape, price=1823.9), joined], key=_time))
    assert "where nobody else stood" in alert.reason


def _time(event: Any) -> int:
    return event.timestamp


def test_an_order_that_was_filled_was_meant() -> None:
    def filled(quantity: float) -> list[Any]:
        tape = Tape()
        return [
            *book(tape),
            tape.placed(1000, "s", "sell", 1824.0, 1900, **FLIPPER),
            tape.trade(1100, 1824.0, quantity, side="buy", maker_order_id="s", buyer_account="x"),
            tape.cancelled(1500, "s", "sell"),
            tape.trade(1600, 1824.0, 500, maker_order_id="a0", seller_account="x", **BUYS),
        ]

    assert len(found(filled(190), ONCE)) == 1
    assert found(filled(191), ONCE) == []


class TestHonestLookAlikes:
    def test_whoever_changes_his_mind_about_an_order_like_any_other_drew_nobody(self) -> None:
        def changes(*quantities: float) -> list[Any]:
            tape = Tape()
            orders = list(enumerate(quantities))
            return [
                *book(tape),
                *(tape.placed(1000, f"s{n}", "sell", 1824.0, q, **FLIPPER) for n, q in orders),
                *(tape.cancelled(1500, f"s{n}", remaining=q) for n, q in orders),
                tape.trade(1600, 1824.0, 300, maker_order_id="a0", seller_account="x", **BUYS),
            ]

        # Orders are of 600 usually.
        assert found(changes(600), ONCE) == []
        assert found(changes(1799), ONCE) == []
        assert len(found(changes(1800), ONCE)) == 1
        assert len(found(changes(600), "{minimum_usual_orders: 1, minimum_times_alone: 1}")) == 1
        assert len(found(changes(300, 300))) == 1, "several are no change of mind about one"

    def test_whoever_changes_his_mind_about_a_large_order_does_so_once(self) -> None:
        tape = Tape()
        once, again = lone(tape, 1_000, "s"), lone(tape, 60_000, "t")
        assert found([*book(tape), *once]) == []
        (alert,) = found([*book(tape), *once, *again])
        assert alert.reason.endswith(
            "0.1 s later bought 300 from others at 1,824; it did so 2 times within 59.5 s"
        )
        assert alert.evidence_orders == ("s", "before-s", "t", "before-t")
        assert alert.metrics["times_in_an_hour"] == 2
        assert found([*book(tape), *once, *lone(tape, 3_601_001, "u")]) == [], "not in one hour"

    def test_of_each_time_it_is_said_which_it_is_within_the_hour(self) -> None:
        tape = Tape()
        events = book(tape)
        for number in range(4):
            events += lone(tape, 1_000 + 300_000 * number, f"s{number}")
        assert [alert.metrics["times_in_an_hour"] for alert in found(events)] == [2, 4]

    def test_what_it_traded_then_in_several_steps_is_one_change_of_mind(self) -> None:
        tape = Tape()
        more = tape.trade(1_700, 1824.0, 300, maker_order_id="a0", seller_account="x", **BUYS)
        assert found([*book(tape), *lone(tape, 1_000, "s"), more]) == []

    def test_a_change_of_mind_whose_trade_was_busted_is_none(self) -> None:
        tape = Tape()
        once = lone(tape, 1_000, "s")
        busted = revised(TradeBusted, once[-1], 400)
        assert found([*book(tape), *once, busted, *lone(tape, 60_000, "t")]) == []

    def test_whoever_crosses_the_spread_trades_the_way_his_order_was(self) -> None:
        tape = Tape()
        events = [
            *book(tape),
            tape.placed(1000, "s", "buy", 1823.75, 900, **FLIPPER),
            tape.cancelled(1500, "s", remaining=900.0),
            tape.trade(1600, 1824.0, 400, maker_order_id="a1", seller_account="x", **BUYS),
        ]
        assert found(events) == []

    def test_a_passive_fill_is_no_flip(self) -> None:
        tape = Tape()
        assert found([*book(tape), *flip(tape, side="sell")]) == []

    def test_a_maker_who_was_hit_gets_rid_of_it(self) -> None:
        def hit(quantity: float) -> list[Any]:
            tape = Tape()
            return [
                *book(tape),
                tape.placed(500, "hit", "sell", 1824.0, 400, **FLIPPER),
                tape.trade(
                    900, 1824.0, quantity, side="buy", maker_order_id="hit", buyer_account="acct-9"
                ),
                *flip(tape),
            ]

        # A quarter of what it trades; what it takes off is less than ten times as much.
        assert len(found(hit(125))) == 1
        assert found(hit(126)) == []

    def test_that_orders_at_the_touch_are_hit_a_little_is_no_reason(self) -> None:
        def hit(quantity: float) -> list[Any]:
            tape = Tape()
            fill = tape.trade(
                900, 1824.0, quantity, side="buy", maker_order_id="hit", buyer_account="acct-9"
            )
            placed = tape.placed(500, "hit", "sell", 1824.0, 400, **FLIPPER)
            return [*book(tape), placed, fill, *flip(tape)]

        (alert,) = found(hit(100))
        pulled = alert.metrics["pulled_quantity"]
        share = f"{{maximum_fill_share: {130 / pulled:.4%}}}"
        assert len(alerts(correlator("flipping", share), hit(129))) == 1
        assert alerts(correlator("flipping", share), hit(140)) == []

    @pytest.mark.parametrize(("bid", "expected"), [(460.0, 1), (461.0, 0)])
    def test_who_quotes_alike_on_both_sides_makes_a_market(self, bid: float, expected: int) -> None:
        tape = Tape()
        bids = tape.placed(900, "bid", "buy", 1823.5, bid, **FLIPPER)
        assert len(found([*book(tape), bids, *flip(tape)])) == expected

    def test_who_withdraws_both_sides_at_news_is_not_meant(self) -> None:
        tape = Tape()
        bids = tape.placed(900, "bid", "buy", 1823.5, 900, **FLIPPER)
        events = flip(tape)
        off = tape.cancelled(1700, "bid", remaining=900.0)
        events.insert(3, off)
        assert found([*book(tape), bids, *events]) == []

    def test_who_trades_all_the_time_also_trades_after_a_cancellation(self) -> None:
        tape = Tape()
        events = book(tape)
        for number in range(30):
            start = 2_000 + 6_000 * number
            *pulled, traded, gone = flip(tape, start, number, lives=100)
            events += [*pulled, *([traded] if number % 3 == 2 else ()), gone]
            events += [
                tape.trade(start + later, 1824.0, 1, seller_account="x", **BUYS)
                for later in (2000, 4000)
            ]
        assert found(events) == []
        assert len(found(events, "{minimum_significance: 0}")) == 10

    def test_small_orders_and_exempt_parties_are_left_out(self) -> None:
        tape = Tape()
        assert found([*book(tape), *flip(tape, quantity=120)]) == []
        labelled = [
            tape.placed(1000, "s", "sell", 1824.0, 1900, investor_labels=("maker",), **FLIPPER),
            tape.cancelled(1500, "s", "sell"),
            tape.trade(1600, 1824.0, 500, maker_order_id="a0", seller_account="x", **BUYS),
        ]
        assert len(found([*book(tape), *labelled], ONCE)) == 1
        exempt = "{exempt_labels: [maker], minimum_times_alone: 1}"
        assert found([*book(tape), *labelled], exempt) == []


def test_amending_counts_as_placing_and_as_taking_off() -> None:
    tape = Tape()
    events = [
        *book(tape),
        tape.placed(500, "s", "sell", 1824.0, 1, **FLIPPER),
        tape.changed(1000, "s", 1900, "sell"),
        tape.changed(1500, "s", 1, "sell"),
        tape.trade(1600, 1824.0, 500, maker_order_id="a0", seller_account="x", **BUYS),
    ]
    (alert,) = found(events, ONCE)
    assert alert.evidence_events == ("event-8", "event-9", "event-10")


def test_repetition_raises_the_confidence_and_a_gap_lowers_it() -> None:
    tape = Tape()
    events = book(tape)
    for number in range(4):
        events += flip(tape, 1000 + 60_000 * number, number)
    confidences = [alert.confidence for alert in found(events)]
    assert len(confidences) == 4
    assert confidences == sorted(confidences)
    start = [*book(tape), *flip(tape)]
    start.insert(9, tape.gap(1100))
    (unsure,) = found(start)
    assert "unsure" in unsure.tags
    assert unsure.confidence < confidences[0]


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    events = book(tape)
    for number in range(4):
        events += flip(tape, 1000 + 60_000 * number, number)
    assert_the_same_after_a_restart(correlator("flipping"), events)
    tape = Tape()
    events = [*book(tape), *lone(tape, 1_000, "s"), *lone(tape, 60_000, "t")]
    assert_the_same_after_a_restart(correlator("flipping"), events)


def test_without_accounts_nothing_is_found() -> None:
    tape = Tape()
    events = [
        *book(tape),
        tape.placed(1000, "s", "sell", 1824.0, 900),
        tape.cancelled(1500, "s", "sell"),
        tape.trade(1600, 1824.0, 500, maker_order_id="a0", side="buy"),
    ]
    assert found(events) == []


def test_who_was_hit_before_he_took_them_off_is_known_even_if_he_is_hit_again() -> None:
    def hit(at: float, quantity: float, tape: Tape) -> Any:
        return tape.trade(
            at, 1824.0, quantity, side="buy", buyer_account="acct-3",
            seller_account="acct-7", seller_id="INV-0007",
        )  # fmt: skip

    def events(*hits: tuple[float, float]) -> list[Any]:
        tape = Tape()
        flipped = flip(tape, 30_000, lives=500, pause=600)
        hit_ = [hit(at, quantity, tape) for at, quantity in hits]
        return sorted([*book(tape), *flipped, *hit_], key=lambda one: one.timestamp)

    assert len(found(events((400, 300), (30_900, 1)))) == 1, "more than 30 s before"
    assert found(events((600, 300))) == []
    assert found(events((600, 300), (30_900, 1))) == []
