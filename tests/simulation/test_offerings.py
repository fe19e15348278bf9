"""Offerings, whose holders keep the terms but for one: what is played, and that it is found."""

import pytest

from normalizer.events.chain import TokenTransfer
from simulation.abusers.offering_catalogue import OFFERING_BREACHES
from simulation.accuracy.measuring import measure_one
from simulation.accuracy.plan import Task
from simulation.chain.offering import Offering, OfferingMarket
from simulation.chain.offering_session import play_offerings
from tests.simulation.reading import events_of

DAY = 86_400 * 10**9


def test_a_session_is_readable_and_the_same_again() -> None:
    breach = OFFERING_BREACHES["reg-cf-resold"]
    session = play_offerings(5, breach=breach, episodes=1)
    again = play_offerings(5, breach=breach, episodes=1)
    assert session.frames == again.frames
    events, dead = events_of(session)
    assert dead == 0
    seller = session.episodes[0].parties[0]
    sold = [one for one in events if isinstance(one, TokenTransfer)
            and one.source_investor == seller]  # fmt: skip
    assert sold
    assert {one.token_classification for one in sold} == {"reg-cf"}
    assert session.episodes[0].begin <= sold[0].timestamp <= session.episodes[0].end


def test_what_a_custodian_gives_back_is_as_old_as_what_was_given() -> None:
    market = OfferingMarket(1)
    offering = Offering(market, "reg-d-506b", "reg-d-506b")
    old, young = market.person(), market.person()
    offering.sell(old, 10)
    market.now += 100 * DAY
    offering.sell(young, 10)
    for one in (old, young):
        offering.deposit(one.wallets[0], 10)
    market.now += 10 * DAY
    offering.withdraw(young.wallets[0])
    assert offering.matured(young.wallets[0], 50 * DAY) == 0
    offering.withdraw(old.wallets[0])
    assert offering.matured(old.wallets[0], 50 * DAY) == 10


def test_what_was_got_first_leaves_first_whichever_way_it_came_to_the_wallet() -> None:
    market = OfferingMarket(1)
    offering = Offering(market, "reg-d-506b", "reg-d-506b")
    one = market.person()
    first, second = one.wallets[0], market.wallet(one)
    offering.sell(one, 20, first)
    market.now += 100 * DAY
    offering.sell(one, 20, second)
    offering.move(first, one, 10, "own", second)
    offering.move(second, market.person(), 10, "sale")
    assert offering.matured(second, 50 * DAY) == 0
    for wallet, amount in ((first, 10), (second, 20)):
        offering.deposit(wallet, amount)
    offering.withdraw(second)
    assert offering.matured(second, 50 * DAY) == 10, "the custodian knows persons, not wallets"
    offering.withdraw(first)
    assert offering.matured(first, 50 * DAY) == 0


@pytest.mark.parametrize("seed", [200, 203, 205])
def test_who_keeps_the_year_is_not_told(seed: int) -> None:
    (measured,) = measure_one(Task(purpose="abuse", name="reg-cf-resold", seed=seed))
    told = [one.verdict for one in measured.alerts if "within a year" in one.rule]
    assert told.count("hit") > 3
    assert "false" not in told


@pytest.mark.parametrize("name", [name for name in OFFERING_BREACHES if name != "too-many-holders"])
def test_breaches_are_found(name: str) -> None:
    (measured,) = measure_one(Task(purpose="abuse", name=name, seed=3, episodes=1))
    assert (measured.dead, measured.failures) == (0, 0)
    assert len(measured.episodes) == 1
    assert measured.episodes[0].seconds is not None
    of_terms = ("offering_rules", "sanctions", "transfer_restrictions")
    false = [
        one.rule for one in measured.alerts if one.verdict == "false" and one.typology in of_terms
    ]
    assert not false


def test_listings_come_in_the_course_of_the_session() -> None:
    session = play_offerings(3, breach=OFFERING_BREACHES["listed-later"], episodes=1)
    assert not session.reference.sanctions
    assert len(session.told) == 3
    assert session.told[0][0] == session.episodes[0].onset
    assert session.episodes[0].begin < session.episodes[0].onset <= session.episodes[0].end
