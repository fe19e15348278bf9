"""Swaps ahead of others' larger ones: each condition, and who is no front-runner."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.swapped_ahead import Parameters, SwappedAhead
from normalizer.events.chain import PoolSwap
from tests.detections.correlators.pool_tape import BOT, ROUTER, Chain, wallet

RUNNER = 1


def found(events: list[PoolSwap], **parameters: Any) -> list[Finding]:
    detection = SwappedAhead(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def ahead(
    chain: Chain, block: int, *, victim: float = 20, back: float = 100, later: int = 5, **own: Any
) -> list[PoolSwap]:
    """A purchase of 100 for 10, another's right behind it, and the sale some blocks later."""
    return [
        chain.swap((block, 1), RUNNER, 100, -10, **own),
        chain.swap((block, 2), 1_000 + block, 190, -victim),
        chain.swap((block + later, 1), RUNNER, -back, 10.4, **own),
    ]


def three(**how: Any) -> list[PoolSwap]:
    chain = Chain()
    return [event for block in (10, 100, 200) for event in ahead(chain, block, **how)]


def test_three_times_before_a_larger_one_and_out_again() -> None:
    (finding,) = found(three())
    assert finding.reason == (
        f"{wallet(RUNNER)} bought in the pool ACME-WETH right before others' larger swaps of the "
        "same block 3 times of 3 and sold the same amount within 60 s, and gained 1.2 WETH"
    )
    assert len(finding.witnesses) == 9
    assert finding.metrics["victims_notional"] == 60
    assert finding.metrics["chance"] < 0.01
    assert finding.confidence == pytest.approx(0.75)
    assert found(three()[:6]) == []


def test_a_loss_is_an_attempt_and_a_contract_of_its_own_a_party() -> None:
    chain = Chain(transaction_to=BOT)
    signers = iter((5, 6, 7, 8, 9, 10))
    events = [
        chain.swap((event.block_number, event.transaction_index or 0), next(signers), 100, -10)
        if event.side == "buy"
        else chain.swap((event.block_number, event.transaction_index or 0), next(signers), -100, 9)
        for event in three()
        if event.transaction_from == wallet(RUNNER)
    ]
    others = [one for one in three() if one.transaction_from != wallet(RUNNER)]
    tape = sorted(
        [*events, *others], key=lambda one: (one.block_number, one.transaction_index or 0)
    )
    (finding,) = found(tape)
    assert BOT in finding.entities
    assert "gained" not in finding.reason


@pytest.mark.parametrize(
    "how",
    [{"victim": 9}, {"back": 95}, {"later": 60}],
    ids=["before a smaller one", "another amount back", "back much later"],
)
def test_each_condition_just_missed(how: dict[str, Any]) -> None:
    assert found(three(**how)) == []


def test_in_one_block_it_is_a_sandwich() -> None:
    chain = Chain()
    events = [
        event
        for block in (10, 100, 200)
        for event in (
            chain.swap((block, 1), RUNNER, 100, -10),
            chain.swap((block, 2), 1_000 + block, 190, -20),
            chain.swap((block, 3), RUNNER, -100, 10.4),
        )
    ]
    assert found(events) == []


def test_who_trades_all_day_meets_larger_ones_by_chance() -> None:
    chain = Chain()
    busy = [chain.swap((1_000 + number, 1), RUNNER, 50, -5) for number in range(40)]
    assert found([*busy, *three()], window=7 * 86_400 * 10**9) == []
    assert len(found([*busy[:3], *three()], window=7 * 86_400 * 10**9)) == 1


def test_in_a_pool_where_most_come_before_a_larger_one_it_says_nothing() -> None:
    chain = Chain()
    usual = [
        chain.swap((1_000 + number // 2, number % 2), 50 + number, 10 + number % 2, -5 - number % 2)
        for number in range(80)
    ]
    assert found([*usual, *three()]) == []


def test_what_is_usual_is_known_also_beside_one_who_has_long_traded_there() -> None:
    chain = Chain()
    long = [
        chain.swap((block, place), who, 10 + place, -5 - place)
        for block in range(1_000, 4_000)
        for place, who in enumerate((RUNNER if block % 2 else 50, 51))
    ]
    later = [event for block in (30_000, 30_100, 30_200) for event in ahead(chain, block)]
    assert found([*long, *later]) == []


def test_routers_are_left_out() -> None:
    assert found(three(investor_labels=("router",))) == []
    assert ROUTER not in found(three())[0].entities


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    events = three()
    expected = found(events)
    for cut in range(len(events)):
        first, second = SwappedAhead(Parameters()), SwappedAhead(Parameters())
        before = [one for event in events[:cut] for one in first.observe(event)]
        second.restore(first.snapshot())
        assert before + [one for event in events[cut:] for one in second.observe(event)] == expected
