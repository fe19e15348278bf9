"""A venue under load through the whole product: collectors, JetStream with file storage, file sink.

    python -m benchmarks.end_to_end                 the two loads of the README
    python -m benchmarks.end_to_end --rate 2000 --seconds 600      one, with memory over time

The venue runs in a process of its own on this machine, so it takes its part of the processors. The
floor, in the same run: one bare WebSocket client that only decodes the JSON of the same frames.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog
import yaml
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import connect

from benchmarks.memory import resident
from demo.venue.authentication import Credential, new_credential, sign
from demo.venue.facts import ACCOUNTS, PRODUCT
from demo.workspace import KEY_VARIABLES, VENUE
from pipeline.bus.status_board import StageReport
from pipeline.config.loading import load_configuration
from pipeline.supervisor import Supervisor

DRAIN_SECONDS = 120.0
FLOOR_SECONDS = 3.0


class Measured(msgspec.Struct):
    """One load through the product."""

    rate: float
    sent: int
    delivered: int
    #: From the first frame sent to the last event on the disk.
    seconds: float
    behind_seconds: float
    alerts: int
    latency: list[tuple[float, float]]
    #: Megabytes by stage: after a fifth, two fifths, ... of the time, and at the end.
    memory: dict[str, list[float]]

    def percentile(self, share: float) -> float:
        """The histogram bucket's upper bound, in seconds, below which ``share`` of alerts came."""
        total = self.latency[-1][1] if self.latency else 0.0
        for bound, count in self.latency:
            if total and count >= share * total:
                return bound
        return float("nan")


@asynccontextmanager
async def venue(
    rate: float, seconds: float, key: Credential
) -> AsyncGenerator[tuple[dict[str, str], "asyncio.Future[dict[str, Any]]"]]:
    """The venue under load, in a process of its own; its addresses, and what it sent in the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo.venue.load", "--rate", str(rate)),
        *("--seconds", str(seconds), "--linger", str(DRAIN_SECONDS)),
        env={
            **os.environ,
            "VENUE_KEY": key.key,
            "VENUE_PASSPHRASE": key.passphrase,
            "VENUE_SECRET": key.secret,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        addresses = json.loads(await process.stdout.readline())
        sent = asyncio.ensure_future(_sent(process.stdout))
        yield addresses, sent
        sent.cancel()
    finally:
        process.terminate()
        await process.wait()


async def _sent(output: asyncio.StreamReader) -> dict[str, Any]:
    return json.loads(await output.readline())


async def floor() -> float:
    """Frames per second that one process receives and decodes, and does nothing else with."""
    key = new_credential(operator=True)
    async with venue(0, FLOOR_SECONDS + 1, key) as (addresses, _):
        return await _receive(addresses["url"], key)


async def _receive(url: str, key: Credential) -> float:
    timestamp = str(int(time.time()))
    request = {
        "type": "subscribe",
        "product_ids": [PRODUCT.id],
        "channels": ["full"],
        "key": key.key,
        "passphrase": key.passphrase,
        "timestamp": timestamp,
        "signature": sign(key.secret, timestamp),
    }
    count = 0
    decode = msgspec.json.decode
    async with connect(url, compression=None, max_size=None) as socket:
        await socket.send(json.dumps(request))
        await socket.recv(decode=False)
        start = time.perf_counter()
        while time.perf_counter() - start < FLOOR_SECONDS:
            decode(await socket.recv(decode=False))
            count += 1
        return count / (time.perf_counter() - start)


def write_configuration(folder: Path, addresses: dict[str, str]) -> Path:
    """The demo's venue with the product's own rules, everything else as by default."""
    reference = {
        "tokens": [
            {
                "id": "acme",
                "symbol": PRODUCT.base_currency,
                "instruments": [{"venue": VENUE, "symbol": PRODUCT.id}],
            }
        ],
        "investors": [
            {"id": a.investor, "accounts": [{"venue": VENUE, "account": a.account}]}
            for a in ACCOUNTS
        ],
    }
    source = {
        "name": "venue",
        "type": "coinbase",
        "venue": VENUE,
        "url": addresses["url"],
        "rest_url": addresses["rest_url"],
        "products": [PRODUCT.id],
        "channels": ["full", "heartbeat"],
        **{name: f"${{env:{variable}}}" for name, variable in KEY_VARIABLES.items()},
    }
    (folder / "reference.yaml").write_text(yaml.safe_dump(reference))
    path = folder / "pipeline.yaml"
    rules = Path(__file__).parent.parent / "sigma_rules"
    path.write_text(
        yaml.safe_dump(
            {
                "bus": {"type": "embedded", "path": "nats"},
                "reference": ["reference.yaml"],
                "sources": [source],
                "detections": {"rules": [str(rules)]},
                "sinks": [{"name": "files", "type": "file", "path": "out"}],
                "observability": {"port": 0},
                "logging": {"level": "error"},
            }
        )
    )
    return path


class Watch:
    """What the status board says while a load runs."""

    def __init__(self) -> None:
        self.reports: list[StageReport] = []
        self.memory: dict[str, list[float]] = {}
        self._sampled = 0.0

    def take(self, reports: list[StageReport]) -> None:
        """Look at new reports."""
        self.reports = reports
        if time.monotonic() - self._sampled > 2:
            self._sampled = time.monotonic()
            for report in reports:
                if has := resident(report.pid):
                    self.memory.setdefault(report.stage, []).append(has / 2**20)

    def behind(self) -> int:
        """Messages that some stage or sink has not read yet."""
        return sum(reader.lag for report in self.reports for reader in report.readers)

    def frames(self) -> int:
        """Frames that collectors have sent to the bus."""
        return sum(source.frames for report in self.reports for source in report.sources)


async def measure(rate: float, seconds: float) -> Measured:
    """One load."""
    key = new_credential(operator=True)
    os.environ[KEY_VARIABLES["api_key"]] = key.key
    os.environ[KEY_VARIABLES["api_secret"]] = key.secret
    os.environ[KEY_VARIABLES["passphrase"]] = key.passphrase
    with tempfile.TemporaryDirectory(prefix="tapewatch-bench-") as text:
        folder = Path(text)
        async with venue(rate, seconds, key) as (addresses, sent):
            path = write_configuration(folder, addresses)
            supervisor = Supervisor(load_configuration(path), path)
            watch = Watch()
            supervisor.on_reports = watch.take
            running = asyncio.create_task(supervisor.run())
            try:
                await asyncio.wait({running, sent}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
                result = sent.result()
                sent_at = time.monotonic()
                await _drain(watch, result["frames"], folder)
                behind = time.monotonic() - sent_at
                latency = await asyncio.to_thread(_latency, supervisor.endpoint_url)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        delivered = _lines(folder / "out" / "events")
        return Measured(
            rate=rate,
            sent=result["frames"],
            delivered=delivered,
            seconds=result["seconds"] + behind,
            behind_seconds=behind,
            alerts=_lines(folder / "out" / "alerts"),
            latency=latency,
            memory={
                stage: [samples[(len(samples) - 1) * part // 5] for part in range(1, 6)]
                for stage, samples in watch.memory.items()
            },
        )


async def _drain(watch: Watch, frames: int, folder: Path) -> None:
    """Wait until the sink has an event for each frame; a check of files, not of what is claimed."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        if (
            watch.frames() >= frames
            and watch.behind() == 0
            and await asyncio.to_thread(_lines, folder / "out" / "events") >= frames
        ):
            return
        await asyncio.sleep(0.2)
    raise SystemExit(f"not delivered within {DRAIN_SECONDS:.0f} s: {watch.reports}")


def _lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.ndjson"))


def _latency(endpoint: str | None) -> list[tuple[float, float]]:
    """Cumulative counts by upper bound, over all typologies."""
    if endpoint is None:
        return []
    with urllib.request.urlopen(f"{endpoint}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    counts: dict[float, float] = {}
    for found in re.finditer(
        r"^tapewatch_source_to_alert_seconds_bucket\{(.*)\} (\S+)$", text, re.MULTILINE
    ):
        bound = re.search(r'le="([^"]+)"', found[1])
        if bound:
            counts[float(bound[1])] = counts.get(float(bound[1]), 0.0) + float(found[2])
    return sorted(counts.items())


def show(results: list[Measured], floor_rate: float) -> None:
    """The results as a table."""
    table = Table(title="End to end: WebSocket to NDJSON file, through JetStream on disk")
    for name in ("events/s", "of the floor", "sent", "delivered", "alerts", "p50", "p99", "behind"):
        table.add_column(name, justify="right")
    for one in results:
        achieved = one.delivered / one.seconds
        table.add_row(
            f"{achieved:,.0f}",
            f"{achieved / floor_rate:.2f}",
            f"{one.sent:,}",
            f"{one.delivered:,}",
            f"{one.alerts:,}",
            f"<= {one.percentile(0.5) * 1000:.1f} ms",
            f"<= {one.percentile(0.99) * 1000:.1f} ms",
            f"{one.behind_seconds:.1f} s",
        )
    console = Console()
    console.print(table)
    console.print(
        f"floor: one client that receives and decodes the same frames: {floor_rate:,.0f} frames/s"
    )
    memory = Table(title="Resident memory over the time, MB", title_justify="left")
    for name in ("events/s", "stage", "1/5", "2/5", "3/5", "4/5", "end"):
        memory.add_column(name, justify="left" if name == "stage" else "right")
    for one in results:
        for stage, samples in sorted(one.memory.items()):
            memory.add_row(f"{one.rate:,.0f}", stage, *(f"{sample:.0f}" for sample in samples))
    console.print(memory)


async def _main(options: argparse.Namespace) -> None:
    loads = [(options.rate, options.seconds)] if options.rate else [(2_000, 20), (20_000, 20)]
    floor_rate = await floor()
    show([await measure(rate, seconds) for rate, seconds in loads], floor_rate)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Measure the whole product under load.")
    parser.add_argument("--rate", type=float, default=0, help="frames per second")
    parser.add_argument("--seconds", type=float, default=20, help="how long to send")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
