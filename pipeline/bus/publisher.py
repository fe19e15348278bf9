"""Writing to a stream so that each message is there once, in order."""

import asyncio

import nats.errors
import nats.js.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import PubAck
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

log = structlog.get_logger(__name__)

MESSAGE_ID = "Nats-Msg-Id"
ACK_TIMEOUT = 5.0


def _report(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if state.attempt_number in (1, 5, 20) or state.attempt_number % 100 == 0:
        log.warning(
            "publish is tried again", attempt=state.attempt_number, error=str(error) or repr(error)
        )


async def publish_once(
    jetstream: JetStreamContext,
    subject: str,
    payload: bytes,
    message_id: str,
    headers: dict[str, str] | None = None,
) -> PubAck:
    """Publish until the server has stored it. A second copy is dropped by its message id.

    Callers await one publish before the next, so that a retry can't change the order. It never
    gives up: a full or unreachable server holds the caller up, which is the backpressure.
    """
    complete = {**(headers or {}), MESSAGE_ID: message_id}
    async for attempt in AsyncRetrying(
        wait=wait_exponential_jitter(multiplier=0.05, max=5, jitter=0.2),
        retry=retry_if_exception_type(
            (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)
        ),
        before_sleep=_report,
    ):
        with attempt:
            # Not `publish`: its wait_for can swallow a cancellation in Python 3.11.
            acknowledgement = await jetstream.publish_async(subject, payload, headers=complete)
            async with asyncio.timeout(ACK_TIMEOUT):
                return await acknowledgement
    raise AssertionError("unreachable: the retry has no end")
