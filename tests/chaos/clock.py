"""Clocks that jump: the machine's, while everything runs, and the one that stamps frames."""

import os
import random
from pathlib import Path

from pipeline.units import SECOND
from tests.chaos.outcome import compare, held_in_files
from tests.chaos.recorded import Fault, RecordedScenario
from tests.chaos.scenario import ROUND_TIMEOUT, Played, Unavailable
from tests.chaos.tape import write_tape
from tests.end_to_end.pipeline_run import Running

#: Less than `detections.clock_tolerance`: beyond it a source counts as one whose clock is off.
BEHIND = 3 * SECOND
LIBRARY = "libfaketime.so.1"
_SEARCHED = ("/usr/lib", "/usr/local/lib", "/usr/lib64")


class ClockJumps(RecordedScenario):
    """The wall clock of all our processes jumps by up to two days, either way, several times."""

    name = "clock"
    title = "wall clock of all processes jumps by up to 2 days, either way"

    def prepare(self) -> None:
        self._library = faketime_library()
        super().prepare()

    def play(self, folder: Path, chance: random.Random) -> Played:
        offset = folder / "offset"
        offset.write_text("+0")
        environment = {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        installation = self.installation(folder)
        moments = [(chance.random() * 0.95, jump(offset, chance)) for _ in range(4)]
        os.environ.update(environment)
        try:
            faults, error = self.disturb(installation, moments)
        finally:
            for name in environment:
                os.environ.pop(name, None)
        return self.judged(installation, faults, error)


class ReceiptJumps(RecordedScenario):
    """The clock that says when frames were received jumps: far ahead, a little behind."""

    name = "clock-of-receipt"
    title = "times of receipt jump to between 3 s behind and 1 hour ahead"
    compared = "ids"

    def play(self, folder: Path, chance: random.Random) -> Played:
        tape = folder / "tape.jsonl.gz"
        moved = {"by": 0, "jumps": 0}

        def received(number: int, at: int) -> int:
            if chance.random() < 1 / 500:
                moved["by"] = chance.randint(-BEHIND, 3_600 * SECOND)
                moved["jumps"] += 1
            return at + moved["by"]

        write_tape(tape, self.passes, received)
        installation = self.installation(folder)
        installation.configuration["sources"][0]["path"] = str(tape)
        installation.write()
        with installation.running("--until-done") as run:
            code = run.wait(int(ROUND_TIMEOUT))
        played = self.judged(installation, error="" if code == 0 else run.tail())
        played.faults["jump"] = moved["jumps"]
        if not played.error:
            played.differences = compare(self.wanted, held_in_files(installation), bytes_too=False)
        return played


def jump(offset: Path, chance: random.Random) -> Fault:
    """Sets the wall clock of the processes that follow `offset`."""
    seconds = chance.randint(-172_800, 172_800)

    def set_clock(run: Running) -> str:
        offset.write_text(f"{seconds:+d}")
        return "jump"

    return set_clock


def faketime_library() -> Path:
    """libfaketime, which the system's package of that name has. Raises Unavailable."""
    for folder in _SEARCHED:
        for path in Path(folder).rglob(LIBRARY):
            return path
    raise Unavailable(f"{LIBRARY} is not here: install the package libfaketime")


__all__ = ["ClockJumps", "ReceiptJumps"]
