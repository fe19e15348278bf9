"""`kill -9` of every process at random points, several in one run, also while others restart."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.processes import STAGES, kill_one
from tests.chaos.recorded import Fault, RecordedScenario
from tests.chaos.scenario import Played
from tests.end_to_end.pipeline_run import Running

VICTIMS = (*STAGES, "bus", "supervisor")


class Kills(RecordedScenario):
    """Stages, nats-server and the supervisor."""

    name = "kill"
    title = "`kill -9` of stages, nats-server and supervisor"

    def play(self, folder: Path, chance: random.Random) -> Played:
        bus = {"type": "embedded", "path": "nats", "batch": self.batches(chance)}
        installation = self.installation(folder, bus=bus)
        moments = [(chance.random() * 0.95, killing(chance)) for _ in range(chance.randint(2, 6))]
        return self.judged(installation, *self.disturb(installation, moments))


def killing(chance: random.Random, victims: Sequence[str] = VICTIMS) -> Fault:
    """Kills one process of a victim that is chosen now, a moment after it is asked to."""
    victim, pause, which = chance.choice(victims), chance.uniform(0, 0.4), chance.random()

    def kill(run: Running) -> str:
        time.sleep(pause)
        for _ in range(100):  # it may be starting again: that, too, is a moment to die in
            if kill_one(run, victim, lambda pids: pids[int(which * len(pids))]):
                return victim
            time.sleep(0.02)
        return ""

    return kill


__all__ = ["VICTIMS", "Kills", "killing"]
