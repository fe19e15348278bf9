"""What the pages about rules say of each of them, read from the rules and their tests."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast, get_type_hints

import msgspec
from msgspec import Struct
from sigma.types import SigmaCompareExpression, SigmaNumber

from detections.conversion.convert import AnyRule, Converted, Converter, fields_of
from detections.conversion.known_fields import field_type
from detections.conversion.languages import DIALECTS, Language
from detections.conversion.trees import Keyword, Leaf, leaves
from detections.correlators.base import correlators
from detections.explanation.correlations import how_it_works
from detections.explanation.wanted import wanted_words
from detections.fields import actions, shapes
from detections.rule_testing.planning import Plan, plan
from detections.rules import CorrelationRule, CorrelatorRule, ExceptionRule, RuleSet, SigmaRule
from detections.rules.reach import matching_actions
from detections.rules.reason import Reason
from docs.generator.options import options
from normalizer.events.market import MarketEvent
from pipeline.problems import Location, one_of

ROOT = Path(__file__).parents[2]
RULES = ROOT / "sigma_rules"
#: Where events come from, by the data set that their records have.
_SOURCES = {
    "tapewatch.evm": "EVM chain",
    "tapewatch.solana": "Solana",
    "tapewatch.venue": "venue",
    "tapewatch.mempool": "pending transactions",
    "tapewatch.reference": "reference data",
    "tapewatch.social": "social feed",
    "tapewatch": "Tapewatch itself",
}


class Parameter(Struct, frozen=True):
    """A parameter of a correlator, as a rule sets it."""

    name: str
    value: str
    default: str
    meaning: str


class Part(Struct, frozen=True):
    """A rule that a correlation is made of. `how`: how it counts, if it is one itself."""

    title: str
    description: str | None
    how: str | None


class Facts(Struct, frozen=True, kw_only=True):
    """One rule that alerts by itself."""

    one: AnyRule
    parts: tuple[Part, ...]
    """What a correlation is made of, what its parts are made of included."""
    actions: tuple[str, ...]
    sources: tuple[str, ...]
    lacks: tuple[str, ...]
    """Without what it says nothing, in words."""
    fields: tuple[str, ...]
    numbers: tuple[str, ...]
    """Thresholds in the detections: `token.amount: at least 100,000`."""
    parameters: tuple[Parameter, ...]
    how: str | None
    """How a correlation counts, in words."""
    alerting: tuple[str, ...]
    """Names of tests in which it alerts."""
    silent: tuple[str, ...]
    exceptions: tuple[ExceptionRule, ...]
    converted: Mapping[Language, Converted]


@cache
def all_facts() -> tuple[Facts, ...]:
    """The facts of all rules that come with Tapewatch, by typology, file and place."""
    tests = plan([RULES])
    converter = Converter(tests.rules)
    found = [_facts(one, tests.rules, tests, converter) for one in converter.rules()]
    return tuple(
        sorted(found, key=lambda facts: (facts.one.rule.typology, facts.one.rule.location))
    )


def path_of(location: Location) -> str:
    """A file of the repository, from its root."""
    return Path(location.file).relative_to(ROOT).as_posix()


def kind_of(one: AnyRule) -> str:
    """What kind of rule it is, in words."""
    match one:
        case SigmaRule():
            return "Sigma rule"
        case CorrelationRule():
            return f"Sigma correlation ({one.correlation.type})"
        case CorrelatorRule():
            return f"correlator {one.correlator}"


def reason_of(one: AnyRule) -> Reason | None:
    """The template of its sentence; a correlator writes its own."""
    return None if isinstance(one, CorrelatorRule) else one.reason


def _facts(one: AnyRule, ruleset: RuleSet, tests: Plan, converter: Converter) -> Facts:
    bases = _bases(one, ruleset)
    sigma = [base for base in (one, *bases) if isinstance(base, SigmaRule)]
    seen = _actions(one, sigma)
    rule_id = one.rule.id
    alerting, silent = _tests(rule_id, tests)
    return Facts(
        one=one,
        parts=tuple(
            Part(base.rule.title, base.rule.description, _how(base, ruleset)) for base in bases
        ),
        actions=seen,
        sources=_sources(seen),
        lacks=_lacks(one),
        fields=_fields(one, sigma, bases),
        numbers=_numbers(sigma),
        parameters=_parameters(one),
        how=_how(one, ruleset),
        alerting=alerting,
        silent=silent,
        exceptions=tuple(e for e in ruleset.exceptions if rule_id in e.rules),
        converted={language: converter.convert(one, language) for language in DIALECTS},
    )


def _how(one: AnyRule, ruleset: RuleSet) -> str | None:
    if not isinstance(one, CorrelationRule):
        return None
    return how_it_works(one.correlation, {rule.id: rule for rule in ruleset.rules})


def _bases(one: AnyRule, ruleset: RuleSet) -> tuple[SigmaRule | CorrelationRule, ...]:
    if not isinstance(one, CorrelationRule):
        return ()
    by_id = {other.rule.id: other for other in (*ruleset.sigma, *ruleset.correlations)}
    found: dict[str, SigmaRule | CorrelationRule] = {}
    waiting = list(one.correlation.rules)
    while waiting:
        rule_id = waiting.pop(0)
        if rule_id in found:
            continue
        base = found[rule_id] = by_id[rule_id]
        if isinstance(base, CorrelationRule):
            waiting += base.correlation.rules
    return tuple(found.values())


def _actions(one: AnyRule, sigma: Iterable[SigmaRule]) -> tuple[str, ...]:
    if isinstance(one, CorrelatorRule):
        found = set(correlators()[one.correlator](one.parameters).actions)
    else:
        found = {action for rule in sigma for action in matching_actions(rule.conditions)}
    return tuple(action for action in actions() if action in found)


def _lacks(one: AnyRule) -> tuple[str, ...]:
    if not isinstance(one, CorrelatorRule):
        return ()
    correlator = correlators()[one.correlator](one.parameters)
    lacks = [
        f"without {one_of(sorted(some))}" for some in correlator.needs if some != correlator.actions
    ]
    named = correlator.needs_named
    of_venues = {s.action for s in shapes().values() if issubclass(s.record, MarketEvent)}
    if named and named <= of_venues:  # what happens on a chain names a wallet
        events = one_of(sorted(named))
        lacks.append(f"where no {events} names an account, an investor or a cluster")
    return tuple(lacks)


def _sources(seen: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for shape in shapes().values():
        if shape.action in seen:
            (dataset,) = (
                field.default
                for field in msgspec.structs.fields(shape.record)
                if field.encode_name == "event.dataset"
            )
            found[_SOURCES.get(str(dataset), str(dataset))] = None
    return tuple(found)


def _fields(
    one: AnyRule, sigma: Iterable[SigmaRule], bases: Iterable[SigmaRule | CorrelationRule]
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for rule in sigma:
        found |= dict.fromkeys(fields_of(rule))
    for rule in (one, *bases):
        if isinstance(rule, CorrelationRule):
            aliases = rule.correlation.aliases
            names = [name for name in rule.correlation.group_by if name not in aliases]
            names += [field for by_rule in aliases.values() for field in by_rule.values()]
            found |= dict.fromkeys([*names, *rule.correlation.fields])
    # A correlation of correlations groups by the aliases of these, too.
    return tuple(name for name in found if field_type(name) is not None)


def _leaves(rule: SigmaRule) -> list[Leaf | Keyword]:
    return [part for tree in rule.conditions for part in leaves(tree)]


def _numbers(sigma: Iterable[SigmaRule]) -> tuple[str, ...]:
    """The numbers that events are compared with, each once."""
    found: dict[str, None] = {}
    for rule in sigma:
        for part in _leaves(rule):
            if isinstance(part, Leaf) and isinstance(
                part.value, (SigmaCompareExpression, SigmaNumber)
            ):
                found[f"`{part.field}` {wanted_words(part.value)}"] = None
    return tuple(found)


def _parameters(one: AnyRule) -> tuple[Parameter, ...]:
    if not isinstance(one, CorrelatorRule):
        return ()
    hints = get_type_hints(type(one.parameters), include_extras=True)
    # Shown as defaults are, in their units: by a Struct whose defaults are what the rule says.
    given: Any = msgspec.defstruct(
        "Given",
        [
            (field.name, hints[field.name], _as_default(getattr(one.parameters, field.name)))
            for field in msgspec.structs.fields(type(one.parameters))
        ],
        kw_only=True,
    )
    return tuple(
        Parameter(option.key, here.default, option.default, option.meaning)
        for option, here in zip(options(type(one.parameters)), options(given), strict=True)
    )


def _as_default(value: Any) -> Any:
    """A value as a Struct's default: msgspec wants a factory for those that could be changed."""
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, Any]", value)
    return msgspec.field(default_factory=given.copy)


def _tests(rule_id: str, tests: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tests about a rule: those in which it alerts, and those in which it doesn't."""
    alerting: list[str] = []
    silent: list[str] = []
    for test in (test for file in tests.files for test in file.tests):
        if rule_id not in test.about:
            continue
        if any(not e.rules or rule_id in e.rules for e in test.expected):
            alerting.append(test.name)
        elif not test.expected:
            # Where another rule of the file alerts, the test is that one's.
            silent.append(test.name)
    return tuple(alerting), tuple(silent)


def by_typology(facts: Sequence[Facts]) -> Mapping[str, list[Facts]]:
    """The facts by typology, in the order in which they come."""
    found: dict[str, list[Facts]] = {}
    for one in facts:
        found.setdefault(one.one.rule.typology, []).append(one)
    return found
