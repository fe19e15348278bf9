"""The webhook notification: an HTTP POST for every alert of a minimum level, signed.

Alerts of staged rules, which are on trial, are left out unless they are asked for.

The body is JSON: `id`, `level`, `summary` (one line for people), `url` (the rule's reference, or
null) and `alert`, the whole nested ECS document. `status` is `new`; an alert that was retracted or
reinstated, since its chain was reorganised, or amended, since a venue busted or corrected a trade
that it rests on, is a further notification with that `status`, with the alert's own id as
`alert_id`, and with the update as `alert`. Headers:

- `Idempotency-Key`: the `id`. After a crash or a lost answer an alert may come again; a
  receiver drops the second copy by this key.
- `Tapewatch-Signature: t=<epoch seconds>,v1=<hex>` where a secret is configured: HMAC-SHA-256 with
  the secret over `<t>.<body>`. A receiver computes it over the body's bytes as they came, compares
  in constant time, and refuses a `t` that is more than some minutes old.

Where the webhook tells of escalations, a case that a step of `cases.escalate` names it for is a
notification with `case_id`, `status` `escalated` and the whole document as `case`, signed in the
same way. When a case that was escalated, to whomever, is assigned or closed, that is one as well.

2xx is taken. 408, 425, 429, 5xx, a lost connection and a redirect (none is followed: the body would
go to a host that nobody configured) are tried again. Any other 4xx refuses the alert: it goes to
the dead letters, from where it can be sent again when the receiver is put right.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field

from delivery.endpoint import HttpOptions, revealed
from delivery.http_poster import HttpPoster
from delivery.notices import CaseNews, Notice, Pace, read_case_notice
from delivery.recent_ids import RecentIds
from delivery.sink import Delivered, Document, Refused, SinkUnavailable
from normalizer.events import SEVERITY, AlertStatus, Level
from pipeline.findings import Finding
from pipeline.secrets import SecretText

REMEMBERED = 10_000


class _StatusPart(Struct):
    id: str | None = None
    status: AlertStatus | None = None


class _SurveillancePart(Struct):
    level: Level
    staged: bool = False
    alert: _StatusPart = field(default_factory=_StatusPart)


class _RulePart(Struct):
    name: str = ""
    reference: str | None = None


class _EventPart(Struct):
    reason: str = ""


class _AlertParts(Struct):
    """What the notification needs of the nested alert."""

    surveillance: _SurveillancePart
    rule: _RulePart = field(default_factory=_RulePart)
    event: _EventPart = field(default_factory=_EventPart)


class _CaseBody(Struct):
    id: str
    case_id: str
    status: Literal["new"] | AlertStatus | CaseNews
    level: Level
    summary: str
    case: msgspec.Raw


class _Body(Struct):
    id: str
    alert_id: str
    status: Literal["new"] | AlertStatus
    level: Level
    summary: str
    url: str | None
    alert: msgspec.Raw


_parts_decoder = msgspec.json.Decoder(_AlertParts)
_body_encoder = msgspec.json.Encoder()


def signature(secret: str, moment: int, body: bytes) -> str:
    """The value of `Tapewatch-Signature` for `body` at `moment`, in epoch seconds."""
    mac = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


class WebhookSink:
    """Posts alerts to `url`, in order. Events, lower levels and staged rules are skipped.

    `pace`: nanoseconds between two posts at least.
    """

    def __init__(
        self,
        name: str,
        url: SecretText,
        http: HttpOptions,
        *,
        secret: SecretText | None = None,
        minimum_level: Level = "medium",
        staged: bool = False,
        headers: Mapping[str, SecretText] | None = None,
        pace: int = 0,
    ) -> None:
        self.name = name
        self._poster = HttpPoster(url, http, headers=headers, whose="the webhook")
        self._secret = secret
        self._minimum = SEVERITY[minimum_level]
        self._staged = staged
        self._recent = RecentIds(REMEMBERED)
        self._pace = Pace(pace)

    async def open(self) -> None:
        """Make the client. The receiver may be down: `deliver` says so."""
        await self._poster.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        """Post each alert that is due and was not posted before."""
        written = already = skipped = 0
        refused: list[Refused] = []
        for document in batch:
            if document.content == "events":
                skipped += 1
                continue
            if document.id in self._recent:
                already += 1
                continue
            try:
                body = self._body(document)
            except msgspec.MsgspecError as error:
                what = "alert" if document.content == "alerts" else "case"
                reason = f"the {what} can't be read: {error}"
                refused.append(Refused(document=document, reason=reason))
                continue
            if body is None:
                skipped += 1
                continue
            await self._pace.wait()
            refusal = await self._post(document, body)
            if refusal is None:
                written += 1
                self._recent.add((document.id,))
            else:
                refused.append(Refused(document=document, reason=refusal))
        return Delivered(written=written, already=already, skipped=skipped, refused=tuple(refused))

    async def check(self) -> list[Finding]:
        """Whether something answers at the URL; a HEAD request, so no alert is sent."""
        was_open = self._poster.is_open
        try:
            return await self._examine(f"notification {self.name}")
        finally:
            if not was_open:
                await self.close()

    async def _examine(self, subject: str) -> list[Finding]:
        findings: list[Finding] = []
        try:
            response = await self._poster.exchange("HEAD", b"", {})
            message = f"{self._poster.shown} answers (HTTP {response.status_code} to HEAD)"
            findings.append(Finding(level="ok", subject=subject, message=message))
        except SinkUnavailable as unavailable:
            advice = "see whether the receiver runs, and `url` in the configuration"
            return [
                Finding(level="error", subject=subject, message=unavailable.reason, advice=advice)
            ]
        if self._secret is None:
            findings.append(
                Finding(
                    level="warning",
                    subject=subject,
                    message="notifications aren't signed",
                    advice="set `secret`, and have the receiver check Tapewatch-Signature",
                )
            )
        return findings

    def _body(self, document: Document) -> bytes | None:
        """What is posted of a document; None for nothing. Raises msgspec.MsgspecError."""
        if document.content == "alerts":
            parts = _parts_decoder.decode(document.body)
            return _body(document, parts) if self._is_due(parts.surveillance) else None
        found = read_case_notice(document)
        if found is None:
            return None
        if found.notice.status == "escalated" and self.name not in found.notify:
            return None
        return _case_body(found.notice)

    def _is_due(self, alert: _SurveillancePart) -> bool:
        return SEVERITY[alert.level] >= self._minimum and (self._staged or not alert.staged)

    async def _post(self, document: Document, body: bytes) -> str | None:
        """None when it is taken, else why it never will be."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": document.id}
        if self._secret is not None:
            secret = revealed(self._secret, "the webhook's secret")
            headers["Tapewatch-Signature"] = signature(secret, int(time.time()), body)
        return await self._poster.post(body, headers)


def _body(document: Document, parts: _AlertParts) -> bytes:
    about = parts.surveillance.alert
    status = about.status or "new"
    texts = [parts.rule.name, "" if status == "new" else status, parts.event.reason]
    summary = ": ".join(text for text in texts if text)
    return _body_encoder.encode(
        _Body(
            id=document.id,
            alert_id=about.id or document.id,
            status=status,
            level=parts.surveillance.level,
            summary=summary,
            url=parts.rule.reference,
            alert=msgspec.Raw(document.body),
        )
    )


def _case_body(notice: Notice) -> bytes:
    return _body_encoder.encode(
        _CaseBody(
            id=notice.document.id,
            case_id=notice.alert_id,
            status=notice.status,
            level=notice.level,
            summary=f"{notice.headline}: {notice.reason}",
            case=msgspec.Raw(notice.document.body),
        )
    )
