import nats
from nats.js.api import StorageType, StreamConfig

from tests.fixtures.nats import NatsServerFactory, delete_streams, stream_names


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


async def test_the_streams_and_buckets_of_a_test_go_after_it_and_no_others(
    nats_url: str, stream_prefix: str
) -> None:
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        for name in ("mine-1", "mine-2", "other"):
            subject = f"{stream_prefix}.{name}"
            await jetstream.add_stream(StreamConfig(name=stream_prefix + name, subjects=[subject]))
        await jetstream.create_key_value(bucket=f"{stream_prefix}mine-leases")
        await jetstream.create_object_store(bucket=f"{stream_prefix}mine-states")
        await delete_streams(nats_url, f"{stream_prefix}mine-")
        left = [name for name in await stream_names(jetstream) if stream_prefix in name]
        assert left == [f"{stream_prefix}other"]
    finally:
        await client.close()


async def test_more_streams_than_the_server_lists_at_once_all_go(
    nats_server: NatsServerFactory,
) -> None:
    url = nats_server().url
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        for number in range(260):
            name = f"{'KEPT' if number < 257 else 'MINE'}{number}"
            await jetstream.add_stream(
                StreamConfig(name=name, subjects=[name], storage=StorageType.MEMORY)
            )
        await delete_streams(url, "MINE")
        assert len(await stream_names(jetstream)) == 257
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
