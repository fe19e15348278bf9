"""A periodic report by e-mail: its first sentence, with the PDF and the page attached.

Source: RFC 5322; RFC 3834 for what is sent by a program.
"""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import msgspec

from delivery.email_sink import EmailSink, MailServer
from delivery.sink import SinkUnavailable
from evidence.reports.figures import Figures
from evidence.reports.told import lead_of, span_of, title_of
from pipeline.config.reports import ReportMail, ScheduledReport
from pipeline.failure import FAILED, Failure
from pipeline.page.words import printable

_ATTACHED = (("report.pdf", "application", "pdf"), ("report.html", "text", "html"))


class Mailed(EmailSink):
    """Sends whole messages."""

    def send(self, sent: EmailMessage) -> str | None:
        """None when it is taken, else why it never will be. Raises Failure if it may be later."""
        try:
            return self._send(sent)
        except SinkUnavailable as unavailable:
            raise Failure(unavailable.reason, FAILED) from None


@contextmanager
def mailer_of(name: str, mail: ReportMail) -> Generator[Mailed]:
    """Who sends it."""
    server = MailServer(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        username=mail.username,
        password=mail.password,
        ca_certificate=mail.ca_certificate,
    )
    yield Mailed(name, server, sender=mail.sender, recipients=mail.recipients)


def message(scheduled: ScheduledReport, folder: Path) -> EmailMessage:
    """The message about the report in a folder; the same for the same one. Raises Failure."""
    assert scheduled.mail is not None
    mail = scheduled.mail
    try:
        figures = msgspec.json.decode((folder / "figures.json").read_bytes(), type=Figures)
        attached = [
            (f"{figures.name}-{name}", (folder / name).read_bytes(), main, sub)
            for name, main, sub in _ATTACHED
            if (folder / name).is_file()
        ]
        made = datetime.fromtimestamp(int((folder / "figures.json").stat().st_mtime), UTC)
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(f"can't read the report in {folder}: {error}", FAILED) from None
    key = f"{scheduled.name}/{figures.kind}/{figures.name}"
    domain = Address(addr_spec=mail.sender).domain
    sent = EmailMessage()
    sent["Subject"] = printable(f"{title_of(figures)}: {span_of(figures)}")
    sent["From"] = mail.sender
    sent["To"] = ", ".join(mail.recipients)
    sent["Date"] = format_datetime(made)
    sent["Message-ID"] = f"<report-{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"
    sent["Auto-Submitted"] = "auto-generated"
    sent.set_content(f"{lead_of(figures)}\n\nThe whole report is attached.\n")
    for name, content, main, sub in attached:
        sent.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return sent
