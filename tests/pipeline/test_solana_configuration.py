"""A source of Solana: what is wrong with it is told with its place, and what was meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.loading import load_configuration
from pipeline.config.sources import SolanaSource
from pipeline.problems import Problem, ProblemsFound
from tests.cli.command_line import write_configuration

MAINNET = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
NODE = {"rpc": "https://node.example", "websocket": "wss://node.example"}
MINT = "F3aipCtwwhP93vCbHDbojt1Gp14Px7PK9e3xBEqVZeTS"


def loaded(folder: Path, **changes: Any) -> SolanaSource:
    source = {"name": "solana", "type": "solana", "network": "solana", "endpoints": [NODE]}
    path = write_configuration(folder, sources=[source | changes])
    (found,) = load_configuration(path).sources
    assert isinstance(found, SolanaSource)
    return found


def problems(folder: Path, **changes: Any) -> Sequence[Problem]:
    with pytest.raises(ProblemsFound) as found:
        loaded(folder, **changes)
    return found.value.problems


def test_a_good_one_is_read(tmp_path: Path) -> None:
    source = loaded(tmp_path, chain=MAINNET, mints=[MINT], commitment="finalized", start_slot=5)
    assert (source.chain, source.mints, source.start_slot) == (MAINNET, [MINT], 5)
    assert source.endpoints[0].rpc.reveal() == "https://node.example"


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"endpoints": []}, "sources[0].endpoints", "at least 1"),
        ({"endpoints": [{"rpc": "https://n.example"}]}, "sources[0].endpoints[0]", "websocket"),
        (
            {"endpoints": [{**NODE, "rpc": "wss://node.example"}]},
            "sources[0].endpoints[0].rpc",
            "begins with https:// or http://",
        ),
        (
            {"endpoints": [{**NODE, "websocket": "https://node.example"}]},
            "sources[0].endpoints[0].websocket",
            "begins with wss:// or ws://",
        ),
        ({"chain": "mainnet-beta"}, "sources[0].chain", "CAIP-2"),
        ({"mints": ["0x" + "a" * 40]}, "sources[0].mints[0]", "Solana address"),
        ({"commitment": "processed"}, "sources[0].commitment", "confirmed"),
        ({"colect": "mentions"}, "sources[0].colect", "collect"),
        ({"start_slot": -1}, "sources[0].start_slot", "-1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, changes: dict[str, Any], place: str, said: str
) -> None:
    found = [one for one in problems(tmp_path, **changes) if one.path in (place, "")]
    assert any(said in f"{one.message} {one.expected} {one.hint}" for one in found), found


def test_a_url_in_the_environment_is_taken_as_it_is(tmp_path: Path) -> None:
    secret = {"rpc": "${env:HOME}", "websocket": "${env:HOME}"}
    assert loaded(tmp_path, endpoints=[secret]).endpoints
