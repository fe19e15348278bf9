"""What stands around a token, told once what it can be told: factories, gateways, managers, deals.

Those of OnchainID are here too, and the compliance contracts of T-REX 3.
"""

from __future__ import annotations

from web3.contract import Contract

from demo.chain.ledger import BATCH_GAS, DEPLOY_GAS, ZERO_ADDRESS
from demo.chain.trex import Holder
from tests.trex_suite.operations import GERMANY, NORTH_KOREA, UNITED_STATES, trust
from tests.trex_suite.operator import Operator, key

_NO_CLAIMS: tuple[list[object], ...] = ([], [], [])
_SCHEME, _MANAGEMENT, _CLAIM_SIGNER = 1, 1, 3


def perform(by: Operator) -> None:
    """All of it. The last call leaves the contracts to nobody."""
    _version_3(by)
    _approved_by_others(by)
    _against_each_other(by)
    _identities(by)
    _identity_factory(by)
    _agents_roles(by)
    _owners_roles(by)
    _authorities(by)
    _suites(by)
    _leave(by)


def _version_3(by: Operator) -> None:
    """Each compliance contract of T-REX 3 in the token's service for three transactions."""
    token, alice, bob, first = by.token.token, by.alice, by.bob, by.token.compliance
    much, exchange = by.token.units(9_000_000), by.token.identities[by.carol]
    settings: dict[str, list[tuple[str, tuple[object, ...]]]] = {
        "DefaultCompliance": [],
        "ApproveTransferTest": [
            ("approveTransfer", (alice, bob, 3)),
            ("removeApproval", (alice, bob, 3)),
            ("approveTransfer", (alice, bob, 2)),
        ],
        "CountryRestrictionsTest": [
            ("addCountryRestriction", (NORTH_KOREA,)),
            ("removeCountryRestriction", (NORTH_KOREA,)),
            ("batchRestrictCountries", ([NORTH_KOREA],)),
            ("batchUnrestrictCountries", ([NORTH_KOREA],)),
        ],
        "CountryWhitelistingTest": [
            ("whitelistCountry", (NORTH_KOREA,)),
            ("unWhitelistCountry", (NORTH_KOREA,)),
            ("batchWhitelistCountries", ([NORTH_KOREA, GERMANY, UNITED_STATES],)),
            ("batchUnWhitelistCountries", ([NORTH_KOREA],)),
        ],
        "DayMonthLimitsTest": [("setDailyLimit", (much,)), ("setMonthlyLimit", (much,))],
        "ExchangeMonthlyLimitsTest": [
            ("addExchangeID", (exchange,)),
            ("setExchangeMonthlyLimit", (exchange, much)),
            ("removeExchangeID", (exchange,)),
        ],
        "MaxBalanceTest": [("setMaxBalance", (much,))],
        "SupplyLimitTest": [("setSupplyLimit", (much,))],
    }
    for name, told in settings.items():
        compliance = by.deploy(name)
        by.do(token, "setCompliance", compliance.address)
        # Whether nobody, from whom minted tokens come, is an agent: the token would not answer.
        by.do(compliance, "addTokenAgent", ZERO_ADDRESS)
        for function, arguments in told:
            by.do(compliance, function, *arguments)
        by.by_agent(token, "mint", alice, 9)
        by.do(token, "transfer", bob, 2, sender=alice)
        by.by_agent(token, "burn", alice, 1)
        if name == "ApproveTransferTest":
            by.do(token, "approve", compliance.address, 2, sender=alice)
            by.do(compliance, "approveAndTransfer", alice, bob, 2)
        for function in ("addAgent", "removeAgent", "addTokenAgent", "removeTokenAgent"):
            by.do(compliance, function, by.dave)
    by.do(token, "setCompliance", first.address)


def _approved_by_others(by: Operator) -> None:
    manager, token = by.deploy("DVATransferManager"), by.token.token
    address, alice, bob = str(manager.address), by.alice, by.bob
    by.token.onboard([Holder(address=address, country="US")])
    by.do(token, "approve", address, 100, sender=alice)

    def asked(amount: int) -> bytes:
        nonce = by.ledger.ask(manager, "getNextTxNonce")
        by.do(manager, "initiateTransfer", by.token.address, bob, amount, sender=alice)
        return bytes(by.ledger.ask(manager, "calculateTransferID", nonce, alice, bob, amount))

    def criteria(*approvers: str) -> None:
        terms = (by.token.address, True, False, False, list(approvers))
        by.by_agent(manager, "setApprovalCriteria", *terms)

    criteria()
    by.do(manager, "approveTransfer", asked(5), sender=bob)
    by.do(manager, "cancelTransfer", asked(6), sender=alice)
    by.do(manager, "rejectTransfer", asked(7), sender=bob)
    wanted = asked(8)
    signature = bytes.fromhex(
        str(by.ledger.node.rpc("eth_sign", bob, "0x" + wanted.hex())).removeprefix("0x")
    )
    terms = (signature[64], signature[:32], signature[32:64])
    by.do(manager, "delegateApproveTransfer", wanted, [terms])
    wanted = asked(9)
    criteria(by.carol)
    by.do(manager, "approveTransfer", wanted, sender=bob)  # the criteria are others by now


def _against_each_other(by: Operator) -> None:
    manager, token, cash = by.deploy("DVDTransferManager"), by.token.token, _cash(by)
    by.do(cash, "transfer", by.bob, 100)
    by.do(token, "approve", manager.address, 100, sender=by.alice)
    by.do(cash, "approve", manager.address, 100, sender=by.bob)
    fee = (by.token.address, cash.address, 1, 1, 2, by.carol, by.carol)
    by.do(manager, "modifyFee", *fee)
    for function, who in (("cancelDVDTransfer", by.alice), ("takeDVDTransfer", by.bob)):
        nonce = by.ledger.ask(manager, "txNonce")
        terms = (by.token.address, 50, by.bob, cash.address, 90)
        by.do(manager, "initiateDVDTransfer", *terms, sender=by.alice)
        one, amount, other, two, price = terms
        deal = by.ledger.ask(
            manager, "calculateTransferID", nonce, by.alice, one, amount, other, two, price
        )
        by.do(manager, function, deal, sender=who)


def _cash(by: Operator) -> Contract:
    code = by.ledger.artifacts.openzeppelin("ERC20PresetMinterPauser")
    cash = by.ledger.deploy(code, "Cash", "USDX", sender=by.owner)
    by.do(cash, "mint", by.owner, 1_000)
    return cash


def _identities(by: Operator) -> None:
    issuer_address = by.ledger.ask(
        by.part("issuersRegistry", "TrustedIssuersRegistry"), "getTrustedIssuers"
    )[0]
    issuer = by.chain.contract("ClaimIssuer", issuer_address)
    identity = by.chain.contract("Identity", by.token.identities[by.alice])
    for one in (identity, issuer):
        _keys_and_calls(by, one)
    signature = _claim(by, identity, issuer, 42)
    by.do(issuer, "revokeClaimBySignature", signature, sender=by.verifier)
    _claim(by, identity, issuer, 43)
    claim = by.ledger.ask(identity, "getClaimIdsByTopic", 43)[0]
    by.do(issuer, "revokeClaim", claim, identity.address, sender=by.verifier)
    by.do(identity, "removeClaim", claim, sender=by.verifier)
    own = (44, _SCHEME, issuer.address, b"", b"", "")
    for _ in range(2):  # the second time it is changed
        by.do(issuer, "addClaim", *own, sender=by.verifier)
    claim = by.ledger.ask(issuer, "getClaimIdsByTopic", 44)[0]
    by.do(issuer, "removeClaim", claim, sender=by.verifier)
    # An issuer behind a proxy is given its first key there.
    authority = by.deploy("ImplementationAuthority", issuer.address)
    by.deploy("IdentityProxy", authority.address, by.verifier)
    by.do(authority, "updateImplementation", issuer.address)
    verifier = by.deploy("Verifier")
    trust(by, verifier, verifier)


def _keys_and_calls(by: Operator, identity: Contract) -> None:
    token, manager = by.token.token, by.verifier
    by.do(identity, "addKey", key(by.bob), _CLAIM_SIGNER, _SCHEME, sender=manager)
    by.do(identity, "removeKey", key(by.bob), _CLAIM_SIGNER, sender=manager)
    allowed = token.encode_abi("approve", args=[by.bob, 1])
    refused = token.encode_abi("transfer", args=[by.bob, 1])
    answers = ((allowed, True), (refused, True), (allowed, False))
    for number, (call, answer) in enumerate(answers):
        by.do(identity, "execute", token.address, 0, call, sender=by.bob)
        by.do(identity, "approve", number, answer, sender=manager)


def _claim(by: Operator, identity: Contract, issuer: Contract, topic: int) -> str:
    data = b"verified"
    values = [str(identity.address), topic, data]
    signature = by.signed(["address", "uint256", "bytes"], values, by.verifier)
    terms = (topic, _SCHEME, issuer.address, signature, data, "")
    by.do(identity, "addClaim", *terms, sender=by.verifier)
    return signature


def _identity_factory(by: Operator) -> None:
    factory, wallet, other = by.chain.contract("IdFactory"), by.wallet(), by.wallet()
    by.do(factory, "createIdentity", wallet, "a wallet")
    by.do(factory, "linkWallet", other, sender=wallet)
    by.do(factory, "unlinkWallet", other, sender=wallet)
    by.do(factory, "createTokenIdentity", by.wallet(), by.owner, "a token")
    by.do(factory, "addTokenFactory", by.dave)
    by.do(factory, "removeTokenFactory", by.dave)
    gateway = by.deploy("Gateway", factory.address, [])
    by.do(gateway, "approveSigner", by.verifier)
    by.do(factory, "transferOwnership", gateway.address)
    by.do(gateway, "deployIdentityForWallet", by.wallet())
    title, owner = "Authorize ONCHAINID deployment", by.wallet()
    signature = by.signed(
        ["string", "address", "string", "uint256"], [title, owner, "salt", 0], by.verifier
    )
    by.do(gateway, "revokeSignature", signature)
    by.do(gateway, "approveSignature", signature)
    by.do(gateway, "deployIdentityWithSalt", owner, "salt", 0, signature)
    owner, keys = by.wallet(), [key(by.verifier)]
    signature = by.signed(
        ["string", "address", "string", "bytes32[]", "uint256"],
        [title, owner, "salt 2", keys, 0],
        by.verifier,
    )
    terms = (owner, "salt 2", keys, 0, signature)
    by.do(gateway, "deployIdentityWithSaltAndManagementKeys", *terms)
    by.do(gateway, "callFactory", factory.encode_abi("addTokenFactory", args=[by.dave]))
    by.do(gateway, "revokeSigner", by.verifier)
    by.do(gateway, "transferFactoryOwnership", by.owner)


_AGENTS_ROLES = (
    *("AgentAdmin", "ComplianceAgent", "Freezer", "RecoveryAgent"),
    *("SupplyModifier", "TransferManager", "WhiteListManager"),
)


def _roles(by: Operator, contract: Contract, roles: tuple[str, ...], verb: str, who: str) -> None:
    for role in roles:
        by.do(contract, f"{verb}{role}", who)


def _agents_roles(by: Operator) -> None:
    roles = by.deploy("AgentRoles")
    manager = by.deploy("AgentManager", by.token.address)
    registry, token = by.token.identity_registry, by.token.token
    identity, alice, bob = by.token.identities[by.carol], by.alice, by.bob
    _roles(by, roles, _AGENTS_ROLES, "add", by.dave)
    _roles(by, roles, _AGENTS_ROLES, "remove", by.dave)
    _roles(by, manager, _AGENTS_ROLES, "add", identity)
    for contract in (registry, token):
        by.do(contract, "addAgent", manager.address)
    wallet, replacement = by.wallet(), by.wallet()
    lost = by.chain.contract("Identity", by.token.identities[alice])
    by.do(lost, "addKey", key(replacement), _MANAGEMENT, _SCHEME, sender=by.verifier)
    calls: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("callMint", (alice, 5)),
        ("callBatchMint", ([alice], [5])),
        ("callBurn", (alice, 5)),
        ("callBatchBurn", ([alice], [5])),
        ("callForcedTransfer", (alice, bob, 5)),
        ("callBatchForcedTransfer", ([alice], [bob], [5])),
        ("callSetAddressFrozen", (alice, True)),
        ("callBatchSetAddressFrozen", ([alice], [False])),
        ("callFreezePartialTokens", (alice, 5)),
        ("callUnfreezePartialTokens", (alice, 5)),
        ("callBatchFreezePartialTokens", ([alice], [5])),
        ("callBatchUnfreezePartialTokens", ([alice], [5])),
        ("callPause", ()),
        ("callUnpause", ()),
        ("callRegisterIdentity", (wallet, lost.address, GERMANY)),
        ("callUpdateIdentity", (wallet, by.token.identities[bob])),
        ("callUpdateCountry", (wallet, UNITED_STATES)),
        ("callDeleteIdentity", (wallet,)),
        ("callRecoveryAddress", (alice, replacement, lost.address)),
    )
    for function, arguments in calls:
        by.do(manager, function, *arguments, identity, sender=by.verifier)
    _roles(by, manager, _AGENTS_ROLES, "remove", identity)


_OWNERS_ROLES = (
    *("OwnerAdmin", "RegistryAddressSetter", "ComplianceSetter", "ComplianceManager"),
    *("ClaimRegistryManager", "IssuersRegistryManager", "TokenInfoManager"),
)


def _owners_roles(by: Operator) -> None:
    roles = by.deploy("OwnerRoles")
    manager = by.deploy("OwnerManager", by.token.address)
    _roles(by, roles, _OWNERS_ROLES, "add", by.dave)
    _roles(by, roles, _OWNERS_ROLES, "remove", by.dave)
    registry, token, compliance = by.token.identity_registry, by.token.token, by.token.compliance
    topics = by.part("topicsRegistry", "ClaimTopicsRegistry")
    issuers = by.part("issuersRegistry", "TrustedIssuersRegistry")
    identity = by.token.identities[by.carol]
    _roles(by, manager, _OWNERS_ROLES, "add", identity)
    for contract in (token, registry, compliance, topics, issuers):
        by.do(contract, "transferOwnership", manager.address)
    module = by.ledger.ask(compliance, "getModules")[0]
    calls: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("callSetIdentityRegistry", (registry.address,)),
        ("callSetTokenName", ("Test Share III",)),
        ("callSetTokenSymbol", ("TST3",)),
        ("callSetTokenOnchainID", (identity,)),
        ("callSetClaimTopicsRegistry", (topics.address,)),
        ("callSetTrustedIssuersRegistry", (issuers.address,)),
        ("callAddClaimTopic", (7,)),
        ("callRemoveClaimTopic", (7,)),
        ("callAddTrustedIssuer", (by.dave, [7])),
        ("callUpdateIssuerClaimTopics", (by.dave, [7, 8])),
        ("callRemoveTrustedIssuer", (by.dave,)),
        ("callComplianceFunction", (compliance.encode_abi("removeModule", args=[module]),)),
        ("callSetCompliance", (by.deploy("DefaultCompliance").address,)),
        ("callSetCompliance", (compliance.address,)),
    )
    for function, arguments in calls:
        by.do(manager, function, *arguments, identity, sender=by.verifier)
    for part in ("Token", "IdentityRegistry"):
        by.do(manager, f"callAddAgentOn{part}Contract", by.dave)
        by.do(manager, f"callRemoveAgentOn{part}Contract", by.dave)
    # The token last: by it the others are found.
    parts = ("Compliance", "ClaimTopicsRegistry", "IssuersRegistry", "IdentityRegistry", "Token")
    for part in parts:
        by.do(manager, f"callTransferOwnershipOn{part}Contract", by.owner)
    _roles(by, manager, _OWNERS_ROLES, "remove", identity)


def _authorities(by: Operator) -> None:
    authority = by.chain.contract("TREXImplementationAuthority")
    factory = by.chain.contract("TREXFactory")
    makers = by.deploy("IAFactory", factory.address)
    version = by.ledger.ask(authority, "getCurrentVersion")
    contracts = by.ledger.ask(authority, "getContracts", version)
    by.do(authority, "setTREXFactory", factory.address)
    by.do(authority, "setIAFactory", makers.address)
    by.do(
        authority,
        "changeImplementationAuthority",
        by.token.address,
        ZERO_ADDRESS,
        gas=DEPLOY_GAS,
    )
    by.do(authority, "addTREXVersion", (4, 1, 7), contracts)
    by.do(authority, "useTREXVersion", (4, 1, 7))
    by.do(factory, "setIdFactory", by.chain.made("IdFactory")[0])
    by.do(factory, "setImplementationAuthority", authority.address)


def _suites(by: Operator) -> None:
    factory = by.chain.contract("TREXFactory")
    gateway, cash = by.deploy("TREXGateway", factory.address, True), _cash(by)
    people = [by.bob, by.carol]
    calls: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("setFactory", (factory.address,)),
        ("setPublicDeploymentStatus", (False,)),
        ("setDeploymentFee", (10, cash.address, by.carol)),
        ("enableDeploymentFee", (True,)),
        ("addAgent", (by.dave,)),
        ("removeAgent", (by.dave,)),
        ("addDeployer", (by.owner,)),
        ("addDeployer", (by.dave,)),
        ("removeDeployer", (by.dave,)),
        ("batchAddDeployer", (people,)),
        ("batchRemoveDeployer", (people,)),
        ("applyFeeDiscount", (by.owner, 5_000)),
        ("batchApplyFeeDiscount", (people, [1, 2])),
    )
    for function, arguments in calls:
        by.do(gateway, function, *arguments)
    by.do(cash, "approve", gateway.address, 1_000)
    by.do(factory, "transferOwnership", gateway.address)
    by.do(gateway, "deployTREXSuite", _details(by, "One"), _NO_CLAIMS, gas=BATCH_GAS)
    by.do(gateway, "batchDeployTREXSuite", [_details(by, "Two")], [_NO_CLAIMS], gas=BATCH_GAS)
    by.do(gateway, "transferFactoryOwnership", by.owner)


def _details(by: Operator, name: str) -> tuple[object, ...]:
    return (by.owner, name, name, 0, ZERO_ADDRESS, ZERO_ADDRESS, [], [], [], [])


def _leave(by: Operator) -> None:
    """Every contract that has an owner gets another one and then none, and agents come and go."""
    by.deploy("AgentRole")
    for name, one in sorted(by.chain.suite.items()):
        told = set(one.functions.values())
        if "renounceOwnership()" not in told or (contract := _owned(by, name)) is None:
            continue
        if "addAgent(address)" in told and not by.ledger.ask(contract, "isAgent", by.dave):
            by.do(contract, "addAgent", by.dave)
            by.do(contract, "removeAgent", by.dave)
        by.do(contract, "transferOwnership", by.owner)
        by.do(contract, "renounceOwnership")


def _owned(by: Operator, name: str) -> Contract | None:
    """The first contract of this name, on its own or behind a proxy, that the owner owns."""
    modules = by.chain.made("ModuleProxy") if name.endswith("Module") else []
    for address in (*by.chain.made(name), *by.chain.made(f"{name}Proxy"), *modules):
        contract = by.chain.contract(name, address)
        if modules and by.ledger.ask(contract, "name") != name:
            continue
        if by.ledger.ask(contract, "owner") == by.owner:
            return contract
    return None
