"""What is wrong with a rule is said with its place, what was expected and what was meant."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.correlators.spoofing import Parameters
from detections.rules import load_rules
from detections.rules.loading import parse_rules
from pipeline.problems import Problem, ProblemsFound
from pipeline.units import SECOND
from tests.detections.rules.documents import HEADER

OURS = HEADER + "logsource: {product: tapewatch}\n"
SOUND = OURS + "detection:\n  s: {event.action: trade}\n  condition: s\n"


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(ProblemsFound) as raised:
        parse_rules(text.encode(), name="rule.yml")
    return list(raised.value.problems)


def the_error(text: str) -> Problem:
    errors = [p for p in problems_of(text) if p.severity == "error"]
    assert len(errors) == 1, errors
    return errors[0]


def detection(item: str) -> str:
    return f"{OURS}detection:\n  s:\n    {item}\n  condition: s\n"


def test_a_sound_rule_has_its_metadata() -> None:
    (found,) = parse_rules(
        SOUND.replace("status: test", "status: test\nmodified: 2026-02-01").encode()
    ).sigma
    rule = found.rule
    assert (rule.title, rule.level, rule.typology) == ("A rule", "high", "spoofing")
    assert (rule.version, rule.authors) == ("2026-02-01", ("Tester",))
    assert len(rule.hash) == 64


@pytest.mark.parametrize(
    ("item", "message", "hint"),
    [
        ("token.amuont|gte: 5", 'no event has a field "token.amuont"', "token.amount"),
        ("event.action: token-tranfer", 'event.action is never "token-tranfer"', "token-transfer"),
        ("market.order.side: bid", 'market.order.side is never "bid"', None),
        ("token.amount|gtr: 5", '"gtr" isn\'t a modifier', "gt"),
        ("token.symbol|gt: 5", "token.symbol holds text, which can't be compared by size", None),
        ("token.amount|gt: '5'", "only numbers can be compared by size", "5"),
        ("token.amount|gt: many", "only numbers can be compared by size", None),
        ("token.amount: '5'", "token.amount holds a number", None),
        ("token.amount|contains: 5", "token.amount holds a number: contains is for text", None),
        ("token.symbol: 5", "token.symbol holds text", None),
        ("source.address: 0x00ff", "source.address holds text", None),
        ("blockchain.log.decoded: 1", "blockchain.log.decoded holds true or false", None),
        ("token.amount_raw: 1.5", "token.amount_raw holds an exact integer", None),
        ("token.symbol|exists: maybe", "exists is or isn't", None),
        ("token.symbol|fieldref: token.nmae", 'no event has a field "token.nmae"', "token.name"),
        ("token.symbol|re: '['", "Regular expression '[' is invalid", None),
        ("token.symbol|cidr: nonsense", "Invalid CIDR expression", None),
        ("token.symbol: {a: b}", "this can't stand here", None),
        ("token.symbol|hour: 5", "token.symbol holds text, not a time", None),
    ],
)
def test_a_mistake_in_an_item(item: str, message: str, hint: str | None) -> None:
    problem = the_error(detection(item))
    assert problem.message.startswith(message)
    assert (problem.location.file, problem.location.line) == ("rule.yml", 15)
    assert problem.location.column >= 5
    assert problem.hint == hint
    assert problem.context is not None


@pytest.mark.parametrize(
    ("condition", "message", "hint"),
    [
        ("s and filtr", 'no selection is called "filtr"', "filter"),
        ("1 of flt*", 'no selection matches "flt*"', "filter"),
        ("s and", "a selection is missing here", None),
        ("s AND filter", '"and" or "or" is missing before this', "and"),
        ("s or (filter", "this bracket isn't closed", None),
        ("s) or filter", "this bracket was never opened", None),
        ("1 of", "what these are of is missing", None),
        ("2 of them", '"2" of can\'t be said', None),
        ("filter*", 'no selection is called "filter*"', "1 of filter*"),
        ("s | count() > 5", "counting with | belonged to an old form of Sigma", None),
        ("", "this isn't a condition", None),
    ],
)
def test_a_mistake_in_a_condition(condition: str, message: str, hint: str | None) -> None:
    text = (
        f"{OURS}detection:\n  s: {{token.symbol: A}}\n  filter: {{token.symbol: B}}\n"
        f"  condition: {condition}\n"
    )
    errors = [p for p in problems_of(text) if p.severity == "error"]
    assert errors[0].message.startswith(message)
    assert errors[0].location.line == 16
    assert errors[0].hint == hint


def test_a_selection_that_is_not_used_is_a_warning() -> None:
    rules = parse_rules(
        (
            OURS + "detection:\n  s: {token.symbol: A}\n  t: {token.symbol: B}\n  condition: s\n"
        ).encode()
    )
    assert [p.message for p in rules.warnings] == ['the selection "t" isn\'t used by the condition']


def test_a_rule_that_no_event_can_match_is_a_warning() -> None:
    text = "  s: {market.order.id: a, token.amount: 5}\n  condition: s\n"
    (warning,) = parse_rules(f"{OURS}detection:\n{text}".encode()).warnings
    assert warning.message.endswith("event has a field token.amount")


def test_everything_is_said_at_once() -> None:
    text = SOUND.replace("level: high", "level: hihg").replace("author: Tester\n", "")
    text = text.replace("event.action: trade", "evnt.action: trade").replace("id: 7d0f", "id: 7d")
    messages = {p.message for p in problems_of(text)}
    assert len(messages) == 4, messages
    assert any("author" in message for message in messages)


@pytest.mark.parametrize(
    "key",
    [
        "title",
        "id",
        "status",
        "level",
        "description",
        "author",
        "date",
        "typology",
        "falsepositives",
        "references",
        "logsource",
    ],
)
def test_what_a_rule_must_have(key: str) -> None:
    lines = [line for line in SOUND.splitlines() if not line.startswith(f"{key}:")]
    assert the_error("\n".join(lines)).message == f'the key "{key}" is missing'


def test_two_rules_can_t_have_one_id() -> None:
    problem = the_error(SOUND + "---\n" + SOUND)
    assert problem.message == "another rule has the same id"
    assert problem.related[0].line == 3
    assert problem.location.line > 10


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (HEADER + "correlator: spofing\n", 'there is no correlator "spofing"', "spoofing"),
        (
            HEADER,
            "there is neither a detection nor a correlation, a filter or a correlator",
            None,
        ),
        (HEADER + "detecton: {}\n", None, "detection"),
        (
            HEADER + "correlation: {type: event_count}\n",
            'the key "rules" is missing',
            None,
        ),
        ("[1, 2]", "this isn't a rule", None),
        (
            SOUND.replace("{product: tapewatch}", "{product: tapewach}"),
            '"tapewach" is no product',
            "tapewatch",
        ),
    ],
)
def test_other_mistakes(text: str, message: str | None, hint: str | None) -> None:
    problems = problems_of(text)
    assert message is None or message in [p.message for p in problems]
    assert hint in [p.hint for p in problems]


def test_parameters_have_units_ranges_and_defaults() -> None:
    (rule,) = parse_rules(
        (
            HEADER
            + "correlator: spoofing\n"
            + "parameters: {maximum_lifetime: 500ms, minimum_depth_share: 20%}\n"
        ).encode()
    ).correlators
    assert isinstance(rule.parameters, Parameters)
    assert rule.parameters.maximum_lifetime == SECOND // 2
    assert rule.parameters.minimum_depth_share == 0.2
    assert rule.parameters.depth_levels == 10


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ("maximum_lifetime: 5", 13),
        ("maximum_lifetime: 3h", 13),
        ("maximum_lifetme: 5s", 13),
        ("depth_levels: 0", 13),
    ],
)
def test_a_bad_parameter_is_said_at_its_place(parameters: str, line: int) -> None:
    problem = the_error(f"{HEADER}correlator: spoofing\nparameters:\n  {parameters}\n")
    assert problem.location.line == line + 1
    assert problem.expected or problem.hint


def test_a_parameter_that_must_be_there() -> None:
    problem = the_error(HEADER + "correlator: wash_trading\n")
    assert "pattern" in problem.message


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("{token.amuont} moved", 'no event has a field "token.amuont"'),
        ("{token.amount moved", "the sentence can't be read"),
        ("{token.amount.__class__} moved", "no event has a field"),
    ],
)
def test_a_mistake_in_the_sentence(reason: str, message: str) -> None:
    problem = the_error(SOUND + f"reason: '{reason}'\n")
    assert problem.message.startswith(message)
    assert problem.location.line == 16


def test_rules_for_other_log_sources_have_their_own_fields_and_may_lack_metadata() -> None:
    text = (
        "title: Foreign\nlogsource: {product: windows}\n"
        "detection:\n  s: {CommandLine|contains: x}\n  condition: s\nown: 1\n"
    )
    (found,) = parse_rules(text.encode()).sigma
    assert (found.rule.level, found.rule.typology) == ("medium", "other")
    assert len(found.rule.id) == 36


def test_folders_are_searched_and_tests_are_no_rules(tmp_path: Path) -> None:
    (tmp_path / "deep" / ".hidden").mkdir(parents=True)
    (tmp_path / "deep" / "a.yml").write_text(SOUND)
    (tmp_path / "deep" / "a.test.yml").write_text("tests: nonsense")
    (tmp_path / "deep" / ".hidden" / "b.yml").write_text(SOUND)
    (tmp_path / "readme.md").write_text("no rule")
    assert [rule.title for rule in load_rules([tmp_path]).rules] == ["A rule"]


def test_no_rules_and_no_file_are_problems(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound) as raised:
        load_rules([tmp_path, tmp_path / "missing.yml"])
    assert len(raised.value.problems) == 2


def test_mistakes_in_several_files_are_said_together(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(
            SOUND.replace("event.action", "event.acton").replace("7d0f3a6e", f"{name[0]}d0f3a6e")
        )
    with pytest.raises(ProblemsFound) as raised:
        load_rules([tmp_path])
    assert {Path(p.location.file).name for p in raised.value.problems} == {"a.yml", "b.yml"}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_mutation_of_a_rule_file_brings_a_traceback(data: st.DataObject) -> None:
    source = data.draw(
        st.sampled_from(
            [SOUND, HEADER + "correlator: spoofing\nparameters: {maximum_lifetime: 2s}\n"]
        )
    )
    at = data.draw(st.integers(0, len(source)))
    cut = data.draw(st.integers(0, 12))
    new = data.draw(st.text(alphabet="{}[]|:*&!%#'\"\n -0aé?,", max_size=6))
    try:
        parse_rules((source[:at] + new + source[at + cut :]).encode())
    except ProblemsFound as found:
        assert found.problems  # noqa: PT017 - that it may also be sound is the point


def test_text_that_turns_its_direction_is_a_warning_in_rules_which_may_look_for_it() -> None:
    item = "token.name|contains: '\u202e'"
    (warning,) = parse_rules(detection(item).encode(), name="rule.yml").warnings
    assert (warning.location.line, warning.location.column) == (15, 27)
    assert warning.message == "an invisible character (U+202E) stands here"
    with pytest.raises(ProblemsFound):
        parse_rules(detection("token.name|contains: '\u2028'").encode())


def test_others_may_write_dates_with_slashes() -> None:
    text = (
        "title: Foreign\nlogsource: {product: windows}\ndate: 2022/7/28\n"
        "detection:\n  s: {CommandLine: x}\n  condition: s\n"
    )
    (found,) = parse_rules(text.encode()).sigma
    assert found.rule.version == "2022-07-28"
    assert "date" in the_error(SOUND.replace("2026-01-31", "2026/01/31")).path


def test_global_documents_of_old_sigma_are_told_what_to_be_instead() -> None:
    problem = the_error("action: global\ntitle: x\n")
    assert problem.message == "action: global belonged to an old form of Sigma"
