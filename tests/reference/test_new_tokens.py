"""A token that a source of reference data tells of is watched at once, on a real node."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from collectors.evm.watched import Watched
from collectors.stage import Collectors
from demo.chain.anvil import Anvil
from pipeline.bus import Bus, Stream
from pipeline.bus.embedded import EmbeddedServer
from pipeline.config.reference_sources import FileReference
from pipeline.frames import decode_batch
from pipeline.reference_records import Token
from pipeline.units import SECOND
from tests.collectors.evm_session import Emitter, source
from tests.reference.test_reference_on_the_bus import configuration

pytestmark = pytest.mark.chain


def watch(tokens: Sequence[Token]) -> Mapping[str, Watched]:
    return {"chain": Watched.of(others=[one.address for t in tokens for one in t.contracts])}


async def logs_in_raw(bus: Bus, after: int) -> bool:
    """Whether a frame of the chain, behind a place of RAW, has a log."""
    last = await bus.last_sequence(Stream.RAW)
    if last <= after:
        return False
    reader = bus.reader(Stream.RAW, after=after, subjects=[bus.names.subject(Stream.RAW, "chain")])
    try:
        messages = await reader.batch(100, wait=1)
    finally:
        await reader.close()
    frames = [frame for one in messages for frame in decode_batch(one.data).frames]
    return any(b"topics" in frame.payload for frame in frames)


async def test_contracts_of_a_new_token_are_watched_without_a_restart(
    tmp_path: Path, start_anvil: Callable[..., Anvil]
) -> None:
    node = start_anvil()
    emitter = Emitter(node)
    path = tmp_path / "tokens.csv"
    path.write_text("id,chain,contract\n")
    tokens = FileReference(
        name="tokens", path=path, kind="token", every=SECOND,
        columns={"contracts.0.chain": "chain", "contracts.0.address": "contract"},
    )  # fmt: skip
    config = configuration(tmp_path / "nats")
    async with EmbeddedServer(config), await Bus.connect(config, name="test") as bus:
        collectors = Collectors(bus, [source(node.ws_url), tokens], watch([]), watch)
        running = asyncio.create_task(collectors.run())
        try:
            async with asyncio.timeout(60):
                while not any(one.source == "chain" and one.frames for one in collectors.states):
                    assert not running.done(), running.result()
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(emitter.emit, 2)
                await asyncio.to_thread(node.mine)
                path.write_text(f"id,chain,contract\nacme,31337,{emitter.address}\n")
                seen = False
                while not seen:
                    assert not running.done(), running.result()
                    await asyncio.to_thread(emitter.emit, 2)
                    await asyncio.to_thread(node.mine)
                    seen = await logs_in_raw(bus, 0)
                    await asyncio.sleep(0.2)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
