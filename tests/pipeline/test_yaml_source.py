"""Reading YAML from outside: places, limits, and what is refused."""

from pathlib import Path

import pytest
import yaml

import pipeline.yaml_composer as yaml_composer
from pipeline.problems import Problem, ProblemsFound
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning, other_reading
from pipeline.yaml_source import (
    DEFAULT_LIMITS,
    Limits,
    parse_bytes,
    parse_node,
    parse_nodes,
    read_node,
    read_nodes,
)


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "libyaml":
        if not hasattr(yaml, "CSafeLoader"):
            pytest.skip("PyYAML was built without libyaml")
        monkeypatch.setattr(yaml_composer, "PARSER", yaml.CSafeLoader)
    else:
        monkeypatch.setattr(yaml_composer, "PARSER", yaml.SafeLoader)
    return request.param


def _only_problem(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Problem:
    problems = parse_bytes(data, name="f.yaml", single=True, limits=limits).source.problems
    assert len(problems) == 1, problems
    return problems[0]


def _place(problem: Problem) -> tuple[int, int]:
    return problem.location.line, problem.location.column


def _places(node: Node) -> object:
    here = (node.line, node.column)
    if isinstance(node, MappingNode):
        return here, [(k.text, (k.line, k.column), _places(v)) for k, v in node.pairs]
    if isinstance(node, SequenceNode):
        return here, [_places(item) for item in node.items]
    return here


def test_every_key_value_and_item_knows_its_place() -> None:
    node = parse_node(b"# comment\na: 1\nb:\n  - x\n  - {c: 'd'}\n", name="f.yaml")
    assert _places(node) == (
        (2, 1),
        [
            ("a", (2, 1), (2, 4)),
            ("b", (3, 1), ((4, 3), [(4, 5), ((5, 5), [("c", (5, 6), (5, 9))])])),
        ],
    )


def test_columns_count_characters_not_bytes() -> None:
    node = parse_node("{名前: é, b: 1}".encode(), name="f.yaml")
    assert isinstance(node, MappingNode)
    assert node.pairs[1][0].column == 9


def test_a_file_may_have_several_documents(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_bytes(b"a: 1\n---\nb: 2\n---\n")
    nodes = read_nodes(file)
    assert [node.line for node in nodes] == [1, 3, 5]
    assert len(parse_nodes(file.read_bytes(), name="f.yaml")) == 3


def test_a_second_document_is_refused_where_one_is_wanted() -> None:
    problem = _only_problem(b"a: 1\n---\nb: 2\n")
    assert (problem.code, _place(problem)) == ("yaml/second-document", (2, 1))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only a comment\n", b"---\n"])
def test_an_empty_file_is_one_empty_value(data: bytes) -> None:
    node = parse_node(data, name="f.yaml")
    assert isinstance(node, ScalarNode)
    assert meaning(node) is None


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"a: b: c", (1, 5), 'a ":" can\'t stand here'),
        (b"a:\n\tb: 1", (2, 1), "a tab can't be used to indent"),
        (b"ab: 'x\nc: d", (1, 5), "this quote is never closed"),
        (b"a: [1, 2\nb: 3", (1, 4), "this bracket isn't closed, or a comma is missing before"),
        (b"a: {b: 1", (1, 4), "this bracket isn't closed, or a comma is missing before"),
        (b"a: *.yaml", (1, 4), 'text can\'t begin with "*" unless it is in quotes'),
        (b"a: @b", (1, 4), 'text can\'t begin with "@" unless it is in quotes'),
        (b"a: 1\n- b", (2, 1), "this line doesn't continue what stands above it"),
        (b"a: {b} did c", (1, 4), 'text can\'t begin with "{" unless it is in quotes'),
        (b"a: [b] did c", (1, 4), 'text can\'t begin with "[" unless it is in quotes'),
        ("a:\n\u00a0 b:\n    c: 1\n  d: 2".encode(), (2, 1), "this space is none for YAML"),
        (b"- a\nb: 1", (2, 1), "this line doesn't continue what stands above it"),
        (b"}", (1, 1), "this isn't valid YAML"),
        (b"%YAML 3.0\n---\na", (1, 1), "this isn't valid YAML"),
        (b" a: 1\nb: 2\n", (2, 1), "this line begins further left than those above it"),
        (b"a: >= 5\n", (1, 4), 'text can\'t begin with ">" unless it is in quotes'),
        (b"a: |x\n", (1, 4), 'text can\'t begin with "|" unless it is in quotes'),
        (b"a: 1\nb:2\nc: 3\n", (2, 2), 'a space is missing after this ":"'),
        (b"a:\n  b.c:2\n  d: 3\n", (2, 6), 'a space is missing after this ":"'),
        (b"a:\n  - b:2\n    d: 3\n", (2, 6), 'a space is missing after this ":"'),
        ("a: 1\nb:\u00a02\nc: 3\n".encode(), (2, 3), "this space is none for YAML (U+00A0)"),
        (
            "a:\n  b: 1\n\u3000c: 2\n  d: 3\n".encode(),
            (3, 1),
            "this space is none for YAML (U+3000)",
        ),
        ("a: 1\nb\uff1a2\nc: 3\n".encode(), (2, 2), "this isn't the colon of YAML (U+FF1A)"),
        ("a: 1\n\u2014\nb: 2\n".encode(), (2, 1), 'between two documents stands "---"'),
        (b"a: 1\n--\nb: 2\n", (2, 1), 'between two documents stands "---"'),
    ],
)
def test_a_syntax_error_has_its_place_and_plain_words(
    data: bytes, place: tuple[int, int], message: str
) -> None:
    problem = _only_problem(data)
    assert problem.code == "yaml/syntax"
    assert _place(problem) == place
    assert problem.message.startswith(message)


@pytest.mark.parametrize("data", [b"a: https://x\nb:\n  c\n  d: 1\n", b"a: 12:30\nb\nc: 1\n"])
def test_a_colon_within_a_text_isn_t_taken_for_a_slip(data: bytes) -> None:
    assert "space" not in _only_problem(data).message


def test_a_quote_that_ends_where_another_was_to_begin_is_told_of() -> None:
    problem = _only_problem(b'a: "x\nb: 1\nc: "y"\n')
    assert _place(problem) == (1, 4)
    assert problem.message == "this quote is only closed in line 3, where this can't go on"
    assert [place.line for place in problem.related] == [3]


def test_a_second_document_without_its_line_is_told_of_once() -> None:
    problem = _only_problem(b"a: 1\nb: {x: 1}\nc: 2\na: 3\nb: {x: 4}\nc: 5\n")
    assert (problem.code, _place(problem)) == ("yaml/duplicate-key", (4, 1))
    assert problem.advice == 'if another document begins here, put a line "---" before it'


def test_a_key_that_is_given_twice_may_have_several_values() -> None:
    problem = _only_problem(b"a:\n  b: 1\n  c: 2\n  c: 3\n")
    assert problem.advice == "keep one of the two: several values are a list, [a, b]"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: \u201cx\u201d", (1, 4)),
        ("a: [b, \u2018x y\u2019]", (1, 8)),
        ("a: \u201ex\u201c", (1, 4)),
        ('a: \u201c{x} did y"', (1, 4)),
        ("a: \u201cx y", (1, 4)),
    ],
)
def test_quotes_of_a_word_processor_are_a_warning(text: str, place: tuple[int, int]) -> None:
    problem = _only_problem(text.encode())
    assert (problem.code, problem.severity, _place(problem)) == (
        "yaml/typographic-quotes",
        "warning",
        place,
    )


def test_quotes_within_a_text_are_its_own() -> None:
    data = "a: \u201cx\u201d and y\nb: '\u201cx\u201d'\nd: \u2018tis\nc: it\u2019s\n".encode()
    assert parse_bytes(data, name="f.yaml").source.problems == []


def test_a_letter_of_another_alphabet_in_a_word_is_a_warning() -> None:
    problem = _only_problem("a: [b, \u0410CME]".encode())  # a Cyrillic A
    assert (problem.code, problem.severity, _place(problem)) == (
        "yaml/look-alike",
        "warning",
        (1, 8),
    )
    assert problem.message == 'the "\u0410" in this word is none of the Latin alphabet (U+0410)'


def test_words_of_other_alphabets_are_texts_like_others() -> None:
    words = "\u041c\u043e\u0441\u043a\u0432\u0430 x"
    data = f"a: {words}\nb: 5 \u00b5s, \u03b1-test\n# \u0410CME\n".encode()
    assert parse_bytes(data, name="f.yaml").source.problems == []


@pytest.mark.parametrize(
    ("text", "number", "place"),
    [
        ("{a: 1,000}", "1,000", (1, 5)),
        ("{a: -25,000,000.5, b: 2}", "-25,000,000.5", (1, 5)),
        ("x:\n  - {b: y, a: 10,500,c: 2}\n", "10,500", (2, 15)),
    ],
)
def test_a_comma_between_thousands_in_braces_is_an_error(
    text: str, number: str, place: tuple[int, int]
) -> None:
    """Where YAML has a key 000 without a value, which nobody means."""
    problem = _only_problem(text.encode())
    assert (problem.code, problem.severity, _place(problem)) == (
        "yaml/grouped-digits",
        "error",
        place,
    )
    assert problem.message.startswith(f"{number} is more than one value here")
    assert problem.hint == number.replace(",", "")


def test_in_a_list_it_is_a_warning_since_both_may_be_meant() -> None:
    problem = _only_problem(b"a: [5, 10,000, 50]\n")
    assert (problem.code, problem.severity, _place(problem), problem.hint) == (
        "yaml/grouped-digits",
        "warning",
        (1, 8),
        "10000",
    )


@pytest.mark.parametrize(
    "text",
    [
        "a: 1,000",  # a text, which says so where a number is wanted
        "{a: 1, 000: x}",
        "{a: '1',000: x}",
        "{a: 1,00: x}",
        "[80,443]",
        "[10, 000]",
        "[0,000]",
        "['10',000]",
        "[10,0001]",
    ],
)
def test_other_commas_are_what_they_are(text: str) -> None:
    assert parse_bytes(text.encode(), name="f.yaml").source.problems == []


def test_a_duplicate_key_is_an_error_with_both_places() -> None:
    problem = _only_problem(b"a: 1\nb: 2\na: 3\n")
    assert (problem.code, _place(problem)) == ("yaml/duplicate-key", (3, 1))
    assert [(place.line, place.column) for place in problem.related] == [(1, 1)]


def test_several_refused_things_are_found_in_one_pass() -> None:
    data = b"a: 1\na: 2\nb: !include x\n? [c]\n: d\n<<: {e: 1}\nf: *nowhere\n"
    problems = parse_bytes(data, name="f.yaml").source.problems
    assert [(p.code, p.location.line) for p in problems] == [
        ("yaml/duplicate-key", 2),
        ("yaml/tag", 3),
        ("yaml/key-not-text", 4),
        ("yaml/merge-key", 6),
        ("yaml/unknown-alias", 7),
    ]


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!custom", "!!binary", "!!int", "!!timestamp"]
)
@pytest.mark.parametrize("value", ["x", "[x]", "{x: y}"])
def test_tags_are_refused(tag: str, value: str) -> None:
    assert _only_problem(f"a: {tag} {value}".encode()).code == "yaml/tag"


@pytest.mark.parametrize("value", ["! ACME", "!ACME", "!=ACME"])
def test_an_exclamation_mark_does_not_get_lost(value: str) -> None:
    """Somebody wrote it for a not, and would be told of what they wanted to leave out."""
    problem = _only_problem(f"a: {value}".encode())
    assert (problem.code, problem.location.column) == ("yaml/tag", 4)
    assert problem.advice == "put it into quotes if it is text, or remove it"
    node = parse_node(b"! 'ACME'", name="f.yaml")
    assert isinstance(node, ScalarNode)
    assert node.text == "ACME"


def test_the_tag_of_text_makes_text() -> None:
    node = parse_node(b"!!str 12", name="f.yaml")
    assert isinstance(node, ScalarNode)
    assert meaning(node) == "12"


def test_an_alias_stands_for_its_value() -> None:
    node = parse_node(b"a: &w 5s\nb: *w\n", name="f.yaml")
    assert isinstance(node, MappingNode)
    value = node.get("b")
    assert isinstance(value, ScalarNode)
    assert (value.text, value.line, value.column) == ("5s", 1, 4)


def test_an_alias_in_itself_is_refused() -> None:
    assert _only_problem(b"a: &x [1, *x]").code == "yaml/endless-alias"


def test_aliases_cannot_blow_up() -> None:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 30)
    ]
    problem = _only_problem(b"\n".join(lines))
    assert (problem.code, problem.location.line) == ("yaml/too-many-values", 6)


def test_depth_is_bounded() -> None:
    assert parse_bytes(b"[" * 64 + b"]" * 64, name="f.yaml").source.problems == []
    problem = _only_problem(b"a: " + b"[" * 100_000)
    assert (problem.code, problem.location.column) == ("yaml/too-deep", 67)


def test_the_number_of_values_is_bounded() -> None:
    problem = _only_problem(b"[" + b"1," * 200 + b"]", limits=Limits(max_nodes=100))
    assert problem.code == "yaml/too-many-values"


def test_the_size_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "big.yaml"
    file.write_bytes(b"#" * 5_000)
    with pytest.raises(ProblemsFound, match="larger than 4KiB"):
        read_node(file, limits=Limits(max_bytes=4_096))


def test_problems_of_one_kind_are_not_collected_for_ever() -> None:
    problems = parse_bytes(b"a: 1\n" * 50_000, name="f.yaml").source.problems
    assert len(problems) == 1_000


def test_invalid_utf_8_has_its_place() -> None:
    problem = _only_problem("a: 1\nñ: é".encode() + b"\xff\n")
    assert (problem.code, _place(problem)) == ("yaml/not-utf-8", (2, 5))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_are_named(encoding: str) -> None:
    problem = _only_problem("a: 1".encode(encoding))
    assert problem.message == f"the file is in {encoding.upper()}, not in UTF-8"


def test_a_byte_order_mark_is_only_a_warning() -> None:
    parsed = parse_bytes(b"\xef\xbb\xbfa: 1", name="f.yaml")
    assert [(p.code, p.severity) for p in parsed.source.problems] == [
        ("yaml/byte-order-mark", "warning")
    ]
    assert _places(parsed.documents[0]) == ((1, 1), [("a", (1, 1), (1, 4))])


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\ufeff", "\x1b", "\0", "\x85", "\u2028"])
def test_invisible_characters_are_refused_even_in_comments(char: str) -> None:
    problem = _only_problem(f"a: 1\n# x{char}y\n".encode())
    assert (problem.code, _place(problem)) == ("yaml/invisible-character", (2, 4))


def test_a_missing_file_is_a_problem_with_the_name_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").touch()
    with pytest.raises(ProblemsFound) as caught:
        read_node(tmp_path / "pipelin.yaml")
    [problem] = caught.value.problems
    assert problem.hint == str(tmp_path / "pipeline.yaml")


def test_a_folder_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match="can't be read"):
        read_node(tmp_path)


def _scalar(text: str) -> ScalarNode:
    node = parse_node(text.encode(), name="f.yaml")
    assert isinstance(node, ScalarNode)
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("off", "off"),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", "017"),
        ("1_000", "1_000"),
        ("16:00", "16:00"),
        ("0b11", "0b11"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("2026-01-31", "2026-01-31"),
        ("'12'", "12"),
        (str(2**256 - 1), 2**256 - 1),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    found = meaning(_scalar(text))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("no", "false"),
        ("ON", "true"),
        ("16:00", "a number to the base 60"),
        ("0123", "an octal number or drop its zeros"),
        ("1_000", "a number without the _"),
        ("'no'", None),
        ("note", None),
        ("12", None),
        ("09:30", None),
    ],
)
def test_what_other_yaml_readers_take_for_something_else_is_known(
    text: str, other: str | None
) -> None:
    assert other_reading(_scalar(text)) == other


def test_a_number_without_end_is_text() -> None:
    assert meaning(_scalar("9" * 10_000)) == "9" * 10_000


def test_no_representation_of_a_node_shows_its_text() -> None:
    assert "hunter2" not in repr(parse_node(b"password: hunter2", name="f.yaml"))
    assert "hunter2" not in repr(_scalar("hunter2"))


@pytest.mark.parametrize(
    "line",
    [
        b"password: hunter2: x",
        b"api_key: 'hunter2': x",
        b"url: nats://user:hunter2@host: x",
        b"url: https://host/?apikey=hunter2: x",
        b"{client_secret: hunter2: x",
        b"Authorization: hunter2 hunter2: x",
        b"password: '#,}hunter2': x",
        b"{password: a#b,hunter2, a: b: x",
    ],
)
def test_a_line_that_is_shown_hides_what_looks_like_a_secret(line: bytes) -> None:
    problem = _only_problem(line)
    assert problem.context is not None
    assert "hunter2" not in problem.context.text
    assert "***" in problem.context.text
