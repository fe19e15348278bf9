"""A Uniswap v3 market of a security token against cash, with the real factory, pool and router.

Sources: npm `@uniswap/v3-core` 1.0.1 and `@uniswap/v3-periphery` 1.4.4. The cash is OpenZeppelin's
`ERC20PresetMinterPauser` 3.4 (18 decimals). Neither the router nor the position manager ever holds
the security token, so only the pool must be a registered holder of it. Amounts are in smallest
units; functions that change the chain return the transaction's hash at once.
"""

from __future__ import annotations

from decimal import Decimal
from math import isqrt

from web3.contract import Contract

from demo.chain.ledger import DEPLOY_GAS, ZERO_ADDRESS, Ledger
from demo.chain.trex import SecurityToken

UNLIMITED = 2**255
_NO_DEADLINE = 2**40
"""Seconds since 1970, far away: the wall clock would make each run's transaction hashes differ."""
_TICK_SPACING = {500: 10, 3000: 60, 10000: 200}
_MAX_TICK = 887272
_NO_PRICE_LIMIT = 0


class CashToken:
    """An ordinary ERC-20 that pays for the security token."""

    decimals = 18

    def __init__(self, ledger: Ledger, contract: Contract, issuer: str) -> None:
        self.ledger = ledger
        self.contract = contract
        self._issuer = issuer

    @property
    def address(self) -> str:
        return str(self.contract.address)

    def balance(self, holder: str) -> int:
        return int(self.ledger.ask(self.contract, "balanceOf", holder))

    def mint(self, receiver: str, amount: int) -> str:
        return self.ledger.send(self.contract, "mint", receiver, amount, sender=self._issuer)

    def approve(self, owner: str, spender: str, amount: int) -> str:
        return self.ledger.send(self.contract, "approve", spender, amount, sender=owner)


class Market:
    """One pool, and the router and position manager through which participants use it."""

    def __init__(
        self,
        ledger: Ledger,
        security: SecurityToken,
        cash: CashToken,
        *,
        fee: int,
        pool: Contract,
        router: Contract,
        positions: Contract,
    ) -> None:
        self.ledger = ledger
        self.security = security
        self.cash = cash
        self.fee = fee
        self.pool = pool
        self.router = router
        self.positions = positions
        self.token0, self.token1 = _sorted_pair(security, cash)

    @property
    def address(self) -> str:
        return str(self.pool.address)

    def allow(self, trader: str) -> list[str]:
        """Let the router take both of the trader's tokens."""
        router = str(self.router.address)
        return [
            self.security.approve(trader, router, UNLIMITED),
            self.cash.approve(trader, router, UNLIMITED),
        ]

    def add_liquidity(self, provider: str, security: int, cash: int) -> str:
        """A position over the full range; waits for the two approvals that it needs."""
        manager = str(self.positions.address)
        self.ledger.settle(
            [
                self.security.approve(provider, manager, security),
                self.cash.approve(provider, manager, cash),
            ]
        )
        spacing = _TICK_SPACING[self.fee]
        edge = _MAX_TICK // spacing * spacing
        amounts = (security, cash) if self._security_first else (cash, security)
        position = (self.token0, self.token1, self.fee, -edge, edge, *amounts, 0, 0, provider)
        return self.ledger.send(self.positions, "mint", (*position, _NO_DEADLINE), sender=provider)

    def buy(self, trader: str, amount: int) -> str:
        """Buy exactly this amount of the security token, at any price."""
        order = (self.cash.address, self.security.address, self.fee, trader, _NO_DEADLINE)
        return self.ledger.send(
            self.router,
            "exactOutputSingle",
            (*order, amount, UNLIMITED, _NO_PRICE_LIMIT),
            sender=trader,
        )

    def sell(self, trader: str, amount: int) -> str:
        """Sell exactly this amount of the security token, at any price."""
        order = (self.security.address, self.cash.address, self.fee, trader, _NO_DEADLINE)
        return self.ledger.send(
            self.router, "exactInputSingle", (*order, amount, 0, _NO_PRICE_LIMIT), sender=trader
        )

    def price(self) -> Decimal:
        """Cash for one security token, from the pool's square root price at the newest block."""
        root = int(self.ledger.ask(self.pool, "slot0")[0])
        return price_from_root(
            root,
            security_first=self._security_first,
            security_decimals=self.security.terms.decimals,
            cash_decimals=self.cash.decimals,
        )

    @property
    def _security_first(self) -> bool:
        return self.token0 == self.security.address


def root_from_price(
    price: Decimal, *, security_first: bool, security_decimals: int, cash_decimals: int
) -> int:
    """Uniswap's sqrtPriceX96: the square root of token1 per token0 in smallest units, by 2**96."""
    cash, security = (price * 10**cash_decimals).as_integer_ratio()
    security *= 10**security_decimals
    ratio = (cash, security) if security_first else (security, cash)
    return isqrt((ratio[0] << 192) // ratio[1])


def price_from_root(
    root: int, *, security_first: bool, security_decimals: int, cash_decimals: int
) -> Decimal:
    """The inverse of `root_from_price`: cash for one security token."""
    ratio = Decimal(root) ** 2 / Decimal(2) ** 192
    raw = ratio if security_first else 1 / ratio
    return raw * Decimal(10) ** (security_decimals - cash_decimals)


def deploy_cash(ledger: Ledger, issuer: str, *, name: str, symbol: str) -> CashToken:
    artifact = ledger.artifacts.openzeppelin("ERC20PresetMinterPauser")
    return CashToken(ledger, ledger.deploy(artifact, name, symbol, sender=issuer), issuer)


def deploy_market(
    ledger: Ledger,
    security: SecurityToken,
    cash: CashToken,
    *,
    sender: str,
    price: Decimal,
    fee: int = 3000,
) -> Market:
    """Deploy Uniswap and open a pool at this price; register it as a holder before it is used.

    `fee` is in hundredths of a basis point: 500, 3000 or 10000.
    """
    core, periphery = ledger.artifacts.uniswap_core, ledger.artifacts.uniswap_periphery
    factory = ledger.deploy(core("contracts/UniswapV3Factory"), sender=sender)
    # No wrapped ether and no descriptor of positions: nobody pays in ether or looks at the picture.
    router, positions = ledger.deploy_all(
        [
            (periphery("contracts/SwapRouter"), (factory.address, ZERO_ADDRESS)),
            (
                periphery("contracts/NonfungiblePositionManager"),
                (factory.address, ZERO_ADDRESS, ZERO_ADDRESS),
            ),
        ],
        sender=sender,
    )
    token0, token1 = _sorted_pair(security, cash)
    root = root_from_price(
        price,
        security_first=token0 == security.address,
        security_decimals=security.terms.decimals,
        cash_decimals=cash.decimals,
    )
    opened = ledger.send(
        positions,
        "createAndInitializePoolIfNecessary",
        token0,
        token1,
        fee,
        root,
        sender=sender,
        gas=DEPLOY_GAS,
    )
    ledger.settle([opened])
    pool = ledger.contract(
        ledger.ask(factory, "getPool", token0, token1, fee), core("contracts/UniswapV3Pool")
    )
    return Market(ledger, security, cash, fee=fee, pool=pool, router=router, positions=positions)


def _sorted_pair(security: SecurityToken, cash: CashToken) -> tuple[str, str]:
    """Uniswap's order: token0 has the lower address."""
    first, second = sorted((security.address, cash.address), key=lambda one: int(one, 16))
    return first, second
