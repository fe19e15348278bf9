"""What is done to a case, made into an activity: whole, with an id, and with what the case is then.

Every activity is made here: `do` takes what somebody wants, and gives it only where it may be done.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct, structs

from evidence.cases.state import Case, after
from normalizer.events import SEVERITY, CaseActivity, Level
from normalizer.events.case import CaseAction, CaseOrigin, CaseStatus, Resolution

#: What people write, in characters: as much as Kibana takes of a comment, and what we put before.
MOST_WRITTEN = 31_000
#: Alerts that one activity names.
MOST_ALERTS = 500
#: Resolutions by which no breach was found, and with one.
RESOLUTIONS: dict[Resolution, str] = {
    "no-breach": "looked into, and no breach found",
    "false-positive": "the rule was wrong to alert",
    "explained": "a legitimate explanation was given and checked",
    "duplicate": "another case is about the same",
    "data-error": "the data were wrong",
    "retracted": "what it rests on did not happen",
    "reported": "a suspicious transaction or activity report was submitted",
    "referred": "given to another authority, venue or the issuer",
    "warned": "a breach, dealt with towards the party",
}


class Wish(Struct, kw_only=True):
    """What somebody wants to do. `at`: nanoseconds since the epoch. See CaseActivity."""

    action: CaseAction
    who: str
    at: int
    origin: CaseOrigin = "command"
    why: str = ""
    alerts: Sequence[str] = ()
    rule_id: str | None = None
    rule_name: str | None = None
    authors: Sequence[str] = ()
    alerts_first: int | None = None
    alerts_last: int | None = None
    level: Level | None = None
    four_eyes: bool = False
    status: CaseStatus | None = None
    assignee: str | None = None
    comment: str | None = None
    evidence: str | None = None
    evidence_hash: str | None = None
    resolution: Resolution | None = None
    step: str | None = None
    notify: Sequence[str] = ()
    kibana_id: str | None = None
    kibana_item: str | None = None
    tags: Sequence[str] = ()


class About(Struct, kw_only=True):
    """What a case that is opened is about."""

    title: str
    typology: str = ""
    entities: Sequence[str] = ()
    token_id: str | None = None
    token_symbol: str | None = None
    venue: str | None = None
    instrument: str | None = None
    network: str | None = None


def case_id(typology: str, entities: Sequence[str], asset: str, first_alert: str) -> str:
    """The id of the case that an alert opens: the same alert always opens the same case."""
    content = msgspec.json.encode([typology, sorted(entities), asset, first_alert])
    return f"TW-{sha256(content).hexdigest()[:12].upper()}"


def referral_id(about: About, who: str, at: int) -> str:
    """The id of a case that somebody opens without an alert: each time another one."""
    content = msgspec.json.encode([about, who, at])
    return f"TW-{sha256(content).hexdigest()[:12].upper()}"


def opened(case: str, about: About, wish: Wish) -> tuple[CaseActivity, Case]:
    """The first activity of a case, and the case. Raises ActionRefused."""
    return _whole(None, _draft(case, 1, wish, about))


def do(case: Case, wish: Wish) -> tuple[CaseActivity, Case]:
    """What is wanted as an activity, and the case after it; `case` itself is not changed.

    Raises :class:`~evidence.cases.state.ActionRefused` where it may not be done.
    """
    about = About(
        title=case.title,
        typology=case.typology,
        entities=case.entities,
        token_id=case.token_id,
        token_symbol=case.token_symbol,
        venue=case.venue,
        instrument=case.instrument,
        network=case.network,
    )
    return _whole(case, _draft(case.id, case.number + 1, wish, about))


def _draft(case: str, number: int, wish: Wish, about: About) -> CaseActivity:
    return CaseActivity(
        id=_identity(case, number, wish),
        timestamp=wish.at,
        provider=wish.origin,
        number=number,
        who=wish.who,
        why=wish.why[:MOST_WRITTEN],
        case_id=case,
        action=wish.action,
        alerts=tuple(wish.alerts),
        rule_id=wish.rule_id,
        rule_name=wish.rule_name,
        authors=tuple(wish.authors),
        alerts_first=wish.alerts_first,
        alerts_last=wish.alerts_last,
        comment=None if wish.comment is None else wish.comment[:MOST_WRITTEN],
        evidence=None if wish.evidence is None else wish.evidence[:MOST_WRITTEN],
        evidence_hash=wish.evidence_hash,
        resolution=wish.resolution,
        step=wish.step,
        notify=tuple(wish.notify),
        kibana_id=wish.kibana_id,
        kibana_item=wish.kibana_item,
        status=wish.status or "open",
        level=wish.level or "informational",
        title=about.title,
        assignee=wish.assignee,
        four_eyes=wish.four_eyes,
        typology=about.typology,
        entities=tuple(about.entities),
        token_id=about.token_id,
        token_symbol=about.token_symbol,
        venue=about.venue,
        instrument=about.instrument,
        network=about.network,
        related_user=tuple(about.entities),
        tags=tuple(wish.tags),
    )


def _identity(case: str, number: int, wish: Wish) -> str:
    """The same wish at the same place has the same id, whenever it comes."""
    content: dict[str, Any] = msgspec.to_builtins(wish)
    del content["at"]
    encoded = msgspec.json.encode([case, number, content], order="deterministic")
    return f"case:{sha256(encoded).hexdigest()}"


def _whole(before: Case | None, draft: CaseActivity) -> tuple[CaseActivity, Case]:
    case = after(before, draft)
    whole = structs.replace(
        draft,
        severity=SEVERITY[case.level],
        status=case.status,
        level=case.level,
        assignee=case.assignee,
        opened=case.opened,
        closed=case.closed,
        alert_count=len(case.alerts),
        retracted_count=case.retracted,
        rule_count=len(case.rules),
        comment_count=len(case.comments),
        evidence_count=len(case.evidence),
        escalations=len(case.steps),
        four_eyes=case.four_eyes,
        resolution=draft.resolution or case.resolution,
        proposed_by=case.proposal.who if case.proposal is not None else None,
        approved_by=case.approved_by,
        kibana_id=case.kibana_id,
        previous_status=_changed(before, case, "status"),
        previous_assignee=_changed(before, case, "assignee"),
        previous_level=_changed(before, case, "level"),
    )
    return structs.replace(whole, message=sentence(whole, draft)), case


def _changed(before: Case | None, case: Case, name: str) -> Any:
    was = getattr(before, name) if before is not None else None
    return was if was != getattr(case, name) else None


def sentence(whole: CaseActivity, draft: CaseActivity) -> str:
    """What was done, for people."""
    count = len(draft.alerts)
    alerts = f"{count} alert{'s' if count != 1 else ''}"
    by = f" of {draft.rule_name}" if draft.rule_name else ""
    what = {
        "opened": f"opened the case with {alerts}{by}" if count else "opened the case",
        "alerts-joined": f"put {alerts}{by} into the case",
        "alerts-suppressed": f"suppressed {alerts}{by}",
        "alerts-retracted": f"marked {alerts} retracted",
        "alerts-reinstated": f"marked {alerts} reinstated",
        "alerts-amended": f"marked {alerts} amended",
        "assigned": f"assigned it to {draft.assignee}",
        "unassigned": f"took it from {whole.previous_assignee}",
        "status-changed": f"set it to {whole.status}",
        "commented": "commented",
        "evidence-attached": f"attached {draft.evidence}",
        "resolution-proposed": f"proposed to close it as {draft.resolution}",
        "resolution-withdrawn": "withdrew the proposed resolution",
        "resolution-rejected": "rejected the proposed resolution",
        "closed": f"closed it as {draft.resolution}",
        "reopened": "reopened it",
        "escalated": f"escalated it: {draft.step}",
        "linked": f"linked it with {draft.kibana_id} in Kibana",
    }[draft.action]
    return f"{whole.case_id}: {draft.who} {what}" + (f": {draft.why}" if draft.why else "")
