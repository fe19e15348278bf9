"""Clusters from events: pure, incremental, and the same for the same events in the same order.

Events go to the finders; the finders add and withdraw links; pairs whose links suffice together are
joined; the components are the clusters. An analyst's word goes above every link. What comes out is
what changes for others: links that hold clusters together, and who is in which cluster.
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec
from msgspec import Struct, field

from detections.clusters.co_spending import CoSpending, CoSpendingState
from detections.clusters.components import Components, Membership
from detections.clusters.funding import Funding, FundingState
from detections.clusters.identities import Identities, IdentityState
from detections.clusters.linking import Linking, LinkState
from detections.clusters.links import Link, Pair, Reason, pair_of, reaches
from detections.clusters.movements import Transaction, is_bundle, movement
from detections.clusters.receipts import Receipts, ReceiptState
from detections.clusters.smart_accounts import SmartAccounts, SmartAccountState
from detections.clusters.stated import Stated, StatedState
from detections.idlest import drop_idlest
from normalizer.events.base import Event
from normalizer.events.chain import (
    ChainEvent,
    ContractEvent,
    IdentityRegistered,
    IdentityRemoved,
    IdentityUpdated,
    NativeTransfer,
    OwnershipTransferred,
    TokenTransfer,
    WalletRecovered,
)
from pipeline.config.clusters import Clusters

#: How strongly a pair is joined that an analyst has joined: above all that links can say.
BY_HAND = 2.0


class Override(Struct, array_like=True, frozen=True):
    """An analyst's word."""

    id: str
    together: bool
    addresses: tuple[str, ...]
    """All of them with each other; where it is one that is apart, from everybody."""
    who: str
    why: str
    at: int
    """When, in nanoseconds since the epoch."""

    @property
    def pairs(self) -> list[Pair]:
        """The pairs that it is about."""
        return [
            pair_of(one, other)
            for number, one in enumerate(self.addresses)
            for other in self.addresses[number + 1 :]
            if one != other
        ]


class LinkChange(Struct, frozen=True):
    """A link holds a cluster together now, or no longer."""

    pair: Pair
    reason: Reason
    link: Link | None
    """A copy of the link as it is; None where it no longer counts."""


Change = LinkChange | Membership


class State(Struct):
    """All that is remembered."""

    funding: FundingState = field(default_factory=FundingState)
    receipts: ReceiptState = field(default_factory=ReceiptState)
    co_spending: CoSpendingState = field(default_factory=CoSpendingState)
    smart_accounts: SmartAccountState = field(default_factory=SmartAccountState)
    identities: IdentityState = field(default_factory=IdentityState)
    stated: StatedState = field(default_factory=StatedState)
    links: LinkState = field(default_factory=LinkState)
    components: Components = field(default_factory=Components)
    overrides: dict[str, Override] = field(default_factory=dict[str, Override])
    joined_by_hand: dict[Pair, str] = field(default_factory=dict[Pair, str])
    """With the id of the override."""
    told: dict[Pair, dict[Reason, float]] = field(default_factory=dict[Pair, dict[Reason, float]])
    """Links that hold clusters together, as others know them."""
    clusters_told: dict[str, str] = field(default_factory=dict[str, str])
    """By address, what its cluster is called for others: by its id, or as reference data names it.
    """
    weak: dict[Pair, None] = field(default_factory=dict[Pair, None])
    """Pairs whose links don't suffice, the oldest first."""
    refused: dict[Pair, None] = field(default_factory=dict[Pair, None])
    """Pairs that would have made a cluster too large."""
    open: Transaction | None = None
    """What may get further movements."""


class Clustering:
    """Finds clusters. `end` must follow the last event of what was read at once."""

    def __init__(self, settings: Clusters, state: State | None = None) -> None:
        self.settings = settings
        self.state = state or State()
        state, limits = self.state, settings.limits
        self._hubs = frozenset(settings.hub_labels)
        self._deposits = frozenset(settings.deposit_labels)
        self._linking = Linking(state.links, most_hubs=limits.most_anchors)
        self._funding = Funding(settings.funding, limits, state.funding)
        self._receipts = Receipts(settings.deposits, settings.round_trips, limits, state.receipts)
        self._co_spending = CoSpending(settings.co_spending, limits, state.co_spending)
        self._accounts = SmartAccounts(
            settings.smart_accounts, limits, state.smart_accounts, self._funding
        )
        self._identities = Identities(settings.identities, limits, self._hubs, state.identities)
        self._stated = Stated(limits, state.stated)
        self._changes: list[Change] = []

    def take(self, events: Iterable[Event]) -> list[Change]:
        """Take events in the order of the stream; what changes for others, in order.

        The movements of one transaction must not be parted between two calls without `end`.
        """
        for event in events:
            self._take(event)
        return self._taken()

    def end(self) -> list[Change]:
        """No more events of the transaction that came last will come."""
        self._close()
        return self._taken()

    def override(self, override: Override) -> list[Change]:
        """An analyst says something; it goes above what he said before of the same pairs."""
        self._close()
        self.state.overrides.pop(override.id, None)
        self.state.overrides[override.id] = override
        self._decide(override.addresses)
        return self._taken()

    def lift(self, override: str) -> list[Change]:
        """An override counts no longer."""
        self._close()
        gone = self.state.overrides.pop(override, None)
        if gone is not None:
            self._decide(gone.addresses)
        return self._taken()

    def weigh_anew(self) -> list[Change]:
        """Join and part by the threshold as it is now; weights stay as they were found."""
        self._linking.touched.update(dict.fromkeys(self.state.links.book.pairs))
        self._settle()
        return self._taken()

    def without_blocks(self, hashes: Collection[str]) -> list[Change]:
        """Take back what events of some blocks show, and no others."""
        self._close()
        book = self.state.links.book
        for pair in list(book.pairs):
            links: list[Reason] = [
                reason
                for reason, link in book.of(pair).items()
                if any(block in proof.event for proof in link.proofs for block in hashes)
            ]
            for reason in links:
                self._linking.unlink(*pair, reason)
        self._settle()
        return self._taken()

    def _taken(self) -> list[Change]:
        changes, self._changes = self._changes, []
        return changes

    def _take(self, event: Event) -> None:
        opened = self.state.open
        if not isinstance(event, ChainEvent):
            if opened is not None:
                self._close()
            return
        if opened is not None and (
            opened.name != event.transaction_hash or opened.frame != event.original
        ):
            self._close()
            opened = None
        signer = event.transaction_from
        if type(event) is TokenTransfer or type(event) is NativeTransfer:
            if event.source_investor or event.destination_investor or _names(event):
                self._stated.note(event, self._linking)
            if signer in self.state.funding.unproven:
                pays_in = event.source_address == signer and not self._deposits.isdisjoint(
                    event.destination_labels
                )
                self._signed(event, pays_in=pays_in)
            self._move(event, opened)
            return
        if event.investor_address is not None:
            self._stated.note(event, self._linking)
        if signer in self.state.funding.unproven:
            self._signed(event, pays_in=False)
        if isinstance(event, ContractEvent | OwnershipTransferred):
            self._accounts.take(event, self._linking)
        elif isinstance(
            event, IdentityRegistered | IdentityRemoved | IdentityUpdated | WalletRecovered
        ):
            self._identities.take(event, self._linking)
        if self._linking.touched or self._linking.restated:
            self._settle()

    def _signed(self, event: ChainEvent, *, pays_in: bool) -> None:
        signer, nonce = event.transaction_from, event.transaction_nonce
        if signer is not None:
            self._funding.signed(signer, nonce, self._linking, pays_in=pays_in)

    def _move(self, event: TokenTransfer | NativeTransfer, opened: Transaction | None) -> None:
        move = movement(
            event,
            self._hubs,
            self._deposits,
            security_tokens=self.settings.funding.security_tokens,
        )
        if move is None:
            return
        if opened is None:
            self.state.open = Transaction(
                event.transaction_hash or "",
                event.original,
                event.transaction_from,
                event.transaction_nonce,
                is_bundle(event.transaction_to, event.transaction_method),
                [move],
            )
        else:
            opened.movements.append(move)

    def _close(self) -> None:
        transaction, self.state.open = self.state.open, None
        if transaction is None:
            return
        linking, seen = self._linking, self.state.funding.seen
        self._funding.take(transaction, linking)
        for move in transaction.movements:
            elsewhere = seen.get(move.source, True)
            self._receipts.take(move, linking, spends_elsewhere=elsewhere)
        if len(transaction.movements) > 1:
            self._co_spending.take(transaction, linking)
        if linking.touched or linking.restated:
            self._settle()

    def _settle(self) -> None:
        """Join and part what the touched links say, and tell what changes."""
        linking = self._linking
        while linking.touched:
            touched, linking.touched = linking.touched, {}
            for pair in touched:
                links = linking.book.of(pair)
                if links:
                    proof = next(iter(links.values())).proofs[0]
                    self._stated.tie(pair, proof, linking)
                self._settle_pair(pair)
        cluster_of = self.state.components.cluster_of
        for address in linking.restated:
            if address in cluster_of:
                self._name(cluster_of[address])
        linking.restated.clear()
        drop_idlest(self.state.weak, self.settings.limits.most_pairs, self._forget_weak)

    def _forget_weak(self, pair: Pair) -> None:
        del self.state.weak[pair]
        self.state.links.book.forget(pair)

    def _settle_pair(self, pair: Pair) -> None:
        state, components = self.state, self.state.components
        weight = state.links.book.weight(pair)
        by_hand = pair in state.joined_by_hand
        wanted = by_hand or reaches(weight, self.settings.threshold)
        changed: list[Membership] = []
        if wanted:
            state.weak.pop(pair, None)
            strength = BY_HAND if by_hand else weight
            if components.edges.get(pair[0], {}).get(pair[1]) != strength:
                if self._too_large(pair, by_hand=by_hand):
                    self._refuse(pair)
                else:
                    state.refused.pop(pair, None)
                    changed = components.join(pair, strength)
        else:
            state.refused.pop(pair, None)
            if weight > 0:
                state.weak.pop(pair, None)
                state.weak[pair] = None
            else:
                state.weak.pop(pair, None)
            changed = components.unjoin(pair)
        self._changed(changed, (pair,))

    def _too_large(self, pair: Pair, *, by_hand: bool) -> bool:
        components = self.state.components
        if by_hand or components.joined(pair):
            return False
        return components.size_joined(pair) > self.settings.limits.most_members

    def _refuse(self, pair: Pair) -> None:
        refused = self.state.refused
        refused.pop(pair, None)
        refused[pair] = None
        drop_idlest(refused, self.settings.limits.most_pairs)

    def _decide(self, addresses: Sequence[str]) -> None:
        """What analysts say of some addresses has changed."""
        state, components = self.state, self.state.components
        state.joined_by_hand.clear()
        components.separated.clear()
        components.alone.clear()
        for override in state.overrides.values():  # the newest last: it counts
            if not override.together and len(override.addresses) == 1:
                components.alone[override.addresses[0]] = override.id
            for pair in override.pairs:
                state.joined_by_hand.pop(pair, None)
                components.separated.pop(pair, None)
                kept = state.joined_by_hand if override.together else components.separated
                kept[pair] = override.id
        for number, one in enumerate(addresses):
            for other in addresses[number + 1 :]:
                self._settle_pair(pair_of(one, other))
        self._changed(components.part_anew(addresses), ())

    def _changed(self, memberships: Sequence[Membership], pairs: Iterable[Pair]) -> None:
        """Tell who is in another cluster, and which links hold clusters together now."""
        concerned = dict.fromkeys(pairs)
        edges = self.state.components.edges
        for membership in memberships:
            for other in edges.get(membership.address, ()):
                concerned[pair_of(membership.address, other)] = None
        for pair in concerned:
            self._tell(pair)
        clusters: dict[str, None] = {}
        for membership in memberships:
            if membership.cluster is None:
                self._tell_member(membership.address, None)
            else:
                clusters[membership.cluster] = None
        for cluster in clusters:
            self._name(cluster)

    def _name(self, cluster: str) -> None:
        """Tell the members what their cluster is called."""
        members = self.state.components.clusters[cluster].members
        names = {name for member in members if (name := self._stated.name_of(member))}
        called = min(names, default=cluster)
        for member in members:
            self._tell_member(member, called)

    def _tell_member(self, address: str, cluster: str | None) -> None:
        told = self.state.clusters_told
        before = told.get(address)
        if before == cluster:
            return
        if cluster is None:
            del told[address]
        else:
            told[address] = cluster
        self._changes.append(Membership(address, cluster, before))

    def _tell(self, pair: Pair) -> None:
        state = self.state
        links = state.links.book.of(pair)
        holds = state.components.joined(pair) and state.components.together(pair)
        suffices = holds and reaches(state.links.book.weight(pair), self.settings.threshold)
        known = state.told.get(pair, {})
        wanted: dict[Reason, float] = {}
        if suffices:
            wanted = {reason: link.weight for reason, link in links.items()}
        if known == wanted:
            return
        for reason in known:
            if reason not in wanted:
                self._changes.append(LinkChange(pair, reason, None))
        for reason, weight in wanted.items():
            if known.get(reason) != weight:
                copy = msgspec.structs.replace(links[reason], proofs=list(links[reason].proofs))
                self._changes.append(LinkChange(pair, reason, copy))
        if wanted:
            state.told[pair] = wanted
        else:
            state.told.pop(pair, None)


def _names(event: TokenTransfer | NativeTransfer) -> bool:
    """Whether an event has the cluster of one of its ends."""
    return event.source_cluster is not None or event.destination_cluster is not None


def difference(before: State, after: State) -> list[Change]:
    """What must be told where one state takes the place of another, as after a reorganisation."""
    changes: list[Change] = []
    for pair in sorted({*before.told, *after.told}):
        known, wanted = before.told.get(pair, {}), after.told.get(pair, {})
        was, now = before.links.book.of(pair), after.links.book.of(pair)
        changes += [LinkChange(pair, one, None) for one in known if one not in wanted]
        changes += [
            LinkChange(pair, one, now[one])
            for one in wanted
            if known.get(one) != wanted[one] or was.get(one) != now[one]
        ]
    old, new = before.clusters_told, after.clusters_told
    return changes + [
        Membership(address, new.get(address), old.get(address))
        for address in sorted({*old, *new})
        if old.get(address) != new.get(address)
    ]
