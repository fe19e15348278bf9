"""What a set-up of Elasticsearch did or would do, for people and for machines."""

import json
from typing import Any

from delivery.elastic_setup.plan import Change
from delivery.elastic_setup.running import Outcome
from delivery.elastic_setup.streams import StreamChange
from pipeline.cli.printing import printable

_MOST_DIFFERENCES = 20
_MOST_SHOWN = 70


def said(name: str, outcome: Outcome) -> list[str]:
    """Lines. `+` is new, `~` is changed, and below it what differs."""
    todo = outcome.plan
    server = todo.server
    lines = [f"{name}: Elasticsearch {server.version}, cluster {server.cluster}"]
    for change in todo.changes:
        sign = "+" if change.before is None else "~"
        lines.append(f"  {sign} {change.resource.kind} {change.resource.name}")
        if change.before is not None:
            lines += _differences(change)
    for stream in todo.streams:
        lines += _stream(stream)
    lines += [
        f"  ! {one} isn't Tapewatch's: it is left as it is (--take-over)" for one in todo.foreign
    ]
    lines += [f"  left out: {sentence}" for sentence in todo.left_out]
    lines += [f"  note: {sentence}" for sentence in (*todo.notes, *outcome.remains)]
    new = sum(change.before is None for change in todo.changes)
    changed = len(todo.changes) - new
    verb = "written" if outcome.done else "to be written"
    lines.append(f"  {verb}: {new} new, {changed} changed; {len(todo.unchanged)} as they should be")
    if not outcome.done:
        lines.append("  nothing was written: --dry-run")
    return [printable(line) for line in lines]


def as_data(name: str, outcome: Outcome) -> dict[str, Any]:
    """The same for machines, with all differences."""
    todo = outcome.plan
    return {
        "sink": name,
        "server": {"version": todo.server.version, "cluster": todo.server.cluster},
        "done": outcome.done,
        "changes": [
            {
                "kind": change.resource.kind,
                "name": change.resource.name,
                "action": "create" if change.before is None else "update",
                "differences": [] if change.before is None else change.differences,
            }
            for change in todo.changes
        ],
        "unchanged": todo.unchanged,
        "data_streams": [
            {
                "name": one.stream,
                "extended": one.extended,
                "rolls_over": one.rolls_over,
                "fields_changed": one.changed,
                "settings": one.settings,
                "lifecycle": {"before": one.lifecycle_before, "after": one.lifecycle},
            }
            for one in todo.streams
        ],
        "foreign": todo.foreign,
        "left_out": todo.left_out,
        "notes": [*todo.notes, *outcome.remains],
    }


def _differences(change: Change) -> list[str]:
    lines: list[str] = []
    for one in change.differences[:_MOST_DIFFERENCES]:
        if one.before is None:
            lines.append(f"      + {one.path}: {_shown(one.after)}")
        elif one.after is None:
            lines.append(f"      - {one.path}: {_shown(one.before)}")
        else:
            lines.append(f"      ~ {one.path}: {_shown(one.before)} -> {_shown(one.after)}")
    more = len(change.differences) - _MOST_DIFFERENCES
    return [*lines, f"      and {more} more: --json"] if more > 0 else lines


def _stream(change: StreamChange) -> list[str]:
    lines = [f"  ~ data stream {change.stream}"]
    for index, fields in change.extended.items():
        shown = ", ".join(fields[:5]) + (f" and {len(fields) - 5} more" if len(fields) > 5 else "")
        lines.append(f"      + {index}: {shown}")
    lines += [
        f"      ~ {one.field}: {one.before} -> {one.after}, so it rolls over"
        for one in change.changed
    ]
    lines += [f"      ~ {name}: {_shown(value)}" for name, value in change.settings.items()]
    if change.lifecycle is not None:
        before = _shown(change.lifecycle_before)
        lines.append(f"      ~ life cycle: {before} -> {_shown(change.lifecycle)}")
    return lines


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
