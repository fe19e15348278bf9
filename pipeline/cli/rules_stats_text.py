"""The statistics of rules on the terminal: rules on trial in words, all others in a table."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.backtest_words import moment_text, rounded, short_name
from pipeline.cli.printing import printable, say
from pipeline.page.words import plural, ratio

if TYPE_CHECKING:
    from detections.staging.statistics import RuleStatistics
    from pipeline.cli.rules_stats import StatsReport

_VERDICTS = {
    "promote": ("promote it", "green"),
    "wait": ("wait", "yellow"),
    "tune": ("tune it first", "red"),
    "backtest": ("backtest it first", "yellow"),
}
#: Why such cases say nothing.
NAMELESS = (
    "this sink's mask drops who closed them, so that four eyes can't be checked: "
    "read another sink, or mask `staff` by hash"
)
_MOST_ROWS = 60
_LONGEST = 50


def print_stats(
    report: "StatsReport", console: Console, *, rules: Sequence[str], delivered: Sequence[str]
) -> None:
    """All of it. `rules` and `delivered` are options that have other commands find the same."""
    gone = sum(one.retracted for one in report.rules)
    alerts = sum(one.alerts + one.of_other_versions for one in report.rules) + gone
    when = ""
    if report.first_event is not None and report.last_event is not None:
        of = "events" if report.of_events else "alerts (no events are kept)"
        when = (
            f", {of} from {moment_text(report.first_event)} to {moment_text(report.last_event)} UTC"
        )
    say(console, f"{plural(alerts, 'alert')} in {report.source}{when}")
    if gone:
        one, many = "of them was retracted and counts", "of them were retracted and count"
        say(console, f"{plural(gone, one, many)} nowhere below")
    if report.cases:
        say(console, f"{plural(report.cases, 'closed case')} told which alerts were right")
    if report.broken_cases:
        say(
            console,
            f"{plural(report.broken_cases, 'case')} left out: what began them is not kept any more",
            "yellow",
        )
    if report.nameless_cases:
        say(
            console,
            f"{plural(report.nameless_cases, 'case')} left out: {NAMELESS}",
            "yellow",
        )
    staged = [one for one in report.rules if one.staged]
    for one in staged:
        _print_trial(one, console, rules)
    if not staged:
        say(console, "No rule is staged.", "dim")
    live = [one for one in report.rules if not one.staged]
    alerting = [one for one in live if one.alerts or one.of_other_versions]
    if alerting:
        console.print()
        console.print(_table(alerting[:_MOST_ROWS]))
    if len(alerting) > _MOST_ROWS:
        say(console, f"and {len(alerting) - _MOST_ROWS:,} more: see --json", "dim")
    if len(live) > len(alerting):
        say(console, f"{plural(len(live) - len(alerting), 'live rule')} gave no alert.", "dim")
    _print_sureness(report, console, [*rules, *delivered])
    _print_exceptions(report, console)


def _print_sureness(report: "StatsReport", console: Console, options: Sequence[str]) -> None:
    """What was judged, by confidence, and which rules say too much or too little."""
    judged = [(one, one.sureness) for one in report.confidence if one.sureness is not None]
    if not judged:
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("confidence", no_wrap=True)
    for name in ("judged", "right", "95 % of"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for band, found in judged:
        said = f"{band.low:g} to {band.high:g}"
        table.add_row(
            *(said, f"{found.judged:,}", f"{found.right:,} ({ratio(found.share.value)})"),
            f"{ratio(found.share.low)} to {ratio(found.share.high)}",
            found.verdict,
        )
    console.print()
    console.print(table)
    for one in report.rules:
        found = one.sureness
        if found is not None and found.verdict and one.file is not None:
            what = (
                f"{found.verdict}: {one.title} says {found.confidence:.2f}, and "
                f"{found.right:,} of {found.judged:,} were right"
            )
            console.print()
            say(console, what, "yellow")
            say(console, f"  tapewatch rules calibrate {shlex.join([one.id, *options])}", "dim")


def _print_trial(one: "RuleStatistics", console: Console, options: Sequence[str]) -> None:
    assert one.advice is not None
    word, style = _VERDICTS[one.advice.verdict]
    console.print()
    console.print(
        Text.assemble((f"{word}: ", f"bold {style}"), (printable(one.title), "bold")),
        soft_wrap=True,
    )
    for reason in one.advice.reasons:
        say(console, f"  {reason}")
    facts = [f"on trial since {one.since[:10]}" if one.since else "on trial"]
    if one.last_alert is not None:
        facts.append(f"last alert {moment_text(one.last_alert)} UTC")
        facts.append(plural(one.entities, "entity", "entities"))
    if one.right or one.wrong:
        facts.append(f"{one.right:,} judged right, {one.wrong:,} wrong")
    if one.of_other_versions:
        facts.append(f"{plural(one.of_other_versions, 'alert')} of other versions, not counted")
    if one.retracted:
        facts.append(f"{one.retracted:,} retracted, not counted")
    say(console, f"  {', '.join(facts)}; {one.file}", "dim")
    if one.advice.verdict == "promote":
        say(console, f"  tapewatch rules promote {shlex.join([one.id, *options])}", "dim")


def _table(rules: "list[RuleStatistics]") -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("live rule", overflow="fold")
    judged = any(one.sureness is not None for one in rules)
    for name in ("alerts", "a day", "entities", *(("right",) if judged else ())):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("most often about", no_wrap=True)
    table.add_column("silent for", justify="right", no_wrap=True)
    for one in rules:
        title = one.title if len(one.title) <= _LONGEST else f"{one.title[: _LONGEST - 1]}…"
        gone = " (no longer there)" if one.file is None else ""
        entity = one.largest_entity
        about = f"{short_name(entity)} ({ratio(one.largest_share)})" if entity else ""
        cells = (
            f"{title}{gone}",
            f"{one.alerts:,}" + (f" +{one.of_other_versions:,}" if one.of_other_versions else ""),
            "–" if one.per_day is None else rounded(one.per_day),
            f"{one.entities:,}",
            *((_right(one),) if judged else ()),
            about,
            _days(one.silent_days),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _right(one: "RuleStatistics") -> str:
    judged = one.right + one.wrong
    return f"{one.right:,} of {judged:,}" if judged else "–"


def _days(days: float) -> str:
    if days < 1:
        return f"{days * 24:.0f} h"
    return f"{days:,.0f} days" if days >= 1.5 else "1 day"


def _print_exceptions(report: "StatsReport", console: Console) -> None:
    if not report.exceptions:
        return
    console.print()
    idle = [one for one in report.exceptions if not one.alerts and not one.expired]
    for one in report.exceptions:
        if one.expired:
            what = f"past its date, {one.expires[:10]}"
            say(console, f"exception {one.place}: {what} ({one.owner}: {one.reason})", "yellow")
    if report.exceptions_tried:
        for one in idle:
            what = "covers none of the kept events' alerts"
            say(console, f"exception {one.place}: {what} ({one.owner}: {one.reason})", "yellow")
        used = sum(1 for one in report.exceptions if one.alerts)
        say(console, f"{used:,} of {plural(len(report.exceptions), 'exception')} cover alerts.")
    else:
        count = plural(len(report.exceptions), "exception")
        say(console, f"{count}; what they cover is told with --try-exceptions.", "dim")
