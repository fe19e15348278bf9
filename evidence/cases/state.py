"""A case: the fold of what was done to it. Pure, and the one place that says what may be done.

Four-eyes closing and the separation of duties are held here, not only where people ask for things:
an activity that breaks them changes nothing, whoever wrote it into the stream, and the case says
that it was refused.
"""

from collections.abc import Iterable

from msgspec import Struct, field, structs

from evidence.cases.persons import among, same
from normalizer.events import SEVERITY, CaseActivity, Level
from normalizer.events.case import CaseOrigin, CaseStatus, Resolution

#: Statuses in which somebody works on a case, or should.
WORKING: frozenset[CaseStatus] = frozenset(("open", "in-progress", "pending"))
#: What became of trades of one alert: so many are told apart.
_MOST_AMENDMENTS = 100


class ActionRefused(ValueError):
    """This may not be done to the case as it is; the text says why."""


class AlertInCase(Struct, frozen=True):
    """An alert of a case."""

    rule_id: str
    retracted: bool = False
    amended: tuple[str, ...] = ()
    """What became of trades that it rests on, as its updates say; the newest of many."""


class RuleInCase(Struct, frozen=True):
    """A rule that gave alerts of a case, and how many: one after the other is the same again."""

    name: str
    authors: tuple[str, ...] = ()
    alerts: int = 0
    #: Event times in nanoseconds.
    first: int = 0
    last: int = 0


class Comment(Struct, frozen=True):
    """What somebody wrote."""

    number: int
    at: int
    who: str
    text: str
    origin: CaseOrigin


class Attachment(Struct, frozen=True):
    """What somebody attached."""

    number: int
    at: int
    who: str
    reference: str
    sha256: str | None
    why: str


class Proposal(Struct, frozen=True):
    """Somebody says why the case can be closed."""

    number: int
    at: int
    who: str
    resolution: Resolution
    why: str


class RefusedActivity(Struct, frozen=True):
    """An activity in the stream that may not be: it changed nothing."""

    number: int
    action: str
    who: str
    reason: str


class Case(Struct, kw_only=True):
    """What a case is."""

    id: str
    #: Of its newest activity.
    number: int = 0
    status: CaseStatus = "open"
    level: Level = "informational"
    title: str = ""
    typology: str = ""
    entities: tuple[str, ...] = ()
    token_id: str | None = None
    token_symbol: str | None = None
    venue: str | None = None
    instrument: str | None = None
    network: str | None = None
    opened: int = 0
    #: When it was opened, or reopened last: ages count from here.
    begun: int = 0
    closed: int | None = None
    #: When its status became what it is.
    since: int = 0
    assignee: str | None = None
    #: Everybody who prepared its closing since it was opened or reopened: who was assigned it,
    #: attached evidence, or proposed a resolution. Who only commented isn't one of them.
    workers: list[str] = field(default_factory=list[str])
    alerts: dict[str, AlertInCase] = field(default_factory=dict[str, AlertInCase])
    rules: dict[str, RuleInCase] = field(default_factory=dict[str, RuleInCase])
    comments: list[Comment] = field(default_factory=list[Comment])
    evidence: list[Attachment] = field(default_factory=list[Attachment])
    four_eyes: bool = False
    proposal: Proposal | None = None
    resolution: Resolution | None = None
    approved_by: str | None = None
    #: Steps of the escalation that were taken since it was opened or reopened.
    steps: list[str] = field(default_factory=list[str])
    kibana_id: str | None = None
    #: What of Kibana is in it already: ids of user actions and comments.
    kibana_items: set[str] = field(default_factory=set[str])
    refused: list[RefusedActivity] = field(default_factory=list[RefusedActivity])

    @property
    def working(self) -> bool:
        """Whether somebody works on it, or should."""
        return self.status in WORKING

    @property
    def retracted(self) -> int:
        """How many of its alerts are retracted."""
        return sum(alert.retracted for alert in self.alerts.values())

    @property
    def first_alert(self) -> int:
        """Event time of its first alert; 0 without any."""
        return min((rule.first for rule in self.rules.values()), default=0)

    @property
    def last_alert(self) -> int:
        """Event time of its newest alert; 0 without any."""
        return max((rule.last for rule in self.rules.values()), default=0)

    def conflicted(self, user: str) -> list[str]:
        """Titles of the rules that the user wrote or last changed: then they can't close it."""
        return [rule.name for rule in self.rules.values() if among(user, rule.authors)]


def fold(activities: Iterable[CaseActivity]) -> Case | None:
    """The case after these activities, in their order; None before the first."""
    case: Case | None = None
    for activity in activities:
        case = advance(case, activity)
    return case


def advance(case: Case | None, activity: CaseActivity) -> Case | None:
    """The case one activity later, changed in its place. What may not be is noted, and no more."""
    reason = refusal(case, activity)
    if case is None:
        if reason is not None:
            return None
        case = Case(id=activity.case_id)
    case.number = max(case.number, activity.number)
    if reason is not None:
        case.refused.append(RefusedActivity(activity.number, activity.action, activity.who, reason))
    else:
        _take(case, activity)
    return case


def after(case: Case | None, activity: CaseActivity) -> Case:
    """The case after an activity that is about to be done. Raises ActionRefused."""
    reason = refusal(case, activity)
    if reason is not None:
        raise ActionRefused(reason)
    changed = advance(None if case is None else _copied(case), activity)
    assert changed is not None
    return changed


def _copied(case: Case) -> Case:
    """A case of its own: what its lists hold is never changed."""
    return structs.replace(
        case,
        alerts=dict(case.alerts),
        rules=dict(case.rules),
        comments=list(case.comments),
        evidence=list(case.evidence),
        steps=list(case.steps),
        workers=list(case.workers),
        kibana_items=set(case.kibana_items),
        refused=list(case.refused),
    )


def refusal(case: Case | None, activity: CaseActivity) -> str | None:
    """Why this may not be done to the case as it is; None where it may."""
    if case is None:
        if activity.action not in ("opened", "alerts-suppressed") or activity.number != 1:
            return "there is no such case"
        return None
    if activity.number != case.number + 1:
        return f"it is number {activity.number}, and {case.number + 1} is next"
    if case.status == "suppressed":
        return _of_suppressed(activity)
    match activity.action:
        case "opened":
            return "it is open already"
        case "alerts-suppressed":
            return "it is no suppression window"
        case "assigned":
            return _assigning(case, activity)
        case "unassigned":
            return None if case.assignee is not None else "nobody works on it"
        case "status-changed":
            return _moving(case, activity)
        case "resolution-proposed" | "resolution-withdrawn" | "resolution-rejected":
            return _proposing(case, activity)
        case "closed":
            return _closing(case, activity)
        case "reopened":
            return None if case.status == "closed" else f"it is {case.status}, not closed"
        case "escalated":
            if not case.working:
                return f"it is {case.status}: nothing is due"
            return "this step was taken already" if activity.step in case.steps else None
        case _:
            return None


def _of_suppressed(activity: CaseActivity) -> str | None:
    if activity.action in (
        "alerts-suppressed", "alerts-retracted", "alerts-reinstated", "alerts-amended",
        "commented",
    ):  # fmt: skip
        return None
    return "it holds the alerts of a suppression window: there is nothing to work on"


def _assigning(case: Case, activity: CaseActivity) -> str | None:
    user = activity.assignee
    if not case.working:
        return f"it is {case.status}: reopen it first"
    if not user:
        return "it doesn't say to whom"
    return _conflict(case, user)


def _moving(case: Case, activity: CaseActivity) -> str | None:
    if case.status == "closed":
        return "it is closed: reopen it first"
    if case.status == "pending":
        return "its resolution is proposed: withdraw or reject that first"
    if activity.status not in ("open", "in-progress"):
        return f"{activity.status} is reached by proposing, closing or reopening only"
    return None if activity.status != case.status else f"it is {case.status} already"


def _proposing(case: Case, activity: CaseActivity) -> str | None:
    if activity.action == "resolution-proposed":
        if case.status not in ("open", "in-progress"):
            return f"it is {case.status}"
        if activity.resolution is None:
            return "it doesn't say why the case can be closed"
        if case.four_eyes and case.assignee is None:
            return "nobody works on it: assign it first"
        return _automatic(activity) or _conflict(case, activity.who)
    if case.status != "pending" or case.proposal is None:
        return "no resolution is proposed"
    mine = same(activity.who, case.proposal.who)
    if activity.action == "resolution-withdrawn":
        return None if mine else f"only {case.proposal.who}, who proposed it, can withdraw it"
    if mine:
        return "who proposed a resolution can withdraw it, not reject it"
    return _automatic(activity) or _conflict(case, activity.who)


def _closing(case: Case, activity: CaseActivity) -> str | None:
    """Four eyes: who approves has prepared nothing of what they approve."""
    if case.status == "closed":
        return "it is closed already"
    if activity.resolution is None:
        return "it doesn't say why"
    if reason := _automatic(activity) or _conflict(case, activity.who):
        return reason
    if not case.four_eyes:
        return None
    if case.status != "pending" or case.proposal is None:
        return "two people must close it: propose a resolution, and somebody else approves it"
    if same(activity.who, case.proposal.who):
        return "who proposed the resolution can't approve it: somebody else must"
    if among(activity.who, case.workers):
        return "who worked on the case can't approve its closing: somebody else must"
    if activity.resolution != case.proposal.resolution:
        return (
            f"{case.proposal.resolution} is proposed, not {activity.resolution}: "
            "reject that, and propose another"
        )
    return None


def _conflict(case: Case, user: str) -> str | None:
    """Separation of duties: who judges what a rule found has not written it."""
    if not (rules := case.conflicted(user)):
        return None
    return (
        f"{user} wrote or last changed a rule that gave its alerts ({', '.join(rules[:3])}): "
        "somebody else must judge them"
    )


def _automatic(activity: CaseActivity) -> str | None:
    return "people close cases, not programs" if activity.provider == "tapewatch" else None


def _take(case: Case, activity: CaseActivity) -> None:
    before = case.status
    match activity.action:
        case "opened":
            _open(case, activity)
            _join(case, activity)
        case "alerts-suppressed":
            if case.number == 1:
                _open(case, activity)
                case.status = "suppressed"
            _join(case, activity)
        case "alerts-joined":
            _join(case, activity)
        case "alerts-retracted" | "alerts-reinstated":
            for one in activity.alerts:
                if (there := case.alerts.get(one)) is not None:
                    gone = activity.action == "alerts-retracted"
                    case.alerts[one] = structs.replace(there, retracted=gone)
        case "alerts-amended":
            for one in activity.alerts:
                if (there := case.alerts.get(one)) is not None:
                    told = (*there.amended, activity.why or "")[-_MOST_AMENDMENTS:]
                    case.alerts[one] = structs.replace(there, amended=told)
        case "escalated":
            if activity.step is not None:
                case.steps.append(activity.step)
        case "linked":
            case.kibana_id = activity.kibana_id or case.kibana_id
        case "commented" | "evidence-attached":
            _attach(case, activity)
        case _:
            _decide(case, activity)
    if activity.kibana_item is not None:
        case.kibana_items.add(activity.kibana_item)
    if case.status != before or not case.since:
        case.since = activity.timestamp


def _open(case: Case, activity: CaseActivity) -> None:
    case.opened = case.begun = activity.timestamp
    case.title, case.typology = activity.title, activity.typology
    case.entities, case.token_id = activity.entities, activity.token_id
    case.token_symbol, case.network = activity.token_symbol, activity.network
    case.venue, case.instrument = activity.venue, activity.instrument
    case.assignee = activity.assignee
    case.workers = [activity.assignee] if activity.assignee is not None else []


def _join(case: Case, activity: CaseActivity) -> None:
    if activity.alerts or activity.rule_id:  # a case of a referral is opened without any
        _join_alerts(case, activity)
    if SEVERITY[activity.level] > SEVERITY[case.level]:
        case.level = activity.level
    case.four_eyes = case.four_eyes or activity.four_eyes
    if case.status == "pending":
        # What was proposed was not about these alerts.
        case.status, case.proposal = "in-progress", None


def _join_alerts(case: Case, activity: CaseActivity) -> None:
    rule_id = activity.rule_id or ""
    was = case.rules.get(rule_id) or RuleInCase(activity.rule_name or "")
    new = [one for one in activity.alerts if one not in case.alerts]
    for one in new:
        case.alerts[one] = AlertInCase(rule_id)
    first, last = activity.alerts_first or activity.timestamp, activity.alerts_last or 0
    first = min(was.first or first, first)
    case.rules[rule_id] = RuleInCase(
        name=activity.rule_name or was.name,
        authors=tuple(dict.fromkeys((*was.authors, *activity.authors))),
        alerts=was.alerts + len(new),
        first=first,
        last=max(was.last, last, first),
    )


def _attach(case: Case, activity: CaseActivity) -> None:
    number, at, who = activity.number, activity.timestamp, activity.who
    if activity.action == "commented":
        text = activity.comment or ""
        case.comments.append(Comment(number, at, who, text, activity.provider))
    else:
        reference, why = activity.evidence or "", activity.why
        attached = Attachment(number, at, who, reference, activity.evidence_hash, why)
        case.evidence.append(attached)
        _worked(case, who)


def _worked(case: Case, who: str) -> None:
    if who not in case.workers:
        case.workers.append(who)


def _decide(case: Case, activity: CaseActivity) -> None:
    match activity.action:
        case "assigned" if activity.assignee is not None:
            case.assignee = activity.assignee
            _worked(case, activity.assignee)
        case "unassigned":
            case.assignee = None
        case "status-changed":
            case.status = activity.status
        case "resolution-proposed" if activity.resolution is not None:
            case.status = "pending"
            case.proposal = Proposal(
                activity.number, activity.timestamp, activity.who, activity.resolution, activity.why
            )
            _worked(case, activity.who)
        case "resolution-withdrawn" | "resolution-rejected":
            case.status, case.proposal = "in-progress", None
        case "closed":
            case.status, case.closed = "closed", activity.timestamp
            case.resolution, case.approved_by = activity.resolution, activity.who
        case "reopened":
            case.status, case.closed, case.begun = "open", None, activity.timestamp
            case.proposal = case.resolution = case.approved_by = None
            case.steps = []
            case.workers = [case.assignee] if case.assignee is not None else []
        case _:
            pass
