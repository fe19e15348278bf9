"""A case of ours in Kibana's form: pure, and the same for the same case."""

from collections.abc import Mapping, Sequence

from evidence.cases.kibana_api import (
    MOST_CUSTOM,
    MOST_TEXT,
    MOST_TITLE,
    Assignee,
    CustomValue,
    KibanaCase,
    KibanaSeverity,
    KibanaStatus,
    NewCase,
    Owner,
)
from evidence.cases.state import Case
from normalizer.events import CaseActivity, Level
from normalizer.events.case import CaseStatus
from pipeline.page.words import printable

#: Every case of ours has it.
TAG = "tapewatch"
RESOLUTION_FIELD = "tapewatch-resolution"
_SEVERITIES: dict[Level, KibanaSeverity] = {
    "informational": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
}
_STATUSES: dict[CaseStatus, KibanaStatus] = {
    "open": "open",
    "in-progress": "in-progress",
    "pending": "in-progress",
    "closed": "closed",
    "suppressed": "closed",
}
_EYES = (
    "Who closes the case first proposes that; it is in progress again until somebody else closes "
    "it, who did not work on it and wrote none of its rules."
)
#: Of what was done in Kibana, what people there must be told.
REFUSED = "refused"
#: Of Markdown, what would make a link, a heading or a picture of somebody else's text.
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]()#+!|<>~"})
_MOST_TAG = 256


def own_tag(case: str) -> str:
    """The tag by which a case is found again."""
    return f"tapewatch:{case}"


def status_of(case: Case) -> KibanaStatus:
    """What Kibana says of it: what is pending is in progress there."""
    return _STATUSES[case.status]


def severity_of(case: Case) -> KibanaSeverity:
    """From the level of its alerts."""
    return _SEVERITIES[case.level]


def assignees_of(case: Case, profiles: Mapping[str, str]) -> list[Assignee]:
    """Its assignee, where their profile is known. `profiles`: users by profile."""
    return [Assignee(uid) for uid, user in profiles.items() if user == case.assignee][:1]


def fields_of(
    case: Case, configured: Mapping[str, str], there: Sequence[CustomValue] = ()
) -> list[CustomValue]:
    """The custom fields: ours as they are now, others as they are in Kibana.

    `configured`: type by key. What isn't configured Kibana would refuse. The reason code stays what
    people put there until the case is closed.
    """
    held = {one.key: one.value for one in there}
    ours: dict[str, str | bool | float | None] = {
        "tapewatch-case-id": case.id,
        "tapewatch-typology": case.typology,
        "tapewatch-entities": ", ".join(case.entities),
        "tapewatch-token": case.token_symbol or case.token_id,
        "tapewatch-alert-count": len(case.alerts),
        "tapewatch-four-eyes": case.four_eyes,
        "tapewatch-approved-by": case.approved_by,
    }
    if case.resolution is not None:
        ours[RESOLUTION_FIELD] = case.resolution
    values = held | ours
    return [
        CustomValue(key, kind, _fitted(values.get(key), kind)) for key, kind in configured.items()
    ]


def _fitted(value: str | bool | float | None, kind: str) -> str | bool | float | None:
    if kind == "text":
        text = "" if value is None else str(value)
        return text[:MOST_CUSTOM] or None
    if kind == "number":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if number else None
    return bool(value)


def new_case(
    case: Case, owner: Owner, configured: Mapping[str, str], profiles: Mapping[str, str]
) -> NewCase:
    """The case to be opened in Kibana."""
    words = (case.typology, case.token_symbol or "")
    tags = [TAG, own_tag(case.id), *(word[:_MOST_TAG] for word in words if word)]
    return NewCase(
        title=printable(case.title)[:MOST_TITLE] or case.id,
        description=description(case),
        tags=tags,
        owner=owner,
        severity=severity_of(case),
        category="Market surveillance",
        assignees=assignees_of(case, profiles),
        custom_fields=fields_of(case, configured),
    )


def description(case: Case) -> str:
    """What people read first."""
    lines = [
        f"**{escaped(case.title)}**",
        "",
        f"- Case in Tapewatch: {escaped(case.id)}",
        f"- About: {escaped(', '.join(case.entities[:50])) or 'nobody named'}",
    ]
    where = " ".join(one for one in (case.token_symbol, case.venue, case.instrument) if one)
    if where:
        lines.append(f"- Asset: {escaped(where)}")
    if case.four_eyes:
        lines += [
            "",
            "Two people must close this case, with a reason code in the field "
            f"`{RESOLUTION_FIELD}`. {_EYES}",
        ]
    return "\n".join(lines)


def told(activity: CaseActivity) -> str:
    """What was done to the case, as a comment. It ends with where it stands: see `reference`."""
    what = activity.message.partition(": ")[2] or activity.action
    lines = [escaped(what)]
    if activity.action == "resolution-proposed":
        lines.append(_EYES)
    if activity.comment:
        lines += ["", escaped(activity.comment)]
    end = f"\n\n_{reference(activity)}_"
    return _fitting("\n".join(lines), MOST_TEXT - len(end)) + end


def _fitting(text: str, most: int) -> str:
    """What Kibana takes of a text; the rest is here."""
    left = "… (the rest is in Tapewatch)"
    return text if len(text) <= most else text[: most - len(left)].rstrip("\\") + left


def is_for_kibana(activity: CaseActivity) -> bool:
    """Whether people in Kibana are told by a comment: of what they didn't do themselves there."""
    if activity.provider == "kibana":
        return REFUSED in activity.tags or activity.action == "resolution-proposed"
    if activity.action == "opened":
        return not activity.alerts  # what it was opened for, no alert says
    return activity.action != "linked"


def reference(activity: CaseActivity) -> str:
    """What tells one comment of ours from another: so none is written twice."""
    return f"Tapewatch {activity.case_id} #{activity.number}"


def is_told(activity: CaseActivity, there: KibanaCase) -> bool:
    """Whether Kibana has the comment about it already."""
    wanted = f"_{reference(activity)}_"
    return any(one.type == "user" and one.comment.endswith(wanted) for one in there.comments)


def escaped(text: str) -> str:
    """Text from elsewhere: it is nothing but text in Markdown, and a URL in it is no link."""
    lines = (printable(line).translate(_MARKS) for line in text.splitlines())
    return "\n".join(line.replace("://", ":\\//") for line in lines)
