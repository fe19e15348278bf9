"""``tapewatch evidence``: the events that an alert rests on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.app import JsonOutput, app
from pipeline.cli.failures import FAILED, Failure, command
from pipeline.cli.printing import Screen
from pipeline.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from evidence.timeline import Entry, Timeline

#: Of an alert's newest status; without it, or reinstated, it holds.
_STATUS_STYLES = {"retracted": "bold red", "amended": "bold yellow"}


@app.command()
@command
def evidence(
    alert: Annotated[str, typer.Argument(metavar="ALERT_ID", help="The id, or how it begins.")],
    out: Annotated[Path, typer.Option("--out", help="The folder that the file sink writes to.")],
    as_json: JsonOutput = False,
) -> None:
    """Show an alert's timeline: every event that it rests on, with times. Exit 1 if one is missing.

    Reads the file sink's folders; nothing needs to run.
    """
    from evidence.timeline import AmbiguousAlert, NoSuchAlert

    alert = alert.strip()
    if alert.upper().startswith("TW-"):
        raise Failure(f"{alert} is the id of a case: `tapewatch case show {alert}` has its alerts")
    try:
        found = _as_copied(alert, out)
    except (AmbiguousAlert, NoSuchAlert) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"can't read {error.filename or out}: {error.strerror or error}") from error
    if as_json:
        typer.echo(msgspec.json.encode(_document(found)))
    else:
        print_timeline(found, Screen())
    if not found.complete:
        raise typer.Exit(FAILED)


def _as_copied(alert: str, out: Path) -> "Timeline":
    """Of the id as it is, or in lower case, as all of ours are. Raises as `timeline` does."""
    from evidence.timeline import NoSuchAlert, timeline

    try:
        return timeline(alert, out)
    except NoSuchAlert:
        if alert == alert.lower():
            raise
    return timeline(alert.lower(), out)


def print_timeline(timeline: "Timeline", console: Console) -> None:
    """The timeline as a table, event time in UTC."""
    alert = timeline.alert
    console.print(Text(_plain(f"{alert.rule_name}  ({alert.level})"), style="bold"))
    console.print(Text(_plain(alert.reason)))
    if (update := timeline.update) is not None:
        style = _STATUS_STYLES.get(update.status, "bold green")
        console.print(Text(_plain(f"{update.status}: {update.reason}"), style=style))
    console.print(Text(f"alert {alert.id}, {_time(alert.timestamp)}\n", style="dim"))
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("to alert", justify="right", no_wrap=True)
    table.add_column("what")
    for entry in timeline.entries:
        what = Text(_plain(entry.summary), style="bold" if entry.completing else "")
        if entry.orphaned:
            what.append("  orphaned: its block left the chain", style="not bold red")
        what.append("\n" + _plain(_proof(entry)), style="not bold dim")
        table.add_row(_time(entry.timestamp)[11:-1], _relative(entry.relative), what)
    console.print(table)
    for missing in timeline.missing:
        console.print(Text(_plain(f"missing: event {missing}"), style="red"))
    for line in timeline.unreadable:
        console.print(Text(_plain(f"unreadable: {line}"), style="yellow"))


def _document(timeline: "Timeline") -> dict[str, Any]:
    from normalizer.events.ecs import nest, rfc3339

    return {
        "alert": nest(timeline.alert),
        "entries": [
            msgspec.to_builtins(entry) | {"timestamp": rfc3339(entry.timestamp)}
            for entry in timeline.entries
        ],
        "missing": timeline.missing,
        "unreadable": timeline.unreadable,
        "update": None if timeline.update is None else nest(timeline.update),
    }


def _proof(entry: "Entry") -> str:
    parts: list[str] = []
    if entry.transaction_hash is not None:
        parts.append(f"transaction {entry.transaction_hash}, block {entry.block_number}")
    if entry.order_ids:
        parts.append(f"order {', '.join(entry.order_ids)}")
    if entry.trade_id is not None:
        parts.append(f"trade {entry.trade_id}")
    return "; ".join([*parts, f"raw frame {entry.original}"])


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 1_000:06d}Z"


def _relative(nanoseconds: int) -> str:
    if abs(nanoseconds) < SECOND:
        return f"{nanoseconds / MILLISECOND:+.1f} ms"
    return f"{nanoseconds / SECOND:+.3f} s"


def _plain(text: str) -> str:
    """Without control characters: what a source sent must not command the terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)
