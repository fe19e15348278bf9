"""How tests of rules went, as text for people."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from detections.explanation.failing import holding
from detections.explanation.model import Part
from detections.fields import ACTION
from detections.rule_testing.filling import is_moment
from detections.rule_testing.model import (
    ExpectedAlert,
    FieldDifference,
    NearMiss,
    ReplayDifference,
    Result,
    RuleTest,
    Sample,
    Unmet,
)
from normalizer.events import Alert
from normalizer.events.ecs import rfc3339
from pipeline.cli.printing import printable
from pipeline.cli.rule_explanation_text import leaf_text
from pipeline.units import format_duration

_MOST_EVENTS = 20
_MOST_ALERTS = 10


def failure(result: Result) -> RenderableType:
    """A failed test: what was expected, what came, of which events, and what they lack."""
    test = result.test
    head = Text.assemble(("FAILED  ", "bold red"), (printable(test.name), "bold"))
    head.append(f"  {test.location}", style="dim")
    parts: list[RenderableType] = [head]
    parts += [_unmet(one) for one in result.comparison.unmet]
    unexpected = result.comparison.unexpected
    parts += [_unexpected(alert) for alert in unexpected[:_MOST_ALERTS]]
    if len(unexpected) > _MOST_ALERTS:
        parts.append(_line(f"and {len(unexpected) - _MOST_ALERTS} more that weren't expected"))
    parts += [_line(f"failed: {text}", style="red") for text in result.failed]
    if result.replayed is not None:
        parts.append(_replayed(result.replayed))
    parts += [_miss(one) for one in result.misses if _is_about(one, result)]
    parts.append(_events(test))
    return Group(*parts)


def summary_table(rows: Iterable[tuple[str, Sequence[Result]]]) -> Table:
    """A line for each file."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("tests beside rules", overflow="fold")
    for name in ("tests", "positive", "negative", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, results in rows:
        positive = sum(bool(one.test.expected) for one in results)
        failed = sum(not one.passed for one in results)
        table.add_row(
            Text(name),
            str(len(results)),
            str(positive),
            str(len(results) - positive),
            Text(str(failed), style="bold red" if failed else "dim"),
        )
    return table


def _unmet(unmet: Unmet) -> RenderableType:
    wanted = unmet.expected
    if unmet.nearest is None:
        said = "didn't come"
        differences = [FieldDifference(name, value, None) for name, value in _all(wanted).items()]
    else:
        said = f"didn't come; the nearest that did: {printable(unmet.nearest.message)}"
        differences = list(unmet.differences)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("field", no_wrap=True)
    table.add_column("expected", overflow="fold")
    table.add_column("came", overflow="fold")
    for one in differences:
        expected, came = _values(one)
        table.add_row(Text(one.name), Text(expected, style="green"), Text(came, style="red"))
    title = Text(f"expected alert {unmet.number} ({wanted.location}) {said}")
    return _indented(Group(title, _indented(table)) if differences else title)


def _is_about(miss: NearMiss, result: Result) -> bool:
    """Whether nothing came in place of an alert that the rule may have been to give."""
    return any(
        one.nearest is None and (not one.expected.rules or miss.rule.id in one.expected.rules)
        for one in result.comparison.unmet
    )


def _miss(miss: NearMiss) -> RenderableType:
    title = f'"{miss.rule.title}"'
    if miss.event_id is None:
        counted = ", ".join(f'"{name}" {count}' for name, count in miss.counted)
        return _line(f"{title} counts events that match: {counted}", style="yellow")
    lacking = "; ".join(_lacking(part) for part in miss.lacking)
    return _line(f"{title} comes nearest on {miss.event_id}, but: {lacking}", style="yellow")


def _lacking(part: Part) -> str:
    if part.kind == "not":
        return f"not {' and '.join(leaf_text(leaf) for leaf in holding(part.parts[0]))}"
    return leaf_text(part)


def _unexpected(alert: Alert) -> RenderableType:
    events = ", ".join(alert.evidence_events[-_MOST_EVENTS:])
    return _line(f"not expected: {printable(alert.message)} (of {events})", style="red")


def _replayed(difference: ReplayDifference) -> RenderableType:
    lines = [Text(f"other alerts when the events come {difference.replay}:", style="red")]
    lines += [Text(f"  only then: {printable(a.message)}") for a in difference.added[:_MOST_ALERTS]]
    lines += [
        Text(f"  not then: {printable(a.message)}") for a in difference.missing[:_MOST_ALERTS]
    ]
    lines += [
        Text(f"  failed then: {printable(text)}") for text in difference.failed[:_MOST_ALERTS]
    ]
    if len(lines) == 1:
        lines.append(Text("  the same alerts, but in another order"))
    order = difference.order[:_MOST_EVENTS]
    more = len(difference.order) - len(order)
    lines.append(Text(f"  order: {', '.join(order)}{f' and {more} more' if more else ''}"))
    return _indented(Group(*lines))


def _events(test: RuleTest) -> RenderableType:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("event", no_wrap=True)
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("as written", overflow="fold")
    for sample in test.samples[:_MOST_EVENTS]:
        table.add_row(
            Text(printable(sample.id)),
            Text(format_duration(sample.timestamp - test.start)),
            Text(printable(_action(sample))),
            Text(_fields(sample.written)),
        )
    parts: list[RenderableType] = [table]
    if len(test.samples) > _MOST_EVENTS:
        parts.append(Text(f"and {len(test.samples) - _MOST_EVENTS} more"))
    if test.until is not None:
        parts.append(
            Text(f"then event time moves on to {format_duration(test.until - test.start)}")
        )
    return _indented(Group(*parts))


def _action(sample: Sample) -> str:
    event: Any = sample.event
    if isinstance(event, dict):
        return str(event.get(ACTION, ""))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return str(event.__struct_config__.tag)


def _all(wanted: ExpectedAlert) -> dict[str, Any]:
    return {**({"rule": wanted.rule} if wanted.rule else {}), **wanted.fields}


def _fields(fields: Any) -> str:
    return ", ".join(f"{name}: {_value(value)}" for name, value in fields.items() if name != ACTION)


def _value(value: Any) -> str:
    """As one would write it in YAML."""
    if isinstance(value, str):
        return printable(value)
    return printable(msgspec.json.encode(value).decode())


def _values(one: FieldDifference) -> tuple[str, str]:
    """What was expected and what came, so that they look different."""
    values = (one.expected, one.came)
    if is_moment(one.name):
        values = tuple(_moment(value) for value in values)
    expected, came = (_value(value) for value in values)
    if expected == came:
        expected, came = (printable(msgspec.json.encode(value).decode()) for value in values)
    return expected, "nothing" if _is_empty(one.came) else came


def _moment(value: Any) -> Any:
    try:
        return rfc3339(value).replace(".000000000Z", "Z") if type(value) is int else value
    except (OverflowError, ValueError):
        return value  # a number that is no time


def _is_empty(value: Any) -> bool:
    return value is None or value in ((), {})


def _line(text: str, style: str = "") -> RenderableType:
    return _indented(Text(printable(text), style=style))


def _indented(renderable: RenderableType) -> RenderableType:
    return Padding(renderable, (0, 0, 0, 2))
