"""Abuse by those on lists, with single items, and between wallets of one purse.

It is played as it is told, beside honest people who do nearly the same, and the rules that are
meant for it find it.
"""

from pathlib import Path

import pytest

from detections.rules import load_rules
from normalizer.events.chain import NativeTransfer, TokenTransfer
from normalizer.events.market import Trade
from normalizer.events.reference import CorporateEvent
from pipeline.reference_records import CorporateEvent as Planned
from pipeline.reference_records import moment
from pipeline.units import DAY
from simulation.accuracy.judging import judge
from simulation.accuracy.offline import run
from simulation.catalogue import COUNTS, play
from simulation.session import Session
from tests.simulation.reading import events_of

LISTED: tuple[str, ...] = ("closed-period", "listed-before-news", "restricted-list")
ON_LIST: dict[str, str] = dict(zip(LISTED, ("pdmr", "insider", "restricted"), strict=True))


@pytest.fixture(scope="module")
def sessions() -> dict[str, Session]:
    return {name: play(name, 100, episodes=1) for name in LISTED}


def found_by(session: Session, folder: str) -> tuple[set[str], int]:
    """Rules that told of the episodes, all of which were found, and how many alerts were wrong."""
    outcome = run(session, load_rules([Path("sigma_rules") / folder]))
    verdicts = judge(session, outcome.alerts, COUNTS)
    assert outcome.dead == outcome.failures == 0
    assert all(one.seconds is not None for one in verdicts.episodes)
    rules = set[str]().union(*(one.rules for one in verdicts.episodes))
    return rules, sum(one.verdict == "false" for one in verdicts.alerts)


def own_trades(events: list[Trade], session: Session) -> list[Trade]:
    parties = set(session.episodes[0].parties)
    return [one for one in events if parties & {one.buyer_account, one.seller_account}]


@pytest.mark.parametrize("name", LISTED)
def test_one_on_a_list_trades_while_the_list_forbids_it(
    name: str, sessions: dict[str, Session]
) -> None:
    session = sessions[name]
    events, dead = events_of(session)
    assert dead == 0
    trades = own_trades([one for one in events if isinstance(one, Trade)], session)
    news = {one.corporate_id: one for one in events if isinstance(one, CorporateEvent)}
    report, told = news["alpha-results"].announced, news["alpha-project"].announced
    assert trades
    for trade in trades:
        labels = set(trade.buyer_labels) | set(trade.seller_labels)
        assert ON_LIST[name] in labels
        assert trade.token_id == "alpha"
        if name == "closed-period":
            assert report - 30 * DAY <= trade.timestamp < report
        else:
            assert trade.timestamp < told


def test_others_on_a_list_trade_when_it_does_not_forbid_it(sessions: dict[str, Session]) -> None:
    session = sessions["closed-period"]
    guilty = set(session.episodes[0].parties)
    reports = {
        one.token: moment(one.announced)
        for _, one in session.told
        if isinstance(one, Planned) and one.type == "financial-results"
    }
    trades = [one for one in events_of(session)[0] if isinstance(one, Trade)]
    honest = 0
    for trade in trades:
        for labels, who in (
            (trade.buyer_labels, trade.buyer_id),
            (trade.seller_labels, trade.seller_id),
        ):
            if "pdmr" in labels and who not in guilty:
                honest += 1
                report = reports[trade.token_id or ""]
                assert not report - 30 * DAY <= trade.timestamp < report
    assert honest > 2


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("closed-period", "Listed person traded in a closed period"),
        ("listed-before-news", "Listed person traded before news"),
        ("restricted-list", "Somebody on a restricted list traded"),
    ],
)
def test_who_is_listed_is_found(name: str, rule: str, sessions: dict[str, Session]) -> None:
    rules, false = found_by(sessions[name], "insider_dealing")
    assert rule in rules
    assert not false


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("item-back-and-forth", "A single item sold back to who had it"),
        ("item-circle", "A single item sold in a circle back to who had it"),
        (
            "item-passed-back",
            "An item of a token passed back to who had it, through another contract",
        ),
        ("one-purse", "Two wallets of one source of funds trade with each other"),
    ],
)
def test_what_goes_round_among_few_is_found(name: str, rule: str) -> None:
    rules, false = found_by(play(name, 100, episodes=1), "wash_trading")
    assert rule in rules
    assert false <= 3


def test_an_item_goes_to_and_fro_and_then_to_somebody_else() -> None:
    session = play("item-back-and-forth", 100, episodes=1)
    trades = [one for one in events_of(session)[0] if isinstance(one, Trade)]
    own = own_trades(trades, session)
    assert {one.quantity for one in trades} == {1.0}
    assert len({one.instrument for one in own}) == 1
    first, second, *_ = session.episodes[0].parties
    pairs = [(one.seller_account, one.buyer_account) for one in own]
    assert pairs[1:-1] == [(first, second), (second, first)] * 3
    assert pairs[0][1] == pairs[-1][0] == first


def test_items_on_a_chain_also_come_back_from_contracts_to_honest_owners() -> None:
    session = play("item-passed-back", 100, episodes=1)
    moves = [one for one in events_of(session)[0] if isinstance(one, TokenTransfer)]
    assert all(one.item_id is not None for one in moves)
    first, second, *_ = session.episodes[0].parties
    own = [one for one in moves if {one.source_address, one.destination_address} == {first, second}]
    assert len(own) == 6
    assert len({one.transaction_from for one in own}) == 2
    lent = {
        (one.item_id, one.source_address, one.destination_address)
        for one in moves
        if one.transaction_to == one.destination_address
    }
    back = [
        one
        for one in moves
        if (one.item_id, one.destination_address, one.source_address) in lent
        and one.transaction_to == one.source_address
    ]
    assert len(back) > 20


def test_wallets_of_one_purse_are_filled_before_they_trade() -> None:
    session = play("one-purse", 100, episodes=1)
    events, dead = events_of(session)
    assert dead == 0
    first, second, *_ = session.episodes[0].parties
    given = [one for one in events if isinstance(one, NativeTransfer)]
    sources = {
        one.destination_address: one.source_address
        for one in reversed(given)
        if one.destination_address in (first, second)
    }
    assert sources[first] == sources[second]
    trades = own_trades([one for one in events if isinstance(one, Trade)], session)
    between = [one for one in trades if {one.buyer_account, one.seller_account} == {first, second}]
    assert len(between) > 4
    assert max(one.timestamp for one in given if one.destination_address in (first, second)) < min(
        one.timestamp for one in between
    )


@pytest.mark.parametrize("name", ["items", "chain-items", "wallets"])
def test_a_market_is_the_same_again(name: str) -> None:
    assert play(name, 5).frames == play(name, 5).frames
