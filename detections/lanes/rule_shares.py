"""A part of a lane's rules, so that the rules of one busy asset can run in several processes.

Which part a rule is of depends on its correlator only, among those of this version, and never on
the other rules: so a rule that is added or taken away moves no other. Rules of single events and
correlations stay together in the first part, since correlations count what those find.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache

import msgspec

from detections.correlators.base import correlators
from detections.float_sum import float_sum
from detections.rules.rule_set import RuleSet

#: What correlators take of an event of an order log, in microseconds on one machine: it matters
#: only how they compare. Measured by `python -m benchmarks.correlator_costs`.
_COSTS: Mapping[str, float] = {
    "accumulation": 0.66,
    "auction_orders": 0.15,
    "cancel_rates": 1.76,
    "cross_market": 0.10,
    "dormant_account": 0.34,
    "flipping": 3.93,
    "improbable_prices": 0.75,
    "inferred_layering": 0.27,
    "insider_dealing": 0.72,
    "inter_venue_layering": 0.24,
    "layering": 4.82,
    "marking_the_close": 0.99,
    "marking_the_open": 0.13,
    "message_bursts": 0.58,
    "momentum_ignition": 0.61,
    "moved_layers": 0.16,
    "novelty": 1.88,
    "odd_open": 0.27,
    "oracle_deviation": 0.11,
    "pinging": 1.70,
    "price_move": 2.72,
    "pump_and_dump": 1.43,
    "quote_stuffing": 2.01,
    "ramping": 0.72,
    "spoofing": 1.79,
    "spoofing_attempts": 0.43,
    "vacuuming": 2.01,
    "wash_circular": 1.41,
    "wash_items": 0.10,
    "wash_matched_orders": 0.72,
    "wash_statistics": 0.19,
    "wash_trading": 0.20,
    "wash_turnover": 0.46,
}
#: Of any other.
_COST = 0.03
#: What the first part has besides: rules of single events, and correlations.
_FIRST = 3.7
#: What the order books take of a part that has a correlator which looks at them.
_BOOKS = 2.5


def share_of(rules: RuleSet, number: int, shares: int) -> RuleSet:
    """The rules of one of so many parts; `number` counts from 0."""
    mine = {name for name, share in _shares(shares).items() if share == number}
    return msgspec.structs.replace(
        rules,
        sigma=rules.sigma if number == 0 else (),
        correlators=tuple(one for one in rules.correlators if one.correlator in mine),
        correlations=rules.correlations if number == 0 else (),
    )


def cost_of(names: Collection[str], number: int) -> float:
    """What a part that has these correlators takes of an event, in the same microseconds."""
    known = correlators()
    books = _BOOKS if any(known[name].uses_books for name in names) else 0.0
    own = float_sum(_COSTS.get(name, _COST) for name in names)
    return books + own + (_FIRST if number == 0 else 0.0)


@cache
def _shares(shares: int) -> Mapping[str, int]:
    """The part of each correlator.

    Who looks at books is in the last parts: in so many that the fullest part has the least to do.
    """
    divided = [_divided(shares, with_books) for with_books in range(1, shares + 1)]
    return min(divided, key=_fullest)[1]


def _divided(shares: int, with_books: int) -> tuple[float, Mapping[str, int]]:
    """The dearest first, each to where there is least; and what the fullest part has to do."""
    load = [_FIRST, *(0.0 for _ in range(shares - 1))]
    for number in range(shares - with_books, shares):
        load[number] += _BOOKS
    found: dict[str, int] = {}
    known = correlators()
    for name in _dearest(tuple(known)):
        first = shares - with_books if known[name].uses_books else 0
        least = min(range(first, shares), key=load.__getitem__)
        found[name] = least
        load[least] += _COSTS.get(name, _COST)
    return max(load), found


def _fullest(divided: tuple[float, Mapping[str, int]]) -> float:
    return divided[0]


def _dearest(names: Sequence[str]) -> Sequence[str]:
    return sorted(names, key=lambda name: (-_COSTS.get(name, _COST), name))
