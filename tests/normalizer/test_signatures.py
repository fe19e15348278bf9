"""The known signatures: hashes against published ones, and the contracts' own ABI files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from normalizer.abi import EventAbi
from normalizer.abi_types import parse_signature
from normalizer.signatures import KNOWN_EVENTS, KNOWN_FUNCTIONS, selectors
from tests.fixtures.required import give_up

MODULES = Path(__file__).resolve().parents[2] / "node_modules"
RECOVERY = "0xf0c9129a94f30f1caaceb63e44b9811d0a3edf1d6c23757f346093af5553fed0"
PACKAGES = (
    "@tokenysolutions/t-rex",
    "@onchain-id/solidity",
    "@uniswap/v3-core",
    "@uniswap/v3-periphery",
)


@pytest.mark.parametrize(
    ("topic0", "topics", "name"),
    [
        ("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef", 3, "Transfer"),
        ("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef", 4, "Transfer"),
        (
            RECOVERY,
            1,
            "RecoverySuccess",
        ),
        (
            RECOVERY,
            4,
            "RecoverySuccess",
        ),
        ("0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67", 3, "Swap"),
    ],
)
def test_events_are_known_by_topic0_and_number_of_topics(
    topic0: str, topics: int, name: str
) -> None:
    assert KNOWN_EVENTS[topic0, topics].name == name


def test_selectors_are_the_published_ones() -> None:
    assert KNOWN_FUNCTIONS["0xa9059cbb"].name == "transfer"
    assert KNOWN_FUNCTIONS["0x23b872dd"].name == "transferFrom"
    assert selectors("approve") == {"0x095ea7b3"}
    assert selectors("increaseAllowance", "permit") == {"0x39509351", "0xd505accf"}
    with pytest.raises(KeyError):
        selectors("transfers")


def _type(parameter: dict[str, Any]) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(inner) for inner in parameter['components'])}){kind[5:]}"


def _events() -> Iterator[EventAbi]:
    for package in PACKAGES:
        folder = MODULES / package / "artifacts"
        if not folder.is_dir():
            give_up("contract artifacts", f"{package} is not in node_modules; run make setup")
        for path in folder.rglob("*.json"):
            abi = json.loads(path.read_text()).get("abi")
            for entry in abi if isinstance(abi, list) else ():
                if entry["type"] == "event":
                    parameters = ",".join(
                        _type(p) + (" indexed" if p["indexed"] else "") for p in entry["inputs"]
                    )
                    yield EventAbi.parse(f"{entry['name']}({parameters})")


def test_every_event_of_the_real_contracts_is_known_with_the_same_parameters_indexed() -> None:
    missing = [
        abi.signature.canonical
        for abi in _events()
        if not any(
            [p.indexed for p in known.signature.parameters]
            == [p.indexed for p in abi.signature.parameters]
            for known in [KNOWN_EVENTS.get((abi.topic0, abi.topic_count))]
            if known is not None
        )
    ]
    assert missing == []


def test_a_signature_hashes_the_same_however_its_parameters_are_called() -> None:
    named = parse_signature("Transfer(address indexed from, address indexed to, uint256 value)")
    assert parse_signature("Transfer(address,address,uint)").canonical == named.canonical
