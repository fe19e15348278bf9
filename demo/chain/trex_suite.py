"""Deploys an ERC-3643 suite as an issuer would: through T-REX's and OnchainID's own factories.

Sources: npm `@tokenysolutions/t-rex` 4.1.6 (`contracts/factory/TREXFactory.sol`), npm
`@onchain-id/solidity` 2.2.1 (`contracts/factory/IdFactory.sol`).
"""

from __future__ import annotations

from web3.contract import Contract

from demo.chain.ledger import BATCH_GAS, ZERO_ADDRESS, Ledger
from demo.chain.trex import (
    ACCREDITED_TOPIC,
    COUNTRY_NUMBERS,
    KYC_TOPIC,
    SecurityToken,
    SuiteRoles,
    TokenTerms,
)

_MODULES = "contracts/compliance/modular/modules"


def deploy_security_token(ledger: Ledger, roles: SuiteRoles, terms: TokenTerms) -> SecurityToken:
    """Deploy implementations, factories and one suite with three compliance modules; unpause it."""
    identity_factory, claim_issuer = _deploy_onchain_id(ledger, roles)
    factory = _deploy_factory(ledger, roles, identity_factory)
    modules, settings = _deploy_modules(ledger, roles, terms)
    details = (
        roles.issuer,
        terms.name,
        terms.symbol,
        terms.decimals,
        ZERO_ADDRESS,
        ZERO_ADDRESS,
        [roles.agent],
        [roles.agent],
        [str(module.address) for module in modules],
        settings,
    )
    topics = [KYC_TOPIC, ACCREDITED_TOPIC]
    claims = (topics, [str(claim_issuer.address)], [topics])
    deployed = ledger.send(
        factory,
        "deployTREXSuite",
        terms.symbol,
        details,
        claims,
        sender=roles.issuer,
        gas=BATCH_GAS,
    )
    ledger.settle([deployed])
    trex = ledger.artifacts.trex
    token = ledger.contract(
        ledger.ask(factory, "getToken", terms.symbol), trex("contracts/token/Token")
    )
    suite = SecurityToken(
        ledger,
        roles,
        terms,
        token=token,
        identity_registry=ledger.contract(
            ledger.ask(token, "identityRegistry"),
            trex("contracts/registry/implementation/IdentityRegistry"),
        ),
        compliance=ledger.contract(
            ledger.ask(token, "compliance"),
            trex("contracts/compliance/modular/ModularCompliance"),
        ),
        identity_factory=identity_factory,
        claim_issuer=claim_issuer,
    )
    ledger.settle([suite.unpause()])  # a T-REX token is born paused
    return suite


def _deploy_onchain_id(ledger: Ledger, roles: SuiteRoles) -> tuple[Contract, Contract]:
    onchain_id = ledger.artifacts.onchain_id
    implementation, claim_issuer = ledger.deploy_all(
        [
            (onchain_id("contracts/Identity"), (roles.issuer, True)),
            (onchain_id("contracts/ClaimIssuer"), (roles.verifier,)),
        ],
        sender=roles.issuer,
    )
    authority = ledger.deploy(
        onchain_id("contracts/proxy/ImplementationAuthority"),
        implementation.address,
        sender=roles.issuer,
    )
    factory = ledger.deploy(
        onchain_id("contracts/factory/IdFactory"), authority.address, sender=roles.issuer
    )
    return factory, claim_issuer


def _deploy_factory(ledger: Ledger, roles: SuiteRoles, identity_factory: Contract) -> Contract:
    trex = ledger.artifacts.trex
    # In the order of TREXImplementationAuthority's struct TREXContracts.
    implementations = (
        "contracts/token/Token",
        "contracts/registry/implementation/ClaimTopicsRegistry",
        "contracts/registry/implementation/IdentityRegistry",
        "contracts/registry/implementation/IdentityRegistryStorage",
        "contracts/registry/implementation/TrustedIssuersRegistry",
        "contracts/compliance/modular/ModularCompliance",
    )
    authority, *deployed = ledger.deploy_all(
        [
            (
                trex("contracts/proxy/authority/TREXImplementationAuthority"),
                (True, ZERO_ADDRESS, ZERO_ADDRESS),
            ),
            *[(trex(source), ()) for source in implementations],
        ],
        sender=roles.issuer,
    )
    version = ledger.send(
        authority,
        "addAndUseTREXVersion",
        (4, 1, 6),
        tuple(str(contract.address) for contract in deployed),
        sender=roles.issuer,
    )
    ledger.settle([version])
    factory = ledger.deploy(
        trex("contracts/factory/TREXFactory"),
        authority.address,
        identity_factory.address,
        sender=roles.issuer,
    )
    allowed = ledger.send(identity_factory, "addTokenFactory", factory.address, sender=roles.issuer)
    ledger.settle([allowed])
    return factory


def _deploy_modules(
    ledger: Ledger, roles: SuiteRoles, terms: TokenTerms
) -> tuple[list[Contract], list[str]]:
    trex = ledger.artifacts.trex
    unit = 10**terms.decimals
    countries = [COUNTRY_NUMBERS[country] for country in terms.allowed_countries]
    plan: tuple[tuple[str, str, object], ...] = (
        ("CountryAllowModule", "batchAllowCountries", countries),
        ("MaxBalanceModule", "setMaxBalance", terms.max_balance * unit),
        ("SupplyLimitModule", "setSupplyLimit", terms.supply_limit * unit),
    )
    artifacts = [trex(f"{_MODULES}/{name}") for name, _, _ in plan]
    implementations = ledger.deploy_all(
        [(artifact, ()) for artifact in artifacts], sender=roles.issuer
    )
    proxy = trex(f"{_MODULES}/ModuleProxy")
    proxies = ledger.deploy_all(
        [(proxy, (one.address, one.encode_abi("initialize"))) for one in implementations],
        sender=roles.issuer,
    )
    settings = [
        str(implementation.encode_abi(function, args=[value]))
        for implementation, (_, function, value) in zip(implementations, plan, strict=True)
    ]
    return proxies, settings
