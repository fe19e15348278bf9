"""What page and PDF both say of an investigation, in the same words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evidence.cases.state import Case
from evidence.investigation.gather import Gathered
from evidence.investigation.lines import Kind, Line
from normalizer.events import SEVERITY, Alert
from normalizer.events.ecs import rfc3339
from pipeline.page.words import plural, shortened
from pipeline.problems import all_of

if TYPE_CHECKING:
    from evidence.investigation.export import Manifest

LABELS: dict[Kind, str] = {
    "alert": "alert",
    "update": "update",
    "event": "event",
    "reference": "reference data",
    "rules": "rules",
    "action": "action",
}


def headline_figures(gathered: Gathered, lines: Sequence[Line]) -> list[tuple[str, str]]:
    """The few numbers at the top, each with its name."""
    alert = gathered.subject
    if gathered.case is not None:
        level, about = gathered.case.case.level, ("case", gathered.case.case.status)
    elif alert is not None:
        updates = [one for one in gathered.updates if one.alert_id == alert.id]
        level, about = alert.level, ("alert", updates[-1].status if updates else "stands")
    else:
        gravest = max(gathered.alerts, key=lambda one: SEVERITY[one.level], default=None)
        level = "no alert" if gravest is None else gravest.level
        about = ("parties", f"{len(gathered.parties):,}")
    return [
        ("level" if gathered.parties == () else "gravest level", level),
        about,
        ("alerts", f"{len(gathered.alerts):,}"),
        ("events", f"{sum(line.kind == 'event' for line in lines):,}"),
        ("actions", f"{sum(line.kind == 'action' for line in lines):,}"),
        ("evidence missing", f"{len(gathered.missing):,}"),
    ]


def facts_told(gathered: Gathered, manifest: "Manifest") -> list[tuple[str, str]]:
    """What names the investigation."""
    alert = gathered.subject
    facts = [
        *(() if gathered.case is None else _of_case(gathered.case.case)),
        *(() if alert is None else _of_alert(alert, gravest=gathered.case is not None)),
        ("from", manifest.since),
        ("to", manifest.until),
        ("about", ", ".join(gathered.parties or sorted(gathered.scope.names))),
        *(() if alert is None else _of_market(alert)),
    ]
    return [(name, value) for name, value in facts if value]


def _of_alert(alert: Alert, *, gravest: bool) -> list[tuple[str, str]]:
    return [
        ("gravest alert" if gravest else "alert", alert.id),
        ("rule", f"{alert.rule_id}, of {alert.rule_version}"),
        ("rule's content", alert.rule_hash),
    ]


def _of_market(alert: Alert) -> list[tuple[str, str]]:
    return [
        ("token", alert.token_symbol or alert.token_id or ""),
        ("market", " ".join(one for one in (alert.venue, alert.instrument) if one)),
        ("transaction", alert.transaction_hash or ""),
    ]


def _of_case(case: Case) -> list[tuple[str, str]]:
    workers = ", ".join(dict.fromkeys(case.workers))
    return [
        ("case", case.id),
        ("opened", whole_time(case.opened)),
        ("closed", "" if case.closed is None else whole_time(case.closed)),
        ("resolution", case.resolution or ""),
        ("assigned to", case.assignee or ""),
        ("worked on by", workers),
        ("approved by", case.approved_by or ""),
        ("alerts in it", f"{len(case.alerts):,}, of which {case.retracted:,} are retracted"),
    ]


def proof_told(manifest: "Manifest") -> list[str]:
    """What is complete and what is proven, in sentences."""
    told = len(manifest.proven) + len(manifest.unproven)
    said = [
        f"Documents from {manifest.archive}, {manifest.since} to {manifest.until}.",
        f"{plural(len(manifest.missing), 'event')} that alerts rest on could not be found."
        if manifest.missing
        else "Every event that the alerts rest on is here.",
        f"{plural(len(manifest.unreadable), 'document')} could not be read."
        if manifest.unreadable
        else "Every document could be read.",
        f"{len(manifest.proven):,} of {told:,} alerts and updates are, byte for byte, in the audit "
        "log, with a proof each."
        if manifest.entries is not None
        else "No audit log was given: nothing is proven by one.",
    ]
    if manifest.activities and manifest.entries is not None:
        count = len(manifest.activities)
        shown = count - len(manifest.unproven_activities)
        said.append(
            f"{shown:,} of {plural(count, 'action')} on the case are, byte for byte, in the audit "
            "log, with a proof each."
        )
    if manifest.raw_gone is not None:
        said.append(
            f"{plural(len(manifest.raw_gone), 'raw frame')} were gone from the bus."
            if manifest.raw_gone
            else "All raw frames that they were made of are in the export."
        )
    if manifest.unmet:
        said.append(f"Nothing here names {all_of(map(shortened, manifest.unmet))}.")
    if manifest.unknown_rules:
        said.append(f"{plural(len(manifest.unknown_rules), 'rule')} could not be had as they were.")
    return said


def whole_time(time: int) -> str:
    """RFC 3339 with nine digits."""
    try:
        return rfc3339(time)
    except (OverflowError, ValueError):
        return str(time)


def shown_time(time: int) -> str:
    """To the millisecond, for tables."""
    return whole_time(time)[:23].replace("T", " ")
