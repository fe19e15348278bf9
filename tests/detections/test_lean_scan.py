"""Lines read only as far as the rules need give the alerts of lines read in full."""

import json
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.engine.engine import Engine
from detections.offline import detect
from detections.reading import NotAnEvent, read_event
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from detections.sigma.lean import CannotBeLean, LeanEvents

FIELDS = ["event.action", "user.name", "process.command_line", "source.ip", "token.amount", "tags"]

_SCALAR = st.one_of(
    st.sampled_from(["a", "B", "ab", "AbC", "xaby", "10.1.2.3", "5", "", "token-transfer", "é"]),
    st.integers(-3, 10),
    st.floats(-2, 12, allow_nan=False),
    st.booleans(),
    st.none(),
)
_VALUE = st.one_of(_SCALAR, st.lists(_SCALAR, max_size=3))

_PATTERN = st.one_of(
    st.sampled_from(["a", "b", "AB", "a*", "*b", "*b*", "a?", "token-transfer", "''", "null", "5"]),
    st.integers(-2, 9),
)
_MODIFIER = st.sampled_from(
    ["", "", "|contains", "|startswith", "|endswith", "|cased", "|neq", "|exists", "|gt", "|lte"]
)


@st.composite
def selections(draw: st.DrawFn) -> str:
    items: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        field = draw(st.sampled_from(FIELDS))
        modifier = draw(_MODIFIER)
        if modifier in ("|gt", "|lte"):
            value: Any = draw(st.integers(-2, 9))
        elif modifier == "|exists":
            value = draw(st.sampled_from(["true", "false"]))
        elif modifier in ("|contains", "|startswith", "|endswith", "|cased"):
            value = draw(st.sampled_from(["a", "b", "AB", "xab"]))
        else:
            value = json.dumps(draw(st.lists(st.sampled_from(["a", "AB", "5", "*b*"]), min_size=1)))
        if all(not item.startswith(f"{field}{modifier}:") for item in items):
            items.append(f"{field}{modifier}: {value}")
        del number
    return "{" + ", ".join(items) + "}"


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    documents: list[str] = []
    for number in range(draw(st.integers(1, 30))):
        parts = [draw(selections()) for _ in range(draw(st.integers(1, 3)))]
        if draw(st.integers(0, 5)) == 0:
            keywords = st.sampled_from(["xab", "B*", "token", "5", '"*b?c*"', "AB"])
            parts.append(json.dumps([draw(keywords)]))
        names = [f"s{n}" for n in range(len(parts))]
        condition = draw(
            st.sampled_from(["all of s*", "1 of s*", "s0 and not 1 of s*", "not s0", "s0"])
        )
        lines = [f"  {name}: {part}" for name, part in zip(names, parts, strict=True)]
        documents.append(
            "\n".join(
                [
                    f"title: Rule {number}",
                    f"id: 00000000-0000-4000-8000-{number:012d}",
                    "logsource: {product: other}",
                    "detection:",
                    *lines,
                    f"  condition: {condition}",
                ]
            )
        )
    return parse_rules("\n---\n".join(documents).encode())


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    flat = {name: draw(_VALUE) for name in draw(st.lists(st.sampled_from(FIELDS), unique=True))}
    if draw(st.integers(0, 9)):
        flat["@timestamp"] = draw(st.sampled_from([1, "2026-01-01T00:00:00.5Z", "x"]))
    dotted = draw(st.sets(st.sampled_from([*sorted(flat), "nothing"])))
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        if name in dotted:
            tree[name] = value
            continue
        *path, last = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    if draw(st.integers(0, 9)) == 0:
        tree["user"] = draw(st.sampled_from([[{"name": "a"}, {"name": ["b", None]}], "a", None]))
    identity = f"event-{zlib.crc32(json.dumps(tree).encode())}"  # an id is of one event
    if draw(st.booleans()):
        tree["event.id"] = identity
    else:
        tree.setdefault("event", {})["id"] = identity
    return json.dumps(tree, ensure_ascii=draw(st.booleans())).encode()


def in_full(rules: RuleSet, some: list[bytes]) -> list[bytes]:
    engine = Engine(rules)
    found: list[bytes] = []
    for line in some:
        try:
            read = read_event(line)
        except NotAnEvent:
            continue
        found += map(msgspec.json.encode, engine.process_read(read))
    return found


def as_detected(rules: RuleSet, some: list[bytes]) -> list[bytes]:
    alerts = detect(rules, some, report=lambda problem: None)
    return [msgspec.json.encode(alert) for alert in alerts]


@settings(max_examples=150, deadline=None)
@given(rule_sets(), st.lists(lines(), max_size=20), st.integers(0, 5))
def test_lean_reading_gives_the_same_alerts(rules: RuleSet, some: list[bytes], again: int) -> None:
    some += some[:again]
    assert as_detected(rules, some) == in_full(rules, some)


def test_a_dotted_name_is_never_overlooked() -> None:
    events = LeanEvents(["a.b.c", "x"])
    assert events.decode(b'{"a":{"b":{"c":1}}}')
    for line in (
        b'{"a.b.c":1}',
        b'{"a.b":{"c":1}}',
        b'{"a":{"b.c":1}}',
        b'{"a":{"b.c":null}}',
        b'{"a\\u002eb.c":1}',
    ):
        with pytest.raises(msgspec.ValidationError):
            events.decode(line)


def test_a_field_within_a_field_that_is_named_too_can_not_be_read_so() -> None:
    with pytest.raises(CannotBeLean):
        LeanEvents(["a.b", "a.b.c"])


def test_lines_that_are_too_long_are_told_and_stop_nothing(tmp_path: Any) -> None:
    from detections.reading import LONGEST_LINE

    rules = parse_rules(
        b"title: T\nlogsource: {product: other}\ndetection: {s: {a: x}, condition: s}\n"
    )
    path = tmp_path / "events.ndjson"
    good = b'{"@timestamp":1,"event":{"id":"%d"},"a":"x"}\n'
    path.write_bytes(good % 1 + b'{"a":"' + b"x" * (LONGEST_LINE + 5_000_000) + b'"}\n' + good % 2)
    told: list[str] = []
    with path.open("rb") as file:
        alerts = list(detect(rules, file, report=lambda p: told.append(p.message)))
    assert len(alerts) == 2
    assert len(told) == 1
    assert "longer than" in told[0]


def test_correlations_get_the_same_of_lines_that_only_feed_them() -> None:
    rules = parse_rules(
        b"title: Burst\nid: 00000000-0000-4000-8000-000000000001\nstatus: test\nlevel: high\n"
        b"correlation:\n  type: event_count\n  rules: [login]\n  group-by: [user.name]\n"
        b"  timespan: 10s\n  condition: {gte: 3}\n"
        b"---\ntitle: Login\nname: login\nid: 00000000-0000-4000-8000-000000000002\n"
        b"logsource: {product: other}\n"
        b"detection: {s: {event.action: login}, condition: s}\n"
    )
    some = [
        b'{"@timestamp":"2026-01-01T00:00:%02dZ","event":{"action":"login","id":"%d"},'
        b'"user":{"name":"u%d"}}' % (second, second, second % 2)
        for second in range(12)
    ]
    found = as_detected(rules, some)
    assert len(found) >= 2
    assert found == in_full(rules, some)
