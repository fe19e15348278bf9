"""Checks the timeline of an investigation. It needs Python 3.9 or newer, and nothing else.

    python3 check.py [FOLDER] [--key KEY]

FOLDER holds what Tapewatch exported; KEY is the public key of its audit log, which you should have
from elsewhere. What is shown:

1. every file is the one that manifest.json lists, none more, none less;
2. timeline.csv has a row for each document of timeline.ndjson, in order, with its SHA-256;
3. alerts.ndjson and the messages in raw/ are, byte for byte, what entries of the audit log say;
4. every raw frame stands in its message;
5. these entries were in the log when a checkpoint was signed by the owner of the key, and the
   alerts in timeline.ndjson say what those in alerts.ndjson do.

Events follow from raw frames; that they do, Tapewatch shows by replaying these. Whoever made the
export could have changed this file as well: take both checkers from Tapewatch's own source
(evidence/investigation/check_timeline.py, evidence/audit/check_export.py).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any


class Wrong(Exception):
    """What doesn't hold, in words."""


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while True:
            part = file.read(1 << 20)
            if not part:
                return found.hexdigest()
            found.update(part)


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Raises Wrong unless the files are those of the manifest."""
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    listed = set(manifest["files"])
    there.discard("manifest.json")
    if there - listed:
        raise Wrong(f"{sorted(there - listed)[0]} is not in the manifest")
    if listed - there:
        raise Wrong(f"{sorted(listed - there)[0]} is gone")
    for name, digest in sorted(manifest["files"].items()):
        if digest_of(folder / name) != digest:
            raise Wrong(f"{name} is not the file that the manifest lists")


def check_rows(folder: Path, manifest: dict[str, Any]) -> int:
    """How many lines the timeline has. Raises Wrong."""
    number = 0
    with (
        (folder / "timeline.csv").open(encoding="utf-8", newline="") as rows,
        (folder / "timeline.ndjson").open("rb") as documents,
    ):
        for row in csv.DictReader(rows):
            document = documents.readline().rstrip(b"\n")
            number += 1
            if hashlib.sha256(document).hexdigest() != row["sha256"]:
                raise Wrong(f"line {number} of timeline.ndjson is not that of timeline.csv")
        if documents.readline():
            raise Wrong("timeline.ndjson has more lines than timeline.csv")
    if number != manifest["lines"]:
        raise Wrong(f"the timeline has {number} lines, and the manifest says {manifest['lines']}")
    return number


def entries_of(folder: Path) -> list[dict[str, Any]]:
    """Entries of the audit log that are in the export."""
    path = folder / "audit" / "entries.ndjson"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def check_alerts(folder: Path, manifest: dict[str, Any], entries: list[dict[str, Any]]) -> int:
    """How many alerts the audit log has, byte for byte. Raises Wrong."""
    path = folder / "alerts.ndjson"
    lines = path.read_bytes().splitlines() if path.exists() else []
    known = {one["sha256"] for one in entries if one["action"] in ("alert-given", "alert-updated")}
    shown: list[str] = []
    proven: dict[str, dict[str, Any]] = {}
    for line in lines:
        told: dict[str, Any] = json.loads(line)
        one = told["event.id"]
        if hashlib.sha256(line).hexdigest() not in known:
            raise Wrong(f"no entry of the audit log is of {one}")
        shown.append(one)
        proven[one] = told
    check_documents(folder, proven)
    if sorted(shown) != sorted(manifest.get("proven", [])):
        raise Wrong("alerts.ndjson does not hold the alerts that the manifest calls proven")
    return len(shown)


def check_documents(folder: Path, proven: dict[str, dict[str, Any]]) -> None:
    """Raises Wrong unless each of these is in the timeline, and says the same there."""
    left = set(proven)
    with (folder / "timeline.ndjson").open("rb") as documents:
        for line in documents:
            if b'"alert' not in line:
                continue
            document = json.loads(line)
            one = document.get("event", {}).get("id")
            if one not in left:
                continue
            left.discard(one)
            for name, value in proven[one].items():
                if not same(value, value_at(document, name)):
                    raise Wrong(f"{name} of {one} is not what was recorded")
    if left:
        raise Wrong(f"the timeline doesn't have {sorted(left)[0]}")


def value_at(document: Any, name: str) -> Any:
    """What a nested document has under a dotted name."""
    found: Any = document
    for part in name.split("."):
        try:
            found = found[part]
        except (KeyError, TypeError, IndexError):
            return None
    return found


def same(recorded: Any, there: Any) -> bool:
    """Whether a value is what was recorded: times are nanoseconds there, and texts here."""
    if recorded == there:
        return True
    if there is None:
        return recorded in ([], {})  # a document leaves out what is empty
    if isinstance(recorded, list) and not isinstance(there, list):
        return recorded == [there]
    if isinstance(recorded, int) and isinstance(there, str):
        return nanoseconds(there) == recorded
    return False


def nanoseconds(text: str) -> int | None:
    """Of an RFC 3339 time in UTC, with up to nine digits; None if it is none."""
    head, _, digits = text.rstrip("Z").partition(".")
    try:
        moment = datetime.strptime(head, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * 10**9 + int(
            digits.ljust(9, "0") or "0"
        )
    except ValueError:
        return None


def check_raw(folder: Path, entries: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Frames, their messages, and how many of these the audit log has. Raises Wrong."""
    raw = folder / "raw"
    if not raw.exists():
        return 0, 0, 0
    stored = {one["what"]: one["sha256"] for one in entries if one["action"] == "frames-stored"}
    messages: dict[str, bytes] = {}
    proven = 0
    for path in sorted(raw.glob("RAW-*")):
        number = path.name[len("RAW-") :]
        messages[number] = path.read_bytes()
        said = stored.get(f"RAW/{number}")
        if said is not None and said != hashlib.sha256(messages[number]).hexdigest():
            raise Wrong(f"{path.name} is not the message that the audit log has")
        proven += said is not None
    frames = 0
    for line in (raw / "frames.ndjson").read_bytes().splitlines():
        frame = json.loads(line)
        number = frame["original"].split("/")[1]
        payload = base64.b64decode(frame["payload"], validate=True)
        if payload not in messages.get(number, b""):
            raise Wrong(f"the frame {frame['original']} is not in its message")
        frames += 1
    return frames, len(messages), proven


def check(folder: Path, key: str | None) -> Iterator[str]:
    """Lines that say what was shown. Raises Wrong."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    check_files(folder, manifest)
    yield f"{len(manifest['files'])} files, each as the manifest lists it"
    yield f"{check_rows(folder, manifest)} lines of the timeline, each with its document"
    entries = entries_of(folder)
    if entries:
        audit: Any = importlib.import_module("check_audit")
        for line in audit.check(folder / "audit", key):
            yield f"audit log: {line}"
    alerts = check_alerts(folder, manifest, entries)
    told = alerts + len(manifest.get("unproven", []))
    yield f"{alerts} of {told} alerts and updates are, byte for byte, in the audit log"
    frames, messages, proven = check_raw(folder, entries)
    if messages:
        yield f"{frames} raw frames in {messages} messages, of which {proven} are in the audit log"
    for what, text in (
        ("missing", "events that alerts rest on are NOT in the export"),
        ("unreadable", "documents could NOT be read"),
        ("raw_gone", "raw frames were gone from the bus"),
        ("unknown_rules", "rules could NOT be had in the version that alerted"),
    ):
        if manifest.get(what):
            yield f"{len(manifest[what])} {text}: see manifest.json"


def _printable(text: str) -> str:
    """Without what tells a terminal to do something: much of it is the exporter's own words."""
    return "".join(one if one.isprintable() else "?" for one in text)


def main(arguments: list[str]) -> int:
    """Entry point; the exit code."""
    key: str | None = None
    rest: list[str] = []
    while arguments:
        one = arguments.pop(0)
        if one == "--key" and arguments:
            key = arguments.pop(0)
        elif one.startswith("-"):
            print(__doc__)
            return 2
        else:
            rest.append(one)
    folder = Path(rest[0]) if rest else Path(__file__).resolve().parent
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    try:
        for line in check(folder, key):
            print(_printable(line))
    except Exception as error:  # whatever a forger has put there
        print(_printable(f"NOT SHOWN: {type(error).__name__}: {error}"))
        return 1
    print("GOOD")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
