"""EVM frames for tests: blocks with transactions, logs and receipts as a node sends them."""

from typing import Any

import msgspec
from eth_abi.abi import encode

from normalizer.abi import EventAbi
from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from normalizer.signatures import KNOWN_FUNCTIONS
from pipeline.evm_payload import BlockPayload, Refusal, encode_block
from pipeline.frames import Frame, FrameBatch

CHAIN = 31337
TOKEN = "0x" + "11" * 20
REGISTRY = "0x" + "22" * 20
COMPLIANCE = "0x" + "33" * 20
POOL = "0x" + "44" * 20
QUOTE = "0x" + "55" * 20
ALICE = "0x" + "aa" * 20
BOB = "0x" + "bb" * 20
CAROL = "0x" + "cc" * 20
AGENT = "0x" + "a9" * 20
ZERO = "0x" + "00" * 20
BLOCK_HASH = "0x" + "b1" * 32
PARENT_HASH = "0x" + "b0" * 32
SECONDS = 1_700_000_000
RECEIVED = (SECONDS + 5) * 10**9

REFERENCE = msgspec.convert(
    {
        "tokens": [
            {
                "id": "acme",
                "name": "ACME Fund I",
                "symbol": "ACME",
                "standard": "ERC-3643",
                "decimals": 18,
                "classification": "reg-d-506c",
                "issuer": {"id": "issuer-1", "name": "ACME Inc"},
                "contracts": [
                    {
                        "chain": CHAIN,
                        "address": TOKEN,
                        "identity_registry": REGISTRY,
                        "compliance": COMPLIANCE,
                    }
                ],
                "instruments": [{"venue": "demo-venue", "symbol": "ACME-USD"}],
                "pools": [
                    {
                        "chain": CHAIN,
                        "address": POOL,
                        "token0": TOKEN,
                        "token1": QUOTE,
                        "quote": {"symbol": "USDX", "address": QUOTE, "decimals": 6},
                        "fee": 3000,
                    }
                ],
            }
        ],
        "investors": [
            {
                "id": "INV-0001",
                "jurisdiction": "US",
                "accreditation": "accredited",
                "cluster": "CL-07",
                "labels": ["market_maker"],
                "addresses": [ALICE],
                "accounts": [{"venue": "demo-venue", "account": "acct-12"}],
            }
        ],
        "addresses": [{"address": BOB, "name": "Custody Bank", "labels": ["custodian"]}],
        "sanctions": [{"address": CAROL, "list": "OFAC-SDN", "since": "2022-08-08"}],
    },
    Reference,
)


def transaction_hash(number: int) -> str:
    return "0x" + f"{number:064x}"


def transaction(
    number: int = 1, sender: str = ALICE, to: str | None = TOKEN, data: str = "0x"
) -> dict[str, Any]:
    return {
        "hash": transaction_hash(number),
        "from": sender,
        "to": to,
        "input": data,
        "transactionIndex": hex(number),
    }


def call(name: str, *arguments: Any) -> str:
    """Input of a call of a known function."""
    (abi,) = (function for function in KNOWN_FUNCTIONS.values() if function.name == name)
    kinds = [parameter.type for parameter in abi.signature.parameters]
    return abi.selector + encode(kinds, arguments).hex()


def log(
    signature: str, *values: Any, address: str = TOKEN, index: int = 0, number: int = 1
) -> dict[str, Any]:
    """A log as the contract with this event would emit it."""
    abi = EventAbi.parse(signature)
    pairs = list(zip(abi.signature.parameters, values, strict=True))
    topics = [
        value if not p.one_word else "0x" + encode([p.type], [value]).hex()
        for p, value in pairs
        if p.indexed
    ]
    plain = [(p.type, value) for p, value in pairs if not p.indexed]
    return {
        "address": address,
        "topics": [abi.topic0, *topics],
        "data": "0x" + encode([kind for kind, _ in plain], [value for _, value in plain]).hex(),
        "blockHash": BLOCK_HASH,
        "blockNumber": "0x10",
        "transactionHash": transaction_hash(number),
        "transactionIndex": hex(number),
        "logIndex": hex(index),
        "removed": False,
    }


def frame(
    *logs: Any,
    transactions: list[Any] | None = None,
    receipts: list[Any] | None = None,
    refusals: list[Refusal] | None = None,
    header: dict[str, Any] | None = None,
) -> Frame:
    def raw(items: list[Any]) -> list[msgspec.Raw]:
        return [msgspec.Raw(msgspec.json.encode(item)) for item in items]

    block = {
        "number": "0x10",
        "hash": BLOCK_HASH,
        "parentHash": PARENT_HASH,
        "timestamp": hex(SECONDS),
        "logsBloom": "0x" + "00" * 256,
    }
    payload = BlockPayload(
        chain_id=CHAIN,
        network="anvil",
        finality="latest",
        block=msgspec.Raw(msgspec.json.encode(block | (header or {}))),
        transactions=raw([transaction()] if transactions is None else transactions),
        logs=raw(list(logs)),
        refusals=refusals or [],
        receipts=raw(receipts or []),
    )
    return Frame("16", RECEIVED, encode_block(payload))


def normalize(*frames: Frame, reference: Reference = REFERENCE) -> Normalized:
    return Normalizer(reference).normalize(7, FrameBatch("chain", "evm", list(frames)))


def only(result: Normalized) -> Any:
    """The one event behind the block's own."""
    assert not result.dead, result.dead
    _, event = result.events
    return event
