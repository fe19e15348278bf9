"""Lots by wallet, moved on by transfers: what the correlators on holding periods remember."""

from msgspec import Struct, field

from detections.cap_table.evidence import trace
from detections.cap_table.lots import UNKNOWN, Lot, moved, put, settle, take
from detections.cap_table.movements import CUSTODIAN, TERMS, Movement, Terms, has, movement
from detections.engine.correlator_state import Whole
from detections.idlest import latest
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer

MOST_TOKENS = 1_000


class Room(Struct, frozen=True):
    """How much of a token is remembered."""

    wallets: int = 100_000
    """Beyond it the one longest without a transfer is forgotten."""
    lots: int = 256
    """Lots of one wallet that are told apart."""


ROOM = Room()


class Purse(Struct, array_like=True):
    """What a wallet holds, as far as it is known."""

    lots: list[Lot] = field(default_factory=list[Lot])
    short: bool = False
    """It had tokens that aren't known here: it sent more than it was known to have, or may be one
    of those that were forgotten."""


class LotBook(Struct):
    """A token's wallets, the idlest first."""

    purses: dict[str, Purse] = field(default_factory=dict[str, Purse])
    whole: bool = True
    """The first transfer that was seen was an issue; else the token is older than what was seen."""
    begun: bool = False
    given_up: int = 0
    """Lots whose times were forgotten for want of room."""
    forgotten: int = 0
    """Wallets whose lots were: one that is new from then on may be any of them."""


class Moved(Struct, frozen=True, gc=False):
    """What a transfer moved."""

    kind: Movement
    lots: tuple[Lot, ...] = ()
    """What left the source, with its times there. Empty for an issue."""
    unsure: bool = False
    """The source had tokens before what was seen, so which of them left is not sure."""


NOTHING = Moved("nothing")


def book_of(books: dict[str, LotBook], event: TokenTransfer) -> LotBook:
    """The token's book; a new one where it is not known. The idlest token gives way."""
    key = event.token_id or event.contract or event.token_address or ""
    return latest(books, key, MOST_TOKENS, LotBook)


def move(
    book: LotBook,
    event: TokenTransfer,
    free_before: int,
    terms: Terms = TERMS,
    room: Room = ROOM,
) -> Moved:
    """Take a transfer. Lots of before `free_before` need not be told apart any more.

    - A new issue begins a lot, and so does what the issuer hands out of its own wallets.
    - A sale gives the buyer the lot's `issued` and `since`: who buys from a non-affiliate goes on
      with the period that has begun (230.144(d)(1)). From an affiliate it begins anew.
    - What changes no owner (`carry`) keeps all times. Of a custodian each gets back first what was
      his own, whoever else's lies with it.
    - What the source is not known to have has unknown times.
    """
    kind = movement(event, terms)
    if not book.begun:
        if kind == "nothing":
            return NOTHING
        book.begun = True
        book.whole = kind == "issue"
    if kind == "nothing":
        return NOTHING
    now, amount = event.timestamp, int(event.amount_raw)
    purses = book.purses
    source = event.source_address
    lots: list[Lot] = []
    unsure = not book.whole
    if kind != "issue" or event.transfer_type != "mint":
        purse = purses.get(source)
        missing = amount
        if purse is not None:
            back = CUSTODIAN in event.source_labels
            lots, missing = take(purse.lots, amount, _receiver(event) if back else "")
            unsure = unsure or purse.short
            if not purse.lots and not missing and not purse.short:
                del purses[source]
        if missing:
            lots.append(Lot(UNKNOWN, UNKNOWN, UNKNOWN, Whole(missing)))
            _purse(book, source, room).short = unsure = True
    burned = event.transfer_type == "burn" or event.destination_address == ZERO_ADDRESS
    if kind != "redemption" or not burned:
        _receive(book, event, kind, lots, now, amount, free_before, terms, room)
    return Moved(kind, tuple(lots), unsure)


def _receive(
    book: LotBook,
    event: TokenTransfer,
    kind: Movement,
    lots: list[Lot],
    now: int,
    amount: int,
    free_before: int,
    terms: Terms,
    room: Room,
) -> None:
    purse = _purse(book, event.destination_address, room)
    if kind == "issue":
        put(purse.lots, Lot(now, now, now, Whole(amount), trace(event)))
    elif kind in ("carry", "redemption"):
        kept = CUSTODIAN in event.destination_labels
        sender = event.source_investor or event.source_address
        for lot in lots:
            put(purse.lots, moved(lot, owner=(lot.owner or sender) if kept else ""))
    elif has(event.source_labels, terms.affiliate):
        seen = trace(event)
        for lot in lots:
            put(purse.lots, Lot(now, now, lot.issued, lot.amount, seen))
    else:
        for lot in lots:
            put(purse.lots, Lot(now, lot.since, lot.issued, lot.amount, lot.origin))
    book.given_up += settle(purse.lots, free_before, room.lots)


def _receiver(event: TokenTransfer) -> str:
    return event.destination_investor or event.destination_address


def _purse(book: LotBook, wallet: str, room: Room) -> Purse:
    def forget(idle: str) -> None:
        del book.purses[idle]
        book.forgotten += 1

    return latest(
        book.purses, wallet, room.wallets, lambda: Purse(short=book.forgotten > 0), forget
    )
