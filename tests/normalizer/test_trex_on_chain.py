"""T-REX and OnchainID on a real node: what owners, agents and investors do, record by record."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest
from eth_abi.abi import encode
from web3 import Web3
from web3.contract import Contract

from demo.chain.ledger import ZERO_ADDRESS, Ledger
from demo.chain.trex import SecurityToken
from normalizer.events import chain
from normalizer.reference import Reference
from tests.fixtures.chain import HOLDERS, UNREGISTERED
from tests.normalizer.node_blocks import Calls

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]

MODULES = "contracts/compliance/modular/modules"
DAY = 86_400


class Suite(NamedTuple):
    """A token's contracts, who runs them, and what becomes of calls."""

    calls: Calls
    token: SecurityToken
    storage: Contract
    topics: Contract
    issuers: Contract
    alice: str
    bob: str

    @property
    def ledger(self) -> Ledger:
        return self.token.ledger

    @property
    def owner(self) -> str:
        return self.token.roles.issuer

    def owned(self, contract: Contract, function: str, *arguments: object) -> list[Any]:
        return self.calls.events(contract, function, *arguments, sender=self.owner)

    def by_agent(self, contract: Contract, function: str, *arguments: object) -> list[Any]:
        return self.calls.events(contract, function, *arguments, sender=self.token.roles.agent)

    def module(self, name: str) -> Contract:
        """A module of this name, deployed behind a proxy as T-REX wants it, and put in."""
        code = self.ledger.artifacts.trex(f"{MODULES}/{name}")
        implementation = self.ledger.deploy(code, sender=self.owner)
        proxy = self.ledger.deploy(
            self.ledger.artifacts.trex(f"{MODULES}/ModuleProxy"),
            implementation.address,
            implementation.encode_abi("initialize"),
            sender=self.owner,
        )
        return self.ledger.contract(str(proxy.address), code)

    def set(self, module: Contract, function: str, *arguments: object) -> list[Any]:
        """What a call of a module through the compliance contract becomes, but for that it was."""
        data = module.encode_abi(function, args=list(arguments))
        *events, called = self.owned(
            self.token.compliance, "callModuleFunction", data, module.address
        )
        assert isinstance(called, chain.ComplianceCalled)
        assert (called.module, called.method) == (lower(module.address), function)
        return events


def lower(address: object) -> str:
    return str(address).lower()


@pytest.fixture
def suite(security_token: SecurityToken) -> Suite:
    token, ledger = security_token, security_token.ledger
    registry = token.identity_registry

    def part(function: str, source: str) -> Contract:
        return ledger.contract(ledger.ask(registry, function), ledger.artifacts.trex(source))

    folder = "contracts/registry/implementation"
    storage = part("identityStorage", f"{folder}/IdentityRegistryStorage")
    topics = part("topicsRegistry", f"{folder}/ClaimTopicsRegistry")
    issuers = part("issuersRegistry", f"{folder}/TrustedIssuersRegistry")
    alice, bob, *_ = (ledger.accounts[number] for number in HOLDERS)
    contract = {
        "chain": 31337,
        "address": token.address,
        "identity_registry": registry.address,
        "compliance": token.compliance.address,
        "trusted_issuers_registry": issuers.address,
        "claim_topics_registry": topics.address,
        "identity_storage": storage.address,
    }
    reference = msgspec.convert(
        {
            "tokens": [{"id": "tst", "symbol": "TST", "decimals": 6, "contracts": [contract]}],
            "investors": [{"id": "INV-0001", "addresses": [alice, token.identities[alice]]}],
        },
        Reference,
    )
    return Suite(Calls(ledger, reference), token, storage, topics, issuers, alice, bob)


def only(events: list[Any]) -> Any:
    (event,) = events
    return event


def test_registrations_show_in_the_registry_and_in_its_storage(suite: Suite) -> None:
    registry, wallet = suite.token.identity_registry, suite.ledger.accounts[UNREGISTERED]
    identity = suite.token.identities[suite.alice]
    stored, registered = suite.by_agent(registry, "registerIdentity", wallet, identity, 276)
    assert isinstance(stored, chain.IdentityStored)
    assert isinstance(registered, chain.IdentityRegistered)
    assert (registered.country, stored.country) == (276, None)
    for event in (stored, registered):
        assert (event.investor_address, event.identity) == (lower(wallet), lower(identity))
        assert event.token_id == "tst"
    other = suite.token.identities[suite.bob]
    modified, updated = suite.by_agent(registry, "updateIdentity", wallet, other)
    assert isinstance(modified, chain.StoredIdentityModified)
    assert (modified.previous_identity, modified.identity) == (lower(identity), lower(other))
    assert isinstance(updated, chain.IdentityUpdated)
    modified, updated = suite.by_agent(registry, "updateCountry", wallet, 840)
    assert isinstance(modified, chain.StoredCountryModified)
    assert (modified.country, updated.country) == (840, 840)
    unstored, removed = suite.by_agent(registry, "deleteIdentity", wallet)
    assert isinstance(unstored, chain.IdentityUnstored)
    assert isinstance(removed, chain.IdentityRemoved)


def test_a_storage_says_which_registries_may_write_to_it(suite: Suite) -> None:
    source = "contracts/registry/implementation/IdentityRegistryStorage"
    storage = suite.ledger.deploy(suite.ledger.artifacts.trex(source), sender=suite.owner)
    suite.owned(storage, "init")
    registry = suite.token.identity_registry.address
    events = suite.owned(storage, "bindIdentityRegistry", registry)
    bound = only([event for event in events if not isinstance(event, chain.AgentAdded)])
    assert isinstance(bound, chain.ContractBound)
    assert (bound.component, bound.component_address) == ("identity-registry", lower(registry))
    assert bound.token_id == "tst"
    events = suite.owned(storage, "unbindIdentityRegistry", registry)
    unbound = only([event for event in events if not isinstance(event, chain.AgentRemoved)])
    assert isinstance(unbound, chain.ContractUnbound)


def test_claim_topics_and_trusted_issuers_change(suite: Suite) -> None:
    topic = 2**255 + 7
    added = only(suite.owned(suite.topics, "addClaimTopic", topic))
    assert isinstance(added, chain.ClaimTopicAdded)
    assert (added.topic, added.token_id) == (str(topic), "tst")
    removed = only(suite.owned(suite.topics, "removeClaimTopic", topic))
    assert isinstance(removed, chain.ClaimTopicRemoved)
    issuer = Web3.to_checksum_address("0x" + "cd" * 20)
    added = only(suite.owned(suite.issuers, "addTrustedIssuer", issuer, [1, topic]))
    assert isinstance(added, chain.TrustedIssuerAdded)
    assert (added.trusted_issuer, added.topics) == (lower(issuer), ("1", str(topic)))
    updated = only(suite.owned(suite.issuers, "updateIssuerClaimTopics", issuer, [1]))
    assert isinstance(updated, chain.TrustedIssuerTopicsUpdated)
    assert updated.topics == ("1",)
    removed = only(suite.owned(suite.issuers, "removeTrustedIssuer", issuer))
    assert isinstance(removed, chain.TrustedIssuerRemoved)


def test_a_module_is_put_in_set_and_taken_out(suite: Suite) -> None:
    compliance, module = suite.token.compliance, suite.module("CountryRestrictModule")
    bound, added = suite.owned(compliance, "addModule", module.address)
    assert isinstance(bound, chain.ContractBound)
    assert (bound.component, bound.component_address) == ("compliance", lower(compliance.address))
    assert bound.token_id == "tst"
    assert isinstance(added, chain.ComplianceModuleAdded)
    assert added.module == lower(module.address)
    restricted = only(suite.set(module, "addCountryRestriction", 408))
    assert isinstance(restricted, chain.ComplianceCountryRestricted)
    assert (restricted.country, restricted.compliance) == (408, lower(compliance.address))
    assert restricted.token_id == "tst"
    allowed = only(suite.set(module, "removeCountryRestriction", 408))
    assert isinstance(allowed, chain.ComplianceCountryAllowed)
    assert allowed.log_name == "RemovedRestrictedCountry"
    unbound, removed = suite.owned(compliance, "removeModule", module.address)
    assert isinstance(unbound, chain.ContractUnbound)
    assert isinstance(removed, chain.ComplianceModuleRemoved)


def test_every_kind_of_limit_says_its_amount_its_period_and_its_exchange(suite: Suite) -> None:
    exchange = suite.token.identities[suite.bob]
    limit = suite.token.units(7)

    def limits(module: str, function: str, *arguments: object) -> Any:
        contract = suite.module(module)
        suite.owned(suite.token.compliance, "addModule", contract.address)
        event = only(suite.set(contract, function, *arguments))
        assert isinstance(event, chain.ComplianceLimitSet)
        assert (event.amount_raw, event.amount) == (str(limit), 7.0)
        assert (event.token_id, event.compliance) == ("tst", lower(suite.token.compliance.address))
        return event.limit, event.period_seconds, event.exchange

    assert limits("TimeTransfersLimitsModule", "setTimeTransferLimit", (DAY, limit)) == (
        "transfers",
        DAY,
        None,
    )
    assert limits("TimeExchangeLimitsModule", "setExchangeLimit", exchange, (DAY, limit)) == (
        "exchange-transfers",
        DAY,
        lower(exchange),
    )
    assert limits("ExchangeMonthlyLimitsModule", "setExchangeMonthlyLimit", exchange, limit) == (
        "exchange-transfers",
        30 * DAY,
        lower(exchange),
    )


def test_a_limit_is_removed_and_an_exchange_is_named(suite: Suite) -> None:
    module = suite.module("TimeTransfersLimitsModule")
    suite.owned(suite.token.compliance, "addModule", module.address)
    suite.set(module, "setTimeTransferLimit", (DAY, 1))
    removed = only(suite.set(module, "removeTimeTransferLimit", DAY))
    assert isinstance(removed, chain.ComplianceLimitRemoved)
    assert (removed.limit, removed.period_seconds) == ("transfers", DAY)
    exchanges, exchange = (
        suite.module("TimeExchangeLimitsModule"),
        suite.token.identities[suite.bob],
    )
    added = only(suite.owned(exchanges, "addExchangeID", exchange))
    assert isinstance(added, chain.ComplianceExchangeAdded)
    assert (added.exchange, added.compliance) == (lower(exchange), None)
    removed = only(suite.owned(exchanges, "removeExchangeID", exchange))
    assert isinstance(removed, chain.ComplianceExchangeRemoved)


def test_fees_users_and_listings(suite: Suite) -> None:
    compliance = suite.token.compliance
    fees = suite.module("TransferFeesModule")
    suite.owned(suite.token.token, "addAgent", fees.address)
    suite.owned(compliance, "addModule", fees.address)
    fee = only(suite.set(fees, "setFee", 25, suite.bob))
    assert isinstance(fee, chain.TransferFeeSet)
    assert (fee.rate, fee.investor_address) == ("25", lower(suite.bob))
    restrict = suite.module("TransferRestrictModule")
    suite.owned(compliance, "addModule", restrict.address)
    allowed = only(suite.set(restrict, "allowUser", suite.alice))
    assert isinstance(allowed, chain.ComplianceUserAllowed)
    assert allowed.investor_id == "INV-0001"
    disallowed = only(suite.set(restrict, "disallowUser", suite.alice))
    assert isinstance(disallowed, chain.ComplianceUserDisallowed)
    listings = suite.module("TokenListingRestrictionsModule")
    suite.owned(compliance, "addModule", listings.address)
    configured = only(suite.set(listings, "configureToken", 1))
    assert isinstance(configured, chain.TokenListingConfigured)
    assert (configured.listing, configured.token_id) == ("allowed", "tst")
    arguments = (suite.token.address, 0)
    listed = only(suite.calls.events(listings, "listToken", *arguments, sender=suite.alice))
    assert isinstance(listed, chain.TokenListed)
    assert (listed.investor_id, listed.token_id) == ("INV-0001", "tst")
    unlisted = only(suite.calls.events(listings, "unlistToken", *arguments, sender=suite.alice))
    assert isinstance(unlisted, chain.TokenUnlisted)


def test_holdings_are_told_to_a_module_by_hand(suite: Suite) -> None:
    module = suite.module("MaxBalanceModule")
    arguments = (suite.token.compliance.address, suite.token.identities[suite.alice], 2**200)
    preset = only(suite.owned(module, "preSetModuleState", *arguments))
    assert isinstance(preset, chain.ComplianceBalancePreset)
    assert (preset.identity, preset.amount_raw) == (lower(arguments[1]), str(2**200))
    completed = only(suite.owned(module, "presetCompleted", suite.token.compliance.address))
    assert isinstance(completed, chain.CompliancePresetCompleted)


def test_a_conditional_transfer_is_approved_used_and_taken_back(suite: Suite) -> None:
    module = suite.module("ConditionalTransferModule")
    suite.owned(suite.token.compliance, "addModule", module.address)
    terms = (suite.alice, suite.bob, 5)
    approved = only(suite.set(module, "approveTransfer", *terms))
    assert isinstance(approved, chain.TransferApproved)
    assert (approved.source_investor, approved.amount_raw) == ("INV-0001", "5")
    assert (approved.token_id, approved.token_address) == ("tst", lower(suite.token.address))
    token = suite.token.token
    events = suite.calls.events(token, "transfer", suite.bob, 5, sender=suite.alice)
    assert {type(event) for event in events} == {
        chain.TokenTransfer,
        chain.TransferApprovalRemoved,
    }
    suite.set(module, "approveTransfer", *terms)
    removed = only(suite.set(module, "unApproveTransfer", *terms))
    assert isinstance(removed, chain.TransferApprovalRemoved)
    assert removed.destination_address == lower(suite.bob)


def test_claims_are_added_changed_revoked_and_removed(suite: Suite) -> None:
    ledger, verifier = suite.ledger, suite.token.roles.verifier
    address = suite.token.identities[suite.alice]
    identity = ledger.contract(address, ledger.artifacts.onchain_id("contracts/Identity"))
    topic, issuer = 42, suite.issuers
    trusted = ledger.ask(issuer, "getTrustedIssuers")[0]
    data = b"resident of Hamburg"
    statement = Web3.keccak(encode(["address", "uint256", "bytes"], [address, topic, data]))
    signature = ledger.node.rpc("eth_sign", verifier, "0x" + statement.hex())
    terms = (topic, 1, trusted, signature, data, "https://kyc.example/42")
    added = only(suite.calls.events(identity, "addClaim", *terms, sender=verifier))
    assert isinstance(added, chain.ClaimAdded)
    assert (added.identity, added.investor_id) == (lower(address), "INV-0001")
    assert added.investor_address is None
    assert (added.topic, added.issuer, added.uri) == ("42", lower(trusted), terms[-1])
    assert (added.data, added.signature) == ("0x" + data.hex(), signature)
    changed = only(suite.calls.events(identity, "addClaim", *terms, sender=verifier))
    assert isinstance(changed, chain.ClaimChanged)
    claims = ledger.contract(trusted, ledger.artifacts.onchain_id("contracts/ClaimIssuer"))
    claim = bytes.fromhex(added.claim_id[2:])
    revoked = only(suite.calls.events(claims, "revokeClaim", claim, address, sender=verifier))
    assert isinstance(revoked, chain.ClaimRevoked)
    assert revoked.signature_hash == added.signature_hash
    assert (revoked.claim_id, revoked.investor_id) == (added.claim_id, "INV-0001")
    removed = only(suite.calls.events(identity, "removeClaim", claim, sender=verifier))
    assert isinstance(removed, chain.ClaimRemoved)


def test_keys_and_calls_of_an_identity(suite: Suite) -> None:
    ledger, verifier = suite.ledger, suite.token.roles.verifier
    address = suite.token.identities[suite.alice]
    identity = ledger.contract(address, ledger.artifacts.onchain_id("contracts/Identity"))
    key = bytes(Web3.keccak(encode(["address"], [suite.bob])))
    added = only(suite.calls.events(identity, "addKey", key, 3, 1, sender=verifier))
    assert isinstance(added, chain.IdentityKeyAdded)
    assert (added.purpose, added.purpose_name, added.key_type) == ("3", "claim-signer", "1")
    assert (added.key, added.key_address) == ("0x" + key.hex(), None)
    removed = only(suite.calls.events(identity, "removeKey", key, 3, sender=verifier))
    assert isinstance(removed, chain.IdentityKeyRemoved)
    own = bytes(Web3.keccak(encode(["address"], [verifier])))
    removed = suite.calls.events(identity, "addKey", own, 4, 1, sender=verifier)[-1]
    assert removed.key_address == lower(verifier)
    # Anybody may ask, a key of the identity decides, and what it calls may refuse.
    call = suite.token.token.encode_abi("transfer", args=[suite.bob, 1])
    asked = (suite.token.address, 0, call)
    requested = only(suite.calls.events(identity, "execute", *asked, sender=suite.bob))
    assert isinstance(requested, chain.IdentityCallRequested)
    assert (requested.target, requested.method) == (lower(suite.token.address), "transfer")
    number = int(requested.execution_id)
    approved, failed = suite.calls.events(identity, "approve", number, True, sender=verifier)
    assert isinstance(approved, chain.IdentityCallApproved)
    assert isinstance(failed, chain.IdentityCallFailed)
    assert failed.outcome == "failure"
    call = suite.token.token.encode_abi("approve", args=[suite.bob, 1])
    asked = (suite.token.address, 0, call)
    only(suite.calls.events(identity, "execute", *asked, sender=suite.bob))
    approved, allowance, executed = suite.calls.events(
        identity, "approve", number + 1, True, sender=verifier
    )
    assert isinstance(allowance, chain.TokenApproval)
    assert isinstance(executed, chain.IdentityCallExecuted)
    only(suite.calls.events(identity, "execute", *asked, sender=suite.bob))
    rejected = only(suite.calls.events(identity, "approve", number + 2, False, sender=verifier))
    assert isinstance(rejected, chain.IdentityCallRejected)


def test_the_token_is_told_to_use_other_contracts_and_gets_another_owner(suite: Suite) -> None:
    token, ledger = suite.token.token, suite.ledger
    code = ledger.artifacts.trex("contracts/compliance/modular/ModularCompliance")
    other = ledger.deploy(code, sender=suite.owner)
    suite.owned(other, "init")
    events = suite.owned(token, "setCompliance", other.address)
    bindings = [event for event in events if isinstance(event, chain.ContractBound)]
    assert [(one.component, one.token_id) for one in bindings] == [("token", "tst")]
    assert {type(event) for event in events} == {
        chain.ContractUnbound,
        chain.ContractBound,
        chain.ContractWired,
    }
    transferred = only(suite.owned(token, "transferOwnership", suite.bob))
    assert isinstance(transferred, chain.OwnershipTransferred)


def test_two_tokens_change_hands_against_each_other(suite: Suite) -> None:
    ledger, token = suite.ledger, suite.token.token
    manager = ledger.deploy(
        ledger.artifacts.trex("contracts/DVD/DVDTransferManager"), sender=suite.owner
    )
    cash = ledger.deploy(
        ledger.artifacts.openzeppelin("ERC20PresetMinterPauser"), "Cash", "USDX", sender=suite.owner
    )
    suite.owned(cash, "mint", suite.bob, 100)
    suite.calls.events(token, "approve", manager.address, 5, sender=suite.alice)
    suite.calls.events(cash, "approve", manager.address, 9, sender=suite.bob)
    terms = (token.address, 5, suite.bob, cash.address, 9)
    initiated = only(suite.calls.events(manager, "initiateDVDTransfer", *terms, sender=suite.alice))
    assert isinstance(initiated, chain.DealInitiated)
    assert (initiated.investor_id, initiated.counterparty) == ("INV-0001", lower(suite.bob))
    assert (initiated.token_id, initiated.amount_raw) == ("tst", "5")
    assert (initiated.other_token, initiated.other_amount_raw) == (lower(cash.address), "9")
    deal = bytes.fromhex(initiated.deal[2:])
    cancelled = only(suite.calls.events(manager, "cancelDVDTransfer", deal, sender=suite.alice))
    assert isinstance(cancelled, chain.DealCancelled)
    again = only(suite.calls.events(manager, "initiateDVDTransfer", *terms, sender=suite.alice))
    deal = bytes.fromhex(again.deal[2:])
    events = suite.calls.events(manager, "takeDVDTransfer", deal, sender=suite.bob)
    assert isinstance(events[-1], chain.DealExecuted)
    assert events[-1].deal == again.deal
    assert sum(isinstance(event, chain.TokenTransfer) for event in events) == 2


def test_roles_of_managers_by_their_names(suite: Suite) -> None:
    ledger, token = suite.ledger, suite.token
    agents = ledger.deploy(
        ledger.artifacts.trex("contracts/roles/permissioning/agent/AgentManager"),
        token.address,
        sender=suite.owner,
    )
    admin = suite.owned(agents, "addAgentAdmin", suite.bob)[-1]
    assert isinstance(admin, chain.RoleGranted)
    assert (admin.investor_address, admin.log_name) == (lower(suite.bob), "RoleAdded")
    freezer = only(suite.calls.events(agents, "addFreezer", suite.alice, sender=suite.bob))
    assert freezer.role_name == "Freezer"
    removed = only(suite.calls.events(agents, "removeFreezer", suite.alice, sender=suite.bob))
    assert isinstance(removed, chain.RoleRevoked)
    owners = ledger.deploy(
        ledger.artifacts.trex("contracts/roles/permissioning/owner/OwnerManager"),
        token.address,
        sender=suite.owner,
    )
    suite.owned(owners, "addOwnerAdmin", suite.owner)
    setter = only(suite.owned(owners, "addComplianceSetter", suite.owner))
    assert isinstance(setter, chain.RoleGranted)
    assert ZERO_ADDRESS not in setter.related_user
