"""Cases as notable events of Splunk Enterprise Security, by the HTTP Event Collector.

A notable is an event of sourcetype `stash` in the index `notable`, whose fields are `key="value"`
pairs; its `source` is the name of the search that found it. Status and owner after that are
Enterprise Security's own (Incident Review), so there is one for each time that a case is opened or
reopened, and none for what is done to it in between.

`status`: 1 is "New", 2 "In Progress". `owner`: who works on the case, else `unassigned`.
Source: Splunk's "Using notable events in search", and "Manually create a notable event in Splunk
Enterprise Security" and "Notable event fields" of its manual "Administer". No Enterprise Security
was there to try it with.
"""

from typing import Literal

import msgspec
from msgspec import Struct, field

from delivery.hec_envelope import Envelope
from delivery.sink import Document
from pipeline.page.words import printable

SecurityDomain = Literal["access", "audit", "endpoint", "identity", "network", "threat"]
_NOTABLE = frozenset(("opened", "reopened"))
_MOST = 1_000
_MOST_ENTITIES = 50


class _Case(Struct):
    id: str = ""
    action: str = ""
    title: str = ""
    assignee: str | None = None
    status: str = "open"
    alert_count: int = 0


class _Surveillance(Struct):
    level: str = "unknown"
    typology: str = ""
    entities: list[str] | str = field(default_factory=list[str])
    case: _Case = field(default_factory=_Case)


class _Event(Struct):
    id: str = ""
    reason: str = ""


class _Rule(Struct):
    id: str = ""
    name: str = ""


class _Token(Struct):
    symbol: str | None = None
    id: str | None = None


class _Parts(Struct):
    surveillance: _Surveillance
    event: _Event = field(default_factory=_Event)
    rule: _Rule = field(default_factory=_Rule)
    token: _Token = field(default_factory=_Token)


_decoder = msgspec.json.Decoder(_Parts)


class NotableEnvelope(Envelope):
    """Puts what was done to cases into the form of notables."""

    def __init__(self, index: str, domain: SecurityDomain, searched: str | None) -> None:
        """`searched`: the index in which the documents of cases are, for the drill-down."""
        super().__init__("stash", index)
        self._domain: SecurityDomain = domain
        self._searched = searched

    def is_meant(self, document: Document) -> bool:
        """Whether it becomes a notable."""
        if document.content != "cases":
            return False
        try:
            return _decoder.decode(document.body).surveillance.case.action in _NOTABLE
        except msgspec.MsgspecError:
            return False

    def wrap(self, document: Document) -> bytes:
        """One object for HEC."""
        parts = _decoder.decode(document.body)
        kind = parts.surveillance.typology.replace("_", " ").title() or "Surveillance"
        name = f"Threat - Tapewatch {kind} - Rule"
        told = self._told(parts, name)
        pairs = [f"{key}={_quoted(value)}" for key, value in told.items() if value]
        seconds = document.timestamp // 10**9
        text = ", ".join([str(seconds), *pairs])
        return super().wrap(
            msgspec.structs.replace(document, source=name, body=msgspec.json.encode(text))
        )

    def _told(self, parts: _Parts, name: str) -> dict[str, str]:
        about = parts.surveillance
        case = about.case
        listed = about.entities if isinstance(about.entities, list) else [about.entities]
        where = f"index={self._searched} " if self._searched else ""
        return {
            "search_name": name,
            "rule_name": name,
            "rule_title": case.title,
            "rule_description": parts.event.reason or parts.rule.name,
            "security_domain": self._domain,
            "severity": about.level,
            "status": "2" if case.assignee else "1",
            "owner": case.assignee or "unassigned",
            "orig_event_id": parts.event.id,
            "case_id": case.id,
            "typology": about.typology,
            "entities": "|".join(listed[:_MOST_ENTITIES]),
            "token": parts.token.symbol or parts.token.id or "",
            "orig_rule_id": parts.rule.id,
            "orig_rule_name": parts.rule.name,
            "drilldown_name": f"All that was done to {case.id}",
            "drilldown_search": f"search {where}surveillance.case.id={case.id}",
        }


def _quoted(value: str) -> str:
    """In quotes, which nothing in the value can end."""
    safe = printable(value)[:_MOST].replace("\\", "\\\\").replace('"', "'")
    return f'"{safe}"'
