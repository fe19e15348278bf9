"""What a transfer is for the law: an issue, a redemption, a sale, or a move that changes no owner.

The log says only who sent what to whom. The rest is known by the kind that the normalizer saw in
the call (mint, burn, forced, recovery), by the investor behind both wallets, and by labels of the
reference data:

- `issuer`, `treasury`: the issuer's own wallets. What leaves them is distributed, as by an issue;
  what comes to them is no longer outstanding.
- `issuer_affiliate`, `insider`: affiliates of the issuer (17 CFR 230.144(a)(1)).
- `permitted_transferee`: who gets it as a gift, as family, as a trust or an estate. No sale, and
  the holding time goes over (230.144(d)(3)(v) to (vii)). What they pass on is a sale like any.
- `custodian`: holds for others; what goes to it or comes from it keeps its holding time.
"""

from collections.abc import Collection
from typing import Literal

from msgspec import Struct

from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer

Movement = Literal["issue", "redemption", "sale", "carry", "nothing"]

ISSUER_LABELS = ("issuer", "treasury")
AFFILIATE_LABELS = ("issuer_affiliate", "insider")
CUSTODIAN = "custodian"
TACKING_LABELS = ("permitted_transferee", CUSTODIAN)


class Terms(Struct, frozen=True):
    """The labels that tell what a transfer is."""

    issuer: frozenset[str] = frozenset(ISSUER_LABELS)
    affiliate: frozenset[str] = frozenset(AFFILIATE_LABELS)
    tacking: frozenset[str] = frozenset(TACKING_LABELS)


TERMS = Terms()


def movement(event: TokenTransfer, terms: Terms = TERMS) -> Movement:
    """What a transfer is.

    A forced transfer, a recovery and a fee are `carry`: somebody moves, and nobody sells. A move
    between wallets of one investor is, too; of one cluster it is not, since that is inferred.
    """
    kind = event.transfer_type
    source, destination = event.source_address, event.destination_address
    if event.amount_raw == "0":
        return "nothing"
    if kind == "mint" or source == ZERO_ADDRESS:
        return "nothing" if destination == ZERO_ADDRESS else "issue"
    if kind == "burn" or destination == ZERO_ADDRESS:
        return "redemption"
    if source == destination:
        return "nothing"
    if kind in ("forced", "recovery", "fee"):
        return "carry"
    investor = event.source_investor
    if investor is not None and investor == event.destination_investor:
        return "carry"
    labels, others = event.source_labels, event.destination_labels
    if labels or others:
        if others and not terms.issuer.isdisjoint(others):
            return "carry" if not terms.issuer.isdisjoint(labels) else "redemption"
        if labels and not terms.issuer.isdisjoint(labels):
            return "issue"
        if CUSTODIAN in labels or not terms.tacking.isdisjoint(others):
            return "carry"
    return "sale"


def sold_by_issuer(event: TokenTransfer, terms: Terms = TERMS) -> bool:
    """Whether the issuer sold: it issued to somebody, or handed out of its own wallets.

    What is issued into the issuer's own wallets is sold once it leaves them.
    """
    return movement(event, terms) == "issue" and not has(event.destination_labels, terms.issuer)


def has(labels: Collection[str], wanted: frozenset[str]) -> bool:
    """Whether one of the labels is wanted. Most parties have none."""
    return bool(labels) and not wanted.isdisjoint(labels)
