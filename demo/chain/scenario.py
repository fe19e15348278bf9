"""Deploys the demo's market on a node and plays the script there, block by block.

`deploy` first: it gives the facts, so that everything can be pointed at the chain before the
abuse starts. Then `perform`. Both work in a thread; the loop stays free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import msgspec

from demo.chain import cast
from demo.chain.anvil import Anvil
from demo.chain.facts import Facts, PartyFacts, PoolFacts, TokenFacts
from demo.chain.ledger import Ledger, Receipt
from demo.chain.script import (
    AnyStep,
    Buy,
    ForcedTransfer,
    Freeze,
    Scheme,
    Sell,
    Transfer,
    write_script,
)
from demo.chain.trex import Holder, SecurityToken, SuiteRoles, TokenTerms
from demo.chain.trex_suite import deploy_security_token
from demo.chain.uniswap import CashToken, Market, deploy_cash, deploy_market

TERMS = TokenTerms(
    name="Acme Harbour Property Fund",
    symbol="ACME",
    decimals=6,
    allowed_countries=cast.ALLOWED_COUNTRIES,
    max_balance=2_000_000,
    supply_limit=10_000_000,
)
ISSUER_ID = "ISS-0001"
ISSUER_NAME = "Acme Capital"
OPENING_PRICE = Decimal(100)
POOL_TOKENS = 1_000_000
_POOL_COUNTRY = "LU"


class ScenarioError(Exception):
    """The chain did something else than the script says, so its ground truth would be wrong."""


class Planted(msgspec.Struct, frozen=True):
    """Ground truth: one abuse that was played, for comparison with what the detections found."""

    typology: str
    description: str
    transaction_hashes: tuple[str, ...]


class Played(msgspec.Struct, frozen=True):
    """One step after it was mined."""

    step: AnyStep
    transaction_hash: str
    block_number: int
    refusal: str
    """The revert reason of a refused transfer; empty otherwise."""


class Deployment:
    """The market as it stands on the chain, and the facts about it."""

    def __init__(
        self, ledger: Ledger, token: SecurityToken, cash: CashToken, market: Market, facts: Facts
    ) -> None:
        self.ledger = ledger
        self.token = token
        self.cash = cash
        self.market = market
        self.facts = facts

    def address(self, name: str) -> str:
        """The address of a participant, by its name in `cast`."""
        return _address(self.ledger, name)


async def deploy(node: Anvil) -> Deployment:
    """Deploy token, cash and pool, register everyone, issue the holdings, fill the pool."""
    return await asyncio.to_thread(deploy_now, node)


def deploy_now(node: Anvil) -> Deployment:
    """`deploy`, for callers without an event loop."""
    ledger = Ledger(node)
    roles = SuiteRoles(
        issuer=_address(ledger, cast.ISSUER.name),
        agent=_address(ledger, cast.AGENT.name),
        verifier=_address(ledger, cast.VERIFIER.name),
    )
    token = deploy_security_token(ledger, roles, TERMS)
    cash = deploy_cash(ledger, roles.issuer, name="Demo Dollar", symbol="DUSD")
    market = deploy_market(ledger, token, cash, sender=roles.issuer, price=OPENING_PRICE)
    _issue_holdings(ledger, token, cash, market)
    return Deployment(ledger, token, cash, market, _facts(ledger, token, cash, market))


async def perform(
    deployment: Deployment,
    *,
    seed: int = 1,
    on_step: Callable[[Played], None] | None = None,
    block_seconds: float = 0.5,
) -> list[Planted]:
    """Play the script that belongs to the seed, a block each `block_seconds`; returns the truth.

    `on_step` is called in the event loop after each step was mined. With the default pace the
    play takes 24 s. Raises ScenarioError when the chain doesn't do what the script says.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    hashes: dict[Scheme, list[str]] = {}
    for steps in write_script(seed):
        for played in await asyncio.to_thread(_play_block, deployment, steps):
            for scheme in played.step.schemes:
                hashes.setdefault(scheme, []).append(played.transaction_hash)
            if on_step is not None:
                on_step(played)
        due += block_seconds
        await asyncio.sleep(max(0.0, due - loop.time()))
    return [
        Planted(scheme.typology, scheme.description, tuple(found))
        for scheme, found in hashes.items()
    ]


def _play_block(deployment: Deployment, steps: tuple[AnyStep, ...]) -> list[Played]:
    ledger = deployment.ledger
    hashes = [_send(deployment, step) for step in steps]
    ledger.node.mine()
    receipts = ledger.receipts(hashes)
    return [_check(ledger, step, receipt) for step, receipt in zip(steps, receipts, strict=True)]


def _check(ledger: Ledger, step: AnyStep, receipt: Receipt) -> Played:
    refusal = "" if receipt.succeeded else ledger.refusal(receipt.transaction_hash)
    must_be_refused = isinstance(step, Transfer) and step.refused
    if receipt.succeeded == must_be_refused:
        outcome = "went through" if receipt.succeeded else f"was refused ({refusal})"
        raise ScenarioError(
            f"{step} in transaction {receipt.transaction_hash}, block {receipt.height}: {outcome}"
        )
    return Played(step, receipt.transaction_hash, receipt.height, refusal)


def _send(deployment: Deployment, step: AnyStep) -> str:
    token, market, address = deployment.token, deployment.market, deployment.address
    match step:
        case Transfer(sender=sender, receiver=receiver, amount=amount):
            return token.transfer(address(sender), address(receiver), token.units(amount))
        case Buy(trader=trader, amount=amount):
            return market.buy(address(trader), token.units(amount))
        case Sell(trader=trader, amount=amount):
            return market.sell(address(trader), token.units(amount))
        case Freeze(holder=holder):
            return token.freeze_address(address(holder))
        case ForcedTransfer(sender=sender, receiver=receiver, amount=amount):
            return token.forced_transfer(address(sender), address(receiver), token.units(amount))


_ACCOUNTS = {member.name: member.account for member in cast.CAST}


def _address(ledger: Ledger, name: str) -> str:
    return ledger.accounts[_ACCOUNTS[name]]


def _issue_holdings(ledger: Ledger, token: SecurityToken, cash: CashToken, market: Market) -> None:
    holders = [
        Holder(
            address=_address(ledger, member.name),
            country=member.jurisdiction,
            shares_identity_of=(
                None
                if member.shares_identity_of is None
                else _address(ledger, member.shares_identity_of)
            ),
        )
        for member in cast.CAST
        if member.registered and member.jurisdiction is not None
    ]
    holders.append(Holder(address=market.address, country=_POOL_COUNTRY))
    token.onboard(holders)
    whole_cash = 10**cash.decimals
    addresses = [(member, _address(ledger, member.name)) for member in cast.CAST]
    hashes = [
        token.mint(
            [(one, token.units(member.tokens)) for member, one in addresses if member.tokens]
        )
    ]
    for member, one in addresses:
        if member.cash:
            hashes.append(cash.mint(one, member.cash * whole_cash))
        if member.trades:
            hashes += market.allow(one)
    ledger.settle(hashes)
    provider = _address(ledger, cast.MARKET_MAKER.name)
    cash_amount = int(POOL_TOKENS * OPENING_PRICE) * whole_cash
    ledger.settle([market.add_liquidity(provider, token.units(POOL_TOKENS), cash_amount)])


def _facts(ledger: Ledger, token: SecurityToken, cash: CashToken, market: Market) -> Facts:
    node = ledger.node
    security = TokenFacts(
        address=token.address,
        symbol=TERMS.symbol,
        name=TERMS.name,
        decimals=TERMS.decimals,
        standard="ERC-3643",
        issuer_id=ISSUER_ID,
        issuer_name=ISSUER_NAME,
        classification="reg-d-506c",
        identity_registry=str(token.identity_registry.address),
        compliance=str(token.compliance.address),
    )
    money = TokenFacts(
        address=cash.address,
        symbol="DUSD",
        name="Demo Dollar",
        decimals=cash.decimals,
        standard="ERC-20",
        issuer_id="ISS-0002",
        issuer_name="Demo Dollar Company",
        classification="cash",
    )
    pool = PoolFacts(
        address=market.address, token0=market.token0, token1=market.token1, fee=market.fee
    )
    parties = [
        PartyFacts(
            address=_address(ledger, member.name),
            investor_id=member.investor_id,
            jurisdiction=member.jurisdiction,
            accreditation=member.accreditation,
            cluster=member.cluster,
            labels=member.labels,
        )
        for member in cast.CAST
        if member.investor_id is not None or member.labels
    ]
    parties.append(PartyFacts(address=market.address, labels=("pool",)))
    return Facts(
        chain_id=node.options.chain_id,
        start_block=int(node.rpc("eth_blockNumber"), 16) + 1,
        tokens=(security, money),
        pools=(pool,),
        parties=tuple(parties),
    )
