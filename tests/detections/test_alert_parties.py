"""What an alert tells of whom it is about: the dashboards filter by it."""

from typing import Any

import msgspec

from detections.alerting.alert_parties import known_of_finding
from detections.rules.loading import parse_rules
from normalizer.events import Alert
from normalizer.events.ecs import nest, parse
from normalizer.events.market import Trade
from tests.detections.correlators.test_insider_dealing import Market, insider
from tests.detections.samples import HEADER, Tape, alerts, correlator, sigma, transfer

PEOPLE: dict[str, Any] = {
    "source_investor": "INV-1",
    "source_accreditation": "accredited",
    "source_jurisdiction": "US",
    "source_labels": ("custodian",),
    "destination_investor": "INV-2",
    "destination_accreditation": "retail",
    "destination_jurisdiction": "DE",
    "destination_labels": ("sanctioned", "custodian"),
}


def known(alert: Alert) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    return alert.accreditations, alert.jurisdictions, alert.labels


def test_of_a_transfer_both_ends() -> None:
    rules = sigma("  selection: {event.action: token-transfer}\n  condition: selection")
    (alert,) = alerts(rules, [transfer(**PEOPLE)])
    assert alert.entities == ("INV-1", "INV-2")
    assert known(alert) == (("accredited", "retail"), ("DE", "US"), ("custodian", "sanctioned"))


def test_at_sinks_it_has_the_names_that_events_have() -> None:
    rules = sigma("  selection: {event.action: token-transfer}\n  condition: selection")
    document = nest(alerts(rules, [transfer(**PEOPLE)])[0])
    assert document["investor"] == {
        "accreditation": ("accredited", "retail"),
        "jurisdiction": ("DE", "US"),
        "labels": ("custodian", "sanctioned"),
    }


def test_of_a_trade_buyer_and_seller() -> None:
    quick = "{pattern: self_trade, minimum_trades: 1, incidental_share: 0%}"
    rules = correlator("wash_trading", quick)
    trade = Tape().trade(
        0, 10, 5, buyer_account="A", buyer_id="INV-1", buyer_accreditation="retail",
        buyer_jurisdiction="FR", seller_account="B", seller_id="INV-1",
        seller_accreditation="retail", seller_jurisdiction="FR",
    )  # fmt: skip
    (alert,) = alerts(rules, [trade])
    assert known(alert) == (("retail",), ("FR",), ())


def test_who_only_took_part_in_the_event_is_not_told_of() -> None:
    rules = parse_rules(
        f"""{HEADER.replace("9b0aa", "9b0ab")}
name: moved
logsource: {{product: tapewatch}}
detection:
  selection: {{event.action: token-transfer}}
  condition: selection
---{HEADER}
correlation:
  type: event_count
  rules: [moved]
  group-by: [investor.source.id]
  timespan: 10m
  condition: {{gte: 2}}
""".encode()
    )
    (alert,) = alerts(rules, [transfer(number, **PEOPLE) for number in (1, 2)])
    assert alert.entities == ("INV-1",)
    assert known(alert) == (("accredited",), ("US",), ("custodian",))


def test_of_an_insider_nothing_is_told_by_the_trade_of_others_that_came_next() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news()
    others = {"buyer_accreditation": "retail", "buyer_labels": ("sanctioned",)}
    events = [
        msgspec.structs.replace(one, **others) if isinstance(one, Trade) else one
        for one in sorted(market.events, key=lambda one: one.timestamp)
    ]
    (alert,) = alerts(correlator("insider_dealing"), events)
    assert alert.entities == ("tipped", "acme")
    assert known(alert) == ((), (), ())


def test_of_a_market_all_who_traded_at_the_end_are_told_of() -> None:
    trade = Tape().trade(0, 10, 5, buyer_account="A", buyer_accreditation="retail")
    assert known_of_finding(trade, ("ACME-USD",)).accreditations == ("retail",)
    assert known_of_finding(trade, ("B", "ACME-USD")).accreditations == ()


def test_a_plain_document_tells_the_same() -> None:
    rules = sigma("  selection: {user.name: jane}\n  condition: selection", product="windows")
    (alert,) = alerts(
        rules,
        [{"user": {"name": "jane"}, "investor": {"accreditation": "none", "jurisdiction": "CH"}}],
    )
    assert known(alert) == (("none",), ("CH",), ())


def test_of_whom_nothing_is_known_nothing_is_told() -> None:
    rules = sigma("  selection: {event.action: token-transfer}\n  condition: selection")
    (alert,) = alerts(rules, [transfer()])
    assert known(alert) == ((), (), ())
    assert "investor" not in nest(alert)


def test_a_document_of_one_party_is_read_back_as_it_was() -> None:
    rules = sigma("  selection: {event.action: token-transfer}\n  condition: selection")
    (alert,) = alerts(rules, [transfer(source_investor="INV-1", source_accreditation="retail")])
    assert parse(nest(alert)) == alert
