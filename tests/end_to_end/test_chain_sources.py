"""Pending transactions and a subgraph, from their sources to an alert in a file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.chain.anvil import Anvil
from tests.collectors.evm_session import Emitter
from tests.collectors.subgraph_session import POOL, QUOTE, TOKEN, swap
from tests.end_to_end.pipeline_run import Installation
from tests.servers.subgraph import SubgraphServer

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]


@pytest.fixture
def server() -> Iterator[SubgraphServer]:
    with SubgraphServer() as running:
        running.extend()
        yield running


def reference(folder: Path, token: str, chain: int, listed: str) -> Path:
    """A token there and in a pool of Ethereum's, and a wallet on a list."""
    quote = {"symbol": "USDX", "address": QUOTE, "decimals": 6}
    pool = {"chain": 1, "address": POOL, "token0": TOKEN, "token1": QUOTE, "quote": quote}
    known = {
        "id": "acme",
        "symbol": "ACME",
        "contracts": [{"chain": chain, "address": token}, {"chain": 1, "address": TOKEN}],
        "pools": [pool],
    }
    file = folder / "who.yaml"
    listing = {"address": listed, "list": "OFAC-SDN"}
    file.write_text(yaml.safe_dump({"tokens": [known], "sanctions": [listing]}))
    return file


def told(installation: Installation, *actions: str) -> list[dict[str, Any]]:
    """Documents of these actions."""
    wanted = frozenset(actions)
    return [one for one in installation.documents("events") if one["event"]["action"] in wanted]


def test_a_sanctioned_transfer_is_told_before_a_block_has_it_and_a_pool_without_a_node(
    start_anvil: Start, server: SubgraphServer, tmp_path: Path
) -> None:
    node = start_anvil(mining="manual", chain_id=137)
    token = Emitter(node).address
    sender, listed = (str(one) for one in node.rpc("eth_accounts")[3:5])
    nodes = {"type": "evm", "network": "polygon", "chain_id": 137, "endpoints": [node.ws_url]}
    graph = {"type": "subgraph", "network": "ethereum", "chain_id": 1, "url": server.url}
    installation = Installation(
        tmp_path,
        reference=[str(reference(tmp_path, token, 137, listed))],
        sources=[
            {"name": "polygon", "pending": True, **nodes},
            {"name": "graph", "poll_every": "200ms", "start_block": 1, **graph},
        ],
    )

    def connected() -> bool:
        sources = [one for stage in run.stages() for one in stage["sources"]]
        states = {one["source"]: one["connection"] for one in sources}
        return states == dict.fromkeys(("polygon", "polygon-pending", "graph"), "connected")

    with installation.running() as run:
        run.until(connected)
        data = "0xa9059cbb" + listed[2:].lower().rjust(64, "0") + f"{10**18:064x}"
        call = {"from": sender, "to": token, "data": data, "gas": hex(100_000)}
        sent = node.rpc("eth_sendTransaction", call)
        server.put("swaps", swap(1, server.extend()))
        run.until(installation.alerts)
        run.until(lambda: told(installation, "pool-swap"))
        (alert,) = installation.alerts()
        assert alert["rule"]["name"] == "Pending transfer with a sanctioned address"
        assert alert["blockchain"]["finality"] == "pending"
        assert alert["surveillance"]["evidence"]["transaction_hashes"] == [sent]
        assert told(installation, "transaction-included") == []
        node.mine()
        run.until(lambda: told(installation, "transaction-included"))
    (pending,) = told(installation, "transaction-pending")
    assert pending["event"]["provider"] == "polygon-pending"
    assert pending["token"] | {"id": "acme", "amount_raw": str(10**18)} == pending["token"]
    (traded,) = told(installation, "pool-swap")
    assert traded["event"]["provider"] == "graph"
    assert traded["market"]["trade"]["price"] == 100.25
