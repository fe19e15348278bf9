"""A subgraph on a loopback port, as strict as graph-node is by its documentation.

graphql-core validates and executes; behind it are entities that change from block to block, and a
chain that can be reorganised. It is test code, and no graph-node: that needs IPFS, PostgreSQL and a
chain of its own. Source: https://thegraph.com/docs/en/subgraphs/querying/graphql-api/ (arguments,
filters, time travel, `_meta`), the descriptions in graph-node's own introspection, its texts of
errors; Uniswap/v3-subgraph and messari/subgraphs for the entities.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import GraphQLError, build_schema, graphql_sync  # pyright: ignore[reportUnknownVariableType]
from graphql.type import GraphQLSchema
from msgspec import Struct

from tests.servers.loopback_http import HttpRequest, HttpResponse, LoopbackHttpServer

MOST_FIRST = 1_000
DEPLOYMENT = "QmTapewatchTestDeployment"

_COMMON = """
scalar BigInt
scalar BigDecimal
scalar Bytes
enum OrderDirection { asc desc }
input Block_height { hash: Bytes number: Int number_gte: Int }
input BlockChangedFilter { number_gte: Int! }
type _Block_ { hash: Bytes number: Int! timestamp: Int parentHash: Bytes }
type _Meta_ { block: _Block_! deployment: String! hasIndexingErrors: Boolean! }
type Pool { id: ID! }
type LiquidityPool { id: ID! }
"""
_UNISWAP = """
type Transaction { id: ID! blockNumber: BigInt! timestamp: BigInt! }
type Token { id: ID! symbol: String! decimals: BigInt! }
type Swap {
  id: ID! transaction: Transaction! timestamp: BigInt! pool: Pool! token0: Token! token1: Token!
  sender: Bytes! recipient: Bytes! origin: Bytes! amount0: BigDecimal! amount1: BigDecimal!
  amountUSD: BigDecimal! sqrtPriceX96: BigInt! tick: BigInt! logIndex: BigInt
}
type Mint {
  id: ID! transaction: Transaction! timestamp: BigInt! pool: Pool! token0: Token! token1: Token!
  owner: Bytes! sender: Bytes origin: Bytes! amount: BigInt! amount0: BigDecimal!
  amount1: BigDecimal! amountUSD: BigDecimal tickLower: BigInt! tickUpper: BigInt! logIndex: BigInt
}
type Burn {
  id: ID! transaction: Transaction! timestamp: BigInt! pool: Pool! token0: Token! token1: Token!
  owner: Bytes origin: Bytes! amount: BigInt! amount0: BigDecimal! amount1: BigDecimal!
  amountUSD: BigDecimal tickLower: BigInt! tickUpper: BigInt! logIndex: BigInt
}
"""
_MESSARI = """
type Token { id: ID! symbol: String! decimals: Int! }
type Swap {
  id: ID! hash: String! logIndex: Int! to: String! from: String! blockNumber: BigInt!
  timestamp: BigInt! tokenIn: Token! amountIn: BigInt! amountInUSD: BigDecimal! tokenOut: Token!
  amountOut: BigInt! amountOutUSD: BigDecimal! pool: LiquidityPool!
}
"""
_KINDS: Mapping[str, Mapping[str, str]] = {
    "uniswap-v3": {"swaps": "Swap", "mints": "Mint", "burns": "Burn"},
    "messari-dex": {"swaps": "Swap"},
}


class Block(Struct, frozen=True):
    """A block of the chain that the subgraph follows."""

    number: int
    hash: str
    timestamp: int


class _Stored(Struct):
    """A version of an entity, from a block on."""

    kind: str
    entity: dict[str, Any]
    since: int


class SubgraphServer:
    """Serves `schema` at `url` until closed. Use as a context manager.

    - `key`: without it as a bearer token a request is refused with 401;
    - `busy`: so many requests are answered with 429 first;
    - `broken`: so many answers are a page of HTML instead;
    - `failed`: it met errors while it indexed, and says so;
    - `behind`: it serves as if it had not seen the newest so many blocks.
    """

    def __init__(self, schema: str = "uniswap-v3") -> None:
        self.key: str | None = None
        self.busy = self.broken = self.behind = 0
        self.failed = False
        self.deployment = DEPLOYMENT
        self.asked: Counter[str] = Counter()
        self.refused: list[str] = []
        self.blocks: list[Block] = []
        self._stored: list[_Stored] = []
        self._forks = 0
        self._kinds = _KINDS[schema]
        self._schema = _executable(schema)
        self._server = LoopbackHttpServer(self._answer)

    @property
    def url(self) -> str:
        return f"{self._server.url}/subgraphs/id/{DEPLOYMENT}"

    def __enter__(self) -> "SubgraphServer":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def extend(self, number: int | None = None) -> Block:
        """A block more; its number, if it isn't the next."""
        at = (self.head.number + 1 if self.blocks else 1) if number is None else number
        block = Block(at, f"0x{self._forks:04x}{at:060x}", 1_700_000_000 + 12 * at)
        self.blocks.append(block)
        return block

    def put(self, kind: str, entity: dict[str, Any], block: int | None = None) -> None:
        """Store an entity, or another version of it, as of the newest block."""
        self._stored.append(_Stored(kind, entity, self.head.number if block is None else block))

    def reorganise(self, depth: int) -> None:
        """The newest `depth` blocks and what came with them never were; new ones come instead."""
        self._forks += 1
        common = self.blocks[-depth - 1].number
        self.blocks = self.blocks[:-depth]
        self._stored = [one for one in self._stored if one.since <= common]
        for _ in range(depth):
            self.extend()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or not request.path.endswith(DEPLOYMENT):
            return _json(404, {"message": "Not Found"})
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _json(415, {"message": "expected application/json"})
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return _json(401, {"message": "auth error: missing API key"})
        if self.busy > 0:
            self.busy -= 1
            return HttpResponse(status=429, headers={"Retry-After": "0"})
        if self.broken > 0:
            self.broken -= 1
            return HttpResponse(status=200, body=b"<html>a gateway's page</html>")
        body = msgspec.json.decode(request.body, type=dict[str, Any])
        unknown = set(body) - {"query", "variables", "operationName"}
        if unknown:
            return _json(400, {"message": f"unknown members: {', '.join(sorted(unknown))}"})
        result = graphql_sync(
            self._schema,
            body["query"],
            root_value=_Root(self),
            variable_values=body.get("variables"),
        )
        answer: dict[str, Any] = {}
        if result.errors:
            said = [error.message for error in result.errors]
            self.refused += said
            # As graph-node does it: errors are in a body of status 200, and data is left out.
            answer["errors"] = [{"message": one} for one in said]
        else:
            answer["data"] = result.data
        return _json(200, answer)

    # What the resolvers ask.

    def visible(self) -> list[Block]:
        return self.blocks[: len(self.blocks) - self.behind]

    def block_at(self, wanted: Mapping[str, Any] | None) -> tuple[Block, bool]:
        """The block that a query is at, and whether it was asked for by number."""
        blocks = self.visible()
        head = blocks[-1]
        if not wanted:
            return head, False
        if len(wanted) != 1:
            raise GraphQLError("Invalid value provided for argument `block`: only one of them")
        if "hash" in wanted:
            found = [one for one in blocks if one.hash == wanted["hash"]]
            if not found:
                raise GraphQLError(
                    "Failed to decode `block.hash` value: `no block with that hash found`"
                )
            return found[0], False
        number = wanted.get("number", wanted.get("number_gte"))
        if number > head.number:
            raise GraphQLError(
                f"Failed to decode `block.number` value: `subgraph {self.deployment} has only "
                f"indexed up to block number {head.number} and data for block number {number} is "
                "therefore not yet available`"
            )
        if "number_gte" in wanted:
            return head, False
        return Block(number, "", 0), True

    def select(self, kind: str, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.asked[kind] += 1
        first, skip = args.get("first", 100), args.get("skip", 0)
        if not 1 <= first <= MOST_FIRST:
            raise GraphQLError(
                f"The value of the `first` argument must be between 1 and {MOST_FIRST}, "
                f"but is {first}"
            )
        if skip > 5_000:
            raise GraphQLError("The value of the `skip` argument must be between 0 and 5000")
        at, _ = self.block_at(args.get("block"))
        newest: dict[str, _Stored] = {}
        for one in self._stored:
            if one.kind == kind and one.since <= at.number:
                newest[one.entity["id"]] = one
        where: Mapping[str, Any] = args.get("where") or {}
        chosen = [one for one in newest.values() if _matches(one, where)]
        if args.get("orderBy", "id") != "id":
            raise GraphQLError("only orderBy: id is served here")
        chosen.sort(key=_id, reverse=args.get("orderDirection") == "desc")
        return [one.entity for one in chosen[skip : skip + first]]


class _Root:
    """The root of a query: graphql-core calls a member by the field's name."""

    def __init__(self, server: SubgraphServer) -> None:
        self._server = server

    def swaps(self, info: object, **args: Any) -> list[dict[str, Any]]:
        return self._server.select("swaps", args)

    def mints(self, info: object, **args: Any) -> list[dict[str, Any]]:
        return self._server.select("mints", args)

    def burns(self, info: object, **args: Any) -> list[dict[str, Any]]:
        return self._server.select("burns", args)

    def _meta(self, info: object, block: Mapping[str, Any] | None = None) -> dict[str, Any]:
        server = self._server
        server.asked["_meta"] += 1
        at, by_number = server.block_at(block)
        told: dict[str, Any] = {"number": at.number, "hash": None, "timestamp": None}
        if not by_number:
            told |= {"hash": at.hash, "timestamp": at.timestamp}
        return {
            "block": told,
            "deployment": server.deployment,
            "hasIndexingErrors": server.failed,
        }


def _matches(stored: _Stored, where: Mapping[str, Any]) -> bool:
    entity = stored.entity
    for name, wanted in where.items():
        if name == "id_gt":
            if entity["id"] <= wanted:
                return False
        elif name == "pool_in":
            if entity["pool"]["id"] not in wanted:
                return False
        elif name == "_change_block" and stored.since < wanted["number_gte"]:
            return False
    return True


def _id(stored: _Stored) -> str:
    return str(stored.entity["id"])


def _executable(schema: str) -> GraphQLSchema:
    types = _COMMON + (_UNISWAP if schema == "uniswap-v3" else _MESSARI)
    queries = ["_meta(block: Block_height): _Meta_"]
    for name, kind in _KINDS[schema].items():
        types += (
            f"enum {kind}_orderBy {{ id timestamp }}\n"
            f"input {kind}_filter {{ id_gt: ID pool_in: [String!] "
            "_change_block: BlockChangedFilter }\n"
        )
        queries.append(
            f"{name}(skip: Int = 0, first: Int = 100, orderBy: {kind}_orderBy, "
            f"orderDirection: OrderDirection, where: {kind}_filter, block: Block_height): "
            f"[{kind}!]!"
        )
    return build_schema(types + "type Query {\n" + "\n".join(queries) + "\n}")


def _json(status: int, body: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(
        status=status,
        body=msgspec.json.encode(body),
        headers={"Content-Type": "application/json"},
    )
