"""Simulated venues: a seed gives the same bytes again, in wire formats that are the venues' own."""

import json

import pytest

from collectors.kraken.checksum import PriceBook
from demo.venue.messages import Match, Open
from detections.backtest.label_files import read_labels
from normalizer.events.market import OrderPlaced, Trade
from simulation.abusers.catalogue import VENUE_ABUSES
from simulation.normalizing import normalized
from simulation.session import Session, WireFormat, play_venue
from simulation.truth import labels_of, write_labels
from tests.simulation.reading import events_of

MINUTE = 60 * 10**9


@pytest.fixture(scope="module")
def layered() -> Session:
    return play_venue("liquid", 3, abuse=VENUE_ABUSES["layering"], episodes=1)


def test_the_same_seed_gives_the_same_bytes(layered: Session) -> None:
    again = play_venue("liquid", 3, abuse=VENUE_ABUSES["layering"], episodes=1)
    assert again.frames == layered.frames
    assert again.episodes == layered.episodes
    other = play_venue("liquid", 4, abuse=VENUE_ABUSES["layering"], episodes=1)
    assert other.frames != layered.frames


def test_order_log_is_readable_and_has_accounts(layered: Session) -> None:
    events, dead = events_of(layered)
    assert dead == 0
    placed = [event for event in events if isinstance(event, OrderPlaced)]
    trades = [event for event in events if isinstance(event, Trade)]
    assert len(placed) > 500
    assert len(trades) > 50
    assert all(event.investor_account and event.investor_id for event in placed)
    assert all(trade.buyer_account and trade.seller_account for trade in trades)


@pytest.mark.parametrize("wire", ["coinbase", "kraken"])
def test_public_feeds_are_readable_and_name_nobody(wire: WireFormat) -> None:
    session = play_venue("liquid", 3, wire=wire, length=2 * MINUTE)
    events, dead = events_of(session)
    assert dead == 0
    assert len(events) > 500
    accounts = {account.account for one in session.reference.investors for account in one.accounts}
    assert accounts
    for _, frame in session.frames:
        assert not any(account.encode() in frame.payload for account in accounts)


def test_kraken_checksums_hold() -> None:
    session = play_venue("liquid", 5, wire="kraken", length=1 * MINUTE)
    book = PriceBook(100)
    checked = 0
    for _, frame in session.frames:
        message = json.loads(frame.payload, parse_float=str, parse_int=str)
        if message["channel"] != "book":
            continue
        (data,) = message["data"]
        bids, asks = (
            [(one["price"].encode(), one["qty"].encode()) for one in data[side]]
            for side in ("bids", "asks")
        )
        book.update(bids, asks)
        assert book.checksum() == int(data["checksum"])
        checked += 1
    assert checked > 200


def test_no_honest_account_trades_with_itself() -> None:
    session = play_venue("linked", 6, length=4 * MINUTE)
    matches = [one for printed in session.tape for one in printed.execution.matches]
    assert len(matches) > 300
    assert not [one for one in matches if one.maker_user_id == one.taker_user_id]


def test_books_never_cross_and_trades_are_at_resting_prices() -> None:
    session = play_venue("thin", 2)
    resting: dict[str, str] = {}
    for printed in session.tape:
        for event in printed.execution.events:
            if isinstance(event, Match):
                assert resting[event.maker_order_id] == event.price
            elif isinstance(event, Open):
                resting[event.order_id] = event.price
    engine = session.tape[-1].listing.engine
    bid, ask = engine.best("buy"), engine.best("sell")
    assert bid is not None
    assert ask is not None
    assert bid < ask


def test_labels_are_read_by_the_backtest(layered: Session) -> None:
    labels = read_labels(write_labels(labels_of(layered.episodes)), "labels.yml")
    (label,) = labels
    assert label.right
    assert label.typology == "layering"
    assert label.since is not None
    assert {name.lower() for name in layered.episodes[0].parties} == label.entities


def test_public_labels_name_the_abusers_events() -> None:
    session = play_venue("liquid", 3, abuse=VENUE_ABUSES["spoofing"], episodes=1, wire="coinbase")
    (ids,) = session.evidence.values()
    assert len(ids) > 8
    known = {event.id for some, _ in normalized(session) for event in some}
    assert set(ids) <= known


def test_intensity_makes_it_larger() -> None:
    def largest(intensity: float) -> float:
        session = play_venue(
            "liquid", 3, abuse=VENUE_ABUSES["layering"], episodes=1, intensity=intensity
        )
        account = session.episodes[0].parties[0]
        return max(
            event.quantity or 0.0
            for event in events_of(session)[0]
            if isinstance(event, OrderPlaced) and event.investor_account == account
        )

    assert largest(0.0) * 3 < largest(0.5) < largest(1.0) / 2.5
