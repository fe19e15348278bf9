"""The proxy that knows NATS: what it does to messages, and what JetStream makes of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from tests.servers.nats import NatsServer
from tests.servers.nats_proxy import NatsFaultProxy


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[tuple[NatsFaultProxy, Client]]:
    with NatsServer(tmp_path) as server, NatsFaultProxy("127.0.0.1", server.port) as proxy:
        client = await nats.connect(f"nats://127.0.0.1:{proxy.port}")
        await client.jetstream().add_stream(name="EVENTS", subjects=["events.>"])
        yield proxy, client
        await client.close()


async def test_a_message_that_is_published_twice_is_stored_twice_without_an_id(
    between: tuple[NatsFaultProxy, Client],
) -> None:
    proxy, client = between
    proxy.duplicate = 1
    await client.jetstream().publish("events.a", b"one")
    await client.flush()

    assert (await client.jetstream().stream_info("EVENTS")).state.messages == 2
    assert proxy.duplicated == 1


async def test_and_once_with_one(between: tuple[NatsFaultProxy, Client]) -> None:
    proxy, client = between
    proxy.duplicate = 1
    await client.jetstream().publish("events.a", b"one", headers={"Nats-Msg-Id": "1"})
    await client.flush()

    assert (await client.jetstream().stream_info("EVENTS")).state.messages == 1


async def test_a_message_overtakes_the_one_before_it(
    between: tuple[NatsFaultProxy, Client],
) -> None:
    proxy, client = between
    jetstream = client.jetstream()
    proxy.reorder = 1
    first = await jetstream.publish_async("events.a", b"one")
    second = await jetstream.publish_async("events.b", b"two")

    assert (await first).seq == 2
    assert (await second).seq == 1
    assert proxy.reordered == 1
    stored = await jetstream.publish("events.a", b"alone")  # what nobody overtakes goes by itself
    assert stored.seq == 3


async def test_other_subjects_and_the_api_are_left_alone(
    between: tuple[NatsFaultProxy, Client],
) -> None:
    proxy, client = between
    proxy.duplicate = proxy.reorder = 1
    heard: list[bytes] = []

    async def hear(message: object) -> None:
        heard.append(message.data)  # type: ignore[attr-defined]

    await client.subscribe("other", cb=hear)
    await client.publish("other", b"x")
    await client.jetstream().stream_info("EVENTS")
    await client.flush()

    assert heard == [b"x"]
    assert proxy.duplicated == proxy.reordered == 0
