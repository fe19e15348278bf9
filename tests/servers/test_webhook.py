import httpx
import pytest

from tests.servers.webhook import WebhookReceiver


async def test_requests_are_kept_as_sent(webhook: WebhookReceiver) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{webhook.url}?to=desk", json={"a": 1}, headers={"X-Id": "7"})
        chunked = await client.post(webhook.url, content=_chunks())
    assert (answer.status_code, chunked.status_code) == (204, 204)
    first, second = await webhook.requests.arrive(2)
    assert (first.method, first.path, first.query) == ("POST", "/hook", {"to": "desk"})
    assert (first.body, first.headers["x-id"]) == (b'{"a":1}', "7")
    assert second.body == b"onetwo"


async def _chunks():
    yield b"one"
    yield b"two"


def test_answers_are_given_as_often_as_told(webhook: WebhookReceiver) -> None:
    webhook.answer(500, times=2)
    webhook.answer(429, headers={"Retry-After": "1"})
    webhook.drop()
    with httpx.Client(trust_env=False) as client:
        answers = [client.post(webhook.url) for _ in range(3)]
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(webhook.url)
        assert client.post(webhook.url).status_code == 204
    assert [each.status_code for each in answers] == [500, 500, 429]
    assert answers[2].headers["Retry-After"] == "1"
    assert len(webhook.requests) == 5


def test_a_slow_receiver_outlasts_the_senders_patience(webhook: WebhookReceiver) -> None:
    webhook.delay_seconds = 5
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(webhook.url, timeout=0.2, trust_env=False)
    assert len(webhook.requests) == 1


def test_what_is_no_http_is_refused(webhook: WebhookReceiver) -> None:
    import socket
    from urllib.parse import urlsplit

    port = urlsplit(webhook.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"no http\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert len(webhook.requests) == 0


def test_waiting_for_what_does_not_arrive_fails(webhook: WebhookReceiver) -> None:
    with pytest.raises(AssertionError, match="0 of 1 had arrived"):
        webhook.requests.wait_for(1, timeout=0.05)
