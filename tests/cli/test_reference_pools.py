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
    assert "1 pools; 3 of other assets left out" in result.stderr
    result = CliRunner().invoke(app, [*command, "--quote", f"WPOL:{OTHER}"])
    assert "SYMBOL:ADDRESS:DECIMALS" in result.output


def test_a_row_that_is_no_pool_is_told(tables: Path) -> None:
    with (tables / "pools.csv").open("a") as file:
        file.write(f"\n{pool(9)},{COIN},nothing\n")
    result = CliRunner().invoke(app, ["reference", "pools", str(tables)])
    assert result.exit_code == 1
    assert "pools.csv:6: token1: 'nothing' is no address" in result.stderr
