"""``tapewatch setup kibana``: dashboards, rules of Elastic Security and settings of cases."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.setup import setup

if TYPE_CHECKING:
    from delivery.kibana.client import KibanaClient
    from delivery.kibana.install.installing import Report
    from delivery.kibana.source import Source
    from pipeline.config.kibana import Kibana
    from pipeline.config.schema import Configuration

_MOST_DIFFERENCES = 12
_TO_REACH_IT = 2
T = TypeVar("T")


@setup.command("kibana")
@command
def setup_kibana(
    config: ConfigPath = DEFAULT_CONFIG,
    objects: Annotated[
        Path, typer.Option("--objects", help="Folder of the sources: kibana/ of Tapewatch.")
    ] = Path("kibana"),
    spaces: Annotated[
        list[str] | None,
        typer.Option("--space", help="Into this space instead of the configured one; repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; say what would be, and how.")
    ] = False,
    converted: Annotated[
        bool,
        typer.Option(help="Install the rules that can be converted from Sigma, too; switched off."),
    ] = True,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Send the secrets of all connectors again.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Only write what would be imported into this folder."),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Install data views, dashboards, rules and settings of cases in Kibana. Safe to repeat.

    Says what it did and what it left out. What people changed in a dashboard stays until a new
    version of it comes; whether a rule is enabled, its actions and exceptions are always theirs.
    Exit 1 if something failed; the rest is done all the same. Nothing is ever deleted.
    """
    from delivery.build import elasticsearch_fields
    from delivery.kibana.reading import read_source

    loaded = None if write is not None else _configuration(config)
    if not objects.is_dir():
        said = "name the folder kibana of Tapewatch's source by --objects"
        raise Failure(f"there is no folder {objects}: {said}", CONFIGURATION)
    source = read_source(objects, elasticsearch_fields())
    if write is not None:
        _write(source, write, config)
        return
    assert loaded is not None
    assert loaded.kibana is not None
    settings = loaded.kibana
    for space in spaces or ():
        if re.fullmatch(r"[a-z0-9_-]{1,64}", space) is None:
            expected = "lower-case letters, digits, - and _"
            raise Failure(f"--space {space!r} is no id of a space: {expected}", CONFIGURATION)
    # Converting takes seconds: who isn't there, or lets nobody in, is told of at once.
    _at(settings, settings.space, lambda client: client.status(), attempts=_TO_REACH_IT)
    rules, said = _converted(loaded, settings) if converted else ([], [])
    reports: dict[str, Report] = {}
    for space in spaces or [settings.space]:
        if loaded.audit is not None and not dry_run:
            _note(
                loaded,
                space,
                _install(settings, source, space, rules, dry_run=True, secrets=secrets),
            )
        reports[space] = _install(settings, source, space, rules, dry_run=dry_run, secrets=secrets)
    for report in reports.values():
        report.left_out += said
    if as_json:
        typer.echo(msgspec.json.encode({space: _json(one) for space, one in reports.items()}))
    else:
        for space, report in reports.items():
            _say(space, report)
    if any(report.failed for report in reports.values()):
        raise typer.Exit(FAILED)


def _configuration(config: Path) -> "Configuration":
    from pipeline import logs
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config)
    if loaded.kibana is None:
        raise Failure(f"{config} has no `kibana:`: there is nothing to set up")
    logs.configure(loaded.logging, stage="setup")
    return loaded


def _note(loaded: "Configuration", space: str, planned: "Report") -> None:
    """What will be changed, for the audit log. Raises Failure where it can't be noted."""
    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_anyway

    if not planned.pending:
        return
    after = {
        "written": [f"{one.kind} {one.id}" for one in planned.pending],
        "left_out": planned.left_out,
    }
    noted_anyway(
        loaded,
        CommandNote(
            action="configuration-changed",
            what=f"Kibana, space {space}",
            after=msgspec.Raw(msgspec.json.encode(after)),
        ),
    )


def _install(
    settings: "Kibana",
    source: "Source",
    space: str,
    rules: "Sequence[dict[str, Any]]",
    *,
    dry_run: bool,
    secrets: bool,
) -> "Report":
    from delivery.build import elasticsearch_fields
    from delivery.kibana.install.installing import install
    from delivery.kibana.setup import least_version, steps_of
    from normalizer.events import SEVERITY

    steps = steps_of(
        settings,
        source,
        fields=elasticsearch_fields(),
        severities={str(level): value for level, value in SEVERITY.items()},
        converted=rules,
        all_secrets=secrets,
    )

    def work(client: "KibanaClient") -> "Awaitable[Report]":
        return install(client, steps, dry_run=dry_run, least=least_version(settings))

    return _at(settings, space, work)


def _at(
    settings: "Kibana",
    space: str,
    work: "Callable[[KibanaClient], Awaitable[T]]",
    *,
    attempts: int | None = None,
) -> T:
    """What is done with a space. Raises Failure where Kibana isn't there, or doesn't fit."""
    from delivery.kibana.client import ATTEMPTS, KibanaRefused
    from delivery.kibana.install.installing import UnfitKibana
    from delivery.kibana.setup import client_of
    from delivery.sink import SinkUnavailable

    async def run() -> T:
        async with client_of(settings, space, attempts=attempts or ATTEMPTS) as client:
            return await work(client)

    try:
        return asyncio.run(run())
    except UnfitKibana as error:
        raise Failure(str(error)) from error
    except SinkUnavailable as error:
        raise Failure(f"kibana: {error.reason}") from error
    except KibanaRefused as error:
        if error.status == 401:
            raise Failure("kibana: the API key was refused (HTTP 401): set `api_key`") from error
        raise Failure(f"kibana: {error}") from error


def _converted(
    loaded: "Configuration", settings: "Kibana"
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rules whose query Elastic Security can run, switched off, and what is to be said of others.

    Off, since the alerts that Tapewatch writes of them come already.
    """
    from detections.conversion.export import Choices, export
    from detections.rules import load_rules

    ruleset = load_rules(loaded.detections.rules, loaded.detections.pipelines)
    choices = Choices(
        format="siem",
        events_index=f"logs-tapewatch.events-{settings.namespace}",
        alerts_index=f"logs-tapewatch.alerts-{settings.namespace}",
    )
    exported = export(ruleset, choices)
    found = [one.output for one in exported if isinstance(one.output, dict)]
    missing = len(exported) - len(found)
    said = (
        [
            f"{missing} of {len(exported)} rules, which no query of Elastic says "
            "(`tapewatch rules convert`): Tapewatch's own alerts of them are taken over"
        ]
        if missing
        else []
    )
    rules = [
        {**one, "enabled": False, "tags": [*one["tags"], "Converted from Sigma"]} for one in found
    ]
    return rules, said


def _write(source: "Source", folder: Path, config: Path) -> None:
    """As it would be installed, with the links of the configuration where there is one."""
    from delivery.build import elasticsearch_fields
    from delivery.kibana.compiled import compiled, write
    from delivery.kibana.links import Links
    from delivery.kibana.setup import links_of
    from pipeline.config.loading import load_configuration

    links = Links()
    if config.exists():
        settings = load_configuration(config, resolve="later").kibana
        links = links_of(settings) if settings is not None else links
    files = compiled(source, links, elasticsearch_fields())
    try:
        write(files, folder)
    except OSError as error:
        raise Failure(f"can't write {error.filename}: {error.strerror}") from error
    typer.echo(f"wrote {len(files)} files to {folder}")


def _say(space: str, report: "Report") -> None:
    verbs = {"create": "created", "update": "updated", "unchanged": "as it should be"}
    if report.dry_run:
        verbs |= {"create": "would be created", "update": "would be updated"}
    typer.echo(f"Kibana {report.version}, space {space}")
    counts = Counter((one.kind, one.action) for one in report.changes)
    for (kind, action), count in counts.items():
        typer.echo(f"  {count:>4}  {kind if count == 1 else _plural(kind)} {verbs[action]}")
    shown = report.pending if report.dry_run else []
    for one in shown:
        typer.echo(f"\n{one.kind} {one.id} ({one.title}) {verbs[one.action]}")
        for line in one.differences[:_MOST_DIFFERENCES]:
            typer.echo(f"    {line}")
        if len(one.differences) > _MOST_DIFFERENCES:
            more = len(one.differences) - _MOST_DIFFERENCES
            typer.echo(f"    and {more} more: --json shows them all")
    for sentence in report.left_out:
        typer.echo(f"  left out: {sentence}")
    for sentence in report.failed:
        typer.echo(f"  failed: {sentence}", err=True)


def _plural(kind: str) -> str:
    return kind if kind.endswith("s") else f"{kind}s"


def _json(report: "Report") -> dict[str, Any]:
    return {
        "version": report.version,
        "dry_run": report.dry_run,
        "changes": [
            {
                "kind": one.kind,
                "id": one.id,
                "title": one.title,
                "action": one.action,
                "differences": one.differences,
            }
            for one in report.changes
        ],
        "left_out": report.left_out,
        "failed": report.failed,
    }
