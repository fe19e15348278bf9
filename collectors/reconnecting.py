"""How a source that keeps a connection open tries again: backoff with jitter, by tenacity.

It never gives up, and starts over with short waits once a connection was stable. What operators see
of it meanwhile is in the source's state and its metrics.
"""

from structlog.stdlib import BoundLogger
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_never,
    wait_random_exponential,
)

from pipeline.config.sources import Reconnection
from pipeline.metrics import SOURCE_CONNECTED, SOURCE_RECONNECTS
from pipeline.source_state import SourceState
from pipeline.units import SECOND


class Reconnecting:
    """The attempts of one source, and its state in between."""

    def __init__(self, policy: Reconnection, state: SourceState, log: BoundLogger) -> None:
        self._policy = policy
        self._state = state
        self._log = log
        self._opened_before = False
        self._was_stable = False
        self._backoff = wait_random_exponential(
            multiplier=policy.initial / SECOND,
            max=policy.maximum / SECOND,
            min=min(policy.initial, policy.maximum) / SECOND / 2,
        )

    def attempts(self, *faults: type[Exception]) -> AsyncRetrying:
        """One attempt after the other, until it ends by something else than `faults`."""
        return AsyncRetrying(
            stop=stop_never,
            wait=self._wait,
            retry=retry_if_exception_type(faults),
            before_sleep=self._before_sleep,
        )

    def begin(self) -> None:
        """An attempt begins: it isn't stable yet."""
        self._was_stable = False

    def connected(self, endpoint: str, said: str) -> None:
        """It answers. `said` goes into the log."""
        state = self._state
        state.connection, state.endpoint, state.trouble = "connected", endpoint, ""
        if self._opened_before:
            state.reconnects += 1
            SOURCE_RECONNECTS.labels(state.source).inc()
        self._opened_before = True
        SOURCE_CONNECTED.labels(state.source).set(1)
        self._log.info(said, endpoint=endpoint)

    def lost(self, lasted: float) -> None:
        """The connection is over. `lasted`: seconds for which it served, 0 if it never did."""
        self._was_stable = lasted > 0 and lasted * SECOND >= self._policy.stale_after
        SOURCE_CONNECTED.labels(self._state.source).set(0)

    def stopped(self) -> None:
        """There will be no further attempt."""
        self._state.connection = "stopped"
        SOURCE_CONNECTED.labels(self._state.source).set(0)

    def _wait(self, retry_state: RetryCallState) -> float:
        if self._was_stable:
            retry_state.attempt_number = 1
        return self._backoff(retry_state)

    def _before_sleep(self, retry_state: RetryCallState) -> None:
        outcome = retry_state.outcome
        error = outcome.exception() if outcome is not None else None
        reason = str(error) or type(error).__name__
        state = self._state
        if state.connection != "stale":
            state.connection = "reconnecting"
        state.trouble = reason
        self._log.warning(
            "not connected; trying again",
            reason=reason,
            attempt=retry_state.attempt_number,
            seconds=round(retry_state.upcoming_sleep, 3),
        )
