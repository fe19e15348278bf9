"""Turnover for nothing: who does it, and who is an honest maker or broker."""

import random
from typing import Any

from detections.alerting.findings import Finding
from detections.correlators.wash_turnover import Parameters, WashTurnover
from tests.detections.samples import Tape

SECOND = 1_000.0
Deal = tuple[float, str, str, float, float]


def market(seed: int = 1, count: int = 400, makers: int = 3, takers: int = 30) -> list[Deal]:
    """When, seller, buyer, quantity, price."""
    chance, at, made = random.Random(seed), 0.0, list[Deal]()
    for _ in range(count):
        at += chance.expovariate(1 / 5)
        maker, taker = f"maker-{chance.randrange(makers)}", f"taker-{chance.randrange(takers)}"
        pair = (maker, taker) if chance.random() < 0.5 else (taker, maker)
        price = 100.05 if pair[0] == maker else 99.95
        made.append((at, *pair, chance.choice((1.0, 2.0, 5.0)), price))
    return made


def turned_over(
    rounds: int = 30, *, size: float = 12.0, profit: float = 0.0, left: float = 0.0
) -> list[Deal]:
    """A hub buys from two and sells to two others."""
    made: list[Deal] = []
    for number in range(rounds):
        at = 100.0 + 50 * number
        made.append((at, f"full-{number % 2}", "hub", size, 100.0))
        made.append(
            (at + 20, "hub", f"empty-{number % 2}", size * (1 - left), 100.0 * (1 + profit))
        )
    return made


def found(deals: list[Deal], **parameters: Any) -> list[Finding]:
    tape, correlator = Tape(), WashTurnover(Parameters(**parameters))
    return [
        finding
        for at, seller, buyer, quantity, price in sorted(deals)
        for finding in correlator.observe(
            tape.trade(
                at * SECOND, price, quantity, seller_account=seller, buyer_account=buyer
            )
        )
    ]  # fmt: skip


def test_a_hub_with_its_circle_is_found() -> None:
    findings = found([*market(), *turned_over()])
    assert findings
    assert findings[0].entities[0] == "hub"
    assert set(findings[0].entities[1:]) == {"full-0", "full-1", "empty-0", "empty-1"}
    assert findings[0].metrics["returned_share"] == 0
    told = [w.id for one in findings for w in one.witnesses]
    assert len(told) == len(set(told))


def test_honest_markets_of_all_kinds() -> None:
    for makers, takers in ((1, 1), (1, 3), (1, 6), (2, 4), (3, 30), (1, 40), (10, 10)):
        assert found(market(2, 600, makers, takers)) == []


def test_who_earns_is_a_broker() -> None:
    assert found([*market(), *turned_over(profit=0.02)]) == []


def test_who_keeps_a_part_takes_a_position() -> None:
    assert found([*market(), *turned_over(left=0.2)]) == []


def test_a_small_part_of_the_volume_is_none_of_its_business() -> None:
    assert found([*market(), *turned_over(size=2.0)]) == []


def test_what_goes_back_to_whom_it_came_from_is_circular() -> None:
    back = [
        (at, s.replace("empty", "full"), b.replace("empty", "full"), q, p)
        for at, s, b, q, p in turned_over()
    ]
    assert found([*market(), *back]) == []


def test_what_goes_back_to_many_is_a_circle_as_well() -> None:
    def renamed(name: str, number: int) -> str:
        return name if name == "hub" else f"friend-{(5 * number + number // 12) % 12}"

    deals = [
        (at, renamed(seller, number), renamed(buyer, number), quantity, price)
        for number, (at, seller, buyer, quantity, price) in enumerate(turned_over(60))
    ]
    findings = found([*market(), *deals])
    assert findings
    assert findings[-1].metrics["returned_share"] > 0.5
    assert {name for one in findings for name in one.entities} <= {
        "hub", *(f"friend-{n}" for n in range(12)),
    }  # fmt: skip


def test_whom_it_met_once_is_a_customer_and_who_comes_back_is_not() -> None:
    def met(times: int) -> list[Deal]:
        """Twelve with whom it has so many trades, after eight with others, which aren't kept."""
        made: list[Deal] = []
        for number in range(8 + 12 * times):
            name = f"first-{number}" if number < 8 else f"one-{number % 12}"
            seller, buyer = (name, "hub") if number % 2 else ("hub", name)
            made.append((100.0 + 25 * number, seller, buyer, 12.0, 100.0))
        return made

    assert found([*market(), *met(1)]) == []
    assert found([*market(), *met(1)], minimum_each=1.0)
    assert found([*market(), *met(3)])


def test_counterparties_with_a_life_of_their_own() -> None:
    others = [
        (at + 3, "maker-1", name, 1.0, 100.0)
        for at, seller, buyer, _, _ in turned_over()
        for name in (seller, buyer)
        if name != "hub"
    ]
    assert found([*market(), *turned_over(), *others]) == []


def test_without_others_nobody_knows_what_is_usual() -> None:
    assert found(turned_over()) == []
    assert found(turned_over(), minimum_outside=0, minimum_lift=1.0)


def test_saved_and_restored_it_goes_on() -> None:
    tape = Tape()
    events = [
        tape.trade(at * SECOND, price, quantity, seller_account=seller, buyer_account=buyer)
        for at, seller, buyer, quantity, price in sorted([*market(), *turned_over()])
    ]
    straight, broken = WashTurnover(Parameters()), WashTurnover(Parameters())
    expected = [one for event in events for one in straight.observe(event)]
    came: list[Finding] = []
    for number, event in enumerate(events):
        if number % 100 == 99:
            state = broken.snapshot()
            broken = WashTurnover(Parameters())
            broken.restore(state)
        came += broken.observe(event)
    assert expected
    assert came == expected
