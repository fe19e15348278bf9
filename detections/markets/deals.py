"""What trades within a set of parties come to: their worth, who earned, whether they take turns."""

from collections.abc import Sequence

from detections.float_sum import float_sum
from detections.markets.counterparties import Deal
from detections.markets.trading_circles import is_of_two_sides, one_way, positions_after

#: Who rests, and who takes, in this part of his trades or more takes turns.
_TURNS = 0.25
#: Trades of a pair that mostly go one way, as they do round a circle.
_ONE_WAY = 0.5


def value_of(deals: Sequence[Deal]) -> float:
    """In the quote currency; in tokens where there are no prices."""
    return float_sum(deal.quantity * (1.0 if deal.price is None else deal.price) for deal in deals)


def earned_share(deals: Sequence[Deal]) -> float:
    """The most that a member earned from the others, as a part of what he traded.

    Sales less purchases, in the quote currency, and what is left of the position at the mean price.
    0 where there are no prices.
    """
    cash: dict[str, float] = {}
    traded: dict[str, float] = {}
    quantity = worth = 0.0
    for deal in deals:
        if deal.price is None:
            return 0.0
        value = deal.quantity * deal.price
        quantity, worth = quantity + deal.quantity, worth + value
        cash[deal.seller] = cash.get(deal.seller, 0.0) + value
        cash[deal.buyer] = cash.get(deal.buyer, 0.0) - value
        traded[deal.seller] = traded.get(deal.seller, 0.0) + value
        traded[deal.buyer] = traded.get(deal.buyer, 0.0) + value
    mean, left = worth / quantity, positions_after(deals)
    return max(
        (abs(cash[one] + left[one] * mean) / mine for one, mine in traded.items() if mine),
        default=0.0,
    )


def take_turns(deals: Sequence[Deal]) -> bool:
    """Whether each member both rests and takes, in a good part of his trades."""
    took: dict[str, int] = {}
    trades: dict[str, int] = {}
    for deal in deals:
        if deal.buyer_took is None:
            return False
        taker = deal.buyer if deal.buyer_took else deal.seller
        took[taker] = took.get(taker, 0) + 1
        for one in (deal.seller, deal.buyer):
            trades[one] = trades.get(one, 0) + 1
    return all(_TURNS <= took.get(one, 0) / number <= 1 - _TURNS for one, number in trades.items())


def goes_round(deals: Sequence[Deal]) -> bool:
    """Whether it goes round, or all trade with all, or take turns: not makers and customers."""
    return (
        not is_of_two_sides(deals)
        or (one_way(deals) >= _ONE_WAY and len(positions_after(deals)) > 2)
        or take_turns(deals)
    )


def names_in(deals: Sequence[Deal]) -> tuple[str, ...]:
    """All names of the parties: accounts, wallets, investors."""
    return tuple(dict.fromkeys(user for deal in deals for user in deal.witness.related_user))
