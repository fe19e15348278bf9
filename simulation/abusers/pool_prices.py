"""A pool's price is moved for as long as somebody else goes by it; and the honest who lend."""

from collections.abc import Sequence
from math import exp

from simulation.abusers.chain_stage import ChainStage
from simulation.chain.ledger import LogEntry, flash_loan_log, transfer_log
from simulation.chain.market import DOLLAR, UNIT, ChainMarket, Play

_LOAN_CALL, _VAULT_CALL, _LIQUIDATE_CALL = "0xab9c4b5d", "0x2e1a7d4d", "0x00a718a9"
_LENT_OF_COLLATERAL = 0.75


def loan_at_moved_price(stage: ChainStage) -> Play:
    """In one transaction: gets tokens lent, sells them into the pool until its price is far off,
    lets a lender that goes by that price give out tokens for too little collateral, buys back, and
    pays back (bZx, 18 February 2020; Cheese Bank, November 2020; Qin et al., 2021). Medium: 2.35
    times, as at bZx.
    """
    market, rng = stage.market, stage.rng
    wallet, contract = market.wallet(), market.ledger.new_address()
    bank, lender = market.ledger.new_address(), market.ledger.new_address()
    for holder in (bank, lender):
        market.balances[holder] = 100_000_000 * UNIT
    yield rng.randint(1, 40)
    episode = stage.begin((wallet, contract), "borrowed at a pool's price that it had moved")
    pool = market.pools[0]
    times = 2.35**stage.scale
    lent = int(pool.reserves[0] * (times**0.5 - 1))
    logs = [_moved(market, lender, contract, lent)]
    cash, sold = market.leg(contract, False, lent, 0, contract)
    collateral = cash // 7
    borrowed = int(collateral * _LENT_OF_COLLATERAL / pool.price)
    logs += [
        *sold,
        transfer_log(market.quote, contract, bank, collateral),
        _moved(market, bank, contract, borrowed),
    ]
    _, bought = market.leg(contract, True, cash - collateral, 0, contract)
    logs += [*bought, *_paid_back(market, lender, wallet, contract, lent)]
    rest = market.balances.get(contract, 0)
    if rest > 0:
        logs.append(_moved(market, contract, wallet, rest))
    market.ledger.send(wallet, contract, logs, data=_LOAN_CALL)
    stage.end(episode)
    yield rng.randint(15, 60)


def vault_at_moved_price(stage: ChainStage) -> Play:
    """Moves the pool's price a little, deposits in a vault that counts its shares by it, moves it
    back and withdraws more than it brought, all in one transaction, and again (Harvest, 26 October
    2020: up by 1.2 percent, thirty times within seven minutes). Medium: 1.2 percent, six times.
    """
    market, rng = stage.market, stage.rng
    wallet, contract = market.wallet(), market.ledger.new_address()
    vault, lender = market.ledger.new_address(), market.ledger.new_address()
    for holder in (vault, lender):
        market.balances[holder] = 100_000_000 * UNIT
    episode = stage.begin((wallet, contract), "in and out of a vault around a moved price")
    part = 0.012 * stage.scale
    for _ in range(stage.count(6, 2)):
        pool = market.pools[0]
        lent = 300_000 * UNIT
        logs = [_moved(market, lender, contract, lent)]
        cash = int(pool.reserves[1] * ((1 + part) ** 0.5 - 1))
        got, bought = market.leg(contract, True, cash, 0, contract)
        logs += [*bought, _moved(market, contract, vault, lent)]
        _, sold = market.leg(contract, False, got, 0, contract)
        logs += [*sold, _moved(market, vault, contract, int(lent * (1 + part * 0.9)))]
        logs += _paid_back(market, lender, wallet, contract, lent)
        market.ledger.send(wallet, contract, logs, data=_VAULT_CALL)
        stage.end(episode)
        yield rng.randint(1, 6)


def _moved(market: ChainMarket, source: str, target: str, amount: int) -> LogEntry:
    market.moved(source, target, amount)
    return transfer_log(market.token, source, target, amount)


def _paid_back(
    market: ChainMarket, lender: str, wallet: str, contract: str, lent: int
) -> Sequence[LogEntry]:
    fee = lent // 2_000
    return (
        _moved(market, contract, lender, lent + fee),
        flash_loan_log(lender, contract, market.token, wallet, lent, fee),
    )


# --- who is honest --------------------------------------------------------------------------------


def lending(market: ChainMarket) -> None:
    """A lender and a vault, and who uses them: most of it through pools as well."""
    bank, vault = market.ledger.new_address(), market.ledger.new_address()
    for holder in (bank, vault):
        market.balances[holder] = 100_000_000 * UNIT
    for play in (_liquidators, _borrowers, _savers):
        market.begin(play(market, bank, vault), 1)


def _liquidators(market: ChainMarket, bank: str, vault: str) -> Play:
    """Pay somebody's debt with lent cash, get the collateral, and sell it in the pool: one way, in
    one transaction.
    """
    rng = market.fork("liquidators")
    del vault
    bots = [(market.wallet(), market.ledger.new_address()) for _ in range(3)]
    while True:
        yield rng.randint(40, 200)
        wallet, contract = rng.choice(bots)
        taken = market.tokens(4_000 * exp(rng.gauss(0, 1.0)))
        debt = int(taken * market.pools[0].price * 0.93)
        logs = [
            transfer_log(market.quote, contract, bank, debt),
            _moved(market, bank, contract, taken),
        ]
        _, sold = market.leg(contract, False, taken, rng.choice((0, 1)), contract)
        market.ledger.send(wallet, contract, [*logs, *sold], data=_LIQUIDATE_CALL)


def _borrowers(market: ChainMarket, bank: str, vault: str) -> Play:
    """Borrow tokens, sell them, and buy them back an hour or so later; or buy with borrowed cash,
    and leave the tokens as collateral, in one transaction.
    """
    rng = market.fork("borrowers")
    del vault
    wallets = [market.wallet(market.people.investor(), 5_000) for _ in range(10)]
    while True:
        yield rng.randint(20, 120)
        wallet, pool = rng.choice(wallets), rng.choice((0, 1))
        amount = market.tokens(1_500 * exp(rng.gauss(0, 0.8)))
        if rng.random() < 0.5:
            logs = [_moved(market, bank, wallet, amount)]
            _, sold = market.leg(wallet, False, amount, pool)
            market.ledger.send(wallet, bank, [*logs, *sold], data=_LOAN_CALL)
            market.begin(_back(market, wallet, bank, amount, pool), rng.randint(100, 500))
        else:
            cash = market.dollars(amount / UNIT * market.price(pool))
            got, bought = market.leg(wallet, True, cash, pool)
            logs = [transfer_log(market.quote, bank, wallet, cash * 6 // 10), *bought]
            logs.append(_moved(market, wallet, bank, got))
            market.ledger.send(wallet, bank, logs, data=_LOAN_CALL)


def _back(market: ChainMarket, wallet: str, bank: str, amount: int, pool: int) -> Play:
    cash = market.pools[pool].needed(1, amount)
    market.swap(wallet, True, cash, pool)
    yield 1
    market.transfer(wallet, bank, amount)


def _savers(market: ChainMarket, bank: str, vault: str) -> Play:
    """Buy and deposit in one transaction, withdraw and sell in one."""
    rng = market.fork("savers")
    del bank
    wallets = [market.wallet(market.people.investor(), 5_000) for _ in range(10)]
    while True:
        yield rng.randint(20, 120)
        wallet, pool = rng.choice(wallets), rng.choice((0, 1))
        dollars = 2_000 * exp(rng.gauss(0, 0.8))
        if rng.random() < 0.5:
            got, logs = market.leg(wallet, True, round(dollars * DOLLAR), pool)
            logs = [*logs, _moved(market, wallet, vault, got)]
        else:
            amount = market.tokens(dollars / market.price(pool))
            logs = [_moved(market, vault, wallet, amount)]
            _, sold = market.leg(wallet, False, amount, pool)
            logs += sold
        market.ledger.send(wallet, vault, logs, data=_VAULT_CALL)
