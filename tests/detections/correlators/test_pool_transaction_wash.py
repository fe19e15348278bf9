"""Both legs in one transaction: in one pool, between two, with a flash loan, and who is honest."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.pool_transaction_wash import Parameters, PoolTransactionWash
from tests.detections.correlators.pool_tape import BOT, OTHER_POOL, SETTLEMENT, Chain, wallet
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import correlator

WASHER = 1
LOAN = ("flash-loan",)


def observed(detection: PoolTransactionWash, events: list[Any]) -> list[Finding]:
    return [finding for event in events for finding in detection.observe(event)]


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    return observed(PoolTransactionWash(Parameters(**parameters)), events)


def one_pool(chain: Chain, first: tuple[int, int] = (7, 1), **back: Any) -> list[Any]:
    sale = dict[str, Any](at=first, who=WASHER, token=-100, quote=9.94) | back
    return [chain.swap(first, WASHER, 100, -10), chain.swap(**sale)]


def two_pools(chain: Chain, block: int, quote: float = 9.9, *, dearer: float = 0.0) -> list[Any]:
    """Others' swaps say what the pools' prices are; then the token is bought in one and sold in the
    other."""
    other: dict[str, Any] = {"pool": OTHER_POOL, "pool_price": 0.1 * (1 + dearer)}
    return [
        chain.swap((block, 0), 9, 1, -0.1, pool_price=0.1),
        chain.swap((block, 0), 9, 1, -0.1, **other),
        chain.swap((block, 1), WASHER, 100, -10, pool_price=0.1),
        chain.swap((block, 1), WASHER, -100, quote, **other),
    ]


def test_there_and_back_in_one_pool() -> None:
    (finding,) = found(one_pool(Chain(transaction_to=BOT)))
    assert finding.reason == (
        f"{wallet(WASHER)} swapped 2 times back and forth in the pool ACME-WETH in one "
        "transaction, the same amounts, worth 19.94 WETH"
    )
    assert finding.entities == (wallet(WASHER), BOT)
    assert len(finding.witnesses) == 2
    assert finding.metrics["own_pool"] == 0


def test_it_alerts_again_when_it_has_doubled() -> None:
    chain = Chain()
    findings = found([*one_pool(chain), *one_pool(chain), *one_pool(chain), *one_pool(chain)])
    assert [one.metrics["swaps"] for one in findings] == [2, 4, 8]


@pytest.mark.parametrize(
    "back",
    [
        {"at": (7, 2)},
        {"token": -98.5, "quote": 9.7},
        {"token": 100, "quote": -10},
        {"pool": OTHER_POOL},
        {"tags": LOAN},
    ],
    ids=["two transactions", "other amount", "same way", "other pool", "a loan"],
)
def test_each_condition_just_missed(back: dict[str, Any]) -> None:
    assert found(one_pool(Chain(), **back)) == []


def test_too_little_and_exempt() -> None:
    # Not quite 20 of ether, which is worth thousands of dollars.
    assert len(found(one_pool(Chain()), minimum_gross=19_000)) == 1
    assert found(one_pool(Chain()), minimum_gross=20_000) == []
    assert found(one_pool(Chain(currency="USDC")), minimum_gross=20) == []
    assert found(one_pool(Chain(investor_labels=("router",)))) == []


def test_with_a_flash_loan_it_is_the_other_rules() -> None:
    events = one_pool(Chain(tags=LOAN))
    assert found(events) == []
    (finding,) = found(events, funds="flash_loan")
    assert "in one transaction with a flash loan, the same amounts" in finding.reason
    assert found(one_pool(Chain()), funds="flash_loan") == []


def test_a_pool_of_ones_own() -> None:
    chain = Chain()
    (finding,) = found([chain.added((1, 1), WASHER, 1000, 100), *one_pool(chain)])
    assert finding.reason.endswith("which has its own liquidity in it")


def test_between_two_pools_at_a_loss_it_must_come_again() -> None:
    chain = Chain()
    events = [event for block in (7, 9, 11) for event in two_pools(chain, block)]
    (finding,) = found(events)
    assert finding.metrics["times"] == 3
    assert "in the pools ACME-WETH and ACME-WETH-2 in one transaction, 3 times" in finding.reason
    assert len(finding.witnesses) == 6
    assert found(events[:8]) == []


def test_arbitrage_that_fails_bought_where_it_was_cheaper() -> None:
    chain = Chain()
    failed = [e for block in (7, 9, 11) for e in two_pools(chain, block, dearer=0.0011)]
    assert found(failed) == []
    near = [e for block in (7, 9, 11) for e in two_pools(chain, block, dearer=0.001)]
    assert len(found(near)) == 1
    unknown = [e for block in (7, 9, 11) for e in two_pools(chain, block)]
    for event in unknown:
        event.pool_price = None
    assert found(unknown) == []


def test_between_two_pools_of_which_one_is_the_owners() -> None:
    chain = Chain()
    provided = chain.added((1, 1), WASHER, 1000, 100, pool=OTHER_POOL)
    (finding,) = found([provided, *two_pools(chain, 7)])
    assert finding.confidence == 0.8
    by_another = chain.added((1, 1), 2, 1000, 100, pool=OTHER_POOL)
    assert found([by_another, *two_pools(chain, 7)]) == []


@pytest.mark.parametrize("funds", ["own", "flash_loan"])
def test_arbitrage_between_two_pools_gains_and_is_silent(funds: str) -> None:
    chain = Chain(tags=LOAN if funds == "flash_loan" else ())
    events = [event for block in range(7, 30) for event in two_pools(chain, block, 10.1)]
    assert found([chain.added((1, 1), WASHER, 1000, 100), *events], funds=funds) == []


def test_a_route_over_two_pools_one_way_is_silent() -> None:
    chain = Chain()
    route = [
        chain.swap((7, 1), WASHER, 60, -6),
        chain.swap((7, 1), WASHER, 40, -4, pool=OTHER_POOL),
    ]
    assert found(route * 4) == []


def test_two_users_of_one_batch_are_silent() -> None:
    assert found(one_pool(Chain(transaction_to=SETTLEMENT))) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    chain = Chain()
    events = [event for block in (7, 9, 11) for event in two_pools(chain, block)]
    events += [chain.added((12, 1), WASHER, 1, 1), *one_pool(chain, (13, 1))]
    assert_the_same_after_a_restart(correlator("pool_transaction_wash"), events)
