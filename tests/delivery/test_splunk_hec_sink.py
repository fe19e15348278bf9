"""The Splunk sink against the strict HEC receiver."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import pytest

from delivery.endpoint import HttpOptions
from delivery.hec_answers import read_answer
from delivery.retry import RetryPolicy, deliver_until_taken
from delivery.sink import Delivered, Document, Refused, SinkUnavailable
from delivery.splunk_hec_sink import EVENT_PATH, SplunkHecSink
from pipeline.secrets import SecretText
from pipeline.units import MILLISECOND, SECOND
from tests.delivery.documents import MOMENT, alert, document, event
from tests.fixtures.proxy import ProxyFactory
from tests.fixtures.waiting import until
from tests.servers.hec import HecReceiver, HecToken

FAST = RetryPolicy(initial=5 * MILLISECOND, maximum=20 * MILLISECOND)


def sink_to(hec: HecReceiver, url: str | None = None, **more: Any) -> SplunkHecSink:
    http = HttpOptions(timeout=2 * SECOND)
    return SplunkHecSink("splunk", SecretText(url or hec.url), SecretText(hec.token), http, **more)


async def deliver_all(
    sink: SplunkHecSink, batch: Sequence[Document]
) -> tuple[Delivered, list[str]]:
    buried: list[str] = []

    async def bury(refused: Refused) -> None:
        buried.append(refused.document.id)

    async with asyncio.timeout(20):
        return await deliver_until_taken(sink, batch, FAST, bury), buried


def indexed(hec: HecReceiver) -> Counter[str]:
    return Counter(e.event["event"]["id"] for e in hec.events)


async def test_a_document_arrives_whole_with_time_source_and_sourcetype(hec: HecReceiver):
    sink = sink_to(hec, index="surveillance")
    await sink.open()
    assert await sink.deliver([event(1), alert(2)]) == Delivered(written=2)
    await sink.close()
    first, second = hec.events
    assert first.event == msgspec.json.decode(event(1).body)
    assert second.event["surveillance"]["level"] == "high"
    assert (first.source, first.sourcetype, first.index) == (
        "demo-venue",
        "tapewatch:ecs",
        "surveillance",
    )
    assert first.time == pytest.approx((MOMENT + 1) / SECOND, abs=1e-6)
    (request,) = hec.requests
    assert request.gzip
    assert request.channel is None


async def test_microseconds_of_the_time_survive(hec: HecReceiver):
    for micro in (0, 1, 999_999):
        moment = 1_772_600_767 * SECOND + micro * 1_000 + 999
        one = msgspec.structs.replace(event(micro), timestamp=moment)
        await sink_to(hec).deliver([one])
    assert [round(e.time % 1 * 1e6) for e in hec.events if e.time is not None] == [0, 1, 999_999]


async def test_bodies_stay_below_the_limit_and_a_batch_takes_several(hec: HecReceiver):
    sink = sink_to(hec, compress=False, max_body=10_000)
    assert (await sink.deliver([event(n, size=900) for n in range(50)])).written == 50
    assert len(hec.requests) > 4
    assert all(request.body_bytes <= 10_000 for request in hec.requests)
    assert set(indexed(hec).values()) == {1}


async def test_a_lower_limit_of_the_server_halves_the_batch_and_refuses_only_what_is_too_large():
    with HecReceiver(max_content_length=5_000) as hec:
        batch = [event(n, size=9_000 if n == 7 else 900) for n in range(20)]
        done, buried = await deliver_all(sink_to(hec), batch)
        assert (done.written, buried) == (19, ["event-7"])
        assert "size" in done.refused[0].reason
        assert set(indexed(hec).values()) == {1}


@pytest.mark.parametrize("fault", ["busy", "throttle", "fail", "drop_unread"])
async def test_a_fault_of_the_server_loses_and_doubles_nothing(hec: HecReceiver, fault: str):
    getattr(hec, fault)(3)
    done, buried = await deliver_all(sink_to(hec), [event(n) for n in range(100)])
    assert (done.written, buried) == (100, [])
    assert indexed(hec) == Counter({f"event-{n}": 1 for n in range(100)})


async def test_a_server_that_is_down_is_waited_for(hec: HecReceiver):
    hec.go_down()
    sink = sink_to(hec)
    with pytest.raises(SinkUnavailable, match=r"http://127.0.0.1:\d+: can't connect"):
        await sink.deliver([event(1)])
    delivering = asyncio.create_task(deliver_all(sink, [event(1)]))
    await asyncio.sleep(0.05)
    hec.come_back()
    assert (await delivering)[0].written == 1


async def test_what_was_taken_before_a_fault_is_not_sent_again(hec: HecReceiver):
    sink = sink_to(hec, max_body=2_000)
    batch = [event(n, size=900) for n in range(10)]
    # The receiver takes some requests, then is down.
    hec_requests = 0

    async def stop_after_three() -> None:
        nonlocal hec_requests
        await hec.requests.arrive(3)
        hec.go_down()

    stopping = asyncio.create_task(stop_after_three())
    hec.delay_seconds = 0.02
    with pytest.raises(SinkUnavailable):
        await sink.deliver(batch)
    await stopping
    hec.come_back()
    hec.delay_seconds = 0
    done, _ = await deliver_all(sink, batch)
    counts = indexed(hec)
    assert set(counts) == {d.id for d in batch}
    # Only the requests whose answer was lost may be there twice.
    assert sum(counts.values()) <= len(batch) + 4
    assert done.already >= 2


async def test_an_answer_that_is_lost_brings_copies_that_event_id_tells(hec: HecReceiver):
    hec.drop(1)
    done, _ = await deliver_all(sink_to(hec), [event(1), event(2)])
    assert done.written == 2
    assert indexed(hec) == Counter({"event-1": 2, "event-2": 2})


@pytest.mark.parametrize("index_before_error", [True, False])
async def test_one_bad_event_is_refused_and_the_rest_arrives(
    hec: HecReceiver, index_before_error: bool
):
    hec.index_before_error = index_before_error
    bad = document("events", "bad", {}, 3)  # HEC: event field cannot be blank
    batch = [event(1), event(2), bad, event(4), event(5)]
    done, buried = await deliver_all(sink_to(hec), batch)
    assert (done.written, buried) == (4, ["bad"])
    assert "code 13" in done.refused[0].reason
    assert {e.event["event"]["id"] for e in hec.events} == {f"event-{n}" for n in (1, 2, 4, 5)}


async def test_broken_json_is_found_without_spoiling_the_batch(hec: HecReceiver):
    bad = msgspec.structs.replace(event(3), body=b'{"event":{"id":"event-3"')
    done, buried = await deliver_all(sink_to(hec), [event(1), bad, event(4)])
    assert (done.written, buried) == (2, ["event-3"])
    assert {"event-1", "event-4"} == set(indexed(hec))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (HecToken(value="other"), "code 4 Invalid token: the token is unknown"),
        (HecToken(disabled=True), "code 1 Token disabled: the token is disabled"),
        (HecToken(indexes=frozenset({"else"})), "code 7 Incorrect index: the token may not write"),
        (HecToken(acknowledge=True), "code 10 Data channel is missing: the token has acknowl"),
    ],
)
async def test_a_token_that_does_not_fit_holds_the_batch_and_says_why(token: HecToken, reason: str):
    with HecReceiver(token) as hec:
        sink = SplunkHecSink(
            "splunk",
            SecretText(hec.url),
            SecretText(HecToken().value),
            HttpOptions(timeout=SECOND),
            index="surveillance",
        )
        with pytest.raises(SinkUnavailable, match=reason) as caught:
            await sink.deliver([event(1)])
        assert HecToken().value not in repr(caught.value)
        assert len(hec.events) == 0


async def test_an_acknowledged_batch_is_delivered_when_the_indexers_have_it(
    acknowledging_hec: HecReceiver,
):
    hec = acknowledging_hec
    hec.acknowledging = False
    sink = sink_to(hec, acknowledgement=True, max_body=2_000)
    delivering = asyncio.create_task(sink.deliver([event(n, size=900) for n in range(6)]))
    await hec.events.arrive(6)
    await asyncio.sleep(0.15)
    assert not delivering.done()
    hec.acknowledging = True
    assert await asyncio.wait_for(delivering, 5) == Delivered(written=6)
    channels = {request.channel for request in hec.requests}
    assert len(channels) == 1
    assert None not in channels
    assert set(indexed(hec).values()) == {1}


async def test_without_an_acknowledgement_in_time_the_batch_is_sent_again(
    acknowledging_hec: HecReceiver,
):
    hec = acknowledging_hec
    hec.acknowledging = False
    sink = sink_to(hec, acknowledgement=True, acknowledgement_timeout=200 * MILLISECOND)
    with pytest.raises(SinkUnavailable, match=r"did not acknowledge 1 requests within 0\.2 s"):
        await sink.deliver([event(1)])
    hec.acknowledging = True
    assert await sink.deliver([event(1)]) == Delivered(written=1)
    assert await sink.deliver([event(1)]) == Delivered(already=1)


@pytest.mark.parametrize("second", [event(2), alert(2)], ids=["same content", "other content"])
async def test_a_splunk_that_crashed_and_counts_anew_acknowledges_nothing_of_before(
    second: Document,
):
    def sent(hec: HecReceiver) -> int:
        return sum(request.path == EVENT_PATH for request in hec.requests)

    with HecReceiver(HecToken(acknowledge=True)) as hec:
        hec.acknowledging, hec.delay_seconds = False, 0.2
        sink = sink_to(hec, acknowledgement=True, acknowledgement_timeout=SECOND, max_body=10)
        # Documents of one content go in one batch, contents beside each other.
        first = event(1)
        batches = [[first, second]] if first.content == second.content else [[first], [second]]
        async with asyncio.TaskGroup() as group:
            group.create_task(deliver_all(sink, batches[0]))
            await until(lambda: sent(hec) == 1)
            hec.crash()
            if batches[1:]:
                group.create_task(deliver_all(sink, batches[1]))
            await until(lambda: sent(hec) > 1)
            hec.acknowledging, hec.delay_seconds = True, 0.0
        assert indexed(hec).keys() == {first.id, second.id}
        await sink.close()


async def test_what_was_acknowledged_before_a_fault_is_not_sent_again(
    acknowledging_hec: HecReceiver,
):
    hec = acknowledging_hec
    sink = sink_to(hec, acknowledgement=True, compress=False, max_body=1_000)
    large = event(2, size=2_000_000)  # refused by size, so it can't be the fault that is meant
    hec.tokens[hec.token].indexes = frozenset({"main"})
    assert (await sink.deliver([event(1), large])).written == 1
    hec.go_down()
    with pytest.raises(SinkUnavailable):
        await sink.deliver([event(1), event(3)])
    hec.come_back()
    assert await sink.deliver([event(1), event(3)]) == Delivered(written=1, already=1)
    assert indexed(hec) == Counter({"event-1": 1, "event-3": 1})


async def test_requests_are_acknowledged_also_when_a_later_one_of_the_batch_is_put_off():
    # With room for one unacknowledged request, each attempt gets one request further.
    with HecReceiver(HecToken(acknowledge=True), max_pending_acks=1) as hec:
        sink = sink_to(hec, acknowledgement=True, max_body=1_000)
        batch = [event(n, size=900) for n in range(4)]
        with pytest.raises(SinkUnavailable, match="code 27"):
            await sink.deliver(batch)
        done, _ = await deliver_all(sink, batch)
        assert done.written + done.already == 4
        assert indexed(hec) == Counter({d.id: 1 for d in batch})


async def test_acknowledgement_that_the_token_lacks_is_said(hec: HecReceiver):
    with pytest.raises(SinkUnavailable, match="acknowledgement: false"):
        await sink_to(hec, acknowledgement=True).deliver([event(1)])


async def test_connections_cut_in_mid_batch_lose_nothing(hec: HecReceiver, proxy: ProxyFactory):
    between = proxy(hec.url)
    sink = sink_to(hec, url=between.through(hec.url), max_body=4_000)
    batch = [event(n, size=500) for n in range(60)]
    between.delay_seconds = 0.005
    delivering = asyncio.create_task(deliver_all(sink, batch))
    for _ in range(4):
        await asyncio.sleep(0.03)
        await asyncio.to_thread(between.cut)
    done, buried = await delivering
    assert buried == []
    assert done.written + done.already == 60
    assert set(indexed(hec)) == {d.id for d in batch}
    assert sum(indexed(hec).values()) <= 60 + 4 * 8, "a copy only where an answer was lost"


async def test_a_black_hole_is_given_up_after_the_timeout(hec: HecReceiver, proxy: ProxyFactory):
    between = proxy(hec.url)
    between.pause()
    sink = SplunkHecSink(
        "splunk",
        SecretText(between.through(hec.url)),
        SecretText(hec.token),
        HttpOptions(timeout=200 * MILLISECOND),
    )
    with pytest.raises(SinkUnavailable, match="no answer in time"):
        await sink.deliver([event(1)])
    between.resume()
    assert (await sink.deliver([event(1)])).written == 1


async def test_the_check_sends_no_event_and_tells_the_token_from_the_server(hec: HecReceiver):
    found = await sink_to(hec).check()
    assert [f.level for f in found] == ["ok", "warning"]
    assert "acknowledgement" in found[1].message
    hec.healthy = False
    assert "code 18" in (await sink_to(hec).check())[0].message
    hec.healthy = True
    stranger = SplunkHecSink(
        "splunk", SecretText(hec.url), SecretText("stranger"), HttpOptions(timeout=SECOND)
    )
    (refused,) = await stranger.check()
    assert refused.level == "error"
    assert "refuses the token" in refused.message
    hec.go_down()
    (down,) = await sink_to(hec).check()
    assert "can't connect" in down.message
    assert len(hec.events) == 0


async def test_neither_token_nor_url_is_ever_shown(
    hec: HecReceiver, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    url = hec.url.replace("http://", "http://operator:hunter22@") + "/hidden-path"
    sink = SplunkHecSink(
        "splunk", SecretText(url), SecretText("s3cret-token"), HttpOptions(timeout=SECOND)
    )
    with pytest.raises(SinkUnavailable) as wrong_path:
        await sink.deliver([event(1)])
    broken = SplunkHecSink(
        "splunk",
        SecretText(hec.url),
        SecretText("s3cret-token\r\nX: y"),
        HttpOptions(timeout=SECOND),
    )
    with pytest.raises(SinkUnavailable) as bad_header:
        await broken.deliver([event(1)])
    seen = caplog.text + repr(wrong_path.value) + repr(bad_header.value)
    chain = wrong_path.value.__cause__, bad_header.value.__cause__
    for hidden in ("hunter22", "hidden-path", "s3cret-token"):
        assert hidden not in seen
        assert hidden not in repr(chain)


def test_answers_that_are_no_hec_answer_are_tried_again():
    for status, content in (
        (200, b"<html>"),
        (302, b""),
        (404, b"{}"),
        (500, b"\xff"),
        (418, b"[]"),
    ):
        assert read_answer(status, content).meaning == "wait"
    assert read_answer(400, b'{"code":6,"text":"Invalid data format"}').meaning == "data"


async def test_the_path_is_hecs_own(hec: HecReceiver):
    await sink_to(hec, url=f"{hec.url}/").deliver([event(1)])
    assert [request.path for request in hec.requests] == [EVENT_PATH]
    assert httpx.URL(hec.url).path == "/"
