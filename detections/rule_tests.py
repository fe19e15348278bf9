"""Tests beside rules: `NAME.test.yml` has events in short form and the alerts that they must give.

    defaults: {event.action: token-transfer, token.symbol: ACME}
    tests:
      - name: the threshold itself alerts
        events:
          - {at: 5s, token.amount: 100000}
          - {at: 10s, repeat: 3, every: 1s, token.amount: 1}
        alerts:
          - {event.severity: 47, event.reason: "100,000 ACME moved*"}

An event has ECS names, and `at` (after the test's beginning), `repeat` and `every`; ids, times and
whatever else its record needs are filled in. Its id is `event-N`, counted from 1. Events are
processed in the order of their times. An alert names the fields that matter: text may have the
wildcards `*` and `?`, a group names the entries that matter. The alerts are all that may come.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Struct, field
from sigma.types import SigmaString

from detections.engine import Engine
from detections.fields import ACTION, Attribute, actions, taxonomy
from detections.rules.loading import TEST_SUFFIXES, RuleSet, load_rules
from detections.sigma.texts import text_test
from normalizer.events import Alert, Record
from pipeline.problems import Problem, ProblemsFound, did_you_mean, one_of, shown
from pipeline.structured import examine, load
from pipeline.units import UnitError, parse_duration
from pipeline.yaml_nodes import MappingNode, Node

_START = 1_767_225_600 * 1_000_000_000  # 2026-01-01
_MOST_REPEATS = 10_000
_WORDS = ("at", "repeat", "every")


class RuleTest(Struct, forbid_unknown_fields=True, kw_only=True):
    """One test as it stands in the file."""

    name: Annotated[str, Meta(min_length=1)]
    events: Annotated[list[MappingNode], Meta(min_length=1)]
    alerts: list[dict[str, Any]]


class RuleTestFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole file."""

    tests: Annotated[list[RuleTest], Meta(min_length=1)]
    defaults: dict[str, Any] = field(default_factory=dict[str, Any])


class Result(Struct, frozen=True):
    """How one test went. No difference: it passed."""

    name: str
    positive: bool
    """Whether it expects an alert."""
    differences: tuple[str, ...]


def test_files(folder: Path) -> list[Path]:
    """All test files below a folder."""
    return sorted(p for p in folder.rglob("*") if p.name.endswith(TEST_SUFFIXES))


def rule_of(test_file: Path) -> Path:
    """The rule file that a test file is for."""
    suffix = next(s for s in TEST_SUFFIXES if test_file.name.endswith(s))
    return test_file.with_name(test_file.name.removesuffix(suffix) + suffix.removeprefix(".test"))


def run_test_file(path: Path) -> list[Result]:
    """Run a file's tests against the rule beside it. Raises ProblemsFound for mistakes in one."""
    return run_tests(load_rules([rule_of(path)]), load(path, RuleTestFile))


def run_tests(rules: RuleSet, file: RuleTestFile) -> list[Result]:
    """Run tests, each with an engine of its own. Raises ProblemsFound for events that aren't."""
    problems: list[Problem] = []
    prepared = [(test, _records(test.events, file.defaults, problems)) for test in file.tests]
    if problems:
        raise ProblemsFound(problems)
    results: list[Result] = []
    for test, records in prepared:
        engine = Engine(rules)
        alerts = engine.process(records)
        differences = [*engine.take_problems(), *_differences(test.alerts, alerts)]
        results.append(Result(test.name, bool(test.alerts), tuple(differences)))
    return results


def _records(
    nodes: Iterable[MappingNode], defaults: Mapping[str, Any], problems: list[Problem]
) -> list[Record]:
    records: list[Record] = []
    for node in nodes:
        outcome = examine(node, dict[str, Any])
        problems += outcome.problems
        if outcome.value is None:
            continue
        fields = {**_fitting(defaults, outcome.value), **outcome.value}
        try:
            at = parse_duration(fields.pop("at", "0s"))
            every = parse_duration(fields.pop("every", "1s"))
        except (UnitError, AttributeError) as error:
            problems.append(node.problem("test/time", f"at or every: {error}", expected="5s"))
            continue
        times = fields.pop("repeat", 1)
        if not isinstance(times, int) or not 1 <= times <= _MOST_REPEATS:
            expected = f"a whole number from 1 to {_MOST_REPEATS}"
            problems.append(node.problem("test/repeat", "repeat is wrong", expected=expected))
            continue
        for turn in range(times):
            record = _record(node, dict(fields), at + turn * every, len(records) + 1, problems)
            if record is None:
                break
            records.append(record)
    return sorted(records, key=lambda record: record.timestamp)


def _fitting(defaults: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that this kind of event has; and those that none has, for them to be told."""
    shape = actions().get(str(event.get(ACTION, defaults.get(ACTION))))
    if shape is None:
        return dict(defaults)
    return {
        name: value
        for name, value in defaults.items()
        if name in shape.attributes or name == ACTION or name not in taxonomy()
    }


def _record(
    node: Node, fields: dict[str, Any], at: int, number: int, problems: list[Problem]
) -> Record | None:
    action = fields.get(ACTION)
    shape = actions().get(action) if isinstance(action, str) else None
    if shape is None:
        said = "is missing" if action is None else f"is never {shown(str(action))}"
        hint = did_you_mean(str(action), actions())
        problems.append(
            node.problem(
                "test/action", f"{ACTION} {said}", expected=one_of(sorted(actions())), hint=hint
            )
        )
        return None
    for name in fields:
        if name != ACTION and name not in shape.attributes:
            hint = did_you_mean(name, [*shape.attributes, *_WORDS])
            message = f"a {action} event has no field {shown(name)}"
            problems.append(node.problem("test/unknown-field", message, hint=hint))
            return None
    amount = fields.get("token.amount")
    if isinstance(amount, (int, float)) and "token.amount_raw" in shape.attributes:
        fields.setdefault("token.amount_raw", str(int(Decimal(str(amount)) * 10**18)))
    moment = _START + at
    fields.setdefault("event.id", f"event-{number}")
    fields.setdefault("@timestamp", moment)
    fields.setdefault("event.ingested", moment)
    fields.setdefault("event.original", f"test/{number}/0")
    fields.setdefault("event.provider", "test")
    for info in msgspec.structs.fields(shape.record):
        if info.required and info.encode_name not in fields:
            attribute = shape.attributes[info.encode_name]
            fields[info.encode_name] = _filled_in(info.encode_name, attribute, number)
    try:
        return cast("Record", msgspec.convert(fields, shape.record))
    except msgspec.ValidationError as error:
        problems.append(node.problem("test/value", str(error).replace("`$", "`")))
        return None


def _filled_in(name: str, attribute: Attribute, number: int) -> Any:
    kind = attribute.type
    if kind.choices:
        return sorted(kind.choices)[0]
    match kind.kind:
        case "exact":
            return "1"
        case "integer" | "date":
            return 1
        case "number":
            return 1.0
        case "boolean":
            return False
        case _:
            pass
    if name.endswith((".id", ".hash")):
        return f"{name.split('.')[-2]}-{number}"
    if "address" in name or name.endswith((".owner", ".recipient", ".sender")):
        return "0x" + "0" * 36 + "cafe"
    return f"test-{name.split('.')[-1]}"


def _differences(expected: list[dict[str, Any]], alerts: list[Alert]) -> list[str]:
    found: list[str] = []
    if len(expected) != len(alerts):
        found.append(f"{len(expected)} alerts were expected and {len(alerts)} came")
        found += [f"came: {alert.message}" for alert in alerts]
    for number, (wanted, alert) in enumerate(zip(expected, alerts, strict=False), 1):
        actual = {"event.action": "alert", **msgspec.to_builtins(alert)}
        for name, value in wanted.items():
            if not _fits(value, actual.get(name)):
                found.append(f"alert {number}: {name} is {actual.get(name)!r}, expected {value!r}")
    return found


def _fits(wanted: Any, actual: Any) -> bool:
    if isinstance(wanted, str) and isinstance(actual, str):
        return text_test(SigmaString(wanted), cased=True)(actual)
    if isinstance(wanted, dict) and isinstance(actual, dict):
        entries = cast("dict[str, Any]", actual)
        return all(
            _fits(value, entries.get(name))
            for name, value in cast("dict[str, Any]", wanted).items()
        )
    if isinstance(wanted, list) and isinstance(actual, (list, tuple)):
        pair = cast("tuple[list[Any], list[Any]]", (wanted, actual))
        return len(pair[0]) == len(pair[1]) and all(map(_fits, *pair))
    if isinstance(wanted, (int, float)) and isinstance(actual, (int, float)):
        return abs(wanted - actual) <= 1e-9 * max(1.0, abs(wanted))
    return bool(wanted == actual)
