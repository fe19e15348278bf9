"""`tapewatch market`: the market around an alert, out of files and of what a file sink wrote."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.command_line import RULES, Answer, tapewatch

#: A large bid beside a small sale, gone within a second; quotes of a maker.
HEADER = (
    "transact_time,exec_type,seq_num,symbol,order_id,account,side,price,order_qty,leaves_qty,"
    "trade_id,last_px,last_qty,aggressor_side,buyer_account,seller_account,maker_order_id"
)
ORDER_LOG = f"""{HEADER}
2026-03-02T10:00:00.000Z,new,1,ACME-USD,m1,MAKER,buy,9.9,50,,,,,,,,
2026-03-02T10:00:00.001Z,new,2,ACME-USD,m2,MAKER,sell,10.1,50,,,,,,,,
2026-03-02T10:00:01.000Z,new,3,ACME-USD,s1,SPOOF,sell,10,5,,,,,,,,
2026-03-02T10:00:01.100Z,new,4,ACME-USD,b1,SPOOF,buy,9.95,400,,,,,,,,
2026-03-02T10:00:01.300Z,trade,5,ACME-USD,,,,,,,t1,10,5,buy,TAKER,SPOOF,s1
2026-03-02T10:00:01.600Z,canceled,6,ACME-USD,b1,SPOOF,buy,9.95,,400,,,,,,,
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an order log, its events, and what `detect` says of it."""
    folder = tmp_path_factory.mktemp("market")
    (folder / "orders.csv").write_text(ORDER_LOG)
    said = tapewatch("normalize", "orders.csv", folder=folder)
    assert said.code == 0, said
    (folder / "events.ndjson").write_text(said.out)
    said = tapewatch(
        *("detect", "--rules", RULES / "spoofing" / "spoofing.yml", "--order-log", "orders.csv"),
        folder=folder,
    )
    assert said.code == 0, said
    assert said.out.count("\n") == 1, said
    (folder / "alerts.ndjson").write_text(said.out)
    return folder


def alert_id(folder: Path) -> str:
    return json.loads((folder / "alerts.ndjson").read_text())["event"]["id"]


def market(folder: Path, *arguments: str | Path) -> Answer:
    return tapewatch(
        "market", alert_id(folder)[:10], "--alerts", "alerts.ndjson", *arguments, folder=folder
    )


def test_the_page_is_written_and_its_numbers_are_told(found: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    said = market(found, "--order-log", "orders.csv", "--to", page, "--json")
    assert said.code == 0, said
    told = json.loads(said.out)
    (one,) = told["markets"]
    assert told["missing"] == []
    assert told["alerts"] == [alert_id(found)]
    assert (one["instrument"], one["events"], one["evidence"]) == ("ACME-USD", 6, 3)
    assert (one["orders"], one["trades"]) == (2, 1)
    assert "SPOOF placed a buy of 400 ACME-USD at 9.95" in page.read_text()


def test_events_and_the_order_log_that_they_come_of_give_the_same_page(
    found: Path, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / name for name in ("1.html", "2.html", "3.html"))
    assert market(found, "--order-log", "orders.csv", "--to", first).code == 0
    assert market(found, "--events", "events.ndjson", "--to", second).code == 0
    packed = tmp_path / "events.ndjson.gz"
    packed.write_bytes(gzip.compress((found / "events.ndjson").read_bytes()))
    assert market(found, "--events", packed, "--to", third).code == 0
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()


def test_a_file_sinks_folder_has_both(found: Path, tmp_path: Path) -> None:
    for part in ("alerts", "events"):
        (tmp_path / "out" / part).mkdir(parents=True)
        content = (found / f"{part}.ndjson").read_bytes()
        name = f"{part}-00000000000000000001.ndjson"
        (tmp_path / "out" / part / name).write_bytes(content)
    said = tapewatch(
        *("market", alert_id(found), "--out", "out", "--to", "page.html"), folder=tmp_path
    )
    assert said.code == 0, said
    assert "ACME-USD on order_log: 6 events, 3 in evidence" in said.out
    one = tmp_path / "one.html"
    assert market(found, "--events", "events.ndjson", "--to", one).code == 0
    assert (tmp_path / "page.html").read_bytes() == one.read_bytes()


def test_names_may_be_written_in_any_way_of_json(found: Path, tmp_path: Path) -> None:
    """As some libraries write a slash."""
    orders = (found / "orders.csv").read_text().replace("ACME-USD", "ACME/USD")
    (tmp_path / "orders.csv").write_text(orders)
    events = tapewatch("normalize", "orders.csv", folder=tmp_path).out
    assert "ACME/USD" in events
    (tmp_path / "events.ndjson").write_text(events.replace("ACME/USD", "ACME\\/USD"))
    rule = RULES / "spoofing" / "spoofing.yml"
    alerts = tapewatch("detect", "--rules", rule, "--events", "events.ndjson", folder=tmp_path)
    (tmp_path / "alerts.ndjson").write_text(alerts.out)
    said = market(tmp_path, "--events", "events.ndjson", "--to", "page.html", "--json")
    (one,) = json.loads(said.out)["markets"]
    assert (one["instrument"], one["events"]) == ("ACME/USD", 6)


def test_less_time_is_shown_where_that_is_said(found: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    said = market(
        *(found, "--events", "events.ndjson", "--to", page, "--json"),
        *("--from", "2026-03-02T10:00:01.2Z", "--until", "2026-03-02T10:00:01.5Z"),
    )
    (one,) = json.loads(said.out)["markets"]
    assert (one["events"], one["orders"], one["trades"]) == (1, 2, 1)
    narrow = market(
        *(found, "--events", "events.ndjson", "--to", page, "--json", "--window", "100ms")
    )
    (one,) = json.loads(narrow.out)["markets"]
    assert one["from"].startswith("2026-03-02T10:00:01.000")


def test_evidence_that_is_missing_is_told_and_the_rest_drawn(found: Path, tmp_path: Path) -> None:
    some = tmp_path / "some.ndjson"
    lines = (found / "events.ndjson").read_text().splitlines()
    some.write_text("\n".join(one for one in lines if "order-cancelled" not in one) + "\n")
    page = tmp_path / "page.html"
    said = market(found, "--events", some, "--to", page)
    assert said.code == 1
    assert "1 event that it rests on is missing" in said.out
    assert page.is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "say where the events are, by one of --out, --elasticsearch, --splunk,"),
        (("--events", "events.ndjson", "--out", "."), 2, "say where the events are"),
        (("--events", "events.ndjson", "--venue", "v"), 2, "--venue belongs to --order-log"),
        (("--events", "events.ndjson", "--sink", "s"), 2, "--sink belongs to --elasticsearch"),
        (("--order-log", "orders.csv", "--column", "c"), 2, "--column belongs to --events"),
        (("--splunk-index", "i", "--out", "out"), 2, "--splunk-index belongs to --splunk"),
        (("--events", "gone.ndjson"), 2, "there is no file or folder gone.ndjson"),
        (("--events", "events.ndjson", "--window", "soon"), 2, "--window"),
        (
            ("--events", "events.ndjson", "--from", "2026-03-03", "--until", "2026-03-01"),
            2,
            "is not before",
        ),
        (
            ("--events", "events.ndjson", "--from", "2027-03-03"),
            2,
            "nothing of the alert's time is left",
        ),
        (
            ("--events", "events.ndjson", "--from", "2026-03-01", "--until", "2026-03-01"),
            1,
            "nothing happened in ACME-USD on order_log from 2026-03-01T00:00:00",
        ),
        (("--events", "alerts.ndjson"), 1, "3 events that it rests on is there: name what it"),
    ],
)
def test_what_cannot_be_done_is_said(
    found: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    page = tmp_path / "page.html"
    said = market(found, "--to", page, *arguments)
    assert said.code == code, said
    assert words in said.error
    assert not page.exists()


@pytest.mark.parametrize("name", ["page.png", "page.PDF"])
def test_a_page_is_not_written_under_the_name_of_what_it_is_none_of(
    found: Path, tmp_path: Path, name: str
) -> None:
    said = market(found, "--events", "events.ndjson", "--to", tmp_path / name)
    assert (said.code, "a page ends in .html, or in .svg" in said.error) == (2, True), said
    assert not (tmp_path / name).exists()


def test_events_without_alerts_ask_for_them(found: Path, tmp_path: Path) -> None:
    said = tapewatch(
        *("market", "abc", "--events", "events.ndjson", "--to", tmp_path / "p.html"), folder=found
    )
    assert said.code == 2
    assert "say where the alerts are, by --alerts" in said.error


def test_an_id_that_no_alert_has_is_told(found: Path, tmp_path: Path) -> None:
    said = tapewatch(
        *("market", "zzz", "--alerts", "alerts.ndjson", "--events", "events.ndjson"),
        *("--to", tmp_path / "p.html"),
        folder=found,
    )
    assert said.code == 1
    assert "no alert in alerts.ndjson begins with 'zzz'" in said.error


def test_the_page_is_never_written_over_what_is_read(found: Path) -> None:
    before = (found / "events.ndjson").read_bytes()
    said = market(found, "--events", "events.ndjson", "--to", "events.ndjson")
    assert said.code == 2
    assert "name another file" in said.error
    assert (found / "events.ndjson").read_bytes() == before


def test_an_alert_that_was_retracted_is_told_as_such(found: Path, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.ndjson"
    update = {
        "@timestamp": "2026-03-02T10:00:02Z",
        "message": "Spoofing: retracted: the trade was busted",
        "event": {
            "action": "alert-update",
            "id": "u",
            "provider": "orders",
            "reason": "the trade was busted",
        },
        "rule": {"id": "r", "name": "Spoofing"},
        "surveillance": {
            "alert": {"id": alert_id(found), "status": "retracted"},
            "level": "high",
            "typology": "spoofing",
        },
    }
    alerts.write_text((found / "alerts.ndjson").read_text() + json.dumps(update) + "\n")
    said = tapewatch(
        *("market", alert_id(found), "--alerts", alerts, "--events", "events.ndjson"),
        *("--to", tmp_path / "page.html"),
        folder=found,
    )
    assert said.code == 0, said
    page = (tmp_path / "page.html").read_text()
    assert "Spoofing: retracted: the trade was busted</p>" in page
