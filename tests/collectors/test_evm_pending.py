"""Pending transactions, as a real node announces them: seen, replaced, cancelled, in a block."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from collectors.evm import Watched
from collectors.evm.collector import EvmCollector
from demo.chain.anvil import Anvil
from tests.collectors.evm_session import Emitter, source
from tests.collectors.frames_outlet import FramesOutlet
from tests.collectors.list_outlet import ListOutlet
from tests.collectors.provider import Provider
from tests.fixtures.waiting import until

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]
GWEI = 10**9


class Mempool:
    """A node that mines when it is told to, a watched contract, and what is told of its calls."""

    def __init__(self, node: Anvil, earlier: "Mempool | None" = None) -> None:
        self.node = node
        self.contract = earlier.contract if earlier else Emitter(node).address
        self.accounts = [str(one).lower() for one in node.rpc("eth_accounts")]
        self.outlet = FramesOutlet("evm-pending", "chain-pending")
        self.blocks = ListOutlet()

    def send(self, sender: int = 1, fee: int = 10, **more: Any) -> str:
        """A call of the watched contract, unless ``to`` says otherwise; the hash in lower case."""
        call = {
            "from": self.accounts[sender],
            "to": self.contract,
            "gas": hex(100_000),
            "maxFeePerGas": hex(fee * GWEI),
            "maxPriorityFeePerGas": hex(GWEI * fee // 10),
            "data": "0x",
            **more,
        }
        return str(self.node.rpc("eth_sendTransaction", call)).lower()

    def nonce(self, sender: int = 1) -> str:
        return str(self.node.rpc("eth_getTransactionCount", self.accounts[sender], "latest"))

    @asynccontextmanager
    async def watching(self, url: str | None = None, **options: Any) -> AsyncIterator[None]:
        config = source(
            url or self.node.ws_url,
            **{"start_block": "latest", "pending": True, **options},
        )
        watched = Watched.of(others=[self.contract])
        collector = EvmCollector(config, watched, self.blocks, self.outlet)
        task = asyncio.create_task(collector.run())
        try:
            await until(lambda: self.outlet.state.connection == "connected")
            yield
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=5)
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was told of which transaction."""
        return [
            (one["what"], one["transaction"]["hash"])
            for one in map(msgspec.json.decode, self.outlet.payloads)
        ]

    def notice(self, place: int) -> dict[str, Any]:
        return msgspec.json.decode(self.outlet.payloads[place])

    async def until_told(self, *expected: tuple[str, str]) -> None:
        try:
            await until(lambda: len(self.told) >= len(expected))
        finally:
            assert self.told == list(expected)


async def test_a_call_is_seen_and_then_in_a_block(start_anvil: Start) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with pool.watching():
        pool.send(2, to=pool.accounts[3], value="0x1")  # concerns nothing that is watched
        first = pool.send(1)
        await pool.until_told(("seen", first))
        pool.node.mine()
        await pool.until_told(("seen", first), ("included", first))
    included = pool.notice(1)
    assert (included["index"], included["transactions"]) == (1, 2)
    newest = pool.node.rpc("eth_getBlockByNumber", "latest", False)
    assert included["block"]["hash"] == newest["hash"]
    assert included["first_seen"] == pool.notice(0)["first_seen"]
    # The node's own JSON, as it came.
    assert pool.notice(0)["transaction"]["blockNumber"] is None
    assert [frame.received for frame in pool.outlet.frames] == sorted(
        {frame.received for frame in pool.outlet.frames}
    )


async def test_a_higher_fee_replaces_and_the_replacement_is_what_a_block_has(
    start_anvil: Start,
) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with pool.watching():
        one = pool.send(fee=10, nonce=pool.nonce(), data="0x00")
        other = pool.send(fee=20, nonce=pool.nonce(), data="0x01")
        pool.node.mine()
        await pool.until_told(
            ("seen", one), ("seen", other), ("replaced", one), ("included", other)
        )
    assert pool.notice(2)["by"]["hash"] == other


async def test_a_cancellation_goes_to_nothing_that_is_watched_and_is_seen_all_the_same(
    start_anvil: Start,
) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with pool.watching():
        one = pool.send(fee=10, nonce=pool.nonce())
        await pool.until_told(("seen", one))
        empty = pool.send(fee=20, nonce=pool.nonce(), to=pool.accounts[1])
        pool.node.mine()
        await pool.until_told(
            ("seen", one), ("seen", empty), ("replaced", one), ("included", empty)
        )


async def test_what_a_block_has_instead_without_that_it_was_ever_seen(start_anvil: Start) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with Provider(pool.node) as provider, pool.watching(provider.url):
        one = pool.send(fee=10, nonce=pool.nonce())
        await pool.until_told(("seen", one))
        provider.mute = True  # the replacement goes straight to whoever makes the block
        hidden = pool.send(fee=20, nonce=pool.nonce(), to=pool.accounts[1])
        pool.node.mine()
        await pool.until_told(("seen", one), ("replaced", one))
    replaced = pool.notice(1)
    assert (replaced["by"]["hash"], replaced["block"]["number"]) == (hidden, 2)


async def test_what_left_the_chain_with_its_block_is_pending_again(start_anvil: Start) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    pool.node.mine()
    async with pool.watching():
        one = pool.send()
        await pool.until_told(("seen", one))
        pool.node.mine()
        await pool.until_told(("seen", one), ("included", one))
        pool.node.rpc("anvil_reorg", 1, [])
        pool.node.mine()
        pool.node.mine()
        await until(lambda: len(pool.told) >= 3)
    again = pool.notice(2)
    assert (again["what"], again["transaction"]["hash"], again["again"]) == ("seen", one, True)


async def test_one_that_vanishes_is_dropped(start_anvil: Start) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with pool.watching(pending_dropped_after=10**9):
        kept, lost = pool.send(1), pool.send(2)
        await pool.until_told(("seen", kept), ("seen", lost))
        pool.node.rpc("anvil_dropTransaction", lost)
        await pool.until_told(("seen", kept), ("seen", lost), ("dropped", lost))
        pool.node.mine()
        await until(lambda: pool.told[-1] == ("included", kept))


async def test_a_node_that_announces_hashes_is_asked_for_each(start_anvil: Start) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with Provider(pool.node) as provider:
        provider.hashes_only = True
        async with pool.watching(provider.url):
            one = pool.send()
            await pool.until_told(("seen", one))
        assert provider.asked["eth_getTransactionByHash"] == 1
    assert pool.notice(0)["transaction"]["hash"] == one


async def test_a_node_without_pending_transactions_still_gives_its_blocks(
    start_anvil: Start,
) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with Provider(pool.node) as provider:
        provider.lacks_subscriptions = {"newPendingTransactions"}
        async with pool.watching(provider.url):
            pool.send()
            pool.node.mine()
            await until(lambda: len(pool.blocks.frames) >= 2)
            said = "doesn't announce pending transactions"
            await until(lambda: said in (pool.outlet.state.trouble or ""))
    assert pool.told == []


async def test_no_more_are_taken_in_a_second_than_allowed_and_the_rest_is_counted(
    start_anvil: Start,
) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with pool.watching(pending_per_second=3, pending_dropped_after=10**9):
        for sender in range(1, 21):
            pool.send(sender)
        await until(lambda: len(pool.outlet.gaps) >= 1)
    (gap, *_) = pool.outlet.gaps
    taken = len([what for what, _ in pool.told if what == "seen"])
    assert 3 <= taken < 20
    assert gap.reason.startswith(f"{20 - taken} pending transactions were not followed: over")


async def test_a_break_says_that_nobody_knows_what_was_pending_meanwhile(
    start_anvil: Start,
) -> None:
    pool = Mempool(start_anvil(mining="manual"))
    async with Provider(pool.node) as provider, pool.watching(provider.url):
        one = pool.send()
        await pool.until_told(("seen", one))
        assert pool.outlet.gaps == []  # a first run has missed nothing
        await provider.drop_clients()
        await until(lambda: len(pool.outlet.gaps) == 1)
        assert "without a connection is unknown" in pool.outlet.gaps[0].reason
        # What was seen before the break is still followed.
        pool.node.mine()
        await pool.until_told(("seen", one), ("included", one))
    second = Mempool(pool.node, pool)
    second.outlet.earlier = pool.outlet.frames[-1]
    async with second.watching():
        await until(lambda: len(second.outlet.gaps) == 1)
