"""Abuse in pools, and of what their prices are used for."""

from simulation.abusers.chain_stage import HOUR_OF_BLOCKS, ChainStage, owner_of
from simulation.chain.ledger import (
    BORROW_CALL,
    LogEntry,
    address_word,
    flash_loan_log,
    transfer_log,
    word,
)
from simulation.chain.market import DOLLAR, REMOVE_CALL, UNIT, Play


def sandwich(stage: ChainStage) -> Play:
    """Buys right before another's purchase, in the same block, and sells right after it (Flashbots,
    mev-inspect: same pool, first swap, at least one victim, closing swap, same address, no router).
    Medium: victims of 0.6 percent of the pool, three of them.
    """
    market, rng = stage.market, stage.rng
    bot, contract = market.wallet(None, 500_000), market.ledger.new_address()
    victims = [market.wallet(market.people.investor(), 10_000) for _ in range(3)]
    episode = stage.begin((bot, contract), "a victim's swap between two of the attacker's")
    for victim in victims:
        yield rng.randint(4, 20)
        pool = rng.choice((0, 1))
        reserve = market.pools[pool].reserves[1]
        paid = int(reserve * 0.006 * stage.scale * rng.uniform(0.8, 1.3))
        got = market.swap(bot, True, int(paid * rng.uniform(0.6, 1.5)), pool, contract)
        market.swap(victim, True, paid, pool)
        market.swap(bot, False, got, pool, contract)
        stage.end(episode)


def front_run(stage: ChainStage) -> Play:
    """Sees a large purchase that waits, buys before it in the same block, and sells within minutes
    (FINRA 5270's conduct; displacement and insertion in Eskandari et al., 2019). Medium: the victim
    moves 1 percent of the pool, three times.
    """
    market, rng = stage.market, stage.rng
    bot, contract = market.wallet(None, 500_000), market.ledger.new_address()
    episode = stage.begin((bot, contract), "bought before a large order in its block, sold after")
    for _ in range(3):
        yield rng.randint(8, 25)
        victim = market.wallet(market.people.investor(), 10_000)
        reserve = market.pools[0].reserves[1]
        paid = int(reserve * 0.01 * stage.scale)
        got = market.swap(bot, True, paid // 2, 0, contract)
        market.swap(victim, True, paid, 0)
        stage.end(episode)
        yield rng.randint(1, 4)
        market.swap(bot, False, got, 0, contract)
        stage.end(episode)


def pool_wash(stage: ChainStage) -> Play:
    """One owner swaps to and fro, equal amounts, for the volume (Victor and Weintraud, 2021; the
    Uniswap studies of Cui and Gao, 2023, and Chainalysis, 2025: matching buys and sells within a
    few blocks). Medium: ten round trips of 2,000 dollars in two hours.
    """
    market, rng = stage.market, stage.rng
    wallet = market.wallet(market.people.investor(), 5_000)
    episode = stage.begin((wallet, owner_of(market, wallet)), "buys and sells the same, to and fro")
    for _ in range(stage.count(10, 2)):
        dollars = market.dollars(rng.uniform(1_500, 2_500))
        got = market.swap(wallet, True, dollars, 0)
        stage.end(episode)
        yield rng.randint(2, 20)
        market.swap(wallet, False, got, 0)
        stage.end(episode)
        yield rng.randint(10, 60)


def linked_pool_wash(stage: ChainStage) -> Play:
    """Two wallets of one person, paid for from one source, where one buys what the other sells.
    Medium: ten pairs in two hours.
    """
    market, rng = stage.market, stage.rng
    cluster = f"cluster-pool-{market.seed}-{stage.number}"
    owners = [market.people.investor(cluster=cluster) for _ in range(2)]
    first, second = (market.wallet(owner, 20_000) for owner in owners)
    source = market.wallet()
    episode = stage.begin((first, second, *owners), "two linked wallets trade against each other")
    market.give_native(source, first)
    market.give_native(source, second)
    yield 5
    for number in range(stage.count(10, 2)):
        buyer, seller = (first, second) if number % 2 == 0 else (second, first)
        dollars = rng.uniform(1_500, 2_500)
        got = market.swap(buyer, True, market.dollars(dollars), 0)
        stage.end(episode)
        yield rng.randint(1, 6)
        market.swap(seller, False, got, 0)
        stage.end(episode)
        yield rng.randint(15, 50)


def one_transaction_wash(stage: ChainStage) -> Play:
    """Both legs in one transaction, so that no price risk remains. Medium: six transactions."""
    market, rng = stage.market, stage.rng
    wallet, contract = market.wallet(None, 5_000), market.ledger.new_address()
    episode = stage.begin((wallet, contract), "bought and sold in one transaction")
    for _ in range(stage.count(6)):
        dollars = market.dollars(rng.uniform(5_000, 15_000))
        got, bought = market.leg(wallet, True, dollars, 0, contract)
        _, sold = market.leg(wallet, False, got, 0, contract)
        market.ledger.send(wallet, contract, [*bought, *sold], data="0x5af06fed")
        stage.end(episode)
        yield rng.randint(10, 50)


def flash_loan_wash(stage: ChainStage) -> Play:
    """Lent cash is turned over in the pool and given back in the same transaction: large volume
    without means (Dune's filter of NFT wash trades; Aave's ``FlashLoan``). Medium: three times.
    """
    market, rng = stage.market, stage.rng
    wallet, contract, lender = market.wallet(), market.ledger.new_address(), market.exchange
    lender = market.ledger.new_address()
    episode = stage.begin((wallet, contract), "turned over what was lent in the transaction")
    for _ in range(stage.count(3)):
        lent = market.dollars(rng.uniform(60_000, 200_000))
        fee = lent // 2_000
        logs: list[LogEntry] = [transfer_log(market.quote, lender, contract, lent)]
        got, bought = market.leg(wallet, True, lent, 0, contract)
        _, sold = market.leg(wallet, False, got, 0, contract)
        logs += [*bought, *sold, transfer_log(market.quote, contract, lender, lent + fee)]
        logs.append(flash_loan_log(lender, contract, market.quote, wallet, lent, fee))
        market.ledger.send(wallet, contract, logs, data="0x1b11d0ff")
        stage.end(episode)
        yield rng.randint(15, 60)


def rug_pull(stage: ChainStage) -> Play:
    """Its maker takes all liquidity out of a pool that others bought in, and it never comes back
    (Mazorra et al., 2022: fall of liquidity by all but everything, no recovery). Here the second
    pool's largest provider. Medium: 99 percent at once; at low intensities a part of it.
    """
    market, rng = stage.market, stage.rng
    maker = market.wallet(market.people.investor(), 0)
    pool = market.pools[1]
    # It was he who provided nearly all of it.
    token, quote = pool.reserves[0] * 6, pool.reserves[1] * 6
    market.balances[maker] = token
    market.ledger.send(maker, market.router, pool.add(maker, market.router, token, quote))
    yield HOUR_OF_BLOCKS // 2
    crowd = [market.wallet(market.people.investor()) for _ in range(20)]
    for _ in range(40):
        market.swap(rng.choice(crowd), True, market.dollars(rng.uniform(300, 2_500)), 1)
        yield rng.randint(1, 6)
    episode = stage.begin(
        (maker, owner_of(market, maker), pool.address), "all liquidity taken out", 86_400
    )
    part = min(1.0, 0.35 + 0.65 * min(1.0, stage.scale))
    _, _, logs = pool.remove(maker, market.router, part * 0.995)
    market.ledger.send(maker, market.router, logs, data=REMOVE_CALL)
    stage.end(episode)
    yield 1


def mint_and_sell(stage: ChainStage) -> Play:
    """The issuer makes tokens for himself and sells them into the pool until nothing is in it
    (Mazorra et al., 2022: "hidden mint" and "sell" rug pulls). Medium: a third of the pool's cash.
    """
    market, rng = stage.market, stage.rng
    accomplice = market.wallet()
    episode = stage.begin((accomplice, market.issuer), "minted and sold into the pool", 7_200)
    reserve = market.pools[1].reserves[0]
    amount = int(reserve * 0.5 * stage.scale)
    market.mint(accomplice, amount)
    yield rng.randint(2, 8)
    for _ in range(6):
        market.swap(accomplice, False, amount // 6, 1)
        stage.end(episode)
        yield rng.randint(1, 4)


def oracle_manipulation(stage: ChainStage) -> Play:
    """Buys in the pool that an oracle looks at until its answer is far off, borrows against the
    position at that answer, and leaves (CFTC v. Eisenberg, 23-cv-173: up thirteenfold within half
    an hour). Medium: plus 150 percent within ten minutes.
    """
    market, rng = stage.market, stage.rng
    first = market.wallet(None, 400_000)
    lender = market.ledger.new_address()
    episode = stage.begin((first, lender), "pool's price driven to move the oracle", 3_600)
    rise = 1.5 * stage.scale
    value = market.value
    steps = 10
    for step in range(1, steps + 1):
        wanted = value * (1 + rise * step / steps)
        price = market.price(0)
        if wanted > price:
            cash = market.pools[0].reserves[1] * ((wanted / price) ** 0.5 - 1)
            got = market.swap(first, True, int(cash), 0)
            assert got
        market.value = wanted  # others see what looks like news, and let it be
        stage.end(episode)
        yield rng.randint(3, 6)
    market.ledger.send(
        first,
        lender,
        (transfer_log(market.token, first, lender, 100_000 * UNIT),),
        data=BORROW_CALL + address_word(market.quote) + word(300_000 * DOLLAR),
    )
    stage.end(episode)
    yield rng.randint(3, 10)
    holds = market.balances.get(first, 0)
    for _ in range(6):
        market.swap(first, False, holds // 8, 0)
        stage.end(episode)
        market.value = value + (market.value - value) * 0.4
        yield rng.randint(1, 4)
    market.value = value


def mint_arbitrage(stage: ChainStage) -> Play:
    """Somebody who can subscribe at the net asset value does so while the pool's price is far above
    it, and sells in the pool at once; again and again, to the other holders' cost (SEC, mutual fund
    timing cases of 2003-2005; Regulation 2016/522, Annex II, 1.2: linked prices). Medium: four
    times at a premium of 3 percent.
    """
    market, rng = stage.market, stage.rng
    holder = market.wallet(market.people.investor())
    episode = stage.begin((holder, owner_of(market, holder)), "subscribes, sells dearer", 3_600)
    for _ in range(stage.count(4)):
        # Demand drives the pool's price above the value that the issuer goes by.
        crowd = market.wallet(market.people.investor())
        lift = market.pools[0].reserves[1] * 0.015
        market.swap(crowd, True, int(lift), 0)
        amount = market.tokens(6_000)
        market.mint(holder, amount)
        market.swap(holder, False, amount, 0)
        stage.end(episode)
        yield rng.randint(60, 150)
