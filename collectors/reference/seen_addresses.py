"""The wallets that the stream EVENTS names, for those who are asked about wallets.

After a start the last day of EVENTS is read again: whom the provider was asked about already, its
own records tell (:func:`screened`). What was seen longer ago, and not asked about before the
process ended, is asked about when it is seen again.
"""

import time
from collections.abc import Collection

import msgspec
import structlog
from msgspec import Struct, field

from pipeline.bus import Bus, MessagesExpired, Stream
from pipeline.bus.lane_order import is_order
from pipeline.bus.reader import StreamReader
from pipeline.bus.reference_history import ReferenceHistory
from pipeline.reference_changes import decode_chunk, decode_record
from pipeline.reference_records import Risk, moment

log = structlog.get_logger(__name__)

#: Seconds of EVENTS that are read again after a start.
LOOK_BACK = 86_400
#: Messages of EVENTS in one round; the rest is read in the next.
MOST_MESSAGES = 5_000
_AT_ONCE = 256
#: How long more is waited for, in seconds, before a round is over.
_PATIENCE = 0.2
_NOBODY = frozenset(("0x" + 40 * "0", "11111111111111111111111111111111"))


class _Parties(Struct):
    """What an event says of wallets. Of any other event it is empty."""

    token: str | None = field(name="token.id", default=None)
    token_address: str | None = field(name="token.address", default=None)
    source: str | None = field(name="source.address", default=None)
    destination: str | None = field(name="destination.address", default=None)
    investor: str | None = field(name="investor.address", default=None)
    sender: str | None = field(name="market.pool.sender", default=None)
    recipient: str | None = field(name="market.pool.recipient", default=None)
    owner: str | None = field(name="market.pool.position_owner", default=None)
    spender: str | None = field(name="token.spender.address", default=None)
    contract: str | None = field(name="blockchain.contract.address", default=None)

    def wallets(self) -> list[str]:
        """The wallets of an event of a watched token, without contracts of the token itself."""
        if self.token is None and self.token_address is None:
            return []
        named = (
            *(self.source, self.destination, self.investor, self.spender),
            *(self.sender, self.recipient, self.owner),
        )
        own = {self.token_address, self.contract}
        return [one for one in named if one and one not in own and one not in _NOBODY]


_decoder = msgspec.json.Decoder(_Parties)


class EventAddresses:
    """A :class:`collectors.reference.screening.SeenAddresses` over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._reader: StreamReader | None = None

    async def new(self) -> Collection[str]:
        """The wallets in what came since it was asked before, each once, the latest last."""
        if self._reader is None:
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - LOOK_BACK))
            self._reader = self._bus.reader(Stream.EVENTS, after=0, start_time=since)
        found: dict[str, None] = {}
        messages = 0
        while messages < MOST_MESSAGES:
            try:
                batch = await self._reader.batch(_AT_ONCE, wait=_PATIENCE)
            except MessagesExpired:
                continue  # nobody asks about wallets of which nothing is known any more
            if not batch:
                break
            messages += len(batch)
            for message in batch:
                if not is_order(message):
                    for line in message.data.split(b"\n"):
                        found |= dict.fromkeys(_wallets(line))
        return list(found)

    async def close(self) -> None:
        """End reading."""
        if self._reader is not None:
            await self._reader.close()
            self._reader = None


async def screened(bus: Bus, source: str) -> list[tuple[str, int]]:
    """Whom a source has asked about, and when (nanoseconds since the epoch), by its own records."""
    history = ReferenceHistory(bus)
    found: dict[str, int] = {}
    for message in await history.messages(source, 0, await history.newest(source)):
        for change in decode_chunk(message.data).changes:
            record = None if change.withdrawn else decode_record(change)
            if isinstance(record, Risk) and record.checked is not None:
                found[record.address] = moment(record.checked)
    return list(found.items())


def _wallets(line: bytes) -> list[str]:
    try:
        return _decoder.decode(line).wallets()
    except msgspec.MsgspecError:
        return []  # of another version: what reads the event says so
