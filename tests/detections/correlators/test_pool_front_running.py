"""Swaps that follow others' pending ones: copied ahead, or put right behind."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.pool_front_running import Parameters, PoolFrontRunning
from normalizer.events.pending import TransactionIncluded, TransactionPending, TransactionReplaced
from tests.detections.correlators.pool_tape import BLOCK_TIME, BOT, Chain, wallet
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import START, correlator

RUNNER, VICTIM, OTHER = 1, 2, 3
SECOND = 10**9


def observed(detection: PoolFrontRunning, events: list[Any]) -> list[Finding]:
    return [finding for event in events for finding in detection.observe(event)]


def found(events: list[Any], pattern: Any = "copy_ahead", **parameters: Any) -> list[Finding]:
    return observed(PoolFrontRunning(Parameters(pattern=pattern, **parameters)), events)


def seen(
    swap: Any, before: float, fee: int, kind: type[Any] = TransactionPending, **more: Any
) -> Any:
    """A transaction was public so many seconds before its block."""
    moment = START + swap.block_number * BLOCK_TIME - round(before * SECOND)
    fields: dict[str, Any] = {
        "id": f"{swap.id}-{kind.__name__}",
        "timestamp": moment,
        "ingested": moment,
        "original": "RAW/1/0",
        "provider": "chain-pending",
        "chain_id": 1,
        "transaction_hash": swap.transaction_hash,
        "transaction_from": swap.transaction_from,
        "transaction_nonce": 1,
        "value_raw": "0",
        "value": 0.0,
        "max_fee_raw": str(fee),
        "first_seen": moment,
    }
    return kind(**{**fields, **more})


def copied(
    chain: Chain, block: int, *, pays: float = 10, fee: int = 11, before: float = 4, **copy: Any
) -> list[Any]:
    ahead = chain.swap((block, 1), RUNNER, 100, -pays, **copy)
    other = chain.swap((block, 2), VICTIM, 95, -10)
    return [seen(other, 8, 10), seen(ahead, before, fee), ahead, other]


def times(number: int, **changes: Any) -> list[Any]:
    chain = Chain()
    return [event for block in range(number) for event in copied(chain, 100 * block, **changes)]


def test_three_copies_ahead_of_three_pending_swaps() -> None:
    (finding,) = found(times(3))
    assert finding.reason == (
        f"{wallet(RUNNER)} copied others' pending swaps in the pool ACME-WETH and came before them "
        "at a higher fee, 3 times within 40 min, at the soonest 4 s after they were seen"
    )
    assert len(finding.witnesses) == 12
    assert finding.metrics["times"] == 3
    assert found(times(2)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"pays": 10.2},
        {"fee": 10},
        {"before": 8},
        {"token_is_sold": True},
        {"who_is_victim": True},
        {"investor_labels": ("router",)},
    ],
    ids=["other amount", "no higher fee", "not later", "other way", "the same party", "router"],
)
def test_each_condition_just_missed(changes: dict[str, Any]) -> None:
    if changes.pop("token_is_sold", False):
        changes |= {"amount0_raw": "100", "amount1_raw": "-10"}
    if changes.pop("who_is_victim", False):
        changes |= {"investor_address": wallet(VICTIM)}
    assert found(times(3, **changes)) == []


def test_later_than_a_reaction_or_behind_it_is_no_copy_ahead() -> None:
    assert found(times(3), reaction=3 * SECOND) == []
    chain = Chain()
    events: list[Any] = []
    for block in (1, 2, 3):
        other = chain.swap((block, 1), VICTIM, 95, -10)
        later = chain.swap((block, 2), RUNNER, 100, -10)
        events += [seen(other, 8, 10), seen(later, 4, 11), other, later]
    assert found(events) == []


def test_a_transaction_that_was_never_public_is_unknown() -> None:
    silent = [
        e for e in times(3) if not (isinstance(e, TransactionPending) and e.max_fee_raw == "11")
    ]
    assert found(silent) == []


def test_a_replaced_transaction_was_public_from_its_first_time_on() -> None:
    chain = Chain()
    events: list[Any] = []
    for block in (1, 2, 3):
        ahead = chain.swap((block, 1), RUNNER, 100, -10)
        other = chain.swap((block, 2), VICTIM, 95, -10)
        replaced = seen(
            other,
            8,
            9,
            TransactionReplaced,
            transaction_hash="0x0ld",
            by_hash=other.transaction_hash,
            by_max_fee_raw="10",
            pending_seconds=1.0,
        )
        events += [replaced, seen(other, 2, 10), seen(ahead, 4, 11), ahead, other]
    assert len(found(events)) == 1


def test_what_is_told_to_be_pending_after_the_block_counts_once_it_is_included() -> None:
    chain = Chain()
    events: list[Any] = []
    for block in (1, 2, 3):
        public, copy, ahead, other = copied(chain, block)
        included = seen(
            other,
            -1,
            10,
            TransactionIncluded,
            block_number=block,
            block_hash="0x",
            pending_seconds=1.0,
        )
        events += [ahead, other, public, copy, included]
    (finding,) = found(events)
    assert finding.metrics["times"] == 3


def behind(chain: Chain, block: int, *, index: int = 2, before: float | None = None) -> list[Any]:
    other = chain.swap((block, 1), VICTIM, 95, -10)
    later = chain.swap((block, index), RUNNER, -50, 6, transaction_to=BOT)
    own = [] if before is None else [seen(later, before, 10)]
    return [seen(other, 8, 10), *own, other, later]


@pytest.mark.parametrize(("before", "count"), [(None, 1), (4, 1), (9, 0)])
def test_right_behind_a_pending_swap(before: float | None, count: int) -> None:
    chain = Chain()
    events = [e for block in (1, 2, 3) for e in behind(chain, block, before=before)]
    findings = found(events, "behind")
    assert len(findings) == count
    if findings:
        assert findings[0].entities == (BOT, wallet(RUNNER))
        assert findings[0].reason.startswith(
            f"{BOT}, called by {wallet(RUNNER)}, swapped right behind others' pending swaps"
        )


def test_what_several_who_are_known_do_by_one_contract_is_nobodys() -> None:
    """A router that nobody told us of: each of its users is somebody."""
    chain = Chain()
    events: list[Any] = []
    for block, user in ((1, "INV-7"), (2, "INV-8"), (3, "INV-9"), (4, "INV-7"), (5, "INV-7")):
        other = chain.swap((block, 1), VICTIM, 95, -10)
        later = chain.swap((block, 2), RUNNER, -50, 6, transaction_to=BOT, investor_id=user)
        events += [seen(other, 8, 10), other, later]
    assert found(events[:-6], "behind") == []
    (finding,) = found(events, "behind")
    assert finding.metrics["times"] == 3
    assert finding.entities == (wallet(RUNNER), "INV-7")


def test_who_trades_all_day_stands_behind_others_by_chance() -> None:
    chain = Chain()
    own: list[Any] = []
    events: list[Any] = []
    for block in (1, 2, 3):
        own += [chain.swap((10 * block + n, 1), RUNNER, 50, -6, transaction_to=BOT) for n in (1, 2)]
        events += behind(chain, 10 * block)
    assert len(found([*own, *events], "behind", minimum_share=0.33)) == 1
    assert found([*own, *events], "behind", minimum_share=0.34) == []


def test_a_transaction_that_goes_through_several_pools_is_one_swap() -> None:
    chain = Chain()
    events: list[Any] = []
    for block in (1, 2, 3):
        events += behind(chain, block)
        events += [
            chain.swap((block, 2), RUNNER, 50, -6, transaction_to=BOT, pool="0x" + f"{n}" * 40)
            for n in (1, 2, 3)
        ]
    assert len(found(events, "behind", minimum_share=1)) == 1


def test_not_right_behind_is_nothing() -> None:
    chain = Chain()
    assert found([e for block in (1, 2, 3) for e in behind(chain, block, index=3)], "behind") == []


def test_small_swaps_do_not_count() -> None:
    # 10 of ether, and what is meant are dollars.
    assert len(found(times(3), minimum_notional=10_000)) == 1
    assert found(times(3), minimum_notional=10_100) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    rules = correlator("pool_front_running", "{pattern: copy_ahead}")
    assert_the_same_after_a_restart(rules, times(7))
