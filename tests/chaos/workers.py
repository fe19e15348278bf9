"""Growth: one, two and four workers share the lanes; they die, and they freeze and come back."""

import os
import random
import signal
import time
from pathlib import Path

from tests.chaos.kills import killing
from tests.chaos.processes import stage_processes, written_documents
from tests.chaos.recorded import Fault, RecordedScenario
from tests.chaos.scenario import ROUND_TIMEOUT, Played
from tests.end_to_end.pipeline_run import Installation, Running

#: Lanes of assets, and shares of their rules.
DIVISIONS = ((4, 1), (2, 2), (1, 3))


class _Shared(RecordedScenario):
    """The undisturbed run has one lane and one worker, the rounds several and 1, 2 or 4."""

    def shared(self, folder: Path, workers: int, chance: random.Random) -> Installation:
        bus = {"type": "embedded", "path": "nats", "batch": self.batches(chance)}
        installation = self.installation(folder, bus=bus)
        every = chance.choice(("1s", "5s"))
        lanes, shares = chance.choice(DIVISIONS)
        installation.configuration["detections"] |= {
            "lanes": lanes,
            "shares": shares,
            "workers": workers,
            "checkpoint_every": every,
        }
        installation.write()
        return installation


class Workers(_Shared):
    """Workers and everything else get `kill -9`."""

    name = "workers"
    title = (
        "4 lanes, or 2 or 1 with `shares` of their rules, on 1, 2 or 4 workers; `kill -9` of "
        "workers and everything else"
    )

    def play(self, folder: Path, chance: random.Random) -> Played:
        installation = self.shared(folder, chance.choice((1, 2, 4)), chance)
        moments = [
            (chance.random() * 0.95, killing(chance, ("detections",) * 3 + ("normalizer", "bus")))
            for _ in range(chance.randint(1, 4))
        ]
        return self.judged(installation, *self.disturb(installation, moments))


class Frozen(_Shared):
    """A worker stops without a word (SIGSTOP): others take its lanes; it comes back too late."""

    name = "worker-frozen"
    title = "a worker of 2 or 4 freezes, others take its lanes, then it wakes up"

    def play(self, folder: Path, chance: random.Random) -> Played:
        workers = chance.choice((2, 4))
        installation = self.shared(folder, workers, chance)
        frozen: list[float] = []
        moment = (chance.random() * 0.6, self._freezing(chance.random(), workers, frozen))
        faults, error = self.disturb(installation, [moment])
        played = self.judged(installation, faults, error)
        if frozen:
            played.seconds["lanes moved and caught up"] = frozen[0]
        return played

    def _freezing(self, which: float, workers: int, frozen: list[float]) -> Fault:
        def freeze(run: Running) -> str:
            pids = stage_processes(run.installation, "detections")
            if len(pids) < workers:
                return ""
            pid = pids[int(which * len(pids))]
            os.kill(pid, signal.SIGSTOP)
            begun = time.monotonic()
            wanted = len(self.wanted.events) + len(self.wanted.alerts)
            try:
                while (took := time.monotonic() - begun) < ROUND_TIMEOUT / 2:
                    if written_documents(run.installation) >= wanted:
                        frozen.append(round(took, 1))
                        break
                    time.sleep(0.1)
            finally:
                os.kill(pid, signal.SIGCONT)
            return "worker frozen"

        return freeze


__all__ = ["Frozen", "Workers"]
