"""Accumulation: of whom what was gathered came, and who would hide it."""

from typing import Any

import pytest

from detections.correlators import accumulation
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY, HOUR
from tests.detections.correlators.test_structuring import found, move, wallet
from tests.detections.samples import Tape

HOLDER, FRONT, OTHER = 1, 2, 3
SELLERS = range(10, 30)


def gathered(events: list[Any]) -> list[float]:
    """Of how many tokens who holds them is told, of 1,000 that are outstanding."""
    rule = accumulation.Accumulation(
        accumulation.Parameters(pattern="supply", outstanding={"acme": 1_000})
    )
    findings = found(rule, events)
    return [one.metrics["quantity"] for one in findings if wallet(HOLDER) in one.entities]


def at(hour: float, source: int, destination: int, amount: float, **more: Any) -> TokenTransfer:
    return move(
        int(hour * 1_000) + destination,
        source,
        destination,
        amount,
        20 * DAY + int(hour * HOUR),
        **more,
    )


def test_what_comes_of_many_by_way_of_a_wallet_that_hands_on_each_part() -> None:
    events: list[Any] = []
    for hour, seller in enumerate(SELLERS[:5]):
        events += [at(hour, seller, FRONT, 10), at(hour + 0.1, FRONT, HOLDER, 10)]
    assert gathered(events) == [50]


def test_a_block_of_another_holder_for_each_client_of_a_broker() -> None:
    events = [at(0, SELLERS[0], FRONT, 60), at(1, FRONT, OTHER, 60)]
    assert gathered([*events, at(2, SELLERS[1], FRONT, 70), at(3, FRONT, HOLDER, 70)]) == []


def test_what_another_wallet_gathered_as_well_and_passes_on() -> None:
    events = [at(n, SELLERS[n], FRONT, 12) for n in range(4)]
    events += [at(10 + n, SELLERS[10 + n], HOLDER, 11) for n in range(4)]
    assert gathered([*events, at(20, FRONT, HOLDER, 48)]) == [92]


@pytest.mark.parametrize("had", [0, 60])
def test_what_one_gave_by_way_of_another_is_of_one(had: int) -> None:
    events = [at(0, OTHER, FRONT, 60), at(1, FRONT, HOLDER, 60)]
    events += [at(2, HOLDER, FRONT, 60), at(3, FRONT, OTHER, 60)]
    events += [at(4, OTHER, FRONT, 60), at(5, FRONT, HOLDER, 60 + had)]
    assert gathered(events) == []


def test_a_block_that_was_sold_again_hides_nothing() -> None:
    events = [at(0, OTHER, HOLDER, 100), at(1, HOLDER, 5, 90, destination_labels=("pool",))]
    events += [at(2 + n, SELLERS[n], HOLDER, 15) for n in range(4)]
    assert gathered(events) == [60]


def test_a_block_stays_one_behind_hundreds_of_small_receipts() -> None:
    events = [at(0, OTHER, HOLDER, 70)]
    events += [at(1 + n / 100, SELLERS[n % 20], HOLDER, 0.01) for n in range(500)]
    assert gathered(events) == []


def test_what_goes_to_a_custodian_and_back_is_its_own_however_long_ago_it_first_came() -> None:
    custody = [at(0, 5, HOLDER, 60, source_labels=("custodian",))]
    custody += [at(30 * 24, HOLDER, 5, 60, destination_labels=("custodian",))]
    custody += [at(60 * 24, 5, HOLDER, 60, source_labels=("custodian",))]
    assert gathered(custody) == [60]


def test_a_loan_of_something_in_each_transaction_hides_nothing() -> None:
    events = [at(n, SELLERS[n], HOLDER, 10, tags=("flash-loan",)) for n in range(6)]
    assert gathered([*events[:5], at(7, 7, 8, 1)]) == [50]
    assert gathered(events) == [50]


def test_who_lends_and_is_paid_back_in_one_transaction_has_gathered_nothing() -> None:
    steps = [(HOLDER, 5, 60), (5, 6, 60), *((n, 5, 20) for n in (7, 8, 9)), (5, HOLDER, 60)]
    events = [at(n / 1_000, *step, tags=("flash-loan",)) for n, step in enumerate(steps)]
    assert gathered([*events, at(7, 7, 8, 1)]) == []


def test_what_a_loan_left_is_told_with_a_trade_of_others() -> None:
    lent = [at(n, SELLERS[n], HOLDER, 10, tags=("flash-loan",)) for n in range(5)]
    traded = Tape(token_id="acme").trade(21 * 86_400_000, 1.0, 1, seller_account="s")
    assert gathered([*lent, traded]) == [50]
