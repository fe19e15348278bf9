"""Files of labels: YAML, NDJSON or CSV, each mistake told at its place.

    labels:
      - label: true
        typology: wash_trading
        entities: [INV-0031]
        from: 2026-11-23T14:00:00Z
        to: 2026-11-23T14:05:00Z
        note: case 2026-118

In NDJSON a line holds one such label, in CSV a row, where `entities` and `events` are separated by
spaces or semicolons.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import msgspec
from msgspec import Struct, field

from detections.backtest.labels import Label, as_named
from detections.reading import NotAnEvent, nanoseconds
from pipeline.csv_header import other_delimiter, places_of, repeated
from pipeline.foreign_text import HEAD, UTF8_MARK, foreign
from pipeline.json_names import repeated_name
from pipeline.problems import Location, Problem, ProblemsFound, did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.units import DAY
from pipeline.yaml_nodes import MappingNode, Node

_LISTS = ("entities", "events")
_MOST_PROBLEMS = 1_000
# What such columns are called elsewhere.
_OTHER_KEYS = {
    **dict.fromkeys(("address", "addresses", "account", "accounts", "wallet", "token"), "entities"),
    **dict.fromkeys(("tx_hash", "transaction_hash", "hash", "trade_id", "event_id"), "events"),
    **dict.fromkeys(("type", "abuse", "category"), "typology"),
    **dict.fromkeys(("start", "since", "begin"), "from"),
    **dict.fromkeys(("end", "until"), "to"),
}
_VALUES = {
    "label": "true or false",
    "entities": 'a list, such as ["INV-0031"]',
    "events": "a list of ids",
}
_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")


class LabelEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A label as it is written."""

    label: bool = True
    id: str = ""
    rule: str | None = None
    typology: str | None = None
    entities: list[str] = field(default_factory=list[str])
    since: str | None = field(name="from", default=None)
    until: str | None = field(name="to", default=None)
    events: list[str] = field(default_factory=list[str])
    note: str = ""


_KEYS = LabelEntry.__struct_encode_fields__


class LabelFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole YAML file."""

    labels: list[Node]


def read_labels(data: bytes, name: str, *, warnings: list[Problem] | None = None) -> list[Label]:
    """The labels in a file's content; its name tells the form. Raises ProblemsFound.

    `warnings` is extended by what is doubtful but no error.
    """
    problems: list[Problem] = []
    data = data.removeprefix(UTF8_MARK)
    if what := foreign(data[:HEAD]):
        raise ProblemsFound([_problem(Location(name, 0, 0), f"the file {what}")])
    match PurePath(name).suffix.lower():
        case ".yml" | ".yaml":
            labels = _of_yaml(data, name, problems)
        case ".csv":
            labels = _of_csv(data, name, problems)
        case ".ndjson" | ".jsonl" | ".json":
            labels = _of_ndjson(data, name, problems)
        case _:
            problem = _problem(Location(name, 0, 0), "this isn't a file of labels")
            expected = "a name that ends in .yml, .ndjson or .csv"
            raise ProblemsFound([msgspec.structs.replace(problem, expected=expected)])
    found = list(labels)
    if any(one.severity == "error" for one in problems):
        raise ProblemsFound(problems)
    if warnings is not None:
        warnings += problems
    return found


def _of_yaml(data: bytes, name: str, problems: list[Problem]) -> Iterator[Label]:
    outcome = examine(data, LabelFile, name=name)
    problems += outcome.problems
    for node in outcome.value.labels if outcome.value else ():
        read = examine(node, LabelEntry)
        problems += read.problems
        if read.value is not None:
            yield from _label(read.value, node.location, problems, node)


def _of_ndjson(data: bytes, name: str, problems: list[Problem]) -> Iterator[Label]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in enumerate(data.split(b"\n"), 1):
        place = Location(name, number, 1)
        if not line.strip():
            continue
        try:
            values = decode(line)
            twice = repeated_name(line, values)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            _report(problems, place, f"this isn't a label: {error}")
            continue
        if twice is not None:
            at = Location(name, number, twice.column)
            _report(problems, at, f"the key {shown(twice.path)} is given twice")
        elif (entry := _checked(values, line, place, problems)) is not None:
            yield from _label(entry, place, problems)


def _checked(
    values: dict[str, Any], line: bytes, place: Location, problems: list[Problem]
) -> LabelEntry | None:
    """The label of a line, unless something is wrong with one of its keys; all of that is told."""
    before = len(problems)
    for key, value in values.items():
        at = msgspec.structs.replace(place, column=_column(line, key))
        if key not in _KEYS:
            hint = _OTHER_KEYS.get(key.lower()) or did_you_mean(key, _KEYS)
            expected = None if hint else one_of(_KEYS)
            _report(problems, at, f"the key {shown(key)} isn't known here", hint, expected)
            continue
        try:
            msgspec.convert({key: value}, LabelEntry)
        except msgspec.ValidationError:
            said = f"this can't be the value of {shown(key)}"
            _report(problems, at, said, expected=_VALUES.get(key, "text"))
    return msgspec.convert(values, LabelEntry) if len(problems) == before else None


def _column(line: bytes, key: str) -> int:
    """Where a key stands in its line; 1 where it is written in another way."""
    at = line.find(msgspec.json.encode(key))
    return 1 if at < 0 else len(line[:at].decode(errors="replace")) + 1


def _of_csv(data: bytes, name: str, problems: list[Problem]) -> Iterator[Label]:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].split(b"\n")
        place = Location(name, len(before), len(before[-1]) + 1)
        byte = f"0x{data[error.start]:02x}"
        _report(problems, place, f"the byte {byte} isn't UTF-8", expected="a file saved as UTF-8")
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [key.strip() for key in next(rows, list[str]())]
        if not any(head):
            expected = f"a header with columns such as {one_of(_KEYS[:4])}"
            _report(problems, Location(name, 1, 1), "the file is empty", expected=expected)
        elif (said := other_delimiter(first := text.partition("\n")[0])) is not None:
            _report(problems, Location(name, 1, 1), said, expected="commas between the columns")
        else:
            for key, place in zip(head, places_of(first), strict=False):
                if key not in _KEYS:
                    hint = _OTHER_KEYS.get(key.lower()) or did_you_mean(key, _KEYS)
                    where, said = Location(name, 1, place), f"{shown(key)} is no column"
                    _report(problems, where, said, hint, None if hint else one_of(_KEYS))
        for fault in repeated(text.partition("\n")[0], head):
            _report(problems, Location(name, 1, fault.place), fault.reason)
        if problems:
            return
        for row in rows:
            place = Location(name, rows.line_num, 1)
            if not any(row):
                continue
            if len(row) > len(head):
                _report(problems, place, f"this row has {len(row)} values for {len(head)} columns")
                continue
            cells = {
                key: cell.strip() for key, cell in zip(head, row, strict=False) if cell.strip()
            }
            entry = _entry(cells, place, problems)
            if entry is not None:
                yield from _label(entry, place, problems)
    except csv.Error as error:
        _report(problems, Location(name, rows.line_num, 1), f"this isn't CSV: {error}")


def _entry(cells: dict[str, str], place: Location, problems: list[Problem]) -> LabelEntry | None:
    values: dict[str, Any] = dict(cells)
    for key in _LISTS:
        if key in cells:
            values[key] = cells[key].replace(";", " ").split()
    said = cells.get("label", "true").lower()
    if said not in (*_TRUE, *_FALSE):
        _report(problems, place, f"{shown(said)} is no label", expected="true or false")
        return None
    values["label"] = said in _TRUE
    return msgspec.convert(values, LabelEntry)


def _label(
    entry: LabelEntry, place: Location, problems: list[Problem], node: Node | None = None
) -> Iterator[Label]:
    """The label, unless something is wrong with it, which is reported."""
    before = len(problems)
    since, until = (_time(entry, key, place, problems, node) for key in ("from", "to"))
    if since is not None and until is not None and since >= until:
        _report(problems, _place(place, node, "to"), '"to" doesn\'t come after "from"')
    if not (entry.entities or entry.events or entry.since is not None or entry.until is not None):
        _report(
            problems,
            place,
            "this label doesn't say what it is about",
            expected="entities, events, or a time by from and to",
        )
    if len(problems) == before:
        yield Label(
            location=place,
            right=entry.label,
            id=entry.id,
            rule=entry.rule.lower() if entry.rule else None,
            typology=entry.typology,
            entities=frozenset(text.lower() for text in entry.entities),
            since=since,
            until=until,
            events=frozenset(map(as_named, entry.events)),
            note=entry.note,
        )


def _time(
    entry: LabelEntry, key: str, place: Location, problems: list[Problem], node: Node | None
) -> int | None:
    text = entry.since if key == "from" else entry.until
    if text is None:
        return None
    try:
        return moment(text, end=key == "to")
    except NotAnEvent:
        _report(
            problems,
            _place(place, node, key),
            f"{shown(text)} isn't a time",
            expected="such as 2026-11-23T14:00:00Z, or a day such as 2026-11-23",
        )
        return None


def moment(text: str, *, end: bool) -> int:
    """Nanoseconds of a time, or of a day's beginning; as an `end` a day is meant to its end.

    Raises NotAnEvent.
    """
    begin = nanoseconds(text.strip())
    return begin + DAY if end and len(text.strip()) == len("2026-01-31") else begin


def _place(place: Location, node: Node | None, key: str) -> Location:
    value = node.get(key) if isinstance(node, MappingNode) else None
    return value.location if value is not None else place


def _report(
    problems: list[Problem],
    place: Location,
    message: str,
    hint: str | None = None,
    expected: str | None = None,
) -> None:
    if len(problems) < _MOST_PROBLEMS:
        problems.append(
            msgspec.structs.replace(_problem(place, message), hint=hint, expected=expected)
        )


def _problem(place: Location, message: str) -> Problem:
    return Problem(location=place, code="backtest/label", message=message)
