"""``tapewatch reference pools``: what it writes is reference data that the decoders price by."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from normalizer.reference_files import load_reference
from pipeline.cli.commands import app

WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
COIN, OTHER = "0x" + "1" * 40, "0x" + "2" * 40


def pool(number: int) -> str:
    return f"0x{number:040x}"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    folder.mkdir()
    rows = [(COIN, WETH), (COIN, OTHER), (USDC, WETH), (COIN, USDC)]
    lines = [f"{pool(place)},{first},{second}" for place, (first, second) in enumerate(rows, 1)]
    (folder / "pools.csv").write_text("\n".join(["pool,token0,token1", *lines]))
    return folder


def test_each_pool_stands_with_what_is_priced_in_it(tables: Path, tmp_path: Path) -> None:
    decimals = tmp_path / "decimals.csv"
    decimals.write_text(f"token_address,decimals\n{COIN.upper().replace('X', 'x')},9\n")
    command = ["reference", "pools", str(tables), "--decimals", str(decimals)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert result.stderr == "3 pools; 1 of other assets left out\n"
    written = tmp_path / "pools.yaml"
    written.write_text(result.stdout)
    coin, weth = load_reference([written]).tokens
    assert (coin.id, coin.decimals) == (COIN, 9)
    assert [(one.address, one.quote.symbol) for one in coin.pools] == [
        (pool(1), "WETH"),
        (pool(4), "USDC"),
    ]
    # Of a pool of two such assets the dollar prices the other.
    assert (weth.symbol, weth.decimals) == ("WETH", 18)
    assert [(one.address, one.quote.decimals) for one in weth.pools] == [(pool(3), 6)]


def test_another_chain_needs_to_be_told_what_is_priced_in(tables: Path) -> None:
    command = ["reference", "pools", str(tables), "--chain", "137"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code != 0
    assert "--quote" in result.output
    result = CliRunner().invoke(app, [*command, "--quote", f"WPOL:{OTHER}:18"])
    assert result.exit_code == 0
    assert "1 pool; 3 of other assets left out" in result.stderr
    result = CliRunner().invoke(app, [*command, "--quote", f"WPOL:{OTHER}"])
    assert "SYMBOL:ADDRESS:DECIMALS" in result.output


def test_a_row_that_is_no_pool_is_told(tables: Path) -> None:
    with (tables / "pools.csv").open("a") as file:
        file.write(f"\n{pool(9)},{COIN},nothing\n")
    result = CliRunner().invoke(app, ["reference", "pools", str(tables)])
    assert result.exit_code == 1
    assert "pools.csv:6: token1: 'nothing' is no address" in result.stderr


def test_ether_itself_prices_the_pools_of_uniswap_v4(tables: Path, tmp_path: Path) -> None:
    (tables / "pools.csv").write_text(f"pool,token0,token1\n{pool(1)},{pool(0)},{COIN}\n")
    result = CliRunner().invoke(app, ["reference", "pools", str(tables)])
    assert result.stderr == "1 pool\n"
    written = tmp_path / "pools.yaml"
    written.write_text(result.stdout)
    (coin,) = load_reference([written]).tokens
    assert (coin.id, coin.pools[0].quote.symbol) == (COIN, "ETH")


def test_decimals_that_are_none_are_told_with_their_line(tables: Path, tmp_path: Path) -> None:
    decimals = tmp_path / "decimals.csv"
    command = ["reference", "pools", str(tables), "--decimals", str(decimals)]
    decimals.write_text(f"token_address,decimals\n{COIN},300\n{OTHER},six\nit,6\n{OTHER},\n")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[:3] == [
        "decimals.csv:2: decimals: '300' is no whole number up to 77",
        "decimals.csv:3: decimals: 'six' is no whole number up to 77",
        "decimals.csv:4: token_address: 'it' is no address",
    ]
    decimals.write_text(f"token,decimals\n{COIN},6\n")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "decimals.csv:1: there is no column token_address" in result.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"token_address,decimals,decimals\n",
            "decimals.csv:1: the column decimals is there twice",
        ),
        ("token_address,decimals\n".encode("utf-16"), "is in UTF-16, not in UTF-8"),
    ],
)
def test_decimals_of_another_form_are_refused(
    tables: Path, tmp_path: Path, data: bytes, said: str
) -> None:
    decimals = tmp_path / "decimals.csv"
    decimals.write_bytes(data)
    command = ["reference", "pools", str(tables), "--decimals", str(decimals)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert said in result.stderr.replace("\n", "")


@pytest.mark.parametrize("quote", [f"W:{OTHER}:78", f":{OTHER}:18", f"W:0x{'z' * 40}:18", "W"])
def test_a_quote_that_reference_data_could_not_have_is_refused(tables: Path, quote: str) -> None:
    result = CliRunner().invoke(app, ["reference", "pools", str(tables), "--quote", quote])
    assert result.exit_code == 2
    assert "SYMBOL:ADDRESS:DECIMALS" in result.stderr
