"""The demo's chain: a real node, real contracts, and a script that does what it says."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from demo.chain.anvil import Anvil, AnvilError, AnvilOptions
from demo.chain.artifacts import Artifacts, NodeModulesMissing
from tests.fixtures.chain import HOLDERS, NON_RESIDENT, UNREGISTERED, PlayedScenario

pytest.importorskip("web3", reason="needs web3: pip install 'tapewatch[demo]'")

from demo.chain import cast
from demo.chain.ledger import Ledger, Receipt, TransactionFailed
from demo.chain.scenario import Deployment, Planted, Played, ScenarioError, deploy, perform
from demo.chain.script import (
    BLOCKS,
    HONEST_TRANSFER_AT_MOST,
    LARGE_TRANSFER_AT_LEAST,
    WASH_ROUND_TRIPS,
    WASH_TRADE_AT_MOST,
    Buy,
    Scheme,
    Sell,
    Transfer,
    write_script,
)
from demo.chain.trex import COUNTRY_NUMBERS, SecurityToken
from demo.chain.uniswap import price_from_root, root_from_price

pytest_plugins = ("tests.fixtures.chain",)
pytestmark = pytest.mark.chain

StartAnvil = Callable[..., Anvil]

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
ADDRESS_FROZEN = "0x7fa523c84ab8d7fc5b72f08b9e46dbbf10c39e119a075b3e317002d14bc9f436"
TOKENS_UNFROZEN = "0x9bed35cb62ad0dba04f9d5bfee4b5bc91443e77da8a65c4c84834c51bb08b0d6"
RECOVERY_SUCCESS = "0xf0c9129a94f30f1caaceb63e44b9811d0a3edf1d6c23757f346093af5553fed0"
PAUSED = "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258"


def events(receipt: Receipt) -> list[str]:
    return [log["topics"][0] for log in receipt.logs]


def as_address(topic: str) -> str:
    return "0x" + topic[-40:]


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


# The market


@given(
    price=st.decimals("0.0001", "1000000", places=4),
    security_first=st.booleans(),
    security_decimals=st.integers(0, 18),
)
def test_a_price_survives_the_pools_square_root(
    price: Decimal, security_first: bool, security_decimals: int
) -> None:
    decimals = {"security_decimals": security_decimals, "cash_decimals": 18}
    root = root_from_price(price, security_first=security_first, **decimals)
    found = price_from_root(root, security_first=security_first, **decimals)
    assert abs(found - price) <= price * Decimal("1e-6")


def test_a_swap_names_the_router_and_moves_what_was_ordered(played: PlayedScenario) -> None:
    deployment = played.deployment
    market, ledger = deployment.market, deployment.ledger
    swaps = [one for one in played.played if isinstance(one.step, Buy | Sell)]
    assert {type(one.step) for one in swaps} == {Buy, Sell}
    security_first = market.token0 == market.security.address
    for one in swaps:
        assert isinstance(one.step, Buy | Sell)
        receipt = ledger.receipt(one.transaction_hash)
        assert receipt is not None
        (swap,) = [log for log in receipt.logs if log["topics"][0] == SWAP]
        assert swap["address"].lower() == market.address.lower()
        assert as_address(swap["topics"][1]) == str(market.router.address).lower()
        words = [bytes.fromhex(swap["data"][2:])[at : at + 32] for at in (0, 32)]
        amounts = [int.from_bytes(word, "big", signed=True) for word in words]
        # Positive is what the pool received.
        expected = market.security.units(one.step.amount) * (-1 if type(one.step) is Buy else 1)
        assert amounts[0 if security_first else 1] == expected
        sender = ledger.node.rpc("eth_getTransactionByHash", one.transaction_hash)["from"]
        assert sender == deployment.address(one.step.trader).lower()


def test_neither_router_nor_position_manager_is_left_with_tokens(played: PlayedScenario) -> None:
    market = played.deployment.market
    for contract in (market.router, market.positions):
        assert market.security.balance(str(contract.address)) == 0
        assert market.cash.balance(str(contract.address)) == 0


# The script


def test_a_seed_always_writes_the_same_script() -> None:
    assert write_script(5) == write_script(5)
    assert write_script(5) != write_script(6)


@pytest.mark.parametrize("seed", range(40))
def test_honest_participants_never_look_like_abuse(seed: int) -> None:
    honest = [
        (at, step)
        for at, steps in enumerate(write_script(seed))
        for step in steps
        if not step.schemes
    ]
    assert len(honest) > BLOCKS
    sanctioned = cast.SANCTIONED.name
    maker = [0]
    for _, step in honest:
        if isinstance(step, Transfer):
            to_custody = step.receiver == cast.CUSTODIAN.name
            assert to_custody or step.amount <= HONEST_TRANSFER_AT_MOST
            assert not to_custody or step.amount > LARGE_TRANSFER_AT_LEAST
            assert sanctioned not in (step.sender, step.receiver)
            assert not step.refused
        elif isinstance(step, Buy | Sell) and step.trader == cast.MARKET_MAKER.name:
            maker.append(step.amount if isinstance(step, Buy) else -step.amount)
    bought = sum(amount for amount in maker if amount > 0)
    sold = -sum(amount for amount in maker if amount < 0)
    assert sold > 0.25 * bought, "a market maker quotes both sides"
    for first in range(1, len(maker) - 4, 2):
        for last in range(first + 4, len(maker) + 1, 2):
            window = maker[first:last]
            gross = sum(abs(amount) for amount in window)
            assert sum(window) > 0.2 * gross, "its position must not look like a round trip"


@pytest.mark.parametrize("seed", range(40))
def test_the_wash_traders_go_back_and_forth_and_end_where_they_began(seed: int) -> None:
    net: Counter[str] = Counter()
    trades = 0
    for steps in write_script(seed):
        for step in steps:
            if isinstance(step, Buy | Sell) and step.trader in ("INV-0011", "INV-0012"):
                net[step.trader] += step.amount if isinstance(step, Buy) else -step.amount
                trades += 1
                assert 5_000 < step.amount < WASH_TRADE_AT_MOST + 100
                assert [scheme.typology for scheme in step.schemes] == ["wash_trading"]
    assert trades == 2 * WASH_ROUND_TRIPS
    assert net.total() == 0


@pytest.mark.parametrize("seed", range(40))
def test_every_typology_is_planted_in_every_script(seed: int) -> None:
    schemes: set[Scheme] = {
        scheme for steps in write_script(seed) for step in steps for scheme in step.schemes
    }
    assert Counter(scheme.typology for scheme in schemes) == {
        "wash_trading": 1,
        "large_transfer": 1,
        "sanctioned_address": 2,
        "refused_transfer": 4,
        "frozen_wallet": 1,
        "forced_transfer": 1,
    }


# The play


def planted_as(planted: list[Planted], typology: str) -> list[Planted]:
    return [one for one in planted if one.typology == typology]


def receipts_of(scenario: PlayedScenario, planted: Planted) -> list[Receipt]:
    found = [scenario.deployment.ledger.receipt(one) for one in planted.transaction_hashes]
    assert all(found)
    return [one for one in found if one is not None]


def test_planted_refusals_are_on_the_chain_with_status_0_and_no_logs(
    played: PlayedScenario,
) -> None:
    refusals = planted_as(played.planted, "refused_transfer")
    receipts = [receipt for one in refusals for receipt in receipts_of(played, one)]
    assert [(one.status, one.logs) for one in receipts] == [("0x0", [])] * 4
    reasons = Counter(one.refusal for one in played.played if one.refusal)
    assert reasons == {"Transfer not possible": 3, "wallet is frozen": 1}


def test_nothing_else_was_refused(played: PlayedScenario) -> None:
    ledger = played.deployment.ledger
    refused = [
        one
        for one in played.played
        if (receipt := ledger.receipt(one.transaction_hash)) is not None and not receipt.succeeded
    ]
    assert len(refused) == 4


def test_the_planted_forced_transfer_is_told_by_its_calldata_only(played: PlayedScenario) -> None:
    (planted,) = planted_as(played.planted, "forced_transfer")
    (receipt,) = receipts_of(played, planted)
    assert events(receipt) == [TRANSFER]
    transaction = played.node.rpc("eth_getTransactionByHash", receipt.transaction_hash)
    assert transaction["input"].startswith("0x9fc1d0e7")  # forcedTransfer(address,address,uint256)
    assert transaction["from"] == played.deployment.address("agent").lower()


def test_the_planted_freeze_names_the_wallet(played: PlayedScenario) -> None:
    (planted,) = planted_as(played.planted, "frozen_wallet")
    (receipt,) = receipts_of(played, planted)
    assert events(receipt) == [ADDRESS_FROZEN]
    wallet = as_address(receipt.logs[0]["topics"][1])
    assert wallet == played.deployment.address("INV-0015").lower()


def test_planted_sanctioned_transfers_touch_the_labelled_address_from_both_sides(
    played: PlayedScenario,
) -> None:
    (listed,) = [one for one in played.deployment.facts.parties if "sanctioned" in one.labels]
    sides: list[int] = []
    for planted in planted_as(played.planted, "sanctioned_address"):
        (receipt,) = receipts_of(played, planted)
        (transfer,) = receipt.logs
        parties = [as_address(topic) for topic in transfer["topics"][1:]]
        sides.append(parties.index(listed.address.lower()))
    assert sorted(sides) == [0, 1]


def test_only_the_planted_transfer_is_large_and_not_to_a_custodian(played: PlayedScenario) -> None:
    deployment = played.deployment
    custodian = deployment.address("custodian").lower()
    logs = played.node.rpc(
        "eth_getLogs",
        {
            "address": deployment.token.address,
            "topics": [TRANSFER],
            "fromBlock": hex(deployment.facts.start_block),
        },
    )
    large = [log for log in logs if int(log["data"], 16) >= deployment.token.units(100_000)]
    to_others = [log for log in large if as_address(log["topics"][2]) != custodian]
    assert len(large) == 3
    (planted,) = planted_as(played.planted, "large_transfer")
    assert [log["transactionHash"] for log in to_others] == list(planted.transaction_hashes)


def test_planted_wash_trades_are_swaps_of_one_cluster(played: PlayedScenario) -> None:
    (planted,) = planted_as(played.planted, "wash_trading")
    clusters = {one.address.lower(): one.cluster for one in played.deployment.facts.parties}
    traders: Counter[str | None] = Counter()
    for receipt in receipts_of(played, planted):
        assert SWAP in events(receipt)
        sent = played.node.rpc("eth_getTransactionByHash", receipt.transaction_hash)
        traders[clusters[sent["from"]]] += 1
    assert traders == {"CL-0001": 2 * WASH_ROUND_TRIPS}


def test_every_block_of_the_play_follows_its_parent_and_no_clock_runs_ahead(
    played: PlayedScenario,
) -> None:
    first = played.deployment.facts.start_block
    newest = int(played.node.rpc("eth_blockNumber"), 16)
    assert newest - first + 1 == BLOCKS
    previous = played.node.rpc("eth_getBlockByNumber", hex(first - 1), False)
    for number in range(first, newest + 1):
        block = played.node.rpc("eth_getBlockByNumber", hex(number), False)
        assert block["parentHash"] == previous["hash"]
        assert int(block["timestamp"], 16) >= int(previous["timestamp"], 16)
        previous = block
    assert int(previous["timestamp"], 16) <= time.time() + 1


def test_the_facts_agree_with_the_contracts(played: PlayedScenario) -> None:
    deployment = played.deployment
    facts, ledger, token = deployment.facts, deployment.ledger, deployment.token
    security, cash = facts.tokens
    assert security.address == token.address
    assert security.symbol == ledger.ask(token.token, "symbol")
    assert security.name == ledger.ask(token.token, "name")
    assert security.decimals == ledger.ask(token.token, "decimals")
    assert security.identity_registry == ledger.ask(token.token, "identityRegistry")
    assert security.compliance == ledger.ask(token.token, "compliance")
    assert cash.decimals == ledger.ask(deployment.cash.contract, "decimals")
    (pool,) = facts.pools
    pool_contract = deployment.market.pool
    assert (pool.token0, pool.token1, pool.fee) == (
        ledger.ask(pool_contract, "token0"),
        ledger.ask(pool_contract, "token1"),
        ledger.ask(pool_contract, "fee"),
    )
    for party in facts.parties:
        if party.jurisdiction is not None:
            country = ledger.ask(token.identity_registry, "investorCountry", party.address)
            assert country == COUNTRY_NUMBERS[party.jurisdiction]
    addresses = [one.address for one in facts.parties]
    assert len(addresses) == len(set(addresses))
    assert {label for one in facts.parties for label in one.labels} == {
        *("custodian", "market_maker", "issuer", "agent", "pool", "sanctioned"),
    }


async def test_a_second_play_has_the_same_hashes_in_the_same_blocks(
    played: PlayedScenario, start_anvil: StartAnvil
) -> None:
    again: list[Played] = []
    deployment = await deploy(start_anvil(mining="manual"))
    planted = await perform(deployment, seed=1, on_step=again.append, block_seconds=0)
    assert deployment.facts == played.deployment.facts
    assert again == played.played
    assert planted == played.planted


async def test_a_chain_that_does_something_else_than_the_script_stops_the_play(
    start_anvil: StartAnvil,
) -> None:
    deployment: Deployment = await deploy(start_anvil(mining="manual"))
    deployment.ledger.settle([deployment.token.pause()])
    with pytest.raises(ScenarioError, match=r"was refused \("):
        await perform(deployment, seed=1, block_seconds=0)
