"""Rule sets that were kept, read by a version of the program that may refuse some of their rules.

What is in force was good for the version that put it there. A newer one may know a correlator or
a parameter by that name no more, and an older one not yet. Then everything else is still to be
run: what can't be read is left out, and told.
"""

from collections.abc import Iterable, Sequence

import msgspec

from detections.rules.archived import parsed_pipelines, parsed_rules
from detections.rules.drafts import Draft
from detections.rules.files import content_of
from detections.rules.loading import rules_of
from detections.rules.rule_set import RuleSet
from pipeline.bus.rule_archive import RuleFiles
from pipeline.problems import Location, Problem, ProblemsFound
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_source import Parsed


class LeftOut(msgspec.Struct, frozen=True):
    """A part of a rule set that this version can't read: a rule, as a rule, or an exception."""

    id: str
    title: str
    why: str
    """With the place in its file."""


class ReadableRules(msgspec.Struct, frozen=True):
    """A rule set as far as this version can read it."""

    rules: RuleSet
    left_out: tuple[LeftOut, ...] = ()


def readable_rules(files: RuleFiles) -> ReadableRules:
    """What can be read of a set that was kept, and what can't.

    What rests on a rule that can't be read, such as a correlation that counts it, is left out with
    it, and so is what only feeds such a correlation: by itself it would alert. Of an exception only
    those rules are left out, as long as it covers others. Raises ProblemsFound where the pipelines
    can't be read: then nobody knows what any rule means.
    """
    parsed, pipelines = parsed_rules(files), parsed_pipelines(files)
    left_out: list[LeftOut] = []
    while True:
        try:
            return ReadableRules(rules_of(parsed, pipelines=pipelines), tuple(left_out))
        except ProblemsFound as found:
            errors = [one for one in found.problems if one.severity == "error"]
            parsed, more, gone = _without(parsed, errors)
            if not more:
                raise
            parsed, silent = _without_silent(parsed, gone)
            left_out += [*more, *silent]


def _without(
    parsed: Iterable[Parsed], errors: Sequence[Problem]
) -> tuple[list[Parsed], list[LeftOut], list[Node]]:
    """The files without what the errors are of; that, and the documents that went whole."""
    kept: list[Parsed] = []
    left_out: list[LeftOut] = []
    gone: list[Node] = []
    for file in parsed:
        name = file.source.name
        mine = [one for one in errors if one.location.file == name]
        if any(one.severity == "error" for one in file.source.problems):
            left_out.append(LeftOut("", name, _told(mine[0])))  # its text, so all of it
            continue
        documents = list(file.documents)
        for error in mine:
            if (node := _at(documents, error.location)) is None:
                continue  # another error took it out already
            if _cut(node, error.location, within_exceptions=content_of(name) == "exceptions"):
                left_out.append(LeftOut("", f"{name}, in part", _told(error)))
            else:
                documents.remove(node)
                gone.append(node)
                left_out.append(_of(node, _told(error)))
        if documents:
            kept.append(Parsed(file.source, documents))
    return kept, left_out, gone


def _without_silent(
    parsed: Sequence[Parsed], gone: Iterable[Node]
) -> tuple[list[Parsed], list[LeftOut]]:
    """The files without the rules that only fed correlations among what is gone; and these."""
    fed = {name for node in gone for name in _feeding(node)}
    fed -= {name for file in parsed for node in file.documents for name in _feeding(node)}
    kept: list[Parsed] = []
    left_out: list[LeftOut] = []
    for file in parsed:
        silent = [one for one in file.documents if fed & _names(one)]
        left_out += [_of(one, "it only feeds a correlation that is left out") for one in silent]
        if rest := [one for one in file.documents if one not in silent]:
            kept.append(Parsed(file.source, rest))
    return kept, left_out


def _feeding(node: Node) -> set[str]:
    """What a correlation calls the rules that give no alerts because of it."""
    of = node.get("correlation") if isinstance(node, MappingNode) else None
    if not isinstance(of, MappingNode) or _text(of, "generate") == "true":
        return set()
    return {one.text.strip() for one in _list(of, "rules") if isinstance(one, ScalarNode)}


def _names(node: Node) -> set[str]:
    return {_text(node, "name"), _text(node, "id")} if isinstance(node, MappingNode) else set()


def _told(error: Problem) -> str:
    return f"{error.location}: {error.message}"


def _at(nodes: Iterable[Node], place: Location) -> Node | None:
    """The last of these that begins at or before a place, if the place isn't behind its end."""
    found = [node for node in nodes if (node.line, node.column) <= (place.line, place.column)]
    last = found[-1] if found else None
    return last if last is not None and place.line <= last.end_line else None


def _cut(document: Node, place: Location, *, within_exceptions: bool) -> bool:
    """Take the least out of a document that lists what it applies to: whether anything was.

    That is one rule of an exception or a filter, as long as others are left, or an exception.
    """
    if within_exceptions:
        exceptions = _list(document, "exceptions")
        one = _at(exceptions, place)
        if one is None or _cut_rule(one, place):
            return one is not None
        exceptions.remove(one)
        return bool(exceptions)
    of = document.get("filter") if isinstance(document, MappingNode) else None
    return of is not None and _cut_rule(of, place)


def _cut_rule(node: Node, place: Location) -> bool:
    rules = _list(node, "rules")
    one = _at(rules, place)
    if one is None or len(rules) == 1:
        return False
    rules.remove(one)
    return True


def _list(node: Node, key: str) -> list[Node]:
    found = node.get(key) if isinstance(node, MappingNode) else None
    return found.items if isinstance(found, SequenceNode) else []


def _of(node: Node, why: str) -> LeftOut:
    """A rule as people know it; its id is the one that it would have."""
    if not isinstance(node, MappingNode):
        return LeftOut("", node.source.name, why)
    title = _text(node, "title") or _text(node, "name") or node.source.name
    return LeftOut(Draft(node, "sigma").id, title, why)


def _text(node: MappingNode, key: str) -> str:
    found = node.get(key)
    return found.text if isinstance(found, ScalarNode) else ""
