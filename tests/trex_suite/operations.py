"""Everything that a T-REX token, its registries and its compliance contract can be told, once."""

from __future__ import annotations

from web3.contract import Contract

from demo.chain.ledger import ZERO_ADDRESS
from tests.trex_suite.operator import Operator

GERMANY, UNITED_STATES, NORTH_KOREA = 276, 840, 408
DAY = 86_400
MODULES = (
    "ConditionalTransferModule",
    "CountryRestrictModule",
    "ExchangeMonthlyLimitsModule",
    "TimeExchangeLimitsModule",
    "TimeTransfersLimitsModule",
    "TokenListingRestrictionsModule",
    "TransferFeesModule",
    "TransferRestrictModule",
)
"""Besides the three that the token is deployed with."""


def perform(by: Operator) -> None:
    """Holders, agents and owners of one token."""
    _holders(by)
    _agents(by)
    _owner(by)
    _registry(by)
    _storage(by)
    _claims(by)
    _compliance(by)


def _holders(by: Operator) -> None:
    token, alice, bob = by.token.token, by.alice, by.bob
    by.do(token, "transfer", bob, 5, sender=alice)
    by.do(token, "batchTransfer", [bob, by.carol], [5, 5], sender=alice)
    by.do(token, "approve", bob, 5, sender=alice)
    by.do(token, "increaseAllowance", bob, 5, sender=alice)
    by.do(token, "decreaseAllowance", bob, 5, sender=alice)
    by.do(token, "transferFrom", alice, by.carol, 5, sender=bob)


def _agents(by: Operator) -> None:
    token, alice, bob = by.token.token, by.alice, by.bob
    by.by_agent(token, "mint", alice, 5)
    by.by_agent(token, "burn", alice, 5)
    by.by_agent(token, "batchBurn", [alice], [5])
    by.by_agent(token, "forcedTransfer", alice, bob, 5)
    by.by_agent(token, "batchForcedTransfer", [alice], [bob], [5])
    by.by_agent(token, "setAddressFrozen", alice, True)
    by.by_agent(token, "batchSetAddressFrozen", [alice], [False])
    by.by_agent(token, "freezePartialTokens", alice, 5)
    by.by_agent(token, "unfreezePartialTokens", alice, 5)
    by.by_agent(token, "batchFreezePartialTokens", [alice], [5])
    by.by_agent(token, "batchUnfreezePartialTokens", [alice], [5])
    by.by_agent(token, "pause")
    by.by_agent(token, "unpause")
    by.ledger.settle([by.token.recover(by.dave, by.wallet())])


def _owner(by: Operator) -> None:
    token = by.token.token
    by.do(token, "setName", "Test Share II")
    by.do(token, "setSymbol", "TST2")
    by.do(token, "setOnchainID", by.ledger.ask(token, "onchainID"))
    by.do(token, "addAgent", by.dave)
    by.do(token, "removeAgent", by.dave)
    by.do(token, "setIdentityRegistry", by.token.identity_registry.address)


def _registry(by: Operator) -> None:
    registry, wallet = by.token.identity_registry, by.wallet()
    identities = by.token.identities
    by.by_agent(registry, "registerIdentity", wallet, identities[by.alice], GERMANY)
    by.by_agent(registry, "updateIdentity", wallet, identities[by.bob])
    by.by_agent(registry, "updateCountry", wallet, UNITED_STATES)
    by.by_agent(registry, "deleteIdentity", wallet)
    by.do(registry, "addAgent", by.dave)
    by.do(registry, "removeAgent", by.dave)
    for getter, setter in (
        ("identityStorage", "setIdentityRegistryStorage"),
        ("topicsRegistry", "setClaimTopicsRegistry"),
        ("issuersRegistry", "setTrustedIssuersRegistry"),
    ):
        by.do(registry, setter, by.ledger.ask(registry, getter))


def _storage(by: Operator) -> None:
    storage = by.part("identityStorage", "IdentityRegistryStorage")
    # A suite's factory keeps the storage.
    by.do(by.chain.contract("TREXFactory"), "recoverContractOwnership", storage.address, by.owner)
    wallet, identities, other = by.wallet(), by.token.identities, by.deploy("IdentityRegistry")
    by.do(storage, "addAgent", by.agent)
    by.by_agent(storage, "addIdentityToStorage", wallet, identities[by.alice], GERMANY)
    by.by_agent(storage, "modifyStoredIdentity", wallet, identities[by.bob])
    by.by_agent(storage, "modifyStoredInvestorCountry", wallet, UNITED_STATES)
    by.by_agent(storage, "removeIdentityFromStorage", wallet)
    by.do(storage, "removeAgent", by.agent)
    by.do(storage, "bindIdentityRegistry", other.address)
    by.do(storage, "unbindIdentityRegistry", other.address)


def _claims(by: Operator) -> None:
    topics = by.part("topicsRegistry", "ClaimTopicsRegistry")
    trust(by, by.part("issuersRegistry", "TrustedIssuersRegistry"), topics)


def trust(by: Operator, issuers: Contract, topics: Contract) -> None:
    """Another claim topic and another issuer, for a while."""
    by.do(topics, "addClaimTopic", 7)
    by.do(topics, "removeClaimTopic", 7)
    by.do(issuers, "addTrustedIssuer", by.dave, [7])
    by.do(issuers, "updateIssuerClaimTopics", by.dave, [7, 8])
    by.do(issuers, "removeTrustedIssuer", by.dave)


def _compliance(by: Operator) -> None:
    compliance, address = by.token.compliance, by.token.address
    by.do(compliance, "unbindToken", address)
    by.do(compliance, "bindToken", address)
    modules = {name: by.module(name) for name in MODULES}
    # The module takes its fees by force.
    by.do(by.token.token, "addAgent", modules["TransferFeesModule"].address)
    for module in modules.values():
        by.do(compliance, "addModule", module.address)
    first = {
        name: by.chain.contract(name, one)
        for one in by.ledger.ask(compliance, "getModules")
        if (name := str(by.ledger.ask(by.chain.contract("MaxBalanceModule", one), "name")))
        not in modules
    }
    _countries(by, first["CountryAllowModule"], modules["CountryRestrictModule"])
    _amounts(by, first["MaxBalanceModule"], first["SupplyLimitModule"])
    _periods(by, modules)
    _users(by, modules)
    # All of them are told of what is minted, moved and burned.
    conditional = modules["ConditionalTransferModule"]
    by.set(conditional, "approveTransfer", ZERO_ADDRESS, by.alice, 5)  # it is asked for mints too
    by.by_agent(by.token.token, "mint", by.alice, 5)
    by.set(conditional, "approveTransfer", by.alice, by.bob, 5_000)
    by.do(by.token.token, "transfer", by.bob, 5_000, sender=by.alice)
    by.by_agent(by.token.token, "burn", by.alice, 5)
    for module in (*modules.values(), first["SupplyLimitModule"]):
        by.do(compliance, "removeModule", module.address)
    for module in (*modules.values(), *first.values()):
        name = str(by.ledger.ask(module, "name"))
        code = by.chain.made(name)[0]
        by.do(module, "upgradeTo", code)
        by.do(module, "upgradeToAndCall", code, module.encode_abi("name"))


def _countries(by: Operator, allow: Contract, restrict: Contract) -> None:
    by.set(allow, "addAllowedCountry", NORTH_KOREA)
    by.set(allow, "removeAllowedCountry", NORTH_KOREA)
    by.set(allow, "batchAllowCountries", [NORTH_KOREA])
    by.set(allow, "batchDisallowCountries", [NORTH_KOREA])
    by.set(restrict, "addCountryRestriction", NORTH_KOREA)
    by.set(restrict, "removeCountryRestriction", NORTH_KOREA)
    by.set(restrict, "batchRestrictCountries", [NORTH_KOREA])
    by.set(restrict, "batchUnrestrictCountries", [NORTH_KOREA])


def _amounts(by: Operator, balance: Contract, supply: Contract) -> None:
    compliance, identity = by.token.compliance, by.token.identities[by.alice]
    held = by.ledger.ask(balance, "getIDBalance", compliance.address, identity)
    by.set(balance, "setMaxBalance", by.token.units(600_000))
    by.set(supply, "setSupplyLimit", by.token.units(6_000_000))
    # What holders have can be told to a module that is out only.
    by.do(compliance, "removeModule", balance.address)
    by.do(balance, "preSetModuleState", compliance.address, identity, held)
    by.do(balance, "batchPreSetModuleState", compliance.address, [identity], [held])
    by.do(balance, "presetCompleted", compliance.address)
    by.do(compliance, "addModule", balance.address)


def _periods(by: Operator, modules: dict[str, Contract]) -> None:
    exchange, much = by.token.identities[by.bob], by.token.units(9)
    monthly = modules["ExchangeMonthlyLimitsModule"]
    timed = modules["TimeExchangeLimitsModule"]
    for module in (monthly, timed):
        by.do(module, "addExchangeID", exchange)
    by.set(monthly, "setExchangeMonthlyLimit", exchange, much)
    by.set(timed, "setExchangeLimit", exchange, (DAY, much))
    for module in (monthly, timed):
        by.do(module, "removeExchangeID", exchange)
    transfers = modules["TimeTransfersLimitsModule"]
    by.set(transfers, "setTimeTransferLimit", (DAY, much))
    by.set(transfers, "removeTimeTransferLimit", DAY)
    by.set(transfers, "batchSetTimeTransferLimit", [(DAY, much)])
    by.set(transfers, "batchRemoveTimeTransferLimit", [DAY])


def _users(by: Operator, modules: dict[str, Contract]) -> None:
    alice, bob = by.alice, by.bob
    conditional = modules["ConditionalTransferModule"]
    by.set(conditional, "approveTransfer", alice, bob, 5)
    by.set(conditional, "unApproveTransfer", alice, bob, 5)
    by.set(conditional, "batchApproveTransfers", [alice], [bob], [5])
    by.set(conditional, "batchUnApproveTransfers", [alice], [bob], [5])
    restrict = modules["TransferRestrictModule"]
    by.set(restrict, "batchAllowUsers", [alice])
    by.set(restrict, "batchDisallowUsers", [alice])
    by.set(restrict, "allowUser", bob)
    by.set(restrict, "disallowUser", bob)
    by.set(restrict, "allowUser", alice)
    by.set(modules["TransferFeesModule"], "setFee", 25, by.carol)
    listings, token = modules["TokenListingRestrictionsModule"], by.token.address
    by.set(listings, "configureToken", 2)
    by.do(listings, "listToken", token, 0, sender=alice)
    by.do(listings, "unlistToken", token, 0, sender=alice)
    by.do(listings, "batchListTokens", [token], 1, sender=alice)
    by.do(listings, "batchUnlistTokens", [token], 1, sender=alice)
