"""`tapewatch cap-table`: who holds a token since when, and whether the chain agrees."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from normalizer.events import Record
from normalizer.events.chain import (
    PartitionTransfer,
    TokensFrozen,
    TokensIssued,
    TokenTransfer,
    WalletFrozen,
)
from normalizer.events.ecs import nest
from normalizer.normalize import Normalizer, encode_event
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.cli.command_line import tapewatch
from tests.detections.cap_table.movements import UNIT, Log, at, wallet
from tests.normalizer.node_blocks import block_frame

CONTRACT = "0x" + "e" * 40


def log() -> Log:
    return Log("reg-d-506c", contract=CONTRACT)


def about(kind: type[Any], number: int, day: str, letter: str, **more: Any) -> Record:
    moment = at(day)
    return kind(
        id=f"{kind.__name__}-{number}",
        timestamp=moment,
        ingested=moment,
        original="RAW/1/0",
        provider="chain",
        chain_id=31337,
        block_number=number,
        block_hash="0x" + "b" * 64,
        contract=CONTRACT,
        token_id="acme",
        investor_address=wallet(letter),
        **more,
    )


def written(folder: Path, events: Iterable[Record], *, nested: bool = False) -> Path:
    path = folder / "events.ndjson"
    path.write_bytes(
        b"".join(
            (msgspec.json.encode(nest(event)) if nested else encode_event(event)) + b"\n"
            for event in events
        )
    )
    return path


def some_events() -> list[Record]:
    tape = log()
    return [
        tape.issued("a", 100, "2026-01-05", destination_investor="INV-1"),
        tape.issued("b", 50, "2026-02-05", destination_investor="INV-1"),
        tape.moved("a", "c", 30.5, "2026-03-05", destination_jurisdiction="DE"),
        tape.burned("b", 10, "2026-04-05"),
        about(WalletFrozen, 5, "2026-04-06", "c"),
        about(TokensFrozen, 6, "2026-04-07", "a", amount_raw=str(5 * UNIT)),
        Log(token_id="other", contract="0x" + "f" * 40).issued("a", 7, "2026-01-05"),
    ]


def test_it_has_balances_lots_and_what_is_frozen(tmp_path: Path) -> None:
    events = written(tmp_path, some_events())
    answer = tapewatch("cap-table", "ACME", "--events", events, "--json", "--lots", folder=tmp_path)

    assert answer.code == 0, answer
    table = json.loads(answer.out)
    assert (table["supply"], table["issued"], table["burned"]) == (
        str(140 * UNIT),
        str(150 * UNIT),
        str(10 * UNIT),
    )
    assert table["decimals"] == 6
    assert [(one["address"], one["balance"]) for one in table["holders"]] == [
        (wallet("a"), "69500000"),
        (wallet("b"), "40000000"),
        (wallet("c"), "30500000"),
    ]
    first, _, third = table["holders"]
    assert first["frozen_amount"] == "5000000"
    assert third["frozen"] is True
    assert third["lots"] == [
        {
            "amount": "30500000",
            "acquired": at("2026-03-05"),
            "since": at("2026-01-05"),
            "issued": at("2026-01-05"),
            "event": "transfer-1",
        }
    ]
    assert table["investors"] == [{"investor": "INV-1", "balance": "109500000", "wallets": 2}]
    assert table["notes"] == []


def test_it_is_shown_to_people_in_whole_tokens(tmp_path: Path) -> None:
    events = written(tmp_path, some_events(), nested=True)
    answer = tapewatch("cap-table", CONTRACT, "--events", events, "--lots", folder=tmp_path)

    assert answer.code == 0, answer
    assert "3 holders, supply 140: 150 issued, 10 burned" in answer.out
    (line,) = [line for line in answer.out.splitlines() if line.split()[:1] == [wallet("c")]]
    assert line.split() == [
        *(wallet("c"), "DE", "30.5", "21.79%", "all"),
        *("30.5", "2026-03-05", "2026-01-05", "2026-01-05"),
    ]


@pytest.mark.parametrize(
    "until", [("--at", "2026-02-28"), ("--at", "2026-03-05T12:00:00Z"), ("--block", "2")]
)
def test_it_is_as_it_was_at_a_time_or_block(tmp_path: Path, until: tuple[str, str]) -> None:
    events = written(tmp_path, some_events())
    answer = tapewatch("cap-table", "acme", "--events", events, "--csv", *until, folder=tmp_path)

    assert answer.code == 0, answer
    assert answer.out.splitlines() == [
        "address,investor,jurisdiction,accreditation,balance,frozen,frozen_amount",
        f"{wallet('a')},INV-1,,,100000000,false,0",
        f"{wallet('b')},INV-1,,,50000000,false,0",
    ]


def test_partitions_are_told_as_far_as_events_name_them(tmp_path: Path) -> None:
    first, second = "0x" + "1" * 64, "0x" + "2" * 64
    issued = [
        about(TokensIssued, 1, "2026-01-05", "a", log_name="IssuedByPartition", partition=first,
              partition_name="class A", amount_raw="70"),
        about(TokensIssued, 1, "2026-01-06", "a", log_name="Issued", amount_raw="70"),
        about(TokensIssued, 2, "2026-01-06", "a", log_name="IssuedByPartition", partition=second,
              amount_raw="30"),
    ]  # fmt: skip
    moved = about(
        PartitionTransfer,
        3,
        "2026-01-07",
        "a",
        source_address=wallet("a"),
        destination_address=wallet("b"),
        operator=wallet("a"),
        partition=first,
        amount_raw="20",
    )
    issued[1].id = "another"
    events = written(tmp_path, [*issued, moved])
    answer = tapewatch("cap-table", "acme", "--events", events, "--json", folder=tmp_path)

    table = json.loads(answer.out)
    assert table["partitions"] == {
        wallet("a"): {first: "50", second: "30"},
        wallet("b"): {first: "20"},
    }
    assert table["partition_names"] == {first: "class A"}
    assert [one["balance"] for one in table["holders"]] == ["80", "20"]
    assert table["supply"] == "100"
    assert table["notes"] == ["there was no ERC-20 Transfer: balances are sums over partitions"]


def test_events_that_begin_later_than_the_token_are_told(tmp_path: Path) -> None:
    events = written(tmp_path, [log().moved("a", "b", 5, "2026-01-05")])
    answer = tapewatch("cap-table", "acme", "--events", events, folder=tmp_path)

    assert answer.code == 0
    assert "note: the events begin later than the token: 1 wallets sent more" in answer.out


def test_where_there_is_no_table_it_says_why(tmp_path: Path) -> None:
    events = written(tmp_path, [log().moved("a", "b", 5, "2026-01-05")])

    def said(*options: str) -> str:
        answer = tapewatch("cap-table", *options, "--events", events, folder=tmp_path)
        assert (answer.code, answer.out) == (1, "")
        return answer.error

    earliest = "the first of its events is of 2026-01-05T12:00:00Z, in block 1"
    assert earliest in said("acme", "--at", "2026-01-04")
    assert earliest in said("ACME", "--block", "0")
    assert "has it on chain 31337, not on the one of --chain" in said("acme", "--chain", "5")
    assert "tokens are " in (other := said("0x" + "1" * 40))
    assert "acme" in other
    assert "as of then" not in other
    (tmp_path / "none.ndjson").write_text("")
    nothing = tapewatch("cap-table", "acme", "--events", "none.ndjson", folder=tmp_path)
    assert "of 0 events none is about a holding" in nothing.error


def test_what_can_not_be_done_is_said(tmp_path: Path) -> None:
    events = written(tmp_path, some_events())
    unknown = tapewatch("cap-table", "acmee", "--events", events, folder=tmp_path)
    assert unknown.code == 1
    assert "did you mean acme?" in unknown.error.lower()

    both = tapewatch("cap-table", "acme", "--events", events, "--json", "--csv", folder=tmp_path)
    assert both.code == 2

    again = tapewatch(
        "cap-table", "acme", "--events", events, "--reconcile", "ftp://node", folder=tmp_path
    )
    assert again.code == 2
    assert "over HTTP" in again.error

    (tmp_path / "bad.ndjson").write_text('{"event.action": "token-transfer"}\n')
    bad = tapewatch(
        "cap-table", "acme", "--events", events, "--events", tmp_path / "bad.ndjson",
        folder=tmp_path,
    )  # fmt: skip
    assert bad.code == 1
    assert "bad.ndjson:1:1" in bad.error
    assert "3 holders" in bad.out


@pytest.mark.chain
def test_a_node_is_asked_and_every_difference_named(
    tmp_path: Path, security_token: Any, undone: None
) -> None:
    ledger, node = security_token.ledger, security_token.ledger.node
    a, b = ledger.accounts[3], ledger.accounts[4]
    ledger.settle([security_token.transfer(a, b, 1_000_001)])
    head = int(node.rpc("eth_blockNumber"), 16)
    reference = msgspec.convert(
        {
            "tokens": [
                {
                    "id": "test",
                    "symbol": "TST",
                    "decimals": 6,
                    "contracts": [{"chain": 31337, "address": security_token.address}],
                }
            ]
        },
        Reference,
    )
    frames = [block_frame(node.rpc, number, {}) for number in range(1, head + 1)]
    found = Normalizer(reference).normalize(1, FrameBatch("chain", "evm", frames)).events
    events = written(tmp_path, found)
    asked = ("cap-table", "TST", "--reconcile", node.http_url)

    agreed = tapewatch(*asked, "--events", events, folder=tmp_path)
    assert agreed.code == 0, agreed
    assert "the chain agrees: totalSupply and 8 balances" in agreed.out

    earlier = tapewatch(*asked, "--events", events, "--block", str(head - 1), folder=tmp_path)
    assert earlier.code == 0, earlier

    newest = [one for one in found if isinstance(one, TokenTransfer)][-1]
    lost = written(tmp_path, [one for one in found if one is not newest])
    differing = tapewatch(*asked, "--events", lost, "--block", str(head), "--json", folder=tmp_path)
    assert differing.code == 1, differing
    named = json.loads(differing.out)["differences"]
    assert {one["what"] for one in named} == {a.lower(), b.lower()}
    assert {int(one["table"]) - int(one["chain"]) for one in named} == {1_000_001, -1_000_001}
