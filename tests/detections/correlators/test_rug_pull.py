"""Rug pulls: what is taken and doesn't come back; and the ways in which liquidity just moves."""

from math import sqrt
from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.rug_pull import Parameters, RugPull
from normalizer.events.chain import ZERO_ADDRESS, LiquidityAdded
from pipeline.structured import FieldError
from pipeline.units import DAY as DAY_NS
from tests.detections.correlators.pool_tape import OTHER_POOL, UNIT, Chain, wallet

PULLER, BUYER, OTHER = 1, 2, 3
DAY = 7_200
"""Blocks."""


def observed(detection: RugPull, events: list[Any]) -> list[Finding]:
    return [finding for event in events for finding in detection.observe(event)]


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    return observed(RugPull(Parameters(**parameters)), events)


class Pair:
    """A pool of Uniswap v2 without a fee, by its reserves."""

    def __init__(self, chain: Chain, **common: Any) -> None:
        self.chain = chain
        self.token = self.quote = 0.0
        self._common = common

    def add(self, block: int, who: int, token: float, quote: float) -> Any:
        return self._change(self.chain.added, block, who, float(token), float(quote), 1)

    def remove(self, block: int, who: int, share: float) -> Any:
        token, quote = self.token * share, self.quote * share
        return self._change(self.chain.removed, block, who, token, quote, -1)

    def _change(
        self, make: Any, block: int, who: int, token: float, quote: float, sign: int
    ) -> Any:
        before = sqrt(self.token * self.quote)
        self.token += sign * token
        self.quote += sign * quote
        liquidity = abs(sqrt(self.token * self.quote) - before)
        return make(
            (block, 1),
            who,
            token,
            quote,
            liquidity=str(round(liquidity * UNIT)),
            **self._reserves,
            **self._common,
        )

    def swap(self, block: int, who: int, token: float) -> Any:
        """`token` positive: bought."""
        product = self.token * self.quote
        self.token -= token
        quote = self.quote - product / self.token
        self.quote = product / self.token
        return self.chain.swap(
            (block, 2),
            who,
            token,
            quote,
            pool_price=self.quote / self.token,
            liquidity=str(round(sqrt(product) * UNIT)),
            **self._reserves,
            **self._common,
        )

    @property
    def _reserves(self) -> dict[str, Any]:
        return {
            "reserve0_raw": str(round(self.token * UNIT)),
            "reserve1_raw": str(round(self.quote * UNIT)),
        }


def pulled(pair: Pair, share: float = 1 - 1e-9, taker: int = PULLER) -> list[Any]:
    return [
        pair.add(1, PULLER, 1_000_000, 50),
        pair.swap(10, BUYER, 100_000),
        pair.swap(20, OTHER, 50_000),
        pair.remove(100, taker, share),
    ]


def test_all_is_taken_by_who_provided_it_and_nothing_comes_back() -> None:
    chain = Chain()
    (finding,) = found([*pulled(Pair(chain)), chain.block(100 + DAY)])
    assert finding.reason == (
        f"{wallet(PULLER)} took 100% of the liquidity out of the pool ACME-WETH at once, "
        "58.82352935 WETH, and 24 h later it had not come back"
    )
    assert finding.confidence == pytest.approx(0.95)
    assert finding.metrics["provided_it"] == 1
    assert finding.metrics["other_traders"] == 2


def test_nothing_is_said_before_the_time_is_over() -> None:
    chain = Chain()
    assert found([*pulled(Pair(chain)), chain.block(99 + DAY)]) == []


@pytest.mark.parametrize(("share", "count"), [(0.9, 1), (0.89, 0)])
def test_nearly_all_must_be_gone(share: float, count: int) -> None:
    chain = Chain()
    assert len(found([*pulled(Pair(chain), share), chain.block(100 + DAY)])) == count


@pytest.mark.parametrize(("back", "count"), [(0.19, 1), (0.21, 0)])
def test_what_comes_back_counts(back: float, count: int) -> None:
    chain = Chain()
    pair = Pair(chain)
    events = pulled(pair, 0.99)
    events.append(pair.add(200, OTHER, pair.token * 99 * back, pair.quote * 99 * back))
    assert len(found([*events, chain.block(200 + DAY)])) == count


def test_liquidity_that_comes_and_goes_again_has_not_come_back() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = pulled(pair, 0.99)
    events.append(pair.add(200, OTHER, pair.token * 50, pair.quote * 50))
    events.append(pair.swap(210, BUYER, 1))
    gone = [*events, pair.remove(300, OTHER, 0.8)]
    (finding,) = found([*gone, chain.block(300 + DAY)])
    assert finding.metrics["steps"] == 1


def test_what_somebody_adds_and_takes_out_with_no_swap_between_was_there_for_nobody() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [
        pair.add(1, OTHER, 1_000, 1),
        pair.swap(10, BUYER, 9),
        pair.add(20, PULLER, 99_000, 99),
        pair.remove(30, PULLER, 0.99),
    ]
    assert found([*events, chain.block(30 + DAY)]) == []
    pair = Pair(chain)
    bought = [
        pair.add(1, OTHER, 1_000, 1),
        pair.swap(10, BUYER, 9),
        pair.add(20, PULLER, 99_000, 99),
        pair.swap(25, BUYER, 9),
        pair.remove(30, PULLER, 0.99),
    ]
    (finding,) = found([*bought, chain.block(30 + DAY)])
    assert finding.metrics["share"] == pytest.approx(0.99)


def test_what_is_taken_beyond_what_was_just_added_counts() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [
        pair.add(1, PULLER, 1_000, 50),
        pair.swap(10, BUYER, 9),
        pair.add(20, PULLER, 100, 5),
        pair.remove(30, PULLER, 1 - 1e-9),
    ]
    (finding,) = found([*events, chain.block(30 + DAY)])
    assert finding.metrics["steps"] == 1
    assert finding.metrics["quote_quantity"] == pytest.approx(50, rel=0.02)


def test_in_steps_within_the_window_and_not_beyond() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [*pulled(pair, 0.7), pair.remove(100 + DAY // 2, PULLER, 0.7)]
    (finding,) = found([*events, chain.block(100 + 2 * DAY)])
    assert finding.metrics["steps"] == 2
    pair = Pair(chain)
    slow = [*pulled(pair, 0.7), pair.remove(101 + DAY, PULLER, 0.7)]
    assert found([*slow, chain.block(100 + 9 * DAY)]) == []


def test_many_providers_who_leave_are_no_rug_pull() -> None:
    chain = Chain()
    pair = Pair(chain)
    events: list[Any] = [pair.add(1, who, 1_000, 50) for who in range(10, 15)]
    events.append(pair.swap(10, BUYER, 100))
    events += [pair.remove(100 + who, who, 1 / (15 - who + 0.001)) for who in range(10, 15)]
    assert found([*events, chain.block(300 + DAY)]) == []


def test_nobody_but_the_provider_traded() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [pair.add(1, PULLER, 1_000, 50), pair.swap(2, PULLER, 9), pair.remove(9, PULLER, 1)]
    assert found([*events, chain.block(9 + DAY)]) == []


def test_a_migration_to_another_pool_of_the_token_is_silent() -> None:
    chain = Chain()
    pair, v3 = Pair(chain), Pair(chain, pool=OTHER_POOL)
    events = pulled(pair)
    moved = [*events, v3.add(101, PULLER, 700_000, 40), chain.block(200 + DAY)]
    assert found(moved) == []
    small = [*events, v3.add(101, PULLER, 7_000, 0.4), chain.block(200 + DAY)]
    assert len(found(small)) == 1
    by_another = [*events, v3.add(101, OTHER, 700_000, 40), chain.block(200 + DAY)]
    assert len(found(by_another)) == 1


def in_range(chain: Chain, kind: Any, block: int, liquidity: int, lower: int = -60) -> Any:
    make = chain.added if kind is LiquidityAdded else chain.removed
    ticks = {"tick_lower": lower, "tick_upper": 60, "venue": "uniswap-v3"}
    return make((block, 1), PULLER, 10, 10, liquidity=str(liquidity), **ticks)


def test_a_v3_position_that_is_moved_to_another_range_is_silent_and_a_pulled_one_not() -> None:
    chain = Chain()
    start = [
        in_range(chain, LiquidityAdded, 1, 1000),
        chain.swap((2, 1), BUYER, 1, -1, liquidity="1000", tick=0),
        in_range(chain, None, 9, 1000),
    ]
    moved = [*start, in_range(chain, LiquidityAdded, 9, 1500, -30), chain.block(9 + DAY)]
    assert found(moved) == []
    assert len(found([*start, chain.block(9 + DAY)])) == 1


def sold_out(chain: Chain, *, minted: bool, seller: int = PULLER, **common: Any) -> list[Any]:
    pair = Pair(chain, **common)
    events: list[Any] = [pair.add(1, OTHER, 1_000, 100), pair.swap(5, BUYER, 100)]
    if minted:
        events.append(
            chain.transfer((6, 1), ZERO_ADDRESS, wallet(seller), 20_000, transfer_type="mint")
        )
    return [*events, pair.swap(7, seller, -2_000), pair.swap(8, seller, -2_000)]


def test_minted_and_sold() -> None:
    chain = Chain()
    (finding,) = found([*sold_out(chain, minted=True), chain.block(8 + DAY)])
    assert finding.reason == (
        f"{wallet(PULLER)} sold 4,000 ACME into the pool ACME-WETH within 12 s, 90.70294785 WETH, "
        "4,000 of it minted to it before: the price fell by 97% and had not recovered 24 h later"
    )
    assert finding.confidence == 0.95
    (plain,) = found([*sold_out(Chain(), minted=False), chain.block(8 + DAY)])
    assert plain.confidence == 0.6
    assert plain.metrics["minted"] == 0


def test_a_price_that_recovers_and_one_that_many_brought_down() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [pair.add(1, OTHER, 1_000, 100), pair.swap(5, BUYER, 1), pair.swap(7, PULLER, -4_000)]
    back = pair.swap(9, BUYER, 600)
    assert found([*events, back, chain.block(9 + DAY)]) == []
    pair = Pair(chain)
    many = [pair.add(1, OTHER, 1_000, 100), pair.swap(5, BUYER, 1)]
    many += [pair.swap(10 + who, who, -300) for who in range(20, 30)]
    assert found([*many, chain.block(90 + DAY)]) == []


def test_who_buys_the_fall_and_sells_again_makes_nothing_up() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [pair.add(1, OTHER, 1_000, 100), pair.swap(5, BUYER, 1), pair.swap(7, PULLER, -4_000)]
    events += [pair.swap(9, BUYER, 600), pair.swap(20, BUYER, -600)]
    (finding,) = found([*events, chain.block(20 + DAY)])
    assert finding.metrics["share"] == pytest.approx(0.96, abs=0.01)


def test_who_sells_what_it_just_bought_undoes_its_own_rise() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [pair.add(1, OTHER, 1_000, 100), pair.swap(5, BUYER, 1)]
    sandwich = [pair.swap(7, PULLER, 900), pair.swap(7, OTHER, 1), pair.swap(7, PULLER, -900)]
    assert found([*events, *sandwich, chain.block(8 + DAY)]) == []
    pair = Pair(chain)
    lured = [pair.add(1, OTHER, 1_000, 100), pair.swap(5, PULLER, 100)]
    lured += [pair.swap(6, BUYER, 500), pair.swap(7, PULLER, -20_000)]
    (finding,) = found([*lured, chain.block(8 + DAY)])
    assert finding.entities[-1] == wallet(PULLER)


def test_it_says_which_pool_and_token_though_a_block_confirms_it() -> None:
    chain = Chain(token_id="acme", token_address="0x" + "11" * 20, token_symbol="ACME")
    events = pulled(Pair(chain))
    pool = events[0].pool
    (finding,) = found([*events, chain.block(100 + DAY)])
    assert finding.entities[:2] == ("ACME-WETH", pool)
    assert finding.about["token_id"] == "acme"
    assert finding.about["token_address"] == "0x" + "11" * 20
    assert finding.about["venue"] == "uniswap-v2"


def test_small_and_exempt_are_left_out() -> None:
    chain = Chain()
    small = [*pulled(Pair(chain, currency="USDC")), chain.block(100 + DAY)]
    assert found(small, minimum_quote=60) == []
    # In a pool that is priced in ether the same numbers are thousands of times as much.
    events = [*pulled(Pair(Chain())), chain.block(100 + DAY)]
    assert len(found(events, minimum_quote=10_000)) == 1
    assert found(events, minimum_quote=100_000) == []
    chain = Chain(investor_labels=("locker",))
    events = [*pulled(Pair(chain)), chain.block(100 + DAY)]
    assert found(events, exempt_labels=("locker",)) == []


@pytest.mark.parametrize(("days", "young", "old"), [(13, 1, 0), (15, 0, 1)])
def test_the_age_of_a_pool_is_from_its_first_liquidity(days: int, young: int, old: int) -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [pair.add(1, PULLER, 1_000_000, 50), pair.swap(10, BUYER, 100_000)]
    # More is added later, which is no beginning.
    events += [pair.add(DAY * 5, OTHER, 1_000, 0.05), pair.remove(DAY * days, PULLER, 1 - 1e-9)]
    events.append(chain.block(DAY * (days + 1)))
    assert len(found(events, maximum_age=14 * DAY_NS)) == young
    findings = found(events, minimum_age=14 * DAY_NS)
    assert len(findings) == old
    for finding in findings:
        assert finding.metrics["pool_age_days"] == pytest.approx(days, abs=0.01)


def test_a_pool_of_which_nobody_saw_the_beginning_is_old() -> None:
    chain = Chain()
    events = [*pulled(Pair(chain))[1:], chain.block(100 + DAY)]
    assert found(events, maximum_age=14 * DAY_NS) == []
    (finding,) = found(events, minimum_age=14 * DAY_NS)
    assert "pool_age_days" not in finding.metrics


def test_what_was_emptied_to_the_last_and_is_filled_again_does_not_begin_anew() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [pair.add(1, OTHER, 1_000, 50), pair.swap(10, BUYER, 100)]
    events += [pair.remove(20, OTHER, 1 - 1e-9)]
    again = 20 * DAY
    events += [pair.add(again, PULLER, 1_000, 50), pair.swap(again + 9, BUYER, 100)]
    events += [pair.remove(again + 20, PULLER, 1 - 1e-9), chain.block(again + 20 + DAY)]
    assert len(found(events, maximum_age=14 * DAY_NS)) == 1  # the first time
    assert len(found(events, minimum_age=14 * DAY_NS)) == 1  # the second


QUIET: dict[str, Any] = {"recovery_time": 30 * DAY_NS, "quiet_after": 5 * DAY_NS}


def test_a_month_of_silence_makes_it_sure() -> None:
    chain = Chain()
    pair = Pair(chain)
    events = [*pulled(pair, 0.99), pair.swap(100 + 5 * DAY, BUYER, -10)]
    assert found([*events, chain.block(99 + 30 * DAY)], **QUIET) == []
    (finding,) = found([*events, chain.block(100 + 30 * DAY)], **QUIET)
    assert finding.reason.endswith(
        "and 30 days later it had not come back, and nobody had traded or added there after the "
        "first 5 days"
    )
    (soon,) = found([*events, chain.block(100 + 30 * DAY)])
    assert finding.confidence > soon.confidence


def test_who_trades_or_adds_later_keeps_it_alive_and_who_takes_the_rest_does_not() -> None:
    later, end = 101 + 5 * DAY, 100 + 31 * DAY
    chain = Chain()
    pair = Pair(chain)
    traded = [*pulled(pair, 0.99), pair.swap(later, BUYER, -10), chain.block(end)]
    assert found(traded, **QUIET) == []
    pair = Pair(chain)
    added = [*pulled(pair, 0.99), pair.add(later, OTHER, 10, pair.quote / pair.token * 10)]
    assert found([*added, chain.block(end)], **QUIET) == []
    pair = Pair(chain)
    taken = [*pulled(pair, 0.99), pair.remove(later, OTHER, 0.5), chain.block(end)]
    assert len(found(taken, **QUIET)) == 1


@pytest.mark.parametrize(("token", "count"), [("0x" + "ac" * 20, 0), ("0x" + "ad" * 20, 1)])
def test_a_token_that_is_traded_in_another_pool_is_not_abandoned(token: str, count: int) -> None:
    chain = Chain()
    elsewhere = Pair(chain, pool=OTHER_POOL, token_address=token)
    events = [*pulled(Pair(chain)), elsewhere.add(120, OTHER, 1_000, 50)]
    events += [elsewhere.swap(9 * DAY, BUYER, 1), chain.block(100 + 30 * DAY)]
    assert len(found(events, **QUIET)) == count


def bought_up_and_sold(*, bought: int, minted: bool = False) -> list[Any]:
    """The seller is not the buyer, so that nobody undoes a rise of his own."""
    chain = Chain()
    pair = Pair(chain)
    events: list[Any] = [pair.add(1, OTHER, 1_000, 100), pair.swap(5, BUYER, 1)]
    events += [pair.swap(bought, BUYER, 800), pair.swap(4 * DAY, BUYER, 0.1)]
    if minted:
        puller = wallet(PULLER)
        events.append(chain.transfer((4 * DAY, 1), ZERO_ADDRESS, puller, 801, transfer_type="mint"))
    return [*events, pair.swap(4 * DAY + 9, PULLER, -801), chain.block(5 * DAY + 9)]


def test_a_price_that_was_raised_within_the_window_has_to_fall_below_where_it_came_from() -> None:
    just_now, before = 4 * DAY - 9, 2 * DAY
    assert len(found(bought_up_and_sold(bought=just_now))) == 1
    assert found(bought_up_and_sold(bought=just_now), minimum_lasting_fall=0.8) == []
    assert len(found(bought_up_and_sold(bought=before), minimum_lasting_fall=0.8)) == 1
    minted = bought_up_and_sold(bought=just_now, minted=True)
    assert len(found(minted, minimum_lasting_fall=0.8)) == 1


def test_a_pool_that_is_known_for_less_than_a_window_has_no_price_of_before() -> None:
    chain = Chain()
    events = [*sold_out(chain, minted=False), chain.block(8 + DAY)]
    assert len(found(events, minimum_lasting_fall=0.8)) == 1


def test_prices_of_before_are_bounded() -> None:
    chain, detection = Chain(), RugPull(Parameters(minimum_lasting_fall=0.8))
    pair = Pair(chain)
    observed(detection, [pair.add(1, OTHER, 1_000, 100)])
    for block in range(10, 5 * DAY, 60):
        observed(detection, [pair.swap(block, BUYER, 0.01)])
        (pool,) = detection.state.pools.values()
        assert len(pool.marks) <= 11


def test_what_waits_is_bounded_without_losing_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detections.correlators.rug_pull._MOST_DUE", 2)
    chain = Chain()
    other = Pair(chain, pool=OTHER_POOL)
    events = [*pulled(Pair(chain)), other.add(101, OTHER, 1_000, 100), other.swap(105, BUYER, 100)]
    # Each further sale begins the other's time anew, and the first waits as long as before.
    events += [other.swap(block, PULLER, -2_000) for block in (107, 108, 109)]
    assert len(found([*events, chain.block(109 + DAY)])) == 2


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"quiet_after": DAY_NS}, "quiet_after"),
        ({"minimum_age": DAY_NS, "maximum_age": DAY_NS}, "minimum_age"),
    ],
)
def test_parameters_that_leave_nothing_are_refused(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(FieldError, match="must be") as told:
        Parameters(**wrong)
    assert told.value.key == key


def test_its_horizon_covers_the_age_that_it_asks_for() -> None:
    assert RugPull(Parameters()).horizon == 2 * DAY_NS
    assert RugPull(Parameters(maximum_age=14 * DAY_NS)).horizon == 16 * DAY_NS
    assert RugPull(Parameters(minimum_age=14 * DAY_NS, **QUIET)).horizon == 45 * DAY_NS


@pytest.mark.parametrize(
    "parameters",
    [{}, {"maximum_age": 14 * DAY_NS}, {"minimum_lasting_fall": 0.8, **QUIET}],
)
def test_saved_and_restored_in_the_middle_it_finds_the_same(parameters: dict[str, Any]) -> None:
    chain = Chain()
    events = [*pulled(Pair(chain)), *sold_out(chain, minted=True, pool=OTHER_POOL)]
    events.append(chain.block(200 + DAY))
    events.append(chain.block(200 + 30 * DAY))
    expected = found(events, **parameters)
    assert len(expected) == 2
    for cut in range(len(events)):
        first = RugPull(Parameters(**parameters))
        second = RugPull(Parameters(**parameters))
        before = observed(first, events[:cut])
        second.restore(first.snapshot())
        assert before + observed(second, events[cut:]) == expected
