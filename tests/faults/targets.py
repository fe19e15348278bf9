"""The sinks that are tried, each with a receiver that has bad luck."""

import json
import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from elasticsearch import helpers

import delivery.file_folder as file_folder
from delivery.build import elasticsearch_fields
from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.email_sink import EmailSink, MailServer
from delivery.endpoint import HttpOptions
from delivery.file_sink import FileSink
from delivery.notices import AlertLinks
from delivery.pagerduty import PagerDutySink
from delivery.sink import Sink
from delivery.slack import SlackSink
from delivery.splunk_hec_sink import SplunkHecSink
from delivery.templates import StreamNames
from delivery.webhook import WebhookSink
from pipeline.secrets import SecretText
from pipeline.units import MIB, MINUTE, SECOND
from tests.faults.documents import Arrived, ids_in
from tests.faults.luck import Luck, UnluckyReceiver
from tests.faults.trial import Target, Trial
from tests.servers.arrivals import Arrivals
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.elasticsearch.session import server_of_session
from tests.servers.elasticsearch_faults import FAULTS, ElasticsearchFaults
from tests.servers.hec import HecReceiver, HecToken
from tests.servers.hec_protocol import IndexedEvent
from tests.servers.loopback_http import HttpRequest
from tests.servers.mail import MailReceiver

#: Of a disk: nothing was written, a part was, what was written is not on the disk, it took long.
_DISK_FAULTS = ("no space", "torn write", "failed sync", "slow")
_HEC_FAULTS = ("503", "429", "500", "lost answer", "reset", "slow")
_MAIL_FAULTS = ("451", "421", "lost answer", "slow")
_LINKS = AlertLinks("https://kibana.example.com/alerts/{id}")
_HTTP = HttpOptions(timeout=10 * SECOND)


class _Target:
    """What most targets are: a way to make a sink, and nothing to do before a batch."""

    def __init__(self, make: Any, count: Any = None, before: Any = None) -> None:
        self._make, self._count, self._before = make, count, before

    def sink(self) -> Sink:
        return cast(Sink, self._make())

    def before(self, batch: int) -> None:
        if self._before is not None:
            self._before(batch)

    def count(self, arrived: Arrived) -> None:
        if self._count is not None:
            self._count(arrived)


@contextmanager
def _files(luck: Luck, _: Arrived) -> Generator[Target]:
    """The disk fails: each write and each fsync of the sink's own files may."""
    write, sync = file_folder._write_all, file_folder._sync  # pyright: ignore[reportPrivateUsage]
    failing = [""]

    def unlucky_write(file: int, data: bytes) -> None:
        fault = luck.draw(_DISK_FAULTS) or ""
        failing[0] = fault
        if fault == "no space":
            raise OSError(28, "No space left on device")
        if fault == "torn write":
            os.write(file, data[: luck.chance.randrange(len(data))])
            raise OSError(5, "Input/output error")
        if fault == "slow":
            time.sleep(0.02 * luck.chance.random())
        write(file, data)

    def unlucky_sync(file: int) -> None:
        if failing[0] == "failed sync":
            failing[0] = ""
            raise OSError(5, "Input/output error")
        sync(file)

    with (
        tempfile.TemporaryDirectory(prefix="tapewatch-faults-") as text,
        patch.object(file_folder, "_write_all", unlucky_write),
        patch.object(file_folder, "_sync", unlucky_sync),
    ):
        path = Path(text)

        def count(arrived: Arrived) -> None:
            for file in path.rglob("*.ndjson"):
                with file.open("rb") as lines:
                    for line in lines:
                        arrived.add(json.loads(line)["event"]["id"])

        def make() -> Sink:
            return FileSink("files", path, rotate_size=64 * MIB, rotate_after=60 * MINUTE)

        yield _Target(make, count)


@contextmanager
def elasticsearch(
    luck: Luck, _: Arrived, server: ElasticsearchServer | None = None
) -> Generator[Target]:
    """A real Elasticsearch, behind a proxy that answers as an overloaded one does."""
    node = server or server_of_session(secure=False)
    names = StreamNames(prefix=f"faults-{os.getpid()}-{luck.chance.randrange(10**9)}-tapewatch")

    def make() -> Sink:
        connection = Connection(urls=[SecretText(proxy.url)], timeout=60 * SECOND)
        return ElasticsearchSink("es", connection, elasticsearch_fields(), names=names)

    def count(arrived: Arrived) -> None:
        luck.requests = proxy.bulk_requests
        luck.injected = proxy.injected
        with node.client(request_timeout=120) as client:
            for content in ("events", "alerts"):
                index = names.stream(content)
                client.indices.refresh(index=index)
                for hit in helpers.scan(client, index=index, _source=False, size=10_000):
                    arrived.add(hit["_id"])

    with ElasticsearchFaults(node.url) as proxy:
        proxy.chance, proxy.share, proxy.faults = luck.chance, luck.share, (*FAULTS, "reset")
        proxy.slow_seconds = 0.2
        yield _Target(make, count)


class _Counting(Arrivals[IndexedEvent]):
    """Counts what was indexed, and holds nothing of it."""

    def __init__(self, arrived: Arrived) -> None:
        super().__init__()
        self._arrived = arrived

    def append(self, item: IndexedEvent) -> None:
        event = cast(dict[str, Any], item.event)
        self._arrived.add(event["event"]["id"])


@contextmanager
def _hec(luck: Luck, arrived: Arrived) -> Generator[Target]:
    """The strict double of the HTTP Event Collector, with acknowledgement."""
    token = HecToken(acknowledge=True)

    def make() -> Sink:
        return SplunkHecSink(
            "splunk",
            SecretText(receiver.url),
            SecretText(token.value),
            _HTTP,
            acknowledgement=True,
        )

    def before(_: int) -> None:
        receiver.delay_seconds = 0.0
        match luck.draw(_HEC_FAULTS):
            case "503":
                receiver.busy()
            case "429":
                receiver.throttle()
            case "500":
                receiver.fail()
            case "lost answer":
                receiver.drop()
            case "reset":
                receiver.drop_unread()
            case "slow":
                receiver.delay_seconds = 0.1
            case _:
                pass

    with HecReceiver(token) as receiver:
        receiver.events = _Counting(arrived)
        yield _Target(make, before=before)


@contextmanager
def _webhook(luck: Luck, arrived: Arrived) -> Generator[Target]:
    def take(request: HttpRequest) -> None:
        arrived.add(request.headers["idempotency-key"])

    def make() -> Sink:
        return WebhookSink("hook", SecretText(receiver.url), _HTTP, secret=SecretText("shared"))

    with UnluckyReceiver(luck, take) as receiver:
        yield _Target(make)


@contextmanager
def _pagerduty(luck: Luck, arrived: Arrived) -> Generator[Target]:
    def take(request: HttpRequest) -> None:
        arrived.add(json.loads(request.body)["dedup_key"].removeprefix("tapewatch:"))

    def make() -> Sink:
        return PagerDutySink("pager", SecretText(receiver.url), SecretText("key"), _HTTP)

    with UnluckyReceiver(luck, take) as receiver:
        yield _Target(make)


@contextmanager
def _slack(luck: Luck, arrived: Arrived) -> Generator[Target]:
    def take(request: HttpRequest) -> None:
        arrived.add_named(request.body.decode())

    def make() -> Sink:
        return SlackSink("slack", SecretText(receiver.url), _HTTP, at_once=8, links=_LINKS)

    with UnluckyReceiver(luck, take) as receiver:
        yield _Target(make)


class _UnluckyMail(MailReceiver):
    """A mail server that puts off, takes without saying so, and takes its time."""

    def __init__(self, folder: Path, luck: Luck, arrived: Arrived) -> None:
        super().__init__(folder, security="none")
        self._luck, self._arrived = luck, arrived
        #: By the ids that a message names, its own.
        self._named: dict[str, str] = {}

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        fault = self._luck.draw(_MAIL_FAULTS)
        if fault in ("451", "421"):
            return f"{fault} 4.3.0 try again later"
        said = await super().handle_DATA(server, session, envelope)
        message = self.messages.pop()
        self.recipients.clear()
        text = message.get_content()
        self._arrived.add_named(text)
        for one in ids_in(text):
            # A copy in another message is none that the receiver would drop.
            self._arrived.strange += (
                self._named.setdefault(one, message["Message-ID"]) != (message["Message-ID"])
            )
        if fault == "slow":
            time.sleep(0.05 * self._luck.chance.random())
        return "451 4.3.0 it was taken, and nobody is told" if fault == "lost answer" else said


@contextmanager
def _mail(luck: Luck, arrived: Arrived) -> Generator[Target]:
    with (
        tempfile.TemporaryDirectory(prefix="tapewatch-faults-") as text,
        _UnluckyMail(Path(text), luck, arrived) as receiver,
    ):
        server = MailServer(host="localhost", port=receiver.port, security="none")

        def make() -> Sink:
            return EmailSink(
                "mail",
                server,
                sender="tapewatch@example.com",
                recipients=["desk@example.com"],
                at_once=20,
                links=_LINKS,
            )

        yield _Target(make)


TRIALS = {
    one.name: one
    for one in (
        Trial(
            name="files",
            what="NDJSON files, each batch synced, on a disk that is full, tears and fails",
            promise="once",
            target=_files,
        ),
        Trial(
            name="elasticsearch",
            what="a real Elasticsearch behind a proxy: refusals, partial answers, lost answers",
            promise="once",
            target=elasticsearch,
        ),
        Trial(
            name="splunk-hec",
            what="the strict double of HEC, with acknowledgement",
            promise="by id",
            target=_hec,
        ),
        Trial(
            name="webhook",
            what="an HTTP receiver, one signed request for each alert",
            promise="by id",
            target=_webhook,
            alerts_only=True,
            one_in=50,
        ),
        Trial(
            name="pagerduty",
            what="an HTTP receiver, one event for each alert",
            promise="by id",
            target=_pagerduty,
            alerts_only=True,
            one_in=100,
        ),
        Trial(
            name="slack",
            what="an HTTP receiver, eight alerts a message",
            promise="by id",
            target=_slack,
            alerts_only=True,
            one_in=50,
        ),
        Trial(
            name="e-mail",
            what="a real SMTP server (aiosmtpd), twenty alerts a message",
            promise="by id",
            target=_mail,
            alerts_only=True,
            one_in=50,
        ),
    )
}
