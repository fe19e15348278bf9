"""Trades that a venue took back or corrected don't count, or count as corrected."""

from typing import Any

import pytest

from detections.correlators.wash_circular import Parameters as CircularParameters
from detections.correlators.wash_circular import WashCircular
from detections.correlators.wash_items import Parameters as ItemParameters
from detections.correlators.wash_items import WashItems
from detections.correlators.wash_matched_orders import Parameters as MatchedParameters
from detections.correlators.wash_matched_orders import WashMatchedOrders
from detections.correlators.wash_trading import Parameters, WashTrading
from detections.markets.revised_trades import REVISIONS
from normalizer.events.market import TradeBusted, TradeCorrected
from tests.detections.samples import Tape

MINUTE = 60_000.0


def revised(kind: Any, of: Any, at: float, **values: Any) -> Any:
    """What the venue says of a trade, so many milliseconds after the tape's beginning."""
    return kind(
        id=values.pop("id", f"{of.id}-revised"),
        timestamp=of.timestamp + round(at * 1e6),
        ingested=of.ingested,
        original="RAW/9/0",
        provider=of.provider,
        venue=of.venue,
        instrument=of.instrument,
        trade_id=of.trade_id,
        **values,
    )


def selves(count: int) -> list[Any]:
    tape = Tape()
    return [
        tape.trade(
            number * MINUTE, 10, 5, trade_id=f"t{number}", buyer_account="a", seller_account="a"
        )
        for number in range(count)
    ]


def washes(events: list[Any]) -> list[Any]:
    detection = WashTrading(Parameters(pattern="self_trade", minimum_trades=3))
    return [finding for event in events for finding in detection.observe(event)]


def test_a_busted_trade_makes_no_pattern_and_is_no_evidence() -> None:
    first, second, third, fourth = selves(4)
    assert len(washes([first, second, third])) == 1
    busted = revised(TradeBusted, second, MINUTE / 2)
    assert washes([first, second, busted, third]) == []
    (finding,) = washes([first, second, busted, third, fourth])
    assert [one.trade for one in finding.witnesses] == ["t0", "t2", "t3"]


def test_a_corrected_one_counts_with_what_it_was_corrected_to() -> None:
    first, second, third = selves(3)
    plain = washes([first, second, third])[0].metrics
    corrected = revised(TradeCorrected, second, MINUTE / 2, quantity=1.0)
    metrics = washes([first, second, corrected, third])[0].metrics
    assert (plain["quantity"], plain["notional"]) == (15, 150)
    assert (metrics["quantity"], metrics["notional"]) == (11, 110)


def test_one_of_another_market_or_unknown_changes_nothing() -> None:
    first, second, third = selves(3)
    elsewhere = revised(TradeBusted, second, MINUTE / 2)
    elsewhere.instrument = "OTHER-USD"
    unknown = revised(TradeBusted, second, MINUTE / 2)
    unknown.trade_id = "t99"
    assert len(washes([unknown, first, second, elsewhere, unknown, third])) == 1


def test_a_sale_of_an_item_that_was_taken_back_is_no_way_back() -> None:
    tape = Tape(instrument="PUNK #1")
    sold = tape.trade(0, 10, 1, trade_id="t1", seller_account="a", buyer_account="b")
    back = tape.trade(MINUTE, 10, 1, trade_id="t2", seller_account="b", buyer_account="a")
    busted = revised(TradeBusted, sold, MINUTE / 2)
    for events, alerts in (([sold, back], 1), ([sold, busted, back], 0)):
        detection = WashItems(ItemParameters())
        assert len([one for event in events for one in detection.observe(event)]) == alerts


@pytest.mark.parametrize(
    "detection",
    [
        WashTrading(Parameters(pattern="self_trade")),
        WashItems(ItemParameters()),
        WashCircular(CircularParameters()),
        WashMatchedOrders(MatchedParameters()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_those_that_keep_trades_listen(detection: Any) -> None:
    assert detection.actions >= REVISIONS
