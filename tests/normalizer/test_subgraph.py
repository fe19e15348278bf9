"""Entities of subgraphs: the same records, with the same numbers, as a node's logs become."""

from typing import Any

import msgspec
import pytest

from normalizer.events import ChainReorganised
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap
from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from pipeline.chain_notices import BlockPlace, ReorganisationNotice
from pipeline.frames import Frame, FrameBatch
from pipeline.subgraph_payload import Schema, SubgraphBlock, SubgraphPayload, encode_subgraph
from tests.normalizer import blocks as b

SWAP = (
    "Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, "
    "uint160 sqrtPriceX96, uint128 liquidity, int24 tick)"
)
PRICE = 79228162514264337593543950336
AMOUNT0, AMOUNT1 = -1_500_000_000_000_000_001, 150_250_000
NEWEST = SubgraphBlock(16, b.BLOCK_HASH, b.SECONDS)


def entity(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{b.transaction_hash(number)}#{number}",
        "transaction": {"id": b.transaction_hash(number), "blockNumber": "16"},
        "timestamp": str(b.SECONDS),
        "pool": {"id": b.POOL},
        "token0": {"id": b.TOKEN, "decimals": "18"},
        "token1": {"id": b.QUOTE, "decimals": "6"},
        "origin": b.ALICE,
        "amount0": "-1.500000000000000001",
        "amount1": "150.25",
        "logIndex": str(number),
        **more,
    }


def swap(number: int = 1, **more: Any) -> dict[str, Any]:
    told = {"sender": b.CAROL, "recipient": b.ALICE, "sqrtPriceX96": str(PRICE), "tick": "-276325"}
    return entity(number, **told, **more)


def exchange(number: int = 1, **more: Any) -> dict[str, Any]:
    """A swap as Curve's subgraph of Messari has it: Alice buys 2 tokens for 200.5."""
    return {
        "id": f"swap-{b.transaction_hash(number)}-{number}",
        "hash": b.transaction_hash(number),
        "logIndex": number,
        "blockNumber": "16",
        "timestamp": str(b.SECONDS),
        "from": b.ALICE,
        "to": b.BOB,
        "pool": {"id": b.POOL},
        "tokenIn": {"id": b.QUOTE, "decimals": 6},
        "amountIn": "200500000",
        "tokenOut": {"id": b.TOKEN, "decimals": 18},
        "amountOut": str(2 * 10**18),
        **more,
    }


def normalized(
    entities: dict[str, list[dict[str, Any]]],
    schema: Schema = "uniswap-v3",
    *,
    after: int = 10,
    block: SubgraphBlock = NEWEST,
    reference: Reference = b.REFERENCE,
) -> Normalized:
    payload = SubgraphPayload(
        chain_id=b.CHAIN,
        network="anvil",
        schema=schema,
        deployment="Qm",
        after=after,
        block=block,
        entities={
            kind: [msgspec.Raw(msgspec.json.encode(one)) for one in some]
            for kind, some in entities.items()
        },
    )
    frame = Frame("16:-:-", b.RECEIVED, encode_subgraph(payload))
    return Normalizer(reference).normalize(7, FrameBatch("graph", "subgraph", [frame]))


def one(result: Normalized) -> Any:
    assert not result.dead, result.dead
    (event,) = result.events
    return event


def test_a_swap_is_the_record_that_the_nodes_log_becomes() -> None:
    """But for the source, the id, and what the entity doesn't have."""
    log = b.log(
        SWAP, b.CAROL, b.ALICE, AMOUNT0, AMOUNT1, PRICE, 7, -276325, address=b.POOL, index=1
    )
    node = b.only(b.normalize(b.frame(log)))
    graph = one(normalized({"swaps": [swap()]}))
    assert isinstance(graph, PoolSwap)
    differ = {
        name for name in PoolSwap.__struct_fields__ if getattr(node, name) != getattr(graph, name)
    }
    assert differ == {
        *("id", "provider", "dataset", "related_hash", "liquidity"),
        *("transaction_index", "transaction_to"),
    }
    assert (graph.amount0_raw, graph.side, graph.price) == (str(AMOUNT0), "buy", node.price)
    assert graph.id == f"{b.CHAIN}:subgraph:{b.transaction_hash(1)}:1"
    assert graph.investor_id == "INV-0001"


def test_the_hash_is_that_of_the_newest_block_and_unknown_of_others() -> None:
    older = swap(transaction={"id": b.transaction_hash(1), "blockNumber": "15"})
    assert one(normalized({"swaps": [older]})).block_hash is None
    assert one(normalized({"swaps": [swap()]}, block=SubgraphBlock(16))).block_hash is None
    assert one(normalized({"swaps": [swap()]})).block_hash == b.BLOCK_HASH


def test_liquidity_comes_and_goes() -> None:
    told = {"owner": b.BOB, "amount": "9000", "tickLower": "-60", "tickUpper": "60"}
    amounts = {"amount0": "1", "amount1": "2.5"}
    result = normalized(
        {
            "mints": [entity(1, sender=b.CAROL, **told, **amounts)],
            "burns": [entity(2, **told, **amounts)],
        }
    )
    assert not result.dead, result.dead
    added, removed = result.events
    assert isinstance(added, LiquidityAdded)
    assert isinstance(removed, LiquidityRemoved)
    assert (added.amount0_raw, added.amount1_raw) == (str(10**18), "2500000")
    assert (removed.amount0_raw, removed.quote_quantity) == (str(-(10**18)), 2.5)
    assert (added.owner, added.tick_lower, added.liquidity) == (b.BOB, -60, "9000")
    assert added.investor_address == b.ALICE


def test_events_are_in_the_order_of_the_chain_whatever_the_ids() -> None:
    first = swap(9, logIndex="1", transaction={"id": b.transaction_hash(9), "blockNumber": "12"})
    last = swap(1, logIndex="5")
    between = swap(5, logIndex="2")
    result = normalized({"swaps": [last, between, first]})
    assert [event.log_index for event in result.events] == [1, 2, 5]  # type: ignore[union-attr]


def test_an_exchange_of_curve_by_the_standardised_schema() -> None:
    event = one(normalized({"swaps": [exchange()]}, "messari-dex"))
    assert isinstance(event, PoolSwap)
    assert (event.side, event.price, event.quantity) == ("buy", 100.25, 2.0)
    assert (event.amount0_raw, event.amount1_raw) == (str(-2 * 10**18), "200500000")
    assert (event.investor_address, event.recipient) == (b.ALICE, b.BOB)
    assert (event.sqrt_price_x96, event.tick, event.pool_price) == (None, None, None)


def test_a_pool_that_the_reference_does_not_have_still_has_amounts() -> None:
    event = one(normalized({"swaps": [exchange()]}, "messari-dex", reference=Reference()))
    assert (event.venue, event.instrument, event.token_id) == ("curve", b.POOL, None)
    assert event.amount0_raw == str(-2 * 10**18)


def test_what_changed_once_more_is_not_told_again() -> None:
    result = normalized({"swaps": [swap()]}, after=16, block=SubgraphBlock(20))
    assert result.events == []
    assert result.ignored == {"restated-entity": 1}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount0": "0.0000000000000000001"}, "amount0"),
        ({"amount0": "much"}, "amount0"),
        ({"amount0": "NaN"}, "amount0"),
        ({"amount0": "1" * 90}, "amount0"),
        ({"token0": {"id": b.TOKEN, "decimals": "78"}}, "amount0"),
        ({"logIndex": None}, "logIndex"),
        ({"tick": "x"}, "tick"),
        ({"origin": "0x12"}, "origin"),
        ({"transaction": {"id": "0x1", "blockNumber": "16"}}, "transaction.id"),
        ({"transaction": {"id": b.transaction_hash(1), "blockNumber": "17"}}, "blockNumber"),
        ({"timestamp": "99999999999"}, "timestamp"),
        ({"pool": None}, "pool"),
    ],
)
def test_an_entity_that_can_not_be_read_spoils_no_other(change: dict[str, Any], field: str) -> None:
    result = normalized({"swaps": [swap(2) | change, swap(3)]})
    (letter,) = result.dead
    assert letter.field == f"entities.swaps[0].{field}"
    assert len(result.events) == 1
    # The letter decodes again by itself, to the same complaint.
    again = Frame(letter.position, letter.received, letter.payload)
    batch = FrameBatch("graph", "subgraph", [again])
    (same,) = Normalizer(b.REFERENCE).normalize(1, batch).dead
    assert same.reason == letter.reason


def test_tokens_that_are_not_the_pools_are_refused() -> None:
    strange = exchange(tokenIn={"id": b.CAROL, "decimals": 6})
    (letter,) = normalized({"swaps": [strange]}, "messari-dex").dead
    assert letter.reason == "are not the pool's tokens in the reference data"


def test_a_fork_is_told_as_of_a_node() -> None:
    told = ReorganisationNotice(
        chain_id=b.CHAIN,
        network="anvil",
        common=BlockPlace(10, b.PARENT_HASH),
        depth_known=True,
        orphaned=[],
        old=BlockPlace(16, b.BLOCK_HASH),
        new=BlockPlace(17, "0x" + "b2" * 32),
        timestamp=b.SECONDS,
    )
    frame = Frame("10:x:y", b.RECEIVED, msgspec.json.encode(told), kind="reorganisation")
    batch = FrameBatch("graph", "subgraph", [frame])
    event = one(Normalizer(b.REFERENCE).normalize(1, batch))
    assert isinstance(event, ChainReorganised)
    assert (event.provider, event.common_number, event.depth) == ("graph", 10, 6)
