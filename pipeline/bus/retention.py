"""The keeper of the streams: it takes out what everybody has, and says early when room runs out.

RAW, EVENTS and ALERTS refuse what has no room, and JetStream drops nothing of them by itself. So
somebody must purge. The keeper does, and only what all readers have taken and no checkpoint needs:
by size as late as it can, so that as much history stays as fits; by age where messages are older
than `max_age`; and more than that where the disk or JetStream's storage is nearly used up. Several
keepers may run at once: each purges only what any of them might.
"""

import asyncio
import math
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import nats.errors
import nats.js.errors
import structlog

from pipeline.bus.connection import Bus
from pipeline.bus.dead_letter_policy import let_go
from pipeline.bus.reader_names import checkpointed, configured_readers
from pipeline.bus.room import KEPT, LEVELS, Room, look
from pipeline.bus.streams import Stream
from pipeline.cancellation import raise_if_cancelled
from pipeline.config.schema import (
    Configuration,
    DeadLetterExpiry,
    EmbeddedBus,
    StreamLimits,
    Streams,
)
from pipeline.metrics import (
    STREAM_LIMIT,
    STREAM_PURGED,
    STREAM_SIZE,
    STREAM_UNREAD_BYTES,
    STREAM_UNREAD_MESSAGES,
    STREAM_UNREAD_SHARE,
)
from pipeline.source_state import now
from pipeline.units import MIB, about_size

log = structlog.get_logger(__name__)

#: Seconds between two looks.
EVERY = 2.0
#: Seconds between two looks at what is too old: each reads a message.
EVERY_AGE = 60.0
#: Seconds between two looks at which dead letters may go.
EVERY_LETTERS = 3600.0
#: Above this share of its limit a stream is made smaller, down to the other.
HIGH, LOW = 0.8, 0.75
#: Above this share of JetStream's storage, and with less free on its disk, all history may go.
MOST_STORAGE = 0.9
LEAST_FREE = 256 * MIB
#: Purging in parts of what is too much, since only their number tells how large messages are.
PART = 0.5
_BUS_ERRORS = (nats.errors.Error, nats.js.errors.Error, TimeoutError)


class Keeper:
    """Watches and purges the streams of one bus. Changes nothing that a reader still needs."""

    def __init__(
        self,
        bus: Bus,
        streams: Streams,
        configured: Collection[str],
        lanes: Collection[str],
        *,
        store: Path | None = None,
        max_storage: int | None = None,
        every: float = EVERY,
        largest: int | None = None,
        dead_letters: Sequence[DeadLetterExpiry] = (),
    ) -> None:
        """``configured``: the readers that hold what they have not taken. ``lanes``: those of them
        whose checkpoints hold, too. ``store``: where the server keeps its files, when it is ours.
        ``max_storage``: what it may take there, in bytes. ``largest``: bytes of the largest
        message that there will be; what the bus takes, without. ``dead_letters``: which of them go.
        """
        self.bus = bus
        self._streams = streams
        self._configured = frozenset(configured)
        self._lanes = tuple(lanes)
        self._store = store
        self._max_storage = max_storage
        self._every = every
        self._largest = largest or bus.largest_payload
        self._dead_letters = dead_letters
        self._letters_seen = -math.inf
        self._ages_seen: dict[Stream, float] = {}
        self._levels: dict[str, int] = {}
        self._tight = ""
        self._old_checkpoint = ""
        self.rooms: list[Room] = []

    @property
    def problems(self) -> list[str]:
        """What must be seen to now: streams that are nearly full or full, a disk without room."""
        return [
            *(room.sentence() for room in self.rooms if _pressing(room)),
            *([self._tight] if self._tight else []),
            *([self._old_checkpoint] if self._old_checkpoint else []),
        ]

    @property
    def warnings(self) -> list[str]:
        """What will be a problem when it goes on."""
        said = [room.sentence() for room in self.rooms if not _pressing(room)]
        return [sentence for sentence in said if sentence]

    async def run(self) -> None:
        """Look and purge until cancelled, or until the connection is closed for good.

        A bus that is away is looked at again later.
        """
        told = ""
        while not self.bus.client.is_closed:
            try:
                await self.tend()
                await self._tend_letters()
            except _BUS_ERRORS as error:
                log.debug("retention looks again", reason=str(error) or type(error).__name__)
            except Exception as error:  # an error of ours must not stop what keeps everything going
                if told != repr(error):
                    log.error("retention failed and looks again", exc_info=error)
                    told = repr(error)
            await asyncio.sleep(self._every)
            raise_if_cancelled()

    async def tend(self) -> None:
        """Look once, tell, and purge what may and should go. Raises what the bus raises."""
        self.rooms = await look(self.bus, self._configured, self._streams.retire_after)
        self._tell()
        tight = await self._tightness()
        if tight and not self._tight:
            log.error("room runs out", reason=tight)
        self._tight = tight
        for room in self.rooms:
            stream = Stream(room.stream)
            if stream in KEPT and room.messages:
                await self._tend(stream, room, self._limits[stream], bool(tight))

    async def _tend_letters(self) -> None:
        if time.monotonic() - self._letters_seen < EVERY_LETTERS:
            return
        count = await let_go(self.bus, self._dead_letters)
        self._letters_seen = time.monotonic()
        if count:
            log.info("dead letters expired", count=count)

    @property
    def _limits(self) -> Mapping[Stream, StreamLimits]:
        streams = self._streams
        return {
            Stream.RAW: streams.raw,
            Stream.EVENTS: streams.events,
            Stream.ALERTS: streams.alerts,
        }

    async def _tend(
        self, stream: Stream, room: Room, limits: StreamLimits, everything: bool
    ) -> None:
        # The largest message must find room as well, or its writer would wait for ever.
        reserve = min(self._largest, room.limit // 2)
        high = min(HIGH * room.limit, room.limit - reserve)
        low = high * LOW / HIGH
        too_large = room.limit > 0 and room.size > high
        old = 0
        if time.monotonic() - self._ages_seen.get(stream, -math.inf) > EVERY_AGE:
            old = await self._older_than(stream, room, limits.max_age)
            self._ages_seen[stream] = time.monotonic()
        if not (too_large or everything or old >= room.first):
            if stream is Stream.EVENTS:
                self._old_checkpoint = ""
            return
        first, size = room.first, room.size
        known, lane = await self._known_to_lanes(stream, room)
        bound = min(room.taken, known)
        await self._purge(stream, room, bound if everything else min(old, bound))
        if too_large:
            await self._shrink(stream, room, low, bound)
        if too_large and room.size > high and known < room.taken:
            # Without room nothing comes, and where nothing comes no lane has a state to save: what
            # only spare checkpoints need would hold up everything for ever.
            known, lane = await self._known_to_lanes(stream, room, spare=False)
            await self._shrink(stream, room, low, min(room.taken, known))
        if stream is Stream.EVENTS:
            self._old_checkpoint = (
                f"EVENTS is nearly full ({room.size / room.limit:.0%}) since the lane {lane} has "
                "not saved its state for long: see the log of the detections"
                if too_large and room.size > LEVELS[-1] * room.limit and known < room.taken
                else ""
            )
        if room.first > first:
            STREAM_PURGED.labels(room.stream).inc(room.first - first)
            log.info(
                "history was purged",
                stream=room.stream,
                messages=room.first - first,
                freed=about_size(max(0, size - room.size)),
            )

    async def _shrink(self, stream: Stream, room: Room, low: float, bound: int) -> None:
        """Take out messages up to a sequence, until the stream is no larger than `low`."""
        while room.first <= bound and room.size > low:
            mean = max(1, room.size // room.messages)
            part = max(1, math.ceil(PART * (room.size - low) / mean))
            if not await self._purge(stream, room, min(bound, room.first + part - 1)):
                break

    async def _purge(self, stream: Stream, room: Room, until: int) -> bool:
        """Take out the messages up to a sequence, and see what is left; False if nothing was."""
        if until < room.first:
            return False
        name = self.bus.names.stream(stream)
        if not await self.bus.bookmarks.keep(name, room.created, until):
            return False  # another keeper is at it
        await self.bus.jetstream.purge_stream(name, seq=until + 1)
        state = (await self.bus.info(stream)).state
        room.first, room.size, room.messages = state.first_seq, state.bytes, state.messages
        return room.messages > 0

    async def _known_to_lanes(
        self, stream: Stream, room: Room, *, spare: bool = True
    ) -> tuple[int, str]:
        """Up to where no checkpoint needs the stream, and the lane whose checkpoint is the oldest.

        A restart goes back to the newest that can be read, a fork to one from before it. Without
        `spare`, only the newest of each lane counts.
        """
        bound, slowest = room.last, ""
        positions = {holder.reader: holder.position for holder in room.holders}
        for lane in self._lanes if stream is Stream.EVENTS else ():
            checkpoints = await self.bus.checkpoints(lane)
            needed = await checkpoints.needed(room.created, positions.get(lane, 0), spare=spare)
            if needed is not None and needed < bound:
                bound, slowest = needed, lane
        return bound, slowest

    async def _older_than(self, stream: Stream, room: Room, age: int) -> int:
        """The sequence of the last message that is older than an age; 0 when none is."""
        start = datetime.fromtimestamp((now() - age) / 1e9, UTC)
        request = msgspec.json.encode({"start_time": start.isoformat(), "batch": 1})
        answer = await self.bus.client.request(
            f"$JS.API.DIRECT.GET.{self.bus.names.stream(stream)}", request, timeout=5
        )
        headers = answer.headers or {}
        if "Nats-Sequence" in headers:
            return int(headers["Nats-Sequence"]) - 1
        return room.last if headers.get("Status") == "404" else 0

    async def _tightness(self) -> str:
        """Why everything that was taken should go; empty when there is room."""
        if self._store is not None:
            free = await asyncio.to_thread(_free_bytes, self._store)
            if free is not None and free < LEAST_FREE:
                return f"the disk of the bus has only {about_size(free)} free, at {self._store}"
        account = await self.bus.jetstream.account_info()
        limit = account.limits.max_storage
        most = limit if limit > 0 else self._max_storage
        if most and account.storage > MOST_STORAGE * most:
            return (
                f"JetStream's storage is nearly used up: {about_size(account.storage)} of "
                f"{about_size(most)} (bus.max_storage, or the account's limit)"
            )
        return ""

    def _tell(self) -> None:
        for room in self.rooms:
            STREAM_SIZE.labels(room.stream).set(room.size)
            STREAM_LIMIT.labels(room.stream).set(room.limit)
            STREAM_UNREAD_MESSAGES.labels(room.stream).set(room.unread)
            STREAM_UNREAD_BYTES.labels(room.stream).set(room.unread_bytes)
            STREAM_UNREAD_SHARE.labels(room.stream).set(room.share)
            before, level = self._levels.get(room.stream, 0), room.level
            self._levels[room.stream] = level
            if level > before:
                tell = log.error if level >= len(LEVELS) else log.warning
                tell("a stream fills up", stream=room.stream, reason=room.sentence())
            elif level < before:
                log.info("a stream has room again", stream=room.stream, share=round(room.share, 2))


def keeper_of(bus: Bus, config: Configuration) -> Keeper:
    """The keeper of a configuration's streams."""
    embedded = config.bus if isinstance(config.bus, EmbeddedBus) else None
    return Keeper(
        bus,
        config.bus.streams,
        configured_readers(config),
        checkpointed(config),
        store=embedded.path if embedded is not None else None,
        max_storage=embedded.max_storage if embedded is not None else None,
        dead_letters=config.dead_letters,
    )


def _pressing(room: Room) -> bool:
    return room.level >= len(LEVELS) and room.stream != Stream.DEAD.value


def _free_bytes(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None
