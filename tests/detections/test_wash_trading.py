"""Wash trading beyond what the tests beside the rules show."""

from typing import Any

from detections.correlators.wash_trading import Deal, Parameters, WashTrading
from detections.windows import Group, Key, SlidingGroups
from tests.detections.samples import START, Tape, alerts, correlator, swap

MINUTE = 60_000.0


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


def test_a_swap_without_a_side_is_passed_over() -> None:
    rules = correlator(
        "wash_trading", "{pattern: pool_round_trip, minimum_trades: 2, minimum_gross: 0}"
    )
    both = [
        swap(1, side="buy", quantity=10.0, investor_address="0xa"),
        swap(2, side="sell", quantity=10.0, investor_address="0xa"),
    ]
    assert len(alerts(rules, both)) == 1
    unknown = [swap(1, investor_address="0xa"), swap(2, investor_address="0xa")]
    assert alerts(rules, unknown) == []


def test_who_signed_is_the_trader_where_nobody_else_is_known() -> None:
    rules = correlator("wash_trading", "{pattern: pool_round_trip, minimum_trades: 2}")
    (alert,) = alerts(
        rules,
        [
            swap(1, side="buy", quantity=10.0, transaction_from="0xf"),
            swap(2, side="sell", quantity=10.0, transaction_from="0xf"),
        ],
    )
    assert alert.entities == ("0xf",)
    assert alert.chain_id == 31337
    assert alert.evidence_blocks == (1, 2)


def test_what_is_left_over_is_bounded() -> None:
    swaps = [
        swap(1, side="buy", quantity=100.0, investor_id="I"),
        swap(2, side="sell", quantity=90.0, investor_id="I"),
    ]
    strict = "{pattern: pool_round_trip, minimum_trades: 2, maximum_net_share: 5%}"
    loose = "{pattern: pool_round_trip, minimum_trades: 2, maximum_net_share: 6%}"
    assert alerts(correlator("wash_trading", strict), swaps) == []
    assert len(alerts(correlator("wash_trading", loose), swaps)) == 1


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


def test_it_only_wants_what_its_pattern_is_about() -> None:
    assert WashTrading(Parameters(pattern="self_trade")).actions == {"trade"}
    assert WashTrading(Parameters(pattern="pool_round_trip")).actions == {"pool-swap"}
