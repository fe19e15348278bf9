"""Nothing is submitted but the very bytes that a second person approved, and that once."""

import itertools
import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from delivery.endpoint import HttpOptions
from evidence.reports.suspicious.dossier import Dossier
from evidence.reports.suspicious.fields import Form
from evidence.reports.suspicious.forms import KINDS
from evidence.reports.suspicious.steps import Report, Step, StepAction, digest
from evidence.reports.suspicious.submission import submit, taken
from evidence.reports.suspicious.transports import DropFolder, InDoubt, NotTaken, Package, Portal
from pipeline.failure import Failure
from pipeline.problems import ProblemsFound
from pipeline.secrets import SecretText
from pipeline.system_users import current_user
from pipeline.units import SECOND
from tests.evidence.reports.suspicious import filled
from tests.evidence.reports.suspicious.test_material import material
from tests.fixtures.shared_data import SAR_SCHEMA, shared_data
from tests.servers.webhook import WebhookReceiver

_CLOCK = itertools.count(1_795_000_000 * SECOND, SECOND)
ME = current_user()


class People:
    """Tests can't become another user: whose file a step is, is told of its inode."""

    def __init__(self) -> None:
        self.acting = ME
        self._files: dict[int, str] = {}

    def owner_of(self, known: os.stat_result) -> str:
        """New files are of who is acting."""
        return self._files.setdefault(known.st_ino, self.acting)

    def remove(self, path: Path) -> None:
        """Remove a file. The next one may have its inode, and be another person's."""
        self._files.pop(path.stat().st_ino, None)
        path.unlink()

    @contextmanager
    def of(self, steps: Path, who: str) -> Generator[None]:
        """What is new in this folder by the end is this person's."""
        before, self.acting = self.acting, who
        try:
            yield
        finally:
            for path in steps.glob("*.json"):
                self.owner_of(path.stat())
            self.acting = before


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> People:
    found = People()
    monkeypatch.setattr("evidence.reports.suspicious.dossier.owner_of", found.owner_of)
    return found


class Desk:
    """A report and people who do something to it, as the commands let them."""

    def __init__(self, folder: Path, people: People, form: Form = "goaml") -> None:
        self.people = people
        self.dossier = Dossier.begin(folder / "dossier", form, material(folder), None)
        self.notes: list[tuple[str, str]] = []
        kind = KINDS[form]
        known = kind.template(material(folder / "again"), kind.profile())
        fill: Callable[..., str] = {
            "goaml": filled.goaml, "stor": filled.stor, "fincen-sar": filled.sar,
        }[form]  # fmt: skip
        self.write(fill(known))

    def write(self, text: str) -> None:
        (self.dossier.folder / "filing.yaml").write_text(text)

    def change(self, old: str, new: str) -> None:
        path = self.dossier.folder / "filing.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def note(self, step: Step, taken: bool) -> None:
        self.notes.append((step.action if taken else f"not {step.action}", step.who))

    def acting(self, who: str) -> AbstractContextManager[None]:
        """New steps are files of this person."""
        return self.people.of(self.dossier.folder / "steps", who)

    def build(self, who: str = "ann", schema: Path | None = None) -> str:
        built = self.dossier.build(schema)
        with self.acting(who):
            return self.dossier.prepare(built, who, next(_CLOCK), self.note).digest

    def decide(self, action: StepAction, who: str, why: str = "") -> None:
        state = self.dossier.state()
        assert state.form is not None
        step = Step(
            number=0, action=action, at=next(_CLOCK), who=who, form=state.form, case=state.case,
            digest=state.digest, why=why,
        )  # fmt: skip
        with self.acting(who):
            taken(self.dossier, step, self.note)

    def approve(
        self, who: str = "ben", digest: str | None = None, schema: Path | None = None
    ) -> None:
        self.dossier.approvable(digest or self.dossier.state().digest, schema)
        self.decide("approved", who)

    def submit(self, by: object, again: str = "") -> Report:
        with self.acting("cat"):
            return submit(
                self.dossier, by, who="cat", clock=lambda: next(_CLOCK),  # type: ignore[arg-type]
                note=self.note, again=again,
            )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, people: People) -> Desk:
    return Desk(tmp_path, people)


@pytest.fixture
def drop(tmp_path: Path) -> DropFolder:
    return DropFolder("drop", tmp_path / "drop")


def dropped(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "drop"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_an_approved_report_is_submitted_in_the_very_bytes(
    desk: Desk, drop: DropFolder, tmp_path: Path
) -> None:
    desk.build()
    desk.approve()
    done = desk.submit(drop)
    assert (done.status, done.approved_by) == ("submitted", "ben")
    (folder,) = dropped(tmp_path)
    assert folder.name == done.receipt
    files = {one.name: one.read_bytes() for one in folder.iterdir() if one.name != "SHA256SUMS"}
    assert files == desk.dossier.files()
    assert desk.notes == [
        ("prepared", "ann"), ("approved", "ben"), ("submitting", "cat"), ("submitted", "cat"),
    ]  # fmt: skip


def test_nothing_is_submitted_without_an_approval(
    desk: Desk, drop: DropFolder, tmp_path: Path
) -> None:
    with pytest.raises(Failure, match="nothing is prepared"):
        desk.submit(drop)
    desk.build()
    with pytest.raises(Failure, match="nobody has approved it"):
        desk.submit(drop)
    assert dropped(tmp_path) == []
    assert desk.notes == [("prepared", "ann")]


@pytest.mark.parametrize("who", ["ann", "Ann", "Ann <ann@example.com>", " ann "])
def test_who_prepared_it_can_not_approve_it(desk: Desk, who: str) -> None:
    desk.build("ann")
    with pytest.raises(Failure, match="somebody else must approve it"):
        desk.approve(who)


def test_who_prepared_an_earlier_version_can_not_approve_a_later_one(desk: Desk) -> None:
    desk.build("ann")
    desk.change("The account was suspended.", "The account was closed.")
    desk.build("ben")
    with pytest.raises(Failure, match="somebody else must approve it"):
        desk.approve("ann")
    desk.approve("cat")


def test_a_changed_draft_needs_a_new_approval(desk: Desk, drop: DropFolder, tmp_path: Path) -> None:
    desk.build()
    desk.approve()
    desk.change("The account was suspended.", "The account was closed.")
    desk.build()
    with pytest.raises(Failure, match="nobody has approved it"):
        desk.submit(drop)
    desk.approve()
    desk.submit(drop)
    assert len(dropped(tmp_path)) == 1


def test_an_approval_is_of_the_bytes_that_were_read(desk: Desk) -> None:
    read = desk.build()
    desk.change("The account was suspended.", "The account was closed.")
    desk.build()
    for named in (read, read[:16], "", desk.dossier.state().digest[:15]):
        with pytest.raises(Failure, match="approve the one that you have read"):
            desk.approve(digest=named or "x")


@pytest.mark.parametrize("what", ["changed", "added", "removed"])
def test_a_file_that_is_changed_after_the_approval_is_not_submitted(
    desk: Desk, drop: DropFolder, tmp_path: Path, what: str
) -> None:
    desk.build()
    desk.approve()
    path = desk.dossier.folder / "report" / "goaml.xml"
    match what:
        case "changed":
            path.write_bytes(path.read_bytes().replace(b"Doe", b"Roe"))
        case "added":
            path.with_name("more.xml").write_bytes(b"<x/>")
        case _:
            path.unlink()
    with pytest.raises(Failure, match="not those that were prepared"):
        desk.submit(drop)
    assert dropped(tmp_path) == []


@pytest.mark.parametrize("what", ["who", "left out", "order"])
def test_steps_that_were_tampered_with_are_not_trusted(
    desk: Desk, drop: DropFolder, what: str
) -> None:
    desk.build()
    desk.decide("rejected", "ben", "the address is missing")
    desk.approve()
    steps = desk.dossier.folder / "steps"
    first, second = steps / "0001.json", steps / "0002.json"
    match what:
        case "who":
            first.write_bytes(first.read_bytes().replace(b'"ann"', b'"eve"'))
        case "left out":
            second.unlink()
        case _:
            content = first.read_bytes()
            first.write_bytes(second.read_bytes())
            second.write_bytes(content)
    with pytest.raises(Failure, match="can't be trusted"):
        desk.submit(drop)


def test_an_approval_that_somebody_writes_in_anothers_name_is_not_trusted(
    desk: Desk, drop: DropFolder, tmp_path: Path
) -> None:
    """By the right hashes, as anybody can compute them: but the file is its writer's."""
    desk.build("ann")
    steps = desk.dossier.folder / "steps"
    state, before = desk.dossier.state(), (steps / "0001.json").read_bytes()
    assert state.form is not None
    forged = Step(
        number=2, action="approved", at=next(_CLOCK), who="ben", form=state.form, case=state.case,
        digest=state.digest, previous=sha256(before).hexdigest(),
    )  # fmt: skip
    with desk.acting("ann"):
        (steps / "0002.json").write_bytes(msgspec.json.encode(forged))
    with pytest.raises(Failure, match="says that it is ben's, and its file is ann's"):
        desk.submit(drop)
    assert dropped(tmp_path) == []


def test_a_folder_that_is_anothers_alone_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(Failure, match="Permission denied"):
        Dossier(desk.dossier.folder)


def test_a_step_that_others_may_write_is_not_trusted(desk: Desk) -> None:
    desk.build()
    (desk.dossier.folder / "steps" / "0001.json").chmod(0o660)
    with pytest.raises(Failure, match="others than its owner may write it"):
        desk.approve()


def test_a_group_that_is_let_into_the_folder_reads_what_is_made_in_it(desk: Desk) -> None:
    folder = desk.dossier.folder
    folder.chmod(0o770)
    desk.build()
    desk.approve()
    modes = {
        one.relative_to(folder).as_posix(): one.stat().st_mode & 0o777
        for one in folder.rglob("*")
        if one.parent != folder or one.is_dir()
    }
    assert modes == {
        "report": 0o770, "report/goaml.xml": 0o640,
        "steps": 0o770, "steps/0001.json": 0o640, "steps/0002.json": 0o640,
    }  # fmt: skip


def test_a_process_that_is_killed_while_it_writes_a_step_leaves_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.build()

    def killed(handle: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.approve()
    assert desk.dossier.state().status == "draft"
    desk.approve()


def test_an_approval_can_be_taken_back(desk: Desk, drop: DropFolder) -> None:
    desk.build()
    desk.approve()
    with pytest.raises(Failure, match="doesn't say why"):
        desk.decide("rejected", "ben")
    desk.decide("rejected", "ben", "another account turned up")
    with pytest.raises(Failure, match="nobody has approved it"):
        desk.submit(drop)


def test_a_report_is_submitted_once(desk: Desk, drop: DropFolder, tmp_path: Path) -> None:
    desk.build()
    desk.approve()
    desk.submit(drop)
    with pytest.raises(Failure, match="submitted already"):
        desk.submit(drop)
    with pytest.raises(Failure, match="submitted already"):
        desk.build()
    assert len(dropped(tmp_path)) == 1


class Dying(DropFolder):
    """The process is killed after the report has left, before that is written down."""

    def submit(self, package: Package) -> str:
        super().submit(package)
        raise KeyboardInterrupt


def test_after_a_crash_a_drop_folder_has_it_once(
    desk: Desk, drop: DropFolder, tmp_path: Path
) -> None:
    desk.build()
    desk.approve()
    with pytest.raises(KeyboardInterrupt):
        desk.submit(Dying("drop", tmp_path / "drop"))
    assert desk.dossier.state().status == "submitting"
    assert desk.submit(drop).status == "submitted"
    assert len(dropped(tmp_path)) == 1


@pytest.mark.parametrize(
    ("mode", "folder_mode", "file_mode"),
    [(0o770, 0o770, 0o640), (0o700, 0o700, 0o600), (0o755, 0o700, 0o600)],
)
def test_who_is_in_the_drop_folders_group_may_take_it_where_that_lets_them_in(
    desk: Desk, drop: DropFolder, tmp_path: Path, mode: int, folder_mode: int, file_mode: int
) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop").chmod(mode)
    desk.build()
    desk.approve()
    desk.submit(drop)
    (folder,) = dropped(tmp_path)
    assert folder.stat().st_mode & 0o777 == folder_mode
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {file_mode}


class Lost:
    """A portal whose answer is lost."""

    name, repeatable = "portal", False

    def submit(self, package: Package) -> str:
        raise InDoubt("no answer in time")


def test_what_is_in_doubt_is_sent_again_only_by_a_person_who_says_why(
    desk: Desk, drop: DropFolder
) -> None:
    desk.build()
    desk.approve()
    with pytest.raises(Failure, match="it isn't known whether it was taken"):
        desk.submit(Lost())
    for by in (Lost(), drop):
        with pytest.raises(Failure, match="ask the receiver"):
            desk.submit(by)
    assert desk.submit(drop, again="the portal's staff has no such report").status == "submitted"
    assert [one.action for one in desk.dossier.history()][2:] == [
        "submitting", "in-doubt", "submitting", "submitted",
    ]  # fmt: skip


def test_two_who_submit_at_once_submit_once(desk: Desk, drop: DropFolder, tmp_path: Path) -> None:
    desk.build()
    desk.approve()
    other = DropFolder("other", tmp_path / "elsewhere")

    class Meanwhile(DropFolder):
        def submit(self, package: Package) -> str:
            with pytest.raises(Failure):
                desk.submit(other)
            return super().submit(package)

    desk.submit(Meanwhile("drop", tmp_path / "drop"))
    assert not (tmp_path / "elsewhere").exists()


def test_a_sar_that_was_held_against_no_schema_can_not_be_approved(
    tmp_path: Path, people: People
) -> None:
    desk = Desk(tmp_path, people, "fincen-sar")
    desk.build()
    with pytest.raises(Failure, match="not held against FinCEN's schema"):
        desk.approve()


def test_a_sar_that_was_held_against_the_schema_can_be_approved(
    tmp_path: Path, people: People
) -> None:
    desk = Desk(tmp_path, people, "fincen-sar")
    desk.build()
    desk.approve(schema=shared_data(SAR_SCHEMA))


def test_what_breaks_the_forms_rules_can_not_be_approved(desk: Desk) -> None:
    built = desk.dossier.build(None)
    wrong = built.files["goaml.xml"].replace(b"<submission_code>E<", b"<submission_code>Q<")
    files = {"goaml.xml": wrong}
    forced = structs.replace(built, files=files, digest=digest(files))
    with desk.acting("ann"):
        desk.dossier.prepare(forced, "ann", next(_CLOCK))
    with pytest.raises(Failure, match="breaks the form's rules"):
        desk.approve()


def test_a_case_is_no_path(desk: Desk) -> None:
    desk.change("case: TW-WASH", "case: ../../etc/x")
    with pytest.raises(ProblemsFound, match="case"):
        desk.build()


def test_what_is_open_can_not_be_built(desk: Desk) -> None:
    desk.change("currency: EUR", "currency:")
    with pytest.raises(ProblemsFound) as found:
        desk.build()
    assert "filing.yaml" in str(found.value)
    assert "currency" in str(found.value)


def test_only_the_owner_reads_a_report(desk: Desk) -> None:
    desk.build()
    folder = desk.dossier.folder
    assert folder.stat().st_mode & 0o077 == 0
    assert all(one.stat().st_mode & 0o077 == 0 for one in folder.rglob("*.json"))


def portal(url: str) -> Portal:
    options = HttpOptions(timeout=5 * SECOND)
    headers = {"Authorization": SecretText("Bearer token")}
    return Portal("portal", SecretText(url), options, file="goaml.xml", headers=headers)


def test_a_portal_gets_the_file_with_its_digest(desk: Desk, webhook: WebhookReceiver) -> None:
    whole = desk.build()
    desk.approve()
    assert desk.submit(portal(webhook.url)).status == "submitted"
    (got,) = webhook.requests
    assert got.body == desk.dossier.files()["goaml.xml"]
    assert got.headers["idempotency-key"] == f'"{whole}"'
    assert got.headers["content-digest"].startswith("sha-256=:")
    assert got.headers["authorization"] == "Bearer token"


def test_what_a_portal_refuses_can_be_submitted_again(desk: Desk, webhook: WebhookReceiver) -> None:
    desk.build()
    desk.approve()
    webhook.answer(400)
    with pytest.raises(Failure, match="HTTP 400"):
        desk.submit(portal(webhook.url))
    assert desk.submit(portal(webhook.url)).status == "submitted"


def test_a_report_goes_by_https_only(desk: Desk) -> None:
    package = Package(form="goaml", case="x", digest="d", files={"goaml.xml": b"<x/>"})
    with pytest.raises(NotTaken, match="by https only"):
        portal("http://portal.example.com/").submit(package)
