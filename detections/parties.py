"""Who acts: an account, the investor behind it, and the cluster that the investor belongs to."""

from collections.abc import Collection
from typing import Any, Literal, NamedTuple

from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade

Sameness = Literal["account", "investor", "cluster"]


class Party(NamedTuple):
    """What is known of one side. Everything may be unknown."""

    account: str | None
    investor: str | None
    cluster: str | None

    @property
    def known(self) -> bool:
        return self.account is not None or self.investor is not None or self.cluster is not None

    @property
    def key(self) -> str:
        """The widest name that is known: cluster, else investor, else account."""
        return self.cluster or self.investor or self.account or ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple([name for name in self if name is not None])

    def __str__(self) -> str:
        first = self.account or self.investor or self.cluster or "an unnamed account"
        if self.investor and self.investor != first:
            return f"{first} ({self.investor})"
        return first


NOBODY = Party(None, None, None)
#: Parties that were named lately, each once: there are far fewer than events, and many correlators
#: keep them. Beyond so many, all anew.
_MOST_KNOWN = 100_000
_known: dict[tuple[str | None, str | None, str | None], Party] = {}


def party(account: str | None, investor: str | None, cluster: str | None) -> Party:
    """The party of these names, the same for all who ask."""
    names = (account, investor, cluster)
    found = _known.get(names)
    if found is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        found = _known[names] = Party(account, investor, cluster)
    return found


def sameness(a: Party, b: Party) -> Sameness | None:
    """What two parties have in common, the strongest first; None if nothing known."""
    if a.account is not None and a.account == b.account:
        return "account"
    if a.investor is not None and a.investor == b.investor:
        return "investor"
    if a.cluster is not None and a.cluster == b.cluster:
        return "cluster"
    return None


def acting(event: Any) -> Party:
    """The party of a PartyEvent: its venue account or wallet."""
    account = event.investor_account
    return party(
        event.investor_address if account is None else account,
        event.investor_id,
        event.investor_cluster,
    )


def buyer(trade: Any) -> Party:
    return party(trade.buyer_account, trade.buyer_id, trade.buyer_cluster)


def seller(trade: Any) -> Party:
    return party(trade.seller_account, trade.seller_id, trade.seller_cluster)


def names_nobody(trade: Trade) -> bool:
    """Whether the feed says nothing of who bought and who sold."""
    return not (
        trade.buyer_account
        or trade.seller_account
        or trade.buyer_id
        or trade.seller_id
        or trade.buyer_cluster
        or trade.seller_cluster
    )


def sides(deal: Trade | PoolSwap) -> tuple[Party, Party]:
    """Who bought and who sold. Of a swap the other side is the pool, which is nobody."""
    if isinstance(deal, Trade):
        return buyer(deal), seller(deal)
    trader = acting(deal)
    return (trader, NOBODY) if deal.side == "buy" else (NOBODY, trader)


def is_exempt(labels: Collection[str], exempt: frozenset[str]) -> bool:
    """Whether one of `labels` is exempt. Most events have few labels, or none at all."""
    return bool(labels) and not exempt.isdisjoint(labels)
