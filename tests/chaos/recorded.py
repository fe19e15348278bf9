"""Scenarios that replay the tape into files: the undisturbed run, and rounds beside it."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.chaos.outcome import compare, held_in_files
from tests.chaos.processes import wait_for_bytes, written_bytes
from tests.chaos.scenario import ROUND_TIMEOUT, Played, Scenario
from tests.chaos.tape import write_tape
from tests.end_to_end.pipeline_run import Installation, Running

#: Injects one fault; its name, or nothing where it could not.
Fault = Callable[[Running], str]
#: A fault ended the run itself: it is to be started again.
ENDED = "supervisor"


class RecordedScenario(Scenario):
    """Has `tape`, and what an undisturbed run of it holds."""

    def prepare(self) -> None:
        self.tape = self.folder / "tape.jsonl.gz"
        write_tape(self.tape, self.passes)
        calm = self.installation(self.folder / "calm")
        with calm.running("--until-done") as run:
            assert run.wait(int(ROUND_TIMEOUT)) == 0, run.tail()
        self.wanted = held_in_files(calm)
        self.size = written_bytes(calm)
        doubled = [i for i, n in (self.wanted.events + self.wanted.alerts).items() if n > 1]
        assert not doubled, f"even the undisturbed run has some twice: {doubled[:3]}"

    def installation(self, folder: Path, **changes: Any) -> Installation:
        """One that replays the tape."""
        folder.mkdir(parents=True, exist_ok=True)
        source = {"name": "recording", "type": "replay", "path": str(self.tape)}
        return Installation(folder, **({"sources": [source]} | changes))

    def batches(self, chance: random.Random) -> dict[str, Any]:
        """Sizes of micro-batches, which must not matter."""
        return {"max_frames": chance.choice((1, 3, 16, 64, 256)), "max_delay": "2ms"}

    def disturb(
        self, installation: Installation, faults: Sequence[tuple[float, Fault]], *, start: str = ""
    ) -> tuple[Counter[str], str]:
        """Run to the end; each fault when the sink holds that share of what it will.

        Returns what was injected, and what went wrong, if anything.
        """
        injected: Counter[str] = Counter()
        waiting = sorted(faults, key=lambda fault: fault[0])
        deadline = time.monotonic() + ROUND_TIMEOUT
        while True:
            with installation.running("--until-done") as run:
                ended = False
                while waiting and not ended:
                    left = deadline - time.monotonic()
                    if not wait_for_bytes(run, waiting[0][0] * self.size, left):
                        break
                    name = waiting.pop(0)[1](run)
                    injected.update([name] if name else [])
                    ended = name == ENDED
                if ended:
                    run.process.wait(10)
                    continue
                try:
                    code = run.wait(max(1, int(deadline - time.monotonic())))
                except AssertionError as error:
                    return injected, str(error)
                return injected, "" if code == 0 else f"exit code {code}: {run.tail()}"

    def judged(
        self, installation: Installation, faults: Counter[str] | None = None, error: str = ""
    ) -> Played:
        """The round, compared with the undisturbed run."""
        played = Played(
            faults=faults if faults is not None else Counter(),
            events=len(self.wanted.events),
            alerts=len(self.wanted.alerts),
            error=error,
        )
        if not error:
            played.differences = compare(self.wanted, held_in_files(installation))
        return played


__all__ = ["ENDED", "Fault", "RecordedScenario"]
