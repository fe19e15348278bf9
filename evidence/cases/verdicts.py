"""What closed cases say of the alerts in them: which were right.

A case is closed with a reason code, by a person, and by two where four eyes are asked for. With a
breach (`reported`, `referred`, `warned`) its alerts were right, without one (`no-breach`,
`false-positive`, `explained`) they were not. Of duplicates, wrong data and what was retracted it
says nothing about the rule.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from evidence.cases.state import Case, advance
from normalizer.events import CaseActivity
from normalizer.events.case import Resolution

_RIGHT: Mapping[Resolution, bool] = {
    "reported": True,
    "referred": True,
    "warned": True,
    "no-breach": False,
    "false-positive": False,
    "explained": False,
}


class Verdict(Struct, frozen=True):
    """What people found of an alert: of all alerts of a case alike."""

    case: str
    right: bool


class Verdicts(Struct, frozen=True):
    """Of all cases."""

    of_alerts: Mapping[str, Verdict]
    """By the alert's id. Without those that joined a case after it was closed."""
    cases: int
    """Closed ones with a verdict."""
    broken: int
    """Cases of which the beginning isn't there: nothing can be said of them."""


def verdicts(activities: Iterable[CaseActivity]) -> Verdicts:
    """What the cases are now, from all that was done to them, in any order; copies count once."""
    by_case: dict[str, dict[str, CaseActivity]] = {}
    for one in activities:
        by_case.setdefault(one.case_id, {})[one.id] = one
    found: dict[str, Verdict] = {}
    cases = broken = 0
    for case_id, done in sorted(by_case.items()):
        case: Case | None = None
        judged: tuple[str, ...] = ()
        for activity in sorted(done.values(), key=lambda one: (one.number, one.timestamp, one.id)):
            was_closed = case is not None and case.status == "closed"
            case = advance(case, activity)
            if case is not None and case.status == "closed" and not was_closed:
                judged = tuple(case.alerts)
        if case is None:
            broken += 1
        elif case.resolution is not None and case.resolution in _RIGHT:  # it is closed
            verdict = Verdict(case_id, _RIGHT[case.resolution])
            kept = [one for one in judged if not case.alerts[one].retracted]
            found |= dict.fromkeys(kept, verdict)
            cases += bool(kept)
    return Verdicts(found, cases, broken)
