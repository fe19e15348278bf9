"""The demo's chain: a real node and real contracts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import websockets

from demo.chain.anvil import Anvil, AnvilError, AnvilOptions
from demo.chain.artifacts import Artifacts, NodeModulesMissing
from tests.fixtures.chain import HOLDERS, NON_RESIDENT, UNREGISTERED

pytest.importorskip("web3", reason="needs web3: pip install 'tapewatch[demo]'")

from demo.chain.ledger import Ledger, Receipt, TransactionFailed
from demo.chain.trex import SecurityToken

pytest_plugins = ("tests.fixtures.chain",)
pytestmark = pytest.mark.chain

StartAnvil = Callable[..., Anvil]

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
ADDRESS_FROZEN = "0x7fa523c84ab8d7fc5b72f08b9e46dbbf10c39e119a075b3e317002d14bc9f436"
TOKENS_UNFROZEN = "0x9bed35cb62ad0dba04f9d5bfee4b5bc91443e77da8a65c4c84834c51bb08b0d6"
RECOVERY_SUCCESS = "0xf0c9129a94f30f1caaceb63e44b9811d0a3edf1d6c23757f346093af5553fed0"
PAUSED = "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258"


def events(receipt: Receipt) -> list[str]:
    return [log["topics"][0] for log in receipt.logs]


# The node


async def test_a_node_answers_over_http_and_pushes_heads_over_websocket(
    start_anvil: StartAnvil,
) -> None:
    node = start_anvil(chain_id=4242)
    assert node.rpc("eth_chainId") == hex(4242)
    async with websockets.connect(node.ws_url) as socket:
        await socket.send(
            json.dumps(
                {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
            )
        )
        await asyncio.wait_for(socket.recv(), 5)
        height = await asyncio.to_thread(node.mine)
        head = json.loads(await asyncio.wait_for(socket.recv(), 5))
    assert int(head["params"]["result"]["number"], 16) == height


def test_two_nodes_run_side_by_side_with_the_same_accounts(start_anvil: StartAnvil) -> None:
    first, second = start_anvil(accounts=5), start_anvil(accounts=5)
    assert first.http_url != second.http_url
    assert first.rpc("eth_accounts") == second.rpc("eth_accounts")
    assert len(first.rpc("eth_accounts")) == 5


async def test_a_node_ends_with_its_context(anvil_is_installed: None) -> None:
    async with Anvil() as node:
        process = node._process  # only here, to see it end
        assert process is not None
        assert process.poll() is None
    assert process.poll() is not None
    with pytest.raises(AnvilError, match="doesn't run"):
        node.rpc("eth_chainId")
    node.stop()


def test_a_node_comes_back_on_the_port_it_is_given(start_anvil: StartAnvil) -> None:
    node = start_anvil()
    port = int(node.http_url.rsplit(":", 1)[1])
    node.stop()
    assert start_anvil(port=port).http_url == node.http_url


def test_a_manual_node_seals_a_block_only_when_told(start_anvil: StartAnvil) -> None:
    node = start_anvil(mining="manual")
    ledger = Ledger(node)
    sent = node.rpc(
        "eth_sendTransaction", {"from": ledger.accounts[0], "to": ledger.accounts[1], "value": "1"}
    )
    assert ledger.receipt(sent) is None
    assert node.mine() == 1
    assert ledger.receipt(sent) is not None


async def test_a_node_with_a_block_time_seals_blocks_by_itself(start_anvil: StartAnvil) -> None:
    node = start_anvil(mining=0.1)
    async with asyncio.timeout(10):
        while int(node.rpc("eth_blockNumber"), 16) < 3:
            await asyncio.sleep(0.05)


def test_a_node_that_cannot_start_says_why(anvil_is_installed: None) -> None:
    with pytest.raises(AnvilError, match=r"did not start \(exit \d+\).*invalid"):
        Anvil(AnvilOptions(mnemonic="none of these are words")).start()


def test_a_refused_request_carries_the_nodes_own_error(anvil: Anvil) -> None:
    with pytest.raises(AnvilError, match="eth_noSuchThing"):
        anvil.rpc("eth_noSuchThing")


def test_a_missing_node_or_contract_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(NodeModulesMissing, match="npm ci"):
        Anvil(modules=tmp_path / "nowhere").start()
    with pytest.raises(NodeModulesMissing, match="npm ci"):
        Anvil(modules=tmp_path).start()
    with pytest.raises(NodeModulesMissing, match=r"Token\.json.*npm ci"):
        Artifacts(tmp_path).trex("contracts/token/Token")


def test_a_damaged_artifact_is_named(tmp_path: Path) -> None:
    path = tmp_path / "@openzeppelin/contracts/build/contracts/ERC20.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"contractName": "ERC20", "abi": 7, "bytecode": "0x"}')
    with pytest.raises(NodeModulesMissing, match=r"ERC20\.json is not a contract artifact.*abi"):
        Artifacts(tmp_path).openzeppelin("ERC20")


# The token


def test_a_verified_holder_transfers_to_another(
    security_token: SecurityToken, undone: None
) -> None:
    ledger = security_token.ledger
    sender, receiver = (ledger.accounts[one] for one in HOLDERS[:2])
    (receipt,) = ledger.settle([security_token.transfer(sender, receiver, 1_500_000)])
    assert events(receipt) == [TRANSFER]
    assert security_token.balance(receiver) == security_token.units(100_000) + 1_500_000


@pytest.mark.parametrize(
    ("receiver", "amount", "verified", "allowed"),
    [
        pytest.param(UNREGISTERED, 10, False, False, id="a receiver without identity"),
        pytest.param(NON_RESIDENT, 10, True, False, id="a country that is not allowed"),
        pytest.param(HOLDERS[1], 450_000, True, False, id="more than a holder may have"),
    ],
)
def test_a_refused_transfer_is_mined_without_logs_and_the_chain_tells_why(
    security_token: SecurityToken,
    undone: None,
    receiver: int,
    amount: int,
    verified: bool,
    allowed: bool,
) -> None:
    token, ledger = security_token, security_token.ledger
    accounts = ledger.accounts
    sender, to = accounts[HOLDERS[0]], accounts[receiver]
    if amount > 100_000:
        whole = token.units(100_000)
        ledger.settle([token.forced_transfer(accounts[one], sender, whole) for one in (5, 6, 7, 8)])
    (receipt,) = ledger.receipts([token.transfer(sender, to, token.units(amount))])
    assert (receipt.status, receipt.logs) == ("0x0", [])
    assert ledger.refusal(receipt.transaction_hash) == "Transfer not possible"
    assert token.is_verified(to) is verified
    assert token.can_transfer(sender, to, token.units(amount)) is allowed


def test_waiting_for_a_transaction_that_is_refused_says_why(
    security_token: SecurityToken, undone: None
) -> None:
    ledger = security_token.ledger
    refused = security_token.transfer(ledger.accounts[3], ledger.accounts[UNREGISTERED], 1)
    with pytest.raises(TransactionFailed, match="Transfer not possible"):
        ledger.settle([refused])


def test_a_forced_transfer_leaves_a_transfer_and_nothing_else(
    security_token: SecurityToken, undone: None
) -> None:
    ledger = security_token.ledger
    holder, receiver = ledger.accounts[3], ledger.accounts[4]
    (receipt,) = ledger.settle([security_token.forced_transfer(holder, receiver, 5)])
    assert events(receipt) == [TRANSFER]


def test_a_forced_transfer_of_frozen_tokens_releases_them_first(
    security_token: SecurityToken, undone: None
) -> None:
    token, ledger = security_token, security_token.ledger
    holder, receiver = ledger.accounts[3], ledger.accounts[4]
    ledger.settle([token.freeze_tokens(holder, token.units(60_000))])
    (receipt,) = ledger.settle([token.forced_transfer(holder, receiver, token.units(50_000))])
    assert events(receipt) == [TOKENS_UNFROZEN, TRANSFER]
    ledger.settle([token.unfreeze_tokens(holder, token.units(50_000))])


def test_a_frozen_wallet_can_neither_send_nor_receive_until_it_is_released(
    security_token: SecurityToken, undone: None
) -> None:
    token, ledger = security_token, security_token.ledger
    frozen, other = ledger.accounts[3], ledger.accounts[4]
    (receipt,) = ledger.settle([token.freeze_address(frozen)])
    assert events(receipt) == [ADDRESS_FROZEN]
    refused = ledger.receipts([token.transfer(frozen, other, 1), token.transfer(other, frozen, 1)])
    assert [one.status for one in refused] == ["0x0", "0x0"]
    assert {ledger.refusal(one.transaction_hash) for one in refused} == {"wallet is frozen"}
    ledger.settle([token.freeze_address(frozen, False), token.transfer(frozen, other, 1)])


def test_a_paused_token_refuses_every_transfer(security_token: SecurityToken, undone: None) -> None:
    token, ledger = security_token, security_token.ledger
    (paused,) = ledger.settle([token.pause()])
    assert events(paused) == [PAUSED]
    (receipt,) = ledger.receipts([token.transfer(ledger.accounts[3], ledger.accounts[4], 1)])
    assert not receipt.succeeded
    assert ledger.refusal(receipt.transaction_hash) == "Pausable: paused"
    ledger.settle([token.unpause(), token.transfer(ledger.accounts[3], ledger.accounts[4], 1)])


def test_a_lost_wallet_is_recovered_with_all_its_tokens(
    security_token: SecurityToken, undone: None
) -> None:
    token, ledger = security_token, security_token.ledger
    lost, replacement = ledger.accounts[3], ledger.accounts[20]
    held = token.balance(lost)
    (receipt,) = ledger.settle([token.recover(lost, replacement)])
    assert events(receipt)[-1] == RECOVERY_SUCCESS
    assert (token.balance(lost), token.balance(replacement)) == (0, held)
    assert token.is_verified(replacement)
    assert not token.is_verified(lost)
