"""Reference data in the stream: in force from its place in RAW on, over crashes and restarts."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from normalizer.stage import NormalizerStage
from pipeline.bus import Bus, Stream
from pipeline.bus.embedded import EmbeddedServer
from pipeline.bus.positions import created_at
from pipeline.bus.reference_history import ReferenceHistory, Standing
from pipeline.bus.reference_outlet import ReferenceOutlet
from pipeline.config.schema import EmbeddedBus, MicroBatch
from pipeline.frames import FrameBatch, encode_batch
from pipeline.reference_changes import change_of, withdrawal
from pipeline.reference_records import (
    CorporateEvent,
    Instrument,
    Investor,
    ListEntry,
    ReferenceRecord,
    Sanction,
    Token,
    TokenContract,
)
from pipeline.units import SECOND
from tests.fixtures.buses import small_bus
from tests.normalizer import blocks as b

TRANSFER = "Transfer(address indexed from, address indexed to, uint256 value)"
READ = b.RECEIVED


def configuration(path: Path) -> EmbeddedBus:
    return small_bus(path, batch=MicroBatch(max_frames=4))


@pytest.fixture
async def config(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    config = configuration(tmp_path / "nats")
    async with EmbeddedServer(config):
        yield config


@pytest.fixture
async def bus(config: EmbeddedBus) -> AsyncIterator[Bus]:
    async with await Bus.connect(config, name="test") as connected:
        yield connected


async def put(outlet: ReferenceOutlet, *records: ReferenceRecord) -> None:
    await outlet.write([change_of(record) for record in records], read=READ)


async def send_transfer(bus: Bus, number: int, source: str = b.ALICE) -> None:
    """A block with one transfer, as a message of its own."""
    log = b.log(TRANSFER, source, b.BOB, number, number=number, index=number)
    frame = b.frame(log, transactions=[b.transaction(number)])
    frame.position = str(number)
    payload = encode_batch(FrameBatch("chain", "evm", [frame]))
    await bus.writer(Stream.RAW, "chain").write(payload, str(number))


async def lines(bus: Bus) -> list[bytes]:
    """Every record of EVENTS, in order."""
    found: list[bytes] = []
    reader = bus.reader(Stream.EVENTS, after=0)
    last = await bus.last_sequence(Stream.EVENTS)
    while reader.position < last:
        for message in await reader.batch(100, wait=5):
            found += [line for line in message.data.split(b"\n") if line]
    await reader.close()
    return found


async def normalized(bus: Bus, upto: int | None = None) -> list[dict[str, Any]]:
    """Run the normalizer until it has worked on RAW, as far as is said."""
    last = await bus.last_sequence(Stream.RAW) if upto is None else upto
    stage = NormalizerStage(bus, Normalizer(Reference()))
    running = asyncio.create_task(stage.run())
    async with asyncio.timeout(20):
        while stage.reported().position < last:
            assert not running.done(), running.result()
            await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return [msgspec.json.decode(line) for line in await lines(bus)]


def of(events: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event.action"] == action]


async def test_a_transfer_is_enriched_with_what_was_known_when_it_came(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    await send_transfer(bus, 1)
    await put(outlet, Investor(id="I", jurisdiction="DE", addresses=(b.ALICE,)))
    await send_transfer(bus, 2)
    await put(outlet, Investor(id="I", jurisdiction="US", addresses=(b.ALICE,)))
    await send_transfer(bus, 3)
    await outlet.write([withdrawal(("investor", "I", None))], read=READ)
    await send_transfer(bus, 4)

    transfers = of(await normalized(bus), "token-transfer")

    assert [one.get("investor.source.jurisdiction") for one in transfers] == [
        None, "DE", "US", None,
    ]  # fmt: skip


async def test_each_change_is_an_event_that_tells_no_persons_values(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    await put(outlet, Investor(id="I", jurisdiction="DE"))
    await put(outlet, Investor(id="I", jurisdiction="US"))

    events = await normalized(bus)

    first, second = of(events, "reference-refreshed")
    assert (first["surveillance.reference.added"], first["surveillance.reference.untold"]) == (1, 1)
    assert second["surveillance.reference.changed"] == 1
    (changed,) = of(events, "reference-changed")
    assert changed["surveillance.reference.key"] == changed["investor.id"] == "I"
    assert changed["surveillance.reference.fields"] == ["jurisdiction"]
    assert changed["event.provider"] == "reference:crm"
    assert b"US" not in msgspec.json.encode(changed)


async def test_a_sanction_is_told_also_when_the_list_is_read_first(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "ofac")
    entry = Sanction(address=b.CAROL.upper().replace("0X", "0x"), list="SDN", entry="42")
    await put(outlet, entry)
    await send_transfer(bus, 1, b.CAROL)
    await outlet.write([withdrawal(change_of(entry).identity)], read=READ)

    events = await normalized(bus)

    (sanctioned,) = of(events, "address-sanctioned")
    assert (sanctioned["investor.address"], sanctioned["surveillance.sanction.entry"]) == (
        b.CAROL,
        "42",
    )
    assert of(events, "token-transfer")[0]["investor.source.labels"] == [
        "sanctioned",
        "sanctioned:SDN",
    ]
    assert len(of(events, "address-unsanctioned")) == 1


async def test_a_corporate_event_comes_with_its_token(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "issuer")
    await put(
        outlet,
        Token(id="acme", symbol="ACME"),
        CorporateEvent(
            id="nav-1", token="acme", type="nav", announced="2025-01-31", value="10.25",
            currency="USD",
        ),
    )  # fmt: skip

    (event,) = of(await normalized(bus), "corporate-event")

    assert (event["token.symbol"], event["token.corporate_event.value"]) == ("ACME", "10.25")
    assert event["token.corporate_event.announced"] == 1738281600 * SECOND


async def test_an_insider_of_one_token_is_none_in_events_of_another(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    await put(
        outlet,
        Token(id="acme", contracts=(TokenContract(chain=b.CHAIN, address=b.TOKEN),)),
        Investor(id="I", addresses=(b.ALICE,)),
        ListEntry(list="insider", investor="I", token="acme"),
        ListEntry(list="affiliate", investor="I", token="other"),
    )
    await send_transfer(bus, 1)

    (transfer,) = of(await normalized(bus), "token-transfer")

    labels = set(transfer["investor.source.labels"])
    assert {"insider:acme", "insider", "affiliate:other"} == labels


async def test_new_instruments_of_a_token_are_found_by_feeds_that_run_already(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    match = (
        b'{"type":"match","trade_id":%d,"sequence":%d,"maker_order_id":"m","taker_order_id":"t",'
        b'"time":"2023-11-14T22:13:20Z","product_id":"ACME-USD","size":"1","price":"1",'
        b'"side":"sell"}'
    )

    async def trade(number: int) -> None:
        frame = b.frame()
        frame.position, frame.payload = str(number), match % (number, number)
        batch = encode_batch(FrameBatch("venue", "coinbase", [frame]))
        await bus.writer(Stream.RAW, "venue").write(batch, str(number))

    await trade(1)
    await put(outlet, Token(id="acme", instruments=(Instrument(venue="coinbase",
                                                               symbol="ACME-USD"),)))  # fmt: skip
    await trade(2)

    trades = of(await normalized(bus), "trade")

    assert [one.get("token.id") for one in trades] == [None, "acme"]


async def test_nothing_is_written_twice_and_a_crash_between_the_streams_loses_nothing(
    bus: Bus,
) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    await put(outlet, Investor(id="I"))
    assert (await outlet.write([change_of(Investor(id="I"))], read=READ)).count == 0
    before = await bus.last_sequence(Stream.RAW)

    # As if killed: REFERENCE has it, and RAW doesn't say so yet.
    crashed = await ReferenceOutlet.open(bus, "crm")
    crashed.put_in_force = lambda read: asyncio.sleep(0)  # type: ignore[method-assign]
    await crashed.write([change_of(Investor(id="J"))], read=READ)
    assert await bus.last_sequence(Stream.RAW) == before

    again = await ReferenceOutlet.open(bus, "crm")
    assert again.records == 2
    assert (await again.write([change_of(Investor(id="J"))], read=READ)).count == 0
    refreshed = of(await normalized(bus), "reference-refreshed")
    assert [one["surveillance.reference.records"] for one in refreshed] == [1, 2]


async def test_a_restart_restores_what_was_in_force_though_raw_was_purged(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    await put(outlet, Investor(id="I", jurisdiction="DE", addresses=(b.ALICE,)))
    await send_transfer(bus, 1)
    await normalized(bus)
    last = await bus.last_sequence(Stream.RAW)
    created = (await ReferenceHistory(bus).in_force_at("crm", last)).stream
    name = bus.names.stream(Stream.RAW)
    assert await bus.bookmarks.keep(name, created_at(await bus.info(Stream.RAW)), last)
    await bus.jetstream.purge_stream(name, seq=last + 1)
    assert (await bus.info(Stream.RAW)).state.messages == 0

    assert await ReferenceHistory(bus).in_force_at("crm", last) == Standing(1, created)
    await send_transfer(bus, 2)
    transfers = of(await normalized(bus), "token-transfer")
    assert [one["investor.source.jurisdiction"] for one in transfers] == ["DE", "DE"]


async def test_what_was_in_force_at_a_place_is_what_the_next_frame_says_was_before_it(
    bus: Bus,
) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    places: list[tuple[int, int]] = [(await bus.last_sequence(Stream.RAW), 0)]
    for number in range(4):
        await put(outlet, Investor(id=str(number)))
        places.append((await bus.last_sequence(Stream.RAW), number + 1))
        await send_transfer(bus, number)
        places.append((await bus.last_sequence(Stream.RAW), number + 1))
    history = ReferenceHistory(bus)
    for raw, upto in places:
        assert (await history.in_force_at("crm", raw)).upto == upto


async def test_a_stream_that_holds_something_else_is_a_dead_letter_and_changes_nothing(
    bus: Bus,
) -> None:
    outlet = await ReferenceOutlet.open(bus, "crm")
    outlet._digest = "00" * 32  # as if a message before had been another one
    await put(outlet, Investor(id="I", jurisdiction="DE", addresses=(b.ALICE,)))
    await send_transfer(bus, 1)

    events = await normalized(bus)

    assert not of(events, "reference-refreshed")
    assert "investor.source.jurisdiction" not in of(events, "token-transfer")[0]
    assert (await bus.info(Stream.DEAD)).state.messages == 1


@pytest.mark.parametrize("seed", range(4))
async def test_the_same_frames_and_reference_data_give_the_same_events_over_any_restarts(
    config: EmbeddedBus, seed: int
) -> None:
    """Byte for byte, wherever the normalizer was stopped and started again."""
    chance = random.Random(seed)
    async with await Bus.connect(config, name="writes") as bus:
        outlets = [await ReferenceOutlet.open(bus, name) for name in ("crm", "kyc")]
        for number in range(1, 40):
            if chance.random() < 0.6:
                await send_transfer(bus, number, chance.choice([b.ALICE, b.CAROL]))
                continue
            outlet = chance.choice(outlets)
            record = chance.choice(
                [
                    Investor(
                        id=chance.choice("IJ"),
                        jurisdiction=chance.choice(["DE", "US", None]),
                        addresses=tuple(chance.sample([b.ALICE, b.BOB, b.CAROL], 2)),
                        valid_from=chance.choice([None, "2023-11-14", "2024-01-01"]),
                    ),
                    Sanction(address=b.CAROL, list=chance.choice("XY")),
                    ListEntry(list="insider", address=b.ALICE, token=chance.choice("ab")),
                    Token(
                        id=chance.choice("ab"),
                        contracts=(TokenContract(chain=b.CHAIN, address=b.TOKEN),),
                    ),
                ]
            )
            change = change_of(record)
            if chance.random() < 0.3:
                change = withdrawal(change.identity)
            await outlet.write([change], read=READ + number)
        await normalized(bus)
        at_once = await lines(bus)
        last = await bus.last_sequence(Stream.RAW)
        await bus.jetstream.delete_stream(bus.names.stream(Stream.EVENTS))

    async with await Bus.connect(config, name="again") as bus:
        for stop in sorted(chance.sample(range(1, last), 6)):
            await normalized(bus, upto=stop)
        await normalized(bus)
        assert await lines(bus) == at_once
    assert len(at_once) > 40
