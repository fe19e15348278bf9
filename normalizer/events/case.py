"""What is done to a case: the record of the stream CASES, and what of it reaches the sinks."""

from typing import Annotated, Literal

from msgspec import Struct, field

from normalizer.events.alert import Level
from normalizer.events.base import Keywords
from normalizer.events.fields import Nanoseconds, Text, described

#: What can be done to a case. `opened` and `alerts-joined` name the alerts of one rule each.
CaseAction = Literal[
    "opened", "alerts-joined", "alerts-suppressed", "alerts-retracted", "alerts-reinstated",
    "alerts-amended", "assigned", "unassigned", "status-changed", "commented", "evidence-attached",
    "resolution-proposed", "resolution-withdrawn", "resolution-rejected", "closed", "reopened",
    "escalated", "linked",
]  # fmt: skip

#: `pending`: its resolution is proposed, and somebody else must approve it. `suppressed`: it only
#: holds the alerts of a suppression window, and nobody needs to work on it.
CaseStatus = Literal["open", "in-progress", "pending", "closed", "suppressed"]

#: Why a case is closed: with no breach found (the first six), or with one.
Resolution = Literal[
    "no-breach", "false-positive", "explained", "duplicate", "data-error", "retracted",
    "reported", "referred", "warned",
]  # fmt: skip

#: By which way an action came: the stage `cases`, a command, or Kibana.
CaseOrigin = Literal["tapewatch", "command", "kibana"]


class CaseActivity(
    Struct,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    tag_field="event.action",
    tag="case-activity",
):
    """Somebody did something to a case: a fact, never changed, in the stream CASES.

    A case is the fold of its activities, in their order (`evidence.cases.state`). Besides what was
    done it tells what the case was after it, so that who reads one activity (a sink, the audit log)
    needs no others; the fold doesn't rely on that. On the bus it is flat JSON with dotted names.
    """

    id: Annotated[str, described("Deterministic identity of the activity")] = field(name="event.id")
    timestamp: Annotated[Nanoseconds, described("When it was done, by the clock")] = field(
        name="@timestamp"
    )
    kind: Annotated[str, described("ECS kind")] = field(name="event.kind", default="event")
    dataset: Annotated[str, described("Data set")] = field(
        name="event.dataset", default="tapewatch.case"
    )
    provider: Annotated[CaseOrigin, described("Where it was done: tapewatch, command, kibana")] = (
        field(name="event.provider")
    )
    number: Annotated[int, described("Its place among the activities of the case, from 1")] = field(
        name="event.sequence"
    )
    severity: Annotated[int, described("0 to 100, from the case's level")] = field(
        name="event.severity", default=0
    )
    who: Annotated[str, described("Who did it", personal="staff")] = field(name="user.name")
    why: Annotated[str, described("Why, in words", personal="text")] = field(
        name="event.reason", default=""
    )
    message: Annotated[Text, described("What was done, in one sentence", personal="text")] = field(
        name="message", default=""
    )

    case_id: Annotated[str, described("The case's id, deterministic")] = field(
        name="surveillance.case.id"
    )
    action: Annotated[CaseAction, described("What was done to the case")] = field(
        name="surveillance.case.action"
    )

    # What the action is about.
    alerts: Annotated[Keywords, described("event.id of the alerts that it is about")] = field(
        name="surveillance.case.alert_ids", default=()
    )
    rule_id: Annotated[str | None, described("The rule that gave these alerts")] = field(
        name="rule.id", default=None
    )
    rule_name: Annotated[str | None, described("Its title")] = field(name="rule.name", default=None)
    authors: Annotated[
        Keywords,
        described("Who wrote or last changed that rule, by all names known", personal="staff"),
    ] = field(name="rule.author", default=())
    alerts_first: Annotated[Nanoseconds | None, described("Event time of the first alert")] = field(
        name="event.start", default=None
    )
    alerts_last: Annotated[Nanoseconds | None, described("Event time of the newest alert")] = field(
        name="event.end", default=None
    )
    comment: Annotated[Text | None, described("What was written", personal="text")] = field(
        name="surveillance.case.comment", default=None
    )
    evidence: Annotated[
        str | None, described("What was attached: a URL, a file's name, an id", personal="text")
    ] = field(name="surveillance.case.evidence.reference", default=None)
    evidence_hash: Annotated[
        str | None, described("SHA-256 of what was attached, where it is a file")
    ] = field(name="surveillance.case.evidence.sha256", default=None)
    resolution: Annotated[
        Resolution | None, described("Why it is or would be closed: the reason code")
    ] = field(name="surveillance.case.resolution", default=None)
    step: Annotated[str | None, described("The step of the escalation that is due")] = field(
        name="surveillance.case.escalation.step", default=None
    )
    notify: Annotated[Keywords, described("Notifications that tell of the escalation")] = field(
        name="surveillance.case.escalation.notify", default=()
    )
    kibana_id: Annotated[str | None, described("Id of the case in Kibana")] = field(
        name="surveillance.case.kibana.id", default=None
    )
    kibana_item: Annotated[
        str | None, described("What it is in Kibana: an id of a user action or a comment")
    ] = field(name="surveillance.case.kibana.item", default=None)

    # What the case was before it, where that differs.
    previous_status: Annotated[CaseStatus | None, described("Its status before")] = field(
        name="surveillance.case.previous.status", default=None
    )
    previous_assignee: Annotated[str | None, described("Its assignee before", personal="staff")] = (
        field(name="surveillance.case.previous.assignee", default=None)
    )
    previous_level: Annotated[Level | None, described("Its level before")] = field(
        name="surveillance.case.previous.level", default=None
    )

    # What the case is after it.
    latest: Annotated[
        bool, described("Whether it is the newest of its case, as far as the sink could mark it")
    ] = field(name="surveillance.case.latest", default=True)
    status: Annotated[CaseStatus, described("Status of the case after it")] = field(
        name="surveillance.case.status"
    )
    level: Annotated[Level, described("The highest level of the case's alerts")] = field(
        name="surveillance.level"
    )
    title: Annotated[str, described("The case in a few words", personal="text")] = field(
        name="surveillance.case.title"
    )
    assignee: Annotated[str | None, described("Who works on it", personal="staff")] = field(
        name="surveillance.case.assignee", default=None
    )
    opened: Annotated[Nanoseconds | None, described("When the case was opened")] = field(
        name="surveillance.case.opened", default=None
    )
    closed: Annotated[Nanoseconds | None, described("When it was closed last")] = field(
        name="surveillance.case.closed", default=None
    )
    alert_count: Annotated[int, described("Alerts of the case, retracted ones among them")] = field(
        name="surveillance.case.alert_count", default=0
    )
    retracted_count: Annotated[int, described("Of these, retracted ones")] = field(
        name="surveillance.case.retracted_count", default=0
    )
    rule_count: Annotated[int, described("Rules that gave them")] = field(
        name="surveillance.case.rule_count", default=0
    )
    comment_count: Annotated[int, described("Comments of the case")] = field(
        name="surveillance.case.comment_count", default=0
    )
    evidence_count: Annotated[int, described("Pieces of evidence attached to it")] = field(
        name="surveillance.case.evidence_count", default=0
    )
    escalations: Annotated[int, described("How often it was escalated since it was open")] = field(
        name="surveillance.case.escalation.count", default=0
    )
    four_eyes: Annotated[bool, described("Whether a second person must approve its closing")] = (
        field(name="surveillance.case.four_eyes", default=False)
    )
    proposed_by: Annotated[str | None, described("Who proposes to close it", personal="staff")] = (
        field(name="surveillance.case.proposed_by", default=None)
    )
    approved_by: Annotated[str | None, described("Who closed it", personal="staff")] = field(
        name="surveillance.case.approved_by", default=None
    )
    typology: Annotated[str, described("Kind of abuse, such as wash_trading")] = field(
        name="surveillance.typology", default=""
    )
    entities: Annotated[Keywords, described("Whom it is about", personal="mixed")] = field(
        name="surveillance.entities", default=()
    )
    token_id: Annotated[str | None, described("The token's id in the reference data")] = field(
        name="token.id", default=None
    )
    token_symbol: Annotated[str | None, described("Ticker of the token")] = field(
        name="token.symbol", default=None
    )
    venue: Annotated[str | None, described("Name of the venue")] = field(
        name="market.venue", default=None
    )
    instrument: Annotated[str | None, described("The venue's symbol")] = field(
        name="market.instrument", default=None
    )
    network: Annotated[str | None, described("Name of the network")] = field(
        name="blockchain.network", default=None
    )
    related_user: Annotated[Keywords, described("Whom it is about", personal="mixed")] = field(
        name="related.user", default=()
    )
    tags: Annotated[Keywords, described("Marks")] = field(name="tags", default=())
