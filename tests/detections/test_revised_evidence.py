"""An alert that rests on a trade which a venue takes back or corrects later says so."""

import asyncio
from typing import Any

import pytest

from detections.alerting import revised_evidence
from detections.alerting.given_alerts import GivenAlerts
from detections.engine.engine import Engine
from detections.lanes.events import Taken
from detections.lanes.rewind import RewindingEngine
from detections.lanes.ruled_engine import RuledEngine
from detections.rules.loading import parse_rules
from normalizer.events import Alert, AlertUpdate, ChainReorganised, Record
from normalizer.events.market import TradeBusted, TradeCorrected
from tests.detections.forked_chain import ListedPast
from tests.detections.samples import Tape
from tests.detections.test_revised_trades import MINUTE, revised

RULES = """
title: Two trades by one account with itself
id: 7d0f3a6e-6f6b-4f6e-9a43-0000000000b1
status: test
level: high
description: Self-trades.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: wash_trading
correlator: wash_trading
parameters: {pattern: self_trade, minimum_trades: 2}
---
title: A large trade
id: 7d0f3a6e-6f6b-4f6e-9a43-0000000000b2
status: test
level: low
description: One trade.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: large_transfers
logsource: {product: tapewatch, service: venue}
detection:
  selection: {event.action: trade, market.trade.quantity|gte: 100}
  condition: selection
"""


class Lane:
    """A lane's engine, which may be restarted from its saved state."""

    def __init__(self) -> None:
        self.place = 0
        self.told: list[Alert | AlertUpdate] = []
        self.engine = self._new()

    @staticmethod
    def _new() -> RewindingEngine:
        make = lambda: Engine(parse_rules(RULES.encode()))  # noqa: E731
        return RewindingEngine(RuledEngine(make()), ListedPast([], make))

    def take(self, *records: Record) -> list[Alert | AlertUpdate]:
        self.place += 1
        told = asyncio.run(self.engine.take(self.place, Taken(list(records), True)))
        self.told += told
        return told

    def restart(self) -> None:
        saved = self.engine.snapshot()
        self.engine = self._new()
        self.engine.restore(saved)
        assert self.engine.snapshot() == saved


def selves(count: int, **values: Any) -> list[Any]:
    tape = Tape()
    who: dict[str, Any] = {"buyer_account": "a", "seller_account": "a", **values}
    return [
        tape.trade(number * MINUTE, 10.0, 5.0, trade_id=f"t{number}", **who)
        for number in range(count)
    ]


def updates(told: list[Alert | AlertUpdate]) -> list[AlertUpdate]:
    return [one for one in told if isinstance(one, AlertUpdate)]


@pytest.mark.parametrize("restarts", [False, True])
def test_each_standing_alert_that_rests_on_a_busted_trade_is_amended(restarts: bool) -> None:
    lane = Lane()
    first, second = selves(2)
    (alert,) = lane.take(first, second)
    if restarts:
        lane.restart()
    (update,) = updates(lane.take(revised(TradeBusted, first, 5 * MINUTE, reason="erroneous")))
    assert (update.alert_id, update.status, update.level) == (alert.id, "amended", "high")
    assert update.reason == (
        "trade t0 of ACME-USD on demo-venue was busted at 2026-01-01 00:05:00 UTC (erroneous); of "
        "the trades that the alert rests on, 1 of 2 was busted (t0)"
    )
    assert (update.evidence_trades, update.instrument) == (("t0",), "ACME-USD")
    assert update.evidence_events == (f"{first.id}-revised",)


def test_the_newest_update_tells_of_all_its_trades() -> None:
    lane = Lane()
    first, second = selves(2)
    lane.take(first, second)
    (one,) = updates(lane.take(revised(TradeCorrected, first, 5 * MINUTE, price=9.5, quantity=4.0)))
    assert "was corrected to a quantity of 4 and a price of 9.5 at" in one.reason
    assert one.reason.endswith("1 of 2 was corrected (t0)")
    (two,) = updates(lane.take(revised(TradeBusted, second, 6 * MINUTE)))
    assert two.reason.endswith("1 of 2 was busted (t1) and 1 of 2 was corrected (t0)")
    (three,) = updates(lane.take(revised(TradeBusted, first, 7 * MINUTE, id="later")))
    assert three.reason.endswith("all 2 were busted")
    assert len({one.id, two.id, three.id}) == 3


def test_a_correction_of_something_else_is_told_as_one() -> None:
    lane = Lane()
    first, second = selves(2)
    lane.take(first, second)
    (update,) = updates(lane.take(revised(TradeCorrected, first, 5 * MINUTE)))
    assert update.reason.startswith("trade t0 of ACME-USD on demo-venue was corrected at 2026")


def test_what_a_venue_says_of_each_side_is_told_once() -> None:
    lane = Lane()
    first, second = selves(2)
    lane.take(first, second)
    sides = [revised(TradeBusted, first, 5 * MINUTE, id=one) for one in ("bought", "sold")]
    assert len(updates(lane.take(*sides))) == 1


def test_an_alert_that_comes_later_and_still_rests_on_it_says_so_at_once() -> None:
    lane = Lane()
    large = Tape().trade(0, 10.0, 500.0, trade_id="t0")
    alert, update = lane.take(revised(TradeBusted, large, MINUTE), large)
    assert isinstance(alert, Alert)
    assert isinstance(update, AlertUpdate)
    assert update.alert_id == alert.id
    assert update.reason.endswith("of the trades that the alert rests on, the only one was busted")


def test_what_was_busted_while_an_alert_was_retracted_is_told_when_it_is_reinstated() -> None:
    lane, given = Lane(), GivenAlerts()
    first, second = selves(2)
    (alert,) = lane.take(first, second)
    assert isinstance(alert, Alert)
    fork = ChainReorganised(
        id="fork", timestamp=first.timestamp, ingested=first.timestamp, original="RAW/1/0",
        provider="chain", chain_id=1, common_number=1, common_hash="0x1", depth=1, old_number=2,
        old_hash="0x2", new_number=2, new_hash="0x3",
    )  # fmt: skip
    assert given.give(1, [alert]) == [alert]
    assert [one.status for one in updates(given.replace(1, {}, fork))] == ["retracted"]
    bust = revised(TradeBusted, first, 5 * MINUTE)
    assert given.revise(bust) == []
    reinstated, amended = updates(given.replace(1, {alert.id: (1, alert)}, fork))
    assert (reinstated.status, amended.status) == ("reinstated", "amended")
    assert amended.reason.endswith("1 of 2 was busted (t0)")


def test_a_trade_of_another_market_by_the_same_id_is_another_trade() -> None:
    lane = Lane()
    first, second = selves(2)
    lane.take(first, second)
    other = revised(TradeBusted, first, 5 * MINUTE)
    other.instrument = "OTHER-USD"
    assert lane.take(other) == []


def test_the_trades_of_the_oldest_alerts_are_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revised_evidence, "REMEMBERED_TRADES", 5)
    lane = Lane()
    tape = Tape()
    trades = [tape.trade(number, 10.0, 500.0, trade_id=f"t{number}") for number in range(8)]
    for trade in trades:
        lane.take(trade)
    lane.restart()
    told = [lane.take(revised(TradeBusted, trade, MINUTE)) for trade in trades]
    assert [len(one) for one in told] == [0, 0, 0, 1, 1, 1, 1, 1]


def test_what_is_forgotten_between_busts_is_as_after_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revised_evidence, "REMEMBERED_TRADES", 3)
    went_on, restarted = Lane(), Lane()
    tape = Tape()
    trades = [tape.trade(number, 10.0, 500.0, trade_id=f"t{number}") for number in range(9)]
    for number, trade in enumerate(trades):
        oldest = trades[max(0, number - 2)]
        bust = revised(TradeBusted, oldest, MINUTE)
        corrected = revised(TradeCorrected, trades[max(0, number - 1)], MINUTE, price=9.0)
        for lane in (went_on, restarted):
            lane.take(trade)
            lane.take(bust, corrected)
        restarted.restart()
        assert went_on.engine.snapshot() == restarted.engine.snapshot()
    assert went_on.told == restarted.told
    assert len(updates(went_on.told)) == 14
