"""Where a log stands: its block, its transaction, its contract, and what is known of them."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from normalizer.decoders.blank import blank
from normalizer.decoders.evm_wire import Transaction, address, hash32, quantity
from normalizer.enrichment import NOBODY, ChainReference, Enrichment, Party, TokenInfo, party_at
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer
from normalizer.signatures import KNOWN_FUNCTIONS
from pipeline.evm_payload import FeedPlace


class Call(Struct, gc=False):
    """A transaction: who called what. All but the hash is None where the frame doesn't have it."""

    hash: str
    sender: str | None = None
    to: str | None = None
    #: First four bytes of the input, where there are as many.
    selector: str | None = None
    input: str = "0x"
    index: int | None = None
    nonce: int | None = None
    method: str | None = None
    #: Hashes that its events are found by: its own and the block's.
    related: tuple[str, ...] = ()
    #: Selectors that an inner call may have, of those looked for; None before they were looked for.
    inner: tuple[str, ...] | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """Attributes of every event of the transaction."""
        return {
            "transaction_hash": self.hash,
            "transaction_index": self.index,
            "transaction_from": self.sender,
            "transaction_nonce": self.nonce,
            "transaction_to": self.to,
            "transaction_method": self.method,
            "related_hash": self.related,
        }


class BlockScope:
    """One block of one chain, as its events carry it."""

    def __init__(self, enrichment: Enrichment, chain_id: int, block_hash: str, time: int) -> None:
        self.chain: ChainReference = enrichment.chain(chain_id, time)
        self.parties = enrichment.parties
        self.chain_id = chain_id
        self.hash = block_hash
        self.time = time
        self.prefix = f"{chain_id}:{block_hash}:"
        #: Attributes of every event of the block.
        self.fields: dict[str, Any] = {}
        #: Whether a log of the block tells a pair's reserves, and whether one tells a flash loan.
        self.tells_reserves = False
        self.tells_loans = False
        #: By aggregator, the proxy before it, as the collector asked it.
        self.feed_places: dict[str, FeedPlace] = {}
        self._calls: dict[str, Call] = {}
        self._contracts: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, TokenInfo | None] = {}
        self._transfers: dict[str, Callable[[], TokenTransfer]] = {}

    def add_call(self, transaction: Transaction) -> Call:
        """Take a transaction of the block. Raises ``Unreadable``."""
        call_hash = hash32(transaction.hash, "hash")
        sender = address(transaction.sender, "from")
        to = None if transaction.to is None else address(transaction.to, "to")
        selector = transaction.input[:10].lower() if len(transaction.input) >= 10 else None
        function = KNOWN_FUNCTIONS.get(selector or "")
        index, nonce = transaction.index, transaction.nonce
        call = Call(
            call_hash,
            sender,
            to,
            selector,
            transaction.input,
            None if index is None else quantity(index, "transactionIndex"),
            None if nonce is None else quantity(nonce, "nonce"),
            function.name if function else selector,
            (call_hash, self.hash),
        )
        self._calls[call_hash] = call
        return call

    def call(self, text: str) -> Call:
        """The transaction of this hash; without details where the frame doesn't have it.

        Raises ``Unreadable`` for what is no hash.
        """
        call = self._calls.get(text)
        if call is None and (call := self._calls.get(hash32(text, "transactionHash"))) is None:
            call_hash = text.lower()
            call = self._calls[call_hash] = Call(call_hash, related=(call_hash, self.hash))
        return call

    def token_of(self, contract: str) -> TokenInfo | None:
        """The token that a contract is, or is a part of."""
        try:
            return self._tokens[contract]
        except KeyError:
            pass
        chain = self.chain
        token = chain.tokens.get(contract) or chain.suite.get(contract)
        if token is None:
            place = self.feed_places.get(contract)
            priced = chain.pools.get(contract) or chain.price_feeds.get(
                contract if place is None else place.proxy
            )
            token = None if priced is None else priced.token
        self._tokens[contract] = token
        return token

    def contract_fields(self, contract: str) -> dict[str, Any]:
        """Attributes of every event of one contract in this block."""
        fields = self._contracts.get(contract)
        if fields is None:
            token = self.token_of(contract)
            fields = {**self.fields, "contract": contract}
            if token is not None:
                fields |= token.fields()
            self._contracts[contract] = fields
        return fields

    def has_shares(self, contract: str) -> bool:
        """Whether what a contract moves as a token are shares in a pool."""
        return contract in self.chain.pools and contract not in self.chain.tokens

    def new_transfer(self, contract: str) -> TokenTransfer:
        """A transfer of a token, with what all its transfers in this block have in common.

        A pool that is a token itself (Uniswap v2, Curve) moves shares in the pool, which aren't
        the token that is traded there.
        """
        make = self._transfers.get(contract)
        if make is None:
            fields: dict[str, Any] = self.contract_fields(contract)
            if self.has_shares(contract):
                fields = {**self.fields, "contract": contract, "tags": ("pool-share",)}
            make = self._transfers[contract] = blank(
                TokenTransfer(
                    **fields,
                    id="",
                    source_address="",
                    destination_address="",
                    amount_raw="",
                )
            )
        return make()

    def party(self, wallet: str) -> Party:
        """Who stands behind an address."""
        return party_at(self.parties.get(wallet, NOBODY), self.time)


class LogScope:
    """One log with its block and transaction."""

    __slots__ = ("block", "call", "contract", "index")

    def __init__(self, block: BlockScope, call: Call, contract: str, index: int) -> None:
        self.block = block
        self.call = call
        self.contract = contract
        self.index = index

    @property
    def id(self) -> str:
        """The event's identity."""
        return f"{self.block.prefix}{self.call.hash}:{self.index}"

    @property
    def fields(self) -> dict[str, Any]:
        """Attributes of the log's event, whatever it is."""
        return {
            **self.block.contract_fields(self.contract),
            **self.call.fields,
            "id": self.id,
            "log_index": self.index,
        }

    @property
    def token(self) -> TokenInfo | None:
        """The token that the log's contract is or belongs to."""
        return self.block.token_of(self.contract)

    @property
    def direct_caller(self) -> str | None:
        """Who called the log's contract without another contract between."""
        return self.call.sender if self.call.to == self.contract else None

    def about(self, wallet: str, *others: str | None) -> dict[str, Any]:
        """The fields, with ``wallet`` as the party and the others among those related."""
        party = self.block.party(wallet)
        return (
            self.fields
            | party_fields(wallet, party)
            | {"related_user": related(wallet, *others, party.id)}
        )


def party_fields(wallet: str, party: Party) -> dict[str, Any]:
    """The investor behind an event."""
    return {
        "investor_address": wallet,
        "investor_id": party.id,
        "investor_jurisdiction": party.jurisdiction,
        "investor_accreditation": party.accreditation,
        "investor_cluster": party.cluster,
        "investor_labels": party.labels,
    }


def both_parties(source: Party, destination: Party) -> dict[str, Any]:
    """The investors behind both ends of a transfer."""
    return {
        "source_investor": source.id,
        "source_jurisdiction": source.jurisdiction,
        "source_accreditation": source.accreditation,
        "source_cluster": source.cluster,
        "source_labels": source.labels,
        "destination_investor": destination.id,
        "destination_jurisdiction": destination.jurisdiction,
        "destination_accreditation": destination.accreditation,
        "destination_cluster": destination.cluster,
        "destination_labels": destination.labels,
    }


def related(*users: str | None) -> tuple[str, ...]:
    """Addresses and ids, each once, without the zero address."""
    return tuple(dict.fromkeys([user for user in users if user and user != ZERO_ADDRESS]))


def whole(amount: int, token: TokenInfo | None) -> float | None:
    """Whole tokens, correctly rounded; None where the decimals are not known."""
    return None if token is None else amount / token.unit
