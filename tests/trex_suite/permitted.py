"""A day of a token under all of T-REX's modules on which everybody keeps to the rules."""

from __future__ import annotations

from tests.trex_suite.guarded import Guarded
from tests.trex_suite.operations import GERMANY
from tests.trex_suite.operator import key


def day(at: Guarded) -> None:
    """What holders, agents, the verifier and the owner do that calls for nobody's attention."""
    _newcomer(at)
    _holders(at)
    _agents(at)
    _investors_own(at)


def _newcomer(at: Guarded) -> None:
    by = at.by
    factory = by.chain.contract("IdFactory")
    by.do(factory, "createIdentityWithManagementKeys", at.newcomer, "new", [key(by.verifier)])
    identity = by.chain.contract("Identity", by.ledger.ask(factory, "getIdentity", at.newcomer))
    issuer = by.chain.contract("ClaimIssuer")
    topics = by.ledger.ask(by.part("topicsRegistry", "ClaimTopicsRegistry"), "getClaimTopics")
    for topic in topics:
        values = [str(identity.address), topic, b"verified"]
        signature = by.signed(["address", "uint256", "bytes"], values, by.verifier)
        claim = (topic, 1, issuer.address, signature, b"verified", "")
        by.do(identity, "addClaim", *claim, sender=by.verifier)
    by.by_agent(at.registry, "registerIdentity", at.newcomer, identity.address, GERMANY)
    by.set(at["TransferRestrictModule"], "allowUser", at.newcomer)
    at.approve("0x" + "00" * 20, at.newcomer, 50)
    by.by_agent(at.token, "mint", at.newcomer, by.token.units(50))


def _holders(at: Guarded) -> None:
    by, units = at.by, at.by.token.units
    for receiver in (at.bob, at.newcomer, at.exchange):
        at.approve(at.alice, receiver, 10)
        at.moves(at.alice, receiver)
    for receiver in (at.bob, at.newcomer):
        at.approve(at.alice, receiver, 5)
    by.do(at.token, "batchTransfer", [at.bob, at.newcomer], [units(5), units(5)], sender=at.alice)
    by.do(at.token, "approve", at.bob, units(5), sender=at.alice)
    at.approve(at.alice, at.exchange, 5)
    by.do(at.token, "transferFrom", at.alice, at.exchange, units(5), sender=at.bob)
    at.approve(at.exchange, at.alice, 20)
    at.moves(at.exchange, at.alice, 20)  # what leaves an exchange has no limit of its own


def _agents(at: Guarded) -> None:
    by, units = at.by, at.by.token.units
    by.by_agent(at.token, "burn", at.bob, units(5))
    by.set(at["CountryRestrictModule"], "addCountryRestriction", 364)
    conditional = at["ConditionalTransferModule"]
    terms = ([at.bob], [at.alice], [units(7)])
    by.set(conditional, "batchApproveTransfers", *terms)
    by.set(conditional, "batchUnApproveTransfers", *terms)


def _investors_own(at: Guarded) -> None:
    by, token = at.by, at.by.token.address
    listings = at["TokenListingRestrictionsModule"]
    by.do(listings, "listToken", token, 1, sender=at.bob)
    by.do(listings, "unlistToken", token, 1, sender=at.bob)
    identity = by.chain.contract("Identity", by.token.identities[at.alice])
    by.do(identity, "addKey", key(at.alice), 2, 1, sender=by.verifier)
    call = at.token.encode_abi("approve", args=[at.bob, 1])
    by.do(identity, "execute", token, 0, call, sender=at.alice)
    by.do(by.chain.contract("IdFactory"), "linkWallet", by.wallet(), sender=at.alice)
