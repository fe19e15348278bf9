"""Rules that convert to SPL without loss find what the engine finds, by our reading of SPL."""

import random

import msgspec

from detections.conversion.convert import Converter
from detections.rules import SigmaRule
from normalizer.events.ecs import nest
from splunk.conf_file import app_conf
from splunk.spl.commands import Context
from splunk.spl.search import Query
from splunk.spl.values import Row, row_of
from tests.conversion.records import numbered, rule_test_records, variants
from tests.conversion.test_against_elasticsearch import CHANCE, alerting, engine_hits
from tests.fixtures.shipped_rules import shipped_rules


def test_each_finds_the_same_events() -> None:
    written = rule_test_records()
    chance = random.Random(CHANCE)
    # As many as take a few seconds.
    some = chance.sample([*written, *variants(written, chance, 150)], 900)
    records = numbered(some)
    # A search looks for events by their kind, which random variants change.
    records = [one for one in records if one.kind == "event"]
    rows: list[Row] = [
        {
            **row_of(
                msgspec.json.decode(msgspec.json.encode(nest(record))), record.timestamp / 1e9
            ),
            "index": "tapewatch",
            "sourcetype": "tapewatch:ecs",
        }
        for record in records
    ]
    ruleset = alerting(shipped_rules())
    converter, expected = Converter(ruleset), engine_hits(ruleset, records)
    macros, context = app_conf("macros"), Context(rows, 0.0, {})
    compared = 0
    for one in converter.rules():
        converted = converter.convert(one, "spl")
        assert isinstance(one, SigmaRule)
        if converted.query is None or converted.losses:
            continue
        found = {str(row["event.id"]) for row in Query(converted.query, macros).run(context)}
        assert found == expected[one.rule.id], one.rule.title
        compared += bool(found)
    assert compared > 50
