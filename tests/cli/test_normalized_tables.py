"""Tables of a chain on the command line: of which chain they are, and what isn't read."""

from pathlib import Path

import pytest

from tests.cli.command_line import tapewatch

HASH, BLOCK, POOL = "0x" + "1" * 64, "0x" + "a" * 64, "0x" + "c" * 40
TOKEN, QUOTE = "0x" + "2" * 40, "0x" + "3" * 40
SWAP = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
WORDS = "".join(f"{amount:064x}" for amount in (5, 0, 0, 7))
SAID = "the reference data has contracts of chain 56, and none of chain"


@pytest.fixture
def paths(tmp_path: Path) -> tuple[str, str]:
    tables = tmp_path / "tables"
    tables.mkdir()
    topics = ",".join((SWAP, f"0x{'4' * 40:0>64}", f"0x{'5' * 40:0>64}"))
    (tables / "logs.csv").write_text(
        "log_index,transaction_hash,block_hash,block_number,address,data,topics,block_timestamp\n"
        f'0,{HASH},{BLOCK},7,{POOL},0x{WORDS},"{topics}",1600000000\n'
    )
    reference = tmp_path / "pools.yaml"
    reference.write_text(f"""
tokens:
  - id: acme
    pools:
      - {{chain: 56, address: "{POOL}", protocol: uniswap-v2, token0: "{TOKEN}", token1: "{QUOTE}",
         quote: {{symbol: WBNB, address: "{QUOTE}", decimals: 18}}}}
    contracts: [{{chain: 56, address: "{TOKEN}"}}]
""")
    return str(tables), str(reference)


@pytest.mark.parametrize(("chain", "told"), [("1", True), ("56", False)])
def test_reference_data_of_another_chain_is_told(
    paths: tuple[str, str], tmp_path: Path, chain: str, told: bool
) -> None:
    tables, reference = paths
    ran = tapewatch(
        "normalize", tables, "--reference", reference, "--chain", chain, folder=tmp_path
    )
    assert ran.code == 0
    assert (SAID in ran.error) is told
    assert ("--chain" in ran.error) is told
    assert ('"token.id":"acme"' in ran.out) is not told


def test_without_reference_data_nothing_is_told(paths: tuple[str, str], tmp_path: Path) -> None:
    ran = tapewatch("normalize", paths[0], folder=tmp_path)
    assert (ran.code, ran.error) == (0, "")


@pytest.mark.parametrize("name", ["more.parquet", "2021.csv.zip", "LOGS.TSV"])
def test_a_file_beside_them_that_is_not_read_is_told(
    paths: tuple[str, str], tmp_path: Path, name: str
) -> None:
    """Its events would be missing, and nobody would know."""
    (tmp_path / "tables" / name).write_text("x")
    (tmp_path / "tables" / "README.md").write_text("x")
    ran = tapewatch("normalize", paths[0], folder=tmp_path)
    assert ran.code == 1
    assert "pool-swap" in ran.out
    (told,) = ran.error.splitlines()
    assert told.endswith(
        f"{name}: error: isn't read: write it as CSV or NDJSON, plain or packed by gzip"
    )


def test_a_folder_of_nothing_else_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "ethereum__logs.parquet").write_text("x")
    ran = tapewatch("normalize", "logs", folder=tmp_path)
    assert ran.code == 2
    assert "ethereum__logs.parquet isn't read, write it as CSV or NDJSON" in ran.error
