"""Which wallets a risk provider is asked about: those that the stream of events names."""

from typing import Any

import msgspec
import pytest

from collectors.reference.people import record_item
from collectors.reference.seen_addresses import EventAddresses, screened
from collectors.reference.source import Given, Rejected
from normalizer.events.chain import TokenTransfer
from pipeline.bus import Bus, Stream
from pipeline.bus.reference_outlet import ReferenceOutlet
from pipeline.reference_changes import change_of
from pipeline.reference_records import Risk, Verification, moment
from tests.detections.samples import START

ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
TOKEN = "0x" + "cc" * 20


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


def transfer(number: int, source: str, destination: str, **more: Any) -> bytes:
    values: dict[str, Any] = {
        "id": f"1:0xb:0xt:{number}",
        "timestamp": START,
        "ingested": START,
        "original": "RAW/1/0",
        "provider": "chain",
        "chain_id": 1,
        "block_number": 7,
        "block_hash": "0x" + "d" * 64,
        "token_id": "acme",
        "token_address": TOKEN,
        "source_address": source,
        "destination_address": destination,
        "amount_raw": "5",
    }
    return msgspec.json.encode(TokenTransfer(**values | more))


async def publish(bus: Bus, number: int, *lines: bytes) -> None:
    writer = bus.writer(Stream.EVENTS, "0")
    await writer.write(b"\n".join(lines), f"test-{number}")


async def test_wallets_are_given_once_as_they_come(bus: Bus) -> None:
    seen = EventAddresses(bus)
    assert list(await seen.new()) == []
    await publish(bus, 1, transfer(1, ALICE, BOB), transfer(2, BOB, ALICE))
    assert list(await seen.new()) == [ALICE, BOB]
    assert list(await seen.new()) == []
    await publish(bus, 2, transfer(3, BOB, "0x" + "77" * 20))
    assert list(await seen.new()) == [BOB, "0x" + "77" * 20]
    await seen.close()


async def test_contracts_the_zero_address_and_other_events_are_nobody(bus: Bus) -> None:
    seen = EventAddresses(bus)
    await publish(
        bus,
        1,
        transfer(1, "0x" + "00" * 20, ALICE),
        transfer(2, TOKEN, ALICE),
        transfer(3, BOB, BOB, token_id=None, token_address=None),
        b'{"event.action":"block","blockchain.block.number":7}',
        b"not a record",
    )
    assert list(await seen.new()) == [ALICE]
    await seen.close()


async def test_after_a_start_it_is_known_who_was_asked_about(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "risk")
    checked = "2026-03-01T10:00:00.000000001Z"
    risk = Risk(provider="trm", address=ALICE, level="low", checked=checked)
    await outlet.write([change_of(risk)], read=1)
    assert await screened(bus, "risk") == [(ALICE, moment(checked))]
    assert await screened(bus, "another") == []


def test_what_does_not_fit_a_record_goes_aside_and_is_not_quoted() -> None:
    good = {"provider": "jumio", "investor": "inv-x", "status": "verified"}
    assert isinstance(record_item(Verification, good, "inv-x"), Given)
    for field, value in (("expires", "5 May, Dagmar"), ("status", "Dagmar"), ("level", "D" * 999)):
        aside = record_item(Verification, {**good, field: value}, "inv-x")
        assert isinstance(aside, Rejected)
        assert aside.field == field
        assert "Dagmar" not in str(aside)
        assert aside.content == b""
