"""Records as ECS documents, and documents as records."""

from typing import Any

import msgspec
import pytest

from normalizer.events import Alert
from normalizer.events.ecs import UnreadableDocument, nest, parse, rfc3339
from normalizer.events.market import OrderPlaced
from normalizer.events.taxonomy import (
    alert_fields,
    event_fields,
    fields,
    record_classes,
    struct_type,
)
from normalizer.normalize import encode_event
from tests.normalizer import blocks as b
from tests.normalizer import venue_frames as v
from tests.normalizer.test_coinbase import MATCH, OPEN
from tests.normalizer.test_evm_transfers import TRANSFER
from tests.servers.ecs_schema import EcsSchema


def samples() -> list[Any]:
    chain = b.normalize(b.frame(b.log(TRANSFER, b.ALICE, b.CAROL, 2**255)))
    venue = v.normalize("coinbase", OPEN | {"user_id": "acct-12"}, MATCH)
    return [*chain.events, *venue.events, ALERT]


ALERT = Alert(
    id="a1",
    timestamp=v.AT,
    created=v.AT - 1,
    provider="venue",
    severity=73,
    risk_score=70.5,
    reason="5 orders of 10,000 were cancelled within 200 ms",
    message="Spoofing: 5 orders",
    rule_id="7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa",
    rule_name="Spoofing",
    rule_version="1",
    rule_hash="00" * 32,
    level="high",
    typology="spoofing",
    entities=("INV-0001",),
    evidence_blocks=(16,),
    metrics={"share_of_depth": 0.8},
)


def test_an_event_is_nested_with_times_as_texts_and_without_what_is_empty() -> None:
    event = v.only(v.normalize("coinbase", MATCH | {"product_id": "X-EUR"}))
    assert nest(event) == {
        "@timestamp": "2023-11-14T22:13:20.028459000Z",
        "ecs": {"version": "9.4.0"},
        "event": {
            "action": "trade",
            "id": "demo-venue:X-EUR:trade:10",
            "kind": "event",
            "module": "tapewatch",
            "dataset": "tapewatch.venue",
            "provider": "venue",
            "original": "RAW/7/0",
            "sequence": 50,
            "created": "2023-11-14T22:13:20.028459000Z",
            "ingested": "2023-11-14T22:13:25.000000000Z",
        },
        "market": {
            "venue": "demo-venue",
            "instrument": "X-EUR",
            "currency": "EUR",
            "trade": {
                "id": "10",
                "price": 400.0,
                "quantity": 5.25,
                "notional": 2100.0,
                "aggressor_side": "buy",
                "maker_order_id": MATCH["maker_order_id"],
                "taker_order_id": MATCH["taker_order_id"],
            },
        },
    }


@pytest.mark.parametrize("record", samples(), ids=lambda record: type(record).__name__)
def test_a_record_comes_back_from_nested_and_from_dotted_json(record: Any) -> None:
    nested = msgspec.json.decode(msgspec.json.encode(nest(record)))
    assert parse(nested) == record
    assert parse(msgspec.json.decode(encode_event(record))) == record


@pytest.mark.parametrize("record", samples(), ids=lambda record: type(record).__name__)
def test_documents_are_valid_ecs(record: Any, ecs_schema: EcsSchema) -> None:
    document = msgspec.json.decode(msgspec.json.encode(nest(record)))
    assert ecs_schema.violations(document) == []


def test_an_event_written_by_hand_needs_no_more_than_what_happened() -> None:
    event = parse(
        {
            "@timestamp": "2023-11-14T22:13:20.5Z",
            "event": {"action": "order-placed"},
            "market": {"venue": "x", "instrument": "A-B", "order.id": 5},
            "market.order.side": ["buy"],
            "market.order.price": "1.5",
            "related.user": "me",
            "labels": {"foreign": "field"},
        }
    )
    assert isinstance(event, OrderPlaced)
    assert event.timestamp == event.ingested == 1_700_000_000_500_000_000
    assert (event.order_id, event.side, event.price) == ("5", "buy", 1.5)
    assert event.related_user == ("me",)
    assert event.id.startswith("sha256:")
    assert (event.provider, event.original) == ("", "")


def test_an_exact_amount_may_be_written_as_a_number() -> None:
    document = nest(samples()[1])
    document["token"]["amount_raw"] = 12345
    event: Any = parse(document)
    assert event.amount_raw == "12345"


@pytest.mark.parametrize(
    "document", [{}, {"event": {"action": "login"}}, {"event.action": ["a", "b"]}, {"event": 1}]
)
def test_foreign_documents_are_none_of_ours(document: dict[str, Any]) -> None:
    assert parse(document) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"@timestamp": "yesterday"}, "@timestamp"),
        ({"@timestamp": -5}, "@timestamp"),
        ({"@timestamp": 1.5}, "@timestamp"),
        ({"@timestamp": None}, "@timestamp"),
        ({"market.venue": None}, "market.venue"),
        ({"market.order.price": "dear"}, "market.order.price"),
        ({"market.order.side": "long"}, "market.order.side"),
        ({"event.sequence": "one"}, "event.sequence"),
    ],
)
def test_a_document_of_ours_that_does_not_fit_names_the_field(
    change: dict[str, Any], field: str
) -> None:
    good = msgspec.json.decode(encode_event(v.only(v.normalize("coinbase", OPEN))))
    with pytest.raises(UnreadableDocument) as caught:
        parse(good | change)
    assert caught.value.field == field


def test_a_document_that_is_nested_without_end_is_refused() -> None:
    document: dict[str, Any] = {"event.action": "trade"}
    for _ in range(100):
        document = {"a": document}
    with pytest.raises(UnreadableDocument):
        parse(document)


def test_times_have_nine_digits_up_to_the_year_9999() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000000000Z"
    assert rfc3339(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456789Z"
    assert rfc3339(253_402_300_799 * 10**9) == "9999-12-31T23:59:59.000000000Z"


def test_every_field_has_a_description_and_no_name_is_both_a_value_and_an_object() -> None:
    names = fields()
    assert all(field.description for field in names.values())
    assert not [name for name in names if any(other.startswith(f"{name}.") for other in names)]
    assert names["@timestamp"].es == "date_nanos"
    assert names["token.amount_raw"].es == "keyword"
    assert names["market.book.bid.prices"].many
    assert names["market.order.side"].choices == ("buy", "sell")


def test_fields_are_told_apart_by_events_and_alerts() -> None:
    assert "surveillance.typology" in alert_fields()
    assert "surveillance.typology" not in event_fields()
    assert "event.id" in alert_fields().keys() & event_fields().keys()
    trades = {"trade", "pool-swap", "trade-busted", "trade-corrected"}
    assert set(fields()["market.trade.price"].records) == trades


def test_every_attribute_of_every_record_is_in_the_taxonomy() -> None:
    for record in record_classes():
        for field in struct_type(record).fields:
            assert struct_type(record).tag in fields()[field.encode_name].records
