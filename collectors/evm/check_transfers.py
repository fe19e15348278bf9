"""The transfers of watched tokens in one block, done and refused, as far as checks need to know.

Which state a transfer was judged by is that before its transaction. Nodes tell the state before a
block and after it, and those of ``debug_traceCall`` with ``txIndex``, which would tell what is
between, partly ignore it without a word (anvil; erigontech/erigon#11246). So it matters whether
something earlier in the block may have changed what the transfer was judged by: that is
``preceded``.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from collectors.evm.blocks import Log, Transaction
from collectors.evm.calldata import wanted_transfers
from collectors.evm.watched import WatchedToken

ZERO_ADDRESS = "0x" + "0" * 40
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
#: ERC-1410: ``TransferByPartition(bytes32 indexed, address, address indexed, address indexed,
#: uint256, bytes, bytes)``.
_BY_PARTITION = "0xff4e9a26af4eb73b8bacfaa4abd4fea03d9448e7b912dc5ff4019048875aa2d4"
_WORD = 64
#: Transfers of one call that are looked at.
_MOST_IN_CALL = 100


class Move(Struct, frozen=True):
    """A transfer, done or refused. Addresses in lower case, the amount in smallest units."""

    token: str
    source: str
    destination: str
    amount: int
    transaction_hash: str
    #: Of its log; None: refused.
    log_index: int | None
    #: Which of the transfers that a refused call asked for.
    place: int = 0
    preceded: bool = False
    #: ERC-1410: which part of the holding, 32 bytes as hexadecimal with 0x.
    partition: str | None = None
    #: What was given with the call, hexadecimal without 0x: a certificate, mostly.
    data: str = ""
    #: Who called ``transferFrom``, where that was no contract.
    spender: str | None = None


class _Emitted(Struct):
    address: str
    data: str = "0x"


class _Seen(Struct):
    """What has happened to one token in the block so far."""

    parties: set[str] = msgspec.field(default_factory=set[str])
    #: The transaction of its first log that is no move, and whether a registry had a log.
    first_change: str | None = None
    registry_changed: bool = False

    def may_have_changed(self, source: str, destination: str, transaction: str) -> bool:
        """Whether what a transfer of these two is judged by may be another than at first.

        A token's other logs in the same transaction mostly are its own, such as a partition's.
        """
        return (
            self.registry_changed
            or (self.first_change is not None and self.first_change != transaction)
            or source in self.parties
            or destination in self.parties
        )


_emitted = msgspec.json.Decoder(_Emitted)


class MoveReader:
    """Finds the transfers of ``tokens`` in blocks."""

    def __init__(self, tokens: Mapping[str, WatchedToken]) -> None:
        self.tokens = tokens
        #: Tokens whose checks take what is given with a call.
        self.with_data = frozenset(address for address, one in tokens.items() if one.erc_1400)
        #: By registry or compliance contract, the tokens that it is of.
        self.registries: dict[str, list[str]] = {}
        for address, token in tokens.items():
            for part in {token.identity_registry, token.compliance}:
                if part is not None:
                    self.registries.setdefault(part, []).append(address)

    def moves_in(
        self,
        transactions: Sequence[Transaction],
        logs: Sequence[Log],
        failed: Iterable[Transaction],
    ) -> list[Move]:
        """The transfers, in the order of the block. What isn't one is passed over."""
        if not self.tokens:
            return []
        order = {one.hash: place for place, one in enumerate(transactions)}
        refused = sorted(
            (one for one in failed if one.receiver in self.tokens),
            key=lambda one: order.get(one.hash, 0),
        )
        reading = _Reading(self, {one.hash: one for one in transactions})
        emitted = [(log, one) for log in logs if (one := _read(log)) is not None]
        reading.learn_partitions(emitted)
        for log, one in emitted:
            place = order.get(log.transaction_hash, 0)
            while refused and order.get(refused[0].hash, 0) < place:
                reading.refused(refused.pop(0))
            reading.log(log, one)
        for transaction in refused:
            reading.refused(transaction)
        return reading.moves


class _Reading:
    """Goes through a block in its order."""

    def __init__(self, reader: MoveReader, calls: Mapping[str, Transaction]) -> None:
        self._reader = reader
        self._calls = calls
        self._seen: dict[str, _Seen] = {}
        #: By transaction, token, source, destination and amount.
        self._partitions: dict[tuple[str, str, str, str, int], list[str]] = {}
        self._twins: set[tuple[str, str, str, str, int]] = set()
        self.moves: list[Move] = []

    def _seen_of(self, token: str) -> _Seen:
        seen = self._seen.get(token)
        if seen is None:
            seen = self._seen[token] = _Seen()
        return seen

    def learn_partitions(self, emitted: Iterable[tuple[Log, _Emitted]]) -> None:
        """A transfer by partition has two logs, in either order, or only the partition's."""
        for log, one in emitted:
            if one.address not in self._reader.tokens:
                continue
            key = _key(log, one)
            if key is None:
                continue
            if log.topics[0] == _BY_PARTITION:
                self._partitions.setdefault(key, []).append(log.topics[1].lower())
            else:
                self._twins.add(key)

    def log(self, log: Log, one: _Emitted) -> None:
        """Take the next log."""
        for token in self._reader.registries.get(one.address, ()):
            self._seen_of(token).registry_changed = True
        if one.address not in self._reader.tokens:
            return
        seen = self._seen_of(one.address)
        key = _key(log, one)
        topic = log.topics[0] if log.topics else ""
        if key is None:
            if topic == _APPROVAL and len(log.topics) == 3:
                seen.parties.add(_address(log.topics[1]))
            else:
                seen.first_change = seen.first_change or log.transaction_hash
        elif topic == _TRANSFER or key not in self._twins:
            partitions = self._partitions.get(key)
            self._add(log, one.address, seen, key, partitions.pop(0) if partitions else None)

    def _add(
        self,
        log: Log,
        token: str,
        seen: _Seen,
        key: tuple[str, str, str, str, int],
        partition: str | None,
    ) -> None:
        _, _, source, destination, amount = key
        call = self._calls.get(log.transaction_hash)
        data, spender = "", None
        if call is not None and call.receiver == token and token in self._reader.with_data:
            for wanted in wanted_transfers(call.sender, call.data):
                if (wanted.sender, wanted.receiver) == (source, destination):
                    data = wanted.data
                    spender = call.sender if wanted.spends else None
                    break
        self.moves.append(
            Move(
                token,
                source,
                destination,
                amount,
                log.transaction_hash,
                log.index,
                preceded=seen.may_have_changed(source, destination, log.transaction_hash),
                partition=partition,
                data=data,
                spender=spender,
            )
        )
        seen.parties.update((source, destination))

    def refused(self, transaction: Transaction) -> None:
        """Take a call that failed: what it asked for."""
        token = transaction.receiver or ""
        seen = self._seen_of(token)
        wanted = wanted_transfers(transaction.sender, transaction.data)
        for place, one in enumerate(wanted[:_MOST_IN_CALL]):
            if one.sender == ZERO_ADDRESS:
                continue
            self.moves.append(
                Move(
                    token,
                    one.sender,
                    one.receiver,
                    one.amount,
                    transaction.hash,
                    None,
                    place,
                    preceded=seen.may_have_changed(one.sender, one.receiver, transaction.hash),
                    partition=one.partition,
                    data=one.data,
                    spender=transaction.sender if one.spends else None,
                )
            )


def _read(log: Log) -> _Emitted | None:
    try:
        one = _emitted.decode(log.raw)
    except msgspec.MsgspecError:
        return None
    one.address = one.address.lower()
    return one


def _key(log: Log, one: _Emitted) -> tuple[str, str, str, str, int] | None:
    """Transaction, token, source, destination and amount of a transfer's log."""
    topics = log.topics
    try:
        if len(topics) == 3 and topics[0] == _TRANSFER and len(one.data) == 2 + _WORD:
            amount = int(one.data, 16)
        elif len(topics) == 4 and topics[0] == _BY_PARTITION:
            amount = int(one.data[2 + _WORD : 2 + 2 * _WORD], 16)
        else:
            return None
    except ValueError:
        return None
    return log.transaction_hash, one.address, _address(topics[-2]), _address(topics[-1]), amount


def _address(topic: str) -> str:
    return "0x" + topic[-40:].lower()
