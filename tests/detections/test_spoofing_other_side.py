"""What the owner of a large order does on the other side, and when that makes it no spoof."""

from typing import Any

from normalizer.events import Alert
from tests.detections.samples import Tape
from tests.detections.spoofing_samples import SOLD, SPOOFER, found, honest, spoof


def test_the_other_side_may_trade_shortly_after_the_cancellation() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.cancelled(1500, "s", remaining=5000.0),
    ]
    soon = [*events, tape.trade(2400, 10.05, 300, buyer_account="acct-3", **SOLD)]
    late = [*events, tape.trade(2600, 10.05, 300, buyer_account="acct-3", **SOLD)]
    assert len(found(soon)) == 1
    assert found(late) == []
    assert len(found(late, "{execution_window: 2s}")) == 1


def test_who_was_hit_and_gets_rid_of_it_spoofs_nobody() -> None:
    def hit(quantity: float) -> list[Any]:
        tape = Tape()
        return [
            *honest(tape),
            tape.placed(900, "hit", "buy", 10.02, 400, **SPOOFER),
            tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
            tape.trade(
                1100,
                10.02,
                quantity,
                side="sell",
                maker_order_id="hit",
                buyer_account="acct-12",
                buyer_id="INV-0031",
                seller_account="acct-3",
            ),
            tape.trade(1500, 10.05, 300, buyer_account="acct-3", **SOLD),
            tape.cancelled(1840, "s", remaining=5000.0),
        ]

    assert found(hit(160)) == []
    assert len(found(hit(140))) == 1


def test_what_it_shows_on_the_other_side_counts_even_where_it_does_not_trade() -> None:
    def showing(asks: float, price: float = 10.06) -> list[Any]:
        tape = Tape()
        return [
            *honest(tape),
            tape.placed(500, "ask", "sell", price, asks, **SPOOFER),
            *spoof(tape),
        ]

    assert found(showing(2300)) == []
    assert len(found(showing(2200))) == 1
    assert len(found(showing(5000, 20.0))) == 1  # nobody sees it there


def test_who_takes_from_others_once_the_order_is_off_does_something_else() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.cancelled(1500, "s", remaining=5000.0),
        tape.trade(
            1600, 10.01, 300, maker_order_id="b1", buyer_account="x", **{**SOLD, "side": "sell"}
        ),
    ]
    assert found(events) == []


class TestWhoTradesAllTheTime:
    """Large orders of a busy maker meet his trades on the other side now and then."""

    def quoting(self, every: int, met_every: int, number: int = 60) -> list[Any]:
        tape = Tape()
        events = honest(tape)
        for step in range(number):
            at = 10_000 + step * 4_000
            order = f"bid-{step}"
            events.append(tape.placed(at, order, "buy", 10.02, 5000, **SPOOFER))
            if step % met_every == met_every - 1:
                soon = 37 * step % 900  # at any time before it goes, as chance has it
                events.append(
                    tape.trade(at + 50 + soon, 10.05, 300, buyer_account="acct-3", **SOLD)
                )
            events.append(tape.cancelled(at + 1000, order, remaining=5000.0))
            if step % every == 0:
                events.append(tape.trade(at + 3000, 10.05, 300, buyer_account="acct-3", **SOLD))
        return events

    def test_they_meet_by_chance(self) -> None:
        assert found(self.quoting(1, 3)) == []

    def test_they_meet_every_time(self) -> None:
        alerts = found(self.quoting(60, 1))
        assert len(alerts) == 60
        assert all(alert.metrics["chance"] < 0.01 for alert in alerts)

    def test_who_mostly_has_another_order_there_at_once_quotes(self) -> None:
        def requoting(pause: float) -> list[Alert]:
            tape = Tape()
            events = honest(tape)
            for step in range(5):
                at = 10_000 + step * (1_000 + pause)
                order = f"bid-{step}"
                events += [
                    tape.placed(at, order, "buy", 10.02, 5000, **SPOOFER),
                    tape.trade(at + 500, 10.05, 300, buyer_account="acct-3", **SOLD),
                    tape.cancelled(at + 1000, order, remaining=5000.0),
                ]
            return found(events)

        assert len(requoting(1001)) == 5
        assert len(requoting(100)) == 2  # the first two are not known to be replaced

    def test_so_does_who_puts_the_other_order_there_first(self) -> None:
        tape = Tape()
        events = [*honest(tape), tape.placed(9_000, "bid-0", "buy", 10.02, 5000, **SPOOFER)]
        for step in range(1, 5):
            at = 9_000 + step * 2_000
            events += [
                tape.trade(at - 500, 10.05, 300, buyer_account="acct-3", **SOLD),
                tape.placed(at, f"bid-{step}", "buy", 10.02, 5000, **SPOOFER),
                tape.cancelled(at + 100, f"bid-{step - 1}", remaining=5000.0),
            ]
        assert found(events) == []

    def test_how_sure_it_must_be_is_a_parameter(self) -> None:
        assert len(found(self.quoting(1, 3), "{minimum_significance: 0}")) == 20


def test_a_great_execution_is_no_small_profit_from_a_false_impression() -> None:
    tape = Tape()
    events = [
        *honest(tape),
        tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
        tape.trade(1200, 10.05, 3000, buyer_account="acct-3", **SOLD),
        tape.cancelled(1500, "s", remaining=5000.0),
    ]
    assert found(events) == []
    assert len(found(events, "{minimum_execution_multiple: 1}")) == 1


def test_the_size_of_an_order_on_the_other_side_counts_whole_however_little_of_it_traded() -> None:
    def quoting(ask: float) -> list[Any]:
        tape = Tape()
        return [
            *honest(tape),
            tape.placed(900, "ask", "sell", 10.04, ask, **SPOOFER),
            tape.placed(1000, "bid", "buy", 10.02, 5000, **SPOOFER),
            tape.trade(1100, 10.04, 20, maker_order_id="ask", buyer_account="acct-3", **SOLD),
            tape.trade(1200, 10.04, 20, maker_order_id="ask", buyer_account="acct-4", **SOLD),
            tape.cancelled(1500, "bid", remaining=5000.0),
        ]

    assert found(quoting(5000)) == []
    (alert,) = found(quoting(2500))
    assert alert.metrics["executed_quantity"] == 40


def test_many_small_executions_count_all() -> None:
    def hit(times: int) -> list[Any]:
        tape = Tape()
        trades = [tape.trade(1100, 10.05, 50, buyer_account="acct-3", **SOLD) for _ in range(times)]
        placed = tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER)
        return [*honest(tape), placed, *trades, tape.cancelled(1500, "s", remaining=5000.0)]

    (alert,) = found(hit(50))
    assert alert.metrics["executed_quantity"] == 2500
    assert "while selling 2,500 at 10.05" in alert.reason
    assert found(hit(51)) == []


def test_the_cluster_may_trade_for_it() -> None:
    tape = Tape()
    (alert,) = found(
        [
            *honest(tape),
            tape.placed(1000, "s", "buy", 10.02, 5000, **SPOOFER),
            tape.trade(1200, 10.05, 300, seller_account="acct-99", seller_cluster="CL-1"),
            tape.cancelled(1500, "s", remaining=5000.0),
        ]
    )
    assert "while its cluster was selling 300 at 10.05" in alert.reason
