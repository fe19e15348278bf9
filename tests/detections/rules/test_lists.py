"""Reference lists: `%name%` in a rule stands for the values of a list."""

from pathlib import Path

import pytest

from tests.detections.rules.documents import HEADER, folder, folder_problems, matches

LISTS = """\
lists:
  custodians: ["0xAA", '0xbb']
  symbols: [ACME, "W?DGET", 007]
  dotted: ["a.c"]
"""


def rule(item: str) -> str:
    return (
        f"{HEADER}logsource: {{product: tapewatch}}\ndetection:\n  s:\n    {item}\n  condition: s\n"
    )


@pytest.mark.parametrize(
    ("item", "event", "expected"),
    [
        ("source.address|expand: '%custodians%'", {"source.address": "0xaa"}, True),
        ("source.address|expand: '%custodians%'", {"source.address": "0xBB"}, True),
        ("source.address|expand: '%custodians%'", {"source.address": "0xcc"}, False),
        ("source.address|neq|expand: '%custodians%'", {"source.address": "0xcc"}, True),
        ("source.address|cased|expand: '%custodians%'", {"source.address": "0xaa"}, False),
        ("token.symbol|expand: ['%symbols%', OTHER]", {"token.symbol": "other"}, True),
        # a value may have wildcards, as everywhere in a rule
        ("token.symbol|expand: '%symbols%'", {"token.symbol": "WIDGET"}, True),
        # it is taken as it stands there, also where YAML sees a number
        ("token.symbol|expand: '%symbols%'", {"token.symbol": "007"}, True),
        ("token.symbol|expand: 'X-%symbols%'", {"token.symbol": "x-acme"}, True),
        ("token.name|contains|expand: '%symbols%'", {"token.name": "The ACME token"}, True),
        ("token.name|expand|startswith: '%symbols%'", {"token.name": "ACME token"}, True),
        ("token.name|contains|all|expand: '%symbols%'", {"token.name": "ACME"}, False),
        ("token.name|contains|all|expand: '%symbols%'", {"token.name": "acme w1dget 007"}, True),
        # two placeholders: any combination
        ("token.name|expand: '%symbols%/%dotted%'", {"token.name": "ACME/a.c"}, True),
        # in an expression the values are text
        ("token.name|re|expand: '^%dotted%$'", {"token.name": "a.c"}, True),
        ("token.name|re|expand: '^%dotted%$'", {"token.name": "abc"}, False),
        ("token.name|re|i|expand: '^x.*%dotted%$'", {"token.name": "XYZa.C"}, True),
        ("token.name|expand|base64: '%dotted%'", {"token.name": "YS5j"}, True),
        # a percent sign that stands for itself
        (r"token.name|expand: '\%dotted\%'", {"token.name": "%dotted%"}, True),
        ("token.name: '%dotted%'", {"token.name": "%dotted%"}, True),
    ],
)
def test_a_placeholder_stands_for_the_values_of_its_list(
    tmp_path: Path, item: str, event: dict[str, str], expected: bool
) -> None:
    found = folder(tmp_path, {"r.yml": rule(item), "deep/our.lists.yml": LISTS})
    assert matches(found, event) is expected


def test_another_list_makes_another_version_of_the_rules_that_name_it(tmp_path: Path) -> None:
    named, other = rule("token.symbol|expand: '%symbols%'"), rule("token.symbol: A")
    hashes: list[str] = []
    for text in (LISTS, LISTS.replace("ACME", "ACMF")):
        for document in (named, other):
            (found,) = folder(tmp_path, {"r.yml": document, "x.lists.yml": text}).sigma
            hashes.append(found.rule.hash)
    assert hashes[0] != hashes[2]
    assert hashes[1] == hashes[3]


@pytest.mark.parametrize(
    ("lists", "item", "message", "hint"),
    [
        (LISTS, "token.symbol|expand: 'X %symbls%'", 'there is no list "symbls"', "symbols"),
        (LISTS, "token.name|re|expand: '^%symbls%'", 'there is no list "symbls"', "symbols"),
        ("lists: {a: []}", "token.name: x",
         "a list needs a value: a rule that names an empty one could match nothing", None),
        ("lists: {a: x}", "token.name: x", "this isn't a list", None),
        ("lists: [a]", "token.name: x", "this isn't a group of lists", None),
        ("lists: {a: [null]}", "token.name: x", "this isn't a value", None),
        ("lists: {a: [{b: c}]}", "token.name: x", "this isn't a value", None),
        ("lists: {a b: [c]}", "token.name: x", "a list can't be called so", None),
        ("list: {a: [c]}", "token.name: x", "the key \"list\" isn't known here", "lists"),
    ],
)  # fmt: skip
def test_a_mistake_with_lists(
    tmp_path: Path, lists: str, item: str, message: str, hint: str | None
) -> None:
    (problem,) = folder_problems(tmp_path, {"r.yml": rule(item), "x.lists.yml": lists})
    assert (problem.message, problem.hint) == (message, hint)
    assert problem.context is not None


def test_the_place_of_a_list_that_isn_t_there(tmp_path: Path) -> None:
    (problem,) = folder_problems(
        tmp_path, {"r.yml": rule("token.symbol|expand: 'X %symbls% Y'"), "x.lists.yml": LISTS}
    )
    assert problem.context is not None
    context = problem.context
    assert context.text[context.start : context.start + context.length] == "%symbls%"


@pytest.mark.parametrize(
    ("values", "item", "message", "hint"),
    [
        ("[FR, USA]", "investor.jurisdiction|expand: '%a%'",
         'in the list %a%: investor.jurisdiction is never "USA"', "US"),
        ("[pool, market maker]", "investor.labels|neq|expand: '%a%'",
         'in the list %a%: investor.labels is never "market maker"', "market_maker"),
        ("[marketmaker]", "investor.labels|expand: ['%a%', pool]",
         'in the list %a%: "marketmaker" is none of the usual labels; it is taken as one of yours',
         "market_maker"),
        ("[trade, trades]", "event.action|expand: '%a%'",
         'in the list %a%: event.action is never "trades"', "trade"),
    ],
)  # fmt: skip
def test_a_value_of_a_list_that_the_field_never_has_is_a_warning(
    tmp_path: Path, values: str, item: str, message: str, hint: str
) -> None:
    files = {"r.yml": rule(item), "x.lists.yml": f"lists: {{a: {values}}}"}
    (problem,) = folder_problems(tmp_path, files)
    assert (problem.severity, problem.message, problem.hint) == ("warning", message, hint)
    assert problem.context is not None
    assert problem.context.text.lstrip().startswith(item[:12])


def test_of_many_such_values_some_are_told(tmp_path: Path) -> None:
    lists = "lists: {a: [USA, FR, DEU, Norway, RUS]}"
    files = {"r.yml": rule("investor.jurisdiction|expand: '%a%'"), "x.lists.yml": lists}
    found = [one.message.rpartition(" ")[2] for one in folder_problems(tmp_path, files)]
    assert found == ['"USA"', '"DEU"', '"Norway"']


@pytest.mark.parametrize(
    "item",
    [
        *("investor.jurisdiction|expand: '%a%'", "investor.labels|contains|expand: '%b%'"),
        *("investor.id|expand: '%b%'", "event.action|expand: '%c%'"),
        *("investor.labels|expand: '%c%'", "investor.jurisdiction|expand: '\\%b\\%'"),
    ],
)
def test_values_of_lists_that_events_may_have_are_not_complained_of(
    tmp_path: Path, item: str
) -> None:
    lists = "lists: {a: [us, FR, 'X?'], b: [x y, maker], c: ['token-*', trade]}"
    assert folder_problems(tmp_path, {"r.yml": rule(item), "x.lists.yml": lists}) == []


def test_two_lists_can_t_have_one_name(tmp_path: Path) -> None:
    (problem,) = folder_problems(
        tmp_path, {"a.lists.yml": "lists: {a: [x]}", "b.lists.yml": "lists: {a: [y]}"}
    )
    assert problem.message == 'another list has the name "a"'
    assert problem.related[0].file.endswith("a.lists.yml")


def test_placeholders_don_t_multiply_without_end(tmp_path: Path) -> None:
    many = "lists:\n  many: [" + ", ".join(f"v{n}" for n in range(1000)) + "]\n"
    (problem,) = folder_problems(
        tmp_path, {"r.yml": rule("token.name|expand: '%many%%many%'"), "x.lists.yml": many}
    )
    assert problem.message == "its placeholders stand for more than 100,000 values"
