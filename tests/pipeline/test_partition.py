"""Lanes are those that the real server's `partition` function gives."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js.api import StreamConfig, SubjectTransform

from pipeline.bus import Bus
from pipeline.bus.embedded import EmbeddedServer
from pipeline.bus.partition import partition
from pipeline.config.schema import EmbeddedBus, StreamLimits, Streams
from pipeline.units import MIB

KEYS = ("ACME", "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359", "coinbase/BTC-USD", "säule", "证券")


@pytest.mark.parametrize("lanes", [1, 2, 3, 8, 64])
async def test_a_key_has_the_lane_that_the_server_gives_it(tmp_path: Path, lanes: int) -> None:
    small = StreamLimits(max_size=8 * MIB)
    settings = EmbeddedBus(
        path=tmp_path / "nats", streams=Streams(raw=small, events=small, alerts=small, dead=small)
    )
    async with EmbeddedServer(settings), await Bus.connect(settings, name="test") as bus:
        destination = f"lane.{{{{partition({lanes},1)}}}}"
        await bus.jetstream.add_stream(
            StreamConfig(
                name="SPREAD",
                subjects=["key.*"],
                subject_transform=SubjectTransform(src="key.*", dest=destination),
            )
        )
        for key in KEYS:
            sequence = (await bus.jetstream.publish(f"key.{key}", b"")).seq
            stored = await bus.jetstream.get_msg("SPREAD", sequence)
            assert stored.subject == f"lane.{partition(key, lanes)}"


@given(st.text(), st.integers(1, 256))
def test_every_key_has_one_lane(key: str, lanes: int) -> None:
    assert partition(key, lanes) == partition(key, lanes)
    assert 0 <= partition(key, lanes) < lanes
