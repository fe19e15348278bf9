"""The network between every stage and NATS: cut, refused, silent, slow, doubled, out of order."""

import random
from pathlib import Path
from typing import Any

from tests.chaos.connections import disturbing
from tests.chaos.recorded import RecordedScenario
from tests.chaos.scenario import Played
from tests.servers.nats import NatsServer
from tests.servers.nats_proxy import NatsFaultProxy

LIMITS = {"max_size": "256MiB"}


class BusNetwork(RecordedScenario):
    """An external NATS server, reached by all stages through one proxy."""

    name = "network-bus"
    title = "network between stages and NATS, messages twice and out of order"

    def play(self, folder: Path, chance: random.Random) -> Played:
        with (
            NatsServer(folder / "nats") as server,
            NatsFaultProxy("127.0.0.1", server.port) as between,
        ):
            batch = {"max_frames": chance.choice((3, 16, 64)), "max_delay": "2ms"}
            installation = self.installation(folder, bus=external(between, batch))
            moments = [
                (chance.random() * 0.95, disturbing(between, chance))
                for _ in range(chance.randint(2, 6))
            ]
            faults, error = self.disturb(installation, moments)
            for name, count in (("twice", between.duplicated), ("reorder", between.reordered)):
                if faults.pop(name, 0):
                    faults[f"message {name}"] = count
            return self.judged(installation, faults, error)


def external(between: NatsFaultProxy, batch: dict[str, Any]) -> dict[str, Any]:
    """The bus of a configuration: a server behind a proxy."""
    streams = dict.fromkeys(("raw", "events", "alerts", "dead"), LIMITS)
    url = f"nats://127.0.0.1:{between.port}"
    return {"type": "nats", "urls": [url], "streams": streams, "batch": batch}
