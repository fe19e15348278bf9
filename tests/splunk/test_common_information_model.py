"""Fields of Splunk's Common Information Model, calculated over the demo's events.

Source: "Common Information Model Add-on Manual", the data models Alerts, Change and Ticket
Management: names of fields, and the values that are expected where the manual lists them.
"""

from typing import Any

import pytest

from splunk.conf_file import app_conf
from splunk.spl.commands import Context
from splunk.spl.expressions import parse
from splunk.spl.search import Query
from splunk.spl.values import Row
from tests.splunk.demo_results import demo_context

CALCULATED = {
    key.removeprefix("EVAL-"): parse(value)
    for key, value in app_conf("props")["tapewatch:ecs"].items()
    if key.startswith("EVAL-")
}
MODELS: dict[str, dict[str, Any]] = {
    "alert": {
        "app": {"tapewatch"},
        "id": str,
        "severity": {"critical", "high", "medium", "low", "informational", "unknown"},
        "severity_id": float,
        "signature": str,
        "signature_id": str,
        "description": str,
        "subject": str,
        "type": {"alarm", "alert", "event", "task", "warning", "unknown"},
        "vendor_product": {"Tapewatch"},
    },
    "change": {
        "action": {"acl_modified", "cleared", "created", "deleted", "modified", "read", "stopped"},
        "change_type": str,
        "command": str,
        "object": str,
        "status": {"success", "failure"},
        "vendor_product": {"Tapewatch"},
    },
    "ticketing": {
        "ticket_id": str,
        "change": str,
        "severity": {"critical", "high", "medium", "low", "informational", "unknown"},
        "status": str,
        "vendor_product": {"Tapewatch"},
    },
}


@pytest.fixture(scope="module")
def context() -> Context:
    return demo_context()


def tagged(tag: str, context: Context) -> list[Row]:
    """Events of the event types that have the tag."""
    types = [name.partition("=")[2] for name, tags in app_conf("tags").items() if tag in tags]
    assert types
    searches = [app_conf("eventtypes")[name]["search"] for name in types]
    return [row for search in searches for row in Query(search, {}).run(context)]


@pytest.mark.parametrize("tag", MODELS)
def test_a_model_has_its_fields_with_values_that_it_expects(tag: str, context: Context) -> None:
    rows = tagged(tag, context)
    assert rows
    for row in rows:
        values = {name: one.evaluate(row, context.now) for name, one in CALCULATED.items()}
        for name, expected in MODELS[tag].items():
            value = values[name]
            if isinstance(expected, set):
                assert value in expected, (name, row["event.action"])
            else:
                assert isinstance(value, expected), (name, row["event.action"])


def test_fields_of_alerts_are_on_alerts_alone(context: Context) -> None:
    (trade, *_) = Query("event.action=trade", {}).run(context)
    for name in ("id", "signature", "severity", "type", "subject", "description", "ticket_id"):
        assert CALCULATED[name].evaluate(trade, context.now) is None, name


@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("role-granted", "created"),
        ("role-revoked", "deleted"),
        ("rules-changed", "modified"),
        ("agent-removed", "deleted"),
        ("identity-registered", "created"),
        ("contract-upgraded", "modified"),
        ("wallet-unfrozen", "modified"),
    ],
)
def test_what_a_change_was(action: str, change: str) -> None:
    row: Row = {"_time": 0.0, "event.kind": "event", "event.action": action}
    assert CALCULATED["action"].evaluate(row, 0.0) == change
