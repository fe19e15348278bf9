"""Queries are of their language, and every text in them is the rule's own."""

import random
import re

import msgspec
import pytest

from detections.conversion.convert import Converter
from detections.conversion.esql import quoted
from detections.conversion.expressions import Untranslatable, translate
from detections.fields import taxonomy
from tests.conversion.converting import items, one, rule
from tests.conversion.grammars import eql_mistakes, esql_mistakes
from tests.conversion.random_rules import random_rules
from tests.conversion.records import HOSTILE
from tests.fixtures.shipped_rules import shipped_rules

WRITTEN = [
    # (detection, Lucene, ES|QL, EQL, SPL)
    (
        items("event.action: token-transfer", "token.symbol: ACME", "token.amount|gte: 0.5"),
        'event.action:"token-transfer" AND token.symbol:/[aA][cC][mM][eE]/ AND token.amount:>=0.5',
        'event.action=="token-transfer" and to_lower(token.symbol) == "acme" and token.amount>=0.5',
        'event.action == "token-transfer" and token.symbol : "ACME" and token.amount >= 0.5',
        'event.action="token-transfer" token.symbol="ACME" token.amount>=0.5',
    ),
    (
        "  s: {event.action: trade}\n  f: {investor.buyer.labels: [a, b]}\n"
        "  condition: s and not f",
        'event.action:"trade" AND (NOT (investor.buyer.labels:("a" OR "b")))',
        'event.action=="trade" and not coalesce('
        'mv_concat(investor.buyer.labels, "\\n") rlike "(.*\\n)?(a)(\\n.*)?" or '
        'mv_concat(investor.buyer.labels, "\\n") rlike "(.*\\n)?(b)(\\n.*)?", false)',
        None,
        'event.action="trade" NOT ("investor.buyer.labels{}"="a" OR "investor.buyer.labels{}"="b")',
    ),
    (
        "  s: {token.symbol|cased: A}\n  n: {token.symbol: null}\n  condition: s or not n",
        'token.symbol:"A" OR _exists_:token.symbol',
        'token.symbol=="A" or token.symbol is not null',
        'token.symbol == "A" or (not ?token.symbol == null)',
        None,
    ),
    (
        "  s: {blockchain.block.number: [-5, 5]}\n  n: {token.id|exists: false}\n"
        "  condition: s or n",
        '(blockchain.block.number:("-5" OR "5")) OR (NOT _exists_:token.id)',
        "blockchain.block.number in (-5, 5) or token.id is null",
        "(blockchain.block.number == -5 or blockchain.block.number == 5) or ?token.id == null",
        "(blockchain.block.number=-5 OR blockchain.block.number=5 OR NOT token.id=*)",
    ),
]


@pytest.mark.parametrize(("detection", "lucene", "esql", "eql", "spl"), WRITTEN)
def test_a_rule_is_written_in_each_language(
    detection: str, lucene: str, esql: str, eql: str | None, spl: str | None
) -> None:
    assert one("lucene", rule(detection)).query == lucene
    start = "from logs-tapewatch.events-* metadata _id, _index, _version | where "
    assert one("esql", rule(detection)).query == start + esql
    assert one("eql", rule(detection)).query == (eql and f"any where {eql}")
    if spl is not None:
        start = '`tapewatch_index` sourcetype="tapewatch:ecs" event.kind=event '
        end = "\n| dedup event.id"
        found = one("spl", rule(detection)).query or ""
        assert found.removeprefix(start).removesuffix(end).strip("()") == spl.strip("()")


def test_all_our_rules_and_random_ones_are_of_the_grammars() -> None:
    for ruleset in (shipped_rules(), random_rules(random.Random(7), 150)):
        converter = Converter(ruleset)
        for found in converter.rules():
            esql = converter.convert(found, "esql").query
            assert esql is None or esql_mistakes(esql) == [], esql
            eql = converter.convert(found, "eql").query
            assert eql is None or eql_mistakes(eql) == [], eql


@pytest.mark.parametrize("name", taxonomy())
def test_every_field_can_stand_in_a_query(name: str) -> None:
    document = rule(items(f"'{name}|exists': true"))
    esql = one("esql", document).query
    assert esql is None or esql_mistakes(esql) == []
    eql = one("eql", document).query
    assert eql is None or eql_mistakes(eql) == []


def unquoted(text: str) -> str:
    """A string of ES|QL or EQL as its parser reads it."""
    assert text[0] == text[-1] == '"'
    found = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "\\\\": "\\", '\\"': '"'}
    inner = text[1:-1]
    assert not re.search(r'(?<!\\)(\\\\)*"', inner), "the string would end early"
    return re.sub(r"\\.", lambda match: found[match[0]], inner)


@pytest.mark.parametrize("text", [*HOSTILE, '"\n|where true', "\\", "\\\\", 'a\\"'])
def test_a_hostile_text_stays_a_text(text: str) -> None:
    assert unquoted(quoted(text)) == text
    value = msgspec.json.encode(text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?"))
    document = rule(items(f"token.symbol|cased: {value.decode()}"))
    esql = one("esql", document).query or ""
    assert unquoted(esql.partition("==")[2]) == text
    assert esql_mistakes(esql) == []
    eql = one("eql", document).query or ""
    assert unquoted(eql.partition(" == ")[2]) == text
    assert eql_mistakes(eql) == []
    spl = one("spl", document)
    if spl.query is not None:
        lines = spl.query.splitlines()
        assert lines[0] == '`tapewatch_index` sourcetype="tapewatch:ecs" event.kind=event'
        assert lines[1].startswith('| regex token.symbol="(?s)^') or lines[1].startswith("| regex")
        assert lines[2:] == ["| dedup event.id"]
        inner = lines[1].partition('="')[2]
        assert not re.search(r'(?<!\\)(\\\\)*"', inner[:-1]), "the string would end early"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_in_any_case_stays_a_text_in_splunk(text: str) -> None:
    value = msgspec.json.encode(text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?"))
    query = one("spl", rule(items(f"token.symbol: {value.decode()}"))).query
    if query is None or "*" in text:
        return
    written = query.splitlines()[0].partition("token.symbol=")[2]
    assert written == '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def lucene_of(expression: str) -> re.Pattern[str]:
    """A translated expression, which Python can run too: it is in both languages."""
    return re.compile(translate(expression, 0).pattern, re.DOTALL)


@pytest.mark.parametrize(
    "expression",
    [
        *("^a", "a$", "^a$", "a", "a|b", "^a|b$", "^(a|b)$", "(^a|b$)", "a.b", "(?s)a.b", "a*b"),
        *("(?i)k", "(?i)s", "(?i)[a-c]x", "[^a]", "a{2,3}", "(?:ab)+", "(?m)^b", "(?m)a$", r"\s"),
        *(
            r"(?a)\d",
            r"(?a)\w+",
            r"a\.b",
            r"[\]\\/]",
            r"\\",
            "",
            "^$",
            "a??b",
            "(a)(b)?",
            r"(?a)\A\w\Z",
        ),
    ],
)
def test_a_translated_expression_matches_the_same_texts(expression: str) -> None:
    texts = [
        *HOSTILE,
        "ab",
        "ba",
        "aa",
        "a\nb",
        "b\na",
        "a\n",
        "aab",
        "k",
        "\u212a",
        "ſ",
        "x/y",
        "]",
    ]
    ours, theirs = re.compile(expression), lucene_of(expression)
    for text in texts:
        assert (ours.search(text) is not None) is (theirs.fullmatch(text) is not None), text


@pytest.mark.parametrize(
    "expression",
    [
        "(?=a)",
        "(?<!a)b",
        r"\bfoo",
        r"(a)\1",
        "a(?:^b)",
        "(?>a)",
        "a++",
        "(?i)é",
        "a{300}",
        r"[\Dx]",
    ],
)
def test_what_lucene_can_not_say_is_refused(expression: str) -> None:
    with pytest.raises(Untranslatable):
        translate(expression, 0)
