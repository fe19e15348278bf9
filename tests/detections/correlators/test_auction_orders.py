"""Orders that are pulled from an auction shortly before its price is made."""

from typing import Any

import pytest
from msgspec.structs import replace

from detections.alerting.findings import Finding
from detections.correlators import auction_orders
from detections.correlators.auction_orders import AuctionOrders, Parameters
from detections.markets import auction_call
from detections.markets.auction_call import would_trade
from pipeline.venue_sessions import ReferenceTime, Session
from tests.detections.correlators.closes import CLOSE, MIN, VENUE, S, stamped
from tests.detections.samples import Tape


def auction(events: list[Any], **parameters: Any) -> list[Finding]:
    """What is found once the auction has its price, of 10."""
    detection = AuctionOrders(Parameters(**parameters))
    priced = Tape().trade(CLOSE + 9 * S, 10, 1, trade_id="auction", id="auction")
    whole = stamped([*events, priced])
    found = [finding for event in whole[:-1] for finding in detection.observe(event)]
    assert not found, "it isn't known yet what is put in again"
    found = list(detection.observe(whole[-1]))
    assert not detection.state.auctions
    return found


def pulled(
    tape: Tape, *, placed: float = CLOSE - 3 * MIN, cancelled: float = CLOSE - 5 * S,
    quantity: float = 500, price: float = 10.2, **more: Any,
) -> list[Any]:  # fmt: skip
    events: list[Any] = [tape.trade(0, 10, 1)]
    events += [
        tape.placed(56 * MIN + n * S, f"o-{n}", "buy", 10, 100, investor_account=f"a-{n}")
        for n in range(6)
    ]
    fields = {"investor_account": "x", **more}
    events.append(tape.placed(placed, "x", "buy", price, quantity, **fields))
    events.append(tape.cancelled(cancelled, "x", **fields))
    return sorted(events, key=lambda one: one.timestamp)


def test_a_large_order_pulled_seconds_before_the_close() -> None:
    tape = Tape()
    (finding,) = auction(pulled(tape))
    assert finding.entities == ("x",)
    assert finding.metrics["share"] == pytest.approx(500 / 1_100)
    assert [one.orders for one in finding.witnesses] == [("x",), ("x",)]


@pytest.mark.parametrize(
    "otherwise",
    [
        {"cancelled": CLOSE - 16 * S},
        {"placed": CLOSE - 34 * S, "cancelled": CLOSE - 5 * S},
        {"quantity": 190},
        {"price": 9.9},
        {"placed": CLOSE - 7 * MIN},  # it waited since before the auction
        {"cancelled": CLOSE + S},
    ],
)
def test_what_is_pulled_otherwise_is_none(otherwise: dict[str, float]) -> None:
    assert auction(pulled(Tape(), **otherwise)) == []


@pytest.mark.parametrize(
    ("price", "quantity", "count"),
    [(10.1, 500, 0), (9.96, 500, 0), (9.9, 500, 1), (10.1, 200, 0), (10.1, 190, 1)],
    ids=["higher", "lower", "out of reach", "two fifths of it", "less of it"],
)
def test_what_is_put_in_again_is_not_pulled(price: float, quantity: float, count: int) -> None:
    tape = Tape()
    again = tape.placed(CLOSE - 4 * S, "x2", "buy", price, quantity, investor_account="x")
    events = sorted([*pulled(tape), again], key=lambda one: one.timestamp)
    assert len(auction(events)) == count
    other = tape.placed(CLOSE - 4 * S, "x2", "buy", price, quantity, investor_account="z")
    assert len(auction(sorted([*pulled(tape), other], key=lambda one: one.timestamp))) == 1


def test_what_waited_all_along_is_not_put_in_again() -> None:
    tape = Tape()
    waits = tape.placed(CLOSE - 3 * MIN, "w", "buy", 10.1, 400, investor_account="x")
    (finding,) = auction(sorted([*pulled(tape), waits], key=lambda one: one.timestamp))
    assert finding.metrics["quantity"] == 500


def test_an_eighth_is_enough_of_who_stays_on_the_other_side() -> None:
    tape = Tape()
    few = pulled(tape, quantity=100)
    assert auction(few) == []
    stays = tape.placed(CLOSE - 2 * MIN, "y", "sell", 10.1, 30, investor_account="x")
    assert len(auction(sorted([*few, stays], key=lambda one: one.timestamp))) == 1


def test_an_auction_without_a_trade_is_judged_by_the_last_price_a_minute_later() -> None:
    tape = Tape()
    detection = AuctionOrders(Parameters())
    later = [tape.placed(CLOSE + at * S, f"l{at}", "buy", 10, 1) for at in (30, 61)]
    counts = [len(list(detection.observe(one))) for one in stamped([*pulled(tape), *later])]
    assert counts[-2:] == [0, 1]


def test_orders_on_the_other_side_make_it_surer_and_no_account_less_sure() -> None:
    tape = Tape()
    (alone,) = auction(pulled(tape))
    stays = tape.placed(CLOSE - 2 * MIN, "y", "sell", 10.1, 300, investor_account="x")
    events = sorted([*pulled(tape), stays], key=lambda one: one.timestamp)
    (both,) = auction(events)
    (nameless,) = auction(pulled(tape, investor_account=None))
    assert nameless.confidence < alone.confidence < both.confidence
    assert nameless.reason.startswith("Somebody")


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"price": 9.0, "quantity": 500}, 1),
        ({"price": None, "quantity": 1}, 1),
        ({"price": 10.2, "quantity": 500, "remaining": 0}, 1),
        ({"price": 9.96, "quantity": 500}, 0),
        ({"price": 10.2, "quantity": 250}, 0),
        ({"price": None, "quantity": None}, 0),
    ],
    ids=["far off", "next to nothing", "nothing", "near", "half", "it isn't said how"],
)
@pytest.mark.parametrize("account", ["x", None])
def test_an_order_that_is_changed_is_pulled_and_put_in_again(
    changes: dict[str, Any], count: int, account: str | None
) -> None:
    tape = Tape()
    *events, gone = pulled(tape, investor_account=account)
    moved = tape.changed(CLOSE - 5 * S, "x", investor_account=account, **changes)
    findings = auction([*events, moved])
    assert len(findings) == count
    for finding in findings:
        assert "cancelled or changed them 5 s before close, after 2.92 min" in finding.reason
        assert finding.metrics["quantity"] == 500 - (changes["quantity"] == 1)
    # What is left and then pulled as well is not pulled twice; a larger one is as old as it was.
    larger = tape.changed(CLOSE - 20 * S, "x", price=10.2, quantity=600)
    (finding,) = auction([*events, larger, gone])
    assert finding.metrics["quantity"] == 600
    early = tape.changed(CLOSE - 16 * S, "x", price=9.0, quantity=500)
    assert auction([*events, early]) == []


def test_an_auction_is_judged_though_the_next_time_begins_before_it_has_a_price() -> None:
    tape = Tape()
    venue = replace(
        VENUE,
        sessions=(Session(phase="closing-auction", start="00:55", end="01:05", days=("thu",)),),
        references=(
            ReferenceTime(name="close", at="01:00", purpose="close", days=("thu",)),
            ReferenceTime(name="settled", at="01:04", purpose="settlement", days=("thu",)),
        ),
    )
    later = tape.placed(CLOSE + 5 * S, "l", "buy", 10, 1)
    detection = AuctionOrders(Parameters())
    events = stamped([*pulled(tape), later], venue)
    counts = [len(list(detection.observe(one))) for one in events]
    assert counts[-1] == 1
    assert sum(counts) == 1


def test_each_of_thousands_that_were_pulled_is_not_held_against_all_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tape = Tape()
    number, asked = 400, 0

    def counted(buy: bool, limit: float | None, price: float | None) -> bool:
        nonlocal asked
        asked += 1
        return would_trade(buy, limit, price)

    monkeypatch.setattr(auction_orders, "would_trade", counted)
    monkeypatch.setattr(auction_call, "would_trade", counted)
    placed = [
        tape.placed(56 * MIN + n, f"n-{n}", "buy", 10, 10, investor_account=None)
        for n in range(2 * number)
    ]
    gone = [
        tape.cancelled(CLOSE - 10 * S + n, f"n-{n}", investor_account=None) for n in range(number)
    ]
    assert auction([*placed, *gone]) == []
    assert 0 < asked <= 4 * number


def test_saved_and_restored_anywhere_it_finds_the_same() -> None:
    tape = Tape()
    *events, _ = pulled(tape)
    moved = tape.changed(CLOSE - 5 * S, "x", 500, price=9.0, investor_account="x")
    priced = tape.trade(CLOSE + 9 * S, 10, 1)
    whole = stamped([*events, moved, priced])
    for cut in range(len(whole)):
        one, other = AuctionOrders(Parameters()), AuctionOrders(Parameters())
        findings = [finding for event in whole[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        findings += [finding for event in whole[cut:] for finding in other.observe(event)]
        assert len(findings) == 1
