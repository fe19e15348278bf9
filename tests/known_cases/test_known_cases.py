"""Cases of public record are found by the shipped rules, with the numbers of their documents."""

from functools import lru_cache
from pathlib import Path

import pytest

from normalizer.events.chain import LiquidityRemoved, PoolSwap
from normalizer.events.market import OrderPlaced, Trade
from simulation.known_cases.case import KnownCase
from simulation.known_cases.false_orders import COSCIA, SARAO
from simulation.known_cases.prices import ATHENA, MANGO, SQUID, WAHI
from simulation.known_cases.report import CASES, PICTURES, Played, page, play
from tests.simulation.reading import events_of

#: Played, and not found by any shipped rule. A case that comes to be found leaves this set.
MISSED: frozenset[str] = frozenset()


@lru_cache(len(CASES))
def played(name: str) -> Played:
    (case,) = [one for one in CASES if one.name == name]
    return play(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_it_is_found(case: KnownCase) -> None:
    found = played(case.name)
    assert found.dead == 0
    assert bool(found.alerts) == (case.name not in MISSED)
    for alert in found.alerts:
        assert alert.evidence_events
        assert alert.reason


def test_sarao_shows_five_orders_of_600_and_none_trades() -> None:
    events, _ = events_of(played("sarao").session)
    account = played("sarao").session.episodes[0].parties[0]
    large = [
        event
        for event in events
        if isinstance(event, OrderPlaced)
        and event.investor_account == account
        and event.quantity == 600
    ]
    assert [event.price for event in large[:5]] == [1156.5, 1156.75, 1157.0, 1157.25, 1157.5]
    ids = {event.order_id for event in large}
    assert len(ids) > 100
    assert not [one for one in events if isinstance(one, Trade) and one.maker_order_id in ids]


def test_coscia_buys_17_before_261_offered_lots_go() -> None:
    session = played("coscia").session
    account = session.episodes[0].parties[0]
    events, _ = events_of(session)
    own = [
        event
        for event in events
        if isinstance(event, OrderPlaced) and event.investor_account == account
    ]
    assert [event.quantity for event in own[:4]] == [17, 54, 85, 122]
    assert [event.side for event in own[:4]] == ["buy", "sell", "sell", "sell"]
    steps = [round((event.price or 0) - (own[0].price or 0), 2) for event in own[:4]]
    assert steps == [0.0, 0.01, 0.02, 0.03]
    assert session.episodes[0].end - session.episodes[0].begin < 609_000_000


def test_athena_makes_most_of_the_volume_of_the_last_two_seconds() -> None:
    session = played("athena").session
    account, close = session.episodes[0].parties[0], session.episodes[0].begin + 2 * 10**9
    trades = [
        event
        for event in events_of(session)[0]
        if isinstance(event, Trade) and close - 2 * 10**9 <= event.timestamp <= close
    ]
    own = sum(event.quantity for event in trades if event.buyer_account == account)
    assert own > 0.7 * sum(event.quantity for event in trades)


def test_mango_rises_thirteenfold_within_half_an_hour() -> None:
    session = played("mango").session
    begin = session.episodes[0].begin
    trades = [event for event in events_of(session)[0] if isinstance(event, Trade)]
    before = [event.price for event in trades if event.timestamp < begin][-1]
    highest = max(event.price for event in trades if event.timestamp < begin + 40 * 60 * 10**9)
    assert highest > 11 * before


def test_wahi_buys_for_80_000_and_gains_by_the_news() -> None:
    session = played("wahi").session
    parties = session.episodes[0].parties
    trades = [event for event in events_of(session)[0] if isinstance(event, Trade)]
    bought = sum(one.price * one.quantity for one in trades if one.buyer_account in parties)
    sold = sum(one.price * one.quantity for one in trades if one.seller_account in parties)
    assert 78_000 < bought < 95_000
    assert sold > 1.03 * bought


def test_squid_is_emptied_and_worth_nothing() -> None:
    events, _ = events_of(played("squid").session)
    removed = [event for event in events if isinstance(event, LiquidityRemoved)]
    assert len(removed) == 1
    swaps = [event for event in events if isinstance(event, PoolSwap)]
    highest = max(swap.price or 0.0 for swap in swaps)
    assert (swaps[-1].price or 0.0) < highest / 1_000


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_its_picture_is_the_one_in_the_documents(case: KnownCase) -> None:
    """Drawn anew by `python -m simulation.known_cases`."""
    committed = Path("docs") / PICTURES / f"{case.name}.svg"
    assert committed.read_text("utf-8") == played(case.name).picture


def test_the_page_tells_all_of_them() -> None:
    text = page([played(case.name) for case in CASES])
    for case in (SARAO, COSCIA, ATHENA, MANGO, WAHI, SQUID):
        assert case.title in text
        assert all(document in text for document in case.documents)
