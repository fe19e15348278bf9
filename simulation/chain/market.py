"""A token on a chain with two pools, and all that can be done with them.

Blocks come every twelve seconds; those in which nothing happened are left out of the frames, as a
collector of watched contracts may leave them out.
"""

import random
from collections.abc import Iterator

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
    ZERO,
    Ledger,
    LogEntry,
    address_word,
    mint_call,
    selector,
    topic,
    transfer_call,
    transfer_log,
    word,
)
from simulation.chain.pool import FEE, Pool
from simulation.truth import Truth
from simulation.venue.market import MONDAY
from simulation.venue.people import People

UNIT = 10**18
DOLLAR = 10**6
SWAP_CALL = selector("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)")
_EXACT_INPUT_CALL = selector(
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
)
ADD_CALL, REMOVE_CALL = "0x88316456", "0x02751cec"
"""What providers call to add liquidity, and to take it out."""
_ANSWER = topic("AnswerUpdated(int256,uint256,uint256)")
SLEEP_DAYS = 300
"""So long before everybody comes the token was issued."""
Play = Iterator[int]
"""What somebody does on the chain: each value is how many blocks until the next act."""


class ChainMarket:
    """The chain, its token and pools. Participants act once in a block, in an order."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ledger = Ledger(f"chain:{seed}")
        self.people = People("CHN")
        self.truth = Truth()
        self.now = MONDAY + 9 * HOUR - SLEEP_DAYS * DAY
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
        self.ledger.send(source, self.token, (log,), data=transfer_call(target, amount))

    def give_native(self, source: str, target: str, amount: int = UNIT // 10) -> None:
        """Send the chain's own currency: what pays for a new wallet's first transactions."""
        self.ledger.send(source, target, (), value=amount)

    def mint(self, target: str, amount: int) -> None:
        """The issuer makes tokens."""
        self.moved(ZERO, target, amount)
        self.supply += amount
        log = transfer_log(self.token, ZERO, target, amount)
        self.ledger.send(self.issuer, self.token, (log,), data=mint_call(target, amount))

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
