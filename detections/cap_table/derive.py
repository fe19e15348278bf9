"""A token's cap table out of lines of events, from any source of them."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field

from detections.cap_table.lot_book import Room
from detections.cap_table.table import CapTable, change_of
from detections.idlest import drop_idlest
from detections.reading import NotAnEvent, read_event
from normalizer.events.chain_state import ChainReorganised
from pipeline.event_sources import Batch
from pipeline.problems import Location, Problem

#: Lines without any of these say nothing about holders; most lines have none.
_MARKS = (
    *(b"token-transfer", b"-frozen", b"-unfrozen", b"wallet-recovered", b"tokens-issued"),
    *(b"tokens-redeemed", b"controller-redemption", b"partition-", b"chain-reorganised"),
)
_MOST_TABLES = 1_000
#: Events that are known by their ids, so that one that comes again counts once.
_REMEMBERED = 200_000


class Wanted(Struct, frozen=True, kw_only=True):
    """Which token, and until when."""

    token: str
    """Its id or symbol in the reference data, or the address of a contract."""
    chain_id: int | None = None
    block: int | None = None
    """The last block that counts."""
    until: int | None = None
    """Events at this time or later don't count; nanoseconds since the epoch."""
    room: Room = Room()


class Derived(Struct):
    """What was found: tables by chain and contract, and how much was read."""

    tables: dict[tuple[int, str], CapTable]
    lines: int = 0
    repeated: int = 0
    seen: dict[str, None] = field(default_factory=dict[str, None])
    others: dict[str, None] = field(default_factory=dict[str, None])
    """Names of other tokens."""
    chains: set[int] = field(default_factory=set[int])
    """Where the token is besides the chain that is wanted."""
    later: tuple[int, int] | None = None
    """Time and block of the first event that comes too late to count."""


def derive(
    batches: Iterable[Batch],
    wanted: Wanted,
    *,
    on_batch: Callable[[Batch], None] = lambda _: None,
    report: Callable[[Problem], None] = lambda _: None,
) -> Derived:
    """Read all batches. Lines that should matter and can't be read are reported."""
    derived = Derived({})
    name = wanted.token.lower()
    for batch in batches:
        derived.lines += len(batch.lines)
        for number, line in enumerate(batch.lines, batch.first):
            if any(mark in line for mark in _MARKS) or not _looks_whole(line):
                try:
                    _take(derived, line, wanted, name)
                except NotAnEvent as error:
                    place = Location(file=batch.place, line=number, column=error.column)
                    report(Problem(location=place, code="event/unreadable", message=str(error)))
        on_batch(batch)
    for table in derived.tables.values():
        table.finish()
    return derived


def _looks_whole(line: bytes) -> bool:
    """Whether it may be a whole event. One that is cut off may be about holders for all we know."""
    text = line.strip()
    return not text or (text.startswith(b"{") and text.endswith(b"}"))


def _take(derived: Derived, line: bytes, wanted: Wanted, name: str) -> None:
    record = read_event(line).record
    if isinstance(record, ChainReorganised):
        for (chain_id, _), table in derived.tables.items():
            if chain_id == record.chain_id:
                for orphaned in table.take_back(record):
                    # The chain may come back to it, and then it counts again.
                    derived.seen.pop(orphaned.id, None)
        return
    event = change_of(record)
    if event is None:
        return
    contract = event.contract or event.token_address
    if contract is None or name not in (
        contract.lower(),
        (event.token_id or "").lower(),
        (event.token_symbol or "").lower(),
    ):
        if len(derived.others) < _MOST_TABLES:
            derived.others.update(dict.fromkeys(filter(None, (event.token_id, event.token_symbol))))
        return
    if wanted.chain_id is not None and event.chain_id != wanted.chain_id:
        if len(derived.chains) < _MOST_TABLES:
            derived.chains.add(event.chain_id)
        return
    if (wanted.block is not None and event.block_number > wanted.block) or (
        wanted.until is not None and event.timestamp >= wanted.until
    ):
        here = event.timestamp, event.block_number
        derived.later = here if derived.later is None else min(derived.later, here)
        return
    if event.id in derived.seen:
        derived.repeated += 1
        return
    derived.seen[event.id] = None
    if len(derived.seen) > _REMEMBERED:
        drop_idlest(derived.seen, _REMEMBERED)
    key = (event.chain_id, contract)
    table = derived.tables.get(key)
    if table is None:
        if len(derived.tables) >= _MOST_TABLES:
            return  # who named them must say which anyway
        table = derived.tables[key] = CapTable(event.chain_id, contract, wanted.room)
    table.take(event)


def named(tables: Sequence[CapTable]) -> str:
    """The contracts, for a person who must choose one."""
    return ", ".join(f"{one.contract} on chain {one.chain_id}" for one in tables)
