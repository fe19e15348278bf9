"""The log-in to Elasticsearch, and what of a server's answer is told."""

import base64

import elastic_transport
import pytest

from delivery.elasticsearch_client import Connection, connect, logged_in, unavailable
from delivery.sink import SinkUnavailable
from pipeline.secrets import SecretText
from pipeline.units import SECOND

URLS = [SecretText("http://127.0.0.1:9")]


async def test_a_password_may_have_any_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAL_PASSWORD", "pässwörd-€")
    wanted = Connection(
        urls=URLS,
        timeout=SECOND,
        username="watch",
        password=SecretText("${env:TRIAL_PASSWORD}"),
    )
    async with connect(wanted) as client:
        headers = logged_in(client, wanted)._headers  # pyright: ignore[reportPrivateUsage]
    scheme, _, encoded = headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", "watch:pässwörd-€")


@pytest.mark.parametrize("key", ["kéy-of-the-api", "key\nof-the-api"])
async def test_a_key_that_no_header_can_hold_is_said_without_it(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("TRIAL_KEY", key)
    wanted = Connection(urls=URLS, timeout=SECOND, api_key=SecretText("${env:TRIAL_KEY}"))
    async with connect(wanted) as client:
        with pytest.raises(SinkUnavailable, match="no header can hold the API key") as raised:
            logged_in(client, wanted)
    assert "of-the-api" not in str(raised.value)


def test_an_answer_that_is_no_json_is_not_repeated() -> None:
    error = elastic_transport.SerializationError("Unable to deserialize: b'all it was sent'")
    assert unavailable(error).reason == (
        "what answers is no JSON, as Elasticsearch's is: see `urls`"
    )
