"""What honest participants do, in any order and at any speed, gives no alert of ours."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from detections.engine import Engine
from detections.rules import load_rules
from normalizer.events import Alert
from tests.detections.samples import Tape, transfer

RULES = load_rules([Path(__file__).parents[2] / "sigma_rules"])
MAKER = {"investor_account": "mm-1", "investor_id": "INV-0002"}

#: For each quote of a market maker: how long it stands, in ms, the ticks that it is away from the
#: middle, and the shares of what it shows that are taken, of its bid (true) or ask.
QUOTES = st.lists(
    st.tuples(
        st.integers(1, 3_000),
        st.integers(1, 5),
        st.lists(st.tuples(st.booleans(), st.floats(0.01, 1)), max_size=4),
    ),
    min_size=1,
    max_size=12,
)


def found(events: list[Any]) -> list[Alert]:
    engine = Engine(RULES)
    alerts = engine.process(events)
    assert engine.take_problems() == []
    return alerts


def hits(tape: Tape, at: float, bid: bool, price: float, quantity: float, order: str) -> Any:
    maker, taker = ("buyer", "seller") if bid else ("seller", "buyer")
    return tape.trade(
        at,
        price,
        quantity,
        side="sell" if bid else "buy",
        maker_order_id=order,
        taker_order_id=f"{order}-taker-{at}",
        **{f"{maker}_account": "mm-1", f"{maker}_id": "INV-0002"},
        **{f"{taker}_account": "acct-3", f"{taker}_id": "INV-0003"},
    )


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 20_000), QUOTES)
def test_a_market_maker_who_quotes_alike_on_both_sides_is_no_spoofer(
    quantity: int, quotes: list[tuple[int, int, list[tuple[bool, float]]]]
) -> None:
    tape = Tape()
    events: list[Any] = [
        tape.placed(0, "b", "buy", 9.90, 500, investor_account="acct-1"),
        tape.placed(0, "a", "sell", 10.10, 500, investor_account="acct-4"),
    ]
    now = 1_000.0
    for number, (lives, away, taken) in enumerate(quotes):
        sides = {True: f"bid-{number}", False: f"ask-{number}"}
        prices = {True: round(10 - away / 100, 2), False: round(10 + away / 100, 2)}
        left = {True: float(quantity), False: float(quantity)}
        for bid in (True, False):
            side = "buy" if bid else "sell"
            events.append(tape.placed(now, sides[bid], side, prices[bid], quantity, **MAKER))
        for step, (bid, share) in enumerate(taken):
            size = left[bid] * share
            if size > 0:
                at = now + lives * (step + 1) / (len(taken) + 2)
                events.append(hits(tape, at, bid, prices[bid], size, sides[bid]))
                left[bid] -= size
        now += lives
        events += [
            tape.cancelled(now, sides[bid], remaining=left[bid])
            for bid in (True, False)
            if left[bid] > 0
        ]
    assert found(events) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 600_000), st.booleans()), min_size=1, max_size=40))
def test_two_investors_who_meet_as_often_as_they_like_do_not_wash(
    meetings: list[tuple[int, bool]],
) -> None:
    tape, now, events = Tape(), 0, list[Any]()
    first = ("acct-1", "INV-0001", "CL-01")
    second = ("acct-2", "INV-0002", "CL-02")
    for pause, turned in meetings:
        now += pause
        buyer, seller = (second, first) if turned else (first, second)
        names = dict(zip(("buyer_account", "buyer_id", "buyer_cluster"), buyer, strict=True))
        names |= dict(zip(("seller_account", "seller_id", "seller_cluster"), seller, strict=True))
        events.append(tape.trade(now, 10, 500, **names))
    assert found(events) == []


@given(
    st.floats(0, 1e18),
    st.sampled_from(
        [
            {"source_labels": ("custodian",)},
            {"destination_labels": ("custodian", "exchange")},
            {"source_labels": ("pool",)},
            {"destination_labels": ("router",)},
            {"destination_labels": ("treasury",)},
            {"transfer_type": "recovery"},
            {"source_investor": "INV-0001", "destination_investor": "INV-0001"},
        ]
    ),
)
def test_transfers_that_change_no_holder_for_good_are_never_large(
    amount: float, known: dict[str, Any]
) -> None:
    assert found([transfer(amount=amount, **known)]) == []


@given(st.floats(0, 1e18), st.sampled_from(["mint", "burn"]))
def test_issuing_and_redeeming_are_no_large_transfers(amount: float, kind: str) -> None:
    """The use of an agent's power they are, from some amount on: administration tells of that."""
    end = "source_address" if kind == "mint" else "destination_address"
    alerts = found([transfer(amount=amount, transfer_type=kind, **{end: "0x" + "0" * 40})])
    assert {alert.typology for alert in alerts} <= {"administration"}


def test_a_forced_transfer_is_one_alert_however_large() -> None:
    (alert,) = found(
        [transfer(amount=5e6, transfer_type="forced", transaction_from="0x" + "d" * 40)]
    )
    assert alert.rule_name == "Forced transfer by an agent"
