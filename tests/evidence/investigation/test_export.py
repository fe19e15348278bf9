"""The exported folder: whole, readable, and checked by a program that needs nothing but Python."""

import ast
import base64
import csv
import importlib.util
import json
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from evidence.audit.entries import Action, Happening
from evidence.audit.notes import SigningKey
from evidence.audit.store import AuditLog
from evidence.investigation.archive import FolderArchive
from evidence.investigation.export import Manifest, Parts, RuleText, export, hashes
from evidence.investigation.gather import evidence_originals, gather
from evidence.investigation.proofs import recorded
from evidence.investigation.raw_frames import RawFrame, RawMessages
from normalizer.events import Alert, AlertUpdate
from pipeline.frames import Frame, FrameBatch, encode_batch
from pipeline.units import HOUR
from tests.demo.invented_alerts import T0, alert
from tests.evidence.audit.test_log import KEY
from tests.evidence.investigation.recorded_case import (
    AGAIN,
    ALERT,
    CASE,
    RETRACTED,
    SPOOFER,
    placed,
    write,
)

SOURCE = Path(__file__).parents[3] / "evidence"
CHECKERS = (
    SOURCE / "investigation" / "check_timeline.py",
    SOURCE / "investigation" / "check_frames.py",
    SOURCE / "audit" / "check_export.py",
)
MESSAGE = encode_batch(FrameBatch("venue", "coinbase", [Frame("venue:1", T0, b'{"type":"open"}')]))


def audit_log(folder: Path) -> AuditLog:
    """A log of the case: alerts as they were on the bus, a frame, and what analysts did."""
    log = AuditLog(folder / "audit", KEY, sync=False)
    with log:
        log.append([_given(ALERT), _given(AGAIN), _given(RETRACTED)])
        log.append(
            [
                _happening("frames-stored", "RAW/1", MESSAGE),
                _happening("frames-stored", "RAW/2", b"another"),
                _happening("command", "looked at abc123", b"", who="alice", why="case 7"),
                _happening("override", "acct-mirage acct-willow", b"", who="bob"),
                _happening("command", "reload", b"", who="carol"),
            ]
        )
        log.sign()
    return log


def _given(told: Alert | AlertUpdate) -> Happening:
    action = "alert-given" if isinstance(told, Alert) else "alert-updated"
    return _happening(action, told.id, msgspec.json.encode(told))


def _happening(action: str, what: str, content: bytes, **more: str) -> Happening:
    fields = {"who": "tapewatch", "sha256": sha256(content).hexdigest() if content else ""}
    return Happening(action=action, time=T0 + 5, what=what, **(fields | more))  # type: ignore[arg-type]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Manifest]:
    """An export with everything in it."""
    gathered = gather(FolderArchive(write(tmp_path / "out", CASE)), "abc123", window=HOUR)
    log = audit_log(tmp_path)
    told = [*gathered.alerts, *gathered.updates]
    found = recorded(log.folder, KEY.verifying, told, gathered.scope.names, [1])
    frame = RawFrame(
        original="RAW/1/0", source="venue", position="venue:1", received=T0,
        payload=b'{"type":"open"}',
    )  # fmt: skip
    parts = Parts(
        rules=[RuleText(hash="cd" * 32, name="spoofing", text="title: A rule\n")],
        raw=RawMessages(messages={1: MESSAGE}, frames=[frame], gone=evidence_originals(gathered)),
        audit=(log.folder, KEY.verifying, found),
        version="1.2.3",
    )
    return tmp_path / "export", export(gathered, parts, tmp_path / "export")


def checked(folder: Path, *options: str, key: str | None = str(KEY.verifying)) -> tuple[int, str]:
    return _checked_by(folder / "check.py", folder, key, *options)


def _checked_by(checker: Path, folder: Path, key: str | None, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-I", str(checker), str(folder), *options]
    if key is not None:
        command += ["--key", key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.returncode, done.stdout + done.stderr


def test_everything_is_in_it_and_checks(made: tuple[Path, Manifest]) -> None:
    folder, manifest = made
    assert manifest.proven == ["abc123", "abd", "u1"]
    assert (manifest.unproven, manifest.missing, manifest.unknown_rules) == ([], [], [])
    code, said = checked(folder)
    assert code == 0, said
    assert "12 lines of the timeline, each with its document" in said
    assert "3 of 3 alerts and updates are, byte for byte, in the audit log" in said
    assert "1 raw frame in 1 message, of which 1 in the audit log" in said
    assert said.endswith("GOOD\n")


def test_others_may_not_enter(made: tuple[Path, Manifest]) -> None:
    assert made[0].stat().st_mode & 0o777 == 0o750


def test_what_analysts_did_stands_in_its_place_and_nothing_of_others(
    made: tuple[Path, Manifest],
) -> None:
    with (made[0] / "timeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    actions = [
        (row["action"], row["by"], row["summary"]) for row in rows if row["kind"] == "action"
    ]
    assert actions == [
        ("command", "alice", "looked at abc123: case 7"),
        ("override", "bob", "acct-mirage acct-willow"),
    ]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return change


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _add(folder: Path) -> None:
    (folder / "more.txt").write_text("more")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_edit("timeline.ndjson", "acct-willow", "acct-honest"), "timeline.ndjson is not the file"),
        (_edit("timeline.csv", "alice", "carol"), "timeline.csv is not the file"),
        (_remove("raw/frames.ndjson"), "raw/frames.ndjson is gone"),
        (_add, "more.txt is not in the manifest"),
    ],
)
def test_a_changed_file_is_named(
    made: tuple[Path, Manifest], change: Callable[[Path], None], said: str
) -> None:
    change(made[0])
    code, answer = checked(made[0])
    assert (code, said in answer) == (1, True), answer


def test_every_changed_file_is_named(made: tuple[Path, Manifest]) -> None:
    _edit("timeline.csv", "alice", "carol")(made[0])
    _edit("timeline.html", "acct-willow", "acct-honest")(made[0])
    _remove("raw/frames.ndjson")(made[0])
    code, answer = checked(made[0])
    assert code == 1
    assert answer.endswith(
        "NOT SHOWN: raw/frames.ndjson is gone; "
        "timeline.csv is not the file that the manifest lists; "
        "timeline.html is not the file that the manifest lists\n"
    )


def test_a_page_that_was_changed_with_its_manifest_is_found_by_what_was_told_of_that(
    made: tuple[Path, Manifest],
) -> None:
    folder = made[0]
    told = sha256((folder / "manifest.json").read_bytes()).hexdigest()
    for right in (told, told[:16], f"{told[:16].upper()}..."):
        code, answer = checked(folder, "--manifest", right)
        assert (code, "that is what you were told" in answer) == (0, True), answer
    _edit("timeline.html", "acct-willow", "acct-honest")(folder)
    _anew(folder)
    code, answer = checked(folder)
    assert (code, "or give that by --manifest" in answer) == (0, True), answer
    code, answer = checked(folder, "--manifest", told)
    assert (code, "NOT SHOWN: the manifest is not the one" in answer) == (1, True), answer
    code, answer = checked(folder, "--manifest", told[:8])
    assert (code, "at least its first 16 digits" in answer) == (1, True), answer


def test_a_key_may_lie_in_a_file(made: tuple[Path, Manifest], tmp_path: Path) -> None:
    (tmp_path / "log.key").write_text(f"{KEY.verifying}\n")
    code, answer = checked(made[0], key=str(tmp_path / "log.key"))
    assert (code, answer.endswith("GOOD\n")) == (0, True), answer


def test_what_is_gone_or_broken_is_said_in_words(made: tuple[Path, Manifest]) -> None:
    manifest = made[0] / "manifest.json"
    whole = json.loads(manifest.read_bytes())
    for broken, said in (
        ("{", "is no JSON: Expecting property name"),
        ("[]", "is none of an export"),
        (json.dumps({name: whole[name] for name in whole if name != "alert"}), "say alert as an e"),
        (json.dumps(whole | {"lines": str(whole["lines"])}), "doesn't say lines as an export does"),
        (json.dumps(whole | {"proven": {}}), "doesn't say proven as an export does"),
    ):
        manifest.write_text(broken)
        (*_, last) = checked(made[0])[1].splitlines()
        assert (last[:24], said in last) == ("NOT SHOWN: manifest.json", True), last
    manifest.unlink()
    assert checked(made[0])[1].endswith("manifest.json is gone\n")


def test_the_checkers_tell_how_they_are_called(made: tuple[Path, Manifest]) -> None:
    for name, option, code in (
        ("check.py", "--help", 0), ("check.py", "--nonsense", 2), ("check_audit.py", "-h", 0),
    ):  # fmt: skip
        command = [sys.executable, "-I", str(made[0] / name), option]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "python3 check.py" in done.stdout) == (code, True)


def _anew(folder: Path) -> None:
    """What a thorough forger does: hashes that fit."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.unlink()
    manifest["files"] = hashes(folder)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_edit("alerts.ndjson", '"high"', '"low"'), "no entry of the audit log is of"),
        (
            _edit("audit/entries.ndjson", "alice", "carol"),
            "NOT SHOWN: audit log: entries.ndjson is not the file that the manifest",
        ),
        (
            _edit("raw/frames.ndjson", "eyJ0eXBlIjoib3BlbiJ9", "eyJ0eXBlIjoib3BlTiJ9"),
            "the frame RAW/1/0 is not in its message",
        ),
        (_remove("alerts.ndjson"), "does not hold the alerts that the manifest calls proven"),
    ],
)
def test_a_forger_who_hashes_anew_meets_the_audit_log(
    made: tuple[Path, Manifest], change: Callable[[Path], None], said: str
) -> None:
    change(made[0])
    _anew(made[0])
    code, answer = checked(made[0])
    assert (code, said in answer) == (1, True), answer


def _empty(folder: Path) -> None:
    """No line of a timeline, no alert, and a manifest that says so."""
    header = (folder / "timeline.csv").read_bytes().splitlines(keepends=True)[0]
    (folder / "timeline.csv").write_bytes(header)
    (folder / "timeline.ndjson").write_bytes(b"")
    (folder / "alerts.ndjson").write_bytes(b"")
    _anew(folder)
    path = folder / "manifest.json"
    emptied: dict[str, object] = {
        "lines": 0,
        "proven": [],
        "unproven": [],
        "missing": [],
        "activities": [],
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | emptied))


def test_a_timeline_without_a_line_is_not_called_good(made: tuple[Path, Manifest]) -> None:
    """With the audit log's entries there, and without them."""
    folder, _ = made
    _empty(folder)
    code, said = checked(folder)
    assert (code, "of the audit log is of an alert that is gone" in said) == (1, True), said
    shutil.rmtree(folder / "audit")
    _anew(folder)
    code, said = checked(folder, key=None)
    assert code == 1, said
    assert "the alert that it is about" in said or "is gone" in said, said


def test_an_alert_whose_document_says_something_else_is_found(made: tuple[Path, Manifest]) -> None:
    folder, _ = made
    documents = (folder / "timeline.ndjson").read_bytes().splitlines()
    place = next(n for n, one in enumerate(documents) if b'"id":"abc123"' in one)
    old = sha256(documents[place]).hexdigest()
    documents[place] = documents[place].replace(b'"level":"high"', b'"level":"low"')
    (folder / "timeline.ndjson").write_bytes(b"\n".join(documents) + b"\n")
    _edit("timeline.csv", old, sha256(documents[place]).hexdigest())(folder)
    _anew(folder)
    code, answer = checked(folder)
    assert (code, "surveillance.level of abc123 is not what was recorded" in answer) == (1, True)


def _change_document(folder: Path, of: bytes, change: Callable[[bytes], list[bytes]]) -> None:
    """Write one document anew, several or none in its place, with all hashes that fit."""
    documents = (folder / "timeline.ndjson").read_bytes().splitlines()
    with (folder / "timeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    place = next(n for n, one in enumerate(documents) if of in one)
    row, news = rows[place + 1], change(documents[place])
    documents[place : place + 1] = news
    rows[place + 1 : place + 2] = [[*row[:-1], sha256(one).hexdigest()] for one in news]
    (folder / "timeline.ndjson").write_bytes(b"".join(one + b"\n" for one in documents))
    with (folder / "timeline.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"lines": len(documents)}))
    _anew(folder)


def _more(text: bytes) -> Callable[[bytes], list[bytes]]:
    return lambda one: [one[:-1] + text + b"}"]


def _other(old: bytes, new: bytes) -> Callable[[bytes], list[bytes]]:
    def change(one: bytes) -> list[bytes]:
        assert old in one
        return [one.replace(old, new)]

    return change


def _twice(one: bytes) -> list[bytes]:
    return [one, one.replace(b"high", b"low")]


def _repeated(one: bytes) -> list[bytes]:
    return [one, one]


def _none(_: bytes) -> list[bytes]:
    return []


_ALERT_ITSELF = b'"id":"abc123"'


@pytest.mark.parametrize(
    ("of", "change", "said"),
    [
        (_ALERT_ITSELF, _twice, "has abc123 twice"),
        (_ALERT_ITSELF, _more(b',"event.reason":"nothing"'), "says event.reason twice"),
        (_ALERT_ITSELF, _more(b',"tags":["false-positive"]'), "tags of abc123 was not recorded"),
        (
            _ALERT_ITSELF,
            _other(b'"staged":false', b'"staged":true'),
            "surveillance.staged of abc123 was not recorded",
        ),
        (
            _ALERT_ITSELF,
            _other(b'"end":"2027-01-15T08:00:00.000000000Z"',
                   b'"end":"2027-01-15T07:59:00.60000000000Z"'),
            "event.end of abc123 is not what was recorded",
        ),
        (_ALERT_ITSELF, _other(b'"abc123"', b'"abc124"'), "doesn't have abc123"),
        (b'"id":"e2"', _none, "e2, that an alert rests on, is gone"),
        (b'"looked at abc123"', _other(b"alice", b"carol"), "is no entry of the audit log"),
        (b'"looked at abc123"', _none, "entry 6 of the audit log is gone from the timeline"),
        (b'"looked at abc123"', _repeated, "is no entry of the audit log"),
    ],
)  # fmt: skip
def test_a_forger_of_documents_is_found(
    made: tuple[Path, Manifest], of: bytes, change: Callable[[bytes], list[bytes]], said: str
) -> None:
    _change_document(made[0], of, change)
    code, answer = checked(made[0])
    assert (code, said in answer) == (1, True), answer


def test_an_alert_that_is_neither_proven_nor_called_unproven_is_found(
    made: tuple[Path, Manifest],
) -> None:
    folder, _ = made
    more = _other(b'"abc123"', b'"forged"')
    _change_document(folder, _ALERT_ITSELF, lambda one: [one, *more(one)])
    code, answer = checked(folder)
    assert (code, "forged is neither proven nor called unproven" in answer) == (1, True), answer


def test_without_the_audit_log_a_key_shows_nothing(made: tuple[Path, Manifest]) -> None:
    folder, _ = made
    shutil.rmtree(folder / "audit")
    _remove("alerts.ndjson")(folder)
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"proven": [], "unproven": []}))
    _anew(folder)
    code, answer = checked(folder)
    assert (code, "nothing of an audit log is in the export" in answer) == (1, True), answer


def test_no_compiled_copy_is_taken_for_the_checker(made: tuple[Path, Manifest]) -> None:
    folder, _ = made
    forged = folder.parent / "forged.py"
    forged.write_text("def check(folder, key):\n    yield 'FORGED'\n")
    compiled = importlib.util.cache_from_source(str(folder / "check_audit.py"))
    py_compile.compile(
        str(forged), cfile=compiled, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    code, answer = checked(folder)
    assert (code, "FORGED" in answer) == (1, False), answer


def test_the_checker_of_the_source_takes_the_other_one_of_the_source(
    made: tuple[Path, Manifest],
) -> None:
    code, answer = _checked_by(CHECKERS[0], made[0], str(KEY.verifying))
    assert code == 0, answer


def test_the_checkers_name_nothing_that_python_3_9_lacks() -> None:
    for path in CHECKERS:
        tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
        named = {
            f"{node.module}.{name.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }
        assert "datetime.UTC" not in named  # since Python 3.11


def test_whatever_people_did_has_a_line_that_checks(tmp_path: Path) -> None:
    gathered = gather(FolderArchive(write(tmp_path / "out", CASE)), "abc123", window=HOUR)
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        log.append([_happening(action, "abc123", b"") for action in get_args(Action)])
        log.sign()
    told = [*gathered.alerts, *gathered.updates]
    found = recorded(log.folder, KEY.verifying, told, ["abc123"], [])
    assert len(found.actions) > len(get_args(Action)) / 2
    parts = Parts(audit=(log.folder, KEY.verifying, found))
    export(gathered, parts, tmp_path / "export")
    code, answer = checked(tmp_path / "export")
    assert code == 0, answer


def test_what_is_evidence_of_thousands_checks_as_well(tmp_path: Path) -> None:
    alerts = [
        alert(f"{number:064}", "spoofing", evidence_events=("e1",), entities=(SPOOFER,))
        for number in range(2_100)
    ]
    archive = FolderArchive(write(tmp_path / "out", [*CASE, *alerts]))
    export(gather(archive, "abc123", window=HOUR), Parts(), tmp_path / "export")
    code, answer = checked(tmp_path / "export", key=None)
    assert code == 0, answer


def test_another_key_shows_nothing(made: tuple[Path, Manifest]) -> None:
    other = SigningKey.new("example.com/audit")
    code, answer = checked(made[0], key=str(other.verifying))
    assert (code, "NOT SHOWN" in answer) == (1, True)


def test_without_an_audit_log_it_says_that_nothing_is_proven(tmp_path: Path) -> None:
    gathered = gather(FolderArchive(write(tmp_path / "out", CASE)), "abc123", window=HOUR)
    manifest = export(gathered, Parts(), tmp_path / "export")
    assert manifest.unproven == ["abc123", "abd", "u1"]
    assert manifest.unknown_rules == ["cd" * 32]
    code, answer = checked(tmp_path / "export", key=None)
    assert code == 0
    assert "nothing of an audit log is in the export" in answer
    assert "0 of 3 alerts and updates are, byte for byte, in the audit log" in answer
    assert "1 rule could NOT be had in the version that alerted" in answer
    assert "No audit log was given" in (tmp_path / "export" / "timeline.html").read_text("utf-8")


# -- the page --------------------------------------------------------------------------------------


def test_the_page_loads_nothing_and_runs_its_own_script_only(made: tuple[Path, Manifest]) -> None:
    page = (made[0] / "timeline.html").read_text("utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    (code,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(sha256(code.encode()).digest()).decode()
    assert policy is not None
    assert f"script-src &#x27;sha256-{digest}&#x27;" in policy[1]
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert not re.search(r"\b(src|href)=", page)


def test_what_events_say_is_no_markup_of_the_page(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    records = [*CASE, placed("evil", T0, evil, reason=evil)]
    archive = FolderArchive(write(tmp_path / "out", records))
    export(gather(archive, "abc123", window=HOUR, also=[evil]), Parts(), tmp_path / "export")
    page = (tmp_path / "export" / "timeline.html").read_text("utf-8")
    assert "<script>alert" not in page
    (lines,) = re.findall(r'<script type="application/json" id="lines">(.*?)</script>', page)
    assert evil in json.dumps(json.loads(lines))


def test_the_same_material_gives_the_same_bytes(tmp_path: Path) -> None:
    archive = FolderArchive(write(tmp_path / "out", CASE))
    for name in ("first", "second"):
        export(gather(archive, "abc123", window=HOUR), Parts(), tmp_path / name)
    for path in (tmp_path / "first").rglob("*"):
        if path.is_file():
            twin = tmp_path / "second" / path.relative_to(tmp_path / "first")
            assert path.read_bytes() == twin.read_bytes(), path.name


def test_a_spreadsheet_gets_no_formula(tmp_path: Path) -> None:
    records = [*CASE, placed("formula", T0, "=cmd|' /C calc'!A0")]
    archive = FolderArchive(write(tmp_path / "out", records))
    gathered = gather(archive, "abc123", window=HOUR, also=["=cmd|' /C calc'!A0"])
    export(gathered, Parts(), tmp_path / "export")
    with (tmp_path / "export" / "timeline.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
