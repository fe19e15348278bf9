"""Rules of any kind to a query language: a query, or why there is none, and what it loses."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from sigma.types import SigmaFieldReference

from detections.conversion.correlations import Base, to_eql, to_esql, to_splunk
from detections.conversion.covered import covered_by, without
from detections.conversion.fitting import fit_conditions
from detections.conversion.known_fields import field_type
from detections.conversion.languages import DIALECTS, Language
from detections.conversion.losses import Loss, Losses, Places
from detections.conversion.trees import Leaf, Tree, every, leaves
from detections.rules import CorrelationRule, CorrelatorRule, ExceptionRule, RuleSet, SigmaRule
from pipeline.problems import shown

_NAME = re.compile(r"[\w@][\w.@-]*", re.ASCII)
#: Elasticsearch takes 1,024 clauses in any case, and more where it has the memory.
_MOST_VALUES = 1_000
AnyRule = SigmaRule | CorrelationRule | CorrelatorRule
EVENTS_INDEX = "logs-tapewatch.events-*"


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in a query language."""

    rule: AnyRule
    language: Language
    query: str | None
    """None: it can't be said in the language; the losses tell why."""
    losses: tuple[Loss, ...] = ()
    exceptions: tuple[ExceptionRule, ...] = ()
    """Those that are part of the query."""


class Converter:
    """Converts the rules of a set. It reads the rules' files again for the places of losses."""

    def __init__(self, ruleset: RuleSet, *, index: str = EVENTS_INDEX) -> None:
        self.index = index
        self.places = Places()
        self._ruleset = ruleset
        self._sigma: Mapping[str, SigmaRule] = {one.rule.id: one for one in ruleset.sigma}

    def rules(self) -> Iterator[AnyRule]:
        """The rules that alert by themselves, in the order of their files."""
        ruleset = self._ruleset
        found: list[AnyRule] = [one for one in ruleset.sigma if not one.silent]
        found += [one for one in ruleset.correlations if not one.silent]
        found += ruleset.correlators
        yield from sorted(found, key=lambda one: one.rule.location)

    def convert(self, one: AnyRule, language: Language) -> Converted:
        """The rule in the language."""
        match one:
            case SigmaRule():
                return self._sigma_rule(one, language)
            case CorrelationRule():
                return self._correlation(one, language)
            case CorrelatorRule():
                return self._correlator(one, language)

    def _sigma_rule(self, one: SigmaRule, language: Language) -> Converted:
        losses, dialect = Losses(), DIALECTS[language]
        tree = self._fitted(one, language, losses)
        trees: list[Tree] = []
        kept: list[ExceptionRule] = []
        for exception in self._exceptions(one.rule.id):
            covered = self._covered(exception, one, language, losses)
            if covered is not None:
                trees.append(every([covered, dialect.before(exception.expires)]))
                kept.append(exception)
        query = None if losses.refused else dialect.query(without(tree, trees), self.index)
        return Converted(
            rule=one,
            language=language,
            query=query,
            losses=losses.found,
            exceptions=tuple(kept),
        )

    def _fitted(self, one: SigmaRule, language: Language, losses: Losses) -> Tree:
        check_names(fields_of(one), losses)
        count = sum(1 for tree in one.conditions for _ in leaves(tree))
        if count > _MOST_VALUES:
            losses.warn(
                "many-values",
                f"it compares with {count:,} values, which may be more than a server takes",
            )
        unknown = {name for name in fields_of(one) if field_type(name) is None}
        if unknown:
            losses.warn(
                "unknown-fields",
                f"it isn't known here how the target holds {', '.join(sorted(unknown))}",
            )
        return fit_conditions(one.conditions, DIALECTS[language].fit, losses)

    def _covered(
        self, exception: ExceptionRule, one: SigmaRule, language: Language, losses: Losses
    ) -> Tree | None:
        """What the exception covers; None, and a warning, where that can't be said."""
        own = Losses()
        tree = covered_by(exception, one.conditions, DIALECTS[language].fit, own)
        if not own.refused:
            losses.add(own.found)
            return tree
        reasons = "; ".join(loss.message for loss in own.found if loss.severity == "error")
        losses.warn(
            "exception",
            f"an exception isn't part of the query, which alerts in spite of it: {reasons}",
            exception.location,
        )
        return None

    def _exceptions(self, rule_id: str) -> list[ExceptionRule]:
        return [one for one in self._ruleset.exceptions if rule_id in one.rules]

    def _correlation(self, one: CorrelationRule, language: Language) -> Converted:
        losses = Losses()
        place = self.places.key(one.rule.location, "correlation", "type")
        if language == "lucene":
            losses.refuse(
                "correlation",
                "Elasticsearch's queries look at one event at a time",
                place,
                "use ES|QL",
            )
            return Converted(rule=one, language=language, query=None, losses=losses.found)
        check_names([*one.correlation.aliases, *one.correlation.group_by], losses)
        bases = self._bases(one, language, losses)
        for exception in self._exceptions(one.rule.id):
            losses.warn(
                "exception",
                "an exception from a correlation can't be part of the query, which alerts in spite "
                "of it",
                exception.location,
            )
        query = None
        if bases is not None:
            match language:
                case "esql":
                    query = to_esql(one, bases, self.index, losses, place)
                case "eql":
                    query = to_eql(one, bases, losses, place)
                case "spl":
                    query = to_splunk(one, bases, losses, place)
        return Converted(rule=one, language=language, query=query, losses=losses.found)

    def _bases(self, one: CorrelationRule, language: Language, losses: Losses) -> list[Base] | None:
        found: list[Base] = []
        for rule_id in one.correlation.rules:
            base = self._sigma.get(rule_id)
            if base is None:
                losses.refuse(
                    "chain",
                    "a correlation of correlations can't be converted",
                    self.places.key(one.rule.location, "correlation", "rules"),
                )
                return None
            tree = self._fitted(base, language, losses)
            if losses.refused:
                return None
            found.append(Base(base, DIALECTS[language].condition(tree)))
        return found

    def _correlator(self, one: CorrelatorRule, language: Language) -> Converted:
        losses = Losses()
        losses.refuse(
            "correlator",
            f"the correlator {one.correlator} is Python with a state, which no query can be",
            self.places.key(one.rule.location, "correlator"),
            "with --alerts, Tapewatch's own alerts of the rule are taken over instead",
        )
        return Converted(rule=one, language=language, query=None, losses=losses.found)


def fields_of(one: SigmaRule) -> list[str]:
    """The fields of a rule's conditions, each once; of a comparison of two fields both."""
    found: dict[str, None] = {}
    for tree in one.conditions:
        for part in leaves(tree):
            if isinstance(part, Leaf):
                found[part.field] = None
                if isinstance(part.value, SigmaFieldReference):
                    found[part.value.field] = None
    return list(found)


def check_names(names: Iterable[str], losses: Losses) -> None:
    """Refuse names that aren't names everywhere: they would be read as a part of the query."""
    for name in names:
        if not _NAME.fullmatch(name):
            losses.refuse("name", f"{shown(name)} can't be written as a name in a query")
