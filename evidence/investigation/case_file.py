"""A case for its timeline: its alerts, whom it is about, and all that was done to it."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct

from evidence.cases.state import Case, fold
from evidence.cases.store import CaseStore, decode, readable
from evidence.investigation.archive import Archive
from evidence.investigation.lines import Line
from normalizer.events import CaseActivity
from normalizer.events.ecs import UnreadableDocument, parse
from pipeline.bus import Bus
from pipeline.failure import FAILED, Failure

#: How the id of a case begins; that of an alert is hexadecimal.
PREFIX = "TW-"


class CaseFile(Struct, frozen=True, kw_only=True):
    """A case as it is, and its activities, each with the very bytes that the stream CASES has."""

    case: Case
    activities: Sequence[tuple[CaseActivity, bytes]]

    @property
    def alerts(self) -> tuple[str, ...]:
        """Ids of its alerts."""
        return tuple(self.case.alerts)

    @property
    def attached(self) -> frozenset[str]:
        """What people attached that is no file: ids of events, or what else has one."""
        return frozenset(one.reference for one in self.case.evidence if one.sha256 is None)

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """First and last of the numbers from 1 on that no activity has, before the highest."""
        numbers = sorted({0, *(one.number for one, _ in self.activities)})
        return [(a + 1, b - 1) for a, b in pairwise(numbers) if b > a + 1]

    @property
    def digests(self) -> dict[str, str]:
        """The activities' ids by SHA-256, with which the audit log has them."""
        return {sha256(content).hexdigest(): one.id for one, content in self.activities}


def is_case(text: str) -> bool:
    """Whether an id is one of a case, not of an alert."""
    return text.upper().startswith(PREFIX)


def case_file_of(contents: Iterable[bytes]) -> CaseFile | None:
    """The file of a case, by all that was done to it in its order; None without anything."""
    activities = [(decode(content), content) for content in contents]
    case = fold(activity for activity, _ in activities)
    return None if case is None else CaseFile(case=case, activities=activities)


async def read_case(bus: Bus, wanted: str) -> CaseFile:
    """The case of this id, or the one whose id begins so. Raises Failure."""
    wanted = wanted.upper()
    store = await CaseStore.open(bus)
    by_case: dict[str, list[bytes]] = {}
    async for message in store.messages():
        activity = readable(message)
        if activity is not None and activity.case_id.upper().startswith(wanted):
            by_case.setdefault(activity.case_id, []).append(message.data)
    if wanted in by_case:
        by_case = {wanted: by_case[wanted]}
    if len(by_case) > 1:
        some = ", ".join(sorted(by_case)[:5])
        raise Failure(f"{len(by_case)} cases begin with {wanted}: {some}", FAILED)
    for contents in by_case.values():
        found = case_file_of(contents)
        if found is not None:
            return found
    raise Failure(f"no case begins with {wanted}: see `tapewatch case list`", FAILED)


def case_in(archive: Archive, wanted: str) -> CaseFile:
    """The case of this id as a sink has it. Raises Failure.

    A sink nests what the bus has flat, and marks the newest: here each activity is again as it was
    on the bus, which its hash in the audit log shows, or doesn't.
    """
    wanted = wanted.upper()
    found: dict[int, CaseActivity] = {}
    for one in archive.cases(wanted):
        try:
            record = parse(msgspec.json.decode(one.document, type=dict[str, Any]))
        except (msgspec.MsgspecError, UnreadableDocument) as error:
            raise Failure(f"{one.place}: {error}", FAILED) from None
        if isinstance(record, CaseActivity) and record.case_id == wanted:
            found.setdefault(record.number, record)
    if not found:
        raise Failure(f"{archive.name} has no case {wanted}: name its whole id", FAILED)
    lacking = sorted(set(range(1, max(found) + 1)) - found.keys())
    if lacking:
        some = ", ".join(str(number) for number in lacking[:5])
        raise Failure(f"{archive.name} lacks what was done to {wanted} as number {some}", FAILED)
    ordered = [found[number] for number in sorted(found)]
    file = case_file_of(map(_as_on_the_bus, ordered))
    assert file is not None
    return file


def _as_on_the_bus(activity: CaseActivity) -> bytes:
    """What the bus had: a text that is a field's default was never set, so it is left out there."""
    defaults = {
        one.name: one.default
        for one in msgspec.structs.fields(activity)
        if isinstance(one.default, str) and getattr(activity, one.name) == one.default
    }
    return msgspec.json.encode(msgspec.structs.replace(activity, latest=True, **defaults))


def line_of_activity(activity: CaseActivity, content: bytes) -> Line:
    """The line of what somebody did to the case."""
    return Line(
        time=activity.timestamp,
        kind="action",
        id=activity.id,
        action=activity.action,
        summary=activity.message or activity.action,
        by=activity.who,
        level=activity.level,
        sha256=sha256(content).hexdigest(),
    )
