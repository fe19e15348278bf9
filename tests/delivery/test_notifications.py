"""Slack, PagerDuty and e-mail: what people are told, once, in few messages, and never as markup."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from delivery.build import build_notification, together
from delivery.email_sink import EmailSink, MailServer
from delivery.endpoint import HttpOptions
from delivery.notices import AlertLinks
from delivery.pagerduty import PagerDutySink
from delivery.sink import Delivered, Document, Refused, SinkUnavailable
from delivery.slack import SlackSink
from pipeline.config import sinks as config
from pipeline.secrets import Secret, SecretText
from pipeline.units import SECOND
from tests.delivery.documents import alert, document, event
from tests.servers.mail import MailReceiver
from tests.servers.webhook import WebhookReceiver

HTTP = HttpOptions(timeout=2 * SECOND)
LINKS = AlertLinks("https://kibana.example.com/alert/{id}")


def update(number: int, status: str = "retracted") -> Document:
    body = {
        "@timestamp": "2026-03-04T05:06:08.000000000Z",
        "event": {"id": f"update-{number}", "reason": "block 7 was orphaned"},
        "rule": {"name": "Wash trading", "id": "r1"},
        "surveillance": {"level": "high", "alert": {"id": f"alert-{number}", "status": status}},
    }
    return document("alerts", f"update-{number}", body)


def told(receiver: WebhookReceiver) -> list[dict[str, Any]]:
    return [msgspec.json.decode(request.body) for request in receiver.requests]


def slack(receiver: WebhookReceiver, **more: Any) -> SlackSink:
    return SlackSink("channel", SecretText(receiver.url), HTTP, links=LINKS, **more)


def pagerduty(receiver: WebhookReceiver, **more: Any) -> PagerDutySink:
    key = SecretText("routing")
    more.setdefault("minimum_level", "high")
    return PagerDutySink("duty", SecretText(receiver.url), key, HTTP, links=LINKS, **more)


# -- Slack -----------------------------------------------------------------------------------------


async def test_slack_gets_one_message_with_the_most_severe_first(webhook: WebhookReceiver) -> None:
    batch = [alert(1), alert(2, "low"), alert(3, "critical"), event(4)]
    assert await slack(webhook).deliver(batch) == Delivered(written=2, skipped=2)
    (message,) = told(webhook)
    assert message["text"] == "2 alerts, the most severe critical: Wash trading"
    first, second = (block["text"]["text"] for block in message["blocks"])
    assert first.startswith(
        ":red_circle: *<https://kibana.example.com/alert/alert-3|Wash trading>*"
    )
    assert "A bought from itself" in first
    assert second.startswith(":large_orange_circle:")


async def test_a_flood_is_a_few_messages_that_count(webhook: WebhookReceiver) -> None:
    batch = [alert(number) for number in range(100)]
    assert await slack(webhook).deliver(batch) == Delivered(written=100)
    first, second = told(webhook)
    assert (len(first["blocks"]), len(second["blocks"])) == (9, 9)
    assert first["blocks"][-1]["elements"][0]["text"] == "and 42 more alerts"


async def test_what_an_alert_says_mentions_and_links_nobody(webhook: WebhookReceiver) -> None:
    evil = "<!channel> *pay* <https://evil.example|here> & \u202ereversed"
    one = alert(1, event={"id": "alert-1", "reason": evil}, rule={"name": "<@U1>"})
    await slack(webhook).deliver([one])
    (message,) = told(webhook)
    text = message["blocks"][0]["text"]["text"]
    assert "<!" not in text
    assert "<@" not in text
    assert "<https://evil" not in text
    assert "&lt;!channel&gt;" in text
    assert "\u202e" not in text
    assert "<" not in message["text"]


async def test_what_looks_like_a_url_in_an_alert_becomes_no_link(webhook: WebhookReceiver) -> None:
    links = AlertLinks("https://kibana.example.com/~team/{id}")
    sink = SlackSink("channel", SecretText(webhook.url), HTTP, links=links)
    await sink.deliver([alert(1, event={"id": "alert-1", "reason": "see http://evil.example"})])
    (message,) = told(webhook)
    text = message["blocks"][0]["text"]
    assert (text["verbatim"], message["unfurl_links"]) == (True, False)
    assert "<https://kibana.example.com/~team/alert-1|" in text["text"], "our own URL stays whole"


async def test_an_alert_that_comes_twice_at_once_is_told_once(webhook: WebhookReceiver) -> None:
    sink = slack(webhook)
    assert await sink.deliver([alert(1), alert(1)]) == Delivered(written=1, already=1)
    assert told(webhook)[0]["text"] == "high: Wash trading"


async def test_of_very_many_parties_some_are_named(webhook: WebhookReceiver) -> None:
    parties = [f"acct-{number}" for number in range(60_000)]
    one = alert(1, surveillance={"level": "high", "entities": parties})
    await pagerduty(webhook).deliver([one])
    named = told(webhook)[0]["payload"]["custom_details"]["entities"]
    assert (len(named), named[-1]) == (51, "and 59,950 more")
    assert len(webhook.requests[0].body) < 512 * 1024, "PagerDuty refuses more"


async def test_an_alert_that_comes_again_is_told_once(webhook: WebhookReceiver) -> None:
    sink = slack(webhook)
    await sink.deliver([alert(1)])
    assert await sink.deliver([alert(1), alert(2)]) == Delivered(written=1, already=1)
    assert len(webhook.requests) == 2


async def test_staged_rules_notify_nobody_unless_asked(webhook: WebhookReceiver) -> None:
    staged = alert(1, surveillance={"level": "high", "staged": True})
    assert await slack(webhook).deliver([staged]) == Delivered(skipped=1)
    assert await slack(webhook, staged=True).deliver([staged]) == Delivered(written=1)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_slack_that_is_busy_is_asked_again(webhook: WebhookReceiver, status: int) -> None:
    sink = slack(webhook)
    webhook.answer(status, headers={"Retry-After": "7"})
    with pytest.raises(SinkUnavailable) as unavailable:
        await sink.deliver([alert(1)])
    assert unavailable.value.retry_after == 7
    assert "/hook" not in str(unavailable.value), "the path of the URL is the secret"
    assert await sink.deliver([alert(1)]) == Delivered(written=1)


async def test_after_a_part_was_told_only_the_rest_is_told_again(webhook: WebhookReceiver) -> None:
    sink = slack(webhook, at_once=2)
    webhook.answer(200)
    webhook.answer(503)
    batch = [alert(number) for number in range(4)]
    with pytest.raises(SinkUnavailable):
        await sink.deliver(batch)
    assert await sink.deliver(batch) == Delivered(written=2, already=2)


async def test_what_is_refused_for_good_goes_to_the_dead_letters(webhook: WebhookReceiver) -> None:
    webhook.answer(404)
    found = await slack(webhook).deliver([alert(1), alert(2)])
    assert [one.document.id for one in found.refused] == ["alert-1", "alert-2"]
    assert "HTTP 404" in found.refused[0].reason


async def test_an_alert_that_can_not_be_read_is_refused_by_itself(webhook: WebhookReceiver) -> None:
    broken = document("alerts", "broken", {"surveillance": {"level": "enormous"}})
    found = await slack(webhook).deliver([broken, alert(1)])
    assert (found.written, [one.document.id for one in found.refused]) == (1, ["broken"])


async def test_who_answers_for_ever_is_away_and_a_long_answer_is_not_read() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(60):
                writer.write(b"x" * size)
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = HttpOptions(timeout=SECOND // 2)
    sink = SlackSink("channel", SecretText(f"http://127.0.0.1:{port}"), options)
    async with server:
        size = 1
        with pytest.raises(SinkUnavailable, match="no answer in time"):
            await sink.deliver([alert(1)])
        size = 1024 * 1024
        assert await sink.deliver([alert(1)]) == Delivered(written=1)
        await sink.close()


# -- PagerDuty -------------------------------------------------------------------------------------


async def test_pagerduty_gets_an_incident_for_each_and_a_retraction_resolves_it(
    webhook: WebhookReceiver,
) -> None:
    sink = pagerduty(webhook)
    assert await sink.deliver([alert(1, "critical"), update(1)]) == Delivered(written=2)
    trigger, resolve = told(webhook)
    assert trigger == {
        "routing_key": "routing",
        "event_action": "trigger",
        "dedup_key": "tapewatch:alert-1",
        "payload": {
            "summary": "Wash trading: A bought from itself",
            "source": "demo-venue",
            "severity": "critical",
            "timestamp": "2026-03-04T05:06:07.123456789Z",
            "component": None,
            "class": "wash_trading",
            "custom_details": {
                "alert": "alert-1",
                "level": "critical",
                "entities": [],
                "transaction": None,
            },
        },
        "client": "Tapewatch",
        "client_url": "https://kibana.example.com/alert/alert-1",
        "links": [{"href": "https://example.org/wash", "text": "The rule's reference"}],
    }
    assert resolve == {
        "routing_key": "routing",
        "event_action": "resolve",
        "dedup_key": "tapewatch:alert-1",
    }


async def test_alerts_about_the_same_parties_can_be_one_incident(webhook: WebhookReceiver) -> None:
    def of(number: int, *entities: str) -> Document:
        return alert(number, surveillance={"level": "high", "entities": entities})

    sink = pagerduty(webhook, group="entities")
    await sink.deliver([of(1, "a", "b"), of(2, "b", "a"), of(3, "a"), update(1)])
    keys = [one["dedup_key"] for one in told(webhook)]
    assert len(keys) == 3, "one retracted alert of a group resolves nothing"
    assert keys[0] == keys[1] != keys[2]


async def test_a_reinstated_alert_opens_its_incident_again(webhook: WebhookReceiver) -> None:
    await pagerduty(webhook).deliver([update(1, "reinstated")])
    (event_,) = told(webhook)
    assert (event_["event_action"], event_["dedup_key"]) == ("trigger", "tapewatch:alert-1")


@pytest.mark.parametrize("group", ["alert", "entities"])
async def test_an_amended_alert_pages_nobody_and_opens_no_resolved_incident(
    webhook: WebhookReceiver, group: Any
) -> None:
    sink = pagerduty(webhook, group=group)
    sent = await sink.deliver([alert(1), update(1, "amended"), update(2, "amended")])
    assert sent == Delivered(written=1, skipped=2)
    assert [one["event_action"] for one in told(webhook)] == ["trigger"]


async def test_an_amended_alert_is_told_in_slack(webhook: WebhookReceiver) -> None:
    assert await slack(webhook).deliver([update(1, "amended")]) == Delivered(written=1)
    (message,) = told(webhook)
    assert message["text"].startswith("high: Wash trading: amended")


# -- e-mail ----------------------------------------------------------------------------------------


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailReceiver]:
    with MailReceiver(tmp_path, password="right") as server:
        yield server


def email(
    server: MailReceiver,
    *,
    recipients: Sequence[str] = ("a@example.com",),
    password: str = "right",
    security: Any = "starttls",
    trusted: bool = True,
) -> EmailSink:
    settings = MailServer(
        host="localhost",
        port=server.port,
        security=security,
        username="tapewatch",
        password=SecretText(password),
        ca_certificate=server.ca_certificate if trusted else None,
        timeout=5 * SECOND,
    )
    return EmailSink(
        "mail", settings, sender="tapewatch@example.com", recipients=recipients, links=LINKS
    )


async def test_an_email_tells_alerts_in_full_by_tls_and_login(mail: MailReceiver) -> None:
    sink = email(mail, recipients=["a@example.com", "b@example.com"])
    assert await sink.deliver([alert(1), alert(2, "critical")]) == Delivered(written=2)
    (message,) = mail.messages
    assert mail.recipients == [["a@example.com", "b@example.com"]]
    assert message["Subject"] == "[critical] Wash trading and 1 more alert"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_content().replace("\r\n", "\n")
    assert text.startswith("CRITICAL  Wash trading\nA bought from itself\n")
    assert "https://kibana.example.com/alert/alert-1" in text
    first = message["Message-ID"]
    await email(mail, recipients=["a@example.com"]).deliver([alert(1), alert(2, "critical")])
    assert mail.messages[1]["Message-ID"] == first, "a copy is known as one"


async def test_no_text_of_an_alert_becomes_a_header(mail: MailReceiver) -> None:
    one = alert(1, rule={"name": "Wash\r\nBcc: evil@example.com"})
    assert await email(mail).deliver([one]) == Delivered(written=1)
    (message,) = mail.messages
    assert message["Bcc"] is None
    assert mail.recipients == [["a@example.com"]]


@pytest.mark.parametrize(
    ("answer", "refused"), [("451 4.3.0 try later", False), ("554 5.7.1 no", True)]
)
async def test_refused_for_now_or_for_good(mail: MailReceiver, answer: str, refused: bool) -> None:
    mail.answers.append(answer)
    if refused:
        found = await email(mail).deliver([alert(1)])
        assert [type(one) for one in found.refused] == [Refused]
        assert "554 5.7.1 no" in found.refused[0].reason
    else:
        with pytest.raises(SinkUnavailable, match="451"):
            await email(mail).deliver([alert(1)])
    assert mail.messages == []


async def test_a_recipient_who_does_not_exist_is_told_and_the_others_get_it(
    mail: MailReceiver,
) -> None:
    mail.unknown.add("gone@example.com")
    found = await email(mail, recipients=["a@example.com", "gone@example.com"]).deliver([alert(1)])
    assert "refused 1 recipient: 550" in found.refused[0].reason
    assert mail.recipients == [["a@example.com"]]


async def test_a_wrong_login_and_a_strange_certificate_send_nothing(mail: MailReceiver) -> None:
    with pytest.raises(SinkUnavailable, match="refuses the login: 535") as unavailable:
        await email(mail, password="wrong").deliver([alert(1)])
    assert "wrong" not in str(unavailable.value)
    with pytest.raises(SinkUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await email(mail, trusted=False).deliver([alert(1)])
    assert mail.messages == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # it has TLS from the start
async def test_tls_from_the_start(tmp_path: Path) -> None:
    with MailReceiver(tmp_path, security="tls", password="right") as server:
        assert await email(server, security="tls").deliver([alert(1)]) == Delivered(written=1)
        assert [one.level for one in await email(server, security="tls").check()] == ["ok"]
        assert len(server.messages) == 1


@pytest.mark.parametrize("address", ["a@b.example\n", "a(b)@c.example", "a@[b", "a:b@c.example"])
def test_an_address_that_ends_a_header_is_refused_in_the_configuration(address: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(address, config.MailAddress)
    assert msgspec.convert("o'neil+x@b.example", config.MailAddress)


# -- as they are configured ------------------------------------------------------------------------


async def test_doctor_says_what_answers(webhook: WebhookReceiver, mail: MailReceiver) -> None:
    for sink in (slack(webhook), pagerduty(webhook), email(mail)):
        assert [one.level for one in await sink.check()] == ["ok"]
    assert mail.messages == []
    await asyncio.to_thread(webhook.go_down)
    for sink in (slack(webhook), pagerduty(webhook), email(mail, password="wrong")):
        assert [one.level for one in await sink.check()] == ["error"]


async def test_from_the_configuration(
    webhook: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGERDUTY_KEY", "from-the-environment")
    settings = config.PagerDutyNotification(
        name="duty", routing_key=Secret("${env:PAGERDUTY_KEY}"), url=SecretText(webhook.url)
    )
    assert together(settings) == 1
    await build_notification(settings).deliver([alert(1, "critical")])
    (sent,) = told(webhook)
    assert sent["routing_key"] == "from-the-environment"
    channel = config.SlackNotification(name="channel", url=SecretText(webhook.url), at_once=3)
    assert together(channel) == 3
    assert isinstance(build_notification(channel), SlackSink)
