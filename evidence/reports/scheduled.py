"""Makes the reports that are due: each once, and none missed after a downtime.

What was made is told by the folders themselves, which appear by one rename:

    PATH/NAME/2026-W47/        the report
    PATH/NAME/.since           when the schedule began
    PATH/NAME/.mailed/2026-W47 it was sent by e-mail, or was made while nobody was to get it

A crash between the mail server's answer and the mark sends the e-mail again, with the same
`Message-ID`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from evidence.reports.export import AlreadyThere, export
from evidence.reports.gathering import figures_of
from evidence.reports.mailing import mailer_of, message
from evidence.reports.period import Period
from evidence.reports.schedule import due
from evidence.reports.source import ReportSource
from pipeline.config.reports import Reports, ScheduledReport
from pipeline.failure import CONFIGURATION, FAILED, Failure

_SINCE, _MAILED = ".since", ".mailed"


class Made(Struct, frozen=True, kw_only=True):
    """What was made or sent."""

    schedule: str
    period: str
    folder: Path
    mailed: bool


class ReportSchedule:
    """The schedule of a configuration. One process at a time may run it."""

    def __init__(
        self,
        settings: Reports,
        sources: Mapping[str, Callable[[], ReportSource]],
        *,
        version: str,
        clock: Callable[[], int],
        note: Callable[[str, str], None],
    ) -> None:
        """`sources`: by the schedule's name; opened when a report is made. `note` tells the audit
        log what is about to be written, and where; it raises Failure where it can't."""
        self._settings = settings
        self._sources = sources
        self._version = version
        self._clock = clock
        self._note = note

    def run(self) -> list[Made]:
        """Make and send all that is due. Raises Failure after all that could be made is."""
        done: list[Made] = []
        failures: list[str] = []
        for scheduled in self._settings.schedule:
            try:
                done += self._run(scheduled)
            except Failure as failure:
                failures.append(f"{scheduled.name}: {failure}")
        if failures:
            raise Failure("; ".join(failures), FAILED)
        return done

    def due(self, scheduled: ScheduledReport) -> list[Period]:
        """What is due of one. Raises Failure."""
        folder = self._folder(scheduled)
        return due(
            scheduled,
            since=self._since(folder),
            now=self._clock(),
            made=frozenset(_names(folder)),
        )

    def _run(self, scheduled: ScheduledReport) -> list[Made]:
        folder = self._folder(scheduled)
        done: list[Made] = []
        due = self.due(scheduled)
        if scheduled.mail is not None and not (folder / _MAILED).exists():
            _pass_over(folder)  # made before anybody was to get them
        for period in due:
            to = folder / period.name
            figures = figures_of(self._sources[scheduled.name](), period)
            self._note(f"{scheduled.report} report {period.name}", str(to))
            try:
                export(figures, to, self._version)
            except AlreadyThere:
                continue  # somebody was faster
            except OSError as error:
                raise Failure(f"can't write {to}: {error.strerror or error}") from None
            done.append(Made(schedule=scheduled.name, period=period.name, folder=to, mailed=False))
        return done + self._mail(scheduled, folder)

    def _mail(self, scheduled: ScheduledReport, folder: Path) -> list[Made]:
        if scheduled.mail is None:
            if (folder / _MAILED).exists():
                _pass_over(folder)  # made after the last one that anybody was to get
            return []
        marks = folder / _MAILED
        waiting = _unmarked(folder)
        if not waiting:
            return []
        done: list[Made] = []
        with mailer_of(scheduled.name, scheduled.mail) as mailer:
            for name in waiting:
                self._note(f"{scheduled.report} report {name} by e-mail", _told(scheduled))
                sending = message(scheduled, folder / name)
                mark = _mark(marks, name)  # what can't be marked would be sent again and again
                refused = mailer.send(sending)
                _marked(mark, marks / name, refused)
                if refused is not None:
                    raise Failure(f"{name} was made, and not mailed: {refused}", FAILED)
                done.append(
                    Made(schedule=scheduled.name, period=name, folder=folder / name, mailed=True)
                )
        return done

    def _folder(self, scheduled: ScheduledReport) -> Path:
        if self._settings.path is None:
            raise Failure("reports.path is missing: a schedule needs a folder", CONFIGURATION)
        return self._settings.path / scheduled.name

    def _since(self, folder: Path) -> int:
        """When the schedule began: now, the first time."""
        path = folder / _SINCE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(f"{self._clock()}\n", "ascii")
            return int(path.read_text("ascii"))
        except OSError as error:
            raise Failure(f"can't write {folder}: {error.strerror or error}") from None
        except ValueError:
            raise Failure(f"{path} holds no time: delete it to begin anew", FAILED) from None


def _names(folder: Path) -> Sequence[str]:
    if not folder.is_dir():
        return ()
    return sorted(
        one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")
    )


def _unmarked(folder: Path) -> Sequence[str]:
    marks = folder / _MAILED
    marked = {one.name for one in marks.iterdir()} if marks.is_dir() else set[str]()
    return [name for name in _names(folder) if name not in marked]


def _pass_over(folder: Path) -> None:
    """Mark all that were made by now: they are never sent, also when `mail` is given later.

    The marks appear at once, by one rename, so that a crash leaves none out. Raises Failure.
    """
    marks = folder / _MAILED
    made = marks if marks.is_dir() else folder / f"{_MAILED}.new"
    try:
        made.mkdir(exist_ok=True)
        for name in _unmarked(folder):
            (made / name).write_text("made while there was no `mail`", "utf-8")
        if made is not marks:
            made.rename(marks)
    except OSError as error:
        raise Failure(f"can't write {marks}: {error.strerror or error}") from None


def _mark(marks: Path, name: str) -> Path:
    """The mark that a report was sent, not in its place yet. Raises Failure."""
    mark = marks / f".{name}"
    try:
        marks.mkdir(exist_ok=True)
        mark.write_text("sent", "utf-8")
    except OSError as error:
        raise Failure(f"can't write {mark}: {error.strerror or error}") from None
    return mark


def _marked(mark: Path, to: Path, refused: str | None) -> None:
    try:
        if refused is not None:
            mark.write_text(refused, "utf-8")
        mark.rename(to)
    except OSError as error:
        raise Failure(f"{to.name} was mailed, and can't be marked: {error.strerror}") from None


def _told(scheduled: ScheduledReport) -> str:
    assert scheduled.mail is not None
    return ", ".join(scheduled.mail.recipients)
