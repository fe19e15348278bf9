"""From files and folders to rules. All problems of all files are said at once."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import msgspec

from detections.correlators.base import correlators
from detections.fields import shapes
from detections.rules.detection import build_conditions
from detections.rules.document import (
    OURS,
    Logsource,
    Reading,
    RuleDocument,
    make_rule,
    read_document,
)
from detections.rules.field_check import check_field
from detections.rules.model import (
    CorrelationRule,
    CorrelatorRule,
    ExceptionRule,
    Rule,
    SigmaRule,
)
from detections.rules.pysigma_check import check_by_pysigma
from detections.rules.reason import Reason, ReasonError, parse_reason
from detections.sigma.compiler import compile_conditions
from detections.sigma.readers import DocumentReader, RecordReader
from detections.sigma.values import Unsupported
from pipeline.problems import (
    Location,
    Problem,
    ProblemsFound,
    did_you_mean,
    in_file_order,
    one_of,
    shown,
)
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode
from pipeline.yaml_source import Parsed, parse_bytes, read_file

_SUFFIXES = (".yml", ".yaml")
#: Tests stand beside their rules and are no rules.
TEST_SUFFIXES = (".test.yml", ".test.yaml")
_MOST_FILES = 20_000


class RuleSet(msgspec.Struct, frozen=True):
    """Rules ready for an engine, in the order of their files."""

    sigma: tuple[SigmaRule, ...] = ()
    correlators: tuple[CorrelatorRule, ...] = ()
    correlations: tuple[CorrelationRule, ...] = ()
    """Every rule before the correlations that refer to it."""
    exceptions: tuple[ExceptionRule, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def rules(self) -> list[Rule]:
        return [one.rule for one in (*self.sigma, *self.correlators, *self.correlations)]


def load_rules(paths: Iterable[Path]) -> RuleSet:
    """The rules in these files and, with all that is below, folders.

    Raises ProblemsFound with everything that is wrong in any of them.
    """
    return rules_of(*read_rules(paths))


def read_rules(paths: Iterable[Path]) -> tuple[list[Parsed], list[Problem]]:
    """The documents of these files and folders before they are rules, and what couldn't be read."""
    problems: list[Problem] = []
    parsed: list[Parsed] = []
    for path in paths:
        files = list(_files(path))
        if not files and path.is_dir():
            problems.append(
                Problem(
                    location=Location(str(path), 0, 0),
                    code="rule/no-rules",
                    message="there is no rule in this folder",
                    expected="files that end in .yml",
                )
            )
        parsed += [read_file(file) for file in files]
    return parsed, problems


def rules_of(parsed: Iterable[Parsed], problems: Iterable[Problem] = ()) -> RuleSet:
    """The rules in documents that were read, and perhaps changed since. Raises as `load_rules`."""
    return _collect(list(parsed), list(problems))


def parse_rules(data: bytes, *, name: str = "<text>") -> RuleSet:
    """The rules in YAML text. Raises ProblemsFound."""
    return _collect([parse_bytes(data, name=name)], [])


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path  # whether it is there and can be read, reading says
        return
    found = (
        file
        for file in path.rglob("*")
        if file.suffix in _SUFFIXES
        and not file.name.endswith(TEST_SUFFIXES)
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    )
    yield from sorted(found)[:_MOST_FILES]


def _collect(files: list[Parsed], problems: list[Problem]) -> RuleSet:
    sigma: list[SigmaRule] = []
    found: list[CorrelatorRule] = []
    ids: dict[str, Location] = {}
    for parsed in files:
        problems += parsed.source.problems
        if any(problem.severity == "error" for problem in parsed.source.problems):
            continue
        for node in parsed.documents:
            rule = _read(node, problems)
            if rule is None:
                continue
            _note_id(node, rule.rule, ids, problems)
            if isinstance(rule, SigmaRule):
                sigma.append(rule)
            else:
                found.append(rule)
    ordered = in_file_order(problems)
    if any(problem.severity == "error" for problem in ordered):
        raise ProblemsFound(ordered)
    return RuleSet(tuple(sigma), tuple(found), warnings=tuple(ordered))


def _note_id(node: Node, rule: Rule, ids: dict[str, Location], problems: list[Problem]) -> None:
    first = ids.setdefault(rule.id, rule.location)
    if first != rule.location:
        place = cast("MappingNode", node).get("id") or node
        problems.append(
            place.problem(
                "rule/duplicate-id",
                "another rule has the same id",
                related=(first,),
                advice="make a new one with: uuidgen",
            )
        )


def _read(node: Node, problems: list[Problem]) -> SigmaRule | CorrelatorRule | None:
    if not isinstance(node, MappingNode):
        problems.append(node.problem("rule/not-a-rule", "this isn't a rule", expected=_EXPECTED))
        return None
    reading = Reading(node, foreign=_is_foreign(node))
    for key in ("correlation", "filter"):
        if node.get(key) is not None:
            reading.report(
                reading.key(key),
                "rule/unsupported",
                f"Sigma's {key} rules are not supported yet",
                advice="use a correlator rule, or a filter inside the rule",
            )
            problems += reading.problems
            return None
    document = read_document(reading)
    rule: SigmaRule | CorrelatorRule | None = None
    if node.get("correlator") is not None:
        rule = _read_correlator(reading, document)
    elif node.get("detection") is not None:
        rule = _read_sigma(reading, document)
    else:
        reading.report(
            node,
            "rule/not-a-rule",
            "there is neither a detection nor a correlator",
            expected=_EXPECTED,
            hint=_misspelt(node),
        )
    problems += reading.problems
    return rule if reading.usable else None


_EXPECTED = "a Sigma rule (with detection) or a correlator rule (with correlator and parameters)"


def _misspelt(node: MappingNode) -> str | None:
    unknown = [key.text for key, _ in node.pairs if key.text not in RuleDocument.__struct_fields__]
    hints = [did_you_mean(word, ("detection", "correlator")) for word in unknown]
    return next((hint for hint in hints if hint), None)


def _is_foreign(node: MappingNode) -> bool:
    """Whether the rule is for log sources of others, whose fields we don't know."""
    logsource = node.get("logsource")
    if not isinstance(logsource, MappingNode) or node.get("correlator") is not None:
        return False
    product = logsource.get("product")
    if product is None:
        return bool(logsource.pairs)
    if not isinstance(product, ScalarNode):
        return False
    return product.text != OURS and did_you_mean(product.text, [OURS]) is None


def _read_sigma(reading: Reading, document: RuleDocument | None) -> SigmaRule | None:
    _check_logsource(reading)
    if reading.node.get("parameters") is not None and not reading.foreign:
        reading.report(
            reading.key("parameters"), "rule/key", "parameters belong to correlator rules"
        )
    conditions = build_conditions(reading, reading.node.get("detection"))
    reason = _read_reason(reading)
    check_by_pysigma(reading)
    if conditions:
        _check_compiles(reading, conditions)
    if document is None or not reading.usable:
        return None
    return SigmaRule(
        rule=make_rule(reading, document),
        conditions=conditions,
        reason=reason,
        foreign=reading.foreign,
    )


def _check_compiles(reading: Reading, conditions: tuple[object, ...]) -> None:
    node = reading.key("detection")
    try:
        compile_conditions(conditions, DocumentReader())
        possible = [compile_conditions(conditions, RecordReader(s)) for s in shapes().values()]
    except (Unsupported, RecursionError) as error:
        reading.report(node, "rule/unsupported", str(error) or "this is nested too deeply")
        return
    if not reading.foreign and reading.usable and all(one is False for one in possible):
        reading.report(
            node,
            "rule/never-matches",
            "no event can match this: no kind of event has all of these fields with these values",
            severity="warning",
        )


def _check_logsource(reading: Reading) -> None:
    if reading.foreign:
        return
    node = reading.node.get("logsource")
    if node is None:
        reading.report(
            reading.node,
            "rule/missing-key",
            'the key "logsource" is missing',
            expected=f"where its events come from: product: {OURS}",
        )
        return
    outcome = examine(node, Logsource)
    reading.problems += outcome.problems
    if outcome.value is not None and outcome.value.product not in (None, OURS):
        place = node.get("product") if isinstance(node, MappingNode) else None
        product = outcome.value.product or ""
        reading.report(
            place or node, "rule/logsource", f"{shown(product)} is no product", hint=OURS
        )


def _read_reason(reading: Reading) -> Reason | None:
    node = reading.node.get("reason")
    if not isinstance(node, ScalarNode) or reading.foreign:
        return None
    try:
        reason = parse_reason(node.text)
    except ReasonError as error:
        reading.report(
            node,
            "rule/reason",
            f"the sentence can't be read: {error}",
            expected="text with fields in braces, such as {token.symbol}, and in square brackets "
            "what is left out without a value; a brace or bracket itself twice, as {{",
        )
        return None
    for name in reason.fields:
        check_field(reading, node, name)
    return reason


def _read_correlator(reading: Reading, document: RuleDocument | None) -> CorrelatorRule | None:
    node = reading.node.get("correlator")
    for key in ("detection", "reason"):
        if reading.node.get(key) is not None:
            reading.report(
                reading.key(key), "rule/key", f"a correlator rule has no {key}: it has parameters"
            )
    name = node.text if isinstance(node, ScalarNode) else ""
    found = correlators().get(name)
    if found is None:
        reading.report(
            node or reading.node,
            "rule/correlator",
            f"there is no correlator {shown(name)}",
            expected=one_of(correlators()),
            hint=did_you_mean(name, correlators()),
        )
        return None
    place = reading.node.get("parameters")
    if place is None:
        # As if an empty group stood there, so that what is required is said to be missing.
        here = reading.key("correlator")
        place = MappingNode(here.source, here.line, here.column, here.line, here.column, [])
    outcome = examine(place, found.parameters_type)
    reading.problems += outcome.problems
    if document is None or outcome.value is None or not reading.usable:
        return None
    return CorrelatorRule(
        rule=make_rule(reading, document), correlator=name, parameters=outcome.value
    )
