"""A pool's price moved away and back within blocks, while tokens are taken out elsewhere.

Contracts that read a pool's spot price as what a token is worth lend, mint or pay by it. Whoever
moves that price for a moment takes out more than the move costs: Harvest (October 2020, 34 million
USD), Cheese Bank (November 2020), Inverse Finance (April 2022). See L. Zhou and others, SoK:
Decentralized Finance (DeFi) Attacks, IEEE S&P 2023, and K. Qin and others, Attacking the DeFi
Ecosystem with Flash Loans, FC 2021. All of this must hold:

1. Swaps of one signer moved a pool's price by `minimum_move` or more.
2. Within `maximum_blocks` blocks swaps of the same signer brought it back, to a fifth of the move
   or nearer; of a fall also by its logarithm, since no price falls by more than all of it.
3. In between, `minimum_amount` whole units or more of some token went to the signer, or to a
   contract in a transaction that it signed, net of what went back: neither from a pool or router,
   nor of its own. A mint counts: shares and stablecoins are minted against collateral.

Or, as at Harvest, who moved the price by no more than 1.2 percent each time: all in one
transaction, the price was moved by `minimum_move_at_once` or more and back, its contract gave
tokens to somebody in between, and got back `minimum_amount` more from the same one, in between or
behind; that is the contract that was called, or the one that made the first swap for itself.
Nobody who is in and out of a pool in one transaction wants anything of the pool.

Without 3. it is a round trip (wash trading) or, with others' swaps in between, a sandwich; both
have correlators of their own. A flash loan that is taken before the first swap and paid back after
the last isn't in between, and nets to nothing where it is. What was taken out is seen only of
tokens whose transfers are collected.
"""

import math
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.chain import ZERO_ADDRESS, PoolSwap, TokenTransfer
from pipeline.units import DAY, Ratio

_MOST_POOLS = 20_000
_MOST_PUSHES = 1_000
_MOST_WITNESSES = 50
_MOST_GIVEN = 64
_BACK = 0.2
_POOLS = frozenset(("pool", "router"))
#: Confidence before it is calibrated on labelled data.
_BASE, _ONE_TRANSACTION, _BEYOND = 0.6, 0.2, 0.2


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on a pool's price sets."""

    #: Change of the pool's price.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=1_000)] = 0.1
    #: The same within one transaction, where somebody gives back more than he was given in it.
    minimum_move_at_once: Annotated[Ratio, Meta(gt=0, le=1_000)] = 0.005
    #: Blocks within which it must be back; 0 is the same block.
    maximum_blocks: Annotated[int, Meta(ge=0, le=1_000)] = 5
    #: Whole units of a token that are taken out.
    minimum_amount: Annotated[float, Meta(gt=0)] = 1_000.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("market_maker", "issuer", "treasury")


class Pool(Struct, array_like=True):
    """A pool's newest price."""

    price: float
    witness: Witness


class Push(Struct):
    """A pool's price as one signer moves it."""

    pool: str
    signer: str
    block: int
    before: float
    far: float
    """The price that is farthest from it so far."""
    swaps: list[Witness] = field(default_factory=list[Witness])
    transactions: dict[str, None] = field(default_factory=dict[str, None])
    taken: dict[str, float] = field(default_factory=dict[str, float])
    """Net, by token and by whom it came from."""
    given: dict[str, float] = field(default_factory=dict[str, float])
    """By a contract of the signer's: by token and by whom it went to."""
    contract: str = ""
    """Which called the pool for itself by the first swap. It need not be the one that was called by
    the transaction: where that makes a contract and runs it at once, none was."""
    instrument: str = ""
    venue: str = ""
    names: tuple[str, ...] = ()
    """Who signs, by other names."""
    last: str = ""
    """The newest transaction with a swap, and its block."""
    newest: int = 0
    after: float = 0.0
    """The price when it was back; the rest of the transaction may follow."""
    takings: list[Witness] = field(default_factory=list[Witness])


class State(Struct):
    """Pools' prices, and pushes that are not over, by chain, pool and signer."""

    pools: dict[tuple[int, str], Pool] = field(default_factory=dict[tuple[int, str], Pool])
    pushes: dict[tuple[int, str, str], Push] = field(
        default_factory=dict[tuple[int, str, str], Push]
    )


@correlator("pool_price_manipulation")
class PoolPriceManipulation(Correlator[State]):
    """See the module. Memory: 20,000 pools, and 1,000 pushes that are not over."""

    parameters_type = Parameters
    partition_by = "market"
    state_type = State
    typology = "oracle_deviation"
    needs = (frozenset({"pool-swap"}), frozenset({"token-transfer"}))
    actions = frozenset({"pool-swap", "token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Blocks of any chain come within a day."""
        return DAY

    def observe(self, event: PoolSwap | TokenTransfer) -> Iterable[Finding]:
        """Take a swap or a transfer."""
        if isinstance(event, PoolSwap):
            return self._swapped(event)
        return self._moved(event) if self.state.pushes else ()

    def _swapped(self, swap: PoolSwap) -> Iterable[Finding]:
        price, signer = swap.pool_price or swap.price, swap.transaction_from
        if price is None or not 0 < price < math.inf:
            return ()
        state, seen = self.state, witness(swap)
        pools, place = state.pools, (swap.chain_id, swap.pool)
        pool = pools.pop(place, None)
        pools[place] = Pool(price, seen)
        if len(pools) > _MOST_POOLS:
            drop_idlest(pools, _MOST_POOLS)
        if pool is None or signer is None:
            return ()
        key = (swap.chain_id, swap.pool, signer)
        push = state.pushes.get(key)
        name = swap.transaction_hash or ""
        if push is not None and (push.after or self._is_small(push)) and push.last != name:
            del state.pushes[key]
            push = None
        if push is not None and swap.block_number > push.block + self._p.maximum_blocks:
            del state.pushes[key]
            push = None
        if push is None:
            least = min(self._p.minimum_move, self._p.minimum_move_at_once) / 2
            if abs(price / pool.price - 1) < least or (
                is_exempt(swap.investor_labels, self._exempt)
            ):
                return ()
            self._forget(swap.chain_id, swap.block_number - self._p.maximum_blocks, name)
            push = Push(swap.pool, signer, swap.block_number, pool.price, price)
            push.instrument, push.venue = swap.instrument, swap.venue
            push.names = tuple(one for one in (swap.investor_id, swap.investor_cluster) if one)
            if swap.sender == swap.recipient:
                push.contract = swap.sender or ""
            state.pushes[key] = push
            if len(state.pushes) > _MOST_PUSHES:
                del state.pushes[next(iter(state.pushes))]
        if len(push.swaps) < _MOST_WITNESSES:
            push.swaps.append(seen)
        push.transactions[name] = None
        push.last, push.newest = name, swap.block_number
        move = abs(push.far / push.before - 1)
        if abs(price / push.before - 1) >= move:
            push.far, push.after = price, 0.0
            return ()
        if not _is_back(push, price):
            return ()
        if reaches(move, self._p.minimum_move):
            findings = self._back(push, price, given=False)
            if findings or len(push.transactions) > 1:
                del state.pushes[key]
                return findings
        elif len(push.transactions) > 1 or not reaches(move, self._p.minimum_move_at_once):
            return ()
        push.after = price
        return self._at_once(key, push)

    def _is_small(self, push: Push) -> bool:
        """Whether it counts within its transaction only."""
        return abs(push.far / push.before - 1) < self._p.minimum_move / 2

    def _forget(self, chain: int, oldest: int, name: str) -> None:
        """Pushes from before a block are over: else each transfer is held against all that were.
        So are those that count within another transaction only.
        """
        pushes = self.state.pushes
        over = [
            key
            for key, one in pushes.items()
            if key[0] == chain
            and (one.block < oldest or (one.last != name and (one.after or self._is_small(one))))
        ]
        for key in over:
            del pushes[key]

    def _moved(self, move: TokenTransfer) -> Iterable[Finding]:
        """Count what a signer, or a contract of its transaction, gets or gives back."""
        signer = move.transaction_from
        if signer is None or not move.amount:
            return ()
        findings: list[Finding] = []
        for key, push in list(self.state.pushes.items()):
            if key[2] != signer or key[0] != move.chain_id:
                continue
            if move.block_number > push.block + self._p.maximum_blocks:
                continue
            if (push.after or self._is_small(push)) and move.transaction_hash != push.last:
                continue
            if self._taken(push, signer, move) and push.after:
                findings += self._at_once(key, push)
        return findings

    def _taken(self, push: Push, signer: str, move: TokenTransfer) -> bool:
        """Count a transfer; whether somebody gave by it."""
        source, destination = move.source_address, move.destination_address
        if is_exempt(move.source_labels, _POOLS) or is_exempt(move.destination_labels, _POOLS):
            return False
        if push.pool in (source, destination) or source in (signer, destination):
            return False
        quantity = move.amount or 0.0
        token = move.token_symbol or move.token_id or move.contract or "tokens"
        back = f"{token} {destination}"
        if source in (move.transaction_to, push.contract) and destination != ZERO_ADDRESS:
            _count(push.given, back, quantity)  # also to whom something came from before
            return False
        if back in push.taken:  # to whom it came from
            push.taken[back] -= quantity
            return False
        if destination == ZERO_ADDRESS:
            return False
        _count(push.taken, f"{token} {source}", quantity)
        if len(push.takings) < _MOST_WITNESSES:
            push.takings.append(witness(move))
        return True

    def _at_once(self, key: tuple[int, str, str], push: Push) -> list[Finding]:
        findings = self._back(push, push.after, given=True)
        if findings:
            del self.state.pushes[key]
        return findings

    def _back(self, push: Push, price: float, *, given: bool) -> list[Finding]:
        """What it comes to; `given`: only from those to whom something was given."""
        taken: dict[str, float] = {}
        for name, quantity in push.taken.items():
            if given and name not in push.given:
                continue
            quantity -= push.given.get(name, 0.0)
            token = name.rpartition(" ")[0]
            taken[token] = max(0.0, quantity) + taken.get(token, 0.0)
        most = max(taken.values(), default=0.0)
        if most <= 0 or not reaches(most, self._p.minimum_amount):
            return []
        what = " and ".join(
            f"{amount(round(quantity, 8))} {token}"
            for token, quantity in taken.items()
            if quantity > 0
        )
        blocks = push.newest - push.block
        move = abs(push.far / push.before - 1)
        once = len(push.transactions) == 1
        when = (
            "within one transaction"
            if once
            else "within one block"
            if not blocks
            else f"within {blocks + 1} blocks"
        )
        confidence = _BASE + _ONE_TRANSACTION * once
        confidence += _BEYOND * max(0.0, min(1.0, (move / self._p.minimum_move - 1) / 4))
        witnesses = {one.id: one for one in (*push.swaps, *push.takings)}
        names = (push.signer, *push.names, push.instrument, push.pool)
        return [
            Finding(
                entities=tuple(dict.fromkeys(name for name in names if name)),
                reason=(
                    f"{push.signer} moved the price of {push.instrument} on {push.venue} from "
                    f"{amount(push.before)} to {amount(push.far)} and back to {amount(price)} "
                    f"{when}, and meanwhile took out {what}"
                ),
                witnesses=tuple(
                    sorted(witnesses.values(), key=lambda one: (one.timestamp, one.block or 0))
                ),
                confidence=min(1.0, confidence),
                metrics={
                    "move": push.far / push.before - 1,
                    "price_before": push.before,
                    "price_far": push.far,
                    "price_after": price,
                    "blocks": float(blocks + 1),
                    "transactions": float(len(push.transactions)),
                    "taken_out": most,
                },
            )
        ]


def _count(of: dict[str, float], name: str, quantity: float) -> None:
    """Add a quantity; where there are too many, what is least goes, so that crumbs hide nothing."""
    of[name] = of.get(name, 0.0) + quantity
    if len(of) > _MOST_GIVEN:
        del of[min(of, key=lambda one: abs(of[one]))]


def _is_back(push: Push, price: float) -> bool:
    """Whether a price is near that before: by the difference, or of a fall by the ratio."""
    if abs(price - push.before) <= _BACK * abs(push.far - push.before):
        return True
    if not 0 < push.far < push.before:
        return False
    return abs(math.log(price / push.before)) <= _BACK * math.log(push.before / push.far)
