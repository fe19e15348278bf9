"""What a party got of a token one way and gave away the other, matched first in, first out."""

from msgspec import Struct, field

from detections.alerting.findings import Witness

_MOST_LOTS = 64


class Lot(Struct, array_like=True):
    """Tokens that came in one way, and have not gone out the other yet."""

    timestamp: int
    quantity: float
    paid: float
    """For one token: the NAV of a subscription, the price of a purchase."""
    gap: float
    """Market price over NAV, less one, at that time."""
    witness: Witness


class Round(Struct):
    """What came in one way and went out the other, in one series."""

    quantity: float = 0.0
    gain: float = 0.0
    paid: float = 0.0
    got: float = 0.0
    gap: float = 0.0
    """The largest between market and NAV, at the time when it paid."""
    witnesses: list[Witness] = field(default_factory=list[Witness])
    told: float = 0.0
    """The gain at the newest alert."""
    last: int = 0
    """Time of the newest."""

    def add(self, quantity: float, paid: float, got: float, gap: float, *seen: Witness) -> None:
        """Count a matched quantity."""
        self.quantity += quantity
        self.gain += quantity * (got - paid)
        self.paid += quantity * paid
        self.got += quantity * got
        if abs(gap) > abs(self.gap):
            self.gap = gap
        known = {one.id for one in self.witnesses}
        self.witnesses += [one for one in seen if one.id not in known]
        del self.witnesses[200:]


def put(lots: list[Lot], lot: Lot) -> None:
    """Add a lot; of too many the oldest goes."""
    lots.append(lot)
    del lots[:-_MOST_LOTS]


def take(lots: list[Lot], quantity: float, since: int) -> list[tuple[float, Lot]]:
    """Take a quantity out of the lots that are not older than `since`, the oldest first."""
    while lots and lots[0].timestamp < since:
        del lots[0]
    taken: list[tuple[float, Lot]] = []
    while lots and quantity > 0:
        lot = lots[0]
        some = min(quantity, lot.quantity)
        taken.append((some, lot))
        quantity -= some
        lot.quantity -= some
        if lot.quantity <= 0:
            del lots[0]
    return taken
