"""Pools of one contract with all of them, collected by their ids; flash loans by their topics."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from collectors.evm import Watched
from collectors.evm.assembly import LogReader
from collectors.evm.flash_loan_topics import FLASH_LOAN_TOPICS
from collectors.evm.watched import Addresses
from demo.chain.anvil import Anvil
from normalizer.reference import Reference, watched
from normalizer.signatures import KNOWN_TOPICS
from tests.collectors.evm_session import collecting, payload, source
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.waiting import until
from tests.normalizer.blocks import REFERENCE

Start = Callable[..., Anvil]
MANAGER, POOL, OTHER = "0x" + "4a" * 20, "0x" + "1d" * 32, "0x" + "2d" * 32


def test_the_topics_are_those_that_the_normalizer_knows() -> None:
    assert len(set(FLASH_LOAN_TOPICS)) == 4
    assert set(FLASH_LOAN_TOPICS) <= KNOWN_TOPICS


def test_the_reference_data_names_pools_by_their_ids() -> None:
    (token,) = REFERENCE.tokens
    pools = tuple(
        msgspec.structs.replace(
            token.pools[0], address=MANAGER.upper().replace("X", "x"), pool_id=one
        )
        for one in (POOL, OTHER)
    )
    reference = Reference(tokens=(msgspec.structs.replace(token, pools=pools),))
    found = [one for one in watched(reference, 31337) if one.role == "pool"]
    assert [(one.address, one.pool_id) for one in found] == [(MANAGER, POOL), (MANAGER, OTHER)]
    known = Watched.of(pools=[(one.address, one.pool_id or "") for one in found])
    assert known.pools == {MANAGER: (POOL, OTHER)}
    assert MANAGER not in known.addresses
    assert known.with_others(["0x" + "aa" * 20]).pools == known.pools


class _Rpc:
    """Answers with nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def call(self, method: str, *parameters: Any) -> msgspec.Raw:
        self.asked.append((method, *parameters))
        return msgspec.Raw(b"[]")


async def test_a_manager_that_is_watched_as_a_whole_is_not_asked_for_twice() -> None:
    rpc = _Rpc()
    own = Addresses(frozenset({MANAGER}), pools={MANAGER: (POOL,)})
    await LogReader(rpc, own).of_range(1, 2)  # type: ignore[arg-type]
    (asked,) = rpc.asked
    assert asked[1] == {"fromBlock": "0x1", "toBlock": "0x2", "address": [MANAGER]}


#: Runs once for a call: emits LOG2 with the two words of the calldata as topics, and no data.
_EMITTER = "0x600c8060095f395ff3" + "60203560003560006000a200"


@pytest.mark.chain
async def test_only_what_is_about_a_watched_pool_is_collected(start_anvil: Start) -> None:
    node = start_anvil()
    account = node.rpc("eth_accounts")[0]

    def send(**transaction: str) -> dict[str, Any]:
        sent = node.rpc("eth_sendTransaction", {"from": account, **transaction})
        for _ in range(1_000):  # the node mines at once, but answers before
            receipt = node.rpc("eth_getTransactionReceipt", sent)
            if receipt is not None:
                return receipt
        raise AssertionError(f"{sent} was not mined")

    manager = send(data=_EMITTER)["contractAddress"].lower()
    first = int(node.rpc("eth_blockNumber"), 16) + 1
    for pool in (OTHER, POOL):
        receipt = send(to=manager, data="0x" + "77" * 32 + pool[2:])
        assert [log["topics"] for log in receipt["logs"]] == [["0x" + "77" * 32, pool]]
    outlet = ListOutlet()
    config = source(node.ws_url, start_block=first)
    async with collecting(config, Watched.of(pools=[(manager, POOL)]), outlet):
        await until(lambda: len([f for f in outlet.frames if f.kind == "message"]) == 2)
    frames = [payload(frame) for frame in outlet.frames if frame.kind == "message"]
    logs: list[list[Any]] = [frame["logs"] for frame in frames]
    assert [[log["topics"][1] for log in found] for found in logs] == [[], [POOL]]
    assert [len(frame["transactions"]) for frame in frames] == [0, 1]
