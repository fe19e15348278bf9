"""A new rule of a correlator, with all that can be set."""

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import msgspec.inspect as mi
import yaml

from detections.correlators.base import Correlator, correlators
from detections.fields import ACTION, actions
from detections.rule_testing.running import run_text
from detections.rule_testing.short_form import dotted
from detections.rules.loading import rules_of
from detections.rules.rule_set import RuleSet
from detections.rules.rule_text import parse_rule_file
from detections.scaffolding.examples import Example, examples
from detections.scaffolding.heading import (
    Heading,
    Scaffold,
    closing_lines,
    comment,
    flow,
    heading_lines,
    joined,
)
from normalizer.events import Level
from normalizer.events.alert import SEVERITY
from pipeline.problems import ProblemsFound
from pipeline.structured.options import Option, options

_TESTS = "What must alert, and what must not."
_LINE = 92


def new_correlator_rule(
    heading: Heading, name: str, paths: Sequence[Path], *, level: Level | None
) -> Scaffold:
    """A rule that begins with the parameters and tests of one below the paths, if one is there.

    Raises ProblemsFound where the rule would not be good, as with a level that it can't have.
    """
    cls = correlators()[name]
    for example in examples(paths, name):
        mine = msgspec.structs.replace(heading, level=level or example.level)
        rule = _rule(mine, name, cls, example.parameters)
        try:
            tests = _tests_of(example, _loaded(rule))
        except ProblemsFound:
            continue  # the example is wrong, which its own check tells
        if tests is not None:
            return Scaffold(rule=rule, tests=tests, example=str(example.file))
    mine = msgspec.structs.replace(heading, level=level or _default_level(cls))
    rule = _rule(mine, name, cls, _required(cls))
    return Scaffold(rule=rule, tests=_silent_test(_loaded(rule), cls))


def _default_level(cls: type[Correlator[Any]]) -> Level:
    highest = cls.highest_level
    return highest if highest is not None and SEVERITY[highest] < SEVERITY["medium"] else "medium"


def _required(cls: type[Correlator[Any]]) -> dict[str, Any]:
    """What a rule must say: the first of its choices."""
    info = mi.type_info(cls.parameters_type)
    assert isinstance(info, mi.StructType)
    return {
        field.encode_name: next(iter(field.type.values))
        for field in info.fields
        if field.required and isinstance(field.type, mi.LiteralType)
    }


def _rule(heading: Heading, name: str, cls: type[Correlator[Any]], given: dict[str, Any]) -> str:
    about = (inspect.getdoc(sys.modules[cls.__module__]) or name).split("\n\n")[0]
    lines = [
        *heading_lines(heading, " ".join(about.split())),
        f"# How it works: docs/reference/correlators.md#{name}",
        f"correlator: {name}",
        *comment(
            "All that can be set. What stands behind # is left as it is by default: remove the # "
            "to set it."
        ),
    ]
    parameters = options(cls.parameters_type)
    set_here = any(option.key in given for option in parameters)
    lines.append("parameters:" if set_here or not parameters else "parameters: {}")
    for option in parameters:
        lines += _parameter(option, given)
    return joined([*lines, *closing_lines()])


def _parameter(option: Option, given: dict[str, Any]) -> list[str]:
    default = "required" if option.required else f"default: {option.default or 'none'}"
    value = option.value
    # Choices are compared letter by letter; and some meanings go on with those that follow.
    if value.startswith(("a ", "an ")) and not option.meaning.endswith(","):
        value = _capital(value)
    about = f"{option.meaning} {value}; {default}".strip()
    lines = comment(about, "  ")
    if option.key in given:
        value = given[option.key]
        return [*lines, *_entry(option.key, value)]
    return [*lines, f"  # {option.key}: {option.default or ''}".rstrip()]


def _entry(key: str, value: Any) -> list[str]:
    line = f"  {key}: {flow(value)}"
    if len(line) <= _LINE or not isinstance(value, (dict, list)):
        return [line]
    written = yaml.safe_dump({key: value}, width=_LINE, sort_keys=False, allow_unicode=True)
    return [f"  {one}" for one in written.splitlines()]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _loaded(rule: str) -> RuleSet:
    return rules_of([parse_rule_file(rule.encode(), name="<rule>", folder=Path())], [])


def _tests_of(example: Example, rules: RuleSet) -> str | None:
    """The first of its tests that alerts and the first that doesn't, of those that hold here."""
    chosen: dict[bool, dict[str, Any]] = {}
    for test in example.tests:
        alerting = bool(test["alerts"])
        if alerting not in chosen and _passes(_written(example.defaults, [test]), rules):
            chosen[alerting] = test
    if len(chosen) < 2:
        return None
    tests = [chosen[True], chosen[False]]
    whole = _written(_needed(example.defaults, tests), tests)
    return whole if _passes(whole, rules) else None


def _passes(tests: str, rules: RuleSet) -> bool:
    try:
        return all(one.passed for one in run_text(tests.encode(), rules))
    except ProblemsFound:
        return False


def _needed(defaults: dict[str, Any], tests: list[dict[str, Any]]) -> dict[str, Any]:
    """The defaults that some event of these tests has a field for."""
    kinds: set[str] = {
        dotted(event).get(ACTION, dotted(defaults).get(ACTION, ""))
        for test in tests
        for event in test["events"]
    }
    known = {name for kind in kinds & actions().keys() for name in actions()[kind].attributes}
    return {
        key: value
        for key, value in defaults.items()
        if any(name == ACTION or name in known for name in dotted({key: value}))
    }


def _written(defaults: dict[str, Any], tests: list[dict[str, Any]]) -> str:
    lines = comment(_TESTS)
    if defaults:
        lines += ["defaults:", *(f"  {key}: {flow(value)}" for key, value in defaults.items())]
    lines.append("tests:")
    for test in tests:
        before = "  - "
        for key, value in test.items():
            if key == "alerts" and value:
                lines.append(f"{before}{key}:")
                lines += [line for alert in value for line in _alert(alert)]
            elif isinstance(value, list) and value:
                items = cast("list[Any]", value)
                lines.append(f"{before}{key}:")
                lines += [f"      - {flow(item)}" for item in items]
            else:
                lines.append(f"{before}{key}: {flow(value)}")
            before = "    "
    return joined(lines)


def _alert(fields: dict[str, Any]) -> list[str]:
    """A line for each field: a sentence is long enough."""
    starts = ["      - ", *["        "] * len(fields)]
    pairs = zip(starts, fields.items(), strict=False)
    return [f"{start}{key}: {flow(value)}" for start, (key, value) in pairs]


def _silent_test(rules: RuleSet, cls: type[Correlator[Any]]) -> str:
    """Where there is no example: one event, which does nothing yet."""
    one = rules.correlators[0]
    seen = sorted(cls(one.parameters).actions)
    test: dict[str, Any] = {
        "name": "one event alone is silent",
        "events": [{"event.action": seen[0]}] if seen else [{"event.action": "trade"}],
        "alerts": [],
    }
    lines = comment(
        f"{_TESTS} It sees events of {', '.join(seen) or 'any kind'}: write a test in which it "
        "alerts."
    )
    return joined(lines) + _written({}, [test]).split("\n", 1)[1]
