"""A run of the price and its way back, on a tape that names nobody."""

from collections.abc import Sequence
from typing import Any

from detections.rules import RuleSet
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator

RUN = (10.01, 10.02, 10.03, 10.04, 10.05)


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("price_reversal", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


def quiet(tape: Tape, steps: int = 25) -> list[Any]:
    """Ten are traded in each ten seconds, and the price goes a little up and down."""
    return [
        tape.trade(10_000 * step, 10.0 + 0.01 * (step % 2), 10, side="sell" if step % 2 else "buy")
        for step in range(steps)
    ]


def run_and_back(
    *,
    steps: int = 25,
    prices: Sequence[float] = RUN,
    size: float = 10,
    every: float = 1000,
    after: float = 5000,
    back: float = 20,
    to: float = 10.02,
    side: str = "buy",
    **common: Any,
) -> list[Any]:
    tape = Tape(**common)
    events = quiet(tape, steps)
    start = steps * 10_000 + 1_000
    for place, price in enumerate(prices):
        events.append(tape.trade(start + every * place, price, size, side=side))
    end = start + every * (len(prices) - 1)
    other = "sell" if side == "buy" else "buy"
    return [*events, tape.trade(end + after, to, back, side=other)]


def test_a_run_that_is_given_back_is_told() -> None:
    (alert,) = found(run_and_back())
    assert alert.reason == (
        "within 4 s others bought 50 ACME-USD on demo-venue at 5 prices, 100% of all that was "
        "traded and 5 times what is usual, and the price rose by 0.5% to 10.05, 5.1 times as far "
        "as usual; within 5 s after others sold 20, and it fell to 10.02 (the feed names no "
        "accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert 0.2 < alert.confidence < 0.4
    assert len(alert.evidence_events) == 6


def test_downwards_too() -> None:
    (alert,) = found(run_and_back(prices=(9.99, 9.98, 9.97, 9.96, 9.95), to=9.98, side="sell"))
    assert "others sold 50" in alert.reason
    assert "the price fell by 0.5% to 9.95" in alert.reason
    assert "others bought 20, and it rose to 9.98" in alert.reason


def test_before_it_is_known_what_is_usual_nothing_is_said() -> None:
    assert found(run_and_back(steps=24)) == []


def test_a_price_that_stays_has_a_reason() -> None:
    assert found(run_and_back(to=10.03)) == []
    assert found(run_and_back(after=60_001)) == []
    assert found(run_and_back(back=14)) == []
    assert len(found(run_and_back(back=15, after=60_000))) == 1


def test_a_series_is_more_than_one_order() -> None:
    assert found(run_and_back(every=0)) == []
    assert len(found(run_and_back(every=0), "{minimum_times: 1}")) == 1


def test_so_is_what_takes_few_prices_or_little_or_goes_not_far() -> None:
    assert found(run_and_back(prices=(10.01, 10.02, 10.03, 10.05, 10.05))) == []
    assert found(run_and_back(size=7)) == []
    assert len(found(run_and_back(size=8))) == 1
    near = (10.001, 10.002, 10.003, 10.004, 10.0049)
    assert found(run_and_back(prices=near, to=10.001)) == []


def test_others_trade_the_other_way_meanwhile() -> None:
    events = run_and_back()
    tape = Tape()
    tape.number = 1_000
    events.insert(27, tape.trade(251_900, 10.0, 13, side="sell"))
    assert found(events) == []


def test_who_goes_on_takes_the_price_further() -> None:
    further = (*RUN, 10.06, 10.08, 10.1)
    (alert,) = found(run_and_back(prices=further, back=30, to=10.04))
    assert "the price rose by 1% to 10.1" in alert.reason
    assert alert.metrics["quantity"] == 80


def test_one_run_is_told_once() -> None:
    events = run_and_back()
    tape = Tape()
    tape.number = 1_000
    events += [tape.trade(261_000 + 100 * place, 10.0, 20, side="sell") for place in range(5)]
    assert len(found(events)) == 1


def test_in_a_market_that_does_this_all_the_time_it_is_told_once_a_day() -> None:
    def at(hours: float, scale: float = 1) -> list[Any]:
        tape = Tape()
        tape.number = int(1_000 + 100 * hours)
        start = 3_600_000 * hours
        prices = [10 + scale * (price - 10) for price in (*RUN, 10.02)]
        return [
            tape.trade(start - 30_000, 10.0, 1, side="sell"),
            *(
                tape.trade(
                    start + 1_000 * place,
                    price,
                    10 if place < 5 else 20,
                    side="buy" if place < 5 else "sell",
                )
                for place, price in enumerate(prices)
            ),
        ]

    events = [*run_and_back(), *at(1), *at(2, 1.4), *at(3, 1.6), *at(4, 1.6), *at(28, 1)]
    told = found(events)
    assert [round(alert.metrics["moved"], 3) for alert in told] == [0.005, 0.008, 0.005]
    assert len(found(events, "{pause: 0s}")) == 6


def test_what_varies_much_must_stand_out_more() -> None:
    def bursts(deviations: float) -> list[Alert]:
        tape = Tape()
        usual = [
            tape.trade(
                10_000 * step,
                10.0 + 0.01 * (step % 2),
                37 if step % 4 == 0 else 1,
                side="sell" if step % 2 else "buy",
            )
            for step in range(48)
        ]
        start = 48 * 10_000 + 1_000
        run = [tape.trade(start + 1_000 * i, price, 10, side="buy") for i, price in enumerate(RUN)]
        back = tape.trade(start + 9_000, 10.02, 20, side="sell")
        return found(
            [*usual, *run, back], f"{{minimum_deviations: {deviations}, minimum_volume: 1}}"
        )

    assert len(bursts(2.5)) == 1
    assert bursts(3) == []


def test_of_named_accounts_nothing_is_said_here() -> None:
    assert found(run_and_back(buyer_account="acct-1")) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(rule(), run_and_back())
