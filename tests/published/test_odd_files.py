"""The scripts take files as programs and people really write them."""

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.published.conftest import Script
from tests.published.samples import etherdelta, pumps

BEGIN = datetime(2021, 1, 1, tzinfo=UTC)
COLUMNS = ("time", "contract", "token_id", "price", "currency", "seller", "buyer", "tx_hash")


def sale(number: int, **changed: Any) -> dict[str, Any]:
    at = BEGIN + timedelta(minutes=10 * number)
    told = (at.isoformat(), "0xcc", 7, 1.5, "ETH", f"0xs{number}", f"0xb{number}", f"0xt{number}")
    return dict(zip(COLUMNS, told, strict=True)) | changed


def as_csv(rows: list[dict[str, Any]]) -> str:
    lines = [",".join(str(row[name]) for name in COLUMNS) for row in rows]
    return "\n".join([",".join(COLUMNS), *lines, "", ""])


def read(log: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(log.decode().splitlines()))


def write(folder: Path, name: str, text: str) -> None:
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


SALES = [sale(0), sale(1), sale(2)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sales.csv", as_csv(SALES)),
        ("sales.csv", "\ufeff" + as_csv(SALES).replace("\n", "\r\n")),
        ("sales.csv.gz", as_csv(SALES)),
        ("sales.json", "\n".join(map(json.dumps, SALES)) + "\n\n"),
        ("sales.json", json.dumps(SALES, indent=1)),
        ("sales.jsonl.gz", "\n".join(map(json.dumps, SALES))),
    ],
)
def test_sales_come_in_files_of_many_forms(
    tmp_path: Path, script: Script, name: str, text: str
) -> None:
    write(tmp_path, name, text)
    assert [row["trade_id"] for row in read(script("nft_log.py", name))] == ["0xt0", "0xt1", "0xt2"]


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S.000 UTC", "%Y-%m-%dT%H:%M:%SZ", "%s"])
def test_times_of_sales_are_put_in_order_whatever_they_look_like(
    tmp_path: Path, script: Script, form: str
) -> None:
    rows = [
        sale(number, time=(BEGIN + timedelta(minutes=number)).strftime(form))
        for number in (2, 0, 1)
    ]
    write(tmp_path, "sales.csv", as_csv(rows))
    found = read(script("nft_log.py", "sales.csv"))
    assert [row["trade_id"] for row in found] == ["0xt0", "0xt1", "0xt2"]


@pytest.mark.parametrize("price", ["", "None", "nan"])
def test_a_sale_without_a_price_is_left_out_and_counted(
    tmp_path: Path, script: Script, price: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "sales.csv", as_csv([sale(0), sale(1, price=price), sale(2)]))
    found = read(script("nft_log.py", "sales.csv"))
    assert [row["trade_id"] for row in found] == ["0xt0", "0xt2"]
    assert "1 without a price left out" in capfd.readouterr().err


BINANCE = """\
1,0.5,100,50,1609459200123,false,true
2,0.6,10,6,1609459200123,true,true
3,0.55,10,5.5,1609459260000,false,true
"""


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("head", ["", "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n"])
def test_an_archive_of_binance_has_trades_with_sides(
    tmp_path: Path, script: Script, head: str, newest_first: bool
) -> None:
    lines = BINANCE.splitlines(keepends=True)
    body = "".join(reversed(lines) if newest_first else lines)
    write(tmp_path, "NEBLBTC-trades-2021-01.csv", head + body)
    found = read(script("tape_log.py", "NEBL/BTC", "NEBLBTC-trades-2021-01.csv"))
    assert [(row["transact_time"], row["trade_id"], row["aggressor_side"]) for row in found] == [
        ("1609459200123", "1", "buy"),
        ("1609459200123", "2", "sell"),
        ("1609459260000", "3", "buy"),
    ]
    assert {row["symbol"] for row in found} == {"NEBL/BTC"}
    assert [row["last_qty"] for row in found] == ["100", "10", "10"]


def test_a_tape_with_a_column_for_the_side_has_dates_without_a_zone(
    tmp_path: Path, script: Script
) -> None:
    write(
        tmp_path,
        "trades.csv",
        "datetime,type,rate,amount\n"
        "2021-01-01 00:01:00,SELL,2,3\n2021-01-01 00:00:00,b,2.5,3\n2021-01-01 00:00:00,,2.4,3\n",
    )
    columns = ("TIME=datetime", "SIDE=type", "PRICE=rate", "SIZE=amount", "TRADE=")
    found = read(script("tape_log.py", "A/B", "trades.csv", *columns))
    assert [(row["transact_time"], row["last_px"], row["aggressor_side"]) for row in found] == [
        ("2021-01-01T00:00:00+00:00", "2.4", ""),
        ("2021-01-01T00:00:00+00:00", "2.5", "buy"),
        ("2021-01-01T00:01:00+00:00", "2", "sell"),
    ]


TOKENS = """\
\ufefftoken_address,pair_address,decimals,label
0xBBB,0xP1,18.0,1.0
0xCCC,0xP2,9,Scam
0xDDD,0xP3,0,benign
"""


def test_tokens_of_another_chain_are_labelled_whatever_the_words(
    tmp_path: Path, script: Script
) -> None:
    write(tmp_path, "tokens.csv", TOKENS)
    script("rug_labels.py", "tokens.csv", "0xBBC", "WBNB", "56")
    labels = read((tmp_path / "labels.csv").read_bytes())
    assert [row["label"] for row in labels] == ["true", "true", "false"]
    tokens = json.loads((tmp_path / "pools.yaml").read_text())["tokens"]
    assert [one["decimals"] for one in tokens] == [18, 9, 0]
    pools = [one["pools"][0] for one in tokens]
    assert {one["chain"] for one in pools} == {56}
    assert {one["quote"]["symbol"] for one in pools} == {"WBNB"}
    assert {one["contracts"][0]["chain"] for one in tokens} == {56}


def test_a_word_for_a_verdict_that_nobody_knows_is_no_verdict(
    tmp_path: Path, script: Script
) -> None:
    write(tmp_path, "tokens.csv", TOKENS.replace("benign", "2"))
    with pytest.raises(AssertionError, match="'2' is neither a rug pull nor none: 0xddd"):
        script("rug_labels.py", "tokens.csv", "0xBBC")


def test_swaps_without_amounts_and_of_a_third_asset_are_left_out_and_counted(
    tmp_path: Path, script: Script, capfd: pytest.CaptureFixture[str]
) -> None:
    head = "t,b,h,l,f,to,p,in,out,bought,sold\n"
    swap = "2021-01-01 00:00:00,7,0xh{0},{0},0xf,0xt,0xP,0xAA,{1},5,{2}\n"
    lines = (swap.format(0, "0xbb", 6), swap.format(1, "0xcc", 6), swap.format(2, "0xBB", ""))
    write(tmp_path, "swaps.csv", head + "".join(lines))
    columns = {
        "TIME": "t", "BLOCK": "b", "HASH": "h", "LOG": "l", "FROM": "f", "TO": "to", "POOL": "p",
        "BOUGHT": "in", "SOLD": "out", "BOUGHT_RAW": "bought", "SOLD_RAW": "sold",
    }  # fmt: skip
    script("swap_tables.py", "t", "swaps.csv", *(f"{key}={name}" for key, name in columns.items()))
    (row,) = read((tmp_path / "t" / "logs.csv").read_bytes())
    assert row["transaction_hash"] == "0xh0"
    assert row["data"] == "0x" + "".join(f"{amount:064x}" for amount in (0, 6, 5, 0))
    assert "2 swaps left out" in capfd.readouterr().err


def marked(folder: Path) -> None:
    """Each file as Excel saves it: a mark before it, and lines that end in two characters."""
    for path in folder.rglob("*.csv"):
        text = path.read_text().replace("\r\n", "\n").replace("\n", "\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())


def test_files_that_excel_has_saved_say_the_same(tmp_path: Path, script: Script) -> None:
    etherdelta(tmp_path)
    pumps(tmp_path / "pumps", whole_seconds=False)
    write(tmp_path, "trades_labeled.csv", "transactionHash,wash_label\n0xa,TRUE\n0xb,FALSE\n")
    hashes = "frontrun_swap_transaction_hash,backrun_swap_transaction_hash"
    write(tmp_path, "sandwiches.csv", f"id,{hashes}\n1,0xa,0xb\n")

    def said() -> list[bytes]:
        script("pump_log.py", "pumps")
        return [
            script("dex_log.py", "EtherDeltaTrades.csv", "token_decimals.json"),
            script("dex_labels.py", "trades_labeled.csv"),
            script("sandwich_labels.py", "sandwiches.csv"),
            (tmp_path / "pumps" / "trades.csv").read_bytes(),
            (tmp_path / "pumps" / "labels.csv").read_bytes(),
        ]

    before = said()
    assert all(len(one.splitlines()) > 1 for one in before)
    for name in ("trades.csv", "labels.csv"):
        (tmp_path / "pumps" / name).unlink()
    marked(tmp_path)
    assert said() == before
