"""Slips in tests: those that would let a test pass for nothing, and how others are told."""

from pathlib import Path

import pytest

from detections.rule_testing import planning
from pipeline.cli.printing import as_text
from pipeline.cli.rule_test_text import failure
from pipeline.problems import Problem, ProblemsFound
from tests.detections.rule_testing.written import event, read, run_one
from tests.detections.rules.documents import HEADER, base, correlation, part, together
from tests.detections.samples import START

TRANSFER = "event.action: token-transfer"
LARGE = "{event.action: token-transfer, token.amount: 9}"


def problems(text: str) -> list[Problem]:
    with pytest.raises(ProblemsFound) as raised:
        read(text)
    return list(raised.value.problems)


def one_test(events: str, alerts: str = "[]", more: str = "") -> str:
    return f"tests:\n  - name: it\n    events: [{events}]\n    alerts: {alerts}\n    {more}\n"


@pytest.mark.parametrize(
    ("events", "last"),
    [(f"{{{TRANSFER}, at: 10m}}", "10m"), (f"{{{TRANSFER}, repeat: 5, every: 2m}}", "8m")],
)
def test_a_test_can_t_end_before_its_last_event(events: str, last: str) -> None:
    (problem,) = problems(one_test(events, more="until: 5m"))
    assert problem.message == f"the test's last event comes at {last}, after this"
    assert problem.expected == "a time after the test's beginning that none of its events is past"
    assert problem.location.line == 5
    assert len(read(one_test(events, more=f"until: {last}"))) == 1


def test_mistakes_in_events_and_alerts_are_said_beside_those_in_their_test() -> None:
    text = one_test(
        "{event.action: tarde}, {event.action: trade, at: soon}",
        "[{event.resaon: x}]",
        "until: 5\n    alert: []",
    )
    said = sorted((one.location.line, one.message) for one in problems(text))
    assert said == [
        (3, "at or every: this isn't a duration"),
        (3, 'event.action is never "tarde"'),
        (4, 'an alert has no field "event.resaon"'),
        (5, '"5": this number has no unit'),
        (6, 'the key "alert" isn\'t known here'),
    ]


def test_all_mistakes_of_an_event_are_said_at_once() -> None:
    event = (
        f"{{{TRANSFER}, at: 5, token.symbl: A, token.amount: ten, token.symbol: 4, "
        "investor.destination.country: IR}"
    )
    assert [(one.message, one.hint) for one in problems(one_test(event))] == [
        ("at or every: this number has no unit", None),
        ('a token-transfer event has no field "token.symbl"', "token.symbol"),
        ("token.amount holds a number", None),
        ("token.symbol holds text", None),
        (
            'a token-transfer event has no field "investor.destination.country"',
            "investor.destination.jurisdiction",
        ),
    ]


@pytest.mark.parametrize(
    ("defaults", "said"),
    [
        ("event.action: tarde", 'event.action is never "tarde"'),
        ("event.action: trade, market.vneue: x", 'a trade event has no field "market.vneue"'),
        ("event.action: trade, market.venue: 5", "market.venue holds text"),
        ("event.action: trade, market: {venue: 5}", "market.venue holds text"),
        ("event.action: trade, market.venue: !x y", 'the tag "!x" isn\'t allowed'),
        ("event.action: trade, '${env:A}': 5", "a reference to a secret can't stand here"),
    ],
)
def test_a_mistake_in_the_defaults_is_told_once_and_there(defaults: str, said: str) -> None:
    text = f"defaults: {{{defaults}}}\n{one_test('{at: 1s}, {at: 2s, repeat: 3}')}"
    (problem,) = problems(text)
    assert said in problem.message
    assert problem.location.line == 1


def test_a_value_that_undoes_a_default_is_told_where_it_stands() -> None:
    text = f"defaults: {{event.action: trade, market.venue: x}}\n{one_test('{market.venue: 5}')}"
    (problem,) = problems(text)
    assert (problem.location.line, problem.message) == (4, "market.venue holds text")


@pytest.mark.parametrize("key", ["at", "every", "repeat"])
def test_a_group_where_a_time_or_number_is_asked_is_one_mistake(key: str) -> None:
    (problem,) = problems(one_test(f"{{{TRANSFER}, {key}: {{a: b}}}}"))
    assert problem.code in ("test/time", "test/repeat")


def test_what_only_looks_right_in_a_file_of_tests_is_a_warning() -> None:
    warnings: list[Problem] = []
    event = f"{{{TRANSFER}, token.symbol: \u201cACME\u201d, investor.source.id: \u0410BC}}"
    assert len(read(one_test(event), warnings=warnings)) == 1
    assert [(one.code, one.severity) for one in warnings] == [
        ("yaml/typographic-quotes", "warning"),
        ("yaml/look-alike", "warning"),
    ]


def test_a_moment_where_a_time_since_the_beginning_is_asked() -> None:
    (problem,) = problems(one_test(f"{{{TRANSFER}, at: 2026-01-01T10:00:00Z}}"))
    assert problem.advice == "when the test begins, its as_of says"


def test_an_article_fits_what_it_stands_before() -> None:
    (one, other) = problems(
        one_test("{event.action: agent-added, x: 1}, {event.action: trade, x: 1}")
    )
    assert one.message == 'an agent-added event has no field "x"'
    assert other.message == 'a trade event has no field "x"'


@pytest.mark.parametrize("time", ["2026-01-01T10:00:00Z", "2026-01-01T11:00:00+01:00"])
def test_a_time_may_be_written_as_events_have_it(time: str) -> None:
    found = event(f"{{{TRANSFER}, '@timestamp': '{time}', event.ingested: {time}}}")
    assert found.timestamp == found.ingested == START + 10 * 3_600_000_000_000


def test_what_is_no_time_is_told_with_what_is_one() -> None:
    (problem,) = problems(one_test(f"{{{TRANSFER}, event.ingested: 01.02.2026}}"))
    assert problem.message == (
        "event.ingested holds a time, such as 2026-01-31T16:00:00Z, or nanoseconds since 1970"
    )


@pytest.mark.parametrize(
    "time", ["2026-01-01T00:00:00Z", "2026-01-01", "'2026-01-01T01:00:00+01:00'", str(START)]
)
def test_the_time_of_an_alert_may_be_written_in_any_form(time: str) -> None:
    assert run_one(LARGE, f"[{{'@timestamp': {time}}}]").passed


def failed(alert: str) -> str:
    return as_text(failure(run_one(LARGE, f"[{alert}]"))).replace("\n", " ")


def test_a_time_that_differs_is_told_in_the_form_that_was_written() -> None:
    said = failed("{'@timestamp': 2026-01-01T00:00:05Z}")
    assert "@timestamp  2026-01-01T00:00:05Z  2026-01-01T00:00:00Z" in said


def test_text_that_looks_like_the_number_that_came_is_told_apart() -> None:
    assert 'event.severity  "73"      73' in failed('{event.severity: "73"}')


MISPLACED = """\
defaults: {event.action: token-transfer, token.symbol: ACME, investor.buyer.id: INV-1}
tests:
  - name: it
    events: [{token.amount: 9}]
    alerts: [{}]
"""


def test_a_default_that_none_of_the_events_has_is_a_warning(tmp_path: Path) -> None:
    rule = "logsource: {product: tapewatch}\ndetection:\n  s: {event.action: token-transfer}\n"
    (tmp_path / "a.yml").write_text(f"{HEADER}{rule}  condition: s\n")
    (tmp_path / "a.test.yml").write_text(MISPLACED)

    (problem,) = planning.plan([tmp_path]).warnings
    said = "no event of these tests has a field investor.buyer.id: this is for none"
    assert problem.message == said
    assert (problem.location.line, problem.location.column) == (1, 62)
    assert problem.hint == "investor.destination.id"

    put_right = MISPLACED.replace("investor.buyer.id", "investor.destination.id")
    (tmp_path / "a.test.yml").write_text(put_right)
    assert planning.plan([tmp_path]).warnings == ()


def test_tests_beside_a_filter_are_told_where_they_belong(tmp_path: Path) -> None:
    rule = "logsource: {product: tapewatch}\ndetection:\n  s: {event.action: token-transfer}\n"
    (tmp_path / "a.yml").write_text(f"{HEADER}{rule}  condition: s\n")
    (tmp_path / "f.yml").write_text(
        "title: F\nlogsource: {product: tapewatch}\n"
        "filter:\n  rules: any\n  s: {token.symbol: A}\n  condition: not s\n"
    )
    (tmp_path / "f.test.yml").write_text(one_test(f"{{{TRANSFER}}}"))

    with pytest.raises(ProblemsFound) as raised:
        planning.plan([tmp_path])
    (problem,) = raised.value.problems
    assert problem.message == f"there is no rule for these tests in {tmp_path / 'f.yml'}"
    assert problem.advice == "filters and lists are tested beside the rules that they are for"


@pytest.mark.parametrize(
    ("kind", "times", "until", "told"),
    [
        ("type: absence", ["10m"], "", "1h10m"),
        ("type: absence", ["10m"], "until: 70m", "1h10m"),
        ("type: absence", ["10m"], "until: 71m", None),
        ("type: absence", ["0s", "2h"], "", None),
        ("type: event_count\n  condition: {lt: 3}", ["0s"], "", "1h"),
        ("type: event_count\n  condition: {gte: 3}", ["0s"], "", None),
    ],
)
def test_a_test_that_ends_before_its_rule_can_say_anything_is_a_warning(
    tmp_path: Path, kind: str, times: list[str], until: str, told: str | None
) -> None:
    (tmp_path / "a.yml").write_text(
        together(part("x"), correlation(f"{kind}\nrules: [x]\ntimespan: 1h".replace("\n  ", "\n")))
    )
    events = ", ".join(f"{{{TRANSFER}, at: {time}}}" for time in times)
    (tmp_path / "a.test.yml").write_text(one_test(events, more=until))

    warnings = planning.plan([tmp_path]).warnings
    assert [one.advice for one in warnings] == (
        ["let it end later, by until or another event"] if told else []
    )
    assert all(one.message.endswith(f"a window closes after {told}") for one in warnings)
    assert all(one.location.line == 2 for one in warnings)


def test_a_country_s_two_letters_are_no_slip(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(base("x"))
    (tmp_path / "a.test.yml").write_text(
        one_test(f"{{{TRANSFER}, investor.source.jurisdiction: NO}}", "[{}]")
    )
    assert planning.plan([tmp_path]).warnings == ()
