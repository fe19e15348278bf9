"""Frames of subgraphs to the events of pools: swaps, and liquidity that comes and goes.

They are the records that a node's logs become, of the same amounts: a subgraph gives token amounts
as decimal numbers of whole tokens, which are exact, or in smallest units. Their ids are of the
transaction and the log's place alone, since a subgraph doesn't tell the hash of a log's block: two
sources of subgraphs give one id, a node gives another. So a pool is read by one of the two kinds.
"""

from collections.abc import Callable
from decimal import Context, Decimal, DecimalException

import msgspec
from msgspec import Raw, Struct

from normalizer.decoders import evm_pools as pools
from normalizer.decoders.collected import Normalized
from normalizer.decoders.evm_notices import reorganised
from normalizer.decoders.evm_scope import BlockScope, Call, LogScope
from normalizer.decoders.evm_wire import address, hash32
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments
from normalizer.decoders.times import plausible
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.enrichment import Enrichment
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap
from pipeline.frames import DeadLetter, Frame
from pipeline.subgraph_payload import SubgraphPayload, encode_subgraph

PoolRecord = PoolSwap | LiquidityAdded | LiquidityRemoved

_SECOND = 10**9
_LARGEST = (1 << 63) - 1
_LARGEST_AMOUNT = 1 << 256
#: A uint256 of a token with 77 decimals has no more digits than this.
_digits = Context(prec=160)
_payload = msgspec.json.Decoder(SubgraphPayload)


class _Name(Struct):
    id: str


class _Token(Struct):
    id: str
    decimals: int | str


class _Transaction(Struct, rename="camel"):
    id: str
    block_number: int | str


class _Uniswap(Struct, rename="camel", kw_only=True):
    """What swaps, mints and burns have in common. Numbers are texts where they are BigInt."""

    id: str
    timestamp: int | str
    transaction: _Transaction
    pool: _Name
    token0: _Token
    token1: _Token
    origin: str
    amount0: str
    amount1: str
    log_index: int | str | None = None


class _Swap(_Uniswap, rename="camel", kw_only=True):
    sender: str
    recipient: str
    sqrt_price: int | str = msgspec.field(name="sqrtPriceX96")
    tick: int | str


class _Liquidity(_Uniswap, rename="camel", kw_only=True):
    amount: int | str
    tick_lower: int | str
    tick_upper: int | str
    owner: str | None = None
    sender: str | None = None


class _Exchange(Struct, rename="camel", kw_only=True):
    """A swap of the standardised schema."""

    id: str
    hash: str
    log_index: int | str
    block_number: int | str
    timestamp: int | str
    sender: str = msgspec.field(name="from")
    to: str
    pool: _Name
    token_in: _Token
    amount_in: int | str
    token_out: _Token
    amount_out: int | str


class _Place(Struct):
    """Where an entity belongs."""

    number: int
    hash: str
    log_index: int
    timestamp: int
    pool: str
    trader: str


class SubgraphDecoder:
    """Decodes the frames of one source. Without state."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._enrichment = enrichment
        self._gaps = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add the stretch's events, in the chain's order. Raises :class:`Unreadable`.

        An entity that does not fit becomes a dead letter of its own; the rest goes on.
        """
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._gaps))
            return
        if frame.kind == "reorganisation":
            out.events.append(reorganised(frame, original, self._source))
            return
        try:
            payload = _payload.decode(frame.payload)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None
        if not 0 <= payload.chain_id <= _LARGEST:
            raise Unreadable("is out of bounds", "chain_id")
        found: list[tuple[tuple[int, int], PoolRecord]] = []
        for kind, entities in payload.entities.items():
            build = _BUILDERS.get((payload.schema, kind))
            if build is None:
                raise Unreadable(f"{kind[:40]!r} is no entity of this schema", "entities")
            for number, raw in enumerate(entities):
                stretch = _Stretch(payload, frame, original, self._source, self._enrichment)
                try:
                    event = build(stretch, raw)
                except (msgspec.MsgspecError, RecursionError) as error:
                    why = unreadable(error)
                    out.dead.append(_letter(stretch, kind, number, raw, why))
                except Unreadable as why:
                    out.dead.append(_letter(stretch, kind, number, raw, why))
                else:
                    if event is None:
                        # Changed once more since it was told; what happened is the same.
                        out.ignore("restated-entity")
                    else:
                        found.append(((event.block_number, event.log_index or 0), event))
        found.sort(key=_by_place)
        out.events.extend([event for _, event in found])


class _Stretch:
    """What the entities of one frame have in common."""

    def __init__(
        self,
        payload: SubgraphPayload,
        frame: Frame,
        original: str,
        source: str,
        enrichment: Enrichment,
    ) -> None:
        self.payload = payload
        self.frame = frame
        self.original = original
        self.source = source
        self._enrichment = enrichment

    def scope(self, place: _Place) -> LogScope | None:
        """The scope of an entity; None for one of an earlier stretch. Raises Unreadable."""
        payload = self.payload
        if place.number <= payload.after:
            return None
        if place.number > payload.block.number:
            raise Unreadable("is above the block that was read", "blockNumber")
        time = place.timestamp * _SECOND
        plausible(time, self.frame.received, "timestamp")
        block = BlockScope(self._enrichment, payload.chain_id, "", time)
        block.prefix = f"{payload.chain_id}:subgraph:"
        newest = payload.block
        same = newest.hash is not None and newest.number == place.number
        block_hash = hash32(newest.hash, "block.hash") if same and newest.hash else None
        block.fields = {
            "timestamp": time,
            "ingested": self.frame.received,
            "original": self.original,
            "provider": self.source,
            "dataset": "tapewatch.subgraph",
            "chain_id": payload.chain_id,
            "network": payload.network[:128],
            "block_number": place.number,
            "block_hash": block_hash,
            "finality": "latest",
        }
        call = Call(place.hash, sender=place.trader, related=(place.hash,))
        return LogScope(block, call, place.pool, place.log_index)


def _uniswap_swap(stretch: _Stretch, raw: Raw) -> PoolRecord | None:
    entity = msgspec.json.decode(raw, type=_Swap)
    scope = stretch.scope(_place(entity))
    if scope is None:
        return None
    amount0, amount1 = _amounts(entity)
    sender, recipient = address(entity.sender, "sender"), address(entity.recipient, "recipient")
    price = _whole(entity.sqrt_price, "sqrtPriceX96")
    tick = _signed(entity.tick, "tick")
    event = pools.swap(scope, (sender, recipient, amount0, amount1, price, 0, tick))
    event.liquidity = None  # the entity doesn't have it
    return event


def _uniswap_mint(stretch: _Stretch, raw: Raw) -> PoolRecord | None:
    entity = msgspec.json.decode(raw, type=_Liquidity)
    scope = stretch.scope(_place(entity))
    if scope is None:
        return None
    sender = address(entity.sender or entity.origin, "sender")
    return pools.mint(scope, (sender, *_position(entity), *_amounts(entity)))


def _uniswap_burn(stretch: _Stretch, raw: Raw) -> PoolRecord | None:
    entity = msgspec.json.decode(raw, type=_Liquidity)
    scope = stretch.scope(_place(entity))
    if scope is None:
        return None
    return pools.burn(scope, (*_position(entity), *_amounts(entity)))


def _exchange(stretch: _Stretch, raw: Raw) -> PoolRecord | None:
    entity = msgspec.json.decode(raw, type=_Exchange)
    trader = address(entity.sender, "from")
    scope = stretch.scope(
        _Place(
            _whole(entity.block_number, "blockNumber"),
            hash32(entity.hash, "hash"),
            _whole(entity.log_index, "logIndex"),
            _whole(entity.timestamp, "timestamp"),
            address(entity.pool.id, "pool.id"),
            trader,
        )
    )
    if scope is None:
        return None
    pool = scope.block.chain.pools.get(scope.contract)
    given, received = (
        address(entity.token_in.id, "tokenIn"),
        address(entity.token_out.id, "tokenOut"),
    )
    amount_in = _amount(entity.amount_in, "amountIn")
    amount_out = -_amount(entity.amount_out, "amountOut")
    # Of a pool that the reference data doesn't have, nobody knows which token is its first.
    first = min(given, received) if pool is None else pool.token0
    if pool is not None and {given, received} != {pool.token0, pool.token1}:
        raise Unreadable("are not the pool's tokens in the reference data", "tokenIn")
    amount0, amount1 = (amount_in, amount_out) if given == first else (amount_out, amount_in)
    receiver = address(entity.to, "to")
    return PoolSwap(
        **scope.about(trader, receiver),
        **pools.pool_place(scope, "curve"),
        **pools.swap_terms(pool, amount0, amount1),
        amount0_raw=str(amount0),
        amount1_raw=str(amount1),
        recipient=receiver,
    )


_BUILDERS: dict[tuple[str, str], Callable[[_Stretch, Raw], PoolRecord | None]] = {
    ("uniswap-v3", "swaps"): _uniswap_swap,
    ("uniswap-v3", "mints"): _uniswap_mint,
    ("uniswap-v3", "burns"): _uniswap_burn,
    ("messari-dex", "swaps"): _exchange,
}


def _place(entity: _Uniswap) -> _Place:
    if entity.log_index is None:
        raise Unreadable("is missing: without it nothing tells it from others", "logIndex")
    return _Place(
        _whole(entity.transaction.block_number, "transaction.blockNumber"),
        hash32(entity.transaction.id, "transaction.id"),
        _whole(entity.log_index, "logIndex"),
        _whole(entity.timestamp, "timestamp"),
        address(entity.pool.id, "pool.id"),
        address(entity.origin, "origin"),
    )


def _position(entity: _Liquidity) -> tuple[str, int, int, int]:
    return (
        address(entity.owner or entity.origin, "owner"),
        _signed(entity.tick_lower, "tickLower"),
        _signed(entity.tick_upper, "tickUpper"),
        _amount(entity.amount, "amount"),
    )


def _amounts(entity: _Uniswap) -> tuple[int, int]:
    return (
        _exact(entity.amount0, entity.token0, "amount0"),
        _exact(entity.amount1, entity.token1, "amount1"),
    )


def _exact(text: str, token: _Token, name: str) -> int:
    """Whole tokens as a decimal number, in smallest units. Raises Unreadable where not exact."""
    decimals = _whole(token.decimals, f"{name}: decimals")
    if decimals > 77 or len(text) > 160:
        raise Unreadable("is no amount of this token", name)
    try:
        amount = Decimal(text).scaleb(decimals, _digits)
        number = int(amount)
        exact = number == amount
    except (DecimalException, ValueError, OverflowError):
        raise Unreadable(f"{text[:40]!r} is no decimal number", name) from None
    if not exact or abs(number) >= _LARGEST_AMOUNT:
        raise Unreadable(f"{text[:80]!r} is no whole number of smallest units", name)
    return number


def _integer(value: int | str, name: str) -> int:
    try:
        if isinstance(value, str) and len(value) > 80:
            raise ValueError
        return int(value)
    except ValueError:
        raise Unreadable(f"{str(value)[:40]!r} is no whole number", name) from None


def _signed(value: int | str, name: str) -> int:
    number = _integer(value, name)
    if not -_LARGEST <= number <= _LARGEST:
        raise Unreadable("is out of bounds", name)
    return number


def _whole(value: int | str, name: str) -> int:
    number = _integer(value, name)
    bound = _LARGEST_AMOUNT if name == "sqrtPriceX96" else _LARGEST
    if not 0 <= number <= bound:
        raise Unreadable("is out of bounds", name)
    return number


def _amount(value: int | str, name: str) -> int:
    number = _integer(value, name)
    if not 0 <= number < _LARGEST_AMOUNT:
        raise Unreadable("is out of bounds", name)
    return number


def _letter(stretch: _Stretch, kind: str, number: int, raw: Raw, why: Unreadable) -> DeadLetter:
    """A dead letter with that entity alone: it decodes again by itself once the reason is gone."""
    frame = stretch.frame
    alone = msgspec.structs.replace(stretch.payload, entities={kind: [raw]})
    return DeadLetter(
        stage="normalizer",
        source=stretch.source,
        protocol="subgraph",
        position=frame.position,
        received=frame.received,
        reason=why.reason,
        field=f"entities.{kind}[{number}]" + (f".{why.field}" if why.field else ""),
        original=stretch.original,
        context=frame.context,
        payload=encode_subgraph(alone),
    )


def _by_place(pair: tuple[tuple[int, int], PoolRecord]) -> tuple[int, int]:
    return pair[0]
