import nats
from nats.js.api import StorageType, StreamConfig

from tests.fixtures.nats import NatsServerFactory, delete_streams


async def test_the_shared_server_has_jetstream_on_files(nats_url: str, stream_prefix: str) -> None:
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        configuration = StreamConfig(name=stream_prefix, subjects=[f"{stream_prefix}.>"])
        created = await jetstream.add_stream(configuration)
        assert created.config.storage == StorageType.FILE
        assert (await jetstream.publish(f"{stream_prefix}.x", b"1")).seq == 1
    finally:
        await client.close()


async def test_the_streams_of_a_test_go_after_it_and_no_others(
    nats_url: str, stream_prefix: str
) -> None:
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        for name in ("mine-1", "mine-2", "other"):
            subject = f"{stream_prefix}.{name}"
            await jetstream.add_stream(StreamConfig(name=stream_prefix + name, subjects=[subject]))
        await delete_streams(nats_url, f"{stream_prefix}mine-")
        left = [stream.config.name or "" for stream in await jetstream.streams_info()]
        assert [name for name in left if name.startswith(stream_prefix)] == [
            f"{stream_prefix}other"
        ]
    finally:
        await client.close()


async def test_a_killed_server_comes_back_on_its_port_with_its_streams(
    nats_server: NatsServerFactory,
) -> None:
    server = nats_server()
    url = server.url
    client = await nats.connect(url, allow_reconnect=False)
    jetstream = client.jetstream()
    await jetstream.add_stream(StreamConfig(name="KEPT", subjects=["kept"]))
    await jetstream.publish("kept", b"1")
    server.kill()
    await client.close()
    server.start()
    assert server.url == url
    client = await nats.connect(url)
    try:
        assert (await client.jetstream().stream_info("KEPT")).state.messages == 1
    finally:
        await client.close()
