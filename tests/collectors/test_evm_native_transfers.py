"""Which transfers of the chain's own currency an EVM source collects, from a real node."""

from collections.abc import Callable
from typing import Any

import pytest

from collectors.evm import Watched
from collectors.evm.blocks import BlockHash, Log, Transaction
from collectors.evm.native_transfers import MOST_SEEN, NativeTransfers
from demo.chain.anvil import Anvil
from tests.collectors.evm_session import Emitter, collecting, payload, source
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.waiting import until

Start = Callable[..., Anvil]

ALICE, BOB, CAROL = ("0x" + digit * 40 for digit in "abc")


def word(address: str) -> str:
    return "0x" + "0" * 24 + address[2:]


def log(*topics: str) -> Log:
    return Log(1, BlockHash("0x1"), "0x2", 0, BOB, ("0xddf2", *topics), b"")  # type: ignore[arg-type]


def gift(sender: str, receiver: str | None, value: str = "0x1") -> Transaction:
    return Transaction("0x1", sender, receiver, "0x", value, "0x0", b"")  # type: ignore[arg-type]


def test_known_are_wallets_of_the_reference_and_whoever_a_watched_contract_named() -> None:
    chosen = NativeTransfers("known", frozenset({ALICE}))
    assert chosen.matters(gift(ALICE, CAROL))
    assert chosen.matters(gift(CAROL, ALICE))
    assert not chosen.matters(gift(BOB, CAROL))
    chosen.learn([log(word(BOB.upper().replace("0X", "0x")))])
    assert chosen.matters(gift(BOB, CAROL))


def test_numbers_and_hashes_in_logs_are_no_wallets() -> None:
    chosen = NativeTransfers("known", frozenset())
    chosen.learn([log("0x" + "0" * 61 + "348", "0x" + "7" * 64, "0x12")])
    assert not chosen.knows("0x" + "0" * 37 + "348")
    assert not chosen.knows("0x" + "7" * 40)


def test_nothing_given_no_transfer() -> None:
    chosen = NativeTransfers("all", frozenset())
    assert not chosen.matters(gift(ALICE, BOB, "0x0"))
    assert not chosen.matters(gift(ALICE, None))
    assert not NativeTransfers("off", frozenset({ALICE})).matters(gift(ALICE, BOB))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_SEEN == 1_000_000
    monkeypatch.setattr("collectors.evm.native_transfers.MOST_SEEN", 2)
    chosen = NativeTransfers("known", frozenset())
    chosen.learn([log(word(ALICE)), log(word(BOB)), log(word(CAROL))])
    assert [chosen.knows(one) for one in (ALICE, BOB, CAROL)] == [False, True, True]
    chosen.learn([log(word(BOB)), log(word(ALICE))])
    assert chosen.knows(BOB), "who appears again stays"
    assert not chosen.knows(CAROL)


def test_where_many_appear_a_few_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one each takes 0.3 ms of a million, and a block may have hundreds."""
    monkeypatch.setattr("collectors.evm.native_transfers.MOST_SEEN", 640)
    chosen = NativeTransfers("known", frozenset())
    wallets = [f"0x{2**159 + number:040x}" for number in range(641)]
    chosen.learn([log(word(one)) for one in wallets])
    assert [chosen.knows(one) for one in wallets] == [number >= 11 for number in range(641)]


async def given(node: Anvil, wallets: list[str], **options: Any) -> tuple[list[str], list[str]]:
    """Hashes of the transfers of the newest block, and of all its transactions that were kept."""
    outlet = ListOutlet()
    height = int(node.rpc("eth_blockNumber"), 16)
    config = source(node.ws_url, start_block=height, **options)
    async with collecting(config, Watched.of(wallets=wallets), outlet):
        await until(lambda: len(outlet.frames) == 1)
    block = payload(outlet.frames[0])
    return block["native_transfers"], [one["hash"] for one in block["transactions"]]


@pytest.mark.chain
async def test_from_a_real_node(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    refusing = Emitter(node).address
    accounts = [one.lower() for one in node.rpc("eth_accounts")]

    def send(sender: int, receiver: str, value: int, **more: str) -> str:
        call = {"from": accounts[sender], "to": receiver, "value": hex(value), **more}
        return str(node.rpc("eth_sendTransaction", call))

    known = send(1, accounts[2], 5)
    stranger = send(3, accounts[4], 7)
    send(1, accounts[2], 0)
    # 21,000 gas is what a transaction costs before the contract's first instruction: it fails.
    send(1, refusing, 9, gas=hex(21_000))
    node.mine()
    assert await given(node, [accounts[2]]) == ([known], [known])
    assert await given(node, []) == ([], [])
    both = [known, stranger]
    assert await given(node, [], native_transfers="all") == (both, both)
    assert await given(node, accounts, native_transfers="off") == ([], [])
