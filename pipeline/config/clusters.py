"""`clusters:` of ``pipeline.yaml``: which addresses are held to be of one owner, and why.

What each reason is, and why it weighs what it does, stands in docs/clusters.md.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

Weight = Annotated[
    Ratio, Meta(ge=0, le=1, description="0 to 1; with 0 nothing is linked for this reason")
]
#: How many may share one thing before it says nothing any more.
_Few = Annotated[int, Meta(ge=2, le=1_000)]


class FundingLinks(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Wallets whose first money came from the same source."""

    #: How much it says that two wallets are of one owner, where both were new then.
    weight: Weight = 0.7
    #: The same, as long as the nonce of their own transactions doesn't tell whether they were new.
    weight_unproven: Weight = 0.4
    #: A wallet was new if the first transaction seen of it is one of so many first ones.
    new_transactions: Annotated[int, Meta(ge=1, le=1_000)] = 1
    #: Both were funded within so much event time.
    window: Annotated[Duration, Meta(ge=SECOND, le=365 * DAY)] = DAY
    #: A source that funds more wallets than these is a hub: it says nothing of them.
    most_wallets: _Few = 20
    #: A source that pays wallets that weren't new more often than this, within the window of those
    #: that it filled, pays people: an employer, a shop. It says nothing of them.
    most_others: Annotated[int, Meta(ge=0, le=1_000)] = 3
    #: A source that has signed more transactions than these is a hub as well.
    most_transactions: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 10_000
    #: Whether a security token of the reference data is money as well. An issuer's distribution
    #: looks like funding.
    security_tokens: bool = False


class DepositLinks(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Wallets that pay into one deposit address of an exchange or custodian."""

    #: How much it says that two wallets are of one owner.
    weight: Weight = 0.8
    #: The deposit address passes on what it got within so much event time.
    forward_within: Annotated[Duration, Meta(ge=MINUTE, le=30 * DAY)] = 12 * HOUR
    #: It passes on all of it, but for this part.
    tolerance: Annotated[Ratio, Meta(ge=0, le=0.5)] = 0.02
    #: An address that more wallets pay into than these is a service's, not a customer's.
    most_wallets: _Few = 10


class CoSpendingLinks(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Wallets that one transaction of one signer spends from, to one receiver."""

    #: How much one such transaction says; each further one says as much again.
    weight: Weight = 0.5
    #: A transaction that spends from more wallets, or a receiver that more were spent to, is a
    #: service's.
    most_sources: _Few = 20


class RoundTripLinks(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Wallets that send each other the same amount, there and back, again and again."""

    #: How much the least number of round trips says; each further such number says as much again.
    weight: Weight = 0.5
    #: Round trips of two wallets that say something.
    minimum: Annotated[int, Meta(ge=2, le=100)] = 3
    #: What was sent comes back within so much event time.
    return_within: Annotated[Duration, Meta(ge=SECOND, le=30 * DAY)] = DAY
    #: Round trips count together within so much event time.
    window: Annotated[Duration, Meta(ge=MINUTE, le=365 * DAY)] = 30 * DAY
    #: It comes back but for this part.
    tolerance: Annotated[Ratio, Meta(ge=0, le=0.5)] = 0.02
    #: Who makes round trips with more wallets than these is a market or a service.
    most_partners: _Few = 5


class SmartAccountLinks(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Accounts of ERC-4337: who owns them, and who pays their gas."""

    #: Of an account and its owner.
    owner_weight: Weight = 0.9
    #: Of two accounts whose gas the same paymaster pays: a hint.
    paymaster_weight: Weight = 0.1
    #: An owner or a paymaster with more accounts than these is a service.
    most_accounts: _Few = 20


class IdentityLinks(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Wallets that the token's own registry ties together (ERC-3643)."""

    #: Of two wallets of one OnchainID.
    weight: Weight = 1.0
    #: Of a lost wallet and the one that replaces it.
    recovery_weight: Weight = 1.0
    #: An identity with more wallets than these is not looked at any more.
    most_wallets: _Few = 100


class ClusterLimits(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is remembered at most. Beyond it the oldest goes."""

    #: Addresses that were seen: one that is forgotten is new when it comes again.
    most_addresses: Annotated[int, Meta(ge=1_000, le=100_000_000)] = 2_000_000
    #: Addresses of which the newest receipts are known, for deposits and round trips.
    most_receivers: Annotated[int, Meta(ge=1_000, le=10_000_000)] = 50_000
    #: Sources, deposit addresses, identities and paymasters.
    most_anchors: Annotated[int, Meta(ge=1_000, le=10_000_000)] = 500_000
    #: Pairs of addresses with links that don't suffice yet.
    most_pairs: Annotated[int, Meta(ge=1_000, le=10_000_000)] = 500_000
    #: A link that would make a cluster larger than this makes none: more likely it is a hub that
    #: nobody has labelled.
    most_members: Annotated[int, Meta(ge=2, le=10_000)] = 200


class Clusters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Clusters of addresses, found from EVENTS and told to the normalizer by reference data."""

    #: Two addresses are one cluster where the reasons that link them reach this together: of
    #: independent reasons with weights v and w, 1 - (1 - v)(1 - w).
    threshold: Annotated[Ratio, Meta(gt=0, le=1)] = 0.7
    #: Who has one of these labels links nobody, and is linked to nobody.
    hub_labels: tuple[str, ...] = (
        *("exchange", "custodian", "pool", "router", "bridge", "mixer", "market_maker"),
        *("issuer", "treasury", "agent", "paymaster", "service"),
    )
    #: Where deposit addresses pass on to.
    deposit_labels: tuple[str, ...] = ("exchange", "custodian")
    #: The same source of funds.
    funding: FundingLinks = field(default_factory=FundingLinks)
    #: A common deposit address.
    deposits: DepositLinks = field(default_factory=DepositLinks)
    #: Spending together.
    co_spending: CoSpendingLinks = field(default_factory=CoSpendingLinks)
    #: Round trips.
    round_trips: RoundTripLinks = field(default_factory=RoundTripLinks)
    #: Account abstraction.
    smart_accounts: SmartAccountLinks = field(default_factory=SmartAccountLinks)
    #: Shared identities and recoveries.
    identities: IdentityLinks = field(default_factory=IdentityLinks)
    #: Memory.
    limits: ClusterLimits = field(default_factory=ClusterLimits)
    #: How often the state is saved on the bus. A restart goes on from there.
    checkpoint_every: Annotated[Duration, Meta(ge=SECOND, le=DAY)] = 30 * SECOND
