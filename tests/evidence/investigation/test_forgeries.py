"""What a forger may try who writes the manifest of an export anew, so that every hash fits."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evidence.audit.entries import Happening
from evidence.audit.store import AuditLog
from evidence.cases.actions import do, opened
from evidence.investigation.archive import FolderArchive
from evidence.investigation.case_file import case_file_of
from evidence.investigation.check_timeline import flattened
from evidence.investigation.export import Parts, export, hashes
from evidence.investigation.gather import evidence_originals, gather
from evidence.investigation.proofs import recorded
from evidence.investigation.raw_frames import RawFrame, RawMessages
from pipeline.frames import Frame, FrameBatch, encode_batch
from pipeline.units import HOUR, MINUTE
from tests.demo.invented_alerts import T0
from tests.evidence.audit.test_log import KEY
from tests.evidence.investigation.recorded_case import ALERT, CASE, write
from tests.evidence.investigation.test_case import ABOUT, case_action, contents, wish
from tests.evidence.investigation.test_export import checked

ID = "TW-0123456789AB"
#: Two frames in one message, as `tapewatch run` packs them.
FRAMES = [
    Frame("venue:1", T0, b'{"type":"open","size":"390"}'),
    Frame("venue:2", T0 + 1, b'{"type":"done","size":"390"}'),
    Frame("venue:" + "3" * 300, 2**40, b"x" * 70_000, kind="snapshot", context="ACME-USD"),
]
MESSAGE = encode_batch(FrameBatch("venue", "coinbase", FRAMES))
#: Id of a document that a forger has put between the others.
_FORGED = "f00"


def made(tmp_path: Path, activities: Sequence[bytes]) -> Path:
    """An export of a case to which this was done, all of it in the audit log, with raw frames."""
    file = case_file_of(activities)
    assert file is not None
    gathered = gather(FolderArchive(write(tmp_path / "out", CASE)), file, window=HOUR)
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        log.append([case_action(one) for one in activities])
        stored = sha256(MESSAGE).hexdigest()
        log.append(
            [Happening(action="frames-stored", time=T0, who="c", what="RAW/1", sha256=stored)]
        )
        log.sign()
    told = [*gathered.alerts, *gathered.updates]
    found = recorded(log.folder, KEY.verifying, told, gathered.scope.names, (1,), file.digests)
    frames = [
        RawFrame(
            original=f"RAW/1/{place}", source="venue", position=one.position,
            received=one.received, payload=one.payload,
        )
        for place, one in enumerate(FRAMES)
    ]  # fmt: skip
    gone = evidence_originals(gathered)
    raw = RawMessages(messages={1: MESSAGE}, frames=frames, gone=gone)
    parts = Parts(audit=(log.folder, KEY.verifying, found), raw=raw, version="1.2.3")
    export(gathered, parts, tmp_path / "case")
    return tmp_path / "case"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path, contents())


def forge(folder: Path, change: Callable[[list[bytes], list[dict[str, str]]], None]) -> None:
    """Change documents and rows of the timeline, and write all hashes and lists that fit."""
    documents = (folder / "timeline.ndjson").read_bytes().splitlines()
    with (folder / "timeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    change(documents, rows)
    (folder / "timeline.ndjson").write_bytes(b"".join(one + b"\n" for one in documents))
    with (folder / "timeline.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row, document in zip(rows, documents, strict=True):
            writer.writerow(row | {"sha256": sha256(document).hexdigest()})
    done = [json.loads(one)["event.id"] for one in documents if b'"case-activity"' in one]
    rewrite(folder, lines=len(documents), activities=[one for one in done if one != _FORGED])


def rewrite(folder: Path, **more: Any) -> None:
    """The manifest as it should be, and saying this as well."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    path.unlink()
    path.write_text(json.dumps(manifest | {"files": hashes(folder)} | more))


def refused(folder: Path, said: str) -> None:
    code, answer = checked(folder)
    assert (code, said in answer) == (1, True), answer


def test_a_true_export_checks(folder: Path) -> None:
    code, answer = checked(folder)
    assert code == 0, answer
    assert "3 raw frames in 1 message" in answer
    forge(folder, lambda documents, rows: None)
    assert checked(folder)[0] == 0


# -- what was done to a case -----------------------------------------------------------------------


def _taken_out(word: bytes) -> Callable[[list[bytes], list[dict[str, str]]], None]:
    def change(documents: list[bytes], rows: list[dict[str, str]]) -> None:
        place = next(n for n, one in enumerate(documents) if word in one)
        del documents[place], rows[place]

    return change


def test_an_action_on_a_case_that_is_gone_is_missed_by_its_entry_of_the_audit_log(
    folder: Path,
) -> None:
    """Also where the manifest lists it no more."""
    forge(folder, _taken_out(b"asked the broker"))
    refused(folder, "entry 3 of the audit log is of an action on the case that is gone")


def test_an_action_that_is_gone_with_its_entry_is_missed_by_its_number(tmp_path: Path) -> None:
    """All but the last one: nobody can tell whether more was done afterwards."""
    activities = contents()
    folder = made(tmp_path, activities)
    shutil.rmtree(tmp_path / "audit")
    without = made(tmp_path / "other", [activities[0], activities[2]])
    shutil.copy(without / "audit" / "entries.ndjson", tmp_path / "entries.ndjson")
    shutil.rmtree(folder / "audit")
    shutil.copytree(without / "audit", folder / "audit")
    forge(folder, _taken_out(b'"surveillance.case.action":"assigned"'))
    refused(folder, "number 2 of the actions on the case is gone")


def test_numbers_that_the_stream_itself_lacks_are_told_and_no_fault_of_the_export(
    tmp_path: Path,
) -> None:
    """Who has a client of his own may write an action with any number; it changes nothing."""
    rogue = contents()[2].replace(b'"event.sequence":3', b'"event.sequence":70')
    folder = made(tmp_path, [*contents()[:2], rogue])
    code, answer = checked(folder)
    assert code == 0, answer
    assert "numbers 3 to 69 of the actions on the case are NOT in the export" in answer
    rewrite(folder, activity_gaps=[])
    refused(folder, "numbers 3 to 69 of the actions on the case are gone")


def test_an_action_on_another_case_is_none_on_this_one(tmp_path: Path) -> None:
    """Though the audit log has it."""
    begun, case = opened("TW-0999999999AB", ABOUT, wish("opened", 0, alerts=("a",), level="high"))
    other, _ = do(case, wish("commented", MINUTE, comment="it was all a mistake"))
    line = msgspec.json.encode(other)
    folder = made(tmp_path, [*contents(), line])
    assert begun.case_id in line.decode()
    refused(folder, "is an action on TW-0999999999AB, not on TW-0123456789AB")


# -- documents -------------------------------------------------------------------------------------


def test_a_name_that_is_there_twice_is_refused_whichever_of_the_two_is_right(folder: Path) -> None:
    """Programs take the last one, and people the first."""

    def change(documents: list[bytes], rows: list[dict[str, str]]) -> None:
        place = next(n for n, one in enumerate(documents) if f'"id":"{ALERT.id}"'.encode() in one)
        documents[place] = b'{"message":"nothing happened",' + documents[place][1:]

    forge(folder, change)
    refused(folder, "says message twice")


def _inserted(
    word: bytes, write: Callable[[dict[str, Any]], bytes]
) -> Callable[[list[bytes], list[dict[str, str]]], None]:
    """Behind the document with this word another one that is like it, but for its id."""

    def change(documents: list[bytes], rows: list[dict[str, str]]) -> None:
        place = next(n for n, one in enumerate(documents) if word in one)
        document = flattened(json.loads(documents[place])) | {"event.id": _FORGED}
        documents.insert(place + 1, write(document))
        rows.insert(place + 1, rows[place] | {"id": _FORGED})

    return change


@pytest.mark.parametrize("word", [b'"id":"abc123"', b"asked the broker"])
@pytest.mark.parametrize("said", [["alert"], ["case-activity"], 7, None])
def test_what_a_document_is_must_be_said_in_text(folder: Path, word: bytes, said: object) -> None:
    """A search engine takes a list of one for that one, and would find an alert, or an action on
    the case, that no entry of the audit log was asked for."""
    made = _inserted(word, lambda one: json.dumps(one | {"event.action": said}).encode())
    forge(folder, made)
    refused(folder, f"{_FORGED} doesn't say in text what happened")


def test_a_document_in_another_encoding_is_refused(folder: Path) -> None:
    """Python reads JSON in UTF-16 as well, and nothing that is sought in its bytes is found."""

    def wide(document: dict[str, Any]) -> bytes:
        return json.dumps(document).encode("utf-16-be") + b"\0"  # with the line's end one more sign

    forge(folder, _inserted(b"asked the broker", wide))
    refused(folder, "NOT SHOWN")


def test_a_column_that_is_there_twice_is_refused(folder: Path) -> None:
    """Who reads the first of the two reads what nobody has checked."""
    path = folder / "timeline.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["time", *rows[0]], *(["whenever", *one] for one in rows[1:])])
    rewrite(folder)
    refused(folder, "timeline.csv has the column time twice")


def test_a_manifest_that_says_two_things_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text('{"missing": ["e1"],' + path.read_text()[1:])
    refused(folder, "says missing twice")


def test_lines_that_changed_places_are_told(folder: Path) -> None:
    def change(documents: list[bytes], rows: list[dict[str, str]]) -> None:
        documents[0], documents[-1] = documents[-1], documents[0]
        rows[0], rows[-1] = rows[-1], rows[0]

    forge(folder, change)
    refused(folder, "line 2 of the timeline is earlier than the line before it")


@pytest.mark.parametrize(
    ("column", "text"), [("time", "2027-01-15T07:59:00.000000001Z"), ("id", "e9")]
)
def test_a_row_of_another_time_or_of_something_else_is_told(
    folder: Path, column: str, text: str
) -> None:
    def change(documents: list[bytes], rows: list[dict[str, str]]) -> None:
        rows[3][column] = text

    forge(folder, change)
    refused(folder, f"the {column} in line 4 of timeline.csv is not that of its document")


# -- raw frames ------------------------------------------------------------------------------------


def _frames(folder: Path) -> list[dict[str, str]]:
    lines = (folder / "raw" / "frames.ndjson").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def _write_frames(folder: Path, frames: list[dict[str, str]]) -> None:
    lines = [json.dumps(one).encode() + b"\n" for one in frames]
    (folder / "raw" / "frames.ndjson").write_bytes(b"".join(lines))
    rewrite(folder)


@pytest.mark.parametrize("field", ["payload", "position", "received"])
def test_frames_of_one_message_that_changed_places_are_told(folder: Path, field: str) -> None:
    """Each of them stands in the message, but not there."""
    frames = _frames(folder)
    frames[0][field], frames[1][field] = frames[1][field], frames[0][field]
    _write_frames(folder, frames)
    refused(folder, "the frame RAW/1/0 is not in its message")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("payload", "Mzkw"),  # "390", which the frame has a part of
        ("payload", ""),
        ("source", "another-venue"),
        ("original", "RAW/1/7"),
        ("original", "RAW/1/-1"),
        ("original", "RAW/2/0"),
        ("original", "RAW/1"),
    ],
)
def test_a_part_of_a_frame_or_one_of_elsewhere_is_none(folder: Path, field: str, text: str) -> None:
    frames = _frames(folder)
    frames[-1][field] = text
    _write_frames(folder, frames)
    refused(folder, f"the frame {frames[-1]['original']} is not in its message")


def test_a_message_that_is_cut_short_holds_no_frames(folder: Path) -> None:
    """Where no entry of the audit log tells that it was another."""
    shutil.copy(folder / "raw" / "RAW-1", folder / "raw" / "RAW-7")
    frames = _frames(folder)
    frames[0]["original"] = "RAW/7/0"
    _write_frames(folder, frames)
    assert checked(folder)[0] == 0
    path = folder / "raw" / "RAW-7"
    path.write_bytes(path.read_bytes()[:-10])
    rewrite(folder)
    refused(folder, "the frame RAW/7/0 is not in its message")


def test_a_message_that_is_gone_is_missed_by_its_entry_of_the_audit_log(folder: Path) -> None:
    """As where the raw frames of another export were put in the place of these."""
    shutil.rmtree(folder / "raw")
    rewrite(folder)
    refused(folder, "entry 4 of the audit log is of RAW/1, which is gone")


def test_a_frame_that_an_alert_rests_on_is_there_or_called_gone(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["raw_gone"]
    rewrite(folder, raw_gone=manifest["raw_gone"][1:])
    refused(folder, f"the frame {manifest['raw_gone'][0]}, that an alert rests on, is gone")
