import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.servers.hec import DEFAULT_TOKEN, HecReceiver, HecToken

CHANNEL = str(uuid.UUID(int=7))


@pytest.fixture
def client(hec: HecReceiver) -> Iterator[httpx.Client]:
    with sender(hec) as client:
        yield client


def sender(receiver: HecReceiver, **headers: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"{receiver.url}/services/collector",
        headers={"Authorization": f"Splunk {receiver.token}", **headers},
        trust_env=False,
    )


def batch(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() for event in events)


def test_concatenated_events_are_indexed_with_their_metadata(
    hec: HecReceiver, client: httpx.Client
) -> None:
    body = batch(
        {"time": 1769860800.125, "host": "a", "sourcetype": "tapewatch", "event": {"n": 1}},
        {"time": "1769860801", "index": "alerts", "fields": {"x": ["y"], "n": 1}, "event": "two"},
    )
    answer = client.post("/event", content=body)
    assert (answer.status_code, answer.json()) == (200, {"text": "Success", "code": 0})
    first, second = hec.events
    assert (first.time, first.host, first.sourcetype) == (1769860800.125, "a", "tapewatch")
    assert (first.event, first.index) == ({"n": 1}, "main")
    assert (second.time, second.index, second.fields) == (
        1769860801,
        "alerts",
        {"x": ["y"], "n": 1},
    )


def test_a_gzipped_body_is_read_and_a_broken_one_refused(
    hec: HecReceiver, client: httpx.Client
) -> None:
    body = gzip.compress(batch({"event": "zipped"}))
    headers = {"Content-Encoding": "gzip"}
    assert client.post("/event/1.0", content=body, headers=headers).status_code == 200
    assert client.post("/event", content=body[:-5], headers=headers).json()["code"] == 6
    assert client.post("/event", content=b"{}", headers=headers).json()["code"] == 6
    assert [(request.gzip, request.events) for request in hec.requests] == [
        (True, 1),
        (True, 0),
        (True, 0),
    ]


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        (None, 401, 2),
        ("Bearer x", 401, 3),
        ("Splunk", 401, 3),
        ("Basic %%%", 401, 3),
        ("Splunk 00000000-0000-0000-0000-000000000000", 403, 4),
        ("Splunk off", 403, 1),
        ("Basic eDoNCg==", 403, 4),
    ],
)
def test_a_request_without_a_right_token_is_refused(
    authorization: str | None, status: int, code: int
) -> None:
    with HecReceiver(HecToken(), HecToken(value="off", disabled=True)) as receiver:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = httpx.post(
            f"{receiver.url}/services/collector", content=b"", headers=headers, trust_env=False
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_token_may_be_a_basic_password_but_no_query(hec: HecReceiver) -> None:
    url = f"{hec.url}/services/collector/event"
    body = batch({"event": "x"})
    by_basic = httpx.post(url, content=body, auth=("x", DEFAULT_TOKEN), trust_env=False)
    assert by_basic.status_code == 200
    by_query = httpx.post(url, content=body, params={"token": DEFAULT_TOKEN}, trust_env=False)
    assert (by_query.status_code, by_query.json()["code"]) == (400, 16)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("  \n", 5),
        ("{", 6),
        ('[{"event":"x"}]', 6),
        ('{"event":"x","sourceType":"y"}', 6),
        ('{"event":"x","host":7}', 6),
        ('{"event":"x","fields":["y"]}', 6),
        ('{"event":NaN}', 6),
        ('{"event":"x","index":"other"}', 7),
        ('{"time":1}', 12),
        ('{"event":" "}', 13),
        ('{"event":"x","time":"noon"}', 15),
        ('{"event":"x","time":1.7698608E9}', 15),
        ('{"event":"x","fields":{"a":{"b":1}}}', 15),
    ],
)
def test_what_is_no_event_is_refused_with_splunks_code(body: str, code: int) -> None:
    with HecReceiver(HecToken(indexes=frozenset(("alerts",)))) as receiver:
        with sender(receiver) as client:
            answer = client.post("/event", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert answer.json().get("invalid-event-number") == (None if code == 5 else 0)
        assert len(receiver.events) == 0


def test_events_before_an_invalid_one_are_indexed_as_splunk_does(
    hec: HecReceiver, client: httpx.Client
) -> None:
    body = batch({"event": "one"}, {"event": ""}, {"event": "three"})
    assert client.post("/event", content=body).json()["invalid-event-number"] == 1
    assert [event.event for event in hec.events] == ["one"]
    hec.index_before_error = False
    client.post("/event", content=body)
    assert len(hec.events) == 1


def test_a_body_that_is_too_long_or_in_an_unknown_encoding_gets_a_page_without_a_code() -> None:
    with HecReceiver(max_content_length=100) as receiver, sender(receiver) as client:
        long = client.post("/event", content=batch({"event": "x" * 100}))
        bomb = gzip.compress(batch({"event": "x" * 100}))
        unzipped = client.post("/event", content=bomb, headers={"Content-Encoding": "gzip"})
        brotli = client.post("/event", content=b"x", headers={"Content-Encoding": "br"})
        assert [each.status_code for each in (long, unzipped, brotli)] == [413, 413, 415]
        assert long.headers["content-type"].startswith("text/html")


def test_acknowledgement_needs_a_channel_and_is_told_once(acknowledging_hec: HecReceiver) -> None:
    receiver = acknowledging_hec
    body = batch({"event": "x"})
    with sender(receiver) as client:
        assert client.post("/event", content=body).json()["code"] == 10
        wrong = {"X-Splunk-Request-Channel": "channel"}
        assert client.post("/event", content=body, headers=wrong).json()["code"] == 11
    with sender(receiver, **{"X-Splunk-Request-Channel": CHANNEL}) as client:
        assert client.post("/event", content=body).json()["ackId"] == 0
        receiver.acknowledging = False
        assert client.post("/event", content=body).json()["ackId"] == 1
        question = {"acks": [0, 1, 2]}
        pending = {"acks": {"0": False, "1": False, "2": False}}
        assert client.post("/ack", json=question).json() == pending
        receiver.acknowledging = True
        done = {"acks": {"0": True, "1": True, "2": False}}
        assert client.post("/ack", json=question).json() == done
        assert client.post("/ack", json=question).json() == pending
        other = {"X-Splunk-Request-Channel": str(uuid.UUID(int=8))}
        assert client.post("/event", content=body, headers=other).json()["ackId"] == 0
    assert [event.ack_id for event in receiver.events] == [0, 1, 0]


def test_a_full_acknowledgement_channel_and_a_token_without_it_are_refused(
    client: httpx.Client,
) -> None:
    assert client.post("/ack", json={"acks": [0]}).json()["code"] == 14
    channel = {"X-Splunk-Request-Channel": CHANNEL}
    with (
        HecReceiver(HecToken(acknowledge=True), max_pending_acks=1) as receiver,
        sender(receiver, **channel) as acknowledging,
    ):
        assert acknowledging.post("/event", content=batch({"event": 1})).status_code == 200
        full = acknowledging.post("/event", content=batch({"event": 2}))
        assert (full.status_code, full.json()["code"]) == (429, 27)


def test_raw_lines_need_a_channel_and_take_their_metadata_from_the_query(
    hec: HecReceiver, client: httpx.Client
) -> None:
    assert client.post("/raw", content="a\n\nb\n").json()["code"] == 10
    query = {"channel": CHANNEL, "sourcetype": "lines"}
    assert client.post("/raw", content="a\n\nb\n", params=query).status_code == 200
    assert [(event.event, event.sourcetype) for event in hec.events] == [
        ("a", "lines"),
        ("b", "lines"),
    ]


def test_health_needs_no_token_and_unknown_paths_and_methods_are_refused(
    hec: HecReceiver, client: httpx.Client
) -> None:
    health = f"{hec.url}/services/collector/health"
    assert httpx.get(health, trust_env=False).json() == {"text": "HEC is healthy", "code": 17}
    hec.healthy = False
    unhealthy = httpx.get(health, trust_env=False)
    assert (unhealthy.status_code, unhealthy.json()["code"]) == (503, 18)
    assert client.post("/events", content=b"{}").status_code == 404
    assert client.get("/event").status_code == 405


def test_faults_answer_as_often_as_told_and_then_no_more(
    hec: HecReceiver, client: httpx.Client
) -> None:
    hec.busy(2)
    hec.throttle()
    hec.fail()
    body = batch({"event": "x"})
    answers = [client.post("/event", content=body) for _ in range(5)]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (503, 9),
        (503, 9),
        (429, 26),
        (500, 8),
        (200, 0),
    ]
    assert len(hec.events) == 1


def test_a_dropped_answer_leaves_the_events_indexed_and_an_unread_request_does_not(
    hec: HecReceiver, client: httpx.Client
) -> None:
    hec.drop()
    hec.drop_unread()
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/event", content=batch({"event": "x"}))
    assert [(each.status, each.events) for each in hec.requests] == [(0, 1), (0, 0)]
    assert len(hec.events) == 1


def test_a_delay_outlasts_the_senders_patience(hec: HecReceiver, client: httpx.Client) -> None:
    hec.delay_seconds = 5
    with pytest.raises(httpx.ReadTimeout):
        client.post("/event", content=batch({"event": "x"}), timeout=0.2)
    assert len(hec.events.wait_for(1)) == 1


async def test_a_receiver_that_went_down_comes_back_on_the_same_port(hec: HecReceiver) -> None:
    url = f"{hec.url}/services/collector"
    headers = {"Authorization": f"Splunk {hec.token}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        await client.post(url, content=batch({"event": 1}))
        hec.go_down()
        with pytest.raises(httpx.TransportError):
            await client.post(url, content=batch({"event": 2}))
        hec.come_back()
        await client.post(url, content=batch({"event": 3}))
    assert [event.event for event in await hec.events.arrive(2)] == [1, 3]
