"""Who trades on an oracle that says nothing while the price moves."""

from simulation.abusers.chain_stage import HOUR_OF_BLOCKS, ChainStage, owner_of
from simulation.chain.ledger import BORROW_CALL, address_word, transfer_log, word
from simulation.chain.market import UNIT, Play


def stale_oracle(stage: ChainStage) -> Play:
    """The oracle stops answering, by chance or by its maker's will, and the market falls; somebody
    buys cheaply in the pool, gives that to a lender as collateral at the old answer, and borrows
    more than it cost (Venus and Blizz, 12 May 2022: LUNA's feed stood at 0.107 dollars while it
    fell to 0.01). Medium: a fall to a tenth, four hours of silence, eight purchases.
    """
    market, rng = stage.market, stage.rng
    trader = market.wallet(market.people.investor(), 1_000)
    lender = market.ledger.new_address()
    answer = market.price(0)
    episode = stage.begin(
        (trader, lender, owner_of(market, trader)), "borrowed at an answer long out of date", 3_600
    )
    market.feed_silent = True
    silence = max(HOUR_OF_BLOCKS, round(4 * HOUR_OF_BLOCKS * stage.scale))
    fall = 1 / min(30.0, 10.0**stage.scale)
    bottom, start = market.value * fall, market.block
    falling = max(50, silence // 3)
    step = fall ** (10 / falling)
    while market.block < start + falling:
        market.value *= step
        yield 10
    count = stage.count(8, 2)
    for _ in range(count):
        market.value = bottom * rng.uniform(0.95, 1.05)
        got = market.swap(trader, True, market.dollars(rng.uniform(5_000, 20_000)), 0)
        if not episode.onset:
            episode.onset = market.now
        stage.end(episode)
        yield rng.randint(1, 4)
        lent = round(got / UNIT * answer * 0.6 * 10**6)
        call = BORROW_CALL + address_word(market.quote) + word(lent)
        logs = (
            transfer_log(market.token, trader, lender, got),
            transfer_log(market.quote, lender, trader, lent),
        )
        market.moved(trader, lender, got)
        market.ledger.send(trader, lender, logs, data=call)
        stage.end(episode)
        yield max(1, round((silence - falling) / count * rng.uniform(0.6, 0.9)))
    yield max(1, start + silence - market.block)
    market.feed_silent = False
    stage.end(episode)
    yield 5
