"""Which transfers begin a lot, which carry its times on, and what is not known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.cap_table.lot_book import LotBook, Purse, Room, move
from detections.cap_table.lots import FREE, UNKNOWN
from detections.cap_table.movements import movement, sold_by_issuer
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer
from tests.detections.cap_table.movements import UNIT, Log, at, wallet

LONG_AGO = 0


def booked(*events: TokenTransfer, free_before: int = LONG_AGO) -> LotBook:
    book = LotBook()
    for event in events:
        move(book, event, free_before)
    return book


def lots(book: LotBook, letter: str) -> list[tuple[int, int, int, float]]:
    purse = book.purses.get(wallet(letter), Purse())
    return [(one.acquired, one.since, one.issued, one.amount / UNIT) for one in purse.lots]


JAN, FEB, MAR, APR = at("2026-01-05"), at("2026-02-05"), at("2026-03-05"), at("2026-04-05")


def test_a_sale_gives_the_buyer_the_period_that_has_begun() -> None:
    """230.144(d)(1): it runs from the acquisition from the issuer or an affiliate of the issuer."""
    log = Log()
    book = booked(log.issued("a", 30, "2026-01-05"), log.moved("a", "b", 10, "2026-02-05"))
    assert lots(book, "a") == [(JAN, JAN, JAN, 20)]
    assert lots(book, "b") == [(FEB, JAN, JAN, 10)]


def test_an_affiliates_sale_begins_a_new_period_but_no_new_issue() -> None:
    log = Log()
    book = booked(
        log.issued("a", 30, "2026-01-05"),
        log.moved("a", "b", 10, "2026-02-05", source_labels=("issuer_affiliate",)),
    )
    assert lots(book, "b") == [(FEB, FEB, JAN, 10)]


def test_of_a_custodian_each_gets_back_what_was_his_own() -> None:
    log = Log()
    held = {"destination_labels": ("custodian",)}
    given = {"source_labels": ("custodian",)}
    book = booked(
        log.issued("a", 30, "2026-01-05"),
        log.issued("b", 30, "2026-02-05"),
        log.moved("a", "c", 30, "2026-03-05", **held),
        log.moved("b", "c", 30, "2026-03-05", **held),
        log.moved("c", "b", 20, "2026-04-05", **given),
        log.moved("c", "d", 20, "2026-04-05", **given),
    )
    assert lots(book, "b") == [(FEB, FEB, FEB, 20)]
    assert lots(book, "d") == [(JAN, JAN, JAN, 20)]  # of whoever has something there
    assert lots(book, "c") == [(JAN, JAN, JAN, 10), (FEB, FEB, FEB, 10)]


def test_of_a_custodian_each_gets_back_his_own_first_lots_first_though_they_are_free() -> None:
    log = Log()
    days = [f"2026-01-{day:02}" for day in range(1, 13)]
    held = {"destination_labels": ("custodian",)}
    book = booked(
        *[log.issued(who, 1, day) for day in days for who in "ab"],
        log.issued("a", 12, "2026-02-05"),
        log.moved("a", "c", 24, "2026-03-05", **held),
        log.moved("b", "c", 12, "2026-03-05", **held),
        log.moved("c", "a", 12, "2026-04-05", source_labels=("custodian",)),
        free_before=at("2026-02-01"),
    )
    assert lots(book, "a") == [(FREE, FREE, FREE, 12)]
    assert lots(book, "c") == [(FREE, FREE, FREE, 12), (FEB, FEB, FEB, 12)]


def test_what_the_issuer_hands_out_is_issued_then() -> None:
    log = Log()
    book = booked(
        log.issued("f", 30, "2026-01-05", destination_labels=("treasury",)),
        log.moved("f", "b", 10, "2026-02-05", source_labels=("treasury",)),
    )
    assert lots(book, "b") == [(FEB, FEB, FEB, 10)]


@pytest.mark.parametrize(
    "more",
    [
        {"transfer_type": "recovery"},
        {"transfer_type": "forced"},
        {"transfer_type": "fee"},
        {"source_investor": "INV-1", "destination_investor": "INV-1"},
        {"destination_labels": ("permitted_transferee",)},
        {"destination_labels": ("custodian",)},
        {"source_labels": ("custodian",)},
    ],
)
def test_what_changes_no_owner_carries_all_times(more: dict[str, object]) -> None:
    """Tacking: 230.144(d)(3)(v) to (vii) for gifts, trusts and estates."""
    log = Log()
    book = booked(
        log.issued("b", 1, "2026-03-05"),
        log.issued("a", 30, "2026-01-05"),
        log.moved("a", "b", 10, "2026-04-05", **more),
    )
    assert lots(book, "b") == [(JAN, JAN, JAN, 10), (MAR, MAR, MAR, 1)]


def test_who_was_given_tokens_sells_them_like_anybody() -> None:
    log = Log()
    family = ("permitted_transferee",)
    book = booked(
        log.issued("a", 10, "2026-01-05"),
        log.moved("a", "b", 10, "2026-02-05", destination_labels=family),
    )
    assert lots(book, "b") == [(JAN, JAN, JAN, 10)]
    sold = move(book, log.moved("b", "c", 10, "2026-03-05", source_labels=family), LONG_AGO)
    assert sold.kind == "sale"
    assert lots(book, "c") == [(MAR, JAN, JAN, 10)]


def test_the_oldest_lots_are_sold_first() -> None:
    log = Log()
    book = booked(
        log.issued("a", 10, "2026-01-05"),
        log.issued("a", 10, "2026-02-05"),
        log.moved("a", "b", 15, "2026-03-05"),
        log.burned("b", 12, "2026-04-05"),
    )
    assert lots(book, "a") == [(FEB, FEB, FEB, 5)]
    assert lots(book, "b") == [(MAR, FEB, FEB, 3)]


def test_what_was_there_before_has_no_known_time() -> None:
    log = Log()
    book = LotBook()
    first = move(book, log.moved("a", "b", 10, "2026-01-05"), LONG_AGO)
    assert not book.whole
    assert first.unsure
    assert [one.issued for one in first.lots] == [UNKNOWN]
    move(book, log.issued("b", 5, "2026-02-05"), LONG_AGO)
    second = move(book, log.moved("b", "c", 12, "2026-03-05"), LONG_AGO)
    # What was got by the transfer of January was held since then, whenever it was issued.
    assert [(one.acquired, one.issued, one.amount / UNIT) for one in second.lots] == [
        (JAN, UNKNOWN, 10),
        (FEB, FEB, 2),
    ]
    assert second.unsure


def test_a_wallet_that_sends_more_than_was_seen_is_unsure_from_then_on() -> None:
    log = Log()
    book = booked(log.issued("a", 10, "2026-01-05"))
    assert move(book, log.moved("a", "b", 15, "2026-02-05"), LONG_AGO).unsure
    move(book, log.issued("a", 10, "2026-03-05"), LONG_AGO)
    assert move(book, log.moved("a", "b", 5, "2026-04-05"), LONG_AGO).unsure
    assert not move(book, log.issued("c", 1, "2026-04-05"), LONG_AGO).unsure


def test_who_may_have_been_forgotten_may_have_had_tokens_before() -> None:
    """A wallet that was let go for want of room and buys again sells its own tokens first."""
    book, log, room = LotBook(), Log(), Room(wallets=4)
    for letter in "abcd":
        move(book, log.issued(letter, 30, "2026-01-05"), LONG_AGO, room=room)
    early = move(book, log.moved("b", "c", 1, "2026-01-06"), LONG_AGO, room=room)
    assert not early.unsure
    move(book, log.issued("e", 30, "2026-02-05"), LONG_AGO, room=room)
    assert wallet("a") not in book.purses
    move(book, log.issued("a", 10, "2026-03-05"), LONG_AGO, room=room)
    sale = move(book, log.moved("a", "x", 10, "2026-03-06"), LONG_AGO, room=room)
    assert [one.since for one in sale.lots] == [MAR]
    assert sale.unsure
    known = move(book, log.moved("c", "x", 1, "2026-03-06"), LONG_AGO, room=room)
    assert not known.unsure, "it was there all the time"


def test_nothing_and_to_oneself_changes_nothing() -> None:
    log = Log()
    book = booked(
        log.issued("a", 10, "2026-01-05"),
        log.moved("a", "b", 0, "2026-02-05"),
        log.moved("a", "a", 5, "2026-02-05"),
    )
    assert lots(book, "a") == [(JAN, JAN, JAN, 10)]
    assert wallet("b") not in book.purses


def test_lots_that_are_free_are_put_together() -> None:
    log = Log()
    days = [f"2026-01-{day:02}" for day in range(1, 29)]
    book = booked(*[log.issued("a", 1, day) for day in days], free_before=at("2026-01-15"))
    assert len(lots(book, "a")) < 28
    assert sum(amount for *_, amount in lots(book, "a")) == 28
    assert book.given_up == 0


def test_each_kind_of_transfer_is_told_apart() -> None:
    log = Log()
    assert movement(log.issued("a", 1, "2026-01-05")) == "issue"
    assert movement(log.burned("a", 1, "2026-01-05")) == "redemption"
    assert movement(log.moved("a", "b", 1, "2026-01-05")) == "sale"
    assert sold_by_issuer(log.issued("a", 1, "2026-01-05"))
    assert not sold_by_issuer(log.issued("a", 1, "2026-01-05", destination_labels=("treasury",)))
    back = log.moved("a", "b", 1, "2026-01-05", destination_labels=("issuer",))
    assert movement(back) == "redemption"
    within = log.moved(
        "a", "b", 1, "2026-01-05", source_labels=("issuer",), destination_labels=("treasury",)
    )
    assert movement(within) == "carry"
    same_cluster = log.moved(
        "a", "b", 1, "2026-01-05", source_cluster="CL-1", destination_cluster="CL-1"
    )
    assert movement(same_cluster) == "sale", "clusters are inferred"
    empty = log.moved(ZERO_ADDRESS, ZERO_ADDRESS, 1, "2026-01-05")
    assert movement(empty) == "nothing"


@given(st.integers(0, 2**32))
def test_wallets_hold_what_a_plain_ledger_says(seed: int) -> None:
    chance, log, book = random.Random(seed), Log(), LotBook()
    plain: dict[str, int] = {}
    for number in range(80):
        day = f"2026-0{1 + number // 20}-{1 + number % 20:02}"
        who, other = chance.choice("abcd"), chance.choice("abcd")
        if chance.random() < 0.3 or not plain.get(who):
            event = log.issued(who, chance.randrange(1, 50), day)
            plain[who] = plain.get(who, 0) + int(event.amount_raw)
        else:
            amount = chance.randint(1, plain[who]) / UNIT
            kind = chance.choice(["transfer", "forced", "recovery", "burn"])
            if kind == "burn":
                event = log.burned(who, amount, day)
            else:
                labels = chance.choice([(), ("custodian",), ("issuer_affiliate",)])
                event = log.moved(who, other, amount, day, transfer_type=kind, source_labels=labels)
                plain[other] = plain.get(other, 0) + int(event.amount_raw)
            plain[who] -= int(event.amount_raw)
        assert not move(book, event, at("2026-02-01")).unsure
    held = {key: sum(int(one.amount) for one in purse.lots) for key, purse in book.purses.items()}
    assert {k: v for k, v in held.items() if v} == {wallet(k): v for k, v in plain.items() if v}
