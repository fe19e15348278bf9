"""Rules as documents: found by what people call them, and copied with another value in a place."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from detections.backtest.sweeps import SweepError
from detections.correlators.base import correlators
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_source import Parsed

#: Where a rule's own words for what can be varied stand, by what kind of rule has them.
_BODIES = ("parameters", "detection", "correlation")


class Place(msgspec.Struct, frozen=True):
    """A rule's document: which file, and which of the file's documents."""

    file: int
    document: int


def find_rule(files: Sequence[Parsed], called: str) -> Place:
    """The rule with this id, name or title, or the only rule of the file of this name or path.

    Raises SweepError, with what was probably meant.
    """
    names: dict[str, list[Place]] = {}
    shared: dict[str, list[str]] = {}
    """Files with several rules, by name and path, to what these are called."""
    for at, parsed in enumerate(files):
        rules = [
            (place, node)
            for place, node in enumerate(parsed.documents)
            if isinstance(node, MappingNode) and any(node.get(body) for body in _BODIES)
        ]
        for place, node in rules:
            for key in ("id", "name", "title"):
                value = node.get(key)
                if isinstance(value, ScalarNode):
                    names.setdefault(value.text.lower(), []).append(Place(at, place))
        file = Path(parsed.source.name)
        for name in (file.stem.lower(), file.name.lower(), str(file.absolute())):
            if len(rules) == 1:
                names.setdefault(name, []).append(Place(at, rules[0][0]))
            elif rules:
                shared[name] = [_called(node) for _, node in rules]
    path = str(Path(called).absolute())
    found = list(dict.fromkeys((*names.get(called.lower(), ()), *names.get(path, ()))))
    if len(found) == 1:
        return found[0]
    if found:
        where = one_of([files[place.file].source.name for place in found])
        raise SweepError(f"several rules are called {shown(called)}: use the id; see {where}")
    if (several := shared.get(called.lower()) or shared.get(path)) is not None:
        raise SweepError(f"{called} has several rules: say which, {one_of(several)}")
    hint = did_you_mean(called, [name for name in names if "/" not in name])
    raise SweepError(
        f"no rule is called {shown(called)} (by id, name, title, or a file that has no other)"
        + (f": did you mean {hint}?" if hint else "")
    )


def _called(rule: MappingNode) -> str:
    known = (rule.get(key) for key in ("name", "title", "id"))
    return next((shown(one.text) for one in known if isinstance(one, ScalarNode)), "one")


def document_of(files: Sequence[Parsed], place: Place) -> MappingNode:
    """The rule's document."""
    node = files[place.file].documents[place.document]
    assert isinstance(node, MappingNode)
    return node


def find_value(rule: MappingNode, path: str) -> tuple[str, ...]:
    """The keys that lead to a single value, for a path as people write it.

    It starts in the rule's parameters, detection or correlation, whichever the rule has; a list's
    entries are counted from 0. A correlator's parameter needn't be there: it has a default.
    Raises SweepError, with what there is.
    """
    for body in _BODIES:
        node = rule.get(body)
        if node is None:
            continue
        keys = _descend(node, path.removeprefix(f"{body}."))
        if keys is not None:
            return (body, *keys)
    defaults = _parameters(rule)
    if path.removeprefix("parameters.") in defaults:
        return ("parameters", path.removeprefix("parameters."))
    known = sorted({*_paths(rule), *defaults})
    hint = did_you_mean(path, known)
    raise SweepError(
        f"the rule has no single value at {shown(path)}: "
        + (f"did you mean {hint}?" if hint else f"it has {one_of(known) if known else 'none'}")
    )


def value_at(rule: MappingNode, keys: Sequence[str]) -> str | None:
    """The value that `find_value` found; None where it isn't written and so the default."""
    node: Node | None = rule
    for key in keys:
        node = None if node is None else _child(node, key)
    return node.text if isinstance(node, ScalarNode) else None


def with_value(node: Node, keys: Sequence[str], text: str) -> Node:
    """A copy of the document in which another value stands at the keys; the rest is shared."""
    if not keys:
        assert isinstance(node, ScalarNode)
        return msgspec.structs.replace(node, text=text)
    first, rest = keys[0], keys[1:]
    if isinstance(node, SequenceNode):
        items = [
            with_value(item, rest, text) if str(at) == first else item
            for at, item in enumerate(node.items)
        ]
        return msgspec.structs.replace(node, items=items)
    assert isinstance(node, MappingNode)
    pairs = [
        (key, with_value(value, rest, text) if key.text == first else value)
        for key, value in node.pairs
    ]
    if node.get(first) is None:
        # A parameter that has its default until now. What is wrong with it is told at the rule.
        here = (node.source, node.line, node.column, node.line, node.column)
        value: Node = MappingNode(*here, []) if rest else ScalarNode(*here, "", True)
        pairs.append((ScalarNode(*here, first, True), with_value(value, rest, text)))
    return msgspec.structs.replace(node, pairs=pairs)


def with_document(files: Sequence[Parsed], place: Place, document: Node) -> list[Parsed]:
    """A copy of the files in which another document stands at the place."""
    changed = list(files)
    parsed = changed[place.file]
    documents = list(parsed.documents)
    documents[place.document] = document
    changed[place.file] = Parsed(parsed.source, documents)
    return changed


def _descend(node: Node, path: str) -> tuple[str, ...] | None:
    """Keys may hold dots themselves, so every way of cutting the path is tried, longest first."""
    if not path:
        return () if isinstance(node, ScalarNode) else None
    for key in sorted(_keys(node), key=len, reverse=True):
        if path != key and not path.startswith(f"{key}."):
            continue
        child = _child(node, key)
        rest = None if child is None else _descend(child, path[len(key) + 1 :])
        if rest is not None:
            return (key, *rest)
    return None


def _keys(node: Node) -> list[str]:
    if isinstance(node, MappingNode):
        return [key.text for key, _ in node.pairs]
    return [str(at) for at in range(len(node.items))] if isinstance(node, SequenceNode) else []


def _child(node: Node, key: str) -> Node | None:
    if isinstance(node, MappingNode):
        return node.get(key)
    if isinstance(node, SequenceNode) and key.isdecimal() and int(key) < len(node.items):
        return node.items[int(key)]
    return None


def _parameters(rule: MappingNode) -> tuple[str, ...]:
    name = rule.get("correlator")
    found = correlators().get(name.text) if isinstance(name, ScalarNode) else None
    return () if found is None else found.parameters_type.__struct_encode_fields__


def _paths(rule: MappingNode) -> Iterable[str]:
    for body in _BODIES:
        node = rule.get(body)
        if node is not None:
            yield from _paths_below(node, "")


def _paths_below(node: Node, before: str) -> Iterable[str]:
    for key in _keys(node):
        child = _child(node, key)
        path = f"{before}.{key}" if before else key
        if isinstance(child, ScalarNode):
            yield path
        elif child is not None:
            yield from _paths_below(child, path)
