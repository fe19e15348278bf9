"""Bought here and sold there at once and at a loss, on tapes that name nobody."""

from math import inf
from typing import Any

from detections.correlators.inferred_cross_market import InferredCrossMarket, Parameters
from detections.markets.linked_markets import MOST_MARKETS
from detections.markets.side_tape import SideTape
from detections.rules import RuleSet
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator

STEPS = 28
START = 5_000 * STEPS + 11_000
SOLD, BOUGHT = (9.99, 9.98, 9.99, 9.97), (10.01, 10.02, 10.01, 10.03)


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("inferred_cross_market", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


def scene(
    *,
    steps: int = STEPS,
    bought: tuple[float, ...] = BOUGHT,
    sold: tuple[float, ...] = SOLD,
    size: float = 40,
    more: float = 1.25,
    later: float = 500,
    against: float = 0,
    there: dict[str, Any] | None = None,
    **common: Any,
) -> list[Any]:
    """Ten are traded on each in five seconds; then some buy on the small, and sell on the large."""
    common = {"token_id": "acme", "currency": "USD", **common}
    small, large = Tape(venue="small", **common), Tape(**{**common, "venue": "large"})
    large.number = 1_000
    there = there or {}
    events: list[Any] = []
    for step in range(steps):
        side = "sell" if step % 2 else "buy"
        events.append(small.trade(5_000 * step, 10.0, 10, side=side))
        events.append(large.trade(5_000 * step, 10.0, 10, side=side, **there))
    at = 5_000 * steps + 11_000
    if against:
        events.append(large.trade(at - 100, 10.0, against, side="buy", **there))
    pushes = [
        small.trade(at + 1_000 * place, price, size * more, side="buy")
        for place, price in enumerate(bought)
    ]
    uses = [
        large.trade(at + later + 1_000 * place, price, size, side="sell", **there)
        for place, price in enumerate(sold)
    ]
    return [*events, *sorted([*pushes, *uses], key=lambda one: one.timestamp)]


def test_bought_dearer_here_and_sold_cheaper_there_at_once_is_told() -> None:
    events = scene()
    (alert,) = found(events)
    assert alert.reason == (
        "within 3.5 s others bought 200 ACME-USD on small, 100% of all that was traded there and "
        "6.7 times what is usual; and sold 160 ACME-USD on large, 100% of all that was traded "
        "there and 5.3 times what is usual, for 0.35% less on average: no arbitrage (the feeds "
        "name no accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert set(alert.entities) >= {"small ACME-USD", "large ACME-USD"}
    assert 0.3 < alert.confidence < 0.5
    assert list(alert.evidence_events) == [one.id for one in events[2 * STEPS :]]


def test_arbitrage_buys_where_it_is_cheaper() -> None:
    assert found(scene(bought=SOLD, sold=BOUGHT)) == []


def test_who_hardly_loses_may_be_two() -> None:
    near: dict[str, Any] = {
        "bought": (10.0, 10.01, 10.02, 10.01),
        "sold": (10.01, 10.0, 10.01, 10.005),
    }
    assert found(scene(**near)) == []
    assert len(found(scene(**near), "{minimum_loss: 0.01%}")) == 1


def test_what_follows_when_the_other_is_over_is_another_matter() -> None:
    assert len(found(scene(later=11_000))) == 1
    assert found(scene(later=16_000)) == []


def test_little_or_one_order_or_one_price_is_nothing() -> None:
    assert found(scene(size=22)) == []
    assert len(found(scene(size=23))) == 1
    assert found(scene(bought=(10.01, 10.02, 10.03))) == []
    assert found(scene(sold=(9.99, 9.98, 9.99, 9.98))) == []


def uneven() -> list[Any]:
    """As much is traded as usual, but all of it in every fourth step; then less comes at once."""
    events = scene(size=28)
    began = events[0].timestamp
    for event in events[: 2 * STEPS]:
        event.quantity = 37 if (event.timestamp - began) % 20_000_000_000 == 0 else 1
    return events


def test_where_it_always_was_the_same_any_more_is_rare() -> None:
    tape = SideTape()
    tape.volumes.learn(10.0, 0.5)
    assert tape.deviations(10.1, 1) == inf
    assert tape.deviations(10.0, 1) == 0


def test_where_volumes_vary_much_both_markets_together_make_it_rare() -> None:
    """What was sold on the large one is 2.9 deviations above what is usual, by itself too few."""
    (alert,) = found(uneven())
    assert 3 < alert.metrics["volume_multiple_elsewhere"] < 4
    assert len(found(uneven(), "{minimum_deviations: 3.5}")) == 1
    assert found(uneven(), "{minimum_deviations: 5}") == []


def test_others_come_in_the_other_way_there() -> None:
    assert found(scene(against=54)) == []
    assert len(found(scene(against=53))) == 1


def test_another_token_or_another_currency_is_no_other_market_of_it() -> None:
    assert found(scene(there={"token_id": "other"})) == []
    assert found(scene(there={"currency": "EUR"})) == []


def test_of_a_token_that_is_not_known_nothing_is_said() -> None:
    assert found(scene(token_id=None)) == []


def test_before_it_is_known_what_is_usual_nothing_is_said() -> None:
    assert found(scene(steps=STEPS - 4)) == []


def test_it_is_told_once_in_a_minute() -> None:
    def again(after: float) -> list[Any]:
        second = scene()[2 * STEPS :]
        for number, one in enumerate(second):
            one.id = f"again-{number}"
            one.timestamp += round(after * 1_000_000)
            one.ingested = one.timestamp
        return [*scene(), *second]

    assert len(found(again(50_000))) == 1
    assert len(found(again(65_000))) == 2
    assert len(found(again(50_000), "{pause: 0s}")) == 2


def test_of_named_accounts_nothing_is_said_here() -> None:
    assert found(scene(there={"seller_account": "acct-1"})) == []


def made_up(count: int = MOST_MARKETS) -> list[Any]:
    """Somebody opens so many markets of the token, and trades once in each."""
    made = [
        Tape(venue=f"made-up-{number}", token_id="acme", currency="USD").trade(
            number - 10_000, 10.0, 1, side="buy"
        )
        for number in range(count)
    ]
    for number, one in enumerate(made):
        one.id = f"made-up-{number}"
    return made


def test_who_opens_many_markets_first_does_not_keep_others_from_being_seen() -> None:
    assert len(found([*made_up(), *scene()])) == 1


def test_there_are_no_more_of_them_for_it() -> None:
    detection = InferredCrossMarket(Parameters())
    for event in [*made_up(2 * MOST_MARKETS), *scene()]:
        list(detection.observe(event))
    (asset,) = detection.state.assets.values()
    assert len(asset.markets) == MOST_MARKETS
    assert [venue for _, venue, _ in asset.markets][-2:] == ["small", "large"]


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(rule(), scene())
