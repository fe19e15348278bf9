"""Ways round the restrictions: they need somebody with power, or somebody's mistake."""

from __future__ import annotations

from collections.abc import Iterator

from tests.trex_suite.breaches import (
    FORCED,
    FROZEN,
    HARDLY,
    LIMIT,
    MODULE_IN,
    MODULE_OUT,
    NOBODY_KNOWS,
    NOT_COMPLIANT,
    REFUSED,
    UNFROZEN,
    Play,
    gives,
)
from tests.trex_suite.guarded import DAY, Guarded
from tests.trex_suite.operations import GERMANY, UNITED_STATES

# Got round: by force.


@gives(FORCED)
def by_force_to_a_country_that_is_not_allowed(at: Guarded) -> Iterator[None]:
    yield
    at.forces(at.alice, at.foreigner)


@gives(FORCED)
def by_force_above_the_limit_of_a_day_and_without_approval(at: Guarded) -> Iterator[None]:
    yield
    at.forces(at.alice, at.bob, 500)


@gives(FORCED, FROZEN, "Frozen, then emptied by force")
def by_force_out_of_a_frozen_wallet(at: Guarded) -> Iterator[None]:
    yield
    at.by.by_agent(at.token, "setAddressFrozen", at.alice, True)
    at.forces(at.alice, at.bob)


@gives(FORCED, "Part of a wallet frozen")
def by_force_of_frozen_tokens(at: Guarded) -> Iterator[None]:
    yield
    at.by.by_agent(at.token, "freezePartialTokens", at.alice, at.by.token.units(99_995))
    at.forces(at.alice, at.bob)


@gives(FORCED, "Token paused", "Supply or holdings changed within an hour of a pause")
def by_force_while_paused(at: Guarded) -> Iterator[None]:
    yield
    at.by.by_agent(at.token, "pause")
    at.forces(at.alice, at.bob)


# Got round: by others with power.


@gives(UNFROZEN, FROZEN, "Freeze lifted, used and put back")
def freeze_lifted_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.by_agent(at.token, "setAddressFrozen", at.alice, True)
    yield
    at.by.by_agent(at.token, "setAddressFrozen", at.alice, False)
    at.moves(at.alice, at.bob)
    at.by.by_agent(at.token, "setAddressFrozen", at.alice, True)


@gives("Token unpaused", "Token paused")
def pause_lifted_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.by_agent(at.token, "pause")
    yield
    at.by.by_agent(at.token, "unpause")
    at.moves(at.alice, at.bob)
    at.by.by_agent(at.token, "pause")


def _without(module: str) -> Play:
    """The module is taken out for a transfer that it would refuse."""

    def play(at: Guarded) -> Iterator[None]:
        receiver = at.foreigner if module == "CountryAllowModule" else at.bob
        if module != "ConditionalTransferModule":
            at.approve(at.alice, receiver, 10)
        yield
        at.by.do(at.compliance, "removeModule", at[module].address)
        at.moves(at.alice, receiver)
        at.by.do(at.compliance, "addModule", at[module].address)

    play.__name__ = f"without_{module}"
    return play


for _module in ("ConditionalTransferModule", "CountryAllowModule"):
    gives(MODULE_OUT, MODULE_IN)(_without(_module))


@gives(MODULE_OUT, MODULE_IN, HARDLY)
def without_a_module_within_one_block(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.foreigner, 10)
    module = at["CountryAllowModule"].address
    yield
    at.in_one_block(
        at.sent(at.compliance, "removeModule", module),
        at.sent(at.token, "transfer", at.foreigner, at.by.token.units(10), sender=at.alice),
        at.sent(at.compliance, "addModule", module),
    )


@gives("Compliance allows another country")
def country_allowed_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.foreigner, 10)
    yield
    at.by.set(at["CountryAllowModule"], "batchAllowCountries", [392])
    at.moves(at.alice, at.foreigner)
    at.by.set(at["CountryAllowModule"], "batchDisallowCountries", [392])


@gives("Compliance allows another country")
def restriction_of_a_country_lifted_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    countries = [GERMANY, UNITED_STATES]
    at.by.set(at["CountryRestrictModule"], "batchRestrictCountries", countries)
    yield
    at.by.set(at["CountryRestrictModule"], "removeCountryRestriction", at.country_of(at.bob))
    at.moves(at.alice, at.bob)
    at.by.set(at["CountryRestrictModule"], "addCountryRestriction", at.country_of(at.bob))


@gives(LIMIT, LIMIT)
def largest_holding_raised_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    module, units = at["MaxBalanceModule"], at.by.token.units
    at.by.set(module, "setMaxBalance", units(100_005))
    yield
    at.by.set(module, "setMaxBalance", units(500_000))
    at.moves(at.alice, at.bob)
    at.by.set(module, "setMaxBalance", units(100_005))


@gives(LIMIT, LIMIT)
def supply_raised_for_a_mint(at: Guarded) -> Iterator[None]:
    at.approve("0x" + "00" * 20, at.bob, 10)
    module, units = at["SupplyLimitModule"], at.by.token.units
    at.by.set(module, "setSupplyLimit", units(800_005))
    yield
    at.by.set(module, "setSupplyLimit", units(900_000))
    at.by.by_agent(at.token, "mint", at.bob, units(10))
    at.by.set(module, "setSupplyLimit", units(800_005))


@gives(LIMIT, LIMIT)
def limit_of_a_day_removed_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 500)
    module = at["TimeTransfersLimitsModule"]
    yield
    at.by.set(module, "removeTimeTransferLimit", DAY)
    at.moves(at.alice, at.bob, 500)
    at.by.set(module, "setTimeTransferLimit", (DAY, at.by.token.units(100)))


@gives(*["Identity counts as an exchange no longer"] * 2)
def exchange_that_is_none_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.exchange, 60)
    exchange = at.by.token.identities[at.exchange]
    modules = [at["ExchangeMonthlyLimitsModule"], at["TimeExchangeLimitsModule"]]
    yield
    for module in modules:
        at.by.do(module, "removeExchangeID", exchange)
    at.moves(at.alice, at.exchange, 60)
    for module in modules:
        at.by.do(module, "addExchangeID", exchange)


@gives("User allowed to move tokens for a moment")
def user_allowed_for_a_transfer(at: Guarded) -> Iterator[None]:
    at.approve(at.exchange, at.collector, 10)
    yield
    at.by.set(at["TransferRestrictModule"], "allowUser", at.collector)
    at.moves(at.exchange, at.collector)
    at.by.set(at["TransferRestrictModule"], "disallowUser", at.collector)


@gives("Registry or compliance contract replaced", NOT_COMPLIANT)
def compliance_contract_that_allows_everything(at: Guarded) -> Iterator[None]:
    other = at.by.deploy("DefaultCompliance")
    yield
    at.by.do(at.token, "setCompliance", other.address)
    # Let go by the token, its modules would know no token to judge by.
    at.by.do(at.compliance, "bindToken", at.by.token.address)
    at.moves(at.alice, at.foreigner)


@gives(NOBODY_KNOWS)
def stranger_registered_with_the_identity_of_another(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.stranger, 10)
    yield
    identity = at.by.token.identities[at.bob]
    at.by.by_agent(at.registry, "registerIdentity", at.stranger, identity, GERMANY)
    at.moves(at.alice, at.stranger)


@gives(
    *(REFUSED, NOBODY_KNOWS),
    "Refused as unverified, then registered in a hurry",
    "Refused as unverified, and received all the same",
)
def stranger_registered_after_a_refusal(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.stranger, 10)
    yield
    at.refused(at.alice, at.stranger)
    identity = at.by.token.identities[at.bob]
    at.by.by_agent(at.registry, "registerIdentity", at.stranger, identity, GERMANY)
    at.moves(at.alice, at.stranger)


@gives("Investor's country changed", "Country changed, and tokens received within a day")
def country_of_an_investor_changed(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.foreigner, 10)
    yield
    at.by.by_agent(at.registry, "updateCountry", at.foreigner, GERMANY)
    at.moves(at.alice, at.foreigner)


@gives("Required claim dropped")
def claim_no_longer_asked_for(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    topics = at.by.part("topicsRegistry", "ClaimTopicsRegistry")
    at.by.do(topics, "addClaimTopic", 99)
    yield
    at.by.do(topics, "removeClaimTopic", 99)
    at.moves(at.alice, at.bob)


@gives(
    *("Agent added", FORCED, "Agent removed", "Agent for less than an hour"),
    "Unknown agent added, and used within a day",
)
def agent_for_one_forced_transfer(at: Guarded) -> Iterator[None]:
    intruder = at.by.wallet()
    yield
    at.by.do(at.token, "addAgent", intruder)
    terms = (at.alice, at.bob, at.by.token.units(10))
    at.by.do(at.token, "forcedTransfer", *terms, sender=intruder)
    at.by.do(at.token, "removeAgent", intruder)


@gives(FORCED)
def by_force_through_a_manager(at: Guarded) -> Iterator[None]:
    manager = at.by.deploy("AgentManager", at.by.token.address)
    identity = at.by.token.identities[at.collector]
    at.by.do(manager, "addTransferManager", identity)
    at.by.do(at.token, "addAgent", manager.address)
    yield
    terms = (at.alice, at.bob, at.by.token.units(10), identity)
    at.by.do(manager, "callForcedTransfer", *terms, sender=at.by.verifier)


@gives("Wallet declared lost and replaced", "Recovered wallet emptied at once")
def wallet_recovered_and_used(at: Guarded) -> Iterator[None]:
    replacement = at.by.wallet()
    # What is recovered counts as moved by its owner.
    at.by.set(at["TimeTransfersLimitsModule"], "removeTimeTransferLimit", DAY)
    at.approve(replacement, at.bob, 10)
    yield
    at.by.ledger.settle([at.by.token.recover(at.alice, replacement)])
    at.moves(replacement, at.bob)


@gives("Trusted issuer of claims added or changed", NOBODY_KNOWS)
def claims_of_an_issuer_who_was_let_in(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.stranger, 10)
    intruder = at.by.wallet()
    yield
    issuer = at.by.deploy("ClaimIssuer", intruder)
    topics = at.by.ledger.ask(at.by.part("topicsRegistry", "ClaimTopicsRegistry"), "getClaimTopics")
    issuers = at.by.part("issuersRegistry", "TrustedIssuersRegistry")
    at.by.do(issuers, "addTrustedIssuer", issuer.address, topics)
    identity = at.by.deploy("Identity", at.stranger, False)
    for topic in topics:
        values = [str(identity.address), topic, b"verified"]
        signature = at.by.signed(["address", "uint256", "bytes"], values, intruder)
        claim = (topic, 1, issuer.address, signature, b"verified", "")
        at.by.do(identity, "addClaim", *claim, sender=at.stranger)
    terms = (at.stranger, identity.address, GERMANY)
    at.by.by_agent(at.registry, "registerIdentity", *terms)
    at.moves(at.alice, at.stranger)
