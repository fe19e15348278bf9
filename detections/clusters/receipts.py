"""What went on to where: common deposit addresses, and round trips.

Both rest on what an address has received lately, of which the newest are kept.

**Deposit addresses.** An exchange gives each customer addresses of his own, and collects what comes
there at one of its known addresses. Wallets that pay into the same one are of one customer (F.
Victor, "Address Clustering Heuristics for Ethereum", FC 2020). It is taken for a deposit address
while all that it ever sent went to an exchange or custodian, and each time was what it had got.

**Round trips.** What one wallet sends another comes back, again and again: nothing changes hands.
"""

from msgspec import Struct, field

from detections.clusters.anchors import Anchors, Child
from detections.clusters.linking import Linking
from detections.clusters.links import MOST_EVIDENCE, Pair, Proof, pair_of
from detections.clusters.movements import Movement
from detections.idlest import drop_idlest
from pipeline.config.clusters import ClusterLimits, DepositLinks, RoundTripLinks

#: Receipts that are kept of an address.
_MOST_RECEIPTS = 8
#: A reason that comes again and again is never certain.
_MOST_CERTAIN = 0.95


class Receipt(Struct, array_like=True, gc=False):
    """Something that an address got."""

    source: str
    asset: str
    amount: str
    proof: Proof
    returned: bool
    """Whether it is the way back of a round trip."""


class Trips(Struct, array_like=True):
    """Round trips of two wallets within the window."""

    times: list[int]
    proofs: list[Proof]


class ReceiptState(Struct):
    """What addresses got lately, and what follows from it."""

    received: dict[str, list[Receipt]] = field(default_factory=dict[str, list[Receipt]])
    deposits: Anchors = field(default_factory=Anchors)
    trips: dict[Pair, Trips] = field(default_factory=dict[Pair, Trips])


class Receipts:
    """Finds common deposit addresses and round trips."""

    def __init__(
        self,
        deposits: DepositLinks,
        trips: RoundTripLinks,
        limits: ClusterLimits,
        state: ReceiptState,
    ) -> None:
        self._deposits = deposits
        self._trips = trips
        self._limits = limits
        self.state = state

    def take(self, move: Movement, linking: Linking, *, spends_elsewhere: bool) -> None:
        """Look at a movement. `spends_elsewhere`: whether its source has ever sent something to
        somebody who takes no deposits, this movement included.
        """
        received = self.state.received
        source, destination = move.source, move.destination
        returned = False
        if source in received:
            if move.destination_takes_deposits:
                if not spends_elsewhere and not move.source_hub:
                    self._forwarded(move, linking)
            elif not move.destination_hub and not move.source_hub:
                returned = self._came_back(move, linking)
        if spends_elsewhere and source in self.state.deposits.known:
            for a, b in self.state.deposits.drop(source):
                linking.unlink(a, b, "deposit", source)
        if move.destination_hub or move.source_hub or destination in linking.state.hubs:
            return
        receipt = Receipt(source, move.asset, move.amount, move.proof, returned)
        kept = received.pop(destination, None)
        if kept is None:
            received[destination] = [receipt]
            drop_idlest(received, self._limits.most_receivers)
            return
        received[destination] = kept
        kept.append(receipt)
        if len(kept) > _MOST_RECEIPTS:
            del kept[0]

    def _forwarded(self, move: Movement, linking: Linking) -> None:
        """An address passed something on to an exchange: was it what it had got?"""
        settings = self._deposits
        if settings.weight <= 0:
            return
        since = move.proof.at - settings.forward_within
        kept = self.state.received[move.source]
        mine = [one for one in kept if one.asset == move.asset and one.proof.at >= since]
        amount = int(move.amount)
        paid = [one for one in mine if _about(int(one.amount), amount, settings.tolerance)]
        if not paid and _about(sum(int(one.amount) for one in mine), amount, settings.tolerance):
            paid = mine
        for receipt in paid:
            if linking.is_hub(receipt.source):
                continue
            sharing = self.state.deposits.share(
                move.source,
                Child(receipt.source, receipt.proof),
                window=None,
                most=settings.most_wallets,
                room=self._limits.most_anchors,
            )
            linking.share(sharing, "deposit", settings.weight, move.source)
        # What was passed on is not passed on again.
        self.state.received[move.source] = [one for one in kept if one not in paid]

    def _came_back(self, move: Movement, linking: Linking) -> bool:
        """Whether the movement brings back what its source has got from its destination."""
        settings = self._trips
        kept = self.state.received[move.source]
        since = move.proof.at - settings.return_within
        back_to = move.destination
        for place, one in enumerate(kept):
            if one.source != back_to:  # nearly all of them
                continue
            if one.asset != move.asset or one.returned or one.proof.at < since:
                continue
            if _about(int(one.amount), int(move.amount), settings.tolerance):
                del kept[place]
                if settings.weight > 0:
                    self._trip(pair_of(move.source, move.destination), one.proof, move, linking)
                return True
        return False

    def _trip(self, pair: Pair, there: Proof, move: Movement, linking: Linking) -> None:
        settings = self._trips
        trips = self.state.trips.pop(pair, None) or Trips([], [])
        self.state.trips[pair] = trips
        drop_idlest(self.state.trips, self._limits.most_receivers)
        since = move.proof.at - settings.window
        trips.times = [time for time in trips.times if time >= since]
        trips.times.append(move.proof.at)
        trips.proofs += (there, move.proof)
        del trips.proofs[:-MOST_EVIDENCE]
        times = len(trips.times) // settings.minimum
        if not times or len(trips.times) % settings.minimum:
            return
        weight = min(1.0 - (1.0 - settings.weight) ** times, max(_MOST_CERTAIN, settings.weight))
        linking.link(*pair, "round-trip", weight, "", trips.proofs)
        for one in pair:
            partners = sum(1 for _ in linking.book.partners(one, "round-trip"))
            if partners > settings.most_partners:
                linking.hub(one)


def _about(one: int, other: int, tolerance: float) -> bool:
    """Whether two amounts are the same, but for a part of the larger one."""
    larger = max(one, other)
    # In whole numbers: an amount of 256 bits is not a float.
    return abs(one - other) * 1_000_000 <= larger * round(tolerance * 1_000_000)
