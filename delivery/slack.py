"""Alerts, and cases that are escalated, in a Slack channel, by an incoming webhook.

One message per delivery, of up to `at_once` alerts, the most severe first and the others counted.
What an alert says is text: `&`, `<` and `>` are escaped, so it can't mention people or link.
Slack has no key against second copies: after a crash an alert may be told twice.
Source: Slack's "Sending messages using incoming webhooks", "Formatting text" and "Block Kit".
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from delivery.endpoint import HttpOptions
from delivery.http_poster import HttpPoster
from delivery.notices import AlertLinks, Notice, NotifyingSink, what_of
from delivery.sink import SinkUnavailable
from normalizer.events import SEVERITY, Level
from pipeline.findings import Finding
from pipeline.page.words import plural, printable
from pipeline.secrets import SecretText

#: Alerts that are told one by one; a message has 50 blocks at most, and is read by people.
MOST_SHOWN = 8
_MOST_TEXT = 2_900
_MARKS: dict[Level, str] = {
    "critical": ":red_circle:",
    "high": ":large_orange_circle:",
    "medium": ":large_yellow_circle:",
    "low": ":white_circle:",
    "informational": ":white_circle:",
}


class SlackSink(NotifyingSink):
    """Posts to the webhook's URL, which is a secret."""

    def __init__(
        self,
        name: str,
        url: SecretText,
        http: HttpOptions,
        *,
        minimum_level: Level = "high",
        staged: bool = False,
        at_once: int = 50,
        links: AlertLinks | None = None,
        pace: int = 0,
    ) -> None:
        super().__init__(
            name, minimum_level=minimum_level, staged=staged, at_once=at_once, pace=pace
        )
        self._poster = HttpPoster(url, http, whose="Slack")
        self._links = links or AlertLinks(None)

    async def open(self) -> None:
        """Make the client."""
        await self._poster.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    async def tell(self, notices: Sequence[Notice]) -> str | None:
        """Post one message."""
        body = msgspec.json.encode(message(notices, self._links))
        return await self._poster.post(body, {"Content-Type": "application/json"})

    async def check(self) -> list[Finding]:
        """Whether Slack can be reached: by HEAD, which posts nothing."""
        subject = f"notification {self.name}"
        was_open = self._poster.is_open
        try:
            answer = await self._poster.exchange("HEAD", b"", {})
        except SinkUnavailable as unavailable:
            advice = "see `url` in the configuration, and whether this machine may reach it"
            return [
                Finding(level="error", subject=subject, message=unavailable.reason, advice=advice)
            ]
        finally:
            if not was_open:
                await self._poster.close()
        said = f"{self._poster.shown} answers (HTTP {answer.status_code} to HEAD)"
        return [Finding(level="ok", subject=subject, message=said)]


def message(notices: Sequence[Notice], links: AlertLinks) -> dict[str, Any]:
    """The payload of one message."""
    ordered = sorted(notices, key=lambda one: -SEVERITY[one.level])
    shown = ordered[:MOST_SHOWN]
    first = ordered[0]
    if len(ordered) == 1:
        head = f"{first.level}: {first.headline}"
    else:
        count = plural(len(ordered), what_of(notices))
        head = f"{count}, the most severe {first.level}: {first.headline}"
    blocks: list[dict[str, Any]] = [_section(one, links) for one in shown]
    left = len(ordered) - len(shown)
    if left:
        blocks.append(_context(f"and {plural(left, f'more {what_of(notices)}')}"))
    return {"text": _escaped(head), "blocks": blocks, "unfurl_links": False}


def _section(notice: Notice, links: AlertLinks) -> dict[str, Any]:
    link = links.of(notice)
    title = f"*{_escaped(notice.headline)}*"
    if link is not None:
        title = f"*<{_safe(link)}|{_escaped(notice.headline)}>*"
    about = " · ".join(
        one for one in (notice.level, notice.token, notice.place, notice.time[:19]) if one
    )
    text = f"{_MARKS[notice.level]} {title}\n{_escaped(notice.reason)}\n_{_escaped(about)}_"
    return {"type": "section", "text": _mrkdwn(text[:_MOST_TEXT])}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_mrkdwn(_escaped(text))]}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: what merely looks like a URL or a channel becomes no link.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str) -> str:
    safe = _safe(text)
    # What is bold, code or struck through elsewhere is only a character here.
    return safe.replace("*", "\u2217").replace("`", "\u02cb").replace("~", "\u223c")


def _safe(text: str) -> str:
    """As Slack asks: the three characters that its markup is made of."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
