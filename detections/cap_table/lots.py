"""Lots: parts of a holding that were got at one time, and what leaves first.

FIFO, the usual assumption where tokens can't be told apart: what a holder got first leaves first.
"""

from bisect import insort
from operator import attrgetter

from msgspec import Struct

from detections.alerting.findings import Witness
from detections.engine.correlator_state import Whole

#: When something was got is not known: long before everything, so that no period runs from it.
UNKNOWN = -(1 << 62)
#: Of lots that were put together since nobody asks for their times any more.
FREE = UNKNOWN + 1
#: So many lots in one place are worth looking for ones that may be put together.
_MANY = 16


class Lot(Struct, array_like=True, gc=False):
    """Tokens that were got together. Times are event times in nanoseconds, or UNKNOWN."""

    acquired: int
    """When the holder got it, or whoever's holding time counts for the holder."""
    since: int
    """When it was last got from the issuer or an affiliate of it (17 CFR 230.144(d)(1))."""
    issued: int
    """When it was issued."""
    amount: Whole
    origin: Witness | None = None
    """The event of `since`."""
    owner: str = ""
    """Who gave it into custody, where a custodian has it."""


_acquired = attrgetter("acquired")


def take(lots: list[Lot], amount: int, owner: str = "") -> tuple[list[Lot], int]:
    """Take so much out: what is of `owner` first, then the first first. Returns it, and how much
    is missing."""
    taken: list[Lot] = []
    place = _next(lots, 0, owner)
    while amount > 0 and lots:
        if place == len(lots):  # nothing of his is left
            owner, place = "", 0
        first = lots[place]
        if first.amount <= amount:
            amount -= first.amount
            taken.append(lots.pop(place))
            place = _next(lots, place, owner)
        else:
            taken.append(moved(first, Whole(amount)))
            first.amount = Whole(first.amount - amount)
            amount = 0
    return taken, amount


def moved(lot: Lot, amount: Whole | None = None, owner: str = "") -> Lot:
    """The lot, or a part of it, in another's hands with all its times."""
    size = lot.amount if amount is None else amount
    return Lot(lot.acquired, lot.since, lot.issued, size, lot.origin, owner)


def _next(lots: list[Lot], place: int, owner: str) -> int:
    while owner and place < len(lots) and lots[place].owner != owner:
        place += 1
    return place


def put(lots: list[Lot], lot: Lot) -> None:
    """Put a lot in at its place by the time of acquisition, behind those of the same time."""
    if lots and lots[-1].acquired > lot.acquired:
        insort(lots, lot, key=_acquired)
        return
    if lots and _alike(lots[-1], lot):
        lots[-1].amount = Whole(lots[-1].amount + lot.amount)
    else:
        lots.append(lot)


def settle(lots: list[Lot], free_before: int, most: int) -> int:
    """Put together what needs no telling apart, in place.

    Of the first lots, as far as they were issued and got before `free_before`, all of one owner
    become one of FREE: exact for whoever asks only what is younger. If more than `most` are left,
    the times of the oldest become unknown, to the holder's advantage. Returns how many lost theirs.
    """
    if len(lots) <= _MANY:
        return 0
    free = 0
    while free < len(lots) and lots[free].since < free_before and lots[free].issued < free_before:
        free += 1
    owners: dict[str, list[Lot]] = {}
    for lot in lots[:free]:
        owners.setdefault(lot.owner, []).append(lot)
    if len(owners) < free:
        lots[:free] = sorted(map(_as_one, owners.values()), key=_acquired)
        free = len(owners)
    merged = len(lots) - most + 1
    if merged <= 1:
        return 0
    one = _as_one(lots[:merged])
    one.owner = ""
    if merged > free:
        one.acquired = one.since = one.issued = UNKNOWN
    lots[:merged] = [one]
    return max(0, merged - free)


def _as_one(lots: list[Lot]) -> Lot:
    """Lots of one owner that are free, put together; a single one stays as it is."""
    if len(lots) == 1:
        return lots[0]
    time = FREE if all(one.since != UNKNOWN for one in lots) else UNKNOWN
    return Lot(time, time, time, Whole(sum(one.amount for one in lots)), owner=lots[0].owner)


def _alike(a: Lot, b: Lot) -> bool:
    return (
        a.acquired == b.acquired
        and a.since == b.since
        and a.issued == b.issued
        and a.owner == b.owner
        and (a.origin is b.origin or (a.origin and a.origin.id) == (b.origin and b.origin.id))
    )
