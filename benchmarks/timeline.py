"""What the export of an investigation costs, beside reading and decoding the same documents.

    python -m benchmarks.timeline [--events 100000] [--others 100000]

The case: one account's orders, half of all events in the folder. Wanted are 100,000 events within
60 s and 1 GB. The export runs in a process of its own, so that its memory is its own.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.memory import most_resident
from normalizer.events import Alert
from normalizer.events.ecs import nest
from normalizer.events.market import OrderPlaced

START = 1_767_225_600_000_000_000
ACCOUNT = "acct-1"


def write_folder(folder: Path, events: int, others: int) -> int:
    """The folders of a file sink; how many bytes of events they have."""
    (folder / "alerts").mkdir(parents=True)
    (folder / "events").mkdir()
    name = "20260101T000000Z-00000001.ndjson"
    total, size = events + others, 0
    with (folder / "events" / name).open("wb") as file:
        for number in range(total):
            theirs = (number + 1) * events // total > number * events // total
            account = ACCOUNT if theirs else f"acct-{number % 900 + 2}"
            size += file.write(msgspec.json.encode(nest(_order(number, account))) + b"\n")
    (folder / "alerts" / name).write_bytes(msgspec.json.encode(nest(_alert(total))) + b"\n")
    return size


def _order(number: int, account: str) -> OrderPlaced:
    at = START + number * 1_000_000
    return OrderPlaced(
        id=f"venue:{number}", timestamp=at, ingested=at, original=f"RAW/{number // 256}/0",
        provider="venue", venue="demo-venue", instrument="ACME-USD", order_id=f"order-{number}",
        side="buy", price=99.94, quantity=390.0, investor_account=account, related_user=(account,),
    )  # fmt: skip


def _alert(total: int) -> Alert:
    last = START + total * 1_000_000
    return Alert(
        id="ab" * 32, timestamp=last, created=START, ended=last, provider="venue", severity=73,
        risk_score=60.0, reason="acct-1 did much", message="A rule: acct-1 did much",
        rule_id="00000000-0000-4000-8000-000000000001", rule_name="A rule",
        rule_version="2026-01-01", rule_hash="cd" * 32, level="high", typology="spoofing",
        entities=(ACCOUNT,), related_user=(ACCOUNT,), evidence_events=("venue:1",),
    )  # fmt: skip


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--others", type=int, default=100_000)
    parser.add_argument("--run", nargs=2, metavar=("FOLDER", "TO"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        _export(Path(options.run[0]), Path(options.run[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "out"
        size = write_folder(folder, options.events, options.others)
        print(f"{options.events + options.others:,} events, {size / 2**20:,.0f} MiB")
        floor = _floor(folder)
        print(f"read and decode    {floor:8.2f} s")
        command = [sys.executable, "-m", __spec__.name, "--run", str(folder), f"{name}/export"]
        said: dict[str, Any] = msgspec.json.decode(
            subprocess.run(command, check=True, capture_output=True).stdout
        )
        seconds = said["seconds"]
        print(f"export             {seconds:8.2f} s  {seconds / floor:6.1f} of that")
        print(f"lines              {said['lines']:8,}")
        print(f"memory at most     {said['memory'] / 2**20:8.0f} MiB")


def _floor(folder: Path) -> float:
    began = time.perf_counter()
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for path in (folder / "events").iterdir():
        with path.open("rb") as file:
            for line in file:
                decode(line)
    return time.perf_counter() - began


def _export(folder: Path, to: Path) -> None:
    from evidence.investigation.archive import FolderArchive
    from evidence.investigation.export import Parts, export
    from evidence.investigation.gather import gather

    began = time.perf_counter()
    gathered = gather(FolderArchive(folder), "ab" * 32, window=1_000_000_000)
    manifest = export(gathered, Parts(), to)
    said = {
        "seconds": time.perf_counter() - began,
        "lines": manifest.lines,
        "memory": most_resident(),
    }
    sys.stdout.buffer.write(msgspec.json.encode(said))


if __name__ == "__main__":
    main()
