"""Sandwiches: MEV Inspect's example from a real block, each condition, and who is none."""

from typing import Any

import msgspec
import pytest

from detections.alerting.findings import Finding
from detections.correlators.sandwich import Parameters, Sandwich
from normalizer.events.chain import PoolSwap
from tests.detections.correlators.pool_tape import (
    BOT,
    OTHER_POOL,
    ROUTER,
    SETTLEMENT,
    Chain,
    wallet,
)

ATTACKER, ACCOMPLICE, VICTIM, OTHER = 1, 2, 3, 4


def found(events: list[PoolSwap], **parameters: Any) -> list[Finding]:
    detection = Sandwich(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def plain(chain: Chain, **back: Any) -> list[PoolSwap]:
    """A front of 100, a victim, and a back of the same 100."""
    sale = dict[str, Any](at=(7, 3), who=ATTACKER, token=-100, quote=10.5) | back
    return [
        chain.swap((7, 1), ATTACKER, 100, -10),
        chain.swap((7, 2), VICTIM, 50, -6),
        chain.swap(**sale),
    ]


def test_a_wallet_before_and_behind_a_stranger() -> None:
    (finding,) = found(plain(Chain()))
    assert finding.reason == (
        f"{wallet(ATTACKER)} bought in the pool ACME-WETH before 1 swap of 1 other and sold the "
        "same amount behind, in the block 7, and gained 0.5 WETH"
    )
    assert finding.metrics["gain"] == pytest.approx(0.5)
    assert finding.metrics["victims_notional"] == 6
    assert [one.id for one in finding.witnesses] == ["event-1", "event-2", "event-3"]
    # By a router anybody may come; who does it again is the surer to mean it.
    assert finding.confidence == 0.7
    chain = Chain()
    twice = [*plain(chain), *(_later(event, 5) for event in plain(chain))]
    assert [one.confidence for one in found(twice)] == [0.7, 1.0]
    unknown = Chain(transaction_to="", sender="")
    assert [one.confidence for one in found(plain(unknown))] == [1.0]


def _later(event: PoolSwap, blocks: int) -> PoolSwap:
    return msgspec.structs.replace(
        event,
        block_number=event.block_number + blocks,
        transaction_hash=f"{event.transaction_hash}-{blocks}",
    )


def test_a_sandwich_of_a_seller_is_one_as_well() -> None:
    chain = Chain()
    (finding,) = found(
        [
            chain.swap((7, 1), ATTACKER, -100, 10),
            chain.swap((7, 2), VICTIM, -50, 4),
            chain.swap((7, 3), ATTACKER, 104, -10),
        ],
        maximum_difference=0.01,
    ) or [None]
    assert finding is not None
    assert finding.metrics["gain"] == pytest.approx(4)
    assert "sold in the pool ACME-WETH before 1 swap" in finding.reason
    assert "gained 4 ACME" in finding.reason


def test_the_real_block_that_mev_inspect_is_tested_with() -> None:
    # Block 12,775,690 of Ethereum: what a pool's logs say, in smallest units.
    chain = Chain(pool="0xefb47fcfcad4f96c83d4ca676842fb03ef20a477")
    bot = {"transaction_to": "0x000000000027d2efc283613d0c3e24a8b430c4d8", "side": None}
    other = {"transaction_to": "0x03f7724180aa6b939894b5ca4314783b0b36b329", "side": None}
    raw = [
        (2, 1, bot, 12108789017249529876, -1114969767487478978357),
        (3, 31, other, 652974555369106606, -60000000000000000000),
        (4, 32, other, 300000000000000000, -27561865602394087181),
        (7, 1, bot, -12158780499164852150, 1114969767487478978357),
    ]
    events = [
        chain.swap(
            (12775690, place), who, 0, 0, amount0_raw=str(weth), amount1_raw=str(token), **called
        )
        for place, who, called, weth, token in raw
    ]
    (finding,) = found(events)
    assert finding.metrics["victims"] == 2
    assert "gained 49,991,481,915,322,274 smallest units" in finding.reason


def test_two_wallets_of_one_contract_or_one_cluster() -> None:
    chain = Chain()
    bot = [
        chain.swap((7, 1), ATTACKER, 100, -10, transaction_to=BOT),
        chain.swap((7, 2), VICTIM, 50, -6),
        chain.swap((7, 3), ACCOMPLICE, -100, 10.5, transaction_to=BOT),
    ]
    (finding,) = found(bot)
    assert BOT in finding.entities
    cluster = {"investor_cluster": "CL-1"}
    of_cluster = [
        chain.swap((8, 1), ATTACKER, 100, -10, **cluster),
        chain.swap((8, 2), VICTIM, 50, -6),
        chain.swap((8, 3), ACCOMPLICE, -100, 10.5, **cluster),
    ]
    assert len(found(of_cluster)) == 1


@pytest.mark.parametrize(
    ("sender", "count"),
    [(BOT, 1), (ROUTER, 0)],
)
def test_of_logs_alone_the_contract_that_called_the_pool_is_the_partys(
    sender: str, count: int
) -> None:
    chain = Chain(transaction_from=None, transaction_to=None, investor_address=None)
    # The token keeps a part of each transfer, and what it brings goes to another wallet.
    events = [
        chain.swap((7, 1), ATTACKER, 100, -10, sender=sender),
        chain.swap((7, 2), VICTIM, 50, -6),
        chain.swap((7, 3), ACCOMPLICE, -96, 10.5, sender=sender),
    ]
    assert len(found(events)) == count


def test_several_fronts_and_victims_are_one_sandwich() -> None:
    chain = Chain()
    (finding,) = found(
        [
            chain.swap((7, 1), ATTACKER, 60, -6),
            chain.swap((7, 2), ATTACKER, 40, -4),
            chain.swap((7, 3), VICTIM, 50, -6),
            chain.swap((7, 4), OTHER, 5, -1),
            chain.swap((7, 5), ATTACKER, -100, 11),
        ]
    )
    assert (finding.metrics["fronts"], finding.metrics["victims"]) == (2, 2)
    assert finding.metrics["gain"] == pytest.approx(1)


@pytest.mark.parametrize(
    "back",
    [
        {"who": OTHER},
        {"at": (8, 0)},
        {"pool": OTHER_POOL},
        {"token": 100, "quote": -10.5},
        {"token": -98.9},
        {"quote": 9.9},
        {"at": (7, 4)},
        {"who": OTHER, "transaction_to": ROUTER},
    ],
    ids=[
        "stranger",
        "next block",
        "other pool",
        "same way",
        "other amount",
        "a loss",
        "others in between",
        "a router's users",
    ],
)
def test_each_condition_just_missed(back: dict[str, Any]) -> None:
    assert found(plain(Chain(), **back)) == []


def test_nobody_in_between_is_no_sandwich() -> None:
    chain = Chain()
    assert found([plain(chain)[0], chain.swap((7, 3), ATTACKER, -100, 10.5)]) == []
    # Who swaps the other way in between gains from it.
    assert (
        found(
            [
                chain.swap((8, 1), ATTACKER, 100, -10),
                chain.swap((8, 2), VICTIM, -50, 6),
                chain.swap((8, 3), ATTACKER, -100, 9),
            ]
        )
        == []
    )


def test_both_ways_in_one_transaction_is_arbitrage_or_something_else() -> None:
    chain = Chain()
    events = plain(chain)
    events[2].transaction_hash = events[0].transaction_hash
    assert found(events) == []


def test_a_contract_that_the_victim_called_too_is_a_router() -> None:
    chain = Chain()
    assert (
        found(
            [
                chain.swap((7, 1), ATTACKER, 100, -10, transaction_to=BOT),
                chain.swap((7, 2), VICTIM, 50, -6, transaction_to=BOT),
                chain.swap((7, 3), ACCOMPLICE, -100, 10.5, transaction_to=BOT),
            ]
        )
        == []
    )


def test_a_solver_signs_for_many() -> None:
    chain = Chain()
    solver = {"transaction_to": SETTLEMENT}
    events = [
        chain.swap((7, 1), 9, 100, -10, recipient=wallet(21), **solver),
        chain.swap((7, 2), VICTIM, 50, -6),
        chain.swap((7, 3), 9, -100, 10.5, recipient=wallet(22), **solver),
    ]
    assert found(events) == []


def test_one_who_changes_their_mind_by_another_amount_is_none_but_a_bot_may_keep_some() -> None:
    chain = Chain()
    assert found(plain(chain, token=-60)) == []
    chain = Chain(transaction_to=BOT)
    events = [
        chain.swap((7, 1), ATTACKER, 100, -10),
        chain.swap((7, 2), VICTIM, 50, -6, transaction_to=ROUTER),
        chain.swap((7, 3), ATTACKER, -60, 6.3),
    ]
    (finding,) = found(events)
    assert finding.confidence == pytest.approx(0.8)
    assert finding.metrics["gain"] == pytest.approx(0.3)


def over_blocks(chain: Chain, first: int, quote: float = 10.5) -> list[PoolSwap]:
    return [
        chain.swap((first, 9), ATTACKER, 100, -10),
        chain.swap((first + 1, 0), VICTIM, 50, -6),
        chain.swap((first + 1, 1), ATTACKER, -100, quote),
    ]


def test_over_several_blocks_it_must_come_again() -> None:
    chain = Chain()
    events = [event for first in (10, 20, 30) for event in over_blocks(chain, first)]
    (finding,) = found(events, blocks=3, minimum_times=3)
    assert "within 2 blocks" in finding.reason
    assert finding.metrics["times_in_a_day"] == 3
    assert finding.confidence < 0.7
    assert found(events[:6], blocks=3, minimum_times=3) == []
    lost = [event for first in (10, 20, 30) for event in over_blocks(chain, first, 9.9)]
    assert found(lost, blocks=3, minimum_times=3) == []
    # Those of one block are the other rule's.
    assert found(plain(chain), blocks=3) == []


def test_swaps_of_its_transactions_in_other_pools_do_not_hide_it() -> None:
    chain = Chain()
    events: list[Any] = []
    for first in (10, 20, 30):
        front, victim, back = over_blocks(chain, first)
        others = [
            [chain.swap(at, ATTACKER, 7, -1, pool="0x" + f"{n}" * 40) for n in range(3)]
            for at in ((first, 9), (first + 1, 1))
        ]
        events += [front, *others[0], victim, back, *others[1]]
    assert len(found(events, blocks=3, minimum_times=3)) == 1


def test_over_several_blocks_only_who_does_little_else_with_less_the_other_way() -> None:
    chain = Chain()
    events = [event for first in (10, 20, 30) for event in over_blocks(chain, first)]
    # Six of the attacker's swaps are fronts and backs: seven others are too many.
    for others, alerts in ((6, 1), (7, 0)):
        busy = [chain.swap((2 + one, 5), ATTACKER, 3 + one, -1) for one in range(others)]
        assert len(found([*busy, *events], blocks=3, minimum_times=3)) == alerts
    for quote, alerts in ((2, 1), (20, 0)):  # less than the victims paid, and more
        sold = [chain.swap((first + 1, 0), OTHER, -20, quote) for first in (10, 20, 30)]
        mixed = [one for place in range(3) for one in (*events[3 * place : 3 * place + 2],
                 sold[place], events[3 * place + 2])]  # fmt: skip
        assert len(found(mixed, blocks=3, minimum_times=3)) == alerts
    ahead = [
        event
        for first in (10, 20, 30)
        for event in (
            chain.swap((first, 1), ATTACKER, 100, -10),
            chain.swap((first, 2), VICTIM, 50, -6),
            chain.swap((first + 1, 1), ATTACKER, -100, 10.5),
        )
    ]
    assert found(ahead, blocks=3, minimum_times=3) == []


def test_who_does_it_often_among_far_more_other_swaps_is_no_bot() -> None:
    chain = Chain()
    events = [
        event
        for first in range(10, 6_810, 100)
        for event in (
            *over_blocks(chain, first),
            *(chain.swap((first + 10 + one, 1), ATTACKER, 3 + one, -1) for one in range(30)),
        )
    ]
    assert found(events, blocks=3, minimum_times=3) == []


def test_from_as_far_back_as_it_reaches_it_knows_who_does_much_else() -> None:
    chain = Chain()
    events = [chain.swap((1 + one, 5), ATTACKER, 3 + one, -1) for one in range(60)]
    events += over_blocks(chain, 200)
    assert found(events, blocks=3) == []
    since = events[-1].timestamp - Sandwich(Parameters(blocks=3)).horizon
    assert found([one for one in events if one.timestamp >= since], blocks=3) == []


def test_small_victims_and_exempt_parties_are_left_out() -> None:
    # Six of ether, and what is meant are dollars.
    assert found(plain(Chain()), minimum_victims_notional=6_100) == []
    assert len(found(plain(Chain()), minimum_victims_notional=5_900)) == 1
    assert found(plain(Chain(investor_labels=("router",)))) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    chain = Chain()
    events = [event for first in (10, 20, 30) for event in over_blocks(chain, first)]
    parameters = Parameters(blocks=3, minimum_times=3)
    expected = _observed(Sandwich(parameters), events)
    for cut in range(len(events)):
        first, second = Sandwich(parameters), Sandwich(parameters)
        before = _observed(first, events[:cut])
        second.restore(first.snapshot())
        assert before + _observed(second, events[cut:]) == expected


def _observed(detection: Sandwich, events: list[PoolSwap]) -> list[Finding]:
    return [finding for event in events for finding in detection.observe(event)]
