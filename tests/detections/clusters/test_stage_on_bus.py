"""The stage on a real bus, with a real normalizer: what it finds is in the events that follow."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from detections.clusters.reference_form import OVERRIDES, SOURCE
from detections.clusters.stage import ClusterStage
from detections.lanes.event_messages import decode_message
from normalizer.events import Record
from normalizer.events.chain import NativeTransfer
from normalizer.events.clusters import AddressesLinked, AddressesUnlinked, ClusterOverridden
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from normalizer.stage import NormalizerStage
from pipeline.bus import Bus, Stream
from pipeline.bus.reference_outlet import ReferenceOutlet
from pipeline.config.clusters import Clusters
from pipeline.reference_changes import ReferenceChange, change_of, decode_chunk
from pipeline.reference_records import Override
from pipeline.units import HOUR, SECOND
from tests.detections.clusters.chain_frames import SOURCE as CHAIN
from tests.detections.clusters.chain_frames import ChainFrames
from tests.detections.clusters.chain_tape import ALICE, BOB, CAROL, DAN, ERIN, FUNDER


@asynccontextmanager
async def running(
    bus: Bus, *, every: int = HOUR, lanes: int = 1, threshold: float = 0.7
) -> AsyncGenerator[None]:
    """Normalizer and clusters, which end as a crash does: nothing is saved on the way out."""
    normalizer = NormalizerStage(bus, Normalizer(Reference()), lanes)
    wanted = Clusters(checkpoint_every=every, threshold=threshold)
    clusters = ClusterStage(bus, wanted, lanes=lanes)
    tasks = [asyncio.create_task(stage.run()) for stage in (normalizer, clusters)]
    try:
        yield
        for task in tasks:
            assert not task.done(), task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settled(bus: Bus) -> None:
    """Wait until nothing more comes: what clusters wrote went through the normalizer as well."""
    async with asyncio.timeout(30):
        quiet = 0
        before: list[int] = []
        while quiet < 3:
            await asyncio.sleep(0.25)
            ends = [await bus.last_sequence(one) for one in (Stream.RAW, Stream.EVENTS)]
            saved = (await bus.positions.load("clusters")).done
            now = [*ends, await bus.last_sequence(Stream.REFERENCE), saved]
            quiet = quiet + 1 if now == before and saved >= ends[1] else 0
            before = now


async def publish(bus: Bus, *messages: bytes) -> None:
    writer = bus.writer(Stream.RAW, CHAIN)
    await writer.newest()
    for message in messages:
        await writer.write(message, f"test:{hash(message)}")


async def events(bus: Bus) -> list[Record]:
    reader = bus.reader(Stream.EVENTS, after=0)
    last = await bus.last_sequence(Stream.EVENTS)
    found: list[Record] = []
    while reader.position < last:
        for message in await reader.batch(100, wait=1):
            found += decode_message(message)[0]
    await reader.close()
    return found


async def written(bus: Bus, source: str = SOURCE) -> list[ReferenceChange]:
    """What was written to REFERENCE, in order."""
    reader = bus.reader(Stream.REFERENCE, after=0)
    last = await bus.last_sequence(Stream.REFERENCE)
    found: list[ReferenceChange] = []
    while reader.position < last:
        for message in await reader.batch(100, wait=1):
            chunk = decode_chunk(message.data)
            if chunk.source == source:
                found += chunk.changes
    await reader.close()
    return found


def clusters_in(records: Sequence[Record]) -> list[tuple[str | None, str | None]]:
    """Of each gift, the clusters of both ends."""
    return [
        (event.source_cluster, event.destination_cluster)
        for event in records
        if isinstance(event, NativeTransfer)
    ]


def funded(chain: ChainFrames) -> list[bytes]:
    """Two wallets are filled from one, and do something."""
    return [
        chain.block((FUNDER, ALICE)),
        chain.block((FUNDER, BOB)),
        chain.block((ALICE, CAROL), (BOB, DAN)),
    ]


@pytest.mark.parametrize("lanes", [1, 3])
async def test_what_is_found_is_in_the_events_that_follow(bus: Bus, lanes: int) -> None:
    chain = ChainFrames()
    async with running(bus, lanes=lanes):
        await publish(bus, *funded(chain))
        await settled(bus)
        await publish(bus, chain.block((ALICE, BOB)))
        await settled(bus)
    told = await events(bus)
    before, (source, destination) = clusters_in(told)[:-1], clusters_in(told)[-1]
    assert set(before) == {(None, None)}
    assert source is not None
    assert source == destination
    (link,) = [event for event in told if isinstance(event, AddressesLinked)]
    assert {link.investor_address, link.other} == {ALICE, BOB}
    assert (link.link_reason, link.weight, link.investor_cluster) == ("funding", 0.7, source)
    assert link.detail == f"their first money came from {FUNDER}, within 1 s"
    shown = {event.id for event in told if isinstance(event, NativeTransfer)}
    assert len(link.evidence) == 2
    assert set(link.evidence) <= shown


@pytest.mark.parametrize("every", [SECOND // 50, HOUR], ids=["with-states", "without"])
async def test_every_change_is_written_once_whatever_dies(bus: Bus, every: int) -> None:
    chain = ChainFrames()
    for message in [
        *funded(chain),
        chain.block((FUNDER, CAROL)),
        chain.fork(1),
        chain.block((FUNDER, ERIN)),
        chain.block((ERIN, DAN)),
    ]:
        async with running(bus, every=every):
            await publish(bus, message)
            await settled(bus)
            await asyncio.sleep(0.1)
    changes = await written(bus)
    assert max(Counter((one.identity, one.record) for one in changes).values()) == 1
    members = [one.key for one in changes if one.kind == "address" and not one.withdrawn]
    assert sorted(members) == sorted([ALICE, BOB, ERIN])
    pairs = {tuple(one.key.split("/")[1:]) for one in changes if one.kind == "link"}
    assert pairs == {tuple(sorted(pair)) for pair in ((ALICE, BOB), (ALICE, ERIN), (BOB, ERIN))}


@pytest.mark.parametrize("every", [SECOND // 50, HOUR], ids=["with-states", "without"])
async def test_links_by_orphaned_blocks_are_withdrawn(bus: Bus, every: int) -> None:
    chain = ChainFrames()
    async with running(bus, every=every):
        await publish(bus, chain.block((FUNDER, ALICE)))
        await settled(bus)
        await asyncio.sleep(0.2)
        await publish(bus, chain.block((FUNDER, BOB)), chain.block((ALICE, CAROL), (BOB, DAN)))
        await settled(bus)
        await publish(bus, chain.fork(2), chain.block((ERIN, BOB)))
        await settled(bus)
        await publish(bus, chain.block((ALICE, BOB)))
        await settled(bus)
    told = await events(bus)
    assert len([event for event in told if isinstance(event, AddressesLinked)]) == 1
    assert len([event for event in told if isinstance(event, AddressesUnlinked)]) == 1
    assert clusters_in(told)[-1] == (None, None)


async def test_a_link_that_both_branches_show_stays_with_the_evidence_of_the_new_one(
    bus: Bus,
) -> None:
    chain = ChainFrames()
    async with running(bus):
        await publish(bus, *funded(chain))
        await settled(bus)
        chain_nonces = chain.fork(2)
        await publish(bus, chain_nonces)
        await settled(bus)
        await publish(bus, chain.block((FUNDER, BOB)), chain.block((ALICE, CAROL), (BOB, DAN)))
        await settled(bus)
        await publish(bus, chain.block((ALICE, BOB)))
        await settled(bus)
    told = await events(bus)
    linked = [event for event in told if isinstance(event, AddressesLinked)]
    assert len(linked) == 2
    assert linked[0].evidence != linked[1].evidence
    source, destination = clusters_in(told)[-1]
    assert source is not None
    assert source == destination


async def test_an_override_is_a_record_of_its_own_and_counts_from_there_on(bus: Bus) -> None:
    chain = ChainFrames()
    async with running(bus):
        await publish(bus, *funded(chain))
        await settled(bus)
        outlet = await ReferenceOutlet.open(bus, OVERRIDES)
        override = Override(
            id="override-1",
            action="separate",
            addresses=(ALICE, BOB),
            who="ana",
            why="father and son",
            at="2026-01-31T12:00:00Z",
        )
        await outlet.write([change_of(override)], read=1)
        await settled(bus)
        await publish(bus, chain.block((ALICE, BOB)))
        await settled(bus)
    told = await events(bus)
    (said,) = [event for event in told if isinstance(event, ClusterOverridden)]
    assert (said.who, said.reason, said.addresses) == ("ana", "father and son", (ALICE, BOB))
    assert clusters_in(told)[-1] == (None, None)
    assert [one.withdrawn for one in await written(bus) if one.kind == "link"] == [False, True]


@pytest.mark.parametrize("every", [SECOND // 50, HOUR], ids=["with-states", "without"])
async def test_another_threshold_counts_for_what_is_known(bus: Bus, every: int) -> None:
    chain = ChainFrames()
    async with running(bus, every=every):
        await publish(bus, *funded(chain))
        await settled(bus)
        await asyncio.sleep(0.2)
    async with running(bus, every=every, threshold=0.8):
        await settled(bus)
        await publish(bus, chain.block((ALICE, BOB)))
        await settled(bus)
    assert clusters_in(await events(bus))[-1] == (None, None)
    async with running(bus, every=every):
        await settled(bus)
        await publish(bus, chain.block((ALICE, BOB)))
        await settled(bus)
    source, destination = clusters_in(await events(bus))[-1]
    assert source is not None
    assert source == destination
