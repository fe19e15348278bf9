"""Delivers a batch until the sink has taken it: exponential backoff with jitter, by tenacity."""

import random
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_never,
)

from delivery.sink import Delivered, Document, Refused, Sink, SinkUnavailable
from pipeline.units import MINUTE, SECOND

#: What a sink asks for by Retry-After is granted up to here.
LONGEST_REQUESTED_WAIT = 5 * MINUTE


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """Waits between attempts, in nanoseconds; attempts never end.

    The n-th wait is drawn between a half and the whole of `initial * 2**(n-1)`, at most `maximum`.
    A sink's own Retry-After is a lower bound of it.
    """

    initial: int = SECOND // 2
    maximum: int = 30 * SECOND

    def wait_seconds(self, attempt: int, retry_after: float | None, draw: float) -> float:
        """Seconds to wait after the `attempt`-th failure (from 1). `draw` is in 0..1."""
        longest = min(self.initial << min(attempt - 1, 40), self.maximum) / SECOND
        asked = min(retry_after or 0.0, LONGEST_REQUESTED_WAIT / SECOND)
        return max(longest * (0.5 + draw / 2), asked)


class FailedAttempt(Struct, frozen=True, kw_only=True):
    """An attempt that the sink did not take: for logs, metrics and the sink's state."""

    sink: str
    attempt: int
    reason: str
    next_in_seconds: float


OnRefused = Callable[[Refused], Awaitable[None]]
OnFailure = Callable[[FailedAttempt], None]


async def deliver_until_taken(
    sink: Sink,
    batch: Sequence[Document],
    policy: RetryPolicy,
    on_refused: OnRefused,
    on_failure: OnFailure | None = None,
) -> Delivered:
    """Return when `sink` has the batch and every refusal went through `on_refused`.

    Tries for ever while the sink is unavailable; cancel the task to give up, nothing is lost then
    as long as the batch was not acknowledged. Anything but SinkUnavailable is raised at once.
    """

    async def attempt() -> Delivered:
        return await sink.deliver(batch)

    delivered: Delivered = await _retrying(sink.name, policy, on_failure)(attempt)
    for refused in delivered.refused:
        await on_refused(refused)
    return delivered


async def open_until_ready(
    sink: Sink, policy: RetryPolicy, on_failure: OnFailure | None = None
) -> None:
    """Open the sink, trying for ever while it is unavailable."""
    await _retrying(sink.name, policy, on_failure)(sink.open)


def _retrying(name: str, policy: RetryPolicy, on_failure: OnFailure | None) -> AsyncRetrying:
    def wait(state: RetryCallState) -> float:
        draw = random.random()  # noqa: S311 - spreads load, guards nothing
        return policy.wait_seconds(state.attempt_number, _failure(state).retry_after, draw)

    def tell(state: RetryCallState) -> None:
        if on_failure is not None and state.next_action is not None:
            on_failure(
                FailedAttempt(
                    sink=name,
                    attempt=state.attempt_number,
                    reason=_failure(state).reason,
                    next_in_seconds=state.next_action.sleep,
                )
            )

    return AsyncRetrying(
        retry=retry_if_exception_type(SinkUnavailable),
        wait=wait,
        stop=stop_never,
        before_sleep=tell,
        reraise=True,
    )


def _failure(state: RetryCallState) -> SinkUnavailable:
    failure = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(failure, SinkUnavailable)
    return failure
