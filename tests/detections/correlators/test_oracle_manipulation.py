"""Who moves what a price is read from: beyond the tests of the rules."""

from typing import Any

import pytest

from detections.correlators.oracle_manipulation import OracleManipulation, Parameters
from detections.correlators.pool_price_manipulation import Parameters as PoolParameters
from detections.correlators.pool_price_manipulation import PoolPriceManipulation
from normalizer.events.chain import OracleUpdate, PoolSwap, TokenTransfer
from tests.detections.samples import START, Tape, swap, transfer

MINUTE = 60_000
"""In milliseconds, as the tape counts."""


def answer(at: int, price: float, number: int) -> OracleUpdate:
    moment = START + at * 1_000_000
    return OracleUpdate(
        id=f"answer-{number}", timestamp=moment, ingested=moment, original="RAW/9/0",
        provider="chain", chain_id=1, block_number=number, block_hash="0xb", feed="X/USD",
        token_id="x", currency="USD", price=price, answer_raw="1", updated=moment,
    )  # fmt: skip


def push(*, others: bool = False, falls: bool = False) -> list[Any]:
    tape = Tape(token_id="x", currency="USD")
    quiet = {"buyer_account": "b", "seller_account": "s"}
    events: list[Any] = [answer(0, 1.0, 1)]
    events += [tape.trade(n * MINUTE, 1.0, 10.0, side="buy", **quiet) for n in range(1, 30)]
    events += [
        tape.trade(60 * MINUTE, 1.0, 5_000.0, side="buy", buyer_account="p", seller_account="s",
                   instrument="X-PERP")
    ]  # fmt: skip
    for n in range(10):
        buyer = f"b{n}" if others else "p"
        events.append(
            tape.trade((120 + n) * MINUTE, 1 + n / 10, 900.0, side="buy", buyer_account=buyer,
                       seller_account="s")
        )  # fmt: skip
    events.append(answer(131 * MINUTE, 1.9, 2))
    if falls:
        events.append(tape.trade(150 * MINUTE, 1.1, 50.0, side="sell", **quiet))
    return events


def found(correlator: Any, events: list[Any]) -> list[Any]:
    return [one for event in events for one in correlator.observe(event)]


def test_a_position_elsewhere_gains_by_the_answer() -> None:
    (finding,) = found(OracleManipulation(Parameters()), push())
    assert finding.metrics["position_gain"] == 4_500
    assert finding.entities[:3] == ("p", "x", "X/USD")
    assert len(finding.witnesses) >= 12


def test_what_was_bought_long_before_the_answer_is_no_push() -> None:
    tape, events = Tape(token_id="x", currency="USD"), push()
    (plain,) = found(OracleManipulation(Parameters()), events)
    early = tape.trade(
        70 * MINUTE, 1.0, 50.0, side="buy", buyer_account="p", seller_account="s", id="early"
    )
    place = next(n for n, one in enumerate(events) if one.timestamp > early.timestamp)
    (finding,) = found(OracleManipulation(Parameters()), [*events[:place], early, *events[place:]])
    assert finding.metrics["minutes"] == plain.metrics["minutes"] == 11
    assert early.id not in {one.id for one in finding.witnesses}


def test_a_market_that_all_move_is_nobodys() -> None:
    assert found(OracleManipulation(Parameters()), push(others=True, falls=True)) == []


def test_a_market_that_is_traded_on_stays_known_though_others_open_many() -> None:
    watched, tape = OracleManipulation(Parameters()), Tape(token_id="x", currency="USD")
    found(watched, [answer(0, 1.0, 1)])
    for number in range(40):
        found(watched, [tape.trade(2 * number, 1.0, 10.0, side="buy")])
        opened = tape.trade(2 * number + 1, 1.0, 10.0, side="buy", instrument=f"X-{number}")
        found(watched, [opened])
        assert "demo-venue/ACME-USD" in watched.state.assets["x"].prices


def test_an_exempt_party_is_left_out() -> None:
    events = push()
    for event in events:
        if getattr(event, "buyer_account", None) == "p":
            event.buyer_labels = ("exchange",)
    assert found(OracleManipulation(Parameters()), events) == []


def test_a_tokens_trades_without_an_oracle_cost_and_keep_nothing() -> None:
    watched = OracleManipulation(Parameters())
    found(watched, push()[1:-1])
    assert watched.state.assets == {}


def test_a_signer_who_pushes_a_pool_is_a_party_as_well() -> None:
    events: list[Any] = [answer(0, 1.0, 1)]
    for n in range(6):
        price = 1 + n / 10
        events.append(
            swap(n, timestamp=START + (n + 70) * MINUTE * 1_000_000, token_id="x", side="buy",
                 quantity=100.0, price=price, pool_price=price, currency="USD",
                 transaction_from="0xp")
        )  # fmt: skip
    events.append(answer(80 * MINUTE, 1.5, 2))
    events.append(
        transfer(9, timestamp=START + 90 * MINUTE * 1_000_000, token_id="usdc", amount=9_000.0,
                 destination_address="0xcontract", source_address="0xlender",
                 transaction_from="0xp")
    )  # fmt: skip
    (finding,) = found(OracleManipulation(Parameters()), events)
    assert finding.metrics["taken_out"] == 9_000


def test_a_push_that_is_over_is_not_kept() -> None:
    """A transfer is held against each that is there."""
    watched = PoolPriceManipulation(PoolParameters(maximum_blocks=3))
    for number in range(100):
        prices = ((2 * number, 1.0), (2 * number + 1, 2.0))
        found(
            watched,
            [
                swap(at, pool=f"0x{number}", pool_price=price, block_number=number,
                     transaction_from="0xp")
                for at, price in prices
            ],
        )  # fmt: skip
    assert [push.block for push in watched.state.pushes.values()] == [96, 97, 98, 99]


def test_a_small_push_is_over_with_its_transaction() -> None:
    watched = PoolPriceManipulation(PoolParameters())
    for number in range(100):
        for at, price in ((2 * number, 1.0), (2 * number + 1, 1.01)):
            found(
                watched,
                [swap(at, pool=f"0x{number}", pool_price=price, block_number=7,
                      transaction_from="0xp", transaction_hash=f"0x{number}")],
            )  # fmt: skip
    assert [push.last for push in watched.state.pushes.values()] == ["0x99"]


def test_crumbs_of_many_do_not_hide_what_is_taken_out() -> None:
    def pool(number: int, price: float) -> PoolSwap:
        return swap(number, pool_price=price, block_number=7, transaction_from="0xp")

    def got(number: int, quantity: float, source: str) -> TokenTransfer:
        return transfer(
            number, amount=quantity, block_number=7, transaction_from="0xp",
            destination_address="0xc", source_address=source,
        )  # fmt: skip

    crumbs = [got(3 + number, 0.001, f"0x{number}") for number in range(100)]
    events = [pool(1, 1.0), pool(2, 2.0), *crumbs, got(200, 5e3, "0xv"), pool(201, 1.0)]
    watched = PoolPriceManipulation(PoolParameters())
    (finding,) = found(watched, events)
    assert finding.metrics["taken_out"] == pytest.approx(5e3, abs=1)


def test_saved_in_the_middle_both_find_the_same() -> None:
    def pool(number: int, price: float) -> PoolSwap:
        return swap(number, pool_price=price, block_number=7, transaction_from="0xp")

    taken = transfer(
        3, amount=5e3, block_number=7, transaction_from="0xp", destination_address="0xc"
    )
    pools = [pool(1, 1.0), pool(2, 2.0), taken, pool(4, 1.0)]
    for make, events, cut in (
        (lambda: OracleManipulation(Parameters()), push(falls=True), 38),
        (lambda: PoolPriceManipulation(PoolParameters()), pools, 2),
    ):
        first, second = make(), make()
        straight = found(first, events)
        rest = found(second, events[:cut])
        second.restore(second.snapshot())
        rest += found(second, events[cut:])
        assert rest == straight
        assert straight
        assert first.snapshot() == second.snapshot()
