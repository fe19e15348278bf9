"""Funds that deal at the NAV in force, and who knows the next."""

from collections import Counter
from pathlib import Path

from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer
from pipeline.reference_records import CorporateEvent, moment
from simulation.accuracy.judging import judge
from simulation.accuracy.offline import run, shipped_rules
from simulation.catalogue import COUNTS, play
from simulation.chain.fund import is_business_day
from tests.simulation.reading import events_of

RULE = "Right about the next NAV again and again"


def test_who_trades_late_knows_the_next_nav_and_is_found() -> None:
    session = play("late-trading", 5, episodes=2)
    assert len(session.episodes) == 2
    told: dict[str, list[tuple[int, float]]] = {}
    for time, one in session.told:
        assert isinstance(one, CorporateEvent)
        assert moment(one.announced) == time
        assert is_business_day(time)
        told.setdefault(one.token, []).append((time, float(one.value or 0)))
    parties = {party for one in session.episodes for party in one.parties}
    right = wrong = 0
    for one in events_of(session)[0]:
        if isinstance(one, TokenTransfer) and one.token_id and one.destination_investor in parties:
            navs = told[one.token_id]
            assert len(navs) > 80
            place = sum(time <= one.timestamp for time, _ in navs)
            rose = navs[place][1] > navs[place - 1][1]
            right, wrong = right + rose, wrong + (not rose)
    assert right >= 12, "they deal again and again"
    assert right > 4 * wrong
    verdicts = judge(session, run(session, shipped_rules()).alerts, COUNTS)
    assert all(RULE in one.rules for one in verdicts.episodes)


def test_who_trades_late_gets_to_all_his_round_trips() -> None:
    session = play("late-trading", 7)
    parties = {party: one.parties[0] for one in session.episodes for party in one.parties}
    trips = Counter(
        parties[one.destination_investor]
        for one in events_of(session)[0]
        if isinstance(one, TokenTransfer) and one.token_id and one.destination_investor in parties
    )
    assert len(trips) == 6
    assert sorted(trips.values())[1] == 12, "all but one, at most"


def test_an_honest_session_of_funds_has_nobody_to_find() -> None:
    assert not play("funds", 3).episodes
    assert play("funds", 3).frames == play("funds", 3).frames, "the same of the same seed"


def test_who_subscribes_at_the_funds_contract_is_no_agent_who_mints_for_itself() -> None:
    alerts = run(play("funds", 3), shipped_rules(Path("sigma_rules/administration"))).alerts
    assert not [one.reason for one in alerts if one.level in ("high", "critical")]


def test_nobody_gives_back_more_than_he_has_or_keeps_dust() -> None:
    held: Counter[tuple[str | None, str]] = Counter()
    least = 10**9  # of 10**18 to a token
    for one in events_of(play("funds", 3))[0]:
        if isinstance(one, TokenTransfer) and one.token_id and one.token_id.startswith("fund-"):
            amount = int(one.amount_raw)
            held[one.token_id, one.destination_address] += amount
            held[one.token_id, one.source_address] -= amount
            if one.source_address != ZERO_ADDRESS:
                left = held[one.token_id, one.source_address]
                assert left == 0 or left >= least
    assert len(held) > 100
