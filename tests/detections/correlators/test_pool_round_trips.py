"""Swaps back and forth by one owner: pairs, positions that don't change, and who gains by it."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.pool_round_trips import Parameters, PoolRoundTrips
from normalizer.events.chain import PoolSwap
from tests.detections.correlators.pool_tape import OTHER_POOL, SETTLEMENT, Chain, wallet

WASHER, SECOND = 1, 2
BLOCKS_PER_HOUR = 300


def observed(detection: PoolRoundTrips, events: list[PoolSwap]) -> list[Finding]:
    return [finding for event in events for finding in detection.observe(event)]


def found(events: list[PoolSwap], **parameters: Any) -> list[Finding]:
    return observed(PoolRoundTrips(Parameters(**parameters)), events)


def trips(
    chain: Chain, number: int, *, apart: int = 500, wait: int = 5, result: float = 9.94, **more: Any
) -> list[PoolSwap]:
    """`number` times 100 tokens for 10, and the same 100 back for `result`."""
    back = dict[str, Any](who=WASHER, token=-100, quote=result) | more
    return [
        leg
        for start in range(0, number * apart, apart)
        for leg in (
            chain.swap((start, 1), WASHER, 100, -10),
            chain.swap(at=(start + wait, 1), **back),
        )
    ]


def test_three_pairs_far_apart() -> None:
    (finding,) = found(trips(Chain(), 3))
    assert finding.reason == (
        f"{wallet(WASHER)} bought 300 and sold 300 ACME in the pool ACME-WETH within 3.35 h: 6 "
        "swaps, 3 times there and back worth 59.82 WETH, and lost 0.3% by it"
    )
    assert finding.metrics["trips"] == 3
    assert len(finding.witnesses) == 6
    assert finding.confidence > 0.8


def test_a_series_alerts_at_multiples_with_all_of_it() -> None:
    findings = found(trips(Chain(), 9))
    assert [one.metrics["trips"] for one in findings] == [3, 6, 9]
    assert [one.metrics["alert_of_series"] for one in findings] == [1, 2, 3]


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (2, {}),
        (3, {"wait": 26}),
        (3, {"token": -98.5, "quote": 9.8}),
        (3, {"result": 10.01}),
        (3, {"who": SECOND}),
        (3, {"pool": OTHER_POOL}),
        (3, {"apart": 3700}),
        (3, {"investor_labels": ("market_maker",)}),
    ],
    ids=["twice", "late", "other amount", "gain", "another", "other pool", "days", "market maker"],
)
def test_each_condition_just_missed(number: int, changes: dict[str, Any]) -> None:
    assert found(trips(Chain(), number, **changes)) == []


def test_wallets_of_one_cluster_are_one_owner() -> None:
    chain = Chain(investor_cluster="CL-1")
    (finding,) = found(trips(chain, 3, who=SECOND))
    assert finding.reason.startswith("2 wallets of CL-1 bought 300 and sold 300 ACME")


SIZES = [70, 40, -35, 30, -45, -60]


def built_up(chain: Chain, *, last: float = -60, fee: float = 0.003, times: int = 3) -> list[Any]:
    """A position of purchases and sales of different amounts, and again."""
    return [
        chain.swap(
            (500 * again + place, 1),
            WASHER,
            size,
            -size * 0.1 * (1 + fee * (1 if size > 0 else -1)),
        )
        for again in range(times)
        for place, size in enumerate([*SIZES[:-1], last])
    ]


def test_a_position_that_is_the_same_after_swaps_of_different_amounts() -> None:
    (finding,) = found(built_up(Chain()))
    assert (finding.metrics["trips"], finding.metrics["swaps"]) == (3, 18)
    assert finding.metrics["difference"] == pytest.approx(0)
    assert found(built_up(Chain(), times=2)) == []
    # A fiftieth of a mean swap is left: it was a position.
    assert found(built_up(Chain(), last=-59)) == []
    # The same by one who gained.
    assert found(built_up(Chain(), fee=-0.003)) == []


def test_of_a_pool_that_nobody_knows_the_amounts_are_enough() -> None:
    events = trips(Chain(side=None, quantity=None, notional=None, currency=None), 3)
    (finding,) = found(events)
    assert "swapped back and forth in the pool ACME-WETH" in finding.reason


def test_one_who_mostly_does_something_else_is_none() -> None:
    chain = Chain()
    buys = [
        chain.swap((start, 2), WASHER, 33 + start, -3 - start / 9) for start in range(40, 400, 40)
    ]
    events = sorted([*trips(chain, 3), *buys], key=lambda one: one.block_number)
    assert found(events) == []


def test_a_solver_is_not_the_owner_of_what_it_settles() -> None:
    chain = Chain(transaction_to=SETTLEMENT)
    assert found(trips(chain, 3, recipient=wallet(SECOND))) == []
    assert len(found(trips(chain, 3, recipient=wallet(WASHER)))) == 1


def test_honest_ways_in_and_out_of_a_pool_are_silent() -> None:
    chain = Chain()
    # An arbitrageur: buys low, sells high, ends where they began.
    arbitrage = [
        leg
        for hour in range(5)
        for leg in (
            chain.swap((hour * BLOCKS_PER_HOUR, 1), WASHER, 100, -10),
            chain.swap((hour * BLOCKS_PER_HOUR + 9, 1), WASHER, -100, 10.2),
        )
    ]
    assert found(arbitrage) == []
    # An investor who buys and sells different amounts for a day.
    sizes = [10, 25, -7, 40, -33, 12, -20, 55, -18, 9]
    investor = [
        chain.swap((place * 20, 1), SECOND, size, -size * 0.1) for place, size in enumerate(sizes)
    ]
    assert found(investor) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    events = trips(Chain(), 9)
    expected = found(events)
    assert expected
    for cut in range(0, len(events), 3):
        first, second = PoolRoundTrips(Parameters()), PoolRoundTrips(Parameters())
        before = observed(first, events[:cut])
        second.restore(first.snapshot())
        assert before + observed(second, events[cut:]) == expected


@pytest.mark.parametrize("net_share", [0.01, 0.3, 1.0])
def test_a_position_that_several_swaps_bring_back_says_what_is_left_of_it(net_share: float) -> None:
    """What is left, over all swaps, is added up once: here it is worked out from the swaps."""
    chain = Chain()
    tokens = [100.0, 60.0, 30.0, -184.0]
    events = [
        chain.swap((400 * time + n, 1), WASHER, token, -token / 10)
        for time in range(3)
        for n, token in enumerate(tokens)
    ]
    left = abs(sum(tokens)) * len(tokens) / sum(map(abs, tokens))
    findings = found(events, maximum_net_share=net_share, pair_blocks=0, minimum_share=0)
    if left > net_share:
        assert findings == []
        return
    assert findings
    assert all(one.metrics["difference"] <= net_share for one in findings)
    if net_share == 0.3:
        assert findings[0].metrics["difference"] == pytest.approx(left)


def test_of_a_pool_in_ether_a_floor_in_dollars_is_taken_by_the_power_of_ten() -> None:
    # 59.8 of ether, which are thousands of dollars each; the same floor in dollars is not reached.
    assert len(found(trips(Chain(), 3), minimum_gross=59_000)) == 1
    assert found(trips(Chain(), 3), minimum_gross=60_000) == []
    assert found(trips(Chain(currency="USDC"), 3), minimum_gross=60) == []
    assert len(found(trips(Chain(currency=None), 3), minimum_gross=59)) == 1


def test_who_goes_on_for_days_is_told_of_each_day_as_on_the_first() -> None:
    """Once each trip of the second day was an alert, with all of the day before in it again."""
    days, each = 3, 72
    findings = found(trips(Chain(), days * each, apart=24 * BLOCKS_PER_HOUR // each))
    told = [(one.metrics["alert_of_series"], one.metrics["trips"]) for one in findings]
    day = [(1, 3), (2, 6), (3, 9), (4, 12), (5, 15), (6, 30), (7, 60)]
    assert told[:7] == day
    # What was left over of a day is in the first alert of the next.
    later = [(1, 13), (2, 15), (3, 30), (4, 60)]
    assert told[7:] == (later * 3)[:-1]
    # And no trip before the newest alert is in none of them.
    swaps = {one.id for finding in findings for one in finding.witnesses}
    assert swaps == {f"event-{number}" for number in range(1, len(swaps) + 1)}
    assert len(swaps) > 2 * days * each - 2 * 60
