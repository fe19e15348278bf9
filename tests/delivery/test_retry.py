"""Delivering until the sink has taken it."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.retry import FailedAttempt, RetryPolicy, deliver_until_taken, open_until_ready
from delivery.sink import Delivered, Document, Refused, SinkUnavailable
from pipeline.findings import Finding
from pipeline.units import MILLISECOND, MINUTE, SECOND
from tests.delivery.documents import event

FAST = RetryPolicy(initial=MILLISECOND, maximum=4 * MILLISECOND)


class FlakySink:
    """Fails as often as told, then takes everything but the documents that it refuses."""

    name = "flaky"

    def __init__(self, failures: int, refuse: Sequence[str] = (), bug: bool = False) -> None:
        self.failures = failures
        self.refuse = refuse
        self.bug = bug
        self.batches: list[list[str]] = []
        self.opened = 0

    async def open(self) -> None:
        self.opened += 1
        self._fail()

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        self.batches.append([d.id for d in batch])
        if self.bug:
            raise KeyError("a bug")
        self._fail()
        refused = tuple(Refused(document=d, reason="no") for d in batch if d.id in self.refuse)
        return Delivered(written=len(batch) - len(refused), refused=refused)

    async def close(self) -> None: ...

    async def check(self) -> list[Finding]:
        return []

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise SinkUnavailable("down")


async def _bury_nothing(refused: Refused) -> None:
    raise AssertionError(f"{refused.document.id} was refused")


async def test_the_same_batch_comes_again_until_it_is_taken_and_every_failure_is_told():
    sink, told = FlakySink(failures=3), list[FailedAttempt]()
    batch = [event(1), event(2)]
    delivered = await deliver_until_taken(sink, batch, FAST, _bury_nothing, told.append)
    assert delivered.written == 2
    assert sink.batches == [["event-1", "event-2"]] * 4
    assert [(f.sink, f.attempt, f.reason) for f in told] == [
        ("flaky", n, "down") for n in (1, 2, 3)
    ]
    assert all(0 < f.next_in_seconds <= 0.004 for f in told)


async def test_each_refusal_is_handed_over_once_and_holds_up_nothing():
    sink, buried = FlakySink(failures=1, refuse=["event-2"]), list[str]()

    async def bury(refused: Refused) -> None:
        buried.append(refused.document.id)

    delivered = await deliver_until_taken(sink, [event(1), event(2), event(3)], FAST, bury)
    assert (delivered.written, buried) == (2, ["event-2"])


async def test_waiting_for_a_sink_that_is_down_can_be_cancelled():
    sink = FlakySink(failures=1_000_000)
    slow = RetryPolicy(initial=MINUTE, maximum=MINUTE)
    task = asyncio.create_task(deliver_until_taken(sink, [event(1)], slow, _bury_nothing))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)
    assert len(sink.batches) == 1


async def test_a_bug_in_a_sink_is_not_retried_for_ever():
    sink = FlakySink(failures=0, bug=True)
    with pytest.raises(KeyError):
        await deliver_until_taken(sink, [event(1)], FAST, _bury_nothing)
    assert len(sink.batches) == 1


async def test_a_sink_is_opened_until_it_is_there():
    sink = FlakySink(failures=2)
    await open_until_ready(sink, FAST)
    assert sink.opened == 3


@given(attempt=st.integers(1, 10_000), draw=st.floats(0, 1), asked=st.none() | st.floats(0, 10_000))
def test_waits_grow_to_the_maximum_with_jitter_and_grant_what_the_sink_asks_for(
    attempt: int, draw: float, asked: float | None
):
    policy = RetryPolicy(initial=SECOND // 2, maximum=30 * SECOND)
    wait = policy.wait_seconds(attempt, asked, draw)
    longest = min(0.5 * 2 ** min(attempt - 1, 20), 30)
    granted = min(asked or 0, 300)
    assert max(longest / 2, granted) <= wait <= max(longest, granted)
