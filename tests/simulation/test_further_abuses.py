"""Auctions and a popular token, and what abusers in them do."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.venue.messages import Done, Match, Open
from normalizer.events.market import Trade
from pipeline.units import SECOND
from simulation.accuracy.judging import judge
from simulation.accuracy.offline import run, shipped_rules
from simulation.catalogue import COUNTS, play
from simulation.session import Session
from simulation.truth import Episode
from simulation.venue.auction import AuctionListing
from simulation.venue.auction_market import auctions
from simulation.venue.market import CLOSE, Market
from tests.simulation.reading import events_of


def call_phase() -> tuple[Market, AuctionListing]:
    market = auctions(1)
    (listing,) = market.listings
    assert isinstance(listing, AuctionListing)
    listing.call()
    return market, listing


def test_an_auction_has_the_price_at_which_most_is_traded() -> None:
    market, listing = call_phase()
    market.desk(listing).limit("buy", 100, 10_010)
    market.desk(listing).limit("buy", 50, 10_000)
    market.desk(listing).limit("sell", 80, 9_990)
    market.desk(listing).limit("sell", 60, 10_005)
    assert not [p for p in market.tape if p.execution.matches], "nothing meets in the call"
    assert listing.indicative() == (10_005, 100)
    assert listing.interest("buy") == 100
    assert listing.interest("sell") == 140
    listing.uncross()
    printed = market.tape[-1]
    assert printed.auction
    assert [(one.price, one.size) for one in printed.execution.matches] == [
        ("100.05", "8"),
        ("100.05", "2"),
    ]
    assert (listing.engine.best("buy"), listing.engine.best("sell")) == (10_000, 10_005)
    assert listing.last_price == 10_005
    assert market.desk(listing).take("sell", 10) == 10, "and goes on continuously"


def test_nothing_is_traded_where_nothing_meets() -> None:
    market, listing = call_phase()
    market.desk(listing).limit("buy", 100, 9_990)
    market.desk(listing).limit("sell", 100, 10_000)
    assert listing.indicative() is None
    before = len(market.tape)
    listing.uncross()
    assert len(market.tape) == before


def own(session: Session, episode: Episode) -> Iterator[Open | Done | Match]:
    """What its parties did, and traded, until ten minutes after it."""
    parties = set(episode.parties)
    for printed in session.tape:
        if episode.begin <= printed.time <= episode.end + 600 * SECOND:
            for event in printed.execution.events:
                if isinstance(event, Match):
                    if parties & {event.maker_user_id, event.taker_user_id}:
                        yield event
                elif isinstance(event, Open | Done) and event.user_id in parties:
                    yield event


def test_an_auction_is_written_with_its_phases_and_without_takers() -> None:
    session = play("auctions", 2)
    events, dead = events_of(session)
    assert dead == 0
    at: dict[int, list[Trade]] = {}
    for event in events:
        if isinstance(event, Trade):
            at.setdefault(event.timestamp, []).append(event)
    met = [at[one.time] for one in session.tape if one.auction]
    assert len(met) == 10, "five days, two auctions each"
    for trades in met:
        assert len(trades) > 8
        assert len({one.price for one in trades}) == 1
        assert {one.side for one in trades} == {None}


def test_orders_for_the_shown_price_are_gone_before_the_auctions_own() -> None:
    session = play("auction-orders", 2, episodes=2)
    for episode in session.episodes:
        placed = {one.order_id for one in own(session, episode) if isinstance(one, Open)}
        assert len(placed) >= 2
        gone = [one for one in own(session, episode) if isinstance(one, Done)]
        assert {one.order_id for one in gone if one.reason == "canceled"} >= placed
        priced = [one.time for one in session.tape if one.auction and one.time > episode.begin]
        assert 0 < priced[0] - episode.end < 40 * SECOND


def test_far_orders_never_trade() -> None:
    session = play("improbable-orders", 2, episodes=1)
    (episode,) = session.episodes
    kinds = Counter(type(one) for one in own(session, episode))
    assert kinds == {Open: 10, Done: 10}


def test_flashed_orders_are_of_one_size_and_gone_in_a_moment() -> None:
    session = play("flashing", 2, episodes=1)
    (episode,) = session.episodes
    opened = [one for one in own(session, episode) if isinstance(one, Open)]
    assert len(opened) == 12
    assert len({one.remaining_size for one in opened}) == 1


def test_coscias_programme_goes_on_for_as_long_as_it_is_not_filled_often() -> None:
    (once,) = (session := play("spoofing", 2, episodes=1)).episodes
    (all_day,) = (longer := play("spoofing-all-day", 2, episodes=1)).episodes
    tries, more = (
        sum(isinstance(one, Open) for one in own(*played)) / 4
        for played in ((session, once), (longer, all_day))
    )
    assert tries <= 10 < 30 < more <= 80


@pytest.mark.parametrize("seed", [61_000, 61_001])
def test_flashed_orders_are_many_times_what_others_order(seed: int) -> None:
    session = play("flashing", seed, episodes=4)
    sizes = [
        float(event.remaining_size)
        for printed in session.tape
        for event in printed.execution.events
        if isinstance(event, Open)
    ]
    usual = sum(sizes) / len(sizes)
    for episode in session.episodes:
        opened = [one for one in own(session, episode) if isinstance(one, Open)]
        assert float(opened[0].remaining_size) > 4 * usual


@pytest.mark.parametrize("name", ["turned-over", "made-up-sizes"])
def test_most_of_the_volume_is_made_up(name: str) -> None:
    session = play(name, 2, episodes=1)
    (episode,) = session.episodes
    made = others = 0.0
    met: dict[str, set[str]] = {}
    parties = {one for one in episode.parties if one.startswith("A")}
    for printed in session.tape:
        for match in printed.execution.matches:
            maker, taker = str(match.maker_user_id), str(match.taker_user_id)
            met.setdefault(maker, set()).add(taker)
            met.setdefault(taker, set()).add(maker)
            if episode.begin <= printed.time <= episode.end:
                if {maker, taker} <= parties:
                    made += float(match.size)
                else:
                    others += float(match.size)
    assert 0.6 < made / (made + others) < 0.8
    if name == "turned-over":
        alone = [one for one in parties if met[one] <= parties]
        assert len(parties) == 13
        assert len(alone) >= 10


def test_a_popular_tokens_sizes_are_peoples_and_made_up_ones_are_not() -> None:
    def ones(session: Session, parties: set[str]) -> float:
        """How many sizes begin with a 1, of those that the given made, or nobody of them."""
        digits = Counter(
            one.size.lstrip("0.")[0]
            for printed in session.tape
            for one in printed.execution.matches
            if (one.maker_user_id in parties and one.taker_user_id in parties) == bool(parties)
        )
        return digits["1"] / digits.total()

    assert ones(play("popular", 2), set()) == pytest.approx(0.30, abs=0.06)
    session = play("made-up-sizes", 2)
    assert abs(ones(session, set(session.episodes[0].parties)) - 0.30) > 0.15


def test_most_of_the_last_seconds_volume_is_one_partys() -> None:
    session = play("last-seconds", 2, episodes=2)
    for episode in session.episodes:
        day = episode.end - episode.end % (24 * 3_600 * SECOND)
        assert day + CLOSE - 3 * SECOND < episode.begin < episode.end < day + CLOSE
        during = [one for one in session.tape if episode.begin <= one.time <= episode.end]
        all_of = sum(float(m.size) for one in during for m in one.execution.matches)
        his = sum(float(m.size) for m in own(session, episode) if isinstance(m, Match))
        assert his / all_of > 0.7


def test_what_is_lost_at_one_venue_is_gained_at_the_other() -> None:
    session = play("gained-elsewhere", 2, episodes=2)
    for episode in session.episodes:
        account = episode.parties[0]
        money = {"sim-a": 0.0, "sim-b": 0.0}
        net = {"sim-a": 0.0, "sim-b": 0.0}
        for printed in session.tape:
            for match in printed.execution.matches:
                if account in (match.maker_user_id, match.taker_user_id):
                    taker_buys = match.side == "sell"
                    buys = taker_buys == (match.taker_user_id == account)
                    size = float(match.size) * (1 if buys else -1)
                    net[printed.listing.venue] += size
                    money[printed.listing.venue] -= size * float(match.price)
        assert net["sim-b"] == pytest.approx(0.0)
        assert money["sim-b"] < 0


RULES = Path(__file__).parents[2] / "sigma_rules"


@pytest.mark.parametrize(
    ("name", "rule", "episodes"),
    [
        ("auction-orders", "marking_the_close/pulled_from_auction.yml", 4),
        ("improbable-orders", "spoofing/improbable_prices.yml", 2),
        ("turned-over", "wash_trading/turnover.yml", 1),
        ("last-seconds", "marking_the_close/last_seconds.yml", 2),
    ],
)
def test_its_own_rule_finds_it(name: str, rule: str, episodes: int) -> None:
    session = play(name, 3, episodes=episodes)
    verdicts = judge(session, run(session, shipped_rules(RULES / rule)).alerts, COUNTS)
    assert 2 * sum(one.seconds is not None for one in verdicts.episodes) > episodes
    judged = [one.verdict for one in verdicts.alerts]
    assert judged.count("hit") >= 0.75 * len(judged)
