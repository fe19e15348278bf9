"""An asynchronous source, drawn from by code that isn't."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import TypeVar

T = TypeVar("T")


def drawn(items: AsyncGenerator[T]) -> Iterator[T]:
    """The items one by one; the event loop runs only while the next one is waited for.

    The generator is closed at the end, also where whoever draws stops early.
    """
    with asyncio.Runner() as runner:
        try:
            while True:
                try:
                    item = runner.run(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            runner.run(items.aclose())


async def _next(items: AsyncGenerator[T]) -> T:
    return await anext(items)
