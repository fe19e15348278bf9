"""SRC-20 on a real node: every operation, and every event as its own record.

The contracts are ours (`demo/contracts`), by Swarm's published interfaces.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from web3 import Web3
from web3.contract import Contract

from demo.chain.anvil import Anvil
from demo.chain.ledger import ZERO_ADDRESS, Ledger
from demo.chain.solidity import compiled
from normalizer.events import chain
from tests.normalizer.node_blocks import Calls, reference_of

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]

UNIT = 10**8
#: A key for these tests only.
AUTHORITY = Account.from_key("0x" + "17" * 32)


class Stage(NamedTuple):
    """A token with its rules and registry, who acts, and what becomes of calls."""

    calls: Calls
    token: Contract
    rules: Contract
    registry: Contract
    owner: str
    alice: str
    bob: str
    carol: str

    def do(self, function: str, *arguments: object, sender: str | None = None) -> list[Any]:
        return self.calls.events(self.token, function, *arguments, sender=sender or self.owner)

    def register(self, function: str, *arguments: object) -> list[Any]:
        return self.calls.events(self.registry, function, *arguments, sender=self.owner)

    def address(self, name: str) -> str:
        return str(getattr(self, name)).lower()


@pytest.fixture(scope="module")
def stage(anvil: Anvil) -> Stage:
    """Account 1, Alice, has 100 tokens."""
    ledger = Ledger(anvil)
    owner, alice, bob, carol, *_ = ledger.accounts
    token_code, rules_code, registry_code = compiled(
        "SRC20Token", "SRC20Approvals", "SRC20Registry"
    )
    token = ledger.deploy(token_code, "Share", "SRC", 10**18, sender=owner)
    rules = ledger.deploy(rules_code, token.address, sender=owner)
    registry = ledger.deploy(registry_code, sender=owner)
    calls = Calls(ledger, reference_of(token, decimals=8, symbol="SRC", investor=alice))
    made = Stage(calls, token, rules, registry, owner, alice, bob, carol)
    made.do("mint", alice, 100 * UNIT)
    return made


def kinds(events: list[Any]) -> list[type]:
    return [type(event) for event in events]


def test_deployment_names_owner_manager_and_delegate(stage: Stage) -> None:
    owner, manager, delegate = stage.calls.of_deployment(stage.token)
    assert isinstance(owner, chain.OwnershipTransferred)
    assert isinstance(manager, chain.ManagementTransferred)
    assert (manager.investor_address, manager.previous_manager) == (
        stage.address("owner"),
        ZERO_ADDRESS,
    )
    assert isinstance(delegate, chain.RoleGranted)
    assert (delegate.role_name, delegate.log_name) == ("delegate", "DelegateAdded")


def test_transfers_and_allowances_are_those_of_erc20(stage: Stage) -> None:
    (transfer,) = stage.do("transfer", stage.bob, UNIT + 1, sender=stage.alice)
    assert isinstance(transfer, chain.TokenTransfer)
    assert (transfer.amount_raw, transfer.source_investor) == (str(UNIT + 1), "INV-0001")
    assert kinds(stage.do("approve", stage.carol, 5, sender=stage.alice)) == [chain.TokenApproval]
    events = stage.do("transferFrom", stage.alice, stage.bob, 5, sender=stage.carol)
    assert kinds(events) == [chain.TokenApproval, chain.TokenTransfer]


def test_a_transfer_that_an_authority_signed_is_a_transfer(stage: Stage) -> None:
    (added,) = stage.do("addAuthority", AUTHORITY.address)
    assert isinstance(added, chain.RoleGranted)
    assert (added.role_name, added.granted_by) == ("authority", stage.address("owner"))
    nonce = stage.calls.ledger.ask(stage.token, "getTransferNonce", stage.alice)
    terms = Web3.solidity_keccak(
        ["address", "address", "address", "uint256", "uint256", "uint256"],
        [stage.token.address, stage.alice, stage.bob, 3, nonce, 2**40],
    )
    signature = AUTHORITY.sign_message(encode_defunct(terms)).signature
    arguments = (stage.bob, 3, nonce, 2**40, terms, signature)
    (transfer,) = stage.do("transferToken", *arguments, sender=stage.alice)
    assert isinstance(transfer, chain.TokenTransfer)
    assert (transfer.transfer_type, transfer.transaction_method) == ("transfer", "transferToken")
    (removed,) = stage.do("removeAuthority", AUTHORITY.address)
    assert isinstance(removed, chain.RoleRevoked)
    assert removed.role_name == "authority"


def test_a_forced_transfer_is_told_by_its_call(stage: Stage) -> None:
    (forced,) = stage.do("transferTokenForced", stage.alice, stage.bob, 9)
    assert isinstance(forced, chain.TokenTransfer)
    assert forced.transfer_type == "forced"


def test_supply_is_minted_and_burned_by_manager_and_owner(stage: Stage) -> None:
    for function, kind in (("mint", "mint"), ("burn", "burn"), ("burnAccount", "burn")):
        (event,) = stage.do(function, stage.alice, 2)
        assert (event.transfer_type, event.amount_raw) == (kind, "2")


def test_freezes_and_pauses_are_those_of_other_standards(stage: Stage) -> None:
    (frozen,) = stage.do("freezeAccount", stage.alice)
    assert isinstance(frozen, chain.WalletFrozen)
    assert (frozen.investor_id, frozen.agent) == ("INV-0001", stage.address("owner"))
    assert frozen.log_name == "AccountFrozen"
    (refused,) = stage.calls.refused(stage.token, "transfer", stage.bob, 1, sender=stage.alice)
    assert isinstance(refused, chain.TokenTransferRefused)
    assert "Feature transfer check" in (refused.reason or "")
    assert kinds(stage.do("unfreezeAccount", stage.alice)) == [chain.WalletUnfrozen]
    (paused,) = stage.do("freezeToken")
    assert isinstance(paused, chain.TokenPaused)
    assert (paused.log_name, paused.investor_address) == ("TokenFrozen", stage.address("owner"))
    assert kinds(stage.do("unfreezeToken")) == [chain.TokenUnpaused]
    (paused,) = stage.do("pause")
    assert (paused.log_name, paused.investor_address) == ("Paused", stage.address("owner"))
    assert kinds(stage.do("unpause")) == [chain.TokenUnpaused]


def test_roles_owner_and_manager_change(stage: Stage) -> None:
    (added,) = stage.do("addDelegate", stage.bob)
    assert (added.role_name, added.investor_address) == ("delegate", stage.address("bob"))
    (removed,) = stage.do("removeDelegate", stage.bob)
    assert isinstance(removed, chain.RoleRevoked)
    (manager,) = stage.do("transferManagement", stage.carol)
    assert isinstance(manager, chain.ManagementTransferred)
    assert (manager.investor_address, manager.previous_manager) == (
        stage.address("carol"),
        stage.address("owner"),
    )
    (owner,) = stage.do("transferOwnership", stage.carol)
    assert isinstance(owner, chain.OwnershipTransferred)


def test_transfers_of_the_greylisted_wait_for_an_approval(stage: Stage) -> None:
    calls, rules = stage.calls, stage.rules
    (updated,) = stage.do("updateRestrictionsAndRules", ZERO_ADDRESS, rules.address)
    assert isinstance(updated, chain.TransferRulesUpdated)
    assert (updated.restrictions, updated.rules) == (ZERO_ADDRESS, str(rules.address).lower())
    assert calls.events(rules, "greyList", stage.bob, sender=stage.owner) == []
    (requested,) = stage.do("transfer", stage.bob, 6, sender=stage.alice)
    assert isinstance(requested, chain.TransferRequested)
    assert (requested.request, requested.amount_raw) == ("1", "6")
    assert (requested.source_investor, requested.destination_address) == (
        "INV-0001",
        stage.address("bob"),
    )
    approved, transfer = calls.events(rules, "transferApproval", 1, sender=stage.owner)
    assert isinstance(approved, chain.TransferApproved)
    assert approved.request == "1"
    assert isinstance(transfer, chain.TokenTransfer)
    assert transfer.amount_raw == "6"
    stage.do("transfer", stage.bob, 8, sender=stage.alice)
    (cancelled,) = calls.events(rules, "cancelTransferRequest", 2, sender=stage.alice)
    assert isinstance(cancelled, chain.TransferRequestCancelled)
    assert (cancelled.request, cancelled.amount_raw, cancelled.source_address) == (
        "2",
        "8",
        stage.address("alice"),
    )


def test_the_registry_tells_of_tokens_assets_and_supply(stage: Stage) -> None:
    token, described = stage.token.address, b"\xdd" * 32
    created, registered, asset = stage.register(
        "put", token, stage.alice, described, "https://issuer.example/kya", 10**7
    )
    assert isinstance(created, chain.TokenRegistered)
    assert isinstance(registered, chain.TokenRegistered)
    assert (created.log_name, registered.log_name) == ("SRC20Created", "SRC20Registered")
    assert registered.investor_id == "INV-0001"
    assert isinstance(asset, chain.AssetRegistered)
    assert (asset.value_raw, asset.uri) == (str(10**7), "https://issuer.example/kya")
    assert asset.document_hash == "0x" + "dd" * 32
    (value,) = stage.register("updateNetAssetValueUSD", token, 10**30)
    assert isinstance(value, chain.AssetValueUpdated)
    assert value.value_raw == str(10**30)
    (kya,) = stage.register("updateKYA", token, described, "https://issuer.example/2")
    assert isinstance(kya, chain.AssetDescriptionUpdated)
    stage.do("transferManagement", stage.registry.address)
    for function, arguments, change, stake in (
        ("mintSupply", (token, stage.alice, 3_000, 77), "minted", "3000"),
        ("increaseSupply", (token, stage.alice, 77), "increased", None),
        ("decreaseSupply", (token, stage.alice, 77), "decreased", None),
    ):
        transfer, supply = stage.register(function, *arguments)
        assert isinstance(transfer, chain.TokenTransfer)
        assert isinstance(supply, chain.StakedSupplyChanged)
        assert (supply.change, supply.amount_raw, supply.stake_raw) == (change, "77", stake)
        assert (supply.investor_id, supply.amount) == ("INV-0001", 77 / UNIT)
    (removed,) = stage.register("remove", token)
    assert isinstance(removed, chain.TokenUnregistered)
    for event in (created, registered, asset, value, kya, removed):
        assert event.token_id == "src"
        assert event.contract == str(stage.registry.address).lower()


def test_the_registry_tells_of_factories_minters_and_the_price_of_the_stake(stage: Stage) -> None:
    (added,) = stage.register("addFactory", stage.bob)
    assert isinstance(added, chain.RoleGranted)
    assert added.role_name == "factory"
    assert kinds(stage.register("removeFactory", stage.bob)) == [chain.RoleRevoked]
    (added,) = stage.register("addMinter", stage.bob)
    assert added.role_name == "minter"
    assert kinds(stage.register("removeMinter", stage.bob)) == [chain.RoleRevoked]
    (price,) = stage.register("updatePrice", 7, 10)
    assert isinstance(price, chain.StakePriceUpdated)
    assert (price.numerator, price.denominator) == ("7", "10")
    assert (price.previous_numerator, price.previous_denominator) == ("1", "1")
