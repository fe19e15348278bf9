"""Writing to a stream so that each message is there once, in order."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import nats.errors
import nats.js.errors
import structlog
from nats.js.api import RawStreamMsg
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from pipeline.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    from pipeline.bus.bookmarks import Bookmarks
    from pipeline.bus.connection import Bus

log = structlog.get_logger(__name__)

MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_LAST = "Nats-Expected-Last-Subject-Sequence"
#: Tells two processes apart that do the same and so write the same.
WRITER = "Tapewatch-Writer"
#: JetStream's error codes for another last sequence than the expected one.
WRONG_LAST_SEQUENCE = (10071, 10164)
#: Failed attempts before anybody but the log is told; a new leader or a restart takes as long.
ATTEMPTS_UNTOLD = 4
#: JetStream's answers when there is no room, and what they mean.
NO_ROOM = {
    10077: "the stream has no room (max_size): writing goes on when its readers have taken more",
    10023: "JetStream's storage is used up (bus.max_storage, or the account's limit)",
    10047: "JetStream's storage is used up (bus.max_storage, or the account's limit)",
    10002: "JetStream's storage is used up (bus.max_storage, or the account's limit)",
}


class AnotherWriter(Exception):
    """Something else wrote what only this process may write: it must stop, and look anew."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        super().__init__(
            f"another process writes to {subject} as well: make sure that this stage runs once; "
            "nothing was written twice"
        )


class SubjectWriter:
    """The one writer of a subject: each write is stored exactly once, however long an outage takes.

    JetStream forgets message ids after the duplicate window. So a write also names the message that
    it must come right behind: a second copy, a message of a process that was believed dead, and a
    second process of the same stage are refused by the server, at any time.
    """

    def __init__(
        self, bus: "Bus", stream: str, subject: str, bookmarks: "Bookmarks | None" = None
    ) -> None:
        """``bookmarks``: where the newest message is when retention took it out of the stream."""
        self.subject = subject
        #: Why a write has been waiting for a while; empty when none does.
        self.waiting = ""
        self._bus = bus
        self._stream = stream
        self._bookmarks = bookmarks
        self._name = secrets.token_hex(8)
        self._last: int | None = None

    @property
    def last(self) -> int:
        """Sequence of the newest message of the subject; 0 when there is none."""
        return self._last or 0

    async def newest(self) -> RawStreamMsg | None:
        """The newest message. The first write comes right behind what this found first."""
        message = await self._look()
        if self._last is None:
            self._last = _sequence(message)
        return message or await self._bookmark()

    async def write(
        self, payload: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> None:
        """Publish until the server has stored it. Raises :class:`AnotherWriter`.

        It never gives up: a full or unreachable server holds the caller up, which is the
        backpressure. Not for concurrent use.
        """
        async for attempt in _until_stored(self._wait):
            with attempt:
                if self._last is None:
                    await self.newest()
                identity = f"{message_id}>{self._last}"
                complete = {
                    **(headers or {}),
                    MESSAGE_ID: identity,
                    EXPECTED_LAST: str(self._last),
                    WRITER: self._name,
                }
                try:
                    self._last = await _publish(self._bus, self.subject, payload, complete)
                except nats.js.errors.APIError as error:
                    if error.err_code not in WRONG_LAST_SEQUENCE:
                        raise
                    if not await self._stored(identity):
                        raise
        self.waiting = ""

    def _wait(self, state: RetryCallState) -> None:
        if state.attempt_number >= ATTEMPTS_UNTOLD:
            self.waiting = f"{self.subject}: {_reason(state)}"
        _report(state)

    async def _stored(self, identity: str) -> bool:
        """After a refusal: whether an earlier attempt was stored whose acknowledgement was lost."""
        newest = await self._look()
        expected, self._last = self.last, _sequence(newest)
        newest = newest or await self._bookmark()
        if newest is None or _sequence(newest) <= expected:
            return False  # what we came behind has expired
        headers = cast("dict[str, str]", newest.headers or {})
        if (headers.get(MESSAGE_ID), headers.get(WRITER)) != (identity, self._name):
            raise AnotherWriter(self.subject)
        return True

    async def _bookmark(self) -> RawStreamMsg | None:
        if self._bookmarks is None:
            return None
        return await self._bookmarks.find(self._stream, self.subject)

    async def _look(self) -> RawStreamMsg | None:
        try:
            return await self._bus.jetstream.get_last_msg(self._stream, self.subject)
        except nats.js.errors.NotFoundError:
            return None


def _sequence(message: RawStreamMsg | None) -> int:
    return (message.seq or 0) if message is not None else 0


async def publish_once(
    bus: "Bus",
    subject: str,
    payload: bytes,
    message_id: str,
    headers: dict[str, str] | None = None,
) -> None:
    """Publish to a subject that several write to, until the server has stored it.

    A second copy is dropped by its message id, for as long as the server remembers that.
    """
    complete = {**(headers or {}), MESSAGE_ID: message_id}
    async for attempt in _until_stored(_report):
        with attempt:
            await _publish(bus, subject, payload, complete)


async def _publish(bus: "Bus", subject: str, payload: bytes, headers: dict[str, str]) -> int:
    raise_if_cancelled()
    return await bus.acknowledgements.publish(subject, payload, headers)


def _until_stored(tell: Callable[[RetryCallState], None]) -> AsyncRetrying:
    return AsyncRetrying(
        wait=wait_exponential_jitter(multiplier=0.05, max=5, jitter=0.2),
        retry=retry_if_exception_type(
            (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)
        ),
        before_sleep=tell,
    )


def _report(state: RetryCallState) -> None:
    if state.attempt_number in (1, 5, 20) or state.attempt_number % 100 == 0:
        log.warning("publish is tried again", attempt=state.attempt_number, error=_reason(state))


def _reason(state: RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, nats.js.errors.APIError) and error.err_code in NO_ROOM:
        return NO_ROOM[error.err_code]
    if isinstance(error, TimeoutError | nats.errors.TimeoutError):
        return "no answer: the bus may be away, or its disk full (see the log of nats-server)"
    return str(error) or repr(error)
