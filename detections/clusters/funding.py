"""The same source of funds: wallets whose first money came from one address, within a window.

A wallet can do nothing before somebody gives it money for gas. Who opens several wallets mostly
fills them from one that he has. An exchange fills those of all its customers: so a source with a
label of a hub, with more wallets than one person has, or with very many transactions, says nothing.

"First" is the first that was seen. Who has sent or signed something before had money before. A
wallet may have been there before anybody watched: whether it was new, the nonce of its own first
transaction tells. Until then it is a weaker reason, and for one that was not new it is none.
"""

from msgspec import Struct, field

from detections.clusters.anchors import Anchors, Child
from detections.clusters.linking import Linking
from detections.clusters.movements import Movement, Transaction
from detections.idlest import drop_idlest
from pipeline.config.clusters import ClusterLimits, FundingLinks


class FundingState(Struct):
    """Addresses that were seen, and who funded whom."""

    seen: dict[str, bool] = field(default_factory=dict[str, bool])
    """Whether each address has sent something to somebody who is no place for deposits."""
    sources: Anchors = field(default_factory=Anchors)
    unproven: dict[str, str] = field(default_factory=dict[str, str])
    """Wallets of which it isn't known whether they were new, with their source."""
    new: dict[str, None] = field(default_factory=dict[str, None])
    """Wallets that were new when they were funded."""


class Funding:
    """Finds wallets with one source of funds."""

    def __init__(self, settings: FundingLinks, limits: ClusterLimits, state: FundingState) -> None:
        self._settings = settings
        self._limits = limits
        self.state = state

    def signed(
        self, signer: str, nonce: int | None, linking: Linking, *, pays_in: bool = False
    ) -> None:
        """Somebody signed a transaction: its nonce says whether he is new.

        With `pays_in` it gives something to an exchange or custodian: where that is the first that
        it does, it is a deposit address, and no wallet.
        """
        if nonce is None and not pays_in:
            return
        source = self.state.unproven.pop(signer, None)
        if source is None:
            return
        if nonce is not None and nonce < self._settings.new_transactions and not pays_in:
            self.proven(signer, source, linking)
            return
        for a, b in self.state.sources.leave(source, signer):
            linking.unlink(a, b, "funding", source)
        if (nonce or 0) >= self._settings.new_transactions:
            anchor = self.state.sources.known.get(source)
            if anchor is not None:
                self._paid(source, signer, anchor.children[-1].proof.at, linking)

    def deployed(self, account: str, linking: Linking) -> None:
        """A smart account was deployed: what was funded before is new."""
        source = self.state.unproven.pop(account, None)
        if source is not None:
            self.proven(account, source, linking)

    def proven(self, wallet: str, source: str, linking: Linking) -> None:
        """A wallet was new when its source funded it."""
        new = self.state.new
        new[wallet] = None
        drop_idlest(new, self._limits.most_anchors)
        children = self.state.sources.children(source)
        mine = next((child for child in children if child.address == wallet), None)
        if mine is None:
            return
        for other in children:
            near = abs(other.proof.at - mine.proof.at) <= self._settings.window
            if other is not mine and other.address in new and near:
                proofs = (other.proof, mine.proof)
                weight = self._settings.weight
                linking.link(other.address, wallet, "funding", weight, source, proofs)

    def take(self, transaction: Transaction, linking: Linking) -> None:
        """Look at a transaction's movements."""
        seen = self.state.seen
        signer, movements = transaction.signer, transaction.movements
        if len(movements) == 1:
            # Who signs has had gas before, and who sends has had what he sends.
            (only,) = movements
            if only.destination not in seen and only.money and only.destination != signer:
                self._fund(only, transaction, linking)
            elif only.money and not only.destination_hub:
                self._paid(only.source, only.destination, only.proof.at, linking)
        else:
            senders = {move.source for move in movements}
            for move in movements:
                receiver = move.destination
                if receiver in seen or not move.money:
                    continue
                # Who gives something for it, or fetches it himself, trades.
                if receiver != signer and receiver not in senders:
                    self._fund(move, transaction, linking)
                    seen[receiver] = False
        if signer is not None and signer not in seen:
            seen[signer] = False
        for move in movements:
            if not move.destination_takes_deposits:
                seen[move.source] = True
            elif move.source not in seen:
                seen[move.source] = False
            if move.money and move.destination not in seen:
                seen[move.destination] = False
        drop_idlest(seen, self._limits.most_addresses)

    def _paid(self, source: str, whom: str, at: int, linking: Linking) -> None:
        """A source of funds pays somebody who isn't new: an employer does, who fills no wallets."""
        settings = self._settings
        sharing = self.state.sources.other(
            source, whom, at, window=settings.window, most=settings.most_others
        )
        linking.share(sharing, "funding", settings.weight, source)

    def _fund(self, move: Movement, transaction: Transaction, linking: Linking) -> None:
        settings, state, source = self._settings, self.state, move.source
        if settings.weight <= 0 or move.source_hub or move.destination_hub:
            return
        if source in linking.state.hubs:
            return
        if transaction.signer == source and (transaction.nonce or 0) >= settings.most_transactions:
            for a, b in state.sources.drop(source):
                linking.unlink(a, b, "funding", source)
            linking.hub(source)
            return
        sharing = state.sources.share(
            source,
            Child(move.destination, move.proof),
            window=settings.window,
            most=settings.most_wallets,
            room=self._limits.most_anchors,
        )
        linking.share(sharing, "funding", settings.weight_unproven, source)
        if sharing.became_hub:
            linking.hub(source)
            return
        state.unproven[move.destination] = source
        drop_idlest(state.unproven, self._limits.most_anchors)
