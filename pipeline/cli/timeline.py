"""``tapewatch timeline export``: an investigation, to be read, filed and checked."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.audit import WhyOption
from pipeline.cli.chosen_sink import (
    SPLUNK_TOKEN,
    FromElasticsearch,
    FromSplunk,
    Out,
    SplunkAuthority,
    SplunkIndexes,
    SplunkToken,
    WhichSink,
    archive_of_sink,
    check_of_splunk,
)
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.output_files import keep_new
from pipeline.cli.printing import output, say
from pipeline.cli.timeline_rules import AS_THEY_WERE, rule_texts
from pipeline.page.words import plural

if TYPE_CHECKING:
    from evidence.investigation.archive import Archive
    from evidence.investigation.case_file import CaseFile
    from evidence.investigation.export import Manifest, RuleText, Writer
    from evidence.investigation.gather import Gathered
    from evidence.investigation.proofs import Recorded
    from evidence.investigation.raw_frames import RawMessages

timeline = typer.Typer(help="Export an investigation's timeline.", no_args_is_help=True)
app.add_typer(timeline, name="timeline")


@timeline.command("export")
@command
def export(
    to: Annotated[Path, typer.Option("--to", help="A new folder.")],
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="ALERT|CASE",
            help="The id, or how it begins; a case's: TW-...",
            show_default=False,
        ),
    ] = "",
    parties: Annotated[
        list[str] | None,
        typer.Option(
            "--party",
            metavar="NAME",
            help="Instead of an alert or a case: all that names this account, address or investor "
            "from --from until --until. May be repeated.",
        ),
    ] = None,
    out: Out = None,
    elasticsearch: FromElasticsearch = False,
    sink: WhichSink = None,
    splunk: FromSplunk = None,
    splunk_token: SplunkToken = SPLUNK_TOKEN,
    splunk_index: SplunkIndexes = None,
    splunk_ca: SplunkAuthority = None,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="So long before and after the evidence.", show_default="1h"
        ),
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="Event time to begin at.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Event time to end before.")] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="Another account, address or investor to look for."),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", help="Rules as they were.", show_default=AS_THEY_WERE),
    ] = None,
    audit: Annotated[
        Path | None, typer.Option("--audit", help="The folder of the audit log, for proofs.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="The log's public key, or a file with it."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="With the raw messages, from the configured bus.")
    ] = False,
    why: WhyOption = "",
    as_json: JsonOutput = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Gather all around an alert or a case, or of parties, into a folder, with what it takes to
    check it. Exit 1 if something is missing: it says what, and is written all the same."""
    from evidence.investigation.case_file import is_case
    from pipeline.cli.backtest_inputs import time_of
    from pipeline.cli.durations import duration_of
    from pipeline.cli.market_inputs import holdings_of
    from pipeline.cli.market_scenes import market_writer

    wanted = wanted.strip()
    keep_new(to)
    if [out is not None, elasticsearch, splunk is not None].count(True) != 1:
        said = "say from where, by one of --out, --elasticsearch and --splunk"
        raise Failure(said, CONFIGURATION)
    check_of_splunk(splunk, splunk_token, splunk_index, splunk_ca)
    if key is not None and audit is None:
        raise Failure("--key belongs to --audit", CONFIGURATION)
    around = duration_of("1h" if window is None else window, "--window")
    begin, end = time_of(since, "--from"), time_of(until, "--until", end=True)
    if begin is not None and end is not None and begin >= end:
        raise Failure(f"--from {since} is not before --until {until}", CONFIGURATION)
    _check_parties(wanted, parties or (), begin, end, also=also, window=window)
    if splunk is not None:
        archive = splunk_archive(splunk, splunk_token, splunk_index, splunk_ca)
    else:
        archive = archive_of(out, config, sink)
    file = case_of(wanted, config, archive) if is_case(wanted) else None
    with _progress() as progress:
        from evidence.investigation.gather import gather, gather_parties

        if begin is not None and end is not None and parties:
            gathered = gather_parties(archive, parties, since=begin, until=end, progress=progress)
        else:
            gathered = gather(
                archive,
                wanted if file is None else file,
                window=around,
                since=begin,
                until=end,
                also=also or (),
                progress=progress,
            )
    market = market_writer(holdings_of(archive, out, config, sink))
    texts = rule_texts({one.rule_hash for one in gathered.alerts}, rules or (), config)
    manifest = _write(gathered, to, texts, audit, key, config if raw else None, market)
    _note(manifest, to, why, audit, config)
    complete = gathered.complete and not manifest.raw_gone
    if as_json:
        typer.echo(msgspec.json.encode(manifest))
    else:
        _tell(manifest, to)
    if not complete:
        raise typer.Exit(FAILED)


def _check_parties(
    wanted: str,
    parties: Sequence[str],
    since: int | None,
    until: int | None,
    *,
    also: Sequence[str] | None,
    window: str | None,
) -> None:
    """Raises Failure unless it is either an alert or a case, or parties with their time."""
    if not parties:
        if not wanted:
            raise Failure("name an alert or a case, or parties by --party", CONFIGURATION)
        return
    if wanted:
        said = "beside an alert or a case, others to look for are named by --also, not --party"
        raise Failure(said, CONFIGURATION)
    for option, given, instead in (
        ("--also", also, "repeat --party for others"),
        ("--window", window, "say of which time by --from and --until"),
    ):
        if given:
            raise Failure(f"{option} belongs to an alert or a case: {instead}", CONFIGURATION)
    if not all(one.strip() for one in parties):
        raise Failure("--party: an empty name is nobody's", CONFIGURATION)
    if since is None or until is None:
        raise Failure("--party: say of which time, by --from and --until", CONFIGURATION)


def splunk_archive(
    url: str, token: str, indexes: list[str] | None, authority: Path | None
) -> "Archive":
    """A search head as an archive. Raises Failure."""
    from evidence.investigation.splunk_archive import INDEXES, SplunkArchive, SplunkConnection
    from pipeline.cli.audit_anchor import given_url
    from pipeline.secrets import SecretError, SecretText

    if not token.startswith("${"):
        said = "--splunk-token: name where it is, as ${env:NAME} or ${file:PATH}"
        raise Failure(said, CONFIGURATION)
    try:
        secret = SecretText(token)
    except SecretError as error:
        raise Failure(f"--splunk-token: {error}", CONFIGURATION) from None
    return SplunkArchive(
        SplunkConnection(
            url=given_url(url, "--splunk"),
            token=secret,
            indexes=indexes or INDEXES,
            ca_certificate=authority,
        )
    )


def case_of(wanted: str, path: Path, archive: "Archive") -> "CaseFile":
    """The case out of the stream CASES, also where nothing runs; where there is no bus out of the
    archive. Raises Failure."""
    import asyncio

    from evidence.investigation.case_file import case_in, read_case
    from pipeline.bus.opened import opened_bus
    from pipeline.config.loading import load_configuration

    async def read() -> "CaseFile":
        config = load_configuration(path, resolve="later")
        async with opened_bus(config.bus, name="timeline") as bus:
            return await read_case(bus, wanted)

    if not path.is_file():
        return case_in(archive, wanted)
    try:
        return asyncio.run(read())
    except Failure as failure:
        try:
            found = case_in(archive, wanted)
        except Failure:
            raise failure from None
        typer.echo(f"the case is as {archive.name} has it: {failure}", err=True)
        return found


def _note(manifest: "Manifest", to: Path, why: str, audit: Path | None, config: Path) -> None:
    """For the audit log: what was taken out, with the digest by which it can be held to that.

    Where it can't be noted, nothing stays: what nobody knows of is not taken out.
    """
    import shutil

    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_anyway, noted_beside
    from pipeline.config.loading import load_configuration

    told = {
        "to": str(to.absolute()),
        "manifest": sha256((to / "manifest.json").read_bytes()).hexdigest(),
        "lines": manifest.lines,
        "archive": manifest.archive,
    }
    note = CommandNote(
        action="export",
        what=f"timeline {manifest.case or manifest.alert or ', '.join(manifest.parties)}",
        why=why,
        after=msgspec.Raw(msgspec.json.encode(told)),
    )
    try:
        if audit is not None:
            noted_beside(audit, note)
        elif config.is_file():
            noted_anyway(load_configuration(config, resolve="later"), note)
    except Failure:
        shutil.rmtree(to, ignore_errors=True)
        raise


def archive_of(out: Path | None, config: Path, sink: str | None) -> "Archive":
    """The folder of a file sink, or else the configured Elasticsearch sink. Raises Failure."""
    if out is not None:
        from evidence.investigation.archive import FolderArchive

        return FolderArchive(out)
    from pipeline.cli.backtest_inputs import elasticsearch_sink
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config, resolve="later")
    return archive_of_sink(elasticsearch_sink(loaded, config, sink))


def _write(
    gathered: "Gathered",
    to: Path,
    rules: "Sequence[RuleText]",
    audit: Path | None,
    key: str | None,
    config: Path | None,
    market: "Writer",
) -> "Manifest":
    from importlib.metadata import version

    from evidence.investigation.export import Parts
    from evidence.investigation.export import export as exported
    from evidence.investigation.pdf import available, write_pdf
    from evidence.investigation.proofs import recorded

    parts = Parts(rules=rules, version=version("tapewatch"))
    if config is not None:
        parts.raw = _raw(gathered, config)
    if audit is not None:
        from pipeline.cli.audit import open_log

        folder, trusted = open_log(audit, key)
        messages = () if parts.raw is None else parts.raw.messages
        told = [*gathered.alerts, *gathered.updates]
        done = None if gathered.case is None else gathered.case.digests
        found: Recorded = recorded(folder, trusted, told, gathered.scope.names, messages, done)
        parts.audit = folder, trusted, found
    writers = [market, write_pdf] if available() else [market]
    try:
        return exported(gathered, parts, to, writers=writers)
    except OSError as error:
        raise Failure(f"can't write {error.filename or to}: {error.strerror or error}") from None


def _raw(gathered: "Gathered", path: Path) -> "RawMessages":
    import asyncio

    from evidence.investigation.gather import evidence_originals
    from evidence.investigation.raw_frames import raw_messages
    from pipeline.bus.opened import opened_bus
    from pipeline.config.loading import load_configuration

    async def read() -> "RawMessages":
        config = load_configuration(path, resolve="later")
        async with opened_bus(config.bus, name="timeline") as bus:
            return await raw_messages(bus, evidence_originals(gathered))

    return asyncio.run(read())


def _tell(manifest: "Manifest", to: Path) -> None:
    console = output()
    what = f"{plural(manifest.lines, 'line')}, {plural(manifest.alerts, 'alert')}"
    say(console, f"{what}: {to / 'timeline.html'}")
    begin, end = (text[:19].replace("T", " ") for text in (manifest.since, manifest.until))
    say(console, f"from {begin} to {end} UTC")
    if "market.html" in manifest.files:
        say(console, f"the market around it, to play again: {to / 'market.html'}")
    for name in manifest.unmet:
        say(console, f"nothing there names {name}", "yellow")
    one, many = "alert of the case or event behind one", "alerts of the case or events behind them"
    for these, what, text in (
        (manifest.missing, (one, many), "could not be found"),
        (manifest.unreadable, ("document",), "could not be read"),
        (manifest.raw_gone or (), ("raw frame",), "could not be had from the bus"),
        (
            manifest.unknown_rules,
            ("rule",),
            "could not be had in the version that alerted: see --rules",
        ),
    ):
        if these:
            say(console, f"{plural(len(these), *what)} {text}", "yellow")
    if manifest.entries is not None:
        told = len(manifest.proven) + len(manifest.unproven)
        say(console, f"{len(manifest.proven):,} of {told:,} alerts are proven by the audit log")
        if done := len(manifest.activities):
            shown = done - len(manifest.unproven_activities)
            say(console, f"{shown:,} of {done:,} actions on the case are proven by it as well")
        if manifest.unproven or manifest.unproven_activities:
            why = "it hasn't them yet, or has them in another form than a sink that masks names"
            say(console, f"what is not proven: {why}", "yellow")
    else:
        say(console, "nothing is proven by an audit log: see --audit", "yellow")
    if "timeline.pdf" not in manifest.files:
        say(console, "no PDF: pip install 'tapewatch[reports]'", "yellow")
    digest = sha256((to / "manifest.json").read_bytes()).hexdigest()
    say(console, f"SHA-256 of its manifest: {digest}")
    say(console, f"to check it: python3 {to / 'check.py'}")


@contextmanager
def _progress() -> Generator[Callable[[str, int], None]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("looking")
        yield lambda what, done: progress.update(task, description=f"{done:,} {what}")
