"""What engines cost for the same lines, as seconds beside those of decoding alone."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from detections.engine.engine import Engine
from normalizer.events import Record

BATCH = 256
ROUNDS = 3


def measure(lines: Sequence[bytes], work: Callable[[list[Record]], object] | None) -> float:
    """Seconds of processor time to decode the lines, and to do the work with each batch.

    Other work on the machine disturbs it less than the clock.
    """
    decode = msgspec.json.Decoder(Record).decode
    gc.collect()
    start = time.process_time()
    for first in range(0, len(lines), BATCH):
        batch = [decode(line) for line in lines[first : first + BATCH]]
        if work is not None:
            work(batch)
    return time.process_time() - start


def best_of_each(
    cases: Mapping[str, Callable[[], Engine] | None], lines: Sequence[bytes]
) -> dict[str, float]:
    """The least seconds of each case, by name; None decodes only. Ends the process if a rule fails.

    The cases take turns, so that a busy moment of the machine hits all alike.
    """
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, make in cases.items():
            engine = None if make is None else make()
            seconds = measure(lines, None if engine is None else engine.process)
            best[name] = min(best.get(name, seconds), seconds)
            if engine is not None:
                refuse_failures(engine)
    return best


def refuse_failures(engine: Engine) -> None:
    """A rule that fails is fast for the wrong reason. Raises SystemExit with what failed."""
    if engine.failures:
        raise SystemExit("\n".join(engine.take_problems()[:5]))
