"""What people are told of alerts and of cases: read from documents, chosen, several at once.

Slack, e-mail and PagerDuty share this. An alert of a lower level than asked for is left out, and so
are those of staged rules, which are on trial. Of cases the steps of escalation are told that name
the notification. Many that come together are told in one message, and between two messages there
is a pause where one is wanted: a flood of messages is read by nobody.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, cast, get_args

import msgspec
from msgspec import Struct, field

from delivery.recent_ids import RecentIds
from delivery.sink import Delivered, Document, Refused
from normalizer.events import SEVERITY, AlertStatus, Level
from pipeline.findings import Finding
from pipeline.units import SECOND

REMEMBERED = 10_000
#: Parties that are named; the others are counted. What is too long, receivers refuse.
MOST_NAMED = 50


#: What became of a case: a step of escalation is due; somebody works on it; it is closed.
CaseNews = Literal["escalated", "assigned", "closed"]


class Notice(Struct, frozen=True, kw_only=True):
    """An alert, or what became of one; or a case that was escalated, and what became of it."""

    document: Document
    #: Of the alert or case that it is about.
    alert_id: str
    status: Literal["new"] | AlertStatus | CaseNews
    level: Level
    rule: str
    rule_id: str
    reason: str
    typology: str
    time: str
    entities: tuple[str, ...] = ()
    token: str = ""
    #: Venue and instrument, or network.
    place: str = ""
    transaction: str = ""
    #: The rule's first reference.
    reference: str | None = None
    about: Literal["alert", "case"] = "alert"

    @property
    def named(self) -> list[str]:
        """Its parties, or the first of very many and how many more there are."""
        left = len(self.entities) - MOST_NAMED
        return [*self.entities[:MOST_NAMED], *([f"and {left:,} more"] if left > 0 else [])]

    @property
    def headline(self) -> str:
        """The rule, and what became of the alert."""
        return self.rule if self.status == "new" else f"{self.rule}: {self.status}"


class _Escalation(Struct):
    step: str | None = None
    notify: list[str] | str = field(default_factory=list[str])
    count: int = 0


class _Case(Struct):
    id: str = ""
    action: str = ""
    title: str = ""
    escalation: _Escalation = field(default_factory=_Escalation)


class _Status(Struct):
    id: str | None = None
    status: AlertStatus | None = None


class _Surveillance(Struct):
    level: Level
    staged: bool = False
    typology: str = ""
    entities: list[str] | str = field(default_factory=list[str])
    alert: _Status = field(default_factory=_Status)
    case: _Case = field(default_factory=_Case)


class _Rule(Struct):
    id: str = ""
    name: str = ""
    reference: str | None = None


class _Event(Struct):
    reason: str = ""


class _Token(Struct):
    symbol: str | None = None


class _Market(Struct):
    venue: str | None = None
    instrument: str | None = None


class _Transaction(Struct):
    hash: str | None = None


class _Chain(Struct):
    network: str | None = None
    transaction: _Transaction = field(default_factory=_Transaction)


class _Parts(Struct):
    surveillance: _Surveillance
    rule: _Rule = field(default_factory=_Rule)
    event: _Event = field(default_factory=_Event)
    token: _Token = field(default_factory=_Token)
    market: _Market = field(default_factory=_Market)
    blockchain: _Chain = field(default_factory=_Chain)
    time: str = field(name="@timestamp", default="")


_decoder = msgspec.json.Decoder(_Parts)


def read_notice(document: Document) -> tuple[Notice, bool]:
    """The notice of an alert's document, and whether its rule is staged.

    Raises msgspec.MsgspecError.
    """
    parts = _decoder.decode(document.body)
    about = parts.surveillance
    entities = about.entities if isinstance(about.entities, list) else [about.entities]
    where = (parts.market.venue, parts.market.instrument)
    notice = Notice(
        document=document,
        alert_id=about.alert.id or document.id,
        status=about.alert.status or "new",
        level=about.level,
        rule=parts.rule.name,
        rule_id=parts.rule.id,
        reason=parts.event.reason,
        typology=about.typology,
        time=parts.time,
        entities=tuple(entities),
        token=parts.token.symbol or "",
        place=" ".join(one for one in where if one) or parts.blockchain.network or "",
        transaction=parts.blockchain.transaction.hash or "",
        reference=parts.rule.reference,
    )
    return notice, about.staged


def what_of(notices: Sequence[Notice]) -> str:
    """What several are: alerts, cases, or both."""
    kinds = {notice.about for notice in notices}
    return kinds.pop() if len(kinds) == 1 else "alert or case"


class CaseNotice(Struct, frozen=True):
    """What was done to a case, where that is news, and who is to be told."""

    notice: Notice
    #: Names of notifications; of what came after an escalation, all that tell of that.
    notify: tuple[str, ...]


def read_case_notice(document: Document) -> CaseNotice | None:
    """The notice of what was done to a case; None where nobody is told of it.

    Raises msgspec.MsgspecError.
    """
    parts = _decoder.decode(document.body)
    about = parts.surveillance
    case, escalation = about.case, about.case.escalation
    if case.action not in get_args(CaseNews):
        return None
    if case.action != "escalated" and not escalation.count:
        return None  # nobody was told that anything was due
    entities = about.entities if isinstance(about.entities, list) else [about.entities]
    notify = escalation.notify if isinstance(escalation.notify, list) else [escalation.notify]
    step = f" ({escalation.step})" if escalation.step else ""
    reason = parts.event.reason or "no reason was given"
    notice = Notice(
        document=document,
        alert_id=case.id,
        status=cast("CaseNews", case.action),
        level=about.level,
        rule=case.title,
        rule_id="",
        reason=f"{case.id}: {reason}{step}",
        typology=about.typology,
        time=parts.time,
        entities=tuple(entities),
        token=parts.token.symbol or "",
        place=" ".join(one for one in (parts.market.venue, parts.market.instrument) if one),
        about="case",
    )
    return CaseNotice(notice, tuple(notify))


class AlertLinks:
    """Where people see an alert, and where a case: URLs with `{id}` in them."""

    def __init__(self, template: str | None, cases: str | None = None) -> None:
        self._template = template
        self._cases = cases

    def of(self, notice: Notice) -> str | None:
        """The URL of its alert or case; without a template none."""
        template = self._cases if notice.about == "case" else self._template
        return None if template is None else template.replace("{id}", notice.alert_id)


class Pace:
    """A pause between two messages, in nanoseconds; what comes meanwhile is told together."""

    def __init__(self, least: int) -> None:
        self._least = least / SECOND
        self._next = 0.0

    async def wait(self) -> None:
        """Wait until the next message may go."""
        if self._least:
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + self._least


class NotifyingSink(ABC):
    """Tells people of alerts, in order, `at_once` in one message at most.

    `pace`: nanoseconds between two messages at least.
    """

    #: Of an escalated case, what is told besides the escalation itself.
    follows: frozenset[CaseNews] = frozenset()
    #: Of an alert that was told, what isn't told besides.
    passes_over: frozenset[AlertStatus] = frozenset()

    def __init__(
        self, name: str, *, minimum_level: Level, staged: bool, at_once: int, pace: int = 0
    ) -> None:
        self.name = name
        self._minimum = SEVERITY[minimum_level]
        self._staged = staged
        self._at_once = at_once
        self._recent = RecentIds(REMEMBERED)
        self._pace = Pace(pace)

    @abstractmethod
    async def open(self) -> None:
        """Get ready. Raises SinkUnavailable."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""

    @abstractmethod
    async def check(self) -> list[Finding]:
        """What `tapewatch doctor` says of it; nothing is sent."""

    @abstractmethod
    async def tell(self, notices: Sequence[Notice]) -> str | None:
        """Send one message about these. None when it is taken, else why it never will be.

        Raises SinkUnavailable.
        """

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        """Tell of each alert that is due and was not told before."""
        written = already = skipped = 0
        refused: list[Refused] = []
        due: list[Notice] = []
        seen: set[str] = set()
        for document in batch:
            if document.content == "events":
                skipped += 1
            elif document.id in self._recent or document.id in seen:
                already += 1
            else:
                try:
                    notice = self._wanted(document)
                except msgspec.MsgspecError as error:
                    what = "alert" if document.content == "alerts" else "case"
                    reason = f"the {what} can't be read: {error}"
                    refused.append(Refused(document=document, reason=reason))
                    continue
                if notice is not None:
                    seen.add(document.id)
                    due.append(notice)
                else:
                    skipped += 1
        for start in range(0, len(due), self._at_once):
            some = due[start : start + self._at_once]
            await self._pace.wait()
            refusal = await self.tell(some)
            if refusal is None:
                written += len(some)
                self._recent.add(one.document.id for one in some)
            else:
                refused += [Refused(document=one.document, reason=refusal) for one in some]
        return Delivered(written=written, already=already, skipped=skipped, refused=tuple(refused))

    def _wanted(self, document: Document) -> Notice | None:
        """What is to be told of a document; None for nothing. Raises msgspec.MsgspecError."""
        if document.content == "alerts":
            notice, staged = read_notice(document)
            due = SEVERITY[notice.level] >= self._minimum and (self._staged or not staged)
            return notice if due and notice.status not in self.passes_over else None
        found = read_case_notice(document)
        if found is None:
            return None
        if found.notice.status == "escalated":
            return found.notice if self.name in found.notify else None
        return found.notice if found.notice.status in self.follows else None
