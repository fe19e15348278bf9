"""When orders at several prices that are cancelled together are called layering, and when not."""

from typing import Any

import pytest

from detections.books.desk import MOST_ORDERS
from detections.engine.engine import Engine
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator

SECOND = 1_000.0
LAYERER = {"investor_account": "acct-7", "investor_id": "INV-0007", "investor_cluster": "CL-7"}
SOLD = {"seller_account": "acct-7", "seller_id": "INV-0007", "seller_cluster": "CL-7"}


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("layering", parameters), events)


def layers(
    tape: Tape,
    at: float = 0,
    *,
    number: int = 4,
    quantity: float = 1_000,
    side: str = "buy",
    prefix: str = "layer",
    **more: Any,
) -> list[Any]:
    """Orders a second apart, each 0.01 from the last."""
    return [
        tape.placed(
            at + n * SECOND, f"{prefix}-{n}", side, 10 - n / 100, quantity, **{**LAYERER, **more}
        )
        for n in range(number)
    ]


def pulled(
    tape: Tape, at: float = 20 * SECOND, *, number: int = 4, prefix: str = "layer", **more: Any
) -> list[Any]:
    """The same orders cancelled, a tenth of a second apart."""
    return [tape.cancelled(at + n * 100, f"{prefix}-{n}", **more) for n in range(number)]


def sale(tape: Tape, at: float = 10 * SECOND, quantity: float = 300, **more: Any) -> Any:
    return tape.trade(at, 10.05, quantity, buyer_account="acct-3", **{**SOLD, **more})


def test_it_says_who_did_what_with_the_numbers_and_all_the_evidence() -> None:
    tape = Tape()
    (alert,) = found([*layers(tape), sale(tape), *pulled(tape)])
    assert alert.reason == (
        "acct-7 (INV-0007) placed bids of 4,000 ACME-USD at 4 prices from 9.97 to 10 within 3 s, "
        "sold 300 at 10.05, and cancelled them within 0.3 s with 0 filled"
    )
    assert alert.entities == ("acct-7", "INV-0007", "CL-7")
    assert alert.evidence_events == tuple(f"event-{n}" for n in range(1, 10))
    assert alert.evidence_orders == ("layer-0", "layer-1", "layer-2", "layer-3")
    assert alert.metrics["layered_quantity"] == 4_000
    assert alert.venue == "demo-venue"


@pytest.mark.parametrize(("cluster", "expected"), [("CL-7", 1), (None, 0)])
def test_accounts_of_one_cluster_count_together(cluster: str | None, expected: int) -> None:
    tape = Tape()
    orders = [
        tape.placed(
            n * SECOND,
            f"layer-{n}",
            *("buy", 10 - n / 100, 1_000),
            investor_account=f"acct-{7 + n % 2}",
            investor_id=f"INV-{7 + n % 2}",
            investor_cluster=cluster,
        )
        for n in range(4)
    ]
    sold = sale(tape, seller_account="acct-7", seller_id="INV-7", seller_cluster=cluster)
    told = found([*orders, sold, *pulled(tape)])
    assert len(told) == expected
    for alert in told:
        assert alert.entities == ("acct-7", "INV-7", "CL-7", "acct-8", "INV-8")
        assert alert.reason.startswith("acct-7 (INV-7), acct-8 (INV-8) placed bids of 4,000 ")


def test_many_trades_the_other_way_hide_nothing() -> None:
    tape = Tape()
    bought = {"buyer_account": "acct-7", "buyer_id": "INV-0007", "buyer_cluster": "CL-7"}
    noise = [tape.trade(11 * SECOND + n, 10, 1, seller_account="x", **bought) for n in range(500)]
    assert len(found([*layers(tape), sale(tape), *noise, *pulled(tape)])) == 1


def test_an_order_that_was_filled_in_part_was_meant() -> None:
    tape = Tape()
    filled = [
        tape.trade(9 * SECOND, 10, 200, maker_order_id=f"layer-{n}", side="sell") for n in range(4)
    ]
    assert not found([*layers(tape), *filled, sale(tape), *pulled(tape)])
    told = [*layers(tape), sale(tape), *pulled(tape, remaining=800.0)]
    assert not found(told), "the cancellation says how much was left"


@pytest.mark.parametrize(("number", "expected"), [(5, 1), (6, 0)])
def test_nearly_all_of_what_was_placed_must_be_cancelled(number: int, expected: int) -> None:
    tape = Tape()
    assert len(found([*layers(tape, number=number), sale(tape), *pulled(tape)])) == expected


def test_what_is_sold_or_shown_for_sale_must_be_much_less() -> None:
    tape = Tape()
    assert len(found([*layers(tape), sale(tape, quantity=2_000), *pulled(tape)])) == 1
    assert not found([*layers(tape), sale(tape, quantity=2_001), *pulled(tape)])
    shown = tape.placed(5 * SECOND, "offer", "sell", 10.05, 2_001, **LAYERER)
    assert not found([*layers(tape), shown, sale(tape), *pulled(tape)])
    gone = tape.cancelled(19 * SECOND, "offer", "sell")
    assert not found([*layers(tape), shown, sale(tape), gone, *pulled(tape)])
    gone_long = tape.filled(12 * SECOND, "offer", "sell")
    assert not found([*layers(tape), shown, sale(tape), gone_long, *pulled(tape)])
    before = [
        tape.placed(0, "offer", "sell", 10.05, 2_001, **LAYERER),
        tape.cancelled(1 * SECOND, "offer", "sell"),
    ]
    later = [*layers(tape, 2 * SECOND), sale(tape), *pulled(tape)]
    assert len(found([*before, *later])) == 1


def test_the_sale_comes_after_the_layers_and_before_they_are_pulled() -> None:
    tape = Tape()
    assert not found([sale(tape, at=0), *layers(tape, at=SECOND), *pulled(tape)])
    assert not found([*layers(tape), *pulled(tape), sale(tape, at=21 * SECOND)])


def test_placed_or_pulled_too_slowly() -> None:
    tape = Tape()
    slow = [
        tape.placed(n * 16 * SECOND, f"layer-{n}", "buy", 10 - n / 100, 1_000, **LAYERER)
        for n in range(4)
    ]
    assert not found([*slow, sale(tape, at=50 * SECOND), *pulled(tape, at=60 * SECOND)])
    one_by_one = [tape.cancelled((20 + 3 * n) * SECOND, f"layer-{n}") for n in range(4)]
    assert not found([*layers(tape), sale(tape), *one_by_one])
    assert not found([*layers(tape), sale(tape), *pulled(tape, at=130 * SECOND)])


class TestOrdersThatRestLonger:
    def test_they_go_once_the_other_side_has_traded(self) -> None:
        def resting(traded: float, gone: float = 500) -> list[Any]:
            tape = Tape()
            return [
                *layers(tape),
                sale(tape, at=traded * SECOND),
                *pulled(tape, at=gone * SECOND),
            ]

        assert len(found(resting(490))) == 1
        assert not found(resting(489))
        assert not found(resting(490), "{slow_window: 0s}")
        assert not found(resting(600, 601))
        assert not found(resting(600, 601), "{slow_window: 10m}")
        assert len(found(resting(600, 601), "{slow_window: 11m}")) == 1


class TestOrdersThatAreMovedAgainAndAgain:
    """As Sarao's: four or more, kept away from the touch, and never cancelled while he trades."""

    def dynamic(
        self,
        tape: Tape,
        moves: int = 5,
        *,
        number: int = 4,
        traded: float = 3_590,
        sold: float = 300,
    ) -> list[Any]:
        """Placed, and moved an hour later, a tenth of a second apart."""
        events = [
            tape.placed(0, "b", "buy", 10.03, 10, investor_account="x"),
            *layers(tape, number=number),
            sale(tape, traded * SECOND, sold),
        ]
        at = 3_600 * SECOND
        for move in range(1, moves + 1):
            for n in range(number):
                at += 100
                price = 10 - n / 100 - move / 100
                events.append(tape.changed(at, f"layer-{n}", 1_000, price=round(price, 2)))
        return events

    def test_they_are_found_while_they_rest(self) -> None:
        tape = Tape()
        (alert,) = found(self.dynamic(tape))
        assert alert.reason == (
            "acct-7 (INV-0007) placed bids of 4,000 ACME-USD at 3 prices from 9.93 to 9.95 within "
            "3 s, moved them 19 times in 60 min so far with 0 filled, and sold 300 at 10.05 "
            "meanwhile"
        )
        assert alert.metrics["moves"] == 19
        assert len(alert.evidence_events) == 9
        assert alert.evidence_orders == ("layer-0", "layer-1", "layer-2", "layer-3")

    def test_once_however_long_it_goes_on_and_when_they_go(self) -> None:
        tape = Tape()
        again = [sale(tape, 3_606 * SECOND), *pulled(tape, at=3_607 * SECOND)]
        assert len(found([*self.dynamic(tape, 15), *again])) == 1

    def test_each_must_be_moved_so_often(self) -> None:
        assert not found(self.dynamic(Tape(), 4))
        assert len(found(self.dynamic(Tape(), 4), "{minimum_moves: 4}")) == 1

    def test_at_several_prices(self) -> None:
        assert not found(self.dynamic(Tape(), 20, number=2))

    def test_with_a_trade_on_the_other_side_lately_that_is_much_smaller(self) -> None:
        assert not found(self.dynamic(Tape(), traded=3_470))
        assert not found(self.dynamic(Tape(), sold=2_001))

    def test_who_moves_quotes_on_both_sides_makes_a_market(self) -> None:
        tape = Tape()
        shown = tape.placed(10 * SECOND, "offer", "sell", 10.5, 2_001, **LAYERER)
        first, *events = self.dynamic(tape)
        assert not found([first, shown, *events])

    def test_what_nobody_sees_misleads_nobody(self) -> None:
        tape = Tape()
        first, *events = self.dynamic(tape)
        best = tape.placed(0, "better", "buy", 10.9, 10, investor_account="x")
        assert not found([first, best, *events])

    def test_saved_and_restored_in_the_middle_it_finds_the_same(self) -> None:
        tape = Tape()
        rules = correlator("layering")
        events = [*self.dynamic(tape), *pulled(tape, at=3_607 * SECOND)]
        assert_the_same_after_a_restart(rules, events)


def test_layers_must_be_a_part_of_what_stands_there_and_near_the_touch() -> None:
    def among(quantity: float, price: float = 10.01) -> list[Any]:
        tape = Tape()
        other = tape.placed(0, "other", "buy", price, quantity, investor_account="acct-1")
        return [other, *layers(tape), sale(tape), *pulled(tape)]

    assert len(found(among(36_000))) == 1
    assert not found(among(36_001))
    assert len(found(among(10, 10.49))) == 1
    assert not found(among(10, 10.6))


def test_three_prices_are_several_if_nothing_is_left() -> None:
    tape = Tape()
    assert len(found([*layers(tape, number=3), sale(tape), *pulled(tape, number=3)])) == 1
    assert not found([*layers(tape, number=4), sale(tape), *pulled(tape, number=3)])
    assert not found([*layers(tape, number=2), sale(tape), *pulled(tape, number=2)])


def test_amending_to_next_to_nothing_is_cancelling() -> None:
    tape = Tape()
    cut = [tape.changed((20 + n / 10) * SECOND, f"layer-{n}", 1) for n in range(4)]
    assert len(found([*layers(tape), sale(tape), *cut])) == 1
    halved = [tape.changed((20 + n / 10) * SECOND, f"layer-{n}", 500) for n in range(4)]
    assert not found([*layers(tape), sale(tape), *halved])


def test_one_alert_for_one_set_of_orders_and_a_higher_one_the_next_time() -> None:
    tape = Tape()
    events = [*layers(tape, number=5), sale(tape), *pulled(tape, number=5)]
    again = 60 * SECOND
    events += layers(tape, at=again, number=5)
    events += [sale(tape, at=again + 10 * SECOND), *pulled(tape, at=again + 20 * SECOND, number=5)]
    first, second = found(events)
    assert second.confidence > first.confidence
    assert second.metrics["times_in_an_hour"] == 2


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    offer = tape.placed(SECOND, "offer", "sell", 10.1, 100, **LAYERER)
    events = [*layers(tape, number=5), offer, sale(tape), tape.gap(11 * SECOND)]
    events += [tape.changed(19 * SECOND, "layer-4", 50), *pulled(tape, number=4)]
    assert_the_same_after_a_restart(correlator("layering"), events)


def test_what_is_left_of_an_order_that_was_amended_to_next_to_nothing_counts_no_more() -> None:
    tape = Tape()
    events = [*layers(tape, number=5), sale(tape)]
    events += [tape.changed(20 * SECOND, f"layer-{n}", 50) for n in range(3)]
    (alert,) = found([*events, *pulled(tape, number=4)])
    assert alert.metrics["orders"] == 4
    assert alert.metrics["layered_quantity"] == 4_000


@pytest.mark.parametrize("investor", ["A", "B"])
def test_who_is_an_account_and_an_investor_by_one_name_shows_each_order_once(investor: str) -> None:
    tape = Tape()
    who = {"investor_account": "A", "investor_id": investor, "investor_cluster": None}
    opposite = tape.placed(0, "offer", "sell", 10.05, 1_500, **who)
    sold = {"seller_account": "A", "seller_id": investor, "seller_cluster": None}
    events = [opposite, *layers(tape, SECOND, **who), sale(tape, **sold), *pulled(tape)]
    assert len(found(events)) == 1


def test_an_order_whose_id_was_that_of_one_that_was_cut_to_nothing_counts() -> None:
    tape = Tape()
    earlier = [
        tape.placed(0, "layer-0", "buy", 9.9, 1_000, **LAYERER),
        tape.changed(100, "layer-0", 10),
    ]
    hour = 3_600 * SECOND
    later = [*layers(tape, hour), sale(tape, hour + 10 * SECOND), *pulled(tape, hour + 20 * SECOND)]
    (alert,) = found([*earlier, *later])
    assert alert.metrics["layered_quantity"] == 4_000


def test_nobody_is_found_where_a_feed_names_no_accounts() -> None:
    tape = Tape()
    nobody: dict[str, Any] = dict.fromkeys(LAYERER)
    trade = tape.trade(10 * SECOND, 10.05, 300)
    assert not found([*layers(tape, **nobody), trade, *pulled(tape)])


def test_over_a_gap_it_is_unsure() -> None:
    tape = Tape()
    sure = found([*layers(tape), sale(tape), *pulled(tape)])
    (alert,) = found([*layers(tape), tape.gap(5 * SECOND), sale(tape), *pulled(tape)])
    assert "unsure" in alert.tags
    assert alert.confidence < sure[0].confidence


def test_an_order_whose_end_was_missed_counts_no_more() -> None:
    tape = Tape()
    shown = tape.placed(SECOND, "offer", "sell", 10.05, 5_000, **LAYERER)
    gap = tape.gap(2 * SECOND)
    told = [
        tape.snapshot(3 * SECOND, bid_order_ids=("b",), bid_prices=(9.0,), bid_quantities=(1.0,)),
        *layers(tape, at=4 * SECOND),
        sale(tape),
        *pulled(tape),
    ]
    (alert,) = found([shown, gap, *told])
    assert alert.metrics["levels"] == 4
    assert not found([shown, *told[1:]])


def test_exempt_labels_and_small_amounts_are_left_out() -> None:
    tape = Tape()
    labelled = layers(tape, investor_labels=("market_maker",))
    assert not found([*labelled, sale(tape), *pulled(tape)], "{exempt_labels: [market_maker]}")
    events = [*layers(tape), sale(tape), *pulled(tape)]
    assert not found(events, "{minimum_notional: 50000}")
    assert len(found(events, "{minimum_notional: 30000}")) == 1


def test_its_memory_is_bounded_and_its_sums_stay_right() -> None:
    tape = Tape()
    engine = Engine(correlator("layering", "{minimum_levels: 100}"))
    for n in range(3 * MOST_ORDERS):
        engine.process([tape.placed(n, f"o-{n}", "buy", 10 + n / 1_000, 0.1, **LAYERER)])
        if n % 3:
            engine.process([tape.cancelled(n, f"o-{n}")])
    (entry,) = engine.book.correlators
    state: Any = entry.correlator.state
    (desks,) = state.desks.books.values()
    (desk,) = desks.values()
    assert len(desk.bids.pulled) == len(desk.bids.ended) == MOST_ORDERS
    assert desk.bids.taken_off == pytest.approx(0.1 * MOST_ORDERS)
    assert desk.bids.lately == pytest.approx(0.1 * len(desk.bids.ended[desk.bids.recent :]))
