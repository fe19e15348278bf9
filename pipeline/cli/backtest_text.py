"""A backtest on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.backtest_words import (
    TimeColumns,
    blind_text,
    doubts,
    moment_text,
    quiet_differences,
    rate_text,
    rounded,
    short_name,
    span_text,
    sparkline,
)
from pipeline.cli.printing import printable, say
from pipeline.page.words import plural, ratio

if TYPE_CHECKING:
    from detections.backtest.result import (
        Backtest,
        Comparison,
        Count,
        Example,
        LabelOutcome,
        LabelText,
        RuleOutcome,
        Score,
        SweepOutcome,
    )

_SPARK = 24
_MOST_RULES = 40
_MOST_ENTITIES = 8
_MOST_LABELS = 10
_MOST_PROBLEMS = 10
_MOST_POINTS = 40
_LONGEST = 60
#: Where there is less room for rules' titles, who alerts are about is left out of the table.
_LEAST_RULE = 36
_NUMBERS = frozenset(("alerts", "a day", "right", "wrong", "open"))


def print_backtest(result: "Backtest", console: Console) -> None:
    """All of it, the rules with the most alerts first."""
    _print_events(result, console)
    _print_rules(result, console)
    _print_entities(result.entities, console)
    if result.labels is not None:
        _print_labels(result.labels, console)
    if result.comparison is not None:
        _print_comparison(result.comparison, console)
    if result.sweep is not None:
        _print_sweep(result.sweep, console)
    _print_exceptions(result, console)
    _print_problems(result, console)


def _print_events(result: "Backtest", console: Console) -> None:
    events = result.events
    read = plural(events.read, "event")
    if events.first is None or events.last is None:
        say(console, f"{read} from {result.source}")
    else:
        say(
            console,
            f"{read} of {span_text(events.seconds)}, {moment_text(events.first)} to "
            f"{moment_text(events.last)} UTC, from {result.source}",
        )
    told = doubts(events)
    if told:
        say(console, "; ".join(told), "yellow")
    for note in result.notes:
        say(console, note, "yellow")


def _print_rules(result: "Backtest", console: Console) -> None:
    alerting = [one for one in result.rules if one.alerts]
    loud = sum(1 for one in result.rules if not one.silent)
    of = f"{len(alerting)} of {plural(loud, 'rule')}"
    rate = "" if result.per_day is None else f", {rate_text(result.per_day)}"
    console.print()
    say(console, f"{plural(result.alerts, 'alert')}{rate}, of {of}", "bold")
    blind = [one.blind for one in result.rules if one.blind and not one.silent]
    if blind and result.events.read:
        say(console, blind_text(blind, loud), "yellow" if len(blind) == loud else "dim")
    if not alerting:
        return
    rated = result.per_day is not None
    labelled = result.labels is not None
    columns = TimeColumns(result.events, _SPARK)
    by = f"by {result.events.bucket if columns.fine else 'time'}"
    heads = ["rule", "level", "alerts", *(["a day"] if rated else []), by]
    heads += ["right", "wrong", "open"] if labelled else []
    rows: list[list[str]] = []
    for one in alerting[:_MOST_RULES]:
        cells = [_rule(one), one.level, f"{one.alerts:,}"]
        cells += [rounded(one.per_day or 0)] if rated else []
        cells.append(sparkline(columns.counts(one.by_bucket)))
        if labelled and one.score is not None:
            cells += [f"{n:,}" for n in (one.score.right, one.score.wrong, one.score.unlabelled)]
        rows.append([*cells, _most_often(one)])
    console.print(_fitting([*heads, "most often about"], rows, console.width))
    more = len(alerting) - _MOST_RULES
    if more > 0:
        say(console, f"and {plural(more, 'more rule')}", "dim")


def _fitting(heads: list[str], rows: list[list[str]], width: int) -> Table:
    """A table whose first column gives way, and whose last is left out where there is no room."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    if sum(widths[1:]) + 2 * len(widths) + _LEAST_RULE > width:
        heads, rows, widths = heads[:-1], [row[:-1] for row in rows], widths[:-1]
    first = max(_LEAST_RULE, width - sum(widths[1:]) - 2 * len(widths))
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in heads:
        is_number = name in _NUMBERS
        table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        shown = [_short(row[0], first), *row[1:]]
        table.add_row(*(Text(printable(cell)) for cell in shown))
    return table


def _rule(one: "RuleOutcome") -> str:
    return f"{_short(one.title)} (staged)" if one.staged else _short(one.title)


def _most_often(one: "RuleOutcome") -> str:
    if not one.entities:
        return ""
    first = one.entities[0]
    others = one.different_entities - 1
    share = f"{short_name(first.name)} ({ratio(first.count / one.alerts)})"
    return f"{share}, {plural(others, 'other')}" if others else share


def _print_entities(entities: "Sequence[Count]", console: Console) -> None:
    if entities:
        shown = [f"{short_name(one.name)} {one.count:,}" for one in entities[:_MOST_ENTITIES]]
        console.print()
        say(console, f"Most often about: {', '.join(shown)}")


def _print_labels(labels: "LabelOutcome", console: Console) -> None:
    console.print()
    say(console, f"Against the labels: {score_text(labels.score)}", "bold")
    table = _table(
        "typology", *_numbers("right", "wrong", "open", "precision", "found", "recall", "F1")
    )
    for one in labels.by_typology:
        table.add_row(one.typology, *score_cells(one.score))
    if len(labels.by_typology) > 1:
        table.add_section()
        table.add_row("all", *score_cells(labels.score))
    console.print(table)
    _print_list("missed", labels.missed, console, "red")
    if labels.unmentioned:
        say(console, unmentioned_text(labels.unmentioned), "yellow")
    if labels.elsewhen:
        say(console, elsewhen_text(labels.elsewhen), "yellow")
    _print_list("fell for", labels.fallen_for, console, "red")
    if labels.left_out:
        left_out = plural(len(labels.left_out), "label")
        say(console, f"{left_out} about rules or typologies that no rule here has", "yellow")


def unmentioned_text(count: int) -> str:
    """What is to be known of labels whose names are in no event."""
    verb = "names" if count == 1 else "name"
    return f"{plural(count, 'missed label')} {verb} nothing that is in the events"


def elsewhen_text(count: int) -> str:
    """What is to be known of labels that no alert can belong to, by their time."""
    lies, it = ("lies", "it") if count == 1 else ("lie", "them")
    labels = plural(count, "missed label")
    return f"{labels} {lies} before the first event or after the last: no rule could find {it}"


def score_cells(score: "Score") -> list[str]:
    """Right, wrong, unlabelled, precision, found of expected, recall, F1."""
    return [
        f"{score.right:,}",
        f"{score.wrong:,}",
        f"{score.unlabelled:,}",
        ratio(score.precision),
        f"{score.found:,} of {score.expected:,}",
        ratio(score.recall),
        "–" if score.f1 is None else f"{score.f1:.2f}",
    ]


def score_text(score: "Score") -> str:
    """`precision 92 %, recall 80 % (8 of 10 found), 3 alerts unlabelled`."""
    parts = [f"precision {ratio(score.precision)}", f"recall {ratio(score.recall)}"]
    if score.expected:
        parts[-1] += f" ({score.found:,} of {score.expected:,} found)"
    if score.unlabelled:
        parts.append(f"{plural(score.unlabelled, 'alert')} unlabelled")
    return ", ".join(parts)


def _print_list(what: str, labels: "Sequence[LabelText]", console: Console, style: str) -> None:
    for one in labels[:_MOST_LABELS]:
        say(console, f"{what}: {one.about}  ({one.place})", style)
    if len(labels) > _MOST_LABELS:
        say(console, f"{what}: {len(labels) - _MOST_LABELS} more", style)


def _print_comparison(found: "Comparison", console: Console) -> None:
    console.print()
    said = (
        f"With the other rules: {plural(found.after, 'alert')} instead of {found.before:,} "
        f"({found.new:,} new, {found.gone:,} gone, {found.changed:,} changed, {found.same:,} same)"
    )
    say(console, said, "bold")
    if found.score_before is not None and found.score_after is not None:
        say(console, f"before: {score_text(found.score_before)}")
        say(console, f"after:  {score_text(found.score_after)}")
    if not found.rules:
        say(console, "No rule differs.")
        return
    alerting = [one for one in found.rules if one.before or one.after]
    if alerting:
        table = _table("rule", "it is", *_numbers("before", "after", "new", "gone", "changed"))
        for one in alerting[:_MOST_RULES]:
            counts = (one.before, one.after, one.new, one.gone, one.changed)
            cells = (Text(printable(_short(one.title))), one.kind, *(f"{n:,}" for n in counts))
            table.add_row(*cells)
        console.print(table)
    if quiet := quiet_differences(found):
        say(console, quiet, "dim")
    for one in alerting[:_MOST_RULES]:
        for word, examples in (("new", one.new_examples), ("gone", one.gone_examples)):
            for example in examples[:2]:
                say(console, f"{word}: {_example(example)}", "dim")
        for change in one.changed_examples[:2]:
            say(console, f"changed ({', '.join(change.fields)}): {_example(change.after)}", "dim")


def _example(example: "Example") -> str:
    return f"{moment_text(example.time)} {example.reason}"


def _print_sweep(sweep: "SweepOutcome", console: Console) -> None:
    console.print()
    say(console, f"Sweep, counted: {', '.join(sweep.rules)}", "bold")
    scored = any(point.score is not None for point in sweep.points)
    rated = any(point.per_day is not None for point in sweep.points)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for one in sweep.parameters:
        table.add_column(Text(printable(one.path)), justify="right")
    table.add_column("alerts", justify="right")
    if rated:
        table.add_column("a day", justify="right")
    table.add_column("", no_wrap=True)
    if scored:
        for name in ("precision", "found", "recall", "F1"):
            table.add_column(name, justify="right")
    table.add_column("")
    most = max((point.alerts for point in sweep.points), default=0)
    for point in sweep.points[:_MOST_POINTS]:
        cells = [*point.values, f"{point.alerts:,}"]
        if rated:
            cells.append(rounded(point.per_day or 0))
        cells.append("█" * round(12 * point.alerts / most) if most else "")
        if scored and point.score is not None:
            cells += score_cells(point.score)[3:]
        cells.append("← now" if point.current else "")
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)
    more = len(sweep.points) - _MOST_POINTS
    if more > 0:
        say(console, f"and {more} more: see --html or --json", "dim")


def _print_exceptions(result: "Backtest", console: Console) -> None:
    if not result.exceptions:
        return
    console.print()
    held = sum(one.alerts for one in result.exceptions)
    count = plural(len(result.exceptions), "exception")
    say(console, f"{count} held back {plural(held, 'alert')}", "bold")
    for one in result.exceptions:
        if one.expired:
            what = f"expired on {one.expires[:10]}, by the newest event's time"
        elif not one.alerts:
            what = "held back nothing"
        else:
            continue
        say(console, f"{one.place}: {what} ({one.owner}: {one.reason})", "yellow")


def _print_problems(result: "Backtest", console: Console) -> None:
    if not result.problems:
        return
    console.print()
    failed = plural(result.rule_failures, "time")
    told = [plural(result.events.dead, "line is no event", "lines are no events")]
    if result.rule_failures:
        told.append(f"a rule failed {failed}")
    say(console, f"{'; '.join(told)}. The first:", "red")
    for problem in result.problems[:_MOST_PROBLEMS]:
        shown = "\n".join(printable(line) for line in problem.splitlines())
        console.print(Text(shown), soft_wrap=True)


def _table(*names: "str | tuple[str]") -> Table:
    """A plain table; names in tuples are of numbers."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        if isinstance(name, tuple):
            table.add_column(name[0], justify="right", no_wrap=True)
        else:
            table.add_column(name, overflow="fold")
    return table


def _numbers(*names: str) -> list[tuple[str]]:
    return [(name,) for name in names]


def _short(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
