"""The queries, by schema.

Source: https://thegraph.com/docs/en/subgraphs/querying/graphql-api/ for `_meta`, the argument
`block`, and the filters `id_gt` and `_change_block`; Uniswap/v3-subgraph and messari/subgraphs
(`schema-dex-amm.graphql`) for the entities.
"""

from collections.abc import Mapping

from pipeline.subgraph_payload import Schema

HEAD = "{ _meta { deployment hasIndexingErrors block { number hash timestamp } } }"

#: Fails where the block is not of the chain that the subgraph follows. That its height has been
#: reached is asked with it: several indexers may serve one gateway, and one that is behind doesn't
#: know the newest hash either.
KNOWS = """
query($hash: Bytes, $number: Int) {
  reached: _meta(block: {number: $number}) { block { number } }
  known: _meta(block: {hash: $hash}) { block { number } }
}
"""

_PAGE = """
query($pools: [String!], $after: ID, $from: Int!, $block: Block_height, $first: Int!) {{
  {name}(
    first: $first
    orderBy: id
    orderDirection: asc
    block: $block
    where: {{pool_in: $pools, id_gt: $after, _change_block: {{number_gte: $from}}}}
  ) {{
    {fields}
  }}
}}
"""
_UNISWAP = """
    id
    timestamp
    logIndex
    transaction { id blockNumber }
    pool { id }
    token0 { id decimals }
    token1 { id decimals }
    origin
    amount0
    amount1
"""
_FIELDS: Mapping[Schema, Mapping[str, str]] = {
    "uniswap-v3": {
        "swaps": _UNISWAP + "    sender recipient sqrtPriceX96 tick",
        "mints": _UNISWAP + "    sender owner amount tickLower tickUpper",
        "burns": _UNISWAP + "    owner amount tickLower tickUpper",
    },
    "messari-dex": {
        "swaps": """
    id
    hash
    logIndex
    blockNumber
    timestamp
    from
    to
    pool { id }
    tokenIn { id decimals }
    amountIn
    tokenOut { id decimals }
    amountOut
"""
    },
}


def pages(schema: Schema) -> Mapping[str, str]:
    """The query for a page of each kind of entity."""
    return {
        name: _PAGE.format(name=name, fields=fields.strip())
        for name, fields in _FIELDS[schema].items()
    }
