"""Liquidity taken out of a pool: what is in range, what comes back, and what is forgotten."""

from typing import Any

from detections.alerting.findings import Finding
from detections.correlators.liquidity_removal import LiquidityRemoval, Parameters
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved
from tests.detections.samples import MILLISECOND, START, swap

MINUTES = 60_000
POOL = "0x" + "e" * 40


def change(kind: type[Any], at: float, liquidity: int, who: str = "INV-0001", **more: Any) -> Any:
    moment = START + round(at * MILLISECOND)
    fields: dict[str, Any] = {
        "id": f"{kind.__name__}-{at}-{liquidity}",
        "timestamp": moment,
        "ingested": moment,
        "original": "RAW/1/0",
        "provider": "chain",
        "chain_id": 31337,
        "block_number": 1,
        "block_hash": "0x" + "b" * 64,
        "venue": "uniswap-v3",
        "instrument": "ACME/USDX",
        "currency": "USDX",
        "pool": POOL,
        "amount0_raw": "1",
        "amount1_raw": "1",
        "tick_lower": -60,
        "tick_upper": 60,
        "owner": "0x" + "c" * 40,
        "liquidity": str(liquidity),
        "quote_quantity": float(liquidity),
        "investor_id": who,
    }
    return kind(**{**fields, **more})


def removed(at: float, liquidity: int, **more: Any) -> LiquidityRemoved:
    return change(LiquidityRemoved, at, liquidity, **more)


def added(at: float, liquidity: int, **more: Any) -> LiquidityAdded:
    return change(LiquidityAdded, at, liquidity, **more)


def traded(liquidity: int, tick: int = 0) -> Any:
    return swap(1, liquidity=str(liquidity), tick=tick, pool=POOL)


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = LiquidityRemoval(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def test_half_of_the_liquidity_in_one_step() -> None:
    (finding,) = found([traded(1_000), removed(1, 500)])
    assert finding.metrics["share"] == 0.5
    assert "50% of the liquidity in range left the pool ACME/USDX, in one step" in finding.reason
    assert found([traded(1_000), removed(1, 499)]) == []


def test_what_is_out_of_range_takes_nothing_from_anybody() -> None:
    assert found([traded(1_000, tick=60), removed(1, 900)]) == []
    assert found([traded(1_000, tick=59), removed(1, 900)]) != []
    assert found([traded(1_000, tick=-61), removed(1, 900)]) == []


def test_a_pool_without_a_swap_is_unknown() -> None:
    assert found([added(0, 1_000), removed(1, 1_000)]) == []


def test_what_comes_back_within_the_window_counts_against_it() -> None:
    moved = [traded(1_000), removed(1, 400), added(2, 400), removed(3, 400)]
    assert found(moved) == []
    assert found([*moved, removed(4, 200)]) != []


def test_steps_count_together_within_the_window_and_not_beyond() -> None:
    steps = [removed(minute * 20 * MINUTES, 250) for minute in range(2)]
    (finding,) = found([traded(1_000), *steps])
    assert finding.metrics["removals"] == 2
    slow = [removed(hour * 61 * MINUTES, 100) for hour in range(6)]
    assert found([traded(1_000), *slow]) == []


def test_it_alerts_again_when_half_of_the_rest_has_gone() -> None:
    steps = [removed(second * 1_000, 50) for second in range(20)]
    shares = [finding.metrics["share"] for finding in found([traded(1_000), *steps])]
    assert shares == [0.5, 0.75, 0.9, 0.95, 1.0]


def test_what_was_told_is_not_told_again_since_something_older_is_out_of_the_window() -> None:
    events = [
        traded(1_000),
        *(added(minute * MINUTES, 1) for minute in range(1, 10)),
        removed(30 * MINUTES, 600),
        *(removed((61 + minute) * MINUTES, 1) for minute in range(1, 10)),
    ]
    assert [finding.metrics["removals"] for finding in found(events)] == [1]
    first, later = found([*events, removed(93 * MINUTES, 300)])
    assert first.metrics["alert_of_series"] == later.metrics["alert_of_series"] == 1


def test_nothing_that_is_collected_or_small_is_an_alert() -> None:
    assert found([traded(1_000), removed(1, 0)]) == []
    assert found([traded(1_000), removed(1, 900)], minimum_quote=901) == []


def test_several_providers_are_named() -> None:
    events = [traded(1_000), *(removed(n, 150, who=f"INV-{n}") for n in range(1, 7))]
    last = found(events)[-1]
    assert "INV-1, INV-2, INV-3, INV-4 and 2 more" in last.reason


def test_a_swap_that_does_not_tell_the_liquidity_in_range_changes_nothing() -> None:
    """One of a subgraph: the pool is as it was known to be."""
    detection = LiquidityRemoval(Parameters())
    told = swap(liquidity="1000", tick=0, pool=POOL)
    known = [told, change(LiquidityRemoved, 1, 900)]
    found = [one for event in known for one in detection.observe(event)]
    other = LiquidityRemoval(Parameters())
    for blind in (
        swap(liquidity=None, tick=0, pool=POOL),
        swap(liquidity="5", tick=None, pool=POOL),
    ):
        assert list(other.observe(blind)) == []
    again = [told, swap(liquidity=None, tick=0, pool=POOL), change(LiquidityRemoved, 1, 900)]
    assert [one.reason for event in again for one in other.observe(event)] == [
        one.reason for one in found
    ]
    assert found
