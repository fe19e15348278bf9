"""Whose trading before an event was unusual: against all others', and against its own past."""

from collections.abc import Collection, Iterator, Mapping
from statistics import median
from typing import NamedTuple

from msgspec import Struct

from detections.float_sum import float_sum
from detections.markets.improbable_dealing import (
    by_chance,
    chance_among,
    chance_of_own,
    chance_of_side,
)
from detections.markets.peers import Nets, Sizes
from detections.markets.trading_history import Flow, TradingHistory
from pipeline.units import MINUTE

#: Median absolute deviation to standard deviation, of a normal distribution.
_MAD = 1.4826
_NARROWEST = 5 * MINUTE
_STEP = 4
_MOST_WINDOWS = 4
_MOST_PAST = 60
#: Where so many of those who traded had never traded before, it says nothing that one hadn't.
_MANY_NEW = 0.3


class Unusual(Struct, frozen=True):
    """What one party traded in the window before an event, in the direction of its effect."""

    party: str
    history: TradingHistory
    flow: Flow
    window: int
    """Nanoseconds before the event; one of several that were tried."""
    step: int
    """How many wider ones were tried before it."""
    quantity: float
    """Net, in the direction that the event moved the price; whole units."""
    deviations: float | None
    """Robust deviations from what others did in this time and in as long times before; None if
    these were too few."""
    as_much_before: int
    """In how many times before somebody traded as much net, on either side."""
    times_before: int
    """In how many as long times before anything is known."""
    parties_as_much: int
    """How many parties dealt as much net in one of those times, on either side."""
    parties_before: int
    """How many dealt at all in them."""
    of_usual: float | None
    """How many times what it did at most in as long a time before, or what is beyond three robust
    deviations of that; None if its past isn't known, or it never traded."""
    first_time: bool | None
    """It had not traded the asset before; None where it isn't known, or many hadn't."""
    share: float
    """Of all that was traded on that side in the window."""
    expected: float | None
    """How many of its class, newcomers or others, would have dealt as improbably by chance (see
    `detections.markets.improbable_dealing`); None where it deviates less than asked for, or there
    are too few others."""


class _Past(NamedTuple):
    """What all did in times as long as the window, the newest first."""

    nets: dict[str, dict[int, float]]
    """By party and place of the time before: 1 is the one right before the window."""
    gross: dict[str, dict[int, float]]
    """The same, of what it bought and sold."""
    most: dict[int, float]
    """The most that one party did net in it."""
    peaks: list[float]
    """The most that each party did net in one of them."""
    times: int


def windows(longest: int, known: int) -> Iterator[tuple[int, int]]:
    """Times before an event to look at, the longest first: those that fit twice into what is known.

    So there is as long a time before to compare with. Where none fits it is all that is known.
    """
    window, step = longest, 0
    while step < _MOST_WINDOWS and window >= _NARROWEST:
        if 2 * window <= known:
            yield window, step
            step += 1
        window //= _STEP
    if step == 0 and known > 0:
        yield min(longest, known), 0


def unusual(
    histories: Mapping[str, TradingHistory],
    event: int,
    window: int,
    step: int,
    known_since: int,
    *,
    rising: bool,
    one_sided: float,
    deviations: float,
) -> list[Unusual]:
    """Of each party that traded on the right side: what it did in the window before the event.

    `one_sided` is the least part of what it traded that must be left over on that side. How
    improbable it is is only asked of who deviates by so many `deviations` from others.
    """
    begin, sign = event - window, 1.0 if rising else -1.0
    flows: dict[str, Flow] = {}
    new = 0
    for party, history in histories.items():
        flow = history.between(begin, event)
        if flow.gross > 0:
            flows[party] = flow
            new += history.since >= begin
    past = _past(histories, begin, window, known_since)
    long_known = known_since <= event - 2 * window
    tells = long_known and new <= max(1.0, _MANY_NEW * len(flows))
    total = float_sum(flow.bought if rising else flow.sold for flow in flows.values())
    nets = Nets({party: sign * flow.net for party, flow in flows.items()}, _values(past.nets))
    sizes = Sizes({party: flow.gross for party, flow in flows.items()}, _values(past.gross))
    found: list[Unusual] = []
    for party, flow in flows.items():
        net, history = sign * flow.net, histories[party]
        if net <= 0 or net < one_sided * flow.gross:
            continue
        first = history.since >= begin
        own = past.nets.get(party, {})
        away = nets.deviations(party)
        newcomer = first and long_known
        expected = None
        if away is not None and away >= deviations:
            chance = _chance(party, flow, net, sizes, past, newcomer)
            expected = chance * (new if newcomer else len(flows) - new * long_known)
        found.append(
            Unusual(
                party,
                history,
                flow,
                window,
                step,
                net,
                away,
                sum(most >= net for most in past.most.values()),
                past.times,
                sum(peak >= net for peak in past.peaks),
                len(past.peaks),
                None if first or not long_known else _of_usual(net, own, past.times),
                first if tells else (None if first else False),
                net / total if total else 0.0,
                expected,
            )
        )
    return found


def _values(by_place: Mapping[str, dict[int, float]]) -> dict[str, Collection[float]]:
    return {party: own.values() for party, own in by_place.items()}


def _past(
    histories: Mapping[str, TradingHistory], begin: int, window: int, known_since: int
) -> _Past:
    count = min(_MOST_PAST, max(0, (begin - known_since) // window))
    nets: dict[str, dict[int, float]] = {}
    gross: dict[str, dict[int, float]] = {}
    most: dict[int, float] = {}
    peaks: list[float] = []
    for party, history in histories.items():
        own: dict[int, float] = {}
        both: dict[int, float] = {}
        for run in history.runs:
            place = (begin - 1 - run.last) // window + 1
            if 1 <= place <= count and run.last - run.first <= window:
                own[place] = own.get(place, 0.0) + run.bought - run.sold
                both[place] = both.get(place, 0.0) + run.bought + run.sold
        if own:
            nets[party], gross[party] = own, both
            peaks.append(max(map(abs, own.values())))
            for place, net in own.items():
                most[place] = max(abs(net), most.get(place, 0.0))
    return _Past(nets, gross, most, peaks, count)


def _chance(party: str, flow: Flow, net: float, sizes: Sizes, past: _Past, newcomer: bool) -> float:
    """How probable it is that who knows nothing deals like this."""
    size = chance_among(flow.gross, sizes.of_others(party))
    if not newcomer:
        own = past.gross.get(party, {})
        alone = chance_of_own(flow.gross, [*own.values(), *[0.0] * (past.times - len(own))])
        size = max(size, alone or 0.0)
    return by_chance(size, chance_of_side(flow.sizes, net))


def _of_usual(value: float, own: Mapping[int, float], count: int) -> float | None:
    if not own or not any(own.values()):
        return None
    past = [*own.values(), *[0.0] * (count - len(own))]
    most = max(abs(one) for one in past)
    middle = median(past)
    spread = _MAD * median([abs(one - middle) for one in past])
    return value / max(most, abs(middle) + 3 * spread)
