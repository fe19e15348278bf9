"""A set of rules as one file for Elastic or Splunk."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from detections.conversion import elastic_rules, saved_searches
from detections.conversion.convert import EVENTS_INDEX, AnyRule, Converted, Converter
from detections.conversion.languages import DIALECTS, Language
from detections.conversion.losses import Loss
from detections.conversion.splunk import ALERTS as SPLUNK_ALERTS
from detections.conversion.splunk import DEDUPLICATED
from detections.rules import CorrelationRule, RuleSet
from pipeline.problems import Problem

Target = Literal["elastic", "splunk"]
Format = Literal["siem", "lucene", "esql", "eql", "savedsearches", "spl"]
#: The first is what is written where nothing is said.
FORMATS: Mapping[Target, tuple[Format, ...]] = {
    "elastic": ("siem", "lucene", "esql", "eql"),
    "splunk": ("savedsearches", "spl"),
}
#: The languages that a format has, the preferred one first.
_LANGUAGES: Mapping[Format, tuple[Language, ...]] = {
    "siem": ("lucene", "esql", "eql"),
    "lucene": ("lucene",),
    "esql": ("esql",),
    "eql": ("eql",),
    "savedsearches": ("spl",),
    "spl": ("spl",),
}


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    format: Format
    strict: bool = False
    """A rule whose query isn't equal in meaning is refused."""
    alerts: bool = False
    """Of a rule that is refused, Tapewatch's own alerts are taken over instead."""
    events_index: str = EVENTS_INDEX
    alerts_index: str = elastic_rules.ALERTS_INDEX


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one rule."""

    rule: AnyRule
    way: Language | Literal["alerts"] | None
    """How it was converted; None: it was refused."""
    query: str | None = None
    output: dict[str, Any] | saved_searches.Stanza | str | None = None
    """Its part of the file."""
    problems: tuple[Problem, ...] = ()
    """Errors if it was refused, else what its query loses."""


def export(ruleset: RuleSet, choices: Choices) -> list[Exported]:
    """Every rule that alerts by itself, in the order of the files."""
    converter = Converter(ruleset, index=choices.events_index)
    return [_export(one, converter, choices) for one in converter.rules()]


def _export(one: AnyRule, converter: Converter, choices: Choices) -> Exported:
    languages = _LANGUAGES[choices.format]
    if isinstance(one, CorrelationRule) and len(languages) > 1:
        languages = languages[1:]  # Lucene has no correlations, and nobody need be told
    tried = [converter.convert(one, language) for language in languages]
    usable = [c for c in tried if c.query is not None and not (choices.strict and c.losses)]
    best = next((c for c in usable if not c.losses), usable[0] if usable else None)
    if best is not None:
        return Exported(
            rule=one,
            way=best.language,
            query=best.query,
            output=_event_output(best, converter, choices),
            problems=_problems(best.losses, one, converter),
        )
    if choices.alerts:
        query = _alerts_query(one, choices.format)
        if query is not None:
            output = _alerts_output(one, query, converter, choices)
            return Exported(rule=one, way="alerts", query=query, output=output)
    refused = [loss for c in tried for loss in _reasons(c)]
    return Exported(rule=one, way=None, problems=_problems(refused, one, converter))


def _reasons(found: Converted) -> list[Loss]:
    """Why there is no query, or none that is equal in meaning."""
    if found.query is None:
        return [loss for loss in found.losses if loss.severity == "error"]
    advice = "without --strict it is converted all the same"
    return [
        msgspec.structs.replace(loss, severity="error", advice=loss.advice or advice)
        for loss in found.losses
    ]


def _problems(losses: Iterable[Loss], one: AnyRule, converter: Converter) -> tuple[Problem, ...]:
    rule = one.rule
    found = [converter.places.problem(loss, rule.location, rule.title) for loss in losses]
    return tuple(dict.fromkeys(found))


def _event_output(found: Converted, converter: Converter, choices: Choices) -> Any:
    match choices.format:
        case "siem":
            return elastic_rules.event_rule(found, choices.events_index, converter.places)
        case "savedsearches":
            return saved_searches.event_search(found)
        case _:
            return found.query


def _alerts_query(one: AnyRule, written: Format) -> str | None:
    """Tapewatch's alerts of the rule; None in a language that has none here."""
    match written:
        case "siem" | "lucene":
            return f'event.kind:"alert" AND rule.id:"{one.rule.id}"'
        case "savedsearches" | "spl":
            return f'{SPLUNK_ALERTS} rule.id="{one.rule.id}"\n{DEDUPLICATED}'
        case "esql" | "eql":
            return None


def _alerts_output(one: AnyRule, query: str, converter: Converter, choices: Choices) -> Any:
    match choices.format:
        case "siem":
            return elastic_rules.alert_rule(one, query, choices.alerts_index, converter.places)
        case "savedsearches":
            return saved_searches.alert_search(one, query)
        case _:
            return query


def written(exported: Sequence[Exported], chosen: Format) -> str:
    """The whole file."""
    found = [one for one in exported if one.output is not None]
    match chosen:
        case "siem":
            lines = [msgspec.json.encode(one.output).decode() for one in found]
            return "".join(f"{line}\n" for line in lines)
        case "savedsearches":
            return saved_searches.conf([_stanza(one) for one in found])
        case _:
            return "\n".join(f"# {_heading(one)}\n{one.output}\n" for one in found)


def _stanza(one: Exported) -> saved_searches.Stanza:
    assert isinstance(one.output, tuple)
    return one.output


def _heading(one: Exported) -> str:
    rule = one.rule.rule
    return f"{rule.title} ({rule.id}), {rule.location}"


def described(one: Exported) -> str:
    """How it was converted, in words."""
    if one.way is None:
        return "refused"
    return "Tapewatch's alerts" if one.way == "alerts" else DIALECTS[one.way].name
