"""``tapewatch case open``: make a case of an alert by hand, wherever the alert was seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath
from pipeline.cli.case import case, check_written, on_bus
from pipeline.cli.chosen_sink import (
    SPLUNK_TOKEN,
    SplunkAuthority,
    SplunkToken,
    archive_of_sink,
    check_of_splunk,
)
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.problems import fit_for_terminal
from pipeline.source_state import now
from pipeline.system_users import current_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evidence.cases.store import CaseStore
    from evidence.investigation.archive import Archive
    from normalizer.events import Alert, CaseActivity
    from pipeline.bus import Bus
    from pipeline.config.schema import Configuration
    from pipeline.config.sinks import FileSink

_ATTEMPTS = 5
#: Characters of an alert's id: SHA-256.
_WHOLE = 64


class _Unasked(Struct):
    """What of the configuration can't be looked at, and why."""

    name: str
    why: str


@case.command("open")
@command
def open_case(
    alert: Annotated[
        str, typer.Option("--alert", metavar="ID", help="The alert's event.id, whole.")
    ],
    why: Annotated[str, typer.Option("--why", help="Why, for the record.")],
    config: ConfigPath = DEFAULT_CONFIG,
    out: Annotated[
        Path | None, typer.Option("--out", help="Look in the folder of a file sink as well.")
    ] = None,
    splunk: Annotated[
        str | None,
        typer.Option("--splunk", metavar="URL", help="And in Splunk: its management port, 8089."),
    ] = None,
    splunk_token: SplunkToken = SPLUNK_TOKEN,
    splunk_ca: SplunkAuthority = None,
) -> None:
    """Open a case of an alert, also of one that by the configuration opens none. It joins the open
    case that it belongs to. The alert is looked for on the bus, then in the configured sinks."""
    wanted = alert.strip()
    if not wanted:
        raise Failure("an empty id names no alert", CONFIGURATION)
    if not why.strip():
        raise Failure("a reason is wanted: --why", CONFIGURATION)
    check_written("why", why)
    check_of_splunk(splunk, splunk_token, None, splunk_ca)

    def archives(loaded: "Configuration") -> "Iterator[Archive | _Unasked]":
        from evidence.investigation.archive import FolderArchive

        # What the installation itself has goes first: whoever names a folder may have written it.
        yield from _configured(loaded, masked=False)
        if out is not None:
            yield FolderArchive(out, ["alerts"])
        if splunk is not None:
            from pipeline.cli.timeline import splunk_archive

            yield splunk_archive(splunk, splunk_token, None, splunk_ca)
        # What a masked sink has is the alert too, but of people by other names: last of all.
        yield from _configured(loaded, masked=True)

    async def work(store: "CaseStore", loaded: "Configuration", bus: "Bus") -> "CaseActivity":
        import asyncio

        from evidence.cases.by_hand import alert_on_bus, open_by_hand
        from evidence.cases.rule_authors import RuleAuthors
        from evidence.cases.state import ActionRefused
        from evidence.cases.store import CaseChanged

        if loaded.cases is None:
            raise Failure(f"{config} has no `cases`: see docs/cases.md", CONFIGURATION)
        found = await alert_on_bus(bus, wanted)
        if found is None:  # archives wait in loops of their own, for which a thread is needed here
            found = await asyncio.to_thread(_in_archives, archives(loaded), wanted)
        authors = await RuleAuthors.open(bus)
        await authors.read()
        for _ in range(_ATTEMPTS):
            try:
                return await open_by_hand(
                    store, found, loaded.cases, authors.changed_by,
                    who=current_user(), at=now(), why=why.strip(),
                )  # fmt: skip
            except ActionRefused as refused:
                raise Failure(f"{wanted}: {refused}") from None
            except CaseChanged:
                continue  # the stage, or somebody else, was faster
        raise Failure("cases change too fast: try it again")

    done = on_bus(config, work)
    typer.echo(fit_for_terminal(f"{done.message} (number {done.number})"))


def _configured(loaded: "Configuration", *, masked: bool) -> "Iterator[Archive | _Unasked]":
    from pipeline.config.sinks import ElasticsearchSink, FileSink

    for sink in loaded.sinks:
        if "alerts" not in sink.content or (sink.mask is not None) is not masked:
            continue
        if isinstance(sink, FileSink):
            yield from _of_files(sink)
        elif isinstance(sink, ElasticsearchSink):
            yield archive_of_sink(sink)


def _of_files(sink: "FileSink") -> "Iterator[Archive | _Unasked]":
    """The folder of a file sink, which is its owner's and their group's; none before any alert."""
    from evidence.investigation.archive import FolderArchive

    try:
        (sink.path / "alerts").stat()
    except FileNotFoundError:
        return
    except OSError as error:
        yield _Unasked(f"files of {sink.path.name}", error.strerror or str(error))
    else:
        yield FolderArchive(sink.path, ["alerts"])


def _in_archives(archives: "Iterator[Archive | _Unasked]", alert_id: str) -> "Alert":
    """Raises Failure where none has it, with why one could not be asked."""
    from evidence.investigation.gather import alert_in

    asked: list[str] = ["the bus"]
    for archive in archives:
        if isinstance(archive, _Unasked):
            asked.append(f"{archive.name} (not asked: {archive.why})")
            continue
        try:
            found = alert_in(archive, alert_id)
        except Failure as failure:
            asked.append(f"{archive.name} (not asked: {failure})")
            continue
        if found is not None:
            return found
        asked.append(archive.name)
    part = "" if len(alert_id) >= _WHOLE else ": give the whole id, as `event.id` has it"
    raise Failure(f"no alert {alert_id} in {', '.join(asked)}{part}")
