"""`tapewatch rules explain`."""

import json
from pathlib import Path

import msgspec
import pytest

from delivery.file_sink import FileSink
from delivery.sink import Document
from detections.engine.engine import Engine
from normalizer.events import Alert, Record
from normalizer.events.ecs import nest
from pipeline.units import HOUR, KIB
from tests.cli.command_line import Answer, tapewatch
from tests.cli.golden_file import assert_golden
from tests.detections.explanation.rules import LARGE, MANY, RULES, WASH, rules
from tests.detections.samples import transfer

EXCEPTIONS = """\
exceptions:
  - rules: [large]
    entities: [INV-1]
    owner: jane@example.com
    reason: Omnibus account of the custodian
    expires: 2027-01-31
"""
EVENT = {
    "@timestamp": "2026-01-01T10:00:00Z",
    "event": {"id": "t-1", "action": "token-transfer", "provider": "chain"},
    "token": {"symbol": "ACME", "amount": 250, "amount_raw": "250"},
    "source": {"address": "0x" + "a" * 40},
    "destination": {"address": "0x" + "b" * 40},
    "blockchain": {"chain": {"id": 1}, "block": {"number": 7, "hash": "0xb7"}},
    "investor": {"source": {"id": "INV-1"}},
}
FAST = [
    transfer(number * 1_000, amount=500.0 + number, source_investor="INV-7", token_symbol="ACME")
    for number in range(1, 4)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "event.json").write_text(json.dumps(EVENT, indent=2))
    return tmp_path


def run(folder: Path, *arguments: str, stdin: bytes | None = None) -> Answer:
    return tapewatch(
        "rules", "explain", *arguments, "--rules", "rules.yml", folder=folder, stdin=stdin
    )


def test_an_event_is_held_against_every_rule(folder: Path) -> None:
    (folder / "own.exceptions.yml").write_text(EXCEPTIONS)
    answer = run(folder, "event.json", "--rules", "own.exceptions.yml")
    assert (answer.code, answer.error) == (0, "")
    assert_golden("rules_explain_event.txt", answer.out)


def test_one_rule_is_shown_even_where_it_was_ruled_out(folder: Path) -> None:
    trade = b'{"@timestamp":"2026-01-01T10:00:00Z","event.action":"trade"}'
    answer = run(folder, "-", "--rule", "Large transfer", stdin=trade)
    assert answer.code == 0, answer
    assert_golden("rules_explain_ruled_out.txt", answer.out)


def test_a_misspelt_field_of_the_event_is_pointed_out(folder: Path) -> None:
    event = EVENT | {"token": {"symbol": "ACME", "amuont": 250, "amount_raw": "250"}}
    answer = run(folder, "-", "--rule", "large", stdin=json.dumps(event).encode())
    assert "token.amount: at least 100 (missing); did you mean token.amuont: 250?" in answer.out


def test_an_event_may_be_a_line_of_a_file(folder: Path) -> None:
    small = EVENT | {"token": {"amount": 1, "amount_raw": "1"}}
    lines = [json.dumps(small), json.dumps(EVENT)]
    (folder / "events.ndjson").write_text("\n".join(lines))
    found = [json.loads(run(folder, f"events.ndjson:{n}", "--json").out) for n in (1, 2)]
    verdicts = [one["rules"][0]["verdict"] for one in found]
    assert verdicts == ["not matched", "matched"]
    several = run(folder, "events.ndjson")
    assert (several.code, several.out) == (2, "")
    assert "events.ndjson holds several events: say which one, as events.ndjson:12" in several.error
    beyond = run(folder, "events.ndjson:3")
    assert (beyond.code, "events.ndjson has no line 3" in beyond.error) == (2, True)


async def write_out(folder: Path, records: list[Record | Alert]) -> None:
    """As the file sink writes them."""
    sink = FileSink("files", folder, rotate_size=64 * KIB, rotate_after=HOUR, sync="never")
    await sink.open()
    for record in records:
        document = Document(
            content="alerts" if isinstance(record, Alert) else "events",
            id=record.id,
            timestamp=record.timestamp,
            source=record.provider,
            position="EVENTS/1/0",
            body=msgspec.json.encode(nest(record)),
        )
        await sink.deliver([document])
    await sink.close()


async def test_an_alert_is_explained_by_its_rule_and_its_events(folder: Path) -> None:
    alerts = Engine(rules()).process(FAST)
    await write_out(folder / "out", [*FAST, *alerts])
    by_rule = {alert.rule_id: alert for alert in alerts}
    for rule, name in ((LARGE, "sigma"), (MANY, "correlation")):
        alert_id = by_rule[rule].id
        answer = run(folder, alert_id[:16], "--out", "out")
        assert answer.code == 0, answer
        assert_golden(f"rules_explain_alert_{name}.txt", answer.out.replace(alert_id, "ID"))
    found = json.loads(run(folder, by_rule[MANY].id, "--out", "out", "--json").out)
    assert found["group"] == [["investor.source.id", "INV-7"]]
    assert [step["event_id"] for step in found["steps"]] == [event.id for event in FAST]


async def test_an_alert_in_a_file_is_explained_without_its_events(folder: Path) -> None:
    (alert,) = Engine(rules()).process(FAST[:1])
    (folder / "alert.json").write_bytes(msgspec.json.encode(nest(alert)))
    answer = run(folder, "alert.json")
    assert answer.code == 0, answer
    assert "Look for what the wallet did before." in answer.out
    assert "transfer-1000 (not here)" in answer.out


def test_an_alert_in_a_file_is_explained_with_the_events_in_a_file(folder: Path) -> None:
    (folder / "events.ndjson").write_text(f"{json.dumps(EVENT)}\nno event\n")
    ran = tapewatch("detect", "--rules", "rules.yml", "--events", "events.ndjson", folder=folder)
    (folder / "alerts.ndjson").write_text(ran.out)
    answer = run(folder, "alerts.ndjson:1", "--events", "events.ndjson")
    assert (answer.code, answer.error) == (0, "")
    assert "(not here)" not in answer.out
    assert "a transfer of 250 ACME" in answer.out
    assert "its condition, on this event" in answer.out
    gone = run(folder, "alerts.ndjson:1", "--events", "nowhere.ndjson")
    assert gone.code == 2
    assert gone.error == "error: can't read nowhere.ndjson: No such file or directory\n"


def test_what_cannot_be_explained_is_told(folder: Path) -> None:
    (folder / "bad.json").write_text('{"@timestamp": "soon"}')
    (folder / "empty.json").write_text("\n")
    for arguments, code, said in (
        (["nothing"], 2, 'there is no file "nothing"; if it is an alert\'s id, say with --out'),
        (["nothing", "--out", "out"], 1, "holds no alerts"),
        (["nothing.json:1"], 2, "can't read nothing.json: No such file"),
        (["bad.json"], 2, "bad.json: @timestamp isn't a time"),
        (["empty.json"], 2, "empty.json is empty"),
        (["."], 2, "can't read .: Is a directory"),
        ([""], 2, "say an event: a file of one, or FILE:LINE"),
        (
            ["rules.yml"],
            2,
            "rules.yml is a file of rules: say them by --rules, and an event before them",
        ),
        (["event.json", "--rule", "larg"], 2, 'no rule is called "larg"; did you mean "large"?'),
    ):
        answer = run(folder, *arguments)
        assert (answer.code, answer.out) == (code, ""), answer
        assert said in answer.error


@pytest.mark.parametrize("called", ["large", "Large", "large transfer", LARGE, "sent"])
def test_one_rule_is_called_as_everywhere(folder: Path, called: str) -> None:
    (folder / "sent.yml").write_text(RULES.split("---")[0].replace(LARGE, WASH))
    rules = "sent.yml" if called == "sent" else "rules.yml"
    arguments = ("event.json", "--rule", called, "--rules", rules)
    answer = tapewatch("rules", "explain", *arguments, folder=folder)
    assert (answer.code, answer.error) == (0, "")
    assert "1 rule: 1 matched" in answer.out


def test_rules_that_are_wrong_are_told_as_by_the_check(folder: Path) -> None:
    (folder / "rules.yml").write_text(RULES.replace("level: high", "level: hihg", 1))
    answer = run(folder, "event.json")
    assert answer.code == 2
    assert "did you mean high?" in answer.error


def test_a_document_of_others_is_explained_too(folder: Path) -> None:
    event = {"@timestamp": "2026-01-01T10:00:00Z", "process": {"name": "cmd.exe"}}
    answer = run(folder, "-", stdin=json.dumps(event).encode())
    assert answer.code == 0, answer
    assert "an event without event.action" in answer.out
    assert "correlators see records of ours only" in answer.out


def test_how_sure_it_is_and_would_be_by_itself_is_told_of_a_calibrated_rule(folder: Path) -> None:
    """Of an event's alert that would come, and of one that came; for people and for machines."""
    (folder / "rules.yml").write_text(
        RULES.split("---")[0] + "calibration: {judged: 20, right: 5, said: 0.5}\n"
    )
    (folder / "line.ndjson").write_text(json.dumps(EVENT))
    detected = tapewatch(
        "detect", "--rules", "rules.yml", "--events", "line.ndjson", "--flat", folder=folder
    )
    (folder / "alert.json").write_text(detected.out)
    says = json.loads(detected.out)["surveillance.confidence"]

    of_event = json.loads(run(folder, "event.json", "--json").out)["rules"][0]["confidence"]
    of_alert = json.loads(run(folder, "alert.json", "--json").out)["confidence"]

    assert of_event == of_alert
    assert (of_alert["says"], of_alert["judged"], of_alert["right"]) == (says, 20, 5)
    assert of_alert["by_itself"] > says
    told = f"confidence: {says:g}; {of_alert['by_itself']:.2f} by the rule itself"
    assert told in run(folder, "event.json").out
    assert told in run(folder, "alert.json").out


def test_nothing_is_told_of_a_calibration_where_the_rule_has_none(folder: Path) -> None:
    found = json.loads(run(folder, "event.json", "--json").out)
    assert {one["confidence"] for one in found["rules"]} == {None}
