"""What a lane remembers of the chains that it reads, to know what a reorganisation takes back.

Places are sequences of EVENTS messages. A reorganisation is alone in its message, behind all that
it concerns.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from normalizer.events import ChainEvent, ChainReorganised, ChainStateRecord, Record

#: Heights that are remembered of a chain, at least; at most twice as many.
REMEMBERED_BLOCKS = 4_096
#: Reorganisations that are remembered.
_MOST_FORKS = 4_096

#: A chain as one source tells it.
Chain = tuple[str, int]


class Heights(msgspec.Struct, array_like=True):
    """Block heights of a chain in the order in which they came, each with the place of the first
    event of it.
    """

    numbers: list[int]
    places: list[int]
    #: Lower heights have been forgotten.
    forgotten_below: int = -1


class Fork(msgspec.Struct, array_like=True, frozen=True):
    """A reorganisation: what is above ``common`` and came before ``place`` is orphaned."""

    place: int
    provider: str
    chain_id: int
    common: int
    first: int
    """The place of the first event that it orphaned; `place` itself if there was none."""
    timestamp: int
    """Event time of the last common block."""


class ChainHistory(msgspec.Struct, array_like=True):
    """Chains by what a lane saw of them."""

    chains: list[tuple[Chain, Heights]] = msgspec.field(default_factory=list[tuple[Chain, Heights]])
    forks: list[Fork] = msgspec.field(default_factory=list[Fork])

    def saw(self, place: int, records: Iterable[Record]) -> None:
        """Records came, of which no later reorganisation is known."""
        newest: tuple[str, int, int] | None = None
        for record in records:
            if not isinstance(record, ChainEvent):
                continue
            this = (record.provider, record.chain_id, record.block_number)
            if this == newest:
                continue
            newest = this
            heights = self._heights((record.provider, record.chain_id))
            number = record.block_number
            if heights.numbers and number <= heights.numbers[-1]:
                at = bisect_left(heights.numbers, number)
                if heights.numbers[at] == number:
                    continue
                heights.numbers.insert(at, number)
                heights.places.insert(at, place)
            else:
                heights.numbers.append(number)
                heights.places.append(place)
            if len(heights.numbers) > 2 * REMEMBERED_BLOCKS:
                del heights.numbers[:-REMEMBERED_BLOCKS], heights.places[:-REMEMBERED_BLOCKS]
                heights.forgotten_below = heights.numbers[0]

    def reorganised(self, place: int, record: ChainReorganised) -> Fork:
        """The chain went back. Its heights above the common block are no longer there."""
        heights = self._heights((record.provider, record.chain_id))
        at = bisect_right(heights.numbers, record.common_number)
        first = min(heights.places[at:], default=place)
        if record.common_number + 1 < heights.forgotten_below:
            first = 0  # deeper than is remembered
        del heights.numbers[at:], heights.places[at:]
        fork = Fork(
            place,
            record.provider,
            record.chain_id,
            record.common_number,
            first,
            record.timestamp,
        )
        self.forks.append(fork)
        del self.forks[:-_MOST_FORKS]
        return fork

    def usable(self, place: int) -> bool:
        """Whether the state behind this place holds nothing that was orphaned later."""
        return not any(fork.first <= place < fork.place for fork in self.forks)

    def orphans(self) -> "Orphans":
        """Which events the reorganisations up to now take back."""
        return Orphans(self.forks)

    def _heights(self, chain: Chain) -> Heights:
        for known, heights in self.chains:  # a handful
            if known == chain:
                return heights
        heights = Heights([], [])
        self.chains.append((chain, heights))
        return heights


class Orphans:
    """What of the past is orphaned, by place and height."""

    def __init__(self, forks: Sequence[Fork]) -> None:
        #: By chain: places of forks, and the least height and time of each and all later ones.
        self._by_chain: dict[Chain, tuple[list[int], list[int], list[int]]] = {}
        for fork in reversed(forks):
            key = (fork.provider, fork.chain_id)
            places, commons, times = self._by_chain.setdefault(key, ([], [], []))
            places.append(fork.place)
            commons.append(min(fork.common, commons[-1]) if commons else fork.common)
            times.append(min(fork.timestamp, times[-1]) if times else fork.timestamp)
        for lists in self._by_chain.values():
            for one in lists:
                one.reverse()

    def kept(self, place: int, record: Record) -> Record | None:
        """The record that came at this place; None if a later reorganisation takes it back.

        What was said of the chain stays, but not the time that it had from an orphaned block.
        """
        if not isinstance(record, ChainEvent | ChainStateRecord):
            return record
        found = self._by_chain.get((record.provider, record.chain_id))
        if found is None:
            return record
        places, commons, times = found
        at = bisect_right(places, place)
        if at == len(places):
            return record
        if isinstance(record, ChainEvent):
            return record if record.block_number <= commons[at] else None
        if record.timestamp <= times[at]:
            return record
        return msgspec.structs.replace(record, timestamp=times[at])
