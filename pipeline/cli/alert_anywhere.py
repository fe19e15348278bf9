"""An alert by its id, wherever it is still known: on the bus, in configured sinks, elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from pipeline.cli.chosen_sink import SPLUNK_TOKEN, archive_of_sink, check_of_splunk
from pipeline.cli.failures import CONFIGURATION, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evidence.investigation.archive import Archive
    from normalizer.events import Alert
    from pipeline.bus import Bus
    from pipeline.config.schema import Configuration
    from pipeline.config.sinks import FileSink

AlsoOut = Annotated[
    Path | None, typer.Option("--out", help="Look in the folder of a file sink as well.")
]
AlsoSplunk = Annotated[
    str | None,
    typer.Option("--splunk", metavar="URL", help="And in Splunk: its management port, 8089."),
]
#: Characters of an alert's id: SHA-256.
_WHOLE = 64


class Elsewhere(Struct, frozen=True, kw_only=True):
    """Where to look besides the bus and the configured sinks."""

    out: Path | None = None
    splunk: str | None = None
    splunk_token: str = SPLUNK_TOKEN
    splunk_ca: Path | None = None

    def check(self) -> None:
        """Raises Failure where the options make no sense."""
        check_of_splunk(self.splunk, self.splunk_token, None, self.splunk_ca)


class _Unasked(Struct):
    """What of the configuration can't be looked at, and why."""

    name: str
    why: str


def wanted_alert(text: str) -> str:
    """The id that somebody typed. Raises Failure."""
    wanted = text.strip()
    if not wanted:
        raise Failure("an empty id names no alert", CONFIGURATION)
    return wanted


async def find_anywhere(
    bus: "Bus", loaded: "Configuration", alert_id: str, elsewhere: Elsewhere
) -> "Alert":
    """The alert of exactly this id. Raises Failure, which says where it was looked for.

    A sink may hide who wrote the rule, and a folder may be anybody's: so with an alert out of these
    go the authors that the rule had when it was in force, who may not judge it.
    """
    import asyncio

    from msgspec import structs

    from detections.lanes.archived_texts import archived_authors
    from detections.lanes.rules_in_force import existing_archive
    from evidence.cases.by_hand import alert_on_bus

    found = await alert_on_bus(bus, alert_id)
    if found is None:  # archives wait in loops of their own, for which a thread is needed here
        found = await asyncio.to_thread(_in_archives, _archives(loaded, elsewhere), alert_id)
        if (rules := await existing_archive(bus)) is not None:
            known = await archived_authors(rules, found.rule_id, found.rule_hash)
            named = tuple(dict.fromkeys((*found.rule_author, *known)))
            found = structs.replace(found, rule_author=named)
    return found


def _archives(loaded: "Configuration", elsewhere: Elsewhere) -> "Iterator[Archive | _Unasked]":
    from evidence.investigation.archive import FolderArchive

    # What the installation itself has goes first: whoever names a folder may have written it.
    yield from _configured(loaded, masked=False)
    if elsewhere.out is not None:
        yield FolderArchive(elsewhere.out, ["alerts"])
    if elsewhere.splunk is not None:
        from pipeline.cli.timeline import splunk_archive

        yield splunk_archive(elsewhere.splunk, elsewhere.splunk_token, None, elsewhere.splunk_ca)
    # What a masked sink has is the alert too, but of people by other names: last of all.
    yield from _configured(loaded, masked=True)


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
