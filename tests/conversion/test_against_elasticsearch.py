"""Rules as Lucene queries find what the stream engine finds, event by event, on a real server."""

import random

import msgspec
import pytest

from detections.conversion.convert import Converter
from detections.engine.engine import Engine
from detections.rules import ExceptionRule, RuleSet
from normalizer.events import Record
from normalizer.events.chain import ZERO_ADDRESS
from pipeline.problems import Location
from tests.conversion.random_rules import item_rules, random_rules
from tests.conversion.records import HOSTILE, numbered, rule_test_records, variants
from tests.conversion.searched import Searched
from tests.fixtures.shipped_rules import shipped_rules
from tests.servers.elasticsearch.server import ElasticsearchServer

CHANCE = 20261125


@pytest.fixture(scope="module")
def records() -> list[Record]:
    chance = random.Random(CHANCE)
    written = rule_test_records()
    return numbered([*written, *variants(written, chance, 1_200)])


@pytest.fixture(scope="module")
def searched(elasticsearch: ElasticsearchServer, records: list[Record]) -> Searched:
    return Searched(elasticsearch, records)


def alerting(ruleset: RuleSet) -> RuleSet:
    """The Sigma rules of a set, those for correlations too, each alerting by itself."""
    loud = tuple(msgspec.structs.replace(one, silent=False) for one in ruleset.sigma)
    return RuleSet(sigma=loud, exceptions=ruleset.exceptions)


def engine_hits(ruleset: RuleSet, records: list[Record]) -> dict[str, set[str]]:
    """Ids of the events that each rule alerts on."""
    engine = Engine(ruleset, remembered=len(records))
    found: dict[str, set[str]] = {rule.id: set() for rule in ruleset.rules}
    for alert in [*engine.process(records), *engine.finish()]:
        found[alert.rule_id].add(alert.evidence_events[-1])
    assert engine.take_problems() == []
    return found


def queries(ruleset: RuleSet) -> dict[str, str]:
    """The query of each rule that can be converted without a loss."""
    converter = Converter(ruleset)
    converted = [converter.convert(one, "lucene") for one in converter.rules()]
    return {c.rule.rule.id: c.query for c in converted if c.query is not None and not c.losses}


def demand_the_same_hits(ruleset: RuleSet, records: list[Record], searched: Searched) -> int:
    """How many rules were compared."""
    asked = queries(ruleset)
    expected = engine_hits(ruleset, records)
    found = searched.hits(asked)
    by_id = {record.id: record for record in records}
    for rule_id, query in asked.items():
        for event_id in found[rule_id] ^ expected[rule_id]:
            who = "Elasticsearch" if event_id in found[rule_id] else "the engine"
            rule = next(rule for rule in ruleset.rules if rule.id == rule_id)
            pytest.fail(f"only {who} finds {by_id[event_id]} by {rule.title}:\n{query}")
    return len(asked)


def test_our_rules_find_the_same_events(records: list[Record], searched: Searched) -> None:
    ruleset = alerting(shipped_rules())
    hits = engine_hits(ruleset, records)
    compared = demand_the_same_hits(ruleset, records, searched)
    assert compared >= len(ruleset.sigma) * 0.8
    assert all(hits.values()), "a rule that finds nothing proves nothing"


def test_random_rules_find_the_same_events(records: list[Record], searched: Searched) -> None:
    chance = random.Random(CHANCE)
    ruleset = random_rules(chance, 250)
    assert demand_the_same_hits(ruleset, records, searched) >= 190


def quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


@pytest.mark.parametrize("modifier", ["", "|cased", "|contains", "|startswith", "|endswith|cased"])
def test_hostile_texts_find_the_same_events(
    modifier: str, records: list[Record], searched: Searched
) -> None:
    fields = ("token.symbol", "investor.source.id", "related.user", "tags")
    items = [f"{field}{modifier}: {quoted(text)}" for field in fields for text in HOSTILE]
    assert demand_the_same_hits(item_rules(items), records, searched) > len(items) * 0.9


def test_exceptions_leave_the_same_events_alone(records: list[Record], searched: Searched) -> None:
    ruleset = alerting(shipped_rules())
    chance = random.Random(CHANCE)
    whole = engine_hits(ruleset, records)
    times = sorted(record.timestamp for record in records)
    addresses = ("0x00000000000000000000000000000000000000a1", ZERO_ADDRESS)
    known = ("INV-0001", "acme-usd", *addresses, *HOSTILE[1:9])
    conditions = item_rules(
        ["investor.source.labels: custodian", "token.symbol|startswith: a", "token.amount|gte: 5"]
    )
    exceptions = tuple(
        ExceptionRule(
            id=f"exception-{number}",
            rules=tuple(chance.sample([rule.id for rule in ruleset.rules], k=8)),
            entities=frozenset(
                name.lower() for name in chance.sample(known, k=chance.randint(0, 2))
            )
            or frozenset({"inv-0001"}),
            conditions=chance.choice(conditions.sigma).conditions if chance.random() < 0.5 else (),
            owner="jane@example.com",
            reason="For a test",
            expires=chance.choice(times),
            location=Location("exceptions.yml", 1, 1),
        )
        for number in range(60)
    )
    excepted = RuleSet(sigma=ruleset.sigma, exceptions=exceptions)
    assert engine_hits(excepted, records) != whole, (
        "an exception that covers nothing proves nothing"
    )
    demand_the_same_hits(excepted, records, searched)
