"""``tapewatch report suspicious`` and what follows: build, show, approve, reject, submit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput
from pipeline.cli.chosen_sink import FromElasticsearch, Out, WhichSink, file_sink_folder
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.printing import output, say
from pipeline.cli.report import report, source_of
from pipeline.problems import all_of

if TYPE_CHECKING:
    from evidence.investigation.archive import Archive
    from evidence.reports.suspicious.dossier import Built, Dossier, Note
    from evidence.reports.suspicious.recorded_steps import RecordedStep
    from evidence.reports.suspicious.steps import Step, StepAction
    from evidence.reports.suspicious.transports import Transport
    from pipeline.config.reports import Reports
    from pipeline.config.schema import Configuration

FormName = Literal["fincen-sar", "goaml", "stor"]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="As `report suspicious` made it.")]
Schema = Annotated[
    Path | None,
    typer.Option("--schema", help="The authority's XML schema.", show_default="the configured one"),
]


class Shown(Struct, kw_only=True):
    """What ``tapewatch report show --json`` prints."""

    status: str
    form: str | None
    case: str
    digest: str
    #: Whether its files are those that were prepared.
    unchanged: bool
    preparers: list[str]
    approved_by: str
    receipt: str
    checked: list[str]
    steps: "list[Step]"
    #: Steps that the audit log has, and the folder hasn't.
    missing: list[str]


@report.command()
@command
def suspicious(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id, or how it begins.")],
    form: Annotated[FormName, typer.Option("--form", help="Of which authority.")],
    to: Annotated[Path, typer.Option("--to", help="A new folder.")],
    out: Out = None,
    elasticsearch: FromElasticsearch = False,
    sink: WhichSink = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="Who files: what is in every report.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Begin a report from a case: a folder with what is known, and a file to fill in."""
    from evidence.reports.suspicious.dossier import Dossier
    from evidence.reports.suspicious.material import gather_case
    from pipeline.bus.command_notes import CommandNote

    source = source_of(out, elasticsearch, sink, config)
    settings = _reports(config)
    common = profile or (settings.profile if settings is not None else None)
    material = gather_case(source, _archive(out, elasticsearch, sink, config), case)
    note = CommandNote(
        action="report", what=f"begun {form} {material.case_id}", why=str(to)
    )  # what leaves the archive is on the record, whatever becomes of it
    _noted(config, note)
    Dossier.begin(to, form, material, common)
    console = output()
    say(console, f"{material.case_id}: fill in {to / 'filing.yaml'}")
    if material.missing:
        say(
            console,
            f"{len(material.missing):,} of its alerts and their events are missing",
            "yellow",
        )
    if material.no_events:
        what = all_of(material.no_events)
        say(console, f"attached, and no event by its id: {what}", "yellow")
    say(console, f"then: tapewatch report build {to}")


@report.command()
@command
def persons(
    folder: Folder,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", help="The ids are this source's; without, they are the subjects' keys."
        ),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Read a list of persons (CSV, with a column `id`) from standard input, and fill in what is
    open of those whom the report is about. Of all others nothing is kept."""
    import sys

    from evidence.reports.suspicious.dossier import FILING, Dossier
    from evidence.reports.suspicious.forms import KINDS
    from evidence.reports.suspicious.persons import MOST_BYTES, fill, listed, read, subject_keys
    from pipeline.bus.command_notes import CommandNote
    from pipeline.foreign_text import HEAD, foreign

    dossier = Dossier(folder)
    kind = KINDS[dossier.form()]
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Failure("the list is too long: give only whom the report is about", CONFIGURATION)
    if what := foreign(content[:HEAD]):
        raise Failure(f"the list {what}", CONFIGURATION)
    try:
        known = listed(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Failure("the list is no UTF-8", CONFIGURATION) from None
    path = folder / FILING
    text = path.read_text("utf-8")
    root = read(text, str(path))
    keys = subject_keys(root)
    names = _pseudonyms(config, source, list(known.persons)) if source is not None else None
    by_key = {
        (one if names is None else names.get(one, "")): told for one, told in known.persons.items()
    }
    wanted = {key: by_key[key] for key in keys if key in by_key}
    note = CommandNote(
        action="report",
        what=f"names filled in for {len(wanted)} of {len(keys)} subjects",
        why=f"{folder.name}, from {source or 'a list'}",
    )
    _noted(config, note)
    done = fill(text, root, kind.subject.__struct_fields__, known.columns, wanted)
    dossier.rewrite(done.text)
    console = output()
    say(console, f"{len(done.found):,} of {len(keys):,} subjects filled in: {path}")
    for key in done.missing:
        say(console, f"not in the list: {key}", "yellow")
    if done.unused:
        say(console, f"not used: {', '.join(done.unused)}")


@report.command()
@command
def build(
    folder: Folder,
    schema: Schema = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is wrong; write nothing.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Make the report of what is filled in, and hold it against the form's rules. Exit 2 with the
    place of everything that is wrong in the file, 1 if the report breaks a rule of the form."""
    import time

    from evidence.reports.suspicious.dossier import Dossier

    dossier = Dossier(folder)
    built = dossier.build(schema or _schema(dossier, config))
    console = output()
    _tell_check(built)
    if built.check.errors:
        raise typer.Exit(FAILED)
    if check:
        return
    dossier.prepare(built, _operator(), time.time_ns(), _note_step(dossier, config))
    say(console, f"{', '.join(built.files)} in {folder / 'report'}")
    say(console, f"digest: {built.digest}")
    say(console, f"somebody else approves it: tapewatch report approve {folder} --digest DIGEST")


@report.command()
@command
def show(folder: Folder, as_json: JsonOutput = False, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Tell what was done to a report, and whether it is still what was prepared."""
    from evidence.reports.suspicious.dossier import Dossier
    from evidence.reports.suspicious.narrative import clock
    from evidence.reports.suspicious.steps import digest

    dossier = Dossier(folder)
    state, steps = dossier.state(), dossier.history()
    unchanged = state.status != "new" and digest(dossier.files()) == state.digest
    missing = [_told_missing(one) for one in _missing(dossier, config)]
    if as_json:
        shown = Shown(
            status=state.status, form=state.form, case=state.case, digest=state.digest,
            unchanged=unchanged, preparers=state.preparers, approved_by=state.approved_by,
            receipt=state.receipt, checked=state.checked, steps=steps, missing=missing,
        )  # fmt: skip
        typer.echo(msgspec.json.encode(shown))
        return
    console = output()
    of_case = f" of {state.case}" if state.case else ""  # which no step has told yet
    say(console, f"{state.form or dossier.form()}{of_case}: {state.status}")
    for one in missing:
        say(console, f"missing, by the audit log: {one}", "red")
    if state.status == "new":
        return
    say(console, f"digest: {state.digest}")
    if not unchanged:
        say(console, "its files are not those that were prepared", "red")
    for one in steps:
        more = one.receipt or one.why
        told = f"  {one.number}  {clock(one.at)}  {one.action} by {one.who}"
        say(console, told + (f": {more}" if more else ""))


@report.command()
@command
def approve(
    folder: Folder,
    digest: Annotated[
        str, typer.Option("--digest", help="Of what you have read: at least 16 characters of it.")
    ],
    why: Annotated[str, typer.Option("--why", help="What you base it on.")] = "",
    schema: Schema = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Approve a report that somebody else prepared: these very bytes, and no others."""
    from evidence.reports.suspicious.dossier import Dossier

    dossier = Dossier(folder)
    _all_there(dossier, config)
    report = dossier.approvable(digest, schema or _schema(dossier, config))
    _two_people(report.preparers, _operator(), config)
    _decide(dossier, "approved", why, config)


@report.command()
@command
def reject(
    folder: Folder,
    why: Annotated[str, typer.Option("--why", help="What is to be corrected.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Reject a report, or take an approval back: it is a draft again."""
    from evidence.reports.suspicious.dossier import Dossier

    _decide(Dossier(folder), "rejected", why, config)


@report.command()
@command
def submit(
    folder: Folder,
    by: Annotated[str, typer.Option("--by", help="Name of a transport in the configuration.")],
    again: Annotated[
        str,
        typer.Option("--again", metavar="WHY", help="The receiver hasn't it: why that is known."),
    ] = "",
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Submit an approved report, once."""
    import time

    from evidence.reports.suspicious.dossier import Dossier
    from evidence.reports.suspicious.submission import submit as submitted

    dossier = Dossier(folder)
    _all_there(dossier, config)
    state = dossier.state()
    _two_people(state.preparers, state.approved_by, config)
    done = submitted(
        dossier,
        _transport(by, config),
        who=_operator(),
        clock=time.time_ns,
        note=_note_step(dossier, config),
        again=again,
    )
    say(output(), f"submitted: {done.receipt}")


def _decide(dossier: "Dossier", action: "StepAction", why: str, config: Path) -> None:
    import time

    from evidence.reports.suspicious.steps import Step
    from evidence.reports.suspicious.submission import taken

    state = dossier.state()
    if state.form is None:
        raise Failure("nothing is prepared: tapewatch report build", FAILED)
    step = Step(
        number=0, action=action, at=time.time_ns(), who=_operator(), form=state.form,
        case=state.case, digest=state.digest, why=why,
    )  # fmt: skip
    taken(dossier, step, _note_step(dossier, config))
    say(output(), f"{action}: {state.form} of {state.case}, {state.digest}")


def _two_people(preparers: list[str], approver: str, config: Path) -> None:
    """Raises Failure where `cases.people` knows one person by the names of both."""
    from evidence.cases.people import People
    from evidence.cases.persons import among

    loaded = _loaded(config)
    if loaded is None or not approver or among(approver, preparers):
        return  # by the name itself: the steps refuse that
    people = People.of(loaded.cases)
    theirs = people.known_as(preparers)
    if any(among(one, theirs) for one in people.known_as((approver,))):
        raise Failure(
            f"{approver} is who prepared it, by cases.people: somebody else must approve it", FAILED
        )


def _operator() -> str:
    from pipeline.cli.reloading import operator

    found = operator()
    if not found:
        raise Failure("the system doesn't say who you are, so this can't be recorded", FAILED)
    return found


def _note_step(dossier: "Dossier", config: Path) -> "Note":
    from evidence.reports.suspicious.recorded_steps import noted_step
    from pipeline.bus.command_notes import CommandNote

    def note(step: "Step", taken: bool) -> None:
        what = f"{step.action} {step.form} {step.case}"
        noted = noted_step(step, dossier.folder, not_taken=not taken)
        _noted(
            config,
            CommandNote(
                action="report",
                what=what if taken else f"could not do: {what}",
                why=step.why,
                after=msgspec.Raw(msgspec.json.encode(noted)),
            ),
        )

    return note


def _missing(dossier: "Dossier", config: Path) -> "list[RecordedStep]":
    """Steps that the audit log has and the folder hasn't. Says it where the log can't be read."""
    from evidence.reports.suspicious.recorded_steps import missing_steps, recorded_steps

    loaded = _loaded(config)
    if loaded is None or loaded.audit is None:
        return []
    log = loaded.audit.path
    try:
        if not log.is_dir():
            raise FileNotFoundError(2, "it is not here", str(log))
        recorded = recorded_steps(log)
    except OSError as error:
        why = f"{log}: {error.strerror or error}"
        typer.echo(f"the steps were not held against the audit log: {why}", err=True)
        return []
    return missing_steps(recorded, dossier.history(), dossier.folder)


def _all_there(dossier: "Dossier", config: Path) -> None:
    """Raises Failure where the audit log has steps that the folder hasn't."""
    if found := _missing(dossier, config):
        listed = "\n".join(f"  {_told_missing(one)}" for one in found)
        raise Failure(
            f"the audit log has steps of this report that are missing in {dossier.folder}:\n"
            f"{listed}\nFind out who removed them. To go on, begin another report, and have it "
            "approved anew",
            FAILED,
        )


def _told_missing(one: "RecordedStep") -> str:
    from evidence.reports.suspicious.narrative import clock

    told = f"{one.noted.number}  {clock(one.at)}  {one.what} by {one.who}"
    return told + (f": {one.why}" if one.why else "")


def _noted(config: Path, note: object) -> None:
    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_anyway

    loaded = _loaded(config)
    if loaded is not None:
        assert isinstance(note, CommandNote)
        noted_anyway(loaded, note)


def _pseudonyms(config: Path, source: str, ids: list[str]) -> dict[str, str]:
    """Who of a source has which pseudonym: nobody gets one by it."""
    from pipeline.pseudonyms import Pseudonyms, PseudonymsUnavailable

    loaded = _loaded(config)
    if loaded is None or loaded.privacy is None:
        raise Failure(f"{config} has no privacy: there are no pseudonyms", CONFIGURATION)
    try:
        return Pseudonyms(loaded.privacy.keys).known(source, ids)
    except PseudonymsUnavailable as unavailable:
        raise Failure(str(unavailable)) from None


def _loaded(config: Path) -> "Configuration | None":
    """The configuration; None where there is none, and none was named."""
    from pipeline.config.loading import load_configuration

    if not config.is_file() and config == DEFAULT_CONFIG:
        return None
    return load_configuration(config, resolve="later")


def _reports(config: Path) -> "Reports | None":
    loaded = _loaded(config)
    return None if loaded is None else loaded.reports


def _schema(dossier: "Dossier", config: Path) -> Path | None:
    settings = _reports(config)
    if settings is None:
        return None
    return {
        "fincen-sar": settings.schemas.fincen_sar,
        "goaml": settings.schemas.goaml,
        "stor": settings.schemas.stor,
    }[dossier.form()]


def _transport(name: str, config: Path) -> "Transport":
    from delivery.endpoint import HttpOptions
    from evidence.reports.suspicious.transports import DropFolder, Portal
    from pipeline.config.reports import FolderTransport
    from pipeline.problems import did_you_mean

    settings = _reports(config)
    known = {} if settings is None else {one.name: one for one in settings.transports}
    chosen = known.get(name)
    if chosen is None:
        hint = did_you_mean(name, known)
        raise Failure(
            f"{config} has no transport {name} in reports.transports"
            + (f": did you mean {hint}?" if hint else ""),
            CONFIGURATION,
        )
    if isinstance(chosen, FolderTransport):
        return DropFolder(chosen.name, chosen.path)
    options = HttpOptions(timeout=chosen.timeout, ca_certificate=chosen.ca_certificate)
    return Portal(chosen.name, chosen.url, options, file=chosen.file, headers=chosen.headers)


def _archive(out: Path | None, elasticsearch: bool, sink: str | None, config: Path) -> "Archive":
    from pipeline.cli.timeline import archive_of
    from pipeline.config.loading import load_configuration

    if out is None and not elasticsearch:
        out = file_sink_folder(load_configuration(config, resolve="later"), config)
    return archive_of(out, config, sink)


def _tell_check(built: "Built") -> None:
    console = output()
    for one in built.check.against:
        say(console, f"held against {one}")
    for one in built.check.lacking:
        say(console, f"not held against {one}", "yellow")
    for one in built.check.errors:
        say(console, f"error: {one}", "red")
