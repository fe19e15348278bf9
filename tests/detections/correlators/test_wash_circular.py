"""Circular trading: who goes round, and honest markets that look a little like it."""

import random
from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.wash_circular import Parameters, WashCircular
from normalizer.events.market import TradeBusted
from tests.detections.samples import Tape, transfer

SECOND = 1_000.0


class Market:
    """Trades by time: `add` puts in one, `tape` gives the records in the order of their times."""

    def __init__(self) -> None:
        self.trades: list[tuple[float, float, float, str, str, str]] = []

    def add(
        self, at: float, price: float, quantity: float, seller: str, buyer: str, side: str = "buy"
    ) -> None:
        self.trades.append((at, price, quantity, seller, buyer, side))

    def tape(self, **more: Any) -> list[Any]:
        tape = Tape(**more)
        return [
            tape.trade(
                at * SECOND, price, quantity, seller_account=s, buyer_account=b, side=side,
                related_user=(b, s),
            )
            for at, price, quantity, s, b, side in sorted(self.trades)
        ]  # fmt: skip


def made(
    market: Market,
    count: int,
    *,
    makers: int = 3,
    takers: int = 30,
    every: float = 5,
    seed: int = 1,
) -> None:
    """An honest market: makers quote around a price that moves, all others take from them."""
    chance = random.Random(seed)
    at, price = 0.0, 100.0
    for _ in range(count):
        at += chance.expovariate(1 / every)
        price *= 1 + chance.gauss(0, 0.0003)
        maker, taker = f"maker-{chance.randrange(makers)}", f"taker-{chance.randrange(takers)}"
        quantity = chance.choice((1.0, 2.0, 5.0, 10.0))
        if chance.random() < 0.5:
            market.add(at, round(price * 1.0005, 2), quantity, maker, taker, "buy")
        else:
            market.add(at, round(price * 0.9995, 2), quantity, taker, maker, "sell")


def circle(
    market: Market, names: list[str], rounds: int, *, start: float = 1_000, every: float = 30,
    size: float = 7.3, price: float = 100.0, outside: float = 0.0,
) -> None:  # fmt: skip
    """Each sells to the next, and the last one to the first; a part of it goes to a maker."""
    at, chance = start, random.Random(5)
    for _ in range(rounds):
        for number, name in enumerate(names):
            at += every
            left = size
            if chance.random() < outside:
                left -= size / 10
                market.add(at, price, size / 10, name, "maker-0", "sell")
            side = chance.choice(("buy", "sell"))
            market.add(at, price, left, name, names[(number + 1) % len(names)], side)


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    correlator = WashCircular(Parameters(**parameters))
    return [finding for event in events for finding in correlator.observe(event)]


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_a_circle_among_others_is_found_with_its_trades(size: int) -> None:
    market = Market()
    made(market, 800)
    names = [f"wash-{number}" for number in range(size)]
    circle(market, names, 12)
    findings = found(market.tape())
    assert findings
    for one in findings:
        assert {name for name in one.entities if not name.startswith("wash-")} == set()
        assert one.metrics["parties"] == size
        assert one.metrics["net_share"] < 0.1
        assert one.confidence > 0.6
    witnesses = [w.id for one in findings for w in one.witnesses]
    assert len(witnesses) == len(set(witnesses)), "no trade is in two alerts"
    assert len(witnesses) >= 0.7 * 12 * size


def test_others_get_in_between() -> None:
    market = Market()
    made(market, 800)
    circle(market, ["wash-1", "wash-2", "wash-3"], 20, outside=0.4)
    findings = found(market.tape())
    assert findings
    assert all(one.metrics["parties"] == 3 for one in findings)


@pytest.mark.parametrize("shape", [(1, 5), (2, 8), (3, 30), (5, 60), (1, 1), (1, 2), (4, 4)])
def test_makers_and_their_customers_are_no_circle(shape: tuple[int, int]) -> None:
    market = Market()
    made(market, 1_200, makers=shape[0], takers=shape[1], every=20)
    assert found(market.tape()) == []


@pytest.mark.parametrize("parties", [2, 3, 6, 40])
def test_who_trades_with_anybody_at_random_does_not_go_round(parties: int) -> None:
    chance, market = random.Random(3), Market()
    for number in range(800):
        one, other = chance.sample(range(parties), 2)
        size, side = chance.choice((1, 2, 5)), chance.choice(("buy", "sell"))
        price = 100 * (1 + chance.gauss(0, 0.01))
        market.add(20 * number, price, size, f"p{one}", f"p{other}", side)
    assert found(market.tape()) == []


def test_one_way_is_no_circle() -> None:
    market = Market()
    made(market, 300)
    for number in range(40):
        market.add(1_000 + number, 100, 7.3, "wash-1", "wash-2")
    assert found(market.tape()) == []


def test_too_few_trades_are_chance() -> None:
    market = Market()
    made(market, 300)
    circle(market, ["wash-1", "wash-2"], 2)
    assert found(market.tape()) == []


def test_who_trades_more_with_others_does_not_keep_to_himself() -> None:
    market = Market()
    made(market, 300)
    circle(market, ["taker-1", "taker-2"], 12)
    for number in range(60):
        market.add(1_000 + number * 10, 100, 2, "maker-1", "taker-1")
        market.add(1_003 + number * 10, 100, 2, "maker-2", "taker-2")
    assert found(market.tape()) == []


def test_a_dealer_who_lives_on_his_client_needs_more() -> None:
    market = Market()
    made(market, 300)
    for number in range(12):
        market.add(1_000 + 60 * number, 101, 7.3, "dealer", "client", "buy")
        market.add(1_030 + 60 * number, 99, 7.3, "client", "dealer", "sell")
    assert found(market.tape()) == []
    assert found(market.tape(), maximum_earned=0.02)


def test_where_there_is_nobody_else_it_takes_a_pattern_that_no_chance_gives() -> None:
    """Amounts of many sizes that come back each time: of one size, it takes far more of them."""
    chance, market, alike = random.Random(2), Market(), Market()
    for number in range(12):
        size = chance.uniform(1, 100)
        market.add(60 * number, 100, size, "wash-1", "wash-2")
        market.add(60 * number + 20, 100, size, "wash-2", "wash-1")
        alike.add(60 * number, 100, 5, "wash-1", "wash-2")
        alike.add(60 * number + 20, 100, 5, "wash-2", "wash-1")
    findings = found(market.tape())
    assert findings
    assert findings[0].metrics["market_share"] == 1
    assert found(alike.tape()) == []


def to_and_fro(market: Market, count: int) -> None:
    """Two pass it on, and have it back when the next one is on its way."""
    chance = random.Random(4)
    for number in range(count):
        size, at = chance.uniform(4.5, 5.5), 1_000 + 60.0 * number
        side = chance.choice(("buy", "sell"))
        market.add(at, 100, size, "wash-1", "wash-2", side)
        market.add(at + 90, 100, size, "wash-2", "wash-1", side)


def test_positions_that_never_get_far_are_told_though_they_are_never_back() -> None:
    market = Market()
    market.add(900, 100, 1.21, "wash-1", "wash-2")
    to_and_fro(market, 60)
    findings = found(market.tape())
    assert findings
    assert findings[0].metrics["rounds"] == 0
    assert findings[0].metrics["market_share"] == 1


def test_two_who_trade_with_all_others_as_well_are_told_by_what_they_pass_to_and_fro() -> None:
    market, chance = Market(), random.Random(3)
    made(market, 100)
    to_and_fro(market, 120)
    for number in range(300):  # everybody else's counterparty is one of the two as well
        one = chance.choice(("wash-1", "wash-2"))
        at, other = 1_000 + 25.0 * number, f"taker-{chance.randrange(30)}"
        market.add(at, 100 + chance.gauss(0, 1), chance.uniform(1, 10), one, other, "buy")
    findings = found(market.tape())
    assert findings
    assert all(set(one.entities) == {"wash-1", "wash-2"} for one in findings)
    assert findings[-1].metrics["lift"] < 3
    assert sum(one.metrics["trades"] for one in findings) > 150


def test_more_than_half_of_a_market_is_held_against_fifty_trades_of_others() -> None:
    """At prices that differ, and with others in between: by itself that says too little."""

    def among(others: int) -> Market:
        chance, market = random.Random(8), Market()
        made(market, others, every=10)
        circle(market, ["wash-1", "wash-2"], 40, outside=0.4)
        for place, (at, _, *rest) in enumerate(market.trades[others:], others):
            market.trades[place] = (at, 100 + chance.gauss(0, 2), *rest)  # pyright: ignore
        return market

    assert found(among(5).tape()) == []
    assert found(among(20).tape())[-1].metrics["market_share"] > 0.5


@pytest.mark.parametrize("spread", [0.001, 0.002, 0.01])
@pytest.mark.parametrize("seed", range(6))
def test_a_maker_with_one_customer_who_is_flat_again_each_time(spread: float, seed: int) -> None:
    """He goes all in and all out, and earns nothing in all now and then."""
    chance, market = random.Random(seed), Market()
    at, price, held = 0.0, 100.0, 0.0
    for _ in range(80):
        at += chance.expovariate(1 / 3_600)
        price *= 1 + chance.gauss(0, 0.006)
        if held:
            market.add(at, price * (1 - spread / 2), held, "customer", "maker", "sell")
            held = 0.0
        else:
            held = chance.choice((1.0, 2.0, 5.0, 6.85))
            market.add(at, price * (1 + spread / 2), held, "maker", "customer", "buy")
    assert found(market.tape()) == []
    alone = {"alone": True, "maximum_parties": 2, "minimum_trades": 18, "minimum_surprise": 4.0}
    assert found(market.tape(), **alone) == []


def test_ten_round_trips_of_two_alone_are_told_by_a_rule_on_these_only() -> None:
    alone = {"alone": True, "maximum_parties": 2, "minimum_trades": 18, "minimum_surprise": 4.0}
    market = Market()
    for number in range(10):
        market.add(60 * number, 100, 5, "wash-1", "wash-2")
        market.add(60 * number + 20, 100, 5, "wash-2", "wash-1")
    assert found(market.tape()) == []
    findings = found(market.tape(), **alone)
    assert [one.metrics["trades"] for one in findings] == [18]
    made(market, 400, every=3)
    assert found(market.tape())  # others tell enough
    assert found(market.tape(), **alone) == []


def test_a_series_of_thousands_goes_on_being_told() -> None:
    """No alert waits for more trades of a pair than are kept."""
    market = Market()
    made(market, 3_000, every=20)
    circle(market, ["wash-1", "wash-2"], 2_500, every=5)
    findings = found(market.tape())
    told = sum(one.metrics["trades"] for one in findings)
    assert told >= 0.85 * 5_000
    assert len(findings) < 60


def test_a_day_and_a_week_match_what_an_hour_does_not() -> None:
    market = Market()
    made(market, 600, every=600)
    circle(market, ["wash-1", "wash-2"], 12, every=5_000, start=0)
    findings = found(market.tape())
    assert findings
    assert findings[0].metrics["span_seconds"] > 3_600
    assert found(market.tape(), windows=(3_600_000_000_000,)) == []


def test_a_bust_takes_a_trade_back() -> None:
    market = Market()
    made(market, 300)
    circle(market, ["wash-1", "wash-2"], 10)
    tape = market.tape()
    assert found(tape)
    ours = [event for event in tape if event.seller_account.startswith("wash")]
    busted: list[Any] = []
    for event in tape:
        busted.append(event)
        if event in ours[1::2]:
            fields = {"trade_id": event.trade_id, "id": f"bust-{event.id}"}
            same = {n: getattr(event, n) for n in ("timestamp", "ingested", "original")}
            place = {n: getattr(event, n) for n in ("provider", "venue", "instrument")}
            busted.append(TradeBusted(**fields, **same, **place))
    assert found(busted) == []


def test_a_cluster_is_one_party_and_labels_exempt() -> None:
    market = Market()
    made(market, 300)
    circle(market, ["wash-1", "wash-2"], 12)
    tape = market.tape()
    for event in tape:
        if event.seller_account.startswith("wash"):
            event.buyer_cluster = event.seller_cluster = "CL-1"
    assert found(tape) == []  # that is for the rule on clusters
    for event in tape:
        event.buyer_cluster = event.seller_cluster = None
        event.buyer_labels = ("market_maker",)
    assert found(tape) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    market = Market()
    made(market, 400)
    circle(market, ["wash-1", "wash-2", "wash-3"], 15)
    tape, straight, broken = market.tape(), WashCircular(Parameters()), WashCircular(Parameters())
    expected = [one for event in tape for one in straight.observe(event)]
    came: list[Finding] = []
    for number, event in enumerate(tape):
        if number % 150 == 149:
            state = broken.snapshot()
            broken = WashCircular(Parameters())
            broken.restore(state)
        came += broken.observe(event)
    assert expected
    assert came == expected
    assert broken.snapshot() == straight.snapshot()


def test_tokens_sent_round_between_three_holders() -> None:
    wallets = [f"0x{number:040x}" for number in range(40)]
    chance, events = random.Random(1), list[Any]()
    for number in range(400):
        one, other = chance.sample(wallets[3:], 2)
        events.append((number * 60, one, other, chance.uniform(1, 50)))
    for number in range(24):
        events.append(
            (5_000 + number * 60, wallets[number % 3], wallets[(number + 1) % 3], 1_000.0)
        )
    tape = [
        transfer(
            at, timestamp=at * 1_000_000_000, contract="0xe", amount=amount,
            source_address=one, destination_address=other,
        )
        for at, one, other, amount in sorted(events)
    ]  # fmt: skip
    findings = found(tape, flows="transfers", minimum_parties=3)
    assert findings
    assert findings[0].metrics["parties"] == 3
    assert "transfers in" in findings[0].reason
    # Where each is another item, nothing goes round.
    for number, event in enumerate(tape):
        event.item_id = str(number)
    assert found(tape, flows="transfers", minimum_parties=3) == []
    for event in tape:
        event.item_id = "7"
    assert found(tape, flows="transfers", minimum_parties=3) == findings
    for event in tape:
        event.transfer_type = "forced"
    assert found(tape, flows="transfers", minimum_parties=3) == []
