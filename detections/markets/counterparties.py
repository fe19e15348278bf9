"""Who trades with whom in a market, and how much more than chance gives.

Everybody's trades are counted, and each pair's, over two generations of time: the present one and
the one before. So what is counted reaches back for one to two of them, and no further. Trades
themselves are kept only of pairs that matter to each other, since in an honest market most are
between somebody and one of a few makers, to whom he is one of very many.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from detections.alerting.findings import Witness
from detections.idlest import Room
from detections.markets.linked_markets import MarketKey
from detections.markets.trading_circles import Edge, chance

#: Parties and pairs of a market.
MOST_PARTIES = 100_000
MOST_PAIRS = 20_000
#: Parties, pairs and kept trades of all markets.
MOST_IN_ALL = 1_000_000
#: So many of them come with one trade at most.
_OF_A_TRADE = 4
#: Trades that are kept of one pair.
_MOST_KEPT = 500
#: A pair with fewer is too young to tell; its trades are kept.
_YOUNG = 2
#: A pair matters to a party that has this part of its trades with the other, or more.
_NOTABLE = 0.05

Pair = tuple[str, str]
"""Two parties, the lesser name first."""


class Deal(Struct, frozen=True, array_like=True, gc=False):
    """What is kept of a trade."""

    timestamp: int
    seller: str
    buyer: str
    quantity: float
    price: float | None
    buyer_took: bool | None
    """Whether the buyer's order came in and met one that rested; None if nobody says."""
    unsure: bool
    witness: Witness

    def corrected(self, price: float | None, quantity: float | None) -> "Deal":
        """The venue corrected it."""
        return replace(
            self,
            price=self.price if price is None else price,
            quantity=self.quantity if quantity is None else quantity,
        )


class Party(Struct, array_like=True, gc=False):
    """How many trades a party took part in."""

    generation: int
    now: int = 0
    before: int = 0


class Meetings(Struct, array_like=True, gc=False):
    """What a pair had with each other."""

    generation: int
    forth: int = 0
    """Trades in which the first sold to the second, in this generation."""
    back: int = 0
    forth_before: int = 0
    back_before: int = 0
    due: int = _YOUNG
    """With how many trades it is looked at again."""
    close: bool = True
    """Whether each is notable to the other, or it is too early to tell."""
    deals: list[Deal] = []
    """Kept trades that no alert has told of, the newest."""
    fresh: int = 0
    """Trades that were kept since somebody looked at them."""
    wait: int = 0
    """How many there must be before somebody looks again."""

    @property
    def count(self) -> int:
        """All trades that are counted."""
        return self.forth + self.back + self.forth_before + self.back_before

    def move_to(self, generation: int) -> None:
        """Begin a new generation."""
        if generation == self.generation + 1:
            self.forth_before, self.back_before = self.forth, self.back
        else:
            self.forth_before = self.back_before = 0
        self.forth = self.back = 0
        self.generation = generation
        self.due = min(self.due, self.count + _YOUNG)


class Closeness(NamedTuple):
    """How closely a set of parties keeps to itself."""

    share: float
    """The least part that a member's trades within the set are of all his trades."""
    lift: float
    """So many times as often as others trade with the set do its members, at least."""
    chance: float
    """How likely that is, at most, if each member chose whom to trade with as others do."""
    within: int
    """Trades within the set."""
    outside: int
    """Trades of the market that aren't."""


class Counterparties(Struct):
    """One market's."""

    generation: int = 0
    now: int = 0
    """Trades in this generation."""
    before: int = 0
    parties: dict[str, Party] = {}
    pairs: dict[Pair, Meetings] = {}
    near: dict[str, dict[str, None]] = {}
    """Who is close to whom, both ways."""
    sold: dict[str, dict[str, None]] = {}
    """To whom of those he is close to each sold something, by what is counted."""

    def met(self, seller: str, buyer: str, generation: int) -> Meetings | None:
        """Count a trade; returns what the two had with each other if they may be close.

        A pair is counted from when it can matter to both: none has more trades with another than
        that other has trades.
        """
        if generation > self.generation:
            self.before = self.now if generation == self.generation + 1 else 0
            self.now, self.generation = 0, generation
            self._note_sales()
        else:
            generation = self.generation
        self.now += 1
        sold = self.parties.get(seller)
        if sold is None:
            sold = self._new_party(seller)
        elif sold.generation != generation:
            sold.before = sold.now if generation == sold.generation + 1 else 0
            sold.now, sold.generation = 0, generation
        sold.now += 1
        bought = self.parties.get(buyer)
        if bought is None:
            bought = self._new_party(buyer)
        elif bought.generation != generation:
            bought.before = bought.now if generation == bought.generation + 1 else 0
            bought.now, bought.generation = 0, generation
        bought.now += 1
        least, most = sold.now + sold.before, bought.now + bought.before
        if least > most:
            least, most = most, least
        if least < _NOTABLE * most:
            return None
        forth = seller < buyer
        pair = (seller, buyer) if forth else (buyer, seller)
        meetings = self.pairs.get(pair)
        if meetings is None:
            meetings = self._new_pair(pair)
        elif meetings.generation != generation:
            meetings.move_to(generation)
        if forth:
            is_first = not (meetings.forth or meetings.forth_before)
            meetings.forth += 1
        else:
            is_first = not (meetings.back or meetings.back_before)
            meetings.back += 1
        if is_first and buyer in self.near.get(seller, ()):
            self.sold.setdefault(seller, {})[buyer] = None
        count = meetings.forth + meetings.back + meetings.forth_before + meetings.back_before
        if count >= meetings.due:
            self._judge(pair, meetings, count, _NOTABLE * most)
        return meetings if meetings.close else None

    def trades(self, name: str) -> int:
        """How many trades a party took part in."""
        party = self.parties.get(name)
        if party is None:
            return 0
        if party.generation == self.generation:
            return party.now + party.before
        return party.now if party.generation + 1 == self.generation else 0

    @property
    def total(self) -> int:
        """All trades of the market that are counted."""
        return self.now + self.before

    def between(self, one: str, other: str) -> Meetings | None:
        """What two had with each other, if it is counted; as of the present generation."""
        meetings = self.pairs.get((one, other) if one < other else (other, one))
        if meetings is not None and meetings.generation != self.generation:
            meetings.move_to(self.generation)
        return meetings

    def surroundings(self, one: str, most: int) -> list[str]:
        """A party and whom it is close to, directly and through others: the nearest, `most`."""
        seen, waiting = {one: None}, [one]
        for name in waiting:
            near = self.near.get(name, ())
            if len(near) == 1 and name != one:
                continue  # him by whom it was found
            for other in near:
                if other not in seen:
                    if len(seen) >= most:
                        return waiting
                    seen[other] = None
                    waiting.append(other)
        return waiting

    def is_bound(self, seller: str, buyer: str, among: Sequence[str]) -> bool:
        """Whether something came back to a seller from his buyer, through whomever of these.

        Most have nothing or much to do with the others: so sets, and no frozen ones, since Python
        goes through the smaller of keys and a set only where that isn't frozen.
        """
        inside = set(among)
        if buyer not in inside:
            return False
        seen = {buyer}
        waiting = [buyer]
        for name in waiting:
            onward = self.sold.get(name)
            if onward:
                new = (onward.keys() & inside) - seen
                if seller in new:
                    return True
                seen |= new
                waiting += new
        return False

    def ways(self, names: Sequence[str]) -> int:
        """How many of these sold something to how many of them, of those who are close."""
        inside, sold = set(names), self.sold
        return sum([len(sold[one].keys() & inside) for one in names if one in sold])

    def weights(self, names: Collection[str]) -> dict[Edge, int]:
        """How many trades each of these sold to which other, among those who are close."""
        found: dict[Edge, int] = {}
        inside, pairs, generation = frozenset(names), self.pairs, self.generation
        for one in names:
            near = self.near.get(one, {})
            for other in near if len(near) < len(inside) else names:
                if one < other and other in inside and other in near:
                    meetings = pairs.get((one, other))
                    if meetings is not None:
                        if meetings.generation != generation:
                            meetings.move_to(generation)
                        found[one, other] = meetings.forth + meetings.forth_before
                        found[other, one] = meetings.back + meetings.back_before
        return found

    def within(self, members: Sequence[str]) -> Iterator[Meetings]:
        """What each pair of these had with each other."""
        for number, one in enumerate(members):
            for other in members[number + 1 :]:
                meetings = self.between(one, other)
                if meetings is not None:
                    yield meetings

    def closeness(self, members: Sequence[str]) -> Closeness:
        """How closely these keep to themselves.

        For each member: which part of his trades is with the others of the set, and which part of
        the trades that aren't within the set has one of those others on a side. The second is what
        chance would give. Of a maker it is large whatever his customers do, so no customer is bound
        to him by trading with him only.
        """
        inner = dict.fromkeys(members, 0)
        within = 0
        for number, one in enumerate(members):
            for other in members[number + 1 :]:
                meetings = self.between(one, other)
                if meetings is not None:
                    inner[one] += meetings.count
                    inner[other] += meetings.count
                    within += meetings.count
        sides = {one: max(0, self.trades(one) - inner[one]) for one in members}
        outside, all_sides = max(0, self.total - within), sum(sides.values())
        share, lift, luck = 1.0, math.inf, 0.0
        for one in members:
            trades = inner[one] + sides[one]
            if not trades:
                return Closeness(0.0, 0.0, 1.0, within, outside)
            usual = min(1.0, (all_sides - sides[one] + 1) / (outside + 2))
            part = inner[one] / trades
            share, lift = min(share, part), min(lift, part / usual)
            luck = max(luck, chance(inner[one], trades, usual))
        return Closeness(share, lift, luck, within, outside)

    # -- keeping it bounded ------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Parties, pairs and kept trades."""
        deals = sum([len(meetings.deals) for meetings in self.pairs.values()])
        return len(self.parties) + len(self.pairs) + deals

    def forget_young(self) -> None:
        """Let go of who traded once, and of pairs that met once: they say nothing yet."""
        for name in [one for one, party in self.parties.items() if party.now + party.before < 2]:
            del self.parties[name]
        for pair in [one for one, meetings in self.pairs.items() if meetings.count < _YOUNG]:
            del self.pairs[pair]
            self._part(pair)

    def _judge(self, pair: Pair, meetings: Meetings, count: int, least: float) -> None:
        """Whether each of a pair is notable to the other."""
        meetings.due = count + max(2, count // 2)
        meetings.close = count >= least
        if meetings.close:
            for one, other in (pair, pair[::-1]):
                self.near.setdefault(one, {})[other] = None
            self._note_sales_of(pair, meetings)
        else:
            meetings.deals = []
            self._part(pair)

    def _note_sales(self) -> None:
        """A new generation began: who of those who are close still has sold to whom."""
        self.sold = {}
        for one, near in self.near.items():
            for other in near:
                if one < other and (meetings := self.between(one, other)) is not None:
                    self._note_sales_of((one, other), meetings)

    def _note_sales_of(self, pair: Pair, meetings: Meetings) -> None:
        one, other = pair
        if meetings.forth or meetings.forth_before:
            self.sold.setdefault(one, {})[other] = None
        if meetings.back or meetings.back_before:
            self.sold.setdefault(other, {})[one] = None

    def _part(self, pair: Pair) -> None:
        for known in (self.near, self.sold):
            for one, other in (pair, pair[::-1]):
                others = known.get(one)
                if others is not None:
                    others.pop(other, None)
                    if not others:
                        del known[one]

    def _new_party(self, name: str) -> Party:
        if len(self.parties) >= MOST_PARTIES:
            one_trade = [one for one, party in self.parties.items() if party.now < 2]
            for gone in _quarter(self.parties, one_trade):
                del self.parties[gone]
        party = self.parties[name] = Party(self.generation)
        return party

    def _new_pair(self, pair: Pair) -> Meetings:
        if len(self.pairs) >= MOST_PAIRS:
            young = [one for one, meetings in self.pairs.items() if meetings.count < _YOUNG]
            for gone in _quarter(self.pairs, young):
                del self.pairs[gone]
                self._part(gone)
        meetings = self.pairs[pair] = Meetings(self.generation)
        return meetings


class Kept(Protocol):
    """A market of which this is known."""

    last: int
    """Event time of its newest trade."""
    counterparties: Counterparties


KeptMarket = TypeVar("KeptMarket", bound=Kept)


def make_room(room: Room, markets: dict[MarketKey, KeptMarket]) -> None:
    """Before a trade is counted: where there may be too much in all, let go of what says nothing
    yet, and then of the idlest markets."""
    if not room.take(MOST_IN_ALL, _OF_A_TRADE):
        return
    if sum(one.counterparties.size for one in markets.values()) > MOST_IN_ALL // 2:
        for one in markets.values():
            one.counterparties.forget_young()
    known = ((one.last, one.counterparties.size, key) for key, one in markets.items())
    room.make(MOST_IN_ALL, known, markets.pop)


def keep(meetings: Meetings, deal: Deal) -> None:
    """Keep a trade of a pair that may be close."""
    deals = meetings.deals
    deals.append(deal)
    if len(deals) > _MOST_KEPT:
        del deals[: _MOST_KEPT // 10]


K = TypeVar("K")


def _quarter(among: Mapping[K, object], first: Sequence[K]) -> list[K]:
    """A quarter to be dropped: of those that are to go first, then of all, the oldest."""
    wanted = max(1, len(among) // 4)
    gone = dict.fromkeys(first[:wanted])
    for name in among if len(gone) < wanted else ():
        gone[name] = None
        if len(gone) >= wanted:
            break
    return list(gone)
