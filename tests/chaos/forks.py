"""Forks of a real chain, up to twelve blocks deep, also while the collector is away.

What counts in the end: the alerts that stand (given, and not retracted since) are those that a
fresh installation gives which has only ever seen the final chain.
"""

import random
import time
from abc import abstractmethod
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from demo.chain.anvil import Anvil, AnvilOptions
from demo.chain.artifacts import NodeModulesMissing
from demo.workspace import reference_of
from tests.chaos.connections import disturbing
from tests.chaos.kills import killing
from tests.chaos.outcome import Differences
from tests.chaos.processes import STAGES
from tests.chaos.random_chain import DEEPEST, RandomChain
from tests.chaos.scenario import ROUND_TIMEOUT, Played, Scenario, Unavailable
from tests.chaos.settling import until_quiet
from tests.end_to_end.pipeline_run import Installation, Running
from tests.servers.proxy import FaultProxy

#: Records about the chain itself: only who was there when it forked has them.
ABOUT_THE_CHAIN = frozenset(("chain-reorganised", "chain-finality", "feed-gap"))
ABOUT_THE_FEED = "data_quality"


class _ChainRounds(Scenario):
    compared = "ids of the alerts that stand"

    def prepare(self) -> None:
        try:
            with Anvil(AnvilOptions(mining="manual")) as node:
                self._version = str(node.rpc("web3_clientVersion")).removeprefix("anvil/v")
        except NodeModulesMissing as missing:
            raise Unavailable(str(missing)) from None

    def versions(self) -> dict[str, str]:
        return {"anvil": self._version.split("-")[0]}

    def play(self, folder: Path, chance: random.Random) -> Played:
        with Anvil(AnvilOptions(mining="manual")) as node, FaultProxy.before(node.ws_url) as proxy:
            chain = RandomChain(node, chance)
            live = watching(folder / "live", chain, proxy.through(node.ws_url), chance)
            played = Played()
            with live.running() as run:
                run.until(lambda: proxy.connections_seen)
                for _ in range(chance.randint(4, 8)):
                    played.faults.update(self.step(run, chain, proxy, chance))
                mark = chain.mark()
                settle(run, mark)
            truth = watching(folder / "truth", chain, node.ws_url, chance)
            with truth.running() as run:
                settle(run, mark)
            judge(played, live, truth, set(canonical_hashes(node)))
            return played

    @abstractmethod
    def step(
        self, run: Running, chain: RandomChain, proxy: FaultProxy, chance: random.Random
    ) -> Counter[str]:
        """Something happens, and perhaps a fault: which, by name."""


class Forks(_ChainRounds):
    """Reorganisations while all is well, while the collector is away, and while stages die."""

    name = "forks"
    title = "forks of 1 to 12 blocks on anvil, also with the collector away and stages killed"

    def step(
        self, run: Running, chain: RandomChain, proxy: FaultProxy, chance: random.Random
    ) -> Counter[str]:
        faults: Counter[str] = Counter()
        kind = chance.choice(("calm", "fork", "fork", "fork", "away", "away", "kill"))
        if kind == "away":
            proxy.refuse()
        chain.advance(chance.randint(1, 6))
        time.sleep(chance.uniform(0, 0.7))
        if kind == "kill":
            faults.update(name for name in [killing(chance, (*STAGES, "bus"))(run)] if name)
        if kind != "calm" and chain.reorganise(chance.randint(1, DEEPEST)):
            faults["fork while away" if kind == "away" else "fork"] += 1
            chain.advance(chance.randint(0, 3))
        if kind == "away":
            if chance.random() < 0.3:
                faults["fork while away"] += bool(chain.reorganise(chance.randint(1, 3)))
            proxy.accept()
        time.sleep(chance.uniform(0, 1.2))
        return faults


class ChainNetwork(_ChainRounds):
    """The collector's WebSocket to the node is cut, refused, silent, slow."""

    name = "network-chain"
    title = "network between the collector and the node"

    def step(
        self, run: Running, chain: RandomChain, proxy: FaultProxy, chance: random.Random
    ) -> Counter[str]:
        chain.advance(chance.randint(1, 5))
        fault = disturbing(proxy, chance)(run)
        chain.advance(chance.randint(0, 3))
        return Counter([fault])


def watching(folder: Path, chain: RandomChain, url: str, chance: random.Random) -> Installation:
    """An installation that watches the chain from its first block on."""
    folder.mkdir(parents=True)
    facts = chain.deployment.facts
    reference = folder / "reference.yaml"
    reference.write_text(yaml.safe_dump(reference_of(facts)))
    source: dict[str, Any] = {
        "name": "chain",
        "type": "evm",
        "network": "anvil",
        "chain_id": facts.chain_id,
        "endpoints": [url],
        "start_block": facts.start_block,
        "request_timeout": "3s",
        "reconnection": {"initial": "100ms", "maximum": "500ms", "stale_after": "5s"},
    }
    installation = Installation(folder, sources=[source], reference=[str(reference)])
    installation.configuration["detections"]["checkpoint_every"] = chance.choice(("1s", "30s"))
    installation.write()
    return installation


def settle(run: Running, mark: str) -> None:
    """Until the marked transaction is in the sink, and nothing is on its way any more."""
    installation = run.installation

    def there() -> bool:
        return any(
            mark in event.get("related", {}).get("hash", [])
            for event in installation.documents("events")
        )

    run.until(there, ROUND_TIMEOUT / 2)
    until_quiet(run)


def standing(installation: Installation) -> Counter[str]:
    """Alerts that were given and not retracted since, with how often each was given."""
    given: Counter[str] = Counter()
    retracted: set[str] = set()
    for one in installation.alerts():
        surveillance = one["surveillance"]
        if surveillance.get("typology") == ABOUT_THE_FEED:
            continue
        if one["event"]["action"] == "alert":
            given[one["event"]["id"]] += 1
        elif surveillance["alert"]["status"] == "retracted":
            retracted.add(surveillance["alert"]["id"])
        else:
            retracted.discard(surveillance["alert"]["id"])
    return Counter({key: count for key, count in given.items() if key not in retracted})


def of_the_chain(installation: Installation) -> Counter[tuple[str, str]]:
    """Events of blocks, by id and block hash."""
    return Counter(
        (event["event"]["id"], event["blockchain"]["block"]["hash"])
        for event in installation.documents("events")
        if event["event"]["action"] not in ABOUT_THE_CHAIN
        and "hash" in event.get("blockchain", {}).get("block", {})
    )


def canonical_hashes(node: Anvil) -> list[str]:
    """Of the blocks that the chain has in the end."""
    height = int(node.rpc("eth_blockNumber"), 16)
    return [
        node.rpc("eth_getBlockByNumber", hex(number), False)["hash"] for number in range(height + 1)
    ]


def judge(played: Played, live: Installation, truth: Installation, final: set[str]) -> None:
    """Compare who was there all the time with who has only seen the final chain."""
    wanted, found = standing(truth), standing(live)
    should, is_there = of_the_chain(truth), of_the_chain(live)
    seen = Counter({key: count for key, count in is_there.items() if key[1] in final})
    again = Counter({key: count - 1 for key, count in is_there.items() if count > 1})
    missing, more = wanted - found, found - wanted
    played.events, played.alerts = len(should), len(wanted)
    played.differences = Differences(lost=(should - seen).total(), doubled=again.total())
    played.differences.count(wanted, found)
    for what, ids in (("missing", missing), ("too many", more)):
        if ids and not played.differences.example:
            played.differences.example = f"(alerts {what}: {next(iter(ids))})"
    for what, keys in (("missing", should - seen), ("twice", again)):
        if keys and not played.differences.example:
            played.differences.example = f"(events {what}: {next(iter(keys))})"


__all__ = ["ChainNetwork", "Forks"]
