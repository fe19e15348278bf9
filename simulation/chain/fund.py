"""Funds whose tokens are subscribed and redeemed at a net asset value that is told once a day.

The shares that a fund holds trade until 16:00 in New York, when it is valued; at about 18:00 it
tells its net asset value (NAV), at which it deals until the next. What comes to be known in the
evening moves the market at once, and the NAV a business day later.
"""

import random
from typing import Literal

import msgspec

from demo.venue.clock import iso_time
from pipeline.reference_records import (
    CorporateEvent,
    Investor,
    LabelledAddress,
    Reference,
    Token,
    TokenContract,
)
from pipeline.units import DAY, HOUR, MINUTE
from simulation.chain.ledger import (
    CHAIN_ID,
    ZERO,
    LogEntry,
    burn_call,
    mint_call,
    selector,
    transfer_call,
    transfer_log,
    word,
)
from simulation.chain.sparse import Play, SparseChain

UNIT = 10**18
DOLLAR = 10**6
SIZE = 100_000_000
"""Dollars in a fund when the session begins."""
STRUCK, TOLD = 20 * HOUR, 22 * HOUR
"""Of the day, in UTC: 16:00 and 18:00 in New York's summer."""
_NEWS_AT, _NEWS_EVENINGS = 21 * HOUR, 0.7
_NEWS, _DAY = 0.012, 0.009
"""Standard deviations of what an evening with news brings, and of the trading day."""
_MILLION = 10**6
_SUBSCRIBE, _REDEEM = selector("subscribe(uint256)"), selector("redeem(uint256)")
Way = Literal["contract", "agent", "treasury"]
"""How it deals: holders call the fund; its agent makes and burns tokens for them; or it gives and
takes them from and to a wallet of its own."""


class Holder(msgspec.Struct, kw_only=True, eq=False):
    """An investor."""

    id: str
    labels: tuple[str, ...]
    wallets: list[str]


class Fund:
    """One fund: what it is worth, and how it deals."""

    def __init__(self, market: "FundMarket", way: Way) -> None:
        self.market = market
        self.number = len(market.funds)
        self.id = f"fund-{self.number}"
        self.way: Way = way
        self.token, self.contract = (market.ledger.new_address() for _ in range(2))
        self.agent = market.holder(labels=("issuer",)).wallets[0]
        self.balances: dict[str, int] = {}
        self.value = self.struck = self.nav = 100.0
        """Dollars for a token: as the market has it now, when the fund was valued last, and as the
        fund told it last."""
        self.told: list[float] = []
        """All that it told."""
        market.funds.append(self)

    @property
    def off(self) -> float:
        """By how much the market is above the NAV in force."""
        return self.value / self.nav - 1

    def subscribe(self, wallet: str, dollars: float) -> None:
        """Somebody gets tokens at the NAV in force."""
        amount = round(dollars / self.nav * 10**6) * 10**12
        paid = transfer_log(self.market.cash, wallet, self.agent, round(dollars * DOLLAR))
        if self.way == "treasury":
            self._send(self.agent, wallet, amount, (paid,))
            return
        self.balances[wallet] = self.held(wallet) + amount
        logs = (paid, transfer_log(self.token, ZERO, wallet, amount))
        if self.way == "contract":
            self.market.ledger.send(wallet, self.contract, logs, data=_SUBSCRIBE + word(amount))
        else:
            call = mint_call(wallet, amount)
            self.market.ledger.send(self.agent, self.token, logs, data=call)

    def redeem(self, wallet: str, part: float = 1.0) -> None:
        """Somebody gives a part of his tokens back at the NAV in force."""
        # Not by a float: of so many smallest units it would leave dust, or take what isn't there.
        amount = self.held(wallet) * round(part * _MILLION) // _MILLION
        if not amount:
            return
        dollars = round(amount / UNIT * self.nav * DOLLAR)
        paid = transfer_log(self.market.cash, self.agent, wallet, dollars)
        if self.way == "treasury":
            self._send(wallet, self.agent, amount, (paid,))
            return
        self.balances[wallet] -= amount
        logs = (transfer_log(self.token, wallet, ZERO, amount), paid)
        if self.way == "contract":
            self.market.ledger.send(wallet, self.contract, logs, data=_REDEEM + word(amount))
        else:
            call = burn_call(wallet, amount)
            self.market.ledger.send(self.agent, self.token, logs, data=call)

    def launch(self, wallets: list[str]) -> None:
        """All who are in it from the beginning, and what the treasury has to give."""
        amount = SIZE // 100 // len(wallets) * UNIT
        stock = [(self.agent, 4 * SIZE // 100 * UNIT)] if self.way == "treasury" else []
        logs: list[LogEntry] = []
        for wallet, some in [*stock, *((one, amount) for one in wallets)]:
            self.balances[wallet] = self.held(wallet) + some
            logs.append(transfer_log(self.token, ZERO, wallet, some))
        self.market.ledger.send(self.agent, self.token, logs, data="0x8129fc1c")

    def held(self, wallet: str) -> int:
        """Tokens in a wallet, in smallest units."""
        return self.balances.get(wallet, 0)

    def _send(self, source: str, target: str, amount: int, paid: tuple[LogEntry, ...]) -> None:
        self.balances[source] -= amount
        self.balances[target] = self.held(target) + amount
        logs = (transfer_log(self.token, source, target, amount), *paid)
        self.market.ledger.send(source, self.token, logs, data=transfer_call(target, amount))


class FundMarket(SparseChain):
    """A chain with several funds, and who invests in them."""

    def __init__(self, seed: int) -> None:
        super().__init__("funds", seed)
        self.cash = self.ledger.new_address()
        self.funds: list[Fund] = []
        self.holders: list[Holder] = []

    def holder(self, *, labels: tuple[str, ...] = (), wallets: int = 1) -> Holder:
        """Somebody new."""
        addresses = [self.ledger.new_address() for _ in range(wallets)]
        name = f"FND-{len(self.holders) + 1:05d}"
        self.holders.append(Holder(id=name, labels=labels, wallets=addresses))
        return self.holders[-1]

    def until(self, of_day: int) -> int:
        """How long until a time of the day, in UTC: today where it hasn't passed."""
        wait = of_day - self.now % DAY
        return wait if wait >= 0 else wait + DAY

    def tell_nav(self, fund: Fund) -> None:
        """The fund tells what it was valued at."""
        fund.nav = round(fund.struck, 4)
        fund.told.append(fund.nav)
        self.tell(
            CorporateEvent(
                id=f"{fund.id}-nav-{len(fund.told)}",
                token=fund.id,
                type="nav",
                announced=iso_time(self.now),
                value=f"{fund.nav:.4f}",
                currency="USD",
            )
        )

    def reference(self) -> Reference:
        """What is known of all of it from the beginning."""
        return Reference(
            tokens=tuple(
                Token(
                    id=one.id,
                    symbol=f"F{one.number}",
                    standard="ERC-20",
                    decimals=18,
                    contracts=(TokenContract(chain=CHAIN_ID, address=one.token),),
                )
                for one in self.funds
            ),
            investors=tuple(
                Investor(id=one.id, labels=one.labels, addresses=tuple(one.wallets))
                for one in self.holders
            ),
            addresses=tuple(
                LabelledAddress(address=one.contract, labels=("agent",)) for one in self.funds
            ),
        )


def is_business_day(time: int) -> bool:
    """Whether a time is on one; 1970 began on a Thursday."""
    return (time // DAY + 3) % 7 < 5


def valuation(fund: Fund) -> Play:
    """The market in what the fund holds, and what the fund tells of it, day by day."""
    market, rng = fund.market, fund.market.fork(f"value:{fund.id}")
    while True:
        yield market.until(STRUCK - 5 * MINUTE)
        trades = is_business_day(market.now)
        if trades:
            fund.value *= 1 + rng.gauss(0.0003, _DAY)
        yield market.until(STRUCK)
        if trades:
            fund.struck = fund.value
        yield market.until(_NEWS_AT)
        if trades and rng.random() < _NEWS_EVENINGS:
            fund.value *= 1 + rng.gauss(0, _NEWS)
        yield market.until(TOLD) + rng.randint(0, 20) * MINUTE
        if trades:
            market.tell_nav(fund)


def evening(market: FundMarket, rng: random.Random) -> int:
    """How long until some time between 18:30 and 21:00 in New York."""
    return market.until(TOLD + 30 * MINUTE) + round(rng.uniform(0, 2.4) * HOUR)
