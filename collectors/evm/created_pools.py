"""Which pools there are, by what exported tables tell of their beginning.

The factories of Uniswap v2 (`PairCreated`), of v3 (`PoolCreated`) and of their copies say which two
assets a new pool has, and v4's PoolManager does (`Initialize`). A list of pools, a table with the
columns `pool` or `pair`, `token0` and `token1`, says the same.
"""

import re
from collections.abc import Iterable, Iterator

from eth_hash.auto import keccak
from msgspec import Struct

from collectors.evm.exported_cells import Row, topics_of
from collectors.evm.exported_json import NoRow
from collectors.evm.exported_rows import UNREADABLE, Report, Table, rows, tell_unreadable


class CreatedPool(Struct, frozen=True):
    """A pool and its assets; addresses in lower case."""

    protocol: str
    address: str
    """Of Uniswap v4 the PoolManager's."""
    token0: str
    token1: str
    pool_id: str | None = None


def _topic(event: str) -> str:
    return "0x" + keccak(event.encode()).hex()


_PAIR = _topic("PairCreated(address,address,address,uint256)")
#: Of Velodrome and Aerodrome: the third topic says whether it is a stable pool.
_SOLIDLY = _topic("PoolCreated(address,address,bool,address,uint256)")
_POOL = _topic("PoolCreated(address,address,uint24,int24,address)")
_INITIALIZE = _topic("Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)")
#: Digits of a word and of the address at its end.
_WORD = 64
_ADDRESS = 40
_IS_WORD = re.compile(r"0x[0-9a-f]{64}")
_IS_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


def created_pools(tables: Iterable[Table], report: Report) -> Iterator[CreatedPool]:
    """The pools in the order of the rows, each once. What can't be read is told."""
    seen: set[tuple[str, str | None]] = set()
    for table in tables:
        if not table.kinds & {"log", "pool", "unreadable"}:
            continue
        number = 0
        try:
            for number, kind, row in rows(table):
                try:
                    if isinstance(row, NoRow):
                        raise ValueError(row)
                    pool = _listed(row) if kind == "pool" else _created(row)
                    if pool is not None and pool.token0 == pool.token1:
                        raise ValueError(f"{pool.token0} is both token0 and token1")
                except ValueError as error:
                    report(table.path, number, str(error))
                    continue
                if pool is not None and (key := (pool.address, pool.pool_id)) not in seen:
                    seen.add(key)
                    yield pool
        except UNREADABLE as error:
            tell_unreadable(report, table.path, number, error)


def _listed(row: Row) -> CreatedPool:
    return CreatedPool(
        row.get("protocol", "uniswap-v2"),
        _address(row, "address"),
        _address(row, "token0"),
        _address(row, "token1"),
    )


def _created(row: Row) -> CreatedPool | None:
    topics = [one.lower() for one in topics_of(row)]
    if topics[:1] not in ([_PAIR], [_SOLIDLY], [_POOL], [_INITIALIZE]):
        return None
    needed = 4 if topics[0] == _INITIALIZE else 3
    if len(topics) < needed:
        raise ValueError(f"topics: {len(topics)} of {needed}")
    if topics[0] == _INITIALIZE:
        if _IS_WORD.fullmatch(topics[1]) is None:
            raise ValueError(f"{topics[1][:80]!r} is no id of a pool")
        token0, token1 = _last(topics[2]), _last(topics[3])
        return CreatedPool("uniswap-v4", _address(row, "address"), token0, token1, topics[1])
    words = row.get("data", "")[2:].lower()
    place = 1 if topics[0] == _POOL else 0
    address = _last("0x" + words[place * _WORD : (place + 1) * _WORD])
    protocol = "uniswap-v3" if topics[0] == _POOL else "uniswap-v2"
    return CreatedPool(protocol, address, _last(topics[1]), _last(topics[2]))


def _last(word: str) -> str:
    """The address in a word."""
    if _IS_WORD.fullmatch(word) is None:
        raise ValueError(f"{word[:80]!r} is no word with an address")
    return "0x" + word[-_ADDRESS:]


def _address(row: Row, name: str) -> str:
    found = row.get(name, "").lower()
    if _IS_ADDRESS.fullmatch(found) is None:
        raise ValueError(f"{name}: {found[:80]!r} is no address")
    return found
