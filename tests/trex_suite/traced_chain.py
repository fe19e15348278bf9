"""What was called on a chain, told by the node's traces and by nobody who called it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from web3 import Web3
from web3.contract import Contract

from demo.chain.artifacts import Artifact, node_modules
from demo.chain.ledger import Ledger

_PACKAGES = ("@tokenysolutions/t-rex", "@onchain-id/solidity")
#: Programs that the packages test and show their contracts with.
_NOT_OF_THE_SUITE = ("_testContracts/", "Test.sol/")


class Function(NamedTuple):
    """A function that can change the chain, of a contract that can be deployed."""

    contract: str
    signature: str


class Deployable(NamedTuple):
    """A contract of the suite as its package has it."""

    artifact: Artifact
    functions: dict[str, str]
    """Signatures by selector: those that are neither view nor pure."""


def deployables() -> dict[str, Deployable]:
    """All contracts of the suite that can be deployed, by name.

    Compliance features of T-REX 3 can be deployed in the form of their tests only, so these count.
    """
    found: dict[str, Deployable] = {}
    for package in _PACKAGES:
        root = node_modules() / package / "artifacts" / "contracts"
        for path in sorted(root.rglob("*.json")):
            place = path.relative_to(root).as_posix()
            if path.name.endswith(".dbg.json") or place.startswith(_NOT_OF_THE_SUITE):
                continue
            artifact = msgspec.json.decode(path.read_bytes(), type=Artifact)
            if artifact.bytecode != "0x":
                found[artifact.name] = Deployable(artifact, dict(_changing(artifact)))
    return found


def functions(suite: dict[str, Deployable]) -> set[Function]:
    """Every state-changing function of every contract."""
    return {
        Function(name, signature)
        for name, one in suite.items()
        for signature in one.functions.values()
    }


def _changing(artifact: Artifact) -> Iterator[tuple[str, str]]:
    for entry in artifact.abi:
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure"):
            types = ",".join(_type(one) for one in entry["inputs"])
            signature = f"{entry['name']}({types})"
            yield "0x" + Web3.keccak(text=signature)[:4].hex(), signature


def _type(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_type, parameter['components']))}){kind.removeprefix('tuple')}"


class TracedChain:
    """A node's blocks from the first on: what was deployed, and which functions returned."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.suite = deployables()
        self.performed: set[Function] = set()
        self.logs: set[tuple[str, int]] = set()
        """Transaction and place in the block of every log."""
        self.topics: set[str] = set()
        """The first topics of all logs."""
        self._by_code = {
            one.artifact.bytecode: name for name, one in self.suite.items() if one.artifact.abi
        }
        self._names: dict[str, str] = {}
        self._addresses: defaultdict[str, list[str]] = defaultdict(list)
        self._read = 0

    @property
    def created(self) -> list[str]:
        """The addresses of all contracts that were ever made."""
        return list(self._names)

    def made(self, name: str) -> list[str]:
        """Where contracts of this name are, in the order of their making."""
        self.read()
        return self._addresses[name]

    def contract(self, name: str, address: str | None = None) -> Contract:
        """The first contract that was made of this name, or what has its interface elsewhere."""
        place = address or self.made(name)[0]
        return self.ledger.contract(place, self.suite[name].artifact)

    def read(self) -> None:
        """Take the traces and receipts of the blocks that are new."""
        rpc = self.ledger.node.rpc
        height = int(rpc("eth_blockNumber"), 16)
        for number in range(self._read + 1, height + 1):
            for receipt in rpc("eth_getBlockReceipts", hex(number)):
                sent = receipt["transactionHash"]
                for log in receipt["logs"]:
                    self.logs.add((sent, int(log["logIndex"], 16)))
                    self.topics.add(log["topics"][0])
                trace = rpc("debug_traceTransaction", sent, {"tracer": "callTracer"})
                self._follow(trace)
        self._read = height

    def _follow(self, call: dict[str, Any]) -> None:
        if "error" in call:
            return
        address, given = str(call.get("to", "")), str(call["input"])
        if call["type"] in ("CREATE", "CREATE2"):
            name = self._of_code(given)
            self._names[address] = name
            self._addresses[name].append(Web3.to_checksum_address(address))
        elif (one := self.suite.get(self._names.get(address, ""))) is not None:
            signature = one.functions.get(given[:10])
            if signature is not None:
                self.performed.add(Function(one.artifact.name, signature))
        for inner in call.get("calls", ()):
            self._follow(inner)

    def _of_code(self, code: str) -> str:
        return next(
            (name for start, name in self._by_code.items() if code.startswith(start)), "unknown"
        )
