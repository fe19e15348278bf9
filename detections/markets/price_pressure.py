"""Who pushes the price of an asset: what each party took from its markets, and what it holds."""

from msgspec import Struct, field

from detections.alerting.findings import Witness

_MOST_STEPS = 100
_MOST_POSITIONS = 16


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
        if len(position.witnesses) < 8:
            position.witnesses.append(seen)

    def moved(self, begin: int, end: int, sign: float) -> dict[str, tuple[float, float, float]]:
        """By market: what it took on one side between two times; prices before and after."""
        found: dict[str, tuple[float, float, float]] = {}
        for one in self.pushes:
            if begin <= one.timestamp <= end and one.quantity * sign > 0:
                quantity, before, _ = found.get(one.market, (0.0, one.before, 0.0))
                found[one.market] = (quantity + abs(one.quantity), before, one.price)
        return found
