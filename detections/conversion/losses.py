"""What a target can't say, or says with another meaning."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from sigma.exceptions import SigmaRuleLocation

from detections.rules.rule_text import read_rule_file
from pipeline.problems import Excerpt, Location, Problem
from pipeline.yaml_nodes import MappingNode, Node, Source
from pipeline.yaml_source import Parsed

_NAME_ENDS = (":", " ", "\t", ",", "}")


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in a rule that a target can't say alike."""

    code: str
    message: str
    severity: Literal["error", "warning"]
    """error: it can't be said, so there is no query. warning: it is said with another meaning."""
    place: Location | None = None
    """Where it stands; the rule itself where that isn't known."""
    advice: str | None = None


class Losses:
    """The losses of one rule, collected while it is fitted to a target."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Location | None], Loss] = {}

    @property
    def found(self) -> tuple[Loss, ...]:
        """All of them, each once, in the order in which they were found."""
        return tuple(self._found.values())

    @property
    def refused(self) -> bool:
        return any(loss.severity == "error" for loss in self._found.values())

    def refuse(self, code: str, message: str, place: object = None, advice: str = "") -> None:
        """It can't be said: there will be no query. `place` is a leaf of a condition, if any."""
        self._add(code, message, "error", place, advice)

    def warn(self, code: str, message: str, place: object = None, advice: str = "") -> None:
        """It is said with another meaning."""
        self._add(code, message, "warning", place, advice)

    def add(self, others: tuple[Loss, ...]) -> None:
        """Take over what was found elsewhere."""
        for loss in others:
            self._found[loss.code, loss.message, loss.place] = loss

    def _add(
        self,
        code: str,
        message: str,
        severity: Literal["error", "warning"],
        place: object,
        advice: str,
    ) -> None:
        location = place if isinstance(place, Location) else location_of(place)
        loss = Loss(
            code=f"convert/{code}",
            message=message,
            severity=severity,
            place=location,
            advice=advice or None,
        )
        self._found.setdefault((loss.code, message, location), loss)


def location_of(leaf: object) -> Location | None:
    """Where a leaf of a condition stands in its file, if that is known."""
    source: Any = getattr(leaf, "source", None)
    if not isinstance(source, SigmaRuleLocation) or source.line is None:
        return None
    return Location(str(source.path), source.line, source.char or 1)


class Places:
    """Turns losses into problems with the line that they stand on. Reads each file once.

    Without a file (a rule from text), a problem has its place and no line.
    """

    def __init__(self) -> None:
        self._files: dict[str, Parsed] = {}

    def problem(self, loss: Loss, rule: Location, title: str) -> Problem:
        """`title` names the rule, which a place in a filter or exception doesn't."""
        place = loss.place or rule
        return Problem(
            location=place,
            code=loss.code,
            message=f"{title}: {loss.message}",
            severity=loss.severity,
            advice=loss.advice,
            context=self._excerpt(place),
        )

    def key(self, rule: Location, *path: str) -> Location:
        """Where a key of the rule's document stands; as far as it is found."""
        node: Node | None = self._document(rule)
        found = rule
        for name in path:
            if not isinstance(node, MappingNode):
                break
            pair = next((pair for pair in node.pairs if pair[0].text == name), None)
            if pair is None:
                break
            found, node = pair[0].location, pair[1]
        return found

    def text(self, rule: Location, key: str) -> str | None:
        """The text of a key of the rule's document that the rule itself doesn't keep."""
        node = self._document(rule)
        value = node.get(key) if isinstance(node, MappingNode) else None
        text: object = getattr(value, "text", None)
        return text.strip() or None if isinstance(text, str) else None

    def _read(self, name: str) -> Parsed:
        if name not in self._files:
            self._files[name] = read_rule_file(Path(name))
        return self._files[name]

    def _document(self, rule: Location) -> Node | None:
        documents = self._read(rule.file).documents
        return next((node for node in documents if node.location == rule), None)

    def _excerpt(self, place: Location) -> Excerpt | None:
        source: Source = self._read(place.file).source
        if not 1 <= place.line <= len(source.lines):
            return None
        rest = source.lines[place.line - 1][place.column - 1 :]
        length = min((rest.find(end) for end in _NAME_ENDS if end in rest), default=len(rest))
        return source.excerpt(place.line, place.column, max(1, length))
