"""Volume that is made: a circle that turns a market over, and a venue's own bot.

MAR Annex I A(c); Regulation 2016/522, Annex II, Section 1, point 3(a); Cong, Li, Tang and Yang,
"Crypto Wash Trading", 2023: on average more than 70 percent of what unregulated exchanges report.
"""

from collections.abc import Sequence

from demo.venue.messages import Side
from pipeline.units import HOUR, MINUTE, SECOND
from simulation.abusers.false_trades import cross
from simulation.abusers.price_moves import until
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue import takers
from simulation.venue.desk import Desk
from simulation.venue.makers import SIDES
from simulation.venue.market import CLOSE, OPEN

SEVEN_TENTHS = 0.7 / 0.3
"""Lots of one's own for each of others, where 70 percent of the volume are one's own."""


class Others:
    """How much others have traded since, by the tape, and how much some desks have among each
    other; or with anybody, where they don't trade among each other."""

    def __init__(self, stage: Stage, desks: Sequence[Desk], *, among: bool = True) -> None:
        self._any = not among
        self._tape = stage.market.tape
        self._place = len(self._tape)
        self._product = stage.listing.product
        self._own = {desk.account for desk in desks}
        self.lots = self.trades = 0
        self.own_lots = self.own_trades = 0

    def look(self) -> None:
        """Count what came."""
        for printed in self._tape[self._place :]:
            for match in printed.execution.matches:
                lots = self._product.lots(match.size)
                sides = (match.maker_user_id in self._own, match.taker_user_id in self._own)
                if all(sides) or (any(sides) and self._any):
                    self.own_lots += lots
                    self.own_trades += 1
                else:
                    self.lots += lots
                    self.trades += 1
        self._place = len(self._tape)


def turned_over(stage: Stage) -> Script:
    """One party sells to, and buys from, a dozen accounts that trade with nobody else, inside the
    spread, for a day, until most of the market's volume is theirs. It keeps what it has, nearly;
    the accounts are of different names and nothing links them. It also trades with others, as
    anybody. Medium: 70 percent of the day's volume.
    """
    rng, market = stage.rng, stage.market
    day = market.days[2 + 3 * stage.number]
    if stage.number == 0:
        _broker(stage)
    party = stage.desk()
    circle = [stage.desk() for _ in range(12)]
    yield from until(stage, day + OPEN + HOUR // 2)
    episode = stage.begin((party, *circle), "a market turned over by one party and its circle")
    others = Others(stage, (party, *circle))
    net = 0
    while stage.now() < day + CLOSE - HOUR // 2:
        yield rng.uniform(20, 90)
        if rng.random() < 0.02:
            party.take(rng.choice(SIDES), rng.randint(20, 200))
        others.look()
        if others.own_lots >= SEVEN_TENTHS * stage.scale * others.lots:
            continue
        friend = rng.choice(circle)
        sells = rng.random() < 0.5 + max(-0.45, min(0.45, net / 3_000))
        lots = takers.lognormal_lots(rng, 500, 0.6)
        seller, buyer = (party, friend) if sells else (friend, party)
        before = others.own_lots
        yield from cross(seller, buyer, stage, lots, rng.uniform(0.1, 2.0))
        others.look()
        if others.own_lots > before:
            net += lots if not sells else -lots
            stage.end(episode)


def _broker(stage: Stage) -> None:
    """An honest twin: a dealer whose few clients trade with nobody else, since they deal through
    him. They build up or run down what they have, and he lays it off in the market."""
    rng = stage.market.fork("broker")
    dealer = stage.market.desk(stage.listing)
    clients = [stage.market.desk(stage.listing) for _ in range(4)]
    sides: list[Side] = [rng.choice(SIDES) for _ in clients]

    def deals() -> Script:
        while True:
            yield rng.expovariate(1 / 2_400)
            if not stage.market.open_hours(stage.now()):
                continue
            place = rng.randrange(len(clients))
            client, side = clients[place], sides[place]
            lots = takers.lognormal_lots(rng, 400, 0.5)
            pair = (client, dealer) if side == "sell" else (dealer, client)
            yield from cross(*pair, stage, lots, rng.uniform(0.5, 3.0), rng)
            left = lots
            while left > 0 and stage.market.open_hours(stage.now()):
                yield rng.uniform(30, 200)
                part = min(left, rng.randint(60, 200))
                dealer.take(side, part)
                left -= part

    stage.market.begin(deals(), 60)


def fabricated(stage: Stage) -> Script:
    """A venue's bot prints trades between accounts of its own, a hundred of them, day after day,
    inside the spread, in sizes that a generator of random numbers gives it: evenly distributed,
    so neither as often begun by a 1 as people's, nor round (Cong et al., 2023). Medium: 70 percent
    of all trades.
    """
    rng, market = stage.rng, stage.market
    desks = [stage.desk() for _ in range(100)]
    yield from until(stage, market.days[1] + OPEN)
    episode = stage.begin(desks, "trades made up by a venue's bot", tail=24 * 3_600)
    others = Others(stage, desks)
    wanted = SEVEN_TENTHS * min(3.0, stage.scale)
    while stage.now() < market.days[-1] + CLOSE - MINUTE:
        if not market.open_hours(stage.now()):
            later = [day + OPEN for day in market.days if day + OPEN > stage.now()]
            yield (later[0] - stage.now()) / SECOND + 30
            continue
        others.look()
        behind = wanted * others.trades - others.own_trades
        yield rng.uniform(0.5, 8.0) if behind > 0 else rng.uniform(10, 20)
        if behind > 0:
            seller, buyer = rng.sample(desks, 2)
            yield from cross(seller, buyer, stage, rng.randint(100, 2_000), rng.uniform(0.02, 0.2))
            stage.end(episode)
