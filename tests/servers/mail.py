"""A real mail server (aiosmtpd) on a loopback port, with TLS and logins; it keeps what it gets."""

import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.servers.certificates import self_signed
from tests.servers.free_port import free_ports


class MailReceiver:
    """Use as a context manager. `answers` may be set: what the next messages are answered with."""

    def __init__(self, folder: Path, *, security: str = "starttls", password: str = "") -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answers: list[str] = []
        self.unknown: set[str] = set()
        self.ca_certificate, key = self_signed(folder, "localhost")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.ca_certificate, key)
        more: dict[str, Any] = {}
        if security == "starttls":
            more = {"tls_context": context, "require_starttls": True}
        elif security == "tls":
            more = {"ssl_context": context}
        if password:
            self._password = password.encode()
            more |= {
                "authenticator": self._authenticate,
                "auth_required": True,
                "auth_require_tls": security != "tls",
            }
        self._controller = Controller(self, hostname="localhost", port=free_ports(1)[0], **more)

    @property
    def port(self) -> int:
        server: Any = self._controller.server
        return int(server.sockets[0].getsockname()[1])

    def __enter__(self) -> "MailReceiver":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: LoginPassword
    ) -> AuthResult:
        good = login.password == self._password
        return AuthResult(success=good, handled=good)  # a refusal is the server's to say

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        content = cast(bytes, envelope.content)
        self.messages.append(message_from_bytes(content, policy=default))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"
