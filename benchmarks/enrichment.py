"""Enrichment with much reference data: transfers per second on one core, and memory.

Run ``python -m benchmarks.enrichment``. The reference data comes the way that it does in
production, as messages of REFERENCE that a frame puts in force: investors with wallets of their
own, addresses that say whose they are, accreditations that run out, lists, labels and sanctions.
Then blocks are decoded, enriched and encoded. Each wallet of a transfer is drawn from all of them,
so that no cache of a few helps. Times are processor time; memory is what the process had at most.
"""

import argparse
import random
import time
from collections.abc import Iterator
from datetime import date

from rich.console import Console
from rich.table import Table

from benchmarks.memory import most_resident
from benchmarks.normalizer_frames import TOKEN_ADDRESS, transfer_block
from normalizer.normalize import Normalizer, encode_events
from normalizer.reference import Reference
from pipeline.bus.reference_history import HistoryMessage, digest_of
from pipeline.frames import Frame, FrameBatch
from pipeline.reference_changes import (
    PROTOCOL,
    ChangeChunk,
    InForce,
    change_of,
    encode_chunk,
    encode_in_force,
)
from pipeline.reference_records import (
    Investor,
    Issuer,
    LabelledAddress,
    ListEntry,
    ReferenceRecord,
    Sanction,
    Token,
    TokenContract,
    Verification,
)
from pipeline.units import GIB

TARGET = 2_000
MOST_MEMORY = 1.5 * GIB
_IN_CHUNK = 2_000
_COUNTRIES = ("US", "DE", "FR", "SG", "CH", "GB", "LU", "NL")
_READ = 1_700_000_000 * 10**9


def wallet(number: int) -> str:
    """An address, spread as real ones are."""
    return f"0x{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}{number:024x}"


def records(addresses: int, investors: int) -> Iterator[ReferenceRecord]:
    """Half of the addresses are listed by their investors, half say themselves whose they are."""
    yield Token(
        id="acme", symbol="ACME", name="ACME Fund I", standard="ERC-3643",
        classification="reg-d-506c", issuer=Issuer(id="ISS", name="ACME Inc"),
        contracts=(TokenContract(chain=1, address=TOKEN_ADDRESS),),
    )  # fmt: skip
    each = addresses // 2 // investors
    for number in range(investors):
        yield Investor(
            id=f"INV-{number:07}",
            jurisdiction=_COUNTRIES[number % len(_COUNTRIES)],
            accreditation="accredited",
            accredited_until="2023-06-30" if number % 5 == 0 else None,
            labels=("market_maker",) if number % 1_000 == 0 else (),
            addresses=tuple(wallet(number * each + place) for place in range(each)),
        )
        if number % 100 == 0:
            yield ListEntry(list="insider", investor=f"INV-{number:07}", token="acme")
        if number % 10 == 0:
            yield Verification(
                provider="kyc", investor=f"INV-{number:07}", status="verified", expires="2024-01-01"
            )
    for number in range(each * investors, addresses):
        yield LabelledAddress(
            address=wallet(number),
            investor=f"INV-{number % investors:07}",
            labels=("hot_wallet",) if number % 50 == 0 else (),
        )
    for number in range(0, addresses, 1_000):
        yield Sanction(address=wallet(number), list="SDN", since=date(2023, 1, 1))


def chunks(found: Iterator[ReferenceRecord]) -> Iterator[bytes]:
    """The records as messages of REFERENCE."""
    part = []
    for record in found:
        part.append(change_of(record))
        if len(part) == _IN_CHUNK:
            yield encode_chunk(ChangeChunk("crm", _READ, part))
            part = []
    if part:
        yield encode_chunk(ChangeChunk("crm", _READ, part))


def put_in_force(normalizer: Normalizer, messages: list[HistoryMessage], digest: str) -> str:
    """Let a frame put messages in force; the digest up to here."""
    digest = digest_of(digest, messages)
    marker = InForce(messages[0].sequence - 1, messages[-1].sequence, 1, digest)
    batch = FrameBatch("crm", PROTOCOL, [Frame("1", _READ, encode_in_force(marker))])
    result = normalizer.refer(1, batch, [messages])
    assert not result.dead, result.dead[0].reason
    return digest


def main() -> None:
    """Measure and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--addresses", type=int, default=1_000_000)
    options.add_argument("--investors", type=int, default=100_000)
    options.add_argument("--transfers", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3, help="the best round counts")
    chosen = options.parse_args()
    before = most_resident()
    messages = [
        HistoryMessage(number, data)
        for number, data in enumerate(chunks(records(chosen.addresses, chosen.investors)), 1)
    ]
    size = sum(len(message.data) for message in messages)
    normalizer = Normalizer(Reference())
    started = time.process_time()
    digest = put_in_force(normalizer, messages, "")
    loaded = time.process_time() - started
    last = messages[-1].sequence
    del messages

    chance = random.Random(1)
    frames = [
        transfer_block(
            number,
            [
                (wallet(chance.randrange(chosen.addresses)),
                 wallet(chance.randrange(chosen.addresses)))
                for _ in range(100)
            ],
        )
        for number in range(chosen.transfers // 100)
    ]  # fmt: skip
    best = min(_seconds(normalizer, frames) for _ in range(chosen.rounds))
    speed = chosen.transfers / best

    changed = [
        Investor(id=f"INV-{number:07}", jurisdiction="JP", addresses=(wallet(number),))
        for number in range(min(10_000, chosen.investors))
    ]
    update = [
        HistoryMessage(last + number, data) for number, data in enumerate(chunks(iter(changed)), 1)
    ]
    started = time.process_time()
    put_in_force(normalizer, update, digest)
    updated = time.process_time() - started

    most = most_resident()
    table = Table(title="Enrichment with reference data, one core, decode to encoded event")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("target", justify="right")
    table.add_row("addresses", f"{chosen.addresses:,}", "")
    table.add_row("investors", f"{chosen.investors:,}", "")
    table.add_row("messages of REFERENCE", f"{size / 2**20:,.0f} MiB", "")
    table.add_row("put in force, at a start or by a frame", f"{loaded:,.1f} s", "")
    table.add_row(f"{len(changed):,} investors changed", f"{updated:,.2f} s", "")
    table.add_row("transfers/s", f"{speed:,.0f}", f"{TARGET:,}")
    table.add_row("memory, the benchmark's own data included", f"{most / 2**20:,.0f} MiB",
                  f"{MOST_MEMORY / 2**20:,.0f} MiB")  # fmt: skip
    table.add_row("of it before", f"{before / 2**20:,.0f} MiB", "")
    Console().print(table)
    if speed < TARGET or most > MOST_MEMORY:
        raise SystemExit("missed the target")


def _seconds(normalizer: Normalizer, frames: list[Frame]) -> float:
    started = time.process_time()
    for number, frame in enumerate(frames):
        result = normalizer.normalize(number, FrameBatch("chain", "evm", [frame]))
        assert len(result.events) > 100, result.dead
        encode_events(result.events)
    return time.process_time() - started


if __name__ == "__main__":
    main()
