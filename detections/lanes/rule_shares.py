"""A part of a lane's rules, so that the rules of one busy asset can run in several processes.

Which part a rule is of depends on what it is of only, a correlator's name, and never on the other
rules: so a rule that is added or taken away moves no other. Rules of single events and correlations
stay together in the first part, since correlations count what those find.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import msgspec

from detections.correlators.base import correlators
from detections.rules.rule_set import RuleSet

#: What correlators take of an event of an order log, in microseconds on one machine: it matters
#: only how they compare. Measured over the tape of `benchmarks.recovery`.
_COSTS: Mapping[str, float] = {
    "accumulation": 0.78,
    "cancel_rates": 1.13,
    "flipping": 1.82,
    "insider_dealing": 0.73,
    "inter_venue_layering": 1.26,
    "layering": 1.73,
    "marking_the_close": 0.37,
    "momentum_ignition": 0.63,
    "novelty": 1.71,
    "pinging": 1.01,
    "price_move": 1.69,
    "pump_and_dump": 1.24,
    "quote_stuffing": 1.33,
    "ramping": 0.62,
    "spoofing": 1.13,
    "vacuuming": 1.82,
    "wash_circular": 0.37,
}
_COST = 0.2
#: What the first part has besides: rules of single events, and correlations.
_FIRST = 4.5


def share_of(rules: RuleSet, number: int, shares: int) -> RuleSet:
    """The rules of one of so many parts; `number` counts from 0."""
    mine = {name for name, share in _shares(shares).items() if share == number}
    return msgspec.structs.replace(
        rules,
        sigma=rules.sigma if number == 0 else (),
        correlators=tuple(one for one in rules.correlators if one.correlator in mine),
        correlations=rules.correlations if number == 0 else (),
    )


@cache
def _shares(shares: int) -> Mapping[str, int]:
    """The part of each correlator: the dearest first, each to where there is least."""
    load = [_FIRST, *(0.0 for _ in range(shares - 1))]
    found: dict[str, int] = {}
    for name in _dearest(tuple(correlators())):
        least = load.index(min(load))
        found[name] = least
        load[least] += _COSTS.get(name, _COST)
    return found


def _dearest(names: Sequence[str]) -> Sequence[str]:
    return sorted(names, key=lambda name: (-_COSTS.get(name, _COST), name))
