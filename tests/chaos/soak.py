"""Hours of load with faults at random: memory, lag and disk are watched all the time.

    python -m tests.chaos.soak --hours 2 --seed 7 [--rate 500]

A venue under load (the `full` channel, some hundred frames a second) goes through one installation
into files. Every half minute nats-server or a stage behind the collectors gets `kill -9`. Each
minute: resident memory by stage, messages not yet read, bytes on the disk. In the end every frame
that the venue sent must be in the sink once; in a run of half an hour or more, memory must not have
grown by more than a fifth between the second and the last quarter.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct, field
from rich.console import Console
from rich.progress import Progress

from benchmarks.end_to_end import venue, write_configuration
from benchmarks.memory import resident
from demo.venue.authentication import new_credential
from demo.workspace import KEY_VARIABLES
from tests.chaos.kills import VICTIMS, killing
from tests.chaos.processes import STAGES, stage_processes
from tests.end_to_end.pipeline_run import ROOT, Installation, Running

#: Memory of the last quarter over that of the second one, beyond which it counts as a leak.
GROWTH = 1.2
#: Memory is judged in runs of at least so many seconds.
LEAST_FOR_MEMORY = 1_800.0
SAMPLE_SECONDS = 60.0
FAULT_SECONDS = 30.0
DRAIN_SECONDS = 300.0


class Sample(Struct, kw_only=True):
    """A look at the installation."""

    at_seconds: float
    #: Megabytes by stage, of all its processes.
    memory: dict[str, float]
    #: Messages that some reader has not read.
    lag: int
    #: Megabytes of the bus and of the sink.
    bus: float
    sink: float


class Soaked(Struct, kw_only=True):
    """What came of it."""

    seed: int
    hours: float
    rate: float
    sent: int = 0
    events: int = 0
    alerts: int = 0
    doubled: int = 0
    faults: dict[str, int] = field(default_factory=dict[str, int])
    samples: list[Sample] = field(default_factory=list[Sample])
    problems: list[str] = field(default_factory=list[str])


async def soak(folder: Path, hours: float, rate: float, seed: int, console: Console) -> Soaked:
    """Run it. The collectors stay alive: what a venue sends while nobody listens is gone."""
    key = new_credential(operator=True)
    for name, value in (
        ("api_key", key.key),
        ("api_secret", key.secret),
        ("passphrase", key.passphrase),
    ):
        os.environ[KEY_VARIABLES[name]] = value
    chance = random.Random(seed)
    result = Soaked(seed=seed, hours=hours, rate=rate)
    async with venue(rate, hours * 3600, key) as (addresses, sent):
        installation = _installation(folder, addresses)
        with installation.running() as run, Progress(console=console) as progress:
            task = progress.add_task("soak", total=hours * 3600)
            begun = time.monotonic()
            watching = asyncio.create_task(asyncio.to_thread(_watch, run, result, begun, hours))
            faults: Counter[str] = Counter()
            while not sent.done():
                await asyncio.sleep(FAULT_SECONDS * chance.uniform(0.5, 1.5))
                progress.update(task, completed=time.monotonic() - begun)
                victims = [v for v in VICTIMS if v not in ("collectors", "supervisor")]
                name = await asyncio.to_thread(killing(chance, victims), run)
                faults.update([name] if name else [])
            result.sent = int((await sent)["frames"])
            await asyncio.to_thread(_drain, run, result.sent)
            await watching
            result.faults = dict(faults)
    events = Counter(d["event"]["id"] for d in installation.documents("events"))
    alerts = Counter(d["event"]["id"] for d in installation.alerts())
    result.events, result.alerts = len(events), len(alerts)
    result.doubled = (events + alerts).total() - len(events) - len(alerts)
    result.problems = problems(result)
    return result


def _installation(folder: Path, addresses: dict[str, str]) -> Installation:
    """As in the benchmark from end to end."""
    path = write_configuration(folder, addresses)
    settings: dict[str, Any] = yaml.safe_load(path.read_text())
    return Installation(folder, **settings)


def _watch(run: Running, result: Soaked, begun: float, hours: float) -> None:
    while time.monotonic() - begun < hours * 3600:
        time.sleep(min(SAMPLE_SECONDS, hours * 3600 / 20))
        readers = [reader for stage in run.status()["stages"] for reader in stage["readers"]]
        result.samples.append(
            Sample(
                at_seconds=round(time.monotonic() - begun, 1),
                memory={
                    stage: round(
                        sum(map(resident, stage_processes(run.installation, stage))) / 2**20, 1
                    )
                    for stage in STAGES
                },
                lag=sum(max(0, reader["last"] - reader["position"]) for reader in readers),
                bus=_megabytes(run.installation.folder / "nats"),
                sink=_megabytes(run.installation.folder / "out"),
            )
        )


def _drain(run: Running, frames: int) -> None:
    """Until the sink has an event of each frame, or it takes too long."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        folder = run.installation.folder / "out" / "events"
        if sum(path.read_bytes().count(b"\n") for path in folder.glob("*.ndjson")) >= frames:
            return
        time.sleep(1)


def _megabytes(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            pass  # it went meanwhile
    return round(total / 2**20, 1)


def problems(result: Soaked) -> list[str]:
    """What is not as it should be."""
    found: list[str] = []
    if result.events < result.sent:
        found.append(f"{result.sent - result.events} of {result.sent} frames have no event")
    if result.doubled:
        found.append(f"{result.doubled} documents are there twice")
    quarter = len(result.samples) // 4
    # Before that the windows of the rules are still filling, which is no leak.
    if result.samples and result.samples[-1].at_seconds >= LEAST_FOR_MEMORY:
        for stage in STAGES:
            memory = [sample.memory[stage] for sample in result.samples]
            early, late = max(memory[quarter : 2 * quarter]), max(memory[-quarter:])
            if early and late > GROWTH * early + 20:
                found.append(f"{stage} grew from {early:.0f} to {late:.0f} MB")
    return found


def main() -> int:
    """Entry point; 0 when there were no problems."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=500, help="frames per second of the venue")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--keep", type=Path, default=ROOT / "var" / "soak", help="made anew")
    options = parser.parse_args()
    console = Console()
    console.print(f"seed {options.seed}")
    shutil.rmtree(options.keep, ignore_errors=True)
    options.keep.mkdir(parents=True)
    result = asyncio.run(soak(options.keep, options.hours, options.rate, options.seed, console))
    (options.keep / "results.json").write_bytes(msgspec.json.encode(result))
    told = msgspec.to_builtins(result)
    told["samples"] = told["samples"][:: max(1, len(result.samples) // 10)]
    console.print_json(json.dumps(told))
    for problem in result.problems:
        console.print(f"[red]{problem}")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
