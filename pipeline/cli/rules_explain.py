"""``tapewatch rules explain``: why rules did or didn't match an event, and why an alert came."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pipeline.cli.app import JsonOutput
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.rules import PipelineFiles, RulePaths, rules, rules_said
from pipeline.cli.rules_meant import MeantRules, RulesConfig, meant_rules
from pipeline.foreign_text import UTF8_MARK
from pipeline.problems import did_you_mean, shown

if TYPE_CHECKING:
    from detections.explanation.model import AlertExplanation
    from detections.rules import RuleSet
    from normalizer.events import Alert, Record

_LONGEST = 16 * 1024 * 1024
_LINE = re.compile(r"(?P<file>.+):(?P<line>[1-9][0-9]{0,11})")


@rules.command()
@command
def explain(
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT",
            help="A file of one event, FILE:LINE, - for standard input, or an alert's id.",
        ),
    ],
    paths: RulePaths = None,
    rule_files: MeantRules = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Only the rule of this name, title or id.")
    ] = None,
    pipelines: PipelineFiles = None,
    config: RulesConfig = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder that the file sink writes to.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option("--events", help="Of an alert in a file: the events it came of, as NDJSON."),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Say for an event which condition of each rule held or failed, and on which value.

    For an alert (its id, with --out; or its line in a file): why it came, in words.
    """
    from detections.reading import NotAnEvent, read_event
    from detections.rules import load_rules

    found = _alert_in(out, event) if _is_alert_id(event, out) else _read(event)
    meant = meant_rules(rules_said(rule_files, paths), pipelines, config)
    ruleset = load_rules(meant.rules, meant.pipelines)
    alert = _as_alert(found) if isinstance(found, bytes) else found
    if alert is not None:
        if rule is not None:
            raise Failure("--rule belongs to an event: an alert has its rule", CONFIGURATION)
        _explain_alert(ruleset, alert, _evidence(alert, out, events), as_json)
        return
    assert isinstance(found, bytes)
    for option, given in (("--out", out), ("--events", events)):
        if given is not None:
            raise Failure(f"{option} belongs to an alert, and {event} is none", CONFIGURATION)
    try:
        read = read_event(found)
    except NotAnEvent as error:
        where = f"{error.path}: " if error.path else ""
        raise Failure(f"{event}: {where}{error}", CONFIGURATION) from error
    from detections.explanation.events import explain_event

    only = None if rule is None else _called(ruleset, rule)
    doubt = None if read.doubt is None else f"{read.doubt.path}: {read.doubt}"
    explained = explain_event(ruleset, read.event, document=read.document, only=only, doubt=doubt)
    if as_json:
        typer.echo(msgspec.json.encode(explained))
        return
    from pipeline.cli.printing import show
    from pipeline.cli.rule_explanation_text import event_text

    show(event_text(explained))


def _is_alert_id(event: str, out: Path | None) -> bool:
    if event == "-" or Path(event).exists() or _LINE.fullmatch(event):
        return False
    if out is None:
        raise Failure(
            f"there is no file {shown(event)}; if it is an alert's id, say with --out in which "
            "folder the alerts are",
            CONFIGURATION,
        )
    return True


def _alert_in(out: Path | None, alert_id: str) -> "Alert":
    from evidence.timeline import AmbiguousAlert, NoSuchAlert, find_alert

    assert out is not None
    try:
        return find_alert(alert_id, out)
    except (AmbiguousAlert, NoSuchAlert) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"can't read {error.filename or out}: {error.strerror or error}") from error


def _read(event: str) -> bytes:
    """One event's JSON: a line, or a whole file if it holds one document."""
    from detections.rules.files import RULE_SUFFIXES

    if event == "-":
        return _one(sys.stdin.buffer.read(_LONGEST + 1), "standard input")
    path, number = Path(event), None
    if not event:
        raise Failure("say an event: a file of one, or FILE:LINE", CONFIGURATION)
    if path.suffix.lower() in RULE_SUFFIXES and path.is_file():
        said = f"{path} is a file of rules: say them by --rules, and an event before them"
        raise Failure(said, CONFIGURATION)
    if not path.exists() and (found := _LINE.fullmatch(event)):
        path, number = Path(found["file"]), int(found["line"])
    try:
        with path.open("rb") as file:
            if number is None:
                return _one(file.read(_LONGEST + 1), str(path))
            at = 1
            while line := file.readline(_LONGEST):
                if at == number:
                    return line.removeprefix(UTF8_MARK).strip()
                at += line.endswith(b"\n")
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error
    raise Failure(f"{path} has no line {number}", CONFIGURATION)


def _one(data: bytes, name: str) -> bytes:
    data = data.removeprefix(UTF8_MARK)
    lines = [line for line in data.splitlines() if line.strip()]
    if not lines:
        raise Failure(f"{name} is empty", CONFIGURATION)
    if len(data) > _LONGEST or (len(lines) > 1 and _is_json(lines[0])):
        raise Failure(f"{name} holds several events: say which one, as {name}:12", CONFIGURATION)
    return data.strip()


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def _as_alert(data: bytes) -> "Alert | None":
    from normalizer.events import Alert
    from normalizer.events.ecs import UnreadableDocument, parse

    try:
        found = parse(msgspec.json.decode(data, type=dict[str, Any]))
    except (msgspec.MsgspecError, UnreadableDocument, ValueError, RecursionError):
        return None  # as an event it is told what is wrong with it
    return found if isinstance(found, Alert) else None


def _called(ruleset: "RuleSet", name: str) -> frozenset[str]:
    from detections.backtest.rule_names import rule_names

    named = rule_names(ruleset.rules)
    if (found := named.get(name.lower())) is not None:
        return frozenset((found,))
    hint = did_you_mean(name, named)
    meant = f"; did you mean {shown(hint)}?" if hint else ""
    raise Failure(f"no rule is called {shown(name)}{meant}", CONFIGURATION)


def _explain_alert(
    ruleset: "RuleSet", alert: "Alert", events: "Mapping[str, Record]", as_json: bool
) -> None:
    from detections.explanation.alerts import explain_alert

    _show_alert(explain_alert(ruleset, alert, dict(events)), events, as_json)


def _evidence(alert: "Alert", out: Path | None, file: Path | None) -> "dict[str, Record]":
    """The events that an alert rests on, as far as they are in a sink's folder or in a file."""
    wanted = frozenset(alert.evidence_events)
    try:
        found = {} if file is None else _events_in(file, wanted)
        if out is not None:
            from evidence.timeline import read_events

            found = {**found, **read_events(wanted, out)}
    except OSError as error:
        where = error.filename or file or out
        code = FAILED if file is None else CONFIGURATION
        raise Failure(f"can't read {where}: {error.strerror}", code) from error
    return found


def _events_in(file: Path, wanted: frozenset[str]) -> "dict[str, Record]":
    """The wanted ones among the lines; what is no event was told of when it was sent through."""
    from detections.reading import NotAnEvent, read_event

    found: dict[str, Record] = {}
    with file.open("rb") as lines:
        for line in lines:
            with suppress(NotAnEvent):
                record = read_event(line.strip()).record
                if record is not None and record.id in wanted:
                    found[record.id] = record
            if len(found) == len(wanted):
                break
    return found


def _show_alert(
    explained: "AlertExplanation", events: "Mapping[str, Record]", as_json: bool
) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(explained))
        return
    from evidence.sentences import sentence
    from pipeline.cli.printing import show
    from pipeline.cli.rule_explanation_text import alert_text

    sentences = {name: sentence(event) for name, event in events.items()}
    show(alert_text(explained, sentences))
