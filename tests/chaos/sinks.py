"""Bad luck at the sinks: an Elasticsearch that dies or refuses, HEC, the network before both."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.connections import disturbing
from tests.chaos.elasticsearch import ElasticsearchNode, namespace_of
from tests.chaos.outcome import Differences, Holding, compare, held_in_files, holding
from tests.chaos.recorded import Fault, RecordedScenario
from tests.chaos.scenario import Played
from tests.end_to_end.pipeline_run import Installation, Running
from tests.servers.elasticsearch_faults import ElasticsearchFaults
from tests.servers.hec import HecReceiver
from tests.servers.proxy import FaultProxy

FILES = {"name": "files", "type": "file", "path": "out"}


class _ElasticsearchRounds(RecordedScenario):
    """Files and Elasticsearch beside each other; both are compared."""

    def prepare(self) -> None:
        self.node = self.stack.enter_context(ElasticsearchNode())
        super().prepare()

    def versions(self) -> dict[str, str]:
        return {"elasticsearch": self.node.version()}

    def through(self, folder: Path, url: str) -> Installation:
        """An installation whose second sink writes to `url`."""
        sinks = [FILES, self.node.sink(namespace_of(folder), url)]
        return self.installation(folder, sinks=sinks)

    def both(
        self, installation: Installation, folder: Path, faults: Counter[str], error: str
    ) -> Played:
        """The round, by what Elasticsearch and the files hold."""
        found = [] if error else [self.node.held(namespace_of(folder)), held_in_files(installation)]
        return self.sums(found, faults, error)

    def sums(self, found: Sequence[Holding], faults: Counter[str], error: str) -> Played:
        """The round, by what several sinks hold."""
        played = Played(
            faults=faults,
            events=len(self.wanted.events) * 2,
            alerts=len(self.wanted.alerts) * 2,
            error=error,
        )
        parts = [compare(self.wanted, one) for one in found]
        played.differences = Differences(
            sum(part.lost for part in parts),
            sum(part.doubled for part in parts),
            sum(part.changed for part in parts),
            next((part.example for part in parts if part), ""),
        )
        return played


class ElasticsearchKilled(_ElasticsearchRounds):
    """The node dies while documents are on their way, and comes back on its data."""

    name = "kill-elasticsearch"
    title = "`kill -9` of Elasticsearch while it is written to"

    def play(self, folder: Path, chance: random.Random) -> Played:
        installation = self.through(folder, self.node.url)
        pause = chance.uniform(0, 0.5)

        def kill(run: Running) -> str:
            time.sleep(pause)
            self.node.kill()
            self.node.restart()
            return "elasticsearch"

        moments: list[tuple[float, Fault]] = [(chance.random() * 0.9, kill)]
        return self.both(installation, folder, *self.disturb(installation, moments))


class ElasticsearchRefuses(_ElasticsearchRounds):
    """429, 503, documents refused one by one, lost answers, slowness: a third of all requests."""

    name = "sink-elasticsearch"
    title = "Elasticsearch answers 429, 503, refuses single documents, is slow, answers get lost"

    def play(self, folder: Path, chance: random.Random) -> Played:
        with ElasticsearchFaults(self.node.url) as between:
            between.chance = random.Random(chance.random())
            between.share = 0.35
            installation = self.through(folder, between.url)
            _, error = self.disturb(installation, [])
            return self.both(installation, folder, between.injected, error)


class ElasticsearchNetwork(_ElasticsearchRounds):
    """A proxy between the delivery and Elasticsearch."""

    name = "network-elasticsearch"
    title = "network before Elasticsearch"

    def play(self, folder: Path, chance: random.Random) -> Played:
        with FaultProxy.before(self.node.url) as between:
            installation = self.through(folder, between.through(self.node.url))
            moments = [
                (chance.random() * 0.9, disturbing(between, chance))
                for _ in range(chance.randint(2, 5))
            ]
            return self.both(installation, folder, *self.disturb(installation, moments))


class HecRefuses(RecordedScenario):
    """The HTTP Event Collector is busy, throttles, fails, drops; its network does, too."""

    name = "sink-hec"
    title = "HEC is busy, throttles, fails, drops connections; network before it"
    may_double = True

    def play(self, folder: Path, chance: random.Random) -> Played:
        with HecReceiver() as hec, FaultProxy.before(hec.url) as between:
            (folder / "hec-token").write_text(hec.token)
            (folder / "hec-token").chmod(0o600)
            sink = {
                "name": "splunk",
                "type": "splunk_hec",
                "url": between.through(hec.url),
                "token": f"${{file:{folder / 'hec-token'}}}",
                "retry_maximum": "300ms",
                "timeout": "3s",
                "batch": 100,
            }
            installation = self.installation(folder, sinks=[FILES, sink])
            moments = [
                (
                    chance.random() * 0.9,
                    chance.choice((_answers, disturbing_hec))(hec, between, chance),
                )
                for _ in range(chance.randint(3, 8))
            ]
            faults, error = self.disturb(installation, moments)
            played = self.judged(installation, faults, error)
            if not error and not played.differences:
                played.differences = compare(self.wanted, _received(hec))
            return played


def disturbing_hec(hec: HecReceiver, between: FaultProxy, chance: random.Random) -> Fault:
    """A fault of the network before HEC."""
    return disturbing(between, chance)


def _answers(hec: HecReceiver, between: FaultProxy, chance: random.Random) -> Fault:
    name = chance.choice(("busy", "throttle", "fail", "drop", "drop_unread", "slow"))
    times = chance.randint(1, 4)

    def answer(run: Running) -> str:
        if name == "slow":
            hec.delay_seconds = 0.5
            time.sleep(1)
            hec.delay_seconds = 0.0
        else:
            getattr(hec, name)(times)
        return name.replace("_", " ")

    return answer


def _received(hec: HecReceiver) -> Holding:
    documents = [one.event for one in hec.events]
    alerts = [one for one in documents if one["event"]["dataset"] == "tapewatch.alert"]
    events = [one for one in documents if one["event"]["dataset"] != "tapewatch.alert"]
    return holding(events, alerts)


__all__ = [
    "ElasticsearchKilled",
    "ElasticsearchNetwork",
    "ElasticsearchRefuses",
    "HecRefuses",
]
