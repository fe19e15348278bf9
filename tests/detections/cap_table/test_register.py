"""Balances by wallet and by person, as a plain ledger has them."""

import random

from hypothesis import given
from hypothesis import strategies as st

from detections.cap_table.register import Register, forget, record
from tests.detections.cap_table.movements import UNIT, Log, wallet

NOBODY: frozenset[str] = frozenset()


def balances(register: Register) -> dict[str, float]:
    return {name: person.balance / UNIT for name, person in register.persons.items()}


def test_wallets_of_one_investor_are_one_person_and_clusters_if_wanted() -> None:
    log = Log()
    events = [
        log.issued("a", 5, "2026-01-05", destination_investor="INV-1", destination_cluster="CL"),
        log.issued("b", 6, "2026-01-05", destination_investor="INV-1", destination_cluster="CL"),
        log.issued("c", 7, "2026-01-05", destination_investor="INV-2", destination_cluster="CL"),
        log.issued("d", 8, "2026-01-05"),
    ]
    by_investor, by_cluster = Register(), Register()
    for event in events:
        record(by_investor, event, by_cluster=False, exempt=NOBODY)
        record(by_cluster, event, by_cluster=True, exempt=NOBODY)
    assert balances(by_investor) == {"INV-1": 11, "INV-2": 7, wallet("d"): 8}
    assert balances(by_cluster) == {"CL": 18, wallet("d"): 8}


def test_the_issuers_own_tokens_are_not_outstanding() -> None:
    log, register = Log(), Register()
    for event in (
        log.issued("f", 100, "2026-01-05", destination_labels=("treasury",)),
        log.moved("f", "a", 30, "2026-01-06", source_labels=("treasury",)),
        log.moved("a", "f", 10, "2026-01-07", destination_labels=("treasury",)),
        log.burned("a", 5, "2026-01-08"),
    ):
        record(register, event, by_cluster=False, exempt=NOBODY)
    assert register.outstanding == 15 * UNIT


def test_a_wallet_that_turns_out_to_be_an_investors_moves_to_it() -> None:
    log, register = Log(), Register()
    for event in (
        log.issued("a", 10, "2026-01-05"),
        log.moved("a", "b", 4, "2026-01-06", source_investor="INV-1"),
    ):
        for name in record(register, event, by_cluster=False, exempt=NOBODY):
            forget(register, name)
    assert balances(register) == {"INV-1": 6, wallet("b"): 4}


def test_a_wallet_that_had_more_than_was_seen_makes_the_register_a_least() -> None:
    log, register = Log(), Register()
    record(register, log.issued("a", 10, "2026-01-05"), by_cluster=False, exempt=NOBODY)
    assert register.whole
    record(register, log.moved("a", "b", 15, "2026-01-06"), by_cluster=False, exempt=NOBODY)
    assert not register.whole
    assert register.persons[wallet("b")].balance == 15 * UNIT


@given(st.integers(0, 2**32))
def test_it_agrees_with_a_plain_ledger(seed: int) -> None:
    chance, log, register = random.Random(seed), Log(), Register()
    plain: dict[str, int] = {}
    owner = {letter: chance.choice(["INV-1", "INV-2", None]) for letter in "abcdef"}
    for _ in range(60):
        who, other = chance.choice("abcdef"), chance.choice("abcdef")
        if chance.random() < 0.1:
            owner[who] = chance.choice(["INV-1", "INV-2", None])
        if chance.random() < 0.4 or not plain.get(who):
            event = log.issued(
                who, chance.randrange(1, 50), "2026-01-05", destination_investor=owner[who]
            )
            plain[who] = plain.get(who, 0) + int(event.amount_raw)
        else:
            event = log.moved(
                who,
                other,
                chance.randint(1, plain[who]) / UNIT,
                "2026-01-05",
                source_investor=owner[who],
                destination_investor=owner[other],
            )
            plain[who] -= int(event.amount_raw)
            plain[other] = plain.get(other, 0) + int(event.amount_raw)
        for name in record(register, event, by_cluster=False, exempt=NOBODY):
            forget(register, name)
    assert register.whole
    assert register.outstanding == sum(plain.values())
    held = {key: int(one.balance) for key, one in register.wallets.items()}
    assert held == {wallet(key): amount for key, amount in plain.items() if amount}
    by_person: dict[str, int] = {}
    for one in register.wallets.values():
        by_person[one.person] = by_person.get(one.person, 0) + one.balance
    assert by_person == {name: int(one.balance) for name, one in register.persons.items()}
