"""Faults of one connection, by a proxy in it: what each does, and for how long."""

import random
import time

from tests.chaos.recorded import Fault
from tests.end_to_end.pipeline_run import Running
from tests.servers.nats_proxy import NatsFaultProxy
from tests.servers.proxy import FaultProxy

TCP = ("cut", "refuse", "black hole", "answers lost", "delay", "throttle")
MESSAGES = ("twice", "reorder")
THROTTLE = 400_000
"""Bytes per second: a tenth of what a run wants."""


def disturbing(
    proxy: FaultProxy,
    chance: random.Random,
    *,
    longest: float = 2.0,
    throttle: int = THROTTLE,
) -> Fault:
    """One fault of `proxy`'s connections, chosen now; it lasts up to `longest` seconds."""
    messages = isinstance(proxy, NatsFaultProxy)
    kind = chance.choice(TCP + (MESSAGES if messages else ()))
    seconds, delay, seed = (
        chance.uniform(0.1, longest),
        chance.uniform(0.002, 0.03),
        chance.random(),
    )

    def disturb(run: Running) -> str:
        if kind == "cut":
            for _ in range(3):
                proxy.cut()
                time.sleep(seconds / 10)
        elif kind == "refuse":
            proxy.refuse()
            time.sleep(seconds)
            proxy.accept()
        elif kind == "black hole":
            proxy.pause()
            time.sleep(seconds)
            proxy.resume()
        elif kind == "answers lost":
            proxy.pause_answers()
            time.sleep(seconds / 2)
            proxy.cut()
            proxy.resume()
        elif kind == "delay":
            proxy.delay_seconds = delay
            time.sleep(seconds)
            proxy.delay_seconds = 0.0
        elif kind == "throttle":
            proxy.bytes_per_second = throttle
            time.sleep(seconds)
            proxy.bytes_per_second = 0
        elif isinstance(proxy, NatsFaultProxy):
            proxy.chance = random.Random(seed)
            setattr(proxy, "duplicate" if kind == "twice" else "reorder", 0.6)
            time.sleep(seconds)
            proxy.duplicate = proxy.reorder = 0.0
        return kind

    return disturb


__all__ = ["disturbing"]
