"""pySigma's own opinion of a rule: what it finds wrong that we haven't said already."""

from typing import Any

from sigma.exceptions import SigmaError
from sigma.rule import SigmaLogSource, SigmaRule

from detections.rules.document import Reading
from detections.rules.pysigma_words import said_by_pysigma
from pipeline.problems import shown
from pipeline.structured import examine
from pipeline.yaml_nodes import ScalarNode, SequenceNode

# Where pySigma's errors belong, by the name of their class.
_KEYS = (
    *("title", "identifier", "name", "taxonomy", "related", "level", "status", "tag", "date"),
    *("modified", "fields", "falsepositives", "author", "description", "references", "scope"),
    *("license", "logsource"),
)
_OTHER_NAMES = {"identifier": "id", "tag": "tags"}


def check_by_pysigma(reading: Reading) -> None:
    """Report what pySigma finds wrong with the metadata, at the key that it means."""
    outcome = examine(reading.node, dict[str, Any])
    if outcome.value is None:
        return
    unread = {"detection"} if _tags_are_sound(reading) else {"detection", "tags"}
    if not isinstance(outcome.value.get("id", ""), str):
        unread.add("id")  # said on reading it; pySigma trusts that it is text
    plain = {key: value for key, value in outcome.value.items() if key not in unread}
    # With collect_errors pySigma raises nothing of its own, but trusts types here and there.
    try:
        _, errors = SigmaRule.from_dict_common_params(plain, collect_errors=True)
    except (SigmaError, TypeError, ValueError, AttributeError, KeyError) as error:
        if isinstance(error, SigmaError):
            errors = [error]
        else:  # what has the wrong type was mostly said on reading it
            errors = [] if reading.errors else [SigmaError(said_by_pysigma(error))]
    try:
        SigmaLogSource.from_dict(plain.get("logsource") or {})
    except SigmaError as error:
        errors.append(error)
    except (AttributeError, TypeError):
        pass  # not a group: said on reading it
    said = {(p.location.line, p.location.column) for p in reading.problems}
    missing = {p.message for p in reading.problems if p.code == "rule/missing-key"}
    for error in errors:
        name = type(error).__name__.removeprefix("Sigma").removesuffix("Error").lower()
        key = _OTHER_NAMES.get(name, name) if name in _KEYS else ""
        node = reading.at(key) if key else reading.node
        if (node.line, node.column) not in said and f'the key "{key}" is missing' not in missing:
            reading.report(node, "rule/sigma", str(error))


def _tags_are_sound(reading: Reading) -> bool:
    """Whether each tag has a namespace; pySigma doesn't say which one hasn't."""
    node = reading.node.get("tags")
    wrong = [
        one
        for one in (node.items if isinstance(node, SequenceNode) else ())
        if isinstance(one, ScalarNode) and not all(one.text.partition("."))
    ]
    for one in wrong:
        reading.report(
            one,
            "rule/tag",
            f"{shown(one.text)} isn't a tag",
            expected="a namespace and a name with a dot between, such as attack.t1078",
        )
    return not wrong
