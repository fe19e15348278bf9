"""Detections over NDJSON without a bus."""

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.offline import detect
from detections.reading import own_record
from detections.rules import RuleSet
from normalizer.events import Alert
from normalizer.events.rule_set import RulesChanged
from pipeline.problems import Problem
from tests.detections.random_records import all_actions, records
from tests.detections.samples import START, Tape, correlator, sigma, transfer
from tests.fixtures.shipped_rules import shipped_rules

RULE = sigma("  s: {event.action: token-transfer, token.amount|gte: 5}\n  condition: s")


def run(rules: RuleSet, lines: list[bytes]) -> tuple[list[Alert], list[Problem]]:
    problems: list[Problem] = []
    alerts = list(detect(rules, lines, name="events.ndjson", report=problems.append))
    return alerts, [problem for problem in problems if problem.severity == "error"]


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return tree


def test_dotted_and_nested_events_give_the_same_alerts() -> None:
    event = transfer(amount=7.0, source_labels=("a", "b"))
    flat = json.loads(msgspec.json.encode(event))
    deep = nested(flat)
    deep["@timestamp"] = "2026-01-01T00:00:00.001000000Z"
    alerts, problems = run(RULE, [json.dumps(flat).encode()])
    again, more = run(RULE, [json.dumps(deep).encode()])
    assert problems == more == []
    assert alerts == again
    assert alerts[0].timestamp == START + 1_000_000


def test_correlators_see_our_events() -> None:
    tape = Tape()
    lines = [
        msgspec.json.encode(tape.trade(n, 10, 5, buyer_account="a", seller_account="a"))
        for n in range(2)
    ]
    assert all(b"event.dataset" not in line for line in lines)
    for number, line in enumerate(lines):  # the data set is its class's default and left out
        lines[number] = line[:-1] + b',"event.dataset":"tapewatch.venue"}'
    alerts, problems = run(
        correlator("wash_trading", "{pattern: self_trade, minimum_trades: 2}"), lines
    )
    assert problems == []
    assert len(alerts) == 1


def test_any_other_ecs_document_meets_the_sigma_rules() -> None:
    document = {
        "@timestamp": "2026-01-01T00:00:00Z",
        "event": {"action": "token-transfer"},
        "token": {"amount": 9},
    }
    line = json.dumps(document).encode()
    alerts, problems = run(RULE, [line, b"", b"  \n", line + b"\n"])
    assert problems == []
    assert len(alerts) == 1, "the same line is the same event"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "this isn't JSON"),
        (b"[1]", "this isn't a JSON object"),
        (b"[1]", "write each event on a line of its own, such as by `jq -c '.[]'`"),
        (b"null", "this isn't a JSON object"),
        (
            b'{"transact_time": 1, "exec_type": "new"}',
            "a line of an order log: say those by --order",
        ),
        (b"transact_time,exec_type,symbol", "a line of an order log: say those by --order-log"),
        (b"symbol;transact_time;exec_type", "a line of an order log: say those by --order-log"),
        (b"\xff\xfe", "this isn't JSON"),
        (b"{}", "@timestamp is missing"),
        (b'{"@timestamp": "yesterday"}', "@timestamp isn't a time"),
        (b'{"@timestamp": "02.03.2026 14:30"}', "expected such as 2026-01-31T14:30:00Z"),
        (b'{"@timestamp": true}', "@timestamp isn't a time"),
        (
            b'{"@timestamp": 1, "event.dataset": "tapewatch.x", "event.action": "nonsense"}',
            "no event of ours",
        ),
        (
            b'{"@timestamp": 1, "event.dataset": "tapewatch.evm", "event.action": "trade"}',
            "missing required field",
        ),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, "nested"),
    ],
)
def test_a_bad_line_is_reported_with_its_place_and_stops_nothing(line: bytes, message: str) -> None:
    good = json.dumps(
        {"@timestamp": 1, "event.action": "token-transfer", "token.amount": 9}
    ).encode()
    alerts, problems = run(RULE, [b"", line, good])
    assert len(alerts) == 1
    (problem,) = problems
    assert (problem.location.file, problem.location.line) == ("events.ndjson", 2)
    assert message in problem.message


def test_each_bad_line_is_reported_for_whoever_counts_them() -> None:
    alerts, problems = run(
        RULE, [b"nothing"] * 5_000 + [msgspec.json.encode(transfer(1, amount=9.0))]
    )
    assert len(alerts) == 1
    assert [problem.location.line for problem in problems] == list(range(1, 5_001))


@pytest.mark.parametrize(
    ("time", "unit"),
    [
        (1_767_225_600, "seconds"),
        (1_767_225_600_000, "milliseconds"),
        (1_767_225_600_000_000, "microseconds"),
    ],
)
def test_a_time_in_another_unit_is_taken_for_nanoseconds_and_told_once(
    time: int, unit: str
) -> None:
    line = msgspec.json.encode({"event.action": "login", "@timestamp": time})
    problems: list[Problem] = []
    list(detect(RULE, [line] * 50, name="events.ndjson", report=problems.append))
    (problem,) = problems
    assert (str(problem.location), problem.severity) == ("events.ndjson:1:1", "warning")
    assert f"@timestamp is {time}: a number counts nanoseconds" in problem.message
    assert "so this is 1970-01-" in problem.message
    assert f"if these are {unit}" in problem.message


@pytest.mark.parametrize("time", [0, 1, 5_000, START, "2026-01-31T14:30:00Z", -1])
def test_a_time_that_may_be_meant_so_is_taken_without_a_word(time: Any) -> None:
    line = msgspec.json.encode({"event.action": "login", "@timestamp": time})
    problems: list[Problem] = []
    list(detect(RULE, [line], name="events.ndjson", report=problems.append))
    assert problems == []


def test_the_column_of_a_syntax_error_is_said() -> None:
    _, problems = run(RULE, [b'{"a": 1, x}'])
    assert problems[0].location.column > 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutation_of_an_event_brings_a_traceback(data: st.DataObject) -> None:
    line = msgspec.json.encode(transfer(amount=7.0, dataset="tapewatch.evm"))
    line = line[:-1] + b',"event.dataset":"tapewatch.evm"}'
    at = data.draw(st.integers(0, len(line)))
    cut = data.draw(st.integers(0, 20))
    new = data.draw(
        st.sampled_from([b"", b'"', b"{", b"]", b"null", b"-1e999", b"\xff", b"1" * 50])
    )
    alerts, problems = run(RULE, [line[:at] + new + line[at + cut :]])
    assert len(alerts) + len(problems) <= 1


def test_an_event_of_ours_that_lacks_something_meets_the_sigma_rules() -> None:
    problems: list[Problem] = []
    line = b'{"@timestamp": 1, "event.action": "token-transfer", "token.amount": 9}'
    assert len(list(detect(RULE, [line], report=problems.append))) == 1
    assert problems == []


def test_an_event_that_a_correlator_can_not_see_is_told() -> None:
    problems: list[Problem] = []
    rules = correlator("wash_trading", "{pattern: self_trade}")
    assert (
        list(detect(rules, [b'{"@timestamp": 1, "event.action": "trade"}'], report=problems.append))
        == []
    )
    (problem,) = problems
    assert problem.severity == "warning"
    assert "missing required field" in problem.message


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_a_line_as_we_write_it_and_one_written_otherwise_give_the_same_alerts(seed: int) -> None:
    events = records(all_actions(), 300, random.Random(seed))
    ours = [msgspec.json.encode(event) for event in events]
    assert [own_record(line) for line in ours if b'"rules-changed"' not in line] == [
        event for event in events if not isinstance(event, RulesChanged)
    ]
    otherwise = [b"{ " + line[1:] for line in ours]
    assert not any(own_record(line) for line in otherwise)
    told: list[list[bytes]] = []
    for lines in (ours, otherwise):
        alerts = detect(shipped_rules(), lines, report=lambda problem: None)
        told.append([msgspec.json.encode(one) for one in alerts])
    assert told[0] == told[1]
    assert told[0]


@pytest.mark.parametrize(
    "more", [b',"acme.desk":"7"}', b',"event.dataset":"tapewatch.venue"}', b',"token.amount":7.0}']
)
def test_a_line_that_says_more_than_we_would_write_is_read_as_it_stands(more: bytes) -> None:
    line = msgspec.json.encode(transfer(amount=7.0))
    assert own_record(line) is not None
    assert own_record(line[:-1] + more) is None


def test_what_an_event_has_no_room_for_is_seen_by_rules_all_the_same() -> None:
    rules = sigma("  s: {market.order.id: '7'}\n  condition: s")
    line = msgspec.json.encode(transfer(amount=7.0))
    more = line[:-1] + b',"market.order.id":"7"}'
    assert [len(run(rules, [one])[0]) for one in (line, more)] == [0, 1]
