"""Insider dealing: who dealt before news that moved the price, and who only seems to have."""

import random
from typing import Any

import msgspec
import pytest

from detections.alerting.findings import Finding
from detections.correlators.insider_dealing import InsiderDealing, Parameters
from normalizer.events.market import Trade
from normalizer.events.reference import CorporateEvent
from pipeline.units import DAY, HOUR, MINUTE
from tests.detections.samples import START, swap

NEWS = START + 20 * DAY


class Market:
    """An honest market of fifty accounts over some days; what is asked for is put into it."""

    def __init__(self, days: float = 24.0, token: str = "acme", seed: int = 1) -> None:
        self.events: list[Any] = []
        self.token = token
        self._chance = random.Random(seed)
        tide = random.Random(0)  # what all markets have in common
        tides = [tide.gauss(0, 0.002) for _ in range(24 * 8)]
        price, time, end, passed = 10.0, START, START + round(days * DAY), 0
        while time < end:
            time += round(self._chance.expovariate(1.0) * 20 * MINUTE)
            price *= 1 + self._chance.gauss(0, 0.0005)
            while passed < len(tides) and passed * 3 * HOUR < time - START:
                price *= 1 + tides[passed]
                passed += 1
            one, other = self._chance.sample(range(50), 2)
            size = self._chance.choice((50.0, 100.0, 150.0))
            self.trade(time, price, size, f"acct-{one}", f"acct-{other}")

    def trade(self, time: int, price: float, size: float, buyer: str, seller: str, **more: Any):
        number = len(self.events)
        self.events.append(
            Trade(
                id=f"{self.token}-{number}", timestamp=time, ingested=time, original="RAW/1/0",
                provider="venue", venue="v", instrument="ACME-USD", currency="USD",
                token_id=self.token, trade_id=f"t{number}", price=price, quantity=size,
                buyer_account=buyer, seller_account=seller, **more,
            )
        )  # fmt: skip

    def jump(self, by: float, at: int = NEWS) -> None:
        """All prices from then on are others."""
        self.events = [
            msgspec.structs.replace(one, price=one.price * (1 + by)) if one.timestamp >= at else one
            for one in self.events
        ]

    def price(self, time: int) -> float:
        return [one.price for one in sorted(self.events, key=_time) if one.timestamp <= time][-1]

    def deal(self, before: int, size: float, who: str, *, buys: bool = True, **more: Any) -> None:
        """A trade of `who` with the market, so long before the news (negative: after it)."""
        time = NEWS - before
        price, other = self.price(time), f"acct-{self._chance.randrange(50)}"
        side = "buyer" if buys else "seller"
        named = {f"{side}_{name}": value for name, value in more.items()}
        self.trade(time, price, size, *((who, other) if buys else (other, who)), **named)

    def news(self, known: int = NEWS, announced: int = NEWS, **more: Any) -> None:
        fields: dict[str, Any] = {
            "corporate_type": "merger",
            "title": "a merger",
            "change": "added",
        }
        self.events.append(
            CorporateEvent(
                id=f"news-{self.token}-{known}", timestamp=known, ingested=known,
                original="RAW/2/0", provider="reference:issuer", token_id=self.token,
                corporate_id="n1", announced=announced, **(fields | more),
            )
        )  # fmt: skip


def _time(event: Any) -> int:
    return event.timestamp


def run(*markets: Market, **parameters: Any) -> list[Finding]:
    found = InsiderDealing(Parameters(**parameters))
    events = sorted([one for market in markets for one in market.events], key=_time)
    return [finding for event in events for finding in found.observe(event)]


def insider(market: Market, size: float = 500.0, **more: Any) -> None:
    for before in (30 * HOUR, 20 * HOUR, 9 * HOUR):
        market.deal(before, size, "tipped", **more)


def test_who_bought_for_the_first_time_before_good_news_is_found() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news()
    (finding,) = run(market)
    assert finding.entities == ("tipped", "acme")
    assert finding.reason.startswith('tipped bought 1,500 acme from 30 h before "a merger" (')
    assert "the first time that it traded it" in finding.reason
    assert "moved the price by 1" in finding.reason
    assert finding.metrics["abnormal_return"] == pytest.approx(0.11, abs=0.02)
    assert finding.metrics["profit"] > 1_400
    assert [one.id for one in finding.witnesses][-1].startswith("news-")
    assert len(finding.witnesses) == 4
    assert 0.5 < finding.confidence < 0.9


def test_who_sold_before_bad_news_avoided_a_loss() -> None:
    market = Market()
    insider(market, buys=False)
    market.jump(-0.2)
    market.news()
    (finding,) = run(market)
    assert "tipped sold 1,500" in finding.reason
    assert "a loss avoided of" in finding.reason
    assert "-2" in finding.reason or "-1" in finding.reason


def test_who_sells_right_after_it_is_the_surer() -> None:
    first, second = Market(), Market()
    for market in (first, second):
        insider(market)
    second.jump(0.11)
    second.deal(-30 * MINUTE, 1_500, "tipped", buys=False)
    first.jump(0.11)
    for market in (first, second):
        market.news()
    (kept,), (sold,) = run(first), run(second)
    assert sold.metrics["sold_after"] == 1
    assert "and sold 100% of that after it" in sold.reason
    assert sold.confidence > kept.confidence
    assert len(sold.witnesses) == len(kept.witnesses) + 1


def test_news_that_is_learnt_two_days_later_finds_who_traded_before_it() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news(known=NEWS + 3 * DAY)
    (finding,) = run(market)
    assert finding.tags == ("retrospective",)
    assert "tipped bought 1,500" in finding.reason


def test_news_that_was_known_before_it_was_announced_is_judged_after_it() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news(known=NEWS - 5 * DAY)
    (finding,) = run(market)
    assert finding.tags == ()


def test_a_market_of_a_day_is_enough_where_many_trade() -> None:
    market = Market(days=0)
    chance = random.Random(3)
    price, start = 10.0, NEWS - 6 * HOUR
    for second in range(0, 8 * 3_600, 20):
        price *= 1 + chance.gauss(0, 0.0002)
        one, other = chance.sample(range(20), 2)
        time = start + second * 1_000_000_000
        market.trade(time, price, chance.choice((1.0, 2.0, 3.0)), f"a{one}", f"a{other}")
    for minutes in (40, 30, 20, 10):
        market.deal(minutes * MINUTE, 80, "tipped")
    market.jump(0.1)
    market.news()
    (finding,) = run(market, reaction=HOUR)
    assert finding.entities[0] == "tipped"


# -- one condition is missing ----------------------------------------------------------------------


def test_news_that_moves_nothing_is_no_inside_information() -> None:
    market = Market()
    insider(market)
    market.news()
    assert run(market) == []


def test_who_bought_before_bad_news_knew_nothing() -> None:
    market = Market()
    insider(market)
    market.jump(-0.11)
    market.news()
    assert run(market) == []


def test_without_news_a_jump_is_none() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    assert run(market) == []


def test_news_that_is_withdrawn_was_none() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news(known=NEWS - DAY)
    market.news(known=NEWS - HOUR, change="withdrawn")
    withdrawn = market.events.pop()
    market.events.append(withdrawn)
    assert run(market) == []


def test_a_nav_that_is_published_is_no_news() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news(corporate_type="nav")
    assert run(market) == []


def test_what_was_bought_longer_before_does_not_count() -> None:
    market = Market()
    market.deal(60 * HOUR, 1_500, "tipped")
    market.jump(0.11)
    market.news()
    assert run(market) == []


def test_as_little_as_others_buy_is_not_unusual() -> None:
    market = Market()
    market.deal(20 * HOUR, 100, "lucky")
    market.jump(0.11)
    market.news()
    assert run(market) == []


def of_a_week(days: int = 8) -> Market:
    """A market of which so much is known before the news: three times two days, and the two."""
    market = Market()
    market.events = [one for one in market.events if one.timestamp >= NEWS - days * DAY]
    return market


def test_a_stranger_is_held_against_how_many_ever_dealt_as_much_and_not_how_often() -> None:
    def found(*others: tuple[int, str]) -> list[Finding]:
        market = of_a_week()
        for number in range(8):
            market.deal((40 - 5 * number) * HOUR, 250, "tipped")
        for days, who in others:
            time = NEWS - days * DAY
            price, maker = market.price(time), ("market_maker",)
            market.trade(time, price, 3_000, who, "maker", seller_labels=maker)
        market.jump(0.11)
        market.news()
        return [one for one in run(market) if one.entities[0] == "tipped"]

    assert len(found((5, "large"))) == 1
    assert len(found((5, "large"), (3, "large"))) == 1, "in each of the times before, but one party"
    assert len(found((5, "large"), (3, "other"))) == 1, "2 of the 52 who traded in them"
    assert found((5, "large"), (3, "other"), (4, "third")) == [], "more than one of twenty"


def test_the_most_of_few_times_is_soon_exceeded_by_one_of_fifty() -> None:
    def found(*sizes: float, days: int = 8, window: int = 2 * DAY) -> list[Finding]:
        market = of_a_week(days)
        for day in range(3, days, 2):
            market.deal(day * DAY, 300, "regular")
        for number, size in enumerate(sizes):
            market.deal(20 * HOUR - number * 2 * HOUR, size, "regular")
        market.jump(0.11)
        market.news()
        return run(market, window=window)

    # Five times the most of three is what one of 130 does by chance (Student's t); fifty trade.
    assert found(1_500) == []
    assert found(*[700.0] * 4) == []
    assert len(found(*[250.0] * 8)) == 1, "eight times on the right side is no chance"
    # Of twenty days nineteen such times are known: as much is much then.
    assert len(found(*[700.0] * 4, days=20, window=DAY)) == 1


def crowd(seed: int) -> Market:
    """Eight days of 120 accounts who know nothing; a few of their orders are large."""
    market, chance = Market(days=0), random.Random(seed)
    price, time = 10.0, NEWS - 7 * DAY
    while time < NEWS + DAY:
        time += round(chance.expovariate(1.0) * 5 * MINUTE)
        price *= 1 + chance.gauss(0, 0.0005)
        one, other = chance.sample(range(120), 2)
        size = 50 * chance.lognormvariate(0.0, 1.4)
        market.trade(time, price, size, f"acct-{one}", f"acct-{other}")
    market.jump(0.12)
    market.news()
    return market


def test_of_large_orders_of_an_honest_crowd_hardly_any_are_named() -> None:
    named = [finding for seed in range(16) for finding in run(crowd(seed))]
    assert len(named) <= 0.1 * 16, "one in ten announcements, on average"


def test_more_false_alerts_may_be_allowed() -> None:
    market = crowd(7)
    assert run(market) == []
    assert len(run(market, maximum_false_alerts=1_000.0)) == 1


def test_what_earns_next_to_nothing_is_left_alone() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news()
    assert run(market, minimum_profit=100_000.0) == []


def test_a_whole_market_that_rises_is_no_effect_of_news() -> None:
    markets = [Market(token=f"t{n}", seed=n) for n in range(4)]
    insider(markets[0])
    for market in markets:
        market.jump(0.11)
    markets[0].news()
    assert run(*markets) == []
    assert len(run(markets[0])) == 1, "alone it is"


# -- honest look-alikes ----------------------------------------------------------------------------


def test_a_plan_that_buys_as_much_every_second_day_is_routine() -> None:
    market = Market()
    for days in range(1, 19, 2):
        market.deal(days * DAY, 1_500, "plan")
    market.jump(0.11)
    market.news()
    assert run(market) == []


def test_a_market_maker_and_a_plan_with_a_label_are_exempt() -> None:
    for label in ("market_maker", "trading_plan", "index_fund"):
        market = Market()
        insider(market, labels=(label,))
        market.jump(0.11)
        market.news()
        assert run(market) == []


def test_who_buys_and_sells_as_much_has_no_direction() -> None:
    market = Market()
    insider(market)
    for before in (29 * HOUR, 19 * HOUR, 8 * HOUR):
        market.deal(before, 450, "tipped", buys=False)
    market.jump(0.11)
    market.news()
    assert run(market) == []


@pytest.mark.parametrize("seed", range(4))
def test_of_an_honest_market_nobody_is_found(seed: int) -> None:
    market = Market(seed=seed)
    market.jump(0.15 if seed % 2 else -0.15)
    market.news()
    assert run(market) == []


# -- lists, wallets, and who is always right -------------------------------------------------------


def test_an_insider_on_a_list_needs_no_unusual_size() -> None:
    market = Market()
    market.deal(20 * HOUR, 150, "director", labels=("insider:acme", "insider"))
    market.jump(0.11)
    market.news()
    (finding,) = run(market)
    assert "director, who is on a list (insider), bought 150" in finding.reason
    assert finding.confidence >= 0.85


def test_wallets_in_pools_are_found_as_well() -> None:
    market = Market()
    wallet = "0x" + "7" * 40
    for number, before in enumerate((30 * HOUR, 20 * HOUR)):
        time = NEWS - before
        market.events.append(
            swap(
                number, timestamp=time, token_id="acme", side="buy", quantity=900.0,
                price=market.price(time), investor_address=wallet,
            )
        )  # fmt: skip
    plain = [one for one in market.events if isinstance(one, Trade)]
    swaps = [one for one in market.events if not isinstance(one, Trade)]
    market.events = list(plain)
    market.jump(0.11)
    market.events += swaps
    market.news()
    (finding,) = run(market)
    assert finding.entities[0] == wallet


def test_who_was_right_again_and_again_needs_half_the_deviations() -> None:
    found = InsiderDealing(Parameters())
    found.state.guesses["lucky"] = (7, 0)
    market = Market()
    for before in (30 * HOUR, 20 * HOUR):
        market.deal(before, 330, "lucky")
    market.deal(10 * DAY, 300, "lucky")
    market.jump(0.11)
    market.news()
    events = sorted(market.events, key=_time)
    (finding,) = [one for event in events for one in found.observe(event)]
    assert finding.metrics["by_chance"] == 1 / 128
    fresh = InsiderDealing(Parameters())
    assert not [one for event in events for one in fresh.observe(event)]


def test_without_accounts_nobody_can_be_found() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news()
    for event in market.events:
        if isinstance(event, Trade):
            event.buyer_account = event.seller_account = None
    assert run(market) == []


def test_saved_in_the_middle_it_finds_the_same() -> None:
    market = Market()
    insider(market)
    market.jump(0.11)
    market.news()
    events = sorted(market.events, key=_time)
    straight = [one for event in events for one in InsiderDealing(Parameters()).observe(event)]
    first, second = InsiderDealing(Parameters()), InsiderDealing(Parameters())
    straight = [one for event in events for one in first.observe(event)]
    half = InsiderDealing(Parameters())
    cut = next(n for n, one in enumerate(events) if one.timestamp >= NEWS)
    for event in events[:cut]:
        assert not list(half.observe(event))
    second.restore(half.snapshot())
    rest = [one for event in events[cut:] for one in second.observe(event)]
    assert rest == straight
    assert second.snapshot() == first.snapshot()


def test_what_is_kept_is_bounded() -> None:
    found = InsiderDealing(Parameters())
    market = Market(days=0)
    for number in range(6_000):
        market.trade(START + number, 10.0, 1.0, f"b{number}", "s")
    for event in market.events:
        list(found.observe(event))
    asset = found.state.assets["acme"]
    assert len(asset.parties) == 5_000
    assert found.state.runs == sum(len(one.runs) for one in asset.parties.values())


def test_news_of_ever_new_tokens_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detections.correlators.insider_dealing._MOST_ASSETS", 10)
    found = InsiderDealing(Parameters())
    for number in range(30):
        market = Market(days=0, token=f"token-{number}")
        market.news(known=START + number, announced=START + number)
        assert list(found.observe(market.events[0])) == []
    assert list(found.state.assets) == [f"token-{number}" for number in range(20, 30)]


def test_where_runs_are_too_many_some_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detections.correlators.insider_dealing._MOST_RUNS", 640)
    found = InsiderDealing(Parameters())
    runs = list[int]()
    for number in range(1_000):
        market = Market(days=0, token=f"token-{number // 2}")
        market.trade(START + number, 10.0, 1.0, f"b{number}", f"s{number}")
        list(found.observe(market.events[0]))
        runs.append(found.state.runs)
    assert max(runs) <= 640
    assert min(runs[700:]) == 630, "not one by one, or each looks for who is left"
    kept = [party for asset in found.state.assets.values() for party in asset.parties]
    assert runs[-1] == len(kept)
    assert kept[-1] == "s999"
    assert "b0" not in kept
