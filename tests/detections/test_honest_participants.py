"""What honest participants do, in any order and at any speed, gives no alert of ours."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from detections.engine.engine import Engine
from normalizer.events import Alert
from tests.detections.samples import MILLISECOND, START, Tape, swap, transfer
from tests.fixtures.shipped_rules import shipped_rules

RULES = shipped_rules()
NOBODY = "0x" + "0" * 40
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
    """Somebody takes from the maker, another one each time: one who took all of it would run
    through the prices one way and then back, which is no honest participant's way to trade."""
    maker, taker = ("buyer", "seller") if bid else ("seller", "buyer")
    return tape.trade(
        at,
        price,
        quantity,
        side="sell" if bid else "buy",
        maker_order_id=order,
        taker_order_id=f"{order}-taker-{at}",
        **{f"{maker}_account": "mm-1", f"{maker}_id": "INV-0002"},
        **{f"{taker}_account": f"taker-{tape.number}", f"{taker}_id": f"INV-1{tape.number:03}"},
    )


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 20_000), QUOTES)
@example(1, [(1, 1 + n % 5, [(n < 5, 1.0)]) for n in range(10)])  # five bids, and then five offers
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
    end: dict[str, Any] = {"source_address" if kind == "mint" else "destination_address": NOBODY}
    alerts = found([transfer(amount=amount, transfer_type=kind, **end)])
    assert {alert.typology for alert in alerts} <= {"administration"}


def test_a_forced_transfer_is_one_alert_however_large() -> None:
    (alert,) = found(
        [transfer(amount=5e6, transfer_type="forced", transaction_from="0x" + "d" * 40)]
    )
    assert alert.rule_name == "Forced transfer by an agent"


def holder(number: int, side: str) -> dict[str, Any]:
    return {
        f"{side}_address": f"0x{number:040x}",
        f"{side}_investor": f"INV-{number:04}",
        f"{side}_accreditation": "accredited",
        f"{side}_jurisdiction": "US",
    }


#: For each transfer: minutes since the one before, sender and receiver, and the amount.
TRANSFERS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 9), st.integers(1, 9), st.floats(0.01, 999)),
    min_size=1,
    max_size=60,
)


@settings(max_examples=50, deadline=None)
@given(TRANSFERS)
def test_known_holders_send_each_other_small_amounts_as_often_as_they_like(
    moves: list[tuple[int, int, int, float]],
) -> None:
    now, events = START, list[Any]()
    for number, (pause, sender, receiver, amount) in enumerate(moves):
        now += pause * 60_000 * MILLISECOND
        events.append(
            transfer(
                number,
                timestamp=now,
                token_id="acme",
                token_address="0x" + "e" * 40,
                token_classification="reg-d-506c",
                contract="0x" + "e" * 40,
                transaction_from=f"0x{sender:040x}",
                amount=amount,
                **holder(sender, "source"),
                **holder(receiver, "destination"),
            )
        )
    assert found(events) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 9), st.booleans()), max_size=60))
def test_known_holders_swap_small_amounts_in_a_pool_as_they_like(
    swaps: list[tuple[int, int, bool]],
) -> None:
    """Each in a block of its own, at a price that hardly moves, less than a wash trader would."""
    now, events = START, list[Any]()
    for number, (pause, trader, buys) in enumerate(swaps):
        now += pause * 1_000 * MILLISECOND
        pool = {"address": "0x" + "f" * 40, "labels": ("pool",)}
        side = ("source", "destination") if buys else ("destination", "source")
        fields: dict[str, Any] = {
            "timestamp": now,
            "token_id": "acme",
            "token_address": "0x" + "e" * 40,
            "block_number": number,
            "block_hash": f"0x{number:064x}",
            "transaction_from": f"0x{trader:040x}",
        }
        events.append(
            transfer(
                number,
                **fields,
                contract="0x" + "e" * 40,
                amount=9.0,
                **holder(trader, side[1]),
                **{f"{side[0]}_{name}": value for name, value in pool.items()},
            )
        )
        events.append(
            swap(
                number,
                **fields,
                contract="0x" + "f" * 40,
                investor_address=f"0x{trader:040x}",
                investor_id=f"INV-{trader:04}",
                side="buy" if buys else "sell",
                price=100.0 + (number % 7) / 10,
                quantity=9.0,
                notional=9.0,
                currency="USDX",
            )
        )
    assert found(events) == []
