"""An alert's timeline, out of what the file sink wrote."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

import pipeline.cli.evidence as _registered
from delivery.file_sink import FileSink
from delivery.sink import Document
from evidence.sentences import sentence
from evidence.timeline import AmbiguousAlert, NoSuchAlert, timeline, timeline_of
from normalizer.events import Alert, Record
from normalizer.events.chain import PoolSwap, TokenTransferRefused, WalletFrozen
from normalizer.events.ecs import nest
from normalizer.events.market import OrderCancelled, OrderPlaced, Trade
from pipeline.cli.app import app
from pipeline.units import HOUR, KIB, MILLISECOND
from tests.demo.invented_alerts import T0, alert

assert _registered


def placed(name: str, at: int) -> OrderPlaced:
    return OrderPlaced(
        id=name,
        timestamp=at,
        ingested=at,
        original="RAW/1/0",
        provider="venue",
        venue="demo-venue",
        instrument="ACME-USD",
        order_id="o1",
        side="buy",
        price=99.94,
        quantity=390.0,
        investor_account="acct-mirage",
        investor_id="INV-1060",
    )


def cancelled(name: str, at: int) -> OrderCancelled:
    return OrderCancelled(
        id=name,
        timestamp=at,
        ingested=at,
        original="RAW/1/2",
        provider="venue",
        venue="demo-venue",
        instrument="ACME-USD",
        order_id="o1",
        side="buy",
        price=99.94,
        remaining=385.0,
        investor_account="acct-mirage",
    )


def trade(name: str, at: int) -> Trade:
    return Trade(
        id=name,
        timestamp=at,
        ingested=at,
        original="RAW/1/1",
        provider="venue",
        venue="demo-venue",
        instrument="ACME-USD",
        trade_id="3",
        price=100.04,
        quantity=1.5,
        maker_order_id="o2",
        taker_order_id="o3",
        buyer_account="acct-willow",
        seller_account="acct-mirage",
        seller_id="INV-1060",
    )


EVENTS: list[Record] = [
    placed("e1", T0 - 750 * MILLISECOND),
    trade("e2", T0 - 300 * MILLISECOND),
    cancelled("e3", T0),
]
ALERT = alert("abc123", "spoofing", evidence_events=("e1", "e2", "e3"))


async def write(folder: Path, records: Sequence[Record | Alert], *, size: int = 64 * KIB) -> None:
    sink = FileSink("files", folder, rotate_size=size, rotate_after=HOUR, sync="never")
    await sink.open()
    for record in records:
        document = Document(
            content="alerts" if isinstance(record, Alert) else "events",
            id=record.id,
            timestamp=record.timestamp,
            source=record.provider,
            position="EVENTS/1/0",
            body=msgspec.json.encode(nest(record)),
        )
        await sink.deliver([document])
    await sink.close()


async def test_events_come_in_order_with_times_relative_to_the_alert(tmp_path: Path) -> None:
    await write(tmp_path, [EVENTS[2], EVENTS[0], ALERT, EVENTS[1]])
    found = timeline("abc123", tmp_path)
    assert found.alert == ALERT
    assert [entry.event_id for entry in found.entries] == ["e1", "e2", "e3"]
    assert [entry.relative // MILLISECOND for entry in found.entries] == [-750, -300, 0]
    assert [entry.completing for entry in found.entries] == [False, False, True]
    assert found.complete


async def test_an_entry_says_where_to_look(tmp_path: Path) -> None:
    await write(tmp_path, [*EVENTS, ALERT])
    entry = timeline("abc123", tmp_path).entries[1]
    assert entry.order_ids == ("o2", "o3")
    assert (entry.trade_id, entry.original, entry.action) == ("3", "RAW/1/1", "trade")


async def test_evidence_that_is_not_there_is_named(tmp_path: Path) -> None:
    await write(tmp_path, [EVENTS[0], EVENTS[2], ALERT])
    found = timeline("abc123", tmp_path)
    assert found.missing == ("e2",)
    assert not found.complete
    assert [entry.event_id for entry in found.entries] == ["e1", "e3"]


async def test_evidence_may_lie_in_any_of_the_rotated_files(tmp_path: Path) -> None:
    await write(tmp_path, [*EVENTS, ALERT], size=1)
    assert len(list((tmp_path / "events").glob("*.ndjson"))) == 3
    assert timeline("abc123", tmp_path).complete


async def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(tmp_path: Path) -> None:
    await write(tmp_path, [*EVENTS, ALERT, alert("abd"), alert("abc1")])
    assert timeline("abc12", tmp_path).alert.id == "abc123"
    assert timeline("abc1", tmp_path).alert.id == "abc1", "a whole id is meant before a beginning"
    with pytest.raises(AmbiguousAlert, match=r"3 alerts begin with 'ab'.*abc123"):
        timeline("ab", tmp_path)


async def test_an_unknown_alert_is_no_empty_timeline(tmp_path: Path) -> None:
    await write(tmp_path, [*EVENTS, ALERT])
    with pytest.raises(NoSuchAlert, match="zzz"):
        timeline("zzz", tmp_path)
    with pytest.raises(NoSuchAlert):
        timeline("", tmp_path)


def test_a_folder_without_alerts_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(NoSuchAlert, match="holds no alerts"):
        timeline("abc123", tmp_path)


async def test_a_damaged_line_is_reported_and_does_not_hide_the_others(tmp_path: Path) -> None:
    await write(tmp_path, [*EVENTS, ALERT])
    (file,) = (tmp_path / "events").glob("*.ndjson")
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([lines[0], b'{"event": {"id": "e2", \xff', lines[2]]) + b"\n")
    found = timeline("abc123", tmp_path)
    assert found.missing == ("e2",)
    assert len(found.unreadable) == 1
    assert found.unreadable[0].startswith(f"{file}:2: ")


async def test_an_event_whose_content_does_not_fit_is_not_taken_for_evidence(
    tmp_path: Path,
) -> None:
    await write(tmp_path, [*EVENTS, ALERT])
    (file,) = (tmp_path / "events").glob("*.ndjson")
    file.write_bytes(file.read_bytes().replace(b'"price":100.04', b'"price":"much"'))
    found = timeline("abc123", tmp_path)
    assert found.missing == ("e2",)
    assert "market.trade.price" in found.unreadable[0]


def test_events_of_one_instant_stay_in_the_order_of_the_evidence() -> None:
    events = {name: placed(name, T0) for name in ("b", "a", "c")}
    found = timeline_of(alert("x", evidence_events=("b", "a", "c")), events)
    assert [entry.event_id for entry in found.entries] == ["b", "a", "c"]


def test_an_event_named_twice_is_there_once() -> None:
    found = timeline_of(alert("x", evidence_events=("a", "a")), {"a": placed("a", T0)})
    assert len(found.entries) == 1


WALLET, OTHER, HASH = "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "33" * 32
CHAIN = {
    "id": "c",
    "timestamp": T0,
    "ingested": T0,
    "original": "RAW/1/0",
    "provider": "chain",
    "chain_id": 1,
    "block_number": 30,
    "block_hash": HASH,
    "transaction_hash": HASH,
    "token_symbol": "ACME",
}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            EVENTS[0],
            "acct-mirage (INV-1060) rests on the book with a buy order of 390 ACME-USD at 99.94",
        ),
        (EVENTS[1], "acct-willow bought 1.5 ACME-USD from acct-mirage (INV-1060) at 100.04"),
        (EVENTS[2], "acct-mirage cancelled a buy order at 99.94 with 385 ACME-USD open"),
        (
            TokenTransferRefused(
                **CHAIN,
                source_address=WALLET,
                source_investor="INV-0008",
                destination_address=OTHER,
                amount_raw="300000000",
                amount=300.0,
                reason="wallet is frozen",
            ),
            f"a transfer of 300 ACME from {WALLET} (INV-0008) to {OTHER} was refused: "
            "wallet is frozen",
        ),
        (
            TokenTransferRefused(
                **CHAIN, source_address=WALLET, destination_address=OTHER, amount_raw="7"
            ),
            f"a transfer of 7 units ACME from {WALLET} to {OTHER} was refused",
        ),
        (
            PoolSwap(
                **CHAIN,
                venue="uniswap-v3",
                instrument="ACME-DUSD",
                pool=OTHER,
                amount0_raw="1",
                amount1_raw="-1",
                side="sell",
                price=100.906_452_8,
                quantity=8475.0,
                sqrt_price_x96="1",
                tick=0,
                recipient=WALLET,
                sender=OTHER,
                transaction_from=WALLET,
            ),
            f"{WALLET} sold 8,475 ACME in the pool ACME-DUSD at 100.906",
        ),
        (WalletFrozen(**CHAIN, investor_address=WALLET), f"wallet frozen: {WALLET}"),
    ],
)
def test_an_event_is_told_in_a_sentence(event: Record, said: str) -> None:
    assert sentence(event) == said


def command(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["evidence", *arguments], env={"COLUMNS": "160"})
    return result.exit_code, result.stdout, result.stderr


async def test_the_command_prints_the_timeline(tmp_path: Path) -> None:
    await write(tmp_path, [*EVENTS, ALERT])
    code, out, _ = command("abc123", "--out", str(tmp_path))
    assert code == 0
    assert "somebody did 12.5 of something" in out
    rows = [line for line in out.splitlines() if "ACME-USD" in line]
    assert len(rows) == 3
    assert "-750.0 ms" in rows[0]
    assert "07:59:59.250000" in rows[0]
    assert "+0.0 ms" in rows[2]
    assert "trade 3; raw frame RAW/1/1" in out


async def test_the_commands_json_has_the_alert_the_entries_and_what_is_missing(
    tmp_path: Path,
) -> None:
    await write(tmp_path, [EVENTS[0], EVENTS[2], ALERT])
    code, out, _ = command("abc123", "--out", str(tmp_path), "--json")
    assert code == 1, "a script notices that evidence is missing"
    document = msgspec.json.decode(out)
    assert document["alert"]["event"]["id"] == "abc123"
    assert [entry["event_id"] for entry in document["entries"]] == ["e1", "e3"]
    assert document["entries"][0]["timestamp"] == "2027-01-15T07:59:59.250000000Z"
    assert document["missing"] == ["e2"]


async def test_an_id_is_one_as_it_was_copied_and_what_is_another_is_told(tmp_path: Path) -> None:
    await write(tmp_path, [*EVENTS, ALERT])
    for copied in ("ABC1", " abc123 ", "abc123\n"):
        assert command(copied, "--out", str(tmp_path))[0] == 0
    for given, said in (
        ("TW-28DD", "is the id of a case: `tapewatch case show TW-28DD` has its alerts"),
        ("demo-venue:ACME-USD:94", "no alert"),
    ):
        code, _, error = command(given, "--out", str(tmp_path))
        assert (code, said in error) == (1, True), error


def test_the_command_fails_in_words(tmp_path: Path) -> None:
    code, out, err = command("abc123", "--out", str(tmp_path))
    assert (code, out) == (1, "")
    assert "holds no alerts" in err
    assert "Traceback" not in err


async def test_what_a_source_sent_can_not_command_the_terminal(tmp_path: Path) -> None:
    hostile = msgspec.structs.replace(EVENTS[0], investor_account="a\x1b[2Jb")
    assert isinstance(hostile, OrderPlaced)
    await write(tmp_path, [hostile, *EVENTS[1:], ALERT])
    _, out, _ = command("abc123", "--out", str(tmp_path))
    assert "\x1b[2J" not in out
    assert "a�[2Jb" in out
