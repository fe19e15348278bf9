"""A replay on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.backtest_words import moment_text, rounded, short_name
from pipeline.cli.printing import printable, say
from pipeline.page.words import plural

if TYPE_CHECKING:
    from detections.backtest.result import Change, Example
    from detections.replay.result import Replay, RuleAgreement, RuleSwitch, Unmatched

_MOST_RULES = 40
_LONGEST = 60


def print_replay(found: "Replay", console: Console, seconds: float) -> None:
    """All of it, the rules that differ most first. `seconds` is what it took."""
    read = found.events + found.warm_up
    rate = f", {rounded(read / seconds)} a second" if seconds >= 10 else ""
    before = f" and {found.warm_up:,} before them" if found.warm_up else ""
    say(console, f"{plural(found.events, 'event')}{before}, from {found.source}{rate}")
    rules = "the rules in force then" if found.rules == "in force then" else found.rules
    say(console, f"rules: {rules}")
    for switch in found.switches:
        say(console, f"  from message {switch.sequence:,} on: {_switch(switch)}")
    for note in (*found.notes, *_doubts(found)):
        say(console, note, "yellow")
    console.print()
    _print_verdict(found, console)
    differing = [one for one in found.by_rule if not one.agrees]
    if differing:
        console.print(_table(differing[:_MOST_RULES]))
        more = len(differing) - _MOST_RULES
        if more > 0:
            say(console, f"and {plural(more, 'more rule')}: see --json", "dim")
        for one in differing[:_MOST_RULES]:
            _print_rule(one, console)


def _print_verdict(found: "Replay", console: Console) -> None:
    if found.agrees:
        rules = plural(sum(1 for one in found.by_rule if one.same), "rule")
        if found.same:
            amended = found.amended.same
            also = f" and {plural(amended, 'amendment')} of them" if amended else ""
            said = f"{plural(found.same, 'alert')} of {rules}{also}, the same as live"
        elif not found.events:
            say(console, "no event is of this span, so there is nothing to compare", "yellow")
            return
        else:
            said = "no alerts, and none live"
        say(console, said, "bold green")
        return
    parts = [
        f"{found.same:,} the same",
        *([f"{found.changed:,} changed"] if found.changed else []),
        *([f"{found.missing_live:,} missing live"] if found.missing_live else []),
        *([f"{found.only_live:,} only live"] if found.only_live else []),
        *([f"{found.amended.differing:,} amended otherwise"] if found.amended.differing else []),
    ]
    replayed = found.replayed - found.unread
    counts = f"{plural(replayed, 'alert')} by the replay, {found.live:,} live"
    say(console, f"{counts}: {', '.join(parts)}", "bold red")


def _doubts(found: "Replay") -> list[str]:
    said: list[str] = []
    if found.orphaned:
        said.append(f"{plural(found.orphaned, 'event')} of blocks that the chain left: left out")
    if found.duplicates:
        said.append(f"{plural(found.duplicates, 'event')} came again, and counted once")
    if found.retracted:
        said.append(f"{plural(found.retracted, 'live alert')} had been retracted: left out")
    if found.unread:
        said.append(
            f"{plural(found.unread, 'alert')} on events that the live detections haven't read yet"
        )
    if found.failures:
        said.append(f"a rule failed on an event {plural(found.failures, 'time')}")
    return said


def _switch(switch: "RuleSwitch") -> str:
    counts = (
        (switch.added, "added"),
        (switch.changed, "changed"),
        (switch.removed, "removed"),
        (switch.rebuilt, "rebuilt"),
    )
    what = ", ".join(f"{len(rules):,} {word}" for rules, word in counts if rules) or "the same"
    return f"rule set {switch.rules[:12]} ({what})" + (
        f": {switch.reason}" if switch.reason else ""
    )


def _table(rules: "Sequence[RuleAgreement]") -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("rule", overflow="fold")
    for name in ("same", "changed", "missing live", "only live"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in rules:
        counts = (one.same, one.changed, one.missing_live, one.only_live)
        title = Text(printable(_short(one.title)))
        table.add_row(title, *(f"{count:,}" if count else "–" for count in counts))
    return table


def _print_rule(one: "RuleAgreement", console: Console) -> None:
    console.print()
    say(console, one.title, "bold")
    for reason in one.reasons:
        say(console, f"  {reason.count:,}: {reason.name}")
    for change in one.changes:
        say(console, f"  changed       {_example(change.after)}")
        say(console, f"                {_changes(change)}", "dim")
    for unmatched in one.missing_examples:
        say(console, f"  missing live  {_unmatched(unmatched)}")
    for unmatched in one.live_examples:
        say(console, f"  only live     {_unmatched(unmatched)}")


def _unmatched(found: "Unmatched") -> str:
    return _example(found.alert) + (f" ({found.why})" if found.why else "")


def _changes(change: "Change") -> str:
    differing = ", ".join(change.fields)
    if "reason" in change.fields or "event.reason" in change.fields:
        return f"{differing}; live: {change.before.reason}"
    return f"{differing} differ" if len(change.fields) > 1 else f"{differing} differs"


def _example(alert: "Example") -> str:
    who = ", ".join(short_name(name) for name in alert.entities[:2])
    return f"{moment_text(alert.time)} {alert.level} {who}: {alert.reason}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
