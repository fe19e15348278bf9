"""What each language can't say alike is refused or warned of, at its place."""

import pytest

from detections.conversion.languages import DIALECTS, Language
from tests.conversion.converting import codes, convert, correlation, items, one, rule

ITEMS: list[tuple[str, dict[Language, dict[str, str]]]] = [
    # what all of them say alike
    ("token.symbol: ACME", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    ("token.symbol|cased: ACME", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    ("token.amount|gte: 0.5", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    ("token.symbol|exists: false", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    ("token.symbol: null", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    ("token.symbol|neq: ACME", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    ("token.symbol|re: ^AC", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    # exact integers are text
    (
        "token.amount_raw|gt: 5",
        {language: {"size-of-text": "error"} for language in DIALECTS},
    ),
    ("token.amount_raw: 5", {"lucene": {}, "esql": {}, "eql": {}, "spl": {"number": "warning"}}),
    # a float can't hold it
    (
        f"token.amount|gte: {2**53 + 1}",
        {language: {"number": "warning"} for language in DIALECTS},
    ),
    # lists
    ("investor.labels: custodian", {"lucene": {}, "esql": {}, "eql": {"list": "error"}, "spl": {}}),
    ("market.book.bid.prices|gt: 5", {"lucene": {}, "esql": {}, "eql": {"list": "error"}}),
    ("market.book.bid.prices: 5", {"lucene": {}, "esql": {"list": "error"}}),
    # two fields
    (
        "source.address|fieldref: destination.address",
        {
            "lucene": {"two-fields": "error"},
            "esql": {},
            "eql": {"two-fields": "error"},
            "spl": {},
        },
    ),
    # parts of times
    (
        "'@timestamp|hour': 5",
        {
            "lucene": {"time-part": "error"},
            "esql": {},
            "eql": {"time-part": "error"},
            "spl": {"time-part": "error"},
        },
    ),
    ("'@timestamp|week': 5", {"esql": {"time-part": "error"}}),
    ("'@timestamp|gte': 1767225600000000001", {"lucene": {}, "esql": {}, "spl": {"time": "error"}}),
    # networks in text
    ("source.address|cidr: 10.0.0.0/8", {"lucene": {"network": "error"}, "esql": {}, "spl": {}}),
    # not indexed
    ("blockchain.log.data: '0x'", {"lucene": {"not-indexed": "error"}}),
    # held as words
    (
        "token.corporate_event.title: a=b",
        {"lucene": {"words": "error"}, "esql": {}, "eql": {"words": "error"}, "spl": {}},
    ),
    ("token.corporate_event.title|exists: true", {"lucene": {}, "esql": {}, "eql": {}}),
    # expressions
    (
        "token.symbol|re: (?=a)b",
        {"lucene": {"expression": "error"}, "esql": {"expression": "error"}, "spl": {}},
    ),
    (r"token.symbol|re: \d", {"lucene": {"expression": "warning"}}),
    (r"token.symbol|re: a\b", {"lucene": {"expression": "error"}}),
    # wildcards, where they can't be said alike
    ("token.symbol: 'a?c'", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    (r"token.symbol: 'a\*c'", {"lucene": {}, "esql": {}, "eql": {}, "spl": {}}),
    ("token.symbol: ['a?c', x]", {"lucene": {}, "spl": {"wildcard": "warning"}}),
    (r"token.symbol: ['a\*c', x]", {"lucene": {}, "spl": {"wildcard": "error"}}),
    ("token.symbol|cased: [A, B]", {"lucene": {}, "spl": {"letter-case": "warning"}}),
    ("token.symbol: 'a`b'", {"lucene": {}, "spl": {"text": "error"}}),
    # letters whose case depends on what stands around them
    ("token.symbol: ΑΣ", {"lucene": {"letter-case": "warning"}}),
    # too long
    (f"token.symbol: {'a' * 1025}", {"lucene": {"long-text": "error"}}),
    (f"token.symbol|contains: {'a' * 300}", {"lucene": {"long-text": "error"}, "spl": {}}),
]


@pytest.mark.parametrize(
    ("item", "language", "expected"),
    [
        (item, language, expected)
        for item, by_language in ITEMS
        for language, expected in by_language.items()
    ],
)
def test_an_item_is_converted_refused_or_warned_of(
    item: str, language: Language, expected: dict[str, str]
) -> None:
    found = one(language, rule(items(item)))
    assert codes(found) == expected
    assert (found.query is None) is ("error" in expected.values())


def test_a_loss_has_the_place_of_its_item() -> None:
    found = one("lucene", rule(items("event.action: token-transfer", "token.amount_raw|gt: 5")))
    (loss,) = found.losses
    assert loss.place is not None
    assert (loss.place.file, loss.place.column) == ("test.yml", 5)
    assert loss.place.line == rule(items("a: 1")).splitlines().index("    a: 1") + 2


@pytest.mark.parametrize("language", ["lucene", "esql", "eql"])
def test_a_keyword_is_refused_where_not_all_fields_are_searched(language: Language) -> None:
    found = one(language, rule("  s: [needle]\n  condition: s"))
    assert codes(found) == {"keyword": "error"}


def test_a_keyword_is_looked_for_in_splunk_with_a_warning() -> None:
    found = one("spl", rule("  s: [needle]\n  condition: s"))
    assert codes(found) == {"keyword": "warning"}
    assert '"*needle*"' in (found.query or "")


def test_an_expression_under_not_is_refused_in_splunk() -> None:
    # The backend would write `NOT a | regex b` for "not (a and b)".
    detection = "  s:\n    event.action: trade\n    token.symbol|re: ^A\n  condition: not s"
    assert codes(one("spl", rule(detection))) == {"expression": "error"}


def test_a_rule_with_very_many_values_is_warned_of() -> None:
    values = ", ".join(f"a{number}" for number in range(1_001))
    found = one("lucene", rule(items(f"token.symbol: [{values}]")))
    assert codes(found) == {"many-values": "warning"}


def test_fields_of_others_are_warned_of() -> None:
    foreign = rule(items("Image|endswith: x")).replace("tapewatch", "windows")
    assert codes(one("lucene", foreign)) == {"unknown-fields": "warning"}


@pytest.mark.parametrize("name", ["x) OR (y", "a b", "a`b", "a:b", "a{}", 'a"b'])
def test_a_name_that_would_be_a_part_of_the_query_is_refused(name: str) -> None:
    document = rule(items(f"'{name}': x")).replace("tapewatch", "windows")
    for language in DIALECTS:
        assert codes(one(language, document)).get("name") == "error"


BASE = rule(items("event.action: trade"), number=1, name="first")
OTHER = rule(items("event.action: order-placed"), number=2, name="second")
CORRELATIONS: list[tuple[str, dict[Language, dict[str, str]]]] = [
    (
        "  type: event_count\n  rules: [first]\n  group-by: [market.venue]\n  timespan: 5m\n"
        "  condition: {gte: 10}",
        {
            "lucene": {"correlation": "error"},
            "esql": {"buckets": "warning"},
            "spl": {"buckets": "warning"},
            "eql": {"series": "warning"},
        },
    ),
    (
        "  type: event_count\n  rules: [first, second]\n  timespan: 5m\n  condition: {gte: 10}",
        {"esql": {"buckets": "warning"}, "eql": {"correlation": "error"}},
    ),
    (
        "  type: event_count\n  rules: [first]\n  timespan: 5m\n  condition: {lt: 10}",
        {"esql": {"buckets": "warning"}, "eql": {"comparison": "error"}},
    ),
    (
        "  type: event_count\n  rules: [first]\n  timespan: 5m\n  condition: {gt: 10, lte: 20}",
        {"esql": {"buckets": "warning"}, "spl": {"buckets": "warning"}},
    ),
    (
        "  type: value_count\n  rules: [first]\n  timespan: 5m\n"
        "  condition: {gte: 3, field: market.instrument}",
        {"esql": {"buckets": "warning", "approximate": "warning"}, "eql": {"correlation": "error"}},
    ),
    (
        "  type: value_sum\n  rules: [first]\n  timespan: 5m\n"
        "  condition: {gt: 0.5, field: market.trade.quantity}",
        {"esql": {"buckets": "warning"}, "spl": {"buckets": "warning"}},
    ),
    (
        "  type: temporal\n  rules: [first, second]\n  timespan: 5m",
        {
            "esql": {"buckets": "warning"},
            "spl": {"buckets": "warning"},
            "eql": {"timespan": "error"},
        },
    ),
    (
        "  type: temporal_ordered\n  rules: [first, second]\n  timespan: 5m",
        {
            "esql": {"order": "error", "buckets": "warning"},
            "spl": {"order": "error", "buckets": "warning"},
            "eql": {"series": "warning"},
        },
    ),
    (
        "  type: absence\n  rules: [first, second]\n  timespan: 5m",
        {
            "esql": {"absence": "error", "buckets": "warning"},
            "eql": {"absence": "error", "correlation": "error"},
        },
    ),
]


@pytest.mark.parametrize(
    ("body", "language", "expected"),
    [(b, language, expected) for b, by in CORRELATIONS for language, expected in by.items()],
)
def test_a_correlation_is_converted_refused_or_warned_of(
    body: str, language: Language, expected: dict[str, str]
) -> None:
    bases = [base for base in (BASE, OTHER) if ("second" in body) or base is BASE]
    found = one(language, *bases, correlation(body))
    assert codes(found) == expected
    assert (found.query is None) is ("error" in expected.values())


def test_only_of_elastic_another_language_is_advised_for_an_order() -> None:
    body = "  type: temporal_ordered\n  rules: [first, second]\n  timespan: 5m"
    advice = {
        language: [loss.advice for loss in one(language, BASE, OTHER, correlation(body)).losses]
        for language in ("esql", "spl")
    }
    assert "use EQL" in advice["esql"]
    assert "use EQL" not in advice["spl"]


def test_a_threshold_and_a_range_stay_as_they_are() -> None:
    body = (
        "  type: value_sum\n  rules: [first]\n  timespan: 90s\n"
        "  condition: {gt: 0.5, lte: 1000.25, field: market.trade.quantity}"
    )
    for language in ("esql", "spl"):
        query = one(language, BASE, correlation(body)).query or ""
        assert "value_sum > 0.5" in query
        assert "value_sum <= 1000.25" in query
        assert "90s" in query


def test_events_without_a_group_are_left_out() -> None:
    body = (
        "  type: event_count\n  rules: [first]\n  group-by: [market.venue, investor.buyer.id]\n"
        "  timespan: 5m\n  condition: {gte: 10}"
    )
    query = one("esql", BASE, correlation(body)).query or ""
    assert "where market.venue is not null and investor.buyer.id is not null" in query


def test_an_event_is_counted_once_in_splunk() -> None:
    body = "  type: temporal\n  rules: [first, second]\n  timespan: 5m"
    query = one("spl", BASE, OTHER, correlation(body)).query or ""
    assert query.index("dedup event.id event_type") < query.index("stats")


def test_an_alias_of_different_fields_is_made_before_it_is_grouped_by() -> None:
    body = (
        "  type: temporal\n  rules: [first, second]\n  timespan: 5m\n  group-by: [who]\n"
        "  aliases:\n    who: {first: investor.buyer.account, second: investor.account}"
    )
    esql = one("esql", BASE, OTHER, correlation(body)).query or ""
    assert 'who=case(event.action=="trade", investor.buyer.account' in esql
    assert "by timebucket, who" in esql
    spl = one("spl", BASE, OTHER, correlation(body)).query or ""
    assert "rename investor.buyer.account as who" in spl
    assert codes(one("eql", BASE, OTHER, correlation(body)))["timespan"] == "error"


def test_an_alias_of_one_field_is_that_field() -> None:
    body = (
        "  type: event_count\n  rules: [first]\n  timespan: 5m\n  group-by: [who]\n"
        "  aliases:\n    who: {first: investor.buyer.account}\n  condition: {gte: 3}"
    )
    query = one("esql", BASE, correlation(body)).query or ""
    assert "by timebucket, investor.buyer.account" in query


def test_a_correlation_of_correlations_is_refused() -> None:
    inner = correlation(
        "  type: event_count\n  rules: [first]\n  timespan: 5m\n  condition: {gte: 3}"
    )
    outer = correlation(
        "  type: event_count\n  rules: [together]\n  timespan: 1h\n  condition: {gte: 3}"
    )
    outer = outer.replace("b099", "b098").replace("name: together", "name: more")
    found = [f for f in convert("esql", BASE, inner, outer) if f.rule.rule.name == "more"]
    assert [codes(f) for f in found] == [{"chain": "error"}]
