"""When orders on one venue and a trade on another are called layering, and when not."""

from typing import Any

import pytest

from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import START, Tape, alerts, correlator, swap

PARTY = {"investor_account": "acct-7", "investor_id": "INV-0007", "investor_cluster": "CL-7"}
SOLD = {"seller_account": "K-99", "seller_id": "INV-0008", "seller_cluster": "CL-7"}
ELSEWHERE = {"provider": "kraken", "venue": "kraken", "instrument": "ACME/USD"}


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("inter_venue_layering", parameters), events)


def tape_of_acme() -> Tape:
    return Tape(token_id="acme")


def market(tape: Tape) -> list[Any]:
    """Others' orders on both venues."""
    return [
        tape.placed(0, "b1", "buy", 9.99, 2000, investor_account="m1"),
        tape.placed(0, "b2", "buy", 9.98, 2000, investor_account="m1"),
        tape.placed(0, "a1", "sell", 10.01, 3000, investor_account="m1"),
        tape.placed(0, "k1", "sell", 10.02, 900, investor_account="k1", **ELSEWHERE),
    ]


def sale(tape: Tape, at: float, quantity: float = 400, **more: Any) -> Any:
    return tape.trade(
        at, 10.02, quantity, buyer_account="k2", side="buy", **{**ELSEWHERE, **SOLD, **more}
    )


def layered(
    tape: Tape,
    start: float = 1000,
    *,
    number: int = 3,
    quantity: float = 600,
    traded: float = 20_000,
    gone: float = 22_000,
    prefix: str = "layer",
    **more: Any,
) -> list[Any]:
    placed = [
        tape.placed(start + n, f"{prefix}-{n}", "buy", round(9.98 - n / 100, 2), quantity, **PARTY)
        for n in range(number)
    ]
    off = [
        tape.cancelled(start + gone + n * 100, f"{prefix}-{n}", remaining=quantity)
        for n in range(number)
    ]
    return [*placed, sale(tape, start + traded, **more), *off]


def test_it_says_who_did_what_where_with_all_the_evidence() -> None:
    tape = tape_of_acme()
    (alert,) = found([*market(tape), *layered(tape)])
    assert alert.reason == (
        "acct-7 (INV-0007) had bids of 1,800 ACME-USD at 3 prices from 9.96 to 9.98 on demo-venue, "
        "sold 400 on kraken at 10.02, and cancelled them within 2.2 s of that with 0 filled"
    )
    assert alert.entities == ("acct-7", "INV-0007", "CL-7")
    assert set(alert.evidence_events) == {f"event-{number}" for number in range(5, 12)}
    assert alert.metrics["depth_share"] == pytest.approx(1800 / 5800)


def test_a_swap_in_a_pool_is_a_trade_elsewhere() -> None:
    tape = tape_of_acme()
    events = [event for event in layered(tape) if event.venue != "kraken"]
    swapped = swap(
        timestamp=START + 21_000 * 10**6,
        token_id="acme",
        investor_id="INV-0008",
        investor_cluster="CL-7",
        side="sell",
        price=10.0,
        quantity=400.0,
    )
    (alert,) = found([*market(tape), *events[:3], swapped, *events[3:]])
    assert "sold 400 on uniswap-v3 at 10" in alert.reason


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({"number": 1, "quantity": 1800}, "{minimum_levels: 1}"),
        ({"quantity": 130}, "{minimum_depth_share: 8%, minimum_imbalance: 0.5}"),
        ({"traded": 0, "gone": 30_001}, "{reaction: 40s}"),
        ({"gone": 601_000, "traded": 600_500}, "{window: 11m}"),
        ({"quantity": 200}, "{minimum_imbalance: 1}"),
    ],
)
def test_each_condition_counts(change: dict[str, Any], parameters: str) -> None:
    tape = tape_of_acme()
    events = [*market(tape), *layered(tape, **change)]
    assert found(events) == []
    assert len(found(events, parameters)) == 1


class TestHonestLookAlikes:
    def test_a_trade_on_the_same_venue_is_for_layering(self) -> None:
        tape = tape_of_acme()
        here: dict[str, Any] = {"provider": "demo", "venue": "demo-venue", "instrument": "ACME-USD"}
        assert found([*market(tape), *layered(tape, **here)]) == []

    def test_another_s_trade_proves_nothing(self) -> None:
        tape = tape_of_acme()
        other: dict[str, Any] = {"seller_id": "INV-0003", "seller_cluster": None}
        assert found([*market(tape), *layered(tape, **other)]) == []

    def test_an_account_of_the_same_name_elsewhere_is_another(self) -> None:
        tape = tape_of_acme()
        events = [*market(tape), *layered(tape, seller_id=None, seller_cluster=None)]
        assert found(events) == []

    def test_who_is_filled_here_hedges_there(self) -> None:
        def filled(hit: float, quantity: float) -> list[Any]:
            tape = tape_of_acme()
            *placed, sold, gone1, gone2, gone3 = layered(tape, quantity=quantity)
            fill = tape.trade(
                20_500, 9.99, hit, side="sell", buyer_account="acct-7",
                buyer_id="INV-0007", buyer_cluster="CL-7", seller_account="x",
            )  # fmt: skip
            return [*market(tape), *placed, fill, sold, gone1, gone2, gone3]

        # A quarter of what it sold there (400), or a tenth of what it took off, whichever is more.
        assert found(filled(181, quantity=600)) == []
        assert len(found(filled(180, quantity=600))) == 1
        assert found(filled(101, quantity=320)) == []
        assert len(found(filled(100, quantity=320))) == 1

    @pytest.mark.parametrize("where", [{}, ELSEWHERE])
    def test_who_quotes_alike_on_both_sides_makes_a_market(self, where: dict[str, str]) -> None:
        def quoting(quantity: float) -> list[Any]:
            tape = tape_of_acme()
            ask = tape.placed(900, "ask", "sell", 10.03, quantity, **PARTY, **where)
            return [*market(tape), ask, *layered(tape)]

        assert found(quoting(901)) == []
        assert len(found(quoting(900))) == 1

    def test_orders_that_are_replaced_at_once_are_quotes(self) -> None:
        tape = tape_of_acme()
        events = market(tape)
        for number in range(6):
            events += layered(tape, 1_000 + number * 23_000, prefix=f"quote-{number}", gone=22_800)
        assert len(found(events)) <= 2  # until it is known that they are replaced

    def test_who_trades_there_all_the_time_also_does_before_he_cancels_here(self) -> None:
        tape = tape_of_acme()
        events = market(tape)
        events += [sale(tape, second * 20_000, 1) for second in range(60)]
        assert found([*events, *layered(tape, 1_200_000)]) == []


def test_the_same_symbol_without_reference_data_is_not_known_to_be_one_asset() -> None:
    tape = Tape()
    assert found([*market(tape), *layered(tape)]) == []


def test_a_gap_makes_it_unsure_and_repetition_surer() -> None:
    tape = tape_of_acme()
    events = market(tape)
    for number in range(3):
        events += layered(tape, 1000 + 200_000 * number, prefix=f"l{number}")
    confidences = [alert.confidence for alert in found(events)]
    assert len(confidences) == 3
    assert confidences == sorted(confidences)
    events.insert(7, tape.gap(1500))
    unsure = found(events)[0]
    assert "unsure" in unsure.tags
    assert unsure.confidence < confidences[0]


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = tape_of_acme()
    events = market(tape)
    for number in range(3):
        events += layered(tape, 1000 + 200_000 * number, prefix=f"l{number}")
    assert_the_same_after_a_restart(correlator("inter_venue_layering"), events)
