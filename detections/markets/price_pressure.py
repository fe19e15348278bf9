"""Who pushes the price of an asset: what each party took from its markets, and what it holds."""

from collections.abc import Iterable
from itertools import islice

from msgspec import Struct, field

from detections.alerting.findings import Witness

_MOST_STEPS = 100
_MOST_POSITIONS = 16
#: Trades of a position that are evidence: the first.
_MOST_SEEN = 8


class Push(Struct, array_like=True):
    """A trade by which a party took liquidity."""

    timestamp: int
    market: str
    quantity: float
    """Positive where it bought."""
    before: float
    """Price of the market before it."""
    price: float
    witness: Witness


class Position(Struct, array_like=True):
    """What one account of a party bought less what it sold in one market."""

    quantity: float = 0.0
    cost: float = 0.0
    """What was paid for it, less what came back; in the quote currency."""
    opened: int = 0
    witnesses: list[Witness] = field(default_factory=list[Witness])

    def shows(self, event: str) -> bool:
        """Whether a trade is among those that are evidence of it."""
        return any(one.id == event for one in self.witnesses)

    def gain(self, price: float) -> float:
        """What it would have won at this price."""
        return self.quantity * price - self.cost


class Pressure(Struct, array_like=True):
    """One party in one asset."""

    pushes: list[Push] = field(default_factory=list[Push])
    positions: dict[tuple[str, str], Position] = field(
        default_factory=dict[tuple[str, str], Position]
    )
    """By market and account."""

    def push(self, push: Push, oldest: int) -> None:
        """Take a trade; forget those from before `oldest`."""
        pushes = self.pushes
        pushes.append(push)
        stale = 0
        while pushes[stale].timestamp < oldest:
            stale += 1
        del pushes[: max(stale, len(pushes) - _MOST_STEPS)]

    def hold(
        self, market: str, account: str, quantity: float, value: float, time: int, seen: Witness
    ) -> None:
        """Count a trade into the position of an account, `quantity` positive where it bought."""
        key = (market, account)
        position = self.positions.pop(key, None)
        if position is None:
            position = Position(opened=time)
            if len(self.positions) >= _MOST_POSITIONS:
                del self.positions[next(iter(self.positions))]
        self.positions[key] = position
        position.quantity += quantity
        position.cost += value if quantity > 0 else -value
        if len(position.witnesses) < _MOST_SEEN:
            position.witnesses.append(seen)

    def give_back(
        self,
        key: tuple[str, str],
        was: tuple[float, float],
        now: tuple[float, float] | None,
        seen: Witness,
        others: Iterable[Witness] | None,
    ) -> None:
        """A trade of a position was taken back or corrected: quantities, positive where it bought,
        and values. `others` are the trades that it has besides, if they are known.
        """
        position = self.positions.get(key)
        if position is None or seen.timestamp < position.opened:
            return  # it isn't part of it
        for (quantity, value), sign in ((was, -1.0), (now or (0.0, 0.0), 1.0)):
            position.quantity += sign * quantity
            position.cost += sign * (value if quantity > 0 else -value)
        if now is not None or not position.shows(seen.id):
            return
        left = None if others is None else list(islice(others, _MOST_SEEN))
        if left is None:
            position.witnesses = [one for one in position.witnesses if one.id != seen.id]
        elif left:
            position.witnesses, position.opened = left, left[0].timestamp
        else:
            del self.positions[key]

    def moved(self, begin: int, end: int, sign: float) -> dict[str, tuple[float, float, float]]:
        """By market: what it took on one side between two times; prices before and after."""
        return moved(self.pushes, begin, end, sign)


def moved(
    pushes: Iterable[Push], begin: int, end: int, sign: float
) -> dict[str, tuple[float, float, float]]:
    """By market: what was taken on one side between two times; prices before and after."""
    found: dict[str, tuple[float, float, float]] = {}
    for one in pushes:
        if begin <= one.timestamp <= end and one.quantity * sign > 0:
            quantity, before, _ = found.get(one.market, (0.0, one.before, 0.0))
            found[one.market] = (quantity + abs(one.quantity), before, one.price)
    return found


def put_in_place(pushes: list[Push], was: Push, now: Push | None) -> bool:
    """Of some that are in the order of time, another one in the place of one, or nothing; whether
    it is one of them."""
    for place, one in enumerate(pushes):
        if one.witness.id == was.witness.id:
            pushes[place : place + 1] = [] if now is None else [now]
            return True
    return False
