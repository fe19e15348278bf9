"""How many rules can find something in what the configured sources send."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from detections.fields import actions
from normalizer.events.market import BookUpdate, OrderPlaced, Trade
from pipeline.cli.rule_coverage import SOLANA_TOKENS, Sent, coverage, sent_by, to_be_met
from pipeline.config.sources import FrameSource
from simulation.normalizing import normalized
from simulation.session import play_venue
from tests.cli.command_line import RULES, tapewatch, write_configuration
from tests.detections.samples import Tape
from tests.fixtures.shipped_rules import shipped_rules

SETTINGS: dict[str, dict[str, Any]] = {
    "evm": {"endpoints": ["wss://node"], "network": "test"},
    "solana": {"endpoints": [], "network": "test"},
    "subgraph": {"url": "https://graph", "network": "test", "chain_id": 1},
    "coinbase": {"url": "wss://feed", "products": ["ACME-USD"]},
    "kraken": {"url": "wss://feed", "symbols": ["ACME/USD"]},
    "order_log": {"path": Path(), "venue": "acme"},
    "fix_drop_copy": {"host": "acme", "port": 1, "sender_comp_id": "A", "target_comp_id": "B"},
    "fix_market_data": {"host": "acme", "port": 1, "sender_comp_id": "A", "target_comp_id": "B"},
    "inx": {"url": "wss://feed", "rest_url": "", "api_key_id": "", "markets": ["ACME"]},
    "archax": {"url": "wss://feed", "rest_url": "", "email": "", "symbols": ["ACME"]},
    "replay": {"path": Path()},
    "social_feed": {"path": Path()},
    "lunarcrush": {},
}
KINDS: dict[str, type[Any]] = {one.__struct_config__.tag: one for one in get_args(FrameSource)}


def source(kind: str, **more: Any) -> Any:
    """One of this type. What doesn't matter here is None."""
    cls, settings = KINDS[kind], {**SETTINGS[kind], **more}
    needed = {
        one.name: None
        for one in msgspec.structs.fields(cls)
        if one.required and one.name not in settings
    }
    return cls(**{**needed, **settings, "name": kind})


def told(*sources: Any) -> tuple[str, str]:
    finding = coverage(shipped_rules(), sources)
    assert finding is not None
    assert (finding.level, finding.subject) == ("ok", "coverage")
    return finding.message, finding.advice


def test_every_type_of_source_is_known() -> None:
    assert KINDS.keys() == SETTINGS.keys()
    for kind in KINDS:
        sent = sent_by(source(kind))
        assert (sent is None) is (kind == "replay")
        assert sent is None or sent.datasets or sent.actions or sent.venue


def test_a_public_feed_lacks_who_acts_and_a_drop_copy_does_not() -> None:
    all_of_venues = (source("kraken"), source("evm", pending=True), source("social_feed"))
    message, advice = told(*all_of_venues)
    count = len(shipped_rules().alerting)
    assert f" of {count} rules have what they need in what these sources send" in message
    assert re.match(r"\d+ need who acts at a venue \(order_log, fix_drop_copy\); ", advice)
    assert "need a venue's orders one by one" in advice

    whole = told(source("order_log"), *all_of_venues)
    assert whole == (f"{count} of {count} rules have what they need in what these sources send", "")
    assert told(source("fix_drop_copy"), *all_of_venues) == whole


def test_channels_and_settings_count() -> None:
    def lacks(*sources: Any) -> str:
        return told(*sources)[1]

    orders, book, trades = "orders one by one", "a venue's book", "a venue's trades"
    by_level = source("coinbase", channels=["level2", "heartbeat"])
    assert orders in lacks(by_level)
    assert trades in lacks(by_level)
    assert book not in lacks(by_level)
    assert orders not in lacks(source("coinbase", channels=["full"]))
    assert orders not in lacks(source("fix_market_data", aggregated_book=False))
    assert book in lacks(source("kraken", channels=["trade"]))
    # Of Coinbase it is a shorter form of `full`; Kraken's has no trades.
    assert trades not in lacks(source("coinbase", channels=["level3"]))
    assert trades in lacks(source("kraken", channels=["level3"]))
    assert "pending transactions" in lacks(source("evm"))
    assert "pending transactions" not in lacks(source("evm", pending=True))


def test_a_drop_copy_has_no_book() -> None:
    sent = sent_by(source("fix_drop_copy"))
    assert sent is not None
    records = to_be_met([sent]).records
    assert BookUpdate not in records
    assert {OrderPlaced, Trade} <= records


def test_of_a_recording_nothing_is_said_nor_without_sources() -> None:
    assert coverage(shipped_rules(), [source("kraken"), source("replay")]) is None
    assert coverage(shipped_rules(), []) is None


@pytest.mark.parametrize("wire", ["order-log", "coinbase", "kraken"])
def test_what_comes_of_a_source_is_what_was_expected_of_it(wire: Any) -> None:
    session = play_venue("liquid", 5, wire=wire)
    by_level = {"channels": ["book", "trade"]} if wire == "kraken" else {}
    sent = sent_by(source(wire.replace("-", "_"), **by_level))
    assert isinstance(sent, Sent)
    expected = to_be_met([sent])

    events = [event for some, _ in normalized(session) for event in some]
    assert len(events) > 1_000
    assert {type(event) for event in events} <= expected.records
    for event in events:
        named = getattr(event, "investor_account", None) or getattr(event, "buyer_account", None)
        assert named is None or type(event) in expected.naming


def test_what_is_named_as_coming_of_a_chain_are_kinds_of_events() -> None:
    assert actions().keys() >= SOLANA_TOKENS
    sent = sent_by(source("subgraph"))
    assert sent is not None
    assert sent.actions <= actions().keys()


def test_books_of_feeds_by_order_begin_with_a_snapshot() -> None:
    sent = sent_by(source("coinbase", channels=["level3"]))
    assert sent is not None
    assert type(Tape().snapshot(0)) in to_be_met([sent]).records


def test_the_doctor_tells_it(tmp_path: Path) -> None:
    log = {"name": "log", "type": "order_log", "path": "log", "venue": "acme"}
    (tmp_path / "log").mkdir()
    write_configuration(
        tmp_path, sources=[log], detections={"rules": [str(RULES / "wash_trading")]}
    )

    answer = tapewatch("doctor", folder=tmp_path)

    (line,) = [line for line in answer.out.splitlines() if "coverage: " in line]
    assert re.fullmatch(r"ok   coverage: \d+ of \d+ rules have what they need in .*", line)
    assert re.search(r"→ \d+ need events of an EVM chain \(evm\)\n", answer.out)
