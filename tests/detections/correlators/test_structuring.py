"""Structured amounts, dormant accounts, mixers, accumulation: beyond the tests of the rules."""

import random
from typing import Any

import pytest

from detections.correlators import accumulation, dormant_account, mixer_exposure, structured_amounts
from detections.correlators.base import Correlator
from detections.engine.engine import Engine
from detections.taint import MOST_PATH
from normalizer.events.chain import TokenTransfer
from normalizer.events.chain_native import NativeTransfer
from normalizer.events.market import TradeBusted, TradeCorrected
from pipeline.units import DAY, HOUR, MINUTE
from tests.detections.samples import START, Tape, correlator, transfer
from tests.detections.test_revised_trades import revised

NOBODY = "0x" + "0" * 40


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def move(number: int, source: int, destination: int, amount: float, time: int, **more: Any):
    fields: dict[str, Any] = {
        "timestamp": START + time,
        "source_address": wallet(source),
        "destination_address": wallet(destination),
        "amount": float(amount),
        "amount_raw": str(int(amount * 10**6)),
        "token_id": "acme",
        **more,
    }
    return transfer(number, **fields)


def found(correlator: Correlator[Any], events: list[Any]) -> list[Any]:
    return [one for event in events for one in correlator.observe(event)]


# -- structured amounts ----------------------------------------------------------------------------


def sender(**more: Any) -> structured_amounts.StructuredAmounts:
    return structured_amounts.StructuredAmounts(
        structured_amounts.Parameters(pattern="sender", **more)
    )


def test_more_amounts_of_the_band_make_it_the_surer_and_tell_again() -> None:
    events = [move(n, 1, 2 + n % 2, 9_000 + n, n * MINUTE, source_investor="I") for n in range(20)]
    findings = found(sender(), events)
    assert [one.metrics["transfers"] for one in findings] == [4, 8, 12, 16, 20]
    assert findings[0].confidence < findings[1].confidence


def test_honest_amounts_of_all_sizes_are_never_structured() -> None:
    chance = random.Random(5)
    events = [
        move(n, chance.randrange(40), 100 + chance.randrange(40), chance.lognormvariate(8.5, 1.2),
             n * MINUTE)
        for n in range(3_000)
    ]  # fmt: skip
    for pattern in ("sender", "receiver"):
        parameters = structured_amounts.Parameters(pattern=pattern)  # type: ignore[arg-type]
        assert found(structured_amounts.StructuredAmounts(parameters), events) == []


# -- dormant accounts ------------------------------------------------------------------------------


def test_what_goes_on_after_it_awoke_tells_again_when_it_has_doubled() -> None:
    events = [move(0, 1, 2, 10, 0)]
    events += [move(1 + n, 1, 2, 1_500, 200 * DAY + n * HOUR) for n in range(4)]
    events += [move(9, 1, 2, 50_000, 230 * DAY)]
    dormant = dormant_account.DormantAccount(dormant_account.Parameters())
    assert [one.metrics["amount"] for one in found(dormant, events)] == [1_500, 3_000, 6_000]


def test_one_that_sends_to_ever_new_wallets_keeps_those_that_are_told() -> None:
    events = [move(0, 1, 2, 10, 0)]
    events += [move(1 + n, 1, 2 + n, 1_500, 200 * DAY + n * HOUR) for n in range(40)]
    dormant = dormant_account.DormantAccount(dormant_account.Parameters())
    findings = found(dormant, events)
    assert [len(one.entities) for one in findings] == [2, 3, 5, 9, 16, 16]
    (awake,) = dormant.state.awake.values()
    assert len(awake.others) == 16


# -- exposure to mixers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        {"destination_investor": "J"},
        {"destination_investor": "I"},
        {"destination_labels": ("custodian",)},
        {"transfer_type": "burn", "destination_address": NOBODY},
    ],
    ids=["to a known investor", "to itself", "into custody", "burned"],
)
def test_a_token_where_nothing_is_said_of_it_wakes_nobody_for_what_follows(
    first: dict[str, Any],
) -> None:
    events = [move(0, 9, 1, 5_000, 0), move(1, 1, 2, 400, DAY)]
    events += [move(2, 1, 3, 1, 400 * DAY, source_investor="I", **first)]
    events += [move(3, 1, 4, 4_000, 400 * DAY + HOUR, source_investor="I")]
    dormant = dormant_account.DormantAccount(dormant_account.Parameters())
    assert [one.metrics["amount"] for one in found(dormant, events)] == [4_000]


def mixed(number: int, destination: int, amount: float, time: int) -> TokenTransfer:
    return move(number, 99, destination, amount, time, source_labels=("mixer",))


def exposure(**more: Any) -> mixer_exposure.MixerExposure:
    return mixer_exposure.MixerExposure(mixer_exposure.Parameters(**more))


def test_taint_ends_after_the_most_hops() -> None:
    events = [mixed(0, 1, 100, 0)] + [move(n, n, n + 1, 100, n * HOUR) for n in range(1, 9)]
    findings = found(exposure(), events)
    assert [one.metrics["hops"] for one in findings] == [2, 3, 4, 5]
    assert [len(one.witnesses) for one in findings] == [2, 3, 4, 5]
    assert findings[0].confidence > findings[-1].confidence


def test_the_haircut_is_exact_and_nothing_tainted_is_made_or_lost() -> None:
    chance = random.Random(2)
    watched = exposure(maximum_hops=20, minimum_share=1.0)
    events = [move(n, 50, n % 10, 1_000, n) for n in range(10)]
    events += [mixed(20, 3, 700, 20)]
    for n in range(200):
        events.append(move(100 + n, chance.randrange(10), chance.randrange(10), 7, n * MINUTE))
    found(watched, events)
    tainted = sum(int(one.tainted) for one in watched.state.tainted.values())
    assert 0 < tainted <= 700 * 10**6
    assert all(one.tainted <= one.balance for one in watched.state.tainted.values())
    assert all(len(one.path) <= MOST_PATH for one in watched.state.tainted.values())


def test_of_who_held_tokens_before_it_was_seen_it_is_unsure() -> None:
    events = [mixed(0, 1, 100, 0), move(1, 1, 2, 50, 1)]
    events += [move(2, 1, 3, 400, 2, destination_investor="I")]
    known, unknown = found(exposure(), events)
    assert known.tags == ()
    assert unknown.tags == ("unsure",)
    assert unknown.metrics["share"] == 0.125


def test_ether_is_followed_as_well() -> None:
    def ether(number: int, source: int, destination: int, **more: Any) -> NativeTransfer:
        return NativeTransfer(
            id=f"n{number}", timestamp=START + number, ingested=START + number, original="RAW/1/0",
            provider="chain", chain_id=1, block_number=number, block_hash="0xb",
            source_address=wallet(source), destination_address=wallet(destination),
            value_raw=str(10**19), value=10.0, **more,
        )  # fmt: skip

    events = [
        ether(1, 99, 1, source_labels=("mixer",)),
        ether(2, 1, 2, destination_labels=("exchange",)),
    ]
    (finding,) = found(exposure(), events)
    assert "10 of the chain's own currency" in finding.reason


# -- accumulation ----------------------------------------------------------------------------------


def test_what_is_withdrawn_from_an_exchange_and_was_bought_there_counts_once() -> None:
    tape = Tape(token_id="acme")
    supply = move(0, 0, 7, 100_000, 0, transfer_type="mint", source_address=NOBODY)
    bought = [
        tape.trade(20 * 86_400_000 + n, 1.0, 1_000, buyer_account="a", buyer_id="I")
        for n in range(4)
    ]
    withdrawn = move(9, 8, 1, 4_000, 20 * DAY + HOUR, destination_investor="I",
                     source_labels=("exchange",))  # fmt: skip
    more = move(10, 6, 1, 1_000, 20 * DAY + 2 * HOUR, destination_investor="I")
    gathered = accumulation.Accumulation(accumulation.Parameters(pattern="supply"))
    (finding,) = found(gathered, [supply, *bought, withdrawn, more])
    assert finding.metrics["quantity"] == 5_000
    assert finding.metrics["from_exchanges"] == 4_000


def test_steps_are_bounded_and_sums_stay() -> None:
    gathered = accumulation.Accumulation(
        accumulation.Parameters(pattern="supply", outstanding={"acme": 1e9})
    )
    found(gathered, [move(n, 2, 1, 1, n) for n in range(1_000)])
    (gatherer,) = gathered.state.parties.values()
    assert 100 < len(gatherer.steps) <= 200
    assert gatherer.net() == sum(one.quantity for one in gatherer.steps) == 1_000


# -- all of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (structured_amounts.StructuredAmounts, structured_amounts.Parameters(pattern="sender")),
        (structured_amounts.StructuredAmounts, structured_amounts.Parameters(pattern="receiver")),
        (dormant_account.DormantAccount, dormant_account.Parameters(dormant_for=20 * DAY)),
        (mixer_exposure.MixerExposure, mixer_exposure.Parameters()),
        (accumulation.Accumulation, accumulation.Parameters(pattern="supply")),
    ],
)
def test_saved_in_the_middle_it_finds_the_same(
    kind: type[Correlator[Any]], parameters: Any
) -> None:
    chance = random.Random(1)
    events = [move(0, 0, 1, 50_000, 0, transfer_type="mint", source_address=NOBODY)]
    events += [mixed(1, 3, 90_000, 1)]
    for n in range(400):
        time = 10 * DAY + n * HOUR * (1 if n < 300 else 80)
        amount = chance.choice((9_000.0, 20.0, 9_500.0))
        events.append(move(10 + n, chance.randrange(6), 3 + chance.randrange(6), amount, time))
    first, second = kind(parameters), kind(parameters)
    straight = found(first, events)
    rest = found(second, events[:200])
    second.restore(second.snapshot())
    rest += found(second, events[200:])
    assert rest == straight
    assert first.snapshot() == second.snapshot()
    assert straight


# -- what a venue takes back -----------------------------------------------------------------------


def awoken(events: list[Any]) -> tuple[list[Any], dormant_account.State]:
    engine = Engine(correlator("dormant_account", "{dormant_for: 30d}"))
    alerts = engine.process(events)
    assert engine.take_problems() == []
    (entry,) = engine.book.correlators
    return alerts, entry.correlator.state


def dealt(day: float, quantity: float, trade: str, buyer: str = "a", seller: str = "m") -> Any:
    return Tape().trade(
        day * 86_400_000, 10.0, quantity, id=trade, trade_id=trade,
        buyer_account=buyer, seller_account=seller, seller_labels=("market_maker",),
    )  # fmt: skip


def taken_back(trade: Any, **values: Any) -> Any:
    return revised(TradeCorrected if values else TradeBusted, trade, 1_000, **values)


def test_who_awoke_by_a_trade_that_was_busted_slept_on() -> None:
    first, slip, real = dealt(0, 10, "t1"), dealt(100, 20, "t2"), dealt(101, 2_000, "t3")
    alerts, _ = awoken([first, slip, real])
    assert [one.metrics["dormant_days"] for one in alerts] == [100]
    alerts, state = awoken([first, slip, taken_back(slip), real])
    assert [one.metrics["dormant_days"] for one in alerts] == [101]
    assert state == awoken([first, real])[1]


def test_a_slip_in_the_size_makes_no_later_one_look_usual() -> None:
    first, slip, real = dealt(0, 10, "t1"), dealt(1, 1e6, "t2"), dealt(100, 2_000, "t3")
    assert awoken([first, slip, real])[0] == []
    assert len(awoken([first, slip, taken_back(slip), real])[0]) == 1
    assert len(awoken([first, slip, taken_back(slip, quantity=1.0), real])[0]) == 1


def test_a_trade_may_be_corrected_first_and_taken_back_then() -> None:
    first, slip, real = dealt(0, 10, "t1"), dealt(1, 1e6, "t2"), dealt(100, 2_000, "t3")
    corrected = taken_back(slip, quantity=5_000.0)
    assert awoken([first, slip, corrected, real])[0] == []
    busted = revised(TradeBusted, slip, 2_000, id="busted-after-all")
    alerts, state = awoken([first, slip, corrected, busted, real])
    assert len(alerts) == 1
    assert state == awoken([first, real])[1]


def test_who_is_known_by_a_busted_trade_only_isnt() -> None:
    slip, real = dealt(0, 10, "t1"), dealt(100, 2_000, "t2")
    assert len(awoken([slip, real])[0]) == 1
    assert awoken([slip, taken_back(slip), real])[0] == []
    later = dealt(1, 5, "t3")
    _, state = awoken([slip, later, taken_back(slip)])
    assert state.small[("demo-venue/ACME-USD", "a")].most == 5


def test_a_price_that_was_busted_is_no_amounts_worth() -> None:
    tape = Tape(token_id="acme", currency="USD")
    price, slip = tape.trade(0, 10.0, 1), tape.trade(1, 1_000.0, 1)
    moves = [move(n, 1, 2, 900 + n, n * MINUTE, source_investor="I") for n in range(1, 6)]
    for events, alerts in (
        ([price, *moves], 1),
        ([price, slip, *moves], 0),
        ([price, slip, revised(TradeBusted, slip, 1), *moves], 1),
        ([price, slip, revised(TradeCorrected, slip, 1, price=10.0), *moves], 1),
    ):
        engine = Engine(correlator("structured_amounts", "{pattern: sender}"))
        assert len(engine.process(events)) == alerts
        assert engine.take_problems() == []
