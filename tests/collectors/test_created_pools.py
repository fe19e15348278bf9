"""Pools are known from the logs of their creation, and from lists."""

from pathlib import Path

import msgspec
import pytest

from collectors.evm.created_pools import CreatedPool, created_pools
from collectors.evm.exported_tables import all_tables, exported_tables
from normalizer.abi import EventAbi

A, B, C = (f"0x{letter * 40}" for letter in "abc")
PAIR, POOL, MANAGER, FACTORY = (f"0x{digit * 40}" for digit in "1234")
ID = "0x" + "5" * 64


def word(address: str) -> str:
    return "0x" + address[2:].rjust(64, "0")


def row(event: str, topics: list[str], data: str, address: str = FACTORY) -> dict[str, object]:
    return {
        "log_index": 1,
        "transaction_hash": "0x" + "9" * 64,
        "block_number": 7,
        "address": address,
        "data": data,
        "topics": [EventAbi.parse(event).topic0, *topics],
    }


LOGS = [
    row(
        "PairCreated(address indexed a, address indexed b, address pair, uint256 n)",
        [word(A), word(B)],
        word(PAIR) + f"{3:064x}",
    ),
    row(
        "PoolCreated(address indexed a, address indexed b, uint24 indexed fee, int24 s, address p)",
        [word(A), word(C), f"0x{3000:064x}"],
        f"0x{60:064x}" + word(POOL)[2:],
    ),
    row(
        "Initialize(bytes32 indexed id, address indexed a, address indexed b, uint24 fee,"
        " int24 spacing, address hooks, uint160 price, int24 tick)",
        [ID, word(B), word(C)],
        "0x" + "0" * 64 * 5,
        MANAGER,
    ),
    row("Transfer(address indexed a, address indexed b, uint256 v)", [word(A), word(B)], "0x01"),
]


def found_in(folder: Path) -> tuple[list[CreatedPool], list[str]]:
    problems: list[str] = []

    def report(path: Path, line: int, why: str, column: int = 1, /) -> None:
        problems.append(why)

    pools = list(created_pools(all_tables(folder), report))
    return pools, problems


def test_the_factories_of_v2_and_v3_and_the_pool_manager_tell_of_new_pools(tmp_path: Path) -> None:
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join(map(msgspec.json.encode, LOGS)))
    assert found_in(tmp_path) == (
        [
            CreatedPool("uniswap-v2", PAIR, A, B),
            CreatedPool("uniswap-v3", POOL, A, C),
            CreatedPool("uniswap-v4", MANAGER, B, C, ID),
        ],
        [],
    )


def test_a_list_of_pools_tells_the_same_and_is_no_table_of_logs(tmp_path: Path) -> None:
    (tmp_path / "pools.csv").write_text(
        "pair,token0,token1,block_number,timestamp\n"
        f"{PAIR.upper().replace('X', 'x')},{A},{B},7,1600000000\n"
        f"{PAIR},{A},{B},7,1600000000\n"
        f"{POOL},{A},no address,7,1600000000\n"
    )
    pools, problems = found_in(tmp_path)
    assert pools == [CreatedPool("uniswap-v2", PAIR, A, B)]
    assert problems == ["token1: 'no address' is no address"]
    with pytest.raises(OSError, match="neither of logs nor of token transfers"):
        exported_tables(tmp_path)


def test_a_log_that_is_cut_is_told(tmp_path: Path) -> None:
    cut = {**LOGS[0], "data": "0x12"}
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join(map(msgspec.json.encode, [cut, LOGS[1]])))
    pools, (problem,) = found_in(tmp_path)
    assert pools == [CreatedPool("uniswap-v3", POOL, A, C)]
    assert problem == "'0x12' is no word with an address"


def test_what_would_make_no_reference_data_is_told(tmp_path: Path) -> None:
    topics = msgspec.convert(LOGS[2]["topics"], list[str])
    logs = [
        {**LOGS[0], "data": "0x" + "z" * 128},
        {**LOGS[2], "topics": topics[:3]},
        {**LOGS[2], "topics": [topics[0], "0xabc", *topics[2:]]},
    ]
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join(map(msgspec.json.encode, logs)))
    (tmp_path / "pools.csv").write_text(
        f"pool,token0,token1\n{PAIR},{A},{A}\n0x{'z' * 40},{A},{B}\n0x{chr(0x664) * 40},{A},{B}\n"
    )
    pools, problems = found_in(tmp_path)
    assert pools == []
    assert problems == [
        f"'0x{'z' * 64}' is no word with an address",
        "topics: 3 of 4",
        "'0xabc' is no id of a pool",
        f"{A} is both token0 and token1",
        f"address: '0x{'z' * 40}' is no address",
        f"address: '0x{chr(0x664) * 40}' is no address",
    ]


@pytest.mark.parametrize("stable", [0, 1])
def test_the_factory_of_velodrome_and_aerodrome_tells_of_pairs(tmp_path: Path, stable: int) -> None:
    event = (
        "PoolCreated(address indexed a, address indexed b, bool indexed s, address p, uint256 n)"
    )
    log = row(event, [word(A), word(B), f"0x{stable:064x}"], word(PAIR) + f"{3:064x}")
    (tmp_path / "logs.ndjson").write_bytes(msgspec.json.encode(log))
    assert found_in(tmp_path) == ([CreatedPool("uniswap-v2", PAIR, A, B)], [])
