"""When one market is moved to gain on another, and when several moving together is worth a lead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.alerting.findings import Finding
from detections.correlators.correlated_moves import CorrelatedMoves
from detections.correlators.correlated_moves import Parameters as MovesParameters
from detections.correlators.cross_market import CrossMarket, Parameters
from detections.markets.linked_markets import MOST_MARKETS, MOST_PRICES, MOST_TRADES, Prices
from tests.detections.samples import START, Tape, swap

S = 1_000.0
MIN = 60 * S
DAY = 24 * 60 * MIN


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = CrossMarket(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def scheme(
    *, push: float = 10.1, follow: float = 10.06, used: float = 100, at: float = 40 * S,
    large: float = 10, sells: bool = True, who: dict[str, Any] | None = None, **more: Any,
) -> list[Any]:  # fmt: skip
    """Buys 20 up on the small venue, and sells on the large one, whose price has followed."""
    small = Tape(venue="small", token_id="acme", currency="USD")
    big = Tape(venue="large", token_id="acme", currency="USD")
    big.number = 100
    me = {"buyer_id": "I-7", "buyer_account": "a-7"} if who is None else who
    side = "sell" if sells else "buy"
    mine = {"seller_id": "I-7", "buyer_id": "I-3"} if sells else {"buyer_id": "I-7"}
    middle = (10 + push) / 2
    push_fields = {"side": "buy", "seller_id": "I-2", **me, **more}
    return [
        small.trade(0, 10, 1, buyer_id="I-1", seller_id="I-2", side="buy"),
        big.trade(0, large, 1, buyer_id="I-1", seller_id="I-2", side="buy"),
        small.trade(10 * S, middle, 10, **push_fields),
        small.trade(11 * S, push, 10, **push_fields),
        big.trade(30 * S, follow, 1, buyer_id="I-3", seller_id="I-4", side="buy"),
        big.trade(at, follow, used, side=side, **mine),
    ]


def test_it_says_what_was_pushed_and_what_was_gained() -> None:
    events = scheme()
    (finding,) = found(events)
    assert finding.entities == ("I-7", "ACME-USD")
    assert finding.metrics["gain_notional"] == pytest.approx(6)
    assert finding.metrics["cost_notional"] == pytest.approx(1.5)
    assert [one.id for one in finding.witnesses] == [events[n].id for n in (2, 3, 5)]


@pytest.mark.parametrize(
    ("why", "otherwise"),
    [
        ("a short push", {"push": 10.04}),
        ("the other one stood still", {"follow": 10.01}),
        ("the other one fell", {"follow": 9.9}),
        ("little was sold there", {"used": 19}),
        ("no gain above the cost", {"used": 24}),
        ("too late", {"at": 10 * MIN + 11 * S}),
        ("bought on both", {"sells": False}),
        ("it was cheaper: arbitrage", {"large": 10.06, "follow": 10.12}),
        ("others pushed", {"who": {"buyer_id": "I-8"}}),
        ("it rested, and others came in", {"side": "sell"}),
    ],
)
def test_what_is_none(why: str, otherwise: dict[str, Any]) -> None:
    assert found(scheme(**otherwise)) == [], why


def test_who_trades_both_ways_or_meets_what_went_further_is_an_arbitrageur() -> None:
    for sold, alerts in ((5, 1), (6, 0)):
        events = scheme()
        small = Tape(venue="small", token_id="acme", currency="USD")
        small.number = 200
        earlier = small.trade(
            5 * S, 10, sold, side="sell", seller_id="I-7", seller_account="a-7", buyer_id="I-1"
        )
        assert len(found([*events[:2], earlier, *events[2:]])) == alerts
    # The push was of 1%, so what took the other one by 1.6% was something else.
    assert len(found(scheme(follow=10.14))) == 1
    assert found(scheme(follow=10.16)) == []


@pytest.mark.parametrize("finds", ["gain", "attempt"])
def test_a_position_that_was_built_before_is_what_the_price_is_moved_for(finds: str) -> None:
    """SEC v. Lek Securities: options were held before the shares beneath them were moved."""
    events = scheme() if finds == "gain" else attempt()
    big = Tape(venue="large", token_id="acme", currency="USD")
    big.number = 200

    def bought(at: float) -> Any:
        return big.trade(at, 10, 100, side="buy", buyer_id="I-7", seller_id="I-4")

    assert len(found([*events[:2], bought(5 * S), *events[2:]], finds=finds)) == 1
    # Who buys on both at once has no position for which he would move a price.
    assert found([*events[:3], bought(10.5 * S), *events[3:]], finds=finds) == []


def attempt(*, prices: int = 6, used: float = 60, **more: Any) -> list[Any]:
    """Buys up the small venue, and sells on the large one at once, for less."""
    small = Tape(venue="small", token_id="acme", currency="USD")
    big = Tape(venue="large", token_id="acme", currency="USD")
    big.number = 100
    here = {"side": "buy", "buyer_id": "I-7", "seller_id": "I-2"}
    there = {"side": "sell", "seller_id": "I-7", "buyer_id": "I-3", **more}
    return [
        small.trade(0, 10, 1, buyer_id="I-1", seller_id="I-2", side="buy"),
        big.trade(0, 10, 1, buyer_id="I-1", seller_id="I-2", side="buy"),
        *(small.trade(10 * S + n, 10 + (n + 1) / 500, 10, **here) for n in range(prices)),
        big.trade(20 * S, 9.999, used, **there),
    ]


def test_an_attempt_is_one_at_a_loss_on_both_markets() -> None:
    events = attempt()
    assert found(events) == []
    (finding,) = found(events, finds="attempt")
    assert "within 10 s it sold 60 ACME-USD on large at a loss" in finding.reason
    assert finding.confidence < found(scheme())[0].confidence


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("at few prices", attempt(prices=2, used=20)),
        ("little on the other", attempt(used=59)),
        ("a maker who hedges", attempt(side="buy")),
        ("an arbitrageur sells for more", scheme(large=10.2, follow=10.2, push=10.1)),
    ],
)
def test_what_is_no_attempt(why: str, events: list[Any]) -> None:
    assert found(events, finds="attempt") == [], why


@pytest.mark.parametrize(("undone", "alerts"), [(0.0, 1), (0.005, 1), (0.007, 0)])
def test_who_brings_a_pool_back_after_others_moved_it_pushes_it_nowhere(
    undone: float, alerts: int
) -> None:
    """Of the 1.2% that it moved the pool's price by others undid a part in between."""

    def swapped(n: int, at: float, pool: float, side: str, who: str) -> Any:
        return swap(
            n, timestamp=START + int(at * 1_000_000), price=10 + n / 100, pool_price=pool,
            quantity=10, side=side, token_id="acme", currency="USD",
            investor_address="0x" + who * 40, investor_id=f"I-{who}",
        )  # fmt: skip

    events = attempt()
    pushes = [
        swapped(0, 0, 10, "sell", "1"),
        *(swapped(n, 10 * S + n, 10 * (1 + 0.004 * n), "buy", "7") for n in (1, 2, 3)),
        swapped(4, 12 * S, 10 * (1.012 - undone), "sell", "1"),
    ]
    assert len(found([*pushes[:1], events[1], *pushes[1:], events[-1]], finds="attempt")) == alerts


def test_accounts_of_two_venues_are_two_parties_unless_somebody_knows_better() -> None:
    events = scheme(who={"buyer_account": "a-7"})
    events[-1].seller_id = None
    events[-1].seller_account = "a-7"
    assert found(events) == []
    for event in events[2:4]:
        event.buyer_cluster = "CL"
    events[-1].seller_cluster = "CL"
    assert len(found(events)) == 1


def test_a_pool_pushed_to_gain_on_a_venue() -> None:
    events = scheme()
    for n in (0, 2, 3):
        trade = events[n]
        events[n] = swap(
            n, timestamp=trade.timestamp, price=trade.price, quantity=trade.quantity, side="buy",
            token_id="acme", currency="USDX", investor_address="0x" + "7" * 40,
            investor_id=trade.buyer_id,
        )  # fmt: skip
    (finding,) = found(events)
    assert "ACME/USDX on uniswap-v3" in finding.reason


def test_it_is_said_once_in_a_window_and_a_label_can_be_left_out() -> None:
    events = scheme()
    more = scheme(at=50 * S)[-1]
    assert len(found([*events, more])) == 1
    for event in events:
        event.buyer_labels = ("market_maker",)
    assert found(events, exempt_labels=("market_maker",)) == []


def test_tokens_that_nobody_knows_are_passed_over() -> None:
    events = scheme()
    for event in events:
        event.token_id = None
    detection = CrossMarket(Parameters())
    assert [one for event in events for one in detection.observe(event)] == []
    assert detection.state.assets == {}


def test_saved_and_restored_anywhere_it_finds_the_same() -> None:
    events = scheme()
    whole = found(events)
    for cut in range(len(events)):
        one, other = CrossMarket(Parameters()), CrossMarket(Parameters())
        before = [finding for event in events[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        assert [*before, *(f for e in events[cut:] for f in other.observe(e))] == whole


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=80))
def test_the_price_that_held_is_known_but_for_the_step(steps: list[tuple[int, int]]) -> None:
    prices, now = Prices("USD"), 0
    told: list[tuple[int, int]] = []
    for later, price in steps:
        now += later
        told.append((now, price))
        prices.add(now, price, now - 200, 10)
        assert prices.last == price
    for time in range(max(told[0][0], now - 200), now + 1, 7):
        near = {price for at, price in told if time - 20 <= at <= time}
        held = [price for at, price in told if at <= time][-1:]
        assert prices.at(time) in near.union(held)
    assert len(prices.times) <= MOST_PRICES + 1


def test_memory_is_bounded() -> None:
    detection = CrossMarket(Parameters())
    tape = Tape(token_id="acme")
    for n in range(3_000):
        detection.observe(tape.trade(n * 10, 10, 1, side="buy", buyer_id="I-1", seller_id="I-2"))
    (asset,) = detection.state.assets.values()
    (prices,) = asset.markets.values()
    assert len(prices.times) <= MOST_PRICES
    assert all(len(deals) <= MOST_TRADES for deals in asset.deals.values())


# -- moving together -------------------------------------------------------------------------------


def moves(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = CorrelatedMoves(MovesParameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def two(*jumps: tuple[int, float, float, float], hours: float = 2) -> list[Any]:
    """Two calm markets; jumps: which one, seconds after, price, quantity."""
    tapes = [Tape(venue=venue, token_id="acme") for venue in ("one", "two")]
    tapes[1].number = 10_000
    events = [
        tape.trade(n * MIN, 10 + (n % 2) / 100, 10, side="buy" if n % 2 else "sell")
        for n in range(round(hours * 60))
        for tape in tapes
    ]
    start = hours * 60 * MIN
    events += [
        tapes[which].trade(start + later * S, price, quantity, side="buy")
        for which, later, price, quantity in jumps
    ]
    return events


def test_both_within_a_minute_with_the_first_one_named_first() -> None:
    (finding,) = moves(two((1, 0, 10.5, 200), (0, 20, 10.4, 200)))
    assert "ACME-USD on two by 4.9%, then ACME-USD on one by 3.9%" in finding.reason
    assert finding.metrics["seconds_to_last"] == 20
    assert finding.confidence <= 0.6
    assert finding.witnesses[-1].timestamp == START + (2 * 3_600 + 20) * 10**9


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("one alone", two((0, 0, 10.5, 200), (0, 20, 10.8, 200))),
        ("the other way", two((0, 0, 10.5, 200), (1, 20, 9.5, 200))),
        ("too late", two((0, 0, 10.5, 200), (1, 61, 10.5, 200))),
        ("hardly moved", two((0, 0, 10.1, 200), (1, 20, 10.1, 200))),
        ("on little", two((0, 0, 10.5, 10), (1, 20, 10.5, 10))),
        ("nobody knows what is usual", two((0, 0, 10.5, 200), (1, 20, 10.5, 200), hours=0.7)),
    ],
)
def test_what_is_no_lead(why: str, events: list[Any]) -> None:
    assert moves(events) == [], why


def test_there_is_one_lead_in_half_an_hour() -> None:
    jumps = ((0, 0, 10.5, 200), (1, 20, 10.5, 200), (0, 300, 11.5, 400), (1, 310, 11.5, 400))
    assert len(moves(two(*jumps))) == 1


# -- many markets ----------------------------------------------------------------------------------


def made_up(count: int = MOST_MARKETS, at: float = -DAY) -> list[Any]:
    """Somebody opens so many markets of the token, and trades once in each."""
    return [
        Tape(venue=f"made-up-{n}", token_id="acme").trade(at + n, 10, 1, id=f"made-up-{n}")
        for n in range(count)
    ]


def test_who_opens_many_markets_does_not_keep_others_from_being_seen() -> None:
    assert len(found([*made_up(), *scheme()])) == 1
    assert len(moves([*made_up(), *two((1, 0, 10.5, 200), (0, 20, 10.4, 200))])) == 1


def test_there_are_no_more_of_them_for_it() -> None:
    events = [*scheme(), *made_up(2 * MOST_MARKETS)]
    for detection, name in (
        (CrossMarket(Parameters()), "markets"),
        (CorrelatedMoves(MovesParameters()), "tapes"),
    ):
        for event in events:
            list(detection.observe(event))
        (asset,) = detection.state.assets.values()
        assert len(getattr(asset, name)) == MOST_MARKETS


def test_what_was_done_in_a_market_that_had_to_go_is_held_against_nothing() -> None:
    *before, last = scheme()
    assert found([*before, *made_up(MOST_MARKETS - 1, 35 * S), last]) == []
