"""Why rules did or didn't match, as trees for people."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import get_args

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from detections.explanation.failing import failing
from detections.explanation.model import (
    AlertExplanation,
    EventExplanation,
    HeldConfidence,
    Part,
    RuleExplanation,
    Step,
    Verdict,
)
from detections.rules.model import ExceptionRule
from pipeline.cli.printing import printable
from pipeline.units import SECOND

_MOST_STEPS = 50
_MOST_NEAR = 20
_MOST = 1_000_000
_SIGNS = {True: ("✓", "green"), False: ("✗", "red")}
_WORDS = {"all": "all of", "any": "any of", "not": "not"}


def event_text(explained: EventExplanation) -> RenderableType:
    """What the rules make of an event: those that matched first, then the nearest of the others."""
    parts: list[RenderableType] = [_head(explained)]
    if explained.doubt is not None:
        parts.append(Text(printable(f"no record of ours: {explained.doubt}"), style="yellow"))
    if len(explained.rules) == 1:
        return Group(*parts, Text(""), _rule(explained.rules[0]))
    by_verdict = {verdict: _of(explained, verdict) for verdict in get_args(Verdict)}
    near = sorted(by_verdict["not matched"], key=_lacks)
    for one in (*by_verdict["matched"], *by_verdict["watches"], *near[:_MOST_NEAR]):
        parts += [Text(""), _rule(one)]
    if len(near) > _MOST_NEAR:
        said = f"and {len(near) - _MOST_NEAR} more that did not match; name one with --rule"
        parts += [Text(""), Text(said, style="bold")]
    if by_verdict["ruled out"]:
        parts += [Text(""), Text("ruled out at once:", style="bold")]
        parts += [_line(f"{one.rule.title}: {one.why}") for one in by_verdict["ruled out"]]
    return Group(*parts)


def alert_text(explained: AlertExplanation, sentences: Mapping[str, str]) -> RenderableType:
    """Why an alert came. `sentences` says of the events that are there what happened, by id."""
    alert, rule = explained.alert, explained.rule
    parts: list[RenderableType] = [
        Text(printable(f"{alert.rule_name}  ({alert.level})"), style="bold"),
        Text(printable(alert.reason)),
        Text(f"alert {alert.id}, {_time(alert.timestamp)}", style="dim"),
        Text(""),
    ]
    if alert.rule_description:
        parts.append(_said("what the rule looks for", alert.rule_description))
    if explained.how:
        parts.append(_said("how", explained.how))
    if explained.group:
        group = ", ".join(f"{name} {value}" for name, value in explained.group)
        parts.append(_said("group", group))
    if alert.metrics:
        numbers = ", ".join(f"{name} {value:g}" for name, value in alert.metrics.items())
        parts.append(_said("numbers", numbers))
    if explained.confidence is not None:
        parts.append(_said("confidence", _confidence(explained.confidence)))
    if alert.rule_note:
        parts.append(_said("what to look at", alert.rule_note))
    if rule is not None and rule.falsepositives:
        parts.append(_said("what looks the same and is honest", "; ".join(rule.falsepositives)))
    if rule is None:
        parts.append(Text("the rule isn't among these rules: give --rules", style="yellow"))
    elif explained.changed:
        said = "the rule was changed after this alert: what it says now is shown"
        parts.append(Text(said, style="yellow"))
    if explained.exception is not None:
        parts.append(_exception(explained.exception))
    if explained.condition is not None:
        tree = Tree(Text("its condition, on this event", style="bold"))
        _grow(tree, explained.condition)
        parts += [Text(""), tree]
    parts += [Text(""), _steps(explained.steps, sentences)]
    return Group(*parts)


def _confidence(held: HeldConfidence) -> str:
    return (
        f"{held.says:g}; {held.by_itself:.2f} by the rule itself, "
        f"and of {held.judged:,} that people judged {held.right:,} were right"
    )


def _of(explained: EventExplanation, verdict: Verdict) -> list[RuleExplanation]:
    return [one for one in explained.rules if one.verdict == verdict]


def _lacks(one: RuleExplanation) -> int:
    """How many parts of the condition fail; correlations come last."""
    return _MOST if one.condition is None else len(failing(one.condition))


def _head(explained: EventExplanation) -> Text:
    action = explained.action or "an event without event.action"
    head = Text(printable(action), style="bold")
    head.append(f"  {_time(explained.timestamp)}\n", style="not bold")
    head.append(printable(f"event {explained.event_id}"), style="not bold dim")
    head.append("\n")
    counts = {
        "matched": "matched",
        "watches": "count it",
        "not matched": "did not match",
        "ruled out": "ruled out at once",
    }
    verdicts = [one.verdict for one in explained.rules]
    said = [
        f"{verdicts.count(verdict)} {text}"
        for verdict, text in counts.items()
        if verdict in verdicts or verdict == "matched"
    ]
    rules = f"{len(verdicts)} rule{'' if len(verdicts) == 1 else 's'}"
    head.append(f"{rules}: {', '.join(said)}", style="not bold")
    return head


def _rule(one: RuleExplanation) -> RenderableType:
    sign, style = _SIGNS[one.verdict in ("matched", "watches")]
    if one.verdict == "watches":
        sign, style = "•", "cyan"
    head = Text.assemble((f"{sign} ", style), (printable(one.rule.title), "bold"))
    head.append(f"  {one.rule.location}", style="dim")
    tree = Tree(head)
    if one.verdict == "ruled out":
        tree.add(Text(printable(f"ruled out at once: {one.why}")))
    elif one.why:
        tree.add(Text(printable(one.why)))
    if one.condition is not None:
        _grow(tree, one.condition)
    _add_group(tree, one)
    if one.reason is not None and one.verdict == "matched" and not one.silent:
        tree.add(Text(printable(f"would say: {one.reason}")))
    if one.confidence is not None:
        tree.add(Text(f"confidence: {_confidence(one.confidence)}"))
    if one.silent:
        tree.add(Text("it only feeds correlations, and alerts nobody"))
    if one.exception is not None:
        tree.add(_exception(one.exception))
    return tree


def _add_group(tree: Tree, one: RuleExplanation) -> None:
    for base in one.bases:
        sign, style = ("•", "cyan") if base.matched is None else _SIGNS[base.matched]
        said = " (a correlation; it counts the event)" if base.matched is None else ""
        tree.add(Text.assemble((f"{sign} ", style), printable(f"{base.rule.title}{said}")))
    if one.group is None:
        return
    values = [f"{name} {value}" for name, value in one.group.values]
    if one.group.lacking:
        lacking = ", ".join(one.group.lacking)
        tree.add(Text(printable(f"in no group: the event has no {lacking}"), style="red"))
    elif values:
        tree.add(Text(printable(f"in the group {', '.join(values)}")))


def _grow(tree: Tree, part: Part) -> None:
    sign, style = _SIGNS[part.holds]
    line = Text.assemble((f"{sign} ", style))
    if part.name is not None:
        line.append(f"{part.name}: ", style="bold")
    line.append(printable(_WORDS.get(part.kind) or leaf_text(part)))
    branch = tree.add(line)
    for inner in part.parts:
        _grow(branch, inner)


def leaf_text(part: Part) -> str:
    """What a field or keyword was wanted to be, and what it is."""
    if part.field is None:
        return f"{part.wanted} (it has {part.came})" if part.came else str(part.wanted)
    said = f"{part.field}: {part.wanted}"
    if part.came is not None:
        return said if part.came == part.wanted else f"{said} (it is {part.came})"
    if part.missing == "never there":
        said = f"{said} (an event of this kind never has it)"
    elif part.wanted not in ("no value", "no such field"):
        said = f"{said} (missing)"
    return f"{said}; did you mean {part.hint}?" if part.hint else said


def _exception(one: ExceptionRule) -> Text:
    until = datetime.fromtimestamp(one.expires // SECOND, UTC).date()
    said = f"covered until {until} by the exception {one.location}: {one.reason} ({one.owner})"
    return Text(printable(said), style="yellow")


def _steps(steps: Iterable[Step], sentences: Mapping[str, str]) -> RenderableType:
    every = list(steps)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("events that it rests on", overflow="fold")
    for step in every[-_MOST_STEPS:]:
        what = Text(
            printable(sentences.get(step.event_id, step.event_id)),
            style="bold" if step.completing else "",
        )
        if step.timestamp is None:
            what.append(" (not here)", style="red")
        if step.rules:
            what.append("\n")
            what.append(printable("; ".join(step.rules)), style="not bold dim")
        table.add_row("" if step.timestamp is None else _time(step.timestamp)[:-4], what)
    if len(every) > _MOST_STEPS:
        return Group(Text(f"{len(every)} events, the last {_MOST_STEPS}:"), table)
    return table


def _said(name: str, text: str) -> RenderableType:
    line = Text.assemble((f"{name}: ", "bold"), printable(" ".join(text.split())))
    return Padding(line, 0)


def _line(text: str) -> RenderableType:
    return Padding(Text(printable(text)), (0, 0, 0, 2))


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 1_000_000:03d} UTC"
