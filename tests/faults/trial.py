"""One sink, pushed full under bad luck by the code that the delivery stage runs."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from delivery.retry import RetryPolicy, deliver_until_taken, open_until_ready
from delivery.sink import Refused, Sink
from pipeline.units import MILLISECOND
from tests.faults.documents import Arrived, Counted, documents
from tests.faults.luck import Luck

#: `once`: the sink itself holds each document once. `by id`: a copy has the same id, by which who
#: receives it drops it.
Promise = Literal["once", "by id"]
#: Waits as in production, only a hundred times shorter: what is tried is the order of things.
_HASTY = RetryPolicy(initial=5 * MILLISECOND, maximum=100 * MILLISECOND)


class Target(Protocol):
    """A sink with what it writes to."""

    def sink(self) -> Sink:
        """A new one, as after a start of the stage."""
        ...

    def before(self, batch: int) -> None:
        """Arm bad luck for the next batch, where it isn't drawn by the receiver."""
        ...

    def count(self, arrived: Arrived) -> None:
        """Count what is there in the end."""
        ...


class Trial(Struct, frozen=True, kw_only=True):
    """How a sink is tried."""

    name: str
    what: str
    promise: Promise
    target: Callable[[Luck, Arrived], AbstractContextManager[Target]]
    #: Documents in one batch.
    batch: int = 500
    alerts_only: bool = False
    #: Of all documents that are asked for, one in so many is sent here.
    one_in: int = 1


class Outcome(Struct, kw_only=True):
    """What came of it."""

    trial: str
    what: str
    promise: Promise
    documents: int
    requests: int
    faults: dict[str, int] = field(default_factory=dict[str, int])
    restarts: int
    refused: int
    found: Counted
    seconds: float
    seed: int
    date: str = ""
    versions: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def as_promised(self) -> bool:
        """None lost, none that nobody sent, and none twice where that is promised."""
        found = self.found
        if found.lost or found.strange or self.refused:
            return False
        return self.promise == "by id" or not found.again


async def play(
    trial: Trial,
    count: int,
    *,
    seed: int,
    share: float = 0.05,
    restarts: float = 0.01,
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Deliver so many documents. After a share of the batches the stage dies before it could say
    that they were delivered: another one delivers them again."""
    total = max(trial.batch, count // trial.one_in)
    luck, arrived = Luck(seed, share), Arrived(total)
    dice = Luck(seed + 1, restarts)
    refused = 0

    async def bury(_: Refused) -> None:
        nonlocal refused
        refused += 1

    started = time.monotonic()
    with trial.target(luck, arrived) as target:
        sink = target.sink()
        await open_until_ready(sink, _HASTY)
        for number, first in enumerate(range(0, total, trial.batch)):
            end = min(total, first + trial.batch)
            batch = list(documents(first, end, alerts_only=trial.alerts_only))
            target.before(number)
            await deliver_until_taken(sink, batch, _HASTY, bury)
            if dice.draw(("restart",)):
                await sink.close()
                sink = target.sink()
                await open_until_ready(sink, _HASTY)
                again = [replace(one, redelivered=True) for one in batch]
                await deliver_until_taken(sink, again, _HASTY, bury)
            progress(end)
        await sink.close()
        target.count(arrived)
    return Outcome(
        trial=trial.name,
        what=trial.what,
        promise=trial.promise,
        documents=total,
        requests=luck.requests,
        faults=dict(sorted(Counter(luck.injected).items())),
        restarts=dice.injected.total(),
        refused=refused,
        found=arrived.counted(),
        seconds=time.monotonic() - started,
        seed=seed,
    )
