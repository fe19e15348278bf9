"""Cases on a bus: the stream CASES, one subject for each case, written by several at once.

Who writes names the activity that theirs comes behind (`Nats-Expected-Last-Subject-Sequence`). So
of two who do something to the same case at the same time the server refuses the second, who has to
look again: nobody approves what they have not seen.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Self

import msgspec
import nats.errors
import nats.js.errors
import structlog
from msgspec import Struct

from evidence.cases.actions import About, Wish, do, opened
from evidence.cases.state import Case, advance, fold
from normalizer.events import CaseActivity
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.publisher import EXPECTED_LAST, MESSAGE_ID, WRONG_LAST_SEQUENCE
from pipeline.failure import Failure

#: How long one waits for a message that the server says to be there.
_WAIT = 10.0
_AT_ONCE = 256
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")

log = structlog.get_logger(__name__)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CaseActivity)


class CaseChanged(Exception):
    """Somebody else was faster: what was wanted was not done. Look at the case again."""

    def __init__(self, case: str) -> None:
        self.case = case
        super().__init__(f"{case} was changed meanwhile: look at it again; nothing was done")


class StoredCase(Struct):
    """A case, and where its newest activity lies in the stream; 0 before the first."""

    case: Case | None
    sequence: int = 0


class CaseStore:
    """Reads and writes cases. What it gives is not changed by others: load again to see more."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @classmethod
    async def open(cls, bus: Bus) -> Self:
        """The cases of a bus."""
        return cls(bus)

    async def load(self, case: str) -> StoredCase:
        """The case as it is now."""
        messages = await self._messages(case)
        found = fold(activity for one in messages if (activity := readable(one)) is not None)
        return StoredCase(found, messages[-1].sequence if messages else 0)

    async def load_named(self, case: str) -> StoredCase | None:
        """The case of an id that somebody gave; None for what is no id of one."""
        if not _ID.fullmatch(case):
            return None
        found = await self.load(case)
        return found if found.case is not None else None

    async def history(self, case: str) -> list[CaseActivity]:
        """All that was done to a case, in its order; nothing for one that isn't there."""
        messages = await self._messages(case)
        return [activity for one in messages if (activity := readable(one)) is not None]

    async def all(self) -> dict[str, StoredCase]:
        """Every case, by id."""
        found: dict[str, StoredCase] = {}
        async for message in self.messages():
            take(found, message)
        return {one: stored for one, stored in found.items() if stored.case is not None}

    async def messages(self, case: str = ">") -> AsyncIterator[StreamMessage]:
        """What the stream holds now, of one case or of all."""
        subject = self._bus.names.subject(Stream.CASES, case)
        last = await self._last(subject)
        reader = self._bus.reader(Stream.CASES, after=0, subjects=[subject] if case != ">" else ())
        try:
            while reader.position < last:
                async with asyncio.timeout(_WAIT):
                    batch = await reader.batch(_AT_ONCE, wait=_WAIT)
                for message in batch:
                    yield message
        finally:
            await reader.close()

    async def append(self, stored: StoredCase, activity: CaseActivity) -> int:
        """Write an activity right behind what was loaded. Returns its sequence in the stream.

        Raises CaseChanged, and Failure where the stream takes nothing.
        """
        subject = self._bus.names.subject(Stream.CASES, activity.case_id)
        headers = {MESSAGE_ID: activity.id, EXPECTED_LAST: str(stored.sequence)}
        try:
            return await self._bus.acknowledgements.publish(
                subject, _encoder.encode(activity), headers
            )
        except nats.js.errors.APIError as error:
            if error.err_code in WRONG_LAST_SEQUENCE:
                raise CaseChanged(activity.case_id) from None
            raise Failure(f"the case can't be written: {error.description}") from error
        except (nats.errors.Error, TimeoutError) as error:
            raise Failure(
                f"no answer whether this was done to the case: look at it again ({error!r})"
            ) from error

    async def do(self, stored: StoredCase, wish: Wish) -> tuple[CaseActivity, StoredCase]:
        """Do what somebody wants to the case that was loaded.

        Raises ActionRefused, CaseChanged and Failure.
        """
        if stored.case is None:
            raise Failure("there is no such case")
        activity, case = do(stored.case, wish)
        sequence = await self.append(stored, activity)
        return activity, StoredCase(case, sequence)

    async def begin(
        self, case: str, about: About, wish: Wish, *, behind: int = 0
    ) -> tuple[CaseActivity, StoredCase]:
        """Open a case. Raises ActionRefused, CaseChanged (it is there already) and Failure.

        `behind`: the sequence of what its subject holds that is no activity, if anything.
        """
        activity, begun = opened(case, about, wish)
        sequence = await self.append(StoredCase(None, behind), activity)
        return activity, StoredCase(begun, sequence)

    async def _messages(self, case: str) -> Sequence[StreamMessage]:
        return [one async for one in self.messages(case)]

    async def _last(self, subject: str) -> int:
        name = self._bus.names.stream(Stream.CASES)
        try:
            found = await self._bus.jetstream.get_last_msg(name, subject)
        except nats.js.errors.NotFoundError:
            return 0
        return found.seq or 0


def decode(data: bytes) -> CaseActivity:
    """An activity by its bytes. Raises msgspec.MsgspecError."""
    return _decoder.decode(data)


def readable(message: StreamMessage) -> CaseActivity | None:
    """An activity as it stands in the stream; None for what is none, which changes no case.

    A case is what its own subject holds: what tells of another case there is none of either.
    """
    try:
        activity = decode(message.data)
    except msgspec.MsgspecError as error:
        log.error("what was done to a case can't be read", place=message.sequence, error=str(error))
        return None
    if activity.case_id != _case_of(message):
        log.error(
            "what was done to a case is in another's place",
            place=message.sequence,
            case=activity.case_id,
            subject=message.subject,
        )
        return None
    return activity


def take(cases: dict[str, StoredCase], message: StreamMessage) -> CaseActivity | None:
    """Bring what is known of all cases up to a message. None where it is no activity."""
    activity = readable(message)
    stored = cases.setdefault(_case_of(message), StoredCase(None))
    if message.sequence > stored.sequence:
        if activity is not None:
            stored.case = advance(stored.case, activity)
        stored.sequence = message.sequence
    return activity


def _case_of(message: StreamMessage) -> str:
    return message.subject.rpartition(".")[2]
