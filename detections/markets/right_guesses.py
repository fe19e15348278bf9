"""How often parties traded on the right side before news that moved a price: by chance, or not."""

import math
from collections.abc import Mapping

from detections.markets.trading_history import TradingHistory

#: Parties of whom it is known; who traded before none for longest goes first.
_MOST_GUESSERS = 20_000

Guesses = dict[str, tuple[int, int]]
"""By party: price-sensitive announcements before which it traded on the right side, and on the
wrong one."""


def note_guesses(
    guesses: Guesses,
    parties: Mapping[str, TradingHistory],
    announced: int,
    window: int,
    *,
    rising: bool,
    one_sided: float,
) -> None:
    """Note who was right and who wasn't, of all who traded one-sidedly before an announcement."""
    for party, history in parties.items():
        flow = history.between(announced - window, announced)
        if flow.gross <= 0 or abs(flow.net) < one_sided * flow.gross:
            continue
        right, wrong = guesses.pop(party, (0, 0))
        fits = (flow.net > 0) is rising
        guesses[party] = (right + fits, wrong + (not fits))
    while len(guesses) > _MOST_GUESSERS:
        del guesses[next(iter(guesses))]


def chance_of_guesses(guesses: Guesses, party: str) -> float:
    """How probable it is to be right as often, if each time is a coin's."""
    right, wrong = guesses.get(party, (0, 0))
    count = right + wrong
    return sum(math.comb(count, n) for n in range(right, count + 1)) / 2**count
