"""Balances by partition (ERC-1410), as far as the contract's events tell.

Partitions are known by what is issued, redeemed and moved by partition. The reference contract of
ERC-1400 emits `Transfer` and `Issued` as well, which name no partition: they are not counted here.
Where a transfer changes the partition, `ChangedPartition` follows it in the same transaction.
"""

from msgspec import Struct, field

from normalizer.events.chain import (
    ControllerRedemption,
    PartitionChanged,
    PartitionTransfer,
    TokensIssued,
    TokensRedeemed,
)

PartitionRecord = (
    TokensIssued | TokensRedeemed | ControllerRedemption | PartitionTransfer | PartitionChanged
)


class PartitionBook(Struct):
    """Balances by wallet and partition, in the token's smallest unit."""

    balances: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    names: dict[str, str] = field(default_factory=dict[str, str])
    """What partitions are called, where that is printable."""
    newest: PartitionTransfer | None = None
    issued: int = 0
    redeemed: int = 0
    unplaced: int = 0
    """Changes of partition without a transfer that says whose tokens they are."""

    def take(self, event: PartitionRecord) -> None:
        """Take an event, in the order of the chain."""
        amount = int(event.amount_raw)
        if isinstance(event, PartitionTransfer):
            self.newest = event
            self._name(event.partition, event.partition_name)
            self._add(event.source_address, event.partition, -amount)
            self._add(event.destination_address, event.partition, amount)
        elif isinstance(event, PartitionChanged):
            self._changed(event, amount)
        elif event.partition is not None and event.investor_address is not None:
            self._name(event.partition, event.partition_name)
            if isinstance(event, TokensIssued):
                self.issued += amount
                self._add(event.investor_address, event.partition, amount)
            else:
                self.redeemed += amount
                self._add(event.investor_address, event.partition, -amount)

    def _changed(self, event: PartitionChanged, amount: int) -> None:
        self._name(event.partition, event.partition_name)
        self._name(event.new_partition, event.new_partition_name)
        last = self.newest
        if last is None or last.transaction_hash != event.transaction_hash:
            self.unplaced += 1
            return
        self._add(last.destination_address, event.partition, -amount)
        self._add(last.destination_address, event.new_partition, amount)

    def _name(self, partition: str, name: str | None) -> None:
        if name:
            self.names[partition] = name

    def _add(self, wallet: str, partition: str, amount: int) -> None:
        held = self.balances.setdefault(wallet, {})
        held[partition] = held.get(partition, 0) + amount
        if not held[partition]:
            del held[partition]
            if not held:
                del self.balances[wallet]
