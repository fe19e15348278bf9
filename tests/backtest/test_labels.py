"""Labels: whether an alert belongs to one, and files of them in three forms."""

import pytest

from detections.backtest.label_files import read_labels
from detections.backtest.label_slips import label_slips
from detections.backtest.labels import Label, Labels
from normalizer.events import Alert
from pipeline.problems import Location, Problem, ProblemsFound
from pipeline.units import DAY, HOUR
from tests.backtest.samples import CORRELATION, LARGE, OFTEN, RULE, START, rules

PLACE = Location("labels.yml", 1, 1)
RULES = rules(RULE, CORRELATION).rules


def alert(**more: object) -> Alert:
    fields: dict[str, object] = {
        "id": "a",
        "timestamp": START + HOUR,
        "created": START,
        "ended": START + HOUR,
        "provider": "chain",
        "severity": 47,
        "risk_score": 47.0,
        "reason": "",
        "message": "",
        "rule_id": LARGE,
        "rule_name": "",
        "rule_version": "",
        "rule_hash": "",
        "level": "medium",
        "typology": "large_transfers",
        "entities": ("INV-0001",),
        "related_user": ("0xAB",),
        "evidence_events": ("event-1", "event-2"),
    }
    return Alert(**(fields | more))  # type: ignore[arg-type]


def belongs(label: Label, **more: object) -> bool:
    return Labels([label], RULES).matching(alert(**more), LARGE) == [0]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Label(location=PLACE, events=frozenset({"event-2"})), True),
        (Label(location=PLACE, events=frozenset({"event-3"})), False),
        (Label(location=PLACE, entities=frozenset({"inv-0001"})), True),
        (Label(location=PLACE, entities=frozenset({"0xab"})), True),
        (Label(location=PLACE, entities=frozenset({"inv-0002"})), False),
        (Label(location=PLACE, since=START + HOUR), True),
        (Label(location=PLACE, since=START + HOUR + 1), False),
        (Label(location=PLACE, until=START + 1), True),
        (Label(location=PLACE, until=START), False),
        (Label(location=PLACE, since=START - DAY, until=START + DAY), True),
        (Label(location=PLACE, rule="large", since=START), True),
        (Label(location=PLACE, rule=LARGE, since=START), True),
        (Label(location=PLACE, rule="large transfer", since=START), True),
        (Label(location=PLACE, rule="often", since=START), False),
        (Label(location=PLACE, typology="large_transfers", since=START), True),
        (Label(location=PLACE, typology="structuring", since=START), False),
        (Label(location=PLACE, entities=frozenset({"inv-0001"}), events=frozenset({"x"})), False),
    ],
)
def test_an_alert_belongs_to_a_label_that_fits_in_all_it_says(label: Label, expected: bool) -> None:
    assert belongs(label) is expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b",0x00000000000000000000000000000000000000AA", True),  # a token, by its address
        (b",acme", True),
        (b",ACME-USDC", True),
        (b",0x00000000000000000000000000000000000000bb", False),
        (b"0xDDDD,", True),  # a transaction
        (b"0xdddd:0,", True),  # a trade
        (b"0xAbC:1,", True),  # another, as its venue writes it
        (b"0xddde,", False),
    ],
)
def test_what_is_published_of_tokens_and_transactions_labels_alerts(
    row: bytes, expected: bool
) -> None:
    (label,) = read_labels(b"events,entities\n" + row + b"\n", "labels.csv")
    about = {
        "token_id": "acme",
        "token_address": "0x00000000000000000000000000000000000000aa",
        "instrument": "ACME-USDC",
        "evidence_transactions": ("0xdddd",),
        "evidence_trades": ("0xdddd:0", "0xAbC:1"),
    }
    assert belongs(label, **about) is expected


def test_labels_of_no_rule_here_are_left_out() -> None:
    labels = Labels(
        [
            Label(location=PLACE, rule="another", since=1),
            Label(location=PLACE, typology="spoofing", since=1),
            Label(location=PLACE, rule="often", since=1),
        ],
        RULES,
    )

    assert [one.rule for one in labels.used] == ["often"]
    assert len(labels.left_out) == 2
    assert labels.concerns(labels.used[0], {rule.id: rule for rule in RULES if rule.id == OFTEN})
    assert not labels.concerns(
        labels.used[0], {rule.id: rule for rule in RULES if rule.id == LARGE}
    )


YAML = b"""\
labels:
  - typology: large_transfers
    entities: [INV-0001, "0xAB"]
    from: 2026-01-01T10:00:00Z
    to: 2026-01-02
    note: case 7
  - label: false
    id: seven
    rule: large
    events: [event-1]
"""
NDJSON = (
    b'{"typology": "large_transfers", "entities": ["INV-0001", "0xAB"], '
    b'"from": "2026-01-01T10:00:00Z", "to": "2026-01-02", "note": "case 7"}\n'
    b'\n{"label": false, "id": "seven", "rule": "large", "events": ["event-1"]}\n'
)
CSV = b"""\
label,id,rule,typology,entities,from,to,events,note
true,,,large_transfers,INV-0001;0xAB,2026-01-01T10:00:00Z,2026-01-02,,case 7
,,,,,,,,
no,seven,large,,,,,event-1,
"""


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (YAML, "l.yml"),
        (NDJSON, "l.ndjson"),
        (CSV, "l.csv"),
        (YAML, "l.yaml"),
        (b"\xef\xbb\xbf" + NDJSON, "l.ndjson"),
        (b"\xef\xbb\xbf" + CSV, "l.csv"),
    ],
)
def test_three_forms_say_the_same(data: bytes, name: str) -> None:
    first, second = read_labels(data, name)

    assert first.right
    assert not second.right
    assert first.entities == {"inv-0001", "0xab"}
    assert first.since == START + 10 * HOUR
    assert first.until == START + 2 * DAY, "a day as an end is meant to its end"
    assert first.note == "case 7"
    assert (second.id, second.rule, second.events) == ("seven", "large", {"event-1"})
    assert (first.location.file, second.location.file) == (name, name)
    assert 0 < first.location.line < second.location.line


@pytest.mark.parametrize(
    ("data", "name", "place", "said"),
    [
        (b"labels:\n  - {rule: a}\n", "l.yml", "l.yml:2:5", "what it is about"),
        (b"labels:\n  - {entity: a}\n", "l.yml", "l.yml:2:6", "entity"),
        (b"labels:\n  - {from: soon}\n", "l.yml", "l.yml:2:12", "isn't a time"),
        (b"labels:\n  - {from: 2026-01-02, to: 2026-01-01}\n", "l.yml", "l.yml:2:28", "after"),
        (b"labels: 3\n", "l.yml", "l.yml:1:9", "the number 3 can't stand here"),
        (b"labels:\n  - 3\n", "l.yml", "l.yml:2:5", "the number 3 can't stand here"),
        (b"\n{nonsense\n", "l.ndjson", "l.ndjson:2:1", "isn't a label"),
        (b'{"rul": "a"}\n', "l.ndjson", "l.ndjson:1:2", "rul"),
        (b'{"from": 3}\n', "l.ndjson", "l.ndjson:1:2", 'can\'t be the value of "from"'),
        (b'{"rule":"a","rule":"b"}\n', "l.ndjson", "l.ndjson:1:13", "given twice"),
        (b"\xff\n", "l.ndjson", "l.ndjson:1:1", "isn't a label"),
        (b"label,entitis\ntrue,a\n", "l.csv", "l.csv:1:7", '"entitis" is no column'),
        (b"label,address\ntrue,a\n", "l.csv", "l.csv:1:7", '"address" is no column'),
        (b"label;entities\ntrue;a\n", "l.csv", "l.csv:1:1", "separated by semicolons"),
        (b"label,entities\nmaybe,a\n", "l.csv", "l.csv:2:1", '"maybe" is no label'),
        (b"label,entities\ntrue,a,b\n", "l.csv", "l.csv:2:1", "3 values for 2 columns"),
        (b'entities\n"a\n', "l.csv", "l.csv:", "isn't CSV"),
        (b"label,entities\ntrue,\xe9\n", "l.csv", "l.csv:2:6", "the byte 0xe9 isn't UTF-8"),
        (b"", "l.csv", "l.csv:1:1", "the file is empty"),
        (b"label,entities,label\n", "l.csv", "l.csv:1:16", "label is there twice"),
        ("label,entities\n".encode("utf-16"), "l.csv", "l.csv", "is in UTF-16, not in UTF-8"),
        (YAML.decode().encode("utf-16"), "l.yml", "l.yml", "is in UTF-16, not in UTF-8"),
        (
            NDJSON.decode().encode("utf-16-le"),
            "l.ndjson",
            "l.ndjson",
            "is in UTF-16LE, not in UTF-8",
        ),
        (b"", "l.txt", "l.txt", "isn't a file of labels"),
    ],
)
def test_mistakes_are_told_by_place(data: bytes, name: str, place: str, said: str) -> None:
    with pytest.raises(ProblemsFound) as raised:
        read_labels(data, name)

    (problem,) = raised.value.problems
    assert str(problem.location).startswith(place)
    assert said in problem.message


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    with pytest.raises(ProblemsFound) as raised:
        read_labels(b"labels:\n  - {rule: a}\n  - {from: soon}\n  - {x: 1}\n", "l.yml")

    assert [one.location.line for one in raised.value.problems] == [2, 3, 4]


def slips(csv: bytes) -> list[tuple[str, str, str | None]]:
    found = label_slips(Labels(read_labels(csv, "l.csv"), RULES))
    assert all(one.severity == "warning" for one in found)
    return [(str(one.location), one.message, one.hint) for one in found]


def test_a_label_with_a_slip_in_a_name_is_told_once_with_what_was_meant() -> None:
    typologies = b"typology,entities\nwash_tradng,a\nwash_tradng,b\nSpoofing,c\nlarge_transfers,d\n"
    assert slips(typologies) == [
        ("l.csv:2:1", 'no rule here has the typology "wash_tradng"', "wash_trading"),
        ("l.csv:4:1", 'no rule here has the typology "Spoofing"', "spoofing"),
    ]
    assert slips(b"rule,entities\nlarg,a\nlarge,b\nzebra,c\n") == [
        ("l.csv:2:1", 'no rule here has the name "larg"', "large")
    ]


def test_a_label_of_a_rule_that_isn_t_run_is_no_slip() -> None:
    assert slips(b"typology,entities\nspoofing,a\nrug_pulls_of_ours,b\n") == []


def test_an_address_with_a_digit_too_few_is_told_and_a_whole_one_in_any_case_is_not() -> None:
    address, more = "0x" + "aB" * 20, "0x" + "cd" * 32
    assert slips(f"entities,events\n{address} acct-1,{more}\n".encode()) == []
    assert slips(f"entities\n{address[:-1]}\n".encode()) == [
        ("l.csv:2:1", f'"{address[:-1].lower()}" is no whole address', None)
    ]


def test_a_list_in_one_name_is_told_for_what_it_is() -> None:
    for text, said in (("acct-1,acct-2", "acct-1,acct-2"), ("['acct-1', 'acct-2']", "['acct-1',")):
        told = [("l.csv:2:1", f'"{said}" is one name with a comma in it', None)]
        assert slips(f'entities\n"{text}"\n'.encode()) == told
        assert slips(f'events\n"{text}"\n'.encode()) == told
    assert slips(b"entities\nacct-1;acct-2 acct-3\n") == []


def test_doubts_about_a_file_of_yaml_are_told() -> None:
    warnings: list[Problem] = []
    text = "labels:\n  - entities: [\u201cINV-1\u201d]\n  - entities: [\u0410CME]\n    rule:\n"
    assert len(read_labels(text.encode(), "l.yml", warnings=warnings)) == 2
    assert [(one.code, one.location.line) for one in warnings] == [
        ("yaml/typographic-quotes", 2),
        ("yaml/look-alike", 3),
        ("config/nothing", 4),
    ]


def test_all_mistakes_of_a_line_of_json_are_told_with_what_was_meant() -> None:
    line = b'{"entites": ["a"], "events": "b", "wallet": "c", "typology": {}, "id": null}'
    with pytest.raises(ProblemsFound) as raised:
        read_labels(b"\n" + line, "l.ndjson")
    found = [
        (p.location.line, p.location.column, p.hint or p.expected) for p in raised.value.problems
    ]
    assert found == [
        (2, 2, "entities"),
        (2, 20, "a list of ids"),
        (2, 35, "entities"),
        (2, 50, "text"),
        (2, 66, "text"),
    ]
