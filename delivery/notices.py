"""What people are told of alerts: read from documents, chosen by level, several at once.

Slack, e-mail and PagerDuty share this. An alert of a lower level than asked for is left out, and so
are those of staged rules, which are on trial. Many alerts that come together are told in one
message: a flood of messages is read by nobody.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field

from delivery.recent_ids import RecentIds
from delivery.sink import Delivered, Document, Refused
from normalizer.events import SEVERITY, AlertStatus, Level
from pipeline.findings import Finding

REMEMBERED = 10_000
#: Parties that are named; the others are counted. What is too long, receivers refuse.
MOST_NAMED = 50


class Notice(Struct, frozen=True, kw_only=True):
    """An alert, or what became of one."""

    document: Document
    #: Of the alert that it is about.
    alert_id: str
    status: Literal["new"] | AlertStatus
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

    @property
    def named(self) -> list[str]:
        """Its parties, or the first of very many and how many more there are."""
        left = len(self.entities) - MOST_NAMED
        return [*self.entities[:MOST_NAMED], *([f"and {left:,} more"] if left > 0 else [])]

    @property
    def headline(self) -> str:
        """The rule, and what became of the alert."""
        return self.rule if self.status == "new" else f"{self.rule}: {self.status}"


class _Status(Struct):
    id: str | None = None
    status: AlertStatus | None = None


class _Surveillance(Struct):
    level: Level
    staged: bool = False
    typology: str = ""
    entities: list[str] | str = field(default_factory=list[str])
    alert: _Status = field(default_factory=_Status)


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


class AlertLinks:
    """Where people see an alert: a URL with `{id}` in it."""

    def __init__(self, template: str | None) -> None:
        self._template = template

    def of(self, notice: Notice) -> str | None:
        """The URL of its alert; without a template none."""
        if self._template is None:
            return None
        return self._template.replace("{id}", notice.alert_id)


class NotifyingSink(ABC):
    """Tells people of alerts, in order, `at_once` in one message at most."""

    def __init__(self, name: str, *, minimum_level: Level, staged: bool, at_once: int) -> None:
        self.name = name
        self._minimum = SEVERITY[minimum_level]
        self._staged = staged
        self._at_once = at_once
        self._recent = RecentIds(REMEMBERED)

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
            if document.content != "alerts":
                skipped += 1
            elif document.id in self._recent or document.id in seen:
                already += 1
            else:
                try:
                    notice, staged = read_notice(document)
                except msgspec.MsgspecError as error:
                    reason = f"the alert can't be read: {error}"
                    refused.append(Refused(document=document, reason=reason))
                    continue
                if SEVERITY[notice.level] >= self._minimum and (self._staged or not staged):
                    seen.add(document.id)
                    due.append(notice)
                else:
                    skipped += 1
        for start in range(0, len(due), self._at_once):
            some = due[start : start + self._at_once]
            refusal = await self.tell(some)
            if refusal is None:
                written += len(some)
                self._recent.add(one.document.id for one in some)
            else:
                refused += [Refused(document=one.document, reason=refusal) for one in some]
        return Delivered(written=written, already=already, skipped=skipped, refused=tuple(refused))
