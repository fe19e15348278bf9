"""A token that an oracle answers for: its markets, who pushes them, and what was found of that."""

from bisect import insort
from collections.abc import Iterable
from operator import attrgetter

from msgspec import Struct, field

from detections.idlest import latest
from detections.markets.oracle_episode import Answer, Episode
from detections.markets.price_pressure import Pressure, Push, put_in_place
from normalizer.events.market import Side

#: Of one token; the idlest go first.
MOST_PARTIES = 1_000
_MOST_MARKETS = 32
#: Parts of the time of a push.
SLOTS = 60

_time = attrgetter("timestamp")


class Asset(Struct):
    """A token that an oracle answers for."""

    since: int = 0
    """From when on it is looked at: the first of its answers."""
    answers: list[Answer] = field(default_factory=list[Answer])
    prices: dict[str, float] = field(default_factory=dict[str, float])
    """Newest price by market, the idlest first."""
    parties: dict[str, Pressure] = field(default_factory=dict[str, Pressure])
    """The idlest first."""
    taken: dict[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    """What all took, by part of `push`: bought, sold."""
    episodes: dict[str, Episode] = field(default_factory=dict[str, Episode])

    def price_before(self, market: str, price: float) -> float:
        """What the price of a market was before this one."""
        before = latest(self.prices, market, _MOST_MARKETS, lambda: price)
        self.prices[market] = price
        return before

    def party(self, name: str) -> Pressure:
        """A party that does something now."""
        return latest(self.parties, name, MOST_PARTIES, Pressure)

    def took(self, place: int, side: Side | None, quantity: float) -> None:
        """Somebody took so much, in this part of a push's time."""
        if side is None:
            return
        bought, sold = self.taken.get(place, (0.0, 0.0))
        if side == "buy":
            bought += quantity
        else:
            sold += quantity
        self.taken[place] = (bought, sold)
        if len(self.taken) > 2 * SLOTS:
            floor = place - SLOTS - 1
            for one in [one for one in self.taken if one < floor]:
                del self.taken[one]

    # -- what is taken back ------------------------------------------------------------------------

    def took_more(self, place: int, more: tuple[float, float]) -> None:
        """So much more was bought and sold than was known, or less."""
        bought, sold = self.taken.pop(place, (0.0, 0.0))
        taken = max(0.0, bought + more[0]), max(0.0, sold + more[1])
        if any(taken):
            self.taken[place] = taken

    def change_push(self, old: tuple[str, Push] | None, new: tuple[str, Push] | None) -> None:
        """Another push is in the place of one, or none."""
        same = old is not None and new is not None and old[0] == new[0]
        if old is not None and (pressure := self.parties.get(old[0])) is not None:
            put_in_place(pressure.pushes, old[1], new[1] if new is not None and same else None)
        if new is not None and not same and (pressure := self.parties.get(new[0])) is not None:
            insort(pressure.pushes, new[1], key=_time)

    def drop_idle(self, names: Iterable[str | None]) -> None:
        """Of these parties, forget those of which nothing is known."""
        for name in dict.fromkeys(names):
            pressure = self.parties.get(name or "")
            if pressure is not None and not pressure.pushes and not pressure.positions:
                del self.parties[name or ""]
