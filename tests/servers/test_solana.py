"""The Solana node of the tests answers in the forms of the real one, as its own types read them."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from solders.rpc.responses import (
    BlockNotification,
    GetBlockResp,
    GetBlocksResp,
    GetGenesisHashResp,
    GetMultipleAccountsResp,
    GetSignaturesForAddressResp,
    GetSlotResp,
    LogsNotification,
    RootNotification,
    SlotNotification,
    parse_websocket_message,
)
from websockets.asyncio.client import connect

from tests.normalizer.solana_frames import ALICE, BOB, Issue
from tests.servers.solana_ledger import SolanaLedger
from tests.servers.solana_node import SolanaNode

FULL = {
    "encoding": "json",
    "transactionDetails": "full",
    "maxSupportedTransactionVersion": 0,
    "rewards": False,
    "commitment": "confirmed",
}


@pytest.fixture
def issue() -> Issue:
    """A token with an account that was opened, a transfer and a refused one, in one block."""
    issue = Issue(SolanaLedger(), "permanent-delegate", "pausable")
    issue.create()
    issue.open(ALICE, BOB)
    issue.give(ALICE, 100)
    issue.run(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 1), signers=[ALICE])
    issue.refuse(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 10**9), signers=[ALICE])
    issue.ledger.produce()
    return issue


@pytest.fixture
def node(issue: Issue) -> Iterator[SolanaNode]:
    with SolanaNode(issue.ledger, block_subscribe=True) as node:
        yield node


def asked(node: SolanaNode, method: str, *params: Any) -> str:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(node.rpc, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def answered(kind: Any, node: SolanaNode, method: str, *params: Any) -> Any:
    """The answer, as the node's own type reads it; an error has no value."""
    return kind.from_json(asked(node, method, *params)).value


def test_its_answers_are_read_by_the_types_of_the_real_node(node: SolanaNode, issue: Issue) -> None:
    ledger, level = issue.ledger, {"commitment": "confirmed"}
    assert str(answered(GetGenesisHashResp, node, "getGenesisHash")) == ledger.genesis
    slot = answered(GetSlotResp, node, "getSlot", level)
    assert slot == ledger.confirmed
    slots = answered(GetBlocksResp, node, "getBlocks", 0, slot, level)
    assert slots == [slot - 1, slot]
    block = answered(GetBlockResp, node, "getBlock", slot, FULL)
    metas = [one.meta for one in block.transactions]
    assert [meta.err is None for meta in metas] == [True] * 4 + [False]
    owners = [str(one.owner) for one in metas[-1].pre_token_balances]
    assert set(owners) == {str(ALICE.pubkey()), str(BOB.pubkey())}
    found = answered(
        GetSignaturesForAddressResp, node, "getSignaturesForAddress", issue.address, level
    )
    assert len(found) == 5
    keys = [issue.address, str(BOB.pubkey())]
    mint, _ = answered(GetMultipleAccountsResp, node, "getMultipleAccounts", keys, level)
    assert str(mint.owner) == str(issue.token.program)


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [
        ("slotSubscribe", [], SlotNotification),
        ("rootSubscribe", [], RootNotification),
        ("logsSubscribe", "mint", LogsNotification),
        ("blockSubscribe", ["all", FULL], BlockNotification),
    ],
)
async def test_its_notifications_are_read_by_the_types_of_the_real_node(
    node: SolanaNode, issue: Issue, method: str, params: Any, kind: type
) -> None:
    if params == "mint":
        params = [{"mentions": [issue.address]}, {"commitment": "confirmed"}]
    async with connect(node.websocket, max_size=2**24) as socket:
        await socket.send(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        )
        assert json.loads(await socket.recv()) == {"jsonrpc": "2.0", "id": 1, "result": 0}
        issue.run(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 1), signers=[ALICE])
        await asyncio.to_thread(issue.ledger.produce, finalize=True)
        async with asyncio.timeout(5):
            (told,) = parse_websocket_message(str(await socket.recv()))
    assert isinstance(told, kind)


def test_a_slot_without_a_block_is_skipped(node: SolanaNode, issue: Issue) -> None:
    block = issue.ledger.produce(skip=2)
    answer = json.loads(asked(node, "getBlock", block.slot - 1, FULL))
    assert answer["error"]["code"] == -32007
    assert block.parent == block.slot - 3


def test_levels_of_commitment_are_apart(node: SolanaNode, issue: Issue) -> None:
    issue.ledger.finalize()
    block = issue.ledger.produce(confirm=False)
    levels = ("processed", "confirmed", "finalized")
    slots = [json.loads(asked(node, "getSlot", {"commitment": one}))["result"] for one in levels]
    assert slots == [block.slot, block.slot - 1, block.slot - 1]
    answer = json.loads(asked(node, "getBlock", block.slot, FULL))
    assert answer["error"]["code"] == -32004


def test_a_fork_brings_transactions_again_in_other_blocks(node: SolanaNode, issue: Issue) -> None:
    (left,) = issue.ledger.fork(1)
    hashes = {block.hash for block in issue.ledger.blocks.values()}
    assert left.hash not in hashes
    again = [one for block in issue.ledger.blocks.values() for one in block.transactions]
    assert again == left.transactions
