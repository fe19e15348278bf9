"""Running a process's coroutine until it ends or a signal asks it to."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds after which a task that was cancelled and still runs is cancelled again.
CANCEL_AGAIN = 120.0


def expect_much_state() -> None:
    """Look for garbage seldom in what is old: for processes that keep much, and make little in
    cycles.

    What is there already (modules, rules) is not looked through any more, and the state of
    detections, which grows to millions of objects, a hundred times less often. What is new is
    looked through while it still is in the processor's caches.
    """
    gc.freeze()
    gc.set_threshold(5_000, 400, 100)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def run(main: Coroutine[Any, Any, T]) -> T | None:
    """Run to the end; on SIGTERM, SIGINT or SIGHUP cancel it, let it clean up, and return None.

    What reloads on SIGHUP sets a handler of its own when it is ready to.
    """

    async def guarded() -> T | None:
        task = asyncio.current_task()
        assert task is not None
        stopping = False
        loop = asyncio.get_running_loop()

        def stop() -> None:
            nonlocal stopping
            if not stopping:
                stopping = True
                cancel()

        def cancel() -> None:
            task.cancel()
            # A cancellation can get lost (pipeline.cancellation); cleaning up takes less than this.
            loop.call_later(CANCEL_AGAIN, cancel)

        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop)
            if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # else it is run by nohup
                loop.add_signal_handler(signal.SIGHUP, stop)
        try:
            return await main
        except asyncio.CancelledError:
            if stopping:
                return None
            raise

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(guarded())
