"""Events in short form: what is filled in, and what is said of mistakes."""

import msgspec
import pytest

from normalizer.events.chain import TokenTransfer
from normalizer.events.market import Trade
from pipeline.problems import ProblemsFound
from pipeline.units import HOUR, MINUTE, SECOND
from tests.detections.rule_testing.written import event, read, samples
from tests.detections.samples import START, sigma

TRANSFER = "event.action: token-transfer"
FOREIGN = sigma("  s: {process.name: cmd.exe}\n  condition: s", product="windows")


def test_what_a_record_needs_is_filled_in_so_that_one_can_read_it() -> None:
    found = event(f"{{{TRANSFER}, token.amount: 1.5}}")
    assert isinstance(found, TokenTransfer)
    assert found.id == "event-1"
    assert found.amount_raw == "1500000000000000000"
    assert found.block_number == 1
    assert found.source_address.endswith("cafe")
    assert found.provider == "test"
    assert found.timestamp == found.ingested == START


def test_what_is_filled_in_is_the_same_every_time() -> None:
    text = f"{{{TRANSFER}}}, {{event.action: trade}}"
    assert msgspec.json.encode([s.event for s in samples(text)]) == msgspec.json.encode(
        [s.event for s in samples(text)]
    )


def test_defaults_are_for_the_kinds_of_event_that_have_them() -> None:
    defaults = f"{{{TRANSFER}, token.symbol: ACME, source.address: '0xa', market.venue: v}}"
    transfer, trade = samples("{}, {event.action: trade}", defaults=defaults)
    assert isinstance(transfer.event, TokenTransfer)
    assert (transfer.event.token_symbol, transfer.event.source_address) == ("ACME", "0xa")
    assert isinstance(trade.event, Trade)
    assert (trade.event.token_symbol, trade.event.venue) == ("ACME", "v")


def test_null_undoes_a_default() -> None:
    found = event("{token.symbol: null}", defaults=f"{{{TRANSFER}, token.symbol: ACME}}")
    assert found.token_symbol is None


def test_names_may_be_nested_and_single_values_stand_for_lists() -> None:
    found = event("{event: {action: token-transfer}, investor: {source: {labels: custodian}}}")
    assert found.source_labels == ("custodian",)


def test_an_exact_number_may_be_written_as_a_number() -> None:
    found = event(f"{{{TRANSFER}, token.amount_raw: 340282366920938463463374607431768211456}}")
    assert found.amount_raw == "340282366920938463463374607431768211456"


@pytest.mark.parametrize("amount", ["1e400", ".inf", ".nan", "1e80", "9" * 90])
def test_any_number_may_be_an_amount(amount: str) -> None:
    assert event(f"{{{TRANSFER}, token.amount: {amount}}}").id == "event-1"


def test_events_come_in_the_order_of_their_times() -> None:
    found = samples(f"{{{TRANSFER}, at: 5m}}, {{{TRANSFER}, at: 90s}}, {{{TRANSFER}}}")
    assert [(s.id, s.timestamp - START) for s in found] == [
        ("event-3", 0),
        ("event-2", 90 * SECOND),
        ("event-1", 5 * MINUTE),
    ]


def test_with_an_allowed_lateness_they_come_as_they_are_written() -> None:
    events = f"{{{TRANSFER}, at: 5m}}, {{{TRANSFER}}}"
    found = samples(events, more="allowed_lateness: 10m")
    assert [s.id for s in found] == ["event-1", "event-2"]


def test_repeated_events_are_numbered_in_their_texts_and_lists() -> None:
    found = samples(
        f"{{{TRANSFER}, at: 1h, repeat: 3, every: 10m, investor.source.id: 'INV-{{n}}', "
        "tags: ['{n}', x]}"
    )
    assert [s.id for s in found] == ["event-1", "event-2", "event-3"]
    assert [s.timestamp - START - HOUR for s in found] == [0, 10 * MINUTE, 20 * MINUTE]
    assert [s.event.source_investor for s in found] == ["INV-1", "INV-2", "INV-3"]  # pyright: ignore
    assert found[2].event.tags == ("3", "x")  # pyright: ignore


def test_events_of_one_time_keep_the_order_in_which_they_are_written() -> None:
    found = samples(", ".join([f"{{{TRANSFER}}}"] * 12))
    assert [s.id for s in found] == [f"event-{number}" for number in range(1, 13)]
    assert [s.event.sequence for s in found] == list(range(1, 13))  # pyright: ignore


def test_a_source_that_states_sequences_keeps_them() -> None:
    found = samples(
        f"{{{TRANSFER}, event.provider: a, event.sequence: 7}}, {{{TRANSFER}, event.provider: a}}, "
        f"{{{TRANSFER}, event.provider: b}}"
    )
    assert [s.event.sequence for s in found] == [None, 7, 3]  # pyright: ignore


def test_a_test_begins_when_it_says() -> None:
    day, moment = (
        event(f"{{{TRANSFER}}}", more=f"as_of: {text}").timestamp
        for text in ("2026-01-02", "2026-01-01T02:00:00.5+01:00")
    )
    assert day - START == 24 * HOUR
    assert moment - START == HOUR + SECOND // 2


def test_any_document_is_an_event_of_a_rule_for_others() -> None:
    (first, second) = samples(
        "{process.name: cmd.exe, user: {name: eve}}, {at: 5s, event.action: started, a: [{b: 1}]}",
        defaults="{host.name: pc}",
        rules=FOREIGN,
    )
    assert first.event == {
        "process.name": "cmd.exe",
        "user.name": "eve",
        "host.name": "pc",
        "event.id": "event-1",
        "@timestamp": START,
    }
    assert isinstance(second.event, dict)
    assert second.event["a.b"] == 1
    assert second.timestamp == START + 5 * SECOND


def test_an_event_of_ours_is_a_record_beside_a_rule_for_others_too() -> None:
    assert isinstance(event(f"{{{TRANSFER}}}", rules=FOREIGN), TokenTransfer)


@pytest.mark.parametrize(
    ("written", "message", "place"),
    [
        ("{event.action: token-tranfer}", "event.action is never", "event.action"),
        ("{token.amount: 1}", "event.action is missing", "{"),
        (f"{{{TRANSFER}, token.amuont: 1}}", "has no field", "token.amuont"),
        (f"{{{TRANSFER}, token: {{amuont: 1}}}}", "has no field", "amuont"),
        (f"{{{TRANSFER}, token.amount: lots}}", "token.amount holds a number", "token.amount"),
        (f"{{{TRANSFER}, at: soon}}", "at or every", "soon"),
        (f"{{{TRANSFER}, at: 5}}", "at or every", "5"),
        (f"{{{TRANSFER}, every: [1]}}", "at or every", "["),
        (f"{{{TRANSFER}, repeat: 0}}", "repeat is wrong", "0"),
        (f"{{{TRANSFER}, repeat: 999, every: 5200w}}", "time is out of range", "{"),
        (f"{{{TRANSFER}, token.amount: [1]}}", "token.amount holds a number", "token.amount"),
        (f"{{{TRANSFER}, repeat: true}}", "repeat is wrong", "true"),
    ],
)
def test_a_mistake_in_an_event_is_said_at_its_place(written: str, message: str, place: str) -> None:
    with pytest.raises(ProblemsFound) as raised:
        samples(written)
    (problem,) = raised.value.problems
    assert message in problem.message
    assert problem.location.line == 4
    assert problem.context is not None
    start = problem.context.start
    assert problem.context.text[start : start + problem.context.length] == place


def test_all_mistakes_of_a_file_are_said_at_once() -> None:
    text = """\
tests:
  - name: it
    events: [{event.action: tarde}]
    alerts: [{event.resaon: x, rule: nobody}]
    as_of: soon
  - name: it
    events: [{event.action: trade}]
    alerts: []
    untill: 1h
"""
    with pytest.raises(ProblemsFound) as raised:
        read(text)
    said = {(p.location.line, p.message.partition(" (")[0], p.hint) for p in raised.value.problems}
    assert said == {
        (3, 'event.action is never "tarde"', "trade"),
        (4, 'an alert has no field "event.resaon"', "event.reason"),
        (4, 'no rule here is called "nobody"', None),
        (5, '"soon" is no day or time', None),
        (9, 'the key "untill" isn\'t known here', "until"),
    }


def test_all_unknown_fields_of_an_event_are_said_at_once() -> None:
    written = "{event.action: trade, evry: 5s, market.trade.id: x, market.vneue: y}"
    text = f"tests:\n  - name: it\n    events: [{written}]\n    alerts: []\n"
    with pytest.raises(ProblemsFound) as raised:
        read(text)
    assert [p.hint for p in raised.value.problems] == ["every", "market.venue"]
