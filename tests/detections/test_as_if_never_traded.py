"""After a bust, a detection goes on as one that has never seen the trade."""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from detections.correlators.base import correlators
from detections.correlators.price_move import PriceMove
from detections.correlators.spoofing import Spoofing
from detections.engine.engine import Engine
from detections.idlest import Room
from detections.rules.loading import RuleSet
from normalizer.events import Alert
from normalizer.events.chain import OracleUpdate
from normalizer.events.market import OrderCancelled, OrderPlaced, Trade, TradeBusted
from pipeline.units import HOUR, MINUTE
from tests.detections.correlators.test_wash_funding import SOURCE, paid
from tests.detections.samples import HEADER, START, Tape, correlator, transfer
from tests.detections.test_oracle_deviation import answer
from tests.detections.test_revised_trades import revised

ACCOUNTS = ("a", "b", "c", "d", "e")
LABELS = {"a": ("insider",), "b": ("restricted",)}
SECOND = 1_000.0

#: Of each correlator, parameters with which it finds something in such a market.
RULES: dict[str, str] = {
    "cross_market": ("{window: 1h, minimum_push: 0.5%, minimum_follow: 0.1%, minimum_ratio: 0.1}"),
    "correlated_moves": (
        "{minimum_move: 2%, minimum_volatilities: 0, minimum_volume_multiple: 0, "
        "minimum_history: 5m, pause: 1m}"
    ),
    "wash_statistics": (
        "{minimum_trades: 10, minimum_magnitudes: 1, minimum_deviation: 0, minimum_surprise: 0, "
        "minimum_odd_share: 0}"
    ),
    "pinging": "{minimum_pings: 2, window: 2m, minimum_multiple: 2, maximum_ping_share: 0.5}",
    "cancel_rates": (
        "{window: 1h, minimum_orders: 4, minimum_cancel_share: 0.2, minimum_orders_traded: 1, "
        "minimum_size_ratio: 0.1}"
    ),
    "price_move": "{window: 1h, minimum_change: 8%, minimum_trades: 2}",
    "pump_and_dump": (
        "{minimum_rise_in_5m: 5%, minimum_volatilities: 0, minimum_volume_multiple: 1, "
        "minimum_trades: 2, minimum_history: 5m, minimum_sigmas: 1, minimum_purchases: 0}"
    ),
    "momentum_ignition": "{minimum_prices: 2, certain_move: 1%, minimum_gain: -100%}",
    "novelty": "{pattern: account, minimum_events: 1, period: 1h}",
    "spoofing": (
        "{minimum_depth_share: 0.01, execution_window: 1m, minimum_significance: 0, "
        "minimum_execution_multiple: 0.1}"
    ),
    "ramping": (
        "{window: 1h, minimum_steps: 3, minimum_lasting: 0s, minimum_steps_share: 0, "
        "certain_move: 0.5%, minimum_pushed: 0, minimum_share: 0, maximum_size: 1000, "
        "maximum_given: 100%, minimum_directness: 0}"
    ),
    "wash_turnover": "{minimum_trades: 10}",
    "layering": "{minimum_levels: 2, minimum_imbalance: 0.1, pull_window: 1m}",
    "wash_items": "{items: all}",
    "steady_ramp": (
        "{window: 10m, step: 10s, minimum_move: 1%, minimum_usual_moves: 0, minimum_trades: 2, "
        "minimum_directness: 0, maximum_step: 100%, minimum_side_share: 0.5}"
    ),
    "oracle_deviation": "{pattern: deviation, minimum_deviation: 6%, minimum_trades: 2}",
    "closed_period": "{pattern: restricted_list}",
    "wash_funding": "{}",
    "flipping": (
        "{minimum_depth_share: 0.01, minimum_pulled_share: 0.01, depth_range: 100%, "
        "touch_levels: 100, maximum_lifetime: 1h, pull_window: 1m, trade_window: 1m, "
        "minimum_traded_share: 0.01, minimum_imbalance: 0, minimum_significance: 0}"
    ),
    "vacuuming": (
        "{minimum_levels: 2, minimum_depth_share: 0.01, minimum_pulled_share: 0.01, "
        "depth_range: 100%, pull_window: 1m, trade_window: 1m, minimum_traded_share: 0.01, "
        "minimum_imbalance: 0, minimum_significance: 0}"
    ),
    "improbable_prices": (
        "{minimum_distance: 5%, minimum_sigmas: 0, minimum_depth_share: 0.01, depth_range: 100%, "
        "minimum_orders: 2, minimum_cancel_share: 0.1}"
    ),
    "inter_venue_layering": (
        "{minimum_levels: 1, minimum_order_share: 0.01, minimum_depth_share: 0, depth_range: 100%, "
        "pull_window: 1m, reaction: 1m, maximum_fill_share: 100%, minimum_imbalance: 0, "
        "minimum_significance: 0}"
    ),
    "auction_orders": (
        "{minimum_resting: 1s, pull_window: 10m, minimum_share: 0.01, minimum_orders: 1}"
    ),
    "inferred_reversal": (
        "{window: 20s, minimum_side_share: 0.5, minimum_times: 1, minimum_prices: 1, "
        "minimum_likeness: 0.1, minimum_volume: 0, minimum_deviations: 0, minimum_turns: 1, "
        "pause: 0s}"
    ),
    "inferred_cross_market": (
        "{window: 10s, minimum_side_share: 0.5, minimum_times: 1, minimum_prices: 1, "
        "minimum_volume: 0, minimum_deviations: 0, minimum_loss: 0, pause: 0s}"
    ),
    "oracle_manipulation": (
        "{push: 1m, minimum_oracle_move: 0.1%, dominance: 1%, take_out: 1m, minimum_gain: 0}"
    ),
    "inferred_pinging": (
        "{minimum_pings: 2, window: 2m, minimum_growth: 0, minimum_multiple: 1, minimum_size: 1}"
    ),
}
#: So long before it is traded a little on both markets: it is known that little is usual.
LONG_BEFORE = -400 * 60 * SECOND


def traded_before(count: int, quantity: float) -> list[Any]:
    return [
        Tape(venue=venue, token_id="acme", currency="USD").trade(
            LONG_BEFORE + number * 60 * SECOND,
            10.0,
            quantity,
            side="buy",
            id=f"before-{venue}-{number}",
            trade_id=f"before-{number}",
        )
        for number in range(count)
        for venue in ("x", "y")
    ]


#: What must have come before that.
COMING_BEFORE: dict[str, list[Any]] = {
    "oracle_deviation": [answer(-1, 10.25)],
    "oracle_manipulation": [answer(-1, 10.25)],
    "wash_funding": [paid(-2, SOURCE, one, id=f"paid-{one}") for one in ACCOUNTS[:3]],
    **dict.fromkeys(
        ("inferred_reversal", "inferred_cross_market", "inter_venue_layering"),
        traded_before(2, 0.001),
    ),
    "inferred_pinging": traded_before(60, 16.0),
}
#: What is let be: how far time has come, who did nothing for how long, and what is usual.
LEFT: dict[str, frozenset[str]] = {
    "pump_and_dump": frozenset({"time"}),
    "correlated_moves": frozenset({"time", "witnesses"}),
    "momentum_ignition": frozenset({"moves"}),
    "price_move": frozenset({"now", "alike_until", "place", "first_time", "series_until"}),
    "pinging": frozenset({"probers"}),
    "ramping": frozenset({"moves"}),
    "wash_turnover": frozenset({"due", "sides", "witnesses"}),
    "spoofing": frozenset({"habits", "crowds", "gap", "gaps", "same_side"}),
    "novelty": frozenset({"witnesses"}),
    "steady_ramp": frozenset({"moves", "told", "told_at"}),
    "wash_funding": frozenset({"wallets"}),
    # What is so old that it doesn't matter any more goes with the next trade, one side at a time.
    # How long after another trade one came, and with it the chance, is what is usual.
    "flipping": frozenset({"habits", "purchases", "sales", "gap", "chance"}),
    "vacuuming": frozenset({"habits", "purchases", "sales"}),
    "oracle_manipulation": frozenset({"pushes", "episodes", "pushers", "newest"}),
    "improbable_prices": frozenset({"moves"}),
    "inter_venue_layering": frozenset({"habits", "gap"}),
    **dict.fromkeys(
        ("inferred_reversal", "inferred_cross_market"),
        frozenset(
            {
                *("moves", "volumes", "ended", "number", "quantity", "buying", "selling"),
                *("trades", "front", "before", "bought", "sold"),  # of a window that is over
            }
        ),
    ),
    "inferred_pinging": frozenset(
        {"quantities", "ordered", "steps", "usual_step", "counts", "step", "order", "counted"}
    ),
}
#: A party, or a market, of which no order or trade is known, but what is usual for it.
WHO_DID_NOTHING: tuple[Any, ...] = (
    {"bids_pulled": None, "offers_pulled": None, "alone": None},
    {"pulled": [], "deals": []},
    {"traders": {}, "times": [], "quantities": [], "front": 0, "traded": 0.0},
)
#: Numbers of alerts that say how it compares with what is usual, which is let be.
COMPARED: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("spoofing", "flipping", "vacuuming", "inter_venue_layering"), frozenset({"chance"})
    ),
    "inferred_reversal": frozenset({"reason", "volume_multiple"}),
    "inferred_cross_market": frozenset({"reason", "metrics"}),  # as to which market comes first
    "inferred_pinging": frozenset({"usual_pings"}),
}
#: What these find depends on what is usual: here it is held against what they know alone.
BY_USUAL = frozenset({"steady_ramp"})
#: These look where nobody is named.
ANONYMOUS = frozenset(
    {
        *("steady_ramp", "inferred_reversal", "inferred_cross_market", "inferred_pinging"),
    }
)
#: Of these it is learnt after five minutes what is usual, and then it stays.
LEARNING = frozenset({"pump_and_dump", "correlated_moves"})


class Kind(NamedTuple):
    """What a market is like."""

    accounts: Sequence[str]
    placed: float
    """So often an order is placed,"""
    cancelled: float
    """or that or one cancelled; else there is a trade."""


USUAL, OF_ORDERS = Kind(ACCOUNTS, 0.25, 0.4), Kind(ACCOUNTS[:3], 0.4, 0.7)
#: Of these a party must place and cancel much, and trade as well.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("flipping", "vacuuming", "improbable_prices", "inter_venue_layering"), OF_ORDERS
    ),
    "oracle_manipulation": Kind(ACCOUNTS, 0.08, 0.2),
}


def market(seed: int, count: int, kind: Kind) -> list[Any]:
    """Trades in two markets of a token, and orders that nobody trades with."""
    chance, made = random.Random(seed), list[Any]()
    tapes = [Tape(venue=venue, token_id="acme", currency="USD") for venue in ("x", "y")]
    now, resting = 0.0, list[tuple[Tape, str, str]]()
    for number in range(count):
        now += chance.choice((1.0, 200.0, SECOND, 5 * SECOND, 30 * SECOND))
        tape = chance.choice(tapes)
        price = chance.choice((10.0, 10.25, 10.5, 11.0, 11.25))
        side = chance.choice(("buy", "sell"))
        roll = chance.random()
        identity: dict[str, Any] = {"id": f"event-{number}"}
        if roll < kind.placed:
            order = f"order-{number}"
            away = -1.0 if side == "buy" else 1.0
            who = chance.choice(kind.accounts)
            made.append(
                tape.placed(now, order, side, price + away, 8.0, investor_account=who, **identity)
            )
            resting.append((tape, order, side))
        elif roll < kind.cancelled and resting:
            where, order, side = resting.pop(chance.randrange(len(resting)))
            made.append(where.cancelled(now, order, side, **identity))
        else:
            buyer, seller = chance.sample(kind.accounts, 2)
            quantity = chance.choice((0.25, 0.5, 1.0, 2.0, 16.0, 33.0))
            made.append(
                tape.trade(
                    now, price, quantity, side=chance.choice((side, side, None)),
                    buyer_account=buyer, seller_account=seller, trade_id=f"trade-{number}",
                    taker_order_id=chance.choice((f"taker-{number}", "taker", None)),
                    buyer_labels=LABELS.get(buyer, ()), seller_labels=LABELS.get(seller, ()),
                    **identity,
                )
            )  # fmt: skip
    return made


def nobodys(event: Any) -> Any:
    """The same on a feed that names nobody."""
    if isinstance(event, Trade):
        return msgspec.structs.replace(event, buyer_account=None, seller_account=None)
    return msgspec.structs.replace(event, investor_account=None)


def of_investors(event: Any) -> Any:
    """The same where it is known whose accounts they are."""
    if isinstance(event, Trade):
        return msgspec.structs.replace(
            event, buyer_id=event.buyer_account, seller_id=event.seller_account
        )
    return msgspec.structs.replace(event, investor_id=event.investor_account)


def of_auction(event: Any) -> Any:
    """Orders that come into an auction, while it is traded on."""
    if isinstance(event, Trade):
        return msgspec.structs.replace(event, phase="continuous")
    return msgspec.structs.replace(
        event,
        phase="closing-auction",
        reference_purpose="close",
        reference_offset=event.timestamp - START - 600 * 10**9,
    )


def of_oracle(event: Any) -> Any:
    """Where an order is placed an oracle answers; where one is cancelled somebody is paid."""
    if isinstance(event, Trade):
        return event
    at = (event.timestamp - START) / 1e6
    if isinstance(event, OrderPlaced):
        return answer(at, event.price or 10.0, id=event.id)
    moment = {"timestamp": event.timestamp, "ingested": event.ingested, "id": event.id}
    return transfer(1, destination_address="a", amount=5.0, token_id="usdc", **moment)


#: How these see the market.
SEEN: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(ANONYMOUS, nobodys),
    "inter_venue_layering": of_investors,
    "auction_orders": of_auction,
    "oracle_manipulation": of_oracle,
}


def rules_of(name: str) -> RuleSet:
    level = correlators()[name].highest_level or "high"
    return correlator(name, RULES[name], header=HEADER.replace("level: high", f"level: {level}"))


def told(alert: Alert, compared: frozenset[str]) -> dict[str, Any]:
    return {
        "reason": None if "reason" in compared else alert.reason,
        "trades": alert.evidence_trades,
        "events": alert.evidence_events,
        "metrics": {
            key: one for key, one in alert.metrics.items() if not compared & {key, "metrics"}
        },
    }


def run(
    rules: RuleSet, events: Sequence[Any], *, saved: bool = False
) -> tuple[list[dict[str, Any]], Any]:
    """Alerts and state; `saved`: a checkpoint is made behind each bust."""
    engine = Engine(rules)
    compared = COMPARED.get(engine.book.correlators[0].name, frozenset())
    found: list[dict[str, Any]] = []
    for event in events:
        found += [told(alert, compared) for alert in engine.process([event])]
        if saved and isinstance(event, TradeBusted):
            engine.snapshot()
    engine.snapshot()  # so that nothing waits for another event
    assert engine.take_problems() == []
    (entry,) = engine.book.correlators
    detection = entry.correlator
    if isinstance(detection, Spoofing):
        # What is too old to be found goes with the next trade of a party: here of all of them.
        for watch in detection.state.watches.values():
            watch.forget_after = 0  # what is known of that may be less than could be
            watch.forget(events[-1].timestamp, HOUR, MINUTE)
    if isinstance(detection, PriceMove):
        for known in detection.state.markets.values():
            known.history.traded()  # what is only added up when somebody asks
    return found, detection.state


def without(state: Any, names: frozenset[str]) -> Any:
    """All that a state consists of, but for the fields with these names."""
    if isinstance(state, Room):
        return None  # when all is counted next
    if isinstance(state, msgspec.Struct):
        fields = msgspec.structs.asdict(state)
        return {key: without(one, names) for key, one in fields.items() if key not in names}
    if isinstance(state, dict):
        left = {key: without(one, names) for key, one in state.items()}  # pyright: ignore
        return {key: one for key, one in left.items() if one not in WHO_DID_NOTHING}  # pyright: ignore
    return [without(one, names) for one in state] if isinstance(state, list | tuple) else state  # pyright: ignore


def judged_meanwhile(events: Sequence[Any], gone: Sequence[Trade]) -> bool:
    """Whether a party of these trades cancelled an order behind the first of them or shortly before
    it: what it was is judged then, and a bust doesn't put that right (see docs/limits.md)."""
    parties = {name for one in gone for name in (one.buyer_account, one.seller_account)}
    theirs = {
        one.order_id
        for one in events
        if isinstance(one, OrderPlaced) and one.investor_account in parties
    }
    since = gone[0].timestamp - 60 * 10**9  # so long a trade counts behind one that is gone
    return not theirs.isdisjoint(cancelled([one for one in events if one.timestamp >= since]))


def cancelled(events: Sequence[Any]) -> set[str]:
    return {one.order_id for one in events if isinstance(one, OrderCancelled)}


@pytest.mark.parametrize("name", RULES)
@settings(
    max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 60),
    busted=st.integers(0, 10_000),
    later=st.integers(1, 6),
    many=st.integers(1, 3),
)
@example(seed=5667, count=2, busted=0, later=1, many=1)  # the seller of a spoof had sold before
@example(seed=51, count=2, busted=0, later=5, many=2)  # what came behind looked like a slip
@example(seed=288, count=33, busted=287, later=1, many=3)  # an order was judged meanwhile
@example(seed=3824, count=4, busted=0, later=1, many=3)  # nothing else was traded there
@example(seed=481, count=34, busted=358, later=1, many=1)  # it made something old be forgotten
@example(seed=1264, count=48, busted=710, later=1, many=1)  # so was one that was gone before
@example(seed=258, count=21, busted=0, later=6, many=2)  # a flip came long after one that is gone
@example(seed=1039, count=20, busted=6, later=6, many=1)  # it was none while the trade was there
def test_what_is_found_from_then_on_is_the_same(
    name: str, seed: int, count: int, busted: int, later: int, many: int
) -> None:
    events = market(seed, count + later + 4, KINDS.get(name, USUAL))
    if name in SEEN:
        events = [SEEN[name](one) for one in events]
    first_of_all = COMING_BEFORE.get(name, [])
    if name in LEARNING:
        start = events[0].timestamp
        events = [one for one in events if one.timestamp - start < 280 * 10**9]
        count = min(count, len(events) - later - 4)
    rules = rules_of(name)
    trades = [place for place, one in enumerate(events[: max(0, count)]) if isinstance(one, Trade)]
    assume(trades)
    first = busted % len(trades)
    gone = [events[place] for place in trades[first : first + many]]
    before, after = [*first_of_all, *events[: count + later]], events[count + later :]
    end = before[-1].timestamp
    busts = [revised(TradeBusted, one, (end - one.timestamp) / 1e6) for one in gone]
    never = [one for one in before if one not in gone]
    found_before = run(rules, before)[0]
    assume(found_before == run(rules, never)[0])
    # How far a series of its alerts goes on was judged with the trade (see docs/limits.md).
    assume(name != "price_move" or not found_before)
    # Of one order that is a flip nothing is told until the next one.
    assume(name not in ("spoofing", "flipping") or not judged_meanwhile(before, gone))
    # Who pushed was judged when an oracle answered, and then whether the market fell back.
    behind = before[before.index(gone[0]) :]
    answers = [one.timestamp for one in before if isinstance(one, OracleUpdate)]
    since = gone[0].timestamp - 60 * 10**9
    assume(name != "oracle_manipulation" or max(answers[1:], default=0) < since)
    # Which orders would have traded was judged by the price of the trade.
    assume(name != "auction_orders" or not cancelled(behind))
    # Which orders were small enough was judged by what was usual with the trade.
    assume(name != "pinging" or not cancelled(behind))
    with_busts, state = run(rules, [*before, *busts, *after])
    as_if, expected = run(rules, [*never, *after])
    assert with_busts == as_if or name in BY_USUAL
    assert run(rules, [*before, *busts, *after], saved=True) == (with_busts, state)
    left = LEFT.get(name, frozenset())
    assert without(state, left) == without(expected, left)
