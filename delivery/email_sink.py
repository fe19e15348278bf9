"""Alerts, and cases that are escalated, by e-mail over SMTP with TLS.

One message per delivery, in plain text.

The `Message-ID` is made of the alerts' ids, so that a copy after a crash is known as one.
What a server refuses for good (5xx) goes to the dead letters; what it refuses for now is tried
again.
Source: RFC 5321, RFC 5322, RFC 3207 (STARTTLS), RFC 8314 (TLS from the start).
"""

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from delivery.endpoint import revealed, tls_context
from delivery.notices import AlertLinks, Notice, NotifyingSink, what_of
from delivery.sink import SinkUnavailable
from normalizer.events import SEVERITY, Level
from pipeline.findings import Finding
from pipeline.page.words import plural, printable
from pipeline.secrets import SecretText
from pipeline.units import SECOND

Security = Literal["tls", "starttls", "none"]
#: Alerts that are told in full; the others are counted.
MOST_SHOWN = 40


class MailServer(Struct, frozen=True, kw_only=True):
    """Where mail is given, and how. `timeout` in nanoseconds."""

    host: str
    port: int
    security: Security = "starttls"
    username: str | None = None
    password: SecretText | None = None
    ca_certificate: Path | None = None
    timeout: int = 30 * SECOND


class EmailSink(NotifyingSink):
    """Sends from `sender` to `recipients`."""

    def __init__(
        self,
        name: str,
        server: MailServer,
        *,
        sender: str,
        recipients: Sequence[str],
        minimum_level: Level = "high",
        staged: bool = False,
        at_once: int = 200,
        links: AlertLinks | None = None,
        pace: int = 0,
    ) -> None:
        super().__init__(
            name, minimum_level=minimum_level, staged=staged, at_once=at_once, pace=pace
        )
        self._server = server
        self._sender = sender
        self._recipients = list(recipients)
        self._links = links or AlertLinks(None)

    async def open(self) -> None:
        """Nothing: each message has a connection of its own, since there are few."""

    async def close(self) -> None:
        """Nothing."""

    async def tell(self, notices: Sequence[Notice]) -> str | None:
        """Send one message."""
        sent = message(notices, self._sender, self._recipients, self._links)
        return await asyncio.to_thread(self._send, sent)

    async def check(self) -> list[Finding]:
        """Whether the server takes the login: nothing is sent."""
        subject = f"notification {self.name}"
        shown = f"{self._server.host}:{self._server.port}"
        try:
            await asyncio.to_thread(self._send, None)
        except SinkUnavailable as unavailable:
            advice = "see `host`, `port`, `security` and the login in the configuration"
            return [
                Finding(level="error", subject=subject, message=unavailable.reason, advice=advice)
            ]
        if self._server.security == "none":
            said = f"{shown} takes mail without TLS: alerts go in the clear"
            advice = "set `security: starttls` or `tls`"
            return [Finding(level="warning", subject=subject, message=said, advice=advice)]
        return [Finding(level="ok", subject=subject, message=f"{shown} takes mail")]

    def _send(self, sent: EmailMessage | None) -> str | None:
        shown = f"{self._server.host}:{self._server.port}"
        try:
            with self._connected() as smtp:
                if sent is None:
                    smtp.noop()
                    return None
                refused = smtp.send_message(sent)
        except smtplib.SMTPRecipientsRefused as error:
            return _all_refused(shown, error)
        except smtplib.SMTPAuthenticationError as error:
            raise SinkUnavailable(f"{shown} refuses the login: {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            said = f"{shown} refused it: {error.smtp_code} {_said(error.smtp_error)}"
            if 500 <= error.smtp_code < 600 and sent is not None:
                return said
            raise SinkUnavailable(said) from None
        except smtplib.SMTPNotSupportedError as error:
            raise SinkUnavailable(f"{shown}: {error}") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise SinkUnavailable(f"{shown}: {str(error) or type(error).__name__}") from None
        if refused:  # the others have it: who doesn't exist is a matter of the configuration
            code, why = next(iter(refused.values()))
            return f"{shown} refused {plural(len(refused), 'recipient')}: {code} {_said(why)}"
        return None

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        seconds = server.timeout / SECOND
        if server.security == "tls":
            context = self._tls()
            smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=seconds)
        try:
            if server.security == "starttls":
                smtp.starttls(context=self._tls())
            if server.username is not None and server.password is not None:
                smtp.login(server.username, revealed(server.password, "the password"))
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _tls(self) -> ssl.SSLContext:
        return tls_context(self._server.ca_certificate, verify=True)


def message(
    notices: Sequence[Notice], sender: str, recipients: Sequence[str], links: AlertLinks
) -> EmailMessage:
    """One message about these alerts; the same for the same ones."""
    ordered = sorted(notices, key=lambda one: -SEVERITY[one.level])
    first = ordered[0]
    subject = f"[{first.level}] {first.headline}"
    if len(ordered) > 1:
        subject = f"{subject} and {plural(len(ordered) - 1, f'more {what_of(notices)}')}"
    parts = [_text(one, links) for one in ordered[:MOST_SHOWN]]
    if len(ordered) > MOST_SHOWN:
        parts.append(f"... and {plural(len(ordered) - MOST_SHOWN, f'more {what_of(notices)}')}")
    content = "\0".join(sorted(one.document.id for one in notices)).encode()
    domain = Address(addr_spec=sender).domain
    sent = EmailMessage()
    sent["Subject"] = printable(subject)[:200]
    sent["From"] = sender
    sent["To"] = ", ".join(recipients)
    sent["Date"] = format_datetime(_newest(notices))
    sent["Message-ID"] = f"<{hashlib.sha256(content).hexdigest()[:40]}@{domain}>"
    sent["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers to it
    sent.set_content("\n\n".join(parts) + "\n")
    return sent


def _text(notice: Notice, links: AlertLinks) -> str:
    lines = [f"{notice.level.upper()}  {notice.headline}", notice.reason, ""]
    facts = {
        "time": notice.time,
        "about": ", ".join(notice.named),
        "token": notice.token,
        "where": notice.place,
        "transaction": notice.transaction,
        notice.about: notice.alert_id,
        "see": links.of(notice) or "",
    }
    lines += [f"{name:<12} {value}" for name, value in facts.items() if value]
    return "\n".join(printable(line) for line in lines)


def _newest(notices: Sequence[Notice]) -> datetime:
    return datetime.fromtimestamp(max(one.document.timestamp for one in notices) / SECOND, UTC)


def _all_refused(shown: str, error: smtplib.SMTPRecipientsRefused) -> str:
    """Why nobody gets it. Raises SinkUnavailable where that is only so for now (4xx)."""
    code, why = next(iter(error.recipients.values()))
    said = f"{shown} refused every recipient: {code} {_said(why)}"
    if any(400 <= one < 500 for one, _ in error.recipients.values()):
        raise SinkUnavailable(said)
    return said


def _said(text: bytes | str) -> str:
    whole = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return printable(whole)[:200]
