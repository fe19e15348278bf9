"""Checks the timeline of an investigation. It needs Python 3.9 or newer, and nothing else.

    python3 check.py [FOLDER] [--key KEY] [--manifest SHA256]

FOLDER holds what Tapewatch exported; KEY is the public key of its audit log, or a file with it,
which you should have from elsewhere; SHA256 is what was told of the manifest when it was made, or
at least the first 16 digits of it. What is shown:

1. every file is the one that manifest.json lists, none more, none less;
2. timeline.csv has a row for each document of timeline.ndjson, with its time, id and SHA-256, in
   the order of time;
3. alerts.ndjson and the messages in raw/ are, byte for byte, what entries of the audit log say, and
   no alert is gone of which there is such an entry;
4. every raw frame stands in its message, at its place, and where raw frames were asked for, those
   that alerts rest on are there or said to be gone;
5. what was done to a case is, byte for byte, what entries of the audit log say, or said not to be,
   and no number of it is left out before the last;
6. what people did else is what entries of the audit log say, each once and none left out; these
   entries were in the log when a checkpoint was signed by the owner of the key, and the alerts in
   timeline.ndjson say what those in alerts.ndjson do, and no more;
7. the events that alerts rest on are there, or are said to be missing.

Not shown: that timeline.html, timeline.pdf and the words in timeline.csv say what the documents do,
and that the exporter left out nothing else, such as the last that was done to a case. Who changes a
file can write its manifest anew: only with --manifest is that found in files of which the audit log
says nothing. Events follow from raw frames; that they do, Tapewatch shows by replaying these.
Whoever made the export could have changed this file as well: take it from Tapewatch's own source,
where it is evidence/investigation/check_timeline.py, and finds what else it needs beside.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{16,64}", re.ASCII)
#: Files that are named, of those that are not what they should be.
_MOST_TOLD = 20
#: What a document has besides what was recorded: these, which say nothing.
_ALWAYS: dict[str, Any] = {
    "event.module": "tapewatch",
    "event.dataset": "tapewatch.alert",
    "event.original": "",
    "surveillance.staged": False,
    "surveillance.confidence": 1.0,
}
#: What a manifest says, and lists that it may have.
_SAYS: dict[str, type] = {"alert": str, "files": dict, "lines": int, "missing": list}
_LISTS = (
    "activities", "activity_gaps", "parties", "proven", "raw_gone", "unknown_rules", "unmet",
    "unproven", "unproven_activities", "unreadable",
)  # fmt: skip
#: Entries of the audit log that are no lines of a timeline: what they tell of has its own.
_WITHOUT_LINE = frozenset(
    ("alert-given", "alert-updated", "events-made", "frames-stored", "reference-changed", "died",
     "case-action")
)  # fmt: skip
#: Fields in which alerts speak; whoever stores documents may add others to them.
_SAID = frozenset(
    ("@timestamp", "message", "event", "rule", "surveillance", "related", "token", "market",
     "blockchain", "investor", "threat", "tags")
)  # fmt: skip


class Wrong(Exception):
    """What doesn't hold, in words."""


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises Wrong where it has a name twice: readers would differ in which of
    the two counts."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Wrong(f"a document says {name} twice")
        found[name] = value
    return found


def read(text: bytes) -> Any:
    """What JSON says, which is UTF-8: Python would take other encodings, in which nobody finds what
    he looks for. Raises Wrong and ValueError."""
    return json.loads(text.decode("utf-8"), object_pairs_hook=once)


def manifest_of(content: bytes) -> dict[str, Any]:
    """What a manifest says. Raises Wrong where it is none."""
    try:
        manifest = read(content)
    except ValueError as error:
        raise Wrong(f"manifest.json is no JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise Wrong("manifest.json is none of an export")
    lists = {name: list for name in _LISTS if manifest.get(name) is not None}
    for name, kind in (_SAYS | lists).items():
        if not isinstance(manifest.get(name), kind):  # pyright: ignore[reportUnknownArgumentType]
            raise Wrong(f"manifest.json doesn't say {name} as an export does")
    return manifest  # pyright: ignore[reportUnknownVariableType]


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
    there: set[str] = set()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Wrong(f"{name} is neither a file nor a folder")
        if path.is_file():
            there.add(name)
    listed = set(manifest["files"])
    there.discard("manifest.json")
    found = [f"{name} is not in the manifest" for name in sorted(there - listed)]
    found += [f"{name} is gone" for name in sorted(listed - there)]
    found += [
        f"{name} is not the file that the manifest lists"
        for name, digest in sorted(manifest["files"].items())
        if name in there and digest_of(folder / name) != digest
    ]
    if found:
        more = len(found) - _MOST_TOLD
        raise Wrong("; ".join(found[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else ""))


def check_rows(folder: Path, manifest: dict[str, Any]) -> int:
    """How many lines the timeline has. Raises Wrong."""
    number = 0
    csv.field_size_limit(2**31 - 1)  # an event may be evidence of thousands
    with (
        (folder / "timeline.csv").open(encoding="utf-8", newline="") as rows,
        (folder / "timeline.ndjson").open("rb") as documents,
    ):
        table = csv.DictReader(rows)
        columns = list(table.fieldnames or ())
        for name in columns:
            if columns.count(name) > 1:
                raise Wrong(f"timeline.csv has the column {name} twice")
        for row in table:
            document = documents.readline().rstrip(b"\n")
            number += 1
            if hashlib.sha256(document).hexdigest() != row["sha256"]:
                raise Wrong(f"line {number} of timeline.ndjson is not that of timeline.csv")
        if documents.readline():
            raise Wrong("timeline.ndjson has more lines than timeline.csv")
    if number != manifest["lines"]:
        raise Wrong(f"the timeline has {number} lines, and the manifest says {manifest['lines']}")
    return number


def check_order(folder: Path) -> None:
    """Raises Wrong unless rows have the time and id of their documents, in the order of time."""
    before: int | None = None
    with (
        (folder / "timeline.csv").open(encoding="utf-8", newline="") as rows,
        (folder / "timeline.ndjson").open("rb") as documents,
    ):
        for number, (row, line) in enumerate(zip(csv.DictReader(rows), documents), 1):  # noqa: B905
            flat = flattened(read(line))
            said = flat.get("@timestamp", flat.get("time"))
            moment = said if isinstance(said, int) else nanoseconds(str(said))
            if moment is None:
                continue  # of a document that somebody wrote by hand
            named = str(flat.get("event.id", f"audit:{flat.get('number')}"))
            for column, right in (
                ("time", nanoseconds(row["time"]) == moment),
                ("id", row["id"] in (named, f"'{named}")),  # no formula of a spreadsheet
            ):
                if not right:
                    place = f"line {number} of timeline.csv"
                    raise Wrong(f"the {column} in {place} is not that of its document")
            if before is not None and moment < before:
                raise Wrong(f"line {number} of the timeline is earlier than the line before it")
            before = moment


def entries_of(folder: Path) -> list[dict[str, Any]]:
    """Entries of the audit log that are in the export."""
    path = folder / "audit" / "entries.ndjson"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def check_alerts(
    folder: Path, manifest: dict[str, Any], entries: list[dict[str, Any]]
) -> tuple[int, int, set[str]]:
    """How many alerts the audit log has, byte for byte, how many there are, and the raw frames that
    they rest on. Raises Wrong."""
    path = folder / "alerts.ndjson"
    lines = path.read_bytes().splitlines() if path.exists() else []
    known = {one["sha256"] for one in entries if one["action"] in ("alert-given", "alert-updated")}
    proven: dict[str, dict[str, Any]] = {}
    for line in lines:
        told: dict[str, Any] = json.loads(line)
        one = told["event.id"]
        if hashlib.sha256(line).hexdigest() not in known:
            raise Wrong(f"no entry of the audit log is of {one}")
        if one in proven:
            raise Wrong(f"alerts.ndjson has {one} twice")
        proven[one] = told
    if sorted(proven) != sorted(manifest.get("proven", [])):
        raise Wrong("alerts.ndjson does not hold the alerts that the manifest calls proven")
    left = known - {hashlib.sha256(line).hexdigest() for line in lines}
    if left:
        found = next(one for one in entries if one["sha256"] in left)
        raise Wrong(f"entry {found['number']} of the audit log is of an alert that is gone")
    return (len(proven), *check_documents(folder, manifest, proven))


def check_documents(
    folder: Path, manifest: dict[str, Any], proven: dict[str, dict[str, Any]]
) -> tuple[int, set[str]]:
    """How many alerts and updates the timeline has, and the raw frames that they rest on.

    Raises Wrong unless those that are proven say the same there, others are called unproven, what
    they rest on is there or called missing, and what was done is that of the audit log's entries.
    """
    path = folder / "audit" / "entries.ndjson"
    lines = path.read_bytes().splitlines() if path.exists() else []
    done = {line: one for line in lines if (one := read(line))["action"] not in _WITHOUT_LINE}
    told: set[str] = set()
    events: dict[str, Any] = {}  # by id, the raw frame
    wanted: set[str] = set()
    with (folder / "timeline.ndjson").open("rb") as documents:
        for number, line in enumerate(documents, 1):
            flat = flattened(read(line))
            one, action = flat.get("event.id"), flat.get("event.action")
            if one is None:
                if done.pop(line.rstrip(b"\n"), None) is None:
                    raise Wrong(f"line {number} of timeline.ndjson is no entry of the audit log")
                continue
            if not isinstance(action, str):
                raise Wrong(f"{one} doesn't say in text what happened")
            if one in told or one in events:
                raise Wrong(f"the timeline has {one} twice")
            if action not in ("alert", "alert-update"):
                events[one] = flat.get("event.original")
                continue
            told.add(one)
            evidence: Any = flat.get("surveillance.evidence.event_ids", [])
            wanted.update(evidence if isinstance(evidence, list) else [evidence])  # pyright: ignore[reportUnknownArgumentType]
            if one in proven:
                check_document(flat, proven[one])
    for entry in done.values():
        raise Wrong(f"entry {entry['number']} of the audit log is gone from the timeline")
    of_none = not manifest["alert"] and (manifest.get("parties") or manifest.get("case"))
    if not of_none and manifest["alert"] not in told | set(manifest["missing"]):
        raise Wrong(f"the timeline doesn't have {manifest['alert']}, the alert that it is about")
    if set(proven) - told:
        raise Wrong(f"the timeline doesn't have {sorted(set(proven) - told)[0]}")
    others = told - set(proven) - set(manifest.get("unproven", []))
    if others:
        raise Wrong(f"{sorted(others)[0]} is neither proven nor called unproven by the manifest")
    left = wanted - set(events) - set(manifest["missing"])
    if left:
        raise Wrong(f"{sorted(left)[0]}, that an alert rests on, is gone and not called missing")
    return len(told), {str(frame) for one, frame in events.items() if one in wanted and frame}


def check_activities(
    folder: Path, manifest: dict[str, Any], entries: list[dict[str, Any]]
) -> tuple[int, int, str]:
    """How many actions on the case the audit log has, byte for byte, how many there are, and which
    numbers of them are said to be in no stream.

    Raises Wrong unless the timeline has those of the manifest, and others are called unproven.
    """
    known = {one["sha256"]: one["number"] for one in entries if one["action"] == "case-action"}
    unproven = set(manifest.get("unproven_activities", []))
    told: list[str] = []
    numbers: set[int] = set()
    proven = 0
    with (folder / "timeline.ndjson").open("rb") as documents:
        for line in documents:
            if b"case-activity" not in line and b"\\" not in line:
                continue  # JSON has no other way to write it
            document = flattened(read(line))
            if document.get("event.action") != "case-activity":
                continue
            one = str(document["event.id"])
            told.append(one)
            if known.pop(hashlib.sha256(line.rstrip(b"\n")).hexdigest(), None) is not None:
                proven += 1
            elif one not in unproven:
                raise Wrong(f"{one}, an action on the case, is not what the audit log has")
            if document.get("surveillance.case.alert_ids") and not manifest["alert"]:
                raise Wrong(f"{one} is of an alert, and the manifest names none")
            case = document.get("surveillance.case.id")
            if case != manifest.get("case"):
                raise Wrong(f"{one} is an action on {case}, not on {manifest.get('case')}")
            numbers.add(int(document["event.sequence"]))
    if sorted(told) != sorted(manifest.get("activities", [])):
        raise Wrong("the actions on the case are not those that the manifest lists")
    if known:
        raise Wrong(
            f"entry {min(known.values())} of the audit log is of an action on the case that is gone"
        )
    if manifest.get("case") and 1 not in numbers:
        raise Wrong(f"the timeline doesn't have the beginning of {manifest['case']}")
    gaps = gaps_of(numbers)
    text = in_numbers(gaps) if gaps else ""
    if gaps != manifest.get("activity_gaps", []):
        raise Wrong(f"{text} gone" if gaps else "the manifest tells of actions that nobody lacks")
    return proven, len(told), text


def gaps_of(numbers: set[int]) -> list[list[int]]:
    """First and last of the numbers from 1 on that are left out before the highest."""
    found: list[list[int]] = []
    before = 0
    for number in sorted(numbers):
        if number > before + 1:
            found.append([before + 1, number - 1])
        before = max(before, number)
    return found


def in_numbers(gaps: list[list[int]]) -> str:
    """Such numbers as the beginning of a sentence."""
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in gaps]
    several = len(gaps) > 1 or gaps[0][0] != gaps[0][1]
    what = f"number{'s' if several else ''} {', '.join(parts[:_MOST_TOLD])}"
    return f"{what} of the actions on the case {'are' if several else 'is'}"


def check_document(flat: dict[str, Any], recorded: dict[str, Any]) -> None:
    """Raises Wrong unless the document says what was recorded, and no more."""
    one = recorded["event.id"]
    expected: dict[str, Any] = {}
    for name, value in recorded.items():
        expected.update(flattened({name: value}))
    for name, value in expected.items():
        if not same(value, flat.get(name)):
            raise Wrong(f"{name} of {one} is not what was recorded")
    for name, value in flat.items():
        if name in expected or name.split(".")[0] not in _SAID:
            continue
        if name == "event.created":
            right = value == flat["@timestamp"]
        elif name == "event.kind":
            right = value == ("alert" if recorded["event.action"] == "alert" else "event")
        else:
            right = name in _ALWAYS and value == _ALWAYS[name]
        if not right:
            raise Wrong(f"{name} of {one} was not recorded")


def flattened(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by their dotted names. Raises Wrong where one is there twice."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}.{key}" if prefix else key
        inner = flattened(value, name) if isinstance(value, dict) else {name: value}  # pyright: ignore[reportUnknownArgumentType]
        if not found.keys().isdisjoint(inner):
            raise Wrong(f"a document says {sorted(found.keys() & inner.keys())[0]} twice")
        found.update(inner)
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
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    seconds = (moment - datetime(1970, 1, 1)) // timedelta(seconds=1)
    return seconds * 10**9 + int((found[2] or "").ljust(9, "0"))


def check_raw(
    folder: Path, manifest: dict[str, Any], entries: list[dict[str, Any]], wanted: set[str]
) -> tuple[int, int, int]:
    """Frames, their messages, and how many of these the audit log has.

    Raises Wrong, also where one of the frames that are wanted is neither there nor called gone.
    """
    raw = folder / "raw"
    stored = {one["what"]: one["sha256"] for one in entries if one["action"] == "frames-stored"}
    for one in entries:
        place = str(one["what"]).replace("/", "-")
        if one["action"] == "frames-stored" and not (raw / place).exists():
            raise Wrong(
                f"entry {one['number']} of the audit log is of {one['what']}, which is gone"
            )
    if not raw.exists():
        return 0, 0, 0
    messages: dict[str, bytes] = {}
    proven = 0
    for path in sorted(raw.glob("RAW-*")):
        number = path.name[len("RAW-") :]
        messages[number] = path.read_bytes()
        said = stored.get(f"RAW/{number}")
        if said is not None and said != hashlib.sha256(messages[number]).hexdigest():
            raise Wrong(f"{path.name} is not the message that the audit log has")
        proven += said is not None
    frames_of = beside("check_frames.py", "check_frames.py").frames_of
    batches = {number: frames_of(content) for number, content in messages.items()}
    frames: set[str] = set()
    for line in (raw / "frames.ndjson").read_bytes().splitlines():
        frame = read(line)
        if not stands(frame, batches):
            raise Wrong(f"the frame {frame['original']} is not in its message")
        frames.add(frame["original"])
    left = sorted(wanted - frames - set(manifest.get("raw_gone") or ()))
    if left:
        raise Wrong(f"the frame {left[0]}, that an alert rests on, is gone and not called so")
    return len(frames), len(messages), proven


def stands(frame: dict[str, Any], batches: dict[str, Any]) -> bool:
    """Whether it is, in all that is said of it, what its message has at that place."""
    _, number, place = [*str(frame["original"]).split("/"), "", ""][:3]
    there = batches.get(number, [])
    if not place.isdecimal() or int(place) >= len(there):
        return False
    one = there[int(place)]
    return (
        (frame["source"], frame["position"]) == (one.source, one.position)
        and nanoseconds(frame["received"]) == one.received
        and base64.b64decode(frame["payload"], validate=True) == one.payload
    )


def check_told(told: str, digest: str) -> None:
    """Raises Wrong unless the manifest is the one of which this was told."""
    wanted = told.strip().lower().rstrip(".")
    if not _DIGEST.fullmatch(wanted):
        raise Wrong("--manifest is no SHA-256, nor at least its first 16 digits")
    if not digest.startswith(wanted):
        raise Wrong("the manifest is not the one whose SHA-256 you were told: it was changed since")


def check(folder: Path, key: str | None, was: str | None = None) -> Iterator[str]:
    """Lines that say what was shown. Raises Wrong."""
    content = (folder / "manifest.json").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    yield f"the manifest's SHA-256 is {digest}"
    if was is not None:
        check_told(was, digest)
        yield "that is what you were told when the export was made"
    manifest = manifest_of(content)
    check_files(folder, manifest)
    yield f"{len(manifest['files'])} files, each as the manifest lists it"
    yield f"{check_rows(folder, manifest)} lines of the timeline, each with its document"
    entries = entries_of(folder)
    if entries:
        checker = beside("check_audit.py", "../audit/check_export.py")
        try:
            for line in checker.check(folder / "audit", key):
                yield f"audit log: {line}"
        except checker.Wrong as error:
            raise Wrong(f"audit log: {error}") from None
    elif key is not None:
        raise Wrong("a key was given, and nothing of an audit log is in the export")
    else:
        yield "nothing of an audit log is in the export (--audit): no line is proven by one"
    alerts, told, originals = check_alerts(folder, manifest, entries)
    yield f"{alerts} of {told} alerts and updates are, byte for byte, in the audit log"
    actions, done, lacking = check_activities(folder, manifest, entries)
    if done:
        yield f"{actions} of {done} actions on the case are, byte for byte, in the audit log"
    if lacking:
        yield f"{lacking} NOT in the export: by the exporter's word the stream CASES lacks them"
    check_order(folder)
    frames, messages, proven = check_raw(folder, manifest, entries, originals)
    if messages:
        told = f"{counted(frames, 'raw frame')} in {counted(messages, 'message')}"
        yield f"{told}, of which {proven} in the audit log"
    one, many = "alert of the case or event behind one", "alerts of the case or events behind them"
    for name, what, text in (
        ("missing", (one, many), "NOT in the export"),
        ("unreadable", ("document",), "could NOT be read"),
        ("raw_gone", ("raw frame",), "gone from the bus by then"),
        ("unknown_rules", ("rule",), "could NOT be had in the version that alerted"),
        ("unmet", ("name",), "NOT met in the export"),
    ):
        if manifest.get(name):
            yield f"{counted(len(manifest[name]), *what)} {text}: see manifest.json"
    if was is None:
        yield "compare the manifest's SHA-256 with what you were told, or give that by --manifest"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 rule`, `1,234 rules`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def beside(name: str, source: str) -> Any:
    """A program that lies beside this one, in an export or in Tapewatch's source, from its text: a
    compiled copy might be another."""
    here = Path(__file__).resolve().parent
    path = here / name if (here / name).exists() else here / source
    module = ModuleType(path.stem)
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102
    return module


# From here on as in evidence/audit/check_export.py, and on purpose: what is told when that one
# can't be read mustn't come from it.


def given_key(text: str) -> str:
    """A public key as it was given: itself, or a file with it. Raises Wrong."""
    path = Path(text)
    try:
        return path.read_text("utf-8").strip() if path.is_file() else text
    except (OSError, ValueError):
        raise Wrong(f"the key can't be read from {text}") from None


def in_words(error: Exception) -> str:
    """What doesn't hold, or what stood in the way of seeing that."""
    if type(error).__name__ == "Wrong":
        return str(error)
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is gone"
    if isinstance(error, json.JSONDecodeError):
        return f"what should be JSON is none: {error}"
    return f"{type(error).__name__}: {error}"


def _printable(text: str) -> str:
    """Without what tells a terminal to do something: much of it is the exporter's own words."""
    return "".join(one if one.isprintable() else "?" for one in text)


def main(arguments: list[str]) -> int:
    """Entry point; the exit code."""
    try:
        code = _answer(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough; what is shown is not all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _answer(arguments: list[str]) -> int:
    given: dict[str, str] = {}
    rest: list[str] = []
    while arguments:
        one = arguments.pop(0)
        if one in ("--key", "--manifest") and arguments:
            given[one] = arguments.pop(0)
        elif one.startswith("-"):
            print(__doc__)
            return 0 if one in ("-h", "--help") else 2
        else:
            rest.append(one)
    folder = Path(rest[0]) if rest else Path(__file__).resolve().parent
    try:
        key = given_key(given["--key"]) if "--key" in given else None
        for line in check(folder, key, given.get("--manifest")):
            print(_printable(line))
    except BrokenPipeError:
        raise
    except Exception as error:  # whatever a forger has put there
        print(_printable(f"NOT SHOWN: {in_words(error)}"))
        return 1
    print("GOOD")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
