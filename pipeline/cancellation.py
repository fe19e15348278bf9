"""A cancellation that got lost on the way."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


def raise_if_cancelled() -> None:
    """Raise :class:`asyncio.CancelledError` if this task was cancelled and goes on all the same.

    Until Python 3.12 ``asyncio.wait_for``, by which nats-py waits for every answer, swallows a
    cancellation that comes in the same turn of the loop as the answer. Loops that ask the bus call
    this in every round; otherwise a stage would not stop. Not for use in clean-up.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@contextmanager
def nothing_swallowed() -> Generator[None]:
    """Raise :class:`asyncio.CancelledError` behind what swallowed a cancellation of its own time.

    For single calls into nats-py, in clean-up as well: what was cancelled before does not count.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    yield
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
