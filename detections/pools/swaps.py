"""A swap in a pool as one step of a party: which way, how much, and who is behind it.

A pool has two assets, and a leg gives it one and takes the other; so it needs no reference data to
know what is the other way round. Amounts are exact, in smallest units, from the pool's side.

Who signed is the party, not the contract that called the pool. Contracts through which many trade
(routers, aggregators, settlements of batches, bundlers of account abstraction) link nobody; where
one signs for many (a solver, a bundler), who signed is nobody either. The well-known ones are named
here, by their own documents; others should have the label `router` in the reference data.
"""

from msgspec import Struct

from detections.alerting.findings import Witness, witness
from detections.engine.correlator_state import Whole
from detections.parties import Party, acting
from normalizer.events.chain import PoolSwap

#: A pool on a chain, and of a Curve pool of several coins the two that were exchanged.
PoolKey = tuple[int, str, int, int]

#: Contracts that whoever wants to swap calls; who signs acts for themselves.
ROUTERS = frozenset(
    {
        "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",  # Uniswap V2 Router02
        "0xf164fc0ec4e93095b804a4795bbe1e041497b92a",  # Uniswap V2 Router01
        "0xe592427a0aece92de3edee1f18e0157c05861564",  # Uniswap V3 SwapRouter
        "0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45",  # Uniswap V3 SwapRouter02
        "0xef1c6e67703c7bd7107eed8303fbe6ec2554bf6b",  # Uniswap Universal Router
        "0x3fc91a3afd70395cd496c647d5a6cc9d4b2b7fad",  # Uniswap Universal Router 1.2
        "0x66a9893cc07d91d95644aedd05d03f95e1dba8af",  # Uniswap Universal Router, v4
        "0xd9e1ce17f2641f24ae83637ab66a2cca9c378b9f",  # SushiSwap
        "0x1111111254eeb25477b68fb85ed929f73a960582",  # 1inch 5
        "0x1111111254fb6c44bac0bed2854e76f90643097d",  # 1inch 4
        "0x11111112542d85b3ef69ae05771c2dccff4faa26",  # 1inch 3
        "0x111111125421ca6dc452d289314280a0f8842a65",  # 1inch 6
        "0xdef1c0ded9bec7f1a1670819833240f027b25eff",  # 0x Exchange Proxy
        "0xdef171fe48cf0115b1d80b88dc8eab59176fee57",  # ParaSwap 5
        "0x881d40237659c251811cec9c364ef91dc08d300c",  # MetaMask Swaps
    }
)
#: Contracts by which one signs for many.
RELAYS = frozenset(
    {
        "0x9008d19f58aabd9ed0d60971565aa8510560ab41",  # CoW Protocol's settlement
        "0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789",  # ERC-4337 EntryPoint 0.6
        "0x0000000071727de22e5e9d8baf0edac6f37da032",  # ERC-4337 EntryPoint 0.7
        "0x4337084d9e255ff0702461cf8895ce9e3b5ff108",  # ERC-4337 EntryPoint 0.8
        "0x6000da47483062a0d734ba3dc7576ce6a0b645c4",  # UniswapX reactor
        "0x00000011f84b9aa48e5f8aa8b9897600006289be",  # UniswapX reactor 2
    }
)
_SHARED = ROUTERS | RELAYS


class Leg(Struct, frozen=True, array_like=True, gc=False):
    """One swap. `amount0` and `amount1` are the pool's: one came in, the other went out."""

    timestamp: int
    block: int
    index: int
    """Place of the transaction in its block; -1 where it isn't known."""
    transaction: str
    amount0: Whole
    amount1: Whole
    who: Party
    called: str
    """The contract that the transaction called, or that called the pool where that isn't known, as
    in logs alone; empty where neither is."""
    recipient: str
    side: str
    """`buy` or `sell` of the watched token; empty where it isn't known which asset that is."""
    quantity: float
    notional: float
    witness: Witness
    flash: bool = False
    unsure: bool = False

    @property
    def paid0(self) -> bool:
        """Whether token0 was paid, for token1."""
        return self.amount0 > 0

    @property
    def paid(self) -> int:
        """What went into the pool."""
        return self.amount0 if self.amount0 > 0 else self.amount1

    @property
    def got(self) -> int:
        """What came out of it."""
        return -self.amount1 if self.amount0 > 0 else -self.amount0

    @property
    def relayed(self) -> bool:
        """Whether who signed may have signed for another."""
        return self.called in RELAYS

    @property
    def owner(self) -> str:
        """The widest name of who traded; empty where that can't be told."""
        if self.who.cluster or self.who.investor:
            return self.who.key
        if self.relayed:
            return "" if self.recipient in _SHARED else self.recipient
        return self.who.account or ""


def pool_key(event: PoolSwap) -> PoolKey:
    """What legs must have in common to be each other's way back."""
    return (
        event.chain_id,
        event.pool,
        -1 if event.coin0 is None else event.coin0,
        -1 if event.coin1 is None else event.coin1,
    )


def leg(event: PoolSwap) -> Leg | None:
    """The swap as a leg; None for one that didn't take one asset for the other."""
    global _newest
    if event is not _newest[0]:  # several correlators look at each swap, one after the other
        _newest = (event, _leg(event))
    return _newest[1]


_newest: tuple[PoolSwap | None, Leg | None] = (None, None)


def _leg(event: PoolSwap) -> Leg | None:
    amount0, amount1 = int(event.amount0_raw), int(event.amount1_raw)
    if not (amount0 < 0 < amount1 or amount1 < 0 < amount0) or event.transaction_hash is None:
        return None
    party = acting(event)
    if not party.known:
        party = Party(event.transaction_from or event.recipient, None, None)
    return Leg(
        event.timestamp,
        event.block_number,
        -1 if event.transaction_index is None else event.transaction_index,
        event.transaction_hash,
        Whole(amount0),
        Whole(amount1),
        party,
        event.transaction_to or event.sender or "",
        event.recipient or "",
        event.side or "",
        event.quantity or 0.0,
        event.notional or 0.0,
        witness(event),
        "flash-loan" in event.tags,
        "unsure" in event.tags,
    )


def is_own_contract(contract: str, pool: str) -> bool:
    """Whether a contract that was called may be one party's own: no router, and not the pool."""
    return bool(contract) and contract not in _SHARED and contract != pool


def differs(one: int, other: int) -> float:
    """By which part of the larger one two amounts differ."""
    larger = max(one, other)
    return abs(one - other) / larger if larger else 0.0
