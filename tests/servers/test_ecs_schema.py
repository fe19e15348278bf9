from typing import Any

import pytest

from tests.servers.ecs_schema import EcsSchema


def alert(**roots: Any) -> dict[str, Any]:
    """A right document, with whole roots replaced."""
    return {
        "@timestamp": "2026-01-31T12:00:00.123456789Z",
        "ecs": {"version": "9.4.0"},
        "event": {
            "kind": "alert",
            "category": ["database", "threat"],
            "type": ["change", "indicator"],
            "severity": 73,
            "risk_score": 73.5,
            "created": "2026-01-31T12:00:00Z",
        },
        "related": {"hash": ["0xabc"], "user": ["0xdef"]},
        "rule": {"id": "wash-trading", "version": "3"},
        "threat": {"enrichments": [{"indicator": {"type": "url"}}]},
        "observer": {"ingress": {"interface": {"name": "eth0"}}},
        "source": {"ip": "2001:db8::1", "geo": {"location": {"lat": 52.5, "lon": 13.4}}},
        "labels": {"environment": "test"},
        "tags": ["surveillance"],
        "blockchain": {"block": {"number": 19_000_000}},
        "token": {"amount_raw": "1"},
        **roots,
    }


def test_a_right_document_has_no_violation(ecs_schema: EcsSchema) -> None:
    assert ecs_schema.violations(alert()) == []


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ({"rule": {"idd": "x"}}, "rule.idd: no ECS field; did you mean rule.id?"),
        ({"rule": {"id": 7}}, "rule.id: must be a string, got 7"),
        ({"rule": {"id": None}}, "rule.id: null; leave the field out"),
        ({"rule": "x"}, "rule: must be an object, got 'x'"),
        ({"rule": {"id": ["a"]}}, "rule.id: must be a string, got ['a']"),
        ({"rule.id": "x"}, "rule.id: dotted key in a nested document"),
        ({"log": {"file.path": "x"}}, "log.file.path: dotted key in a nested document"),
        ({"related": {"hash": "0xabc"}}, "related.hash: must be a list, got '0xabc'"),
        ({"related": {"ip": ["nowhere"]}}, "related.ip: must be an IP address, got 'nowhere'"),
        ({"@timestamp": 1769860800000}, "@timestamp: must be a date like"),
        ({"@timestamp": "2026-01-31T12:00:00"}, "@timestamp: must be a date like"),
        ({"labels": {"a": 1}}, "labels: must be an object whose values are strings"),
        ({"tags": [1]}, "tags: must be a string, got 1"),
        ({"user": {"id": "x" * 1025}}, "user.id: 1025 characters; more than 1024 are not indexed"),
        ({"source": {"port": 2**63}}, "source.port: must be a whole number (long)"),
        ({"source": {"port": True}}, "source.port: must be a whole number (long)"),
        ({"source": {"geo": {"location": {"lat": 91, "lon": 0}}}}, "source.geo.location: must be"),
        ({"host": {"mac": ["00:11"]}}, "host.mac: '00:11' does not match"),
        ({"threat": {"enrichments": [{"x": 1}]}}, "threat.enrichments.x: no ECS field"),
        ({"bloomchain": {}}, "bloomchain: no ECS field"),
        ({"ecs": {}}, "ecs.version: ECS requires it in every document"),
    ],
)
def test_each_violation_is_one_sentence_that_names_the_field(
    ecs_schema: EcsSchema, roots: dict[str, Any], expected: str
) -> None:
    found = ecs_schema.violations(alert(**roots))
    assert len(found) == 1, found
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"kind": "warning"}, "event.kind: 'warning' is not one of alert,"),
        ({"risk_score": float("nan")}, "event.risk_score: must be a finite number"),
        ({"category": ["session"], "type": ["start", "info"]}, None),
        ({"category": ["session"], "type": ["start", "denied"]}, "event.type: 'denied' does not"),
        ({"category": ["session", "web"], "type": ["start"]}, "event.category: 'web' needs one"),
        ({"category": ["session"]}, None),
        ({"type": ["start"]}, "event.type: 'start' without an event.category"),
    ],
)
def test_allowed_values_and_pairs_of_category_and_type_hold(
    ecs_schema: EcsSchema, event: dict[str, Any], expected: str | None
) -> None:
    found = ecs_schema.violations(alert(event=event))
    if expected is None:
        assert found == []
    else:
        assert len(found) == 1, found
        assert found[0].startswith(expected)


def test_only_the_named_roots_are_our_own(ecs_schema: EcsSchema) -> None:
    document = alert()
    assert ecs_schema.violations(document, custom_roots=("token",)) == ["blockchain: no ECS field"]
