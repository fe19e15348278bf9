"""The demo's market on the chain: a script that does what it says, and what is planted in it."""

from __future__ import annotations

import time
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.demo.test_chain import ADDRESS_FROZEN, TRANSFER, StartAnvil, events
from tests.fixtures.chain import PlayedScenario

pytest.importorskip("web3", reason="needs web3: pip install 'tapewatch[demo]'")

from demo.chain import cast
from demo.chain.ledger import Receipt
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
from demo.chain.trex import COUNTRY_NUMBERS
from demo.chain.uniswap import price_from_root, root_from_price

pytest_plugins = ("tests.fixtures.chain",)
pytestmark = pytest.mark.chain

SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"


def as_address(topic: str) -> str:
    return "0x" + topic[-40:]


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
