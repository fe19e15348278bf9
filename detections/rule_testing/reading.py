"""From a test file to tests that can run. All that is wrong in a file is said at once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from detections.fields import ACTION, Shape, taxonomy
from detections.rule_testing.comparison import RULE, alert_field_names
from detections.rule_testing.filling import as_moment, is_moment
from detections.rule_testing.model import ExpectedAlert, RuleTest, Sample
from detections.rule_testing.ordering import in_order_of_time, with_sequences
from detections.rule_testing.short_form import ShortForm, dotted, key_of
from detections.rule_testing.subjects import Subject
from detections.rules.model import Rule
from detections.rules.wording_slips import field_meant
from pipeline.problems import Location, Problem, ProblemsFound, did_you_mean, one_of, shown
from pipeline.structured import examine, load
from pipeline.units import SECOND, Duration, format_duration
from pipeline.yaml_nodes import MappingNode, Node, SequenceNode

#: When a test begins that doesn't say so: 2026-01-01, 00:00 UTC.
START = 1_767_225_600 * SECOND
_MAPS = ("surveillance.metrics",)


class WrittenTest(Struct, forbid_unknown_fields=True, kw_only=True):
    """One test as it stands in the file."""

    name: Annotated[str, Meta(min_length=1)]
    events: Annotated[list[MappingNode], Meta(min_length=1)]
    alerts: list[MappingNode]
    rule: str | None = None
    until: Duration | None = None
    allowed_lateness: Annotated[Duration, Meta(ge=0)] | None = None
    exceptions: bool | None = None
    as_of: str | None = None


class WrittenTests(Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole file."""

    tests: Annotated[list[MappingNode], Meta(min_length=1)]
    defaults: MappingNode | None = None


def read_tests(
    source: Path | bytes,
    subject: Subject,
    *,
    name: str = "<text>",
    warnings: list[Problem] | None = None,
) -> list[RuleTest]:
    """The tests of a file, or of its text, for the rules that they are about.

    What is only odd is appended to `warnings`. Raises ProblemsFound.
    """
    problems: list[Problem] = []
    file = load(source, WrittenTests, name=name, warnings=problems)
    if not subject.own:
        place = Location(str(source) if isinstance(source, Path) else name, 0, 0)
        problems.append(
            Problem(
                location=place,
                code="test/no-rule",
                message=f"there is no rule for these tests in {subject.file}",
                advice="filters and lists are tested beside the rules that they are for"
                if subject.file.is_file()
                else "a rule and its tests lie beside each other: NAME.yml and NAME.test.yml",
            )
        )
        raise ProblemsFound(problems)
    tests = _Tests(subject, file.defaults, problems)
    found = [test for node in file.tests if (test := tests.read(node)) is not None]
    tests.check_defaults()
    if any(problem.severity == "error" for problem in problems):
        raise ProblemsFound(problems)
    if warnings is not None:
        # What other YAML readers make of a country's NO is nothing to a test.
        warnings += [one for one in problems if one.code != "yaml/ambiguous-text"]
    return found


class _Tests:
    """The tests of one file being read."""

    def __init__(
        self, subject: Subject, defaults: MappingNode | None, problems: list[Problem]
    ) -> None:
        self._subject = subject
        self._defaults_node = defaults
        self._defaults: Mapping[str, Any] | None = {}
        self._problems = problems
        self._names: dict[str, Location] = {}
        self._shapes: dict[str, Shape] = {}
        """The kinds of event that the tests have."""
        if defaults is not None:
            outcome = examine(defaults, dict[str, Any])
            problems += outcome.problems
            self._defaults = outcome.value

    def read(self, node: MappingNode) -> RuleTest | None:
        outcome = examine(node, WrittenTest)
        self._problems += outcome.problems
        written = outcome.value
        if written is None:
            self._read_on(node)
            return None
        self._note_name(node, written.name)
        start = self._start(node, written.as_of)
        samples = self._samples(written.events, start)
        if written.until is not None:
            self._check_end(node, samples, start, written.until)
        about = frozenset(rule.id for rule in self._subject.own)
        if written.rule is not None:
            about = self._rules(node.get(RULE) or node, written.rule)
        exceptions = written.exceptions
        return RuleTest(
            name=written.name,
            location=node.location,
            samples=_as_they_come(samples, by_time=written.allowed_lateness is None),
            expected=tuple(self._expected(one) for one in written.alerts),
            about=about,
            start=start,
            until=None if written.until is None else start + written.until,
            allowed_lateness=written.allowed_lateness or 0,
            exceptions=bool(self._subject.exceptions) if exceptions is None else exceptions,
        )

    def check_defaults(self) -> None:
        """Warn of defaults that none of the events has: somebody meant them for some."""
        node = self._defaults_node
        if node is None or self._subject.foreign:
            return
        known = {name for shape in self._shapes.values() for name in shape.attributes}
        for name in dotted(self._defaults or {}):
            if name in taxonomy() and name != ACTION and known and name not in known:
                self._report(
                    key_of(node, name),
                    "test/unused-default",
                    f"no event of these tests has a field {name}: this is for none",
                    severity="warning",
                    hint=field_meant(name, known),
                )

    def _read_on(self, node: MappingNode) -> None:
        """Tell of mistakes in the events and alerts of a test that is wrong itself."""
        self._samples(_groups(node.get("events")), START)
        for one in _groups(node.get("alerts")):
            self._expected(one)

    def _samples(self, events: Sequence[MappingNode], start: int) -> list[Sample]:
        short = ShortForm(
            self._defaults,
            at=self._defaults_node,
            start=start,
            foreign=self._subject.foreign,
            problems=self._problems,
        )
        samples = short.read(events)
        self._shapes.update(short.shapes)
        return samples

    def _check_end(
        self, node: MappingNode, samples: Sequence[Sample], start: int, until: int
    ) -> None:
        last = max((sample.timestamp for sample in samples), default=start) - start
        if last > until:
            self._report(
                node.get("until") or node,
                "test/until",
                f"the test's last event comes at {format_duration(last)}, after this",
                expected="a time after the test's beginning that none of its events is past",
            )

    def _note_name(self, node: MappingNode, name: str) -> None:
        place = node.get("name") or node
        first = self._names.setdefault(name, place.location)
        if first != place.location:
            self._report(place, "test/name", "another test has the same name", related=(first,))

    def _start(self, node: MappingNode, text: str | None) -> int:
        if text is None:
            return START
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self._report(
                node.get("as_of") or node,
                "test/as-of",
                f"{shown(text)} is no day or time",
                expected="2026-01-31, or 2026-01-31T16:00:00Z",
            )
            return START
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp()) * SECOND + moment.microsecond * 1_000

    def _expected(self, node: MappingNode) -> ExpectedAlert:
        outcome = examine(node, dict[str, Any])
        self._problems += outcome.problems
        fields: dict[str, Any] = {}
        rule: str | None = None
        for name, value in _alert_fields(outcome.value or {}).items():
            if name == RULE:
                rule = str(value)
                continue
            if name not in alert_field_names():
                self._report(
                    key_of(node, name),
                    "test/unknown-field",
                    f"an alert has no field {shown(name)}",
                    hint=did_you_mean(name, [*alert_field_names(), RULE]),
                )
            fields[name] = as_moment(value) if is_moment(name) else value
        rules = frozenset[str]()
        if rule is not None:
            rules = self._rules(node.get(RULE) or node, rule)
        return ExpectedAlert(location=node.location, fields=fields, rule=rule, rules=rules)

    def _rules(self, node: Node, wanted: str) -> frozenset[str]:
        """The rules of this id, name or title."""
        found = frozenset(rule.id for rule in self._subject.rules.rules if wanted in _names(rule))
        if not found:
            known = [name for rule in self._subject.rules.rules for name in _names(rule)]
            self._report(
                node,
                "test/rule",
                f"no rule here is called {shown(wanted)}",
                expected=one_of(rule.name or rule.title for rule in self._subject.own),
                hint=did_you_mean(wanted, known),
            )
        return found

    def _report(self, node: Node, code: str, message: str, **more: Any) -> None:
        self._problems.append(node.problem(code, message, **more))


def _groups(node: Node | None) -> list[MappingNode]:
    items = node.items if isinstance(node, SequenceNode) else ()
    return [one for one in items if isinstance(one, MappingNode)]


def _as_they_come(samples: Sequence[Sample], *, by_time: bool) -> tuple[Sample, ...]:
    numbered = with_sequences(samples)
    return tuple(in_order_of_time(numbered) if by_time else numbered)


def _names(rule: Rule) -> tuple[str, ...]:
    return tuple(name for name in (rule.name, rule.id, rule.title) if name)


def _alert_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """As `dotted`, but for fields that are groups themselves."""
    flat = dotted(fields)
    for name in _MAPS:
        inner = {k.removeprefix(f"{name}."): v for k, v in flat.items() if k.startswith(f"{name}.")}
        if inner:
            flat = {k: v for k, v in flat.items() if not k.startswith(f"{name}.")}
            flat[name] = inner
    return flat
