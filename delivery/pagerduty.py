"""Alerts as incidents of PagerDuty, by its Events API v2.

`dedup_key` makes copies of one alert one incident; after a crash nobody is paged twice. With
`group: entities` all alerts of one rule about the same parties are one incident until somebody
resolves it there. A retracted alert resolves its own incident; of a group it doesn't. An escalated
case is one incident, whatever steps follow: it is acknowledged when somebody is given the case, and
resolved when that is closed. An amendment is not told: the alert stands, nobody must get up for it,
and a `trigger` would open a resolved incident again, of which only PagerDuty knows whether it is.
Who follows the incident's link finds it at the alert, and in its case.
Source: PagerDuty's "Events API v2" (`/v2/enqueue`).
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from delivery.endpoint import HttpOptions, revealed
from delivery.http_poster import HttpPoster
from delivery.notices import AlertLinks, CaseNews, Notice, NotifyingSink
from delivery.sink import SinkUnavailable
from normalizer.events import AlertStatus, Level
from pipeline.findings import Finding
from pipeline.page.words import printable
from pipeline.secrets import SecretText

Group = Literal["alert", "entities"]
_MOST_SUMMARY = 1_024
_ACTIONS = {"retracted": "resolve", "closed": "resolve", "assigned": "acknowledge"}
_SEVERITIES: dict[Level, str] = {
    "critical": "critical",
    "high": "error",
    "medium": "warning",
    "low": "info",
    "informational": "info",
}


class PagerDutySink(NotifyingSink):
    """Sends an event for each alert: PagerDuty groups them itself."""

    follows: frozenset[CaseNews] = frozenset(("assigned", "closed"))
    passes_over: frozenset[AlertStatus] = frozenset(("amended",))

    def __init__(
        self,
        name: str,
        url: SecretText,
        routing_key: SecretText,
        http: HttpOptions,
        *,
        minimum_level: Level = "critical",
        staged: bool = False,
        group: Group = "alert",
        links: AlertLinks | None = None,
        pace: int = 0,
    ) -> None:
        super().__init__(name, minimum_level=minimum_level, staged=staged, at_once=1, pace=pace)
        self._poster = HttpPoster(url, http, whose="PagerDuty")
        self._routing_key = routing_key
        self._group: Group = group
        self._links = links or AlertLinks(None)

    async def open(self) -> None:
        """Make the client."""
        await self._poster.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    async def tell(self, notices: Sequence[Notice]) -> str | None:
        """Send an event for the one alert."""
        (notice,) = notices
        if notice.status == "retracted" and self._group == "entities":
            return None  # others of the group may stand
        key = revealed(self._routing_key, "the routing key")
        body = msgspec.json.encode(event(notice, key, self._group, self._links))
        return await self._poster.post(body, {"Content-Type": "application/json"})

    async def check(self) -> list[Finding]:
        """Whether PagerDuty can be reached: by HEAD, which sends nothing."""
        subject = f"notification {self.name}"
        was_open = self._poster.is_open
        try:
            answer = await self._poster.exchange("HEAD", b"", {})
            revealed(self._routing_key, "the routing key")
        except SinkUnavailable as unavailable:
            advice = "see `url` and `routing_key` in the configuration"
            return [
                Finding(level="error", subject=subject, message=unavailable.reason, advice=advice)
            ]
        finally:
            if not was_open:
                await self._poster.close()
        said = f"{self._poster.shown} answers (HTTP {answer.status_code} to HEAD)"
        return [Finding(level="ok", subject=subject, message=said)]


def dedup_key(notice: Notice, group: Group) -> str:
    """What makes events one incident; 255 characters at most."""
    if notice.about == "case":
        return f"tapewatch:case:{notice.alert_id}"[:255]
    if group == "alert":
        return f"tapewatch:{notice.alert_id}"[:255]
    content = msgspec.json.encode([notice.rule_id, sorted(notice.entities)])
    return f"tapewatch:{hashlib.sha256(content).hexdigest()}"


def event(notice: Notice, routing_key: str, group: Group, links: AlertLinks) -> dict[str, Any]:
    """The body of one event."""
    said: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": _ACTIONS.get(notice.status, "trigger"),
        "dedup_key": dedup_key(notice, group),
    }
    if said["event_action"] != "trigger":
        return said
    link = links.of(notice)
    summary = printable(f"{notice.headline}: {notice.reason}")
    said["payload"] = {
        "summary": summary[:_MOST_SUMMARY],
        "source": notice.place or notice.document.source,
        "severity": _SEVERITIES[notice.level],
        "timestamp": notice.time,
        "component": notice.token or None,
        "class": notice.typology,
        "custom_details": {
            notice.about: notice.alert_id,
            "level": notice.level,
            "entities": notice.named,
            "transaction": notice.transaction or None,
        },
    }
    said["client"] = "Tapewatch"
    if link is not None:
        said["client_url"] = link
    if notice.reference:
        said["links"] = [{"href": notice.reference, "text": "The rule's reference"}]
    return said
