"""The whole cap table of one token contract, from its events: what `tapewatch cap-table` shows.

Balances are exact sums of what came and went. With events from the first issue on they are what the
contract's `balanceOf` says; from later on they are the change since, and may be below zero. A
contract that speaks ERC-1410 and not ERC-20 is counted by its partitions.
"""

from collections import deque

from msgspec import Struct, field

from detections.cap_table.lot_book import LotBook, Room, move
from detections.cap_table.lots import UNKNOWN, Lot
from detections.cap_table.partitions import PartitionBook
from normalizer.events import Record
from normalizer.events.chain import (
    ZERO_ADDRESS,
    ChainEvent,
    ControllerRedemption,
    PartitionChanged,
    PartitionTransfer,
    TokensFrozen,
    TokensIssued,
    TokensRedeemed,
    TokensUnfrozen,
    TokenTransfer,
    WalletFrozen,
    WalletRecovered,
    WalletUnfrozen,
)
from normalizer.events.chain_state import ChainReorganised

#: The records that change a cap table.
RECORDS = (
    TokenTransfer,
    WalletFrozen,
    WalletUnfrozen,
    TokensFrozen,
    TokensUnfrozen,
    WalletRecovered,
    TokensIssued,
    TokensRedeemed,
    ControllerRedemption,
    PartitionTransfer,
    PartitionChanged,
)
Change = (
    TokenTransfer
    | WalletFrozen
    | WalletUnfrozen
    | TokensFrozen
    | TokensUnfrozen
    | WalletRecovered
    | TokensIssued
    | TokensRedeemed
    | ControllerRedemption
    | PartitionTransfer
    | PartitionChanged
)
#: Blocks that a reorganisation may still take back; older events are final here.
REVERSIBLE_BLOCKS = 4_096


class Holder(Struct):
    """A wallet, with what the reference data said of it at its newest transfer."""

    balance: int = 0
    investor: str | None = None
    jurisdiction: str | None = None
    accreditation: str | None = None
    cluster: str | None = None
    labels: tuple[str, ...] = ()
    frozen: bool = False
    """The whole wallet is."""
    frozen_amount: int = 0
    """A part of its tokens is."""


class Recovery(Struct, frozen=True):
    """A lost wallet's tokens went to a new one."""

    timestamp: int
    block: int
    lost: str
    replacement: str
    transaction: str | None


class CapTable(Struct):
    """A contract's holders at a block. Amounts are in the token's smallest unit."""

    chain_id: int
    contract: str
    room: Room = Room()
    token_id: str | None = None
    symbol: str | None = None
    decimals: int | None = None
    """As far as the events' amounts tell."""
    block: int | None = None
    """That of the newest event."""
    timestamp: int | None = None
    holders: dict[str, Holder] = field(default_factory=dict[str, Holder])
    supply: int = 0
    issued: int = 0
    burned: int = 0
    recoveries: list[Recovery] = field(default_factory=list[Recovery])
    book: LotBook = field(default_factory=LotBook)
    partitions: PartitionBook = field(default_factory=PartitionBook)
    transfers: int = 0
    deep_forks: int = 0
    """Reorganisations that took back more than is still known."""
    _waiting: deque[Change] = field(default_factory=deque[Change])

    def take(self, event: Change) -> None:
        """Take an event of the contract, in the order of the chain."""
        self._waiting.append(event)
        final = event.block_number - REVERSIBLE_BLOCKS
        while self._waiting and self._waiting[0].block_number <= final:
            self._apply(self._waiting.popleft())

    def take_back(self, fork: ChainReorganised) -> list[Change]:
        """The chain left a branch: forget what came above the common block, and return it."""
        common = fork.common_number
        orphaned = [one for one in self._waiting if one.block_number > common]
        self._waiting = deque([one for one in self._waiting if one.block_number <= common])
        if self.block is not None and self.block > fork.common_number:
            self.deep_forks += 1
        return orphaned

    def finish(self) -> None:
        """Take what waits, since no more events come."""
        while self._waiting:
            self._apply(self._waiting.popleft())
        if self.by_partitions:
            self._add_up_partitions()

    def lots(self, wallet: str) -> list[Lot]:
        """A wallet's lots, the first to leave first."""
        purse = self.book.purses.get(wallet)
        return [] if purse is None else purse.lots

    @property
    def by_partitions(self) -> bool:
        """Whether balances are sums over partitions, since there was no ERC-20 `Transfer`."""
        return not self.transfers and bool(self.partitions.balances)

    @property
    def unplaced(self) -> int:
        """Wallets of whose tokens not all partitions are known, where any are."""
        known = self.partitions.balances
        if not known:
            return 0
        return sum(
            one.balance != sum(known.get(wallet, {}).values())
            for wallet, one in self.holders.items()
        )

    @property
    def holding(self) -> dict[str, Holder]:
        """Wallets with a balance, the largest first."""
        found = [(wallet, one) for wallet, one in self.holders.items() if one.balance]
        return dict(sorted(found, key=lambda pair: (-pair[1].balance, pair[0])))

    def _apply(self, event: Change) -> None:
        self.block, self.timestamp = event.block_number, event.timestamp
        self.token_id = event.token_id or self.token_id
        self.symbol = event.token_symbol or self.symbol
        match event:
            case TokenTransfer():
                self._moved(event)
            case WalletFrozen() | WalletUnfrozen():
                self._party(event).frozen = isinstance(event, WalletFrozen)
            case TokensFrozen():
                self._party(event).frozen_amount += int(event.amount_raw)
            case TokensUnfrozen():
                self._party(event).frozen_amount -= int(event.amount_raw)
            case WalletRecovered():
                self.recoveries.append(
                    Recovery(
                        event.timestamp,
                        event.block_number,
                        event.investor_address or "",
                        event.new_wallet,
                        event.transaction_hash,
                    )
                )
            case _:
                self.partitions.take(event)

    def _party(self, event: ChainEvent) -> Holder:
        return self._holder(event.investor_address or "")

    def _holder(self, wallet: str) -> Holder:
        holder = self.holders.get(wallet)
        if holder is None:
            holder = self.holders[wallet] = Holder()
        return holder

    def _moved(self, event: TokenTransfer) -> None:
        amount = int(event.amount_raw)
        self.transfers += 1
        if self.decimals is None and event.amount:
            self.decimals = max(0, len(str(round(amount / event.amount))) - 1)
        source, destination = event.source_address, event.destination_address
        if source == ZERO_ADDRESS:
            self.issued += amount
            self.supply += amount
        else:
            holder = self._holder(source)
            holder.balance -= amount
            holder.investor = event.source_investor or holder.investor
            holder.jurisdiction = event.source_jurisdiction or holder.jurisdiction
            holder.accreditation = event.source_accreditation or holder.accreditation
            holder.cluster = event.source_cluster or holder.cluster
            holder.labels = event.source_labels
        if destination == ZERO_ADDRESS:
            self.burned += amount
            self.supply -= amount
        else:
            holder = self._holder(destination)
            holder.balance += amount
            holder.investor = event.destination_investor or holder.investor
            holder.jurisdiction = event.destination_jurisdiction or holder.jurisdiction
            holder.accreditation = event.destination_accreditation or holder.accreditation
            holder.cluster = event.destination_cluster or holder.cluster
            holder.labels = event.destination_labels
        move(self.book, event, UNKNOWN, room=self.room)

    def _add_up_partitions(self) -> None:
        balances = self.partitions.balances
        for wallet in {*self.holders, *balances}:
            self._holder(wallet).balance = sum(balances.get(wallet, {}).values())
        self.issued, self.burned = self.partitions.issued, self.partitions.redeemed
        self.supply = self.issued - self.burned


def change_of(record: Record | None) -> Change | None:
    """The record, if it changes a cap table."""
    return record if isinstance(record, RECORDS) else None
