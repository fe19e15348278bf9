"""Frames of an EVM chain, as its collector writes them: blocks with gifts of ether, and forks."""

from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.chain_notices import BlockPlace, ReorganisationNotice
from pipeline.evm_payload import BlockPayload, encode_block
from pipeline.frames import Frame, FrameBatch, encode_batch
from tests.detections.clusters.chain_tape import START
from tests.normalizer import blocks as b

SOURCE = "polygon"
SECOND = 10**9
SWAP = (
    "Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1,"
    " uint160 sqrtPriceX96, uint128 liquidity, int24 tick)"
)
SQRT_PRICE = 1_771_595_571_142_957_102_904_975
ETHER = 10**18


class ChainFrames:
    """A chain whose blocks have gifts: from, to, and the sender's nonce."""

    def __init__(self, first: int = 1) -> None:
        self.number = first - 1
        self.branch = "0"
        self._nonces: dict[str, int] = {}
        #: What the nonces were behind each block: a fork takes them back with it.
        self._before: dict[int, dict[str, int]] = {self.number: {}}
        self._first = START // SECOND

    def _hash(self, number: int, branch: str) -> str:
        return f"0x{branch}{number:063x}"

    def block(self, *gifts: tuple[str, str], swaps: Sequence[tuple[str, int]] = ()) -> bytes:
        """The next block, as a message of RAW. ``swaps``: who buys (or sells) how many tokens."""
        return self._message(self.frame(*gifts, swaps=swaps))

    def frame(self, *gifts: tuple[str, str], swaps: Sequence[tuple[str, int]] = ()) -> Frame:
        """The same as a frame."""
        self.number += 1
        logs: list[dict[str, Any]] = []
        parent = self._hash(self.number - 1, self.branch)
        transactions: list[dict[str, Any]] = []
        called = [(signer, b.POOL) for signer, _ in swaps]
        for index, (source, destination) in enumerate([*gifts, *called]):
            nonce = self._nonces.get(source, 0)
            self._nonces[source] = nonce + 1
            transactions.append(
                {
                    "hash": f"0x{self.branch}{self.number:031x}{index:032x}",
                    "from": source,
                    "to": destination,
                    "value": hex(ETHER + index),
                    "nonce": hex(nonce),
                    "input": "0x",
                    "transactionIndex": hex(index),
                }
            )
        self._before[self.number] = dict(self._nonces)
        given = [one["hash"] for one in transactions[: len(gifts)]]
        for index, (signer, tokens) in enumerate(swaps):
            log = b.log(
                SWAP,
                *(b.CAROL, signer, -tokens * 10**18, tokens * 500 * 10**6),
                *(SQRT_PRICE, 10**20, 0),
                address=b.POOL,
                index=index,
            )
            log |= {
                "blockHash": self._hash(self.number, self.branch),
                "transactionHash": transactions[len(gifts) + index]["hash"],
            }
            logs.append(log)
        header = {
            "number": hex(self.number),
            "hash": self._hash(self.number, self.branch),
            "parentHash": parent,
            "timestamp": hex(self._first + self.number),
        }
        payload = BlockPayload(
            chain_id=b.CHAIN,
            network="anvil",
            finality="latest",
            block=msgspec.Raw(msgspec.json.encode(header)),
            transactions=[msgspec.Raw(msgspec.json.encode(one)) for one in transactions],
            logs=[msgspec.Raw(msgspec.json.encode(one)) for one in logs],
            refusals=[],
            receipts=[],
            native_transfers=given,
        )
        position = f"{self.number}:{header['hash']}"
        return Frame(position, self._received(), encode_block(payload))

    def fork(self, depth: int) -> bytes:
        """Leave so many blocks, as a message of RAW."""
        common = self.number - depth
        self._nonces = dict(self._before[common])
        branch = chr(ord(self.branch) + 1)
        notice = ReorganisationNotice(
            chain_id=b.CHAIN,
            network="anvil",
            common=BlockPlace(common, self._hash(common, "0")),
            depth_known=True,
            orphaned=[self._hash(n, self.branch) for n in range(common + 1, self.number + 1)],
            old=BlockPlace(self.number, self._hash(self.number, self.branch)),
            new=BlockPlace(common + 1, self._hash(common + 1, branch)),
            timestamp=self._first + common,
        )
        position = f"fork:{self.number}:{branch}"
        frame = Frame(position, self._received(), msgspec.json.encode(notice), "reorganisation")
        self.number, self.branch = common, branch
        return self._message(frame)

    def _received(self) -> int:
        return (self._first + self.number + 1) * SECOND

    def _message(self, frame: Frame) -> bytes:
        return encode_batch(FrameBatch(SOURCE, "evm", [frame]))
