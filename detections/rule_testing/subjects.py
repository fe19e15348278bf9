"""What a test file is about: the rules or exceptions beside it, and the rules that they need."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from detections.rules.files import RULE_SUFFIXES, TEST_SUFFIXES, is_test_file
from detections.rules.loading import RuleSet
from detections.rules.model import CorrelationRule, ExceptionRule, Rule, SigmaRule
from pipeline.folder_files import files_below

Feeding = TypeVar("Feeding", SigmaRule, CorrelationRule)


class Subject(Struct, frozen=True, kw_only=True):
    """The rules that the tests of a file run with."""

    file: Path
    """The rule file."""
    rules: RuleSet
    """Those of the file and all that they refer to."""
    own: tuple[Rule, ...]
    """The rules that the tests are about, in the order of the file."""
    exceptions: tuple[ExceptionRule, ...] = ()
    """The exceptions that the tests are about; empty where they are about rules."""

    @property
    def foreign(self) -> bool:
        """Whether there are rules for others' log sources, so that any document is an event."""
        return any(one.foreign for one in self.rules.sigma)


def test_files(folder: Path) -> list[Path]:
    """All test files below a folder, found as rules are."""
    return sorted(path for path in files_below(folder) if is_test_file(path) and path.is_file())


def rule_of(test_file: Path) -> Path:
    """The rule file that a test file is for."""
    suffix = next(s for s in TEST_SUFFIXES if test_file.name.lower().endswith(s))
    name = test_file.name[: -len(suffix)]
    beside = [test_file.with_name(name + ending) for ending in (test_file.suffix, *RULE_SUFFIXES)]
    return next((path for path in beside if path.exists()), beside[0])


def tests_of(rule_file: Path) -> list[Path]:
    """The test files beside a rule file: none, or one."""
    if rule_file.suffix.lower() not in RULE_SUFFIXES:
        return []
    names = {(rule_file.stem + suffix).lower() for suffix in TEST_SUFFIXES}
    try:
        beside = [path for path in rule_file.parent.iterdir() if path.name.lower() in names]
    except OSError:  # reading the rule says so
        return []
    return sorted(path for path in beside if path.is_file() and rule_of(path) == rule_file)


def subject_of(test_file: Path, ruleset: RuleSet) -> Subject:
    """What a test file is about, out of all rules. Nothing of its own: the file has no rules."""
    file = rule_of(test_file)
    exceptions = [one for one in ruleset.exceptions if Path(one.location.file) == file]
    excepted = {rule_id for one in exceptions for rule_id in one.rules}
    own = [
        rule for rule in ruleset.rules if Path(rule.location.file) == file or rule.id in excepted
    ]
    return Subject(
        file=file,
        rules=_restricted(ruleset, own, exceptions),
        own=tuple(sorted(own, key=lambda rule: rule.location)),
        exceptions=tuple(exceptions),
    )


def whole(ruleset: RuleSet) -> Subject:
    """All rules of a set, as if they stood in one file beside the tests."""
    return Subject(file=Path(), rules=ruleset, own=tuple(ruleset.rules))


def _restricted(
    ruleset: RuleSet, own: Sequence[Rule], exceptions: Sequence[ExceptionRule]
) -> RuleSet:
    own_ids = {rule.id for rule in own}
    needed = _with_references(own_ids, ruleset.correlations)
    correlations = [one for one in ruleset.correlations if one.rule.id in needed]
    feeding = {rule_id for one in correlations for rule_id in one.correlation.rules}
    # A rule that only feeds correlations of other files is heard here: else no test could see it.
    heard = own_ids - feeding
    concerning = exceptions or [
        one for one in ruleset.exceptions if not own_ids.isdisjoint(one.rules)
    ]
    return msgspec.structs.replace(
        ruleset,
        sigma=tuple(_heard(one, heard) for one in ruleset.sigma if one.rule.id in needed),
        correlators=tuple(one for one in ruleset.correlators if one.rule.id in needed),
        correlations=tuple(_heard(one, heard) for one in correlations),
        exceptions=tuple(concerning),
        warnings=(),
    )


def _with_references(ids: Iterable[str], correlations: Sequence[CorrelationRule]) -> set[str]:
    needed = set(ids)
    # Every rule stands before the correlations that refer to it: backwards, one pass is enough.
    for one in reversed(correlations):
        if one.rule.id in needed:
            needed.update(one.correlation.rules)
    return needed


def _heard(rule: Feeding, heard: set[str]) -> Feeding:
    if rule.silent and rule.rule.id in heard:
        return msgspec.structs.replace(rule, silent=False)
    return rule
