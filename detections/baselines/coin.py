"""Whether somebody is right more often than a coin, asked again after every guess, for ever.

To ask at each look whether so many were right by one chance in twenty spends that chance again and
again: who guesses for long enough gets there. So a guess is a bet against the coin. A stake of one
is put in part by part, and at each guess what is in becomes `2 p` times as much if it was right,
and `2 (1 - p)` times if it was wrong, `p` being how probable it was for one who knows. While a coin
decides this is a fair game, and what there is at any time ever reaches `n` with a chance of at most
`1 / n` (Ville, 1939): that holds however often one looks, and whenever one stops. It also holds
where only a part of what is in is bet, if that is settled before it is known who was right.

What mostly goes one way is no fair coin: who always says that way is right without knowing. A bet
on that way pays as little as on a coin that falls so. How it falls is not known, but learnt from
what came before; while that is little, both ways pay less than they might.

Of the stake a half is in from the first guess on, a sixth from the second, a twelfth from the third
and so on. So who begins to know after many guesses of which half were right is found as well.
"""

from msgspec import Struct

from detections.float_sum import float_sum

_MOST = 1e300


class Wager(Struct, array_like=True):
    """Bets on one sort of guesses."""

    placed: float = 0.0
    """What has come of the part that is in the game."""
    guesses: int = 0

    def guessed(self, chance: float, *, right: bool, coin: float = 0.5, part: float = 1.0) -> None:
        """One more guess, with the chances of one who knows and of a coin to be right, on which a
        part of what is in is bet."""
        self.guesses += 1
        stake = 1 / (self.guesses * (self.guesses + 1))
        pays = chance / coin if right else (1 - chance) / (1 - coin)
        self.placed = min(_MOST, (self.placed + stake) * (1 + part * (pays - 1)))

    @property
    def worth(self) -> float:
        """With the part that isn't in the game yet."""
        return self.placed + 1 / (self.guesses + 1)


def coin_that_goes_with(way: int, times: int) -> float:
    """How often a coin is right that says the way that was right so many times of all: what that
    tells of the next time (Laplace), and half a time more, as it may have been less by chance than
    it should. Never less than half: who goes against it is no better for it."""
    return max(0.5, (way + 1.5) / (times + 2))


def chance_to_be_right(size: float, coin: float = 0.5) -> float:
    """Of one who knows, of a thing of so many units: two to one for one, and twice that for each
    further unit, where a coin has even odds."""
    return 1 / (1 + (1 - coin) / coin * 2.0**-size)


def chance_of_a_coin(*wagers: Wager) -> float:
    """At most how probable it is that a coin ever comes as far as this, in all of them together."""
    return min(1.0, len(wagers) / float_sum(one.worth for one in wagers))
