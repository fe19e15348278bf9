"""The EVM collector: every block once, in order, with what touches the watched contracts."""

import json
from collections.abc import Callable

import pytest

from collectors.connection import SourceMisconfigured
from collectors.evm import Watched
from collectors.evm.collector import EvmCollector
from demo.chain.anvil import Anvil
from pipeline.frames import Frame
from tests.collectors.evm_session import (
    Emitter,
    canonical,
    collecting,
    numbers,
    payload,
    positions,
    source,
)
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.waiting import until

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]


def raw_of(node: Anvil, method: str, *params: object) -> bytes:
    """The result's bytes as the node wrote them."""
    import httpx

    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = httpx.post(node.http_url, json=body, trust_env=False).content
    start = answer.index(b'"result":') + len(b'"result":')
    return answer[start : answer.rindex(b"}")]


async def test_history_and_new_blocks_come_once_and_in_order(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    for number in range(40):
        if number % 4 == 0:
            emitter.emit(5)
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched.of(others=[emitter.address]), outlet):
        await until(lambda: len(outlet.frames) == 42)
        for _ in range(5):
            emitter.emit(2)
            node.mine()
        await until(lambda: len(outlet.frames) == 47)
        assert outlet.state.connection == "connected"
        assert outlet.state.position == outlet.state.head == canonical(node)[-1]
    assert positions(outlet.frames) == canonical(node)
    logs = [len(payload(frame)["logs"]) for frame in outlet.frames]
    assert sum(logs) == 10 * 5 + 5 * 2
    assert outlet.state.frames == 47


async def test_a_block_is_kept_as_the_node_wrote_it(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    emitter.emit(3)
    height = node.mine()
    outlet = ListOutlet()
    async with collecting(
        source(node.ws_url, start_block=height), Watched.of(others=[emitter.address]), outlet
    ):
        await until(lambda: len(outlet.frames) == 1)
    (frame,) = outlet.frames
    block_hash = frame.position.split(":")[1]
    logs = raw_of(node, "eth_getLogs", {"blockHash": block_hash, "address": emitter.address})
    assert b'"logs":' + logs in frame.payload
    header = payload(frame)["block"]
    assert "transactions" not in header
    full = json.loads(raw_of(node, "eth_getBlockByNumber", hex(height), True))
    assert header == {name: value for name, value in full.items() if name != "transactions"}
    assert payload(frame)["transactions"] == full["transactions"]


async def test_only_transactions_that_touch_a_watched_contract_are_kept(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    accounts = node.rpc("eth_accounts")
    plain = {"from": accounts[1], "to": accounts[2], "value": "0x1"}
    node.rpc("eth_sendTransaction", plain)
    asked = emitter.emit(1)
    silent = emitter.emit(0)
    height = node.mine()
    outlet = ListOutlet()
    # Watched in mixed case: nodes and people write addresses with a checksum or without.
    mixed = "0x" + emitter.address[2:].upper()
    config = source(node.ws_url, start_block=height, contracts=[mixed])
    async with collecting(config, Watched(), outlet):
        await until(lambda: len(outlet.frames) == 1)
    kept = [one["hash"] for one in payload(outlet.frames[0])["transactions"]]
    assert kept == [asked, silent]
    assert payload(outlet.frames[0])["receipts"] == []


async def test_blocks_come_also_when_nothing_is_watched(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    Emitter(node).emit(3)
    node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 3)
    assert positions(outlet.frames) == canonical(node)
    assert all(payload(frame)["logs"] == [] for frame in outlet.frames)


async def test_a_first_run_begins_at_the_head(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    for _ in range(5):
        node.mine()
    outlet = ListOutlet()
    async with collecting(source(node.ws_url, start_block="latest"), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 1)
        node.mine()
        await until(lambda: len(outlet.frames) == 2)
    assert numbers(outlet.frames) == [5, 6]


async def test_a_start_in_the_future_is_waited_for(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    outlet = ListOutlet()
    async with collecting(source(node.ws_url, start_block=3), Watched(), outlet):
        await until(lambda: outlet.state.connection == "connected")
        for _ in range(4):
            node.mine()
        await until(lambda: len(outlet.frames) == 2)
    assert numbers(outlet.frames) == [3, 4]


async def test_a_restart_goes_on_behind_the_last_frame(start_anvil: Start) -> None:
    node = start_anvil(mining="manual")
    emitter = Emitter(node)
    watched = Watched.of(others=[emitter.address])
    for _ in range(60):
        emitter.emit(1)
        node.mine()
    outlet = ListOutlet(seconds_per_frame=0.003)
    for stop_after in (7, 20, 33, 62):
        outlet = outlet.reopened()
        async with collecting(source(node.ws_url), watched, outlet):
            await until(lambda: len(outlet.frames) >= stop_after)  # noqa: B023
    assert positions(outlet.frames) == canonical(node)


async def test_the_wrong_chain_is_a_configuration_error(start_anvil: Start) -> None:
    node = start_anvil(mining="manual", chain_id=77)
    with pytest.raises(SourceMisconfigured, match=r"chain 77.*says chain 1\b.*chain_id"):
        await EvmCollector(source(node.ws_url, chain_id=1), Watched(), ListOutlet()).run()


async def test_a_stream_of_another_chain_is_not_continued(start_anvil: Start) -> None:
    outlet = ListOutlet()
    one = start_anvil(mining="manual", chain_id=77)
    async with collecting(source(one.ws_url), Watched(), outlet):
        await until(lambda: len(outlet.frames) == 1)
    other = start_anvil(mining="manual", chain_id=78)
    with pytest.raises(SourceMisconfigured, match=r"chain 78.*newest frame.*chain 77"):
        await EvmCollector(source(other.ws_url), Watched(), outlet.reopened()).run()


async def test_a_stream_of_another_protocol_is_not_continued() -> None:
    outlet = ListOutlet()
    outlet.frames.append(Frame("BTC-USD/123", 1, b"{}"))
    with pytest.raises(SourceMisconfigured, match="BTC-USD/123"):
        await EvmCollector(source("ws://127.0.0.1:1"), Watched(), outlet).run()
