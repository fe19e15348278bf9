"""Abuse by transfers: amounts kept small, holdings gathered, wallets that wake up."""

from simulation.abusers.chain_stage import ChainStage, dollars_of_tokens, owner_of
from simulation.chain.market import UNIT, Play


def structuring(stage: ChainStage) -> Play:
    """Transfers kept just below a threshold of 10,000 dollars within a day (31 USC 5324; Lux's
    indicator: several of 8,000 to 9,999). Medium: six.
    """
    market, rng = stage.market, stage.rng
    source, target = (market.wallet(market.people.investor(), 200_000) for _ in range(2))
    episode = stage.begin(
        (source, target, owner_of(market, source), owner_of(market, target)),
        "transfers just below 10,000",
        3_600,
    )
    for _ in range(stage.count(6, 2)):
        market.transfer(source, target, dollars_of_tokens(market, rng.uniform(9_000, 9_950)))
        stage.end(episode)
        yield rng.randint(30, 150)


def smurfing(stage: ChainStage) -> Play:
    """The same, spread over several people's wallets, which one person gathers from (FATF, 2020,
    virtual assets red flags: structuring over several wallets). Medium: five wallets, twice each.
    """
    market, rng = stage.market, stage.rng
    cluster = f"cluster-smurf-{market.seed}-{stage.number}"
    owners = [market.people.investor(cluster=cluster) for _ in range(stage.count(5, 2))]
    mules = [market.wallet(owner, 60_000) for owner in owners]
    target = market.wallet(market.people.investor())
    episode = stage.begin((*mules, *owners, target), "several wallets, each below 10,000", 3_600)
    for _ in range(2):
        for mule in mules:
            market.transfer(mule, target, dollars_of_tokens(market, rng.uniform(8_600, 9_950)))
            stage.end(episode)
            yield rng.randint(10, 90)


def mixer_hops(stage: ChainStage) -> Play:
    """Tokens out of a mixer, over two new wallets, and into the pool (FATF, 2020: use of mixers,
    several hops in short time). Medium: 8,000 tokens.
    """
    market, rng = stage.market, stage.rng
    first, second = market.wallet(), market.wallet()
    market.balances[market.mixer] = 1_000_000 * UNIT
    episode = stage.begin((first, second), "out of a mixer, over two wallets", 3_600)
    amount = market.tokens(8_000 * stage.scale)
    market.transfer(market.mixer, first, amount)
    stage.end(episode)
    yield rng.randint(5, 30)
    market.transfer(first, second, amount * 98 // 100)
    stage.end(episode)
    yield rng.randint(5, 30)
    market.swap(second, False, amount * 97 // 100, 0)
    stage.end(episode)


def accumulation(stage: ChainStage) -> Play:
    """One holder gathers a large part of the supply within two days, from many (Exchange Act 13(d):
    more than 5 percent). Medium: 6 percent of the supply, by thirty transfers and swaps.
    """
    market, rng = stage.market, stage.rng
    holder = market.wallet(market.people.investor())
    episode = stage.begin(
        (holder, owner_of(market, holder)), "gathers a part of the supply", 86_400
    )
    wanted = int(market.supply * 0.06 * stage.scale)
    for number in range(30):
        seller = market.wallet(market.people.investor(), 0)
        market.balances[seller] = wanted // 25
        if number % 5 == 4:
            market.swap(holder, True, market.dollars(8_000), 0)
        else:
            market.transfer(seller, holder, wanted // 25)
        stage.end(episode)
        yield rng.randint(20, 80)


def dormant_awakened(stage: ChainStage) -> Play:
    """A wallet that did nothing for 300 days sends on nearly all that it has, and sells some of the
    rest (FATF, 2020: accounts that were inactive). Medium: nine tenths.
    """
    market, rng = stage.market, stage.rng
    wallet = market.sleepers[stage.number]
    target = market.wallet()
    episode = stage.begin(
        (wallet, owner_of(market, wallet), target), "moves after 300 days of silence", 3_600
    )
    rest = int(market.balances[wallet] * 0.1 / stage.scale)
    market.transfer(wallet, target, market.balances[wallet] - rest)
    stage.end(episode)
    yield rng.randint(2, 10)
    got = market.swap(wallet, False, rest // 2, 0)
    assert got
    stage.end(episode)
