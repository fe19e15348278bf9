"""Lots that moved before their period was over, and the sentence about them."""

from collections.abc import Callable, Sequence

from detections.alerting.findings import Finding
from detections.cap_table.calendar import after, day_of
from detections.cap_table.evidence import name_of, names, receiver, sender, tokens, trace, unit_of
from detections.cap_table.lot_book import Moved
from detections.cap_table.lots import FREE, UNKNOWN, Lot
from detections.cap_table.series import Series, extend
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY

#: What no state may lack after a loss: lots can be of any age, so all of EVENTS is read again.
WHOLE_HISTORY = 100 * 365 * DAY
_UNSURE = 0.6
#: Days of acquisition in a sentence.
_MOST_DAYS = 3


def longest(months: int, days: int = 0) -> int:
    """At least as long as so many months and days, in nanoseconds."""
    return (months * 31 + days + 1) * DAY


def too_early(
    moved: Moved, now: int, months: int, begun: Callable[[Lot], int], days: int = 0
) -> Sequence[tuple[Lot, int]]:
    """Lots of which the months and days since `begun` aren't over, each with when they are.

    A lot whose time is not known isn't among them: not to know is no breach.
    """
    found: list[tuple[Lot, int]] = []
    for lot in moved.lots:
        start = begun(lot)
        if start > FREE and (end := after(start, months, days)) > now:
            found.append((lot, end))
    return found


def early_finding(
    event: TokenTransfer,
    moved: Moved,
    early: Sequence[tuple[Lot, int]],
    series: dict[str, Series],
    *,
    rest: int,
    words: str,
    begun: Callable[[Lot], int],
) -> list[Finding]:
    """The alert, if it is due: the first of the sender, and whenever the number has doubled.

    `words` say what began then, such as "issued on".
    """
    amount = sum([lot.amount for lot, _ in early])
    key = f"{event.token_id or event.contract} {event.source_investor or event.source_address}"
    seen = [lot.origin for lot, _ in early if lot.origin is not None]
    seen.append(trace(event))
    told = extend(series, key, amount, seen, event.timestamp, rest)
    if told is None:
        return []
    unit = unit_of(event)
    days = [
        f"{tokens(lot.amount, unit)} {words} {day_of(begun(lot))} and not free before {day_of(end)}"
        for lot, end in early[:_MOST_DAYS]
    ]
    if len(early) > _MOST_DAYS:
        days.append(f"{len(early) - _MOST_DAYS} more lots")
    unknown = sum(lot.amount for lot in moved.lots if begun(lot) == UNKNOWN)
    more = f"; since when {tokens(unknown, unit)} were held is not known" if unknown else ""
    again = f" (for the {_ordinal(told.count)} time)" if told.count > 1 else ""
    doubt = "; it had tokens before what was seen, which may be the ones" if moved.unsure else ""
    sent = sum(lot.amount for lot in moved.lots)
    return [
        Finding(
            entities=names(
                event.source_address,
                event.source_investor,
                event.destination_address,
                event.destination_investor,
            ),
            reason=(
                f"{sender(event)} passed on {tokens(sent, unit)} {name_of(event)} to "
                f"{receiver(event)} on {day_of(event.timestamp)}{again}: {', '.join(days)}"
                f"{more}{doubt}"
            ),
            witnesses=told.witnesses,
            confidence=_UNSURE if moved.unsure else 1.0,
            metrics={
                "early_tokens": amount / unit,
                "early_tokens_of_series": told.amount / unit,
                "days_too_early": (max(end for _, end in early) - event.timestamp) / DAY,
                "times": float(told.count),
            },
            tags=("unsure",) if moved.unsure else (),
        )
    ]


def _ordinal(number: int) -> str:
    ending = (
        "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{ending}"
