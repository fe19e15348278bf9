"""What YAML becomes which value of which type."""

import datetime
import decimal
import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct, field

from pipeline.problems import Problem, ProblemsFound
from pipeline.structured import ExistingPath, FieldError, FilePath, examine, load
from pipeline.units import MINUTE, SECOND, Duration, Ratio, Size
from pipeline.yaml_nodes import MappingNode, Node
from pipeline.yaml_source import read_node


def _load(text: str, type_: Any, **more: Any) -> Any:
    return load(text.encode(), type_, name="f.yaml", **more)


def _problem(text: str, type_: Any, **more: Any) -> Problem:
    with pytest.raises(ProblemsFound) as caught:
        _load(text, type_, **more)
    assert len(caught.value.problems) == 1, str(caught.value)
    return caught.value.problems[0]


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Plain(Struct):
    text: str
    number: int = 0


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("hello", str, "hello"),
        ("007", str, "007"),
        ("1.10", str, "1.10"),
        ("0xAbCd", str, "0xAbCd"),
        ("'true'", str, "true"),
        ("true", bool, True),
        ("12", int, 12),
        ("0x10", int, 16),
        (str(2**256 - 1), int, 2**256 - 1),
        ("12", float, 12.0),
        ("1e3", float, 1000.0),
        ("0.1", decimal.Decimal, decimal.Decimal("0.1")),
        ("~", int | None, None),
        ("5", int | None, 5),
        ("red", Colour, Colour.RED),
        ("10", Literal[10, 20], 10),
        ("latest", int | Literal["latest"], "latest"),
        ("77", int | Literal["latest"], 77),
        ("x", str | list[str], "x"),
        ("[x]", str | list[str], ["x"]),
        ("1", int | str, 1),
        ("1.5", int | str, "1.5"),
        ("true", bool | str, True),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", tuple[int, ...], (1, 2)),
        ("[1, x]", tuple[int, str], (1, "x")),
        ("[a, b]", set[str], {"a", "b"}),
        ("[a]", frozenset[str], frozenset("a")),
        ("{a: 1}", dict[str, int], {"a": 1}),
        ("{137: polygon}", dict[int, str], {137: "polygon"}),
        ("{red: 1}", dict[Colour, int], {Colour.RED: 1}),
        ("{text: a, number: 2}", Plain, Plain("a", 2)),
        ("{text: a}", Plain, Plain("a", 0)),
        ("2026-01-31", datetime.date, datetime.date(2026, 1, 31)),
        (
            "2026-01-31T16:00:00Z",
            datetime.datetime,
            datetime.datetime(2026, 1, 31, 16, tzinfo=datetime.UTC),
        ),
        ("90s", Duration, 90 * SECOND),
        ("64KiB", Size, 65_536),
        ("10%", Ratio, 0.1),
        ("0.1", Ratio, 0.1),
        ("auto", Duration | Literal["auto"], "auto"),
        ("2m", Duration | Literal["auto"], 2 * MINUTE),
        ("{a: [1, no, 1e3, ~, 2026-01-31]}", Any, {"a": [1, "no", 1e3, None, "2026-01-31"]}),
    ],
)
def test_values_of_all_types(text: str, type_: Any, value: object) -> None:
    loaded = _load(text, type_)
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize(
    ("text", "type_", "code", "expected", "hint"),
    [
        ("[a]", str, "wrong-type", "text", None),
        ("", str, "wrong-type", "text", None),
        ("true", str, "wrong-type", "text", None),
        ("yes", bool, "wrong-type", "true or false", "true"),
        ("'false'", bool, "wrong-type", "true or false", "false"),
        ("1", bool, "wrong-type", "true or false", "true"),
        ("1.5", int, "wrong-type", "a whole number", None),
        ("1e3", int, "wrong-type", "a whole number", "1000"),
        ("0123", int, "wrong-type", "a whole number", "123"),
        ("1_000_000", int, "wrong-type", "a whole number", "1000000"),
        ("'12'", int, "wrong-type", "a whole number", "12 without quotes"),
        ("true", int, "wrong-type", "a whole number", None),
        ("9" * 5_000, int, "wrong-type", "a whole number", None),
        ("16:00", int, "wrong-type", "a whole number", None),
        (".nan", float, "wrong-type", "a number", None),
        (".inf", float, "wrong-type", "a number", None),
        ("1e999", float, "wrong-type", "a number", None),
        ("9" * 400, float, "wrong-type", "a number", None),
        ("gren", Colour, "unknown-choice", "red or green", "green"),
        ("Red", Colour, "unknown-choice", "red or green", "red"),
        ("'10'", Literal[10, 20], "unknown-choice", "10 or 20", "10 without quotes"),
        ("x", list[str], "wrong-type", "a list, each text", "[x]"),
        ("[1]", tuple[int, str], "length", "a list of 2: a whole number, text", None),
        ("[a, b, a]", set[str], "repeated-item", None, None),
        ("5", Duration, "unit", "a duration, such as 5s", None),
        ("[5s]", Duration, "wrong-type", "a duration, such as 5s", None),
        ("10", Ratio, "unit", "a percentage, such as 10%", "10%"),
        ("lots", Size, "unit", "a size, such as 64MiB", None),
        ("2026-13-01", datetime.date, "date", "a date as year-month-day, such as 2026-01-31", None),
        ("{}", int | str | None, "wrong-type", "a whole number, or text", None),
        ("x", int | bool, "wrong-type", "true or false, or a whole number", None),
    ],
)
def test_what_is_not_of_the_type_says_what_was_expected(
    text: str, type_: Any, code: str, expected: str | None, hint: str | None
) -> None:
    problem = _problem(text, type_)
    assert (problem.code, problem.expected, problem.hint) == (f"config/{code}", expected, hint)


def test_a_time_without_an_offset_is_refused() -> None:
    problem = _problem("2026-01-31T16:00:00", datetime.datetime)
    assert problem.hint == "2026-01-31T16:00:00Z"


Window = Annotated[Duration, Meta(ge=SECOND, le=10 * MINUTE)]


@pytest.mark.parametrize(
    ("text", "type_", "expected"),
    [
        ("11m", Window, "a duration from 1s to 10m, such as 5s"),
        ("0s", Annotated[Duration, Meta(gt=0)], "a duration of more than 0s, such as 5s"),
        ("2GiB", Annotated[Size, Meta(le=2**30)], "a size of at most 1GiB, such as 64MiB"),
        ("90%", Annotated[Ratio, Meta(lt=0.5)], "a percentage of less than 50%, such as 10%"),
        ("0", Annotated[int, Meta(ge=1)], "a whole number of at least 1"),
        ("7", Annotated[int, Meta(multiple_of=2)], "a whole number in steps of 2"),
        ("2", Annotated[float, Meta(gt=0, lt=1)], "a number of more than 0 and less than 1"),
    ],
)
def test_bounds_are_held_and_said_in_units(text: str, type_: Any, expected: str) -> None:
    problem = _problem(text, type_)
    assert problem.code == "config/out-of-range"
    assert problem.message == f"{text} is out of range"
    assert problem.expected == expected


@pytest.mark.parametrize(
    ("text", "type_", "code", "expected"),
    [
        ('""', Annotated[str, Meta(min_length=1)], "length", "text of at least 1 character"),
        ("abc", Annotated[str, Meta(max_length=2)], "length", "text of at most 2 characters"),
        ("[]", Annotated[list[int], Meta(min_length=1)], "length", "a list of at least 1 item, "),
        ("{}", Annotated[dict[str, int], Meta(min_length=1)], "length", "a group of at least 1 e"),
        ("abc", Annotated[str, Meta(pattern="^0x")], "pattern", "text of the form ^0x"),
        (
            "abc",
            Annotated[str, Meta(pattern="^0x", description="an EVM address")],
            "pattern",
            "an EVM address",
        ),
    ],
)
def test_lengths_and_patterns_are_held(text: str, type_: Any, code: str, expected: str) -> None:
    problem = _problem(text, type_)
    assert problem.code == f"config/{code}"
    assert problem.expected is not None
    assert problem.expected.startswith(expected)


class Renamed(Struct, rename="kebab", kw_only=True):
    max_size: int
    min_size: int = 0


def test_a_misspelt_required_key_is_one_problem() -> None:
    problem = _problem("max_size: 1", Renamed)
    assert (problem.code, problem.hint) == ("config/unknown-key", "max-size")


def test_an_unknown_key_far_from_all_lists_what_there_is() -> None:
    problem = _problem("{text: a, colour: red}", Plain)
    assert (problem.hint, problem.expected) == (None, "text or number")
    assert (problem.location.column, problem.path) == (11, "colour")


def test_keys_of_somebody_else_are_passed_over_at_the_top_only() -> None:
    class Outer(Struct):
        inner: Plain

    text = "title: a rule\ninner: {text: a}\n"
    assert _load(text, Outer, other_keys={"title"}) == Outer(Plain("a"))
    assert _load(text, Outer, other_keys=None) == Outer(Plain("a"))
    assert _problem("inner: {text: a, title: b}", Outer, other_keys={"title"}).path == "inner.title"
    assert _problem("titel: x\ninner: {text: a}", Outer, other_keys={"title"}).hint == "title"


def test_a_missing_key_is_said_at_its_group() -> None:
    problem = _problem("- text: a\n- number: 1\n", list[Plain])
    assert (problem.code, problem.message) == ("config/missing-key", '"text" is missing here')
    assert (problem.location.line, problem.location.column, problem.path) == (2, 3, "[1]")


def test_a_key_without_value_says_how_to_take_the_default() -> None:
    problem = _problem("text: a\nnumber:\n", Plain)
    assert problem.message == "the value is missing"
    assert problem.advice == "give a value, or remove the key to take the default"


def test_an_empty_file_is_not_a_group_of_settings() -> None:
    problem = _problem("# nothing\n", Plain)
    assert problem.message == "the value is missing"
    assert problem.expected == "a group of settings (text or number)"


class Circle(Struct, tag="circle", tag_field="type"):
    radius: int


class Square(Struct, tag="square", tag_field="type"):
    side: int


Shape = Circle | Square


def test_a_tag_chooses_the_struct() -> None:
    text = "[{type: circle, radius: 1}, {side: 2, type: square}]"
    assert _load(text, list[Shape]) == [Circle(1), Square(2)]


def test_an_unknown_tag_lists_the_choices() -> None:
    problem = _problem("{type: sqare, side: 1}", Shape)
    assert (problem.expected, problem.hint) == ("circle or square", "square")
    assert problem.location.column == 8


def test_a_missing_tag_lists_the_choices() -> None:
    problem = _problem("{tpye: square, side: 1}", Shape)
    assert (problem.code, problem.expected) == ("config/missing-key", "type: circle or square")
    assert problem.advice == '"tpye" may be meant as it'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{type: sqare, side: one, colour: red}", ["f.yaml:1:8", "f.yaml:1:21", "f.yaml:1:26"]),
        ("{tpye: square, side: one}", ["f.yaml:1:1", "f.yaml:1:22"]),
        ("{tpye: sqare, side: one}", ["f.yaml:1:1", "f.yaml:1:8", "f.yaml:1:21"]),
        # What is meant is anybody's guess: then nothing is said of the rest.
        ("{type: rhombus, side: one}", ["f.yaml:1:8"]),
        ("{kind: square, side: one}", ["f.yaml:1:1"]),
    ],
)
def test_behind_a_slip_in_the_tag_the_rest_is_looked_at_too(text: str, said: list[str]) -> None:
    with pytest.raises(ProblemsFound) as caught:
        _load(text, Shape)
    assert [str(problem.location) for problem in caught.value.problems] == said


@pytest.mark.parametrize("tag", ["[square]", "", "{a: b}"])
def test_a_tag_must_be_text(tag: str) -> None:
    assert _problem(f"type: {tag}\nside: 1\n", Shape).code == "config/unknown-choice"


def test_a_struct_with_a_tag_takes_it_without_a_union() -> None:
    assert _load("{type: circle, radius: 1}", Circle) == Circle(1)
    assert _load("{radius: 1}", Circle) == Circle(1)
    assert _problem("{type: square, radius: 1}", Circle).expected == "circle"


class Tree(Struct):
    name: str
    children: list["Tree"] = field(default_factory=list["Tree"])


def test_a_type_may_contain_itself() -> None:
    assert _load("{name: a, children: [{name: b}]}", Tree) == Tree("a", [Tree("b")])


class Retention(Struct, kw_only=True):
    age: Duration = 7 * SECOND
    size: Size = 10


class Streams(Struct, kw_only=True):
    raw: Retention = field(default_factory=Retention)
    alerts: Retention = field(default_factory=lambda: Retention(age=90 * SECOND))


def test_what_is_not_given_below_a_key_comes_from_that_fields_own_default() -> None:
    streams = _load("alerts: {size: 1KiB}", Streams)
    assert streams == Streams(alerts=Retention(age=90 * SECOND, size=1024))
    assert _load("{}", Streams) == Streams()


class Range(Struct):
    low: int
    high: int = 100

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise FieldError("high", "this is below low", expected=f"at least {self.low}")
        if self.low < 0:
            raise ValueError("a range can't begin below zero")


def test_what_does_not_fit_together_is_said_at_its_key() -> None:
    problem = _problem("a: {low: 5, high: 3}", dict[str, Range])
    assert (problem.code, problem.message) == ("config/inconsistent", "this is below low")
    assert (problem.location.column, problem.path) == (19, "a.high")
    problem = _problem("low: -1", Range)
    assert problem.message == "a range can't begin below zero"


class Files(Struct, kw_only=True):
    data: FilePath
    cache: FilePath | None = Path("var/cache")
    rules: FilePath = Path("rules")


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    file = folder / "pipeline.yaml"
    file.write_text("data: ../data/./x\n")
    files = load(file, Files)
    assert files.data == tmp_path / "data" / "x"
    assert files.cache == folder / "var/cache"
    assert files.rules == folder / "rules"
    file.write_text("data: /srv/data\nrules: ''\n")
    with pytest.raises(ProblemsFound, match="expected a path"):
        load(file, Files)


@pytest.mark.parametrize("path", ["~/data", "${env:HOME}/x", '"a\\0b"'])
def test_paths_that_would_not_mean_what_they_say_are_refused(path: str) -> None:
    assert _problem(f"data: {path}", Files).code == "config/path"


def test_a_path_that_must_exist_is_checked(tmp_path: Path) -> None:
    (tmp_path / "tokens.yaml").touch()
    assert _load("tokens.yaml", ExistingPath, folder=tmp_path) == tmp_path / "tokens.yaml"
    problem = _problem("token.yaml", ExistingPath, folder=tmp_path)
    assert (problem.code, problem.hint) == ("config/no-such-path", "tokens.yaml")
    assert _problem("x" * 5_000, ExistingPath, folder=tmp_path).code == "config/no-such-path"


class Parameters(Struct):
    window: Duration


class Rule(Struct):
    correlator: str
    parameters: MappingNode
    anything: Node | None = None


def test_a_part_can_be_kept_and_loaded_later_with_its_places(tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text("correlator: spoofing\nparameters:\n  window: 5\nanything: [1]\n")
    rule = load(file, Rule)
    with pytest.raises(ProblemsFound) as caught:
        load(rule.parameters, Parameters)
    [problem] = caught.value.problems
    assert str(problem.location) == f"{file}:3:11"
    assert _problem("{correlator: a, parameters: 5}", Rule).expected == "a group of settings"


def test_a_node_can_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("text: a")
    assert load(read_node(file), Plain) == Plain("a")


def test_text_that_others_read_otherwise_gives_a_warning_and_loads() -> None:
    warnings: list[Problem] = []
    assert _load("{text: NO}", Plain, warnings=warnings) == Plain("NO")
    assert [(w.code, w.severity) for w in warnings] == [("yaml/ambiguous-text", "warning")]


def test_a_key_that_others_read_otherwise_gives_a_warning() -> None:
    outcome = examine(b"{no: 47, se: 46}", dict[str, int])
    assert outcome.value == {"no": 47, "se": 46}
    assert [p.code for p in outcome.problems] == ["yaml/ambiguous-text"]


def test_examine_raises_nothing_for_a_bad_file(tmp_path: Path) -> None:
    outcome = examine(tmp_path / "nowhere.yaml", Plain)
    assert (outcome.ok, outcome.value) == (False, None)
    assert [p.code for p in outcome.problems] == ["yaml/no-such-file"]


def test_syntax_and_types_are_checked_in_one_pass() -> None:
    outcome = examine(b"text: a\ntext: b\nnumber: x\n", Plain)
    assert [p.code for p in outcome.problems] == ["yaml/duplicate-key", "config/wrong-type"]


def test_a_key_written_in_two_ways_is_a_duplicate() -> None:
    assert _problem("{1: a, 0x1: b}", dict[int, str]).code == "yaml/duplicate-key"


def test_an_alias_used_twice_gives_one_problem() -> None:
    outcome = examine(b"- &a {text: x, number: y}\n- *a\n- *a\n", list[Plain])
    assert len(outcome.problems) == 1


@pytest.mark.parametrize("type_", [bytes, msgspec.Raw, list[bytes], complex])
def test_a_type_that_yaml_cannot_give_is_the_programmers_error(type_: Any) -> None:
    with pytest.raises(TypeError):
        _load("a", type_)


@pytest.mark.parametrize("text", ["a: \u201cx\u201d", "a: \u0410CME"])
def test_what_is_doubtful_in_its_syntax_is_no_error(text: str) -> None:
    class Named(Struct):
        a: str

    told: list[Problem] = []
    assert load(text.encode(), Named, warnings=told).a == text[3:]
    assert [one.severity for one in told] == ["warning"]


class Optional(Struct):
    inner: Plain | None = None
    names: list[str] | None = None


@pytest.mark.parametrize("text", ["inner:\n", "inner:\n  # text: a\nnames: [a]", "names:\n"])
def test_a_key_with_nothing_is_doubtful_where_it_may_be_missing(text: str) -> None:
    warnings: list[Problem] = []
    assert _load(text, Optional, warnings=warnings).inner is None
    (warning,) = warnings
    assert warning.severity == "warning"
    assert warning.message == "nothing stands here: it is as if this key weren't there"
    assert warning.location.line == 1


@pytest.mark.parametrize("text", ["inner: null", "inner: ~", "inner: {text: a}\nnames: []"])
def test_what_is_said_to_be_nothing_is_not_doubtful(text: str) -> None:
    warnings: list[Problem] = []
    _load(text, Optional, warnings=warnings)
    assert warnings == []


@pytest.mark.parametrize("value", ["*nope", "!x 5", "!!python/none x"])
def test_a_value_that_can_not_be_read_is_one_mistake(value: str) -> None:
    assert _problem(f"text: a\nnumber: {value}", Plain).code.startswith("yaml/")
    assert _problem(f"text: a\n{value}: 1", Plain).code.startswith("yaml/")
