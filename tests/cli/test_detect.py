"""`tapewatch detect`: a pure filter from events to alerts."""

import contextlib
import gzip
import json
import os
import select
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from normalizer.events.chain import TokenTransfer
from normalizer.events.ecs import nest, parse
from tests.cli.command_line import COMMAND, RULES, Answer, environment, tapewatch

RULE = """\
title: Log-in from nowhere
id: 5a7e2f0e-3f4e-4f0e-8f53-3f4be2c9b0ab
status: test
level: medium
description: A rule for documents of others.
author: Tester
date: 2026-01-31
logsource: {product: other}
detection:
  login:
    event.action: user-login
    source.geo.country_iso_code: XX
  condition: login
reason: "log-in from {source.geo.country_iso_code}"
falsepositives: []
references: []
typology: manipulation
"""
FOREIGN: dict[str, Any] = {
    "@timestamp": "2026-01-31T10:00:00Z",
    "event": {"action": "user-login", "kind": "event"},
    "source": {"geo": {"country_iso_code": "XX"}},
}
DOTTED: dict[str, Any] = {
    "@timestamp": "2026-01-31T10:00:00.123456789Z",
    "event.action": "token-transfer",
    "token.symbol": "ACME",
    "token.amount": 1,
    "token.amount_raw": "1000000",
    "blockchain.chain.id": 1,
    "blockchain.block.number": 7,
    "blockchain.block.hash": "0x" + "cd" * 32,
    "source.address": "0x" + "a1" * 20,
    "destination.address": "0x" + "b2" * 20,
    "investor.destination.labels": ["sanctioned"],
}


def nested() -> dict[str, Any]:
    record = parse(DOTTED | {"@timestamp": "2026-01-31T10:00:01Z"})
    assert isinstance(record, TokenTransfer)
    return nest(record)


def lines(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def detect(folder: Path, events: bytes, *options: str, rules: Path = RULES) -> Any:
    (folder / "events.ndjson").write_bytes(events)
    return tapewatch(
        "detect", "--rules", rules, "--events", "events.ndjson", *options, folder=folder
    )


def test_dotted_and_nested_events_give_the_same_alert(tmp_path: Path) -> None:
    answer = detect(tmp_path, lines(DOTTED, nested()))

    assert (answer.code, answer.error) == (0, "")
    first, second = [json.loads(line) for line in answer.out.splitlines()]
    assert first["rule"]["name"] == "Transfer with a sanctioned address"
    assert first["@timestamp"] == "2026-01-31T10:00:00.123456789Z"
    assert first["event"]["reason"] == second["event"]["reason"]
    assert first["event"]["id"] != second["event"]["id"]


def test_flat_alerts_have_dotted_keys(tmp_path: Path) -> None:
    answer = detect(tmp_path, lines(DOTTED), "--flat")

    (alert,) = [json.loads(line) for line in answer.out.splitlines()]
    assert alert["rule.name"] == "Transfer with a sanctioned address"


def test_documents_of_others_meet_the_sigma_rules(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE)

    answer = detect(tmp_path, lines(FOREIGN), rules=tmp_path / "rule.yml")

    assert (answer.code, answer.error) == (0, "")
    assert json.loads(answer.out)["rule"]["name"] == "Log-in from nowhere"


def test_events_come_from_standard_input_as_well(tmp_path: Path) -> None:
    answer = tapewatch(
        "detect", "--rules", RULES, "--events", "-", folder=tmp_path, stdin=lines(DOTTED)
    )

    assert answer.code == 0
    assert json.loads(answer.out)["event"]["kind"] == "alert"


@pytest.mark.parametrize("kind", ["standard input", "FIFO"])
def test_alerts_on_a_stream_are_given_before_more_of_it_comes(tmp_path: Path, kind: str) -> None:
    fifo = tmp_path / "events"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*COMMAND, "detect", "--rules", str(RULES), "--events", "-" if kind != "FIFO" else fifo],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(PYTHONUNBUFFERED=""),
    )
    with process, contextlib.ExitStack() as stack:
        stream = process.stdin if kind != "FIFO" else stack.enter_context(fifo.open("wb"))
        assert stream is not None
        assert process.stdout is not None
        stream.write(lines(DOTTED))
        stream.flush()

        come, _, _ = select.select([process.stdout], [], [], 60)
        stream.close()

        assert come
        assert json.loads(process.stdout.readline())["event"]["kind"] == "alert"


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_no_events_are_no_alerts_and_that_is_said(tmp_path: Path, content: bytes) -> None:
    answer = detect(tmp_path, content)

    assert (answer.code, answer.out) == (0, "")
    assert answer.error == (
        "warning: the rules met no event of events.ndjson: there is none in it\n"
    )


def test_an_order_log_without_a_line_is_told_as_well(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("transact_time,exec_type,symbol\n")

    answer = tapewatch("detect", "--rules", RULES, "--order-log", "orders.csv", folder=tmp_path)

    assert (answer.code, answer.out) == (0, "")
    assert answer.error.startswith("warning: the rules met no event of ")
    assert answer.error.endswith("orders.csv: there is none in it\n")


def test_of_many_bad_lines_some_are_told_and_how_many_more(tmp_path: Path) -> None:
    answer = detect(tmp_path, b"nothing\n" * 5_000 + lines(DOTTED))

    assert (answer.code, len(answer.out.splitlines())) == (1, 1)
    told = answer.error.splitlines()
    assert len(told) == 21
    assert told[-1].startswith("events.ndjson:5000:1: error: 4,980 more lines are wrong so")


def test_lines_of_which_none_is_an_event_are_told_as_one_as_well(tmp_path: Path) -> None:
    answer = detect(tmp_path, b"nothing\n" * 30)

    assert answer.code == 1
    assert answer.error.endswith(
        "warning: the rules met no event of events.ndjson: no line of it is one\n"
    )


def test_bad_lines_are_told_by_place_and_stop_no_other(tmp_path: Path) -> None:
    bad = b'{"@timestamp": \n[1]\n{"event":{"action":"user-login"}}\n\xff\xfe\n' + b"[" * 5000
    unknown = {"@timestamp": "2026-01-31T10:00:00Z", "event.action": "token-transfr",
               "event.dataset": "tapewatch.chain"}  # fmt: skip

    answer = detect(tmp_path, lines(DOTTED) + bad + b"\n" + lines(unknown, nested()))

    assert answer.code == 1
    alerts = [json.loads(line) for line in answer.out.splitlines()]
    assert len(alerts) == 2, "the good lines' alerts are there"
    for number in (2, 3, 4, 5, 6, 7):
        assert f"events.ndjson:{number}:" in answer.error, answer.error
    assert "@timestamp is missing" in answer.error


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lines(DOTTED).decode().encode("utf-16"), "is in UTF-16, not in UTF-8: convert it by"),
        (b"PK\x03\x04" + bytes(100), "is a ZIP archive"),
        (b"BZh9" + bytes(100), "is packed by bzip2"),
    ],
)
def test_what_is_no_text_is_told_for_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    answer = detect(tmp_path, content)

    assert (answer.code, answer.out) == (2, "")
    assert f"error: events.ndjson {said}" in answer.error.replace("no text, but ", "")


def test_standard_input_is_looked_at_as_files_are(tmp_path: Path) -> None:
    def answer(content: bytes) -> Answer:
        return tapewatch(
            "detect", "--rules", RULES, "--events", "-", folder=tmp_path, stdin=content
        )

    packed = answer(gzip.compress(lines(DOTTED)))
    assert (packed.code, packed.out) == (2, "")
    assert packed.error == (
        "error: standard input is no text, but packed by gzip: unpack it by `gunzip`\n"
    )

    marked = answer(b"\xef\xbb\xbf" + lines(DOTTED))
    assert (marked.code, len(marked.out.splitlines())) == (0, 1)


def test_bad_rules_are_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE.replace("level: medium", "level: midium"))

    answer = detect(tmp_path, lines(FOREIGN), rules=tmp_path / "rule.yml")

    assert answer.code == 2
    assert answer.out == ""
    assert "did you mean medium?" in answer.error


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "some.ndjson").write_bytes(lines(DOTTED))

    answer = tapewatch("detect", "--rules", RULES, "--events", "sone.ndjson", folder=tmp_path)

    assert answer.code == 2
    said = "there is no file or folder sone.ndjson: did you mean some.ndjson?"
    assert said in answer.error


def test_files_may_be_packed_several_or_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "events").mkdir(parents=True)
    (folder / "alerts").mkdir()
    (folder / "alerts" / "1.ndjson").write_bytes(b"of no interest\n")
    (folder / "events" / "1.ndjson.gz").write_bytes(gzip.compress(lines(DOTTED)))
    (folder / "events" / "2.ndjson").write_bytes(b"\nrubbish\n" + lines(nested()))
    packed, plain = "out/events/1.ndjson.gz", "out/events/2.ndjson"

    def alerts(*events: str) -> tuple[int, list[str], str]:
        options = [word for path in events for word in ("--events", path)]
        answer = tapewatch("detect", "--rules", RULES, *options, folder=tmp_path)
        return answer.code, answer.out.splitlines(), answer.error

    code, both, error = alerts("out")
    assert (code, len(both)) == (1, 2)
    assert error.startswith(f"{plain}:2:1: error: this isn't JSON")
    assert alerts("out/events/*") == alerts(packed, plain) == (code, both, error)
    assert alerts(packed) == (0, both[:1], "")


def test_events_may_come_out_of_parquet(tmp_path: Path) -> None:
    one = {"json": lines(DOTTED).decode().strip(), "note": "nothing"}
    columns = ", ".join(f"'{value}' AS {name}" for name, value in one.items())
    duckdb.sql(f"COPY (SELECT {columns}) TO '{tmp_path}/events.parquet'")

    answer = tapewatch(
        *("detect", "--rules", RULES, "--events", "events.parquet", "--column", "json"),
        folder=tmp_path,
    )

    assert (answer.code, answer.error, len(answer.out.splitlines())) == (0, "", 1)


def test_a_reader_that_leaves_is_told_nothing_and_no_success_either(tmp_path: Path) -> None:
    # More than a pipe holds, so that writing goes on after the reader has gone.
    documents = [DOTTED | {"event.id": f"event-{number}"} for number in range(2_000)]
    (tmp_path / "events.ndjson").write_bytes(lines(*documents))
    process = subprocess.Popen(
        [*COMMAND, "detect", "--rules", str(RULES), "--events", "events.ndjson"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.stdout.close()

    assert json.loads(first)["event"]["kind"] == "alert"
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 141


def test_a_thousand_alerts_are_not_mixed_with_what_is_told(tmp_path: Path) -> None:
    documents = [DOTTED | {"event.id": f"event-{number}"} for number in range(1_000)]

    answer = detect(tmp_path, lines(*documents) + b"torn\n")

    assert answer.code == 1
    assert len({json.loads(line)["event"]["id"] for line in answer.out.splitlines()}) == 1_000


def test_rules_that_nothing_can_come_of_are_told(tmp_path: Path) -> None:
    trade = {
        "@timestamp": "2026-01-31T10:00:00Z",
        "event.action": "trade",
        "event.provider": "demo",
        "market.venue": "demo",
        "market.instrument": "ACME-USD",
        "market.trade.id": "1",
        "market.trade.price": 10.0,
        "market.trade.quantity": 5.0,
    }
    rules = RULES / "spoofing"

    unknown = detect(tmp_path, lines({**trade, "event.action": "trades"}), rules=rules)
    no_orders = detect(tmp_path, lines(trade), rules=rules)
    nobody = detect(tmp_path, lines(trade), rules=RULES / "wash_trading")

    assert (unknown.code, no_orders.code, nobody.code) == (0, 0, 0)
    assert 'event.action "trades" is none that we know: did you mean trade?' in unknown.error
    assert "events.ndjson: no rule had anything to look at: " in no_orders.error
    assert "no event is order-cancelled, order-changed or order-placed" in no_orders.error
    assert "no event here names an account, an investor or a cluster: " in nobody.error
