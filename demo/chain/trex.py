"""An ERC-3643 security token, Tokeny's T-REX 4.1.6, in the hands of its roles and holders.

Sources: EIP-3643; npm `@tokenysolutions/t-rex` 4.1.6 (`contracts/token/Token.sol`); npm
`@onchain-id/solidity` 2.2.1 (`contracts/factory/IdFactory.sol`). `trex_suite` deploys it.
Amounts are in the token's smallest unit. Functions that change the chain return the transaction's
hash at once; `Ledger.settle` waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from eth_abi.abi import encode
from web3 import Web3
from web3.contract import Contract

from demo.chain.ledger import BATCH_GAS, Ledger

# ISO 3166-1 numeric, which T-REX stores; the facts and the demo speak alpha-2.
COUNTRY_NUMBERS = {
    "AE": 784,
    "CH": 756,
    "DE": 276,
    "FR": 250,
    "GB": 826,
    "JP": 392,
    "LU": 442,
    "NL": 528,
    "SG": 702,
    "US": 840,
}
_ECDSA_SCHEME = 1
_MANAGEMENT_KEY = 1


def claim_topic(name: str) -> int:
    """The number of a claim topic: the keccak hash of its name, as T-REX's own examples do."""
    return int.from_bytes(Web3.keccak(text=name), "big")


KYC_TOPIC = claim_topic("KYC")
ACCREDITED_TOPIC = claim_topic("ACCREDITED_INVESTOR")


class TokenTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the issuer decides; amounts in whole tokens."""

    name: str
    symbol: str
    decimals: int
    allowed_countries: tuple[str, ...]
    """ISO 3166-1 alpha-2. A transfer to a holder elsewhere is refused."""
    max_balance: int
    """What one identity may hold, over all of its wallets."""
    supply_limit: int


class SuiteRoles(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs the suite: addresses that the node can sign for."""

    issuer: str
    """Owns all contracts."""
    agent: str
    """Transfer agent: registers, mints, freezes, forces, recovers."""
    verifier: str
    """Signs the claims about investors and manages their identities."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An address to be registered, a wallet or a contract such as a pool."""

    address: str
    country: str
    shares_identity_of: str | None = None
    """Another registered address of the same investor; None gives an identity of its own."""


class SecurityToken:
    """A deployed suite, and what its roles and holders do with it."""

    def __init__(
        self,
        ledger: Ledger,
        roles: SuiteRoles,
        terms: TokenTerms,
        *,
        token: Contract,
        identity_registry: Contract,
        compliance: Contract,
        identity_factory: Contract,
        claim_issuer: Contract,
    ) -> None:
        self.ledger = ledger
        self.roles = roles
        self.terms = terms
        self.token = token
        self.identity_registry = identity_registry
        self.compliance = compliance
        self._identity_factory = identity_factory
        self._claim_issuer = claim_issuer
        self.identities: dict[str, str] = {}
        """OnchainID by holder's address."""

    @property
    def address(self) -> str:
        return str(self.token.address)

    def units(self, tokens: int) -> int:
        """Whole tokens in the smallest unit."""
        return tokens * 10**self.terms.decimals

    def balance(self, holder: str) -> int:
        return int(self.ledger.ask(self.token, "balanceOf", holder))

    def is_verified(self, holder: str) -> bool:
        """Whether the holder is registered with an identity that has every claim required."""
        return bool(self.ledger.ask(self.identity_registry, "isVerified", holder))

    def can_transfer(self, sender: str, receiver: str, amount: int) -> bool:
        """Whether the compliance modules allow the transfer; verification isn't asked here."""
        return bool(self.ledger.ask(self.compliance, "canTransfer", sender, receiver, amount))

    def onboard(self, holders: Sequence[Holder]) -> None:
        """Give holders identities and claims, and register them with their countries."""
        self._create_identities([one for one in holders if one.shares_identity_of is None])
        for holder in holders:
            if holder.shares_identity_of is not None:
                self.identities[holder.address] = self.identities[holder.shares_identity_of]
        hashes = [
            self._add_claim(self.identities[holder.address], topic)
            for holder in holders
            if holder.shares_identity_of is None
            for topic in (KYC_TOPIC, ACCREDITED_TOPIC)
        ]
        hashes.append(
            self.ledger.send(
                self.identity_registry,
                "batchRegisterIdentity",
                [holder.address for holder in holders],
                [self.identities[holder.address] for holder in holders],
                [COUNTRY_NUMBERS[holder.country] for holder in holders],
                sender=self.roles.agent,
                gas=BATCH_GAS,
            )
        )
        self.ledger.settle(hashes)

    def mint(self, amounts: Sequence[tuple[str, int]]) -> str:
        """Issue tokens to several holders in one transaction."""
        receivers = [receiver for receiver, _ in amounts]
        return self.ledger.send(
            self.token,
            "batchMint",
            receivers,
            [amount for _, amount in amounts],
            sender=self.roles.agent,
            gas=BATCH_GAS,
        )

    def transfer(self, sender: str, receiver: str, amount: int) -> str:
        """A holder's transfer. One that the token refuses is mined as well: status 0, no logs."""
        return self.ledger.send(self.token, "transfer", receiver, amount, sender=sender)

    def approve(self, owner: str, spender: str, amount: int) -> str:
        return self.ledger.send(self.token, "approve", spender, amount, sender=owner)

    def freeze_address(self, holder: str, frozen: bool = True) -> str:
        """Freeze all of a wallet, or release it: `AddressFrozen`."""
        return self._by_agent("setAddressFrozen", holder, frozen)

    def freeze_tokens(self, holder: str, amount: int) -> str:
        """Freeze a part of a balance: `TokensFrozen`."""
        return self._by_agent("freezePartialTokens", holder, amount)

    def unfreeze_tokens(self, holder: str, amount: int) -> str:
        """Release a part of a balance: `TokensUnfrozen`."""
        return self._by_agent("unfreezePartialTokens", holder, amount)

    def forced_transfer(self, sender: str, receiver: str, amount: int) -> str:
        """Move a holder's tokens without asking: `Transfer`, after `TokensUnfrozen` if need be."""
        return self._by_agent("forcedTransfer", sender, receiver, amount)

    def pause(self) -> str:
        return self._by_agent("pause")

    def unpause(self) -> str:
        return self._by_agent("unpause")

    def recover(self, lost: str, replacement: str) -> str:
        """Move all of a lost wallet to a new one of the same investor: `RecoverySuccess`."""
        identity = self.identities[lost]
        contract = self._identity_contract(identity)
        added = self.ledger.send(
            contract,
            "addKey",
            _key(replacement),
            _MANAGEMENT_KEY,
            _ECDSA_SCHEME,
            sender=self.roles.verifier,
        )
        self.ledger.settle([added])
        self.identities[replacement] = identity
        return self._by_agent("recoveryAddress", lost, replacement, identity)

    def _by_agent(self, function: str, *arguments: object) -> str:
        return self.ledger.send(self.token, function, *arguments, sender=self.roles.agent)

    def _identity_contract(self, identity: str) -> Contract:
        artifact = self.ledger.artifacts.onchain_id("contracts/Identity")
        return self.ledger.contract(identity, artifact)

    def _create_identities(self, holders: Sequence[Holder]) -> None:
        # The verifier holds the management key, so that a pool, which can't sign, has claims too.
        hashes = [
            self.ledger.send(
                self._identity_factory,
                "createIdentityWithManagementKeys",
                holder.address,
                holder.address.lower(),
                [_key(self.roles.verifier)],
                sender=self.roles.issuer,
            )
            for holder in holders
        ]
        self.ledger.settle(hashes)
        for holder in holders:
            identity = self.ledger.ask(self._identity_factory, "getIdentity", holder.address)
            self.identities[holder.address] = str(identity)

    def _add_claim(self, identity: str, topic: int) -> str:
        data = b"verified"
        statement = Web3.keccak(encode(["address", "uint256", "bytes"], [identity, topic, data]))
        signature = self.ledger.node.rpc("eth_sign", self.roles.verifier, "0x" + statement.hex())
        return self.ledger.send(
            self._identity_contract(identity),
            "addClaim",
            topic,
            _ECDSA_SCHEME,
            str(self._claim_issuer.address),
            signature,
            data,
            "",
            sender=self.roles.verifier,
        )


def _key(address: str) -> bytes:
    """An address as ERC-734 keeps it: keccak256(abi.encode(address))."""
    return bytes(Web3.keccak(encode(["address"], [address])))
