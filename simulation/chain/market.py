"""A token on a chain with two pools, and the honest who use them: traders through a router, an
arbitrageur, providers of liquidity, an exchange's wallets, a treasury.

Blocks come every twelve seconds; those in which nothing happened are left out of the frames, as a
collector of watched contracts may leave them out.
"""

import random
from collections.abc import Callable, Iterator
from math import exp, sqrt

from pipeline.evm_payload import FeedPlace
from pipeline.reference_records import (
    LabelledAddress,
    PriceFeed,
    Quote,
    Reference,
    Token,
    TokenContract,
)
from pipeline.reference_records import (
    Pool as PoolRecord,
)
from pipeline.units import DAY, HOUR, SECOND
from simulation.chain.ledger import (
    BLOCK_SECONDS,
    CHAIN_ID,
    TRANSFER_CALL,
    ZERO,
    Ledger,
    LogEntry,
    address_word,
    selector,
    topic,
    transfer_log,
    word,
)
from simulation.chain.pool import FEE, Pool
from simulation.truth import Truth
from simulation.venue.market import MONDAY
from simulation.venue.people import People

UNIT = 10**18
CENT = 10**4
DOLLAR = 10**6
SWAP_CALL = selector("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)")
_EXACT_INPUT_CALL = selector(
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
)
_ANSWER = topic("AnswerUpdated(int256,uint256,uint256)")
_SLEEP_DAYS = 300
Act = Callable[[], None]
Play = Iterator[int]
"""What somebody does on the chain: each value is how many blocks until the next act."""


class ChainMarket:
    """The chain, its token and pools. Participants act once in a block, in an order."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ledger = Ledger(f"chain:{seed}")
        self.people = People("CHN")
        self.truth = Truth()
        self.rng = self.fork("market")
        self.now = MONDAY + 9 * HOUR - _SLEEP_DAYS * DAY
        """Time of the block that is open, in nanoseconds."""
        new = self.ledger.new_address
        self.token, self.quote, self.router = new(), new(), new()
        self.aggregator = new()
        self.feed, self.feed_proxy = new(), new()
        self.round = 1
        self.pools = [
            Pool(new(), "uniswap-v3", self.token, self.quote),
            Pool(new(), "uniswap-v2", self.token, self.quote),
        ]
        self.sleepers: list[str] = []
        """Wallets that got tokens 300 days ago, and did nothing since."""
        self.provided: list[tuple[int, str]] = []
        """Further pools, by their places, each with who alone provides it; from before all this."""
        self.further_tokens: list[str] = []
        """Tokens of others, each with pools of its own."""
        self.issuer, self.exchange, self.mixer = new(), new(), new()
        self.balances: dict[str, int] = {}
        self.supply = 0
        self.value = 2.0
        """Dollars for a token, as those think who know."""
        self.feed_silent = False
        """Whether the oracle has stopped answering."""
        self._plays: list[tuple[int, int, Play]] = []
        self._count = 0
        self.block = 0
        self.victims: list[Act] = []

    def fork(self, name: str) -> random.Random:
        """A generator of one's own."""
        return random.Random(f"chain:{self.seed}:{name}")

    # --- acts -------------------------------------------------------------------------------------

    def wallet(self, investor: str | None = None, tokens: int = 0) -> str:
        """A new wallet; with whole tokens that it had before all this, and for an investor."""
        address = self.ledger.new_address()
        if investor is not None:
            self.people.address(address, investor)
        if tokens:
            self.balances[address] = tokens * UNIT
        return address

    def transfer(self, source: str, target: str, amount: int) -> None:
        """Send tokens, in smallest units."""
        self.moved(source, target, amount)
        log = transfer_log(self.token, source, target, amount)
        data = TRANSFER_CALL + address_word(target) + word(amount)
        self.ledger.send(source, self.token, (log,), data=data)

    def give_native(self, source: str, target: str, amount: int = UNIT // 10) -> None:
        """Send the chain's own currency: what pays for a new wallet's first transactions."""
        self.ledger.send(source, target, (), value=amount)

    def mint(self, target: str, amount: int) -> None:
        """The issuer makes tokens."""
        self.moved(ZERO, target, amount)
        self.supply += amount
        log = transfer_log(self.token, ZERO, target, amount)
        call = selector("mint(address,uint256)") + address_word(target) + word(amount)
        self.ledger.send(self.issuer, self.token, (log,), data=call)

    def redeem(self, holder: str, amount: int) -> None:
        """A holder's tokens are burnt against their net asset value."""
        self.moved(holder, ZERO, amount)
        self.supply -= amount
        log = transfer_log(self.token, holder, ZERO, amount)
        call = selector("burn(address,uint256)") + address_word(holder) + word(amount)
        self.ledger.send(self.issuer, self.token, (log,), data=call)

    def swap(
        self,
        trader: str,
        buys: bool,
        amount: int,
        pool: int = 0,
        by: str = "",
        before: float | None = None,
    ) -> int:
        """Swap through a router: buying pays `amount` of cash, selling gives `amount` of tokens.

        Returns what came out, in smallest units. `before`: see :meth:`Ledger.send`.
        """
        got, logs = self.leg(trader, buys, amount, pool, by)
        to, data = by or self.router, SWAP_CALL + word(amount)
        own = to not in (self.router, self.aggregator)
        if self.ledger.mempool is not None:
            data = self._asked(trader, buys, amount, pool)
        self.ledger.send(trader, to, logs, data=data, before=before, private=own)
        return got

    def _asked(self, trader: str, buys: bool, amount: int, pool: int) -> str:
        """A swap's whole calldata, as routers of the pool's version take it."""
        path = (self.quote, self.token) if buys else (self.token, self.quote)
        first, last = (address_word(one) for one in path)
        until = word(self.now // SECOND + 600)
        if self.pools[pool].style == "uniswap-v3":
            fixed = (first, last, word(FEE), address_word(trader), until)
            return _EXACT_INPUT_CALL + "".join((*fixed, word(amount), word(1), word(0)))
        fixed = (word(amount), word(1), word(160), address_word(trader), until)
        return SWAP_CALL + "".join((*fixed, word(2), first, last))

    def leg(
        self, trader: str, buys: bool, amount: int, pool: int = 0, by: str = ""
    ) -> tuple[int, list[LogEntry]]:
        """One swap's outcome and logs, for a transaction that has several."""
        place = self.pools[pool]
        side = 1 if buys else 0
        got, logs = place.swap(side, amount, by or self.router, trader, trader)
        if buys:
            self.moved(place.address, trader, got)
        else:
            self.moved(trader, place.address, amount)
        return got, logs

    def answer(self, price: float) -> None:
        """The oracle's answer, with eight decimals."""
        self.round += 1
        log = LogEntry(
            self.feed,
            (_ANSWER, "0x" + word(round(price * 10**8)), "0x" + word(self.round)),
            word(self.now // SECOND),
        )
        self.ledger.send(self.exchange, self.feed, (log,))

    def price(self, pool: int = 0) -> float:
        """Dollars for a token in a pool."""
        return self.pools[pool].price * UNIT / DOLLAR

    def dollars(self, amount: float) -> int:
        """Cash in smallest units."""
        return round(amount * DOLLAR)

    def tokens(self, amount: float) -> int:
        """Tokens in smallest units, cut to thousandths."""
        return round(amount * 1_000) * (UNIT // 1_000)

    # --- time -------------------------------------------------------------------------------------

    def begin(self, play: Play, after: int = 0, *, first: bool = False) -> None:
        """Let somebody act, from so many blocks on; in each before all others if `first`."""
        self._count += 1
        number = -self._count if first else self._count
        self._plays.append((self.block + after, number, play))

    def run(self, blocks: int, apart: int = 1) -> None:
        """Go on by so many blocks; of each `apart` of them only one has anything."""
        for _ in range(0, blocks, apart):
            self.step()
            self.skip(apart - 1)

    def step(self) -> None:
        """One block."""
        due = sorted(one for one in self._plays if one[0] <= self.block)
        self._plays = [one for one in self._plays if one[0] > self.block]
        for _, number, play in due:
            wait = next(play, None)
            if wait is not None:
                self._plays.append((self.block + max(1, wait), number, play))
        if self.ledger.has_transactions:
            self.ledger.close_block(self.now)
        self.block += 1
        self.now += BLOCK_SECONDS * SECOND

    def sleep(self, days: float) -> None:
        """Nothing happens for days."""
        self.skip(round(days * 86_400 / BLOCK_SECONDS))

    def skip(self, blocks: int) -> None:
        """Nothing happens for so many blocks."""
        self.block += blocks
        self.now += blocks * BLOCK_SECONDS * SECOND

    def reference(self) -> Reference:
        """What is known of all of it."""
        feed = PriceFeed(
            chain=CHAIN_ID,
            address=self.feed_proxy,
            currency="USD",
            decimals=8,
            heartbeat=3_600,
            name="SIM / USD",
        )
        token = Token(
            id="sim",
            symbol="SIM",
            decimals=18,
            contracts=(TokenContract(chain=CHAIN_ID, address=self.token),),
            pools=self._pools_of(self.token),
            price_feeds=(feed,),
        )
        further = (
            Token(
                id=f"further{number}",
                symbol=f"FTR{number}",
                decimals=18,
                contracts=(TokenContract(chain=CHAIN_ID, address=address),),
                pools=self._pools_of(address),
            )
            for number, address in enumerate(self.further_tokens, 1)
        )
        labels = (
            LabelledAddress(address=self.issuer, labels=("issuer",)),
            LabelledAddress(address=self.exchange, labels=("exchange", "custodian")),
            LabelledAddress(address=self.mixer, labels=("mixer", "risk:mixer")),
            LabelledAddress(address=self.router, labels=("router",)),
            LabelledAddress(address=self.aggregator, labels=("router",)),
        )
        return Reference(
            tokens=(token, *further), addresses=labels, investors=self.people.records()
        )

    def _pools_of(self, token: str) -> tuple[PoolRecord, ...]:
        quote = Quote(symbol="USDC", address=self.quote, decimals=6)
        return tuple(
            PoolRecord(
                chain=CHAIN_ID,
                address=pool.address,
                protocol=pool.style,
                token0=pool.token,
                token1=pool.quote,
                quote=quote,
                fee=FEE,
            )
            for pool in self.pools
            if pool.token == token
        )

    def moved(self, source: str, target: str, amount: int) -> None:
        """Keep account of tokens that a pool, the issuer or a holder moved."""
        if source != ZERO:
            self.balances[source] = self.balances.get(source, 0) - amount
        if target != ZERO:
            self.balances[target] = self.balances.get(target, 0) + amount


def traders(market: ChainMarket, name: str, rate: float) -> Play:
    """Some hundreds of people, each of whom swaps now and then, at `rate` a block in all."""
    rng = market.fork(name)
    wallets = [market.wallet(market.people.investor(), 20_000) for _ in range(500)]
    while True:
        yield max(1, round(rng.expovariate(rate)))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            trader = rng.choice(wallets)
            pool = rng.choice((0, 0, 1))
            dollars = 400 * exp(rng.gauss(0, 1.0))
            holds = market.balances.get(trader, 0)
            tokens = market.tokens(dollars / market.price(pool))
            by = market.aggregator if rng.random() < 0.25 else ""
            if rng.random() < 0.5 or holds < tokens:
                market.swap(trader, True, market.dollars(dollars), pool, by)
            else:
                market.swap(trader, False, tokens, pool, by)


def arbitrage(market: ChainMarket) -> Play:
    """Keeps both pools at the value, and at each other: both legs in one transaction where the two
    pools differ. Honest, quick, and back at nothing each time."""
    rng = market.fork("arbitrage")
    bot, contract = market.wallet(market.people.investor(), 400_000), market.ledger.new_address()
    while True:
        yield 1
        first, second = market.price(0), market.price(1)
        if abs(first / second - 1) > 0.009:
            cheap, dear = (0, 1) if first < second else (1, 0)
            cash = market.dollars(sqrt(abs(first / second - 1)) * 9_000)
            got, bought = market.leg(bot, True, cash, cheap, contract)
            _, sold = market.leg(bot, False, got, dear, contract)
            market.ledger.send(bot, contract, [*bought, *sold], data="0x8b2f6d3a")
            continue
        for pool in (0, 1):
            off = market.value / market.price(pool) - 1
            if abs(off) > 0.006 and rng.random() < 0.7:
                reserve = market.pools[pool].reserves[1] / DOLLAR
                dollars = abs(off) * reserve * 0.35
                if off > 0:
                    market.swap(bot, True, market.dollars(dollars), pool, contract)
                else:
                    tokens = market.tokens(dollars / market.price(pool))
                    market.swap(bot, False, tokens, pool, contract)


def providers(market: ChainMarket) -> Play:
    """Add liquidity and take some of it out again, hours later; small parts of the pool."""
    rng = market.fork("providers")
    wallets = [market.wallet(market.people.investor(), 60_000) for _ in range(6)]
    inside: list[tuple[str, int]] = []
    while True:
        yield rng.randint(40, 160)
        if inside and rng.random() < 0.4:
            owner, pool = inside.pop(0)
            _, _, logs = market.pools[pool].remove(owner, market.router, rng.uniform(0.004, 0.015))
        else:
            owner, pool = rng.choice(wallets), rng.choice((0, 1))
            token = market.tokens(rng.uniform(1_500, 6_000))
            quote = token * market.pools[pool].reserves[1] // market.pools[pool].reserves[0]
            logs = market.pools[pool].add(owner, market.router, token, quote)
            inside.append((owner, pool))
        market.ledger.send(owner, market.router, logs, data="0x88316456")


def wallets_and_exchange(market: ChainMarket) -> Play:
    """Deposits to and withdrawals from an exchange's wallet, payments, own wallets: all sizes."""
    rng = market.fork("wallets")
    owners = [market.people.investor() for _ in range(25)]
    wallets = [market.wallet(owner, rng.randint(2_000, 40_000)) for owner in owners]
    second = [market.wallet(owner) for owner in owners[:8]]
    market.balances[market.exchange] = 5_000_000 * UNIT
    while True:
        yield rng.randint(1, 6)
        kind, wallet = rng.random(), rng.choice(wallets)
        held = market.balances.get(wallet, 0)
        amount = min(held // 2, market.tokens(900 * exp(rng.gauss(0, 1.2))))
        if kind < 0.35 and amount > 0:
            market.transfer(wallet, market.exchange, amount)
        elif kind < 0.7:
            market.transfer(market.exchange, wallet, market.tokens(1_100 * exp(rng.gauss(0, 1.2))))
        elif kind < 0.8 and amount > 0:
            place = wallets.index(wallet)
            own = second[place % len(second)]
            market.transfer(wallet, own if place < len(second) else rng.choice(wallets), amount)
        elif amount > 0:
            target = rng.choice(wallets)
            if target != wallet:
                market.transfer(wallet, target, amount)


def oracle(market: ChainMarket) -> Play:
    """Answers every hour, and when the first pool's price has moved by half a percent."""
    told, at = 0.0, 0
    while True:
        yield 1
        price = market.price(0)
        if market.feed_silent:
            continue
        if not told or abs(price / told - 1) > 0.005 or market.block - at >= 290:
            market.answer(price)
            told, at = price, market.block


def value_walk(market: ChainMarket, volatility: float = 0.0006) -> Play:
    """The value wanders, block by block."""
    rng = market.fork("value")
    while True:
        yield 1
        market.value *= 1 + rng.gauss(0, volatility)


def open_market(seed: int, before: Callable[[ChainMarket], None] | None = None) -> ChainMarket:
    """A chain with its token issued, its pools filled, and everybody at work.

    `before`: what a session has besides, which may be older than the rest.
    """
    market = ChainMarket(seed)
    market.ledger.feeds = [FeedPlace(market.feed_proxy, market.feed, 1)]
    treasury = market.wallet(market.people.investor(labels=("issuer",)))
    market.mint(treasury, 10_000_000 * UNIT)
    for _ in range(4):
        sleeper = market.wallet(market.people.investor())
        market.transfer(treasury, sleeper, market.tokens(160_000))
        market.sleepers.append(sleeper)
    market.ledger.close_block(market.now)
    market.sleep(_SLEEP_DAYS)
    if before is not None:
        before(market)
    for pool, cash in ((0, 2_000_000), (1, 700_000)):
        token = market.tokens(cash / market.value)
        logs = market.pools[pool].add(treasury, market.router, token, cash * DOLLAR)
        market.moved(treasury, market.pools[pool].address, token)
        market.ledger.send(treasury, market.router, logs, data="0x88316456")
    market.answer(market.value)
    market.ledger.close_block(market.now)
    market.block += 1
    market.now += BLOCK_SECONDS * SECOND
    market.begin(value_walk(market))
    market.begin(traders(market, "traders", 0.7), 1)
    market.begin(wallets_and_exchange(market), 2)
    market.begin(providers(market), 3)
    # Who can't see what is pending goes by what the last block left.
    market.begin(arbitrage(market), 4, first=market.ledger.mempool is not None)
    market.begin(oracle(market), 5)
    return market
