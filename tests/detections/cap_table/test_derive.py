"""The cap table out of lines: forks, repetitions, times, partitions, and what is given up."""

from collections.abc import Iterable
from typing import Any

import msgspec

from detections.cap_table.derive import Derived, Wanted, derive
from detections.cap_table.lot_book import Room
from detections.cap_table.table import REVERSIBLE_BLOCKS, CapTable
from normalizer.events import Record
from normalizer.events.chain import PartitionChanged, PartitionTransfer, TokensIssued
from normalizer.events.chain_state import ChainReorganised
from normalizer.normalize import encode_event
from pipeline.event_sources import Batch
from pipeline.problems import Problem
from tests.detections.cap_table.movements import UNIT, Log, at, wallet

CONTRACT = "0x" + "e" * 40
HASH = "0x" + "b" * 64


def fork(common: int) -> ChainReorganised:
    return ChainReorganised(
        id=f"fork-{common}",
        timestamp=at("2026-01-05"),
        ingested=at("2026-01-05"),
        original="RAW/1/0",
        provider="chain",
        chain_id=31337,
        common_number=common,
        common_hash=HASH,
        depth=1,
        old_number=common + 1,
        old_hash=HASH,
        new_number=common + 1,
        new_hash=HASH,
    )


def derived(
    events: Iterable[Record | bytes], problems: list[Problem] | None = None, **wanted: Any
) -> Derived:
    lines = [one if isinstance(one, bytes) else encode_event(one) for one in events]
    return derive(
        [Batch("file", 1, lines, 1)],
        Wanted(token="acme", **wanted),
        report=(problems if problems is not None else []).append,
    )


def table(events: Iterable[Record], **wanted: Any) -> CapTable:
    (only,) = derived(events, **wanted).tables.values()
    return only


def balances(found: CapTable) -> dict[str, float]:
    return {key[2]: one.balance / UNIT for key, one in found.holders.items() if one.balance}


def test_what_a_fork_took_back_is_left_out() -> None:
    log = Log(contract=CONTRACT)
    issued, orphan = log.issued("a", 10, "2026-01-05"), log.moved("a", "b", 4, "2026-01-05")
    instead = msgspec.structs.replace(
        log.moved("a", "c", 3, "2026-01-05"), block_number=orphan.block_number
    )
    assert balances(table([issued, orphan, fork(issued.block_number), instead])) == {
        "a": 7,
        "c": 3,
    }


def test_a_chain_that_comes_back_to_a_branch_has_its_events_again() -> None:
    log = Log(contract=CONTRACT)
    issued, sold = log.issued("a", 10, "2026-01-05"), log.moved("a", "b", 4, "2026-01-05")
    back = [issued, sold, fork(issued.block_number), sold]
    assert balances(table(back)) == {"a": 6, "b": 4}


def test_an_event_that_comes_again_counts_once() -> None:
    log = Log(contract=CONTRACT)
    issued = log.issued("a", 10, "2026-01-05")
    found = derived([issued, issued])
    assert found.repeated == 1
    (only,) = found.tables.values()
    assert balances(only) == {"a": 10}


def test_a_fork_that_is_deeper_than_what_is_known_is_said() -> None:
    log = Log(contract=CONTRACT)
    issued = log.issued("a", 10, "2026-01-05")
    later = msgspec.structs.replace(
        log.moved("a", "b", 1, "2026-01-05"),
        block_number=issued.block_number + REVERSIBLE_BLOCKS + 1,
    )
    assert table([issued, later, fork(0)]).deep_forks == 1
    assert table([issued, later, fork(issued.block_number)]).deep_forks == 0


def test_a_token_of_several_contracts_has_a_table_for_each() -> None:
    one = Log(contract=CONTRACT).issued("a", 10, "2026-01-05")
    other = Log(contract="0x" + "f" * 40, chain_id=1).issued("a", 5, "2026-01-05", id="other")
    assert len(derived([one, other]).tables) == 2
    assert balances(table([one, other], chain_id=1)) == {"a": 5}


def test_lines_that_may_have_been_events_are_reported_and_others_not_read() -> None:
    problems: list[Problem] = []
    found = derived(
        [
            b'{"event.action": "token-transfer", "event.dataset": "tapewatch.evm"}',
            b"{not even JSON, but about no holder}",
            Log(contract=CONTRACT).issued("a", 10, "2026-01-05"),
            b'{"@timestamp": "2026-01-06T00:00',
            b" \r",
            b"\0\0\0",
        ],
        problems,
    )
    assert [str(one.location) for one in problems] == ["file:1:1", "file:4:1", "file:6:1"]
    assert found.lines == 6
    assert len(found.tables) == 1


def test_only_times_are_given_up_for_want_of_room() -> None:
    log = Log(contract=CONTRACT)
    events = [log.issued("a", 1, f"2026-01-{day:02}") for day in range(1, 29)]
    events += [log.issued(letter, 1, "2026-02-01") for letter in "bcd"]
    found = table(events, room=Room(wallets=2, lots=20))
    assert balances(found) == {"a": 28, "b": 1, "c": 1, "d": 1}
    assert found.book.forgotten == 2
    assert found.book.given_up > 0


def of_partition(kind: type[Any], number: int, **more: Any) -> Any:
    fields: dict[str, Any] = {
        "id": f"{kind.__name__}-{number}",
        "timestamp": at("2026-01-05"),
        "ingested": at("2026-01-05"),
        "original": "RAW/1/0",
        "provider": "chain",
        "chain_id": 31337,
        "block_number": number,
        "block_hash": HASH,
        "transaction_hash": f"0x{number:064x}",
        "contract": CONTRACT,
        "token_id": "acme",
        "amount_raw": "10",
    }
    return kind(**{**fields, **more})


def test_tokens_that_change_their_partition_on_the_way() -> None:
    a, b = "0x" + "1" * 64, "0x" + "2" * 64
    issued = of_partition(
        TokensIssued, 1, partition=a, log_name="IssuedByPartition", investor_address=wallet("a")
    )
    moved = of_partition(
        PartitionTransfer,
        2,
        partition=a,
        amount_raw="4",
        source_address=wallet("a"),
        destination_address=wallet("b"),
        operator=wallet("a"),
    )
    changed = of_partition(PartitionChanged, 2, partition=a, new_partition=b, amount_raw="4")
    found = table([issued, moved, changed])
    assert found.partitions.balances == {wallet("a"): {a: 6}, wallet("b"): {b: 4}}
    assert found.by_partitions
    assert found.supply == 10
    stray = of_partition(PartitionChanged, 3, partition=a, new_partition=b)
    assert table([issued, moved, changed, stray]).partitions.unplaced == 1


def test_where_there_is_a_transfer_as_well_amounts_count_once() -> None:
    a = "0x" + "1" * 64
    log = Log(contract=CONTRACT)
    issued = log.issued("a", 10 / UNIT, "2026-01-05")
    by_partition = of_partition(
        TokensIssued, 1, partition=a, log_name="IssuedByPartition", investor_address=wallet("a")
    )
    for events in ([issued, by_partition], [by_partition, issued]):
        found = table(events)
        assert found.supply == 10
        assert found.holders[wallet("a")].balance == 10
        assert found.partitions.balances == {wallet("a"): {a: 10}}
