"""Dead letters as tables."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from pipeline.bus.dead_letter_groups import ReasonGroup
from pipeline.bus.dead_letters import StoredLetter


def print_groups(groups: Sequence[ReasonGroup]) -> None:
    """One line for each reason, the newest last."""
    table = Table(box=None, header_style="bold")
    for name in ("count", "open", "first (UTC)", "last (UTC)", "newest"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("stage", "source", "field", "reason"):
        table.add_column(name, overflow="fold")
    for group in groups:
        table.add_row(
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
    Console().print(table, highlight=False, markup=False)


def print_letters(found: Sequence[StoredLetter]) -> None:
    """One line for each letter."""
    table = Table(box=None, header_style="bold")
    for name in ("number", "received (UTC)", "state", "stage", "source", "position", "field",
                 "reason"):  # fmt: skip
        table.add_column(name, overflow="fold")
    for stored in found:
        letter = stored.letter
        table.add_row(
            str(stored.sequence),
            _time(letter.received),
            stored.state if stored.replays < 2 else f"{stored.state} {stored.replays}x",
            letter.stage,
            letter.source,
            letter.position,
            letter.field or "",
            letter.reason,
        )
    Console().print(table, highlight=False, markup=False)


def state_of(stored: StoredLetter) -> str:
    """`open`; or what was done, and when."""
    if stored.state == "open":
        return "open"
    times = f", {stored.replays} times" if stored.replays > 1 else ""
    detail = f": {stored.detail}" if stored.detail else ""
    return f"{stored.state} {_time(stored.noted)} UTC{times}{detail}"


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
