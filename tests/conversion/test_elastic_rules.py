"""Rules for Elastic Security are such as its import takes, and say what ours say."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from detections.conversion.export import Choices, export, written
from detections.rules import RuleSet, load_rules
from detections.rules.loading import parse_rules
from normalizer.events.taxonomy import fields
from tests.conversion.converting import correlation, items, rule
from tests.conversion.detection_engine import AnyRule, EqlRule, EsqlRule, QueryRule
from tests.fixtures.shipped_rules import shipped_rules

EXCEPTION = """\
exceptions:
  - rules: [base]
    entities: [INV-0001]
    owner: jane@example.com
    reason: Omnibus account of the custodian
    expires: 2027-01-31
"""


def ndjson(ruleset: RuleSet, **choices: Any) -> list[dict[str, Any]]:
    text = written(export(ruleset, Choices(format="siem", **choices)), "siem")
    return [msgspec.json.decode(line) for line in text.splitlines()]


def only(*documents: str, **choices: Any) -> dict[str, Any]:
    (found,) = ndjson(parse_rules("---\n".join(documents).encode()), **choices)
    return found


@pytest.fixture(scope="module")
def ours() -> RuleSet:
    return shipped_rules()


def test_every_rule_of_ours_is_one_that_the_import_takes(ours: RuleSet) -> None:
    found = ndjson(ours, alerts=True)
    assert len(found) == sum(not getattr(one, "silent", False) for one in _all(ours))
    for one in found:
        msgspec.convert(one, AnyRule)
    assert len({one["rule_id"] for one in found}) == len(found)
    assert {type(msgspec.convert(one, AnyRule)) for one in found} == {QueryRule, EsqlRule, EqlRule}


def _all(ruleset: RuleSet) -> list[Any]:
    return [*ruleset.sigma, *ruleset.correlations, *ruleset.correlators]


def test_fields_that_it_names_are_mapped(ours: RuleSet) -> None:
    for one in ndjson(ours, alerts=True):
        for required in one["required_fields"]:
            assert fields()[required["name"]].es == required["type"]
        for name in one.get("investigation_fields", {}).get("field_names", []):
            assert name in fields()
        for mapping in (*one["risk_score_mapping"], *one["severity_mapping"]):
            assert mapping["field"] in fields()
        assert one.get("timestamp_override", "event.ingested") in fields()


def test_a_rule_says_what_ours_says(tmp_path: Path) -> None:
    extra = (
        "note: Call the desk.\nlicense: Apache-2.0\nmodified: 2026-03-04\n"
        "reason: '{token.symbol} moved'\ntags: [attack.impact]\n"
    )
    (tmp_path / "r.yml").write_text(rule(items("event.action: token-transfer"), extra=extra))
    (found,) = ndjson(load_rules([tmp_path]))
    assert found["rule_id"] == "7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b001"
    assert (found["name"], found["description"]) == ("Rule 1", "For a test.")
    assert (found["severity"], found["risk_score"], found["version"]) == ("high", 73, 20260304)
    assert (found["note"], found["license"]) == ("Call the desk.", "Apache-2.0")
    assert found["tags"] == ["Tapewatch", "Typology: spoofing", "Status: test", "attack.impact"]
    assert found["investigation_fields"] == {"field_names": ["token.symbol"]}
    assert found["index"] == ["logs-tapewatch.events-*"]
    assert (found["interval"], found["from"], found["timestamp_override"]) == (
        *("5m", "now-6m", "event.ingested"),
    )
    assert found["enabled"] is True


def test_a_staged_rule_is_switched_off() -> None:
    found = only(rule(items("event.action: trade"), extra="staged: true\n"))
    assert found["enabled"] is False
    assert "Status: test, staged" in found["tags"]


def test_the_level_informational_is_low() -> None:
    found = only(rule(items("event.action: trade")).replace("level: high", "level: informational"))
    assert (found["severity"], found["risk_score"]) == ("low", 10)


def test_a_correlation_looks_back_over_a_whole_bucket_by_event_time() -> None:
    body = "  type: event_count\n  rules: [base]\n  timespan: 30m\n  condition: {gte: 3}"
    found = only(rule(items("event.action: trade")), correlation(body))
    assert (found["type"], found["interval"], found["from"]) == ("esql", "30m", "now-61m")
    assert "timestamp_override" not in found
    assert "index" not in found
    assert (
        "Not the same as in Tapewatch: ES|QL counts in fixed buckets of 30m"
        in (found["description"])
    )


def test_the_language_without_a_loss_is_chosen() -> None:
    compared = only(rule(items("source.address|fieldref: destination.address")))
    assert compared["type"] == "esql"
    assert "Not the same" not in compared["description"]


def test_an_exception_is_part_of_the_query_until_its_end(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(rule(items("event.action: order-placed")))
    (tmp_path / "r.exceptions.yml").write_text(EXCEPTION)
    (found,) = ndjson(load_rules([tmp_path]))
    assert '@timestamp:{* TO "2027-01-31T00:00:00.000000000Z"}' in found["query"]
    assert "investor.account:/[iI][nN][vV]-0001/" in found["query"]
    assert (
        "Left alone until 2027-01-31: Omnibus account of the custodian (jane@example.com)."
        in found["description"]
    )


def test_alerts_of_a_correlator_are_taken_over(ours: RuleSet) -> None:
    correlator = ours.correlators[0].rule
    found = next(o for o in ndjson(ours, alerts=True) if o["rule_id"] == correlator.id)
    assert found["query"] == f'event.kind:"alert" AND rule.id:"{correlator.id}"'
    assert found["index"] == ["logs-tapewatch.alerts-*"]
    assert found["rule_name_override"] == "message"
    assert {m["value"] for m in found["severity_mapping"]} == {"10", "21", "47", "73", "99"}


def test_strict_refuses_what_is_not_equal_in_meaning() -> None:
    document = rule(items(r"token.symbol|re: ^\d$"))
    (lenient,) = export(parse_rules(document.encode()), Choices(format="siem"))
    (strict,) = export(parse_rules(document.encode()), Choices(format="siem", strict=True))
    assert (lenient.way, strict.way) == ("lucene", None)
    assert [p.severity for p in lenient.problems] == ["warning"]
    assert {p.severity for p in strict.problems} == {"error"}
    (alert,) = export(
        parse_rules(document.encode()), Choices(format="siem", strict=True, alerts=True)
    )
    assert alert.way == "alerts"
