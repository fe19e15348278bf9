"""Minting that a token refuses: a failed call, told as a refused transfer from nobody."""

from typing import Any

import pytest

from normalizer.events.chain import ZERO_ADDRESS, TokenTransferRefused
from normalizer.events.chain_event import Block
from pipeline.evm_payload import Refusal
from tests.normalizer import blocks as b

REASON = "AgentRole: caller does not have the Agent role"


def refused(data: str, to: str = b.TOKEN) -> list[Any]:
    sent = b.transaction(sender=b.CAROL, to=to, data=data)
    receipt = {"transactionHash": b.transaction_hash(1), "status": "0x0"}
    answer = Refusal(b.transaction_hash(1), REASON)
    made = b.frame(transactions=[sent], receipts=[receipt], refusals=[answer])
    return [one for one in b.normalize(made).events if not isinstance(one, Block)]


def test_one_mint_is_one_refusal() -> None:
    (event,) = refused(b.call("mint", b.ALICE, 10**18))
    assert isinstance(event, TokenTransferRefused)
    assert (event.source_address, event.destination_address) == (ZERO_ADDRESS, b.ALICE)
    assert (event.amount_raw, event.reason) == (str(10**18), REASON)
    assert event.transaction_from == b.CAROL
    assert ZERO_ADDRESS not in event.related_user


def test_a_batch_is_as_many_as_it_holds() -> None:
    events = refused(b.call("batchMint", [b.ALICE, b.BOB], [5, 7]))
    assert [(one.destination_address, one.amount_raw) for one in events] == [
        (b.ALICE, "5"),
        (b.BOB, "7"),
    ]
    assert {one.source_address for one in events} == {ZERO_ADDRESS}
    assert {one.tags for one in events} == {("batch",)}


@pytest.mark.parametrize("name", ["burn", "pause"])
def test_other_calls_that_fail_move_no_tokens(name: str) -> None:
    arguments = (b.ALICE, 1) if name == "burn" else ()
    assert refused(b.call(name, *arguments)) == []
