"""Where an instruction stands: its block, its transaction, its mint, and what is known of them."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from normalizer.decoders.solana_calls import Call, read_calls
from normalizer.decoders.solana_mint import MintState
from normalizer.decoders.solana_token_instructions import (
    MEMO_PROGRAMS,
    TOKEN_PROGRAMS,
    TokenInstruction,
    read_token_instruction,
)
from normalizer.decoders.solana_wire import Transaction, balances
from normalizer.enrichment import Enrichment, Party
from normalizer.events.chain import ZERO_ADDRESS
from pipeline.chain_ids import chain_number

_LONGEST_MEMO = 4_096


class SlotScope:
    """One block of one cluster, as its events carry it."""

    def __init__(
        self, enrichment: Enrichment, chain: str, block_hash: str, time: int, fields: dict[str, Any]
    ) -> None:
        self.chain_id = chain_number(chain)
        self.tokens = enrichment.chain(self.chain_id, time).tokens
        self._enrichment = enrichment
        self.hash = block_hash
        self.time = time
        self.prefix = f"{self.chain_id}:{block_hash}:"
        #: Attributes of every event of the block.
        self.fields: dict[str, Any] = {
            **fields,
            "chain_id": self.chain_id,
            "chain_name": chain,
        }
        #: The watched mints that the block touches; None where their account could not be read.
        self.mints: dict[str, MintState | None] = {}
        self._of_mint: dict[str, dict[str, Any]] = {}

    def mint_fields(self, mint: str) -> dict[str, Any]:
        """Attributes of every event of one mint in this block."""
        fields = self._of_mint.get(mint)
        if fields is None:
            token = self.tokens.get(mint)
            known = token.fields() if token is not None else {"token_address": mint}
            fields = self._of_mint[mint] = {**self.fields, **known, "contract": mint}
        return fields

    def party(self, wallet: str) -> Party:
        """Who stands behind an address."""
        return self._enrichment.party(wallet, self.time)


class Holding(Struct):
    """A token account as far as a transaction tells of it. ``owner`` None: not told."""

    mint: str
    owner: str | None
    amount: int = 0


class TransactionScope:
    """One transaction: its calls, and what its token accounts hold and whose they are."""

    def __init__(self, block: SlotScope, transaction: Transaction, index: int) -> None:
        """Raises :class:`~normalizer.decoders.unreadable.Unreadable`."""
        self.block = block
        self.signature = transaction.signature
        accounts = transaction.accounts()
        self.calls = read_calls(transaction, accounts)
        self.holdings: dict[str, Holding] = {}
        self.decimals: dict[str, int] = {}
        self._see_balances(transaction, accounts)
        self.related_hash = (self.signature, block.hash)
        self._fields: dict[str, Any] = {
            "transaction_hash": self.signature,
            "transaction_index": index,
            "transaction_from": accounts[0],
            "memo": self._memo(),
            "related_hash": self.related_hash,
        }
        self._tops: dict[int, tuple[str, str | None]] = {}

    def fields(self, call: Call, mint: str) -> dict[str, Any]:
        """Attributes of every event of an instruction."""
        program, method = self._top(call.top)
        return {
            **self.block.mint_fields(mint),
            **self._fields,
            "id": f"{self.block.prefix}{self.signature}:{call.place}",
            "transaction_to": program,
            "transaction_method": method,
            "program": call.program,
            "instruction": call.place,
            "dataset": "tapewatch.solana",
        }

    def owner(self, account: str) -> str:
        """Whose account it is; the account itself where that isn't told."""
        holding = self.holdings.get(account)
        return account if holding is None or holding.owner is None else holding.owner

    def knows_owner(self, account: str) -> bool:
        """Whether it is told whose account it is."""
        return self.owner(account) != account

    def whole(self, amount: int, mint: str) -> float | None:
        """Whole tokens, correctly rounded; None where the decimals are not known."""
        state = self.block.mints.get(mint)
        decimals = self.decimals.get(mint, None if state is None else state.decimals)
        return None if decimals is None else amount / 10**decimals

    def _top(self, number: int) -> tuple[str, str | None]:
        """Program and name of a top-level instruction."""
        found = self._tops.get(number)
        if found is None:
            call = next(call for call in self.calls if call.top == number)
            read: TokenInstruction | None = None
            if call.program in TOKEN_PROGRAMS:
                try:
                    read = read_token_instruction(call.data, call.accounts)
                except ValueError:
                    read = None  # its own turn says what is wrong with it
            found = self._tops[number] = (call.program, read.name if read else None)
        return found

    def _see_balances(self, transaction: Transaction, accounts: Sequence[str]) -> None:
        meta = transaction.meta
        before = balances(meta.pre_token_balances)
        for balance in (*before, *balances(meta.post_token_balances)):
            if balance.account_index >= len(accounts):
                continue
            account = accounts[balance.account_index]
            self.decimals.setdefault(balance.mint, balance.ui_token_amount.decimals)
            # What is after the transaction counts only for accounts that are new.
            self.holdings.setdefault(
                account,
                Holding(balance.mint, balance.owner, int(balance.ui_token_amount.amount)),
            )

    def _memo(self) -> str | None:
        memos = [
            call.data[:_LONGEST_MEMO].decode(errors="replace")
            for call in self.calls
            if call.program in MEMO_PROGRAMS
        ]
        return "\n".join(memos)[:_LONGEST_MEMO] or None


def party_fields(scope: SlotScope, wallet: str) -> dict[str, Any]:
    """A wallet as the party of an event."""
    party = scope.party(wallet)
    return {
        "investor_address": wallet,
        "investor_id": party.id,
        "investor_jurisdiction": party.jurisdiction,
        "investor_accreditation": party.accreditation,
        "investor_cluster": party.cluster,
        "investor_labels": party.labels,
    }


def both_fields(scope: SlotScope, source: str, destination: str) -> dict[str, Any]:
    """Wallets as source and destination, with who stands behind them."""
    sender, receiver = scope.party(source), scope.party(destination)
    return {
        "source_address": source,
        "source_investor": sender.id,
        "source_jurisdiction": sender.jurisdiction,
        "source_accreditation": sender.accreditation,
        "source_cluster": sender.cluster,
        "source_labels": sender.labels,
        "destination_address": destination,
        "destination_investor": receiver.id,
        "destination_jurisdiction": receiver.jurisdiction,
        "destination_accreditation": receiver.accreditation,
        "destination_cluster": receiver.cluster,
        "destination_labels": receiver.labels,
    }


def related(*users: str | None) -> tuple[str, ...]:
    """Addresses and ids, each once, without nobody."""
    return tuple(dict.fromkeys([user for user in users if user and user != ZERO_ADDRESS]))
