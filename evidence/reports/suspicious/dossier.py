"""A suspicious report in a folder: what is known, what is filled in, what is made of it, the steps.

material.json   what Tapewatch knows of the case
filing.yaml     to be filled in
report/         the files of the report, as they are submitted
steps/          0001.json, 0002.json, ...: who prepared, approved and submitted it, each with the
                hash of the one before

Only its owner reads it (mode 700): it names people. Where the owner lets a group in, what is made
later follows the folder. A step is a file of who took it, whatever stands in it: of that user the
operating system must say that the file is.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from evidence.reports.suspicious.fields import Form, written
from evidence.reports.suspicious.forms import KINDS, SCHEMA_NEEDED, Check
from evidence.reports.suspicious.material import Material
from evidence.reports.suspicious.private_files import share, write, write_whole
from evidence.reports.suspicious.steps import (
    Report,
    Step,
    StepRefused,
    digest,
    fold,
    refusal,
    step_bytes,
)
from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.problems import ProblemsFound
from pipeline.structured import examine
from pipeline.system_users import owner_of

MATERIAL, FILING, REPORT, STEPS = "material.json", "filing.yaml", "report", "steps"
_MOST_BYTES = 50 * 1024 * 1024
_MOST_STEPS = 9_999
_FASTER = "somebody else did something to it: look at it again"
_decoder = msgspec.json.Decoder(Step)

#: Notes a step for the audit log before it is taken, with True; with False that it was not taken
#: after all. Raises Failure: then it is not taken.
Note = Callable[[Step, bool], None]


class _Form(Struct):
    form: Form


class Built(Struct, frozen=True, kw_only=True):
    """What was made of a filing."""

    form: Form
    case: str
    files: Mapping[str, bytes]
    digest: str
    check: Check


class Dossier:
    """One report's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            there = (folder / FILING).is_file()
        except OSError as error:  # it is another user's alone
            raise Failure(f"can't read {folder}: {error.strerror}") from None
        if not there:
            raise Failure(f"{folder} has no {FILING}: it is no folder of a report", CONFIGURATION)

    @classmethod
    def begin(cls, folder: Path, form: Form, material: Material, profile: Path | None) -> "Dossier":
        """A new folder with what is known. Raises Failure and ProblemsFound."""
        kind = KINDS[form]
        common = kind.profile() if profile is None else _profile(profile, form)
        if folder.exists():
            raise Failure(f"{folder} is there already: name a new folder", CONFIGURATION)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
            content = msgspec.json.format(msgspec.json.encode(material), indent=2)
            write(folder / MATERIAL, content + b"\n")
            write(folder / FILING, written(kind.template(material, common)).encode())
        except OSError as error:
            raise Failure(f"can't write {folder}: {error.strerror or error}") from None
        return cls(folder)

    def build(self, schema: Path | None, *, shown: str = "") -> Built:
        """Make the report of what is filled in, without writing it. Raises ProblemsFound with all
        that is wrong, each with its place in the file, and Failure."""
        path = self.folder / FILING
        form = self.form()
        kind = KINDS[form]
        outcome = examine(path, kind.filing)
        if outcome.value is None or not outcome.ok:
            raise ProblemsFound(outcome.problems)
        found = kind.problems(outcome.value, outcome.node)
        if found:
            raise ProblemsFound([*outcome.problems, *found])
        files = kind.render(outcome.value)
        return Built(
            form=form,
            case=outcome.value.case,
            files=files,
            digest=digest(files),
            check=kind.check(files, schema),
        )

    def form(self) -> Form:
        """Which form is filled in. Raises ProblemsFound."""
        outcome = examine(self.folder / FILING, _Form, other_keys=None)
        if outcome.value is None:
            raise ProblemsFound(outcome.problems)
        return outcome.value.form

    def prepare(
        self, built: Built, who: str, at: int, note: Note = lambda step, taken: None
    ) -> Step:
        """Write the report, and that somebody prepared it: whatever was approved before needs
        another approval. `note` is told before anything is done. Raises Failure."""
        if built.check.errors:
            raise Failure("it doesn't hold against the form's rules", FAILED)
        files = {name: sha256(content).hexdigest() for name, content in built.files.items()}
        step = Step(
            number=0, action="prepared", at=at, who=who, form=built.form, case=built.case,
            digest=built.digest, files=files, checked=built.check.against,
        )  # fmt: skip
        with self.noted(step, note) as whole:
            self._write_report(built)
            return self.add(whole)

    @contextmanager
    def noted(self, step: Step, note: Note) -> Generator[Step]:
        """A step with its number and what it comes behind, noted. What is not done then, since
        something fails, is noted as well. Raises Failure where it may not be done as it is."""
        report = self.refuse(step)
        whole = structs.replace(step, number=report.number + 1, previous=report.head)
        note(whole, True)
        try:
            yield whole
        except BaseException:
            if not self._lies_there(whole):
                note(whole, False)
            raise

    def _write_report(self, built: Built) -> None:
        made = Path(tempfile.mkdtemp(prefix=".report-", dir=self.folder))
        try:
            for name, content in built.files.items():
                write(made / name, content, as_open_as=self.folder)
            share(made, self.folder)
            old = self.folder / REPORT
            if old.exists():
                shutil.rmtree(old)
            made.rename(old)
        except OSError as error:
            raise Failure(f"can't write {self.folder / REPORT}: {error.strerror}") from None
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def rewrite(self, text: str) -> None:
        """Another text of what is filled in, by one rename. Raises Failure."""
        path = self.folder / FILING
        fresh = self.folder / f".{FILING}.new"
        try:
            fresh.unlink(missing_ok=True)
            write(fresh, text.encode(), as_open_as=self.folder)
            fresh.replace(path)
        except OSError as error:
            raise Failure(f"can't write {path}: {error.strerror}") from None

    def files(self) -> dict[str, bytes]:
        """The report's files as they are now. Raises Failure."""
        found: dict[str, bytes] = {}
        try:
            for path in sorted((self.folder / REPORT).iterdir()):
                if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
                    raise Failure(f"{path} is no file of a report", FAILED)
                found[path.name] = path.read_bytes()
        except FileNotFoundError:
            raise Failure("nothing is prepared: tapewatch report build", FAILED) from None
        except OSError as error:
            raise Failure(f"can't read {error.filename}: {error.strerror}") from None
        return found

    def state(self) -> Report:
        """What was done to it. Raises Failure where the steps are not as they were written."""
        try:
            return fold(self._steps())
        except StepRefused as error:
            raise Failure(f"the steps of {self.folder} can't be trusted: {error}", FAILED) from None

    def history(self) -> list[Step]:
        """All steps. Raises Failure."""
        return [step for step, _ in self._steps()]

    def unchanged(self) -> tuple[Report, dict[str, bytes]]:
        """What was done to it, and its files, which are the very ones that were prepared.

        Raises Failure where a file was changed since.
        """
        report, files = self.state(), self.files()
        if digest(files) != report.digest:
            raise Failure(
                "the report's files are not those that were prepared: build it again, and have it "
                "approved again",
                FAILED,
            )
        return report, files

    def approvable(self, named: str, schema: Path | None) -> Report:
        """The report as it may be approved: unchanged, of the digest that is named, and right by
        the form's rules, which it is held against once more. Raises Failure."""
        report, files = self.unchanged()
        if len(named) < 16 or not report.digest.startswith(named):
            raise Failure(
                f"the report's digest is {report.digest}: approve the one that you have read",
                CONFIGURATION,
            )
        assert report.form is not None
        check = KINDS[report.form].check(files, schema)
        if check.errors:
            raise Failure(f"it breaks the form's rules: {check.errors[0]}", FAILED)
        if report.form in SCHEMA_NEEDED and check.lacking:
            raise Failure(f"it was not held against {check.lacking[0]}", CONFIGURATION)
        return report

    def add(self, step: Step) -> Step:
        """Write a step that is :meth:`noted` behind the others.

        Raises Failure where it may not be done, and where somebody else was faster.
        """
        report = self.refuse(step)
        if (step.number, step.previous) != (report.number + 1, report.head):
            raise Failure(_FASTER, FAILED)
        steps = self.folder / STEPS
        try:
            if not steps.is_dir():
                steps.mkdir(mode=0o700, exist_ok=True)
                share(steps, self.folder)
            write_whole(self._file(step), step_bytes(step), as_open_as=self.folder)
        except FileExistsError:
            raise Failure(_FASTER, FAILED) from None
        except OSError as error:
            raise Failure(f"can't write {steps}: {error.strerror}") from None
        return step

    def _file(self, step: Step) -> Path:
        return self.folder / STEPS / f"{step.number:04d}.json"

    def _lies_there(self, step: Step) -> bool:
        """Whether it was taken, as far as one can see."""
        try:
            return self._file(step).read_bytes() == step_bytes(step)
        except OSError:
            return False

    def refuse(self, step: Step) -> Report:
        """What was done to it. Raises Failure where this may not be done to it as it is."""
        report = self.state()
        reason = refusal(report, step)
        if reason is not None:
            raise Failure(reason, FAILED)
        return report

    def _steps(self) -> list[tuple[Step, bytes]]:
        folder = self.folder / STEPS
        found: list[tuple[Step, bytes]] = []
        try:
            paths = sorted(one for one in folder.iterdir() if one.suffix == ".json")
        except FileNotFoundError:
            return found
        except OSError as error:
            raise Failure(f"can't read {folder}: {error.strerror}") from None
        for path in paths[:_MOST_STEPS]:
            try:
                content, owner = _read_step(path)
                step = _decoder.decode(content)
            except OSError as error:
                raise Failure(f"can't read {path}: {error.strerror or error}") from None
            except msgspec.MsgspecError as error:
                raise Failure(f"{path} is no step: {error}", FAILED) from None
            if step.who != owner:
                raise Failure(
                    f"the steps of {self.folder} can't be trusted: step {step.number} says that it "
                    f"is {step.who}'s, and its file is {owner}'s",
                    FAILED,
                )
            found.append((step, content))
        return found


def _profile(path: Path, form: Form) -> object:
    outcome = examine(path, KINDS[form].profile, other_keys=None)
    if outcome.value is None or not outcome.ok:
        raise ProblemsFound(outcome.problems)
    return outcome.value


def _read_step(path: Path) -> tuple[bytes, str]:
    """A step, and whose file it is. Raises OSError, and Failure where others may write it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        known = os.fstat(file.fileno())
        if not stat.S_ISREG(known.st_mode) or known.st_size > _MOST_BYTES:
            raise OSError(f"{path.name} is no file of a step")
        if known.st_mode & 0o022:
            raise Failure(
                f"{path} can't be trusted: others than its owner may write it (chmod go-w)", FAILED
            )
        return file.read(), owner_of(known)
