"""Mutated events through the detections, as `tapewatch detect` runs them.

`python -m tests.fuzz.events --count N --seed S`
"""

import json
import random
from functools import cache
from io import BytesIO
from typing import Any

import msgspec

from detections.engine.engine import Engine
from detections.offline import detect
from detections.reading import ReadEvent, read_event
from detections.rules import RuleSet
from detections.rules.loading import rules_of
from normalizer.events.ecs import nest
from pipeline.problems import Problem, render
from pipeline.yaml_source import parse_bytes
from tests.detections.samples import Tape, swap, transfer
from tests.fuzz.corpus import BASES, COMPANIONS, our_rules, rule_texts
from tests.fuzz.mutation import mutate_bytes, mutate_structure
from tests.fuzz.watching import Case, main

PER_CASE = 500
_FOREIGN: tuple[dict[str, Any], ...] = (
    {
        "@timestamp": "2026-01-01T00:00:00.123456789Z",
        "event": {"id": "f-1", "action": "logon", "category": ["authentication"]},
        "CommandLine": "powershell -enc AAAA",
        "Image": "C:\\Windows\\System32\\cmd.exe",
        "ParentImage": "c:\\windows\\explorer.exe",
        "SourceIp": "10.1.2.3",
        "Hour": "2026-01-01T05:00:00+02:00",
        "User": "System",
        "TargetUser": "joe",
        "Payload": "ZgBvAG8A",
        "EventID": 4688,
    },
    {"@timestamp": 1_767_225_600_000_000_000, "list": [{"a": 1}, {"a": [2, None]}, "evil"]},
)


@cache
def samples() -> tuple[dict[str, Any], ...]:
    """Sound events, nested and with dotted names."""
    tape = Tape()
    records: list[Any] = [
        transfer(1, transfer_type="mint", token_symbol="ACME"),
        transfer(2, source_labels=("custodian",), amount=5e6),
        swap(3),
        tape.placed(1, "o-1", "buy", 100.0, 5.0),
        tape.changed(2, "o-1", 3.0),
        tape.cancelled(3, "o-1"),
        tape.filled(4, "o-2", "sell"),
        tape.trade(5, 101.5, 7.0),
        tape.snapshot(6, bid_prices=(99.0,), bid_quantities=(5.0,)),
        tape.update(7, ask_prices=(101.0,), ask_quantities=(0.0,)),
        tape.gap(8),
    ]
    nested = [json.loads(msgspec.json.encode(nest(record))) for record in records]
    flat = [json.loads(msgspec.json.encode(record)) for record in records]
    return (*nested, *flat, *_FOREIGN)


@cache
def sample_lines() -> tuple[ReadEvent, ...]:
    """The sound events, read."""
    return tuple(read_event(json.dumps(one).encode()) for one in samples())


@cache
def everything() -> RuleSet:
    """Rules of all kinds together."""
    correlated = [text for text in rule_texts() if b"correlation:" in text]
    texts = [BASES, *COMPANIONS["filter.yml"], *our_rules(), *correlated[:9]]
    files = {f"{number}.yml": text for number, text in enumerate(texts)}
    files["a.lists.yml"] = COMPANIONS["a.lists.yml"][0]
    files["a.exceptions.yml"] = COMPANIONS["a.exceptions.yml"][0]
    files["foreign.yml"] = next(text for text in rule_texts() if b"title: Foreign" in text)
    return rules_of([parse_bytes(text, name=name) for name, text in files.items()])


def make(chance: random.Random) -> Case:
    """Some lines, most of them broken, and their way through the rules."""
    data = b"\n".join(_line(chance) for _ in range(PER_CASE))
    lateness = chance.choice((0, 10**9, 10**15))
    as_stream = chance.random() < 0.5
    return {"events.ndjson": data}, lambda: run(data, lateness, as_stream=as_stream)


def run(data: bytes, lateness: int, *, as_stream: bool) -> None:
    """Detect, and write the alerts. Raises only what must never be raised."""
    problems: list[Problem] = []
    engine = Engine(everything(), allowed_lateness=lateness)
    lines = BytesIO(data) if as_stream else data.split(b"\n")
    for alert in detect(engine, lines, name="events.ndjson", report=problems.append):
        msgspec.json.encode(nest(alert))
    failed = [problem for problem in problems if problem.code == "detect/rule-failed"]
    assert not failed, render(failed)
    render(problems)


def _line(chance: random.Random) -> bytes:
    event = chance.choice(samples())
    kind = chance.randrange(6)
    if kind >= 1:
        event = mutate_structure(event, chance, samples())
    try:
        text = json.dumps(event, ensure_ascii=chance.random() < 0.5)
    except (ValueError, RecursionError):
        return b"{}"
    line = text.encode("utf-8", "surrogatepass")
    if kind <= 2:
        line = mutate_bytes(line, chance, [b'{"a": [1, 2.5e400, "\\ud800"]}', line])
    return line.replace(b"\n", b" ")


if __name__ == "__main__":
    main(make, "events", per_case=PER_CASE)
