"""Wash trading beyond what the tests beside the rules show."""

from typing import Any

from detections.alerting.findings import Finding
from detections.correlators.wash_trading import Deal, Parameters, WashTrading
from detections.windows import Group, Key, SlidingGroups
from normalizer.events import Alert
from normalizer.events.market import TradeBusted
from tests.detections.samples import START, Tape, alerts, correlator
from tests.detections.test_revised_trades import revised

MINUTE = 60_000.0
HOUR = 60 * MINUTE


def self_trades(count: int, every: float = MINUTE) -> list[Any]:
    tape = Tape()
    return [
        tape.trade(number * every, 10, 5, buyer_account="a", seller_account="a", currency="USD")
        for number in range(count)
    ]


def test_a_trade_without_known_parties_is_nobody_s() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    tape = Tape()
    assert alerts(rules, [tape.trade(0, 10, 5), tape.trade(1, 10, 5, buyer_account="a")]) == []


def test_the_minimum_counts_within_the_sliding_window() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 3, window: 10m}")
    assert len(alerts(rules, self_trades(3, 5 * MINUTE))) == 1
    assert alerts(rules, self_trades(3, 5 * MINUTE + 1)) == []


def test_the_minimum_value_counts_within_the_window() -> None:
    rules = correlator(
        "wash_trading", "{pattern: self_trade, minimum_trades: 1, minimum_gross: 120}"
    )
    (alert,) = alerts(rules, self_trades(3))
    assert alert.metrics["notional"] == 150


def test_instruments_and_venues_are_apart() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 2}")
    tape = Tape()
    one = tape.trade(0, 10, 5, buyer_account="a", seller_account="a")
    other = tape.trade(1, 10, 5, buyer_account="a", seller_account="a", instrument="OTHER-USD")
    assert alerts(rules, [one, other]) == []


def test_late_trades_stand_in_the_order_of_their_time() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 3, window: 10m}")
    first, second, third = self_trades(3, 4 * MINUTE)
    (alert,) = alerts(rules, [first, third, second])
    assert alert.evidence_events == ("event-1", "event-3", "event-2")
    assert alert.created == START


def test_groups_are_bounded_and_the_idlest_goes_first() -> None:
    windows = SlidingGroups[Deal](10, most_groups=3, most_items=2)
    groups: dict[Key, Group[Deal]] = {}
    deals = [Deal(n, 1.0, 1.0, None, (), None, False) for n in range(5)]  # type: ignore[arg-type]
    for key in ("a", "b", "c", "a", "d"):
        windows.add(groups, (key,), deals[0])
    assert list(groups) == [("c",), ("a",), ("d",)]
    for deal in deals:
        group = windows.add(groups, ("x",), deal)
        assert len(group.items) <= 2


def busy(own: int, all_trades: int, other: str = "a-2", **more: Any) -> list[Any]:
    """A firm's trades of an hour, of which some are with another, or the same, of its accounts."""
    tape, events = Tape(), list[Any]()
    for number in range(all_trades):
        names: dict[str, Any] = {"buyer_account": "a-1", "buyer_id": "FIRM"}
        if number % (all_trades // own) == all_trades // own - 1:
            names |= {"seller_account": other, "seller_id": "FIRM"}
        else:
            names |= {"seller_account": f"other-{number % 7}"}
        events.append(tape.trade(number * 1_000.0, 10, 5, **names, **more))
    return events


def test_algorithms_of_a_firm_that_meet_now_and_then_are_left_alone() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    assert alerts(rules, busy(4, 200)) == []


def test_a_pattern_of_such_meetings_is_half_as_sure() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    found = alerts(rules, busy(12, 600, "a-1"))
    assert [alert.metrics["trades"] for alert in found] == [10, 12]
    assert found[0].confidence == 0.5
    assert "2% of all its trades" in found[0].reason


def test_two_accounts_may_meet_oftener_and_at_first_by_chance() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    assert alerts(rules, busy(60, 600)) == [], "a tenth of its trades, sixty in the hour"
    assert alerts(rules, busy(5, 25)) == [], "a fifth of so few says nothing yet"


def test_that_a_firms_first_trade_is_with_itself_is_no_pattern_and_two_are() -> None:
    def found(trades: int, seller: str = "acct-8") -> list[Alert]:
        tape = Tape()
        events = [
            tape.trade(
                n * 1_000, 10, 5, buyer_account="acct-7", buyer_id="FIRM",
                seller_account=seller, seller_id="FIRM",
            )
            for n in range(trades)
        ]  # fmt: skip
        return alerts(
            correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}"), events
        )

    assert found(1) == []
    (second,) = found(2)
    assert second.metrics["trades"] == 2
    assert len(found(1, seller="acct-7")) == 1, "one account needs no second"


def test_a_firm_that_meets_itself_all_the_time_is_not_excused() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    found = alerts(rules, busy(100, 200))
    assert found[0].confidence == 0.95
    assert found[0].metrics["share_of_trades"] == 0.5
    strict = correlator(
        "wash_trading", "{pattern: self_trade, minimum_trades: 1, incidental_share: 0%}"
    )
    assert len(alerts(strict, busy(4, 200))) == 4


def test_two_funds_of_one_cluster_that_trade_with_all_meet_by_chance() -> None:
    rules = correlator("wash_trading", "{pattern: same_cluster, minimum_trades: 3}")
    events = busy(4, 200, buyer_cluster="CL-1")
    for event in events:
        if event.seller_id == "FIRM":
            event.seller_id, event.seller_cluster = "FUND-2", "CL-1"
    assert alerts(rules, events) == []


def test_saved_and_restored_it_goes_on() -> None:
    straight = WashTrading(Parameters(pattern="self_trade"))
    broken = WashTrading(Parameters(pattern="self_trade"))
    expected: list[Finding] = []
    came: list[Finding] = []
    for number, event in enumerate(busy(50, 200)):
        expected += straight.observe(event)
        if number % 30 == 29:
            state = broken.snapshot()
            broken = WashTrading(Parameters(pattern="self_trade"))
            broken.restore(state)
        came += broken.observe(event)
    assert expected
    assert came == expected


def test_one_who_does_it_all_day_has_few_alerts_and_none_of_his_trades_is_left_out() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    told = alerts(rules, self_trades(480, 30 * MINUTE))
    assert len(told) < 160
    trades = {event for alert in told for event in alert.evidence_events}
    assert len(trades) >= 475


def test_what_a_series_left_over_is_told_by_the_next_one_within_a_day_only() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    tape = self_trades(9)
    for hours, left in ((25, 1), (49, 0)):
        fresh = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
        last_one = self_trades(10, hours * HOUR / 9)[-1]
        *_, last = alerts(fresh, [*tape, last_one])
        assert last.metrics["trades"] == 1 + left
        assert last.metrics["alert_of_series"] == 1
    assert [alert.metrics["trades"] for alert in alerts(rules, tape)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_what_was_left_over_waits_for_one_series_and_no_longer() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 3}")
    tape = Tape()
    events = [
        tape.trade(hours * HOUR, 10, 5, buyer_account="a", seller_account="a")
        for hours in (0, 0.1, 0.2, 10, 30, 60, 85, 110)
    ]
    (alert,) = alerts(rules, events)
    assert alert.evidence_events == ("event-1", "event-2", "event-3")


def test_a_told_trade_that_is_busted_takes_none_with_it_that_is_not() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 3}")
    first, *more = self_trades(5)
    last = self_trades(26, HOUR)[-1]
    *_, told = alerts(rules, [first, *more, revised(TradeBusted, first, 10 * MINUTE), last])
    assert set(told.evidence_events) == {more[-2].id, more[-1].id, last.id}


def test_a_series_of_more_trades_than_are_kept_goes_on() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}")
    told = alerts(rules, self_trades(3_000, 1_000))
    assert told[-1].metrics["trades"] == 1_000
    trades = {event for alert in told for event in alert.evidence_events}
    assert len(trades) >= 2_400
