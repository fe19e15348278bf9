"""Who deals at a fund's net asset value when the next is as good as known."""

from pipeline.units import DAY, HOUR, MINUTE
from simulation.abusers.fund_stage import FundStage
from simulation.chain.fund import SIZE, STRUCK, evening, is_business_day
from simulation.chain.sparse import Play
from simulation.truth import Episode

_SURE = 0.008
"""What must be known to have moved."""
_LONGEST = 5
"""Business days after which he leaves in any case."""


def late_trading(stage: FundStage) -> Play:
    """Subscribes at the NAV in force on an evening on which news has moved the market, and redeems
    on the first on which it fell, or within five business days; again and again.

    Every second one deals until nine in the evening in New York at the NAV of 16:00, by what came
    after it (State of New York v. Canary Capital Partners, 2003: orders until 18:30 and 21:00;
    Release IC-26418). The others deal after the fund has been valued and before it tells its new
    NAV, at the one before (17 CFR 270.22c-1(a) asks for the next; stale prices: Goetzmann, Ivkovich
    and Rouwenhorst, 2001). Medium: one percent of the fund, and up to three round trips a month,
    twelve in all (SEC v. Invesco Funds Group, 03-N-2421: where four exchanges a year were the
    limit). He acts where the market is off by 0.8 percent or more.
    """
    market, fund, rng = stage.market, stage.fund, stage.rng
    holder = market.holder(wallets=1 + stage.number % 2)
    trips, after_news = stage.count(12, 2), stage.number // len(market.funds) % 2 == 0
    pause = max(0.0, 85 / trips - 7)
    episode: Episode | None = None

    def waits() -> int:
        """Until he looks again, once a day."""
        if after_news:
            wait = evening(market, rng)
        else:
            wait = market.until(STRUCK + 5 * MINUTE) + rng.randint(0, 100) * MINUTE
        return wait if wait > 6 * HOUR else wait + DAY

    def known() -> float:
        return (fund.value if after_news else fund.struck) / fund.nav - 1

    yield round(rng.uniform(6, 10) * DAY)
    for number in range(trips):
        wallet = holder.wallets[number % len(holder.wallets)]
        yield round(pause * rng.uniform(0.3, 1.5) * 1.4 * DAY)
        yield waits()
        while known() < _SURE or not is_business_day(market.now):
            yield waits()
        episode = episode or stage.begin(holder, "deals at the NAV in force, knowing the next")
        fund.subscribe(wallet, SIZE * 0.01 * min(4.0, stage.scale) * rng.uniform(0.5, 1.5))
        stage.end(episode)
        stayed = 0
        while stayed < _LONGEST:
            yield waits()
            if is_business_day(market.now):
                stayed += 1
                if known() < -_SURE:
                    break
        fund.redeem(wallet)
        stage.end(episode)
