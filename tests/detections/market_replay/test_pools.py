"""Pools in a market replay: whose swaps, and those that the chain has left."""

from detections.market_replay.page import render
from detections.market_replay.printed import printed
from normalizer.events import ChainReorganised, Record
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap
from tests.detections.market_replay.scenes import alert, heights_of_trades, scene
from tests.detections.market_replay.test_page import packed
from tests.detections.samples import START, liquidity, swap

WALLET, OTHER = "0x" + "a" * 40, "0x" + "b" * 40


def bought(number: int, **more: object) -> PoolSwap:
    return swap(number, **{"side": "buy", "price": 2.0, "quantity": 1.0, **more})


def left(common: int) -> ChainReorganised:
    return ChainReorganised(
        id="fork-1",
        timestamp=START,
        ingested=START,
        original="RAW/9/0",
        provider="chain",
        chain_id=31337,
        common_number=common,
        common_hash="0x" + "c" * 64,
        depth=1,
        old_number=9,
        old_hash="0x" + "d" * 64,
        new_number=9,
        new_hash="0x" + "f" * 64,
    )


def test_swaps_in_blocks_that_the_chain_has_left_count_no_more() -> None:
    found = scene([bought(1), bought(2), left(1), bought(2, id="again")])
    assert [one.busted for one in found.deals] == [False, True, False]
    assert "(it counts no more)" in render([alert()], [found])


def test_a_sink_may_have_said_that_the_chain_has_left_a_block() -> None:
    assert [one.busted for one in scene([bought(1, orphaned=True), bought(2)]).deals] == [
        True,
        False,
    ]


def test_another_chains_blocks_are_not_touched() -> None:
    found = scene([bought(1, chain_id=1), bought(2, chain_id=1), left(1)])
    assert not any(one.busted for one in found.deals)


def test_what_tells_who_others_are_on_a_chain_is_left_out() -> None:
    """A transaction can be looked up, and has been signed by somebody."""
    one = alert(entities=(WALLET,))
    ours, theirs, relayed = (f"0x{letter * 64}" for letter in "123")
    events: list[Record] = [
        bought(1, investor_address=OTHER, transaction_from=OTHER, transaction_hash=theirs),
        bought(2, investor_address=WALLET, transaction_from=WALLET, transaction_hash=ours),
        bought(3, investor_address=WALLET, transaction_from=OTHER, transaction_hash=relayed),
    ]
    signed = {"transaction_from": OTHER}
    events += [
        liquidity(LiquidityAdded, 4, **signed),
        liquidity(LiquidityRemoved, 5, investor_address=OTHER, **signed),
    ]
    found = scene(events, one, name_others=False)
    page = render([one], [found])
    told = f"{page} {printed([one], [found])} {packed(page)}"
    assert OTHER not in told
    assert theirs not in told
    assert ours in told
    assert [one.bought for one in found.deals] == [False, True, True]


def test_the_days_of_a_pool_are_said() -> None:
    day = 24 * 3_600 * 10**9
    events = [bought(1), bought(2, timestamp=START + 2 * day)]
    page = render([alert()], [scene(events, until=3 * 24 * 3_600_000)])
    assert ">2 01-03 00:00</text>" in page
    assert "swaps in the order of the chain, 2026-01-01 to 2026-01-03, UTC" in page


def test_a_dust_swap_at_an_absurd_price_leaves_the_pool_to_be_seen() -> None:
    swaps = [bought(n, price=2.0 + 0.1 * (n % 5)) for n in range(20)]
    swaps.insert(9, bought(30, price=1e30))
    page = render([alert()], [scene(swaps)])
    assert "1 swap is beyond the picture, at 1" in page
    heights = heights_of_trades(page)
    inside = [one for one in heights if 52 <= one <= 330]
    assert (len(inside), len(heights)) == (20, 21)
    assert max(inside) - min(inside) > 150
    assert all(45 <= one <= 337 for one in heights)


def test_what_an_alert_rests_on_is_always_reached_in_a_pool() -> None:
    swaps = [bought(n, price=2.0) for n in range(20)]
    emptied = bought(20, price=0.001, id="emptied")
    one = alert(evidence_events=("emptied",))
    page = render([one], [scene([*swaps, emptied], one)])
    assert "beyond the picture" not in page
