"""Events as tests write them: dotted or nested names, relative times, repeats."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from detections.fields import ACTION, Shape, actions, taxonomy
from detections.rule_testing.filling import as_moment, event_id, fill_in, fitted
from detections.rule_testing.model import Sample
from detections.rules.field_check import NOUNS
from detections.rules.wording_slips import field_meant
from detections.sigma.documents import Document, flatten
from normalizer.events import Record
from pipeline.problems import Problem, did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.units import SECOND, UnitError, parse_duration
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode
from pipeline.yaml_scalars import meaning

MOST_REPEATS = 10_000
_LATEST = 1 << 63
_WORDS = ("at", "every", "repeat")
_TURN = "{n}"
_TIME = "a time, such as 2026-01-31T16:00:00Z, or nanoseconds since 1970"
_WRONG_TYPE = re.compile(r"^[^:]+: Expected `[^`]+`, got `[^`]+`$")


class _Timing(Struct, frozen=True):
    """When an event comes, and how often."""

    at: int
    every: int
    repeat: int


class ShortForm:
    """Reads a test's events. What is wrong goes to `problems`."""

    def __init__(
        self,
        defaults: Mapping[str, Any] | None,
        *,
        at: MappingNode | None,
        start: int,
        foreign: bool,
        problems: list[Problem],
    ) -> None:
        self._defaults = dotted(defaults or {})
        self._incomplete = defaults is None
        """The defaults can't be read, which is told: what events lack may be among them."""
        self._at = at
        """Where the defaults stand."""
        self._start = start
        self._foreign = foreign
        self._problems = problems
        self.shapes: dict[str, Shape] = {}
        """The kinds of event that were read."""

    def read(self, nodes: Sequence[MappingNode]) -> list[Sample]:
        """The events in the order of the file."""
        samples: list[Sample] = []
        for node in nodes:
            samples += self._event(node, len(samples) + 1)
        return samples

    def _event(self, node: MappingNode, number: int) -> Iterator[Sample]:
        outcome = examine(node, dict[str, Any])
        self._problems += outcome.problems
        if outcome.value is None:
            return
        timing = self._timing(node)
        values = dotted(outcome.value).items()
        written = {k: v for k, v in values if k.partition(".")[0] not in _WORDS}
        if timing is None:
            self._sample(node, written, number, self._start)  # for what else is wrong with it
            return
        for turn in range(timing.repeat):
            said = _numbered(written, turn + 1) if timing.repeat > 1 else written
            moment = self._start + timing.at + turn * timing.every
            sample = self._sample(node, said, number + turn, moment)
            if sample is None:
                return
            yield sample

    def _timing(self, node: MappingNode) -> _Timing | None:
        at = self._duration(node, "at", 0)
        every = self._duration(node, "every", SECOND)
        place = node.get("repeat")
        repeat = meaning(place) if isinstance(place, ScalarNode) else 1 if place is None else None
        if type(repeat) is not int or not 1 <= repeat <= MOST_REPEATS:
            expected = f"a whole number from 1 to {MOST_REPEATS}"
            self._report(place or node, "test/repeat", "repeat is wrong", expected=expected)
            return None
        if at is None or every is None:
            return None
        return _Timing(at, every, repeat)

    def _duration(self, node: MappingNode, key: str, default: int) -> int | None:
        place = node.get(key)
        if place is None:
            return default
        try:
            return parse_duration(place.text if isinstance(place, ScalarNode) else "")
        except UnitError as error:
            self._report(
                place,
                "test/time",
                f"at or every: {error}",
                expected="a time after the test's beginning, such as 5s",
                hint=error.hint,
                advice=error.advice or _advice(place),
            )
            return None

    def _sample(
        self, node: MappingNode, written: Mapping[str, Any], number: int, moment: int
    ) -> Sample | None:
        action = written.get(ACTION, self._defaults.get(ACTION))
        shape = actions().get(action) if isinstance(action, str) else None
        if shape is not None:
            self.shapes[shape.action] = shape
            event = self._record(node, written, shape, number, moment)
            if event is None or not self._is_in_time(node, event.timestamp):
                return None
            return Sample(id=event.id, timestamp=event.timestamp, event=event, written=written)
        if self._foreign:
            sample = self._document(node, written, number, moment)
            return sample if sample and self._is_in_time(node, sample.timestamp) else None
        if action is None and self._incomplete:
            return None
        said = "is missing" if action is None else f"is never {shown(str(action))}"
        self._report(
            self._place(node, written, ACTION),
            "test/action",
            f"{ACTION} {said}",
            expected=one_of(sorted(actions())),
            hint=did_you_mean(str(action), actions()),
        )
        return None

    def _record(
        self,
        node: MappingNode,
        written: Mapping[str, Any],
        shape: Shape,
        number: int,
        moment: int,
    ) -> Record | None:
        merged = {**_fitting(self._defaults, shape), **written}
        fields: dict[str, Any] = {}
        sound = True
        for name, value in merged.items():
            attribute = shape.attributes.get(name)
            if attribute is None and name != ACTION:
                self._report(
                    self._place(node, written, name),
                    "test/unknown-field",
                    f"{_article(shape.action)} {shape.action} event has no field {shown(name)}",
                    hint=field_meant(name, [*shape.attributes, *_WORDS]),
                )
                sound = False
                continue
            fields[name] = value if attribute is None else fitted(value, attribute)
        fields[ACTION] = shape.action
        while True:
            filled = dict(fields)
            fill_in(filled, shape, number=number, moment=moment)
            try:
                record = cast("Record", msgspec.convert(filled, shape.record))
            except msgspec.ValidationError as error:
                wrong = self._report_value(node, written, shape, error)
                if fields.pop(wrong, None) is None:
                    return None
                sound = False  # and what is wrong with the others is told as well
            else:
                return record if sound else None

    def _report_value(
        self,
        node: MappingNode,
        written: Mapping[str, Any],
        shape: Shape,
        error: msgspec.ValidationError,
    ) -> str:
        """The name of the field whose value can't be."""
        message, name = _said(error)
        attribute = shape.attributes.get(name)
        if attribute is not None and _WRONG_TYPE.search(message):
            several = "a list: each is " if attribute.type.many else ""
            noun = _TIME if attribute.type.kind == "date" else NOUNS[attribute.type.kind]
            message = f"{name} holds {several}{noun}"
        self._report(self._place(node, written, name), "test/value", message)
        return name

    def _document(
        self, node: MappingNode, written: Mapping[str, Any], number: int, moment: int
    ) -> Sample | None:
        document: Document = flatten({**self._defaults, **written})
        document.setdefault("event.id", event_id(number))
        document.setdefault("@timestamp", moment)
        timestamp = document["@timestamp"] = as_moment(document["@timestamp"])
        if type(timestamp) is not int:
            self._report(
                self._place(node, written, "@timestamp"),
                "test/value",
                "@timestamp isn't a time",
                expected=f"{_TIME}; or leave it out, and give the test an as_of",
            )
            return None
        event = str(document["event.id"])
        return Sample(id=event, timestamp=timestamp, event=document, written=written)

    def _is_in_time(self, node: MappingNode, timestamp: int) -> bool:
        """Whether a time can be nanoseconds of 64 bits, as in every event."""
        if 0 <= timestamp < _LATEST:
            return True
        message = "this event's time is out of range"
        self._report(node, "test/time", message, expected="a time between 1970 and 2262")
        return False

    def _place(self, node: MappingNode, written: Mapping[str, Any], name: str) -> Node:
        """Where a field stands: in the event, or in the defaults that it has it from."""
        inherited = name not in written and name in self._defaults
        return key_of(self._at, name) if inherited and self._at is not None else key_of(node, name)

    def _report(self, node: Node, code: str, message: str, **more: Any) -> None:
        problem = node.problem(code, message, **more)
        if problem not in self._problems:  # of a default each event would tell
            self._problems.append(problem)


def _advice(place: Node) -> str | None:
    """Where a moment belongs that stands where a time since the beginning is asked."""
    text = place.text if isinstance(place, ScalarNode) else ""
    is_one = as_moment(text) is not text
    return "when the test begins, its as_of says" if is_one else None


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def dotted(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Groups in groups as dotted names. Lists stay, and so does null: it undoes a default."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            flat.update(dotted(cast("dict[str, Any]", value), f"{name}."))
        else:
            flat[name] = value
    return flat


def key_of(node: MappingNode, name: str) -> Node:
    """Where a dotted name stands in a group; the group itself where it doesn't."""
    for key, value in node.pairs:
        if key.text == name:
            return key
        if isinstance(value, MappingNode) and name.startswith(f"{key.text}."):
            found = key_of(value, name.removeprefix(f"{key.text}."))
            return key if found is value else found
    return node


def _fitting(defaults: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """The defaults that this kind of event has; and those that none has, for them to be told."""
    return {
        name: value
        for name, value in defaults.items()
        if name in shape.attributes or name == ACTION or name not in taxonomy()
    }


def _numbered(fields: Mapping[str, Any], turn: int) -> dict[str, Any]:
    return {name: _with_number(value, str(turn)) for name, value in fields.items()}


def _with_number(value: Any, turn: str) -> Any:
    if isinstance(value, str):
        return value.replace(_TURN, turn)
    if isinstance(value, list):
        return [_with_number(one, turn) for one in cast("list[Any]", value)]
    return value


def _said(error: msgspec.ValidationError) -> tuple[str, str]:
    """What msgspec found, and the field's name."""
    message, _, place = str(error).partition(" - at `$.")
    name = place.rstrip("`").partition("[")[0]
    return (f"{name}: {message}" if name else message), name
