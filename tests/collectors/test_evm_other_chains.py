"""Polygon and other chains by configuration alone, and whatever kinds of transactions there are."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from collectors.evm import Watched
from demo.chain.anvil import TEST_MNEMONIC, Anvil
from normalizer.events import ChainFinality
from normalizer.events.chain import NativeTransfer, TokenTransfer
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch
from pipeline.units import MILLISECOND
from tests.collectors.bor import SEAL, Bor, state_sync_hash
from tests.collectors.evm_session import (
    Emitter,
    collecting,
    numbers,
    payload,
    source,
)
from tests.collectors.list_outlet import ListOutlet
from tests.collectors.provider import Provider
from tests.fixtures.waiting import until

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]
TOKEN = "0x" + "70" * 20
POLYGON = 137
#: The point at infinity, which commits to zeros and proves them.
INFINITY = b"\xc0" + bytes(47)


def token_on(chain: int) -> Reference:
    contract = {"chain": chain, "address": TOKEN}
    token = {"id": "acme", "symbol": "ACME", "decimals": 0, "contracts": [contract]}
    return msgspec.convert({"tokens": [token]}, Reference)


def events(frames: list[Frame], chain: int = POLYGON) -> list[Any]:
    result = Normalizer(token_on(chain)).normalize(1, FrameBatch("chain", "evm", frames))
    assert not result.dead, result.dead
    return list(result.events)


@pytest.mark.parametrize("as_transaction", [False, True])
@pytest.mark.parametrize("backfill", [False, True])
async def test_polygon(start_anvil: Start, as_transaction: bool, backfill: bool) -> None:
    """Logs of no transaction, sealed headers, no safe blocks: live, and by ranges of the past."""
    node = start_anvil(mining="manual", chain_id=POLYGON)
    height = 0
    for _ in range(180 if backfill else 3):
        height = node.mine()
    outlet = ListOutlet()
    async with Bor(node, synced=TOKEN, since=2, as_transaction=as_transaction) as bor:
        config = source(
            bor.url,
            network="polygon",
            chain_id=POLYGON,
            start_block=0 if backfill else 1,
            finality_every=20 * MILLISECOND,
        )
        async with collecting(config, Watched.of(others=[TOKEN]), outlet):
            # A node calls the 64th block behind its head finalized: one that is young has none yet.
            last = "finality" if backfill else "message"
            await until(lambda: last in {frame.kind for frame in outlet.frames})
            await until(lambda: height in numbers(outlet.frames))
        ranges = bor.asked["eth_getLogs"] < height
    assert ranges is backfill
    blocks = [payload(frame) for frame in outlet.frames if frame.kind == "message"]
    assert {block["block"]["extraData"] for block in blocks} == {SEAL}
    found = [one for one in events(outlet.frames) if isinstance(one, TokenTransfer)]
    assert [one.amount_raw for one in found] == [str(number) for number in range(2, height + 1)]
    assert [one.transaction_hash for one in found] == [
        state_sync_hash(one.block_number, one.block_hash) for one in found
    ]
    assert {one.network for one in found} == {"polygon"}
    signed = {one.transaction_from for one in found}
    assert signed == ({"0x" + "0" * 40} if as_transaction else {None})
    told = [one for one in events(outlet.frames) if isinstance(one, ChainFinality)]
    assert [(one.safe_number, one.finalized_number) for one in told] == (
        [(None, height - 64)] if backfill else []
    )


def with_zeros(signed: bytes) -> bytes:
    """A signed transaction of EIP-4844 as it goes to a node: with its blob, which is all zeros.

    Commitment and proof of that one are known. Of any other, computing them takes ten seconds.
    """
    import rlp

    fields = rlp.decode(signed[1:])
    return b"\x03" + rlp.encode([fields, [bytes(32 * 4096)], [INFINITY], [INFINITY]])


async def test_blobs_code_for_wallets_and_kinds_that_nobody_knows(start_anvil: Start) -> None:
    """EIP-4844 and EIP-7702, and whatever another chain has: what they have in common is enough."""
    from eth_account import Account

    node = start_anvil(mining="manual", chain_id=POLYGON)
    Account.enable_unaudited_hdwallet_features()
    signer = Account.from_mnemonic(TEST_MNEMONIC)
    other = Account.from_mnemonic(TEST_MNEMONIC, account_path="m/44'/60'/0'/0/2")
    receiver = str(node.rpc("eth_accounts")[1])
    from eth_utils.address import to_checksum_address

    common = {
        "chainId": POLYGON,
        "gas": 200_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        "to": to_checksum_address(receiver),
        "data": "0x",
    }
    delegate = {"chainId": POLYGON, "address": to_checksum_address(TOKEN), "nonce": 1}
    code = {
        **common,
        "nonce": 0,
        "value": 4,
        "authorizationList": [signer.sign_authorization(delegate)],
    }
    blob = {
        **common,
        "type": 3,
        "nonce": 0,
        "value": 3,
        "maxFeePerBlobGas": 10**9,
        "blobVersionedHashes": [b"\x01" + sha256(INFINITY).digest()[1:]],
    }
    sent = bytes(other.sign_transaction(blob).raw_transaction)
    for raw in (bytes(signer.sign_transaction(code).raw_transaction), with_zeros(sent)):
        node.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    height = node.mine()

    class Unknown(Provider):
        """Has another kind of transaction in place of blobs, without what we don't need."""

        def _limited(self, answer: dict[str, Any], message: str | bytes) -> str | bytes:
            result = answer.get("result")
            if isinstance(result, dict) and isinstance(result.get("transactions"), list):
                for one in result["transactions"]:
                    if isinstance(one, dict) and one["type"] == "0x3":
                        one["type"] = "0x7e"
                        one["sourceHash"] = one["mint"] = None
                        del one["v"], one["r"], one["s"], one["accessList"]
                return msgspec.json.encode(answer).decode()
            return super()._limited(answer, message)

    wallets = Watched.of(wallets=[receiver])
    for url in (node.ws_url, None):
        outlet = ListOutlet()
        async with Unknown(node) as unknown:
            config = source(url or unknown.url, start_block=height)
            async with collecting(config, wallets, outlet):
                await until(lambda: len(outlet.frames) == 1)  # noqa: B023
        found = [one for one in events(outlet.frames) if isinstance(one, NativeTransfer)]
        assert [one.value_raw for one in found] == ["4", "3"]
        kinds = [one["type"] for one in payload(outlet.frames[0])["transactions"]]
        assert kinds == (["0x4", "0x3"] if url else ["0x4", "0x7e"])


async def test_a_large_block_comes_whole(start_anvil: Start) -> None:
    node = start_anvil(mining="manual", chain_id=POLYGON, gas_limit=300_000_000)
    emitter = Emitter(node)
    accounts = node.rpc("eth_accounts")
    for _ in range(30):
        emitter.emit(250)
    filler = "0x" + "ff" * 20_000
    for sender in accounts[1:21]:
        call = {"from": sender, "to": accounts[0], "gas": hex(2_000_000), "data": filler}
        node.rpc("eth_sendTransaction", call)
    height = node.mine()
    outlet = ListOutlet()
    config = source(node.ws_url, start_block=height)
    async with collecting(config, Watched.of(others=[emitter.address]), outlet):
        await until(lambda: len(outlet.frames) == 1, seconds=30)
    block = payload(outlet.frames[0])
    assert len(block["logs"]) == 30 * 250
    # The calldata of what concerns nobody is not kept.
    assert len(block["transactions"]) == 30
    assert outlet.letters == []


async def test_a_chain_of_its_own_name_and_id(start_anvil: Start) -> None:
    node = start_anvil(mining="manual", chain_id=777_777)
    emitter = Emitter(node)
    emitter.emit(1)
    height = node.mine()
    outlet = ListOutlet()
    config = source(node.ws_url, network="a chain of our own", start_block=height)
    async with collecting(config, Watched.of(others=[emitter.address]), outlet):
        await until(lambda: len(outlet.frames) == 1)
    (block, log) = events(outlet.frames, 777_777)
    assert (log.chain_id, log.network) == (777_777, "a chain of our own")
    assert block.parent_hash is not None
