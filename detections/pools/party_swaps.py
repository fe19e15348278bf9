"""When parties swapped of late, by transaction: one that goes through several pools is one swap."""

from detections.idlest import latest
from detections.pools.swaps import Leg

#: By party, the idlest first, of each the transactions with their times, the oldest first.
PartySwaps = dict[str, dict[str, int]]

_MOST_PARTIES = 10_000


def note_swap(of: PartySwaps, name: str, one: Leg, window: int, most: int) -> None:
    """Note a swap of a party, and forget those that are older than the window or too many."""
    swaps = latest(of, name, _MOST_PARTIES, dict[str, int])
    swaps.setdefault(one.transaction, one.timestamp)
    while len(swaps) > most or next(iter(swaps.values())) < one.timestamp - window:
        del swaps[next(iter(swaps))]
