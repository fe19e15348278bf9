"""Social feeds without a bus: `normalize`, `detect` and `backtest`."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.cli.command_line import RULES, tapewatch

RISES = RULES / "pump_and_dump" / "pump_begins.yml"
START = 1_772_460_000
ACME = {"venue": "acme-ats", "symbol": "ACME-USD"}


def at(seconds: float) -> int:
    return round((START + seconds) * 1e9)


def trade(seconds: float, price: float, quantity: float = 10) -> dict[str, Any]:
    return {
        "transact_time": at(seconds),
        "exec_type": "trade",
        "symbol": "ACME-USD",
        "last_px": price,
        "last_qty": quantity,
        "aggressor_side": "buy",
    }


def said(end: float, messages: int, **asset: str) -> dict[str, Any]:
    stretch = {"start": at(end - 300), "end": at(end), "messages": messages}
    return {"type": "volume", "medium": "telegram", **(asset or ACME), **stretch}


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


class Pump(NamedTuple):
    traded: Path
    said: Path


def pump_of(folder: Path, **asset: str) -> Pump:
    """Two hours and a half of little, then a rush; and a feed that is loud before and after it."""
    folder.mkdir(exist_ok=True)
    trades = [trade(60 * n, 10) for n in range(150)]
    trades += [trade(9_000 + n, price, 50) for n in range(6) for price in (10.1, 10.4)]
    trades += [trade(9_008 + n, 10.45, 50) for n in range(8)] + [trade(9_016, 10.5, 50)]
    feed = [said(300 * n, 10, **asset) for n in range(1, 29)]
    feed += [said(8_700, 200, **asset), said(9_300, 900, **asset)]
    return Pump(written(folder / "orders.ndjson", trades), written(folder / "chatter.ndjson", feed))


def pump(folder: Path) -> list[str | Path]:
    made = pump_of(folder)
    return ["--order-log", made.traded, "--social-feed", made.said, "--venue", "acme-ats"]


def test_rules_see_what_was_said_at_its_time(tmp_path: Path) -> None:
    options = pump(tmp_path)
    found = tapewatch("detect", "--rules", RISES, *options, folder=tmp_path)
    assert found.code == 0, found.error
    (alert,) = [json.loads(line) for line in found.out.splitlines()]
    assert (
        "; telegram had 200 messages within 5 min, 20 times what is usual"
        in (alert["event"]["reason"])
    )
    passed = tapewatch("backtest", "--rules", RISES, *options, "--json", "-", folder=tmp_path)
    assert passed.code == 0, passed.error
    assert json.loads(passed.out)["events"]["read"] == 150 + 21 + 30


def test_a_feed_becomes_events_and_what_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    feed = tmp_path / "chatter.ndjson"
    written(feed, [said(300, 7), said(600, 7) | {"author": "somebody"}, said(900, -7)])
    done = tapewatch("normalize", "--social-feed", feed, folder=tmp_path)
    assert done.code == 1
    event = json.loads(done.out)
    assert (event["event.action"], event["social.messages"]) == ("social-volume", 7)
    assert event["event.original"] == "chatter.ndjson:1"
    stray = "'author' is no column of a social feed: did you mean authors?"
    assert f"{feed}:2:1: error: {stray}" in done.error
    assert f"{feed}:3:1: error: messages:" in done.error
    assert "somebody" not in done.error


def test_what_does_not_go_together_is_told(tmp_path: Path) -> None:
    feed = written(tmp_path / "chatter.ndjson", [said(300, 7)])
    stray = tapewatch("detect", "--rules", RISES, "--social-feed", feed, folder=tmp_path)
    assert (stray.code, "--social-feed belongs to --order-log" in stray.error) == (2, True)
    nothing = tapewatch("normalize", folder=tmp_path)
    assert (nothing.code, "say which files" in nothing.error) == (2, True)
