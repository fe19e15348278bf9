"""Whoever performs what the suite can do: sends calls that have to succeed."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from web3 import Web3
from web3.contract import Contract

from demo.chain.ledger import BATCH_GAS, Ledger
from demo.chain.trex import SecurityToken
from tests.fixtures.chain import HOLDERS
from tests.trex_suite.traced_chain import TracedChain


class Operator:
    """A token with its suite, its people, and a node that tells what was called."""

    def __init__(self, token: SecurityToken, chain: TracedChain) -> None:
        self.token = token
        self.chain = chain
        self.ledger: Ledger = token.ledger
        self.owner, self.agent = token.roles.issuer, token.roles.agent
        self.verifier = token.roles.verifier
        accounts = self.ledger.accounts
        self.alice, self.bob, self.carol, self.dave = (accounts[one] for one in HOLDERS[:4])
        self._free = list(accounts[13:])

    def do(
        self,
        contract: Contract,
        function: str,
        *arguments: object,
        sender: str | None = None,
        gas: int = 3_000_000,
    ) -> None:
        """A call by the owner, or by somebody else; raises TransactionFailed if it is refused."""
        sent = self.ledger.send(
            contract, function, *arguments, sender=sender or self.owner, gas=gas
        )
        self.ledger.settle([sent])

    def by_agent(self, contract: Contract, function: str, *arguments: object) -> None:
        self.do(contract, function, *arguments, sender=self.agent, gas=BATCH_GAS)

    def deploy(self, name: str, *arguments: object) -> Contract:
        return self.ledger.deploy(self.chain.suite[name].artifact, *arguments, sender=self.owner)

    def module(self, name: str) -> Contract:
        """A compliance module behind its proxy."""
        code = self.deploy(name)
        proxy = self.deploy("ModuleProxy", code.address, code.encode_abi("initialize"))
        return self.chain.contract(name, str(proxy.address))

    def set(self, module: Contract, function: str, *arguments: object) -> None:
        """A call of a module, by way of the compliance contract."""
        data = module.encode_abi(function, args=list(arguments))
        self.do(self.token.compliance, "callModuleFunction", data, module.address)

    def part(self, function: str, name: str) -> Contract:
        """A contract that the identity registry names."""
        address = str(self.ledger.ask(self.token.identity_registry, function))
        return self.chain.contract(name, address)

    def wallet(self) -> str:
        """An account that nobody has used yet."""
        return self._free.pop()

    def signed(self, types: list[str], values: Sequence[object], signer: str) -> str:
        """A signature over the hash of values, as `ecrecover` with Ethereum's prefix takes it."""
        statement = "0x" + Web3.keccak(encode(types, values)).hex()
        return str(self.ledger.node.rpc("eth_sign", signer, statement))


def key(address: str) -> bytes:
    """An address as ERC-734 keeps it."""
    return bytes(Web3.keccak(encode(["address"], [address])))
