"""The newest steps of a report, removed by who owns its folder, are missed by the audit log."""

from pathlib import Path

import msgspec
import pytest

from evidence.audit.facts import of_left
from evidence.audit.notes import SigningKey
from evidence.audit.outbox import leave, read, remove, waiting
from evidence.audit.store import AuditLog
from evidence.reports.suspicious.recorded_steps import missing_steps, noted_step, recorded_steps
from evidence.reports.suspicious.steps import Step
from pipeline.bus.command_notes import CommandNote
from pipeline.failure import Failure
from tests.evidence.reports.suspicious.test_submission import Desk, People


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> People:
    found = People()
    monkeypatch.setattr("evidence.reports.suspicious.dossier.owner_of", found.owner_of)
    return found


class RecordedDesk(Desk):
    """Its steps are noted for a log, as the commands do it."""

    def __init__(self, folder: Path, people: People) -> None:
        self.log = folder / "audit"
        super().__init__(folder, people)

    def note(self, step: Step, taken: bool) -> None:
        noted = noted_step(step, self.dossier.folder, not_taken=not taken)
        after = msgspec.Raw(msgspec.json.encode(noted))
        note = CommandNote(action="report", what=step.action, why=step.why, after=after)
        leave(self.log, note, step.who)

    def log_it(self) -> None:
        """What the stage `audit` does with what was left."""
        left = [read(path) for path in waiting(self.log)]
        with AuditLog(self.log, SigningKey.new("tapewatch.example/audit"), sync=False) as log:
            log.append([of_left(one) for one in left])
            log.sign()
        remove(one.path for one in left)

    def remove_steps(self, first: int) -> None:
        """What the owner of the folder can do."""
        for path in self.dossier.folder.glob("steps/*.json"):
            if int(path.stem) >= first:
                self.people.remove(path)

    def missing(self) -> list[str]:
        steps = self.dossier.history()
        found = missing_steps(recorded_steps(self.log), steps, self.dossier.folder)
        return [one.what for one in found]


@pytest.fixture
def desk(tmp_path: Path, people: People) -> RecordedDesk:
    found = RecordedDesk(tmp_path, people)
    found.build("ann")
    found.decide("rejected", "ben", "the amounts are wrong")
    return found


@pytest.mark.parametrize("logged", [True, False], ids=["in the log", "in its outbox"])
def test_a_rejection_that_was_removed_is_missed(desk: RecordedDesk, *, logged: bool) -> None:
    if logged:
        desk.log_it()
    assert desk.missing() == []
    desk.remove_steps(2)
    assert desk.dossier.state().status == "draft"
    assert desk.missing() == ["rejected"]


def test_what_else_lies_in_the_outbox_hides_no_step(
    desk: RecordedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who prepares a report may leave notes as well, and anything by the name of one."""
    outbox = desk.log / "outbox"
    (outbox / "0-folder.json").mkdir()
    (outbox / "1-link.json").symlink_to(outbox / "0-folder.json")
    deep = b"[" * 100_000
    (outbox / "2-deep.json").write_bytes(b'{"action":"report","what":"x","after":' + deep)
    for number in range(5):
        (outbox / f"3-{number}.json").write_bytes(b"{}")
    monkeypatch.setattr("evidence.audit.outbox.waiting.__defaults__", (5,))
    desk.remove_steps(2)
    assert desk.missing() == ["rejected"]


def test_it_is_missed_for_ever_whatever_is_done_after_it(desk: RecordedDesk) -> None:
    desk.remove_steps(2)
    desk.build("ann")
    desk.approve("cat")
    assert desk.missing() == ["rejected"]


def test_all_steps_that_were_removed_are_missed(desk: RecordedDesk) -> None:
    desk.remove_steps(1)
    assert desk.missing() == ["prepared", "rejected"]


def test_a_folder_that_was_moved_is_the_same_report(desk: RecordedDesk) -> None:
    moved = desk.dossier.folder.rename(desk.dossier.folder.with_name("moved"))
    desk.dossier.folder = moved
    assert desk.missing() == []
    desk.remove_steps(2)
    assert desk.missing() == ["rejected"]


def test_steps_of_another_report_of_the_case_are_not_missed(
    desk: RecordedDesk, people: People, tmp_path: Path
) -> None:
    other = RecordedDesk(tmp_path / "other", people)
    other.log = desk.log
    other.build("dan")
    assert other.missing() == []
    assert desk.missing() == []


def test_what_was_noted_and_could_not_be_done_is_not_missed(
    desk: RecordedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("evidence.reports.suspicious.dossier.write_whole", full)
        with pytest.raises(Failure, match="No space left"):
            desk.build("ann")
    assert desk.missing() == []
    desk.build("ann")
    assert desk.missing() == []
