"""When a large order that is cancelled is called spoofing, by what becomes of the order itself."""

from typing import Any

import pytest

from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, correlator
from tests.detections.spoofing_samples import SOLD, SPOOFER, found, honest, spoof


def test_it_says_who_did_what_with_the_numbers() -> None:
    tape = Tape()
    (alert,) = found([*honest(tape, investor_account="acct-1"), *spoof(tape)])
    assert alert.reason == (
        "acct-12 (INV-0031) placed a buy of 5,000 ACME-USD at 10.02 (38% of the bid depth), "
        "cancelled it after 0.84 s with 0 filled, while selling 300 at 10.05"
    )
    assert alert.entities == ("acct-12", "INV-0031", "CL-1")
    assert alert.evidence_orders == ("spoof-1",)
    assert alert.evidence_events == ("event-4", "event-5", "event-6")
    assert alert.evidence_trades == ("trade-5",)
    assert alert.created is not None
    assert alert.timestamp - alert.created == 840_000_000
    assert alert.venue == "demo-venue"
    assert "INV-0031" in alert.related_user


def test_a_sell_is_weighed_against_the_asks() -> None:
    tape = Tape()
    (alert,) = found(
        [
            *honest(tape),
            tape.placed(1000, "s", "sell", 10.04, 5000, **SPOOFER),
            tape.trade(1500, 10.01, 300, buyer_account="acct-12", seller_account="x", side="sell"),
            tape.cancelled(1900, "s", "sell", remaining=5000.0),
        ]
    )
    assert "556% of the ask depth" in alert.reason
    assert "while buying 300 at 10.01" in alert.reason


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("too small", {"quantity": 1000}),
        ("too far from the touch", {"price": 9.0}),
        ("exempt", {"investor_labels": ("market_maker",)}),
    ],
)
def test_orders_that_are_no_candidates(why: str, change: dict[str, Any]) -> None:
    tape = Tape()
    fields: dict[str, Any] = {"price": 10.02, "quantity": 5000, **SPOOFER, **change}
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", fields.pop("price"), fields.pop("quantity"), **fields),
        tape.trade(1500, 10.05, 300, buyer_account="acct-3", **SOLD),
        tape.cancelled(1840, "s"),
    ]
    assert found(events, "{exempt_labels: [market_maker]}") == []


def test_the_lifetime_is_a_parameter_and_its_end_counts() -> None:
    def life(milliseconds: float) -> list[Any]:
        tape = Tape()
        return [
            *honest(tape),
            tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
            tape.trade(1100, 10.05, 300, buyer_account="acct-3", **SOLD),
            tape.cancelled(1000 + milliseconds, "s", remaining=5000.0),
        ]

    fast = "{slow_lifetime: 0s}"
    assert len(found(life(2000), fast)) == 1
    assert found(life(2001), fast) == []
    assert len(found(life(30_000), "{maximum_lifetime: 1m}")) == 1


class TestOrdersThatRestLonger:
    """As Sarao's: they go once the other side has traded."""

    def rest(
        self,
        traded: float = 298_000,
        cancelled: float = 300_000,
        quantity: float = 5000,
        sold: float = 300,
        **more: Any,
    ) -> list[Any]:
        tape = Tape()
        return [
            *honest(tape),
            tape.placed(1000, "s", "buy", 10.01, quantity, **SPOOFER),
            tape.trade(traded, 10.05, sold, buyer_account="acct-3", **SOLD),
            tape.cancelled(cancelled, "s", remaining=quantity, **more),
        ]

    def slow(self, *arguments: float, parameters: str = "", **more: Any) -> list[Any]:
        """What is told of one at the first time."""
        return found(self.rest(*arguments, **more), f"{{minimum_times_slow: 1{parameters}}}")

    def test_a_lifetime_alone_acquits_nobody(self) -> None:
        (alert,) = self.slow()
        assert "cancelled it after 4.98 min with 0 filled, while selling 300 at 10.05" in (
            alert.reason
        )
        fast = self.slow(1500, 1800)
        assert alert.confidence < fast[0].confidence

    def test_it_must_go_soon_after_the_trade(self) -> None:
        assert self.slow(294_999) == []
        assert len(self.slow(295_000)) == 1
        assert len(self.slow(290_000, parameters=", slow_reaction: 10s")) == 1

    def test_it_must_not_rest_longer_than_that(self) -> None:
        assert self.slow(cancelled=602_000, traded=601_000) == []
        assert len(self.slow(cancelled=601_000, traded=600_000)) == 1

    def test_it_must_be_larger_than_one_that_goes_at_once(self) -> None:
        assert self.slow(quantity=2500) == []
        assert len(self.slow(1500, 1800, quantity=2500)) == 1
        assert len(self.slow(quantity=2600)) == 1
        assert self.slow(sold=1300) == []
        assert len(self.slow(sold=1250)) == 1

    def test_once_is_a_change_of_mind(self) -> None:
        assert found(self.rest()) == []

    def test_the_second_within_an_hour_is_told(self) -> None:
        def twice(apart: float) -> list[Any]:
            tape = Tape()
            events = honest(tape)
            for number in range(2):
                start, order = 1000 + apart * number, f"s{number}"
                events += [
                    tape.placed(start, order, "buy", 10.01, 5000, **SPOOFER),
                    tape.trade(start + 99_000, 10.05, 300, buyer_account="acct-3", **SOLD),
                    tape.cancelled(start + 100_000, order, remaining=5000.0),
                ]
            return events

        (alert,) = found(twice(600_000))
        assert alert.evidence_orders == ("s1",)
        assert alert.metrics["times_in_an_hour"] == 2
        assert found(twice(3_700_000)) == []

    def test_so_is_one_after_another_that_went_at_once(self) -> None:
        tape = Tape()
        events = [
            *honest(tape),
            *spoof(tape),
            tape.placed(60_000, "s", "buy", 10.01, 5000, **SPOOFER),
            tape.trade(159_000, 10.05, 300, buyer_account="acct-3", **SOLD),
            tape.cancelled(160_000, "s", remaining=5000.0),
        ]
        assert [alert.evidence_orders for alert in found(events)] == [("spoof-1",), ("s",)]

    def test_moving_it_again_and_again_makes_no_new_order_of_it(self) -> None:
        tape = Tape()
        events = [*honest(tape), tape.placed(1000, "s", "buy", 9.98, 5000, **SPOOFER)]
        events += [
            tape.changed(2000 + 1000 * number, "s", 5000, price=9.98 - number / 100)
            for number in range(20)
        ]
        events += [
            tape.trade(22_500, 10.05, 300, buyer_account="acct-3", **SOLD),
            tape.cancelled(23_000, "s", remaining=5000.0),
        ]
        (alert,) = found(events)
        assert "moved it 19 times, cancelled it after 22 s" in alert.reason
        assert alert.evidence_events == (
            "event-4",
            *(f"event-{number}" for number in range(17, 27)),
        )


def test_an_order_that_was_filled_was_meant() -> None:
    tape = Tape()
    part = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.trade(1100, 10.02, 600, maker_order_id="s", buyer_account="acct-12", side="sell"),
        tape.trade(1200, 10.05, 300, buyer_account="acct-3", **SOLD),
        tape.cancelled(1500, "s"),
    ]
    assert found(part) == []
    (alert,) = found(part, "{maximum_fill_share: 20%}")
    assert "with 600 filled" in alert.reason


def test_fills_are_known_from_what_remains_too() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.trade(1200, 10.05, 300, buyer_account="acct-3", **SOLD),
        tape.cancelled(1500, "s", remaining=1000.0),
    ]
    assert found(events) == []


def test_a_reduction_by_its_owner_is_no_fill() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.changed(1100, "s", 4000),
        tape.trade(1200, 10.05, 300, buyer_account="acct-3", **SOLD),
        tape.cancelled(1500, "s", remaining=4000.0),
    ]
    assert len(found(events)) == 1


class TestAmendedOrders:
    def test_an_order_that_is_enlarged_to_be_large_counts_as_placed_then(self) -> None:
        tape = Tape()
        (alert,) = found(
            [
                *honest(tape),
                tape.placed(500, "s", "buy", 10.02, 1, **SPOOFER),
                tape.changed(60_000, "s", 5000),
                tape.trade(60_500, 10.05, 300, buyer_account="acct-3", **SOLD),
                tape.cancelled(60_840, "s", remaining=5000.0),
            ]
        )
        assert alert.reason == (
            "acct-12 (INV-0031) amended an order into a buy of 5,000 ACME-USD at 10.02 (38% of the "
            "bid depth), cancelled it after 0.84 s with 0 filled, while selling 300 at 10.05"
        )
        assert alert.evidence_events == ("event-5", "event-6", "event-7")

    def test_an_order_that_is_moved_to_the_touch_counts_as_placed_then(self) -> None:
        tape = Tape()
        events = [
            *honest(tape),
            tape.placed(500, "s", "buy", 5.0, 5000, **SPOOFER),
            tape.changed(60_000, "s", 5000, price=10.02),
            tape.trade(60_500, 10.05, 300, buyer_account="acct-3", **SOLD),
            tape.changed(60_840, "s", 5000, price=5.0),
        ]
        (alert,) = found(events)
        assert "amended an order into a buy of 5,000 ACME-USD at 10.02" in alert.reason
        assert "moved it to 5 after 0.84 s with 0 filled" in alert.reason

    def test_cutting_an_order_to_next_to_nothing_is_cancelling_it(self) -> None:
        tape = Tape()
        start = [*honest(tape), tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER)]
        sold = tape.trade(1500, 10.05, 300, buyer_account="acct-3", **SOLD)
        (alert,) = found([*start, sold, tape.changed(1840, "s", 1)])
        assert "cut it to 1 after 0.84 s" in alert.reason
        assert found([*start, sold, tape.changed(1840, "s", 4000)]) == []

    def test_an_enlarged_order_is_not_weighed_against_itself(self) -> None:
        tape = Tape()
        (alert,) = found(
            [
                tape.placed(0, "b1", "buy", 10.01, 1000, investor_account="acct-1"),
                tape.placed(500, "s", "buy", 10.02, 90, **SPOOFER),
                tape.changed(1000, "s", 5000),
                tape.trade(1500, 10.05, 300, buyer_account="acct-3", **SOLD),
                tape.cancelled(1840, "s"),
            ]
        )
        assert alert.metrics["depth_before"] == 1000

    def test_an_order_that_is_alone_on_its_side_deceives_nobody(self) -> None:
        tape = Tape()
        events = [
            tape.placed(0, "s", "buy", 10.02, 0.1, **SPOOFER),
            tape.changed(1000, "s", 5000),
            tape.trade(1500, 10.05, 300, buyer_account="acct-3", **SOLD),
            tape.cancelled(1840, "s"),
        ]
        assert found(events) == []


def test_the_account_behind_a_resting_order_is_known_from_its_placing() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(500, "mine", "sell", 10.04, 300, **SPOOFER),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.trade(1200, 10.04, 300, side="buy", maker_order_id="mine", taker_order_id="t"),
        tape.cancelled(1500, "s", remaining=5000.0),
    ]
    assert len(found(events)) == 1


def test_where_a_feed_names_no_accounts_nothing_is_found() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000),
        tape.trade(1200, 10.05, 300, side="buy", maker_order_id="a1"),
        tape.cancelled(1500, "s", remaining=5000.0),
    ]
    assert found(events) == []
    assert found(events, "{require_execution: false}") == []


def test_without_the_condition_every_quick_cancellation_counts() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.cancelled(1500, "s", remaining=5000.0),
    ]
    assert found(events) == []
    (alert,) = found(events, "{require_execution: false}")
    assert alert.confidence < 0.35


def test_a_removal_that_may_be_a_fill_is_none() -> None:
    tape = Tape()
    start = [*honest(tape), tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER)]
    sold = tape.trade(1200, 10.05, 300, buyer_account="acct-3", **SOLD)
    taken = tape.trade(1450, 10.02, 5000, side="sell")
    gone = tape.removed(1500, "s")
    assert found([*start, sold, taken, gone]) == []
    (alert,) = found([*start, sold, gone])
    assert "inferred" in alert.tags
    assert "took it off the book" in alert.reason


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        *(event for number in range(5) for event in spoof(tape, 1000 + number * 10_000, number)),
    ]
    assert_the_same_after_a_restart(correlator("spoofing"), events)


def test_a_gap_makes_findings_unsure_and_less_confident() -> None:
    tape = Tape()
    sure = found([*honest(tape), *spoof(tape)])
    unsure = found([*honest(tape), tape.gap(900), *spoof(tape)])
    assert "unsure" in unsure[0].tags
    assert unsure[0].confidence == pytest.approx(sure[0].confidence * 0.6, rel=1e-3)
    resynchronised = tape.snapshot(
        950, bid_prices=(10.01,), bid_quantities=(13000.0,), bid_order_ids=("b1",)
    )
    again = found([*honest(tape), tape.gap(900), resynchronised, *spoof(tape)])
    assert "unsure" not in again[0].tags


def test_a_gap_while_the_order_rests_makes_it_unsure_too() -> None:
    tape = Tape()
    placed, traded, cancelled = spoof(tape)
    (alert,) = found([*honest(tape), placed, tape.gap(1100), traded, cancelled])
    assert "unsure" in alert.tags


def test_repetition_raises_the_confidence() -> None:
    tape = Tape()
    events = honest(tape)
    for number in range(4):
        events += spoof(tape, 1000 + number * 10_000, number)
    confidences = [alert.confidence for alert in found(events)]
    assert len(confidences) == 4
    assert confidences == sorted(confidences)
    assert confidences[-1] > confidences[0]


def test_books_of_other_venues_and_instruments_don_t_count() -> None:
    tape = Tape()
    events = [
        *honest(tape, instrument="OTHER-USD"),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.trade(1200, 10.05, 300, buyer_account="acct-3", **SOLD),
        tape.cancelled(1500, "s", remaining=5000.0),
    ]
    assert found(events) == []


def test_depth_by_level_serves_where_a_feed_has_no_other_orders() -> None:
    tape = Tape()
    events = [
        tape.snapshot(0, bid_prices=(10.0,), bid_quantities=(13000.0,)),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.trade(1200, 10.05, 300, buyer_account="acct-3", **SOLD),
        tape.cancelled(1500, "s", remaining=5000.0),
    ]
    (alert,) = found(events)
    assert alert.metrics["depth_before"] == 13000


def test_watched_orders_are_bounded() -> None:
    from detections.correlators.spoofing import MOST_CANDIDATES, Parameters, Spoofing

    tape, spoofing = Tape(), Spoofing(Parameters())

    def see(event: Any) -> None:
        spoofing.books.move(event)
        assert list(spoofing.observe(event)) == []

    for event in honest(tape):
        see(event)
    for number in range(3 * MOST_CANDIDATES):
        size = 10.0 ** (5 + number / 10)
        see(tape.placed(1000, f"s{number}", "buy", 10.02, size, **SPOOFER))
        if number % 2:
            see(tape.cancelled(1001, f"s{number - 1}", remaining=10.0 ** (5 + (number - 1) / 10)))
    (watch,) = spoofing.state.watches.values()
    assert len(watch.live) <= MOST_CANDIDATES
    assert len(watch.ended) <= MOST_CANDIDATES
    known = [*watch.live, *watch.ended]
    assert sorted(watch.names["acct-12"]) == sorted(known)
    see(tape.cancelled(10**7, "s0"))
    see(tape.trade(10**7, 10.05, 300, buyer_account="acct-3", seller_account="acct-4"))
    assert watch.names == {}
