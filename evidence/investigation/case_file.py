"""A case for its timeline: its alerts, whom it is about, and all that was done to it."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from msgspec import Struct

from evidence.cases.state import Case, fold
from evidence.cases.store import CaseStore, decode
from evidence.investigation.lines import Line
from normalizer.events import CaseActivity
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
        activity = decode(message.data)
        if activity.case_id.upper().startswith(wanted):
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


def line_of_activity(activity: CaseActivity, content: bytes) -> Line:
    """The line of what somebody did to the case."""
    why = f": {activity.why}" if activity.why else ""
    return Line(
        time=activity.timestamp,
        kind="action",
        id=activity.id,
        action=activity.action,
        summary=f"{activity.message or activity.action}{why}",
        by=activity.who,
        level=activity.level,
        sha256=sha256(content).hexdigest(),
    )
