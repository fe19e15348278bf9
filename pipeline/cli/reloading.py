"""What a reload examines and announces: all of it is good, or nothing changes."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import nats.js.errors

from pipeline.bus import Bus, Stream
from pipeline.bus.command_notes import CommandNote
from pipeline.bus.positions import open_bucket
from pipeline.bus.publisher import AnotherWriter
from pipeline.checkout import checkout_of
from pipeline.cli.exception_notes import exception_notes
from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.cli.noting import noted
from pipeline.cli.preflight import preflight
from pipeline.config.loading import load_configuration
from pipeline.config.schema import Configuration, Detections
from pipeline.problems import ProblemsFound, summary
from pipeline.reload import (
    Reloaded,
    ReloadRequest,
    RulesReloaded,
    changed_parts,
    concerned,
    own,
    unchangeable,
)
from pipeline.system_users import current_user

if TYPE_CHECKING:
    from detections.lanes.rules_in_force import RulesInForce
    from detections.rules.readable import ReadableRules

#: Messages, from the stream's end, in which a record is looked for.
_MOST_LOOKED_AT = 100
#: Where the bus keeps which configuration was the last one in force.
_CONFIGURATION, _IN_FORCE = "CONFIGURATION", "in-force"
STARTED = "Tapewatch was started with these rules"


class Reloading:
    """Reloads one configuration file. For a supervisor."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reference = ""

    async def begin(self, bus: Bus, config: Configuration) -> None:
        """Announce the rules of the configuration, if others are in force."""
        self._reference = reference_digest(config)
        await self._note(bus, config, "run", "")
        request = ReloadRequest(reason=STARTED, operator=operator())
        await announce(bus, config.detections, request, partial(noted, bus, config))

    async def reload(
        self, bus: Bus, current: Configuration, request: ReloadRequest
    ) -> tuple[Configuration, Reloaded]:
        """Examine all files; announce other rules; say which stages are to be restarted."""
        if request.config not in (None, str(self._path.absolute())):
            return current, Reloaded(
                refused=f"error: Tapewatch runs with {self._path.absolute()}, not with "
                f"{request.config}; nothing was changed"
            )
        try:
            # Reading hundreds of rules takes a second, in which the supervisor has other duties.
            config = await asyncio.to_thread(examined, self._path)
            reference = reference_digest(config)
        except ProblemsFound as found:
            return current, Reloaded(refused=f"{found}\n\n{summary(found.problems)}")
        except Failure as failure:
            return current, Reloaded(refused=f"error: {failure}")
        parts = changed_parts(current, config, reference=reference != self._reference)
        fixed = unchangeable(parts)
        if fixed:
            advice = "stop Tapewatch and start it again for that; nothing was changed"
            return current, Reloaded(refused="\n".join([*fixed, advice]))
        try:
            await self._note(bus, config, ", ".join(parts) or "nothing", request.reason)
            rules = await announce(bus, config.detections, request, partial(noted, bus, config))
        except Failure as failure:
            return current, Reloaded(refused=f"error: {failure}")
        self._reference = reference
        return config, Reloaded(
            rules=rules,
            restarted=concerned(parts, config),
            own=own(parts),
        )

    async def _note(self, bus: Bus, config: Configuration, what: str, why: str | None) -> None:
        """That the configuration is in force as its file is now. Secrets are none of its text."""
        if config.audit is None:
            return
        digest = hashlib.sha256(self._path.read_bytes()).hexdigest()
        kept = await open_bucket(bus.jetstream, bus.names.bucket(_CONFIGURATION), history=1)
        try:
            before = (await kept.get(_IN_FORCE)).value or b"null"
        except nats.js.errors.KeyNotFoundError:
            before = b"null"
        after = msgspec.json.encode({"sha256": digest})
        note = CommandNote(
            action="configuration-changed",
            what=f"{self._path.absolute()}: {what}",
            why=why or "",
            before=msgspec.Raw(before),
            after=msgspec.Raw(after),
        )
        await noted(bus, config, note)
        await kept.put(_IN_FORCE, after)


def examined(path: Path) -> Configuration:
    """The configuration, with all files that it points to examined. Raises ProblemsFound with all
    that is wrong, and Failure.
    """
    from detections.rules import load_rules
    from normalizer.events.taxonomy import fields

    config = load_configuration(path, fields=fields())
    preflight(config)
    load_rules(config.detections.rules, config.detections.pipelines)
    return config


def reference_digest(config: Configuration) -> str:
    """Of what stands in the reference data."""
    digest = hashlib.sha256()
    for path in config.reference:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                data = file.read_bytes()
                digest.update(f"{file}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


async def announce(
    bus: Bus,
    settings: Detections,
    request: ReloadRequest,
    note: Callable[[CommandNote], Awaitable[None]] | None = None,
) -> RulesReloaded | None:
    """Put the configured rules into force, if others are. None if they are in force already.

    `note` is given the exceptions that begin, change or end with that, before they do.
    Raises ProblemsFound and Failure.
    """
    from detections.lanes.rule_change import differences
    from detections.lanes.rules_in_force import RulesInForce
    from detections.rules.archived import read_rule_files, rules_in
    from normalizer.events import RulesChanged

    files = read_rule_files(settings.rules, settings.pipelines)
    rules = rules_in(files)
    in_force = await RulesInForce.open(bus)
    previous = await in_force.now()
    if previous == files.digest:
        await in_force.remember(files.digest)
        return None
    digest = await in_force.archive.put(files)
    if previous is None:  # nothing changes: they were in force since the stream's beginning
        await in_force.remember(digest)
        return RulesReloaded(rules=digest, first=True)
    read = await _rules_before(in_force, previous)
    before, left_out = (read.rules, read.left_out) if read is not None else (None, ())
    found = differences(before, rules, left_out=left_out) if read is not None else None
    if note is not None:
        for one in exception_notes(before, rules, request.reason or ""):
            await note(one)
    checkout = checkout_of(settings.rules)
    now = time.time_ns()
    record = RulesChanged(
        id="",
        timestamp=await _newest_time(bus) or now,
        ingested=now,
        original=f"RULES/{digest}",
        provider="tapewatch",
        category=("configuration",),
        type=("change",),
        dataset="tapewatch.rules",
        reason=request.reason,
        rules=digest,
        previous=previous,
        added=found.added if found else (),
        changed=found.changed if found else (),
        removed=found.removed if found else (),
        author=checkout.author if checkout else None,
        commit=checkout.commit if checkout else None,
        operator=request.operator,
    )
    try:
        sequence = await in_force.announce(record)
    except AnotherWriter as error:
        raise Failure(
            "other rules were put into force at the same moment, by somebody else: "
            "look which ones should hold, and reload again",
            CONFIGURATION,
        ) from error
    were = (*left_out, *(before.rules if before else ()))
    titles = {one.id: one.title for one in (*were, *rules.rules)}
    return RulesReloaded(
        rules=digest,
        sequence=sequence,
        added=tuple(titles[one] for one in record.added),
        changed=tuple(titles[one] for one in record.changed),
        removed=tuple(titles[one] for one in record.removed),
        kept=tuple(titles[one] for one in found.kept) if found else (),
        rebuilt=tuple(titles[one] for one in found.rebuilt) if found else (),
    )


async def _newest_time(bus: Bus) -> int | None:
    """The event time at which a change comes: of a recording, not of the clock."""
    from detections.lanes.event_messages import decode_record

    last = await bus.last_sequence(Stream.EVENTS)
    for sequence in range(last, max(0, last - _MOST_LOOKED_AT), -1):
        try:
            message = await bus.jetstream.get_msg(bus.names.stream(Stream.EVENTS), sequence)
            lines = (message.data or b"").split(b"\n")
            return max(decode_record(line).timestamp for line in lines)
        except (nats.js.errors.NotFoundError, msgspec.MsgspecError):
            continue  # gone, or none of records
    return None


async def _rules_before(in_force: "RulesInForce", digest: str | None) -> "ReadableRules | None":
    """The rules in force until now; None where there are none, or they can't be read any more."""
    from detections.lanes.ruled_engine import archived_rules

    if digest is None:
        return None
    try:
        return await archived_rules(in_force.archive, digest)
    except (Failure, ProblemsFound):
        return None


def operator() -> str | None:
    """Who runs this process, for the record."""
    return current_user()
