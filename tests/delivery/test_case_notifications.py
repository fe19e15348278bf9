"""Cases that are escalated: who is told, in which form, and when it ends there."""

import hashlib
import hmac
import time
from typing import Any

import msgspec

from delivery.endpoint import HttpOptions
from delivery.notices import AlertLinks
from delivery.pagerduty import PagerDutySink
from delivery.sink import Delivered, Document
from delivery.slack import SlackSink
from delivery.webhook import WebhookSink
from normalizer.events.ecs import nest
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.delivery.documents import document
from tests.evidence.cases.examples import Worked
from tests.servers.webhook import WebhookReceiver

HTTP = HttpOptions(timeout=2 * SECOND)
LINKS = AlertLinks("https://kibana.example.com/alert/{id}", "https://kibana.example.com/case/{id}")


def documents(*, notify: list[str]) -> list[Document]:
    """All that is done to a case: opened, escalated twice, assigned, proposed, closed."""
    worked = Worked()
    stage: dict[str, Any] = {"origin": "tapewatch", "notify": notify, "why": "nobody works on it"}
    worked.do("escalated", "tapewatch", step="nobody", **stage)
    worked.do("escalated", "tapewatch", step="still-nobody", **stage)
    worked.do("assigned", "boss", assignee="alice")
    worked.do("commented", "alice", comment="on it")
    worked.do("resolution-proposed", "alice", resolution="explained")
    worked.do("closed", "bob", resolution="explained")
    return [document("cases", one.id, nest(one)) for one in worked.activities]


def told(receiver: WebhookReceiver) -> list[dict[str, Any]]:
    return [msgspec.json.decode(request.body) for request in receiver.requests]


async def test_slack_tells_of_escalations_that_name_it_in_one_message(
    webhook: WebhookReceiver,
) -> None:
    sink = SlackSink("channel", SecretText(webhook.url), HTTP, links=LINKS)
    assert await sink.deliver(documents(notify=["channel"])) == Delivered(written=2, skipped=5)
    assert await sink.deliver(documents(notify=["channel"])) == Delivered(already=2, skipped=5)
    (message,) = told(webhook)
    assert message["text"] == "2 cases, the most severe high: Wash trading in ACME: escalated"
    text = message["blocks"][0]["text"]["text"]
    assert "<https://kibana.example.com/case/TW-1|Wash trading in ACME: escalated>" in text
    assert "TW-1: nobody works on it (nobody)" in text


async def test_who_is_not_named_is_not_told(webhook: WebhookReceiver) -> None:
    sink = SlackSink("channel", SecretText(webhook.url), HTTP)
    assert await sink.deliver(documents(notify=["duty"])) == Delivered(skipped=7)
    assert told(webhook) == []


async def test_a_case_is_one_incident_that_is_acknowledged_and_resolved(
    webhook: WebhookReceiver,
) -> None:
    key = SecretText("routing")
    sink = PagerDutySink("duty", SecretText(webhook.url), key, HTTP, links=LINKS)
    assert await sink.deliver(documents(notify=["duty"])) == Delivered(written=4, skipped=3)
    sent = told(webhook)
    assert [one["event_action"] for one in sent] == [
        "trigger", "trigger", "acknowledge", "resolve",
    ]  # fmt: skip
    assert {one["dedup_key"] for one in sent} == {"tapewatch:case:TW-1"}
    assert sent[0]["payload"]["custom_details"]["case"] == "TW-1"
    assert sent[0]["client_url"] == "https://kibana.example.com/case/TW-1"


async def test_a_case_that_was_never_escalated_resolves_nothing(webhook: WebhookReceiver) -> None:
    worked = Worked("low")
    worked.do("closed", "bob", resolution="explained")
    sink = PagerDutySink("duty", SecretText(webhook.url), SecretText("k"), HTTP)
    batch = [document("cases", one.id, nest(one)) for one in worked.activities]
    assert await sink.deliver(batch) == Delivered(skipped=2)


async def test_the_webhook_signs_what_it_tells_of_cases(webhook: WebhookReceiver) -> None:
    sink = WebhookSink("hook", SecretText(webhook.url), HTTP, secret=SecretText("s3cret"))
    assert await sink.deliver(documents(notify=["hook"])) == Delivered(written=4, skipped=3)
    request = webhook.requests[0]
    body = msgspec.json.decode(request.body)
    assert (body["case_id"], body["status"], body["level"]) == ("TW-1", "escalated", "high")
    assert body["case"]["surveillance"]["case"]["escalation"]["step"] == "nobody"
    stamp, _, given = request.headers["tapewatch-signature"].partition(",v1=")
    mac = hmac.new(b"s3cret", stamp[2:].encode() + b"." + request.body, hashlib.sha256)
    assert given == mac.hexdigest()
    assert [one["status"] for one in told(webhook)][-2:] == ["assigned", "closed"]


async def test_a_pace_keeps_messages_apart(webhook: WebhookReceiver) -> None:
    sink = SlackSink("channel", SecretText(webhook.url), HTTP, at_once=1, pace=SECOND // 5)
    begun = time.monotonic()
    await sink.deliver(documents(notify=["channel"]))
    assert time.monotonic() - begun >= 0.2
    assert len(told(webhook)) == 2
