"""Collects blocks of a real chain with their checks, and normalizes them as the pipeline does."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from web3 import Web3

from collectors.evm import Watched, WatchedToken
from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from demo.chain.trex import SecurityToken
from normalizer.events.chain import PartitionTransfer, TokenTransfer, TokenTransferRefused
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.config.checks import RestrictionChecks
from pipeline.evm_payload import StateCall, TransferChecks
from pipeline.frames import Frame, FrameBatch
from tests.collectors.evm_session import PATIENT, collecting, numbers, payload, source
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.waiting import until

CHAIN = 31337

Transfer = TokenTransfer | TokenTransferRefused | PartitionTransfer


def height(node: Anvil) -> int:
    return int(node.rpc("eth_blockNumber"), 16)


def trex(token: SecurityToken, **options: Any) -> tuple[Watched, Reference]:
    """A T-REX token as the collector and the normalizer know it."""
    return known(
        token.address,
        "ERC-3643",
        registry=str(token.identity_registry.address),
        compliance=str(token.compliance.address),
        **options,
    )


def known(
    address: str,
    standard: str,
    *,
    registry: str | None = None,
    compliance: str | None = None,
    decimals: int = 6,
) -> tuple[Watched, Reference]:
    contract = {"chain": CHAIN, "address": address}
    contract |= {"identity_registry": registry, "compliance": compliance}
    reference = {"id": "tst", "standard": standard, "decimals": decimals, "contracts": [contract]}
    watched = Watched.of(
        {
            address: WatchedToken(
                identity_registry=registry, compliance=compliance, standard=standard
            )
        }
    )
    return watched, msgspec.convert({"tokens": [reference]}, Reference)


async def frames_of(
    node: Anvil, url: str, watched: Watched, first: int, *, seconds: float = 40, **options: Any
) -> list[Frame]:
    """The frames of blocks ``first`` to the node's newest."""
    outlet = ListOutlet()
    last = height(node)
    config = source(url, start_block=first, **{"reconnection": PATIENT, **options})
    async with collecting(config, watched, outlet):
        try:
            await until(lambda: last in numbers(outlet.frames), seconds=seconds)
        except AssertionError:
            there = numbers(outlet.frames)
            raise AssertionError(
                f"not within {seconds:g} s: block {last}, from {first} on there came {there}"
            ) from None
    return outlet.frames


def events_of(frames: Sequence[Frame], reference: Reference) -> list[Transfer]:
    """The transfers, done and refused, as the normalizer tells of them; each once."""
    result = Normalizer(reference).normalize(1, FrameBatch("chain", "evm", list(frames)))
    assert result.dead == []
    found = [one for one in result.events if isinstance(one, Transfer)]
    # By partition, most tokens tell it twice: the second is there for the partition.
    doubled = {one.transaction_hash for one in found if isinstance(one, TokenTransfer)}
    return [
        one
        for one in found
        if not isinstance(one, PartitionTransfer) or one.transaction_hash not in doubled
    ]


async def transfers(
    node: Anvil, known: tuple[Watched, Reference], first: int, **options: Any
) -> list[Transfer]:
    """What is said of the transfers since block ``first``."""
    url = options.pop("url", node.ws_url)
    frames = await frames_of(node, url, known[0], first, **options)
    return await asyncio.to_thread(events_of, frames, known[1])


def asked(frames: Sequence[Frame]) -> list[tuple[list[StateCall], list[TransferChecks]]]:
    """Calls and checks of the frames that have any."""
    found = [payload(one) for one in frames if one.kind == "message"]
    return [
        (
            msgspec.convert(one["calls"], list[StateCall]),
            msgspec.convert(one["checks"], list[TransferChecks]),
        )
        for one in found
        if "checks" in one
    ]


def only(*groups: str, **options: Any) -> RestrictionChecks:
    """Settings that ask for these groups."""
    return msgspec.convert({"ask": list(groups), **options}, RestrictionChecks)


def deploy_yes(ledger: Ledger) -> str:
    """A contract that says true to whatever it is asked, to be put in a registry's place."""
    return deploy(ledger, "600160005260206000f3")


def deploy(ledger: Ledger, runtime: str) -> str:
    """A contract of this runtime code, at most 32 bytes of it."""
    node, size = ledger.node, len(runtime) // 2
    # PUSH the code, store it at the right end of a word, return it.
    code = f"0x{0x5F + size:02x}{runtime}60005260{size:02x}60{32 - size:02x}f3"
    transaction = {"from": ledger.accounts[0], "data": code, "gas": hex(200_000)}
    (receipt,) = ledger.settle([str(node.rpc("eth_sendTransaction", transaction))])
    return Web3.to_checksum_address(str(receipt.contract_address))
