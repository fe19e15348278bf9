"""The webhook notification against a receiver that misbehaves."""

import asyncio
import hashlib
import hmac
import logging
import time
from typing import Any

import msgspec
import pytest

from delivery.endpoint import HttpOptions
from delivery.retry import RetryPolicy, deliver_until_taken
from delivery.sink import Delivered, Document, Refused, SinkUnavailable
from delivery.webhook import WebhookSink
from pipeline.retry_after import retry_after
from pipeline.secrets import SecretText
from pipeline.units import MILLISECOND, SECOND
from tests.delivery.documents import alert, document, event
from tests.servers.webhook import WebhookReceiver

FAST = RetryPolicy(initial=5 * MILLISECOND, maximum=20 * MILLISECOND)


def sink_to(receiver: WebhookReceiver, **more: Any) -> WebhookSink:
    http = HttpOptions(timeout=SECOND // 2)
    return WebhookSink("hook", SecretText(more.pop("url", receiver.url)), http, **more)


async def bury_nothing(refused: Refused) -> None:
    raise AssertionError(refused.reason)


def posted(receiver: WebhookReceiver) -> list[str]:
    return [msgspec.json.decode(r.body)["id"] for r in receiver.requests]


async def test_a_retraction_is_posted_for_an_alert_that_was_notified(webhook: WebhookReceiver):
    def update(number: int, level: str) -> Document:
        body = {
            "event": {"id": f"update-{number}", "reason": "block 7 was orphaned"},
            "rule": {"name": "Wash trading"},
            "surveillance": {"level": level, "alert": {"id": f"a-{number}", "status": "retracted"}},
        }
        return document("alerts", f"update-{number}", body)

    sink = sink_to(webhook)
    assert await sink.deliver([update(1, "high"), update(2, "low")]) == Delivered(
        written=1, skipped=1
    )
    (request,) = webhook.requests
    body = msgspec.json.decode(request.body)
    assert (body["id"], body["alert_id"], body["status"]) == ("update-1", "a-1", "retracted")
    assert body["summary"] == "Wash trading: retracted: block 7 was orphaned"


async def test_an_alert_is_posted_whole_with_a_summary(webhook: WebhookReceiver):
    one = alert(1)
    assert await sink_to(webhook).deliver([one]) == Delivered(written=1)
    (request,) = webhook.requests
    body = msgspec.json.decode(request.body)
    assert body == {
        "id": "alert-1",
        "alert_id": "alert-1",
        "status": "new",
        "level": "high",
        "summary": "Wash trading: A bought from itself",
        "url": "https://example.org/wash",
        "alert": msgspec.json.decode(one.body),
    }
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "alert-1"
    assert "tapewatch-signature" not in request.headers


async def test_the_signature_is_an_hmac_over_time_and_body(webhook: WebhookReceiver):
    before = int(time.time())
    await sink_to(webhook, secret=SecretText("s3cret")).deliver([alert(1)])
    (request,) = webhook.requests
    parts = dict(p.split("=", 1) for p in request.headers["tapewatch-signature"].split(","))
    signed = parts["t"].encode() + b"." + request.body
    assert parts["v1"] == hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert before <= int(parts["t"]) <= int(time.time())


async def test_events_and_lower_levels_are_skipped(webhook: WebhookReceiver):
    levels = ("informational", "low", "medium", "high", "critical")
    batch = [event(9), *(alert(n, level) for n, level in enumerate(levels))]
    done = await sink_to(webhook, minimum_level="high").deliver(batch)
    assert done == Delivered(written=2, skipped=4)
    assert posted(webhook) == ["alert-3", "alert-4"]


async def test_alerts_of_staged_rules_notify_nobody(webhook: WebhookReceiver):
    on_trial = {"level": "critical", "typology": "wash_trading", "staged": True}
    batch = [alert(1), alert(2, surveillance=on_trial), alert(3)]

    assert await sink_to(webhook).deliver(batch) == Delivered(written=2, skipped=1)
    assert posted(webhook) == ["alert-1", "alert-3"]


async def test_alerts_of_staged_rules_come_where_they_are_asked_for(webhook: WebhookReceiver):
    on_trial = {"level": "critical", "typology": "wash_trading", "staged": True}
    batch = [alert(1), alert(2, surveillance=on_trial)]

    assert await sink_to(webhook, staged=True).deliver(batch) == Delivered(written=2)
    assert posted(webhook) == ["alert-1", "alert-2"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_receiver_in_trouble_is_tried_again(webhook: WebhookReceiver, status: int):
    webhook.answer(status, 2)
    done = await deliver_until_taken(sink_to(webhook), [alert(1), alert(2)], FAST, bury_nothing)
    assert done.written + done.already == 2
    assert posted(webhook) == ["alert-1", "alert-1", "alert-1", "alert-2"]


async def test_a_lost_answer_and_a_slow_one_are_tried_again_with_the_same_key(
    webhook: WebhookReceiver,
):
    webhook.drop(1)
    sink = sink_to(webhook)
    await deliver_until_taken(sink, [alert(1)], FAST, bury_nothing)
    webhook.delay_seconds = 1
    with pytest.raises(SinkUnavailable, match="no answer in time"):
        await sink.deliver([alert(2)])
    webhook.delay_seconds = 0
    await deliver_until_taken(sink, [alert(2)], FAST, bury_nothing)
    keys = [r.headers["idempotency-key"] for r in webhook.requests]
    assert keys == ["alert-1", "alert-1", "alert-2", "alert-2"]


async def test_a_batch_that_broke_off_goes_on_where_it_stopped(webhook: WebhookReceiver):
    webhook.answer(204, 2)
    webhook.answer(500, 1)
    sink = sink_to(webhook)
    batch = [alert(n) for n in range(4)]
    with pytest.raises(SinkUnavailable):
        await sink.deliver(batch)
    assert await sink.deliver(batch) == Delivered(written=2, already=2)
    assert posted(webhook) == ["alert-0", "alert-1", "alert-2", "alert-2", "alert-3"]


async def test_the_receivers_wish_to_wait_is_handed_on(webhook: WebhookReceiver):
    webhook.answer(429, 1, {"Retry-After": "7"})
    with pytest.raises(SinkUnavailable) as caught:
        await sink_to(webhook).deliver([alert(1)])
    assert caught.value.retry_after == 7
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is None


async def test_a_refused_alert_is_reported_and_holds_up_no_other(webhook: WebhookReceiver):
    webhook.answer(422)
    unreadable = document("alerts", "odd", {"event": {"id": "odd"}})
    done = await sink_to(webhook).deliver([alert(1), unreadable, alert(2)])
    assert done.written == 1
    assert [r.document.id for r in done.refused] == ["alert-1", "odd"]
    assert "HTTP 422" in done.refused[0].reason
    assert "surveillance" in done.refused[1].reason
    assert posted(webhook) == ["alert-1", "alert-2"]


async def test_a_redirect_is_not_followed(webhook: WebhookReceiver):
    with WebhookReceiver() as elsewhere:
        webhook.answer(307, 1, {"Location": elsewhere.url})
        with pytest.raises(SinkUnavailable, match="redirects"):
            await sink_to(webhook).deliver([alert(1)])
        assert len(elsewhere.requests) == 0


async def test_configured_headers_and_the_urls_user_are_sent(webhook: WebhookReceiver):
    url = webhook.url.replace("http://", "http://me:pass%20word@") + "/?tenant=a"
    sink = sink_to(webhook, url=url, headers={"X-Team": SecretText("surveillance")})
    await sink.deliver([alert(1)])
    (request,) = webhook.requests
    assert request.headers["authorization"] == "Basic bWU6cGFzcyB3b3Jk"
    assert request.headers["x-team"] == "surveillance"
    assert (request.path, request.query) == ("/hook/", {"tenant": "a"})


async def test_no_secret_is_ever_shown(webhook: WebhookReceiver, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    webhook.answer(500)
    url = webhook.url.replace("http://", "http://me:hunter22@") + "/T00/B00/channelkey"
    sink = sink_to(webhook, url=url, secret=SecretText("signing-key"))
    with pytest.raises(SinkUnavailable) as caught:
        await sink.deliver([alert(1)])
    webhook.go_down()
    with pytest.raises(SinkUnavailable) as down:
        await sink.deliver([alert(1)])
    seen = caplog.text + repr(caught.value) + repr(down.value)
    for hidden in ("hunter22", "channelkey", "signing-key"):
        assert hidden not in seen


async def test_a_url_that_is_none_is_said_without_showing_it():
    sink = WebhookSink("hook", SecretText("ftp://s3cret/x"), HttpOptions(timeout=SECOND))
    with pytest.raises(SinkUnavailable, match="https://host:port/path") as caught:
        await sink.open()
    assert "s3cret" not in repr(caught.value)


async def test_a_secret_that_cannot_be_had_holds_the_batch(webhook: WebhookReceiver):
    sink = sink_to(webhook, secret=SecretText("${env:TAPEWATCH_NO_SUCH_SECRET}"))
    with pytest.raises(SinkUnavailable, match="TAPEWATCH_NO_SUCH_SECRET is not set"):
        await sink.deliver([alert(1)])
    assert len(webhook.requests) == 0


async def test_the_check_posts_nothing(webhook: WebhookReceiver):
    found = await sink_to(webhook).check()
    assert [f.level for f in found] == ["ok", "warning"]
    assert [r.method for r in webhook.requests] == ["HEAD"]
    webhook.go_down()
    (down,) = await sink_to(webhook).check()
    assert (down.level, bool(down.advice)) == ("error", True)


async def test_a_cancelled_delivery_leaves_the_sink_usable(webhook: WebhookReceiver):
    webhook.delay_seconds = 0.3
    sink = sink_to(webhook)
    task = asyncio.create_task(sink.deliver([alert(1)]))
    await webhook.requests.arrive(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    webhook.delay_seconds = 0
    assert (await sink.deliver([alert(1)])).written == 1
    await sink.close()
