"""Dead letters as tables, or where a terminal is too narrow for them as lines."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.bus.dead_letter_groups import ReasonGroup
from pipeline.bus.dead_letters import StoredLetter
from pipeline.cli.printing import WIDE, output, printable, show
from pipeline.problems import fit_for_terminal

#: A table in fewer columns breaks each reason into a pillar of syllables.
_NARROW = 120


def print_groups(groups: Sequence[ReasonGroup]) -> None:
    """One line for each reason, the newest last."""
    if (console := output(width=WIDE)).width < _NARROW:
        _print_lines(console, (_lines_of_group(group) for group in groups))
        return
    table = Table(box=None, header_style="bold")
    for name in ("count", "open", "first (UTC)", "last (UTC)", "newest"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("stage", "source", "field", "reason"):
        table.add_column(name, overflow="fold")
    for group in groups:
        _add(
            table,
            str(group.count),
            str(group.open),
            _time(group.first),
            _time(group.last),
            str(group.newest),
            group.stage,
            group.source,
            group.field or "",
            group.reason,
        )
    show(table, width=WIDE)


def print_letters(found: Sequence[StoredLetter]) -> None:
    """One line for each letter."""
    if (console := output(width=WIDE)).width < _NARROW:
        _print_lines(console, (_lines_of_letter(stored) for stored in found))
        return
    table = Table(box=None, header_style="bold")
    for name in ("number", "received (UTC)", "state", "stage", "source", "position", "field",
                 "reason"):  # fmt: skip
        table.add_column(name, overflow="fold", no_wrap=name == "received (UTC)")
    for stored in found:
        letter = stored.letter
        _add(
            table,
            str(stored.sequence),
            _time(letter.received),
            _state_in_short(stored),
            letter.stage,
            letter.source,
            letter.position,
            letter.field or "",
            letter.reason,
        )
    show(table, width=WIDE)


def print_letter(stored: StoredLetter) -> None:
    """One letter whole, a line for each thing that is known of it."""
    letter = stored.letter
    told = {
        "stage": letter.stage,
        "source": letter.source,
        "protocol": letter.protocol,
        "position": letter.position,
        "received": f"{_time(letter.received)}.{letter.received % 10**9:09} UTC",
        "reason": letter.reason,
        "field": letter.field or "",
        "original": letter.original,
        "kind": letter.kind,
        "context": letter.context,
        "truncated": "yes: see `original`" if letter.truncated else "",
        "state": state_of(stored),
        "payload": letter.payload.decode(errors="backslashreplace"),
    }
    for name, said in told.items():
        if said:
            typer.echo(fit_for_terminal(f"{name}: {said}"))


def state_of(stored: StoredLetter) -> str:
    """`open`; or what was done, and when."""
    if stored.state == "open":
        return "open"
    times = f", {stored.replays} times" if stored.replays > 1 else ""
    detail = f": {stored.detail}" if stored.detail else ""
    return f"{stored.state} {_time(stored.noted)} UTC{times}{detail}"


def _lines_of_group(group: ReasonGroup) -> tuple[str, str, str]:
    where = ", ".join(part for part in (group.stage, group.source, group.field) if part)
    when = f"{_time(group.first)} to {_time(group.last)} UTC; the newest is {group.newest}"
    return str(group.count), f"{where}: {group.reason}", f"{group.open} open; {when}"


def _lines_of_letter(stored: StoredLetter) -> tuple[str, str, str]:
    letter = stored.letter
    parts = (letter.stage, letter.source, letter.position, letter.field)
    where = ", ".join(part for part in parts if part)
    when = f"{_state_in_short(stored)}; received {_time(letter.received)} UTC"
    return str(stored.sequence), f"{where}: {letter.reason}", when


def _print_lines(console: Console, lines: Iterable[tuple[str, str, str]]) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for number, said, when in lines:
        _add(table, number, said)
        _add(table, "", when)
    console.print(table)


def _add(table: Table, *cells: str) -> None:
    table.add_row(*(Text(printable(cell)) for cell in cells))


def _state_in_short(stored: StoredLetter) -> str:
    return stored.state if stored.replays < 2 else f"{stored.state} {stored.replays}x"


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
