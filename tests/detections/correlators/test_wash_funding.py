"""Traders with one source of funds: which sources say something, and which don't."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators import wash_funding
from detections.correlators.wash_funding import Parameters, WashFunding
from normalizer.events.chain import NativeTransfer
from tests.detections.samples import MILLISECOND, START, Tape

HOUR = 3_600_000.0
A, B, C = "0x" + "a1" * 20, "0x" + "b2" * 20, "0x" + "c3" * 20
SOURCE = "0x" + "50" * 20


def paid(at: float, source: str, to: str, **more: Any) -> NativeTransfer:
    moment = START + round(at * MILLISECOND)
    fields: dict[str, Any] = {
        "id": f"paid-{at}-{to[2:4]}", "timestamp": moment, "ingested": moment,
        "original": "RAW/1/0", "provider": "chain", "chain_id": 1, "block_number": 1,
        "block_hash": "0x0", "transaction_hash": f"0x{int(at):064x}",
        "value_raw": "1", "value": 1.0,
    }  # fmt: skip
    return NativeTransfer(**{**fields, **more}, source_address=source, destination_address=to)


def sold(seller: str, buyer: str, at: float = 5 * HOUR, **more: Any) -> Any:
    names = {"seller_account": seller, "buyer_account": buyer}
    return Tape().trade(at, 10.0, 2.0, id=f"sold-{at}", **{**names, **more})


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    correlator = WashFunding(Parameters(**parameters))
    return [finding for event in events for finding in correlator.observe(event)]


def test_two_wallets_of_one_source_trade_with_each_other() -> None:
    (one,) = found([paid(0, SOURCE, A), paid(HOUR, SOURCE, B), sold(A, B.upper())])
    assert set(one.entities) == {A, B, SOURCE}
    assert [w.id for w in one.witnesses] == ["paid-0-a1", f"paid-{HOUR}-b2", f"sold-{5 * HOUR}"]
    assert f"both had their first money from {SOURCE}, 60 min apart" in one.reason
    (apart,) = found(
        [paid(0, SOURCE, A), paid(30 * HOUR, SOURCE, B), sold(A, B, 40 * HOUR)]
    )  # fmt: skip
    assert apart.confidence < one.confidence


def test_one_trades_with_whom_it_funded() -> None:
    (one,) = found([paid(0, A, B), sold(A, B)])
    assert f"of whom {A} gave {B} its first money" in one.reason


def test_different_sources_or_later_money_link_nobody() -> None:
    assert found([paid(0, SOURCE, A), paid(1, C, B), sold(A, B)]) == []
    assert found([paid(0, SOURCE, A), paid(1, C, B), paid(2, SOURCE, B), sold(A, B)]) == []
    sent_before = [paid(0, B, C), paid(1, SOURCE, A), paid(2, SOURCE, B), sold(A, B)]
    assert found(sent_before) == []


def test_who_traded_before_had_money_before() -> None:
    early = sold(A, C, 1.0)
    events = [paid(0, SOURCE, "0x" + "d4" * 20), early, paid(2, SOURCE, A), paid(3, SOURCE, B)]
    assert found([*events, sold(A, B)]) == []


def test_who_traded_with_a_wallet_of_known_money_had_money_before_too() -> None:
    assert found([paid(0, SOURCE, A), sold(A, B, 1.0), paid(2, SOURCE, B), sold(A, B)]) == []


def test_hubs_by_label_and_by_number() -> None:
    label = {"source_labels": ("exchange",)}
    both = [paid(at, SOURCE, wallet, **label) for at, wallet in ((0, A), (1, B))]
    assert found([*both, sold(A, B)]) == []
    many = [paid(n, SOURCE, f"0x{n:040x}") for n in range(1, 20)]
    assert found([*many, paid(30, SOURCE, A), paid(31, SOURCE, B), sold(A, B)]) == []
    assert len(found([*many[:18], paid(30, SOURCE, A), paid(31, SOURCE, B), sold(A, B)])) == 1


def test_who_pays_strangers_all_the_time_is_known_though_there_are_many_sources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wash_funding, "_MOST_SOURCES", 3)
    events = [paid(n, SOURCE, f"0x{n:040x}") for n in range(1, 20)]
    for n in range(20, 30):
        events += [paid(n, f"0x{n:040x}", f"0x{2 * n:040x}"), paid(n, SOURCE, f"0x{3 * n:040x}")]
    assert found([*events, paid(30, SOURCE, A), paid(31, SOURCE, B), sold(A, B)]) == []


def test_of_a_source_that_was_forgotten_nobody_knows_whom_else_it_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wash_funding, "_MOST_SOURCES", 3)
    events = [paid(n, SOURCE, f"0x{n:040x}") for n in range(1, 20)]
    events += [paid(20, SOURCE, A), paid(21, SOURCE, B)]
    events += [paid(n, f"0x{n:040x}", f"0x{2 * n:040x}") for n in range(22, 30)]
    assert found([*events, sold(A, B)]) == []


def test_a_wallet_that_is_heard_of_stays_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wash_funding, "_MOST_WALLETS", 4)
    known = [paid(0, A, B), sold(A, C, 1.0)]
    for n in range(2, 10):
        known += [paid(n, f"0x{n:040x}", A), sold(B, C, float(n))]
    assert len(found([*known, sold(A, B)], minimum_share=0.0)) == 1


def test_who_trades_with_anybody_meets_those_of_his_source_by_chance() -> None:
    funded = [paid(0, SOURCE, A), paid(1, SOURCE, B)]
    others = [sold(one, C, HOUR + n) for n, one in enumerate([A, B] * 3)]
    own = [sold(A, B, (5 + n) * HOUR) for n in range(3)]
    assert found([*funded, *others, own[0]]) == []
    (second,) = found([*funded, *others, *own[:2]])
    assert second.metrics["trades"] == 2.0
    # Who trades less counts: a new wallet with an old one that trades with all the world.
    busy = [sold(A, C, HOUR + n) for n in range(50)]
    assert len(found([*funded, *busy, own[0]])) == 1
    # What was long ago counts for nothing.
    assert len(found([*funded, *others, sold(A, B, 24 * 20 * HOUR)])) == 1
    # In another market they do as they like.
    elsewhere = [sold(one, C, HOUR + n, instrument="OTHER") for n, one in enumerate([A, B] * 3)]
    assert len(found([*funded, *elsewhere, own[0]])) == 1


def test_a_trade_that_was_taken_back_is_no_trade_with_others() -> None:
    funded = [paid(0, SOURCE, A), paid(1, SOURCE, B)]
    others = [sold(one, C, HOUR + n) for n, one in enumerate([A, B] * 3)]
    correlator = WashFunding(Parameters())
    for event in [*funded, *others]:
        assert not list(correlator.observe(event))
    for one in others[:4]:
        correlator.revised(one, None)
    assert len(list(correlator.observe(sold(A, B)))) == 1


def test_known_clusters_and_exempt_traders_are_for_others() -> None:
    funded = [paid(0, SOURCE, A), paid(1, SOURCE, B)]
    one: dict[str, Any] = {"buyer_cluster": "CL-1", "seller_cluster": "CL-1"}
    assert found([*funded, sold(A, B, **one)]) == []
    assert found([*funded, sold(A, B, buyer_labels=("market_maker",))]) == []


def test_the_minimum_counts_within_the_window() -> None:
    funded = [paid(0, SOURCE, A), paid(1, SOURCE, B)]
    trades = [sold(A, B, 5 * HOUR), sold(B, A, 6 * HOUR)]
    assert len(found([*funded, *trades], minimum_trades=2)) == 1
    late = [trades[0], sold(B, A, 24 * 9 * HOUR)]
    assert found([*funded, *late], minimum_trades=2) == []


def test_saved_and_restored_it_goes_on() -> None:
    events = [paid(0, SOURCE, A), paid(1, SOURCE, B), sold(A, B), sold(B, A, 6 * HOUR)]
    straight, broken = WashFunding(Parameters()), WashFunding(Parameters())
    expected = [one for event in events for one in straight.observe(event)]
    came: list[Finding] = []
    for event in events:
        state = broken.snapshot()
        broken = WashFunding(Parameters())
        broken.restore(state)
        came += broken.observe(event)
    assert len(expected) == 2
    assert came == expected
