"""Transfers that a token, its registry or one of its modules refuses. They leave no log."""

from __future__ import annotations

from collections.abc import Iterator

from tests.trex_suite.breaches import NOT_MINTED, REFUSED, gives
from tests.trex_suite.guarded import Guarded
from tests.trex_suite.operations import GERMANY, UNITED_STATES

# Refused by the registry.


@gives(REFUSED)
def unverified_receiver(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.stranger, 10)
    yield
    at.refused(at.alice, at.stranger)


@gives(REFUSED)
def claim_removed_from_the_identity(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    identity = at.by.chain.contract("Identity", at.by.token.identities[at.bob])
    topic = at.required_topic()
    (claim,) = at.by.ledger.ask(identity, "getClaimIdsByTopic", topic)
    at.by.do(identity, "removeClaim", claim, sender=at.by.verifier)
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def claim_revoked_by_its_issuer(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    identity = at.by.chain.contract("Identity", at.by.token.identities[at.bob])
    (claim,) = at.by.ledger.ask(identity, "getClaimIdsByTopic", at.required_topic())
    issuer = at.by.chain.contract("ClaimIssuer")
    at.by.do(issuer, "revokeClaim", claim, identity.address, sender=at.by.verifier)
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def issuer_of_the_claims_no_longer_trusted(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    issuers = at.by.part("issuersRegistry", "TrustedIssuersRegistry")
    at.by.do(issuers, "removeTrustedIssuer", at.by.chain.made("ClaimIssuer")[0])
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def claim_asked_for_that_nobody_has(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    topics = at.by.part("topicsRegistry", "ClaimTopicsRegistry")
    at.by.do(topics, "addClaimTopic", 99)
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def identity_deleted(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.by_agent(at.registry, "deleteIdentity", at.bob)
    yield
    at.refused(at.alice, at.bob)


# Refused by the modules.


@gives(REFUSED, module="CountryAllowModule")
def country_not_allowed(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.foreigner, 10)
    yield
    at.refused(at.alice, at.foreigner)


@gives(REFUSED, module="CountryRestrictModule")
def country_restricted(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.set(at["CountryRestrictModule"], "batchRestrictCountries", [GERMANY, UNITED_STATES])
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED, module="MaxBalanceModule")
def holding_above_the_largest(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.set(at["MaxBalanceModule"], "setMaxBalance", at.by.token.units(100_005))
    yield
    at.refused(at.alice, at.bob)


@gives(NOT_MINTED, module="SupplyLimitModule")
def minted_above_the_supply(at: Guarded) -> Iterator[None]:
    at.approve("0x" + "00" * 20, at.bob, 10)
    at.by.set(at["SupplyLimitModule"], "setSupplyLimit", at.by.token.units(800_005))
    yield
    at.judge("0x" + "00" * 20, at.bob, 10)
    at.tries(at.token, "mint", at.bob, at.by.token.units(10), sender=at.by.agent)


@gives(REFUSED, module="ExchangeMonthlyLimitsModule")
def more_to_an_exchange_than_in_a_month(at: Guarded) -> Iterator[None]:
    for tokens in (20, 10):
        at.approve(at.alice, at.exchange, tokens)
    at.moves(at.alice, at.exchange, 20)
    yield
    at.refused(at.alice, at.exchange, 10)


@gives(REFUSED, module="TimeExchangeLimitsModule")
def more_to_an_exchange_than_in_a_day(at: Guarded) -> Iterator[None]:
    exchange = at.by.token.identities[at.exchange]
    much = at.by.token.units(1_000)
    at.by.set(at["ExchangeMonthlyLimitsModule"], "setExchangeMonthlyLimit", exchange, much)
    for tokens in (45, 10):
        at.approve(at.alice, at.exchange, tokens)
    at.moves(at.alice, at.exchange, 45)
    yield
    at.refused(at.alice, at.exchange, 10)


@gives(REFUSED, module="TimeTransfersLimitsModule")
def more_than_in_a_day(at: Guarded) -> Iterator[None]:
    for tokens in (95, 10):
        at.approve(at.alice, at.bob, tokens)
    at.moves(at.alice, at.bob, 95)
    yield
    at.refused(at.alice, at.bob, 10)


@gives(REFUSED, module="TransferRestrictModule")
def neither_user_allowed(at: Guarded) -> Iterator[None]:
    at.approve(at.exchange, at.collector, 10)
    yield
    at.refused(at.exchange, at.collector)


@gives(REFUSED, module="ConditionalTransferModule")
def not_approved_beforehand(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 11)
    yield
    at.refused(at.alice, at.bob, 10)


@gives(REFUSED, module="TokenListingRestrictionsModule")
def receiver_who_has_barred_the_token(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    listings = at["TokenListingRestrictionsModule"]
    at.by.do(listings, "listToken", at.by.token.address, 0, sender=at.bob)
    yield
    at.refused(at.alice, at.bob)


# Refused by the token.


@gives(REFUSED)
def frozen_sender(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.by_agent(at.token, "setAddressFrozen", at.alice, True)
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def frozen_receiver(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.by_agent(at.token, "setAddressFrozen", at.bob, True)
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def frozen_amount(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.by_agent(at.token, "freezePartialTokens", at.alice, at.by.token.units(99_995))
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def paused(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    at.by.by_agent(at.token, "pause")
    yield
    at.refused(at.alice, at.bob)


@gives(REFUSED)
def more_than_the_allowance(at: Guarded) -> Iterator[None]:
    at.approve(at.alice, at.bob, 10)
    yield
    terms = (at.alice, at.bob, at.by.token.units(10))
    at.tries(at.token, "transferFrom", *terms, sender=at.bob)


@gives(REFUSED)
def force_of_somebody_who_is_no_agent(at: Guarded) -> Iterator[None]:
    yield
    terms = (at.alice, at.bob, at.by.token.units(10))
    at.tries(at.token, "forcedTransfer", *terms, sender=at.bob)


@gives(NOT_MINTED)
def minting_of_somebody_who_is_no_agent(at: Guarded) -> Iterator[None]:
    yield
    at.tries(at.token, "mint", at.bob, at.by.token.units(10), sender=at.bob)


@gives(REFUSED)
def force_towards_somebody_unverified(at: Guarded) -> Iterator[None]:
    yield
    terms = (at.alice, at.stranger, at.by.token.units(10))
    at.tries(at.token, "forcedTransfer", *terms, sender=at.by.agent)


@gives(REFUSED, REFUSED)
def batch_of_which_one_is_not_permitted(at: Guarded) -> Iterator[None]:
    for receiver in (at.bob, at.stranger):
        at.approve(at.alice, receiver, 10)
    yield
    amounts = [at.by.token.units(10)] * 2
    at.tries(at.token, "batchTransfer", [at.bob, at.stranger], amounts, sender=at.alice)
