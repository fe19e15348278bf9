"""The timeline of a case: all its alerts, what was done to it, and that proven by the audit log."""

import asyncio
import json
import re
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from evidence.audit.entries import Happening
from evidence.audit.outbox import waiting
from evidence.audit.store import AuditLog
from evidence.cases.actions import About, Wish, do, opened
from evidence.cases.store import CaseStore
from evidence.investigation.archive import FolderArchive
from evidence.investigation.case_file import CaseFile, case_file_of, case_in, is_case, read_case
from evidence.investigation.export import Manifest, Parts, export, hashes
from evidence.investigation.gather import gather
from evidence.investigation.proofs import recorded
from normalizer.events.ecs import nest
from pipeline.bus import Bus
from pipeline.bus.command_notes import decode_note
from pipeline.failure import Failure
from pipeline.units import HOUR, MINUTE
from tests.cli.command_line import tapewatch, write_configuration
from tests.demo.invented_alerts import T0
from tests.evidence.audit.test_log import KEY
from tests.evidence.investigation.recorded_case import (
    AGAIN,
    ALERT,
    CASE,
    INVESTOR,
    SPOOFER,
    gap,
    write,
)
from tests.evidence.investigation.test_export import checked

ID = "TW-0123456789AB"
ABOUT = About(title="Spoofing by acct-mirage", typology="spoofing", entities=(SPOOFER, INVESTOR))


def wish(action: str, at: int, who: str = "alice", **more: object) -> Wish:
    return Wish(action=action, who=who, at=T0 + at, **more)  # type: ignore[arg-type]


def contents(alerts: tuple[str, ...] = (ALERT.id, AGAIN.id)) -> list[bytes]:
    """What the stream CASES holds: opened by an alert, assigned, and written about."""
    first = wish("opened", 0, "tapewatch", alerts=alerts, rule_id="r1", rule_name="A rule")
    first.alerts_first, first.alerts_last, first.level = T0, T0 + MINUTE, "high"
    activity, case = opened(ID, ABOUT, first)
    found = [msgspec.json.encode(activity)]
    for one in (
        wish("assigned", MINUTE, assignee="alice"),
        wish("commented", 2 * MINUTE, comment="asked the broker, +1 <b>"),
    ):
        activity, case = do(case, one)
        found.append(msgspec.json.encode(activity))
    return found


def case_file(alerts: tuple[str, ...] = (ALERT.id, AGAIN.id)) -> CaseFile:
    found = case_file_of(contents(alerts))
    assert found is not None
    return found


def case_action(content: bytes) -> Happening:
    return Happening(
        action="case-action", time=T0, who="alice (command)", what=f"{ID}: commented",
        sha256=sha256(content).hexdigest(),
    )  # fmt: skip


def made(tmp_path: Path, *, logged: int = 3) -> tuple[Path, Manifest]:
    """An export, with so many of the activities in the audit log."""
    file = case_file()
    gathered = gather(FolderArchive(write(tmp_path / "out", CASE)), file, window=HOUR)
    with AuditLog(tmp_path / "audit", KEY, sync=False) as log:
        log.append([case_action(content) for _, content in file.activities[:logged]])
        log.append([case_action(b"of another case")])
        log.sign()
    told = [*gathered.alerts, *gathered.updates]
    found = recorded(log.folder, KEY.verifying, told, gathered.scope.names, (), file.digests)
    parts = Parts(audit=(log.folder, KEY.verifying, found), version="1.2.3")
    return tmp_path / "case", export(gathered, parts, tmp_path / "case")


def test_all_its_alerts_are_gathered_and_what_was_done_to_it_stands_between(
    tmp_path: Path,
) -> None:
    gathered = gather(FolderArchive(write(tmp_path / "out", CASE)), case_file(), window=HOUR)
    assert {ALERT.id, AGAIN.id} <= {one.id for one in gathered.alerts}
    assert gathered.title == "Spoofing by acct-mirage"
    assert gathered.scope.names == {SPOOFER, INVESTOR}
    actions = [(line.action, line.by) for line in gathered.lines if line.kind == "action"]
    assert actions == [("opened", "tapewatch"), ("assigned", "alice"), ("commented", "alice")]
    assert gathered.missing == []


def test_an_alert_that_the_archive_lacks_is_missing_and_said(tmp_path: Path) -> None:
    archive = FolderArchive(write(tmp_path / "out", CASE))
    gathered = gather(archive, case_file((ALERT.id, "gone")), window=HOUR)
    assert gathered.missing == ["gone"]
    assert not gathered.complete
    with pytest.raises(Failure, match="none of the 1 alerts of TW-0123456789AB"):
        gather(archive, case_file(("gone",)), window=HOUR)


def test_what_was_done_to_it_is_proven_by_the_audit_log(tmp_path: Path) -> None:
    folder, manifest = made(tmp_path)
    assert (manifest.case, len(manifest.activities)) == (ID, 3)
    assert manifest.unproven_activities == []
    code, said = checked(folder)
    assert code == 0, said
    assert "3 of 3 actions on the case are, byte for byte, in the audit log" in said
    page = (folder / "timeline.html").read_text("utf-8")
    assert "Spoofing by acct-mirage" in page
    assert "+1 <b>" not in page


def test_an_action_that_the_audit_log_lacks_is_called_unproven(tmp_path: Path) -> None:
    folder, manifest = made(tmp_path, logged=2)
    assert len(manifest.unproven_activities) == 1
    code, said = checked(folder)
    assert code == 0, said
    assert "2 of 3 actions on the case" in said


@pytest.mark.parametrize(
    "line",
    [
        b'{"event.id":"x","event.action":"case-activity"}',
        b'{"event":{"id":"x","action":"case-activity"}}',
        b'{"event.id":"x","event.action":"case\\u002dactivity"}',
    ],
    ids=["flat", "nested", "escaped"],
)
def test_an_action_that_nobody_did_is_found_in_whatever_form(tmp_path: Path, line: bytes) -> None:
    folder, _ = made(tmp_path)
    with (folder / "timeline.ndjson").open("ab") as documents:
        documents.write(line + b"\n")
    columns = (folder / "timeline.csv").read_text("utf-8").splitlines()[0].count(",")
    with (folder / "timeline.csv").open("a", encoding="utf-8", newline="") as rows:
        rows.write("," * columns + sha256(line).hexdigest() + "\r\n")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["lines"] += 1
    (folder / "manifest.json").unlink()
    manifest["files"] = hashes(folder)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, said = checked(folder)
    assert code == 1
    assert "x, an action on the case, is not what the audit log has" in said


@pytest.mark.parametrize("forged", ["changed", "taken out"])
def test_a_forger_of_actions_is_found(tmp_path: Path, forged: str) -> None:
    folder, _ = made(tmp_path)
    path = folder / "timeline.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if b"asked the broker" in line)
    old = lines[place]
    if forged == "changed":
        lines[place] = old.replace(b"asked the broker", b"asked nobody")
    else:
        lines.pop(place)
    path.write_bytes(b"".join(lines))
    rows = (folder / "timeline.csv").read_text("utf-8")
    digest = sha256(old.rstrip(b"\n")).hexdigest()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    if forged == "changed":
        rows = rows.replace(digest, sha256(lines[place].rstrip(b"\n")).hexdigest())
    else:
        rows = re.sub(f"[^\n]*{digest}[^\n]*\n", "", rows)
        manifest["lines"] -= 1
    (folder / "timeline.csv").write_text(rows, "utf-8", newline="")
    (folder / "manifest.json").unlink()
    manifest["files"] = hashes(folder)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, said = checked(folder)
    assert code == 1
    assert "the case" in said


def test_a_case_out_of_files_is_as_the_bus_had_it(tmp_path: Path) -> None:
    """So that what was done is proven all the same; and a hole in it is no case."""
    archive = FolderArchive(write(tmp_path / "out", CASE))
    with pytest.raises(Failure, match="has no case"):
        case_in(archive, ID)
    lines = [msgspec.json.encode(nest(one)) + b"\n" for one, _ in case_file().activities]
    lines[0] = lines[0].replace(b'"latest":true', b'"latest":false')  # as a sink marks it
    (tmp_path / "out" / "cases").mkdir()
    path = tmp_path / "out" / "cases" / "20261126T000000Z-00000001.ndjson"
    path.write_bytes(b"".join([*reversed(lines), lines[0]]))
    assert case_in(archive, ID.lower()) == case_file()
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(Failure, match="lacks what was done to TW-0123456789AB as number 2"):
        case_in(archive, ID)


@pytest.fixture
async def stored(bus: Bus) -> Bus:
    store = await CaseStore.open(bus)
    for case in (ID, "TW-0123999999AB"):
        first = wish("opened", 0, "tapewatch", alerts=(ALERT.id,), level="high")
        _, there = await store.begin(case, ABOUT, first)
        await store.do(there, wish("commented", MINUTE, comment="looked at it"))
    return bus


async def test_a_case_is_read_by_its_id_or_how_that_begins(stored: Bus) -> None:
    for wanted in (ID, "TW-01234", "tw-01234"):
        found = await read_case(stored, wanted)
        assert found.case.id == ID
        assert [one.action for one, _ in found.activities] == ["opened", "commented"]
    with pytest.raises(Failure, match="2 cases begin with TW-0123"):
        await read_case(stored, "TW-0123")
    with pytest.raises(Failure, match="tapewatch case list"):
        await read_case(stored, "TW-FFFF")
    assert is_case("tw-1")
    assert not is_case("abc123")


@pytest.mark.usefixtures("stored")
async def test_by_the_command_which_notes_the_export_with_its_digest(tmp_path: Path) -> None:
    write(tmp_path / "out", CASE)
    with AuditLog(tmp_path / "audit", KEY, sync=False):
        pass
    write_configuration(tmp_path, bus={"type": "embedded", "path": "nats"})
    asked = ("timeline", "export", ID, "--out", "out", "--to", "case", "--audit", "audit")
    more = ("--why", "for the regulator")
    said = await asyncio.to_thread(tapewatch, *asked, *more, folder=tmp_path)
    assert "0 of 2 actions on the case are proven by it as well" in said.out, said
    assert "what is not proven: it hasn't them yet, or has them in another form" in said.out
    (note,) = [decode_note(one.read_bytes()) for one in waiting(tmp_path / "audit")]
    assert (note.action, note.what, note.why) == ("export", f"timeline {ID}", "for the regulator")
    digest = sha256((tmp_path / "case" / "manifest.json").read_bytes()).hexdigest()
    assert msgspec.json.decode(bytes(note.after))["manifest"] == digest  # type: ignore[arg-type]
    assert f"SHA-256 of its manifest: {digest}" in said.out


# -- a case without an alert -----------------------------------------------------------------------


def referral() -> CaseFile:
    """Of a complaint about the spoofer."""
    first, case = opened(ID, ABOUT, wish("opened", 0, level="high", why="a client complains"))
    second, _ = do(case, wish("commented", MINUTE, comment="no rule alerted"))
    found = case_file_of([msgspec.json.encode(one) for one in (first, second)])
    assert found is not None
    return found


def test_of_a_case_without_alerts_there_is_all_that_its_parties_did(tmp_path: Path) -> None:
    archive = FolderArchive(write(tmp_path / "out", CASE))
    with pytest.raises(Failure, match="TW-0123456789AB has no alert: say of which time, by --from"):
        gather(archive, referral(), window=HOUR, since=T0)
    found = gather(archive, referral(), window=HOUR, since=T0 - HOUR, until=T0 + HOUR)
    assert found.subject is None
    assert found.title == "Spoofing by acct-mirage"
    assert {"e1", "e2", "e3", "gap", "rules", "other-rules", "kyc"} <= {x.id for x in found.lines}
    assert [one.id for one in found.alerts] == [ALERT.id, AGAIN.id], "theirs, if not the case's"
    (first,) = [line.summary for line in found.lines if line.action == "opened"]
    assert first == f"{ID}: alice opened the case: a client complains"
    manifest = export(found, Parts(), tmp_path / "export")
    assert (manifest.alert, manifest.case, manifest.parties) == ("", ID, [])
    code, said = checked(tmp_path / "export", key=None)
    assert code == 0, said
    readme = (tmp_path / "export" / "README.txt").read_text("utf-8")
    assert f"    case      {ID}\n    from " in readme


@pytest.mark.parametrize("alerts", [(ALERT.id, AGAIN.id), ()], ids=["of-alerts", "of-none"])
def test_events_that_people_attached_are_there_whosever_and_whenever(
    tmp_path: Path, alerts: tuple[str, ...]
) -> None:
    """A report tells of them, and names the timeline for what it rests on."""
    first = wish("opened", 0, "tapewatch", alerts=alerts, level="high")
    activity, case = opened(ID, ABOUT, first)
    found = [msgspec.json.encode(activity)]
    for one in ("honest-trade", "elsewhere", "letter-7"):
        activity, case = do(case, wish("evidence-attached", MINUTE, evidence=one))
        found.append(msgspec.json.encode(activity))
    file = case_file_of(found)
    assert file is not None
    elsewhere = gap("elsewhere", T0 - 9 * HOUR, "other")
    archive = FolderArchive(write(tmp_path / "out", [*CASE, elsewhere]))
    gathered = gather(archive, file, window=HOUR, since=T0 - HOUR, until=T0 + HOUR)
    assert {"honest-trade", "elsewhere"} <= {line.id for line in gathered.lines}
    assert "honest" not in {line.id for line in gathered.lines}, "which nobody attached"
    assert gathered.missing == [], "an id may be one of something else"
    export(gathered, Parts(), tmp_path / "export")
    assert checked(tmp_path / "export", key=None)[0] == 0


def test_whom_a_case_without_alerts_is_about_and_nothing_names_is_told(tmp_path: Path) -> None:
    """The case itself names them, and that is no sign of them."""
    about = About(title="A tip", entities=(SPOOFER, "acct-mirag"))
    first, _ = opened(ID, about, wish("opened", 0, level="high", why="a tip"))
    file = case_file_of([msgspec.json.encode(first)])
    assert file is not None
    archive = FolderArchive(write(tmp_path / "out", CASE))
    assert gather(archive, file, window=HOUR, since=T0, until=T0 + HOUR).unmet == ("acct-mirag",)
    assert gather(archive, case_file(), window=HOUR, also=("acct-x",)).unmet == ("acct-x",)


def test_a_case_of_which_nothing_was_done_is_none(tmp_path: Path) -> None:
    """Else its alerts were dropped by dropping what tells of them as well."""
    archive = FolderArchive(write(tmp_path / "out", CASE))
    found = gather(archive, referral(), window=HOUR, since=T0 - HOUR, until=T0 + HOUR)
    found.case = None
    left = [n for n, line in enumerate(found.lines) if line.kind != "action"]
    found.documents = [found.documents[n] for n in left]
    found.lines = [found.lines[n] for n in left]
    found.parties = (SPOOFER,)
    export(found, Parts(), tmp_path / "export")
    manifest = json.loads((tmp_path / "export" / "manifest.json").read_bytes())
    changed = manifest | {"case": ID, "parties": []}
    (tmp_path / "export" / "manifest.json").write_text(json.dumps(changed))
    code, said = checked(tmp_path / "export", key=None)
    assert (code, f"the timeline doesn't have the beginning of {ID}" in said) == (1, True), said


def test_a_case_with_alerts_is_not_made_one_without(tmp_path: Path) -> None:
    folder, _ = made(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_bytes()) | {"alert": ""}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    code, said = checked(folder)
    assert (code, "is of an alert, and the manifest names none" in said) == (1, True), said
