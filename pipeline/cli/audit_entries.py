"""Entries of the audit log as `tapewatch audit` chooses and shows them."""

from typing import TYPE_CHECKING

import msgspec

from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.cli.printing import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from evidence.audit.entries import Entry
    from evidence.audit.store import AuditFolder


def chosen_by(action: str | None, who: str | None, what: str | None) -> "Callable[[Entry], bool]":
    """Which entries the options mean. Raises Failure for an action that there isn't."""
    from difflib import get_close_matches
    from typing import get_args

    from evidence.audit.entries import Action

    actions = get_args(Action)
    if action is not None and action not in actions:
        close = get_close_matches(action, actions, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(actions)}"
        raise Failure(f"--action {action}: no such action: {hint}", CONFIGURATION)
    return lambda entry: (
        (action is None or entry.action == action)
        and (who is None or entry.who == who)
        and (what is None or what in entry.what)
    )


def check_span(first: int, end: int | None) -> None:
    """Raises Failure for a part that ends before it begins."""
    if end is not None and first >= end > 0:
        raise Failure(f"--first {first} is not before --end {end}", CONFIGURATION)


def extent(size: int) -> str:
    """How far a log goes."""
    return f"the log has {size:,} signed entries, from 0 to {size - 1}"


def others(folder: "AuditFolder", who: str | None) -> str:
    """Whose entries there are, where there is none of `who`: it may be a slip of the pen."""
    from evidence.audit.entries import decode
    from evidence.audit.export import select
    from pipeline.problems import all_of, did_you_mean

    if who is None:
        return ""
    names = {decode(line).who for _, line in select(folder, 2**62, lambda _: True)}
    if who in names:
        return ""
    hint = did_you_mean(who, sorted(names))
    meant = f"did you mean {hint}?" if hint else f"entries are of {all_of(sorted(names))}"
    return f": no entry is of {who}; {meant}"


def sentence(entry: "Entry") -> str:
    """An entry on one line."""
    from pipeline.units import SECOND

    moment = msgspec.to_builtins(_time(entry.time // SECOND))
    why = f": {entry.why}" if entry.why else ""
    several = f" ({entry.count:,})" if entry.count != 1 else ""
    return printable(
        f"{entry.number:>8}  {moment}  {entry.action:<22} {entry.who}  {entry.what}{several}{why}"
    )


def _time(seconds: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"
