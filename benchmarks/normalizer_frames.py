"""Frames for the normalizer's benchmark: made here by a seeded generator, or recorded."""

import gzip
import random
from pathlib import Path

import msgspec

from normalizer.reference import Reference
from pipeline.evm_payload import BlockPayload, encode_block
from pipeline.frames import Frame

TOKEN_ADDRESS = "0x" + "11" * 20
_QUOTE = "0x" + "55" * 20
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
RECEIVED = 1_700_000_100 * 10**9


def _wallet(number: int) -> str:
    return "0x" + f"{number + 1:040x}"


def reference() -> Reference:
    """A token with an instrument at two venues, and 500 investors with wallets and accounts."""
    return msgspec.convert(
        {
            "tokens": [
                {
                    "id": "acme",
                    "name": "ACME Fund I",
                    "symbol": "ACME",
                    "standard": "ERC-3643",
                    "classification": "reg-d-506c",
                    "issuer": {"id": "issuer-1", "name": "ACME Inc"},
                    "contracts": [{"chain": 1, "address": TOKEN_ADDRESS}],
                    "instruments": [
                        {"venue": "coinbase", "symbol": "ACME-USD"},
                        {"venue": "kraken", "symbol": "ACME/USD"},
                    ],
                }
            ],
            "investors": [
                {
                    "id": f"INV-{number:04}",
                    "jurisdiction": "US",
                    "accreditation": "accredited",
                    "cluster": f"CL-{number // 3}",
                    "addresses": [_wallet(number)],
                    "accounts": [{"venue": "coinbase", "account": f"acct-{number}"}],
                }
                for number in range(500)
            ],
        },
        Reference,
    )


def _time(number: int) -> str:
    minute, second = number // 60_000 % 60, number // 1000 % 60
    return f"2023-11-14T22:{minute:02}:{second:02}.{number * 7919 % 10**6:06}Z"


def coinbase_full(count: int) -> list[Frame]:
    """The ``full`` channel with accounts: 40 % received, 25 % open, 30 % done, 5 % match."""
    dice = random.Random(1)
    payloads: list[dict[str, object]] = []
    for number in range(count):
        order = f"{dice.getrandbits(128):032x}"
        order = f"{order[:8]}-{order[8:12]}-{order[12:16]}-{order[16:20]}-{order[20:]}"
        common: dict[str, object] = {
            "order_id": order,
            "side": dice.choice(("buy", "sell")),
            "product_id": "ACME-USD",
            "sequence": 50_000_000_000 + number,
            "time": _time(number),
            "user_id": f"acct-{dice.randrange(500)}",
            "profile_id": order,
        }
        price, size = f"{dice.uniform(90, 110):.2f}", f"{dice.uniform(0.001, 5):.8f}"
        kind = dice.random()
        if kind < 0.4:
            own: dict[str, object] = {"type": "received", "order_type": "limit", "price": price}
            own |= {"size": size, "client_oid": order}
        elif kind < 0.65:
            own = {"type": "open", "price": price, "remaining_size": size}
        elif kind < 0.95:
            own = {"type": "done", "price": price, "remaining_size": size, "reason": "canceled"}
        else:
            own = {"type": "match", "price": price, "size": size, "trade_id": number}
            own |= {"maker_order_id": order, "taker_order_id": order[::-1]}
            own |= {"maker_user_id": "acct-1", "taker_user_id": "acct-2"}
            for name in ("order_id", "user_id", "profile_id"):
                del common[name]
        payloads.append({**own, **common})
    return _frames(payloads)


def kraken_book(count: int) -> list[Frame]:
    """Kraken v2 ``book`` updates of one to three levels."""
    dice = random.Random(2)
    payloads: list[dict[str, object]] = []
    for number in range(count):
        levels = [
            {"price": round(dice.uniform(90, 110), 2), "qty": round(dice.uniform(0, 9), 8)}
            for _ in range(dice.randint(1, 3))
        ]
        sides = (
            {"bids": levels, "asks": []} if dice.random() < 0.5 else {"bids": [], "asks": levels}
        )
        data = {
            "symbol": "ACME/USD",
            **sides,
            "checksum": dice.getrandbits(32),
            "timestamp": _time(number),
        }
        payloads.append({"channel": "book", "type": "update", "data": [data]})
    return _frames(payloads)


def recorded_coinbase(path: Path) -> list[Frame]:
    """The recorded ``level2`` and ``matches`` frames, without the book snapshots."""
    frames: list[Frame] = []
    with gzip.open(path, "rt") as lines:
        for number, line in enumerate(lines):
            seconds, _, text = line.strip().partition(": ")
            if text.startswith("{") and seconds[:1].isdigit() and '"snapshot"' not in text[:20]:
                frames.append(Frame(str(number), int(float(seconds) * 1e9), text.encode()))
    return frames


def erc20_blocks(blocks: int, logs: int = 100) -> list[Frame]:
    """Blocks of ERC-20 transfers of one watched token, each in a transaction of its own."""
    dice = random.Random(3)
    return [
        transfer_block(
            number,
            [(_wallet(dice.randrange(800)), _wallet(dice.randrange(800))) for _ in range(logs)],
            dice,
        )
        for number in range(blocks)
    ]


def transfer_block(
    number: int, transfers: list[tuple[str, str]], dice: random.Random | None = None
) -> Frame:
    """A block in which the watched token moves, from one wallet of each pair to the other."""
    dice = dice or random.Random(number)
    raw = msgspec.json.encode
    block_hash = f"0x{dice.getrandbits(256):064x}"
    transactions: list[msgspec.Raw] = []
    emitted: list[msgspec.Raw] = []
    for index, (sender, receiver) in enumerate(transfers):
        amount = dice.getrandbits(80)
        transaction_hash = f"0x{dice.getrandbits(256):064x}"
        place = {
            "blockHash": block_hash,
            "blockNumber": hex(number),
            "transactionIndex": hex(index),
        }
        transaction: dict[str, object] = {
            **place,
            "hash": transaction_hash,
            "type": "0x2",
            "nonce": hex(number),
            "chainId": "0x1",
            "from": sender,
            "to": TOKEN_ADDRESS,
            "gas": "0x186a0",
            "gasPrice": "0x3b9aca00",
            "maxFeePerGas": "0x3b9aca00",
            "maxPriorityFeePerGas": "0x1",
            "value": "0x0",
            "input": f"0xa9059cbb{receiver[2:]:0>64}{amount:064x}",
            "accessList": [],
            "r": f"0x{dice.getrandbits(256):064x}",
            "s": f"0x{dice.getrandbits(256):064x}",
            "v": "0x1",
            "yParity": "0x1",
        }
        log: dict[str, object] = {
            "address": TOKEN_ADDRESS,
            "topics": [_TRANSFER, f"0x{sender[2:]:0>64}", f"0x{receiver[2:]:0>64}"],
            "data": f"0x{amount:064x}",
            **place,
            "blockTimestamp": hex(1_700_000_000),
            "transactionHash": transaction_hash,
            "logIndex": hex(index),
            "removed": False,
        }
        transactions.append(msgspec.Raw(raw(transaction)))
        emitted.append(msgspec.Raw(raw(log)))
    header = {
        "number": hex(number),
        "hash": block_hash,
        "parentHash": f"0x{dice.getrandbits(256):064x}",
        "timestamp": hex(1_700_000_000),
        "logsBloom": "0x" + "00" * 256,
    }
    payload = BlockPayload(
        1, "ethereum", "latest", msgspec.Raw(raw(header)), transactions, emitted, [], []
    )
    return Frame(str(number), RECEIVED, encode_block(payload))


def _frames(payloads: list[dict[str, object]]) -> list[Frame]:
    return [
        Frame(str(number), RECEIVED, msgspec.json.encode(payload))
        for number, payload in enumerate(payloads)
    ]
